//! Requests for the sources of copies: an OSD is a client of the source's primary, which may be
//! itself.

use super::{Fx, OsdNode};
use crate::client_op::{Arrival, ClientOp, INTERNAL, Origin};
use crate::ops::copy::CopySource;
use crate::ops::{Op, errno};
use messenger::message::Message;
use messenger::messages::osd_op::flag;
use messenger::messages::{OsdOp, OsdOpHead, OsdOpReply, TypedMessage};
use types::time::Now;
use types::{EntityName, ReqId, ShardedPgId, SnapContext, UTime, features};

/// Bits of a request's number below the shard's slot.
const SLOT_SHIFT: u32 = 48;

impl OsdNode {
    /// Asks for `source` for the shard in `slot`. Without a primary nothing is sent: the shard asks
    /// again.
    pub(super) fn fetch(
        &mut self,
        now: Now,
        slot: usize,
        request: u64,
        source: CopySource,
        ops: Vec<Op>,
        fx: &mut Fx,
    ) {
        let Some(view) = self.view.clone() else { return };
        let map = &view.map;
        let refused = match map.pools.get(&source.locator.pool) {
            None => Some(errno::ENOENT),
            Some(pool) if !pool.is_replicated() => Some(errno::EOPNOTSUPP),
            Some(_) => None,
        };
        if let Some(errno) = refused {
            return self.with_shard(now, slot, fx, |shard, out| {
                shard.on_fetch_refused(now, &view, request, errno, out)
            });
        }
        let Ok(raw) = map.object_to_raw_pg(&source.locator, &source.name) else { return };
        let pg = map.fold_pg(raw);
        let Some(primary) = map.pg_to_up_acting(pg).primary() else { return };
        let tid = request | (slot as u64) << SLOT_SHIFT;
        let op = OsdOp {
            head: OsdOpHead {
                pgid: ShardedPgId::replicated(pg),
                hash: raw.seed,
                epoch: map.epoch,
                flags: flag::READ,
            },
            reqid: ReqId::default(),
            client_inc: 0,
            mtime: UTime::default(),
            locator: source.locator,
            name: source.name,
            ops,
            snap: source.snap,
            snapc: SnapContext::default(),
            retry_attempt: 0,
            features: features::PACIFIC,
        };
        if primary == self.me {
            let origin =
                Origin { core: self.config.core, conn: INTERNAL, charge: 0, promise: 0, tid };
            let arrival = Arrival { received: now.mono, parsed: now.mono, client: None };
            let op = Box::new(ClientOp::new(origin, EntityName::osd(self.me), arrival, op));
            self.run_op(now, op, fx);
        } else {
            self.send_peer(now, primary, pg, op.into_message(tid), fx);
        }
    }

    /// The answer from another OSD.
    pub(super) fn on_fetch_reply(&mut self, now: Now, message: &mut Message, fx: &mut Fx) {
        let Ok(reply) = OsdOpReply::take_from(message) else { return };
        self.on_fetched(now, message.tid, reply, fx);
    }

    /// The answer, from there or from a shard of this one.
    pub(super) fn on_fetched(&mut self, now: Now, tid: u64, reply: OsdOpReply, fx: &mut Fx) {
        let slot = (tid >> SLOT_SHIFT) as usize;
        let request = tid & ((1 << SLOT_SHIFT) - 1);
        let Some(view) = self.view.clone() else { return };
        self.with_shard(now, slot, fx, |shard, out| {
            shard.on_fetched(now, &view, request, reply, out)
        });
    }

    fn with_shard(
        &mut self,
        now: Now,
        slot: usize,
        fx: &mut Fx,
        f: impl FnOnce(&mut crate::shard::Shard, &mut Vec<crate::shard::Out>),
    ) {
        let Some(shard) = self.shards.get_mut(slot) else { return };
        let mut outs = std::mem::take(&mut self.outs);
        f(shard, &mut outs);
        self.outs = outs;
        self.perform(now, slot, fx);
    }
}
