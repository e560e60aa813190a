//! ceph.conf: sections, search order, metavariables, monitors and keyrings
//! (Ceph doc/rados/configuration/ceph-conf.rst). Pure: the caller reads the files.

use messenger::auth::AuthName;
use std::collections::BTreeMap;
use std::fmt;
use types::{AddrKind, EntityAddr, EntityAddrVec, EntityKind};

/// Which line (from 1) cannot be read, or what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfError {
    Syntax {
        line: usize,
    },
    /// No `mon host`.
    NoMonitors,
    /// A part of `mon host` that is no address.
    Address {
        text: String,
    },
}
impl fmt::Display for ConfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line } => write!(f, "line {line} is neither a section nor a setting"),
            Self::NoMonitors => write!(f, "it has no 'mon host'"),
            Self::Address { text } => write!(f, "'{text}' in 'mon host' is not an address"),
        }
    }
}
impl std::error::Error for ConfError {}

/// Settings by section. Keys are in the form `mon_host`: Ceph takes spaces, dashes and underscores
/// as the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conf {
    sections: BTreeMap<String, BTreeMap<String, String>>,
}

fn normal(key: &str) -> String {
    let words: Vec<&str> =
        key.split([' ', '\t', '_', '-']).filter(|word| !word.is_empty()).collect();
    words.join("_")
}

/// Cuts a comment (`#` or `;`) that is not within quotes or escaped.
fn without_comment(line: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '#' | ';' if !quoted => return &line[..at],
            _ => {}
        }
    }
    line
}

fn unquoted(value: &str) -> &str {
    let inner = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
    inner.or_else(|| value.strip_prefix('\'').and_then(|v| v.strip_suffix('\''))).unwrap_or(value)
}

impl Conf {
    pub fn parse(text: &str) -> Result<Self, ConfError> {
        let mut conf = Self::default();
        let mut section = "global".to_owned();
        let mut joined = String::new();
        for (index, line) in text.lines().enumerate() {
            let part = without_comment(line);
            // A backslash at the end continues the line.
            if let Some(part) = part.trim_end().strip_suffix('\\') {
                joined.push_str(part);
                continue;
            }
            joined.push_str(part);
            let whole = std::mem::take(&mut joined);
            let whole = whole.trim();
            if whole.is_empty() {
                continue;
            }
            if let Some(name) = whole.strip_prefix('[') {
                let name = name.strip_suffix(']').ok_or(ConfError::Syntax { line: index + 1 })?;
                section = name.trim().to_owned();
                conf.sections.entry(section.clone()).or_default();
            } else {
                let (key, value) =
                    whole.split_once('=').ok_or(ConfError::Syntax { line: index + 1 })?;
                let value = unquoted(value.trim()).to_owned();
                conf.sections.entry(section.clone()).or_default().insert(normal(key), value);
            }
        }
        Ok(conf)
    }

    /// The value of `key` for an entity: from its own section, its kind's, or the global one, with
    /// metavariables replaced.
    pub fn get(&self, entity: &Entity, key: &str) -> Option<String> {
        let key = normal(key);
        let own = entity.name.to_string();
        let kind = entity.name.kind.name();
        let raw = [own.as_str(), kind, "global"]
            .iter()
            .find_map(|section| self.sections.get(*section)?.get(&key))?;
        Some(entity.expand(raw))
    }

    /// All settings that apply to `entity`, the nearest section winning.
    pub fn options(&self, entity: &Entity) -> BTreeMap<String, String> {
        let own = entity.name.to_string();
        let mut all = BTreeMap::new();
        for section in ["global", entity.name.kind.name(), own.as_str()] {
            for (key, value) in self.sections.get(section).into_iter().flatten() {
                all.insert(key.clone(), entity.expand(value));
            }
        }
        all
    }

    /// Every monitor of `mon host`.
    pub fn monitors(&self, entity: &Entity) -> Result<Vec<EntityAddrVec>, ConfError> {
        let text = self.get(entity, "mon_host").ok_or(ConfError::NoMonitors)?;
        parse_mon_host(&text)
    }

    /// Paths at which the entity's keyring may be, in order.
    pub fn keyring_paths(&self, entity: &Entity) -> Vec<String> {
        let text = self.get(entity, "keyring").unwrap_or_else(|| {
            entity.expand(
                "/etc/ceph/$cluster.$name.keyring,/etc/ceph/$cluster.keyring,\
                 /etc/ceph/keyring,/etc/ceph/keyring.bin",
            )
        });
        text.split([',', ';']).map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect()
    }

    /// Where the admin socket of a daemon is: `admin_socket`, or `$run_dir/$cluster-$name.asok` where
    /// daemons of Ceph have it. `None` if it is set to nothing.
    pub fn admin_socket(&self, entity: &Entity) -> Option<String> {
        let path = self.get(entity, "admin_socket").unwrap_or_else(|| {
            let folder = self.get(entity, "run_dir").unwrap_or_else(|| "/var/run/ceph".into());
            format!("{folder}/{}", entity.expand("$cluster-$name.asok"))
        });
        (!path.is_empty()).then_some(path)
    }

    /// Whether clients authenticate with cephx, as they do unless told otherwise.
    pub fn uses_cephx(&self, entity: &Entity) -> bool {
        let methods = self.get(entity, "auth_client_required").unwrap_or_else(|| "cephx".into());
        methods.split([',', ' ', ';']).any(|m| m.trim() == "cephx")
    }
}

/// For whom settings are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    pub name: AuthName,
    pub cluster: String,
    pub host: String,
    pub pid: u32,
}
impl Entity {
    pub fn client(id: &str) -> Self {
        Self {
            name: AuthName::new(EntityKind::Client, id),
            cluster: "ceph".into(),
            host: String::new(),
            pid: 0,
        }
    }

    /// Replaces `$cluster`, `$type`, `$id`, `$name`, `$host` and `$pid`, also in braces.
    pub fn expand(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            let (name, next) = match after.strip_prefix('{').and_then(|a| a.split_once('}')) {
                Some(braced) => braced,
                None => {
                    let end = after
                        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                        .unwrap_or(after.len());
                    after.split_at(end)
                }
            };
            match name {
                "cluster" => out.push_str(&self.cluster),
                "type" => out.push_str(self.name.kind.name()),
                "id" => out.push_str(&self.name.id),
                "name" => out.push_str(&self.name.to_string()),
                "host" => out.push_str(&self.host),
                "pid" => out.push_str(&self.pid.to_string()),
                _ => out.push_str(&rest[at..rest.len() - next.len()]),
            }
            rest = next;
        }
        out.push_str(rest);
        out
    }
}

/// Default port of monitors that speak msgr2.
const MON_PORT: u16 = 3300;

/// Parses `mon host`: monitors separated by commas or spaces, each an address or a bracketed list
/// of the addresses of one monitor (`[v2:10.0.0.1:3300/0,v1:10.0.0.1:6789/0]`). An address without
/// a port means the default one.
pub fn parse_mon_host(text: &str) -> Result<Vec<EntityAddrVec>, ConfError> {
    let mut monitors = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (one, next) = match rest.strip_prefix('[') {
            // An IPv6 address in brackets is no list: it holds no prefix and no comma.
            Some(inner) => match inner.split_once(']') {
                Some((list, next)) if list.contains("v2:") || list.contains("v1:") => (list, next),
                _ => rest.split_once([',', ' ', ';']).unwrap_or((rest, "")),
            },
            None => rest.split_once([',', ' ', ';']).unwrap_or((rest, "")),
        };
        let addrs = one
            .split(',')
            .map(|a| a.trim())
            .filter(|a| !a.is_empty())
            .map(parse_mon_addr)
            .collect::<Result<Vec<_>, _>>()?;
        if !addrs.is_empty() {
            monitors.push(EntityAddrVec(addrs));
        }
        rest = next.trim_start_matches([',', ' ', ';', '\t']);
    }
    if monitors.is_empty() { Err(ConfError::NoMonitors) } else { Ok(monitors) }
}

fn parse_mon_addr(text: &str) -> Result<EntityAddr, ConfError> {
    if let Some(addr) = EntityAddr::parse(text, AddrKind::Msgr2) {
        return Ok(addr);
    }
    let bare = text.trim_start_matches("v2:").trim_start_matches('[').trim_end_matches(']');
    match bare.parse() {
        Ok(ip) => Ok(EntityAddr::msgr2(std::net::SocketAddr::new(ip, MON_PORT), 0)),
        Err(_) => Err(ConfError::Address { text: text.to_owned() }),
    }
}

/// Where ceph.conf is looked for, in order: `$CEPH_CONF`, `-c`, the usual places. An explicit path
/// is the only one: a typing error must not end at another cluster.
pub fn search_paths(
    explicit: Option<&str>,
    ceph_conf_variable: Option<&str>,
    home: Option<&str>,
    cluster: &str,
) -> Vec<String> {
    if let Some(path) = explicit {
        return vec![path.to_owned()];
    }
    if let Some(paths) = ceph_conf_variable.filter(|p| !p.is_empty()) {
        return paths.split(',').map(|p| p.trim().to_owned()).collect();
    }
    let mut paths = vec![format!("/etc/ceph/{cluster}.conf")];
    paths.extend(home.map(|home| format!("{home}/.ceph/config")));
    paths.extend(home.map(|home| format!("{home}/.ceph/{cluster}.conf")));
    paths.push(format!("./{cluster}.conf"));
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
# a comment
[global]
mon host = [v2:127.0.0.1:16000/0,v1:127.0.0.1:16001/0], 10.0.0.2
  auth_client-required = none ; why not
keyring = /d/$cluster.$name.keyring
[client.admin]
key word = \"a # b\" # c
[client]
key word = from the kind
long = one \\
two
";

    #[test]
    fn admin_sockets_are_where_ceph_has_them() {
        let osd = Entity {
            name: AuthName::new(EntityKind::Osd, "3"),
            cluster: "ceph".into(),
            host: "h".into(),
            pid: 7,
        };
        let path = |text: &str| Conf::parse(text).unwrap().admin_socket(&osd);
        assert_eq!(path("").as_deref(), Some("/var/run/ceph/ceph-osd.3.asok"));
        assert_eq!(path("[osd]\nrun dir = /r\n").as_deref(), Some("/r/ceph-osd.3.asok"));
        let own = "[global]\nadmin socket = /d/$name.$pid.asok\n";
        assert_eq!(path(own).as_deref(), Some("/d/osd.3.7.asok"));
        assert_eq!(path("[osd]\nadmin socket =\n"), None);
    }

    #[test]
    fn sections_override_and_variables_expand() {
        let conf = Conf::parse(TEXT).unwrap();
        let admin = Entity::client("admin");
        assert_eq!(conf.get(&admin, "key_word").unwrap(), "a # b");
        assert_eq!(conf.get(&Entity::client("x"), "key word").unwrap(), "from the kind");
        assert_eq!(conf.get(&admin, "long").unwrap(), "one two");
        assert_eq!(conf.keyring_paths(&admin), ["/d/ceph.client.admin.keyring"]);
        assert!(!conf.uses_cephx(&admin));
        assert_eq!(admin.expand("$type-${id}x$nothing$"), "client-adminx$nothing$");
    }

    #[test]
    fn mon_host_takes_every_form() {
        let conf = Conf::parse(TEXT).unwrap();
        let mons = conf.monitors(&Entity::client("admin")).unwrap();
        assert_eq!(mons.len(), 2);
        assert_eq!(mons[0].0.len(), 2);
        assert_eq!(mons[0].msgr2().unwrap().to_string(), "v2:127.0.0.1:16000/0");
        assert_eq!(mons[1].to_string(), "v2:10.0.0.2:3300/0");
        assert_eq!(parse_mon_host("a b").unwrap_err(), ConfError::Address { text: "a".into() });
        assert_eq!(parse_mon_host(" , ").unwrap_err(), ConfError::NoMonitors);
        assert_eq!(parse_mon_host("[::1]:3300").unwrap()[0].to_string(), "v2:[::1]:3300/0");
        assert_eq!(Conf::parse("[a\n"), Err(ConfError::Syntax { line: 1 }));
    }

    #[test]
    fn an_explicit_path_is_the_only_one() {
        assert_eq!(search_paths(Some("x"), Some("y"), None, "ceph"), ["x"]);
        assert_eq!(search_paths(None, Some("y"), None, "ceph"), ["y"]);
        assert_eq!(
            search_paths(None, None, Some("/root"), "ceph"),
            ["/etc/ceph/ceph.conf", "/root/.ceph/config", "/root/.ceph/ceph.conf", "./ceph.conf"]
        );
    }
}
