//! Operations, state and stages as JSON, in the shapes that Ceph gives them.

use super::Stats;
use super::part::Part;
use super::recorder::Kept;
use super::stage::{Kind, Stage};
use serde_json::{Map, Value, json};
use std::time::Duration;
use types::time::Now;
use types::{Histogram, Instant, UTime};

fn seconds(took: Duration) -> f64 {
    took.as_nanos() as f64 / 1e9
}

/// The wall clock's reading at `at`, which was not after `now`.
fn wall(now: Now, at: Instant) -> UTime {
    let ago = now.mono.since(at);
    UTime::from_duration(now.wall.to_duration().saturating_sub(ago))
}

/// As Ceph prints times: `2026-11-21T22:14:41.334526+0000`.
fn time_text(time: UTime) -> String {
    let (days, second) = (time.sec / 86_400, time.sec % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let us = time.nsec / 1000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{us:06}+0000")
}

/// Year, month and day of a day since 1970, by eras of 400 years that begin with a March.
fn date(days: u32) -> (u32, u32, u32) {
    let since = days + 719_468;
    let (era, day) = (since / 146_097, since % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Months from March on: 153 days to five of them.
    let month = (5 * day + 2) / 153;
    let (y, m) = if month < 10 { (0, month + 3) } else { (1, month - 9) };
    (era * 400 + year + y, m, day - (153 * month + 2) / 5 + 1)
}

fn op(kept: &Kept, now: Now) -> Value {
    let mut events = Vec::new();
    let mut before = kept.stamps.received();
    for (stage, at) in kept.stamps.passed() {
        events.push(json!({
            "event": stage.event(kept.kind),
            "time": time_text(wall(now, at)),
            "duration": seconds(at.since(before)),
        }));
        before = at;
    }
    let last = kept.stamps.last().flag_point();
    let addr = kept.addr.map(|addr| addr.to_string()).unwrap_or_default();
    let addr = addr.split_once(':').filter(|(kind, _)| *kind == "v2").map_or(&*addr, |(_, a)| a);
    json!({
        "description": kept.text,
        "initiated_at": time_text(wall(now, kept.stamps.received())),
        "age": seconds(now.mono.since(kept.stamps.received())),
        "duration": seconds(kept.duration(now.mono)),
        "type_data": {
            "flag_point": kept.waits_for.unwrap_or(last),
            "client_info": {
                "client": kept.name.to_string(),
                "client_addr": addr,
                "tid": kept.tid,
            },
            "events": events,
        },
    })
}

/// Whether one of `filters`, if there are any, is the client's name or in its address.
fn is_wanted(kept: &Kept, filters: &[String]) -> bool {
    let addr = || kept.addr.map(|addr| addr.to_string()).unwrap_or_default();
    filters.is_empty() || filters.iter().any(|f| kept.name.to_string() == *f || addr().contains(f))
}

/// Those that are wanted, by the time at which they came.
fn collect<'a>(
    parts: &'a [Part],
    filters: &[String],
    of: impl Fn(&'a super::ShardPart) -> &'a [Kept],
) -> Vec<(&'a Kept, Now)> {
    let all = parts.iter().flat_map(|part| part.shards.iter().map(move |shard| (shard, part.now)));
    let all = all.flat_map(|(shard, now)| of(shard).iter().map(move |kept| (kept, now)));
    let mut kept: Vec<_> = all.filter(|(kept, _)| is_wanted(kept, filters)).collect();
    // Cores have clocks of their own; what is common is how long ago it was.
    kept.sort_by_key(|(kept, now)| std::cmp::Reverse(now.mono.since(kept.stamps.received())));
    kept
}

fn list(kept: &[(&Kept, Now)]) -> Vec<Value> {
    kept.iter().map(|(kept, now)| op(kept, *now)).collect()
}

pub fn ops(parts: &[Part], filters: &[String]) -> Value {
    let kept = collect(parts, filters, |shard| &shard.ops);
    let told: usize = parts.iter().flat_map(|p| &p.shards).map(|s| s.ops.len()).sum();
    let all: u64 = parts.iter().flat_map(|p| &p.shards).map(|s| s.under_way).sum();
    json!({"ops": list(&kept), "num_ops": kept.len() as u64 + all - told as u64})
}

pub fn blocked(parts: &[Part], filters: &[String]) -> Value {
    let complaint = parts[0].tracking.complaint;
    let mut kept = collect(parts, filters, |shard| &shard.ops);
    kept.retain(|(kept, now)| kept.duration(now.mono) >= complaint);
    json!({
        "ops": list(&kept),
        "complaint_time": seconds(complaint),
        "num_blocked_ops": kept.len(),
    })
}

pub fn historic(parts: &[Part], filters: &[String], by_duration: bool) -> Value {
    let tracking = &parts[0].tracking;
    let mut kept = collect(parts, filters, |shard| &shard.history);
    // Each shard keeps as many: the slowest of all are wanted.
    let size = tracking.history_size;
    let duration = |(kept, now): &(&Kept, Now)| std::cmp::Reverse(kept.duration(now.mono));
    if by_duration || kept.len() > size {
        kept.sort_by_key(duration);
        kept.truncate(size);
    }
    if !by_duration {
        kept.sort_by_key(|(kept, now)| std::cmp::Reverse(now.mono.since(kept.stamps.received())));
    }
    json!({
        "size": size,
        "duration": tracking.history_duration.as_secs(),
        "ops": list(&kept),
    })
}

pub fn slow(parts: &[Part], filters: &[String]) -> Value {
    let tracking = &parts[0].tracking;
    let mut kept = collect(parts, filters, |shard| &shard.slow);
    let spare = kept.len().saturating_sub(tracking.slow_size);
    kept.drain(..spare);
    // The names of these keys are Ceph's.
    json!({
        "num to keep": tracking.slow_size,
        "threshold to keep": tracking.slow_threshold.as_secs(),
        "Ops": list(&kept),
    })
}

pub fn status(parts: &[Part]) -> Value {
    let first = &parts[0];
    let pgs: u64 = parts.iter().flat_map(|p| &p.shards).map(|s| s.pgs).sum();
    json!({
        "cluster_fsid": first.cluster.to_string(),
        "osd_fsid": first.osd_uuid.to_string(),
        "whoami": first.osd.0,
        "state": if first.booted { "active" } else { "booting" },
        "oldest_map": first.epoch.0,
        "cluster_osdmap_trim_lower_bound": first.epoch.0,
        "newest_map": first.epoch.0,
        "num_pgs": pgs,
    })
}

fn figures(histogram: &Histogram) -> Value {
    let us = |took: Duration| (took.as_nanos() as f64 / 100.0).round() / 10.0;
    let mean = histogram.sum() / (histogram.count().clamp(1, u32::MAX.into()) as u32);
    json!({
        "count": histogram.count(),
        "mean_us": us(mean),
        "p50_us": us(histogram.quantile(0.5)),
        "p90_us": us(histogram.quantile(0.9)),
        "p99_us": us(histogram.quantile(0.99)),
        "p999_us": us(histogram.quantile(0.999)),
        "max_us": us(histogram.max()),
    })
}

fn stages_of(stats: &Stats) -> Value {
    let mut out = Map::new();
    for kind in Kind::ALL {
        let of = &stats.kinds[kind as usize];
        let mut rows = Map::new();
        for stage in Stage::ALL {
            let histogram = &of.stages[stage as usize];
            if histogram.count() > 0 {
                rows.insert(stage.name().into(), figures(histogram));
            }
        }
        if of.whole.count() > 0 {
            rows.insert("whole".into(), figures(&of.whole));
            out.insert(kind.name().into(), Value::Object(rows));
        }
    }
    Value::Object(out)
}

/// Percentiles: of all shards together, and of each. A stage's time is that since the one before.
pub fn stages(parts: &[Part]) -> Value {
    let shards = || parts.iter().flat_map(|part| &part.shards);
    let mut sum = Stats::default();
    shards().filter_map(|shard| shard.stats.as_ref()).for_each(|stats| sum.merge(stats));
    let of = |shard: &super::ShardPart| {
        Some((shard.shard.to_string(), stages_of(shard.stats.as_ref()?)))
    };
    json!({"all": stages_of(&sum), "shards": shards().filter_map(of).collect::<Map<_, _>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_as_dates() {
        let text = |sec, nsec| time_text(UTime { sec, nsec });
        assert_eq!(text(0, 0), "1970-01-01T00:00:00.000000+0000");
        assert_eq!(text(951_782_400, 1_999), "2000-02-29T00:00:00.000001+0000");
        assert_eq!(text(1_795_299_281, 334_526_000), "2026-11-21T22:14:41.334526+0000");
        assert_eq!(text(u32::MAX, 0), "2106-02-07T06:28:15.000000+0000");
    }
}
