//! Sessions of clients: what they may do, which maps they have, and their requests.

use super::{Fx, OsdHop, OsdNode, Parked, WAITING_FOR_MAP_MAX, log};
use crate::client_op::{ClientOp, INTERNAL, Origin};
use crate::ops::perm;
use maps::osd_map::map_flags;
use maps::pool::pool_flags;
use messenger::caps::{ObjectAccess, OsdCaps};
use messenger::message::Message;
use messenger::messages::internal::kind as internal;
use messenger::messages::op::OpCode;
use messenger::messages::osd_op::flag;
use messenger::messages::peer::{Heartbeat, PeerMessage};
use messenger::messages::{OsdOp, OsdOpHead, TypedMessage, kind};
use messenger::table::PeerInfo;
use types::node::{ConnId, Effect, LogLevel};
use types::time::Now;
use types::{EntityAddrVec, EntityKind, EntityName, Epoch};

const EPERM: i32 = -1;
const ENOSPC: i32 = -28;
const ESHUTDOWN: i32 = -108;
const EDQUOT: i32 = -122;

#[derive(Debug)]
pub(super) struct Session {
    pub name: EntityName,
    caps: OsdCaps,
    allow_all: bool,
    addrs: EntityAddrVec,
    ip: std::net::IpAddr,
    /// Newest map that was sent.
    sent_epoch: Epoch,
}

impl OsdNode {
    pub(super) fn on_ready(&mut self, conn: ConnId, peer: PeerInfo) {
        if !peer.accepted {
            return;
        }
        // Capabilities that cannot be read allow nothing.
        let caps = if peer.caps.allow_all {
            OsdCaps::allow_all()
        } else {
            OsdCaps::parse(&peer.caps.text).unwrap_or_default()
        };
        let session = Session {
            name: peer.name,
            allow_all: caps.is_allow_all(),
            caps,
            addrs: peer.addrs,
            ip: peer.socket.ip(),
            sent_epoch: Epoch(0),
        };
        self.sessions.insert(conn, session);
    }

    pub(super) fn on_message(
        &mut self,
        now: Now,
        conn: ConnId,
        message: Message,
        charge: usize,
        fx: &mut Fx,
    ) {
        if message.kind == kind::OSD_OP {
            self.on_client_message(now, conn, message, charge, fx);
            return;
        }
        self.messenger.release(conn, charge, fx);
        match message.kind {
            kind::OSD_OP_REPLY if self.peers.osd_of(conn).is_some() => {
                self.on_fetch_reply(now, &message, fx)
            }
            internal::HEARTBEAT => self.on_heartbeat(now, conn, &message, fx),
            kind if PeerMessage::is_kind(kind) => {
                let Some(session) = self.sessions.get(&conn) else { return };
                if session.name.kind != EntityKind::Osd as u8 || session.name.num < 0 {
                    return;
                }
                let from = types::OsdId(session.name.num as u32);
                self.on_peer_message(now, from, message, fx);
            }
            // Our own map is newer, or comes from the monitor; other messages are not ours.
            _ => {}
        }
    }

    fn on_heartbeat(&mut self, now: Now, conn: ConnId, message: &Message, fx: &mut Fx) {
        let Ok(beat) = Heartbeat::from_message(message) else { return };
        if !beat.reply {
            let answer = Heartbeat { reply: true, epoch: self.history.epoch(), ..beat };
            self.messenger.send(now, conn, answer.into_message(0), fx);
        } else if let Some(osd) = self.peers.osd_of(conn) {
            self.on_heartbeat_reply(now, osd, beat, fx);
        }
    }

    fn refuse(&mut self, now: Now, op: &mut ClientOp, result: i32, fx: &mut Fx) {
        let message = op.reply(self.history.epoch(), result, false, Default::default(), vec![]);
        self.reply(now, op.origin, message, fx);
    }

    pub(super) fn on_client_message(
        &mut self,
        now: Now,
        conn: ConnId,
        message: Message,
        charge: usize,
        fx: &mut Fx,
    ) {
        let Some(session) = self.sessions.get(&conn) else {
            self.messenger.release(conn, charge, fx);
            return;
        };
        let Ok(head) = OsdOpHead::peek(&message) else {
            self.messenger.release(conn, charge, fx);
            return;
        };
        // Before anything is dropped: the map that shows us as up may reach the client first (after
        // a start it may be the first one that comes here), and then it has no reason to send again.
        let Some(view) = self.view.as_ref().filter(|view| head.epoch <= view.map.epoch) else {
            self.park(Parked::Client { conn, message, charge });
            return;
        };
        let epoch = view.map.epoch;
        if !view.booted {
            self.messenger.release(conn, charge, fx);
            return;
        }
        let client = session.name;
        let sent = session.sent_epoch;
        let decoded = match OsdOp::from_message(&message) {
            Ok(op) => op,
            Err(e) => {
                log(fx, LogLevel::Warn, format!("request of {client} cannot be read: {e}"));
                self.messenger.release(conn, charge, fx);
                self.reset_client(conn, fx);
                return;
            }
        };
        if head.epoch < epoch && sent < epoch {
            self.share_maps(now, conn, head.epoch.max(sent), fx);
        }
        let origin = Origin { core: self.config.core, conn, charge, tid: message.tid };
        let verdict = self.check_client(conn, &decoded);
        let mut op = Box::new(ClientOp::new(origin, client, decoded));
        match verdict {
            Verdict::Run => self.run_op(now, op, fx),
            Verdict::Drop => self.dropped(origin, fx),
            Verdict::Refuse(result) => self.refuse(now, &mut op, result, fx),
        }
    }

    fn check_client(&self, conn: ConnId, op: &OsdOp) -> Verdict {
        let (Some(session), Some(view)) = (self.sessions.get(&conn), &self.view) else {
            return Verdict::Drop;
        };
        let map = &view.map;
        if !map.blocklist.is_empty() && map.is_any_blocklisted(&session.addrs) {
            return Verdict::Refuse(ESHUTDOWN);
        }
        let pool_id = op.head.pgid.pg.pool;
        let Some(pool) = map.pools.get(&pool_id) else { return Verdict::Drop };
        let needed = perm::needed(&op.ops);
        if !session.allow_all {
            let key = &op.locator.key;
            let access = ObjectAccess {
                pool: map.pool_name(pool_id).unwrap_or(""),
                namespace: &op.locator.nspace,
                applications: &pool.applications,
                object: if key.is_empty() { &op.name } else { key },
                read: needed.read,
                write: needed.write,
                classes: &[],
                addr: Some(session.ip),
            };
            if !session.caps.allows(&access) {
                return Verdict::Refuse(EPERM);
            }
        }
        let full = map.flags & map_flags::FULL != 0;
        let pool_full = pool.flags & (pool_flags::FULL | pool_flags::FULL_QUOTA) != 0;
        if needed.write && (full || pool_full) && !op.has_flag(flag::FULL_FORCE) {
            let frees = |o: &OpCode| *o == OpCode::DELETE || *o == OpCode::TRUNCATE;
            if op.ops.iter().all(|o| frees(&o.code) || !o.code.is_write()) {
                return Verdict::Run;
            }
            if !op.has_flag(flag::FULL_TRY) {
                // The client sends it again when the map shows room.
                return Verdict::Drop;
            }
            let quota = pool.flags & pool_flags::FULL_QUOTA != 0;
            return Verdict::Refuse(if quota { EDQUOT } else { ENOSPC });
        }
        Verdict::Run
    }

    /// To the PG's shard, on this core or another.
    pub(super) fn run_op(&mut self, now: Now, op: Box<ClientOp>, fx: &mut Fx) {
        let (core, slot) = self.place_of(op.pg);
        if !self.is_core(core) {
            fx.push(Effect::Hop { to: core, msg: OsdHop::ClientOp(op) });
            return;
        }
        // The landing core may have had the map first, or the first map.
        let Some(view) = self.view.clone().filter(|view| op.epoch <= view.map.epoch) else {
            self.park(Parked::Op(op));
            return;
        };
        let mut outs = std::mem::take(&mut self.outs);
        self.shards[slot].on_client_op(now, &view, op, &mut outs);
        self.outs = outs;
        self.perform(now, slot, fx);
    }

    fn park(&mut self, parked: Parked) {
        // The bound is far above what the connections' budgets let in; the rest is sent again.
        if self.parked.len() < WAITING_FOR_MAP_MAX {
            self.parked.push_back(parked);
        }
    }

    pub(super) fn park_peer(&mut self, from: types::OsdId, message: PeerMessage) {
        self.park(Parked::Peer { from, message });
    }

    /// After a new map.
    pub(super) fn run_parked(&mut self, now: Now, fx: &mut Fx) {
        for parked in std::mem::take(&mut self.parked) {
            match parked {
                Parked::Client { conn, message, charge } => {
                    self.on_client_message(now, conn, message, charge, fx)
                }
                Parked::Op(op) => self.run_op(now, op, fx),
                Parked::Peer { from, message } => self.run_peer(now, from, message, fx),
            }
        }
    }

    fn share_maps(&mut self, now: Now, conn: ConnId, from: Epoch, fx: &mut Fx) {
        let Some(update) = self.history.share(from) else { return };
        if let Some(session) = self.sessions.get_mut(&conn) {
            session.sent_epoch = self.history.epoch();
        }
        self.messenger.send(now, conn, update.into_message(0), fx);
    }

    pub(super) fn reply(&mut self, now: Now, origin: Origin, message: Message, fx: &mut Fx) {
        if self.is_core(origin.core) {
            if origin.conn == INTERNAL {
                return self.on_fetch_reply(now, &message, fx);
            }
            self.messenger.release(origin.conn, origin.charge, fx);
            self.messenger.send(now, origin.conn, message, fx);
        } else {
            fx.push(Effect::Hop { to: origin.core, msg: OsdHop::Reply { origin, message } });
        }
    }

    pub(super) fn dropped(&mut self, origin: Origin, fx: &mut Fx) {
        if self.is_core(origin.core) {
            self.messenger.release(origin.conn, origin.charge, fx);
        } else {
            fx.push(Effect::Hop { to: origin.core, msg: OsdHop::Dropped { origin } });
        }
    }

    pub(super) fn reset_client(&mut self, conn: ConnId, fx: &mut Fx) {
        if self.sessions.remove(&conn).is_some() {
            self.messenger.close(conn, fx);
        }
    }
}

enum Verdict {
    Run,
    /// Silently: the client sends it again when its map says so.
    Drop,
    Refuse(i32),
}
