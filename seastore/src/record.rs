//! Record: the unit of atomic append to the journal. docs/formats.md#record

use crate::delta::{Patch, put_op};
use crate::format::BLOCK;
use crate::onode::blocks_touched;
use crate::txn::{ObjectName, TxnOp};
use bytes::{Bytes, BytesMut};
use types::Fsid;
use types::hash::crc32c;
use types::node::{BLOCK_SIZE, aligned_buf};

pub(crate) const HEADER_BYTES: usize = 96;
const MAGIC: u32 = u32::from_le_bytes(*b"KSre");

/// First record of a group: what an unfinished group left before it is void.
pub(crate) const FIRST: u16 = 1;
/// The group goes on in the next record; it counts only when its last one is whole.
pub(crate) const MORE: u16 = 2;

/// Header of a record. The deltas follow it, then at the next block bound the data.
///
/// ```text
/// | offset | size | field                                                    |
/// |      0 |    4 | magic "KSre"                                             |
/// |      4 |    4 | crc32c (seed !0) of bytes 8..96                          |
/// |      8 |    8 | sequence: previous record + 1                            |
/// |     16 |   16 | store uuid                                               |
/// |     32 |    8 | offset of the record on the device                       |
/// |     40 |    2 | shard                                                    |
/// |     42 |    2 | flags: 1 first of a group, 2 more of the group follow    |
/// |     44 |    4 | field 4 of the previous record                           |
/// |     48 |    8 | records up to this sequence were durable when written    |
/// |     56 |    8 | nonce of the run that wrote it                           |
/// |     64 |    4 | bytes of deltas                                          |
/// |     68 |    4 | crc32c of the deltas                                     |
/// |     72 |    4 | blocks of data                                           |
/// |     76 |    4 | crc32c of the crc32cs of the blocks                      |
/// |     80 |    4 | segment in which the journal goes on after this one      |
/// |     84 |   12 | 0                                                        |
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub crc: u32,
    pub sequence: u64,
    pub flags: u16,
    pub previous: u32,
    pub durable: u64,
    pub nonce: u64,
    pub delta_bytes: u32,
    pub delta_crc: u32,
    pub data_blocks: u32,
    pub data_crc: u32,
    pub next: u32,
}

/// Which shard of which store, where: fields that every header repeats, so that a copy of a record
/// in somebody's data is never taken for one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Home {
    pub store: Fsid,
    pub shard: u16,
    pub device_offset: u64,
}

impl RecordHeader {
    pub fn data_start(&self) -> u64 {
        (HEADER_BYTES as u64 + self.delta_bytes as u64).next_multiple_of(BLOCK)
    }
    pub fn total_bytes(&self) -> u64 {
        self.data_start() + self.data_blocks as u64 * BLOCK
    }

    /// Writes the header to the front of `out` and returns its checksum.
    pub fn encode(&self, home: &Home, out: &mut [u8]) -> u32 {
        let h = &mut out[..HEADER_BYTES];
        h.fill(0);
        h[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        h[8..16].copy_from_slice(&self.sequence.to_le_bytes());
        h[16..32].copy_from_slice(&home.store.0);
        h[32..40].copy_from_slice(&home.device_offset.to_le_bytes());
        h[40..42].copy_from_slice(&home.shard.to_le_bytes());
        h[42..44].copy_from_slice(&self.flags.to_le_bytes());
        h[44..48].copy_from_slice(&self.previous.to_le_bytes());
        h[48..56].copy_from_slice(&self.durable.to_le_bytes());
        h[56..64].copy_from_slice(&self.nonce.to_le_bytes());
        h[64..68].copy_from_slice(&self.delta_bytes.to_le_bytes());
        h[68..72].copy_from_slice(&self.delta_crc.to_le_bytes());
        h[72..76].copy_from_slice(&self.data_blocks.to_le_bytes());
        h[76..80].copy_from_slice(&self.data_crc.to_le_bytes());
        h[80..84].copy_from_slice(&self.next.to_le_bytes());
        let crc = crc32c(!0, &h[8..]);
        h[4..8].copy_from_slice(&crc.to_le_bytes());
        crc
    }

    /// `None` if `bytes` does not begin with a whole header of that place.
    pub fn decode(bytes: &[u8], home: &Home) -> Option<Self> {
        let h = bytes.get(..HEADER_BYTES)?;
        let u16_at = |at: usize| u16::from_le_bytes(h[at..at + 2].try_into().expect("2 bytes"));
        let u32_at = |at: usize| u32::from_le_bytes(h[at..at + 4].try_into().expect("4 bytes"));
        let u64_at = |at: usize| u64::from_le_bytes(h[at..at + 8].try_into().expect("8 bytes"));
        let crc = u32_at(4);
        let ours = u32_at(0) == MAGIC
            && h[16..32] == home.store.0
            && u64_at(32) == home.device_offset
            && u16_at(40) == home.shard
            && crc == crc32c(!0, &h[8..]);
        ours.then(|| Self {
            crc,
            sequence: u64_at(8),
            flags: u16_at(42),
            previous: u32_at(44),
            durable: u64_at(48),
            nonce: u64_at(56),
            delta_bytes: u32_at(64),
            delta_crc: u32_at(68),
            data_blocks: u32_at(72),
            data_crc: u32_at(76),
            next: u32_at(80),
        })
    }
}

/// Checksum of each block of `data`, and the checksum of those.
pub(crate) fn block_crcs(data: &[u8]) -> (Vec<u32>, u32) {
    let mut all = !0;
    let crcs = data
        .chunks(BLOCK_SIZE)
        .map(|block| {
            let crc = crc32c(!0, block);
            all = crc32c(all, &crc.to_le_bytes());
            crc
        })
        .collect();
    (crcs, all)
}

/// One write of a record being built.
struct PlacedWrite {
    /// From the start of the data part.
    at: u64,
    data: Bytes,
    patch: Patch,
}

/// Collects the operations of one record.
#[derive(Default)]
pub(crate) struct RecordBuilder {
    deltas: Vec<u8>,
    writes: Vec<PlacedWrite>,
    /// End of the data so far, a block bound.
    data_end: u64,
    /// Rest of a block that unaligned writes share.
    shared_at: u64,
    shared_room: u64,
    /// The object of the last operation of the group.
    last: Option<ObjectName>,
}

/// A record ready to be written.
pub(crate) struct BuiltRecord {
    pub buf: Bytes,
    pub crc: u32,
    /// Per write in order: where its data begin in the record, and their blocks' checksums.
    pub writes: Vec<(u64, Vec<u32>)>,
}

impl RecordBuilder {
    pub fn is_empty(&self) -> bool {
        self.deltas.is_empty()
    }
    /// What the record takes as it is.
    pub fn total_bytes(&self) -> u64 {
        ((HEADER_BYTES + self.deltas.len()) as u64).next_multiple_of(BLOCK) + self.data_end
    }

    /// Appends an operation. Returns the number of its write, if it is one with data.
    pub fn push(&mut self, op: &TxnOp, is_move: bool) -> Option<usize> {
        let TxnOp::Write { data, .. } = op else {
            put_op(&mut self.deltas, op, is_move, 0, &mut self.last);
            return None;
        };
        let at = self.reserve(data.len() as u64);
        let blocks = if data.is_empty() { 0 } else { blocks_touched(at, data.len() as u64) };
        let patch = put_op(&mut self.deltas, op, is_move, blocks, &mut self.last);
        if data.is_empty() {
            return None;
        }
        let patch = patch.expect("writes have one");
        self.writes.push(PlacedWrite { at, data: data.clone(), patch });
        Some(self.writes.len() - 1)
    }

    /// Deltas alone, cut out of an operation that is larger than a record.
    pub fn push_raw(&mut self, deltas: &[u8]) {
        self.deltas.extend_from_slice(deltas);
    }
    pub fn encode_alone(&mut self, op: &TxnOp) -> Vec<u8> {
        let mut out = Vec::new();
        put_op(&mut out, op, false, 0, &mut self.last);
        out
    }

    /// Whole blocks get blocks of their own; others share, so that small appends do not take a
    /// block each.
    fn reserve(&mut self, len: u64) -> u64 {
        if !len.is_multiple_of(BLOCK) && len <= self.shared_room {
            let at = self.shared_at;
            self.shared_at += len;
            self.shared_room -= len;
            return at;
        }
        let at = self.data_end;
        self.data_end += len.next_multiple_of(BLOCK);
        if !len.is_multiple_of(BLOCK) && self.data_end - (at + len) > self.shared_room {
            self.shared_at = at + len;
            self.shared_room = self.data_end - self.shared_at;
        }
        at
    }

    /// Finishes the record for the place `home`, whose address is `addr`, and starts the next one.
    pub fn finish(&mut self, mut header: RecordHeader, home: &Home, addr: u64) -> BuiltRecord {
        header.delta_bytes = self.deltas.len() as u32;
        header.data_blocks = (self.data_end / BLOCK) as u32;
        let data_start = header.data_start();
        let total = header.total_bytes() as usize;
        let mut buf = aligned_buf(total);
        buf.resize(HEADER_BYTES, 0);
        buf.extend_from_slice(&self.deltas);
        buf.resize(data_start as usize, 0);
        self.copy_data(&mut buf, data_start);
        buf.resize(total, 0);
        let (crcs, data_crc) = block_crcs(&buf[data_start as usize..]);
        let mut writes = Vec::with_capacity(self.writes.len());
        for write in &self.writes {
            let first = (write.at / BLOCK) as usize;
            let own = crcs[first..first + write.patch.blocks].to_vec();
            let at = HEADER_BYTES + write.patch.at;
            buf[at..at + 8].copy_from_slice(&(addr + data_start + write.at).to_le_bytes());
            for (crc, slot) in own.iter().zip(buf[at + 8..].chunks_exact_mut(4)) {
                slot.copy_from_slice(&crc.to_le_bytes());
            }
            writes.push((data_start + write.at, own));
        }
        header.delta_crc = crc32c(!0, &buf[HEADER_BYTES..HEADER_BYTES + self.deltas.len()]);
        header.data_crc = data_crc;
        let crc = header.encode(home, &mut buf);
        self.clear(header.flags & MORE != 0);
        BuiltRecord { buf: buf.freeze(), crc, writes }
    }

    /// The only copy of the data on their way from the socket to the device. Writes are in order of
    /// place but for those that share a block, so the buffer grows as they come.
    fn copy_data(&self, buf: &mut BytesMut, data_start: u64) {
        for write in &self.writes {
            let from = (data_start + write.at) as usize;
            let to = from + write.data.len();
            if from >= buf.len() {
                buf.resize(from, 0);
                buf.extend_from_slice(&write.data);
            } else {
                if to > buf.len() {
                    buf.resize(to, 0);
                }
                buf[from..to].copy_from_slice(&write.data);
            }
        }
    }

    fn clear(&mut self, group_goes_on: bool) {
        self.deltas.clear();
        self.writes.clear();
        (self.data_end, self.shared_at, self.shared_room) = (0, 0, 0);
        if !group_goes_on {
            self.last = None;
        }
    }
}
