//! Moves the bytes of a core's connections: posts what their streams decide, and takes what
//! completes. How connections are made is in `setup`, how what comes gets to the node in `delivery`.

use super::cm::{Channel, CmId};
use super::handout::Seat;
use super::link::{HELD, Held, Key, Link, Opening, State, Wire, Work, id};
use super::memory::Pool;
use super::stream::{Kept, Lent, Offered};
use super::sys;
use super::verbs::{AsyncEvent, Context, OpenError, Queues, Registered, Route};
use super::{Event, Fault, RdmaConfig, Watch, Way, counters};
use crate::slabs::{Slabs, Use};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use types::fixed_map::FixedMap;
use types::node::{ConnId, CoreId, LogLevel};
use types::time::Instant;

/// Completions taken at once.
const BATCH: usize = 32;
/// Pieces that a core's connections share; beyond these each has one of its own.
const SENDS_SHARED: usize = 256;
pub(super) const PIECES_SHARED: usize = 64;
/// Receive buffers beyond those that peers have credits for: a connection that just ended may have
/// some under way.
const RECEIVES_SPARE: u32 = 64;

/// What [`Watch`]es are for.
pub(super) const COMPLETIONS: u64 = 0;
pub(super) const DEVICE: u64 = 1;
pub(super) const MANAGER: u64 = 2;
pub(super) const HANDED: u64 = 3;
pub(super) const SOCKETS: u64 = 16;

/// What the device knows `bytes` by, for peers that read them: if they lie in a slab of this core.
fn readable(slabs: &Slabs, context: &Rc<Context>, bytes: &Bytes) -> Option<Rc<Registered>> {
    let start = bytes.as_ptr() as usize;
    slabs.registered(Use::Offered, start..start + bytes.len(), |start, len| {
        // SAFETY: as for what is received (`delivery`): slab and [`Held`] drop this before the memory.
        // The device only reads there.
        unsafe { context.register(start, len, sys::ACCESS_REMOTE_READ) }.ok()
    })
}

/// The connections of one core over one device. Fields drop in this order.
pub struct Rdma {
    pub(super) links: Vec<Option<Link>>,
    pub(super) unused: Vec<Key>,
    pub(super) by_conn: FixedMap<ConnId, Key>,
    pub(super) by_pair: FixedMap<u32, Key>,
    pub(super) listeners: Vec<CmId>,
    /// Ids of connections that ended while the port was down: see `remove`.
    pub(super) parked: Vec<CmId>,
    /// Where the first core hands requests of rdma_cm to this one.
    pub(super) seat: Option<Seat>,
    pub(super) queues: Rc<Queues>,
    pub(super) receives: Pool,
    pub(super) sends: Pool,
    pub(super) lends: Pool,
    pub(super) lands: Pool,
    pub(super) channel: Option<Arc<Channel>>,
    /// Where the node has its buffers from. What the device knows of them it forgets before it is closed.
    pub(super) slabs: Rc<Slabs>,
    pub(super) context: Rc<Context>,
    pub(super) config: RdmaConfig,
    pub(super) route: Route,
    pub(super) gid: [u8; 16],
    pub(super) lid: u16,
    /// Receive buffers that peers have credits for, and that are under way.
    pub(super) reserved: u32,
    posted: u32,
    pub(super) connections_max: u32,
    pub(super) events: VecDeque<Event>,
    pub(super) dirty: Vec<Key>,
    /// Wait for memory.
    pub(super) starved: Vec<Key>,
    pub(super) deadlines: BTreeSet<(Instant, Key)>,
    pub(super) watches: Vec<Watch>,
    pub(super) sockets: BTreeMap<u64, Key>,
    pub(super) token_next: u64,
    pub(super) accepted_next: u64,
    /// Addresses that did not answer over RDMA, until when TCP is taken at once.
    pub(super) avoided: BTreeMap<SocketAddr, Instant>,
    armed: bool,
    heard: Instant,
    pub(super) is_up: bool,
    /// The device has failed for good.
    pub(super) is_dead: bool,
    pub(super) now: Instant,
    pub(super) random: u64,
}

impl Rdma {
    /// Opens the device, and listens where `listen` says. What lies in `slabs` may be read into.
    pub fn new(
        config: RdmaConfig,
        core: CoreId,
        listen: &[SocketAddr],
        slabs: Rc<Slabs>,
    ) -> Result<Self, OpenError> {
        let context = Context::open(&config.device, config.port)?;
        let port = context.port_state().ok_or(OpenError::NoPort(config.port))?;
        let (gid_index, gid) = context.gid(config.gid_index)?;
        let mtu = config.mtu.map_or(port.mtu, |bytes| (bytes / 256).max(1).ilog2() as u8 + 1);
        let limits = context.limits;
        let route = Route {
            gid_index,
            traffic_class: config.traffic_class,
            mtu: mtu.min(port.mtu),
            reads: config.reads.clamp(1, limits.reads_served.min(limits.reads_begun)),
            timeout: config.timeout,
        };
        let credits = config.buffers as u32;
        // A connection's receives, as many sends, and its reads.
        let entries = 2 * credits + 2 + route.reads as u32;
        let connections_max = config
            .connections_max
            .min(limits.receives.saturating_sub(RECEIVES_SPARE) / credits)
            .min(limits.completions.saturating_sub(RECEIVES_SPARE) / entries);
        let receives_max = connections_max * credits + RECEIVES_SPARE;
        let completions = connections_max * entries + RECEIVES_SPARE;
        let queues = Queues::new(&context, completions, receives_max)?;
        let local = sys::ACCESS_LOCAL_WRITE;
        let (bytes, piece) = (config.buffer_bytes as usize, config.piece_bytes as usize);
        let each = connections_max as usize;
        let pool = |access, bytes, max| Pool::new(&context, access, bytes, max);
        let mut rdma = Self {
            links: Vec::new(),
            unused: Vec::new(),
            by_conn: FixedMap::default(),
            by_pair: FixedMap::default(),
            listeners: Vec::new(),
            parked: Vec::new(),
            seat: None,
            receives: pool(local, bytes, receives_max as usize),
            sends: pool(0, bytes, SENDS_SHARED + each),
            lends: pool(sys::ACCESS_REMOTE_READ, piece, PIECES_SHARED + each),
            lands: pool(local, piece, PIECES_SHARED + each),
            queues,
            slabs,
            channel: None,
            route,
            gid,
            lid: port.lid,
            reserved: 0,
            posted: 0,
            connections_max,
            events: VecDeque::new(),
            dirty: Vec::new(),
            starved: Vec::new(),
            deadlines: BTreeSet::new(),
            watches: Vec::new(),
            sockets: BTreeMap::new(),
            token_next: SOCKETS,
            accepted_next: ConnId::ACCEPTED | (core.0 as u64) << 40 | 1 << 39,
            avoided: BTreeMap::new(),
            armed: false,
            heard: Instant::ZERO,
            is_up: port.is_active,
            is_dead: false,
            now: Instant::ZERO,
            random: u64::from_le_bytes(
                crate::clock::seed().map_or([7; 8], |seed| seed[..8].try_into().expect("8 of 32")),
            ) | 1,
            config,
            context,
        };
        rdma.watch(rdma.queues.fd(), libc::POLLIN, COMPLETIONS);
        rdma.watch(rdma.context.async_fd(), libc::POLLIN, DEVICE);
        if rdma.config.way == Way::Cm {
            rdma.begin_manager(core, listen);
        }
        Ok(rdma)
    }

    pub(super) fn watch(&mut self, fd: i32, events: i16, token: u64) {
        self.watches.push(Watch { fd, events, token });
    }

    /// What the driver is to poll, once each.
    pub fn take_watches(&mut self) -> std::vec::Drain<'_, Watch> {
        self.watches.drain(..)
    }

    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(super) fn say(&mut self, level: LogLevel, text: String) {
        self.events.push_back(Event::Log { level, text: format!("RDMA: {text}") });
    }

    /// Whether it has the connection.
    pub fn has(&self, conn: ConnId) -> bool {
        self.by_conn.contains_key(&conn)
    }

    /// No connection is left, not even one that ends.
    pub fn is_empty(&self) -> bool {
        self.links.iter().all(Option::is_none)
    }

    /// Every connection that the node has.
    pub fn conns(&self) -> Vec<ConnId> {
        self.by_conn.keys().copied().collect()
    }

    /// When [`Rdma::turn`] is to be called at the latest.
    pub fn deadline(&self) -> Instant {
        self.deadlines.first().map_or(Instant::NEVER, |(at, _)| *at)
    }

    /// Whether the core should not sleep: there is something to do, or was a moment ago. Else the
    /// next completion wakes it.
    pub fn keeps_awake(&mut self, now: Instant) -> bool {
        self.now = now;
        if !self.events.is_empty() || !self.dirty.is_empty() || !self.watches.is_empty() {
            return true;
        }
        if self.links.is_empty() {
            return false;
        }
        if now < self.heard + self.config.spin {
            return true;
        }
        if !self.armed {
            self.armed = self.queues.arm();
            // What completed before it was armed makes no event.
            return self.reap() > 0 || !self.armed;
        }
        false
    }

    /// Takes completions and does what they lead to.
    pub fn turn(&mut self, now: Instant) {
        self.now = now;
        self.reap();
        while let Some((at, key)) = self.deadlines.first().copied()
            && at <= now
        {
            self.deadlines.remove(&(at, key));
            self.on_deadline(key);
        }
        self.flush();
    }

    /// A watched descriptor is ready.
    pub fn on_ready(&mut self, token: u64, now: Instant) {
        self.now = now;
        match token {
            COMPLETIONS => {
                self.queues.clear();
                self.armed = false;
                self.watch(self.queues.fd(), libc::POLLIN, COMPLETIONS);
            }
            DEVICE => {
                while let Some(event) = self.context.async_event() {
                    self.on_device(event);
                }
                if !self.is_dead {
                    self.watch(self.context.async_fd(), libc::POLLIN, DEVICE);
                }
            }
            MANAGER => self.on_manager(),
            HANDED => self.on_handed(),
            token => self.on_socket(token),
        }
    }

    fn on_device(&mut self, event: AsyncEvent) {
        match event {
            AsyncEvent::QueuePair { number, event } => {
                if let Some(key) = self.by_pair.get(&number).copied() {
                    self.say(LogLevel::Warn, format!("queue pair {number} has failed: {event}"));
                    self.broke(key, libc::ECONNABORTED);
                }
            }
            AsyncEvent::LastReceive { number } => {
                if let Some(key) = self.by_pair.get(&number).copied()
                    && let Some(link) = self.links[key as usize].as_mut()
                {
                    link.is_drained = true;
                    // It failed by itself: what is under way on it says why, or nothing is.
                    self.reap();
                    self.broke(key, libc::ECONNRESET);
                    self.end_drain(key);
                }
            }
            AsyncEvent::Port { port, is_up } if port == self.context.port => {
                self.is_up = is_up;
                let word = if is_up { "up" } else { "down: connections go over TCP" };
                self.say(LogLevel::Warn, format!("{} port {port} is {word}", self.context.name()));
                if is_up {
                    self.parked.clear();
                } else {
                    self.break_all(libc::ENETDOWN);
                }
            }
            AsyncEvent::Port { .. } => {}
            AsyncEvent::Fatal { event } => {
                let name = self.context.name().to_owned();
                self.say(LogLevel::Error, format!("{name} has failed: {event}"));
                self.is_dead = true;
                self.break_all(libc::ENODEV);
            }
            AsyncEvent::Other { event } => {
                self.say(LogLevel::Debug, format!("event {event} of {}", self.context.name()));
            }
        }
    }

    fn break_all(&mut self, errno: i32) {
        for key in 0..self.links.len() as Key {
            self.broke(key, errno);
        }
    }

    /// Takes what has completed; how many there were.
    fn reap(&mut self) -> usize {
        if self.links.is_empty() {
            return 0;
        }
        // SAFETY: completions are plain data, for which zero is valid.
        let mut batch: [sys::ibv_wc; BATCH] = unsafe { std::mem::zeroed() };
        let count = match self.queues.poll(&mut batch) {
            Ok(count) => count,
            Err(()) => {
                if !self.is_dead {
                    self.on_device(AsyncEvent::Fatal { event: sys::event::CQ_ERR });
                }
                return 0;
            }
        };
        for completion in &batch[..count] {
            self.completed(completion);
        }
        if count > 0 {
            self.heard = self.now;
        }
        count
    }

    /// Takes all that has completed.
    pub(super) fn reap_all(&mut self) {
        while self.reap() > 0 {}
    }

    fn completed(&mut self, wc: &sys::ibv_wc) {
        let (kind, key, piece) = id::unpack(wc.wr_id);
        if kind == id::RECEIVE {
            return self.received(wc, piece);
        }
        let Some(link) = self.links.get_mut(key as usize).and_then(Option::as_mut) else { return };
        if link.number() != Some(wc.qp_num) {
            // Of an earlier queue pair, whose memory is free already.
            return;
        }
        let Some(work) = link.works.remove(&wc.wr_id) else { return };
        match work {
            Work::Send { piece, carried } => {
                link.sends -= 1;
                let (conn, is_open) = (link.conn, link.state == State::Open);
                let probes =
                    matches!(link.state, State::Opening(Opening::CmProbe | Opening::TcpProbe));
                self.sends.give(piece);
                if probes && wc.status == sys::WC_SUCCESS {
                    self.probed(key);
                }
                if wc.status == sys::WC_SUCCESS && carried > 0 && is_open {
                    self.events.push_back(Event::Sent { conn, bytes: carried });
                }
            }
            Work::Read { id, landing } => self.read_ended(key, id, landing, wc.status),
        }
        if wc.status != sys::WC_SUCCESS {
            self.failed(key, wc.status);
        }
        self.feed();
        self.touch(key);
        self.end_drain(key);
    }

    /// A work request of a connection has failed, and the queue pair with it.
    fn failed(&mut self, key: Key, status: i32) {
        let (errno, why) = match status {
            sys::WC_RETRY_EXCEEDED => {
                (libc::ETIMEDOUT, "does not answer: retries are exhausted".to_owned())
            }
            sys::WC_RNR_RETRY_EXCEEDED => {
                let why = "keeps no receive buffers: RNR retries are exhausted";
                (libc::ENOBUFS, why.to_owned())
            }
            sys::WC_FLUSHED => (libc::ECONNRESET, String::new()),
            other => (libc::ECONNABORTED, format!("is lost: a completion has status {other}")),
        };
        if let Some(link) = self.links[key as usize].as_ref()
            && !matches!(link.state, State::Draining)
            && let (Some(peer), false) = (link.peer.or(link.target), why.is_empty())
        {
            self.say(LogLevel::Warn, format!("{peer} {why}"));
        }
        self.broke(key, errno);
    }

    fn received(&mut self, wc: &sys::ibv_wc, piece: u32) {
        let key = self.by_pair.get(&wc.qp_num).copied();
        let link = key.and_then(|key| self.links[key as usize].as_mut());
        let (Some(key), Some(link), sys::WC_SUCCESS) = (key, link, wc.status) else {
            self.repost(piece);
            if let Some(key) = key
                && wc.status != sys::WC_SUCCESS
            {
                self.failed(key, wc.status);
            }
            return;
        };
        if let (State::Opening(Opening::CmConfirm), Wire::Cm(id)) = (&link.state, &link.wire) {
            id.confirm();
        }
        let Some(stream) = &mut link.stream else { return self.repost(piece) };
        // SAFETY: the buffer's receive has completed, and it is not posted again before the end of
        // this use.
        let message = unsafe { self.receives.bytes(piece) };
        let mut finished = Vec::new();
        let kept = stream.on_message(piece, &message[..wc.byte_len as usize], &mut finished);
        let (conn, is_open) = (link.conn, link.state == State::Open);
        let peer = link.peer.or(link.target);
        for Offered { token, bytes } in finished {
            if let Some(link) = self.links[key as usize].as_mut()
                && link.held.remove(&token).is_none()
            {
                link.lent -= 1;
                self.lends.give(token);
            }
            if is_open {
                self.events.push_back(Event::Sent { conn, bytes });
            }
        }
        match kept {
            Ok(Kept::Held) => {}
            Ok(Kept::Free) => self.repost(piece),
            Err(why) => {
                self.repost(piece);
                if is_open {
                    counters::MALFORMED.add(1);
                }
                let peer = peer.map_or("a peer".to_owned(), |peer| peer.to_string());
                self.say(LogLevel::Warn, format!("{peer} breaks the protocol: {why}"));
                self.broke(key, libc::EPROTO);
            }
        }
        self.feed();
        self.touch(key);
    }

    /// Gives a receive buffer back.
    pub(super) fn repost(&mut self, piece: u32) {
        let (at, lkey) = (self.receives.address(piece), self.receives.lkey(piece));
        let bytes = self.config.buffer_bytes;
        // SAFETY: the piece is registered with this key for local writes; it is taken, and nobody
        // looks at it while it is posted.
        let result =
            unsafe { self.queues.post_receive(id::pack(id::RECEIVE, 0, piece), at, bytes, lkey) };
        if result.is_err() && !self.is_dead {
            // As many as ever are posted fit into the queue: only a failed device refuses.
            self.on_device(AsyncEvent::Fatal { event: sys::event::SRQ_ERR });
        }
    }

    /// Keeps receive buffers for one more peer. `false`: there is no room, or no memory.
    pub(super) fn reserve(&mut self) -> bool {
        let credits = self.config.buffers as u32;
        if self.reserved + credits > self.connections_max * credits {
            return false;
        }
        let wanted = match self.config.fault {
            Some(Fault::NoReceives) => 0,
            _ => self.reserved + credits + RECEIVES_SPARE,
        };
        while self.posted < wanted {
            let Some(piece) = self.receives.take() else { return false };
            self.posted += 1;
            self.repost(piece);
        }
        self.reserved += credits;
        true
    }

    /// Memory is free again: who waited for it tries.
    pub(super) fn feed(&mut self) {
        for key in std::mem::take(&mut self.starved) {
            self.touch(key);
        }
    }

    /// There may be something to do for a connection.
    pub(super) fn touch(&mut self, key: Key) {
        if let Some(link) = self.links[key as usize].as_mut()
            && !link.is_dirty
        {
            link.is_dirty = true;
            self.dirty.push(key);
        }
    }

    /// Does what the connections that were touched have to do.
    pub fn flush(&mut self) {
        while let Some(key) = self.dirty.pop() {
            let Some(link) = self.links[key as usize].as_mut() else { continue };
            link.is_dirty = false;
            match link.state {
                State::Open => {
                    self.fetch(key);
                    self.deliver(key);
                    self.transmit(key);
                }
                State::Lingering => {
                    self.discard(key);
                    self.transmit(key);
                    let link = self.links[key as usize].as_ref();
                    let is_done = |l: &Link| {
                        l.sends == 0 && l.stream.as_ref().is_some_and(|s| s.is_finished())
                    };
                    if link.is_some_and(is_done) {
                        self.drain(key);
                    }
                }
                State::Opening(_) | State::Draining => {}
            }
        }
    }

    /// Posts a first message: the connection is open when it has arrived, and goes over TCP if it
    /// does not. What finds the peer may take another way than what is sent to it.
    pub(super) fn probe(&mut self, key: Key) -> io::Result<()> {
        let Self { links, sends, .. } = self;
        let Some(Link { stream: Some(stream), pair: Some(pair), sends: under_way, works, .. }) =
            &mut links[key as usize]
        else {
            return Ok(());
        };
        let piece = sends.take().ok_or(io::Error::from_raw_os_error(libc::ENOBUFS))?;
        // SAFETY: the piece was just taken, so nothing from it is under way.
        let message = stream.probe(unsafe { sends.bytes_mut(piece) });
        let id = id::pack(id::SEND, key, piece);
        let (at, lkey) = (sends.address(piece), sends.lkey(piece));
        // SAFETY: the piece is registered with this key, holds the message, and is not given back
        // before the send has completed.
        if let Err(e) = unsafe { pair.send(id, at, message.bytes as u32, lkey) } {
            sends.give(piece);
            return Err(e);
        }
        *under_way += 1;
        works.insert(id, Work::Send { piece, carried: 0 });
        Ok(())
    }

    /// Posts the messages that there are credits and memory for.
    fn transmit(&mut self, key: Key) {
        if self.config.fault == Some(Fault::Absent) {
            return;
        }
        let Self { links, sends, lends, starved, slabs, context, .. } = self;
        let Some(link) = &mut links[key as usize] else { return };
        let (Some(stream), Some(pair)) = (&mut link.stream, &link.pair) else { return };
        let mut failed = false;
        while link.sends < link.sends_max {
            let may = link.sends == 0 || sends.in_use < SENDS_SHARED;
            let Some(piece) = may.then(|| sends.take()).flatten() else {
                starved.push(key);
                break;
            };
            let mut wants_memory = false;
            let (lent, held, count) = (&mut link.lent, &mut link.held, &mut link.held_count);
            let mut lend = |bytes: &Bytes| {
                if let Some(memory) = readable(slabs, context, bytes) {
                    let own = Held { memory, bytes: bytes.clone() };
                    let (address, key) = (own.bytes.as_ptr() as u64, own.memory.rkey);
                    let token = HELD | *count;
                    *count = (*count + 1) % HELD;
                    held.insert(token, own);
                    counters::OFFERED_DIRECT_BYTES.add(bytes.len() as i64);
                    return Some(Lent { address, key, token });
                }
                let may = *lent == 0 || lends.in_use < PIECES_SHARED;
                let Some(token) = may.then(|| lends.take()).flatten() else {
                    wants_memory = true;
                    return None;
                };
                *lent += 1;
                counters::OFFERED_COPIED_BYTES.add(bytes.len() as i64);
                // SAFETY: the piece was just taken, so no peer reads it.
                let piece = unsafe { lends.bytes_mut(token) };
                piece[..bytes.len()].copy_from_slice(bytes);
                Some(Lent { address: lends.address(token), key: lends.rkey(token), token })
            };
            // SAFETY: the piece was just taken, so nothing from it is under way.
            let message = stream.next_message(unsafe { sends.bytes_mut(piece) }, &mut lend);
            if wants_memory {
                starved.push(key);
            }
            let Some(message) = message else {
                sends.give(piece);
                break;
            };
            let id = id::pack(id::SEND, key, piece);
            let (at, lkey) = (sends.address(piece), sends.lkey(piece));
            // SAFETY: the piece is registered with this key, holds the message, and is not given
            // back before the send has completed.
            if unsafe { pair.send(id, at, message.bytes as u32, lkey) }.is_err() {
                sends.give(piece);
                failed = true;
                break;
            }
            link.sends += 1;
            link.works.insert(id, Work::Send { piece, carried: message.carried });
        }
        if failed {
            self.broke(key, libc::ECONNABORTED);
        }
    }

    pub fn send(&mut self, conn: ConnId, bufs: Vec<Bytes>) {
        let Some(key) = self.by_conn.get(&conn).copied() else { return };
        if let Some(Link { state: State::Open, stream: Some(stream), .. }) =
            &mut self.links[key as usize]
        {
            stream.push(bufs);
            self.touch(key);
        }
    }

    pub(super) fn add(&mut self, link: Link) -> Key {
        if let Some(key) = self.unused.pop() {
            self.links[key as usize] = Some(link);
            return key;
        }
        self.links.push(Some(link));
        self.links.len() as Key - 1
    }

    /// The stream of a connection begins: its terms are known.
    pub(super) fn opened(&mut self, key: Key, addrs: (SocketAddr, SocketAddr)) {
        let Some(link) = self.links[key as usize].as_mut() else { return };
        link.state = State::Open;
        link.peer = Some(addrs.1);
        counters::CONNECTIONS.add(1);
        let (conn, (local, peer)) = (link.conn, addrs);
        self.events.push_back(match link.target {
            Some(_) => Event::Connected { conn, local, peer },
            None => Event::Accepted { conn, local, peer },
        });
        self.set_deadline(key, None);
        self.touch(key);
    }
}

impl Drop for Rdma {
    fn drop(&mut self) {
        for link in self.links.iter().flatten() {
            if let Some(pair) = &link.pair {
                pair.fail();
            }
        }
    }
}
