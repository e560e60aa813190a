//! Record: the unit of atomic append. docs/formats.md#record

use crate::format::BLOCK;
use types::Fsid;
use types::hash::crc32c;

pub(crate) const HEADER_BYTES: usize = 96;
const MAGIC: u32 = u32::from_le_bytes(*b"KSr2");

/// First record of a group: what an unfinished group left before it is void.
pub(crate) const FIRST: u16 = 1;
/// The group goes on in the next record; it counts only when its last one is whole.
pub(crate) const MORE: u16 = 2;
/// The deltas are a part of one change that is larger than a record.
pub(crate) const RAW: u16 = 4;
/// Not of the journal: what the cleaner moved. Such records do not follow each other.
pub(crate) const COLD: u16 = 8;
/// The first of its segment, after a crash: the zone before cannot be written where the journal
/// ended, and what a crash left there of a record with this sequence is void.
pub(crate) const RESUMED: u16 = 16;

/// Header of a record. The deltas follow it, then from block `header_blocks` on the data.
///
/// ```text
/// | offset | size | field                                                    |
/// |      0 |    4 | magic "KSr2"                                             |
/// |      4 |    4 | crc32c (seed !0) of bytes 8..96                          |
/// |      8 |    8 | sequence: previous record + 1                            |
/// |     16 |   16 | store uuid                                               |
/// |     32 |    8 | offset of the record on the device                       |
/// |     40 |    2 | shard                                                    |
/// |     42 |    2 | flags: 1 first of a group, 2 more of the group follow,   |
/// |        |      | 4 a part of one change, 8 written by the cleaner,        |
/// |        |      | 16 in place of what a crash left in the zone before      |
/// |     44 |    4 | field 4 of the previous record                           |
/// |     48 |    8 | records up to this sequence were durable when written    |
/// |     56 |    8 | nonce of the run that wrote it                           |
/// |     64 |    4 | bytes of deltas                                          |
/// |     68 |    4 | crc32c of the deltas                                     |
/// |     72 |    4 | blocks of data                                           |
/// |     76 |    4 | crc32c of the crc32cs of the blocks                      |
/// |     80 |    4 | segment in which the journal goes on after this one      |
/// |     84 |    4 | blocks of header and deltas                              |
/// |     88 |    8 | 0                                                        |
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
    pub header_blocks: u32,
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
    pub fn total_blocks(&self) -> u64 {
        self.header_blocks as u64 + self.data_blocks as u64
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
        h[84..88].copy_from_slice(&self.header_blocks.to_le_bytes());
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
        let fits = u32_at(84) as u64 * BLOCK >= HEADER_BYTES as u64 + u32_at(64) as u64;
        (ours && fits).then(|| Self {
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
            header_blocks: u32_at(84),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: Home = Home { store: Fsid([7; 16]), shard: 3, device_offset: 5 << 20 };

    fn header() -> ([u8; HEADER_BYTES], RecordHeader) {
        let mut header = RecordHeader {
            crc: 0,
            sequence: 9,
            flags: FIRST | MORE,
            previous: 0x1234_5678,
            durable: 8,
            nonce: 0xfeed,
            delta_bytes: 4000,
            delta_crc: 77,
            header_blocks: 1,
            data_blocks: 32,
            data_crc: 78,
            next: 12,
        };
        let mut bytes = [0; HEADER_BYTES];
        header.crc = header.encode(&HOME, &mut bytes);
        (bytes, header)
    }

    #[test]
    fn a_header_with_any_bit_changed_is_none() {
        let (bytes, header) = header();
        assert_eq!(RecordHeader::decode(&bytes, &HOME), Some(header));
        for bit in 0..8 * HEADER_BYTES {
            let mut rotten = bytes;
            rotten[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(RecordHeader::decode(&rotten, &HOME), None, "bit {bit}");
        }
        assert_eq!(RecordHeader::decode(&bytes[..HEADER_BYTES - 1], &HOME), None);
    }

    /// A whole record that somebody's data hold, or that a write put elsewhere.
    #[test]
    fn a_record_of_another_place_is_none() {
        let (bytes, _) = header();
        for home in [
            Home { store: Fsid([8; 16]), ..HOME },
            Home { shard: 2, ..HOME },
            Home { device_offset: HOME.device_offset + BLOCK, ..HOME },
        ] {
            assert_eq!(RecordHeader::decode(&bytes, &home), None, "{home:?}");
        }
    }

    /// Deltas that would not fit into the header's blocks, though the checksum is right.
    #[test]
    fn a_header_that_contradicts_itself_is_none() {
        let (mut bytes, header) = header();
        RecordHeader { delta_bytes: 4001, ..header }.encode(&HOME, &mut bytes);
        assert_eq!(RecordHeader::decode(&bytes, &HOME), None);
    }
}
