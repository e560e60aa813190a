//! A store that ages: what the cleaner and the checkpoints write on top of what users write.

use crate::common::{BLOCK, Rng, name, params};
use bytes::Bytes;
use seastore::*;
use types::node::aligned_buf;

const OBJECT: u64 = 256 << 10;
const OBJECT_BLOCKS: u64 = OBJECT / 4096;
/// Transactions of one turn.
const DEPTH: u64 = 32;

/// A store on a disk that is one piece of memory, for workloads that write it over many times.
struct Bench {
    disk: Vec<u8>,
    store: Store,
    superblock: Superblock,
    waiting: Vec<StoreEffect>,
    events: Vec<StoreEvent>,
    /// Random bytes, blocks of which are what users write.
    source: Bytes,
    rng: Rng,
    objects: u64,
}

impl Bench {
    fn new(device_bytes: u64, cache_bytes: usize) -> Self {
        let mut disk = vec![0; device_bytes as usize];
        for (offset, buf) in mkfs_plan(&params(device_bytes, 1)).unwrap() {
            disk[offset as usize..][..buf.len()].copy_from_slice(&buf);
        }
        let [a, b] = superblock_offsets(device_bytes);
        let block = |at: u64| &disk[at as usize..at as usize + BLOCK];
        let superblock = probe(device_bytes, block(a), block(b)).unwrap();
        let config = StoreConfig { cache_bytes, ..StoreConfig::new(superblock, 0, 1) };
        let mut rng = Rng(7);
        let mut bench = Self {
            disk,
            store: Store::open(config),
            superblock,
            waiting: Vec::new(),
            events: Vec::new(),
            source: rng.bytes(1 << 20),
            rng,
            objects: 0,
        };
        bench.store.mount(&mut bench.waiting);
        while !bench.waiting.is_empty() {
            bench.perform();
        }
        bench
    }

    fn perform(&mut self) {
        for effect in std::mem::take(&mut self.waiting) {
            let done = match effect {
                StoreEffect::Read { io, offset, len } => {
                    let mut buf = aligned_buf(len);
                    buf.extend_from_slice(&self.disk[offset as usize..][..len]);
                    IoCompletion::Read { io, result: Ok(buf.freeze()) }
                }
                StoreEffect::Write { io, offset, buf, .. } => {
                    self.disk[offset as usize..][..buf.len()].copy_from_slice(&buf);
                    IoCompletion::Write { io, result: Ok(()) }
                }
                StoreEffect::Flush { io } => IoCompletion::Flush { io, result: Ok(()) },
                StoreEffect::Discard { io, .. } => IoCompletion::Discard { io, result: Ok(()) },
            };
            self.store.on_io(done, &mut self.events, &mut self.waiting);
        }
        for event in self.events.drain(..) {
            match event {
                StoreEvent::Durable { .. } | StoreEvent::Room | StoreEvent::Mounted(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn turn(&mut self) {
        self.store.end_of_turn(&mut self.waiting);
        self.perform();
    }

    fn run(&mut self) {
        loop {
            self.turn();
            if self.waiting.is_empty() {
                return;
            }
        }
    }

    fn write(&mut self, object: u64, block: u64, blocks: u64) {
        let at = self.rng.below(256 - blocks + 1) as usize * BLOCK;
        let data = self.source.slice(at..at + blocks as usize * BLOCK);
        let op = TxnOp::Write { o: name(object), offset: block * 4096, data };
        let mut tries = 0;
        while let Err(e) = self.store.submit(vec![op.clone()].into(), 0) {
            assert_eq!(e, SubmitError::Busy, "{}", self.store.space_line());
            self.turn();
            tries += 1;
            assert!(tries < 10_000, "busy for ever: {}", self.store.space_line());
        }
    }

    /// Objects until data take `bytes`.
    fn fill(&mut self, bytes: u64) {
        while (self.objects + 1) * OBJECT <= bytes {
            self.write(self.objects, 0, OBJECT_BLOCKS);
            self.objects += 1;
            self.turn();
        }
        self.run();
    }

    /// Overwrites single blocks; `hot` of 100 writes go to the first tenth.
    fn overwrite(&mut self, bytes: u64, hot: u64) -> StoreCounters {
        let before = self.store.counters();
        let hot_blocks = self.objects * OBJECT_BLOCKS / 10;
        let all = self.objects * OBJECT_BLOCKS;
        for i in 0..bytes / 4096 {
            let block = if self.rng.below(100) < hot {
                self.rng.below(hot_blocks)
            } else if hot > 0 {
                hot_blocks + self.rng.below(all - hot_blocks)
            } else {
                self.rng.below(all)
            };
            self.write(block / OBJECT_BLOCKS, block % OBJECT_BLOCKS, 1);
            if i % DEPTH == DEPTH - 1 {
                self.turn();
            }
        }
        let after = self.store.counters();
        StoreCounters {
            user_bytes: after.user_bytes - before.user_bytes,
            device_bytes: after.device_bytes - before.device_bytes,
            checkpoint_bytes: after.checkpoint_bytes - before.checkpoint_bytes,
            cleaner_bytes: after.cleaner_bytes - before.cleaner_bytes,
            checkpoints: after.checkpoints - before.checkpoints,
            segments_cleaned: after.segments_cleaned - before.segments_cleaned,
            page_reads: after.page_reads - before.page_reads,
            ..before
        }
    }

    fn assert_consistent(&mut self) {
        loop {
            match self.store.check() {
                Ok(findings) => {
                    assert!(findings.is_empty(), "{findings:#?}");
                    return;
                }
                Err(miss) => self.store.fetch(&miss, 1, &mut self.waiting),
            }
            while !self.waiting.is_empty() {
                for effect in std::mem::take(&mut self.waiting) {
                    let StoreEffect::Read { io, offset, len } = effect else { panic!() };
                    let mut buf = aligned_buf(len);
                    buf.extend_from_slice(&self.disk[offset as usize..][..len]);
                    let done = IoCompletion::Read { io, result: Ok(buf.freeze()) };
                    self.store.on_io(done, &mut self.events, &mut self.waiting);
                }
            }
            self.events.clear();
        }
    }
}

fn line(what: &str, c: &StoreCounters) -> f64 {
    let share = |bytes: u64| bytes as f64 / c.user_bytes as f64;
    let journal = c.device_bytes - c.checkpoint_bytes - c.cleaner_bytes;
    println!(
        "| {what} | {:.2} | {:.2} | {:.2} | {:.2} |",
        share(c.device_bytes),
        share(journal),
        share(c.cleaner_bytes),
        share(c.checkpoint_bytes),
    );
    let moved = c.cleaner_bytes as f64 / (1 << 20) as f64;
    println!(
        "{} cleaned, {:.3} of each moved",
        c.segments_cleaned,
        moved / c.segments_cleaned as f64
    );
    share(c.device_bytes)
}

/// `SEASTORE_AGE=1024 cargo test --release -p kermes-seastore --test store age -- --ignored --nocapture`
#[test]
#[ignore = "minutes; prints the table of docs/performance/seastore.md"]
fn write_amplification() {
    let mib: u64 = std::env::var("SEASTORE_AGE").ok().and_then(|s| s.parse().ok()).unwrap_or(1024);
    let times: f64 =
        std::env::var("SEASTORE_TIMES").ok().and_then(|s| s.parse().ok()).unwrap_or(10.0);
    let cache: usize =
        std::env::var("SEASTORE_CACHE").ok().and_then(|s| s.parse().ok()).unwrap_or(64);
    let only = std::env::var("SEASTORE_ONLY").unwrap_or_default();
    for (of, percent, hot) in
        [("raw", 70, 0), ("raw", 80, 90), ("raw", 90, 0), ("limit", 70, 0), ("limit", 95, 0)]
    {
        if !format!("{of}{percent}").contains(&only) {
            continue;
        }
        let mut b = Bench::new(mib << 20, cache << 20);
        let sb = b.superblock;
        let base = if of == "raw" { sb.region_bytes } else { b.store.statfs().total };
        b.fill(base * percent / 100);
        let data = b.objects * OBJECT;
        let first = b.overwrite((data as f64 * times * 0.5) as u64, hot);
        let second = b.overwrite((data as f64 * times * 0.5) as u64, hot);
        let start = format!("{percent}% of {of}, {}", if hot > 0 { "90/10" } else { "uniform" });
        line(&format!("{start}, first half"), &first);
        line(&format!("{start}, second half"), &second);
        eprintln!("{}", b.store.space_line());
        b.run();
        b.assert_consistent();
    }
}
