//! What this core tells of itself, and commands that clients send straight to this OSD (`ceph tell`):
//! the core of the connection asks the others and answers.

use super::clients::Came;
use super::{Fx, OsdHop, OsdNode, Parked};
use crate::client_op::{ClientOp, Origin};
use crate::observe::{Change, Gather, Kept, Level, OPS_TOLD_MAX, Part, Question, Reply, Request};
use messenger::message::{Data, Message};
use messenger::messages::internal::SlowOps;
use messenger::messages::{Command, CommandReply, OsdOp, TypedMessage};
use std::collections::BTreeMap;
use types::Instant;
use types::node::{ConnId, CoreId, Effect};
use types::time::Now;

const EPERM: i32 = -1;
const EINVAL: i32 = -22;
const EBUSY: i32 = -16;
/// Commands of clients that wait for other cores.
const COMMANDS_MAX: usize = 64;

/// Commands of clients that wait for other cores, by number.
#[derive(Debug, Default)]
pub(super) struct Commands {
    next: u64,
    waiting: BTreeMap<u64, (ConnId, u64, Gather)>,
}

impl OsdNode {
    /// Parts follow the settings as they are now.
    pub(super) fn follow_settings(&mut self) {
        let (limits, tracking) = (self.settings.limits(), self.settings.tracking());
        for shard in &mut self.shards {
            shard.limits = limits;
            shard.recorder.follow(tracking.clone());
        }
    }

    pub(super) fn on_ask(&mut self, now: Now, from: CoreId, id: u64, ask: Question, fx: &mut Fx) {
        let part = Box::new(self.tell(now, ask));
        fx.push(Effect::Hop { to: from, msg: OsdHop::Told { id, part } });
    }

    pub(super) fn on_told(&mut self, now: Now, id: u64, part: Part, fx: &mut Fx) {
        // Whoever asked may be gone.
        let Some((conn, tid, gather)) = self.commands.waiting.get_mut(&id) else { return };
        let (conn, tid) = (*conn, *tid);
        if let Some(reply) = gather.add(part) {
            self.commands.waiting.remove(&id);
            self.answer_command(now, conn, tid, reply, fx);
        }
    }

    /// COMMAND of a client; only who may do everything may command.
    pub(super) fn on_command(&mut self, now: Now, conn: ConnId, message: &Message, fx: &mut Fx) {
        let Some(session) = self.sessions.get(&conn) else { return };
        let allowed = session.allow_all;
        let refused = |result, text: &str| Err(Reply::refused(result, text));
        let request = match Command::from_message(message) {
            _ if !allowed => refused(EPERM, "the capabilities for this OSD must be allow *"),
            Err(_) => refused(EINVAL, "the command cannot be read"),
            _ if self.commands.waiting.len() >= COMMANDS_MAX => refused(EBUSY, "too many commands"),
            Ok(command) => Request::parse(&command.cmd.concat()),
        };
        let request = match request {
            Ok(request) => request,
            Err(reply) => return self.answer_command(now, conn, message.tid, reply, fx),
        };
        let question = request.question();
        let mut gather = Gather::new(request, self.config.cores);
        match gather.add(self.tell(now, question.clone())) {
            Some(reply) => self.answer_command(now, conn, message.tid, reply, fx),
            None => {
                let id = self.commands.next;
                self.commands.next += 1;
                self.commands.waiting.insert(id, (conn, message.tid, gather));
                self.to_others(fx, || OsdHop::Ask { id, question: question.clone() });
            }
        }
    }

    fn answer_command(&mut self, now: Now, conn: ConnId, tid: u64, reply: Reply, fx: &mut Fx) {
        let Reply { result, status, output } = reply;
        let output = Data::from(bytes::Bytes::from(output));
        let message = CommandReply { result, status, output }.into_message(tid);
        self.messenger.send(now, conn, message, fx);
    }

    /// Makes the change that `question` asks for and says how things are.
    fn tell(&mut self, now: Now, question: Question) -> Part {
        if let Some(change) = &question.change {
            self.change(change);
        }
        let parked = self.parked_ops();
        let shards = self.shards.iter_mut().enumerate();
        let shards = shards.map(|(slot, shard)| {
            let mut part = shard.tell(now, question.level);
            if question.level == Level::Operations && slot == 0 {
                part.under_way += parked.len() as u64;
                part.ops.extend(parked.iter().cloned());
            }
            part
        });
        let shards = shards.collect();
        Part {
            osd: self.me,
            cluster: self.config.superblock.cluster,
            osd_uuid: self.config.superblock.osd_uuid,
            version: self.config.version.clone(),
            core: self.config.core.0,
            now,
            booted: self.booted(),
            epoch: self.history.epoch(),
            sessions: self.sessions.len() as u64,
            heartbeat_peers: self.leader.as_ref().map_or(0, |l| l.heartbeats.count()) as u64,
            parked: self.parked.len() as u64,
            messenger: *self.messenger.counters(),
            hops: self.hops,
            settings: self.settings.clone(),
            tracking: self.settings.tracking(),
            shards,
        }
    }

    /// Requests that wait for a newer map for longer than they should. What waits until its client reads
    /// more is not late by our fault.
    pub(crate) fn slow_parked(&self, now: Instant) -> SlowOps {
        let since = self.parked.iter().filter_map(|parked| match parked {
            Parked::Op(op) => Some(op.track.stamps.received()),
            Parked::Client { came, .. } => Some(came.since),
            Parked::Peer { .. } => None,
        });
        SlowOps::among(since.map(|at| now.since(at)), self.settings.tracking().complaint)
    }

    /// What waits on this core: for a newer map, or for its client to read.
    fn parked_ops(&self) -> Vec<Kept> {
        let waits = "waiting for a newer map";
        let parked = self.parked.iter().filter_map(|parked| match parked {
            Parked::Op(op) => Some(op.kept(Some(waits))),
            Parked::Client { conn, message, came } => self.waiting_op(*conn, message, *came, waits),
            Parked::Peer { .. } => None,
        });
        let stalled = self.stalled.iter().filter_map(|conn| Some((conn, self.sessions.get(conn)?)));
        let stalled = stalled.flat_map(|(conn, session)| {
            session.stalled.iter().filter_map(|(message, came)| {
                self.waiting_op(*conn, message, *came, "waiting for the client to read")
            })
        });
        parked.chain(stalled).take(OPS_TOLD_MAX).collect()
    }

    /// A request that has not become an operation yet, if it can be read.
    fn waiting_op(
        &self,
        conn: ConnId,
        message: &Message,
        came: Came,
        waits: &'static str,
    ) -> Option<Kept> {
        let session = self.sessions.get(&conn)?;
        let arrival = session.arrival(came, came.since);
        let core = self.config.core;
        let origin = Origin { core, conn, charge: 0, promise: 0, tid: message.tid };
        let op = OsdOp::from_message(message).ok()?;
        Some(ClientOp::new(origin, session.name, arrival, op).kept(Some(waits)))
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Reset => {
                self.hops = Default::default();
                self.shards.iter_mut().for_each(|shard| shard.recorder.reset());
            }
            Change::Set(pairs) => {
                for (name, value) in pairs {
                    // It was checked when the command was read.
                    let _ = self.settings.set(name, value);
                }
                self.follow_settings();
            }
            Change::Unset(name) => {
                self.settings.unset(name);
                self.follow_settings();
            }
        }
    }
}
