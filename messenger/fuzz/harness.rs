//! What the fuzz targets run on their input; `tests/seeds.rs` runs the same on mutated seeds.
//! No input may panic, and no stranger may make us hold more than [`UNKNOWN_BYTES_MAX`].
#![allow(dead_code)]

use bytes::{Bytes, BytesMut};
use messenger::Message;
use messenger::auth::cephx::{self, ExpiringKey, Request, RotatingSecrets, TicketBlob, TicketInfo};
use messenger::auth::crypto::CryptoKey;
use messenger::auth::keyring::Keyring;
use messenger::auth::{AuthMethod, AuthName, AuthServer, ClientAuth, EntityAuth, Mode, Ticket};
use messenger::caps::{MonCaps, OsdCaps};
use messenger::frame::{FrameReader, SecureKeys, Step};
use messenger::messages::peer::{Heartbeat, OsdCores, PeerMessage};
use messenger::messages::{self, TypedMessage, internal};
use messenger::table::{Event, Limits, Messenger, MessengerConfig, Policy};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;
use types::enc::Decode;
use types::node::{ConnId, Effect, Input, recv_room};
use types::time::Now;
use types::{EntityAddr, EntityAddrVec, EntityKind, EntityName, Instant, UTime};

/// What one connection may make us hold before it has authenticated: one control frame and the
/// buffer around it.
pub const UNKNOWN_BYTES_MAX: usize = 256 << 10;

pub const NOW: Now = Now { mono: Instant(1), wall: UTime { sec: 1000, nsec: 0 } };
pub const KEY: CryptoKey = CryptoKey { created: UTime { sec: 1, nsec: 0 }, secret: [7; 16] };

/// Every name has [`KEY`], and so has every service.
pub struct OneKey;
impl AuthServer for OneKey {
    fn methods(&mut self, _: EntityKind) -> Vec<AuthMethod> {
        vec![AuthMethod::None, AuthMethod::Cephx]
    }
    fn modes(&mut self, _: EntityKind) -> Vec<Mode> {
        vec![Mode::Crc, Mode::Secure]
    }
    fn entity(&mut self, _: &AuthName) -> Option<EntityAuth> {
        let caps = BTreeMap::from([("mon".to_owned(), "allow *".to_owned())]);
        Some(EntityAuth { key: KEY, caps })
    }
    fn service_secret(&mut self, _: EntityKind, _: u64) -> Option<CryptoKey> {
        Some(KEY)
    }
    fn current_secret(&mut self, _: EntityKind) -> Option<(u64, CryptoKey)> {
        Some((1, KEY))
    }
    fn new_global_id(&mut self) -> Option<u64> {
        Some(4100)
    }
    fn service(&self) -> EntityKind {
        EntityKind::Mon
    }
}

pub fn rng() -> ChaCha12Rng {
    ChaCha12Rng::from_seed([3; 32])
}

fn addr(n: u8) -> EntityAddrVec {
    let sock = format!("10.0.0.{n}:6800").parse().expect("an address");
    EntityAddrVec::one(EntityAddr::msgr2(sock, n as u32))
}

/// The ends of the recorded sessions: 0 dials, 1 accepts.
pub fn end(n: u8) -> Messenger {
    let name = EntityName::new(if n == 0 { EntityKind::Osd } else { EntityKind::Mon }, n as i64);
    let mut config = MessengerConfig::new(name, addr(n + 1));
    config.lossless_peers = vec![EntityKind::Osd];
    Messenger::new(config, [n; 32])
}

/// Opens session number `what` (0..6: none, cephx to a monitor and with a ticket; lossy or not).
pub fn connect(dialler: &mut Messenger, what: u8, fx: &mut Vec<Effect<()>>) -> ConnId {
    let name = AuthName::new(EntityKind::Osd, "0");
    let credentials = match what % 3 {
        0 => ClientAuth::None { name, global_id: 0 },
        1 => ClientAuth::Mon { name, key: KEY, global_id: 0, old_ticket: None, services: 0x35 },
        _ => ClientAuth::Ticket { name: name.clone(), global_id: 9, ticket: ticket(&name) },
    };
    let policy = if what >= 3 { Policy::LosslessPeer } else { Policy::Lossy };
    dialler.connect(NOW, &addr(2), EntityKind::Mon, policy, credentials, fx)
}

fn ticket(name: &AuthName) -> Ticket {
    let caps = Default::default();
    let grant = cephx::grant(&mut OneKey, NOW.wall, &mut rng(), EntityKind::Mon, (name, 9), caps);
    let grant = grant.expect("OneKey has secrets");
    let (session_key, blob) = (grant.session_key, grant.blob);
    let expires = UTime { sec: 9000, nsec: 0 };
    Ticket { service: EntityKind::Mon, session_key, blob, expires, renew_after: expires }
}

/// A byte stream to the reader of frames; the first byte chooses the mode and the size of reads.
pub fn frame(bytes: &[u8]) {
    let Some((how, stream)) = bytes.split_first() else { return };
    let mut reader = FrameReader::default();
    if how & 1 != 0 {
        let keys = SecureKeys::from_secret(&[5; 64]).expect("64 bytes");
        reader.secure(&keys, how & 2 != 0);
    }
    let mut buf = BytesMut::new();
    for chunk in stream.chunks(1 + (how >> 3) as usize * 3) {
        buf.extend_from_slice(chunk);
        loop {
            match reader.next(&mut buf, &Limits::default(), how & 4 != 0) {
                Ok(Step::Need(wanted)) => {
                    assert!(wanted > buf.len());
                    break;
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }
}

/// Each end sends the same three messages once it is ready. Returns whether it did.
pub fn greet(m: &mut Messenger, events: &[Event], fx: &mut Vec<Effect<()>>) -> bool {
    let ready = events.iter().find_map(|e| match e {
        Event::Ready { conn, .. } => Some(*conn),
        _ => None,
    });
    let Some(conn) = ready else { return false };
    for len in [0, 30, 3000] {
        let front = Bytes::from(vec![7; len]);
        m.send(NOW, conn, Message { kind: 42, front, ..Message::default() }, fx);
    }
    true
}

/// A byte stream to a messenger. The first byte chooses the end and the session, the second the size
/// of reads. Returns how many messages arrived.
pub fn session(bytes: &[u8]) -> usize {
    let [how, size, stream @ ..] = bytes else { return 0 };
    let accepting = how & 1 != 0;
    let mut m = end(accepting as u8);
    let (mut events, mut fx) = (Vec::new(), Vec::new());
    let conn = match accepting {
        true => ConnId(ConnId::ACCEPTED),
        false => connect(&mut m, (how >> 1) % 6, &mut fx),
    };
    let (local, peer) = ("10.0.0.2:6800".parse().expect("ok"), "10.0.0.1:5".parse().expect("ok"));
    let first = match accepting {
        true => Input::Accepted { conn, local, peer },
        false => Input::Connected { conn, local, peer },
    };
    m.handle(NOW, first, &mut OneKey, &mut events, &mut fx);
    let mut at = 0;
    while at < stream.len() {
        let mut lent = None;
        for effect in fx.drain(..) {
            match effect {
                Effect::Recv { conn: c, buf } if c == conn => lent = Some(recv_room(buf, 4096)),
                Effect::Close { conn: c } if c == conn => return 0,
                _ => {}
            }
        }
        let Some(mut buf) = lent else { return 0 };
        let known = events.iter().any(|e| matches!(e, Event::Ready { .. }));
        assert!(known || buf.capacity() <= UNKNOWN_BYTES_MAX, "{} bytes", buf.capacity());
        let spare = buf.capacity() - buf.len();
        assert!(spare > 0);
        let len = (1 + *size as usize * 8).min(spare).min(stream.len() - at);
        buf.extend_from_slice(&stream[at..at + len]);
        at += len;
        m.handle(NOW, Input::Received { conn, buf }, &mut OneKey, &mut events, &mut fx);
        if !known {
            greet(&mut m, &events, &mut fx);
        }
        if events.iter().any(|e| matches!(e, Event::Closed { .. })) {
            return 0;
        }
    }
    events.iter().filter(|e| matches!(e, Event::Message { .. })).count()
}

/// Bytes to every decoder of cephx, keyrings and capabilities.
pub fn cephx(bytes: &[u8]) {
    let name = AuthName::new(EntityKind::Client, "a");
    let mut rng = rng();
    let wall = NOW.wall;
    let _ = Request::from_slice(bytes);
    let _ = cephx::mon::check(&mut OneKey, wall, &mut rng, &name, 0, 5, bytes, 64);
    let _ = cephx::mon::answer_renewal(&mut OneKey, wall, &mut rng, (&name, 9), 5, bytes);
    let _ = cephx::authorizer::check(&mut OneKey, bytes, Some(1), 2, 64, &mut rng);
    let x = cephx::mon::MonExchange {
        name: name.clone(),
        key: KEY,
        global_id: 0,
        old_ticket: None,
        services: 0x35,
    };
    let _ = cephx::mon::challenge_from(bytes);
    let _ = x.on_done(1, bytes, wall);
    let ticket = ticket(&name);
    let _ = cephx::mon::on_renewal(bytes, &ticket, wall, &mut BTreeMap::new());
    let _ = cephx::authorizer::Authorizer::new(9, &ticket, &mut rng).on_done(bytes);
    let _ = RotatingSecrets::from_slice(bytes);
    let _ = ExpiringKey::from_slice(bytes);
    let _ = CryptoKey::from_slice(bytes);
    // What follows decryption, too: a holder of the key may send anything.
    let sealed = KEY.seal(|out| out.extend_from_slice(bytes));
    let _ = TicketInfo::open(&TicketBlob { secret_id: 1, blob: Bytes::from(sealed) }, &KEY);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Keyring::parse(text);
        let _ = MonCaps::parse(text);
        let _ = OsdCaps::parse(text);
    }
}

/// A message between OSDs to its decoders.
pub fn peer(bytes: &[u8]) {
    if let Some(message) = peer_message(bytes) {
        check_peer(&message);
    }
}

/// The first byte chooses the kind, two more are the length of the front, and what follows the front
/// is the data segment.
pub fn peer_message(bytes: &[u8]) -> Option<Message> {
    let [kind, len_low, len_high, rest @ ..] = bytes else { return None };
    let len = u16::from_le_bytes([*len_low, *len_high]) as usize;
    let (front, data) = rest.split_at(len.min(rest.len()));
    Some(Message {
        kind: 0x6b10 + (*kind % 0x22) as u16,
        front: Bytes::copy_from_slice(front),
        data: Bytes::copy_from_slice(data).into(),
        ..Message::default()
    })
}

/// The input that leads [`peer`] to `message`.
pub fn peer_input(message: &Message) -> Vec<u8> {
    let mut out = vec![(message.kind - 0x6b10) as u8];
    out.extend((message.front.len() as u16).to_le_bytes());
    out.extend_from_slice(&message.front);
    out.extend_from_slice(&message.data.to_bytes());
    out
}

/// What decoding makes of a message can be sent again, and then says the same.
pub fn check_peer(message: &Message) {
    let pg = PeerMessage::peek_pg(message);
    if let Ok(m) = PeerMessage::decode(message) {
        assert_eq!(pg, Ok(m.pg));
        assert_eq!(PeerMessage::decode(&m.encode()), Ok(m));
    }
    if let Ok(beat) = Heartbeat::from_message(message) {
        assert_eq!(Heartbeat::from_message(&beat.into_message(0)), Ok(beat));
    }
    if let Ok(cores) = OsdCores::from_message(message) {
        assert_eq!(OsdCores::from_message(&cores.clone().into_message(0)), Ok(cores));
    }
}

/// Bytes of [`message`]'s input before the front: kind, and the length of the front.
const MESSAGE_HEAD: usize = 3;

/// The input that leads [`message`] to `front` as every kind in turn, the first one first.
pub fn message_input(front: &[u8], data: &[u8]) -> Vec<u8> {
    let mut out = vec![0];
    out.extend((front.len() as u16).to_le_bytes());
    out.extend_from_slice(front);
    out.extend_from_slice(data);
    out
}

/// Reads the bytes as each kind of message between clients, monitors and OSDs, the input's first
/// byte being its version. What is read can be sent again and read again.
pub fn message(bytes: &[u8]) {
    let Some((head, rest)) = bytes.split_at_checked(MESSAGE_HEAD) else { return };
    let len = u16::from_le_bytes([head[1], head[2]]) as usize;
    let (front, data) = rest.split_at(len.min(rest.len()));
    let whole = Message {
        front: Bytes::copy_from_slice(front),
        data: Bytes::copy_from_slice(data).into(),
        ..Message::default()
    };
    macro_rules! each {
        ($($t:ty),* $(,)?) => {$({
            let mut msg = whole.clone();
            let version = <$t>::VERSION.saturating_sub(head[0] as u16 % 4);
            (msg.kind, msg.version, msg.compat) = (<$t>::KIND, version, <$t>::COMPAT);
            if let Ok(value) = <$t>::from_message(&msg) {
                let again = value.into_message(1);
                assert!(<$t>::from_message(&again).is_ok(), "what was read can be sent");
            }
        })*};
    }
    each!(
        messages::MonMapUpdate,
        messages::Statfs,
        messages::StatfsReply,
        messages::Subscribe,
        messages::SubscribeAck,
        messages::Auth,
        messages::AuthReply,
        messages::GetVersion,
        messages::GetVersionReply,
        messages::Log,
        messages::LogAck,
        messages::MonCommand,
        messages::MonCommandAck,
        messages::Command,
        messages::CommandReply,
        messages::PoolOp,
        messages::PoolOpReply,
        messages::GetPoolStats,
        messages::PoolStatsReply,
        messages::OsdMapUpdate,
        messages::OsdOp,
        messages::OsdOpReply,
        messages::WatchNotify,
        messages::Backoff,
        messages::ConfigUpdate,
        messages::MgrMapUpdate,
        internal::OsdBoot,
        internal::OsdFailure,
        internal::OsdStats,
        internal::MarkDown,
        internal::MarkDownAck,
        internal::AliveRequest,
        internal::RotatingKeysRequest,
        internal::RotatingKeysReply,
        internal::PgTemp,
    );
}
