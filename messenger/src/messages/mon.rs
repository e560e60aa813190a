//! Messages between a client (or OSD) and a monitor.

use super::{TypedMessage, kind, paxos, put_paxos, share};
use crate::message::{Data, Message, priority};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use types::enc::{Decode, Encode, Reader, Result, put_blob, versioned};
use types::{EntityAddrVec, EntityName, Epoch, Fsid, PoolId, UTime};

macro_rules! empty_message {
    ($(#[$doc:meta])* $name:ident, $kind:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $name;
        impl TypedMessage for $name {
            const KIND: u16 = $kind;
            fn encode_front(&self, _: &mut Vec<u8>) {}
            fn decode_front(_: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
                Ok(Self)
            }
        }
    };
}
empty_message!(
    /// Asks for the MonMap.
    MonGetMap,
    kind::MON_GET_MAP
);
empty_message!(Ping, kind::PING);

/// MON_MAP: an encoded MonMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonMapUpdate {
    pub monmap: Bytes,
}
impl TypedMessage for MonMapUpdate {
    const KIND: u16 = kind::MON_MAP;
    const PRIORITY: u16 = priority::HIGH;
    fn encode_front(&self, out: &mut Vec<u8>) {
        put_blob(out, &self.monmap);
    }
    fn decode_front(r: &mut Reader<'_>, msg: &Message, _: Data) -> Result<Self> {
        Ok(Self { monmap: share(&msg.front, r.blob()?) })
    }
}

/// Asks for usage of the whole cluster or of one pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statfs {
    pub version: u64,
    pub fsid: Fsid,
    pub pool: Option<PoolId>,
}
impl TypedMessage for Statfs {
    const KIND: u16 = kind::STATFS;
    const VERSION: u16 = 2;
    fn encode_front(&self, out: &mut Vec<u8>) {
        put_paxos(out, self.version);
        self.fsid.encode(out);
        self.pool.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, msg: &Message, _: Data) -> Result<Self> {
        let version = paxos(r)?;
        let fsid = r.get()?;
        let pool = if msg.version >= 2 { r.get()? } else { None };
        Ok(Self { version, fsid, pool })
    }
}

/// Sizes in units of 1024 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatfsReply {
    pub fsid: Fsid,
    pub version: u64,
    pub kb: u64,
    pub kb_used: u64,
    pub kb_avail: u64,
    pub num_objects: u64,
}
impl TypedMessage for StatfsReply {
    const KIND: u16 = kind::STATFS_REPLY;
    fn encode_front(&self, out: &mut Vec<u8>) {
        self.fsid.encode(out);
        for n in [self.version, self.kb, self.kb_used, self.kb_avail, self.num_objects] {
            n.encode(out);
        }
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
        Ok(Self {
            fsid: r.get()?,
            version: r.u64()?,
            kb: r.u64()?,
            kb_used: r.u64()?,
            kb_avail: r.u64()?,
            num_objects: r.u64()?,
        })
    }
}

/// One subscription: the first version wanted, and whether it ends with the first answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SubscribeItem {
    pub start: u64,
    pub once: bool,
}
impl Encode for SubscribeItem {
    fn encode(&self, out: &mut Vec<u8>) {
        self.start.encode(out);
        (self.once as u8).encode(out);
    }
}
impl Decode for SubscribeItem {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Ok(Self { start: r.u64()?, once: r.u8()? & 1 != 0 })
    }
}

/// MON_SUBSCRIBE: map name ("osdmap", "monmap", "config", "mgrmap", ...) to what is wanted of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subscribe {
    pub what: BTreeMap<String, SubscribeItem>,
    pub hostname: String,
}
impl TypedMessage for Subscribe {
    const KIND: u16 = kind::MON_SUBSCRIBE;
    const VERSION: u16 = 3;
    fn encode_front(&self, out: &mut Vec<u8>) {
        self.what.encode(out);
        self.hostname.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, msg: &Message, _: Data) -> Result<Self> {
        let what = r.get()?;
        let hostname = if msg.version >= 3 { r.get()? } else { String::new() };
        Ok(Self { what, hostname })
    }
}

/// Only for peers without stateful subscriptions (before Jewel).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscribeAck {
    pub interval_sec: u32,
    pub fsid: Fsid,
}
impl TypedMessage for SubscribeAck {
    const KIND: u16 = kind::MON_SUBSCRIBE_ACK;
    fn encode_front(&self, out: &mut Vec<u8>) {
        self.interval_sec.encode(out);
        self.fsid.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
        Ok(Self { interval_sec: r.u32()?, fsid: r.get()? })
    }
}

/// AUTH on an open session: cephx renewal (section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// 1 none, 2 cephx.
    pub protocol: u32,
    pub payload: Bytes,
    pub monmap_epoch: Epoch,
}
impl TypedMessage for Auth {
    const KIND: u16 = kind::AUTH;
    fn encode_front(&self, out: &mut Vec<u8>) {
        put_paxos(out, 0);
        self.protocol.encode(out);
        put_blob(out, &self.payload);
        self.monmap_epoch.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, msg: &Message, _: Data) -> Result<Self> {
        paxos(r)?;
        let protocol = r.u32()?;
        let payload = share(&msg.front, r.blob()?);
        let monmap_epoch = if r.is_empty() { Epoch(0) } else { r.get()? };
        Ok(Self { protocol, payload, monmap_epoch })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthReply {
    pub protocol: u32,
    /// 0 or a negative errno.
    pub result: i32,
    pub global_id: u64,
    pub payload: Bytes,
    pub text: String,
}
impl TypedMessage for AuthReply {
    const KIND: u16 = kind::AUTH_REPLY;
    fn encode_front(&self, out: &mut Vec<u8>) {
        self.protocol.encode(out);
        self.result.encode(out);
        self.global_id.encode(out);
        put_blob(out, &self.payload);
        self.text.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, msg: &Message, _: Data) -> Result<Self> {
        Ok(Self {
            protocol: r.u32()?,
            result: r.i32()?,
            global_id: r.u64()?,
            payload: share(&msg.front, r.blob()?),
            text: r.get()?,
        })
    }
}

/// MON_GET_VERSION: asks for the newest and oldest version of a map. `handle` comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetVersion {
    pub handle: u64,
    pub what: String,
}
impl TypedMessage for GetVersion {
    const KIND: u16 = kind::MON_GET_VERSION;
    fn encode_front(&self, out: &mut Vec<u8>) {
        self.handle.encode(out);
        self.what.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
        Ok(Self { handle: r.u64()?, what: r.get()? })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetVersionReply {
    pub handle: u64,
    pub newest: u64,
    pub oldest: u64,
}
impl TypedMessage for GetVersionReply {
    const KIND: u16 = kind::MON_GET_VERSION_REPLY;
    const VERSION: u16 = 2;
    const COMPAT: u16 = 2;
    fn encode_front(&self, out: &mut Vec<u8>) {
        self.handle.encode(out);
        self.newest.encode(out);
        self.oldest.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, msg: &Message, _: Data) -> Result<Self> {
        let handle = r.u64()?;
        let newest = r.u64()?;
        let oldest = if msg.version >= 2 { r.u64()? } else { 0 };
        Ok(Self { handle, newest, oldest })
    }
}

/// One line of the cluster log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Who, as the key database names it ("client.admin").
    pub name_kind: u32,
    pub name_id: String,
    pub rank: EntityName,
    pub addrs: EntityAddrVec,
    pub stamp: UTime,
    pub seq: u64,
    /// 0 debug, 1 info, 2 security, 3 warn, 4 error.
    pub priority: u16,
    pub text: String,
    pub channel: String,
}
impl Encode for LogEntry {
    fn encode(&self, out: &mut Vec<u8>) {
        versioned(out, 5, 5, |out| {
            self.name_kind.encode(out);
            self.name_id.encode(out);
            self.rank.encode(out);
            self.addrs.encode(out);
            self.stamp.encode(out);
            self.seq.encode(out);
            self.priority.encode(out);
            self.text.encode(out);
            self.channel.encode(out);
        })
    }
}
impl Decode for LogEntry {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (_, mut r) = r.versioned("LogEntry", 5)?;
        Ok(Self {
            name_kind: r.u32()?,
            name_id: r.get()?,
            rank: r.get()?,
            addrs: r.get()?,
            stamp: r.get()?,
            seq: r.u64()?,
            priority: r.u16()?,
            text: r.get()?,
            channel: r.get()?,
        })
    }
}

/// LOG: lines for the cluster log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    pub fsid: Fsid,
    pub entries: Vec<LogEntry>,
}
impl TypedMessage for Log {
    const KIND: u16 = kind::LOG;
    fn encode_front(&self, out: &mut Vec<u8>) {
        put_paxos(out, 0);
        self.fsid.encode(out);
        self.entries.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
        paxos(r)?;
        Ok(Self { fsid: r.get()?, entries: r.get()? })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogAck {
    pub fsid: Fsid,
    pub last: u64,
    pub channel: String,
}
impl TypedMessage for LogAck {
    const KIND: u16 = kind::LOG_ACK;
    fn encode_front(&self, out: &mut Vec<u8>) {
        self.fsid.encode(out);
        self.last.encode(out);
        self.channel.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
        let fsid = r.get()?;
        let last = r.u64()?;
        let channel = if r.is_empty() { String::new() } else { r.get()? };
        Ok(Self { fsid, last, channel })
    }
}

/// CONFIG: the options that the central configuration sets for this entity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigUpdate {
    pub options: BTreeMap<String, String>,
}
impl TypedMessage for ConfigUpdate {
    const KIND: u16 = kind::CONFIG;
    fn encode_front(&self, out: &mut Vec<u8>) {
        self.options.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
        Ok(Self { options: r.get()? })
    }
}

/// The active manager daemon, if there is one. The lists of standbys, of modules on offer and of the
/// manager's own clients are written empty and skipped when read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MgrMap {
    pub epoch: Epoch,
    pub active_addrs: EntityAddrVec,
    pub active_gid: u64,
    pub available: bool,
    pub active_name: String,
    pub modules: BTreeSet<String>,
    pub services: BTreeMap<String, String>,
    pub active_change: UTime,
    pub active_features: u64,
    pub last_failure_osd_epoch: Epoch,
}
impl Encode for MgrMap {
    fn encode(&self, out: &mut Vec<u8>) {
        versioned(out, 12, 6, |out| {
            self.epoch.encode(out);
            self.active_addrs.encode(out);
            self.active_gid.encode(out);
            self.available.encode(out);
            self.active_name.encode(out);
            0u32.encode(out); // standbys
            self.modules.encode(out);
            self.services.encode(out);
            0u32.encode(out); // modules on offer
            self.active_change.encode(out);
            0u32.encode(out); // modules that are always on, per release
            self.active_features.encode(out);
            self.last_failure_osd_epoch.encode(out);
            0u32.encode(out); // addresses of the manager's clients
            0u32.encode(out); // names of the manager's clients
        })
    }
}
impl Decode for MgrMap {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (_, mut r) = r.versioned("MgrMap", 12)?;
        Ok(Self {
            epoch: r.get()?,
            active_addrs: r.get()?,
            active_gid: r.u64()?,
            available: r.bool()?,
            active_name: r.get()?,
            ..Self::default()
        })
    }
}

/// MGR_MAP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MgrMapUpdate {
    pub map: MgrMap,
}
impl TypedMessage for MgrMapUpdate {
    const KIND: u16 = kind::MGR_MAP;
    fn encode_front(&self, out: &mut Vec<u8>) {
        self.map.encode(out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
        Ok(Self { map: r.get()? })
    }
}
