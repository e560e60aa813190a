//! [`Store`]: one shard.

use crate::event::*;
use crate::format::Superblock;
use crate::txn::{ObjectName, Transaction};
use types::{HObject, PgId};

/// How to open one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreConfig {
    pub superblock: Superblock,
    /// Below `superblock.shards`.
    pub shard: u16,
    /// Another number at every start (from the node's seed): tells this run's records from those
    /// that an earlier run left unfinished.
    pub nonce: u64,
}

/// One shard of a device: its objects in memory, its journal and its space.
pub struct Store {
    config: StoreConfig,
}

#[allow(unused_variables)]
impl Store {
    /// A store that is not mounted: only `mount` and `on_io` are of use.
    pub fn open(config: StoreConfig) -> Self {
        Self { config }
    }
    /// Begins to read checkpoint and journal. Ends with [`StoreEvent::Mounted`] or
    /// [`StoreEvent::Failed`].
    pub fn mount(&mut self, fx: &mut Vec<StoreEffect>) {
        todo!()
    }
    /// Applies `txn` in memory at once, whole or not at all, and queues it for the journal.
    /// [`StoreEvent::Durable`] with `token` follows; tokens come back in the order of submission.
    pub fn submit(&mut self, txn: Transaction, token: u64) -> Result<(), SubmitError> {
        todo!()
    }
    /// Whether now is a good time to start an operation that writes. While `false`, hold new
    /// operations back until [`StoreEvent::Room`]; what has begun may still be submitted.
    pub fn accepting(&self) -> bool {
        todo!()
    }
    /// Writes everything submitted since the last call as one journal record, and takes one step of
    /// checkpoint and cleaner. Call it after every batch of inputs, completions included.
    pub fn end_of_turn(&mut self, fx: &mut Vec<StoreEffect>) {
        todo!()
    }
    /// Takes the answer to an effect. Unknown ids are ignored.
    pub fn on_io(
        &mut self,
        done: IoCompletion,
        events: &mut Vec<StoreEvent>,
        fx: &mut Vec<StoreEffect>,
    ) {
        todo!()
    }
    /// Nothing submitted waits for the device.
    pub fn is_idle(&self) -> bool {
        todo!()
    }
    /// The error that [`StoreEvent::Failed`] reported.
    pub fn failure(&self) -> Option<StoreError> {
        todo!()
    }

    pub fn exists(&self, o: &HObject) -> bool {
        todo!()
    }
    pub fn stat(&self, o: &HObject) -> Option<ObjectInfo> {
        todo!()
    }
    pub fn xattr(&self, o: &HObject, name: &[u8]) -> Option<&[u8]> {
        todo!()
    }
    /// In order of name. Empty for a missing object.
    pub fn xattrs(&self, o: &HObject) -> impl Iterator<Item = (&[u8], &[u8])> {
        std::iter::empty()
    }
    pub fn omap_get(&self, o: &HObject, key: &[u8]) -> Option<&[u8]> {
        todo!()
    }
    /// Empty if there is none.
    pub fn omap_header(&self, o: &HObject) -> &[u8] {
        todo!()
    }
    /// Pairs in order of key: those after `start_after` (all of them for `None`) whose keys begin
    /// with `prefix`. Lazy: `take` what is needed.
    pub fn omap_scan<'a>(
        &'a self,
        o: &HObject,
        start_after: Option<&[u8]>,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        std::iter::empty()
    }
    /// Objects with `start <= name < end` in order, at most `max`. A PG's meta object (empty name)
    /// is listed like any other.
    pub fn list(&self, start: &HObject, end: &HObject, max: usize) -> Vec<ObjectName> {
        todo!()
    }
    /// PGs and their bits, in order.
    pub fn collections(&self) -> impl Iterator<Item = (PgId, u8)> {
        std::iter::empty()
    }
    pub fn statfs(&self) -> StatFs {
        todo!()
    }

    /// Reads up to `len` bytes at `offset`, as of now: later transactions do not change the answer.
    /// Transactions not yet durable are visible.
    pub fn read(
        &mut self,
        o: &HObject,
        offset: u64,
        len: u64,
        token: u64,
        fx: &mut Vec<StoreEffect>,
    ) -> Result<ReadStart, ReadError> {
        todo!()
    }

    /// Checks extent maps against segment counts, and every other invariant of what is in memory.
    /// Returns one line per finding; empty is good. Costs time in the number of extents.
    pub fn check(&self) -> Vec<String> {
        todo!()
    }
}
