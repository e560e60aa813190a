//! What a session may ask of the monitor: its monitor capability, `allow r`, `allow *`,
//! `profile osd`, `allow service osd rw`, `allow command "osd dump"` (Ceph
//! doc/rados/operations/user-management.rst).

use crate::commands::Args;
use crate::commands::table::Spec;
use messenger::auth::PeerCaps;

const R: u8 = 1;
const W: u8 = 2;
const X: u8 = 4;
const ALL: u8 = 8 | R | W | X;

/// One clause of a capability.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Grant {
    Any(u8),
    Service(String, u8),
    Command(String),
}

/// A parsed monitor capability.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    grants: Vec<Grant>,
}

impl Access {
    /// Clauses that cannot be read grant nothing.
    pub fn parse(caps: &PeerCaps) -> Self {
        if caps.allow_all {
            return Self { grants: vec![Grant::Any(ALL)] };
        }
        Self { grants: parse(&caps.text).unwrap_or_default() }
    }

    /// Whether the whole text can be read; if not, from where on not.
    pub fn check(text: &str) -> Result<(), String> {
        parse(text).map(|_| ()).ok_or_else(|| text.trim().to_owned())
    }

    pub fn allows(&self, spec: &Spec, args: &Args) -> bool {
        let wanted = spec.perm.bytes().fold(0, |bits, c| {
            bits | match c {
                b'r' => R,
                b'w' => W,
                _ => X,
            }
        });
        self.grants.iter().any(|grant| match grant {
            Grant::Any(bits) => bits & wanted == wanted,
            Grant::Service(service, bits) => service == spec.module && bits & wanted == wanted,
            Grant::Command(prefix) => prefix == args.prefix(),
        })
    }

    pub fn may_write(&self, service: &str) -> bool {
        self.grants.iter().any(|grant| match grant {
            Grant::Any(bits) => bits & W != 0,
            Grant::Service(s, bits) => s == service && bits & W != 0,
            Grant::Command(_) => false,
        })
    }
}

fn bits(text: &str) -> Option<u8> {
    if matches!(text, "*" | "all") {
        return Some(ALL);
    }
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0, |bits, c| {
        Some(
            bits | match c {
                b'r' => R,
                b'w' => W,
                b'x' => X,
                _ => return None,
            },
        )
    })
}

/// Words; quotes hold several together.
fn words(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, ' ' | '\t' | '\n' | '=') => out.push(String::new()),
            (_, c) => out.last_mut().expect("one word at least").push(c),
        }
    }
    out.retain(|w| !w.is_empty());
    out
}

fn parse(text: &str) -> Option<Vec<Grant>> {
    let mut grants = Vec::new();
    for clause in text.split([',', ';']).map(str::trim).filter(|c| !c.is_empty()) {
        let words = words(clause);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let words = match words.as_slice() {
            ["allow", rest @ ..] if !rest.is_empty() => rest,
            ["profile", ..] => &words[..],
            _ => return None,
        };
        match words {
            ["profile", name, ..] => grants.extend(profile(name)?),
            ["service", service, access, ..] => {
                grants.push(Grant::Service((*service).to_owned(), bits(access)?));
            }
            ["command", prefix, ..] => grants.push(Grant::Command((*prefix).to_owned())),
            [access] => grants.push(Grant::Any(bits(access)?)),
            [access, "network", _] => grants.push(Grant::Any(bits(access)?)),
            _ => return None,
        }
    }
    Some(grants)
}

fn profile(name: &str) -> Option<Vec<Grant>> {
    let service = |names: &[&str], access: u8| -> Vec<Grant> {
        names.iter().map(|n| Grant::Service((*n).to_owned(), access)).collect()
    };
    let command = |names: &[&str]| -> Vec<Grant> {
        names.iter().map(|n| Grant::Command((*n).to_owned())).collect()
    };
    Some(match name {
        "osd" => {
            let mut grants = service(&["osd", "log"], R | W | X);
            grants.extend(service(&["mon", "pg", "config-key"], R));
            grants
        }
        "mon" => service(&["mon", "osd", "auth", "log", "pg"], ALL),
        "mgr" => vec![Grant::Any(ALL)],
        "mds" => {
            let mut grants = service(&["mon", "osd"], R);
            grants.extend(service(&["mds", "log"], R | W));
            grants.extend(command(&["osd blocklist"]));
            grants
        }
        "rbd" | "rbd-mirror" | "rbd-mirror-peer" => {
            let mut grants = service(&["mon", "osd", "pg"], R);
            grants.extend(command(&["osd blocklist"]));
            grants
        }
        "rbd-read-only" | "read-only" | "simple-rados-client" => service(&["mon", "osd", "pg"], R),
        "read-write" => service(&["mon", "osd", "pg"], R | W),
        "simple-rados-client-with-blocklist" => {
            let mut grants = service(&["mon", "osd", "pg"], R);
            grants.extend(command(&["osd blocklist"]));
            grants
        }
        "fs-client" => service(&["mon", "mds", "osd", "pg"], R),
        "bootstrap-osd" => {
            let mut grants = command(&["osd create", "osd new", "osd purge-new", "mon getmap"]);
            grants.extend(service(&["osd", "mon"], R));
            grants
        }
        "bootstrap-mds"
        | "bootstrap-mgr"
        | "bootstrap-rgw"
        | "bootstrap-rbd"
        | "bootstrap-rbd-mirror" => command(&["auth get-or-create", "mon getmap"]),
        "role-definer" => service(&["auth"], ALL),
        "crash" => Vec::new(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::table;

    fn access(text: &str) -> Access {
        Access::parse(&PeerCaps { allow_all: false, text: text.into() })
    }
    fn allows(text: &str, prefix: &str) -> bool {
        let args = Args::parse(&[format!(r#"{{"prefix":"{prefix}"}}"#)]).unwrap();
        access(text).allows(table::find(prefix, |_| false).unwrap(), &args)
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
            ("allow profile rbd", "osd blocklist", true),
            ("profile rbd", "osd pool delete", false),
            ("allow service osd rw", "osd pool create", true),
            ("allow service osd rw", "mon dump", false),
            ("allow command \"osd dump\"", "osd dump", true),
            ("allow command=\"osd dump\"", "osd tree", false),
            ("", "osd dump", false),
            ("nonsense", "osd dump", false),
        ] {
            assert_eq!(allows(caps, prefix), ok, "{caps:?} {prefix}");
        }
        assert!(access("allow profile osd").may_write("log"));
        assert!(Access::check("alow r").is_err());
    }
}
