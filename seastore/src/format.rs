//! Superblock, division of the device into regions, and what `mkfs` writes. docs/formats.md#seastore

use crate::anchor::Anchor;
use bytes::Bytes;
use std::fmt;
use types::hash::crc32c;
use types::node::{BLOCK_SIZE, aligned_buf};
use types::{Fsid, OsdId};

pub(crate) const BLOCK: u64 = BLOCK_SIZE as u64;
const MAGIC: &[u8; 16] = b"kermes seastore\n";
/// Version of every format in a region; a reader refuses others.
pub const FORMAT_VERSION: u32 = 3;
/// Bytes of the superblock that mean something; the rest of its block is zero.
const SUPERBLOCK_BYTES: usize = 128;
const SEGMENT_BYTES_MIN: u64 = 1 << 20;
const SEGMENT_BYTES_MAX: u64 = 64 << 20;
/// A region has at least this many segments, so that the reserves leave most of it for data.
const SEGMENTS_MIN: u64 = 24;
/// Segments are as large as possible with this many in a region: a dozen are always open, free, or
/// kept for a checkpoint, and what they take is taken from the cleaner.
const SEGMENTS_WANTED: u64 = 1500;
const SHARDS_MAX: u16 = 256;

/// First and last block of a device hold the same superblock.
///
/// ```text
/// | offset | size | field                                          |
/// |      0 |   16 | magic "kermes seastore\n"                      |
/// |     16 |    4 | crc32c (seed !0) of bytes 20..128              |
/// |     20 |    4 | format version                                 |
/// |     24 |   16 | cluster fsid                                   |
/// |     40 |   16 | osd uuid                                       |
/// |     56 |   16 | store uuid, new at every mkfs                  |
/// |     72 |    4 | osd id                                         |
/// |     76 |    4 | block size                                     |
/// |     80 |    8 | device size, bytes                             |
/// |     88 |    2 | shard count, a power of two                    |
/// |     90 |    2 | 0                                              |
/// |     92 |    4 | segment size, bytes, a power of two            |
/// |     96 |    8 | region size, bytes; region i starts at         |
/// |        |      | block size + i * region size                   |
/// |    104 |   24 | 0                                              |
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superblock {
    pub cluster: Fsid,
    pub osd_uuid: Fsid,
    pub store_uuid: Fsid,
    pub osd: OsdId,
    pub device_bytes: u64,
    pub shards: u16,
    pub segment_bytes: u32,
    pub region_bytes: u64,
}

/// What a new store is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MkfsParams {
    pub cluster: Fsid,
    pub osd: OsdId,
    pub osd_uuid: Fsid,
    /// Never used before: it tells this store's records from those of an older one on the device.
    pub store_uuid: Fsid,
    pub device_bytes: u64,
    /// Store shards, a power of two up to 256. [`MkfsParams::SHARDS_DEFAULT`] unless there is a
    /// reason.
    pub shards: u16,
}
impl MkfsParams {
    pub const SHARDS_DEFAULT: u16 = 8;
}

/// Why no store can be made with these parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MkfsError {
    TooSmall {
        device_bytes: u64,
        needed: u64,
    },
    /// Not a power of two from 1 to 256.
    Shards {
        shards: u16,
    },
}
impl fmt::Display for MkfsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { device_bytes, needed } => {
                write!(f, "the device has {device_bytes} bytes, at least {needed} are needed")
            }
            Self::Shards { shards } => {
                write!(f, "{shards} shards: must be a power of two from 1 to {SHARDS_MAX}")
            }
        }
    }
}
impl std::error::Error for MkfsError {}

/// Why a device holds no store that can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeError {
    /// Zeros where a superblock would be.
    Blank,
    /// Something else's data.
    Foreign,
    /// Ours, with both copies damaged.
    Corrupt {
        expected: u32,
        found: u32,
    },
    WrongVersion {
        found: u32,
        known: u32,
    },
    /// The device is smaller than when the store was made, or than any store.
    TooSmall {
        device_bytes: u64,
        needed: u64,
    },
    /// Another cluster's (from [`Superblock::check_cluster`]).
    OtherCluster {
        found: Fsid,
        expected: Fsid,
    },
}
impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => write!(f, "the device is blank"),
            Self::Foreign => write!(f, "the device holds data that is not of this store"),
            Self::Corrupt { expected, found } => write!(
                f,
                "both superblocks are corrupt (checksum {found:#010x}, expected {expected:#010x})"
            ),
            Self::WrongVersion { found, known } => {
                write!(f, "the store has format version {found}, this program knows {known}")
            }
            Self::TooSmall { device_bytes, needed } => {
                write!(f, "the device has {device_bytes} bytes, at least {needed} are needed")
            }
            Self::OtherCluster { found, expected } => {
                write!(f, "the store belongs to cluster {found}, not to {expected}")
            }
        }
    }
}
impl std::error::Error for ProbeError {}

/// Where the two superblocks of a device are, bytes. The second is the last whole block.
pub fn superblock_offsets(device_bytes: u64) -> [u64; 2] {
    [0, (device_bytes / BLOCK).saturating_sub(1) * BLOCK]
}

/// Says what a device holds, given its size and the blocks at [`superblock_offsets`]. One whole
/// copy is enough.
pub fn probe(device_bytes: u64, first: &[u8], last: &[u8]) -> Result<Superblock, ProbeError> {
    let (a, b) = (Superblock::decode(first), Superblock::decode(last));
    let found = match (a, b) {
        (Ok(sb), _) | (_, Ok(sb)) => sb,
        // A device that was cut loses its last block, one that is foreign has no magic in either:
        // the error that knows most wins.
        (Err(a), Err(b)) => return Err(if rank(&b) > rank(&a) { b } else { a }),
    };
    if found.device_bytes > device_bytes {
        return Err(ProbeError::TooSmall { device_bytes, needed: found.device_bytes });
    }
    Ok(found)
}

fn rank(e: &ProbeError) -> u8 {
    match e {
        ProbeError::Blank => 0,
        ProbeError::Foreign => 1,
        ProbeError::Corrupt { .. } => 2,
        _ => 3,
    }
}

impl Superblock {
    /// Refuses a store of another cluster.
    pub fn check_cluster(&self, expected: Fsid) -> Result<(), ProbeError> {
        if self.cluster == expected {
            return Ok(());
        }
        Err(ProbeError::OtherCluster { found: self.cluster, expected })
    }

    pub fn encode(&self) -> Bytes {
        let mut b = vec![0; SUPERBLOCK_BYTES];
        b[..16].copy_from_slice(MAGIC);
        b[20..24].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        b[24..40].copy_from_slice(&self.cluster.0);
        b[40..56].copy_from_slice(&self.osd_uuid.0);
        b[56..72].copy_from_slice(&self.store_uuid.0);
        b[72..76].copy_from_slice(&self.osd.0.to_le_bytes());
        b[76..80].copy_from_slice(&(BLOCK as u32).to_le_bytes());
        b[80..88].copy_from_slice(&self.device_bytes.to_le_bytes());
        b[88..90].copy_from_slice(&self.shards.to_le_bytes());
        b[92..96].copy_from_slice(&self.segment_bytes.to_le_bytes());
        b[96..104].copy_from_slice(&self.region_bytes.to_le_bytes());
        let crc = crc32c(!0, &b[20..]);
        b[16..20].copy_from_slice(&crc.to_le_bytes());
        let mut block = aligned_buf(BLOCK_SIZE);
        block.extend_from_slice(&b);
        block.resize(BLOCK_SIZE, 0);
        block.freeze()
    }

    /// Decodes one copy.
    pub fn decode(block: &[u8]) -> Result<Self, ProbeError> {
        if block.len() < SUPERBLOCK_BYTES {
            let needed = BLOCK;
            return Err(ProbeError::TooSmall { device_bytes: block.len() as u64, needed });
        }
        if &block[..16] != MAGIC {
            let blank = block.iter().all(|b| *b == 0);
            return Err(if blank { ProbeError::Blank } else { ProbeError::Foreign });
        }
        let u32_at = |at: usize| u32::from_le_bytes(block[at..at + 4].try_into().expect("4 bytes"));
        let u64_at = |at: usize| u64::from_le_bytes(block[at..at + 8].try_into().expect("8 bytes"));
        let uuid_at = |at: usize| Fsid(block[at..at + 16].try_into().expect("16 bytes"));
        let (expected, found) = (u32_at(16), crc32c(!0, &block[20..SUPERBLOCK_BYTES]));
        if expected != found {
            return Err(ProbeError::Corrupt { expected, found });
        }
        if u32_at(20) != FORMAT_VERSION {
            return Err(ProbeError::WrongVersion { found: u32_at(20), known: FORMAT_VERSION });
        }
        let sb = Self {
            cluster: uuid_at(24),
            osd_uuid: uuid_at(40),
            store_uuid: uuid_at(56),
            osd: OsdId(u32_at(72)),
            device_bytes: u64_at(80),
            shards: u16::from_le_bytes([block[88], block[89]]),
            segment_bytes: u32_at(92),
            region_bytes: u64_at(96),
        };
        let sane = u32_at(76) as u64 == BLOCK
            && sb.shards.is_power_of_two()
            && sb.shards <= SHARDS_MAX
            && (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&(sb.segment_bytes as u64))
            && sb.segment_bytes.is_power_of_two()
            && sb.region_bytes.is_multiple_of(BLOCK)
            && sb
                .region_bytes
                .checked_mul(sb.shards as u64)
                .and_then(|all| all.checked_add(2 * BLOCK))
                .is_some_and(|all| all <= sb.device_bytes)
            && sb.segment_count() >= SEGMENTS_MIN;
        // A right checksum over a layout that cannot be: treat it as damage, never compute with it.
        if sane { Ok(sb) } else { Err(ProbeError::Corrupt { expected, found }) }
    }

    /// Start of a shard's region, bytes from the start of the device.
    pub fn region_offset(&self, shard: u16) -> u64 {
        BLOCK + shard as u64 * self.region_bytes
    }

    /// Segments of one region, which has two anchor blocks at either end.
    pub fn segment_count(&self) -> u64 {
        self.region_bytes.saturating_sub(4 * BLOCK) / self.segment_bytes as u64
    }
    /// Its anchors: even, odd, even again, odd again.
    pub(crate) fn anchor_offsets(&self, shard: u16) -> [u64; 4] {
        let start = self.region_offset(shard);
        let end = start + self.region_bytes;
        [start, start + BLOCK, end - 2 * BLOCK, end - BLOCK]
    }
    pub(crate) fn segments_offset(&self, shard: u16) -> u64 {
        self.region_offset(shard) + 2 * BLOCK
    }
}

/// The superblock that [`mkfs_plan`] would write.
pub fn superblock_for(params: &MkfsParams) -> Result<Superblock, MkfsError> {
    let shards = params.shards;
    if !shards.is_power_of_two() || shards > SHARDS_MAX {
        return Err(MkfsError::Shards { shards });
    }
    let region_min = SEGMENTS_MIN * SEGMENT_BYTES_MIN + 4 * BLOCK;
    let needed = region_min * shards as u64 + 2 * BLOCK;
    if params.device_bytes < needed {
        return Err(MkfsError::TooSmall { device_bytes: params.device_bytes, needed });
    }
    let region_bytes = ((params.device_bytes / BLOCK - 2) * BLOCK / shards as u64) / BLOCK * BLOCK;
    let largest = (region_bytes - 4 * BLOCK) / SEGMENTS_WANTED;
    let segment_bytes =
        (1u64 << largest.max(1).ilog2()).clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX) as u32;
    Ok(Superblock {
        cluster: params.cluster,
        osd_uuid: params.osd_uuid,
        store_uuid: params.store_uuid,
        osd: params.osd,
        device_bytes: params.device_bytes,
        shards,
        segment_bytes,
        region_bytes,
    })
}

/// Everything to write, durably, for a new store: (offset in bytes, blocks). The superblocks come
/// last, so that an interrupted mkfs leaves no store behind.
pub fn mkfs_plan(params: &MkfsParams) -> Result<Vec<(u64, Bytes)>, MkfsError> {
    let sb = superblock_for(params)?;
    let mut plan = Vec::new();
    for shard in 0..sb.shards {
        for (i, offset) in sb.anchor_offsets(shard).into_iter().enumerate() {
            let parity = (i % 2) as u16;
            plan.push((offset, Anchor::blank().encode_as(&sb.store_uuid, shard, parity)));
        }
    }
    for offset in superblock_offsets(sb.device_bytes) {
        plan.push((offset, sb.encode()));
    }
    Ok(plan)
}
