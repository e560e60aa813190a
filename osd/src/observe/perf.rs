//! Counters by section and name, as `perf dump` and `perf schema` show them, and histograms.

use super::part::Part;
use super::recorder::{Average, GRID, GRID_LATENCY_NS, GRID_SIZE_BYTES, Grid, Stats};
use super::stage::{Kind, Stage};
use serde_json::{Map, Value, json};
use std::time::Duration;
use types::Histogram;

/// A counter's value, and with it how readers treat it.
#[derive(Debug, Clone, Copy)]
pub enum Reading {
    /// Only grows.
    Count(u64),
    Bytes(u64),
    Gauge(u64),
    GaugeBytes(u64),
    Time(Average),
}

#[derive(Debug, Clone)]
pub struct Counter {
    pub name: String,
    pub reading: Reading,
    /// Ceph's short names, by which `ceph daemonperf` chooses.
    nick: &'static str,
    priority: u8,
    pub help: &'static str,
}

#[derive(Debug, Clone)]
pub struct Section {
    pub name: String,
    pub counters: Vec<Counter>,
}

/// Whether the counters of operations are reset by this name: they are all one. Those of the store
/// and the messenger count from the daemon's start.
pub fn is_reset_by(name: &str) -> bool {
    matches!(name, "all" | "osd" | "stages")
}

fn counter(name: impl Into<String>, reading: Reading, help: &'static str) -> Counter {
    Counter { name: name.into(), reading, nick: "", priority: 5, help }
}

impl Counter {
    fn nick(mut self, nick: &'static str, priority: u8) -> Self {
        (self.nick, self.priority) = (nick, priority);
        self
    }
    fn value(&self) -> Value {
        match self.reading {
            Reading::Count(n) | Reading::Bytes(n) | Reading::Gauge(n) | Reading::GaugeBytes(n) => {
                json!(n)
            }
            Reading::Time(Average { count, sum_ns }) => json!({
                "avgcount": count,
                "sum": sum_ns as f64 / 1e9,
                "avgtime": (sum_ns / count.max(1)) as f64 / 1e9,
            }),
        }
    }
    /// Ceph's bits: 1 time, 2 number, 4 average, 8 only grows.
    fn schema(&self) -> Value {
        let (bits, metric, value, units) = match self.reading {
            Reading::Count(_) => (10, "counter", "integer", "none"),
            Reading::Bytes(_) => (10, "counter", "integer", "bytes"),
            Reading::Gauge(_) => (2, "gauge", "integer", "none"),
            Reading::GaugeBytes(_) => (2, "gauge", "integer", "bytes"),
            Reading::Time(_) => (5, "gauge", "real-integer-pair", "none"),
        };
        json!({
            "type": bits,
            "metric_type": metric,
            "value_type": value,
            "description": self.help,
            "nick": self.nick,
            "priority": self.priority,
            "units": units,
        })
    }
}

fn average(histogram: &Histogram) -> Average {
    Average { count: histogram.count(), sum_ns: histogram.sum().as_nanos() as u64 }
}

fn sum_of(parts: &[Part]) -> Stats {
    let mut sum = Stats::default();
    let shards = parts.iter().flat_map(|part| &part.shards);
    shards.filter_map(|shard| shard.stats.as_ref()).for_each(|stats| sum.merge(stats));
    sum
}

/// Every section, that of the whole OSD first.
pub fn sections(parts: &[Part]) -> Vec<Section> {
    let mut sections = vec![Section { name: "osd".into(), counters: osd(parts) }];
    for part in parts {
        for shard in &part.shards {
            if let Some(stats) = &shard.stats {
                let name = format!("stages-shard-{}", shard.shard);
                sections.push(Section { name, counters: stages(stats) });
            }
            let name = format!("store-shard-{}", shard.shard);
            sections.push(Section { name, counters: store(&shard.store) });
        }
    }
    for part in parts {
        let name = format!("messenger-core-{}", part.core);
        sections.push(Section { name, counters: messenger(part) });
    }
    sections
}

fn osd(parts: &[Part]) -> Vec<Counter> {
    let stats = sum_of(parts);
    let shards = || parts.iter().flat_map(|part| &part.shards);
    let total = |of: fn(&super::ShardPart) -> u64| shards().map(of).sum::<u64>();
    let all = |of: fn(&super::recorder::KindStats) -> u64| stats.kinds.iter().map(of).sum::<u64>();
    let mean = |of: fn(&super::recorder::KindStats) -> Average| {
        let mut sum = Average::default();
        stats.kinds.iter().for_each(|kind| sum.merge(&of(kind)));
        sum
    };
    let mut out = vec![
        counter("op_wip", Reading::Gauge(total(|s| s.under_way)), "ops under way"),
        counter("op", Reading::Count(all(|k| k.count)), "ops of clients").nick("ops", 10),
        counter(
            "op_hop",
            Reading::Count(parts.iter().map(|p| p.hops.ops).sum()),
            "ops that came in on another core than their PG's, and hopped there",
        ),
        counter("op_in_bytes", Reading::Bytes(all(|k| k.in_bytes)), "data that came with ops")
            .nick("wr", 8),
        counter("op_out_bytes", Reading::Bytes(all(|k| k.out_bytes)), "data in answers")
            .nick("rd", 8),
        counter(
            "op_latency",
            Reading::Time(mean(|k| average(&k.whole))),
            "from the first bytes of an op to its reply",
        )
        .nick("l", 9),
        counter(
            "op_process_latency",
            Reading::Time(mean(|k| k.process)),
            "from an op's start to its reply",
        ),
        counter(
            "op_prepare_latency",
            Reading::Time(mean(|k| k.prepare)),
            "from an op's start until the device is given its work",
        ),
    ];
    for kind in Kind::ALL {
        let of = &stats.kinds[kind as usize];
        let name = |tail: &str| format!("op_{}{tail}", kind.letters());
        out.push(counter(name(""), Reading::Count(of.count), "ops of this kind"));
        if kind != Kind::Read {
            out.push(counter(name("_in_bytes"), Reading::Bytes(of.in_bytes), "data that came"));
        }
        if kind != Kind::Write {
            out.push(counter(name("_out_bytes"), Reading::Bytes(of.out_bytes), "data in answers"));
        }
        let times = [
            ("_latency", average(&of.whole), "from the first bytes to the reply"),
            ("_process_latency", of.process, "from the start to the reply"),
            ("_prepare_latency", of.prepare, "from the start until the device has its work"),
        ];
        out.extend(times.map(|(tail, time, help)| counter(name(tail), Reading::Time(time), help)));
    }
    let subops = Reading::Count(stats.subops.count);
    let subop_bytes = Reading::Bytes(stats.subop_in_bytes);
    out.extend([
        counter(
            "op_before_queue_op_lat",
            Reading::Time(stats.before_queue),
            "until on its PG's core",
        ),
        counter("op_before_dequeue_op_lat", Reading::Time(stats.before_start), "until it starts"),
        counter("subop", subops, "writes of other primaries"),
        counter("subop_in_bytes", subop_bytes, "data of those"),
        counter("subop_latency", Reading::Time(stats.subops), "until those are durable here"),
        counter("subop_w", subops, "writes of other primaries"),
        counter("subop_w_in_bytes", subop_bytes, "data of those"),
        counter("subop_w_latency", Reading::Time(stats.subops), "until those are durable here"),
        counter(
            "subop_hop",
            Reading::Count(parts.iter().map(|p| p.hops.peers).sum()),
            "messages of OSDs that came in on another core than their PG's",
        ),
        counter("numpg", Reading::Gauge(total(|s| s.pgs)), "placement groups").nick("pgs", 5),
        counter("numpg_primary", Reading::Gauge(total(|s| s.pgs_primary)), "those served here"),
        counter(
            "numpg_replica",
            Reading::Gauge(total(|s| s.pgs - s.pgs_primary - s.pgs_stray)),
            "those with a copy here",
        ),
        counter("numpg_stray", Reading::Gauge(total(|s| s.pgs_stray)), "those that may go"),
        counter(
            "heartbeat_to_peers",
            Reading::Gauge(parts.iter().map(|p| p.heartbeat_peers).sum()),
            "OSDs that are asked for a sign of life",
        ),
        counter(
            "messages_delayed_for_map",
            Reading::Gauge(parts.iter().map(|p| p.parked).sum()),
            "messages that wait for a newer map",
        ),
        counter("stat_bytes", Reading::GaugeBytes(total(|s| s.space_total)), "size")
            .nick("size", 5),
        counter("stat_bytes_used", Reading::GaugeBytes(total(|s| s.space_used)), "used")
            .nick("used", 5),
        counter("stat_bytes_avail", Reading::GaugeBytes(total(|s| s.space_available)), "free"),
    ]);
    out
}

fn stages(stats: &Stats) -> Vec<Counter> {
    let mut out = Vec::new();
    for kind in Kind::ALL {
        let of = &stats.kinds[kind as usize];
        for stage in Stage::ALL.into_iter().skip(1) {
            let name = format!("{}_{}", kind.name(), stage.name());
            let time = Reading::Time(average(&of.stages[stage as usize]));
            out.push(counter(name, time, "time since the stage before"));
        }
        let time = Reading::Time(average(&of.whole));
        out.push(counter(format!("{}_whole", kind.name()), time, "from received to replied"));
    }
    out
}

fn store(c: &seastore::StoreCounters) -> Vec<Counter> {
    vec![
        counter("user_bytes", Reading::Bytes(c.user_bytes), "written to objects"),
        counter("device_bytes", Reading::Bytes(c.device_bytes), "written to the device"),
        counter("checkpoint_bytes", Reading::Bytes(c.checkpoint_bytes), "of those, checkpoints"),
        counter("cleaner_bytes", Reading::Bytes(c.cleaner_bytes), "of those, moved data"),
        counter("checkpoints", Reading::Count(c.checkpoints), "checkpoints"),
        counter("segments_cleaned", Reading::Count(c.segments_cleaned), "segments made free"),
        counter("discarded_bytes", Reading::Bytes(c.discarded_bytes), "given back to the device"),
        counter("page_reads", Reading::Count(c.page_reads), "metadata pages read"),
        counter("reads_tried_again", Reading::Count(c.reads_tried_again), "reads refused once"),
    ]
}

fn messenger(part: &Part) -> Vec<Counter> {
    let c = &part.messenger;
    vec![
        counter("msgr_recv_messages", Reading::Count(c.messages_in), "messages received"),
        counter("msgr_send_messages", Reading::Count(c.messages_out), "messages sent"),
        counter("msgr_recv_bytes", Reading::Bytes(c.bytes_in), "bytes received"),
        counter("msgr_send_bytes", Reading::Bytes(c.bytes_out), "bytes sent"),
        counter(
            "msgr_created_connections",
            Reading::Count(c.accepted + c.dialled),
            "connections made",
        ),
        counter("msgr_active_connections", Reading::Gauge(part.sessions), "sessions"),
        counter(
            "protocol_errors",
            Reading::Count(c.protocol_errors),
            "peers that broke the protocol",
        ),
        counter("auth_refused", Reading::Count(c.auth_refused), "peers that were refused"),
        counter(
            "duplicates_dropped",
            Reading::Count(c.duplicates_dropped),
            "messages that came twice",
        ),
        counter("reconnects", Reading::Count(c.reconnects), "sessions that were taken up again"),
        counter("timeouts", Reading::Count(c.timeouts), "connections that fell silent"),
        counter("send_queue_full", Reading::Count(c.send_queue_full), "peers that did not read"),
    ]
}

/// A section's and a counter's name; `None` is all.
type Selected = (Option<String>, Option<String>);

fn is_selected(wanted: &Option<String>, name: &str) -> bool {
    wanted.as_deref().is_none_or(|wanted| wanted == name)
}

fn each(parts: &[Part], selected: &Selected, value: fn(&Counter) -> Value) -> Value {
    let mut out = Map::new();
    for section in sections(parts).into_iter().filter(|s| is_selected(&selected.0, &s.name)) {
        let counters = section.counters.iter().filter(|c| is_selected(&selected.1, &c.name));
        let of: Map<_, _> = counters.map(|c| (c.name.clone(), value(c))).collect();
        if !of.is_empty() {
            out.insert(section.name, Value::Object(of));
        }
    }
    Value::Object(out)
}

pub fn dump(parts: &[Part], selected: &Selected) -> Value {
    each(parts, selected, Counter::value)
}
pub fn schema(parts: &[Part]) -> Value {
    each(parts, &(None, None), Counter::schema)
}

/// One direction of a histogram: the bound of each bucket is twice the last.
fn axis(name: &str, unit: u64) -> Value {
    let mut ranges = vec![json!({"max": -1}), json!({"min": 0, "max": unit - 1})];
    for bucket in 2..GRID as u32 - 1 {
        let min = unit << (bucket - 2);
        ranges.push(json!({"min": min, "max": 2 * min - 1}));
    }
    ranges.push(json!({"min": unit << (GRID - 3)}));
    json!({
        "name": name,
        "min": 0,
        "quant_size": unit,
        "buckets": GRID,
        "scale_type": "log2",
        "ranges": ranges,
    })
}

fn grid(grid: &Grid) -> Value {
    let rows: Vec<Vec<u64>> = grid.0.iter().map(|row| row.to_vec()).collect();
    let axes =
        [axis("Latency (usec)", GRID_LATENCY_NS), axis("Request size (bytes)", GRID_SIZE_BYTES)];
    json!({"axes": axes, "values": rows})
}

/// Of a stage: finer, from 1.024 us.
const STAGE_UNIT_NS: u64 = 1024;

fn row(histogram: &Histogram) -> Value {
    let mut values = vec![0];
    let mut below = 0;
    for bucket in 0..GRID as u32 - 2 {
        let upto = histogram.count_below(Duration::from_nanos(STAGE_UNIT_NS << bucket));
        values.push(upto - below);
        below = upto;
    }
    values.push(histogram.count() - below);
    json!({"axes": [axis("Latency (nsec)", STAGE_UNIT_NS)], "values": values})
}

const GRIDS: [(&str, Kind, bool); 4] = [
    ("op_r_latency_out_bytes_histogram", Kind::Read, false),
    ("op_w_latency_in_bytes_histogram", Kind::Write, true),
    ("op_rw_latency_in_bytes_histogram", Kind::ReadWrite, true),
    ("op_rw_latency_out_bytes_histogram", Kind::ReadWrite, false),
];

pub fn histogram_dump(parts: &[Part], selected: &Selected) -> Value {
    let stats = sum_of(parts);
    let mut out = Map::new();
    let mut add = |section: String, name: String, value: &dyn Fn() -> Value| {
        if is_selected(&selected.0, &section) && is_selected(&selected.1, &name) {
            let of = out.entry(section).or_insert_with(|| json!({}));
            of.as_object_mut().expect("it was made so").insert(name, value());
        }
    };
    for (name, kind, is_in) in GRIDS {
        let of = &stats.kinds[kind as usize];
        let of = if is_in { &of.by_in_size } else { &of.by_out_size };
        add("osd".into(), name.into(), &|| grid(of));
    }
    for shard in parts.iter().flat_map(|part| &part.shards) {
        let Some(stats) = &shard.stats else { continue };
        let section = format!("stages-shard-{}", shard.shard);
        for kind in Kind::ALL {
            let of = &stats.kinds[kind as usize];
            for stage in Stage::ALL.into_iter().skip(1) {
                let name = format!("{}_{}", kind.name(), stage.name());
                add(section.clone(), name, &|| row(&of.stages[stage as usize]));
            }
            add(section.clone(), format!("{}_whole", kind.name()), &|| row(&of.whole));
        }
    }
    Value::Object(out)
}

pub fn histogram_schema(parts: &[Part]) -> Value {
    let described = |value: &str, help: &str| {
        json!({
            "type": 26,
            "metric_type": "counter",
            "value_type": value,
            "description": help,
            "nick": "",
            "priority": 5,
            "units": "none",
        })
    };
    let two = described("integer-2d-histogram", "ops by latency and by size of their data");
    let mut out = Map::new();
    let of: Map<_, _> = GRIDS.iter().map(|(name, ..)| ((*name).to_owned(), two.clone())).collect();
    out.insert("osd".into(), Value::Object(of));
    let one = described("integer-1d-histogram", "ops by time since the stage before");
    let none = (None, None);
    if let Value::Object(all) = histogram_dump(parts, &none) {
        for (section, of) in all.into_iter().filter(|(section, _)| section != "osd") {
            let names = of.as_object().into_iter().flat_map(|of| of.keys());
            let of: Map<_, _> = names.map(|name| (name.clone(), one.clone())).collect();
            out.insert(section, Value::Object(of));
        }
    }
    Value::Object(out)
}
