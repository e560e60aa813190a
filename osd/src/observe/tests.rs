use super::*;
use crate::config::Settings;
use serde_json::Value;
use types::time::Now;
use types::{EntityName, Epoch, Fsid, Instant, OsdId, UTime};

const US: u64 = 1000;

fn now() -> Now {
    Now { mono: Instant(60_000_000_000), wall: UTime { sec: 1_795_299_281, nsec: 0 } }
}

/// One write, in order through all stages, each a tenth of a millisecond after the one before.
fn kept(tid: u64, begin: Instant, ended: bool) -> Kept {
    let mut stamps = Stamps::new(begin);
    let stages = if ended { &Stage::ALL[..] } else { &Stage::ALL[..5] };
    for (i, stage) in stages.iter().enumerate() {
        stamps.mark(*stage, Instant(begin.0 + i as u64 * 100 * US));
    }
    let name = EntityName::client(7);
    Kept {
        text: format!("op {tid}"),
        name,
        addr: None,
        tid,
        kind: Kind::Write,
        stamps,
        waits_for: None,
    }
}

fn part(core: u16) -> Part {
    let mut recorder = Recorder::default();
    recorder.now = now();
    let mut track = Track::new(Instant(now().mono.0 - 300 * US), Kind::Write);
    track.in_bytes = 4096;
    recorder.mark(&mut track, Stage::Started);
    recorder.finish(track, 0, None);
    recorder.end_of_turn(now());
    let begin = |ms: u64| Instant(now().mono.0 - ms * 1000 * US);
    let shard = ShardPart {
        shard: core,
        pgs: 4,
        pgs_primary: 3,
        space_total: 1 << 30,
        stats: Some(Box::new(recorder.stats().clone())),
        under_way: 2,
        ops: vec![kept(2, begin(31_000), false), kept(1, begin(5), false)],
        history: vec![kept(3, begin(50), true)],
        slow: vec![kept(4, begin(20_000), true)],
        ..ShardPart::default()
    };
    Part {
        osd: OsdId(3),
        cluster: Fsid::default(),
        osd_uuid: Fsid::default(),
        version: "test".into(),
        core,
        now: now(),
        booted: true,
        epoch: Epoch(9),
        sessions: 1,
        heartbeat_peers: 0,
        parked: 0,
        messenger: Default::default(),
        hops: HopCounts { ops: 5, peers: 2 },
        settings: Settings::default(),
        tracking: Tracking::default(),
        shards: vec![shard],
    }
}

/// Asks two cores.
fn ask(text: &str) -> Reply {
    let request = match Request::parse(text) {
        Ok(request) => request,
        Err(reply) => return reply,
    };
    let mut gather = Gather::new(request, 2);
    assert_eq!(gather.add(part(1)), None);
    gather.add(part(0)).expect("both have answered")
}

fn json(text: &str) -> Value {
    let reply = ask(text);
    assert_eq!((reply.result, reply.status.as_str()), (0, ""), "{text}");
    serde_json::from_str(&reply.output).unwrap()
}

#[test]
fn every_command_answers_or_says_what_it_lacks() {
    let Value::Object(all) = descriptions() else { panic!("it is an object") };
    assert!(all.len() > 20);
    for spec in all.values() {
        let words = spec["sig"].as_array().unwrap().iter().filter_map(Value::as_str);
        let prefix = words.collect::<Vec<_>>().join(" ");
        let needs =
            spec["sig"].as_array().unwrap().iter().any(|a| a.is_object() && a.get("req").is_none());
        let reply = ask(&format!("{{\"prefix\": \"{prefix}\"}}"));
        let changes_nothing = prefix == "injectargs";
        assert_eq!(reply.result != 0, needs && !changes_nothing, "{prefix}: {reply:?}");
        assert!(!reply.clone().into_text().is_empty(), "{prefix}");
    }
}

#[test]
fn operations_are_told_with_their_stages() {
    let ops = json(r#"{"prefix": "dump_ops_in_flight"}"#);
    assert_eq!(ops["num_ops"], 4);
    let first = &ops["ops"][0];
    assert_eq!(first["description"], "op 2");
    assert_eq!(first["age"], 31.0);
    assert_eq!(first["initiated_at"], "2026-11-21T22:14:10.000000+0000");
    assert_eq!(first["type_data"]["flag_point"], "started");
    assert_eq!(first["type_data"]["client_info"]["client"], "client.7");
    let events = first["type_data"]["events"].as_array().unwrap();
    assert_eq!(events.len(), 5);
    assert_eq!(events[4]["event"], "journal_submitted");
    assert_eq!(events[4]["duration"], 0.0001);
    assert_eq!(json(r#"{"prefix": "dump_blocked_ops"}"#)["num_blocked_ops"], 2);
    let other = r#"{"prefix": "ops", "filterstr": ["client.8"]}"#;
    assert_eq!(json(other)["ops"].as_array().unwrap().len(), 0);
    let historic = json(r#"{"prefix": "dump_historic_ops"}"#);
    assert_eq!((&historic["size"], &historic["duration"]), (&20.into(), &600.into()));
    assert_eq!(historic["ops"][0]["duration"], 0.0007);
    assert_eq!(json("dump_historic_slow_ops")["Ops"].as_array().unwrap().len(), 2);
}

#[test]
fn counters_are_summed_over_cores_and_follow_their_schema() {
    let dump = json(r#"{"prefix": "perf dump"}"#);
    assert_eq!((&dump["osd"]["op_w"], &dump["osd"]["op_w_in_bytes"]), (&2.into(), &8192.into()));
    assert_eq!(dump["osd"]["op_w_latency"]["avgtime"], 0.0003);
    assert_eq!(dump["stages-shard-1"]["write_replied"]["avgcount"], 1);
    let schema = json(r#"{"prefix": "perf schema"}"#);
    for (section, counters) in dump.as_object().unwrap() {
        for (name, value) in counters.as_object().unwrap() {
            let bits = schema[section][name]["type"].as_u64().unwrap();
            assert_eq!(value.is_object(), bits & 4 != 0, "{section} {name}");
        }
    }
    let one = json(r#"{"prefix": "perf dump", "logger": "osd", "counter": "op"}"#);
    assert_eq!(one, serde_json::json!({"osd": {"op": 2}}));
    let grid = json(r#"{"prefix": "perf histogram dump"}"#);
    let grid = &grid["osd"]["op_w_latency_in_bytes_histogram"];
    // 300 us, 4 KiB.
    assert_eq!(grid["values"][3][5], 2);
    assert_eq!(grid["axes"][0]["ranges"][3]["max"], 399_999);
    assert_eq!(json("stages")["all"]["write"]["whole"]["count"], 2);
}

#[test]
fn metrics_keep_to_the_format() {
    let text = ask("metrics").output;
    let mut typed = std::collections::BTreeMap::new();
    let mut last = String::new();
    let mut buckets = 0;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(typed.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} comes twice");
            last = name.to_owned();
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (name, rest) = line.split_once('{').unwrap();
        let (labels, value) = rest.split_once("} ").unwrap();
        value.parse::<f64>().unwrap();
        assert!(labels.starts_with("ceph_daemon=\"osd.3\""), "{line}");
        let family = match typed[&last].as_str() {
            "histogram" => {
                name.trim_end_matches("_bucket").trim_end_matches("_sum").trim_end_matches("_count")
            }
            _ => name,
        };
        assert_eq!(family, last, "samples of a metric stay together");
        buckets +=
            usize::from(name == "kermes_osd_op_seconds_bucket" && labels.contains("le=\"+Inf\""));
    }
    assert_eq!(buckets, 2, "one histogram for each of two shards");
    assert!(text.contains("ceph_osd_op_w{ceph_daemon=\"osd.3\"} 2\n"), "{text}");
    assert!(text.contains("stage=\"replied\",le=\"0.001048576\"} 1\n"), "{text}");
}

#[test]
fn settings_are_set_or_the_refusal_says_why() {
    let set = |name: &str, value: &str| {
        ask(&format!(r#"{{"prefix": "config set", "var": "{name}", "val": ["{value}"]}}"#))
    };
    assert_eq!(set("osd_op_history_size", "25").result, 0);
    let request = r#"{"prefix": "injectargs", "injected_args": ["--osd-op-history-size=25 --osd_op_complaint_time 31"]}"#;
    let change = Request::parse(request).unwrap().question().change;
    let pairs = [("osd_op_history_size", "25"), ("osd_op_complaint_time", "31.000000")];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    assert_eq!(change, Some(Change::Set(pairs)));
    assert_eq!(set("osd_op_history_size", "x").result, -22);
    assert_eq!(set("nowhere", "x").result, -2);
    let refused = set("fsid", "x");
    assert_eq!(refused.result, -38);
    assert!(refused.into_text().contains("change it in ceph.conf and restart"));
    assert_eq!(
        json(r#"{"prefix": "config get", "var": "osd_op_complaint_time"}"#)["osd_op_complaint_time"],
        "30.000000"
    );
    assert_eq!(ask("{\"x").status, "invalid json");
    assert_eq!(ask("nonsense").result, -22);
}
