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
pub struct Bench {
    disk: Vec<u8>,
    pub store: Store,
    superblock: Superblock,
    waiting: Vec<StoreEffect>,
    events: Vec<StoreEvent>,
    /// Random bytes, blocks of which are what users write.
    pub source: Bytes,
    pub rng: Rng,
    objects: u64,
    /// Turns that one operation waited to begin, at most.
    longest_wait: u32,
    /// Transactions that turned out to have no room.
    pub refused: u32,
}

impl Bench {
    pub fn new(device_bytes: u64, cache_bytes: usize) -> Self {
        Self::with_segments(device_bytes, cache_bytes, None)
    }
    /// With segments of another size than mkfs gives the device.
    fn with_segments(device_bytes: u64, cache_bytes: usize, segment_bytes: Option<u32>) -> Self {
        let mut disk = vec![0; device_bytes as usize];
        for (offset, buf) in mkfs_plan(&params(device_bytes, 1)).unwrap() {
            disk[offset as usize..][..buf.len()].copy_from_slice(&buf);
        }
        let [a, b] = superblock_offsets(device_bytes);
        let block = |at: u64| &disk[at as usize..at as usize + BLOCK];
        let mut superblock = probe(device_bytes, block(a), block(b)).unwrap();
        superblock.segment_bytes = segment_bytes.unwrap_or(superblock.segment_bytes);
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
            longest_wait: 0,
            refused: 0,
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
                StoreEffect::Zone { .. } | StoreEffect::ReportZones { .. } => {
                    panic!("not a zoned device")
                }
            };
            self.store.on_io(done, &mut self.events, &mut self.waiting);
        }
        for event in self.events.drain(..) {
            match event {
                StoreEvent::Durable { .. } | StoreEvent::Room | StoreEvent::Mounted(_) => {}
                StoreEvent::Refused { error: ReadError::NoRoom { .. }, .. } => self.refused += 1,
                other => panic!("{other:?}"),
            }
        }
    }

    pub fn turn(&mut self) {
        self.store.end_of_turn(&mut self.waiting);
        self.perform();
    }

    pub fn run(&mut self) {
        loop {
            self.turn();
            if self.waiting.is_empty() {
                return;
            }
        }
    }

    /// `Busy` waits; anything else is the answer.
    pub fn submit(&mut self, op: TxnOp) -> Result<(), SubmitError> {
        let begins = !matches!(op, TxnOp::Remove { .. });
        let mut tries = 0;
        loop {
            if !begins || self.store.accepting() {
                let answer = self.store.submit(vec![op.clone()].into(), 0);
                if answer != Err(SubmitError::Busy) {
                    return answer;
                }
            }
            self.turn();
            tries += 1;
            self.longest_wait = self.longest_wait.max(tries);
            assert!(tries < 100_000, "busy for ever: {}", self.store.space_line());
        }
    }

    fn try_write(&mut self, object: u64, block: u64, blocks: u64) -> Result<(), SubmitError> {
        let at = self.rng.below(256 - blocks + 1) as usize * BLOCK;
        let data = self.source.slice(at..at + blocks as usize * BLOCK);
        self.submit(TxnOp::Write { o: name(object), offset: block * 4096, data })
    }
    fn write(&mut self, object: u64, block: u64, blocks: u64) {
        let written = self.try_write(object, block, blocks);
        assert_eq!(written, Ok(()), "{}", self.store.space_line());
    }
    fn remove(&mut self, object: u64) {
        let removed = self.submit(TxnOp::Remove { o: name(object) });
        assert_eq!(removed, Ok(()), "{}", self.store.space_line());
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

    pub fn assert_consistent(&mut self) {
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
    share(c.device_bytes)
}

/// A number from the environment.
fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|s| s.parse().ok()).unwrap_or(default)
}

/// Fills the store to 95% of what it reports, writes `times` of that over at random, removes every
/// object and fills it again. Prints write amplification over time.
fn fill_age_delete_refill(device_bytes: u64, cache_bytes: usize, times: u32) {
    let mut b = Bench::new(device_bytes, cache_bytes);
    let empty = b.store.statfs();
    b.fill(empty.available * 95 / 100);
    let data = b.objects * OBJECT;
    for i in 0..times {
        b.longest_wait = 0;
        let written = b.overwrite(data, 0);
        line(&format!("written over {} times", i + 1), &written);
        println!("an operation waited up to {} turns", b.longest_wait);
    }
    b.run();
    b.assert_consistent();
    assert_eq!(b.store.statfs().data, data);
    for object in 0..std::mem::take(&mut b.objects) {
        b.remove(object);
    }
    b.run();
    assert_eq!(b.store.statfs().data, 0);
    b.assert_consistent();
    b.fill(empty.available * 95 / 100);
    assert_eq!(b.store.statfs().data, data);
    b.overwrite(data / 10, 0);
    b.run();
    b.assert_consistent();
}

#[test]
fn a_store_is_filled_aged_emptied_and_filled_again() {
    fill_age_delete_refill(80 << 20, 4 << 20, 2);
}

/// `SEASTORE_AGE=1024 SEASTORE_TIMES=10 cargo test --release -p kermes-seastore --test store long_age
/// -- --ignored --nocapture`
#[test]
#[ignore = "minutes; the store ages for ten times its capacity"]
fn long_age() {
    let mib: u64 = setting("SEASTORE_AGE", 1024);
    let cache: usize = setting("SEASTORE_CACHE", 64);
    fill_age_delete_refill(mib << 20, cache << 20, setting("SEASTORE_TIMES", 10));
}

/// With large segments the next one that is free is far away: operations do not wait for it.
#[test]
fn operations_go_on_in_small_steps_while_large_segments_are_cleaned() {
    let mut b = Bench::with_segments(256 << 20, 16 << 20, Some(4 << 20));
    b.fill(b.store.statfs().available * 92 / 100);
    let data = b.objects * OBJECT;
    b.overwrite(data / 2, 0);
    b.longest_wait = 0;
    let written = b.overwrite(data / 4, 0);
    line("large segments", &written);
    println!("an operation waited up to {} turns", b.longest_wait);
    assert!(b.longest_wait <= 28, "{} turns", b.longest_wait);
}

/// What is reported as available can be written, and not much more; at full, removing is always
/// possible, and what was removed can be written again.
#[test]
fn full_is_where_the_store_says_again_and_again() {
    let mut b = Bench::new(80 << 20, 4 << 20);
    let empty = b.store.statfs();
    let slack = empty.total / 50;
    let mut there: Vec<u64> = Vec::new();
    for round in 0..6 {
        let available = b.store.statfs().available;
        let mut written = 0;
        let refused = loop {
            let object = b.objects;
            match b.try_write(object, 0, OBJECT_BLOCKS / 4) {
                Ok(()) => there.push(object),
                Err(refused) => break refused,
            }
            b.objects += 1;
            written += OBJECT / 4;
            if object % 4 == 3 {
                b.turn();
            }
        };
        assert_eq!(refused, SubmitError::Full, "{}", b.store.space_line());
        assert!(written.abs_diff(available) <= slack, "{round}: {written} of {available}");
        b.run();
        let full = b.store.statfs();
        assert!(full.available <= slack, "{full:?}");
        // Every second one, then what is left of the first half: holes everywhere, and a few.
        let keep = |i: usize| {
            if round % 2 == 0 { i.is_multiple_of(2) } else { i > full.data as usize >> 18 }
        };
        let (kept, gone): (Vec<_>, Vec<_>) = there.iter().enumerate().partition(|(i, _)| keep(*i));
        let removed = gone.len() as u64 * OBJECT / 4;
        gone.iter().for_each(|(_, object)| b.remove(**object));
        there = kept.into_iter().map(|(_, object)| *object).collect();
        b.run();
        let now = b.store.statfs();
        assert_eq!(full.data - now.data, removed);
        assert!((now.available + slack).abs_diff(full.available + removed) <= 2 * slack, "{now:?}");
        // Blocks of those that stay can be written over.
        for i in 0..there.len() as u64 * 8 {
            let object = there[b.rng.below(there.len() as u64) as usize];
            let block = b.rng.below(OBJECT_BLOCKS / 4);
            b.write(object, block, 1);
            if i % DEPTH == 0 {
                b.turn();
            }
        }
        b.run();
        b.assert_consistent();
    }
    for object in there {
        b.remove(object);
    }
    // The next checkpoint gives up their pages.
    for i in 0..4 * (empty.total >> 18) / 32 {
        b.write(u64::MAX, i % 4 * OBJECT_BLOCKS, OBJECT_BLOCKS);
        b.turn();
    }
    b.remove(u64::MAX);
    b.run();
    let end = b.store.statfs();
    assert_eq!((end.data, end.objects), (0, 0));
    let segments = b.superblock.segment_bytes as u64;
    assert!(end.available + 3 * segments >= empty.available, "{end:?}, {empty:?}");
    b.assert_consistent();
}

/// `SEASTORE_AGE=1024 cargo test --release -p kermes-seastore --test store age -- --ignored --nocapture`
#[test]
#[ignore = "minutes; prints the table of docs/performance/seastore.md"]
fn write_amplification() {
    let mib: u64 = setting("SEASTORE_AGE", 1024);
    let times: f64 = setting("SEASTORE_TIMES", 10.0);
    let cache: usize = setting("SEASTORE_CACHE", 64);
    let only = std::env::var("SEASTORE_ONLY").unwrap_or_default();
    for (of, percent, hot) in [
        ("raw", 70, 0),
        ("raw", 80, 90),
        ("raw", 90, 0),
        ("limit", 70, 0),
        ("limit", 90, 0),
        ("limit", 95, 0),
    ] {
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
