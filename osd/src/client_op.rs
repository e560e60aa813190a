//! A client's request on its way through the OSD, and its reply.

use crate::ops::{DataRange, OpRequest, copy::Copied};
use bytes::Bytes;
use messenger::message::{Data, Message};
use messenger::messages::op::OpCode;
use messenger::messages::osd_op::flag;
use messenger::messages::{OsdOp, OsdOpReply, ReplyOp, TypedMessage};
use std::collections::BTreeMap;
use types::node::{ConnId, CoreId};
use types::{EVersion, EntityName, Epoch, PgId, ReqId, SnapId};

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
}

/// Versions of a reply.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReplyVersions {
    pub replay: EVersion,
    pub bad_replay: EVersion,
    pub user: u64,
}

impl ClientOp {
    pub fn new(origin: Origin, client: EntityName, op: OsdOp) -> Self {
        let mut object = op.object();
        object.snap = SnapId::HEAD;
        let reqid = if op.reqid.name.kind == 0 {
            ReqId { name: client, tid: origin.tid, inc: op.client_inc as i32 }
        } else {
            op.reqid
        };
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
        }
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

    /// The reply. `outcomes` has the result and output of each op, or is short for none.
    /// `executed` is false for requests that were refused before any op ran.
    pub fn reply(
        &mut self,
        epoch: Epoch,
        result: i32,
        executed: bool,
        versions: ReplyVersions,
        outcomes: Vec<(i32, Data)>,
    ) -> Message {
        let mut outcomes = outcomes.into_iter();
        let ops = std::mem::take(&mut self.request.ops);
        let ops = ops.into_iter().map(|mut op| {
            op.input = Bytes::new();
            let (result, output) = outcomes.next().unwrap_or_default();
            ReplyOp { op, result, output }
        });
        let acks = flag::ACK | flag::ONNVRAM | flag::ONDISK;
        let done = flag::ONDISK | if executed { flag::ACK } else { 0 };
        OsdOpReply {
            name: std::mem::take(&mut self.request.object.name),
            pg: self.pg,
            flags: (self.request.flags & !acks | done) as u64,
            result,
            bad_replay_version: versions.bad_replay,
            epoch,
            ops: ops.collect(),
            retry_attempt: self.retry_attempt,
            replay_version: versions.replay,
            user_version: versions.user,
        }
        .into_message(self.origin.tid)
    }
}
