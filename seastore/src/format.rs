//! Superblock, division of the device into regions, and what `mkfs` writes. docs/formats.md#seastore

use crate::anchor::Anchor;
use bytes::Bytes;
use std::fmt;
use types::hash::crc32c;
use types::node::{BLOCK_SIZE, aligned_buf};
use types::zone::ZoneTraits;
use types::{Fsid, OsdId};

pub(crate) const BLOCK: u64 = BLOCK_SIZE as u64;
const MAGIC: &[u8; 16] = b"kermes seastore\n";
/// Version of every format in a region; a reader refuses others.
pub const FORMAT_VERSION: u32 = 7;
/// The same on a zoned device, where regions are laid out otherwise: unknown to programs that write
/// in place.
pub const FORMAT_VERSION_ZONED: u32 = 8;
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
/// Zones with superblocks, at the device's start, and with anchors, at a region's.
const SUPERBLOCK_ZONES: u64 = 2;
pub(crate) const ANCHOR_ZONES: u64 = 2;
/// Zones that a shard has begun at once: of the journal, of checkpoints, of cold data of two ages, and
/// both of anchors.
const ACTIVE_ZONES_MIN: u32 = 6;

/// First and last block of a device hold the same superblock; of a zoned device, the first blocks of
/// its first two zones.
///
/// ```text
/// | offset | size | field                                          |
/// |      0 |   16 | magic "kermes seastore\n"                      |
/// |     16 |    4 | crc32c (seed !0) of bytes 20..128              |
/// |     20 |    4 | format version: 7, or 8 on a zoned device      |
/// |     24 |   16 | cluster fsid                                   |
/// |     40 |   16 | osd uuid                                       |
/// |     56 |   16 | store uuid, new at every mkfs                  |
/// |     72 |    4 | osd id                                         |
/// |     76 |    4 | block size                                     |
/// |     80 |    8 | device size, bytes                             |
/// |     88 |    2 | shard count, a power of two                    |
/// |     90 |    2 | 0                                              |
/// |     92 |    4 | segment size, bytes, a power of two; the       |
/// |        |      | capacity of a zone                             |
/// |     96 |    8 | region size, bytes; region i starts at         |
/// |        |      | block size (two zones) + i * region size       |
/// |    104 |    8 | zone size, bytes, a power of two; 0: not zoned |
/// |    112 |    4 | zones that may be active, 0 for any number     |
/// |    116 |   12 | 0                                              |
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
    /// Of a zoned device, whose segments are its zones.
    pub zones: Option<ZoneTraits>,
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
    /// Of a zoned device.
    pub zones: Option<ZoneTraits>,
}
impl MkfsParams {
    pub const SHARDS_DEFAULT: u16 = 8;

    /// As many shards as a zoned device has zones for, at most the default, at least one.
    pub fn shards_for(zones: &ZoneTraits, device_bytes: u64) -> u16 {
        let fits = |shards: u16| {
            let needed = SUPERBLOCK_ZONES + shards as u64 * (ANCHOR_ZONES + SEGMENTS_MIN);
            device_bytes / zones.bytes.max(1) >= needed && enough_active(zones, shards)
        };
        let mut shards = Self::SHARDS_DEFAULT;
        while shards > 1 && !fits(shards) {
            shards /= 2;
        }
        shards
    }
}

fn enough_active(zones: &ZoneTraits, shards: u16) -> bool {
    zones.active_max == 0 || zones.active_max / shards.max(1) as u32 >= ACTIVE_ZONES_MIN
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
    /// The device writes to fewer zones at once than the shards do.
    ActiveZones {
        shards: u16,
        active_max: u32,
    },
    /// Zones that are too small, too large or no power of two.
    Zones {
        bytes: u64,
        capacity: u64,
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
            Self::ActiveZones { shards, active_max } => write!(
                f,
                "{shards} shards write to {ACTIVE_ZONES_MIN} zones each, and the device to at most \
                 {active_max} at once"
            ),
            Self::Zones { bytes, capacity } => {
                write!(f, "zones of {bytes} bytes that hold {capacity} are of no use to the store")
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

/// The same of a zoned device, which has zones of `zone_bytes`.
pub fn zoned_superblock_offsets(zone_bytes: u64) -> [u64; 2] {
    [0, zone_bytes]
}

/// Says what a device holds, given its size and the blocks at [`superblock_offsets`]
/// or [`zoned_superblock_offsets`]. One whole
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
        let version = if self.zones.is_some() { FORMAT_VERSION_ZONED } else { FORMAT_VERSION };
        b[20..24].copy_from_slice(&version.to_le_bytes());
        b[24..40].copy_from_slice(&self.cluster.0);
        b[40..56].copy_from_slice(&self.osd_uuid.0);
        b[56..72].copy_from_slice(&self.store_uuid.0);
        b[72..76].copy_from_slice(&self.osd.0.to_le_bytes());
        b[76..80].copy_from_slice(&(BLOCK as u32).to_le_bytes());
        b[80..88].copy_from_slice(&self.device_bytes.to_le_bytes());
        b[88..90].copy_from_slice(&self.shards.to_le_bytes());
        b[92..96].copy_from_slice(&self.segment_bytes.to_le_bytes());
        b[96..104].copy_from_slice(&self.region_bytes.to_le_bytes());
        if let Some(zones) = &self.zones {
            b[104..112].copy_from_slice(&zones.bytes.to_le_bytes());
            b[112..116].copy_from_slice(&zones.active_max.to_le_bytes());
        }
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
        let zoned = u32_at(20) == FORMAT_VERSION_ZONED;
        if u32_at(20) != FORMAT_VERSION && !zoned {
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
            zones: zoned.then(|| ZoneTraits {
                bytes: u64_at(104),
                capacity: u32_at(92) as u64,
                active_max: u32_at(112),
            }),
        };
        let segments_sane = match &sb.zones {
            None => {
                (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&(sb.segment_bytes as u64))
                    && sb.segment_bytes.is_power_of_two()
                    && sb.region_bytes.is_multiple_of(BLOCK)
            }
            Some(zones) => {
                are_usable(zones)
                    && enough_active(zones, sb.shards)
                    && sb.region_bytes.is_multiple_of(zones.bytes)
                    && sb.region_bytes / BLOCK <= u32::MAX as u64
            }
        };
        let sane = u32_at(76) as u64 == BLOCK
            && sb.shards.is_power_of_two()
            && sb.shards <= SHARDS_MAX
            && segments_sane
            && sb
                .region_bytes
                .checked_mul(sb.shards as u64)
                .and_then(|all| all.checked_add(sb.around_regions()))
                .is_some_and(|all| all <= sb.device_bytes)
            && sb.segment_count() >= SEGMENTS_MIN;
        // A right checksum over a layout that cannot be: treat it as damage, never compute with it.
        if sane { Ok(sb) } else { Err(ProbeError::Corrupt { expected, found }) }
    }

    /// Start of a shard's region, bytes from the start of the device.
    pub fn region_offset(&self, shard: u16) -> u64 {
        let first = self.zones.map_or(BLOCK, |zones| SUPERBLOCK_ZONES * zones.bytes);
        first + shard as u64 * self.region_bytes
    }
    /// Bytes of the device that are in no region.
    fn around_regions(&self) -> u64 {
        self.zones.map_or(2 * BLOCK, |zones| SUPERBLOCK_ZONES.saturating_mul(zones.bytes))
    }

    /// Segments of one region, which has two anchor blocks at either end, or two zones of anchors.
    pub fn segment_count(&self) -> u64 {
        match &self.zones {
            None => self.region_bytes.saturating_sub(4 * BLOCK) / self.segment_bytes as u64,
            Some(zones) => (self.region_bytes / zones.bytes).saturating_sub(ANCHOR_ZONES),
        }
    }
    /// From the start of a segment to that of the next, bytes, a power of two.
    pub(crate) fn segment_stride(&self) -> u64 {
        self.zones.map_or(self.segment_bytes as u64, |zones| zones.bytes)
    }
    /// Its anchors: even, odd, even again, odd again. Not on a zoned device.
    pub(crate) fn anchor_offsets(&self, shard: u16) -> [u64; 4] {
        let start = self.region_offset(shard);
        let end = start + self.region_bytes;
        [start, start + BLOCK, end - 2 * BLOCK, end - BLOCK]
    }
    pub(crate) fn segments_offset(&self, shard: u16) -> u64 {
        let anchors = self.zones.map_or(2 * BLOCK, |zones| ANCHOR_ZONES * zones.bytes);
        self.region_offset(shard) + anchors
    }
    /// Where the two copies of the superblock are, bytes.
    pub fn offsets(&self) -> [u64; 2] {
        match &self.zones {
            None => superblock_offsets(self.device_bytes),
            Some(zones) => zoned_superblock_offsets(zones.bytes),
        }
    }
}

/// Whether zones like these can be segments.
fn are_usable(zones: &ZoneTraits) -> bool {
    let capacity = SEGMENT_BYTES_MIN..=zones.bytes.min(u32::MAX as u64);
    zones.bytes.is_power_of_two()
        && capacity.contains(&zones.capacity)
        && zones.capacity.is_multiple_of(BLOCK)
}

/// The superblock that [`mkfs_plan`] would write.
pub fn superblock_for(params: &MkfsParams) -> Result<Superblock, MkfsError> {
    let shards = params.shards;
    if !shards.is_power_of_two() || shards > SHARDS_MAX {
        return Err(MkfsError::Shards { shards });
    }
    let (segment_bytes, region_bytes) = match &params.zones {
        None => plain_layout(params)?,
        Some(zones) => zoned_layout(params, zones)?,
    };
    Ok(Superblock {
        cluster: params.cluster,
        osd_uuid: params.osd_uuid,
        store_uuid: params.store_uuid,
        osd: params.osd,
        device_bytes: params.device_bytes,
        shards,
        segment_bytes,
        region_bytes,
        zones: params.zones,
    })
}

/// Bytes of a segment and of a region.
fn plain_layout(params: &MkfsParams) -> Result<(u32, u64), MkfsError> {
    let shards = params.shards as u64;
    let needed = (SEGMENTS_MIN * SEGMENT_BYTES_MIN + 4 * BLOCK) * shards + 2 * BLOCK;
    if params.device_bytes < needed {
        return Err(MkfsError::TooSmall { device_bytes: params.device_bytes, needed });
    }
    let region_bytes = ((params.device_bytes / BLOCK - 2) * BLOCK / shards) / BLOCK * BLOCK;
    let largest = (region_bytes - 4 * BLOCK) / SEGMENTS_WANTED;
    let segment_bytes =
        (1u64 << largest.max(1).ilog2()).clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX) as u32;
    Ok((segment_bytes, region_bytes))
}

/// The same where segments are zones.
fn zoned_layout(params: &MkfsParams, zones: &ZoneTraits) -> Result<(u32, u64), MkfsError> {
    let shards = params.shards;
    if !are_usable(zones) {
        return Err(MkfsError::Zones { bytes: zones.bytes, capacity: zones.capacity });
    }
    if !enough_active(zones, shards) {
        return Err(MkfsError::ActiveZones { shards, active_max: zones.active_max });
    }
    let count = SUPERBLOCK_ZONES + (SEGMENTS_MIN + ANCHOR_ZONES) * shards as u64;
    let needed = count.saturating_mul(zones.bytes);
    if params.device_bytes < needed {
        return Err(MkfsError::TooSmall { device_bytes: params.device_bytes, needed });
    }
    let each = (params.device_bytes / zones.bytes - SUPERBLOCK_ZONES) / shards as u64;
    // A place is a u32.
    let most = u32::MAX as u64 * BLOCK / zones.bytes;
    Ok((zones.capacity as u32, each.min(most) * zones.bytes))
}

/// Everything to write, durably and in this order, for a new store: (offset in bytes, blocks). The
/// superblocks come last, so that an interrupted mkfs leaves no store behind. All zones of a zoned
/// device are reset before, and the first two finished afterwards.
pub fn mkfs_plan(params: &MkfsParams) -> Result<Vec<(u64, Bytes)>, MkfsError> {
    let sb = superblock_for(params)?;
    let mut plan = Vec::new();
    for shard in 0..sb.shards {
        let blank = |parity| Anchor::blank().encode_as(&sb.store_uuid, shard, parity);
        if sb.zones.is_some() {
            let start = sb.region_offset(shard);
            plan.extend([(start, blank(0)), (start + BLOCK, blank(0))]);
            continue;
        }
        for (i, offset) in sb.anchor_offsets(shard).into_iter().enumerate() {
            plan.push((offset, blank((i % 2) as u16)));
        }
    }
    for offset in sb.offsets() {
        plan.push((offset, sb.encode()));
    }
    Ok(plan)
}
