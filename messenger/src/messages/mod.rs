//! Typed messages: what the fronts of [`Message`]s mean (ceph-wire.md sections 4 and 7).
//!
//! Each type implements [`TypedMessage`]: `into_message` builds the wire form, `from_message` reads
//! it. Bulk bytes stay in the data segment and are never copied. Reading order: [`mon`] (client and
//! monitor), [`osd_op`] (client and OSD), [`osd_map`], [`pool`], [`command`]; between our own daemons
//! only, [`internal`] (OSD and monitor) and [`peer`] (OSDs).

pub mod command;
pub mod internal;
pub mod mon;
pub mod op;
pub mod osd_map;
pub mod osd_op;
pub mod peer;
pub mod pool;
mod replication;

pub use command::{Command, CommandReply, MonCommand, MonCommandAck};
pub use mon::{
    Auth, AuthReply, ConfigUpdate, GetVersion, GetVersionReply, Log, LogAck, LogEntry, MgrMap,
    MgrMapUpdate, MonGetMap, MonMapUpdate, Ping, Statfs, StatfsReply, Subscribe, SubscribeAck,
    SubscribeItem,
};
pub use op::{Op, OpCode, OpRequest};
pub use osd_map::OsdMapUpdate;
pub use osd_op::{Backoff, OsdOp, OsdOpHead, OsdOpReply, Outcome, WatchNotify};
pub use pool::{GetPoolStats, ObjectStatSum, PoolOp, PoolOpReply, PoolStat, PoolStatsReply};

use crate::message::{Data, Message, priority};
use bytes::Bytes;
use types::enc::{DecodeError, Encode, Reader, Result};

/// Message numbers (Ceph src/include/msgr.h and src/msg/Message.h).
pub mod kind {
    pub const PING: u16 = 2;
    pub const MON_MAP: u16 = 4;
    pub const MON_GET_MAP: u16 = 5;
    pub const STATFS: u16 = 13;
    pub const STATFS_REPLY: u16 = 14;
    pub const MON_SUBSCRIBE: u16 = 15;
    pub const MON_SUBSCRIBE_ACK: u16 = 16;
    pub const AUTH: u16 = 17;
    pub const AUTH_REPLY: u16 = 18;
    pub const MON_GET_VERSION: u16 = 19;
    pub const MON_GET_VERSION_REPLY: u16 = 20;
    pub const OSD_MAP: u16 = 41;
    pub const OSD_OP: u16 = 42;
    pub const OSD_OP_REPLY: u16 = 43;
    pub const WATCH_NOTIFY: u16 = 44;
    pub const POOL_OP_REPLY: u16 = 48;
    pub const POOL_OP: u16 = 49;
    pub const MON_COMMAND: u16 = 50;
    pub const MON_COMMAND_ACK: u16 = 51;
    pub const LOG: u16 = 52;
    pub const LOG_ACK: u16 = 53;
    pub const GET_POOL_STATS: u16 = 58;
    pub const GET_POOL_STATS_REPLY: u16 = 59;
    pub const OSD_BACKOFF: u16 = 61;
    pub const CONFIG: u16 = 62;
    pub const COMMAND: u16 = 97;
    pub const COMMAND_REPLY: u16 = 98;
    pub const MGR_MAP: u16 = 0x704;
}

/// Room in which most fronts are encoded without moving.
const FRONT_ROOM: usize = 256;

/// One kind of message in both directions.
pub trait TypedMessage: Sized {
    const KIND: u16;
    /// The encoding that `encode_front` writes, and the oldest one that a reader of it must know.
    const VERSION: u16 = 1;
    const COMPAT: u16 = 1;
    const PRIORITY: u16 = priority::DEFAULT;

    fn encode_front(&self, out: &mut Vec<u8>);

    /// Reads the front; `msg` gives the header's version, `data` are its data segment.
    fn decode_front(r: &mut Reader<'_>, msg: &Message, data: Data) -> Result<Self>;

    /// The data segment, moved out for sending.
    fn take_data(&mut self) -> Data {
        Data::default()
    }

    /// Bytes to reserve for the front. One that fills them takes one allocation, any other two or more.
    fn front_room(&self) -> usize {
        FRONT_ROOM
    }

    fn into_message(mut self, tid: u64) -> Message {
        let mut front = Vec::with_capacity(self.front_room());
        self.encode_front(&mut front);
        Message {
            kind: Self::KIND,
            tid,
            priority: Self::PRIORITY,
            version: Self::VERSION,
            compat: Self::COMPAT,
            front: front.into(),
            middle: Bytes::new(),
            data: self.take_data(),
        }
    }

    /// Fails for another kind of message, for one that needs a newer reader, and for a front that
    /// ends early. Bytes after the known fields belong to later versions and are skipped.
    fn from_message(msg: &Message) -> Result<Self> {
        check::<Self>(msg)?;
        Self::decode_front(&mut Reader::new(&msg.front), msg, msg.data.clone())
    }

    /// As [`TypedMessage::from_message`], with the data moved out of `msg`: a reference to their memory less to
    /// count.
    fn take_from(msg: &mut Message) -> Result<Self> {
        check::<Self>(msg)?;
        let data = std::mem::take(&mut msg.data);
        Self::decode_front(&mut Reader::new(&msg.front), msg, data)
    }
}

fn check<M: TypedMessage>(msg: &Message) -> Result<()> {
    if msg.kind != M::KIND {
        return Err(DecodeError::Invalid { what: "message kind", value: msg.kind as u64 });
    }
    if msg.compat > M::VERSION {
        return Err(DecodeError::TooNew {
            what: "message",
            compat: msg.compat.min(255) as u8,
            known: M::VERSION as u8,
        });
    }
    Ok(())
}

/// The prefix of messages to and from monitors (`PaxosServiceMessage`): version of the state that
/// the sender has, and two fields of older releases. 18 bytes.
pub(crate) fn put_paxos(out: &mut Vec<u8>, version: u64) {
    version.encode(out);
    (-1i16).encode(out);
    0u64.encode(out);
}

/// Reads the prefix that [`put_paxos`] writes and returns the version.
pub(crate) fn paxos(r: &mut Reader<'_>) -> Result<u64> {
    let version = r.u64()?;
    r.skip("paxos prefix", 10)?;
    Ok(version)
}

/// A part of `whole` that `slice` was read from, without copying.
pub(crate) fn share(whole: &Bytes, slice: &[u8]) -> Bytes {
    if slice.is_empty() { Bytes::new() } else { whole.slice_ref(slice) }
}

#[cfg(test)]
mod tests;
