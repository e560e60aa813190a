//! A pool: how many PGs and copies it has, by which rule they are placed, and its settings
//! (Ceph `pg_pool_t`, src/osd/osd_types.h).

use crate::snaps::SnapSet;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use types::hash::{pg_mask, stable_mod};
use types::{EVersion, Epoch, PgId, PoolId, UTime};

/// Bits of [`PgPool::flags`].
pub mod pool_flags {
    /// The pool's id is mixed into placement, so that pools do not overlap.
    pub const HASHPSPOOL: u64 = 1 << 0;
    pub const FULL: u64 = 1 << 1;
    pub const EC_OVERWRITES: u64 = 1 << 2;
    pub const INCOMPLETE_CLONES: u64 = 1 << 3;
    pub const NODELETE: u64 = 1 << 4;
    pub const NOPGCHANGE: u64 = 1 << 5;
    pub const NOSIZECHANGE: u64 = 1 << 6;
    pub const WRITE_FADVISE_DONTNEED: u64 = 1 << 7;
    pub const NOSCRUB: u64 = 1 << 8;
    pub const NODEEP_SCRUB: u64 = 1 << 9;
    pub const FULL_QUOTA: u64 = 1 << 10;
    pub const NEARFULL: u64 = 1 << 11;
    pub const BACKFILLFULL: u64 = 1 << 12;
    pub const SELFMANAGED_SNAPS: u64 = 1 << 13;
    pub const POOL_SNAPS: u64 = 1 << 14;
    /// The first PGs are being created.
    pub const CREATING: u64 = 1 << 15;

    const NAMES: [&str; 16] = [
        "hashpspool",
        "full",
        "ec_overwrites",
        "incomplete_clones",
        "nodelete",
        "nopgchange",
        "nosizechange",
        "write_fadvise_dontneed",
        "noscrub",
        "nodeep-scrub",
        "full_quota",
        "nearfull",
        "backfillfull",
        "selfmanaged_snaps",
        "pool_snaps",
        "creating",
    ];

    /// Names of the set bits, separated by commas.
    pub fn names(flags: u64) -> String {
        let bits = (0..64).filter(|bit| flags & (1 << bit) != 0);
        let names: Vec<&str> = bits.map(|bit| NAMES.get(bit).copied().unwrap_or("???")).collect();
        names.join(",")
    }

    /// The bit of a name such as `nodelete`.
    pub fn by_name(name: &str) -> Option<u64> {
        NAMES.iter().position(|n| *n == name).map(|bit| 1 << bit)
    }
}

/// How a pool keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PoolKind {
    Replicated = 1,
    Erasure = 3,
}

/// A snapshot of a whole pool (`rados mksnap`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSnap {
    pub id: u64,
    pub stamp: UTime,
    pub name: String,
}

/// Parameters of a cache tier's hit sets: their kind (0 none) and the bytes of that kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HitSetParams {
    pub kind: u8,
    pub body: Bytes,
}

/// Value of a pool option.
#[derive(Debug, Clone, PartialEq)]
pub enum PoolOption {
    Text(String),
    Int(i64),
    Float(f64),
}

/// What is known of the last merge of two PGs of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PgMerge {
    pub source: PgId,
    pub ready_epoch: Epoch,
    pub last_epoch_started: Epoch,
    pub last_epoch_clean: Epoch,
    pub source_version: EVersion,
    pub target_version: EVersion,
}
impl Default for PgMerge {
    fn default() -> Self {
        Self {
            source: PgId { pool: PoolId(0), seed: 0 },
            ready_epoch: Epoch(0),
            last_epoch_started: Epoch(0),
            last_epoch_clean: Epoch(0),
            source_version: EVersion::default(),
            target_version: EVersion::default(),
        }
    }
}

/// Placement demands of a pool in a stretched cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StretchPool {
    /// Not 0.
    pub bucket_count: u32,
    pub bucket_target: u32,
    pub bucket_barrier: u32,
    pub mandatory_member: i32,
}

/// `pg_pool_t`.
///
/// `pg_num` and `pgp_num` are at least 1 in a pool that is in use; decoding refuses 0.
#[derive(Debug, Clone, PartialEq)]
pub struct PgPool {
    pub kind: PoolKind,
    /// Copies (replicated) or chunks k+m (erasure).
    pub size: u8,
    /// Fewest live members with which a PG serves.
    pub min_size: u8,
    /// Rule id in the CRUSH map.
    pub crush_rule: u8,
    /// Hash of object names; 2 = rjenkins, the only one in use.
    pub object_hash: u8,
    pub pg_num: u32,
    /// PGs for placement: those with equal seed modulo `pgp_num` lie together.
    pub pgp_num: u32,
    /// Epoch of the last change, snapshots apart.
    pub last_change: Epoch,
    pub snap_seq: u64,
    pub snap_epoch: Epoch,
    /// By snapshot id.
    pub snaps: BTreeMap<u64, PoolSnap>,
    pub removed_snaps: SnapSet,
    pub auid: u64,
    /// [`pool_flags`].
    pub flags: u64,
    /// 0: no limit.
    pub quota_max_bytes: u64,
    pub quota_max_objects: u64,
    pub tiers: BTreeSet<u64>,
    /// -1: none. So are `read_tier` and `write_tier`.
    pub tier_of: i64,
    pub cache_mode: u8,
    pub read_tier: i64,
    pub write_tier: i64,
    pub properties: BTreeMap<String, String>,
    pub hit_set_params: HitSetParams,
    pub hit_set_period: u32,
    pub hit_set_count: u32,
    /// Bytes of a stripe of an erasure-coded pool; 0 in replicated ones.
    pub stripe_width: u32,
    pub target_max_bytes: u64,
    pub target_max_objects: u64,
    pub cache_target_dirty_ratio_micro: u32,
    pub cache_target_full_ratio_micro: u32,
    pub cache_min_flush_age: u32,
    pub cache_min_evict_age: u32,
    pub erasure_code_profile: String,
    pub last_force_op_resend_preluminous: Epoch,
    pub min_read_recency_for_promote: u32,
    pub expected_num_objects: u64,
    pub cache_target_dirty_high_ratio_micro: u32,
    pub min_write_recency_for_promote: u32,
    pub use_gmt_hitset: bool,
    pub fast_read: bool,
    pub hit_set_grade_decay_rate: u32,
    pub hit_set_search_last_n: u32,
    /// By option number, see [`crate::pool_options`].
    pub options: BTreeMap<i32, PoolOption>,
    pub last_force_op_resend_prenautilus: Epoch,
    /// Application name -> its keys and values.
    pub applications: BTreeMap<String, BTreeMap<String, String>>,
    pub create_time: UTime,
    pub pg_num_target: u32,
    pub pgp_num_target: u32,
    pub pg_num_pending: u32,
    /// Clients resend operations sent before this epoch.
    pub last_force_op_resend: Epoch,
    /// 0 off, 1 warn, 2 on.
    pub pg_autoscale_mode: u8,
    pub last_pg_merge: PgMerge,
    pub stretch: Option<StretchPool>,
}

impl PgPool {
    /// A pool as `ceph osd pool create` makes it: every PG exists at once, HASHPSPOOL and CREATING
    /// set, `min_size` = size - size / 2, rjenkins names. `epoch` is that of the map that brings it.
    ///
    /// `size` and `pg_num` are at least 1.
    pub fn new_replicated(size: u8, pg_num: u32, crush_rule: u8, epoch: Epoch, now: UTime) -> Self {
        assert!(size > 0 && pg_num > 0, "size {size}, pg_num {pg_num}");
        Self {
            kind: PoolKind::Replicated,
            size,
            min_size: size - size / 2,
            crush_rule,
            object_hash: 2,
            pg_num,
            pgp_num: pg_num,
            last_change: epoch,
            snap_seq: 0,
            snap_epoch: Epoch(0),
            snaps: BTreeMap::new(),
            removed_snaps: SnapSet::default(),
            auid: 0,
            flags: pool_flags::HASHPSPOOL | pool_flags::CREATING,
            quota_max_bytes: 0,
            quota_max_objects: 0,
            tiers: BTreeSet::new(),
            tier_of: -1,
            cache_mode: 0,
            read_tier: -1,
            write_tier: -1,
            properties: BTreeMap::new(),
            hit_set_params: HitSetParams::default(),
            hit_set_period: 0,
            hit_set_count: 0,
            stripe_width: 0,
            target_max_bytes: 0,
            target_max_objects: 0,
            cache_target_dirty_ratio_micro: 400_000,
            cache_target_full_ratio_micro: 800_000,
            cache_min_flush_age: 0,
            cache_min_evict_age: 0,
            erasure_code_profile: String::new(),
            last_force_op_resend_preluminous: Epoch(0),
            min_read_recency_for_promote: 0,
            expected_num_objects: 0,
            cache_target_dirty_high_ratio_micro: 600_000,
            min_write_recency_for_promote: 0,
            use_gmt_hitset: true,
            fast_read: false,
            hit_set_grade_decay_rate: 0,
            hit_set_search_last_n: 0,
            options: BTreeMap::new(),
            last_force_op_resend_prenautilus: Epoch(0),
            applications: BTreeMap::new(),
            create_time: now,
            pg_num_target: pg_num,
            pgp_num_target: pg_num,
            pg_num_pending: pg_num,
            last_force_op_resend: Epoch(0),
            pg_autoscale_mode: 2,
            last_pg_merge: PgMerge::default(),
            stretch: None,
        }
    }

    pub fn is_replicated(&self) -> bool {
        self.kind == PoolKind::Replicated
    }

    pub fn has_flag(&self, flag: u64) -> bool {
        self.flags & flag == flag
    }

    /// Whether a lost member's place is taken by the next one (replicated), or stays a hole because
    /// each place holds its own chunk (erasure).
    pub fn can_shift_osds(&self) -> bool {
        self.is_replicated()
    }

    /// The PG seed, below `pg_num`, of an object with this placement hash.
    pub fn seed_of_hash(&self, hash: u32) -> u32 {
        stable_mod(hash, self.pg_num, pg_mask(self.pg_num))
    }

    /// How many low bits of an object's hash tell that it is in the PG `seed`. Objects with those
    /// bits are one contiguous range in order of bit-reversed hash; the range is
    /// `reverse_bits(seed) .. + 2^(32 - bits)`. `seed` is below `pg_num`.
    pub fn split_bits(&self, seed: u32) -> u32 {
        split_bits(seed, self.pg_num)
    }
}

/// See [`PgPool::split_bits`]. Between two powers of two, the seeds whose sibling is not split off
/// yet hold the objects of both, so one bit fewer decides.
pub fn split_bits(seed: u32, pg_num: u32) -> u32 {
    let mask = pg_mask(pg_num);
    let bits = 32 - mask.leading_zeros();
    if bits == 0 {
        return 0;
    }
    let half = 1u32 << (bits - 1);
    // The sibling of a seed in the lower half is `seed + half`; it exists when below pg_num.
    if seed < half && seed as u64 + half as u64 >= pg_num as u64 { bits - 1 } else { bits }
}

/// The objects of a PG in order of bit-reversed hash: first and last reversed hash, both inclusive.
pub fn reversed_hash_range(seed: u32, pg_num: u32) -> (u32, u32) {
    let bits = split_bits(seed, pg_num);
    let first = seed.reverse_bits();
    let span = if bits == 0 { u32::MAX } else { (1u64 << (32 - bits)) as u32 - 1 };
    (first, first | span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_bits_give_exactly_the_objects_of_the_pg() {
        for pg_num in 1..70u32 {
            let pool = PgPool::new_replicated(3, pg_num, 0, Epoch(1), UTime::default());
            for hash in (0..40_000u32).map(|i| i.wrapping_mul(2_654_435_761) ^ (i & 0x7f)) {
                let owner = pool.seed_of_hash(hash);
                for seed in 0..pg_num {
                    let (first, last) = reversed_hash_range(seed, pg_num);
                    let inside = (first..=last).contains(&hash.reverse_bits());
                    assert_eq!(inside, seed == owner, "pg_num {pg_num} seed {seed} {hash:#x}");
                    if pg_num > 20 {
                        break;
                    }
                }
            }
        }
    }

    #[test]
    fn flag_names_round_trip() {
        let flags = pool_flags::HASHPSPOOL | pool_flags::NODEEP_SCRUB;
        assert_eq!(pool_flags::names(flags), "hashpspool,nodeep-scrub");
        assert_eq!(pool_flags::by_name("nodeep-scrub"), Some(pool_flags::NODEEP_SCRUB));
    }
}
