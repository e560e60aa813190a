//! A client's request on its way through the OSD, and its reply.

use crate::observe::{Kept, Kind, Stage, Track};
use crate::ops::{Change, DataRange, OpRequest, copy::Copied};
use bytes::Bytes;
use messenger::messages::op::OpCode;
use messenger::messages::osd_op::flag;
use messenger::messages::{OsdOp, OsdOpReply, Outcome};
use std::collections::BTreeMap;
use std::fmt::Write;
use types::node::{ConnId, CoreId};
use types::{EVersion, EntityAddr, EntityName, Epoch, Instant, PgId, ReqId, SnapId};

/// Flags of a request by Ceph's names.
const FLAGS: &[(u32, &str)] = &[
    (flag::ACK, "ack"),
    (flag::ONDISK, "ondisk"),
    (flag::RETRY, "retry"),
    (flag::READ, "read"),
    (flag::WRITE, "write"),
    (flag::ORDERSNAP, "ordersnap"),
    (flag::BALANCE_READS, "balance_reads"),
    (flag::PGOP, "pgop"),
    (flag::EXEC, "exec"),
    (flag::LOCALIZE_READS, "localize_reads"),
    (flag::RWORDERED, "rwordered"),
    (flag::KNOWN_REDIR, "known_if_redirected"),
    (flag::FULL_TRY, "full_try"),
    (flag::FULL_FORCE, "full_force"),
    (flag::RETURNVEC, "returnvec"),
    (flag::SUPPORTSPOOLEIO, "supports_pool_eio"),
];

/// In place of a connection: the request is this OSD's own.
pub const INTERNAL: ConnId = ConnId(u64::MAX);

/// Where a request came in, and what it holds there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    pub core: CoreId,
    pub conn: ConnId,
    /// Bytes of the connection's budget.
    pub charge: usize,
    /// Bytes that the reply may come to, in the same connection's send queue.
    pub promise: usize,
    pub tid: u64,
}

#[derive(Debug)]
pub struct ClientOp {
    pub origin: Origin,
    pub pg: PgId,
    pub epoch: Epoch,
    pub hash: u32,
    /// Namespace of the locator, for listings.
    pub nspace: String,
    pub retry_attempt: i32,
    pub request: OpRequest,
    /// Data that the first attempts asked for.
    pub fetched: BTreeMap<DataRange, Bytes>,
    pub copied: BTreeMap<usize, Copied>,
    /// Checksum of the message's data ([`messenger::message::Data::crc`]), verified, where all of it is one op's input.
    pub input_crc: Option<u32>,
    pub track: Track,
}

/// When a request came, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    pub received: Instant,
    pub parsed: Instant,
    pub client: Option<EntityAddr>,
}

/// Versions of a reply.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReplyVersions {
    pub replay: EVersion,
    pub bad_replay: EVersion,
    pub user: u64,
}

impl ClientOp {
    pub fn new(origin: Origin, client: EntityName, arrival: Arrival, mut op: OsdOp) -> Self {
        let kind = match (op.may_read(), op.may_write()) {
            // What a class does is its own affair.
            _ if op.has_call() => Kind::ReadWrite,
            (true, true) => Kind::ReadWrite,
            (false, true) => Kind::Write,
            _ => Kind::Read,
        };
        let mut track = Track { client: arrival.client, ..Track::new(arrival.received, kind) };
        track.stamps.mark(Stage::Parsed, arrival.parsed);
        let mut object = op.take_object();
        object.snap = SnapId::HEAD;
        let reqid = if op.reqid.name.kind == 0 {
            ReqId { name: client, tid: origin.tid, inc: op.client_inc as i32 }
        } else {
            op.reqid
        };
        track.id = (reqid.name.num, reqid.tid);
        Self {
            origin,
            pg: op.head.pgid.pg,
            epoch: op.head.epoch,
            hash: op.head.hash,
            nspace: op.locator.nspace,
            retry_attempt: op.retry_attempt,
            request: OpRequest {
                object,
                snap: op.snap,
                snap_context: op.snapc,
                ops: op.ops,
                flags: op.head.flags,
                mtime: op.mtime,
                reqid,
            },
            fetched: BTreeMap::new(),
            copied: BTreeMap::new(),
            input_crc: None,
            track,
        }
    }

    /// As dumps show it. `waits_for` says more than its last stage.
    pub fn kept(&self, waits_for: Option<&'static str>) -> Kept {
        Kept {
            text: self.describe(),
            name: self.request.reqid.name,
            addr: self.track.client,
            tid: self.request.reqid.tid,
            kind: self.track.kind,
            stamps: self.track.stamps,
            waits_for,
        }
    }

    /// Who asks what of which object, in the form that Ceph's dumps have.
    fn describe(&self) -> String {
        let OpRequest { object, snap, snap_context, ops, flags, reqid, .. } = &self.request;
        let mut text = format!(
            "osd_op({}.{}:{} {} {}:{:08x}:{}:{}:{}:",
            reqid.name,
            reqid.inc,
            reqid.tid,
            self.pg,
            object.pool,
            object.hash_reversed(),
            object.nspace,
            object.key,
            object.name
        );
        let _ = match *snap {
            SnapId::HEAD => write!(text, "head ["),
            snap => write!(text, "{:x} [", snap.0),
        };
        for (index, op) in ops.iter().enumerate() {
            let _ = write!(text, "{}{}", if index > 0 { "," } else { "" }, op.code.name());
            if op.code.uses_extent() {
                let extent = op.extent();
                let _ = write!(text, " {}~{}", extent.offset, extent.length);
            }
            if !op.input.is_empty() {
                let _ = write!(text, " in={}b", op.input.len());
            }
        }
        let snaps: Vec<String> = snap_context.snaps.iter().map(|s| format!("{s:x}")).collect();
        let _ = write!(text, "] snapc {:x}=[{}] ", snap_context.seq, snaps.join(","));
        let named = FLAGS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name);
        let _ = write!(text, "{} e{})", named.collect::<Vec<_>>().join("+"), self.epoch);
        text
    }

    pub fn is_write(&self) -> bool {
        self.request.is_write()
    }
    /// Bytes that came with the ops, and those that were copied for them.
    pub fn input_bytes(&self) -> u64 {
        let copied: u64 = self.copied.values().map(Copied::bytes).sum();
        copied + self.request.ops.iter().map(|o| o.input.len() as u64).sum::<u64>()
    }
    /// A write that takes no space: it goes through on a full device.
    pub fn only_frees(&self) -> bool {
        self.request.ops.iter().all(|o| o.code == OpCode::DELETE || !o.code.is_write())
    }
    /// Listings act on the PG. Clients do not always set the message's PGOP flag.
    pub fn is_pg_op(&self) -> bool {
        self.request.ops.first().is_some_and(|op| op.code.is_pg_op())
    }

    /// The request came with so many bytes of data, whose checksum this is.
    pub fn note_input(&mut self, len: usize, crc: Option<u32>) {
        let whole = self.request.ops.iter().any(|op| op.input.len() == len);
        self.input_crc = crc.filter(|_| whole);
    }
    /// Checksum of what `changes` bring, if that is the request's data as they came.
    pub fn crc_of(&self, changes: &[Change]) -> Option<u32> {
        let crc = self.input_crc?;
        let mut written = changes.iter().filter_map(|change| match change {
            Change::Write { data, .. } => Some(data),
            _ => None,
        });
        let (data, more) = (written.next()?, written.next());
        // The op still holds its input, so that this memory is no other's.
        let whole = self.request.ops.iter().find(|op| !op.input.is_empty())?;
        let same = whole.input.as_ptr_range() == data.as_ptr_range();
        (same && more.is_none()).then_some(crc)
    }

    /// The reply. `outcomes` is [`OsdOpReply::outcomes`].
    /// `executed` is false for requests that were refused before any op ran.
    pub fn reply(
        &mut self,
        epoch: Epoch,
        result: i32,
        executed: bool,
        versions: ReplyVersions,
        mut outcomes: Vec<Outcome>,
    ) -> OsdOpReply {
        let mut ops = std::mem::take(&mut self.request.ops);
        ops.iter_mut().for_each(|op| op.input = Bytes::new());
        // The log's are of the first attempt, and a client may come again with fewer ops.
        outcomes.truncate(ops.len());
        let acks = flag::ACK | flag::ONNVRAM | flag::ONDISK;
        let done = flag::ONDISK | if executed { flag::ACK } else { 0 };
        OsdOpReply {
            name: std::mem::take(&mut self.request.object.name),
            pg: self.pg,
            flags: (self.request.flags & !acks | done) as u64,
            result,
            bad_replay_version: versions.bad_replay,
            epoch,
            ops,
            outcomes,
            retry_attempt: self.retry_attempt,
            replay_version: versions.replay,
            user_version: versions.user,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use messenger::messages::{Op, OsdOpHead, TypedMessage};
    use types::{ObjectLocator, PoolId, ShardedPgId, SnapContext, UTime};

    const CRC: u32 = 7;

    /// A request about some object.
    pub(crate) fn request_of(ops: Vec<Op>) -> OsdOp {
        let pg = PgId { pool: PoolId(1), seed: 0 };
        OsdOp {
            head: OsdOpHead {
                pgid: ShardedPgId::replicated(pg),
                hash: 0,
                epoch: Epoch(1),
                flags: 0,
            },
            reqid: ReqId::default(),
            client_inc: 0,
            mtime: UTime::default(),
            locator: ObjectLocator::new(pg.pool, ""),
            name: "object".into(),
            ops,
            snap: SnapId::HEAD,
            snapc: SnapContext::default(),
            retry_attempt: 0,
            features: 0,
        }
    }

    /// Its ops share `data` in order, as a frame brings it.
    fn request(data: &Bytes, lens: &[usize]) -> ClientOp {
        let mut at = 0;
        let inputs = lens.iter().map(|len| {
            at += len;
            data.slice(at - len..at)
        });
        let op = request_of(inputs.map(|input| Op::write(0, input)).collect());
        let origin = Origin { core: CoreId(0), conn: ConnId(1), charge: 0, promise: 0, tid: 1 };
        let arrival = Arrival { received: Instant(1), parsed: Instant(1), client: None };
        let mut op = ClientOp::new(origin, EntityName::client(4), arrival, op);
        op.note_input(data.len(), Some(CRC));
        op
    }

    #[test]
    fn a_checksum_goes_on_with_the_data_that_it_came_with() {
        let data = Bytes::from(vec![1; 100]);
        let write = |data: Bytes| Change::Write { offset: 0, data };
        let op = request(&data, &[100]);
        assert_eq!(op.crc_of(&[Change::Touch, write(data.clone())]), Some(CRC));
        assert_eq!(request(&data, &[0, 100]).crc_of(&[write(data.clone())]), Some(CRC));
        assert_eq!(op.crc_of(&[Change::Touch]), None);
        assert_eq!(op.crc_of(&[write(data.clone()), write(data.clone())]), None);
        assert_eq!(op.crc_of(&[write(data.slice(..99))]), None, "cut");
        assert_eq!(op.crc_of(&[write(Bytes::from(vec![1; 100]))]), None, "other memory");
        assert_eq!(request(&data, &[60, 40]).crc_of(&[write(data.clone())]), None, "two inputs");
        assert_eq!(request(&data, &[99]).crc_of(&[write(data.slice(..99))]), None, "more came");
        let mut unknown = op;
        unknown.note_input(data.len(), None);
        assert_eq!(unknown.crc_of(&[write(data)]), None);
    }

    /// What the log has of a request may be of more ops than the client sends again.
    #[test]
    fn a_reply_has_no_more_outcomes_than_ops() {
        let data = Bytes::from(vec![5; 100]);
        let outcome = |text: &'static str| {
            let output = messenger::message::Data::from(Bytes::from_static(text.as_bytes()));
            Outcome { result: 0, output }
        };
        for (logged, expected) in [(0, ""), (1, "one"), (2, "onetwo"), (3, "onetwo")] {
            let outcomes = ["one", "two", "three"].map(outcome)[..logged].to_vec();
            let mut op = request(&data, &[60, 40]);
            let reply = op.reply(Epoch(1), 0, true, ReplyVersions::default(), outcomes);
            let message = reply.into_message(1);
            assert_eq!(message.data.to_bytes(), expected, "{logged} in the log");
            let read = OsdOpReply::from_message(&message).unwrap();
            assert_eq!((read.ops.len(), read.outcomes.len()), (2, 2));
        }
    }
}
