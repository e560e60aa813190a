//! `kermes daemon`: asks a running daemon over its admin socket.

use crate::files;
use anyhow::{Context, bail, ensure};
use clap::Args;
use messenger::auth::AuthName;
use serde_json::{Map, Value};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use types::EntityKind;

/// Longer than any command of a daemon takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer that this command takes.
const ANSWER_MAX: u32 = 256 << 20;

/// Short forms of commands, for people.
const SHORT: &[(&str, &str)] = &[
    ("historic-ops", "dump_historic_ops"),
    ("slow-ops", "dump_historic_slow_ops"),
    ("blocked-ops", "dump_blocked_ops"),
    ("perf histogram", "perf histogram dump"),
];

/// Ask a daemon on this machine what it does, over its admin socket.
///
/// `kermes daemon osd.0 help` lists the commands. Among them: `ops` (under way), `historic-ops` (the
/// slowest of the last ten minutes), `slow-ops`, `stages` (where the time goes: percentiles per
/// stage), `perf dump`, `perf histogram dump`, `perf reset all`, `config show`, `config get NAME`,
/// `config set NAME VALUE`. `ceph daemon osd.0 ...` does the same.
#[derive(Debug, Args)]
pub struct DaemonArgs {
    /// osd.N or mon.NAME, whose socket ceph.conf names, or the path of a socket.
    #[arg(value_name = "DAEMON|PATH")]
    daemon: String,
    /// Configuration with `admin_socket`; as for other commands by default ($CEPH_CONF, ...).
    #[arg(short, long, value_name = "FILE")]
    conf: Option<PathBuf>,
    /// Print JSON on one line.
    #[arg(long)]
    compact: bool,
    /// The command and its arguments.
    #[arg(
        value_name = "WORD",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    words: Vec<String>,
}

/// Exit code 0 if the daemon did as it was told, 22 if it refused.
pub fn run(args: &DaemonArgs) -> anyhow::Result<i32> {
    let path = socket_path(args)?;
    let words = long_form(&args.words);
    let descriptions = ask(&path, r#"{"prefix": "get_command_descriptions"}"#, PATIENCE)?;
    let descriptions = serde_json::from_str(&descriptions)
        .with_context(|| format!("{}: no daemon answers there", path.display()))?;
    let mut command = match command(&descriptions, &words) {
        Some(command) => command,
        None => bail!("no command '{}'; try `kermes daemon {} help`", words.join(" "), args.daemon),
    };
    if args.compact {
        command.insert("format".into(), "json".into());
    }
    let answer = ask(&path, &Value::Object(command).to_string(), PATIENCE)?;
    if let Some(refusal) = answer.strip_prefix("ERROR: ") {
        eprint!("{refusal}");
        return Ok(22);
    }
    println!("{}", answer.strip_suffix('\n').unwrap_or(&answer));
    Ok(0)
}

fn socket_path(args: &DaemonArgs) -> anyhow::Result<PathBuf> {
    if args.daemon.contains('/') {
        return Ok(args.daemon.clone().into());
    }
    let conf = files::read_conf(args.conf.as_deref())?
        .context("no ceph.conf found; give one with --conf, or a socket's path")?;
    let (kind, id) = args.daemon.split_once('.').unwrap_or((&args.daemon, ""));
    let kind = match kind {
        "osd" => EntityKind::Osd,
        "mon" => EntityKind::Mon,
        _ => bail!("{}: neither osd.N, mon.NAME nor a path", args.daemon),
    };
    ensure!(!id.is_empty(), "{}: which one? osd.0, mon.a", args.daemon);
    let entity = files::entity(AuthName::new(kind, id));
    let path = conf.admin_socket(&entity);
    Ok(path.with_context(|| format!("{}: admin_socket is empty", args.daemon))?.into())
}

fn long_form(words: &[String]) -> Vec<String> {
    let text = words.join(" ");
    match SHORT.iter().find(|(short, _)| *short == text) {
        Some((_, long)) => long.split(' ').map(str::to_owned).collect(),
        None => words.to_vec(),
    }
}

/// The command with the most words of which `words` begins, and its arguments by name.
fn command(descriptions: &Value, words: &[String]) -> Option<Map<String, Value>> {
    let of = |spec: &Value| spec["sig"].as_array().cloned().unwrap_or_default();
    let signatures = descriptions.as_object()?.values().map(of);
    let literals = |sig: &[Value]| sig.iter().filter(|part| part.is_string()).count();
    let fits = |sig: &Vec<Value>| {
        let parts = sig.iter().filter_map(Value::as_str);
        literals(sig) <= words.len() && parts.zip(words).all(|(part, word)| part == word)
    };
    let signature = signatures.filter(fits).max_by_key(|sig| literals(sig))?;
    let (prefix, mut rest) = words.split_at(literals(&signature));
    let mut command = Map::from_iter([("prefix".to_owned(), Value::from(prefix.join(" ")))]);
    for argument in signature.iter().filter(|part| part.is_object()) {
        let name = argument["name"].as_str()?;
        if rest.is_empty() {
            break;
        }
        if argument["n"] == "N" {
            command.insert(name.to_owned(), Value::from(std::mem::take(&mut rest).to_vec()));
        } else {
            command.insert(name.to_owned(), Value::from(rest[0].clone()));
            rest = &rest[1..];
        }
    }
    // A word too many is a mistake, not to be passed over.
    rest.is_empty().then_some(command)
}

/// What the daemon whose admin socket is `path` answers to `command`, a JSON object, within `patience`.
pub fn ask(path: &Path, command: &str, patience: Duration) -> anyhow::Result<String> {
    let what = || format!("cannot ask {} (does the daemon run?)", path.display());
    let mut stream = UnixStream::connect(path).with_context(what)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(command.as_bytes()).with_context(what)?;
    stream.write_all(&[0]).with_context(what)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).with_context(what)?;
    let length = u32::from_be_bytes(length);
    ensure!(length <= ANSWER_MAX, "{}: an answer of {length} bytes", path.display());
    let mut answer = vec![0; length as usize];
    stream.read_exact(&mut answer).with_context(what)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_the_longest_command_and_its_arguments() {
        let descriptions = osd::observe::descriptions();
        let made = |text: &str| {
            let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            command(&descriptions, &long_form(&words)).map(|c| Value::Object(c).to_string())
        };
        let is = |text: &str, json: &str| assert_eq!(made(text).as_deref(), Some(json));
        is("perf dump osd op", r#"{"prefix":"perf dump","logger":"osd","counter":"op"}"#);
        is("config diff get fsid", r#"{"prefix":"config diff get","var":"fsid"}"#);
        is("config set a b c", r#"{"prefix":"config set","var":"a","val":["b","c"]}"#);
        is("historic-ops", r#"{"prefix":"dump_historic_ops"}"#);
        is("perf histogram", r#"{"prefix":"perf histogram dump"}"#);
        assert_eq!(made("version now"), None);
        assert_eq!(made("nonsense"), None);
    }
}
