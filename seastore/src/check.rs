//! Consistency of what is in memory.

use crate::segment::Use;
use crate::store::{Phase, Store};

impl Store {
    /// Checks extent maps against segment counts, and every other invariant of what is in memory.
    /// Returns one line per finding; empty is good. For tests and tools: costs time in the number of
    /// extents times those of a segment.
    pub fn check(&self) -> Vec<String> {
        let mut findings = Vec::new();
        if !matches!(self.phase, Phase::Ready) {
            return findings;
        }
        self.objects.check(&mut findings);
        let mut live = vec![0u64; self.segments.segments.len()];
        for (id, onode) in self.objects.iter() {
            for (offset, extent) in onode.extents.iter().filter(|(_, e)| !e.is_pending()) {
                let segment = self.segments.of(extent.addr) as usize;
                let Some(count) = live.get_mut(segment) else {
                    findings.push(format!("object {}: data outside the region", onode.name));
                    continue;
                };
                *count += extent.len as u64;
                let end = offset + extent.len as u64;
                let owned = self.segments.segments[segment].owners.iter().any(|o| {
                    o.object == id && o.offset <= offset && end <= o.offset + o.len as u64
                });
                if !owned {
                    findings.push(format!(
                        "object {}: the cleaner would not find offset {offset} in segment {segment}",
                        onode.name
                    ));
                }
            }
        }
        let in_flight = self.in_flight.iter().flat_map(|f| &f.kills);
        let queued = self.queue.iter().chain(&self.moves).flat_map(|q| &q.kills);
        for (segment, bytes) in in_flight.chain(queued) {
            live[*segment as usize] += bytes;
        }
        for (i, (segment, counted)) in self.segments.segments.iter().zip(&live).enumerate() {
            if segment.live != *counted {
                findings.push(format!(
                    "segment {i}: {counted} bytes live, the table says {}",
                    segment.live
                ));
            }
            if *counted > 0 && !matches!(segment.usage, Use::Open | Use::Closed) {
                findings.push(format!("segment {i}: live data in a {:?} segment", segment.usage));
            }
        }
        let count = |usage| self.segments.segments.iter().filter(|s| s.usage == usage).count();
        let taking = self.checkpointer.as_ref().map_or(0, |c| c.segments.len());
        let expected = [
            (Use::Open, 1),
            (Use::Next, 1),
            (Use::Free, self.segments.free_count() as usize),
            (Use::Checkpoint, self.checkpoint_segments.len() + taking),
        ];
        for (usage, wanted) in expected {
            if count(usage) != wanted {
                let found = count(usage);
                findings.push(format!("{found} segments are {usage:?}, not {wanted}"));
            }
        }
        if self.durable + self.in_flight.len() as u64 + 1 != self.head.sequence {
            findings.push("sequences of records in flight have a gap".into());
        }
        findings
    }
}
