//! Are the other OSDs there? Core 0 asks those with which this OSD shares PGs, and tells the monitor
//! of those that do not answer. The answers also carry the read lease: a peer that answers with a
//! map no newer than ours confirms that no newer interval has begun with it.

use crate::node::{Fx, OsdHop, OsdNode};
use crate::pg::LEASE;
use messenger::messages::TypedMessage;
use messenger::messages::internal::OsdFailure;
use messenger::messages::peer::Heartbeat;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use types::node::CoreId;
use types::time::Now;
use types::{Epoch, Instant, OsdId};

const INTERVAL: Duration = Duration::from_secs(2);
/// Silence after which an OSD is reported.
const GRACE: Duration = Duration::from_secs(20);
const REPORT_AGAIN: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Peer {
    up_from: Epoch,
    first_asked: Instant,
    last_answer: Instant,
    reported_at: Instant,
    reported: bool,
}

#[derive(Debug, Default)]
pub struct Heartbeats {
    /// By core that shares PGs with them.
    neighbours: BTreeMap<CoreId, Vec<OsdId>>,
    peers: BTreeMap<OsdId, Peer>,
    next: Instant,
    lease: BTreeMap<OsdId, Instant>,
}

impl Heartbeats {
    /// OSDs that are asked.
    pub fn count(&self) -> usize {
        self.peers.len()
    }
}

impl OsdNode {
    pub(crate) fn on_neighbours(&mut self, core: CoreId, osds: Vec<OsdId>) {
        if let Some(leader) = &mut self.leader {
            let hb = &mut leader.heartbeats;
            let new = hb.neighbours.get(&core) != Some(&osds);
            hb.neighbours.insert(core, osds);
            if new {
                // Reads wait for the first answers.
                hb.next = Instant::ZERO;
            }
        }
    }

    pub(crate) fn heartbeat_tick(&mut self, now: Now, fx: &mut Fx) {
        let (Some(view), Some(leader)) = (self.view.clone(), &mut self.leader) else { return };
        let hb = &mut leader.heartbeats;
        if !view.booted || now.mono < hb.next {
            return;
        }
        hb.next = now.mono + INTERVAL;
        let wanted: BTreeSet<OsdId> = hb.neighbours.values().flatten().copied().collect();
        hb.peers.retain(|osd, _| wanted.contains(osd) && view.map.is_up(*osd));
        let mut reports = Vec::new();
        let mut ask = Vec::new();
        for osd in wanted.into_iter().filter(|o| view.map.is_up(*o)) {
            let up_from = view.map.info_of(osd).map_or(Epoch(0), |i| i.up_from);
            let fresh = || Peer {
                up_from,
                first_asked: now.mono,
                last_answer: Instant::ZERO,
                reported_at: Instant::ZERO,
                reported: false,
            };
            let peer = hb.peers.entry(osd).or_insert_with(fresh);
            if peer.up_from != up_from {
                *peer = fresh();
            }
            let silent = now.mono.since(peer.last_answer.max(peer.first_asked));
            if silent > GRACE && now.mono.since(peer.reported_at) >= REPORT_AGAIN {
                peer.reported = true;
                peer.reported_at = now.mono;
                reports.push((osd, up_from, silent, false));
            }
            ask.push(osd);
        }
        for (osd, up_from, silent, alive) in reports {
            self.report(now, osd, up_from, silent, alive, fx);
        }
        let beat = Heartbeat { reply: false, epoch: self.history.epoch(), stamp: now.mono.0 };
        for osd in ask {
            self.send_peer_osd(now, osd, beat.into_message(0), fx);
        }
    }

    fn report(
        &mut self,
        now: Now,
        target: OsdId,
        up_from: Epoch,
        silent: Duration,
        alive: bool,
        fx: &mut Fx,
    ) {
        let report = OsdFailure {
            target,
            reporter: self.me,
            epoch: self.history.epoch(),
            failed_for_ms: silent.as_millis() as u64,
            alive,
            target_up_from: up_from,
        };
        self.send_mon(now, report.into_message(0), fx);
    }

    /// Nobody listens at its address: it is gone, there is no need to wait.
    pub(crate) fn on_peer_refused(&mut self, now: Now, osd: OsdId, fx: &mut Fx) {
        let Some(view) = &self.view else { return };
        if !view.booted || !view.map.is_up(osd) {
            return;
        }
        let up_from = view.map.info_of(osd).map_or(Epoch(0), |i| i.up_from);
        let Some(leader) = &mut self.leader else { return };
        if let Some(peer) = leader.heartbeats.peers.get_mut(&osd) {
            if now.mono.since(peer.reported_at) < Duration::from_secs(1) && peer.reported {
                return;
            }
            peer.reported = true;
            peer.reported_at = now.mono;
        }
        self.report(now, osd, up_from, GRACE + INTERVAL, false, fx);
    }

    pub(crate) fn on_heartbeat_reply(
        &mut self,
        now: Now,
        osd: OsdId,
        beat: Heartbeat,
        fx: &mut Fx,
    ) {
        let epoch = self.history.epoch();
        let Some(leader) = &mut self.leader else { return };
        let hb = &mut leader.heartbeats;
        let Some(peer) = hb.peers.get_mut(&osd) else { return };
        peer.last_answer = now.mono;
        let back = std::mem::take(&mut peer.reported);
        let up_from = peer.up_from;
        // A newer map there may have begun an interval of which we do not know.
        if beat.epoch <= epoch {
            hb.lease.insert(osd, Instant(beat.stamp) + LEASE);
            let lease = hb.lease.clone();
            self.to_others(fx, || OsdHop::Lease(lease.clone()));
            self.on_lease(now, lease, fx);
        }
        if back {
            self.report(now, osd, up_from, Duration::ZERO, true, fx);
        }
    }
}
