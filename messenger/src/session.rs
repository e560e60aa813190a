//! One TCP connection of msgr2.1, both ends: banner, HELLO, authentication, signatures, then frames
//! (ceph-wire.md section 2). No I/O: bytes come in through [`Link::next`], go out through `out`.
//!
//! What IDENT and SESSION_* frames mean is decided by the table, which knows the other connections;
//! here they are only read and written.

mod handshake;
pub mod ident;

use crate::api::{CloseCause, Limits};
use crate::auth::cephx::authorizer::Authorizer;
use crate::auth::cephx::mon::MonExchange;
use crate::auth::crypto::CryptoKey;
use crate::auth::{AuthMethod, AuthName, AuthReply, AuthServer, ClientAuth, Mode, PeerCaps};
use crate::frame::{Frame, FrameError, FrameReader, FrameWriter, MessageHeader, Step, tag};
use crate::message::{Data, Message};
use bytes::{Bytes, BytesMut};
use ident::{ClientIdent, Reconnect, ServerIdent};
use rand_chacha::ChaCha12Rng;
use types::enc::{Decode, Encode, Reader};
use types::time::Now;
use types::{EntityAddr, EntityKind, UTime};

const BANNER: &[u8; 8] = b"ceph v2\n";
/// Features of the framing itself: bit 0 is revision 1, without which we speak to nobody.
const REVISION_1: u64 = 1;
/// Bound of what both ends sign: the handshake without its signatures.
const TRANSCRIPT_BYTES_MAX: usize = 512 << 10;
/// AUTH_REQUEST frames that one connection may try.
const AUTH_ATTEMPTS_MAX: u32 = 8;

/// What the handshake needs from outside, at each call.
pub struct LinkContext<'a> {
    pub now: Now,
    pub limits: &'a Limits,
    /// Our kind, for HELLO.
    pub kind: EntityKind,
    pub auth: &'a mut dyn AuthServer,
    pub rng: &'a mut ChaCha12Rng,
    /// Buffers to send, in order.
    pub out: &'a mut Vec<Bytes>,
    /// Wrong keys, unknown names and refused methods are counted here.
    pub auth_refused: &'a mut u64,
    pub frames_aborted: &'a mut u64,
}

/// Who the other end is, after authentication.
#[derive(Debug, Clone)]
pub struct Identity {
    pub name: AuthName,
    pub global_id: u64,
    pub caps: PeerCaps,
    pub method: AuthMethod,
    pub mode: Mode,
    /// As [`crate::api::PeerInfo::challenge`].
    pub challenge: u64,
    /// Dialling end, from a monitor.
    pub reply: Option<AuthReply>,
}

/// What a connection tells the table.
#[derive(Debug)]
pub enum LinkEvent {
    /// Dialling end: authenticated; send CLIENT_IDENT or SESSION_RECONNECT now.
    Authenticated,
    /// Dialling end: refused. `errno` is negative.
    AuthRefused {
        errno: i32,
        methods: Vec<u32>,
        modes: Vec<u32>,
    },
    ClientIdent(ClientIdent),
    Reconnect(Reconnect),
    ServerIdent(ServerIdent),
    ReconnectOk {
        seq: u64,
    },
    Reset,
    Retry {
        connect_seq: u64,
    },
    RetryGlobal {
        global_seq: u64,
    },
    Wait,
    MissingFeatures {
        features: u64,
    },
    Message {
        seq: u64,
        ack_seq: u64,
        msg: Message,
    },
    Ack {
        seq: u64,
    },
}

/// Which frame is expected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Banner,
    BannerPayload {
        len: usize,
    },
    Hello,
    /// Accepting: AUTH_REQUEST. Dialling: its answer.
    Auth,
    Signature,
    /// Accepting: CLIENT_IDENT or SESSION_RECONNECT. Dialling: the answer.
    Ident,
    Ready,
}

/// Where an exchange stands.
enum Exchange {
    /// Nothing yet (accepting), or nothing needed (none).
    Start,
    /// Dialling a monitor.
    Mon(MonExchange),
    /// Dialling another service.
    Service(Authorizer),
    /// Accepting at a monitor: the challenge is out.
    MonChallenged { name: AuthName, global_id: u64, challenge: u64, mode: Mode },
    /// Accepting with an authorizer: the challenge is out.
    ServiceChallenged { challenge: u64, mode: Mode },
}

pub struct Link {
    accepted: bool,
    state: State,
    reader: FrameReader,
    writer: FrameWriter,
    /// Bytes that the next frame needs, as far as known.
    wanted: usize,
    /// What was received and sent so far, until the signatures are checked.
    received: Vec<u8>,
    sent: Vec<u8>,
    exchange: Exchange,
    credentials: Option<ClientAuth>,
    /// Dialling: modes to offer, best first.
    modes: Vec<Mode>,
    attempts: u32,
    session_key: Option<CryptoKey>,
    socket: EntityAddr,
    peer_kind: Option<EntityKind>,
    expected_kind: Option<EntityKind>,
    our_addr: Option<EntityAddr>,
    identity: Option<Identity>,
    /// A monitor's challenge, once it is out.
    challenge: u64,
}

fn broken(rule: &'static str) -> CloseCause {
    CloseCause::Protocol(rule)
}
impl From<FrameError> for CloseCause {
    fn from(e: FrameError) -> Self {
        Self::Protocol(e.rule())
    }
}

impl Link {
    /// The accepting end. `socket`: the peer's TCP address.
    pub fn accept(socket: EntityAddr) -> Self {
        Self::new(true, socket, None, None, Vec::new())
    }

    /// The dialling end; `modes` best first.
    pub fn dial(
        socket: EntityAddr,
        peer: EntityKind,
        credentials: ClientAuth,
        modes: Vec<Mode>,
    ) -> Self {
        Self::new(false, socket, Some(peer), Some(credentials), modes)
    }

    fn new(
        accepted: bool,
        socket: EntityAddr,
        expected_kind: Option<EntityKind>,
        credentials: Option<ClientAuth>,
        modes: Vec<Mode>,
    ) -> Self {
        Self {
            accepted,
            state: State::Banner,
            reader: FrameReader::default(),
            writer: FrameWriter::default(),
            wanted: 0,
            received: Vec::new(),
            sent: Vec::new(),
            exchange: Exchange::Start,
            credentials,
            modes,
            attempts: 0,
            session_key: None,
            socket,
            peer_kind: None,
            expected_kind,
            our_addr: None,
            identity: None,
            challenge: 0,
        }
    }

    /// Call once when TCP stands: the banner goes out at once, both ends alike.
    pub fn start(&mut self, out: &mut Vec<Bytes>) {
        let mut banner = BANNER.to_vec();
        16u16.encode(&mut banner);
        REVISION_1.encode(&mut banner);
        REVISION_1.encode(&mut banner);
        self.sent.extend_from_slice(&banner);
        out.push(banner.into());
    }

    pub fn is_ready(&self) -> bool {
        self.state == State::Ready
    }
    /// From HELLO.
    pub fn peer_kind(&self) -> Option<EntityKind> {
        self.peer_kind
    }
    /// Our address as the peer sees it, from HELLO.
    pub fn our_addr(&self) -> Option<EntityAddr> {
        self.our_addr
    }
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }
    pub fn accepted(&self) -> bool {
        self.accepted
    }

    /// Where the data of the frame that has begun lie in it.
    pub fn data_at(&self) -> Option<usize> {
        self.reader.data_at()
    }

    /// The next event in `buf`, or how many bytes `buf` must hold before there can be one.
    /// After an error the connection must be closed.
    pub fn next(
        &mut self,
        cx: &mut LinkContext<'_>,
        buf: &mut BytesMut,
    ) -> Result<Result<LinkEvent, usize>, CloseCause> {
        loop {
            match self.state {
                State::Banner => {
                    let at = buf.len().min(BANNER.len());
                    // A stranger is told from the first wrong byte, without waiting for eight.
                    if buf[..at] != BANNER[..at] {
                        return Err(broken("banner"));
                    }
                    if buf.len() < BANNER.len() + 2 {
                        return Ok(Err(BANNER.len() + 2));
                    }
                    let len = u16::from_le_bytes([buf[8], buf[9]]) as usize;
                    if !(16..=1024).contains(&len) {
                        return Err(broken("banner length"));
                    }
                    let head = buf.split_to(BANNER.len() + 2);
                    self.log_received(&head)?;
                    self.state = State::BannerPayload { len };
                }
                State::BannerPayload { len } => {
                    if buf.len() < len {
                        return Ok(Err(len));
                    }
                    let payload = buf.split_to(len);
                    self.log_received(&payload)?;
                    let mut r = Reader::new(&payload);
                    let supported = r.u64().map_err(|_| broken("banner"))?;
                    let required = r.u64().map_err(|_| broken("banner"))?;
                    if supported & REVISION_1 == 0 || required & !REVISION_1 != 0 {
                        return Err(broken("msgr2 revision"));
                    }
                    self.state = State::Hello;
                    let mut hello = vec![cx.kind as u8];
                    self.socket.encode(&mut hello);
                    self.control(tag::HELLO, &hello, cx.out)?;
                }
                _ => {
                    if buf.len() < self.wanted {
                        return Ok(Err(self.wanted));
                    }
                    let logged = matches!(self.state, State::Hello | State::Auth);
                    // Segments share the buffer, so what is signed is copied before it is cut.
                    let before = logged.then(|| buf.clone());
                    let ready = self.state == State::Ready;
                    self.wanted = 0;
                    // Taken apart where it is: a frame that goes through `?` is copied once more.
                    match self.reader.next(buf, cx.limits, ready) {
                        Err(e) => return Err(e.into()),
                        Ok(Step::Need(bytes)) => {
                            self.wanted = bytes;
                            return Ok(Err(bytes));
                        }
                        Ok(Step::Aborted) => *cx.frames_aborted += 1,
                        Ok(Step::Frame(frame)) if ready && frame.tag == tag::MESSAGE => {
                            return Ok(Ok(message_from(frame)));
                        }
                        Ok(Step::Frame(frame)) => {
                            if let Some(before) = before {
                                let used = before.len() - buf.len();
                                self.log_received(&before[..used])?;
                            }
                            if let Some(event) = self.on_frame(cx, frame)? {
                                return Ok(Ok(event));
                            }
                        }
                    }
                }
            }
        }
    }

    fn log_received(&mut self, bytes: &[u8]) -> Result<(), CloseCause> {
        if self.received.len() + bytes.len() > TRANSCRIPT_BYTES_MAX {
            return Err(broken("handshake length"));
        }
        self.received.extend_from_slice(bytes);
        Ok(())
    }

    fn control(&mut self, tag: u8, payload: &[u8], out: &mut Vec<Bytes>) -> Result<(), CloseCause> {
        let bytes = self.writer.control(tag, payload)?;
        if matches!(self.state, State::Hello | State::Auth) {
            self.sent.extend_from_slice(&bytes);
        }
        out.push(bytes);
        Ok(())
    }

    fn on_frame(
        &mut self,
        cx: &mut LinkContext<'_>,
        frame: Frame,
    ) -> Result<Option<LinkEvent>, CloseCause> {
        match self.state {
            State::Banner | State::BannerPayload { .. } => unreachable!("no frames before HELLO"),
            State::Hello | State::Auth | State::Signature => self.on_handshake(cx, frame),
            State::Ident => self.on_ident(frame).map(Some),
            State::Ready => self.on_ready(cx, frame),
        }
    }

    fn on_ident(&mut self, frame: Frame) -> Result<LinkEvent, CloseCause> {
        let payload = &frame.segments[0];
        let garbled = |_| broken("IDENT payload");
        let mut r = Reader::new(payload);
        Ok(match (frame.tag, self.accepted) {
            (tag::CLIENT_IDENT, true) => LinkEvent::ClientIdent(r.get().map_err(garbled)?),
            (tag::SESSION_RECONNECT, true) => LinkEvent::Reconnect(r.get().map_err(garbled)?),
            (tag::SERVER_IDENT, false) => LinkEvent::ServerIdent(r.get().map_err(garbled)?),
            (tag::SESSION_RECONNECT_OK, false) => {
                LinkEvent::ReconnectOk { seq: r.u64().map_err(garbled)? }
            }
            (tag::SESSION_RESET, false) => LinkEvent::Reset,
            (tag::SESSION_RETRY, false) => {
                LinkEvent::Retry { connect_seq: r.u64().map_err(garbled)? }
            }
            (tag::SESSION_RETRY_GLOBAL, false) => {
                LinkEvent::RetryGlobal { global_seq: r.u64().map_err(garbled)? }
            }
            (tag::WAIT, false) => LinkEvent::Wait,
            (tag::IDENT_MISSING_FEATURES, false) => {
                LinkEvent::MissingFeatures { features: r.u64().map_err(garbled)? }
            }
            _ => return Err(broken("frame before the session is ready")),
        })
    }

    fn on_ready(
        &mut self,
        cx: &mut LinkContext<'_>,
        frame: Frame,
    ) -> Result<Option<LinkEvent>, CloseCause> {
        let payload = &frame.segments[0];
        match frame.tag {
            tag::ACK => {
                let seq = u64::from_slice(payload).map_err(|_| broken("ACK payload"))?;
                return Ok(Some(LinkEvent::Ack { seq }));
            }
            tag::KEEPALIVE2 => {
                UTime::from_slice(payload).map_err(|_| broken("KEEPALIVE2 payload"))?;
                let echo = payload.clone();
                self.control(tag::KEEPALIVE2_ACK, &echo, cx.out)?;
            }
            tag::KEEPALIVE2_ACK => {}
            _ => return Err(broken("frame on a ready session")),
        }
        Ok(None)
    }

    /// Writes CLIENT_IDENT or SESSION_RECONNECT (dialling), or the answer that leaves the session
    /// undecided (accepting: SESSION_RESET, SESSION_RETRY, SESSION_RETRY_GLOBAL, WAIT,
    /// IDENT_MISSING_FEATURES).
    pub fn send_ident(
        &mut self,
        tag: u8,
        payload: &[u8],
        out: &mut Vec<Bytes>,
    ) -> Result<(), CloseCause> {
        self.control(tag, payload, out)
    }

    /// The session stands: messages may flow from now on.
    pub fn set_ready(&mut self) {
        debug_assert_eq!(self.state, State::Ident);
        self.state = State::Ready;
    }

    pub fn send_keepalive(&mut self, now: Now, out: &mut Vec<Bytes>) -> Result<(), CloseCause> {
        self.control(tag::KEEPALIVE2, &now.wall.to_vec(), out)
    }

    pub fn send_ack(&mut self, seq: u64, out: &mut Vec<Bytes>) -> Result<(), CloseCause> {
        self.control(tag::ACK, &seq.to_le_bytes(), out)
    }

    /// Appends the frame to `out`: its length.
    pub fn send_message(
        &mut self,
        seq: u64,
        ack_seq: u64,
        msg: &Message,
        out: &mut Vec<Bytes>,
    ) -> Result<usize, CloseCause> {
        let &Message { tid, kind, priority, version, compat, .. } = msg;
        let header = MessageHeader { seq, tid, kind, priority, version, compat, ack_seq };
        Ok(self.writer.message(&header, &msg.front, &msg.middle, &msg.data, out)?)
    }
}

#[inline]
fn message_from(frame: Frame) -> LinkEvent {
    let [_, front, middle, data] = frame.segments;
    let mut data = Data::from(data);
    if let Some(crc) = frame.data_crc {
        data.set_crc(crc);
    }
    let MessageHeader { seq, tid, kind, priority, version, compat, ack_seq } = frame.header;
    let msg = Message { kind, tid, priority, version, compat, front, middle, data };
    LinkEvent::Message { seq, ack_seq, msg }
}
