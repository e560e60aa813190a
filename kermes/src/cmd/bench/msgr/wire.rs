//! What the two ends of a bench of the messenger say to each other.
//!
//! With the messenger: MOSDOp with one write of so many bytes, answered by MOSDOpReply, as Ceph's
//! perf_msgr does; and three commands of our own (COMMAND, whose text is one of the constants here),
//! answered by [`Stats`].
//!
//! Bare: a request begins with [`BareHeader`]; the answer is so many zeros, or [`Stats`] if it asks
//! for none.

use bytes::Bytes;
use messenger::message::Message;
use messenger::messages::TypedMessage;
use messenger::messages::op::{Op, OpCode};
use messenger::messages::osd_op::{OsdOp, OsdOpHead, flag};
use types::{
    Epoch, ObjectLocator, PgId, PoolId, ReqId, ShardedPgId, SnapContext, SnapId, UTime, features,
};

/// Asks for [`Stats`].
pub const STATS: &str = "bench stats";
/// As [`STATS`]; operations of this connection are not answered from now on.
pub const ONE_WAY: &str = "bench one-way";
/// As [`STATS`]; operations of this connection are answered with the data that they brought.
pub const VERIFY: &str = "bench verify";
/// Number of the key that seals the tickets of secure mode.
pub const SECRET_ID: u64 = 1;

/// Bytes of a request's header and of [`Stats`].
pub const HEADER_BYTES: usize = 8;
pub const STATS_BYTES: usize = 24;
pub const BARE_REQUEST_BYTES_MAX: u32 = 64 << 20;
pub const BARE_REPLY_BYTES_MAX: u32 = 64 << 10;
/// Room for the rest of a head of which a part has come, and what follows it.
pub const BARE_RECEIVE_BYTES: usize = 256 << 10;

/// What the server has done since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// User and system, of the whole process.
    pub cpu_ns: u64,
    pub messages: u64,
    /// Of the server's clock.
    pub now_ns: u64,
}
impl Stats {
    pub fn encode(&self) -> Bytes {
        [self.cpu_ns, self.messages, self.now_ns].map(u64::to_le_bytes).concat().into()
    }
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; STATS_BYTES] = bytes.try_into().ok()?;
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        Some(Self { cpu_ns: word(0), messages: word(8), now_ns: word(16) })
    }
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_sub(earlier.cpu_ns),
            messages: self.messages.saturating_sub(earlier.messages),
            now_ns: self.now_ns.saturating_sub(earlier.now_ns),
        }
    }
}

/// Lengths of a bare request, this header counted, and of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BareHeader {
    pub request: u32,
    /// 0 asks for [`Stats`].
    pub reply: u32,
}
impl BareHeader {
    pub fn encode(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&self.request.to_le_bytes());
        bytes[4..].copy_from_slice(&self.reply.to_le_bytes());
        bytes
    }
    /// # Panics
    /// If `bytes` are not [`HEADER_BYTES`].
    pub fn decode(bytes: &[u8]) -> Self {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        Self { request: word(0), reply: word(4) }
    }
    pub fn is_sound(self) -> bool {
        (HEADER_BYTES as u32..=BARE_REQUEST_BYTES_MAX).contains(&self.request)
            && self.reply <= BARE_REPLY_BYTES_MAX
    }
}

/// The operation that each message is: a write of `data`.
pub fn operation(data: Bytes) -> Message {
    let mut args = [0; 28];
    args[8..16].copy_from_slice(&(data.len() as u64).to_le_bytes());
    let write = Op { code: OpCode::WRITE, flags: 0, args, input: data };
    let pool = PoolId(1);
    let op = OsdOp {
        head: OsdOpHead {
            pgid: ShardedPgId::replicated(PgId { pool, seed: 0 }),
            hash: 0x1234_5678,
            epoch: Epoch(1),
            flags: flag::ACK | flag::ONDISK | flag::WRITE,
        },
        reqid: ReqId::default(),
        client_inc: 0,
        mtime: UTime::default(),
        locator: ObjectLocator::new(pool, ""),
        name: "object".to_owned(),
        ops: vec![write],
        snap: SnapId::HEAD,
        snapc: SnapContext::default(),
        retry_attempt: 0,
        features: features::PACIFIC,
    };
    op.into_message(0)
}

/// Data of the operation `tid`: different ones for each, and no run of them like another.
pub fn pattern(tid: u64, len: usize) -> Vec<u8> {
    let mut word = (tid + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut data = Vec::with_capacity(len + 8);
    while data.len() < len {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        data.extend_from_slice(&word.to_be_bytes());
    }
    data.truncate(len);
    data
}

/// Bytes of a message with a front and data on the wire in crc mode: a preamble, the message's
/// header with its checksum, front, data, and the epilogue (ceph-wire.md section 2).
pub fn frame_bytes(msg: &Message) -> usize {
    32 + 41 + 4 + msg.front.len() + msg.data.len() + 13
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard() {
        let stats = Stats { cpu_ns: 1, messages: 2, now_ns: 1 << 40 };
        assert_eq!(Stats::decode(&stats.encode()), Some(stats));
        assert_eq!(Stats::decode(&[0; 23]), None);
        let head = BareHeader { request: 4300, reply: 200 };
        assert_eq!(BareHeader::decode(&head.encode()), head);
        assert!(head.is_sound() && !BareHeader { request: 7, ..head }.is_sound());
        assert!(!BareHeader { reply: BARE_REPLY_BYTES_MAX + 1, ..head }.is_sound());
    }

    #[test]
    fn each_operation_has_data_of_its_own() {
        let (a, b) = (pattern(1, 1001), pattern(2, 1001));
        assert_eq!((a.len(), &a), (1001, &pattern(1, 1001)));
        assert!(a.chunks(8).zip(b.chunks(8)).all(|(a, b)| a != b));
    }

    #[test]
    fn an_operation_is_one_that_an_osd_reads() {
        let msg = operation(Bytes::from(vec![7; 4096]));
        let op = OsdOp::from_message(&msg).unwrap();
        assert_eq!((op.ops.len(), op.ops[0].input.len()), (1, 4096));
        assert!(op.may_write());
    }
}
