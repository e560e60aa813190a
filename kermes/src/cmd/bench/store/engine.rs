//! The store as a bench sees it: shards that take operations by token. All that depends on the
//! store's own interface is here.

use bytes::Bytes;
use seastore::{
    IoCompletion, Miss, MountReport, ObjectName, ReadData, ReadStart, SpaceReport, Store,
    StoreConfig, StoreEffect, StoreEvent, SubmitError, Superblock, Transaction, TxnOp,
};
use std::rc::Rc;
use types::node::{Effect, Input, WriteMemory};
use types::{HObject, PoolId};

/// No cluster has a pool of this number.
const POOL: PoolId = PoolId(-1000);

/// What one operation asks for.
#[derive(Debug, Clone)]
pub enum Request {
    Write { offset: u64, data: Bytes },
    OmapSet { key: Bytes, value: Bytes },
    Remove,
}

/// Why an operation was not taken.
#[derive(Debug)]
pub enum Refused {
    /// Ask again after [`News::Room`].
    Busy,
    /// Of no use any more, with a sentence that says why.
    Failed(String),
}

/// What the stores told.
#[derive(Debug)]
pub enum News {
    /// All of them are mounted.
    Mounted,
    Durable {
        token: u64,
    },
    Read {
        token: u64,
        result: Result<ReadData, String>,
    },
    /// What was missed is in memory.
    Fetched {
        token: u64,
    },
    Room,
    Failed(String),
}

/// What [`Engine::fetch`] has to bring into memory before an answer.
#[derive(Debug)]
pub struct Missed {
    shard: usize,
    miss: Miss,
}

/// Bytes that the stores have moved to and from the device.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    pub written: u64,
    pub read: u64,
}

pub struct Engine {
    stores: Vec<Store>,
    mounted: usize,
    /// Of all mounts together.
    pub mounts: MountReport,
    fx: Vec<StoreEffect>,
    events: Vec<StoreEvent>,
    pub traffic: Traffic,
}

/// The name of object `index` of a bench.
pub fn object_name(index: u64) -> ObjectName {
    HObject::head(POOL, "", "", &format!("bench.{index}")).into()
}

impl Engine {
    /// `nonces`: one random number for each shard that is used, from shard 0.
    pub fn new(superblock: Superblock, nonces: &[u64], discard: bool) -> Self {
        let shards_on_core = nonces.len() as u16;
        let open = |(shard, nonce): (usize, &u64)| {
            let defaults = StoreConfig::new(superblock, shard as u16, *nonce);
            Store::open(StoreConfig { discard, shards_on_core, ..defaults })
        };
        Self {
            stores: nonces.iter().enumerate().map(open).collect(),
            mounted: 0,
            mounts: MountReport::default(),
            fx: Vec::new(),
            events: Vec::new(),
            traffic: Traffic::default(),
        }
    }

    pub fn use_memory(&mut self, memory: &Rc<dyn WriteMemory>) {
        self.stores.iter_mut().for_each(|store| store.use_memory(memory.clone()));
    }

    pub fn shards(&self) -> usize {
        self.stores.len()
    }

    pub fn mount<H>(&mut self, out: &mut Vec<Effect<H>>) {
        for shard in 0..self.stores.len() {
            self.stores[shard].mount(&mut self.fx);
            self.perform(shard, out);
        }
    }

    /// [`News::Durable`] with `token` follows.
    pub fn submit(
        &mut self,
        shard: usize,
        o: &ObjectName,
        request: Request,
        token: u64,
    ) -> Result<(), Refused> {
        let store = &mut self.stores[shard];
        if !store.accepting() && store.failure().is_none() {
            return Err(Refused::Busy);
        }
        let o = o.clone();
        let op = match request {
            Request::Write { offset, data } => TxnOp::Write { o, offset, data },
            Request::OmapSet { key, value } => TxnOp::OmapSet { o, pairs: vec![(key, value)] },
            Request::Remove => TxnOp::Remove { o },
        };
        store.submit(Transaction::from(vec![op]), token).map_err(|e| match e {
            SubmitError::Busy => Refused::Busy,
            other => Refused::Failed(other.to_string()),
        })
    }

    /// The bytes if they are in memory; else [`News::Read`] follows.
    pub fn read<H>(
        &mut self,
        shard: usize,
        o: &ObjectName,
        range: (u64, u64),
        token: u64,
        out: &mut Vec<Effect<H>>,
    ) -> Result<Option<ReadData>, String> {
        let begun = self.stores[shard].read(o, range.0, range.1, token, &mut self.fx);
        self.perform(shard, out);
        match begun.map_err(|e| e.to_string())? {
            ReadStart::Ready(data) => Ok(Some(data)),
            ReadStart::Pending => Ok(None),
        }
    }

    /// Takes a driver's answer; others are left alone.
    pub fn handle<H>(&mut self, input: Input<H>, news: &mut Vec<News>, out: &mut Vec<Effect<H>>) {
        let Ok((shard, done)) = IoCompletion::from_input(input) else { return };
        self.stores[shard].on_io(done, &mut self.events, &mut self.fx);
        self.perform(shard, out);
        self.tell(shard, news);
    }

    fn tell(&mut self, shard: usize, news: &mut Vec<News>) {
        for event in self.events.drain(..) {
            news.push(match event {
                StoreEvent::Mounted(report) => {
                    self.mounted += 1;
                    self.mounts.records += report.records;
                    self.mounts.journal_bytes += report.journal_bytes;
                    if self.mounted < self.stores.len() {
                        continue;
                    }
                    News::Mounted
                }
                StoreEvent::Durable { token } => News::Durable { token },
                StoreEvent::ReadDone { token, result } => {
                    News::Read { token, result: result.map_err(|e| e.to_string()) }
                }
                StoreEvent::Fetched { token, result: Ok(()) } => News::Fetched { token },
                StoreEvent::Fetched { result: Err(e), .. } => News::Failed(e.to_string()),
                StoreEvent::Room => News::Room,
                StoreEvent::Outdated { .. } | StoreEvent::JournalDamaged { .. } => continue,
                StoreEvent::Refused { error, .. } => News::Failed(error.to_string()),
                StoreEvent::CorruptFound(c) => News::Failed(c.to_string()),
                StoreEvent::BadCopy(bad) => News::Failed(bad.to_string()),
                StoreEvent::Unreadable { object, device_offset, error } => {
                    News::Failed(format!("object {object}: read at {device_offset:#x}: {error}"))
                }
                StoreEvent::DiscardRefused { device_offset, error } => {
                    News::Failed(format!("discard at {device_offset:#x}: {error}"))
                }
                StoreEvent::Failed(e) => News::Failed(format!("shard {shard}: {e}")),
            });
        }
    }

    /// Call it again while there is news.
    pub fn end_of_turn<H>(&mut self, news: &mut Vec<News>, out: &mut Vec<Effect<H>>) {
        for shard in 0..self.stores.len() {
            self.stores[shard].end_of_turn(&mut self.fx);
            self.perform(shard, out);
            self.stores[shard].take_events(&mut self.events);
            self.tell(shard, news);
        }
    }

    fn perform<H>(&mut self, shard: usize, out: &mut Vec<Effect<H>>) {
        for effect in self.fx.drain(..) {
            match &effect {
                StoreEffect::Read { len, .. } => self.traffic.read += *len as u64,
                StoreEffect::Write { buf, .. } => self.traffic.written += buf.len() as u64,
                _ => {}
            }
            out.push(effect.into_effect(shard));
        }
    }

    /// Bytes of objects that all shards together can hold.
    pub fn capacity_bytes(&self) -> u64 {
        self.stores.iter().map(|s| s.statfs().total).sum()
    }

    /// How segments are used, of all shards.
    pub fn room(&self) -> SpaceReport {
        let mut all = SpaceReport::default();
        for one in self.stores.iter().map(Store::space_report) {
            all.segments += one.segments;
            all.segments_free += one.segments_free;
            all.utilisation.iter_mut().zip(one.utilisation).for_each(|(all, one)| *all += one);
        }
        all
    }

    /// Bytes of objects over capacity, of all shards.
    pub fn utilisation(&self) -> f64 {
        let (used, total) = self.stores.iter().fold((0, 0), |(used, total), s| {
            let space = s.statfs();
            (used + space.data, total + space.total)
        });
        used as f64 / total.max(1) as f64
    }

    /// Size of an object; `None` if there is none.
    pub fn size(&self, shard: usize, o: &ObjectName) -> Result<Option<u64>, Missed> {
        let info = self.stores[shard].stat(o).map_err(|miss| Missed { shard, miss })?;
        Ok(info.map(|info| info.size))
    }

    /// [`News::Fetched`] with `token` follows.
    pub fn fetch<H>(&mut self, missed: &Missed, token: u64, out: &mut Vec<Effect<H>>) {
        self.stores[missed.shard].fetch(&missed.miss, token, &mut self.fx);
        self.perform(missed.shard, out);
    }

    /// The first thing found that no bench has put there.
    pub fn foreign(&self) -> Result<Option<String>, Missed> {
        for (shard, store) in self.stores.iter().enumerate() {
            if let Some((pg, _)) = store.collections().next() {
                return Ok(Some(format!("placement group {pg}")));
            }
            let bench = HObject::lower_bound(POOL, 0);
            let next_pool = HObject::lower_bound(PoolId(POOL.0 + 1), 0);
            for (start, end) in [(HObject::min(), bench), (next_pool, HObject::max())] {
                let found = store.list(&start, &end, 1).map_err(|miss| Missed { shard, miss })?;
                if let Some(o) = found.first() {
                    return Ok(Some(format!("object {o}")));
                }
            }
        }
        Ok(None)
    }
}
