//! A client with a genuine key that sends what no genuine client sends.
//!
//! It finds a monitor, authenticates, follows the maps, and opens sessions with OSDs and with a monitor
//! as any client does. On those it sends the requests of a [`Mutator`], whatever is answered. A session
//! that a server ends is opened again.

use crate::mutate::Mutator;
use client::{ClientConfig, Objecter};
use messenger::auth::{ClientAuth, NoServer};
use messenger::message::Message;
use messenger::messages::SubscribeItem;
use messenger::mon_client::{CLIENT_SERVICES, MonClient, MonClientConfig, MonEvent};
use messenger::table::{Event, Messenger, MessengerConfig, Policy};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;
use types::node::{ConnId, Effect, Input, Node};
use types::time::{Instant, Now};
use types::{EntityAddrVec, EntityKind, EntityName, OsdId};

/// Between two bursts.
const REST: Duration = Duration::from_millis(2);
/// Requests of one burst.
const BURST: u64 = 8;
/// A session takes no more while so much of what it was given is still here.
const QUEUED_BYTES_MAX: usize = 1 << 20;

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub sent: u64,
    /// Messages from servers.
    pub answered: u64,
    /// Sessions that a server ended.
    pub ended: u64,
    /// It begins once this is set, and stops once it is not.
    pub active: bool,
}
pub type SharedTally = Rc<RefCell<Tally>>;

/// Whom it talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prey {
    Osds,
    Mon,
    Both,
}

pub struct Stranger {
    messenger: Messenger,
    mon: MonClient,
    /// Holds the map.
    objecter: Objecter,
    config: ClientConfig,
    mutator: Mutator,
    prey: Prey,
    pool: String,
    /// Sessions for requests: to OSDs, and `None` to a monitor.
    sessions: BTreeMap<Option<OsdId>, ConnId>,
    tally: SharedTally,
    next_burst: Instant,
}

type Fx = Vec<Effect<Infallible>>;

impl Stranger {
    /// Requests go to objects of `pool`, from the moment when it exists. `seed` decides them.
    pub fn new(
        config: ClientConfig,
        seed: [u8; 32],
        pool: &str,
        prey: Prey,
        tally: SharedTally,
    ) -> Self {
        let mut other = seed;
        other.iter_mut().for_each(|b| *b ^= 0x5a);
        let name = EntityName::new(EntityKind::Client, -1);
        let mon = MonClientConfig {
            name: config.name.clone(),
            key: config.key,
            monitors: config.monitors.clone(),
            services: CLIENT_SERVICES,
            hostname: config.hostname.clone(),
        };
        let word = u64::from_le_bytes(seed[..8].try_into().expect("8 bytes of 32"));
        Self {
            messenger: Messenger::new(MessengerConfig::new(name, EntityAddrVec::default()), seed),
            mon: MonClient::new(mon, other),
            objecter: Objecter::new(false),
            config,
            mutator: Mutator::new(word),
            prey,
            pool: pool.to_owned(),
            sessions: BTreeMap::new(),
            tally,
            next_burst: Instant::ZERO,
        }
    }

    fn on_event(&mut self, now: Now, event: Event, fx: &mut Fx) {
        let mut out = Vec::new();
        let event = self.mon.on_event(now, &mut self.messenger, event, &mut out, fx);
        for event in out {
            if let MonEvent::OsdMap(update) = event {
                let mut out = Vec::new();
                self.objecter.on_map(now, &update, &mut self.messenger, &mut out, fx);
                self.mon.got("osdmap", self.objecter.epoch().0 as u64);
            }
        }
        match event {
            Some(Event::Message { conn, charge, .. }) => {
                self.tally.borrow_mut().answered += 1;
                self.messenger.release(conn, charge, fx);
            }
            Some(Event::Closed { conn, .. }) => {
                self.tally.borrow_mut().ended += 1;
                self.sessions.retain(|_, c| *c != conn);
            }
            _ => {}
        }
    }

    fn burst(&mut self, now: Now, fx: &mut Fx) {
        if now.mono < self.next_burst {
            return;
        }
        self.next_burst = now.mono + REST;
        if !self.tally.borrow().active {
            return;
        }
        for n in 0..BURST {
            let to_mon = match self.prey {
                Prey::Osds => false,
                Prey::Mon => true,
                Prey::Both => n % 4 == 0,
            };
            if to_mon {
                let message = self.mutator.to_mon();
                self.send(now, None, message, fx);
            } else if let Some(map) = self.objecter.map()
                && let Some(pool) = map.pool_id(&self.pool)
            {
                let (osd, message) = self.mutator.to_osd(map, pool);
                self.send(now, Some(osd), message, fx);
            }
        }
    }

    fn send(&mut self, now: Now, to: Option<OsdId>, message: Message, fx: &mut Fx) {
        let Some(conn) = self.session(now, to, fx) else { return };
        let limit = self.messenger.config().limits.send_queue_bytes;
        if limit - self.messenger.send_room(conn) < QUEUED_BYTES_MAX {
            self.tally.borrow_mut().sent += 1;
            self.messenger.send(now, conn, message, fx);
        }
    }

    fn session(&mut self, now: Now, to: Option<OsdId>, fx: &mut Fx) -> Option<ConnId> {
        if let Some(conn) = self.sessions.get(&to) {
            return Some(*conn);
        }
        let m = &mut self.messenger;
        let conn = match to {
            Some(osd) => {
                let auth = self.mon.service_auth(EntityKind::Osd)?;
                let addrs = self.objecter.map()?.client_addrs(osd)?.clone();
                m.connect(now, &addrs, EntityKind::Osd, Policy::Lossy, auth, fx)
            }
            None => {
                let auth = ClientAuth::Mon {
                    name: self.config.name.clone(),
                    key: self.config.key?,
                    global_id: 0,
                    old_ticket: None,
                    services: CLIENT_SERVICES,
                };
                let addrs = self.config.monitors.first()?;
                m.connect(now, addrs, EntityKind::Mon, Policy::Lossy, auth, fx)
            }
        };
        self.sessions.insert(to, conn);
        Some(conn)
    }
}

impl Node for Stranger {
    type Hop = Infallible;

    fn handle(&mut self, now: Now, input: Input<Infallible>, fx: &mut Fx) {
        let mut events = Vec::new();
        let left = self.messenger.handle(now, input, &mut NoServer, &mut events, fx);
        events.into_iter().for_each(|event| self.on_event(now, event, fx));
        match left {
            Some(Input::Start) => {
                let item = SubscribeItem { start: 0, once: false };
                self.mon.subscribe(now, &mut self.messenger, "osdmap", item, fx);
                self.mon.start(now, &mut self.messenger, fx);
            }
            Some(Input::Stop) => fx.push(Effect::Exit { code: 0 }),
            Some(Input::Tick) if now.mono >= self.mon.next_deadline() => {
                let mut out = Vec::new();
                self.mon.on_tick(now, &mut self.messenger, &mut out, fx);
            }
            _ => {}
        }
    }

    fn end_of_turn(&mut self, now: Now, fx: &mut Fx) {
        self.burst(now, fx);
    }

    fn next_deadline(&self) -> Instant {
        self.messenger.next_deadline().min(self.mon.next_deadline()).min(self.next_burst)
    }
}
