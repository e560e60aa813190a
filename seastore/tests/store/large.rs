//! Many blocks with little memory, on a disk that keeps no data: what a block of an object holds
//! follows from its number, which the disk notes for each run of blocks and makes again when it is
//! read. All else is in a sparse file.

use crate::common::{BLOCK, Rng, name, params};
use bytes::{Bytes, BytesMut};
use seastore::*;
use std::collections::{BTreeMap, VecDeque};
use std::os::unix::fs::FileExt;
use types::node::aligned_buf;

const OBJECT_BLOCKS: u64 = 1024;
const MAGIC: &[u8; 8] = b"numbered";

/// Block number `n` as objects hold it.
fn fill(n: u64, out: &mut BytesMut) {
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&n.to_le_bytes());
    out.resize(out.len() + BLOCK - 16, 0);
}
fn number_of(block: &[u8]) -> Option<u64> {
    let n = u64::from_le_bytes(block[8..16].try_into().unwrap());
    (block[..8] == *MAGIC && block[16..32] == [0; 16]).then_some(n)
}

struct Large {
    file: std::fs::File,
    path: std::path::PathBuf,
    /// First block on the disk: number of the first, and how many.
    runs: BTreeMap<u64, (u64, u64)>,
    store: Store,
    config: StoreConfig,
    fx: VecDeque<StoreEffect>,
    events: Vec<StoreEvent>,
    reads: u64,
    read_bytes: u64,
    /// What blocks that were overwritten hold now.
    newer: BTreeMap<u64, u64>,
}

impl Large {
    fn new(blocks: u64, cache_bytes: usize) -> Self {
        let device_bytes = (blocks * 4096 / 8 * 10 + (64 << 20)).next_multiple_of(1 << 20);
        let path = std::env::temp_dir().join(format!("seastore-large-{}", std::process::id()));
        let file = std::fs::File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.unwrap();
        file.set_len(device_bytes).unwrap();
        for (offset, buf) in mkfs_plan(&params(device_bytes, 1)).unwrap() {
            file.write_all_at(&buf, offset).unwrap();
        }
        let block = |offset| {
            let mut buf = vec![0; BLOCK];
            file.read_exact_at(&mut buf, offset).unwrap();
            buf
        };
        let [a, b] = superblock_offsets(device_bytes);
        let superblock = probe(device_bytes, &block(a), &block(b)).unwrap();
        let config = StoreConfig { cache_bytes, ..StoreConfig::new(superblock, 0, 1) };
        let store = Store::open(config);
        let mut this = Self {
            file,
            path,
            runs: BTreeMap::new(),
            store,
            config,
            fx: VecDeque::new(),
            events: Vec::new(),
            reads: 0,
            read_bytes: 0,
            newer: BTreeMap::new(),
        };
        this.mount(1);
        this
    }
    fn mount(&mut self, nonce: u64) {
        self.store = Store::open(StoreConfig { nonce, ..self.config });
        let mut fx = Vec::new();
        self.store.mount(&mut fx);
        self.fx.extend(fx);
        self.run();
        let mounted = self.events.iter().any(|e| matches!(e, StoreEvent::Mounted(_)));
        assert!(mounted, "{:?}", self.events);
        self.events.clear();
    }

    fn write(&mut self, offset: u64, buf: &[u8]) {
        let mut plain = 0;
        for (i, block) in buf.chunks(BLOCK).enumerate() {
            let at = offset / BLOCK as u64 + i as u64;
            let Some(n) = number_of(block) else { continue };
            if plain < i {
                let from = offset + (plain * BLOCK) as u64;
                self.file.write_all_at(&buf[plain * BLOCK..i * BLOCK], from).unwrap();
            }
            plain = i + 1;
            match self.runs.range_mut(..at).next_back() {
                Some((first, (number, len))) if first + *len == at && *number + *len == n => {
                    *len += 1;
                }
                _ => drop(self.runs.insert(at, (n, 1))),
            }
        }
        let from = offset + (plain * BLOCK) as u64;
        self.file.write_all_at(&buf[plain * BLOCK..], from).unwrap();
    }
    fn read(&mut self, offset: u64, len: usize) -> Bytes {
        let mut out = aligned_buf(len);
        for at in (offset..offset + len as u64).step_by(BLOCK) {
            let block = at / BLOCK as u64;
            match self.runs.range(..=block).next_back() {
                Some((first, (n, count))) if block < first + count => {
                    fill(n + block - first, &mut out);
                }
                _ => {
                    let from = out.len();
                    out.resize(from + BLOCK, 0);
                    self.file.read_exact_at(&mut out[from..], at).unwrap();
                }
            }
        }
        self.reads += 1;
        self.read_bytes += len as u64;
        out.freeze()
    }
    fn perform(&mut self) {
        let Some(effect) = self.fx.pop_front() else { return };
        let done = match effect {
            StoreEffect::Read { io, offset, len } => {
                IoCompletion::Read { io, result: Ok(self.read(offset, len)) }
            }
            StoreEffect::Write { io, offset, buf, .. } => {
                self.write(offset, &buf);
                IoCompletion::Write { io, result: Ok(()) }
            }
            StoreEffect::Flush { io } => IoCompletion::Flush { io, result: Ok(()) },
            StoreEffect::Discard { io, .. } => IoCompletion::Discard { io, result: Ok(()) },
            StoreEffect::Zone { .. } | StoreEffect::ReportZones { .. } => {
                panic!("not a zoned device")
            }
        };
        let mut fx = Vec::new();
        self.store.on_io(done, &mut self.events, &mut fx);
        self.fx.extend(fx);
    }
    fn turn(&mut self) {
        let mut fx = Vec::new();
        self.store.end_of_turn(&mut fx);
        self.fx.extend(fx);
        self.store.take_events(&mut self.events);
    }
    fn run(&mut self) {
        loop {
            self.turn();
            if self.fx.is_empty() {
                return;
            }
            while !self.fx.is_empty() {
                self.perform();
            }
        }
    }

    /// Blocks from `block` on get numbers from `number` on.
    fn put(&mut self, block: u64, number: u64, count: u64) {
        let mut data = BytesMut::with_capacity(count as usize * BLOCK);
        (number..number + count).for_each(|n| fill(n, &mut data));
        let o = name(block / OBJECT_BLOCKS);
        let offset = block % OBJECT_BLOCKS * BLOCK as u64;
        let mut txn = Transaction::from(vec![TxnOp::Write { o, offset, data: data.freeze() }]);
        while let Err(e) = self.store.try_submit(&mut txn, 1) {
            assert_eq!(e, SubmitError::Busy, "{}", self.store.space_line());
            self.run();
        }
    }
    fn check_block(&mut self, block: u64) {
        let o = name(block / OBJECT_BLOCKS);
        let offset = block % OBJECT_BLOCKS * BLOCK as u64;
        let mut fx = Vec::new();
        let started = self.store.read(&o, offset, BLOCK as u64, 1, &mut fx).unwrap();
        self.fx.extend(fx);
        self.run();
        let data = match started {
            ReadStart::Ready(data) => data,
            ReadStart::Pending => {
                let done = self.events.drain(..).find_map(|e| match e {
                    StoreEvent::ReadDone { result, .. } => Some(result.unwrap()),
                    _ => None,
                });
                done.expect("the read ends")
            }
        };
        self.events.clear();
        let wanted = self.newer.get(&block).copied().unwrap_or(block);
        assert_eq!(number_of(&data.into_bytes()), Some(wanted), "block {block}");
    }
    fn check_store(&mut self) {
        let mut check = Check::new(&self.store);
        loop {
            match self.store.check_step(&mut check) {
                CheckStep::Again => self.store.trim_cache(),
                CheckStep::Done => break,
                CheckStep::Fetch(misses) => {
                    self.store.trim_cache();
                    let mut fx = Vec::new();
                    for (token, miss) in misses.iter().enumerate() {
                        self.store.fetch(miss, token as u64, &mut fx);
                    }
                    self.fx.extend(fx);
                    while !self.fx.is_empty() {
                        self.perform();
                    }
                    self.store.take_events(&mut self.events);
                    self.events.clear();
                }
            }
        }
        assert_eq!(check.take_findings(), []);
    }
}
impl Drop for Large {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Bytes of memory of this process.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn fill_and_read(blocks: u64, cache_bytes: usize, reads: u64) -> f64 {
    let mut large = Large::new(blocks, cache_bytes);
    let before = resident();
    for block in (0..blocks).step_by(OBJECT_BLOCKS as usize) {
        large.put(block, block, OBJECT_BLOCKS.min(blocks - block));
        large.run();
    }
    large.run();
    let space = large.store.statfs();
    assert_eq!(space.data, blocks * BLOCK as u64);
    println!(
        "{blocks} blocks: {} MiB of metadata, {} MiB of memory more than before",
        space.metadata >> 20,
        resident().saturating_sub(before) >> 20
    );
    let mut rng = Rng(5);
    let from = large.reads;
    for i in 0..reads {
        let block = rng.below(blocks);
        large.put(block, blocks + i, 1);
        large.newer.insert(block, blocks + i);
        if i % 32 == 0 {
            large.run();
        }
    }
    large.run();
    println!("{:.2} device reads per random write", (large.reads - from) as f64 / reads as f64);
    let (from, from_bytes) = (large.reads, large.read_bytes);
    large.mount(2);
    println!("mount: {} reads, {} MiB", large.reads - from, (large.read_bytes - from_bytes) >> 20);
    // The cache fills first.
    for _ in 0..reads {
        large.check_block(rng.below(blocks));
    }
    let from = large.reads;
    for _ in 0..reads {
        large.check_block(rng.below(blocks));
    }
    let cost = (large.reads - from) as f64 / reads as f64;
    let overwritten: Vec<u64> = large.newer.keys().copied().step_by(37).collect();
    overwritten.into_iter().for_each(|block| large.check_block(block));
    println!(
        "{cost:.2} device reads per random read; {} MiB of memory more than before",
        resident().saturating_sub(before) >> 20
    );
    large.check_store();
    println!("checked; {} MiB of memory more", resident().saturating_sub(before) >> 20);
    cost
}

/// Metadata of 12 times the cache.
#[test]
fn more_metadata_than_memory() {
    let cost = fill_and_read(200_000, 128 << 10, 300);
    // The data, a leaf of the LBA tree, and sometimes one of the onode tree.
    assert!((1.9..3.5).contains(&cost), "{cost}");
}

/// `SEASTORE_BLOCKS` blocks (100 million) with a cache of 256 MiB.
#[test]
#[ignore = "minutes; prints the figures of docs/performance/seastore.md"]
fn a_hundred_million_blocks() {
    let blocks = std::env::var("SEASTORE_BLOCKS").map_or(100_000_000, |n| n.parse().unwrap());
    fill_and_read(blocks, 256 << 20, 200_000);
}
