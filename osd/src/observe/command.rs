//! Commands as text: what there is, reading one, and answering it from what the cores said.

use super::dump;
use super::part::{Change, Level, Part, Question};
use super::{perf, prometheus};
use crate::config::{Refused, Settings};
use maps::json::pretty;
use serde_json::{Map, Value, json};

const ENOENT: i32 = -2;
const EINVAL: i32 = -22;
const ENOSYS: i32 = -38;
/// Version of the admin socket's protocol, which command `0` asks for.
const PROTOCOL: &str = "2";

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// 0 or a negative errno.
    pub result: i32,
    /// For people; empty where the output says all.
    pub status: String,
    pub output: String,
}

impl Reply {
    pub fn refused(result: i32, status: impl Into<String>) -> Self {
        Self { result, status: status.into(), output: String::new() }
    }

    /// As the admin socket sends it, which has no place for a result.
    pub fn into_text(self) -> String {
        if self.result == 0 {
            return self.output;
        }
        let why = match self.result {
            ENOENT => "No such file or directory",
            EINVAL => "Invalid argument",
            ENOSYS => "Function not implemented",
            _ => "failed",
        };
        format!("ERROR: ({}) {why}\n{}\n", -self.result, self.status)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Help,
    Descriptions,
    Protocol,
    Version,
    GitVersion,
    Status,
    Ops,
    BlockedOps,
    HistoricOps,
    HistoricOpsByDuration,
    SlowOps,
    PerfDump,
    PerfSchema,
    PerfReset,
    HistogramDump,
    HistogramSchema,
    Stages,
    Metrics,
    ConfigShow,
    ConfigGet,
    ConfigSet,
    ConfigUnset,
    ConfigDiff,
    ConfigDiffGet,
    InjectArgs,
}

/// Words, arguments as `name`, `name?` for one that may be left out, `name*` and `name?*` for those
/// that take several values; help.
type Row = (&'static str, &'static str, Command, &'static str);

const LOGGER: &str = "logger? counter?";
const FILTER: &str = "filterstr?*";

/// Sorted by words. But `metrics` and `stages` all are Ceph's.
const TABLE: &[Row] = &[
    ("0", "", Command::Protocol, ""),
    ("1", "", Command::PerfDump, ""),
    ("2", "", Command::PerfSchema, ""),
    ("config diff", "", Command::ConfigDiff, "options that are not at their default"),
    ("config diff get", "var", Command::ConfigDiffGet, "where one option's value comes from"),
    ("config get", "var", Command::ConfigGet, "the value of one option"),
    ("config set", "var val*", Command::ConfigSet, "set an option until the daemon ends"),
    ("config show", "", Command::ConfigShow, "every option and its value"),
    ("config unset", "var", Command::ConfigUnset, "take back what config set has set"),
    ("dump_blocked_ops", FILTER, Command::BlockedOps, "ops under way for too long"),
    ("dump_historic_ops", FILTER, Command::HistoricOps, "the slowest ops of the last while"),
    (
        "dump_historic_ops_by_duration",
        FILTER,
        Command::HistoricOpsByDuration,
        "the slowest ops of the last while, the slowest first",
    ),
    ("dump_historic_slow_ops", FILTER, Command::SlowOps, "the last ops slower than a threshold"),
    ("dump_ops_in_flight", FILTER, Command::Ops, "ops under way"),
    ("get_command_descriptions", "", Command::Descriptions, "commands, for programs"),
    ("git_version", "", Command::GitVersion, "what the program was built from"),
    ("help", "", Command::Help, "commands, for people"),
    ("injectargs", "injected_args*", Command::InjectArgs, "set options given as --name=value"),
    ("metrics", "", Command::Metrics, "counters and stages in Prometheus's text format"),
    ("ops", FILTER, Command::Ops, "ops under way"),
    ("perf dump", LOGGER, Command::PerfDump, "values of the counters"),
    (
        "perf histogram dump",
        LOGGER,
        Command::HistogramDump,
        "counts by latency and size, and by latency of each stage",
    ),
    ("perf histogram schema", "", Command::HistogramSchema, "what histograms there are"),
    ("perf reset", "var", Command::PerfReset, "begin the counters of ops anew: all"),
    ("perf schema", "", Command::PerfSchema, "what counters there are"),
    ("stages", "", Command::Stages, "where the time of ops goes: percentiles per stage, us"),
    ("status", "", Command::Status, "who this OSD is and how it is"),
    ("version", "", Command::Version, "version of the protocol that clients see"),
];

impl Command {
    fn level(self) -> Level {
        match self {
            Self::Help | Self::Descriptions | Self::Protocol | Self::Version => Level::State,
            Self::GitVersion | Self::Status => Level::State,
            Self::ConfigShow | Self::ConfigGet | Self::ConfigDiff | Self::ConfigDiffGet => {
                Level::Settings
            }
            Self::ConfigSet | Self::ConfigUnset | Self::InjectArgs => Level::Settings,
            Self::PerfDump | Self::PerfSchema | Self::HistogramDump | Self::HistogramSchema => {
                Level::Counters
            }
            Self::PerfReset => Level::State,
            Self::Stages | Self::Metrics => Level::Counters,
            Self::Ops | Self::BlockedOps => Level::Operations,
            Self::HistoricOps | Self::HistoricOpsByDuration => Level::History,
            Self::SlowOps => Level::Slow,
        }
    }
}

fn argument(text: &str) -> Value {
    let several = text.ends_with('*');
    let name = text.trim_end_matches('*');
    let optional = name.ends_with('?');
    let mut of = Map::new();
    if several {
        of.insert("n".into(), json!("N"));
    }
    of.insert("name".into(), json!(name.trim_end_matches('?')));
    if optional {
        of.insert("req".into(), json!("false"));
    }
    of.insert("type".into(), json!("CephString"));
    Value::Object(of)
}

/// What `get_command_descriptions` answers: each command's words and arguments.
pub fn descriptions() -> Value {
    let mut out = Map::new();
    for (index, (words, arguments, _, help)) in TABLE.iter().enumerate() {
        let mut sig: Vec<Value> = words.split(' ').map(Value::from).collect();
        sig.extend(arguments.split_whitespace().map(argument));
        out.insert(format!("cmd{index:03}"), json!({"sig": sig, "help": help}));
    }
    Value::Object(out)
}

/// A command that was read, with its arguments.
#[derive(Debug, Clone)]
pub struct Request {
    command: Command,
    values: Map<String, Value>,
    change: Option<Change>,
}

impl Request {
    /// Reads `{"prefix": WORDS, ARGUMENT: VALUE, ...}`, or bare words as old clients send them. An
    /// error is the answer.
    pub fn parse(text: &str) -> Result<Self, Reply> {
        let text = text.trim();
        let values = if text.starts_with('{') {
            match serde_json::from_str(text) {
                Ok(Value::Object(values)) => values,
                _ => return Err(Reply::refused(EINVAL, "invalid json")),
            }
        } else {
            Map::from_iter([("prefix".to_owned(), json!(text))])
        };
        let prefix = values.get("prefix").and_then(Value::as_str).unwrap_or_default();
        let Some((_, _, command, _)) = TABLE.iter().find(|(words, ..)| *words == prefix) else {
            return Err(Reply::refused(EINVAL, format!("unknown command prefix {prefix}")));
        };
        let mut request = Self { command: *command, values, change: None };
        request.change = request.read_change()?;
        Ok(request)
    }

    /// A request for the counters as Prometheus reads them.
    pub fn metrics() -> Self {
        Self { command: Command::Metrics, values: Map::new(), change: None }
    }

    /// What every core is asked for it.
    pub fn question(&self) -> Question {
        Question { level: self.command.level(), change: self.change.clone() }
    }

    /// An argument as words; a list gives several.
    fn words(&self, name: &str) -> Vec<String> {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match self.values.get(name) {
            None => Vec::new(),
            Some(Value::Array(all)) => all.iter().map(text).collect(),
            Some(one) => vec![text(one)],
        }
    }
    fn word(&self, name: &str) -> Option<String> {
        self.words(name).into_iter().next().filter(|word| !word.is_empty())
    }

    fn need(&self, name: &str) -> Result<String, Reply> {
        let missing = || Reply::refused(EINVAL, format!("{name} is missing"));
        self.word(name).ok_or_else(missing)
    }

    fn read_change(&self) -> Result<Option<Change>, Reply> {
        Ok(match self.command {
            Command::PerfReset => {
                let what = self.need("var")?;
                if !perf::is_reset_by(&what) {
                    let text = format!("{what} cannot be reset; all, osd and stages can, together");
                    return Err(Reply::refused(EINVAL, text));
                }
                Some(Change::Reset)
            }
            Command::ConfigSet => {
                let (name, value) = (self.need("var")?, self.words("val").join(" "));
                let normal = Settings::check(&name, &value);
                Some(Change::Set(vec![(
                    name.clone(),
                    normal.map_err(|e| refusal(&name, &value, e))?,
                )]))
            }
            Command::ConfigUnset => Some(Change::Unset(self.need("var")?)),
            Command::InjectArgs => Some(Change::Set(self.injected()?)),
            _ => None,
        })
    }

    /// `--name=value` or `--name value`, several of them in one text or several.
    fn injected(&self) -> Result<Vec<(String, String)>, Reply> {
        let text = self.words("injected_args").join(" ");
        let mut words = text.split_whitespace();
        let mut out = Vec::new();
        while let Some(word) = words.next() {
            let Some(word) = word.strip_prefix("--") else {
                return Err(Reply::refused(EINVAL, format!("{word} is not --name=value")));
            };
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, value),
                None => (word, words.next().unwrap_or_default()),
            };
            let name = name.replace('-', "_");
            let normal = Settings::check(&name, value).map_err(|e| refusal(&name, value, e))?;
            out.push((name, normal));
        }
        Ok(out)
    }

    /// The answer from those of all cores, the first being core 0's.
    pub fn answer(&self, parts: &[Part]) -> Reply {
        match self.command {
            Command::Protocol => Reply { output: PROTOCOL.into(), ..Reply::default() },
            Command::Metrics => Reply { output: prometheus::exposition(parts), ..Reply::default() },
            _ => match self.json(parts) {
                Ok(value) => Reply { output: self.format(&value), ..Reply::default() },
                Err(reply) => reply,
            },
        }
    }

    fn format(&self, value: &Value) -> String {
        match self.word("format").as_deref() {
            Some("json") => value.to_string(),
            _ => format!("{}\n", pretty(value)),
        }
    }

    fn json(&self, parts: &[Part]) -> Result<Value, Reply> {
        let first = parts.first().ok_or_else(|| Reply::refused(EINVAL, "no core has answered"))?;
        let filters = self.words("filterstr");
        let selected = || (self.word("logger"), self.word("counter"));
        Ok(match self.command {
            Command::Help => {
                let shown = TABLE.iter().filter(|(.., help)| !help.is_empty());
                Value::Object(
                    shown.map(|(words, .., help)| ((*words).into(), json!(help))).collect(),
                )
            }
            Command::Descriptions => descriptions(),
            Command::Version => {
                json!({"version": "16.2.15", "release": "pacific", "release_type": "stable"})
            }
            Command::GitVersion => json!({"git_version": first.version}),
            Command::Status => dump::status(parts),
            Command::Ops => dump::ops(parts, &filters),
            Command::BlockedOps => dump::blocked(parts, &filters),
            Command::HistoricOps => dump::historic(parts, &filters, false),
            Command::HistoricOpsByDuration => dump::historic(parts, &filters, true),
            Command::SlowOps => dump::slow(parts, &filters),
            Command::PerfDump => perf::dump(parts, &selected()),
            Command::PerfSchema => perf::schema(parts),
            Command::HistogramDump => perf::histogram_dump(parts, &selected()),
            Command::HistogramSchema => perf::histogram_schema(parts),
            Command::Stages => dump::stages(parts),
            Command::PerfReset => {
                json!({"success": format!("perf reset {}", self.need("var")?)})
            }
            Command::ConfigShow => {
                let mut all = Map::new();
                all.insert("name".into(), json!(format!("osd.{}", first.osd)));
                all.insert("cluster".into(), json!("ceph"));
                all.extend(first.settings.show());
                Value::Object(all)
            }
            Command::ConfigGet => {
                let name = self.need("var")?;
                let wrong = || {
                    let text = format!("error getting '{name}': (2) No such file or directory");
                    Reply::refused(ENOENT, text)
                };
                let value = first.settings.get(&name).ok_or_else(wrong)?;
                Value::Object(Map::from_iter([(name, json!(value))]))
            }
            Command::ConfigDiff => json!({"diff": first.settings.diff()}),
            Command::ConfigDiffGet => {
                let name = self.need("var")?;
                let diff = first.settings.diff();
                let one = diff.into_iter().filter(|(key, _)| *key == name).collect();
                json!({"diff": Value::Object(one)})
            }
            Command::ConfigUnset => json!({}),
            Command::ConfigSet | Command::InjectArgs => json!({"success": self.was_set()}),
            Command::Protocol | Command::Metrics => json!({}),
        })
    }

    fn was_set(&self) -> String {
        let Some(Change::Set(pairs)) = &self.change else { return String::new() };
        pairs.iter().map(|(name, value)| format!("{name} = '{value}' ")).collect()
    }
}

fn refusal(name: &str, value: &str, why: Refused) -> Reply {
    let head = format!("error setting '{name}' to '{value}'");
    match why {
        Refused::Unknown => {
            Reply::refused(ENOENT, format!("{head}: (2) No such file or directory"))
        }
        Refused::Value => Reply::refused(EINVAL, format!("{head}: (22) Invalid argument")),
        Refused::NeedsRestart => Reply::refused(
            ENOSYS,
            format!(
                "{head}: it is read when the daemon starts; change it in ceph.conf and restart"
            ),
        ),
    }
}
