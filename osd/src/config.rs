//! Options that an OSD follows, and where their values come from: its defaults, the central
//! configuration, ceph.conf, and what was set while it runs; later ones win.

use crate::observe::Tracking;
use crate::ops::Limits;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How an option's text is read and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Switch,
    /// Not negative.
    Number,
    /// Not negative, in seconds.
    Seconds,
    Text,
}

/// An option that this OSD knows.
#[derive(Debug, Clone, Copy)]
struct Known {
    name: &'static str,
    form: Form,
    default: &'static str,
    /// It can change while the OSD runs.
    at_run_time: bool,
}

const fn known(name: &'static str, form: Form, default: &'static str, at_run_time: bool) -> Known {
    Known { name, form, default, at_run_time }
}

/// Sorted by name. All but `cpu_latency` and the `metrics_` ones are Ceph's.
const KNOWN: &[Known] = &[
    known("admin_socket", Form::Text, "$run_dir/$cluster-$name.asok", false),
    known("auth_client_required", Form::Text, "cephx", false),
    known("bdev_enable_discard", Form::Text, "", false),
    known("bdev_power_loss_protected", Form::Switch, "false", false),
    known("cpu_latency", Form::Text, "auto", false),
    known("crush_device_class", Form::Text, "", false),
    known("fsid", Form::Text, "", false),
    known("keyring", Form::Text, "", false),
    known("metrics_listen", Form::Text, "", false),
    known("mon_host", Form::Text, "", false),
    known("osd_class_update_on_start", Form::Switch, "true", false),
    known("osd_enable_op_tracker", Form::Switch, "true", true),
    known("osd_max_object_size", Form::Number, "134217728", true),
    known("osd_max_omap_bytes_per_request", Form::Number, "1073741824", true),
    known("osd_max_omap_entries_per_request", Form::Number, "1024", true),
    known("osd_max_write_size", Form::Number, "90", true),
    known("osd_op_complaint_time", Form::Seconds, "30.000000", true),
    known("osd_op_history_duration", Form::Number, "600", true),
    known("osd_op_history_size", Form::Number, "20", true),
    known("osd_op_history_slow_op_size", Form::Number, "20", true),
    known("osd_op_history_slow_op_threshold", Form::Seconds, "10.000000", true),
    known("run_dir", Form::Text, "/var/run/ceph", false),
];

/// Operations that a dump of the slowest may hold, whatever is asked for.
const HISTORY_MAX: usize = 10_000;

impl Known {
    /// The text as it is shown, or `None` if it is no value of this option.
    fn normal(&self, text: &str) -> Option<String> {
        let text = text.trim();
        match self.form {
            Form::Text => Some(text.to_owned()),
            Form::Switch => match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Some("true".into()),
                "false" | "0" | "no" | "off" => Some("false".into()),
                _ => None,
            },
            Form::Number => text.parse::<u64>().ok().map(|n| n.to_string()),
            Form::Seconds => {
                let seconds = text.parse::<f64>().ok().filter(|s| (0.0..1e9).contains(s))?;
                Some(format!("{seconds:.6}"))
            }
        }
    }
    fn value(&self, text: &str) -> Value {
        match self.form {
            Form::Switch => json!(text == "true"),
            Form::Number => text.parse::<u64>().map_or(json!(text), |n| json!(n)),
            Form::Seconds => text.parse::<f64>().map_or(json!(text), |n| json!(n)),
            Form::Text => json!(text),
        }
    }
}

fn find(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

/// Why a setting is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    Unknown,
    /// No value of this option.
    Value,
    /// It is read when the OSD starts.
    NeedsRestart,
}

/// Values of options by where they come from. Names are in the form `osd_max_write_size`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    central: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    set: BTreeMap<String, String>,
}

impl Settings {
    pub fn new(file: BTreeMap<String, String>) -> Self {
        Self { file, ..Self::default() }
    }

    /// What the central configuration says from now on.
    pub fn follow(&mut self, central: &BTreeMap<String, String>) {
        self.central.clone_from(central);
    }

    /// Whether [`Settings::set`] would take it, and the value as it is then shown.
    pub fn check(name: &str, text: &str) -> Result<String, Refused> {
        let known = find(name).ok_or(Refused::Unknown)?;
        let normal = known.normal(text).ok_or(Refused::Value)?;
        if known.at_run_time { Ok(normal) } else { Err(Refused::NeedsRestart) }
    }
    /// Until the process ends.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), Refused> {
        let normal = Self::check(name, text)?;
        self.set.insert(name.to_owned(), normal);
        Ok(())
    }
    /// Takes back what was set; false if nothing was.
    pub fn unset(&mut self, name: &str) -> bool {
        self.set.remove(name).is_some()
    }

    /// By source, the strongest first; what cannot be read is not counted.
    fn sources(&self, name: &str) -> Vec<(&'static str, String)> {
        let known = find(name);
        let normal = |text: &String| match known {
            Some(known) => known.normal(text),
            None => Some(text.clone()),
        };
        [("override", &self.set), ("file", &self.file), ("mon", &self.central)]
            .into_iter()
            .filter_map(|(source, options)| Some((source, normal(options.get(name)?)?)))
            .collect()
    }

    /// The value that counts. `None` if this OSD neither knows the option nor was given it.
    pub fn get(&self, name: &str) -> Option<String> {
        let given = self.sources(name).into_iter().next().map(|(_, text)| text);
        given.or_else(|| Some(find(name)?.default.to_owned()))
    }

    fn names(&self) -> Vec<&str> {
        let given = [&self.central, &self.file, &self.set].into_iter().flat_map(BTreeMap::keys);
        let mut names: Vec<&str> = KNOWN.iter().map(|k| k.name).collect();
        names.extend(given.map(String::as_str));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Every option with its value.
    pub fn show(&self) -> Map<String, Value> {
        let pairs = self.names().into_iter();
        pairs.filter_map(|name| Some((name.to_owned(), Value::from(self.get(name)?)))).collect()
    }

    /// What was given by anyone: default, each source, and the value that counts.
    pub fn diff(&self) -> Map<String, Value> {
        let mut out = Map::new();
        for name in self.names() {
            let sources = self.sources(name);
            let Some((_, last)) = sources.first() else { continue };
            let known = find(name);
            let value = |text: &str| known.map_or_else(|| json!(text), |k| k.value(text));
            let mut of = Map::new();
            of.insert("default".into(), value(known.map_or("", |k| k.default)));
            for (source, text) in sources.iter().rev() {
                of.insert((*source).into(), value(text));
            }
            of.insert("final".into(), value(last));
            out.insert(name.into(), Value::Object(of));
        }
        out
    }

    fn number(&self, name: &str) -> u64 {
        self.get(name).and_then(|text| text.parse().ok()).expect("a known number")
    }
    fn seconds(&self, name: &str) -> Duration {
        let seconds = self.get(name).and_then(|text| text.parse().ok());
        Duration::from_secs_f64(seconds.expect("a known number of seconds"))
    }

    pub fn limits(&self) -> Limits {
        Limits {
            object_size_bytes_max: self
                .number("osd_max_object_size")
                .min(seastore::OBJECT_SIZE_MAX),
            // More than one message can carry is never asked for.
            write_bytes_max: self.number("osd_max_write_size").saturating_mul(1 << 20),
            omap_entries_per_get_max: self.number("osd_max_omap_entries_per_request").max(1),
            omap_bytes_per_get_max: self.number("osd_max_omap_bytes_per_request").max(1),
            ..Limits::default()
        }
    }

    pub fn tracking(&self) -> Tracking {
        let size = |name| (self.number(name) as usize).min(HISTORY_MAX);
        Tracking {
            enabled: self.get("osd_enable_op_tracker").is_some_and(|text| text == "true"),
            complaint: self.seconds("osd_op_complaint_time"),
            history_size: size("osd_op_history_size"),
            history_duration: Duration::from_secs(self.number("osd_op_history_duration")),
            slow_size: size("osd_op_history_slow_op_size"),
            slow_threshold: self.seconds("osd_op_history_slow_op_threshold"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn defaults_are_those_of_the_parts() {
        assert!(KNOWN.is_sorted_by_key(|known| known.name));
        assert!(
            KNOWN.iter().all(|known| known.normal(known.default).as_deref() == Some(known.default))
        );
        let settings = Settings::default();
        assert_eq!(settings.tracking(), Tracking::default());
        assert_eq!(
            settings.limits().object_size_bytes_max,
            Limits::default().object_size_bytes_max
        );
        assert_eq!(settings.limits().write_bytes_max, Limits::default().write_bytes_max);
        let limits = (settings.limits(), Limits::default());
        assert_eq!(limits.0.omap_entries_per_get_max, limits.1.omap_entries_per_get_max);
        assert_eq!(limits.0.omap_bytes_per_get_max, limits.1.omap_bytes_per_get_max);
    }

    #[test]
    fn options_change_limits_and_nonsense_does_not() {
        let mut settings = Settings::default();
        settings.follow(&options(&[("osd_max_object_size", "1073741824")]));
        assert_eq!(settings.limits().object_size_bytes_max, 1 << 30);
        settings.follow(&options(&[("osd_max_object_size", "many")]));
        assert_eq!(settings.limits().object_size_bytes_max, 128 << 20);
        settings.follow(&options(&[("osd_max_write_size", "1")]));
        assert_eq!(settings.limits().write_bytes_max, 1 << 20);
    }

    #[test]
    fn what_is_set_wins_over_the_file_and_that_over_the_central_configuration() {
        let name = "osd_op_history_size";
        let mut settings = Settings::new(options(&[(name, "5"), ("fsid", "x")]));
        settings.follow(&options(&[(name, "4"), ("unknown_here", "1")]));
        assert_eq!(settings.tracking().history_size, 5);
        settings.set(name, "6").unwrap();
        assert_eq!(settings.tracking().history_size, 6);
        assert_eq!(
            settings.diff()[name],
            json!({"default": 20, "mon": 4, "file": 5, "override": 6, "final": 6})
        );
        assert!(settings.unset(name) && !settings.unset(name));
        assert_eq!(settings.get(name).unwrap(), "5");
        assert_eq!(settings.get("unknown_here").unwrap(), "1");
        assert_eq!(settings.get("nowhere"), None);
        assert_eq!(settings.show()["osd_op_complaint_time"], "30.000000");
    }

    #[test]
    fn what_cannot_be_set_says_why() {
        let mut settings = Settings::default();
        assert_eq!(settings.set("nowhere", "1"), Err(Refused::Unknown));
        assert_eq!(settings.set("osd_op_history_size", "-1"), Err(Refused::Value));
        assert_eq!(settings.set("osd_op_complaint_time", "inf"), Err(Refused::Value));
        assert_eq!(settings.set("osd_enable_op_tracker", "perhaps"), Err(Refused::Value));
        assert_eq!(settings.set("fsid", "x"), Err(Refused::NeedsRestart));
    }
}
