//! Capabilities at monitors: per service, per command with its arguments, or by profile.

use super::{CapsError, Cursor, Network, network_allows};
use crate::auth::AuthName;
use std::collections::BTreeMap;
use std::net::IpAddr;

const R: u8 = 1;
const W: u8 = 2;
const X: u8 = 4;
/// Everything that a service knows.
const ALL: u8 = R | W | X;
/// `*`: everything there is, also where ALL is not enough.
const ANY: u8 = 0xff;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Constraint {
    Equal(String),
    Prefix(String),
    /// POSIX extended; must match the whole argument.
    Regex(String),
}
impl Constraint {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Equal(wanted) => wanted == value,
            Self::Prefix(wanted) => value.starts_with(wanted),
            Self::Regex(pattern) => regex_lite::Regex::new(&format!("^(?:{pattern})$"))
                .is_ok_and(|regex| regex.is_match(value)),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Scope {
    Everything,
    Service(String),
    Command { command: String, args: BTreeMap<String, Constraint> },
    Profile(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    scope: Scope,
    allow: u8,
    network: Option<Network>,
}

/// What somebody wants of a monitor.
#[derive(Debug, Clone, Copy)]
pub struct MonAccess<'a> {
    /// The principal: profiles of daemons give each its own keys.
    pub name: &'a AuthName,
    /// `mon`, `osd`, `auth`, `config`, `config-key`, `log`, `mgr`, `pg` ...
    pub service: &'a str,
    /// The command's prefix, `osd pool create`; empty for other messages.
    pub command: &'a str,
    pub args: &'a BTreeMap<String, String>,
    pub read: bool,
    pub write: bool,
    pub exec: bool,
    pub addr: Option<IpAddr>,
}

/// Parsed capabilities of one principal at monitors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MonCaps {
    grants: Vec<Grant>,
}

impl MonCaps {
    pub fn allow_all() -> Self {
        let grant = Grant { scope: Scope::Everything, allow: ANY, network: None };
        Self { grants: vec![grant] }
    }

    /// Reads `allow *`, `allow rw, allow command "osd blocklist"`, `profile rbd` and so on.
    pub fn parse(text: &str) -> Result<Self, CapsError> {
        let mut c = Cursor::new(text);
        let mut grants = Vec::new();
        loop {
            grants.push(grant(&mut c).ok_or(CapsError { at: c.at })?);
            c.skip_spaces();
            if c.is_empty() {
                return Ok(Self { grants });
            }
            if !c.eat(";") && !c.eat(",") {
                return Err(CapsError { at: c.at });
            }
        }
    }

    /// `allow *` is among the grants, for everywhere.
    pub fn is_allow_all(&self) -> bool {
        self.grants.iter().any(|g| g.is_allow_all() && g.network.is_none())
    }

    pub fn allows(&self, access: &MonAccess<'_>) -> bool {
        let wanted = [(access.read, R), (access.write, W), (access.exec, X)];
        let mut allowed = 0;
        for grant in &self.grants {
            if !network_allows(&grant.network, access.addr) {
                continue;
            }
            if grant.is_allow_all() {
                return true;
            }
            allowed |= grant.allowed(access);
            if wanted.iter().all(|(asked, bit)| !asked || allowed & bit != 0) {
                return true;
            }
        }
        false
    }
}

impl Grant {
    fn is_allow_all(&self) -> bool {
        self.scope == Scope::Everything && self.allow == ANY
    }

    fn allowed(&self, access: &MonAccess<'_>) -> u8 {
        match &self.scope {
            Scope::Profile(profile) => {
                let grants = profile_grants(profile, access.name);
                grants.iter().fold(0, |all, grant| all | grant.allowed(access))
            }
            Scope::Service(service) if service == access.service => self.allow,
            Scope::Command { command, args } if command == access.command => {
                let holds = args.iter().all(|(name, constraint)| {
                    access.args.get(name).is_some_and(|value| constraint.holds(value))
                });
                if holds { ALL } else { 0 }
            }
            // Secrets of others are in there: only `*` or a grant of its own opens it.
            Scope::Everything if access.service != "config-key" => self.allow,
            _ => 0,
        }
    }
}

fn service(name: &str, allow: u8) -> Grant {
    Grant { scope: Scope::Service(name.to_owned()), allow, network: None }
}
fn everything(allow: u8) -> Grant {
    Grant { scope: Scope::Everything, allow, network: None }
}
fn command(name: &str, args: &[(&str, Constraint)]) -> Grant {
    let args = args.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    let scope = Scope::Command { command: name.to_owned(), args };
    Grant { scope, allow: 0, network: None }
}
fn equal(text: &str) -> Constraint {
    Constraint::Equal(text.to_owned())
}
fn prefix(text: &str) -> Constraint {
    Constraint::Prefix(text.to_owned())
}

/// What a profile stands for. Unknown profiles stand for nothing.
fn profile_grants(profile: &str, name: &AuthName) -> Vec<Grant> {
    let mut grants = Vec::new();
    let mut services =
        |list: &[(&str, u8)]| grants.extend(list.iter().map(|(name, allow)| service(name, *allow)));
    let bootstrap = |entity: &str, caps: &[(&str, &str)]| {
        let mut args = vec![("entity", prefix(entity))];
        args.extend(caps.iter().map(|(name, text)| (*name, equal(text))));
        [command("mon getmap", &[]), command("auth get-or-create", &args)]
    };
    match profile {
        "read-only" => return vec![everything(R)],
        "read-write" => return vec![everything(R | W)],
        "mon" => services(&[("mon", ALL), ("log", ALL)]),
        "osd" => services(&[("osd", ALL), ("mon", R), ("pg", R | W), ("log", W)]),
        "mds" => {
            services(&[("mds", ALL), ("mon", R), ("osd", R), ("log", W)]);
            let commands = ["osd pool rmsnap", "osd blocklist", "osd blacklist"];
            grants.extend(commands.map(|name| command(name, &[])));
        }
        "mgr" => {
            services(&[("mgr", ALL), ("log", R | W), ("mon", R | W), ("mds", R | W)]);
            let more = [("fs", R | W), ("osd", R | W), ("auth", ALL), ("config-key", R | W)];
            grants.extend(more.map(|(name, allow)| service(name, allow)));
            grants.push(service("config", R | W));
            let commands = ["auth get-or-create", "auth caps", "auth rm", "smart"];
            grants.extend(commands.map(|name| command(name, &[])));
        }
        "bootstrap-osd" => {
            services(&[("mon", R), ("osd", R)]);
            let commands = ["mon getmap", "osd new", "osd purge-new"];
            grants.extend(commands.map(|name| command(name, &[])));
        }
        "bootstrap-mds" => {
            services(&[("mon", R), ("osd", R)]);
            let caps = [
                ("caps_mon", "allow profile mds"),
                ("caps_osd", "allow rwx"),
                ("caps_mds", "allow"),
            ];
            grants.extend(bootstrap("mds.", &caps));
        }
        "bootstrap-mgr" => {
            services(&[("mon", R), ("osd", R)]);
            grants.extend(bootstrap("mgr.", &[("caps_mon", "allow profile mgr")]));
        }
        "bootstrap-rgw" => {
            services(&[("mon", R), ("osd", R)]);
            let caps = [("caps_mon", "allow rw"), ("caps_osd", "allow rwx")];
            grants.extend(bootstrap("client.rgw.", &caps));
        }
        "bootstrap-rbd" | "bootstrap-rbd-mirror" => {
            services(&[("mon", R)]);
            let mon = format!("profile {}", &profile["bootstrap-".len()..]);
            // One or more rbd profiles, each with or without a pool, quoted or not.
            let osd = r#"([ ,]*profile(=|[ ]+)['"]?rbd[^ ,'"]*['"]?([ ]+pool(=|[ ]+)['"]?[^,'"]+['"]?)?)+"#;
            let args = [
                ("entity", prefix("client.")),
                ("caps_mon", equal(&mon)),
                ("caps_osd", Constraint::Regex(osd.to_owned())),
            ];
            grants.push(command("auth get-or-create", &args));
        }
        "fs-client" => services(&[("mon", R), ("mds", R), ("osd", R), ("pg", R)]),
        "simple-rados-client" => services(&[("mon", R), ("osd", R), ("pg", R)]),
        "crash" => services(&[("mon", R)]),
        "role-definer" => services(&[("mon", R), ("auth", ALL)]),
        _ => {}
    }
    if matches!(profile, "osd" | "mds" | "mon" | "mgr") {
        let own = [("key", prefix(&format!("daemon-private/{name}/")))];
        let verbs = ["get", "put", "set", "exists", "delete"];
        grants.extend(verbs.map(|verb| command(&format!("config-key {verb}"), &own)));
    }
    if profile.starts_with("rbd") {
        grants.extend([("mon", R), ("osd", R), ("pg", R)].map(|(name, r)| service(name, r)));
        // A dead lock holder is fenced off by its address and nonce; nobody is let in again.
        let addr = Constraint::Regex("[^/]+/[0-9]+".to_owned());
        for (name, verb) in [("osd blocklist", "blocklistop"), ("osd blacklist", "blacklistop")] {
            grants.push(command(name, &[(verb, equal("add")), ("addr", addr.clone())]));
        }
    }
    match profile {
        "rbd-mirror" => grants.push(command("config-key get", &[("key", prefix("rbd/mirror/"))])),
        "rbd-mirror-peer" => {
            let get = Constraint::Regex("rbd/mirror/[^/]+".to_owned());
            grants.push(command("config-key get", &[("key", get)]));
            grants.push(command("config-key set", &[("key", prefix("rbd/mirror/peer/"))]));
        }
        _ => {}
    }
    grants
}

fn rwx(c: &mut Cursor<'_>) -> Option<u8> {
    if c.wildcard() {
        return Some(ANY);
    }
    let bits = [("r", R), ("w", W), ("x", X)];
    let allow =
        bits.iter().fold(0, |all, (letter, bit)| if c.eat(letter) { all | bit } else { all });
    (allow != 0).then_some(allow)
}

fn grant(c: &mut Cursor<'_>) -> Option<Grant> {
    c.skip_spaces();
    for parse in [everything_grant, profile_grant, service_grant, command_grant] {
        let mut attempt = *c;
        if let Some(grant) = parse(&mut attempt) {
            *c = attempt;
            return Some(grant);
        }
    }
    None
}

fn everything_grant(c: &mut Cursor<'_>) -> Option<Grant> {
    let allow = (c.eat("allow") && c.spaces()).then(|| rwx(c))??;
    let network = c.network();
    // A file system's name limits what MDS maps say; there are none here.
    let mut fs = *c;
    if fs.spaced("fsname")
        && fs.equals_or_spaces()
        && !fs.take_while(|x| x.is_ascii_alphanumeric() || "-_.".contains(x)).is_empty()
    {
        *c = fs;
    }
    Some(Grant { scope: Scope::Everything, allow, network })
}

fn profile_grant(c: &mut Cursor<'_>) -> Option<Grant> {
    let mut allow = *c;
    if allow.eat("allow") && allow.spaces() {
        *c = allow;
    }
    let name = (c.eat("profile") && c.equals_or_spaces()).then(|| c.string(false))??;
    Some(Grant { scope: Scope::Profile(name), allow: 0, network: c.network() })
}

fn service_grant(c: &mut Cursor<'_>) -> Option<Grant> {
    let head = c.eat("allow") && c.spaced("service") && c.equals_or_spaces();
    let name = head.then(|| c.string(false))??;
    let allow = c.spaces().then(|| rwx(c))??;
    Some(Grant { scope: Scope::Service(name), allow, network: c.network() })
}

fn command_grant(c: &mut Cursor<'_>) -> Option<Grant> {
    let head = c.eat("allow") && c.spaced("command") && c.equals_or_spaces();
    let command = head.then(|| c.string(false))??;
    let mut args = BTreeMap::new();
    let mut with = *c;
    if with.spaced("with") {
        loop {
            let mut pair = with;
            let Some((name, constraint)) = pair.spaces().then(|| argument(&mut pair)).flatten()
            else {
                break;
            };
            args.insert(name, constraint);
            with = pair;
        }
        if args.is_empty() {
            return None;
        }
        *c = with;
    }
    Some(Grant { scope: Scope::Command { command, args }, allow: 0, network: c.network() })
}

fn argument(c: &mut Cursor<'_>) -> Option<(String, Constraint)> {
    let name = c.string(false)?;
    if c.eat("=") {
        return Some((name, Constraint::Equal(c.string(false)?)));
    }
    if c.spaced("prefix") {
        return Some((name, Constraint::Prefix(c.spaces().then(|| c.string(false))??)));
    }
    let pattern = (c.spaced("regex") && c.spaces()).then(|| c.string(false))??;
    Some((name, Constraint::Regex(pattern)))
}
