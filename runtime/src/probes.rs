//! Probes for tracing tools (USDT): a nop each until perf, bpftrace or SystemTap puts a trap there.
//! `readelf -n` lists them, `perf list sdt` too after `perf buildid-cache --add`.
//!
//! Provider `kermes`, one probe for each stage of an operation, `op_received` to `op_replied`, with
//! arguments: store shard, client's number, the operation's number, kind (0 read, 1 write, 2 both),
//! time since the operation came in ns. What came from another core shows its first two stages when
//! it is there.
//!
//! ```text
//! bpftrace -e 'usdt:./kermes:kermes:op_replied { @[arg3] = hist(arg4); }'
//! ```

use probe::probe;
use types::node::{StageProbes, StageSeen};

/// The probes, in the order of the stages.
pub const NAMES: [&str; 8] = [
    "op_received",
    "op_parsed",
    "op_queued",
    "op_started",
    "op_submitted",
    "op_durable",
    "op_replicated",
    "op_replied",
];

/// Shows stages as probes.
#[derive(Debug, Clone, Copy)]
pub struct Usdt;

impl StageProbes for Usdt {
    fn stage(&self, seen: StageSeen) {
        let (shard, client, tid) = (seen.shard as isize, seen.client as isize, seen.tid as isize);
        let (kind, ns) = (seen.kind as isize, seen.after_ns as isize);
        match seen.stage {
            0 => probe!(kermes, op_received, shard, client, tid, kind, ns),
            1 => probe!(kermes, op_parsed, shard, client, tid, kind, ns),
            2 => probe!(kermes, op_queued, shard, client, tid, kind, ns),
            3 => probe!(kermes, op_started, shard, client, tid, kind, ns),
            4 => probe!(kermes, op_submitted, shard, client, tid, kind, ns),
            5 => probe!(kermes, op_durable, shard, client, tid, kind, ns),
            6 => probe!(kermes, op_replicated, shard, client, tid, kind, ns),
            7 => probe!(kermes, op_replied, shard, client, tid, kind, ns),
            _ => {}
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_binary_has_a_note_for_each_probe() {
        for stage in 0..NAMES.len() as u8 {
            let seen = StageSeen { stage, kind: 0, shard: 0, client: 1, tid: 2, after_ns: 3 };
            Usdt.stage(std::hint::black_box(seen));
        }
        let binary = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let has = |text: &str| binary.windows(text.len()).any(|part| part == text.as_bytes());
        for name in NAMES {
            // Provider, probe and arguments follow each other, each with a NUL behind it; the
            // arguments are signed and have 8 bytes.
            assert!(has(&format!("kermes\0{name}\0-8@")), "{name}");
        }
    }
}
