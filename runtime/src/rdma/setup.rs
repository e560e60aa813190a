//! How connections are made: through rdma_cm, or by what two ends tell each other over TCP.

use super::cm::{Channel, CmEvent, CmId};
use super::engine::{HANDED, MANAGER, Rdma};
use super::handout::Request;
use super::hello::{HELLO_BYTES, Hello, MAGIC, PLACED_BYTES, Place, READY};
use super::link::{Key, Link, Opening, State, Wire};
use super::sys::cm_event;
use super::verbs::QueuePair;
use super::{Event, Fault, Way, counters};
use crate::socket;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;
use types::node::{CloseReason, ConnId, CoreId, LogLevel};
use types::time::Instant;

/// For how long an address that did not answer over RDMA is connected to over TCP at once.
const AVOID: Duration = Duration::from_secs(10);
const AVOIDED_MAX: usize = 1024;
/// Connections that are being made at once; accepted ones beyond are taken for TCP.
const OPENING_MAX: usize = 4096;
/// How long an accepted TCP connection may keep us waiting for its first byte, before the node gets
/// it, which has its own patience.
const PEEK: Duration = Duration::from_secs(5);
/// Makes a number of which there is no queue pair.
const ABSENT: u32 = 1 << 23;
/// Tag of what listens; those of connections are their keys and one.
const LISTENER: u64 = 0;

impl Rdma {
    /// Opens the way to rdma_cm, which the first core listens with.
    pub(super) fn begin_manager(&mut self, core: CoreId, listen: &[SocketAddr]) {
        let channel = match Channel::new() {
            Some(Ok(channel)) => channel,
            Some(Err(e)) => {
                return self.say(LogLevel::Warn, format!("connections go over TCP: rdma_cm: {e}"));
            }
            None => {
                let text = "connections go over TCP: librdmacm.so.1 is not there".to_owned();
                return self.say(LogLevel::Warn, text);
            }
        };
        self.watch(channel.fd(), libc::POLLIN, MANAGER);
        if core == CoreId(0) {
            for addr in listen {
                let id =
                    CmId::new(&channel, LISTENER, 0).and_then(|id| id.listen(*addr).map(|()| id));
                match id {
                    Ok(id) => self.listeners.push(id),
                    Err(e) => {
                        let text = format!("{addr}: rdma_cm does not listen: {e}");
                        self.say(LogLevel::Warn, text);
                    }
                }
            }
        }
        self.channel = Some(channel);
        self.sit_down();
    }

    /// Takes a share of the requests that come to the first core.
    fn sit_down(&mut self) {
        match self.config.handout.join() {
            Ok(seat) => {
                self.watch(seat.fd(), libc::POLLIN, HANDED);
                self.seat = Some(seat);
            }
            Err(e) => self.say(LogLevel::Warn, format!("no share of rdma_cm's requests: {e}")),
        }
    }

    /// Hands a request to the core whose turn it is.
    fn hand_out(&mut self, request: Request) {
        let own = match &self.seat {
            Some(seat) => seat.hand_out(request),
            None => Some(request),
        };
        if let Some(request) = own {
            self.on_cm_request(request);
        }
    }

    /// Other cores have handed requests to this one.
    pub(super) fn on_handed(&mut self) {
        let Some(seat) = &self.seat else { return };
        let (fd, handed) = (seat.fd(), seat.take());
        for mut request in handed {
            if let Some(channel) = &self.channel
                && request.id.migrate(channel).is_err()
            {
                request.id.reject();
                continue;
            }
            self.on_cm_request(request);
        }
        self.watch(fd, libc::POLLIN, HANDED);
    }

    fn hello(&self) -> Hello {
        Hello {
            credits: self.config.buffers,
            message_bytes: self.config.buffer_bytes,
            piece_bytes: self.config.piece_bytes,
            reads: self.route.reads as u32,
        }
    }

    /// Whether accepted TCP connections are to be shown to [`Rdma::accepted`].
    pub fn peeks(&self) -> bool {
        self.config.way == Way::Tcp && self.is_up && !self.is_dead
    }

    /// Connects, or leaves it to TCP: `false`.
    pub fn connect(&mut self, conn: ConnId, addr: SocketAddr, now: Instant) -> bool {
        self.now = now;
        while let Some((old, _)) = self.avoided.iter().find(|(_, until)| **until <= now) {
            let old = *old;
            self.avoided.remove(&old);
        }
        if !self.is_up
            || self.is_dead
            || self.config.except.contains(&addr)
            || self.avoided.contains_key(&addr)
        {
            return false;
        }
        let wire = match self.config.way {
            Way::Cm => {
                let Some(channel) = self.channel.clone() else { return false };
                let Ok(id) = CmId::new(&channel, LISTENER, self.config.traffic_class) else {
                    return false;
                };
                Wire::Cm(id)
            }
            Way::Tcp => match socket::connect(addr) {
                Ok(stream) => Wire::Tcp(stream),
                Err(_) => return false,
            },
        };
        let opening = match self.config.way {
            Way::Cm => Opening::CmAddress,
            Way::Tcp => Opening::TcpConnect,
        };
        let key = self.add(Link::new(conn, Some(addr), opening, wire));
        self.by_conn.insert(conn, key);
        self.set_deadline(key, Some(now + self.config.patience));
        let link = self.links[key as usize].as_ref().expect("just added");
        match &link.wire {
            Wire::Cm(id) => {
                id.set_tag(key as u64 + 1);
                if id.resolve_addr(addr).is_err() {
                    self.opening_failed(key, false);
                }
            }
            Wire::Tcp(_) => self.watch_socket(key, libc::POLLOUT),
            Wire::None => {}
        }
        true
    }

    /// It came to nothing: TCP is tried, if we opened it. `slow`: it took the peer's time out.
    pub(super) fn opening_failed(&mut self, key: Key, slow: bool) {
        let Some(link) = self.links[key as usize].as_mut() else { return };
        let (conn, target) = (link.conn, link.target);
        let is_peek = link.state == State::Opening(Opening::TcpPeek);
        let is_probe = matches!(link.state, State::Opening(Opening::CmProbe | Opening::TcpProbe));
        if is_peek && let Wire::Tcp(stream) = std::mem::replace(&mut link.wire, Wire::None) {
            // The wire's last reference: nothing is shut down.
            return self.give_back(key, stream);
        }
        if let Some(addr) = target {
            // Who was found and cannot be reached by the device is not tried again soon either.
            let slow = slow || is_probe;
            if slow && self.avoided.len() < AVOIDED_MAX {
                self.avoided.insert(addr, self.now + AVOID);
            }
            counters::FALLBACKS.add(1);
            self.by_conn.remove(&conn);
            self.events.push_back(Event::Fallback { conn, addr });
        }
        self.drain(key);
    }

    /// The queue pair of a connection that is being made.
    fn make_pair(&mut self, key: Key) -> io::Result<()> {
        if !self.reserve() {
            return Err(io::Error::from_raw_os_error(libc::ENOBUFS));
        }
        let link = self.links[key as usize].as_mut().expect("the caller's");
        link.has_buffers = true;
        // The rest of the queue is for reads. Until the peer's terms are known no message is sent.
        let sends = self.config.buffers as u32 + 2;
        let pair = QueuePair::new(&self.queues, sends + self.route.reads as u32)?;
        link.sends_max = sends;
        self.by_pair.insert(pair.number, key);
        link.pair = Some(pair);
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        link.packet = (self.random >> 24) as u32 & 0xff_ffff;
        Ok(())
    }

    fn agree(&mut self, key: Key, peer: &Hello) {
        let terms = self.hello().terms(peer, self.config.rendezvous_bytes);
        if let Some(link) = self.links[key as usize].as_mut() {
            link.stream = Some(super::stream::Stream::new(terms));
        }
    }

    pub(super) fn on_manager(&mut self) {
        let Some(channel) = self.channel.clone() else { return };
        while let Some(event) = channel.event() {
            if event.kind == cm_event::CONNECT_REQUEST {
                if let CmEvent { request: Some(id), private_data, .. } = event {
                    self.hand_out(Request { id, private_data });
                }
                continue;
            }
            let Some(key) = event.tag.checked_sub(1).map(|key| key as Key) else { continue };
            if self.links.get(key as usize).is_some_and(Option::is_some)
                && self.on_cm(key, &event).is_err()
            {
                self.broke(key, libc::ECONNABORTED);
            }
        }
        self.watch(channel.fd(), libc::POLLIN, MANAGER);
    }

    /// A peer wants to connect.
    fn on_cm_request(&mut self, Request { id, private_data }: Request) {
        let hello = Hello::decode(&private_data);
        let Some(hello) = hello.filter(|_| id.is_on(&self.context) && self.is_up) else {
            return id.reject();
        };
        let conn = ConnId(self.accepted_next);
        self.accepted_next += 1;
        let key = self.add(Link::new(conn, None, Opening::CmConfirm, Wire::Cm(id)));
        self.by_conn.insert(conn, key);
        self.set_deadline(key, Some(self.now + self.config.patience));
        if self.answer(key, &hello).is_err() {
            if let Some(Link { wire: Wire::Cm(id), .. }) = &self.links[key as usize] {
                id.reject();
            }
            self.drain(key);
        }
    }

    fn answer(&mut self, key: Key, hello: &Hello) -> io::Result<()> {
        self.make_pair(key)?;
        self.agree(key, hello);
        let data = self.hello().encode();
        let link = self.links[key as usize].as_ref().expect("the caller's");
        let (Wire::Cm(id), Some(pair)) = (&link.wire, &link.pair) else { unreachable!("made so") };
        id.set_tag(key as u64 + 1);
        id.init(pair, self.route)?;
        id.ready(pair, self.route)?;
        id.accept(told(pair.number, self.config.fault), &data, self.route)
    }

    fn on_cm(&mut self, key: Key, event: &CmEvent) -> io::Result<()> {
        let link = self.links[key as usize].as_mut().expect("the caller has looked");
        let Wire::Cm(id) = &link.wire else { return Ok(()) };
        match (event.kind, &link.state) {
            (cm_event::ADDR_RESOLVED, State::Opening(Opening::CmAddress)) => {
                if !id.is_on(&self.context) {
                    return Err(io::Error::from_raw_os_error(libc::ENODEV));
                }
                id.resolve_route()?;
                link.state = State::Opening(Opening::CmRoute);
            }
            (cm_event::ROUTE_RESOLVED, State::Opening(Opening::CmRoute)) => {
                self.make_pair(key)?;
                let data = self.hello().encode();
                let link = self.links[key as usize].as_mut().expect("as above");
                let (Wire::Cm(id), Some(pair)) = (&link.wire, &link.pair) else { return Ok(()) };
                id.init(pair, self.route)?;
                id.connect(told(pair.number, self.config.fault), &data, self.route)?;
                link.state = State::Opening(Opening::CmAnswer);
            }
            (cm_event::CONNECT_RESPONSE, State::Opening(Opening::CmAnswer)) => {
                let hello = Hello::decode(&event.private_data);
                let hello = hello.ok_or(io::Error::from_raw_os_error(libc::EPROTO))?;
                self.agree(key, &hello);
                let link = self.links[key as usize].as_ref().expect("as above");
                let (Wire::Cm(id), Some(pair)) = (&link.wire, &link.pair) else { return Ok(()) };
                id.ready(pair, self.route)?;
                self.begin_probe(key, Opening::CmProbe)?;
            }
            (cm_event::ESTABLISHED, State::Opening(Opening::CmConfirm)) => {
                let addrs = id.addrs();
                self.opened(key, addrs);
            }
            (cm_event::DISCONNECTED, _) => self.peer_gone(key),
            (cm_event::DEVICE_REMOVAL, _) => self.broke(key, libc::ENODEV),
            (
                kind @ (cm_event::ADDR_ERROR
                | cm_event::ROUTE_ERROR
                | cm_event::CONNECT_ERROR
                | cm_event::UNREACHABLE
                | cm_event::REJECTED),
                State::Opening(_),
            ) => {
                if let Some(addr) = link.target {
                    let status = event.status;
                    let text = format!("{addr} does not answer: event {kind}, status {status}");
                    self.say(LogLevel::Debug, text);
                }
                self.opening_failed(key, kind == cm_event::UNREACHABLE);
            }
            _ => {}
        }
        Ok(())
    }

    fn begin_probe(&mut self, key: Key, opening: Opening) -> io::Result<()> {
        let link = self.links[key as usize].as_mut().expect("the caller's");
        link.state = State::Opening(opening);
        match self.config.fault {
            Some(Fault::Absent) => self.finish_probe(key),
            _ => self.probe(key),
        }
    }

    /// The first message has arrived.
    pub(super) fn probed(&mut self, key: Key) {
        if self.finish_probe(key).is_err() {
            self.broke(key, libc::ECONNABORTED);
        }
    }

    fn finish_probe(&mut self, key: Key) -> io::Result<()> {
        let Some(link) = self.links[key as usize].as_mut() else { return Ok(()) };
        let addrs = match &mut link.wire {
            Wire::Cm(id) => {
                id.establish()?;
                id.addrs()
            }
            Wire::Tcp(stream) => {
                stream.write_all(&[READY])?;
                (stream.local_addr()?, stream.peer_addr()?)
            }
            Wire::None => return Ok(()),
        };
        self.opened(key, addrs);
        Ok(())
    }

    fn watch_socket(&mut self, key: Key, events: i16) {
        let token = self.token_next;
        self.token_next += 1;
        let Some(link) = self.links[key as usize].as_mut() else { return };
        let Wire::Tcp(stream) = &link.wire else { return };
        let fd = stream.as_raw_fd();
        self.sockets.remove(&link.token);
        link.token = token;
        self.sockets.insert(token, key);
        self.watch(fd, events, token);
    }

    /// This core has a TCP connection that was accepted, by whichever core: of RDMA, or the node's.
    pub fn accepted(&mut self, stream: TcpStream, now: Instant) {
        self.now = now;
        if self.links.len() >= OPENING_MAX || stream.set_nonblocking(true).is_err() {
            self.events.push_back(Event::Plain { stream });
            return;
        }
        let _ = stream.set_nodelay(true);
        let conn = ConnId(self.accepted_next);
        self.accepted_next += 1;
        let key = self.add(Link::new(conn, None, Opening::TcpPeek, Wire::Tcp(stream)));
        self.set_deadline(key, Some(now + PEEK));
        self.watch_socket(key, libc::POLLIN);
    }

    /// It wants no RDMA.
    fn give_back(&mut self, key: Key, stream: TcpStream) {
        self.remove(key);
        let _ = stream.set_nonblocking(false);
        self.events.push_back(Event::Plain { stream });
    }

    pub(super) fn on_socket(&mut self, token: u64) {
        let Some(key) = self.sockets.remove(&token) else { return };
        match self.step_socket(key) {
            Ok(true) => self.watch_socket(key, libc::POLLIN),
            Ok(false) => {}
            Err(e) => self.socket_failed(key, &e),
        }
    }

    fn socket_failed(&mut self, key: Key, e: &io::Error) {
        let Some(link) = self.links[key as usize].as_ref() else { return };
        match link.state {
            // Nobody listens there, over TCP neither.
            State::Opening(Opening::TcpConnect) => {
                let reason = CloseReason::Os(e.raw_os_error().unwrap_or(libc::ECONNREFUSED));
                self.events.push_back(Event::Closed { conn: link.conn, reason });
                self.drain(key);
            }
            _ => self.peer_gone(key),
        }
    }

    /// A socket is ready. Whether to watch it again.
    fn step_socket(&mut self, key: Key) -> io::Result<bool> {
        let link = self.links[key as usize].as_mut().expect("watched while it is there");
        let Wire::Tcp(stream) = &mut link.wire else { return Ok(false) };
        match &mut link.state {
            State::Opening(Opening::TcpConnect) => {
                if let Some(e) = stream.take_error()? {
                    return Err(e);
                }
                let _ = stream.set_nodelay(true);
                link.state = State::Opening(Opening::TcpAnswer(Vec::new()));
                self.make_and_tell(key)?;
                Ok(true)
            }
            State::Opening(Opening::TcpAnswer(got)) => {
                let Some(bytes) = gather(stream, got)? else { return Ok(true) };
                let (hello, place) =
                    Hello::decode_placed(&bytes).ok_or(io::ErrorKind::InvalidData)?;
                self.join(key, &hello, &place)?;
                self.begin_probe(key, Opening::TcpProbe)?;
                Ok(true)
            }
            State::Opening(Opening::TcpPeek) => {
                let mut head = [0; MAGIC.len()];
                match stream.peek(&mut head) {
                    // The hello comes in one piece, so its head is whole at once.
                    Ok(n) if n == head.len() && head == MAGIC => {
                        link.state = State::Opening(Opening::TcpHello(Vec::new()));
                        let patience = self.config.patience;
                        self.set_deadline(key, Some(self.now + patience));
                        self.step_socket(key)
                    }
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(true),
                    _ => {
                        self.opening_failed(key, false);
                        Ok(false)
                    }
                }
            }
            State::Opening(Opening::TcpHello(got)) => {
                let Some(bytes) = gather(stream, got)? else { return Ok(true) };
                let (hello, place) =
                    Hello::decode_placed(&bytes).ok_or(io::ErrorKind::InvalidData)?;
                link.state = State::Opening(Opening::TcpReady);
                let conn = link.conn;
                self.by_conn.insert(conn, key);
                self.make_and_tell(key)?;
                self.join(key, &hello, &place)?;
                Ok(true)
            }
            State::Opening(Opening::TcpReady) => {
                let mut byte = [0];
                match stream.read(&mut byte) {
                    Ok(1) if byte[0] == READY => {
                        let addrs = (stream.local_addr()?, stream.peer_addr()?);
                        self.opened(key, addrs);
                        Ok(true)
                    }
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(true),
                    Err(e) => Err(e),
                    Ok(_) => Err(io::ErrorKind::InvalidData.into()),
                }
            }
            // Nothing more is said over it: it has ended, and the peer with it.
            State::Opening(Opening::TcpProbe) | State::Open | State::Lingering => {
                let mut byte = [0];
                match stream.read(&mut byte) {
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(true),
                    _ => Err(io::ErrorKind::ConnectionReset.into()),
                }
            }
            State::Opening(_) | State::Draining => Ok(false),
        }
    }

    /// Makes the queue pair and tells the peer where it is.
    fn make_and_tell(&mut self, key: Key) -> io::Result<()> {
        self.make_pair(key)?;
        let hello = self.hello();
        let link = self.links[key as usize].as_mut().expect("the caller's");
        let (Wire::Tcp(stream), Some(pair)) = (&mut link.wire, &link.pair) else { return Ok(()) };
        pair.init()?;
        let place = Place {
            queue_pair: told(pair.number, self.config.fault),
            packet: link.packet,
            gid: self.gid,
            lid: self.lid,
            mtu: self.route.mtu,
        };
        // The first bytes on a new connection: they fit into its buffer.
        stream.write_all(&hello.encode_placed(&place))
    }

    fn join(&mut self, key: Key, hello: &Hello, place: &Place) -> io::Result<()> {
        self.agree(key, hello);
        let link = self.links[key as usize].as_ref().expect("the caller's");
        let pair = link.pair.as_ref().expect("made before");
        pair.connect(place, link.packet, self.route)
    }
}

/// The number of a queue pair, for the peer.
fn told(number: u32, fault: Option<Fault>) -> u32 {
    match fault {
        Some(Fault::Absent) => number ^ ABSENT,
        _ => number,
    }
}

/// Reads what there is of the peer's first word, until it is whole.
fn gather(stream: &mut TcpStream, got: &mut Vec<u8>) -> io::Result<Option<[u8; PLACED_BYTES]>> {
    const _: () = assert!(HELLO_BYTES < PLACED_BYTES);
    let mut bytes = [0; PLACED_BYTES];
    while got.len() < PLACED_BYTES {
        match stream.read(&mut bytes[..PLACED_BYTES - got.len()]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => got.extend_from_slice(&bytes[..n]),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(Some(got[..].try_into().expect("as long")))
}
