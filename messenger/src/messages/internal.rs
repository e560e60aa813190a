//! Messages between our own OSDs and monitors, and the numbers of all messages that only our own
//! daemons exchange, from 0x6b00. What OSDs say to each other is in [`super::peer`].
//!
//! They are FlatBuffers (`messenger/schema/kermes.fbs`), so that later releases can add fields; here
//! they are plain types.

use super::TypedMessage;
use super::pool::ObjectStatSum;
use crate::message::{Data, Message, priority};
use bytes::Bytes;
use schema::ReadAsRoot;
use std::time::Duration;
use types::enc::{Decode, DecodeError, Encode, Reader, Result};
use types::{EVersion, EntityAddrVec, Epoch, Fsid, OsdId, PgId, PoolId, UTime};

/// Message numbers.
pub mod kind {
    pub const OSD_BOOT: u16 = 0x6b01;
    pub const OSD_FAILURE: u16 = 0x6b02;
    pub const OSD_STATS: u16 = 0x6b03;
    pub const ROTATING_KEYS_REQUEST: u16 = 0x6b04;
    pub const ROTATING_KEYS_REPLY: u16 = 0x6b05;
    pub const MARK_DOWN: u16 = 0x6b06;
    pub const MARK_DOWN_ACK: u16 = 0x6b07;
    pub const ALIVE_REQUEST: u16 = 0x6b08;
    pub const PG_TEMP: u16 = 0x6b09;
    pub const REP_OP: u16 = 0x6b10;
    pub const REP_ACK: u16 = 0x6b11;
    pub const PG_QUERY: u16 = 0x6b20;
    pub const PG_INFO: u16 = 0x6b21;
    pub const PG_GET_LOG: u16 = 0x6b22;
    pub const PG_LOG: u16 = 0x6b23;
    pub const PG_PREPARE: u16 = 0x6b24;
    pub const PG_PREPARED: u16 = 0x6b25;
    pub const PG_PULL: u16 = 0x6b26;
    pub const PG_PUSH: u16 = 0x6b27;
    pub const PG_PUSH_ACK: u16 = 0x6b28;
    pub const PG_LIST: u16 = 0x6b29;
    pub const PG_LISTED: u16 = 0x6b2a;
    pub const PG_ACTIVATE: u16 = 0x6b2b;
    pub const PG_ACTIVATED: u16 = 0x6b2c;
    pub const PG_DROP: u16 = 0x6b2d;
    pub const HEARTBEAT: u16 = 0x6b30;
    pub const OSD_CORES: u16 = 0x6b31;
}

/// State of a PG, bits of [`PgStat::state`]. Numbers as in Ceph's `pg_state`, so that the same names
/// come out of `ceph pg dump`.
pub mod pg_state {
    pub const CREATING: u64 = 1 << 0;
    pub const ACTIVE: u64 = 1 << 1;
    pub const CLEAN: u64 = 1 << 2;
    pub const DOWN: u64 = 1 << 4;
    pub const RECOVERY_UNFOUND: u64 = 1 << 5;
    pub const BACKFILL_UNFOUND: u64 = 1 << 6;
    pub const PREMERGE: u64 = 1 << 7;
    pub const SCRUBBING: u64 = 1 << 8;
    pub const DEGRADED: u64 = 1 << 10;
    pub const INCONSISTENT: u64 = 1 << 11;
    pub const PEERING: u64 = 1 << 12;
    pub const REPAIR: u64 = 1 << 13;
    pub const RECOVERING: u64 = 1 << 14;
    pub const BACKFILL_WAIT: u64 = 1 << 15;
    pub const INCOMPLETE: u64 = 1 << 16;
    pub const STALE: u64 = 1 << 17;
    pub const REMAPPED: u64 = 1 << 18;
    pub const DEEP_SCRUB: u64 = 1 << 19;
    pub const BACKFILLING: u64 = 1 << 20;
    pub const BACKFILL_TOOFULL: u64 = 1 << 21;
    pub const RECOVERY_WAIT: u64 = 1 << 22;
    pub const UNDERSIZED: u64 = 1 << 23;
    pub const ACTIVATING: u64 = 1 << 24;
    pub const PEERED: u64 = 1 << 25;
    pub const SNAPTRIM: u64 = 1 << 26;
    pub const SNAPTRIM_WAIT: u64 = 1 << 27;
    pub const RECOVERY_TOOFULL: u64 = 1 << 28;
    pub const SNAPTRIM_ERROR: u64 = 1 << 29;
    pub const FORCED_RECOVERY: u64 = 1 << 30;
    pub const FORCED_BACKFILL: u64 = 1 << 31;
    pub const FAILED_REPAIR: u64 = 1 << 32;
    pub const LAGGY: u64 = 1 << 33;
    pub const WAIT: u64 = 1 << 34;
}

pub(super) fn flat<'a, R, T>(front: &'a [u8], what: &'static str) -> Result<T>
where
    R: ReadAsRoot<'a> + TryInto<T, Error = schema::Error>,
{
    let bad = |_| DecodeError::Invalid { what, value: front.len() as u64 };
    R::read_as_root(front).map_err(bad)?.try_into().map_err(bad)
}

pub(super) fn build<T>(value: &T, out: &mut Vec<u8>)
where
    T: schema::WriteAsOffset<T>,
{
    let mut builder = schema::Builder::new();
    out.extend_from_slice(builder.finish(value, None));
}

/// A field that holds another encoding.
pub(super) fn nested<T: Decode>(bytes: Option<Vec<u8>>) -> Result<T> {
    T::from_slice(&bytes.unwrap_or_default())
}

pub(super) fn addrs_table(addrs: &EntityAddrVec) -> schema::Addrs {
    schema::Addrs { addrs: Some(addrs.to_vec()) }
}
pub(super) fn addrs_of(tables: Option<Vec<schema::Addrs>>) -> Result<Vec<EntityAddrVec>> {
    tables.unwrap_or_default().into_iter().map(|table| nested(table.addrs)).collect()
}

fn osds(ids: Option<Vec<u32>>) -> Vec<OsdId> {
    ids.unwrap_or_default().into_iter().map(OsdId).collect()
}
fn numbers(ids: &[OsdId]) -> Option<Vec<u32>> {
    Some(ids.iter().map(|o| o.0).collect())
}
fn primary(id: i32) -> Option<OsdId> {
    u32::try_from(id).ok().map(OsdId)
}

/// Space of an OSD's stores, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Space {
    pub total: u64,
    pub used: u64,
    pub available: u64,
}

/// Operations that are under way for longer than they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SlowOps {
    pub count: u32,
    /// For how long the oldest one has been; zero where there is none.
    pub oldest: Duration,
}
impl SlowOps {
    /// Those whose age has come to `complaint`.
    pub fn among(ages: impl Iterator<Item = Duration>, complaint: Duration) -> Self {
        let mut slow = Self::default();
        for oldest in ages.filter(|age| *age >= complaint) {
            slow.merge(Self { count: 1, oldest });
        }
        slow
    }
    pub fn merge(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.oldest = self.oldest.max(other.oldest);
    }
}

/// OSD to monitor: I am up. Answered by the map in which it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OsdBoot {
    pub osd: OsdId,
    pub uuid: Fsid,
    pub public_addrs: EntityAddrVec,
    pub cluster_addrs: EntityAddrVec,
    /// By core; our own clients dial these.
    pub shard_addrs: Vec<EntityAddrVec>,
    /// Of the newest map that the OSD has.
    pub epoch: Epoch,
    pub features: u64,
    pub store_shards: u32,
    pub space: Space,
    pub hostname: String,
    pub version: String,
    /// `hdd`, `ssd`, `nvme`, or what the operator says; empty: the monitor sets none.
    pub device_class: String,
}
impl TypedMessage for OsdBoot {
    const KIND: u16 = kind::OSD_BOOT;
    const PRIORITY: u16 = priority::HIGH;
    fn encode_front(&self, out: &mut Vec<u8>) {
        let table = schema::OsdBoot {
            osd: self.osd.0,
            uuid: Some(self.uuid.to_vec()),
            public_addrs: Some(self.public_addrs.to_vec()),
            cluster_addrs: Some(self.cluster_addrs.to_vec()),
            shard_addrs: Some(self.shard_addrs.iter().map(addrs_table).collect()),
            epoch: self.epoch.0,
            features: self.features,
            store_shards: self.store_shards,
            total_bytes: self.space.total,
            used_bytes: self.space.used,
            available_bytes: self.space.available,
            hostname: Some(self.hostname.clone()),
            version: Some(self.version.clone()),
            device_class: Some(self.device_class.clone()),
        };
        build(&table, out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
        let t: schema::OsdBoot = flat::<schema::OsdBootRef<'_>, _>(r.rest(), "OSD boot")?;
        Ok(Self {
            osd: OsdId(t.osd),
            uuid: nested(t.uuid)?,
            public_addrs: nested(t.public_addrs)?,
            cluster_addrs: nested(t.cluster_addrs)?,
            shard_addrs: addrs_of(t.shard_addrs)?,
            epoch: Epoch(t.epoch),
            features: t.features,
            store_shards: t.store_shards,
            space: Space { total: t.total_bytes, used: t.used_bytes, available: t.available_bytes },
            hostname: t.hostname.unwrap_or_default(),
            version: t.version.unwrap_or_default(),
            device_class: t.device_class.unwrap_or_default(),
        })
    }
}

macro_rules! small_table {
    ($(#[$doc:meta])* $name:ident, $view:ident, $kind:expr, $what:expr,
     { $($(#[$field_doc:meta])* $field:ident: $t:ty, $to:expr, $from:expr;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name { $($(#[$field_doc])* pub $field: $t),* }
        impl TypedMessage for $name {
            const KIND: u16 = $kind;
            const PRIORITY: u16 = priority::HIGH;
            fn encode_front(&self, out: &mut Vec<u8>) {
                let table = schema::$name { $($field: $to(self.$field)),* };
                build(&table, out);
            }
            fn decode_front(r: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
                let t: schema::$name = flat::<schema::$view<'_>, _>(r.rest(), $what)?;
                Ok(Self { $($field: $from(t.$field)),* })
            }
        }
    };
}
fn same<T>(value: T) -> T {
    value
}
fn number(id: OsdId) -> u32 {
    id.0
}
fn epoch_number(e: Epoch) -> u32 {
    e.0
}

small_table! {
    /// OSD to monitor: `target` does not answer me (or, with `alive`, answers again).
    OsdFailure, OsdFailureRef, kind::OSD_FAILURE, "OSD failure", {
        target: OsdId, number, OsdId;
        reporter: OsdId, number, OsdId;
        epoch: Epoch, epoch_number, Epoch;
        failed_for_ms: u64, same, same;
        alive: bool, same, same;
        /// The target's incarnation, so that a report does not hit a restarted OSD.
        target_up_from: Epoch, epoch_number, Epoch;
    }
}
small_table! {
    /// OSD to monitor: I am stopping, mark me down. Answered with [`MarkDownAck`].
    MarkDown, MarkDownRef, kind::MARK_DOWN, "mark-down", {
        osd: OsdId, number, OsdId;
        epoch: Epoch, epoch_number, Epoch;
        up_from: Epoch, epoch_number, Epoch;
    }
}
small_table! {
    /// `epoch` is the first in which the OSD is down.
    MarkDownAck, MarkDownAckRef, kind::MARK_DOWN_ACK, "mark-down ack", {
        osd: OsdId, number, OsdId;
        epoch: Epoch, epoch_number, Epoch;
    }
}
small_table! {
    /// OSD to monitor: record that I was alive through `up_thru` before I serve PGs whose interval
    /// began there. Answered by the map in which it is.
    AliveRequest, AliveRequestRef, kind::ALIVE_REQUEST, "alive request", {
        osd: OsdId, number, OsdId;
        epoch: Epoch, epoch_number, Epoch;
        up_thru: Epoch, epoch_number, Epoch;
    }
}
small_table! {
    /// OSD to monitor: the secrets of `service` (4 for OSDs), to open the tickets of clients.
    RotatingKeysRequest, RotatingKeysRequestRef, kind::ROTATING_KEYS_REQUEST, "rotating keys", {
        service: u32, same, same;
    }
}

/// Secrets of a service: previous, current, next. Sent only on sessions in secure mode, or when the
/// cluster runs without authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotatingKeysReply {
    pub service: u32,
    pub keys: Vec<RotatingKey>,
}
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotatingKey {
    pub id: u64,
    /// A CryptoKey in Ceph's encoding.
    pub key: Bytes,
    pub expires: UTime,
}
impl TypedMessage for RotatingKeysReply {
    const KIND: u16 = kind::ROTATING_KEYS_REPLY;
    const PRIORITY: u16 = priority::HIGH;
    fn encode_front(&self, out: &mut Vec<u8>) {
        let key = |k: &RotatingKey| schema::RotatingKey {
            id: k.id,
            key: Some(Vec::from(&k.key[..])),
            expires_sec: k.expires.sec,
            expires_nsec: k.expires.nsec,
        };
        let keys = Some(self.keys.iter().map(key).collect());
        build(&schema::RotatingKeysReply { service: self.service, keys }, out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
        let t: schema::RotatingKeysReply =
            flat::<schema::RotatingKeysReplyRef<'_>, _>(r.rest(), "rotating keys")?;
        let key = |k: schema::RotatingKey| RotatingKey {
            id: k.id,
            key: k.key.unwrap_or_default().into(),
            expires: UTime { sec: k.expires_sec, nsec: k.expires_nsec },
        };
        let keys = t.keys.unwrap_or_default().into_iter().map(key).collect();
        Ok(Self { service: t.service, keys })
    }
}

/// OSD to monitor, every few seconds: a sign of life, space, and the PGs of which it is primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OsdStats {
    pub osd: OsdId,
    pub epoch: Epoch,
    /// The OSD's incarnation.
    pub up_from: Epoch,
    pub sequence: u64,
    pub space: Space,
    pub commit_latency_us: u32,
    pub apply_latency_us: u32,
    pub pgs: Vec<PgStat>,
    pub slow: SlowOps,
}

/// What a primary knows of its PG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgStat {
    pub pgid: PgId,
    /// [`pg_state`].
    pub state: u64,
    /// The wall clock when `state` was entered, seconds.
    pub state_since_sec: u32,
    pub version: EVersion,
    /// Orders reports of one PG.
    pub reported_epoch: Epoch,
    pub reported_sequence: u64,
    pub last_clean_epoch: Epoch,
    pub interval_first: Epoch,
    pub log_entries: u64,
    pub up: Vec<OsdId>,
    pub acting: Vec<OsdId>,
    pub up_primary: Option<OsdId>,
    pub acting_primary: Option<OsdId>,
    /// Only the counters that [`PgStat`]'s FlatBuffer names travel.
    pub sum: ObjectStatSum,
    /// Bytes that the PG takes in one store.
    pub stored_bytes: u64,
}

fn pg_stat_to_table(p: &PgStat) -> schema::PgStat {
    let s = &p.sum;
    schema::PgStat {
        pool: p.pgid.pool.0,
        seed: p.pgid.seed,
        state: p.state,
        version: p.version.version,
        version_epoch: p.version.epoch,
        reported_epoch: p.reported_epoch.0,
        reported_sequence: p.reported_sequence,
        last_clean_epoch: p.last_clean_epoch.0,
        interval_first: p.interval_first.0,
        log_entries: p.log_entries,
        up: numbers(&p.up),
        acting: numbers(&p.acting),
        up_primary: p.up_primary.map_or(-1, |o| o.0 as i32),
        acting_primary: p.acting_primary.map_or(-1, |o| o.0 as i32),
        objects: s.num_objects as u64,
        bytes: s.num_bytes as u64,
        omap_bytes: s.num_omap_bytes as u64,
        omap_keys: s.num_omap_keys as u64,
        reads: s.num_rd as u64,
        read_kb: s.num_rd_kb as u64,
        writes: s.num_wr as u64,
        write_kb: s.num_wr_kb as u64,
        objects_degraded: s.num_objects_degraded as u64,
        objects_misplaced: s.num_objects_misplaced as u64,
        objects_missing: s.num_objects_missing as u64,
        objects_unfound: s.num_objects_unfound as u64,
        objects_recovered: s.num_objects_recovered as u64,
        bytes_recovered: s.num_bytes_recovered as u64,
        scrub_errors: s.num_scrub_errors as u64,
        state_since_sec: p.state_since_sec,
        stored_bytes: p.stored_bytes,
    }
}

fn pg_stat_from_table(t: schema::PgStat) -> PgStat {
    PgStat {
        pgid: PgId { pool: PoolId(t.pool), seed: t.seed },
        state: t.state,
        state_since_sec: t.state_since_sec,
        version: EVersion { epoch: t.version_epoch, version: t.version },
        reported_epoch: Epoch(t.reported_epoch),
        reported_sequence: t.reported_sequence,
        last_clean_epoch: Epoch(t.last_clean_epoch),
        interval_first: Epoch(t.interval_first),
        log_entries: t.log_entries,
        up: osds(t.up),
        acting: osds(t.acting),
        up_primary: primary(t.up_primary),
        acting_primary: primary(t.acting_primary),
        sum: ObjectStatSum {
            num_objects: t.objects as i64,
            num_bytes: t.bytes as i64,
            num_omap_bytes: t.omap_bytes as i64,
            num_omap_keys: t.omap_keys as i64,
            num_rd: t.reads as i64,
            num_rd_kb: t.read_kb as i64,
            num_wr: t.writes as i64,
            num_wr_kb: t.write_kb as i64,
            num_objects_degraded: t.objects_degraded as i64,
            num_objects_misplaced: t.objects_misplaced as i64,
            num_objects_missing: t.objects_missing as i64,
            num_objects_unfound: t.objects_unfound as i64,
            num_objects_recovered: t.objects_recovered as i64,
            num_bytes_recovered: t.bytes_recovered as i64,
            num_scrub_errors: t.scrub_errors as i64,
            ..ObjectStatSum::default()
        },
        stored_bytes: t.stored_bytes,
    }
}

impl TypedMessage for OsdStats {
    const KIND: u16 = kind::OSD_STATS;
    fn encode_front(&self, out: &mut Vec<u8>) {
        let table = schema::OsdStats {
            osd: self.osd.0,
            epoch: self.epoch.0,
            up_from: self.up_from.0,
            sequence: self.sequence,
            total_bytes: self.space.total,
            used_bytes: self.space.used,
            available_bytes: self.space.available,
            commit_latency_us: self.commit_latency_us,
            apply_latency_us: self.apply_latency_us,
            pgs: Some(self.pgs.iter().map(pg_stat_to_table).collect()),
            slow_ops: self.slow.count,
            slow_op_oldest_ms: self.slow.oldest.as_millis() as u64,
        };
        build(&table, out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
        let t: schema::OsdStats = flat::<schema::OsdStatsRef<'_>, _>(r.rest(), "OSD stats")?;
        Ok(Self {
            osd: OsdId(t.osd),
            epoch: Epoch(t.epoch),
            up_from: Epoch(t.up_from),
            sequence: t.sequence,
            space: Space { total: t.total_bytes, used: t.used_bytes, available: t.available_bytes },
            commit_latency_us: t.commit_latency_us,
            apply_latency_us: t.apply_latency_us,
            pgs: t.pgs.unwrap_or_default().into_iter().map(pg_stat_from_table).collect(),
            slow: SlowOps { count: t.slow_ops, oldest: Duration::from_millis(t.slow_op_oldest_ms) },
        })
    }
}

/// OSD to monitor: have these PGs served by others than CRUSH names; an empty set ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgTemp {
    pub osd: OsdId,
    pub epoch: Epoch,
    pub pgs: Vec<(PgId, Vec<OsdId>)>,
}
impl TypedMessage for PgTemp {
    const KIND: u16 = kind::PG_TEMP;
    const PRIORITY: u16 = priority::HIGH;
    fn encode_front(&self, out: &mut Vec<u8>) {
        let entry = |(pg, acting): &(PgId, Vec<OsdId>)| schema::PgTempEntry {
            pool: pg.pool.0,
            seed: pg.seed,
            acting: numbers(acting),
        };
        let pgs = Some(self.pgs.iter().map(entry).collect());
        build(&schema::PgTemp { osd: self.osd.0, epoch: self.epoch.0, pgs }, out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
        let t: schema::PgTemp = flat::<schema::PgTempRef<'_>, _>(r.rest(), "pg_temp")?;
        let entry =
            |e: schema::PgTempEntry| (PgId { pool: PoolId(e.pool), seed: e.seed }, osds(e.acting));
        Ok(Self {
            osd: OsdId(t.osd),
            epoch: Epoch(t.epoch),
            pgs: t.pgs.unwrap_or_default().into_iter().map(entry).collect(),
        })
    }
}
