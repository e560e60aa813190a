//! What a message costs a node in user space: the messenger and a server that has nothing to do, without a
//! driver and a kernel.
//!
//! A client of the same process makes one receive's worth of requests, as many as 128 KiB hold: MOSDOp with one
//! write each, over a ready lossy session in crc mode. The server is given the same bytes again and again, and
//! answers each with MOSDOpReply. What is timed is from the bytes that came to the effects that are dropped, the
//! bytes in the cache.
//!
//! ```text
//! cargo build --release -p kermes-bench --example messenger_node
//! taskset -c 1 target/release/examples/messenger_node [turns in a sample, 300] [samples, 15] [bytes of data, 4096]
//! ```
//!
//! Prints nanoseconds for a message: least, median and most of the samples. The checksum is of the replies' bytes
//! and is the same before and after a change that is only faster.

use bytes::{Bytes, BytesMut};
use messenger::auth::crypto::CryptoKey;
use messenger::auth::{AuthMethod, AuthName, AuthServer, ClientAuth, EntityAuth, Mode, NoServer};
use messenger::messages::op::Op;
use messenger::messages::osd_op::{OsdOp, OsdOpHead, OsdOpReply, flag};
use messenger::messages::{TypedMessage, kind};
use messenger::table::{Event, Messenger, MessengerConfig, Policy};
use std::collections::BTreeMap;
use types::node::{ConnId, Effect, Input};
use types::time::{Instant, Now};
use types::{
    EVersion, EntityAddr, EntityAddrVec, EntityKind, EntityName, Epoch, ObjectLocator, OsdId, PgId,
    PoolId, ReqId, ShardedPgId, SnapContext, SnapId, UTime, features, hash::crc32c,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The largest receive of a busy connection, and the requests that are in it at most.
const RECEIVE_BYTES: usize = 128 << 10;
const REQUESTS_MAX: usize = 32;
/// More than a handshake takes of both ends.
const HANDSHAKE_TURNS_MAX: usize = 50;
const ACCEPTED: ConnId = ConnId(ConnId::ACCEPTED | 1);

type Fx = Vec<Effect<()>>;

fn now() -> Now {
    Now { mono: Instant(1_000_000_000), wall: UTime { sec: 1000, nsec: 0 } }
}

/// Believes every name.
struct Anybody;
impl AuthServer for Anybody {
    fn methods(&mut self, _: EntityKind) -> Vec<AuthMethod> {
        vec![AuthMethod::None]
    }
    fn modes(&mut self, _: EntityKind) -> Vec<Mode> {
        vec![Mode::Crc]
    }
    fn entity(&mut self, _: &AuthName) -> Option<EntityAuth> {
        let key = CryptoKey::new(UTime::default(), [0; 16]);
        Some(EntityAuth { key, caps: BTreeMap::new() })
    }
    fn service_secret(&mut self, _: EntityKind, _: u64) -> Option<CryptoKey> {
        None
    }
    fn current_secret(&mut self, _: EntityKind) -> Option<(u64, CryptoKey)> {
        None
    }
    fn new_global_id(&mut self) -> Option<u64> {
        Some(1)
    }
    fn service(&self) -> EntityKind {
        EntityKind::Osd
    }
}

/// An OSD that has nothing to do.
struct Server {
    messenger: Messenger,
    events: Vec<Event>,
}

impl Server {
    fn handle(&mut self, input: Input<()>, fx: &mut Fx) {
        let mut events = std::mem::take(&mut self.events);
        self.messenger.handle(now(), input, &mut Anybody, &mut events, fx);
        for event in events.drain(..) {
            match event {
                Event::Message { conn, mut msg, charge, .. } => {
                    assert_eq!(msg.kind, kind::OSD_OP);
                    let Ok(op) = OsdOp::take_from(&mut msg) else { panic!("{msg:?}") };
                    self.messenger.send(now(), conn, answer(op).into_message(msg.tid), fx);
                    self.messenger.release(conn, charge, fx);
                }
                Event::Closed { why, .. } => panic!("{why:?}"),
                _ => {}
            }
        }
        self.events = events;
    }
}

fn answer(mut op: OsdOp) -> OsdOpReply {
    op.ops.iter_mut().for_each(|op| op.input = Bytes::new());
    OsdOpReply {
        name: op.name,
        pg: op.head.pgid.pg,
        flags: op.head.flags as u64,
        result: 0,
        bad_replay_version: EVersion::default(),
        epoch: op.head.epoch,
        ops: op.ops,
        outcomes: Vec::new(),
        retry_attempt: op.retry_attempt,
        replay_version: EVersion::default(),
        user_version: 0,
    }
}

fn request(data: Bytes) -> OsdOp {
    let pool = PoolId(1);
    OsdOp {
        head: OsdOpHead {
            pgid: ShardedPgId::replicated(PgId { pool, seed: 0 }),
            hash: 0x1234_5678,
            epoch: Epoch(1),
            flags: flag::ACK | flag::ONDISK | flag::WRITE,
        },
        reqid: ReqId::default(),
        client_inc: 0,
        mtime: UTime::default(),
        locator: ObjectLocator::new(pool, ""),
        name: "object".to_owned(),
        ops: vec![Op::write(0, data)],
        snap: SnapId::HEAD,
        snapc: SnapContext::default(),
        retry_attempt: 0,
        features: features::PACIFIC,
    }
}

/// Takes what is to be sent out of `fx`, and drops the rest.
fn sent(fx: &mut Fx) -> Vec<u8> {
    let mut all = Vec::new();
    for effect in fx.drain(..) {
        match effect {
            Effect::Send { bufs, .. } => bufs.iter().for_each(|buf| all.extend_from_slice(buf)),
            Effect::Close { .. } => panic!("a connection was closed"),
            _ => {}
        }
    }
    all
}

/// A server with a ready session, and the bytes of as many requests as one receive holds.
fn prepare(data_bytes: usize) -> (Server, Vec<u8>, usize) {
    let [at, from] = ["127.0.0.1:6900", "127.0.0.1:5000"].map(|a| a.parse().expect("an address"));
    let addrs = EntityAddrVec::one(EntityAddr::msgr2(at, 1));
    let config = MessengerConfig::new(EntityName::osd(OsdId(0)), addrs.clone());
    let mut server = Server { messenger: Messenger::new(config, [1; 32]), events: Vec::new() };
    let name = EntityName::new(EntityKind::Client, 0);
    let mut config = MessengerConfig::new(name, EntityAddrVec::default());
    config.modes_to_service = vec![Mode::Crc];
    let mut client = Messenger::new(config, [2; 32]);
    let auth = ClientAuth::None { name: AuthName::new(EntityKind::Client, "bench"), global_id: 0 };
    let (mut events, mut to_server, mut to_client) = (Vec::new(), Vec::new(), Vec::new());
    let fx = &mut to_server;
    let conn = client.connect(now(), &addrs, EntityKind::Osd, Policy::Lossy, auth, fx);
    let accepted = Input::Accepted { conn: ACCEPTED, peer: from, local: at };
    server.handle(accepted, &mut to_client);
    let connected = Input::Connected { conn, local: from, peer: at };
    client.handle(now(), connected, &mut NoServer, &mut events, &mut to_server);
    for _ in 0..HANDSHAKE_TURNS_MAX {
        let buf = BytesMut::from(&sent(&mut to_server)[..]);
        server.handle(Input::Received { conn: ACCEPTED, buf }, &mut to_client);
        let buf = BytesMut::from(&sent(&mut to_client)[..]);
        let received = Input::Received { conn, buf };
        client.handle(now(), received, &mut NoServer, &mut events, &mut to_server);
    }
    assert!(events.iter().any(|event| matches!(event, Event::Ready { .. })), "{events:?}");
    let data = Bytes::from(vec![5; data_bytes]);
    let mut requests = Vec::new();
    for tid in 1..=REQUESTS_MAX {
        let message = request(data.clone()).into_message(tid as u64);
        client.send(now(), conn, message, &mut to_server);
        let frame = sent(&mut to_server);
        if requests.len() + frame.len() > RECEIVE_BYTES && !requests.is_empty() {
            return (server, requests, tid - 1);
        }
        requests.extend(frame);
    }
    (server, requests, REQUESTS_MAX)
}

fn main() {
    let number = |at: usize, default| {
        let given = std::env::args().nth(at);
        given.map_or(default, |arg| arg.parse::<usize>().expect("a number"))
    };
    let (turns, samples) = (number(1, 300).max(1), number(2, 15).max(1));
    let (mut server, requests, count) = prepare(number(3, 4096));
    let mut fx = Vec::new();
    let mut checksum = !0;
    let mut times = Vec::new();
    for _ in 0..samples {
        let mut spent = std::time::Duration::ZERO;
        for turn in 0..turns {
            let buf = BytesMut::from(&requests[..]);
            let since = std::time::Instant::now();
            server.handle(Input::Received { conn: ACCEPTED, buf }, &mut fx);
            let mut bytes = 0;
            for effect in fx.drain(..) {
                if let Effect::Send { bufs, .. } = effect {
                    bytes += bufs.iter().map(Bytes::len).sum::<usize>();
                    if turn == 0 {
                        checksum = bufs.iter().fold(checksum, |crc, buf| crc32c(crc, buf));
                    }
                }
            }
            server.handle(Input::Sent { conn: ACCEPTED, bytes }, &mut fx);
            spent += since.elapsed();
        }
        times.push(spent.as_nanos() as f64 / (turns * count) as f64);
    }
    times.sort_by(f64::total_cmp);
    let (least, median, most) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{count} requests of {} bytes, replies {checksum:08x}: {least:.1} {median:.1} {most:.1} ns for a message",
        requests.len() / count
    );
}
