//! Sessions with other OSDs. Each core dials those with which its PGs have to do.

use super::{Fx, OsdHop, OsdNode};
use messenger::auth::ClientAuth;
use messenger::message::Message;
use messenger::messages::peer::PeerMessage;
use messenger::table::{CloseCause, Policy};
use std::collections::BTreeMap;
use std::time::Duration;
use types::node::{CloseReason, ConnId, Effect};
use types::time::Now;
use types::{EntityAddrVec, EntityKind, FixedMap, Instant, OsdId};

/// After a session was lost.
const REDIAL: Duration = Duration::from_millis(250);
const ECONNREFUSED: i32 = 111;

#[derive(Debug, Default)]
pub(super) struct Peers {
    pub credentials: Option<ClientAuth>,
    by_osd: BTreeMap<OsdId, PeerConn>,
    by_conn: FixedMap<ConnId, OsdId>,
}

#[derive(Debug)]
struct PeerConn {
    addrs: EntityAddrVec,
    conn: Option<ConnId>,
    redial_at: Instant,
    /// What was sent may not have arrived; the PGs are to send it again.
    lost: bool,
}

impl Peers {
    pub(super) fn osd_of(&self, conn: ConnId) -> Option<OsdId> {
        self.by_conn.get(&conn).copied()
    }
    pub(super) fn any_waiting(&self) -> bool {
        self.by_osd.values().any(|p| p.lost)
    }
}

impl OsdNode {
    pub(crate) fn send_peer(&mut self, now: Now, to: OsdId, message: Message, fx: &mut Fx) {
        if let Some(conn) = self.peer_conn(now, to, fx) {
            self.messenger.send(now, conn, message, fx);
        }
    }

    /// The session with an OSD that is up, dialled if need be.
    fn peer_conn(&mut self, now: Now, osd: OsdId, fx: &mut Fx) -> Option<ConnId> {
        let addrs = self.view.as_ref()?.map.cluster_addrs(osd)?;
        if let Some(peer) = self.peers.by_osd.get(&osd) {
            if peer.addrs == *addrs {
                if peer.conn.is_some() {
                    return peer.conn;
                }
                if now.mono < peer.redial_at {
                    return None;
                }
            } else if let Some(old) = peer.conn {
                self.peers.by_conn.remove(&old);
                self.messenger.close(old, fx);
            }
        }
        let addrs = addrs.clone();
        let credentials = self.peers.credentials.clone()?;
        let kind = EntityKind::Osd;
        let conn = self.messenger.connect(now, &addrs, kind, Policy::Lossy, credentials, fx);
        self.peers.by_conn.insert(conn, osd);
        let peer = PeerConn { addrs, conn: Some(conn), redial_at: Instant::ZERO, lost: false };
        self.peers.by_osd.insert(osd, peer);
        Some(conn)
    }

    pub(super) fn on_peer_closed(&mut self, now: Now, conn: ConnId, why: CloseCause, fx: &mut Fx) {
        let Some(osd) = self.peers.by_conn.remove(&conn) else { return };
        if let Some(peer) = self.peers.by_osd.get_mut(&osd)
            && peer.conn == Some(conn)
        {
            peer.conn = None;
            peer.redial_at = now.mono + REDIAL;
            peer.lost = true;
            self.tick_at = self.tick_at.min(now.mono + REDIAL);
        }
        if why == CloseCause::Transport(CloseReason::Os(ECONNREFUSED)) {
            self.on_peer_refused(now, osd, fx);
        }
    }

    pub(super) fn redial_peers(&mut self, now: Now, fx: &mut Fx) {
        let due = |p: &PeerConn| p.lost && now.mono >= p.redial_at;
        let osds: Vec<OsdId> =
            self.peers.by_osd.iter().filter(|(_, p)| due(p)).map(|(o, _)| *o).collect();
        for osd in osds {
            if let Some(peer) = self.peers.by_osd.get_mut(&osd) {
                peer.lost = false;
            }
            self.each_shard(now, fx, |shard, now, view, out| {
                shard.on_peer_reset(now, view, osd, out)
            });
        }
    }

    pub(super) fn on_peer_message(&mut self, now: Now, from: OsdId, message: Message, fx: &mut Fx) {
        let Ok(pg) = PeerMessage::peek_pg(&message) else { return };
        let (core, _) = self.place_of(pg);
        if !self.is_core(core) {
            fx.push(Effect::Hop { to: core, msg: OsdHop::Peer { from, message } });
            return;
        }
        if let Ok(message) = PeerMessage::decode(&message) {
            self.run_peer(now, from, message, fx);
        }
    }

    pub(super) fn run_peer(&mut self, now: Now, from: OsdId, message: PeerMessage, fx: &mut Fx) {
        let Some(view) = self.view.clone() else { return };
        if message.epoch > view.map.epoch {
            self.park_peer(from, message);
            return;
        }
        if !view.booted {
            return;
        }
        let (_, slot) = self.place_of(message.pg);
        let mut outs = std::mem::take(&mut self.outs);
        self.shards[slot].on_peer(now, &view, from, message, &mut outs);
        self.outs = outs;
        self.perform(now, slot, fx);
    }
}
