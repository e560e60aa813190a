//! Speaks with real Ceph programs: proof of frames, sessions and cephx, over blocking std sockets.
//!
//! ```text
//! handshake mon HOST:PORT KEYRING NAME crc|secure [OSD_HOST:PORT/NONCE]
//!     authenticates to a ceph-mon, fetches the monmap, then shows the ticket to an OSD
//! handshake serve HOST:PORT MONMAP KEYRING crc|secure SECONDS [OSDMAP OSD_HOST:PORT]
//!     a monitor that lets the entities of KEYRING in and knows nothing but its monmap; with an
//!     OSDMAP it sends that, too, every OSD being at OSD_HOST:PORT, where operations are only shown
//! ```
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use bytes::Bytes;
use messenger::Message;
use messenger::auth::cephx::{self, RotatingSecrets};
use messenger::auth::crypto::CryptoKey;
use messenger::auth::keyring::Keyring;
use messenger::auth::{AuthMethod, AuthName, AuthServer, ClientAuth, EntityAuth, Mode, NoServer};
use messenger::messages::{MgrMapUpdate, OsdMapUpdate, TypedMessage};
use messenger::table::{Event, Messenger, MessengerConfig, Policy};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use types::enc::Encode;
use types::node::{CloseReason, ConnId, Effect, Input, recv_room};
use types::time::Now;
use types::{AddrKind, EntityAddr, EntityAddrVec, EntityKind, EntityName, Instant, UTime};

type In = Input<()>;

struct Driver {
    messenger: Messenger,
    streams: BTreeMap<ConnId, TcpStream>,
    inputs: Receiver<In>,
    to_main: Sender<In>,
    accepted: Receiver<(ConnId, TcpStream)>,
    start: std::time::Instant,
}

impl Driver {
    fn new(config: MessengerConfig, listener: Option<TcpListener>) -> Self {
        let (to_main, inputs) = channel();
        let (to_accept, accepted) = channel();
        if let Some(listener) = listener {
            let to_main = to_main.clone();
            std::thread::spawn(move || {
                for (n, stream) in listener.incoming().enumerate() {
                    let stream = stream.expect("accept");
                    stream.set_nodelay(true).expect("nodelay");
                    let conn = ConnId(ConnId::ACCEPTED | n as u64);
                    let (local, peer) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
                    to_accept.send((conn, stream)).unwrap();
                    to_main.send(Input::Accepted { conn, local, peer }).unwrap();
                }
            });
        }
        let mut seed = [0; 32];
        std::fs::File::open("/dev/urandom").unwrap().read_exact(&mut seed).unwrap();
        Self {
            messenger: Messenger::new(config, seed),
            streams: BTreeMap::new(),
            inputs,
            to_main,
            accepted,
            start: std::time::Instant::now(),
        }
    }

    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let mono = Instant::ZERO + self.start.elapsed();
        Now { mono, wall: UTime::from_duration(wall) }
    }

    fn perform(&mut self, fx: Vec<Effect<()>>) {
        for effect in fx {
            match effect {
                Effect::Connect { conn, addr } => {
                    let input = match TcpStream::connect(addr) {
                        Ok(stream) => {
                            stream.set_nodelay(true).expect("nodelay");
                            let local = stream.local_addr().unwrap();
                            self.streams.insert(conn, stream);
                            Input::Connected { conn, local, peer: addr }
                        }
                        Err(e) => {
                            let reason = CloseReason::Os(e.raw_os_error().unwrap_or(5));
                            Input::Closed { conn, reason }
                        }
                    };
                    self.to_main.send(input).unwrap();
                }
                Effect::Recv { conn, buf } => {
                    let mut buf = recv_room(buf, 4096);
                    let mut stream = self.streams[&conn].try_clone().unwrap();
                    let to_main = self.to_main.clone();
                    std::thread::spawn(move || {
                        let old = buf.len();
                        buf.resize(buf.capacity(), 0);
                        let input = match stream.read(&mut buf[old..]) {
                            Ok(0) => Input::Closed { conn, reason: CloseReason::Eof },
                            Ok(n) => {
                                buf.truncate(old + n);
                                Input::Received { conn, buf }
                            }
                            Err(e) => {
                                let reason = CloseReason::Os(e.raw_os_error().unwrap_or(5));
                                Input::Closed { conn, reason }
                            }
                        };
                        let _ = to_main.send(input);
                    });
                }
                Effect::Send { conn, bufs } => {
                    let mut bytes = 0;
                    for buf in bufs {
                        bytes += buf.len();
                        let _ = self.streams.get_mut(&conn).unwrap().write_all(&buf);
                    }
                    self.to_main.send(Input::Sent { conn, bytes }).unwrap();
                }
                Effect::Close { conn } => {
                    if let Some(stream) = self.streams.remove(&conn) {
                        let _ = stream.shutdown(std::net::Shutdown::Both);
                    }
                }
                other => println!("effect {other:?}"),
            }
        }
    }

    /// Waits up to a second for the next events.
    fn turn(&mut self, auth: &mut dyn AuthServer) -> Vec<Event> {
        let mut events = Vec::new();
        let input = self.inputs.recv_timeout(Duration::from_millis(5)).unwrap_or(Input::Tick);
        self.streams.extend(self.accepted.try_iter());
        let mut fx = Vec::new();
        let now = self.now();
        self.messenger.handle(now, input, auth, &mut events, &mut fx);
        self.perform(fx);
        events
    }

    fn send(&mut self, conn: ConnId, msg: Message) {
        let mut fx = Vec::new();
        self.messenger.send(self.now(), conn, msg, &mut fx);
        self.perform(fx);
    }

    fn connect(&mut self, addr: EntityAddr, kind: EntityKind, auth: ClientAuth) -> ConnId {
        let mut fx = Vec::new();
        let target = EntityAddrVec::one(addr);
        let now = self.now();
        let conn = self.messenger.connect(now, &target, kind, Policy::Lossy, auth, &mut fx);
        self.perform(fx);
        conn
    }
}

fn mode(text: &str) -> Mode {
    match text {
        "crc" => Mode::Crc,
        "secure" => Mode::Secure,
        other => panic!("no mode {other}"),
    }
}

fn message(kind: u16, front: Vec<u8>) -> Message {
    Message {
        kind,
        priority: 196,
        version: 1,
        compat: 1,
        front: front.into(),
        ..Message::default()
    }
}

fn dial(args: &[String]) {
    let addr = EntityAddr::parse(&args[0], AddrKind::Msgr2).expect("address");
    let ring = Keyring::parse(&std::fs::read_to_string(&args[1]).expect("keyring")).expect("text");
    let name = AuthName::parse(&args[2]).expect("name");
    let key = ring.entries[&name].key;
    let mode = mode(&args[3]);
    let me = EntityName::new(EntityKind::Client, -1);
    let mut config = MessengerConfig::new(me, EntityAddrVec::default());
    config.modes_to_mon = vec![mode];
    config.modes_to_service = vec![mode];
    let mut driver = Driver::new(config, None);
    let auth =
        ClientAuth::Mon { name: name.clone(), key, global_id: 0, old_ticket: None, services: 0x35 };
    let mon = driver.connect(addr, EntityKind::Mon, auth);
    driver.send(mon, message(5, Vec::new()));
    let mut osd = None;
    let mut wanted = 1 + args.get(4).is_some() as u32;
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while wanted > 0 && std::time::Instant::now() < end {
        for event in driver.turn(&mut NoServer) {
            match event {
                Event::Ready { conn, peer, auth_reply, our_addr } => {
                    println!("ready {conn:?}: {} {:?} at {}", peer.name, peer.mode, peer.addrs);
                    println!("  we are {}", our_addr.unwrap());
                    if let Some(reply) = auth_reply {
                        println!("  id {}, tickets {:?}", reply.global_id, reply.tickets.keys());
                        if let Some(text) = args.get(4) {
                            let ticket = reply.tickets[&4].clone();
                            let addr = EntityAddr::parse(text, AddrKind::Msgr2).expect("address");
                            let auth = ClientAuth::Ticket {
                                name: name.clone(),
                                global_id: reply.global_id,
                                ticket,
                            };
                            osd = Some(driver.connect(addr, EntityKind::Osd, auth));
                        }
                    }
                    wanted -= (Some(conn) == osd) as u32;
                }
                Event::Message { conn, msg, .. } => {
                    println!("message {conn:?}: kind {} front {}", msg.kind, msg.front.len());
                    wanted -= (msg.kind == 4) as u32;
                }
                other => println!("{other:?}"),
            }
        }
    }
    println!("{}", if wanted == 0 { "ok" } else { "FAILED" });
    std::process::exit(wanted as i32);
}

#[derive(Clone)]
struct TinyMon {
    entities: BTreeMap<AuthName, EntityAuth>,
    secrets: RotatingSecrets,
    next_id: u64,
    modes: Vec<Mode>,
    service: EntityKind,
}
impl AuthServer for TinyMon {
    fn methods(&mut self, _: EntityKind) -> Vec<AuthMethod> {
        vec![AuthMethod::Cephx]
    }
    fn modes(&mut self, _: EntityKind) -> Vec<Mode> {
        self.modes.clone()
    }
    fn entity(&mut self, name: &AuthName) -> Option<EntityAuth> {
        self.entities.get(name).cloned()
    }
    fn service_secret(&mut self, _: EntityKind, id: u64) -> Option<CryptoKey> {
        self.secrets.get(id)
    }
    fn current_secret(&mut self, _: EntityKind) -> Option<(u64, CryptoKey)> {
        self.secrets.current()
    }
    fn new_global_id(&mut self) -> Option<u64> {
        self.next_id += 1;
        Some(self.next_id)
    }
    fn service(&self) -> EntityKind {
        self.service
    }
}

fn serve(args: &[String]) {
    let addr = EntityAddr::parse(&args[0], AddrKind::Msgr2).expect("address");
    let monmap = std::fs::read(&args[1]).expect("monmap");
    let ring = Keyring::parse(&std::fs::read_to_string(&args[2]).expect("keyring")).expect("text");
    let entities = ring
        .entries
        .into_iter()
        .map(|(name, e)| (name, EntityAuth { key: e.key, caps: e.caps }))
        .collect();
    let me = EntityName::new(EntityKind::Mon, 0);
    let listener = TcpListener::bind(addr.sock.unwrap()).expect("bind");
    let config = MessengerConfig::new(me, EntityAddrVec::one(addr));
    let mut driver = Driver::new(config, Some(listener));
    let mut secrets = RotatingSecrets::default();
    let mut rng = ChaCha12Rng::from_seed([1; 32]);
    secrets.rotate(driver.now().wall, Duration::from_secs(3600), &mut rng);
    let modes = vec![mode(&args[3])];
    let service = EntityKind::Mon;
    let mut auth = TinyMon { entities, secrets, next_id: 4100, modes, service };
    let mut osd = args.get(6).map(|text| {
        let addr = EntityAddr::parse(text, AddrKind::Msgr2).expect("address");
        let listener = TcpListener::bind(addr.sock.unwrap()).expect("bind");
        let me = EntityName::new(EntityKind::Osd, 0);
        let config = MessengerConfig::new(me, EntityAddrVec::one(addr));
        let auth = TinyMon { service: EntityKind::Osd, ..auth.clone() };
        (Driver::new(config, Some(listener)), auth)
    });
    let osd_map = args.get(5).map(|path| {
        let bytes = std::fs::read(path).expect("osdmap");
        let mut map = maps::OsdMap::decode(&bytes).expect("an OSDMap");
        let addr = EntityAddr::parse(&args[6], AddrKind::Msgr2).expect("address");
        map.addrs.iter_mut().for_each(|a| a.client = EntityAddrVec::one(addr));
        let fulls = BTreeMap::from([(map.epoch, Bytes::from(map.encode()))]);
        let (fsid, epoch) = (map.fsid, map.epoch);
        let incrementals = BTreeMap::new();
        OsdMapUpdate { fsid, incrementals, fulls, oldest: epoch, newest: epoch }.into_message(0)
    });
    let end = driver.now().mono + Duration::from_secs(args[4].parse().expect("seconds"));
    while driver.now().mono < end {
        if let Some((driver, auth)) = &mut osd {
            driver.turn(auth).into_iter().for_each(|event| println!("osd: {event:?}"));
        }
        for event in driver.turn(&mut auth) {
            let Event::Message { conn, msg, charge, .. } = event else {
                println!("{event:?}");
                continue;
            };
            let mut fx = Vec::new();
            driver.messenger.release(conn, charge, &mut fx);
            driver.perform(fx);
            println!("message {conn:?}: kind {} front {}", msg.kind, msg.front.len());
            let mut map = Vec::new();
            Bytes::from(monmap.clone()).encode(&mut map);
            match msg.kind {
                5 => driver.send(conn, message(4, map)),
                15 => {
                    driver.send(conn, message(4, map));
                    driver.send(conn, message(62, vec![0; 4]));
                    if let Some(map) = &osd_map {
                        driver.send(conn, MgrMapUpdate::default().into_message(0));
                        driver.send(conn, map.clone());
                    }
                }
                17 => {
                    // P (18 bytes), protocol, blob: a renewal.
                    let peer = driver.messenger.peer(conn).unwrap();
                    let who = (peer.auth_name.clone(), peer.global_id);
                    let challenge = peer.challenge;
                    let now = driver.now().wall;
                    let answer = cephx::mon::answer_renewal(
                        &mut auth,
                        now,
                        &mut rng,
                        (&who.0, who.1),
                        challenge,
                        &msg.front[26..],
                    );
                    println!("  renewal: {:?}", answer.map(|a| a.is_ok()));
                }
                50 => {
                    let mut ack = vec![0; 8];
                    ack.extend_from_slice(&[0xff; 2]);
                    ack.extend_from_slice(&[0; 8]);
                    (-22i32).encode(&mut ack);
                    "this monitor knows only its monmap".encode(&mut ack);
                    vec![String::new()].encode(&mut ack);
                    driver.send(conn, Message { tid: msg.tid, ..message(51, ack) });
                }
                _ => {}
            }
        }
    }
    println!("{:?}", driver.messenger.counters());
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((what, rest)) if what == "mon" => dial(rest),
        Some((what, rest)) if what == "serve" => serve(rest),
        _ => println!("see the head of examples/handshake.rs"),
    }
}
