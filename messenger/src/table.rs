//! All connections of one node.

pub use crate::api::*;
pub use crate::auth::{AuthServer, ClientAuth, NoServer};
use crate::message::Message;
use types::node::{ConnId, Effect, Input};
use types::time::Now;
use types::{EntityAddrVec, EntityKind, EntityName, Instant};

/// All connections of one node.
///
/// Give it every [`Input`] first; what it hands back is the node's. A [`ConnId`] in this interface
/// names a session: for a lossy one that is its TCP connection, a lossless one keeps the id of its
/// first TCP connection while later ones come and go inside.
pub struct Messenger {
    config: MessengerConfig,
}

impl Messenger {
    /// `seed` makes cookies, challenges and secrets: different for every start of every node.
    pub fn new(config: MessengerConfig, _seed: [u8; 32]) -> Self {
        Self { config }
    }

    pub fn config(&self) -> &MessengerConfig {
        &self.config
    }

    pub fn counters(&self) -> &Counters {
        unimplemented!()
    }

    /// Our own name from now on: a client learns its number from the first monitor.
    pub fn set_name(&mut self, name: EntityName) {
        self.config.name = name;
    }

    /// Where we listen, when it is known only after the start.
    pub fn set_addrs(&mut self, addrs: EntityAddrVec) {
        self.config.addrs = addrs;
    }

    /// Opens a session with the msgr2 address of `target`. A lossless session that already exists
    /// with this target is returned as it is. A target without a msgr2 address gives
    /// [`Event::Closed`] at the next input.
    pub fn connect<H>(
        &mut self,
        _now: Now,
        _target: &EntityAddrVec,
        _peer: EntityKind,
        _policy: Policy,
        _credentials: ClientAuth,
        _fx: &mut Vec<Effect<H>>,
    ) -> ConnId {
        unimplemented!()
    }

    /// Credentials for the next reconnect of a lossless session (tickets expire).
    pub fn set_credentials(&mut self, _conn: ConnId, _credentials: ClientAuth) {
        unimplemented!()
    }

    /// Sends, or queues while the session is not ready. Dropped if the session is gone.
    pub fn send<H>(&mut self, _now: Now, _conn: ConnId, _msg: Message, _fx: &mut Vec<Effect<H>>) {
        unimplemented!()
    }

    /// Bytes that may still be queued before the session counts as full; 0 when it is or is gone.
    pub fn send_room(&self, _conn: ConnId) -> usize {
        unimplemented!()
    }

    /// The other end, once ready.
    pub fn peer(&self, _conn: ConnId) -> Option<&PeerInfo> {
        unimplemented!()
    }

    /// Ends the session; what was sent before still goes out. No event.
    pub fn close<H>(&mut self, _conn: ConnId, _fx: &mut Vec<Effect<H>>) {
        unimplemented!()
    }

    /// Takes an input. Returns it if it is not (only) the messenger's: everything that is no
    /// connection's, connections it does not know, and `Start`, `Tick` and `Stop`, which a node may
    /// want too.
    pub fn handle<H>(
        &mut self,
        _now: Now,
        _input: Input<H>,
        _auth: &mut dyn AuthServer,
        _events: &mut Vec<Event>,
        _fx: &mut Vec<Effect<H>>,
    ) -> Option<Input<H>> {
        unimplemented!()
    }

    /// When the messenger wants a `Tick`.
    pub fn next_deadline(&self) -> Instant {
        unimplemented!()
    }

    /// Gives back the `charge` of a delivered message. The connection reads again once it is under
    /// its budget. Harmless for sessions that are gone.
    pub fn release<H>(&mut self, _conn: ConnId, _charge: usize, _fx: &mut Vec<Effect<H>>) {
        unimplemented!()
    }
}
