//! Commands of the admin socket: what this monitor says of itself, and the commands of the table that
//! only read. What changes state needs the log, and comes over the network (`ceph ...`).

use super::{Args, Cx, Failure, Outcome, Reply, errno, table};
use crate::config_service::{self, OPTIONS};
use crate::mon_service::feature_names;
use messenger::auth::AuthName;
use messenger::table::Counters;
use serde_json::{Map, Value, json};
use types::EntityKind;

/// What the monitor's services do not know.
#[derive(Debug, Clone)]
pub struct Local {
    pub counters: Counters,
    /// Name and address of each session.
    pub sessions: Vec<(String, String)>,
}

/// Words, arguments as the table of commands has them, help.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("0", "", ""),
    ("1", "", ""),
    ("2", "", ""),
    ("config get", "var:String", "the value of one option"),
    ("config show", "", "every option and its value"),
    ("get_command_descriptions", "", "commands, for programs"),
    ("git_version", "", "what the program was built from"),
    ("help", "", "commands, for people"),
    ("mon_status", "", "who this monitor is and how it is"),
    ("perf dump", "logger:String,req=false counter:String,req=false", "values of the counters"),
    ("perf schema", "", "what counters there are"),
    ("quorum_status", "", "who is in the quorum"),
    ("sessions", "", "who is connected"),
    ("status", "", "state of the cluster"),
    ("version", "", "version of the protocol that clients see"),
];

/// Carries out a command as the admin socket has it: a JSON object with a `prefix`, or bare words.
pub fn run(cx: &mut Cx<'_>, local: &Local, text: &str) -> Outcome {
    let text = text.trim();
    let object = match text.starts_with('{') {
        true => text.to_owned(),
        false => json!({"prefix": text}).to_string(),
    };
    let args = Args::parse(&[object]).ok_or_else(|| Failure::invalid("invalid json"))?;
    let unknown = || Failure::invalid(format!("unknown command prefix {}", args.prefix()));
    let (prefix, ..) = COMMANDS.iter().find(|(p, ..)| *p == args.prefix()).ok_or_else(unknown)?;
    let value = match *prefix {
        "0" => return Ok(Reply::data("2")),
        "quorum_status" | "status" => return from_table(cx, prefix),
        "help" => {
            let shown = COMMANDS.iter().filter(|(.., help)| !help.is_empty());
            Value::Object(shown.map(|(p, _, help)| ((*p).to_owned(), json!(help))).collect())
        }
        "get_command_descriptions" => descriptions(),
        "version" => json!({"version": "16.2.15", "release": "pacific", "release_type": "stable"}),
        "git_version" => json!({"git_version": super::VERSION}),
        "mon_status" => status(cx),
        "sessions" => {
            let session =
                |(name, addr): &(String, String)| json!({"entity_name": name, "socket_addr": addr});
            Value::Array(local.sessions.iter().map(session).collect())
        }
        "config show" => Value::Object(settings(cx)),
        "config get" => {
            let name = config_service::normal(&args.need("var")?);
            let missing = || {
                let text = format!("error getting '{name}': (2) No such file or directory");
                Failure::new(errno::ENOENT, text)
            };
            let value = settings(cx).remove(&name).ok_or_else(missing)?;
            Value::Object(Map::from_iter([(name, value)]))
        }
        "perf schema" | "2" => counters(cx, local, &args, |counter| {
            let (bits, metric) = if counter.grows { (10, "counter") } else { (2, "gauge") };
            json!({
                "type": bits,
                "metric_type": metric,
                "value_type": "integer",
                "description": counter.help,
                "nick": counter.nick,
                "priority": 5,
                "units": "none",
            })
        }),
        _ => counters(cx, local, &args, |counter| json!(counter.value)),
    };
    super::answer_json(&args, value)
}

/// A command of the table, as whoever may read everything.
fn from_table(cx: &mut Cx<'_>, prefix: &str) -> Outcome {
    let text = json!({"prefix": prefix, "format": "json-pretty"}).to_string();
    let args = Args::parse(&[text]).expect("it is an object");
    let spec = table::find(prefix, |_| false).expect("the table has it");
    (spec.run)(cx, &args)
}

fn descriptions() -> Value {
    let each = COMMANDS.iter().enumerate().map(|(index, (prefix, args, help))| {
        let mut sig: Vec<Value> = prefix.split(' ').map(Value::from).collect();
        sig.extend(args.split_whitespace().map(table::describe));
        (format!("cmd{index:03}"), json!({"sig": sig, "help": help}))
    });
    Value::Object(each.collect())
}

fn status(cx: &Cx<'_>) -> Value {
    let mon = &cx.services.mon;
    let features = types::features::PACIFIC.to_string();
    let names = feature_names(mon.map.persistent_features);
    let quorum: Vec<usize> = (0..mon.map.ranks.len()).collect();
    let age = cx.now.wall.to_duration().saturating_sub(mon.quorum_since.to_duration());
    json!({
        "name": mon.name,
        "rank": mon.rank(),
        "state": "leader",
        "election_epoch": mon.election_epoch,
        "quorum": quorum,
        "quorum_age": age.as_secs(),
        "features": {
            "required_con": features,
            "required_mon": names,
            "quorum_con": features,
            "quorum_mon": names,
        },
        "outside_quorum": [],
        "extra_probe_peers": [],
        "sync_provider": [],
        "monmap": mon.map.dump(),
    })
}

/// Options of the monitor: those that it knows, and what was given for it.
fn settings(cx: &Cx<'_>) -> Map<String, Value> {
    let name = AuthName::new(EntityKind::Mon, &cx.services.mon.name);
    let config = &cx.services.config;
    let mut all: std::collections::BTreeMap<&str, &str> =
        OPTIONS.iter().map(|option| (option.name, config.value(option.name))).collect();
    all.extend(config.for_entity(&name).into_iter().map(|(name, (value, _))| (name, value)));
    let mut out = Map::new();
    out.insert("name".into(), json!(name.to_string()));
    out.insert("cluster".into(), json!("ceph"));
    out.extend(all.into_iter().map(|(name, value)| (name.to_owned(), json!(value))));
    out
}

struct Counter {
    section: &'static str,
    name: &'static str,
    value: u64,
    grows: bool,
    nick: &'static str,
    help: &'static str,
}

fn counters(cx: &Cx<'_>, local: &Local, args: &Args, of: fn(&Counter) -> Value) -> Value {
    let map = cx.services.osd.map();
    let osds = || (0..map.max_osd()).map(types::OsdId);
    let c = &local.counters;
    let gauge = |section, name, value: usize, nick, help| Counter {
        section,
        name,
        value: value as u64,
        grows: false,
        nick,
        help,
    };
    let count = |name, value, help| Counter {
        section: "messenger",
        name,
        value,
        grows: true,
        nick: "",
        help,
    };
    let space = cx.services.stats.space();
    let all = [
        gauge("cluster", "num_mon", cx.services.mon.map.ranks.len(), "", "monitors"),
        gauge("cluster", "num_mon_quorum", cx.services.mon.map.ranks.len(), "", "of the quorum"),
        gauge("cluster", "num_osd", osds().filter(|o| map.exists(*o)).count(), "", "OSDs"),
        gauge(
            "cluster",
            "num_osd_up",
            osds().filter(|o| map.is_up(*o)).count(),
            "",
            "of those, up",
        ),
        gauge("cluster", "osd_epoch", map.epoch.0 as usize, "", "epoch of the OSDMap"),
        gauge("cluster", "osd_bytes", space.total as usize, "", "size of all OSDs"),
        gauge("cluster", "osd_bytes_used", space.used as usize, "", "of that, used"),
        gauge("cluster", "osd_bytes_avail", space.available as usize, "", "of that, free"),
        gauge("cluster", "num_pool", map.pools.len(), "", "pools"),
        gauge("mon", "num_sessions", local.sessions.len(), "sess", "sessions"),
        count("msgr_recv_messages", c.messages_in, "messages received"),
        count("msgr_send_messages", c.messages_out, "messages sent"),
        count("msgr_recv_bytes", c.bytes_in, "bytes received"),
        count("msgr_send_bytes", c.bytes_out, "bytes sent"),
        count("protocol_errors", c.protocol_errors, "peers that broke the protocol"),
        count("auth_refused", c.auth_refused, "peers that were refused"),
    ];
    let wanted = |name: &str, of: &str| args.text(name).is_none_or(|text| text == of);
    let mut out = Map::new();
    for counter in all.iter().filter(|c| wanted("logger", c.section) && wanted("counter", c.name)) {
        let section = out.entry(counter.section).or_insert_with(|| json!({}));
        section[counter.name] = of(counter);
    }
    Value::Object(out)
}

/// The answer as the socket sends it, which has no place for a result.
pub fn text(outcome: Outcome) -> String {
    match outcome {
        Ok(reply) => String::from_utf8_lossy(&reply.data).into_owned(),
        Err(Failure { code, status }) => {
            let why = match code {
                errno::ENOENT => "No such file or directory",
                errno::EINVAL => "Invalid argument",
                _ => "failed",
            };
            format!("ERROR: ({}) {why}\n{status}\n", -code)
        }
    }
}
