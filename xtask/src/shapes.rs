//! The JSON of `ceph` commands has the shape that real Ceph gives it: the same keys, the same types.
//!
//! Values, and how many items a list has, may differ. Accepted differences are listed with reasons
//! in `xtask/testdata/shapes.accepted`.

use crate::acceptance::{QUERIES, directory};
use crate::cluster::{Cluster, Shell};
use crate::peer::{Peer, PeerOptions, missing};
use crate::steps::Outcome;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const ACCEPTED: &str = "xtask/testdata/shapes.accepted";

/// Queries beside those of the acceptance test.
const MORE: &[&str] = &[
    "status",
    "df",
    "df detail",
    "osd tree",
    "osd pool ls",
    "osd pool get p1 size",
    "osd pool get p1 all",
    "osd pool stats p1",
    "osd map p1 o1",
    "osd find 0",
    "osd metadata 0",
    "osd crush tree",
    "osd crush rule dump",
    "osd crush show-tunables",
    "osd perf",
    "pg ls",
    "pg map 1.0",
    "auth get client.admin",
    "mon metadata",
    "node ls",
    "config get mon",
    "log last 3",
    "time-sync-status",
];

pub fn run() -> anyhow::Result<Outcome> {
    if let Some(why) = missing() {
        return Ok(Outcome::Skipped(why));
    }
    let args = ["--port", "3900", "--osds", "3", "--pool", "p1:3:16", "--osd-size", "4GiB"];
    let (ours, _) = Cluster::up(&directory("shapes"), &args)?;
    let options = PeerOptions {
        port: 20800,
        osds: 3,
        size: 3,
        pools: &[("p1", 16)],
        osd_gib: 4,
        preallocate: false,
    };
    let theirs = Peer::up(&directory("shapes-ceph"), &options)?;
    let accepted = Accepted::read()?;
    let (mut commands, mut differences, mut expected) = (0, 0, 0);
    for command in QUERIES.iter().chain(MORE) {
        let wanted = answer(&theirs, command)?;
        ensure!(!wanted.contains_key("fails"), "real Ceph refuses `ceph {command}`");
        let found = answer(&ours, command)?;
        commands += 1;
        for difference in compare(&wanted, &found) {
            if accepted.covers(command, &difference) {
                expected += 1;
            } else {
                differences += 1;
                println!("{command}\t{difference}");
            }
        }
    }
    ensure!(differences == 0, "{differences} differences in shape that {ACCEPTED} does not name");
    Ok(Outcome::Passed(format!("{commands} commands, {expected} accepted differences")))
}

/// By path: the types seen there.
pub type Shape = BTreeMap<String, BTreeSet<&'static str>>;

/// Shape of what a command prints as JSON, or how it fails.
fn answer(shell: &dyn Shell, command: &str) -> anyhow::Result<Shape> {
    let output = shell.run(&format!("ceph --connect-timeout 20 {command} -f json"))?;
    let mut shape = Shape::new();
    match output.status.code() {
        Some(0) => {
            let text = String::from_utf8_lossy(&output.stdout);
            let value = serde_json::from_str(text.trim()).unwrap_or(Value::String(text.into()));
            describe(&value, String::new(), &mut shape);
        }
        Some(124) => anyhow::bail!("ceph {command} hung"),
        _ => drop(shape.insert("fails".into(), BTreeSet::from(["error"]))),
    }
    Ok(shape)
}

pub fn describe(value: &Value, path: String, shape: &mut Shape) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    match value {
        Value::Array(items) => {
            items.iter().for_each(|item| describe(item, format!("{path}[]"), shape));
        }
        Value::Object(fields) => {
            for (key, item) in fields {
                describe(item, format!("{path}.{}", general(key)), shape);
            }
        }
        _ => {}
    }
    shape.entry(path).or_default().insert(kind);
}

/// Keys that are data: numbers, addresses, versions and this host become `*`.
fn general(key: &str) -> &str {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let is_data = key.starts_with(|c: char| c.is_ascii_digit())
        || key.starts_with("ceph version ")
        || key == host.trim();
    if is_data { "*" } else { key }
}

/// `missing PATH TYPE`, `extra PATH TYPE` or `type PATH THEIRS OURS`, the outermost of each.
pub fn compare(wanted: &Shape, found: &Shape) -> Vec<String> {
    let mut out = Vec::new();
    let words = |kinds: &BTreeSet<&str>| kinds.iter().copied().collect::<Vec<_>>().join("|");
    let parent_in = |path: &str, shape: &Shape| {
        let cut = path.trim_end_matches("[]").len().min(path.rfind('.').unwrap_or(0));
        let cut = if path.ends_with("[]") { path.len() - 2 } else { cut };
        path.is_empty() || shape.contains_key(&path[..cut])
    };
    // An empty list says nothing of its items.
    let is_empty_list = |path: &str, shape: &Shape| {
        path.match_indices("[]").any(|(at, _)| {
            shape.get(&path[..at]).is_some_and(|k| k.contains("list"))
                && !shape.contains_key(&path[..at + 2])
        })
    };
    for (path, kinds) in wanted {
        match found.get(path) {
            Some(ours) if ours.is_subset(kinds) || kinds.is_subset(ours) => {}
            Some(ours) => out.push(format!("type {path} {} {}", words(kinds), words(ours))),
            None if is_empty_list(path, found) || !parent_in(path, found) => {}
            None => out.push(format!("missing {path} {}", words(kinds))),
        }
    }
    for (path, kinds) in found {
        let known = wanted.contains_key(path);
        if !known && !is_empty_list(path, wanted) && parent_in(path, wanted) {
            out.push(format!("extra {path} {}", words(kinds)));
        }
    }
    out
}

/// Lines of `COMMAND <tab> DIFFERENCE <tab> REASON`. `*` as command is any; a difference may end in
/// `*`.
struct Accepted(Vec<(String, String)>);

impl Accepted {
    fn read() -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(ACCEPTED).context(ACCEPTED)?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let lines = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
        let line = |line: &str| {
            let fields: Vec<&str> = line.split('\t').filter(|f| !f.is_empty()).collect();
            ensure!(fields.len() == 3, "{ACCEPTED}: command, difference and reason: {line}");
            Ok((fields[0].to_owned(), fields[1].to_owned()))
        };
        lines.map(line).collect::<anyhow::Result<_>>().map(Self)
    }

    fn covers(&self, command: &str, difference: &str) -> bool {
        self.0.iter().any(|(c, d)| {
            let same = match d.strip_suffix('*') {
                Some(prefix) => difference.starts_with(prefix),
                None => difference == d,
            };
            same && (c == "*" || c == command)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(wanted: &str, found: &str) -> Vec<String> {
        let shape = |text: &str| {
            let mut shape = Shape::new();
            describe(&serde_json::from_str(text).unwrap(), String::new(), &mut shape);
            shape
        };
        compare(&shape(wanted), &shape(found))
    }

    #[test]
    fn values_and_lengths_do_not_matter() {
        assert!(differences(r#"{"a":[1,2],"b":{"1":2}}"#, r#"{"a":[7],"b":{"9":0}}"#).is_empty());
        assert!(differences(r#"{"a":[{"x":1}]}"#, r#"{"a":[]}"#).is_empty());
        assert!(differences(r#"{"a":[]}"#, r#"{"a":[{"x":1}]}"#).is_empty());
    }

    #[test]
    fn keys_and_types_do_and_only_the_outermost_is_named() {
        assert_eq!(differences(r#"{"a":1,"b":{"c":1}}"#, r#"{"a":1}"#), ["missing .b object"]);
        assert_eq!(differences(r#"{"a":1}"#, r#"{"a":"1"}"#), ["type .a number string"]);
        assert_eq!(differences(r#"[{"a":1}]"#, r#"[{"a":1,"z":[[1]]}]"#), ["extra [].z list"]);
        assert_eq!(differences(r#"{"a":[1]}"#, r#"{"a":["1"]}"#), ["type .a[] number string"]);
    }

    #[test]
    fn accepted_differences_have_reasons() {
        let accepted = Accepted::parse("# why\n*\tmissing .b*\tno such thing\n").unwrap();
        assert!(accepted.covers("osd dump", "missing .b object"));
        assert!(!accepted.covers("osd dump", "extra .b object"));
        assert!(Accepted::parse("osd dump\tmissing .b object\n").is_err());
    }
}
