//! copy-from: the source object is fetched from its primary, chunk by chunk, before the operation
//! runs.
//!
//! The operation gives its object free meanwhile, so two objects that are copied onto each other,
//! or a source with the placement hash of its target, do not wait for each other; then it begins
//! anew with the copied data at hand. What the same client sends for the object after it waits
//! until then, because a client relies on the order of its own operations.

use super::{Out, Shard};
use crate::client_op::{ClientOp, Origin};
use crate::map::View;
use crate::ops::copy::{Copied, CopyFetch, CopySource};
use messenger::messages::OsdOpReply;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;
use types::time::Now;
use types::{Instant, PgId};

/// Copies of one shard that hold fetched data; more wait for their turn.
const COPIES_MAX: usize = 4;
/// Without an answer for this long, the request is sent again.
const RESEND: Duration = Duration::from_secs(5);
/// Without progress for this long, the operation is dropped and its client sends it again.
const GIVE_UP: Duration = Duration::from_secs(30);

/// An operation that waits for the source of its copy-from.
#[derive(Debug)]
pub(super) struct Copying {
    op: Box<ClientOp>,
    op_index: usize,
    fetch: CopyFetch,
    /// Number of the request under way; `None`: to be sent.
    request: Option<u64>,
    sent_at: Instant,
    progress_at: Instant,
    /// The same client's operations on the object that came later.
    behind: VecDeque<Box<ClientOp>>,
}

impl Copying {
    /// The operation, and those that wait behind it.
    pub(super) fn ops(&self) -> impl Iterator<Item = &Box<ClientOp>> {
        std::iter::once(&self.op).chain(&self.behind)
    }
}

impl Shard {
    /// `op` needs `source`. Its object is not held.
    pub(super) fn start_copy(
        &mut self,
        now: Now,
        op: Box<ClientOp>,
        op_index: usize,
        source: CopySource,
        out: &mut Vec<Out>,
    ) {
        let bytes_max = self.limits.object_size_bytes_max.min(self.limits.write_bytes_max);
        let id = self.next_copy;
        self.next_copy += 1;
        let copying = Copying {
            op,
            op_index,
            fetch: CopyFetch::new(source, bytes_max),
            request: None,
            sent_at: now.mono,
            progress_at: now.mono,
            behind: VecDeque::new(),
        };
        self.copies.insert(id, copying);
        self.send_copies(now, out);
    }

    /// Keeps `op` if it follows a copy of the same client onto the same object.
    pub(super) fn wait_for_copy(&mut self, op: Box<ClientOp>) -> Option<Box<ClientOp>> {
        let same = |c: &&mut Copying| {
            (c.op.pg, c.op.hash) == (op.pg, op.hash)
                && c.op.request.reqid.name == op.request.reqid.name
        };
        match self.copies.values_mut().find(same) {
            Some(copying) => {
                copying.behind.push_back(op);
                None
            }
            None => Some(op),
        }
    }

    /// Sends what is to be sent, oldest first.
    fn send_copies(&mut self, now: Now, out: &mut Vec<Out>) {
        for copying in self.copies.values_mut().take(COPIES_MAX) {
            if copying.request.is_some() {
                continue;
            }
            let request = self.next_copy_request;
            self.next_copy_request += 1;
            copying.request = Some(request);
            copying.sent_at = now.mono;
            out.push(Out::Fetch {
                request,
                source: copying.fetch.source().clone(),
                ops: copying.fetch.next_ops(),
            });
        }
    }

    fn copy_of(&self, request: u64) -> Option<u64> {
        self.copies.iter().find(|(_, c)| c.request == Some(request)).map(|(id, _)| *id)
    }

    /// The answer to a request of [`Out::Fetch`].
    pub fn on_fetched(
        &mut self,
        now: Now,
        view: &View,
        request: u64,
        reply: OsdOpReply,
        out: &mut Vec<Out>,
    ) {
        let Some(id) = self.copy_of(request) else { return };
        let Some(copying) = self.copies.get_mut(&id) else { return };
        copying.request = None;
        copying.progress_at = now.mono;
        let output = reply.outcomes.into_iter().next_back().map(|o| o.output.into_bytes());
        let output = output.unwrap_or_default();
        match copying.fetch.on_reply(reply.result, &output, reply.user_version) {
            Some(copied) => self.end_copy(now, view, id, copied, out),
            None => self.send_copies(now, out),
        }
    }

    /// The source cannot be asked at all.
    pub fn on_fetch_refused(
        &mut self,
        now: Now,
        view: &View,
        request: u64,
        errno: i32,
        out: &mut Vec<Out>,
    ) {
        if let Some(id) = self.copy_of(request) {
            self.end_copy(now, view, id, Copied::Failed(errno), out);
        }
    }

    fn end_copy(&mut self, now: Now, view: &View, id: u64, copied: Copied, out: &mut Vec<Out>) {
        let Some(Copying { mut op, op_index, behind, .. }) = self.copies.remove(&id) else {
            return;
        };
        op.copied.insert(op_index, copied);
        self.on_client_op(now, view, op, out);
        for op in behind {
            self.on_client_op(now, view, op, out);
        }
        self.send_copies(now, out);
    }

    /// Sources may have moved: asks again, the reads harm nobody.
    pub(super) fn resend_copies(&mut self, now: Now, out: &mut Vec<Out>) {
        self.copies.values_mut().for_each(|c| c.request = None);
        self.send_copies(now, out);
    }

    pub(super) fn copies_tick(&mut self, now: Now, out: &mut Vec<Out>) {
        let mut overdue = Vec::new();
        for (id, copying) in self.copies.iter_mut().take(COPIES_MAX) {
            if now.mono >= copying.progress_at + GIVE_UP {
                overdue.push(*id);
            } else if now.mono >= copying.sent_at + RESEND {
                copying.request = None;
            }
        }
        for id in overdue {
            let Some(copying) = self.copies.remove(&id) else { continue };
            drop_all(origins_of(copying), out);
        }
        // Those whose turn it is now have not had any time yet.
        for copying in self.copies.values_mut().skip(COPIES_MAX) {
            copying.progress_at = now.mono;
        }
        self.send_copies(now, out);
    }

    /// What the copies of a PG hold, which are forgotten.
    pub(super) fn forget_copies(&mut self, pg: PgId) -> Vec<Origin> {
        let ids: Vec<u64> =
            self.copies.iter().filter(|(_, c)| c.op.pg == pg).map(|(id, _)| *id).collect();
        ids.iter().filter_map(|id| self.copies.remove(id)).flat_map(origins_of).collect()
    }
}

fn origins_of(copying: Copying) -> Vec<Origin> {
    let behind = copying.behind.iter().map(|op| op.origin);
    std::iter::once(copying.op.origin).chain(behind).collect()
}

/// Drops requests so that their clients send them again.
pub(super) fn drop_all(origins: Vec<Origin>, out: &mut Vec<Out>) {
    let mut reset = BTreeSet::new();
    for origin in origins {
        out.push(Out::Dropped { origin });
        // Its map may show it no reason to send again.
        if reset.insert((origin.core, origin.conn)) {
            out.push(Out::Reset { core: origin.core, conn: origin.conn });
        }
    }
}
