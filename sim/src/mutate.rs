//! Recorded requests of real clients, and what becomes of them by mutation.
//!
//! The records are genuine: `testdata/record.py` cut them out of connections of `rados`, `rbd`, `ceph`
//! and librados. [`Mutator`] aims them at objects that exist, so that they reach the engine of
//! operations, and then changes them: operations change places and arguments, bytes change anywhere.
//! Whoever sends the result puts it into frames whose checksums are right.

use crate::chance::Chance;
use bytes::Bytes;
use maps::OsdMap;
use messenger::Message;
use messenger::messages::{Op, OpCode, OsdOp, TypedMessage, kind};
use types::enc::Reader;
use types::{EntityKind, Epoch, ObjectLocator, OsdId, PoolId, ShardedPgId, SnapContext, SnapId};

/// Requests on this pool's objects.
const OBJECTS: u64 = 12;
/// The longest message that mutations make: more of the same finds nothing new.
const BYTES_MAX: usize = 64 << 10;
/// Extents that are asked for at all; others are where they stand in 64 bits.
const NUMBERS: [u64; 12] = [
    0,
    1,
    7,
    0x7f,
    0xff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 32,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX,
];

/// One recorded request.
#[derive(Debug, Clone)]
pub struct Record {
    /// Monitor or OSD.
    pub service: EntityKind,
    pub message: Message,
}

/// All that is recorded (`testdata/client-messages.bin`; its layout is in `record.py`).
pub fn records() -> Vec<Record> {
    let bytes = Bytes::from_static(include_bytes!("../testdata/client-messages.bin"));
    let mut r = Reader::new(&bytes);
    let mut records = Vec::new();
    while r.remaining() > 0 {
        records.push(record(&mut r).expect("the recorder wrote it"));
    }
    records
}

fn record(r: &mut Reader<'_>) -> types::enc::Result<Record> {
    let service = if r.u8()? == 1 { EntityKind::Mon } else { EntityKind::Osd };
    let (kind, version, compat, priority) = (r.u16()?, r.u16()?, r.u16()?, r.u16()?);
    let lens = [r.u32()?, r.u32()?, r.u32()?];
    let mut part = |len: u32| Ok(Bytes::copy_from_slice(r.take("segment", len as usize)?));
    let (front, middle, data) = (part(lens[0])?, part(lens[1])?, part(lens[2])?);
    let data = data.into();
    let message = Message { kind, tid: 0, priority, version, compat, front, middle, data };
    Ok(Record { service, message })
}

/// Makes requests, each from one seed's draws.
#[derive(Debug)]
pub struct Mutator {
    chance: Chance,
    mon: Vec<Message>,
    osd: Vec<Message>,
    /// Operations as they were recorded, to be mixed.
    ops: Vec<Op>,
    next_tid: u64,
}

impl Mutator {
    pub fn new(seed: u64) -> Self {
        let (mut mon, mut osd, mut ops) = (Vec::new(), Vec::new(), Vec::new());
        for Record { service, message } in records() {
            match service {
                EntityKind::Mon => mon.push(message),
                _ => {
                    if let Ok(op) = OsdOp::from_message(&message) {
                        ops.extend(op.ops);
                    }
                    osd.push(message);
                }
            }
        }
        assert!(!mon.is_empty() && !osd.is_empty() && !ops.is_empty());
        Self { chance: Chance::new(seed), mon, osd, ops, next_tid: 1 }
    }

    /// A request to a monitor.
    pub fn to_mon(&mut self) -> Message {
        // A service is asked what is meant for the other now and then.
        let from = if self.chance.once_in(20) { &self.osd } else { &self.mon };
        let mut message = self.chance.pick(from).clone();
        message.tid = self.tid();
        if !self.chance.once_in(8) {
            self.spoil(&mut message);
        }
        message
    }

    /// A request to an OSD about an object of `pool`, and whom it is for.
    pub fn to_osd(&mut self, map: &OsdMap, pool: PoolId) -> (OsdId, Message) {
        let from = if self.chance.once_in(20) { &self.mon } else { &self.osd };
        let message = self.chance.pick(from).clone();
        let tid = self.tid();
        let any = OsdId(self.chance.within(0..map.max_osd() as u64) as u32);
        let Ok(mut op) = OsdOp::from_message(&message) else {
            let mut message = Message { tid, ..message };
            self.spoil(&mut message);
            return (any, message);
        };
        let target = self.aim(&mut op, map, pool).unwrap_or(any);
        if self.chance.once_in(2) {
            self.mix(&mut op);
        }
        let (version, compat) = (message.version, message.compat);
        let mut message = Message { version, compat, ..op.into_message(tid) };
        if self.chance.once_in(2) {
            self.spoil(&mut message);
        }
        (target, message)
    }

    fn tid(&mut self) -> u64 {
        self.next_tid += 1;
        self.next_tid
    }

    fn number(&mut self) -> u64 {
        match self.chance.within(0..3) {
            0 => *self.chance.pick(&NUMBERS),
            1 => self.chance.within(0..1 << 20),
            _ => self.chance.pick(&NUMBERS).wrapping_sub(self.chance.within(0..16)),
        }
    }

    /// Points a request at an object of `pool` and at the OSD that serves it.
    fn aim(&mut self, op: &mut OsdOp, map: &OsdMap, pool: PoolId) -> Option<OsdId> {
        op.name = format!("prey{}", self.chance.within(0..OBJECTS));
        op.locator = ObjectLocator::new(pool, "");
        let raw = map.object_to_raw_pg(&op.locator, &op.name).ok()?;
        let pg = map.fold_pg(raw);
        op.head.pgid = ShardedPgId::replicated(pg);
        op.head.hash = raw.seed;
        op.head.epoch = map.epoch;
        if op.snap != SnapId::HEAD && self.chance.once_in(2) {
            op.snap = SnapId::HEAD;
        }
        if self.chance.once_in(20) {
            op.head.epoch = Epoch(self.number() as u32);
        }
        if self.chance.once_in(10) {
            let (seq, snap) = (self.chance.within(0..9), self.chance.within(0..9));
            op.snapc = SnapContext { seq, snaps: vec![snap] };
        }
        map.pg_to_up_acting(pg).primary()
    }

    /// Other operations, in another order, with other arguments.
    fn mix(&mut self, op: &mut OsdOp) {
        for _ in 0..self.chance.within(1..4) {
            let count = op.ops.len() as u64;
            let at = self.chance.within(0..count + 1) as usize;
            match self.chance.within(0..8) {
                0..3 => op.ops.insert(at, self.chance.pick(&self.ops).clone()),
                3 if count > 0 => drop(op.ops.remove(at % count as usize)),
                4 if count > 0 => op.ops[at % count as usize].code = self.code(),
                5 if count > 0 => {
                    let word = self.number().to_le_bytes();
                    let to = self.chance.within(0..21) as usize;
                    op.ops[at % count as usize].args[to..to + 8].copy_from_slice(&word);
                }
                6 if count > 0 => {
                    let mut input = op.ops[at % count as usize].input.to_vec();
                    self.damage(&mut input);
                    op.ops[at % count as usize].input = input.into();
                }
                7 => op.head.flags ^= 1 << self.chance.within(0..28),
                _ => op.ops.rotate_left(at.min(count as usize)),
            }
        }
    }

    fn code(&mut self) -> OpCode {
        loop {
            let code = OpCode(
                self.chance.pick(&[0x1200, 0x1300, 0x1500, 0x2200, 0x2300, 0x3200])
                    + self.chance.within(0..0x30) as u16,
            );
            if code.is_known() || self.chance.once_in(50) {
                return code;
            }
        }
    }

    /// Changes bytes of the header, the front and the data.
    fn spoil(&mut self, message: &mut Message) {
        if self.chance.once_in(20) {
            message.version = self.chance.within(0..12) as u16;
        }
        if self.chance.once_in(40) {
            message.compat = self.chance.within(0..12) as u16;
        }
        if self.chance.once_in(40) {
            let of_osds = 0x6b10 + self.number() as u16 % 0x20;
            message.kind = *self.chance.pick(&[
                kind::OSD_OP,
                kind::OSD_MAP,
                kind::OSD_BACKOFF,
                kind::COMMAND,
                kind::MON_COMMAND,
                kind::MON_SUBSCRIBE,
                kind::POOL_OP,
                kind::AUTH,
                of_osds,
            ]);
        }
        let mut front = message.front.to_vec();
        self.damage(&mut front);
        message.front = front.into();
        if self.chance.once_in(4) {
            let mut data = message.data.to_bytes().to_vec();
            self.damage(&mut data);
            message.data = Bytes::from(data).into();
        }
        if self.chance.once_in(50) {
            message.middle = message.front.slice(..message.front.len() / 2);
        }
    }

    /// Bytes changed, replaced by telling numbers, cut out, doubled or added.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.chance.within(1..4) {
            let len = bytes.len() as u64;
            let at = self.chance.within(0..len + 1) as usize;
            let to = (at + self.chance.within(0..40) as usize).min(bytes.len());
            match self.chance.within(0..8) {
                0 => drop(bytes.drain(at..to)),
                1 if bytes.len() < BYTES_MAX => {
                    let copy = bytes[at..to].to_vec();
                    bytes.splice(at..at, copy);
                }
                2 => bytes.truncate(at),
                3 if bytes.len() < BYTES_MAX => bytes.push(self.chance.word() as u8),
                4 | 5 => {
                    let word = self.number().to_le_bytes();
                    let width = *self.chance.pick(&[1, 2, 4, 8]);
                    let end = (at + width).min(bytes.len());
                    bytes[at..end].copy_from_slice(&word[..end - at]);
                }
                _ if at < bytes.len() => bytes[at] ^= 1 << self.chance.within(0..8),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_records_are_requests_of_many_sorts() {
        let records = records();
        let sorts: BTreeSet<(u32, u16)> =
            records.iter().map(|r| (r.service as u32, r.message.kind)).collect();
        for kind in [kind::MON_COMMAND, kind::MON_SUBSCRIBE, kind::MON_GET_VERSION, kind::STATFS] {
            assert!(sorts.contains(&(EntityKind::Mon as u32, kind)), "{kind}");
        }
        let codes: BTreeSet<OpCode> = records
            .iter()
            .filter_map(|r| OsdOp::from_message(&r.message).ok())
            .flat_map(|op| op.ops.into_iter().map(|op| op.code))
            .collect();
        assert!(codes.len() > 30, "{codes:?}");
    }

    #[test]
    fn records_of_objects_are_encoded_as_they_came() {
        for Record { message, .. } in records() {
            let Ok(op) = OsdOp::from_message(&message) else { continue };
            let again = op.into_message(0);
            assert_eq!(again.front, message.front);
            assert_eq!(again.data.to_bytes(), message.data.to_bytes());
        }
    }
}
