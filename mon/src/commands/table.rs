//! The table of commands, and `get_command_descriptions` made from it.
//!
//! No command carries the flag that would send it to a manager (bit 3): clients bring everything here.

use super::{
    Handler, auth, config, crush, crush_edit, crush_show, logs, mon, osd, osd_create, osd_flags,
    osd_show, pg, pool, pool_app, pool_vars, report, status,
};
use serde_json::{Map, Value, json};

/// One command: its words, arguments, what a caller must be allowed, and who carries it out.
#[derive(Clone, Copy)]
pub struct Spec {
    /// Words separated by blanks.
    pub prefix: &'static str,
    /// `name:Type,key=value,... name:Type ...` as Ceph's signatures name them.
    pub args: &'static str,
    /// Service whose capability counts: `mon`, `osd`, `auth`, ...
    pub module: &'static str,
    /// Letters of `rwx`.
    pub perm: &'static str,
    pub help: &'static str,
    pub run: Handler,
}

impl Spec {
    /// The command changes something: it waits for its turn in the log.
    pub fn writes(&self) -> bool {
        self.perm.contains('w')
    }
}

/// One row of a table.
pub const fn cmd(
    prefix: &'static str,
    args: &'static str,
    module: &'static str,
    perm: &'static str,
    help: &'static str,
    run: Handler,
) -> Spec {
    Spec { prefix, args, module, perm, help, run }
}

const TABLES: &[&[Spec]] = &[
    status::COMMANDS,
    report::COMMANDS,
    mon::COMMANDS,
    osd_show::COMMANDS,
    osd::COMMANDS,
    osd_create::COMMANDS,
    osd_flags::COMMANDS,
    pool::COMMANDS,
    pool_vars::COMMANDS,
    pool_app::COMMANDS,
    crush::COMMANDS,
    crush_edit::COMMANDS,
    crush_show::COMMANDS,
    pg::COMMANDS,
    auth::COMMANDS,
    config::COMMANDS,
    logs::COMMANDS,
];

pub fn all() -> impl Iterator<Item = &'static Spec> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The command with these words. Where two share them (`osd crush set`), `accepts` decides.
pub fn find(prefix: &str, has_arg: impl Fn(&str) -> bool) -> Option<&'static Spec> {
    let mut candidates = all().filter(|spec| spec.prefix == prefix);
    let first = candidates.next()?;
    match candidates.next() {
        Some(second) if !first_arg(first).is_some_and(&has_arg) => Some(second),
        _ => Some(first),
    }
}

fn first_arg(spec: &Spec) -> Option<&'static str> {
    spec.args.split(':').next().filter(|name| !name.is_empty())
}

/// `get_command_descriptions`: `{"cmd000": {"sig": [...], "help", "module", "perm", "flags"}, ...}`.
pub fn descriptions() -> Value {
    let mut out = Map::new();
    for (index, spec) in all().enumerate() {
        let mut sig: Vec<Value> = spec.prefix.split(' ').map(Value::from).collect();
        sig.extend(spec.args.split_whitespace().map(describe));
        out.insert(
            format!("cmd{index:03}"),
            json!({"sig": sig, "help": spec.help, "module": spec.module, "perm": spec.perm, "flags": 0}),
        );
    }
    Value::Object(out)
}

/// One argument, `name:Type,key=value`, as an object with its keys in order.
pub(super) fn describe(arg: &str) -> Value {
    let mut parts = arg.split(',');
    let head = parts.next().unwrap_or_default();
    let (name, kind) = head.split_once(':').unwrap_or((head, "String"));
    let mut pairs = vec![("name", name.to_owned()), ("type", format!("Ceph{kind}"))];
    for part in parts {
        if let Some((key, value)) = part.split_once('=') {
            pairs.push((key, value.to_owned()));
        }
    }
    pairs.sort();
    Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), Value::from(v))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_have_the_shape_that_clients_parse() {
        let all = descriptions();
        let first = &all["cmd000"];
        assert!(first["sig"][0].is_string() && first["help"].is_string());
        for (name, entry) in all.as_object().unwrap() {
            assert!(name.len() == 6 && name.starts_with("cmd"), "{name}");
            assert_eq!(entry["flags"], 0);
            for part in entry["sig"].as_array().unwrap() {
                let ok = part.is_string() || (part["name"].is_string() && part["type"].is_string());
                assert!(ok, "{entry}");
            }
        }
        assert_eq!(
            describe("weight:Float,range=0.0|1.0,req=false").to_string(),
            r#"{"name":"weight","range":"0.0|1.0","req":"false","type":"CephFloat"}"#
        );
    }

    #[test]
    fn every_command_is_found_and_only_osd_crush_set_is_there_twice() {
        let mut seen = std::collections::BTreeMap::new();
        for spec in all() {
            *seen.entry(spec.prefix).or_insert(0) += 1;
            assert!(spec.perm.chars().all(|c| "rwx".contains(c)), "{}", spec.prefix);
        }
        let twice: Vec<_> = seen.iter().filter(|(_, n)| **n > 1).map(|(p, _)| *p).collect();
        assert_eq!(twice, ["osd crush set"]);
        assert!(find("osd crush set", |a| a == "id").unwrap().args.contains("weight"));
        assert!(!find("osd crush set", |_| false).unwrap().args.contains("weight"));
        assert!(find("no such command", |_| false).is_none());
    }
}
