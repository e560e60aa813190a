//! One connected peer: who it is, what it may do, and which maps it follows.

use crate::commands::Args;
use crate::commands::table::Spec;
use messenger::auth::PeerCaps;
use messenger::caps::{MonAccess, MonCaps};
use messenger::messages::SubscribeItem;
use messenger::table::PeerInfo;
use std::collections::BTreeMap;
use types::{EntityKind, OsdId};

/// What the capabilities of a ticket or of the key database grant. Text that cannot be read grants
/// nothing.
pub fn parse_caps(caps: &PeerCaps) -> MonCaps {
    if caps.allow_all {
        return MonCaps::allow_all();
    }
    MonCaps::parse(&caps.text).unwrap_or_default()
}

pub struct Session {
    pub peer: PeerInfo,
    pub caps: MonCaps,
    /// What the peer follows: name of the map -> the first version that it lacks.
    pub subscriptions: BTreeMap<String, SubscribeItem>,
    /// The options that were sent last.
    pub config_sent: Option<BTreeMap<String, String>>,
}

impl Session {
    /// Whether the peer may give this command: its module and permission, its words and arguments.
    pub fn may_run(&self, spec: &Spec, args: &Args) -> bool {
        let arguments = args.for_caps();
        self.allows(spec.module, args.prefix(), &arguments, spec.perm)
    }

    /// Whether the peer may change what a service (`osd`, `log`) keeps, by messages that are no
    /// commands.
    pub fn may_write(&self, service: &str) -> bool {
        self.allows(service, "", &BTreeMap::new(), "w")
    }

    /// `rwx` has the letters of what is wanted.
    fn allows(
        &self,
        service: &str,
        command: &str,
        args: &BTreeMap<String, String>,
        rwx: &str,
    ) -> bool {
        self.caps.allows(&MonAccess {
            name: &self.peer.auth_name,
            service,
            command,
            args,
            read: rwx.contains('r'),
            write: rwx.contains('w'),
            exec: rwx.contains('x'),
            // What the socket says: a client's own idea of its address proves nothing.
            addr: Some(self.peer.socket.ip()),
        })
    }

    pub fn kind(&self) -> EntityKind {
        EntityKind::from_u32(self.peer.name.kind as u32).unwrap_or(EntityKind::Client)
    }

    /// The OSD at the other end, if it is one.
    pub fn osd(&self) -> Option<OsdId> {
        let id = u32::try_from(self.peer.name.num).ok()?;
        (self.kind() == EntityKind::Osd).then_some(OsdId(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::table;
    use messenger::auth::AuthName;

    /// Whether a peer with this capability, at 10.1.2.3, may give the command.
    fn allows(text: &str, command: &str) -> bool {
        let args = Args::parse(&[command.to_owned()]).expect("one object");
        let spec = table::find(args.prefix(), |name| args.has(name)).expect("a known command");
        session(text).may_run(spec, &args)
    }
    fn session(text: &str) -> Session {
        let caps = PeerCaps { allow_all: false, text: text.to_owned() };
        Session {
            caps: parse_caps(&caps),
            peer: peer(caps),
            subscriptions: BTreeMap::new(),
            config_sent: None,
        }
    }

    #[test]
    fn capabilities_open_what_they_name() {
        for (caps, prefix, ok) in [
            ("allow *", "auth get-or-create", true),
            ("allow r", "osd dump", true),
            ("allow r", "osd pool create", false),
            ("allow r", "auth ls", false),
            ("allow rw", "osd pool create", true),
            ("profile rbd", "osd dump", true),
            ("profile rbd", "osd pool delete", false),
            ("allow service osd rw", "osd pool create", true),
            ("allow service osd rw", "mon dump", false),
            ("allow command \"osd dump\"", "osd dump", true),
            ("allow command=\"osd dump\"", "osd tree", false),
            ("allow rw network 10.1.0.0/16", "osd pool create", true),
            ("allow rw network 10.2.0.0/16", "osd pool create", false),
            ("allow * network 10.2.0.0/16", "osd dump", false),
            ("", "osd dump", false),
            ("nonsense", "osd dump", false),
            ("allow r, nonsense", "osd dump", false),
        ] {
            let command = format!(r#"{{"prefix":"{prefix}"}}"#);
            assert_eq!(allows(caps, &command), ok, "{caps:?} {prefix}");
        }
    }

    #[test]
    fn capabilities_hold_for_the_arguments_that_they_name() {
        let create = "allow command \"osd pool create\" with pool prefix test-";
        let pool = |name| format!(r#"{{"prefix":"osd pool create","pool":"{name}","pg_num":8}}"#);
        assert!(allows(create, &pool("test-1")));
        assert!(!allows(create, &pool("other")));
        let number = "allow command 'osd pool create' with pg_num=8";
        assert!(allows(number, &pool("x")));
        let list = "allow command 'osd out' with ids '[1,2]'";
        assert!(!allows(list, r#"{"prefix":"osd out","ids":["1","2"]}"#), "no such clause");
        let list = "allow command 'osd out' with ids='[1,2]'";
        assert!(allows(list, r#"{"prefix":"osd out","ids":["1","2"]}"#));
        let rbd = |caps: &str| {
            format!(r#"{{"prefix":"auth get-or-create","entity":"client.a","caps":{caps}}}"#)
        };
        let caps = r#"["mon","profile rbd","osd","profile rbd pool=p"]"#;
        assert!(allows("profile bootstrap-rbd", &rbd(caps)));
        assert!(!allows("profile bootstrap-rbd", &rbd(r#"["mon","allow *"]"#)));
        let block = |op: &str| {
            format!(r#"{{"prefix":"osd blocklist","blocklistop":"{op}","addr":"10.0.0.1:0/7"}}"#)
        };
        assert!(allows("profile rbd", &block("add")));
        assert!(!allows("profile rbd", &block("rm")));
    }

    #[test]
    fn messages_need_write_permission() {
        assert!(session("allow profile osd").may_write("log"));
        assert!(session("allow service osd w").may_write("osd"));
        assert!(!session("allow r").may_write("osd"));
        assert!(!session("allow command \"osd pool create\"").may_write("osd"));
        let all = PeerCaps { allow_all: true, text: String::new() };
        assert!(parse_caps(&all).is_allow_all());
    }

    fn peer(caps: PeerCaps) -> PeerInfo {
        PeerInfo {
            name: types::EntityName::new(EntityKind::Client, 4100),
            auth_name: AuthName::new(EntityKind::Client, "a"),
            global_id: 4100,
            caps,
            addrs: types::EntityAddrVec::default(),
            socket: "10.1.2.3:4567".parse().expect("an address"),
            features: 0,
            method: messenger::auth::AuthMethod::Cephx,
            mode: messenger::auth::Mode::Secure,
            challenge: 0,
            policy: messenger::table::Policy::Lossy,
            accepted: true,
        }
    }
}
