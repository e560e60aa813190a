//! Write path: queued transactions become records.

use crate::event::{StoreEffect, StoreError, StoreEvent};
use crate::format::BLOCK;
use crate::onode::{Crcs, Extent};
use crate::record::{FIRST, HEADER_BYTES, Home, MORE, RecordHeader};
use crate::segment::{Owner, Use};
use crate::store::{InFlight, Io, OP_BYTES_MAX, Phase, Queued, QueuedOp, Store};
use crate::txn::TxnOp;
use types::node::IoError;

/// Records on their way at once. When so many are, transactions gather until one is done.
const IN_FLIGHT_MAX: usize = 16;

/// Where a write of the record being built came from.
struct Source {
    object: Option<u32>,
    offset: u64,
    len: u64,
    position: u64,
}

/// The group of records being built: usually one record with many transactions.
#[derive(Default)]
struct Group {
    started: bool,
    tokens: Vec<u64>,
    kills: Vec<(u32, u64)>,
    touched: Vec<u32>,
    sources: Vec<Source>,
}

impl Store {
    /// Places all that is queued.
    pub(crate) fn write_queued(&mut self, fx: &mut Vec<StoreEffect>) {
        if !matches!(self.phase, Phase::Ready) || (self.queue.is_empty() && self.moves.is_empty()) {
            return;
        }
        // A checkpoint needs objects whose data all have a place.
        if self.in_flight.len() >= IN_FLIGHT_MAX && self.checkpointer.is_none() {
            return;
        }
        let mut group = Group::default();
        let moves = std::mem::take(&mut self.moves);
        let queue = std::mem::take(&mut self.queue);
        for queued in moves.into_iter().chain(queue) {
            self.add_to_group(queued, &mut group, fx);
            if !matches!(self.phase, Phase::Ready) {
                return;
            }
        }
        self.write_record(&mut group, false, fx);
        self.queued_bytes = 0;
        self.queued_data.clear();
    }

    fn add_to_group(&mut self, queued: Queued, group: &mut Group, fx: &mut Vec<StoreEffect>) {
        // What is larger than one operation may be cut between any two; the rest stays in one
        // record, so that it is one write.
        let whole = queued.bytes_max.min(self.record_bytes_max());
        if queued.bytes_max > OP_BYTES_MAX || whole > self.room() {
            self.write_record(group, false, fx);
        }
        let is_move = queued.token.is_none();
        for QueuedOp { op, object, position } in &queued.ops {
            let bytes = op.data_bytes().next_multiple_of(BLOCK) + op.delta_bytes_max() + BLOCK;
            if bytes > self.room() && !self.builder.is_empty() {
                self.write_record(group, true, fx);
            }
            if bytes > OP_BYTES_MAX {
                self.write_huge(op, group, fx);
            } else {
                let write = self.builder.push(op, is_move);
                if let (TxnOp::Write { offset, data, .. }, Some(index)) = (op, write) {
                    assert_eq!(index, group.sources.len());
                    let len = data.len() as u64;
                    let (object, offset, position) = (*object, *offset, *position);
                    group.sources.push(Source { object, offset, len, position });
                }
            }
            if let Some(id) = object
                && group.touched.last() != Some(id)
            {
                group.touched.push(*id);
            }
        }
        group.tokens.extend(queued.token);
        group.kills.extend(queued.kills);
    }

    /// What can still be added to the record being built: it ends at its own bound or with its
    /// segment, unless it is empty and may go to the next one.
    fn room(&self) -> u64 {
        let segment_left = self.segments.segment_bytes - self.head.offset;
        self.record_bytes_max().min(segment_left).saturating_sub(self.builder.total_bytes())
    }

    /// An operation without data that is larger than a record (a large omap): cut anywhere.
    fn write_huge(&mut self, op: &TxnOp, group: &mut Group, fx: &mut Vec<StoreEffect>) {
        let deltas = self.builder.encode_alone(op);
        for part in deltas.chunks(OP_BYTES_MAX as usize - HEADER_BYTES) {
            if !self.builder.is_empty() {
                self.write_record(group, true, fx);
            }
            self.builder.push_raw(part);
        }
    }

    /// Writes what the builder holds. `more`: the transaction goes on in the next record.
    fn write_record(&mut self, group: &mut Group, more: bool, fx: &mut Vec<StoreEffect>) {
        // A transaction without operations still wants its event, in order.
        if !self.builder.is_empty() || !group.tokens.is_empty() {
            self.place_record(group, more, fx);
        }
    }

    /// Writes an empty record where the mount found the journal's end, if its segment has room.
    ///
    /// What a crash left there, a record whole but for some sectors, would otherwise stay when the
    /// first record of this run is too long for the place and goes to the next segment; and the
    /// next mount would find two records that continue the chain.
    pub(crate) fn write_mark(&mut self, fx: &mut Vec<StoreEffect>) {
        if self.head.offset < self.segments.segment_bytes {
            self.place_record(&mut Group::default(), false, fx);
        }
    }

    fn place_record(&mut self, group: &mut Group, more: bool, fx: &mut Vec<StoreEffect>) {
        if !matches!(self.phase, Phase::Ready) {
            return;
        }
        let total = self.builder.total_bytes();
        if self.head.offset + total > self.segments.segment_bytes && !self.advance() {
            return;
        }
        let sequence = self.head.sequence;
        let addr = self.head.segment as u64 * self.segments.segment_bytes + self.head.offset;
        let device_offset = self.device_offset(addr);
        let header = RecordHeader {
            crc: 0,
            sequence,
            flags: if group.started { 0 } else { FIRST } | if more { MORE } else { 0 },
            previous: self.head.previous,
            durable: self.durable,
            nonce: self.config.nonce,
            delta_bytes: 0,
            delta_crc: 0,
            data_blocks: 0,
            data_crc: 0,
            next: self.head.next,
        };
        let home = Home {
            store: self.config.superblock.store_uuid,
            shard: self.config.shard,
            device_offset,
        };
        let record = self.builder.finish(header, &home, addr);
        assert_eq!(record.buf.len() as u64, total);
        for (source, (at, crcs)) in group.sources.drain(..).zip(&record.writes) {
            let Some(id) = source.object else { continue };
            let whole =
                Extent { addr: addr + at, len: source.len as u32, crcs: Crcs::from_slice(crcs) };
            let segments = &mut self.segments;
            self.objects.place(
                id,
                source.offset,
                source.len,
                source.position,
                &whole,
                &mut |offset, len| segments.add(addr, Owner { object: id, len, offset }),
            );
        }
        self.head.offset += total;
        self.head.sequence += 1;
        self.head.previous = record.crc;
        self.journal_bytes += total;
        self.segments.get(self.head.segment).last_sequence = sequence;
        let mut flight =
            InFlight { sequence, addr, done: false, tokens: Vec::new(), kills: Vec::new() };
        group.started = more;
        if !more {
            flight.tokens = std::mem::take(&mut group.tokens);
            flight.kills = std::mem::take(&mut group.kills);
            for id in group.touched.drain(..) {
                if let Some(onode) = self.objects.slot_mut(id) {
                    onode.sequence = sequence;
                }
            }
        }
        self.in_flight.push_back(flight);
        self.buffers.insert(addr, record.buf.clone());
        let io = self.new_io(Io::Record { sequence });
        fx.push(StoreEffect::Write { io, offset: device_offset, buf: record.buf, durable: true });
    }

    /// Lets the journal go on in the next segment. `false` if there is no segment left to follow
    /// that one; the store has then failed.
    pub(crate) fn advance(&mut self) -> bool {
        let Some(next) = self.segments.allocate(Use::Next) else {
            self.fail(StoreError::ReserveExhausted);
            return false;
        };
        self.segments.get(self.head.segment).usage = Use::Closed;
        self.head.segment = self.head.next;
        self.segments.get(self.head.segment).usage = Use::Open;
        self.head.next = next;
        self.head.offset = 0;
        true
    }

    /// A record's write ended. Transactions become durable in order, whatever the order of writes.
    pub(crate) fn on_record(&mut self, sequence: u64, result: Result<(), IoError>) {
        if !matches!(self.phase, Phase::Ready) {
            return;
        }
        let Some(first) = self.in_flight.front().map(|f| f.sequence) else { return };
        let flight = &mut self.in_flight[(sequence - first) as usize];
        let addr = flight.addr;
        if let Err(error) = result {
            let device_offset = self.device_offset(addr);
            self.fail(StoreError::WriteFailed { device_offset, error });
            return;
        }
        flight.done = true;
        self.buffers.remove(&addr);
        while let Some(flight) = self.in_flight.pop_front_if(|f| f.done) {
            self.durable = flight.sequence;
            for (segment, bytes) in flight.kills {
                self.segments.kill(segment, bytes);
            }
            let durable = flight.tokens.into_iter().map(|token| StoreEvent::Durable { token });
            self.events.extend(durable);
        }
    }
}
