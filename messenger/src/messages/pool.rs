//! Pool operations and pool statistics.

use super::{TypedMessage, kind, paxos, put_paxos, share};
use crate::message::{Data, Message, priority};
use bytes::Bytes;
use std::collections::BTreeMap;
use types::enc::{Decode, Encode, Reader, Result, put_blob, versioned};
use types::{Epoch, Fsid, PoolId};

/// What a POOLOP asks for.
pub mod pool_op {
    pub const CREATE: u32 = 1;
    pub const DELETE: u32 = 2;
    pub const CREATE_SNAP: u32 = 0x11;
    pub const DELETE_SNAP: u32 = 0x12;
    pub const CREATE_UNMANAGED_SNAP: u32 = 0x21;
    pub const DELETE_UNMANAGED_SNAP: u32 = 0x22;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolOp {
    pub version: u64,
    pub fsid: Fsid,
    pub pool: PoolId,
    /// One of [`pool_op`].
    pub op: u32,
    pub snap: u64,
    pub name: String,
    pub crush_rule: i16,
}
impl TypedMessage for PoolOp {
    const KIND: u16 = kind::POOL_OP;
    const VERSION: u16 = 4;
    const COMPAT: u16 = 2;
    fn encode_front(&self, out: &mut Vec<u8>) {
        put_paxos(out, self.version);
        self.fsid.encode(out);
        (self.pool.0 as u32).encode(out);
        self.op.encode(out);
        0u64.encode(out);
        self.snap.encode(out);
        self.name.encode(out);
        0u8.encode(out);
        self.crush_rule.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, msg: &Message, _: Data) -> Result<Self> {
        let version = paxos(r)?;
        let fsid = r.get()?;
        let pool = PoolId(r.u32()? as i64);
        let op = r.u32()?;
        r.skip("former owner", 8)?;
        let snap = r.u64()?;
        let name = if msg.version >= 2 { r.get()? } else { String::new() };
        let crush_rule = match msg.version {
            0..=2 => -1,
            3 => r.u8()? as i16,
            _ => {
                r.skip("padding", 1)?;
                r.i16()?
            }
        };
        Ok(Self { version, fsid, pool, op, snap, name, crush_rule })
    }
}

/// The client waits for the OSDMap of `epoch` before it believes the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolOpReply {
    pub fsid: Fsid,
    /// 0 or a negative errno.
    pub result: i32,
    pub epoch: Epoch,
    /// For CREATE_UNMANAGED_SNAP: the new id, u64.
    pub response: Option<Bytes>,
}
impl TypedMessage for PoolOpReply {
    const KIND: u16 = kind::POOL_OP_REPLY;
    fn encode_front(&self, out: &mut Vec<u8>) {
        put_paxos(out, 0);
        self.fsid.encode(out);
        self.result.encode(out);
        self.epoch.encode(out);
        self.response.is_some().encode(out);
        if let Some(response) = &self.response {
            put_blob(out, response);
        }
    }
    fn decode_front(r: &mut Reader<'_>, msg: &Message, _: Data) -> Result<Self> {
        paxos(r)?;
        let fsid = r.get()?;
        let result = r.i32()?;
        let epoch = r.get()?;
        let response = r.bool()?.then(|| r.blob().map(|b| share(&msg.front, b))).transpose()?;
        Ok(Self { fsid, result, epoch, response })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetPoolStats {
    pub version: u64,
    pub fsid: Fsid,
    pub pools: Vec<String>,
}
impl TypedMessage for GetPoolStats {
    const KIND: u16 = kind::GET_POOL_STATS;
    fn encode_front(&self, out: &mut Vec<u8>) {
        put_paxos(out, self.version);
        self.fsid.encode(out);
        self.pools.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
        Ok(Self { version: paxos(r)?, fsid: r.get()?, pools: r.get()? })
    }
}

macro_rules! stat_sum {
    ($($field:ident: $t:ty),* $(,)?) => {
        /// `object_stat_sum_t`: counters of the objects of a PG or pool, in the order of the wire.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct ObjectStatSum { $(pub $field: $t),* }
        impl ObjectStatSum {
            pub fn add(&mut self, other: &Self) {
                $(self.$field = self.$field.wrapping_add(other.$field);)*
            }
        }
        impl Encode for ObjectStatSum {
            fn encode(&self, out: &mut Vec<u8>) {
                versioned(out, 20, 14, |out| { $(self.$field.encode(out);)* })
            }
        }
        impl Decode for ObjectStatSum {
            fn decode(r: &mut Reader<'_>) -> Result<Self> {
                let (_, mut r) = r.versioned("object_stat_sum_t", 20)?;
                // Older writers end early; what they do not know is 0.
                let mut sum = Self::default();
                $(if r.is_empty() { return Ok(sum); }
                  sum.$field = r.get()?;)*
                Ok(sum)
            }
        }
    };
}
stat_sum! {
    num_bytes: i64, num_objects: i64, num_object_clones: i64, num_object_copies: i64,
    num_objects_missing_on_primary: i64, num_objects_degraded: i64, num_objects_unfound: i64,
    num_rd: i64, num_rd_kb: i64, num_wr: i64, num_wr_kb: i64, num_scrub_errors: i64,
    num_objects_recovered: i64, num_bytes_recovered: i64, num_keys_recovered: i64,
    num_shallow_scrub_errors: i64, num_deep_scrub_errors: i64, num_objects_dirty: i64,
    num_whiteouts: i64, num_objects_omap: i64, num_objects_hit_set_archive: i64,
    num_objects_misplaced: i64, num_bytes_hit_set_archive: i64, num_flush: i64, num_flush_kb: i64,
    num_evict: i64, num_evict_kb: i64, num_promote: i64, num_flush_mode_high: i32,
    num_flush_mode_low: i32, num_evict_mode_some: i32, num_evict_mode_full: i32,
    num_objects_pinned: i64, num_objects_missing: i64, num_legacy_snapsets: i64,
    num_large_omap_objects: i64, num_objects_manifest: i64, num_omap_bytes: i64,
    num_omap_keys: i64, num_objects_repaired: i64,
}

/// `store_statfs_t`: space as the OSDs' stores count it, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreStatfs {
    pub total: u64,
    pub available: u64,
    pub internally_reserved: u64,
    pub allocated: i64,
    pub data_stored: i64,
    pub data_compressed: i64,
    pub data_compressed_allocated: i64,
    pub data_compressed_original: i64,
    pub omap_allocated: i64,
    pub internal_metadata: i64,
}
impl Encode for StoreStatfs {
    fn encode(&self, out: &mut Vec<u8>) {
        versioned(out, 1, 1, |out| {
            self.total.encode(out);
            self.available.encode(out);
            self.internally_reserved.encode(out);
            for n in [
                self.allocated,
                self.data_stored,
                self.data_compressed,
                self.data_compressed_allocated,
                self.data_compressed_original,
                self.omap_allocated,
                self.internal_metadata,
            ] {
                n.encode(out);
            }
        })
    }
}
impl Decode for StoreStatfs {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (_, mut r) = r.versioned("store_statfs_t", 1)?;
        Ok(Self {
            total: r.u64()?,
            available: r.u64()?,
            internally_reserved: r.u64()?,
            allocated: r.i64()?,
            data_stored: r.i64()?,
            data_compressed: r.i64()?,
            data_compressed_allocated: r.i64()?,
            data_compressed_original: r.i64()?,
            omap_allocated: r.i64()?,
            internal_metadata: r.i64()?,
        })
    }
}

/// `pool_stat_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolStat {
    pub sum: ObjectStatSum,
    pub log_size: i64,
    pub ondisk_log_size: i64,
    /// Number of up and acting PG instances behind the sums.
    pub up: i32,
    pub acting: i32,
    pub store: StoreStatfs,
    /// Number of OSDs behind `store`.
    pub num_store_stats: i32,
}
impl Encode for PoolStat {
    fn encode(&self, out: &mut Vec<u8>) {
        versioned(out, 7, 5, |out| {
            versioned(out, 2, 2, |out| {
                self.sum.encode(out);
                0u32.encode(out); // sums per category, of old releases
            });
            self.log_size.encode(out);
            self.ondisk_log_size.encode(out);
            self.up.encode(out);
            self.acting.encode(out);
            self.store.encode(out);
            self.num_store_stats.encode(out);
        })
    }
}
impl Decode for PoolStat {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (version, mut r) = r.versioned("pool_stat_t", 7)?;
        let (_, mut stats) = r.versioned("object_stat_collection_t", 2)?;
        let mut stat = Self { sum: stats.get()?, ..Self::default() };
        stat.log_size = r.i64()?;
        stat.ondisk_log_size = r.i64()?;
        if version >= 6 {
            stat.up = r.i32()?;
            stat.acting = r.i32()?;
        }
        if version >= 7 {
            stat.store = r.get()?;
            stat.num_store_stats = r.i32()?;
        }
        Ok(stat)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolStatsReply {
    pub fsid: Fsid,
    /// By pool name; pools that do not exist are left out.
    pub stats: BTreeMap<String, PoolStat>,
    /// Every OSD's store counts omap and data per pool.
    pub per_pool: bool,
}
impl TypedMessage for PoolStatsReply {
    const KIND: u16 = kind::GET_POOL_STATS_REPLY;
    const VERSION: u16 = 2;
    const PRIORITY: u16 = priority::DEFAULT;
    fn encode_front(&self, out: &mut Vec<u8>) {
        put_paxos(out, 0);
        self.fsid.encode(out);
        self.stats.encode(out);
        self.per_pool.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, msg: &Message, _: Data) -> Result<Self> {
        paxos(r)?;
        let fsid = r.get()?;
        let stats = r.get()?;
        let per_pool = msg.version >= 2 && r.bool()?;
        Ok(Self { fsid, stats, per_pool })
    }
}
