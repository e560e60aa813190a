//! Sessions with other OSDs. Each core dials those with which its PGs have to do.
//!
//! First at the map's address, which any core of the peer may accept. The peer says there where each of
//! its cores listens ([`OsdCores`]), and messages about a PG go to the core that serves it, so that nothing
//! hops. What is sent before waits for that: the messages of a PG stay in order, as they never change to
//! another session but by a loss, of which the PGs hear. docs/design/0006

use super::{Fx, OsdHop, OsdNode, log};
use messenger::auth::ClientAuth;
use messenger::message::Message;
use messenger::messages::peer::{OsdCores, PeerMessage};
use messenger::table::{CloseCause, Messenger, Policy};
use std::collections::BTreeMap;
use std::time::Duration;
use types::node::{CloseReason, ConnId, Effect, LogLevel};
use types::shard::CoreAddrs;
use types::time::Now;
use types::{EntityAddrVec, EntityKind, FixedMap, Instant, OsdId, PgId};

/// After a session was lost.
const REDIAL: Duration = Duration::from_millis(250);
/// From a ready session at the map's address until the peer has said where its cores listen.
const SAYS_WITHIN: Duration = Duration::from_secs(2);
/// From dialling a core until its session is ready. What does not let us through to cores' ports mostly
/// drops what we send. Longer than RDMA is waited for before TCP is tried.
const READY_WITHIN: Duration = Duration::from_secs(5);
/// A core that was not reached is not dialled for so long, unless its OSD boots again.
const AVOID: Duration = Duration::from_secs(600);
const ECONNREFUSED: i32 = 111;

#[derive(Debug, Default)]
pub(super) struct Peers {
    pub credentials: Option<ClientAuth>,
    by_osd: BTreeMap<OsdId, Peer>,
    by_conn: FixedMap<ConnId, (OsdId, Line)>,
}

/// Which of the sessions with one OSD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// At the map's address.
    Map,
    Core(u16),
}

#[derive(Debug)]
struct Peer {
    /// In the map.
    addrs: EntityAddrVec,
    /// The session at that address. Core 0 keeps it for heartbeats.
    map: Option<ConnId>,
    cores: BTreeMap<u16, CoreConn>,
    way: Way,
    redial_at: Instant,
    /// What was sent may not have arrived; the PGs are to send it again.
    lost: bool,
    /// Cores that were not reached, each until when it is not dialled: what is for them goes to the map's
    /// address. The list changes only while there is no session, or messages would overtake each other.
    avoided: BTreeMap<u16, Instant>,
}

#[derive(Debug)]
struct CoreConn {
    conn: ConnId,
    /// [`Instant::NEVER`] once it is ready.
    ready_until: Instant,
}

/// By which sessions messages about PGs go.
#[derive(Debug)]
enum Way {
    /// None: all is closed.
    Closed,
    /// The peer has yet to say where its cores listen: until then from a ready session on.
    Asked {
        until: Instant,
        waiting: Vec<(PgId, Message)>,
        /// Of those.
        bytes: usize,
    },
    Map,
    Cores(CoreAddrs),
}

/// Where a message goes.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Session(ConnId),
    Dial(u16),
    /// It waits until the way is known: [`Peers::keep`].
    Nowhere,
}

impl Peers {
    pub(super) fn osd_of(&self, conn: ConnId) -> Option<OsdId> {
        self.by_conn.get(&conn).map(|(osd, _)| *osd)
    }
    /// Something is due soon.
    pub(super) fn any_waiting(&self) -> bool {
        let opens = |p: &Peer| {
            matches!(p.way, Way::Asked { .. })
                || p.cores.values().any(|c| c.ready_until != Instant::NEVER)
        };
        self.by_osd.values().any(|p| p.lost || opens(p))
    }

    /// The map's address of a peer with which there is no session.
    fn dialled(&mut self, now: Now, osd: OsdId, addrs: EntityAddrVec, conn: ConnId) {
        self.by_conn.insert(conn, (osd, Line::Map));
        let before = self.by_osd.remove(&osd);
        // Some message may have it dialled before the PGs heard of the loss: they still are to.
        let lost = before.as_ref().is_some_and(|p| p.lost);
        let same = before.filter(|p| p.addrs == addrs);
        let mut avoided = same.map_or_else(BTreeMap::new, |p| p.avoided);
        avoided.retain(|_, until| now.mono < *until);
        let way = Way::Asked { until: Instant::NEVER, waiting: Vec::new(), bytes: 0 };
        let (map, cores, redial_at) = (Some(conn), BTreeMap::new(), Instant::ZERO);
        self.by_osd.insert(osd, Peer { addrs, map, cores, way, redial_at, lost, avoided });
    }

    fn core_dialled(&mut self, now: Now, osd: OsdId, core: u16, conn: ConnId) {
        let Some(peer) = self.by_osd.get_mut(&osd) else { return };
        self.by_conn.insert(conn, (osd, Line::Core(core)));
        peer.cores.insert(core, CoreConn { conn, ready_until: now.mono + READY_WITHIN });
    }

    pub(super) fn on_ready(&mut self, now: Now, conn: ConnId) {
        let Some((osd, line)) = self.by_conn.get(&conn).copied() else { return };
        let Some(peer) = self.by_osd.get_mut(&osd) else { return };
        match (line, &mut peer.way) {
            (Line::Map, Way::Asked { until, .. }) => *until = now.mono + SAYS_WITHIN,
            (Line::Map, _) => {}
            (Line::Core(core), _) => {
                if let Some(core) = peer.cores.get_mut(&core) {
                    core.ready_until = Instant::NEVER;
                }
            }
        }
    }

    /// `None` where all is closed.
    fn next(&self, osd: OsdId, pg: PgId) -> Option<Next> {
        let peer = self.by_osd.get(&osd)?;
        let cores = match &peer.way {
            Way::Closed => return None,
            Way::Asked { .. } => return Some(Next::Nowhere),
            Way::Map => return peer.map.map(Next::Session),
            Way::Cores(cores) => cores,
        };
        let core = cores.core_of(pg);
        if peer.avoided.contains_key(&core) {
            return peer.map.map(Next::Session);
        }
        let conn = peer.cores.get(&core).map(|core| core.conn);
        Some(conn.map_or(Next::Dial(core), Next::Session))
    }

    /// Until the way is known. False if more than `bytes_max`, what a session may queue, would wait.
    fn keep(&mut self, osd: OsdId, pg: PgId, message: Message, bytes_max: usize) -> bool {
        let way = self.by_osd.get_mut(&osd).map(|peer| &mut peer.way);
        let Some(Way::Asked { waiting, bytes, .. }) = way else { return true };
        *bytes += message.front.len() + message.data.len();
        let fits = *bytes <= bytes_max;
        if fits {
            waiting.push((pg, message));
        }
        fits
    }

    /// The way to a peer is known: what has waited for it.
    fn decide(&mut self, osd: OsdId, way: Way) -> Vec<(PgId, Message)> {
        let Some(peer) = self.by_osd.get_mut(&osd) else { return Vec::new() };
        match std::mem::replace(&mut peer.way, way) {
            Way::Asked { waiting, .. } => waiting,
            _ => Vec::new(),
        }
    }

    /// Which peer has said on this session where its cores listen, and how messages go there from now on.
    /// It is asked once.
    fn told(&self, conn: ConnId, said: OsdCores) -> Option<(OsdId, Way)> {
        let (osd, line) = self.by_conn.get(&conn).copied()?;
        let peer = self.by_osd.get(&osd)?;
        if line != Line::Map || !matches!(peer.way, Way::Asked { .. }) {
            return None;
        }
        let cores = CoreAddrs::new(said.store_shards, said.addrs);
        let cores = cores.filter(|cores| !cores.is_only(&peer.addrs));
        Some((osd, cores.map_or(Way::Map, Way::Cores)))
    }

    /// Peers that have not said where their cores listen, and cores that were not reached.
    fn late(&self, now: Now) -> (Vec<OsdId>, Vec<(OsdId, u16)>) {
        let silent = |p: &Peer| matches!(p.way, Way::Asked { until, .. } if until <= now.mono);
        let all = self.by_osd.iter();
        let silent = all.clone().filter(|(_, p)| silent(p)).map(|(osd, _)| *osd).collect();
        let cores = all.flat_map(|(osd, p)| p.cores.iter().map(move |core| (*osd, core)));
        let unreached = cores.filter(|(_, (_, core))| core.ready_until <= now.mono);
        (silent, unreached.map(|(osd, (core, _))| (osd, *core)).collect())
    }

    /// A session is gone: so are all others with this OSD, which are returned to be closed.
    fn lose(&mut self, now: Now, osd: OsdId) -> Vec<ConnId> {
        let Some(peer) = self.by_osd.get_mut(&osd) else { return Vec::new() };
        peer.redial_at = now.mono + REDIAL;
        peer.lost = true;
        self.hang_up(osd)
    }

    /// Whether this session with a core was not ready yet.
    fn was_unreached(&self, osd: OsdId, core: u16) -> bool {
        let conn = self.by_osd.get(&osd).and_then(|peer| peer.cores.get(&core));
        conn.is_some_and(|core| core.ready_until != Instant::NEVER)
    }

    fn avoid(&mut self, now: Now, osd: OsdId, core: u16) {
        if let Some(peer) = self.by_osd.get_mut(&osd) {
            peer.avoided.insert(core, now.mono + AVOID);
        }
    }

    /// The sessions with an OSD, to be closed.
    fn hang_up(&mut self, osd: OsdId) -> Vec<ConnId> {
        let Some(peer) = self.by_osd.get_mut(&osd) else { return Vec::new() };
        peer.way = Way::Closed;
        let cores = std::mem::take(&mut peer.cores).into_values().map(|core| core.conn);
        let conns: Vec<_> = peer.map.take().into_iter().chain(cores).collect();
        for conn in &conns {
            self.by_conn.remove(conn);
        }
        conns
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

fn close(messenger: &mut Messenger, conns: Vec<ConnId>, fx: &mut Fx) {
    conns.into_iter().for_each(|conn| messenger.close(conn, fx));
}

impl OsdNode {
    /// About a PG: to the core of the peer that serves it, if that is known.
    pub(crate) fn send_peer(
        &mut self,
        now: Now,
        to: OsdId,
        pg: PgId,
        message: Message,
        fx: &mut Fx,
    ) {
        if !self.reach(now, to, fx) {
            return;
        }
        let conn = match self.peers.next(to, pg) {
            Some(Next::Session(conn)) => Some(conn),
            Some(Next::Dial(core)) => self.dial_core(now, to, core, fx),
            Some(Next::Nowhere) => {
                let bytes_max = self.config.limits.send_queue_bytes;
                if !self.peers.keep(to, pg, message, bytes_max) {
                    self.lose_peer(now, to, fx);
                }
                return;
            }
            None => None,
        };
        if let Some(conn) = conn {
            self.messenger.send(now, conn, message, fx);
        }
    }

    /// About the OSD: to any of its cores. Core 0 only.
    pub(crate) fn send_peer_osd(&mut self, now: Now, to: OsdId, message: Message, fx: &mut Fx) {
        if self.reach(now, to, fx)
            && let Some(conn) = self.peers.by_osd.get(&to).and_then(|peer| peer.map)
        {
            self.messenger.send(now, conn, message, fx);
        }
    }

    /// Whether there are sessions with an OSD that is up, the first one dialled if need be.
    fn reach(&mut self, now: Now, osd: OsdId, fx: &mut Fx) -> bool {
        let addrs = self.view.as_ref().and_then(|view| view.map.cluster_addrs(osd));
        let Some(addrs) = addrs else { return false };
        if let Some(peer) = self.peers.by_osd.get(&osd) {
            let closed = matches!(peer.way, Way::Closed);
            if peer.addrs != *addrs {
                close(&mut self.messenger, self.peers.hang_up(osd), fx);
            } else if !closed || now.mono < peer.redial_at {
                return !closed;
            }
        }
        let addrs = addrs.clone();
        let Some(conn) = self.dial(now, &addrs, fx) else { return false };
        self.peers.dialled(now, osd, addrs, conn);
        true
    }

    fn dial_core(&mut self, now: Now, osd: OsdId, core: u16, fx: &mut Fx) -> Option<ConnId> {
        let Way::Cores(cores) = &self.peers.by_osd.get(&osd)?.way else { return None };
        let addrs = cores.addrs_of(core)?.clone();
        let conn = self.dial(now, &addrs, fx)?;
        self.peers.core_dialled(now, osd, core, conn);
        Some(conn)
    }

    fn dial(&mut self, now: Now, addrs: &EntityAddrVec, fx: &mut Fx) -> Option<ConnId> {
        let credentials = self.peers.credentials.clone()?;
        self.wake_at(now.mono + REDIAL);
        let kind = EntityKind::Osd;
        Some(self.messenger.connect(now, addrs, kind, Policy::Lossy, credentials, fx))
    }

    /// An OSD has said where its cores listen.
    pub(super) fn on_cores(&mut self, now: Now, conn: ConnId, said: OsdCores, fx: &mut Fx) {
        let Some((osd, way)) = self.peers.told(conn, said) else { return };
        let to_cores = matches!(way, Way::Cores(_));
        let waiting = self.peers.decide(osd, way);
        if to_cores
            && self.leader.is_none()
            && let Some(peer) = self.peers.by_osd.get_mut(&osd)
            && peer.avoided.is_empty()
        {
            peer.map = None;
            self.peers.by_conn.remove(&conn);
            self.messenger.close(conn, fx);
        }
        waiting.into_iter().for_each(|(pg, message)| self.send_peer(now, osd, pg, message, fx));
    }

    /// What we say to an OSD that has dialled us.
    pub(super) fn cores_of_ours(&self) -> OsdCores {
        let store_shards = self.config.superblock.shards as u32;
        OsdCores { store_shards, addrs: self.config.core_addrs.clone() }
    }

    fn lose_core(&mut self, now: Now, osd: OsdId, core: u16, fx: &mut Fx) {
        let text = format!(
            "core {core} of osd.{osd} does not answer at its own port: messages for it go to the address in the map"
        );
        log(fx, LogLevel::Warn, text);
        self.peers.avoid(now, osd, core);
        self.lose_peer(now, osd, fx);
    }

    fn lose_peer(&mut self, now: Now, osd: OsdId, fx: &mut Fx) {
        close(&mut self.messenger, self.peers.lose(now, osd), fx);
        self.wake_at(now.mono + REDIAL);
    }

    pub(super) fn on_peer_closed(&mut self, now: Now, conn: ConnId, why: CloseCause, fx: &mut Fx) {
        let Some((osd, line)) = self.peers.by_conn.get(&conn).copied() else { return };
        match line {
            Line::Core(core) if self.peers.was_unreached(osd, core) => {
                self.lose_core(now, osd, core, fx)
            }
            _ => self.lose_peer(now, osd, fx),
        }
        // A core's port may be closed to us alone.
        if why == CloseCause::Transport(CloseReason::Os(ECONNREFUSED)) && line == Line::Map {
            self.on_peer_refused(now, osd, fx);
        }
    }

    /// What is due with time.
    pub(super) fn peers_tick(&mut self, now: Now, fx: &mut Fx) {
        let (silent, unreached) = self.peers.late(now);
        for osd in silent {
            let waiting = self.peers.decide(osd, Way::Map);
            waiting.into_iter().for_each(|(pg, message)| self.send_peer(now, osd, pg, message, fx));
        }
        for (osd, core) in unreached {
            self.lose_core(now, osd, core, fx);
        }
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
    use types::{EntityAddr, PoolId, UTime};

    const OSD: OsdId = OsdId(3);
    const MAP: ConnId = ConnId(1);
    const ROOM: usize = 1 << 20;

    fn at(ms: u64) -> Now {
        Now { mono: Instant::ZERO + Duration::from_millis(ms), wall: UTime::default() }
    }
    fn addr(port: u16) -> EntityAddrVec {
        EntityAddrVec::one(EntityAddr::msgr2(([10, 0, 0, 3], port).into(), 7))
    }
    fn two_cores() -> OsdCores {
        OsdCores { store_shards: 8, addrs: vec![addr(6801), addr(6802)] }
    }
    fn pg(seed: u32) -> PgId {
        PgId { pool: PoolId(1), seed }
    }
    fn numbered(tid: u64) -> Message {
        Message { tid, front: vec![0; 100].into(), ..Message::default() }
    }
    fn next(peers: &Peers, seed: u32) -> Option<Next> {
        peers.next(OSD, pg(seed))
    }
    fn kept(peers: &mut Peers, seed: u32, tid: u64) -> bool {
        next(peers, seed) == Some(Next::Nowhere) && peers.keep(OSD, pg(seed), numbered(tid), ROOM)
    }
    fn dialled() -> Peers {
        let mut peers = Peers::default();
        peers.dialled(at(0), OSD, addr(6800), MAP);
        peers
    }

    #[test]
    fn a_lost_session_is_told_of_although_it_is_dialled_before() {
        let mut peers = dialled();
        assert_eq!(peers.take_lost(at(0)), []);
        assert_eq!(peers.lose(at(0), OSD), [MAP]);
        assert_eq!((peers.osd_of(MAP), next(&peers, 0)), (None, None));
        assert_eq!(peers.take_lost(at(249)), []);
        peers.dialled(at(249), OSD, addr(6800), ConnId(2));
        assert!(peers.any_waiting());
        assert_eq!(peers.take_lost(at(250)), [OSD]);
        assert_eq!(peers.take_lost(at(250)), []);
    }

    #[test]
    fn messages_wait_in_order_until_the_peer_has_said_where_its_cores_listen() {
        let mut peers = dialled();
        for tid in 1..4 {
            assert!(kept(&mut peers, tid as u32 % 2, tid));
        }
        peers.on_ready(at(5), MAP);
        let Some((OSD, way)) = peers.told(MAP, two_cores()) else { panic!("it was asked") };
        let waited = peers.decide(OSD, way);
        let waited: Vec<_> = waited.iter().map(|(pg, msg)| (pg.seed, msg.tid)).collect();
        assert_eq!(waited, [(1, 1), (0, 2), (1, 3)]);
        assert!(peers.told(MAP, two_cores()).is_none(), "it is asked once");
        let cores = CoreAddrs::new(8, two_cores().addrs).unwrap();
        for seed in 0..8 {
            let core = cores.core_of(pg(seed));
            let conn = ConnId(10 + core as u64);
            let first = peers.osd_of(conn).is_none();
            if first {
                assert_eq!(next(&peers, seed), Some(Next::Dial(core)));
                peers.core_dialled(at(6), OSD, core, conn);
            }
            assert_eq!(next(&peers, seed), Some(Next::Session(conn)));
        }
        assert!(peers.any_waiting());
        for conn in [10, 11] {
            peers.on_ready(at(7), ConnId(conn));
        }
        assert!(!peers.any_waiting());
        assert_eq!(peers.late(at(60_000)), (vec![], vec![]));
        // What one of them has lost may be of any PG that it served; all begin again.
        assert_eq!(peers.lose(at(8), OSD), [MAP, ConnId(10), ConnId(11)]);
        assert_eq!(peers.osd_of(ConnId(11)), None);
    }

    #[test]
    fn what_names_no_other_cores_leaves_the_address_in_the_map() {
        let said = |store_shards, addrs| OsdCores { store_shards, addrs };
        let legacy = EntityAddrVec::default();
        for said in [
            said(8, vec![]),
            said(8, vec![addr(6800)]),
            said(1, vec![addr(6801), addr(6802)]),
            said(6, vec![addr(6801), addr(6802)]),
            said(1 << 16, vec![addr(6801), addr(6802)]),
            said(8, vec![addr(6801), legacy]),
            said(8, vec![addr(6801), addr(0)]),
        ] {
            let mut peers = dialled();
            let Some((_, way)) = peers.told(MAP, said) else { panic!("it was asked") };
            peers.decide(OSD, way);
            assert_eq!(next(&peers, 0), Some(Next::Session(MAP)));
        }
    }

    #[test]
    fn a_peer_that_says_nothing_is_not_waited_for_and_too_much_does_not_wait() {
        let mut peers = dialled();
        assert_eq!(peers.late(at(60_000)), (vec![], vec![]), "it is not there yet");
        peers.on_ready(at(1000), MAP);
        assert!(kept(&mut peers, 0, 1));
        assert_eq!(peers.late(at(2999)), (vec![], vec![]));
        assert_eq!(peers.late(at(3000)), (vec![OSD], vec![]));
        assert_eq!(peers.decide(OSD, Way::Map).len(), 1);
        assert_eq!(next(&peers, 0), Some(Next::Session(MAP)));
        assert!(peers.told(MAP, two_cores()).is_none(), "what was sent would be overtaken");
        let mut peers = dialled();
        let mut keep = || peers.keep(OSD, pg(0), numbered(1), 250);
        assert_eq!([keep(), keep(), keep()], [true, true, false]);
    }

    #[test]
    fn a_core_that_is_not_reached_is_left_alone_until_the_peer_boots_again() {
        let cores = CoreAddrs::new(8, two_cores().addrs).unwrap();
        let [seed, other] =
            [1, 0].map(|core| (0..8).find(|n| cores.core_of(pg(*n)) == core).unwrap());
        let tell = |peers: &mut Peers, conn| {
            let Some((_, way)) = peers.told(conn, two_cores()) else { panic!("it was asked") };
            peers.decide(OSD, way);
        };
        let mut peers = dialled();
        tell(&mut peers, MAP);
        peers.core_dialled(at(0), OSD, 1, ConnId(11));
        assert!(peers.was_unreached(OSD, 1) && !peers.was_unreached(OSD, 0));
        assert_eq!(peers.late(at(4999)).1, []);
        assert_eq!(peers.late(at(5000)).1, [(OSD, 1)]);
        for (ms, port, avoided) in
            [(600_999, 6800, true), (601_000, 6800, false), (2000, 6900, false)]
        {
            peers.by_osd.get_mut(&OSD).unwrap().addrs = addr(6800);
            peers.avoid(at(1000), OSD, 1);
            peers.lose(at(ms), OSD);
            peers.dialled(at(ms), OSD, addr(port), ConnId(2));
            tell(&mut peers, ConnId(2));
            let expected = if avoided { Next::Session(ConnId(2)) } else { Next::Dial(1) };
            assert_eq!(next(&peers, seed), Some(expected), "after {ms} ms at {port}");
            assert_eq!(next(&peers, other), Some(Next::Dial(0)));
        }
    }
}
