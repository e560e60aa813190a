//! How connections end: what was sent is still sent, the queue pair is drained, all is given back.

use super::Event;
use super::engine::Rdma;
use super::link::{HELD, Key, Landing, State, Wire, Work};
use super::stream::Freed;
use super::verbs::Context;
use std::time::Duration;
use types::node::{CloseReason, ConnId};
use types::time::Instant;

/// How long a closed connection may take to send what was queued.
const LINGER: Duration = Duration::from_millis(800);
/// How long a failed queue pair may take to say that all of it has ended.
const DRAIN: Duration = Duration::from_millis(500);

/// Whether the port carries anything now: its event may come later than the failure of what was under
/// way.
fn can_tell(context: &Context) -> bool {
    context.port_state().is_some_and(|port| port.is_active)
}

impl Rdma {
    /// The node wants no more of it; what it sent before is still sent.
    pub fn close(&mut self, conn: ConnId, now: Instant) {
        self.now = now;
        let Some(key) = self.by_conn.remove(&conn) else { return };
        self.events.retain(|event| event.conn() != Some(conn));
        let Some(link) = self.links[key as usize].as_mut() else { return };
        match (&link.state, &mut link.stream) {
            (State::Open, Some(stream)) => {
                stream.finish();
                link.state = State::Lingering;
                link.recv = None;
                self.set_deadline(key, Some(now + LINGER));
                self.touch(key);
            }
            (State::Draining, _) => {}
            _ => self.drain(key),
        }
    }

    pub(super) fn set_deadline(&mut self, key: Key, at: Option<Instant>) {
        let Some(link) = self.links[key as usize].as_mut() else { return };
        if let Some(old) = link.deadline.take() {
            self.deadlines.remove(&(old, key));
        }
        link.deadline = at;
        if let Some(at) = at {
            self.deadlines.insert((at, key));
        }
    }

    pub(super) fn on_deadline(&mut self, key: Key) {
        let Some(link) = self.links[key as usize].as_mut() else { return };
        link.deadline = None;
        match &link.state {
            State::Opening(_) => self.opening_failed(key, true),
            State::Lingering => self.drain(key),
            // Whatever is still under way ends with the queue pair.
            State::Draining => self.remove(key),
            State::Open => {}
        }
    }

    /// The connection is of no more use: the node is told, once, if it has it.
    pub(super) fn broke(&mut self, key: Key, errno: i32) {
        let Some(link) = self.links[key as usize].as_mut() else { return };
        match &link.state {
            State::Opening(_) => self.opening_failed(key, false),
            State::Open => {
                let (conn, reason) = (link.conn, CloseReason::Os(errno));
                self.events.push_back(Event::Closed { conn, reason });
                self.drain(key);
            }
            State::Lingering => self.drain(key),
            State::Draining => {}
        }
    }

    /// The peer is gone. What it sent before, with an end behind it, is still the node's.
    pub(super) fn peer_gone(&mut self, key: Key) {
        self.reap_all();
        let Some(link) = self.links[key as usize].as_ref() else { return };
        let has_ended = link.stream.as_ref().is_some_and(|s| s.has_ended());
        if !(has_ended && link.state == State::Open) {
            self.broke(key, libc::ECONNRESET);
        }
    }

    /// Makes the queue pair fail, so that everything under way on it ends.
    pub(super) fn drain(&mut self, key: Key) {
        let Some(link) = self.links[key as usize].as_mut() else { return };
        if self.by_conn.get(&link.conn) == Some(&key) {
            self.by_conn.remove(&link.conn);
        }
        link.recv = None;
        link.state = State::Draining;
        if let Wire::Cm(id) = &link.wire
            && can_tell(&self.context)
        {
            id.disconnect();
        }
        let Some(pair) = &link.pair else { return self.remove(key) };
        pair.fail();
        self.set_deadline(key, Some(self.now + DRAIN));
        self.end_drain(key);
    }

    /// Takes the queue pair down once nothing is under way on it.
    pub(super) fn end_drain(&mut self, key: Key) {
        if let Some(link) = self.links[key as usize].as_ref()
            && link.state == State::Draining
            && link.is_drained
            && link.works.is_empty()
        {
            self.remove(key);
        }
    }

    /// Frees a connection with all that it holds.
    pub(super) fn remove(&mut self, key: Key) {
        self.set_deadline(key, None);
        let Some(mut link) = self.links[key as usize].take() else { return };
        if self.by_conn.get(&link.conn) == Some(&key) {
            self.by_conn.remove(&link.conn);
        }
        self.sockets.remove(&link.token);
        if let Some(number) = link.number() {
            self.by_pair.remove(&number);
        }
        // From here on the device touches nothing of it.
        drop(link.pair.take());
        link.wire.shut();
        // Its last word to the peer goes out when the port is up again. One that cannot be sent makes
        // soft RoCE (Linux 6.12) unable to send any for rdma_cm from then on.
        if matches!(link.wire, Wire::Cm(_))
            && !self.is_dead
            && !can_tell(&self.context)
            && let Wire::Cm(id) = std::mem::replace(&mut link.wire, Wire::None)
        {
            self.parked.push(id);
        }
        let ended = std::mem::take(&mut link.landed).into_values();
        let landings =
            std::mem::take(&mut link.works).into_values().filter_map(|work| match work {
                Work::Send { piece, .. } => {
                    self.sends.give(piece);
                    None
                }
                Work::Read { landing, .. } => Some(landing),
            });
        for landing in landings.chain(ended) {
            // Parts of the node's memory go here.
            if let Landing::Piece(piece) = landing {
                self.lands.give(piece);
            }
        }
        let (mut freed, mut offered) = (Vec::new(), Vec::new());
        if let Some(stream) = &mut link.stream {
            stream.dismantle(&mut freed, &mut offered);
        }
        // What is held where it lies goes with the link.
        let pieces = offered.iter().filter(|offered| offered.token & HELD == 0);
        pieces.for_each(|offered| self.lends.give(offered.token));
        for freed in freed {
            if let Freed::Buffer(piece) = freed {
                self.repost(piece);
            }
        }
        if link.has_buffers {
            self.reserved -= self.config.buffers as u32;
        }
        if link.is_dirty {
            self.dirty.retain(|dirty| *dirty != key);
        }
        self.starved.retain(|starved| *starved != key);
        self.unused.push(key);
        self.feed();
    }
}
