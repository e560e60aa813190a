//! Sessions of clients: what they may do, which maps they have, and their requests.

use super::{Fx, OsdHop, OsdNode, Parked, WAITING_FOR_MAP_MAX, WAITING_OF_ONE_MAX, log};
use crate::client_op::{Arrival, ClientOp, INTERNAL, Origin};
use crate::ops::perm;
use maps::osd_map::map_flags;
use maps::pool::pool_flags;
use messenger::caps::{ObjectAccess, OsdCaps};
use messenger::message::Message;
use messenger::messages::internal::kind as internal;
use messenger::messages::op::{Op, OpCode};
use messenger::messages::osd_op::flag;
use messenger::messages::peer::{Heartbeat, OsdCores, PeerMessage};
use messenger::messages::{OsdOp, OsdOpHead, OsdOpReply, TypedMessage, kind};
use messenger::table::PeerInfo;
use std::collections::VecDeque;
use types::node::{ConnId, Effect, LogLevel};
use types::time::Now;
use types::{EntityAddr, EntityAddrVec, EntityKind, EntityName, Epoch, Instant};

const EPERM: i32 = -1;
const ENOSPC: i32 = -28;
const ESHUTDOWN: i32 = -108;
const EDQUOT: i32 = -122;

/// How a message came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Came {
    /// Bytes of the connection's budget that it holds.
    pub charge: usize,
    /// When its first bytes were at hand.
    pub since: Instant,
}

#[derive(Debug)]
pub(super) struct Session {
    pub name: EntityName,
    caps: OsdCaps,
    pub(super) allow_all: bool,
    addrs: EntityAddrVec,
    ip: std::net::IpAddr,
    /// By which dumps name the client.
    addr: Option<EntityAddr>,
    /// Newest map that was sent.
    sent_epoch: Epoch,
    /// What the replies to requests under way may come to, bytes.
    promised: usize,
    /// Requests whose replies would not fit in the connection's send queue, in order: a client that
    /// reads nothing has no more under way than the queue holds.
    pub(super) stalled: VecDeque<(Message, Came)>,
}

impl Session {
    pub(super) fn arrival(&self, came: Came, parsed: Instant) -> Arrival {
        Arrival { received: came.since, parsed, client: self.addr }
    }
}

impl OsdNode {
    pub(super) fn on_ready(&mut self, now: Now, conn: ConnId, peer: PeerInfo, fx: &mut Fx) {
        if !peer.accepted {
            self.peers.on_ready(now, conn);
            return;
        }
        if peer.name.kind == EntityKind::Osd as u8 {
            self.messenger.send(now, conn, self.cores_of_ours().into_message(0), fx);
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
            addr: peer.addrs.0.first().copied(),
            addrs: peer.addrs,
            ip: peer.socket.ip(),
            sent_epoch: Epoch(0),
            promised: 0,
            stalled: VecDeque::new(),
        };
        self.sessions.insert(conn, session);
    }

    pub(super) fn on_message(
        &mut self,
        now: Now,
        conn: ConnId,
        mut message: Message,
        came: Came,
        fx: &mut Fx,
    ) {
        if message.kind == kind::OSD_OP {
            self.on_client_message(now, conn, message, came, fx);
            return;
        }
        self.messenger.release(conn, came.charge, fx);
        match message.kind {
            kind::COMMAND => self.on_command(now, conn, &message, fx),
            kind::OSD_OP_REPLY if self.peers.osd_of(conn).is_some() => {
                self.on_fetch_reply(now, &mut message, fx)
            }
            internal::HEARTBEAT => self.on_heartbeat(now, conn, &message, fx),
            internal::OSD_CORES => {
                if let Ok(said) = OsdCores::from_message(&message) {
                    self.on_cores(now, conn, said, fx);
                }
            }
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
        let (epoch, versions) = (self.history.epoch(), Default::default());
        let reply = op.reply(epoch, result, false, versions, Vec::new());
        self.reply(now, op.origin, reply, fx);
    }

    pub(super) fn on_client_message(
        &mut self,
        now: Now,
        conn: ConnId,
        message: Message,
        came: Came,
        fx: &mut Fx,
    ) {
        let Some(session) = self.sessions.get_mut(&conn) else {
            self.messenger.release(conn, came.charge, fx);
            return;
        };
        if !session.stalled.is_empty() {
            session.stalled.push_back((message, came));
            return;
        }
        self.take_client_message(now, conn, message, came, fx);
    }

    /// Nothing of this client waits before the request.
    fn take_client_message(
        &mut self,
        now: Now,
        conn: ConnId,
        mut message: Message,
        came: Came,
        fx: &mut Fx,
    ) {
        let charge = came.charge;
        let Some(session) = self.sessions.get(&conn) else { return };
        let Ok(head) = OsdOpHead::peek(&message) else {
            self.messenger.release(conn, charge, fx);
            return;
        };
        // Before anything is dropped: the map that shows us as up may reach the client first (after
        // a start it may be the first one that comes here), and then it has no reason to send again.
        let Some(view) = self.view.as_ref().filter(|view| head.epoch <= view.map.epoch) else {
            self.park(Parked::Client { conn, message, came }, fx);
            return;
        };
        let epoch = view.map.epoch;
        if !view.booted {
            self.messenger.release(conn, charge, fx);
            return;
        }
        let client = session.name;
        let arrival = session.arrival(came, now.mono);
        let sent = session.sent_epoch;
        let (input_bytes, input_crc) = (message.data.len(), message.data.known_crc());
        let decoded = match OsdOp::take_from(&mut message) {
            Ok(op) => op,
            Err(e) => {
                log(fx, LogLevel::Warn, format!("request of {client} cannot be read: {e}"));
                self.messenger.release(conn, charge, fx);
                self.reset_client(conn, fx);
                return;
            }
        };
        let promise = reply_bytes_max(&decoded.ops);
        let limit = self.messenger.config().limits.send_queue_bytes;
        let room = self.messenger.send_room(conn);
        let Some(session) = self.sessions.get_mut(&conn) else { return };
        // However large, one reply alone goes out.
        let idle = session.promised == 0 && room == limit;
        let gone = || self.messenger.peer(conn).is_none();
        if session.promised + promise > room && !idle && !gone() {
            put_back(&mut message, decoded, input_bytes, input_crc);
            session.stalled.push_front((message, came));
            self.stalled.insert(conn);
            return;
        }
        session.promised += promise;
        if head.epoch < epoch && sent < epoch {
            self.share_maps(now, conn, head.epoch.max(sent), fx);
        }
        let origin = Origin { core: self.config.core, conn, charge, promise, tid: message.tid };
        let verdict = self.check_client(conn, &decoded);
        let mut op = Box::new(ClientOp::new(origin, client, arrival, decoded));
        op.note_input(input_bytes, input_crc);
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
            self.hops.ops += 1;
            fx.push(Effect::Hop { to: core, msg: OsdHop::ClientOp(op) });
            return;
        }
        // The landing core may have had the map first, or the first map.
        let Some(view) = self.view.clone().filter(|view| op.epoch <= view.map.epoch) else {
            self.park(Parked::Op(op), fx);
            return;
        };
        let mut outs = std::mem::take(&mut self.outs);
        self.shards[slot].on_client_op(now, &view, op, &mut outs);
        self.outs = outs;
        self.perform(now, slot, fx);
    }

    /// A client that would wait with more than its share is closed, and sends again.
    fn park(&mut self, parked: Parked, fx: &mut Fx) {
        let whose = |parked: &Parked| match parked {
            Parked::Client { conn, .. } => Some(*conn),
            Parked::Op(op) => (op.origin.conn != INTERNAL).then_some(op.origin.conn),
            Parked::Peer { .. } => None,
        };
        let conn = whose(&parked);
        let others = self.parked.iter().filter(|p| conn.is_some() && whose(p) == conn).count();
        if others < WAITING_OF_ONE_MAX && self.parked.len() < WAITING_FOR_MAP_MAX {
            self.parked.push_back(parked);
            return;
        }
        match parked {
            Parked::Client { conn, .. } => self.reset_client(conn, fx),
            Parked::Op(op) if self.is_core(op.origin.core) => self.reset_client(op.origin.conn, fx),
            Parked::Op(op) => {
                let msg = OsdHop::Reset { conn: op.origin.conn };
                fx.push(Effect::Hop { to: op.origin.core, msg });
            }
            // The session sends it again when it is made anew, and peering asks again.
            Parked::Peer { .. } => {}
        }
    }

    pub(super) fn park_peer(&mut self, from: types::OsdId, message: PeerMessage, fx: &mut Fx) {
        self.park(Parked::Peer { from, message }, fx);
    }

    /// The connection is gone, and with it what its client waits for.
    pub(super) fn forget_client(&mut self, conn: ConnId) {
        self.sessions.remove(&conn);
        self.stalled.remove(&conn);
        self.parked.retain(|p| !matches!(p, Parked::Client { conn: c, .. } if *c == conn));
    }

    /// Goes on with clients that have read some of their replies.
    pub(super) fn run_stalled(&mut self, now: Now, fx: &mut Fx) {
        for conn in std::mem::take(&mut self.stalled) {
            while let Some(session) = self.sessions.get_mut(&conn)
                && let Some((message, came)) = session.stalled.pop_front()
            {
                let rest = std::mem::take(&mut session.stalled);
                self.take_client_message(now, conn, message, came, fx);
                let Some(session) = self.sessions.get_mut(&conn) else { break };
                session.stalled.extend(rest);
                if self.stalled.contains(&conn) {
                    break;
                }
            }
        }
    }

    /// A request has been answered, or will not be.
    fn settle(&mut self, origin: Origin, fx: &mut Fx) {
        self.messenger.release(origin.conn, origin.charge, fx);
        if let Some(session) = self.sessions.get_mut(&origin.conn) {
            session.promised = session.promised.saturating_sub(origin.promise);
        }
    }

    /// After a new map.
    pub(super) fn run_parked(&mut self, now: Now, fx: &mut Fx) {
        for parked in std::mem::take(&mut self.parked) {
            match parked {
                Parked::Client { conn, message, came } => {
                    self.on_client_message(now, conn, message, came, fx)
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

    pub(super) fn reply(&mut self, now: Now, origin: Origin, reply: OsdOpReply, fx: &mut Fx) {
        if self.is_core(origin.core) {
            if origin.conn == INTERNAL {
                return self.on_fetched(now, origin.tid, reply, fx);
            }
            self.settle(origin, fx);
            self.messenger.send(now, origin.conn, reply.into_message(origin.tid), fx);
        } else {
            fx.push(Effect::Hop { to: origin.core, msg: OsdHop::Reply { origin, reply } });
        }
    }

    pub(super) fn dropped(&mut self, origin: Origin, fx: &mut Fx) {
        if self.is_core(origin.core) {
            self.settle(origin, fx);
        } else {
            fx.push(Effect::Hop { to: origin.core, msg: OsdHop::Dropped { origin } });
        }
    }

    pub(super) fn reset_client(&mut self, conn: ConnId, fx: &mut Fx) {
        if self.sessions.contains_key(&conn) {
            self.forget_client(conn);
            self.messenger.close(conn, fx);
        }
    }
}

/// `op` was taken from `message`, whose data were so many bytes with this checksum: they are there again, but for
/// such as are no op's.
fn put_back(message: &mut Message, mut op: OsdOp, bytes: usize, crc: Option<u32>) {
    message.data = op.take_data();
    if let Some(crc) = crc.filter(|_| message.data.len() == bytes) {
        message.data.set_crc(crc);
    }
}

/// About what the outputs of these ops come to at most, bytes. What a read without a length comes to
/// is known only to the object.
fn reply_bytes_max(ops: &[Op]) -> usize {
    const OTHERS: u64 = 1 << 10;
    const LISTS: u64 = 256 << 10;
    const WHOLE: u64 = 32 << 20;
    const MOST: u64 = 128 << 20;
    let of = |op: &Op| match op.code {
        OpCode::READ | OpCode::SYNC_READ | OpCode::SPARSE_READ => {
            match u64::from_le_bytes(op.args[8..16].try_into().expect("8 bytes of 28")) {
                0 => WHOLE,
                len => len.min(MOST) + OTHERS,
            }
        }
        OpCode::OMAP_GET_KEYS
        | OpCode::OMAP_GET_VALS
        | OpCode::OMAP_GET_VALS_BY_KEYS
        | OpCode::GETXATTR
        | OpCode::GETXATTRS
        | OpCode::PGNLS
        | OpCode::COPY_GET => LISTS,
        _ => OTHERS,
    };
    ops.iter().map(of).sum::<u64>().min(MOST) as usize
}

enum Verdict {
    Run,
    /// Silently: the client sends it again when its map says so.
    Drop,
    Refuse(i32),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_op::tests::request_of;
    use bytes::Bytes;
    use messenger::message::Data;

    #[test]
    fn a_request_that_waits_is_read_again() {
        const CRC: u32 = 7;
        let write = |len| Op::write(0, vec![len as u8; len].into());
        for (ops, surplus) in
            [(vec![write(9)], 0), (vec![write(9), Op::stat(), write(4)], 0), (vec![write(9)], 3)]
        {
            let op = request_of(ops);
            let mut message = op.clone().into_message(1);
            // As a frame brings them.
            let mut data = message.data.to_bytes().to_vec();
            data.resize(data.len() + surplus, 0);
            message.data = Data::from(Bytes::from(data));
            message.data.set_crc(CRC);
            let bytes = message.data.len();
            let taken = OsdOp::take_from(&mut message).unwrap();
            assert!(message.data.is_empty() && taken == op);
            put_back(&mut message, taken, bytes, Some(CRC));
            assert_eq!(message.data.known_crc(), (surplus == 0).then_some(CRC));
            assert_eq!(OsdOp::take_from(&mut message).unwrap(), op);
        }
    }
}
