//! Copies of whole objects between the members of a PG, chunk by chunk, one chunk under way.
//!
//! A chunk for which there is no room is refused: it is not acknowledged, and the sender says it
//! again on its timer. It must not wait in line, for what would make room comes after it: removals,
//! and the start of PGs whose strays go then.

#[cfg(test)]
mod tests;

use super::metadata::Work;
use super::run::{RESERVE_PART, ReadTarget};
use super::{Out, Shard, Then, WIPE_STEP};
use crate::map::View;
use crate::pg::{Input as PgInput, PgState};
use bytes::Bytes;
use messenger::messages::peer::{Body, Chunk};
use seastore::{Miss, ObjectName, ReadData, ReadError, ReadStart, Store, Transaction, TxnOp};
use std::rc::Rc;
use types::time::Now;
use types::{Epoch, HObject, OsdId, PgId};

/// Data of one chunk, bytes.
const CHUNK_BYTES: u64 = 1 << 20;
/// Omap pairs of one chunk, and about how many bytes of them.
const CHUNK_PAIRS: usize = 1000;
const CHUNK_OMAP_BYTES: usize = 1 << 20;

/// One chunk: of which object, between us and whom, and its place in the transfer.
#[derive(Debug)]
pub(super) struct ChunkId {
    pub pg: PgId,
    /// The other OSD.
    pub from: OsdId,
    pub object: HObject,
    pub seq: u32,
}

/// The PG, the member that gets the object, and the object.
pub(super) type TransferKey = (PgId, OsdId, HObject);

/// An object on its way from here.
#[derive(Debug)]
pub(super) struct Transfer {
    /// Number of the transfer in the high half, of the chunk in the low half.
    seq: u32,
    size: u64,
    offset: u64,
    /// Last omap key that was sent; `None` when all were.
    omap_after: Option<Bytes>,
    sent: Option<Chunk>,
    /// The first chunk, with everything but omap and data, has been made.
    begun: bool,
    /// What the next chunk waits for.
    token: Option<u64>,
}

/// An object on its way here.
#[derive(Debug)]
pub(super) struct Receiving {
    next: u32,
    /// Chunks before this one are durable; others are not acknowledged.
    stored: u32,
}

impl Shard {
    pub(super) fn start_transfer(
        &mut self,
        view: &View,
        pg: PgId,
        to: OsdId,
        object: HObject,
        out: &mut Vec<Out>,
    ) {
        let key = (pg, to, object);
        if let Some(t) = self.transfers.get(&key) {
            // Asked again: the chunk or its answer may have been lost.
            if let Some(chunk) = t.sent.clone() {
                let body = Body::Push { object: key.2, seq: t.seq, chunk };
                self.send(view, pg, to, body, out);
            }
            return;
        }
        if !self.delayed.is_empty() {
            // The object may be without a write that the log has; it is asked for again.
            return;
        }
        let seq = (self.next_transfer as u32) << 16;
        self.next_transfer = self.next_transfer.wrapping_add(1).max(1);
        let transfer = Transfer {
            seq,
            size: 0,
            offset: 0,
            omap_after: None,
            sent: None,
            begun: false,
            token: None,
        };
        self.transfers.insert(key.clone(), transfer);
        self.next_chunk(view, key, out);
    }

    /// Makes and sends the chunk that comes next, or waits for what it needs.
    fn next_chunk(&mut self, view: &View, key: TransferKey, out: &mut Vec<Out>) {
        let Some(t) = self.transfers.get_mut(&key) else { return };
        let made = if !t.begun {
            first_chunk(&self.store, &key.2, t)
        } else if t.omap_after.is_some() {
            omap_chunk(&self.store, &key.2, t)
        } else {
            return self.read_chunk(view, key, out);
        };
        match made {
            Ok(chunk) => {
                t.sent = Some(chunk.clone());
                let body = Body::Push { object: key.2, seq: t.seq, chunk };
                self.send(view, key.0, key.1, body, out);
            }
            Err(miss) => {
                let token = self.wait(&miss, ReadTarget::Transfer(key.clone()), out);
                if let Some(t) = self.transfers.get_mut(&key) {
                    t.token = Some(token);
                }
            }
        }
    }

    fn read_chunk(&mut self, view: &View, key: TransferKey, out: &mut Vec<Out>) {
        let Some(t) = self.transfers.get_mut(&key) else { return };
        let token = self.next_token;
        self.next_token += 1;
        t.token = Some(token);
        match self.store.read(&key.2, t.offset, CHUNK_BYTES, token, &mut self.store_fx) {
            Ok(ReadStart::Ready(data)) => self.on_transfer_read(view, key, token, Ok(data), out),
            Ok(ReadStart::Pending) => {
                self.reads.insert(token, ReadTarget::Transfer(key));
                self.flush_store(out);
            }
            Err(e) => self.on_transfer_read(view, key, token, Err(e), out),
        }
    }

    /// True if the transfer waits for this; what an earlier one waited for is nobody's.
    fn take_waited(&mut self, key: &TransferKey, token: u64) -> bool {
        let waits = |t: &&mut Transfer| t.token == Some(token);
        self.transfers.get_mut(key).filter(waits).is_some_and(|t| t.token.take().is_some())
    }

    /// The copy stays where it is; peering asks for it again and finds the same error.
    fn end_transfer(&mut self, key: &TransferKey, error: ReadError, out: &mut Vec<Out>) {
        out.push(Out::Alarm(format!("pg {}: {} cannot be copied: {error}", key.0, key.2)));
        self.transfers.remove(key);
    }

    pub(super) fn on_transfer_metadata(
        &mut self,
        view: &View,
        key: TransferKey,
        token: u64,
        result: Result<(), ReadError>,
        out: &mut Vec<Out>,
    ) {
        if !self.take_waited(&key, token) {
            return;
        }
        match result {
            Ok(()) => self.next_chunk(view, key, out),
            Err(e) => self.end_transfer(&key, e, out),
        }
    }

    pub(super) fn on_chunk_ack(
        &mut self,
        now: Now,
        view: &View,
        acked: ChunkId,
        out: &mut Vec<Out>,
    ) {
        let ChunkId { pg, from, object, seq } = acked;
        let key = (pg, from, object);
        let Some(t) = self.transfers.get_mut(&key) else { return };
        if t.seq != seq || t.sent.is_none() {
            return;
        }
        let last = t.sent.take().is_some_and(|c| c.last);
        if last {
            self.transfers.remove(&key);
            let input = PgInput::Pushed { to: from, object: key.2 };
            self.pg_input(now, view, pg, input, out);
            return;
        }
        t.seq += 1;
        self.next_chunk(view, key, out);
    }

    pub(super) fn on_transfer_read(
        &mut self,
        view: &View,
        key: TransferKey,
        token: u64,
        result: Result<ReadData, ReadError>,
        out: &mut Vec<Out>,
    ) {
        if !self.take_waited(&key, token) {
            return;
        }
        let data = match result {
            Ok(data) => data.into_bytes(),
            Err(e) => return self.end_transfer(&key, e, out),
        };
        let Some(t) = self.transfers.get_mut(&key) else { return };
        let offset = t.offset;
        t.offset += CHUNK_BYTES;
        let last = t.offset >= t.size;
        let chunk = Chunk { last, offset, data, ..Chunk::default() };
        t.sent = Some(chunk.clone());
        let body = Body::Push { object: key.2, seq: t.seq, chunk };
        self.send(view, key.0, key.1, body, out);
    }

    pub(super) fn on_chunk(&mut self, view: &View, id: ChunkId, chunk: Chunk, out: &mut Vec<Out>) {
        let ChunkId { pg: id, from, object, seq } = id;
        let Some(slot) = self.pgs.get_mut(&id) else { return };
        let expected = slot.pg.state() == PgState::Recovering
            || (!slot.pg.is_primary() && slot.pg.mapping().primary == Some(from));
        if !expected || !slot.pg.is_being_copied() {
            return;
        }
        let key = (id, object);
        let known = self.receiving.get(&key).map(|r| r.next);
        let stored = self.receiving.get(&key).map_or(0, |r| r.stored);
        match known {
            // Another transfer begins.
            _ if chunk.first && known.is_none_or(|next| next >> 16 != seq >> 16) => {}
            Some(next) if next == seq => {}
            Some(next) if next >> 16 == seq >> 16 && seq < next => {
                if seq >= stored {
                    return;
                }
                let body = Body::PushAck { object: key.1, seq };
                self.send(view, id, from, body, out);
                return;
            }
            _ => return,
        }
        let last = chunk.last;
        let o: ObjectName = Rc::new(key.1.clone());
        let mut ops = Vec::new();
        if chunk.first {
            ops.push(TxnOp::Remove { o: o.clone() });
            if !chunk.absent {
                ops.push(TxnOp::Touch { o: o.clone() });
                if chunk.size > 0 {
                    ops.push(TxnOp::Truncate { o: o.clone(), size: chunk.size });
                }
            }
        }
        for (name, value) in chunk.xattrs {
            ops.push(TxnOp::SetXattr { o: o.clone(), name, value });
        }
        if !chunk.omap_header.is_empty() {
            ops.push(TxnOp::OmapSetHeader { o: o.clone(), header: chunk.omap_header });
        }
        if !chunk.omap.is_empty() {
            ops.push(TxnOp::OmapSet { o: o.clone(), pairs: chunk.omap });
        }
        if !chunk.data.is_empty() {
            ops.push(TxnOp::Write { o, offset: chunk.offset, data: chunk.data });
        }
        let txn = Transaction::from(ops);
        if !self.has_room_for_copy(&txn) {
            return self.refuse_chunk(id, &key.1, out);
        }
        let Some(slot) = self.pgs.get_mut(&id) else { return };
        slot.forget_count();
        let since = slot.pg.since();
        let stored = if seq & 0xffff == 0 { seq } else { stored };
        self.receiving.insert(key.clone(), Receiving { next: seq + 1, stored });
        let then =
            Then::ChunkStored { chunk: ChunkId { pg: id, from, object: key.1, seq }, since, last };
        self.submit(txn, then);
    }

    /// Copies leave half of the reserve to what PGs say of themselves and to writes under way.
    pub(super) fn has_room_for_copy(&self, txn: &Transaction) -> bool {
        let added = added_bytes(txn);
        let s = self.store.statfs();
        added == 0 || s.available > added.saturating_add(s.total / RESERVE_PART / 2)
    }

    /// The chunk comes again. Meanwhile old contents of objects that are to be replaced make room:
    /// their new ones may need it, or be that the object is gone.
    fn refuse_chunk(&mut self, id: PgId, object: &HObject, out: &mut Vec<Out>) {
        let Some(slot) = self.pgs.get_mut(&id) else { return };
        if !std::mem::replace(&mut slot.copy_refused, true) {
            out.push(Out::Alarm(format!("pg {id}: no room for a copy of {object}")));
        }
        self.free_old(id, None, out);
    }

    /// Removes old contents of some objects after this one.
    pub(super) fn free_old(&mut self, id: PgId, after: Option<HObject>, out: &mut Vec<Out>) {
        let Some(slot) = self.pgs.get_mut(&id) else { return };
        if !self.delayed.is_empty() {
            return;
        }
        let (mut ops, mut missed) = (Vec::new(), None);
        let untouched = |o: &&HObject| !self.receiving.contains_key(&(id, (*o).clone()));
        let dirty = slot.pg.dirty().filter(|o| after.as_ref().is_none_or(|after| *o > after));
        for o in dirty.filter(untouched) {
            match self.store.exists(o) {
                Ok(true) => ops.push(TxnOp::Remove { o: Rc::new(o.clone()) }),
                Ok(false) => {}
                Err(miss) => {
                    missed = Some((miss, o.clone()));
                    break;
                }
            }
            if ops.len() == WIPE_STEP {
                break;
            }
        }
        // What was found before a miss makes room already.
        if ops.is_empty()
            && let Some((miss, at)) = missed
        {
            let work = Work::FreeOld { pg: id, since: slot.pg.since(), after, at };
            return self.wait_task(&miss, work.into(), out);
        }
        if !ops.is_empty() {
            slot.forget_count();
            self.submit(ops.into(), Then::Nothing);
        }
    }

    /// If the transaction with this token is a chunk, it is as if it had not come.
    pub(super) fn forget_chunk(&mut self, token: u64) -> bool {
        let Ok(place) = self.thens.binary_search_by_key(&token, |(token, _)| *token) else {
            return false;
        };
        let Then::ChunkStored { chunk, .. } = &self.thens[place].1 else { return false };
        let key = (chunk.pg, chunk.object.clone());
        let seq = chunk.seq;
        self.thens.remove(place);
        // In a new interval another transfer may have begun.
        if let Some(r) = self.receiving.get_mut(&key).filter(|r| r.next == seq + 1) {
            r.next = seq;
            if r.next & 0xffff == 0 {
                self.receiving.remove(&key);
            }
        }
        true
    }

    pub(super) fn on_chunk_stored(
        &mut self,
        now: Now,
        view: &View,
        chunk: ChunkId,
        since: Epoch,
        last: bool,
        out: &mut Vec<Out>,
    ) {
        let ChunkId { pg: id, from, object, seq } = chunk;
        if self.pgs.get(&id).is_none_or(|s| s.pg.since() != since) {
            return;
        }
        let key = (id, object);
        if let Some(r) = self.receiving.get_mut(&key).filter(|r| r.next == seq + 1) {
            r.stored = r.next;
        }
        let object = key.1;
        self.send(view, id, from, Body::PushAck { object: object.clone(), seq }, out);
        if last {
            self.pg_input(now, view, id, PgInput::Received { object }, out);
        }
    }
}

/// Bytes that a chunk adds, metadata twice: a checkpoint needs room for them too.
fn added_bytes(txn: &Transaction) -> u64 {
    let of = |op: &TxnOp| match op {
        TxnOp::Write { data, .. } => data.len(),
        TxnOp::OmapSet { pairs, .. } => {
            pairs.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>() * 2
        }
        _ => 0,
    };
    txn.ops.iter().map(|op| of(op) as u64).sum()
}

/// Size, xattrs and omap header; all of an object that is missing or empty.
fn first_chunk(store: &Store, object: &HObject, t: &mut Transfer) -> Result<Chunk, Miss> {
    let copy = Bytes::copy_from_slice;
    let mut chunk = Chunk { first: true, ..Chunk::default() };
    match store.stat(object)? {
        None => {
            chunk.absent = true;
            chunk.last = true;
        }
        Some(stat) => {
            chunk.size = stat.size;
            store.xattrs(object, &mut |n, v| chunk.xattrs.push((copy(n), copy(v))))?;
            chunk.omap_header = copy(store.omap_header(object)?);
            t.size = stat.size;
            t.omap_after = (stat.omap_count > 0).then(Bytes::new);
            chunk.last = t.omap_after.is_none() && stat.size == 0;
        }
    }
    t.begun = true;
    Ok(chunk)
}

/// The next omap pairs.
fn omap_chunk(store: &Store, object: &HObject, t: &mut Transfer) -> Result<Chunk, Miss> {
    let start = t.omap_after.as_deref().filter(|after| !after.is_empty());
    let mut chunk = Chunk::default();
    let (mut bytes, mut more) = (0, false);
    store.omap_scan(object, start, b"", &mut |k, v| {
        if chunk.omap.len() == CHUNK_PAIRS || bytes > CHUNK_OMAP_BYTES {
            more = true;
            return false;
        }
        bytes += k.len() + v.len();
        chunk.omap.push((Bytes::copy_from_slice(k), Bytes::copy_from_slice(v)));
        true
    })?;
    t.omap_after = if more { chunk.omap.last().map(|(k, _)| k.clone()) } else { None };
    chunk.last = t.omap_after.is_none() && t.size == 0;
    Ok(chunk)
}
