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

    fn dialled(&mut self, osd: OsdId, addrs: EntityAddrVec, conn: ConnId) {
        self.by_conn.insert(conn, osd);
        // Some message may have it dialled before the PGs heard of the loss: they still are to.
        let lost = self.by_osd.get(&osd).is_some_and(|p| p.lost);
        let peer = PeerConn { addrs, conn: Some(conn), redial_at: Instant::ZERO, lost };
        self.by_osd.insert(osd, peer);
    }

    /// The OSD whose session this was, if it was one.
    fn closed(&mut self, now: Now, conn: ConnId) -> Option<OsdId> {
        let osd = self.by_conn.remove(&conn)?;
        if let Some(peer) = self.by_osd.get_mut(&osd)
            && peer.conn == Some(conn)
        {
            peer.conn = None;
            peer.redial_at = now.mono + REDIAL;
            peer.lost = true;
        }
        Some(osd)
    }

    /// OSDs of which the PGs are to hear now that what they sent may not have arrived.
    fn take_lost(&mut self, now: Now) -> Vec<OsdId> {
        let due = self.by_osd.iter_mut().filter(|(_, p)| p.lost && now.mono >= p.redial_at);
        due.map(|(osd, peer)| {
            peer.lost = false;
            *osd
        })
        .collect()
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
        self.peers.dialled(osd, addrs, conn);
        Some(conn)
    }

    pub(super) fn on_peer_closed(&mut self, now: Now, conn: ConnId, why: CloseCause, fx: &mut Fx) {
        let Some(osd) = self.peers.closed(now, conn) else { return };
        if self.peers.by_osd.get(&osd).is_some_and(|p| p.lost) {
            self.tick_at = self.tick_at.min(now.mono + REDIAL);
        }
        if why == CloseCause::Transport(CloseReason::Os(ECONNREFUSED)) {
            self.on_peer_refused(now, osd, fx);
        }
    }

    pub(super) fn redial_peers(&mut self, now: Now, fx: &mut Fx) {
        for osd in self.peers.take_lost(now) {
            self.each_shard(now, fx, |shard, now, view, out| {
                shard.on_peer_reset(now, view, osd, out)
            });
        }
    }

    pub(super) fn on_peer_message(&mut self, now: Now, from: OsdId, message: Message, fx: &mut Fx) {
        let Ok(pg) = PeerMessage::peek_pg(&message) else { return };
        let (core, _) = self.place_of(pg);
        if !self.is_core(core) {
            self.hops.peers += 1;
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
            self.park_peer(from, message, fx);
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

#[cfg(test)]
mod tests {
    use super::*;
    use types::UTime;

    #[test]
    fn a_lost_session_is_told_of_although_it_is_dialled_before() {
        let at =
            |ms| Now { mono: Instant::ZERO + Duration::from_millis(ms), wall: UTime::default() };
        let mut peers = Peers::default();
        peers.dialled(OsdId(3), EntityAddrVec::default(), ConnId(1));
        assert_eq!(peers.take_lost(at(0)), []);
        assert_eq!(peers.closed(at(0), ConnId(1)), Some(OsdId(3)));
        assert_eq!(peers.take_lost(at(249)), []);
        peers.dialled(OsdId(3), EntityAddrVec::default(), ConnId(2));
        assert!(peers.any_waiting());
        assert_eq!(peers.take_lost(at(250)), [OsdId(3)]);
        assert_eq!(peers.take_lost(at(250)), []);
    }
}
