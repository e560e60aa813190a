//! Frames of msgr2.1: preamble, up to four segments, epilogue (ceph-wire.md section 2).
//!
//! [`FrameReader`] cuts frames out of a receive buffer without copying, [`FrameWriter`] makes the
//! small buffers around what is sent. Both have a crc mode, in which payloads are not touched, and a
//! secure mode (AES-128-GCM), which decrypts in place.

mod header;

pub use header::{MESSAGE_HEADER, MessageHeader};

use crate::api::Limits;
use crate::message::Data;
use aes_gcm::aead::{AeadInPlace, KeyInit};
use aes_gcm::{Aes128Gcm, Nonce};
use bytes::{Buf, Bytes, BytesMut};
use std::fmt;
use types::hash::crc32c;

/// Frame tags.
pub mod tag {
    pub const HELLO: u8 = 1;
    pub const AUTH_REQUEST: u8 = 2;
    pub const AUTH_BAD_METHOD: u8 = 3;
    pub const AUTH_REPLY_MORE: u8 = 4;
    pub const AUTH_REQUEST_MORE: u8 = 5;
    pub const AUTH_DONE: u8 = 6;
    pub const AUTH_SIGNATURE: u8 = 7;
    pub const CLIENT_IDENT: u8 = 8;
    pub const SERVER_IDENT: u8 = 9;
    pub const IDENT_MISSING_FEATURES: u8 = 10;
    pub const SESSION_RECONNECT: u8 = 11;
    pub const SESSION_RESET: u8 = 12;
    pub const SESSION_RETRY: u8 = 13;
    pub const SESSION_RETRY_GLOBAL: u8 = 14;
    pub const SESSION_RECONNECT_OK: u8 = 15;
    pub const WAIT: u8 = 16;
    pub const MESSAGE: u8 = 17;
    pub const KEEPALIVE2: u8 = 18;
    pub const KEEPALIVE2_ACK: u8 = 19;
    pub const ACK: u8 = 20;
}

const PREAMBLE: usize = 32;
/// Bytes of segment 0 that travel in the preamble's GCM message.
const INLINE: usize = 48;
const GCM_TAG: usize = 16;
const SECURE_HEAD: usize = PREAMBLE + INLINE + GCM_TAG;
const EPILOGUE_CRC: usize = 13;
const EPILOGUE_SECURE: usize = 16;
const LATE_COMPLETE: u8 = 0xe;
const LATE_ABORTED: u8 = 0x1;
/// What Ceph writes as the alignment of each segment; readers ignore it.
const ALIGNMENTS: [u16; 4] = [8, 8, 8, 4096];
/// Bound of every control frame. The largest real one is AUTH_DONE with its tickets.
pub const CONTROL_BYTES_MAX: usize = 64 << 10;
/// Fronts up to here are copied behind the header: cheaper than one more buffer in the list.
const FRONT_COPIED_MAX: usize = 512;

/// Why a frame is refused. The connection cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    PreambleCrc,
    UnknownTag(u8),
    /// A MESSAGE before the session is ready.
    Early,
    SegmentCount(u8),
    /// Compression was not negotiated.
    Flags(u8),
    /// More than one segment and the last one empty.
    EmptyLastSegment,
    TooLong {
        segment: usize,
        bytes: u32,
    },
    SegmentCrc {
        segment: usize,
    },
    LateStatus(u8),
    /// A GCM message that was changed on its way.
    Tampered,
    /// 2^64 messages under one key.
    CounterWrapped,
}
impl FrameError {
    /// The rule that was broken, for logs and close causes.
    pub fn rule(self) -> &'static str {
        match self {
            Self::PreambleCrc => "preamble crc",
            Self::UnknownTag(_) => "frame tag",
            Self::Early => "message before the session is ready",
            Self::SegmentCount(_) => "segment count",
            Self::Flags(_) => "frame flags",
            Self::EmptyLastSegment => "empty last segment",
            Self::TooLong { .. } => "segment length",
            Self::SegmentCrc { .. } => "segment crc",
            Self::LateStatus(_) => "late status",
            Self::Tampered => "authentication tag",
            Self::CounterWrapped => "nonce counter",
        }
    }
}
impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad frame: {}", self.rule())
    }
}
impl std::error::Error for FrameError {}

fn padded(len: usize) -> usize {
    len.next_multiple_of(16)
}

/// One direction's AES-128-GCM state.
struct Gcm {
    cipher: Aes128Gcm,
    prefix: [u8; 4],
    counter: u64,
    used_up: bool,
}
impl Gcm {
    fn new(key: &[u8; 16], nonce: &[u8; 12]) -> Self {
        let (prefix, counter) = nonce.split_at(4);
        Self {
            cipher: Aes128Gcm::new(key.into()),
            prefix: prefix.try_into().expect("4 bytes"),
            counter: u64::from_le_bytes(counter.try_into().expect("8 bytes")),
            used_up: false,
        }
    }

    fn nonce(&mut self) -> Result<[u8; 12], FrameError> {
        if self.used_up {
            return Err(FrameError::CounterWrapped);
        }
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&self.prefix);
        nonce[4..].copy_from_slice(&self.counter.to_le_bytes());
        self.counter = self.counter.wrapping_add(1);
        // Ends with the number range, long before the random start comes round.
        self.used_up = self.counter == u64::MAX;
        Ok(nonce)
    }

    /// Decrypts `bytes`, which ends with the tag, in place.
    fn open(&mut self, bytes: &mut [u8]) -> Result<(), FrameError> {
        let nonce = self.nonce()?;
        let (body, tag) = bytes.split_at_mut(bytes.len() - GCM_TAG);
        self.cipher
            .decrypt_in_place_detached(Nonce::from_slice(&nonce), b"", body, (&*tag).into())
            .map_err(|_| FrameError::Tampered)
    }

    /// Encrypts `out[start..]` in place and appends the tag.
    fn seal(&mut self, out: &mut BytesMut, start: usize) -> Result<(), FrameError> {
        let nonce = self.nonce()?;
        let tag = self
            .cipher
            .encrypt_in_place_detached(Nonce::from_slice(&nonce), b"", &mut out[start..])
            .map_err(|_| FrameError::CounterWrapped)?;
        out.extend_from_slice(&tag);
        Ok(())
    }
}

/// Key and nonces that both ends of a secure connection derive from the connection secret.
#[derive(Clone, Copy)]
pub struct SecureKeys {
    key: [u8; 16],
    to_server: [u8; 12],
    to_client: [u8; 12],
}
impl SecureKeys {
    pub const SECRET_LEN: usize = 64;

    /// `None` if the secret is too short.
    pub fn from_secret(secret: &[u8]) -> Option<Self> {
        Some(Self {
            key: secret.get(..16)?.try_into().ok()?,
            to_client: secret.get(16..28)?.try_into().ok()?,
            to_server: secret.get(28..40)?.try_into().ok()?,
        })
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Head {
    tag: u8,
    count: usize,
    lens: [usize; 4],
    total: usize,
}

/// A frame. Segments share the receive buffer's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub tag: u8,
    /// Segment 0 of a MESSAGE.
    pub header: MessageHeader,
    /// The first one of a MESSAGE is in `header` and empty here.
    pub segments: [Bytes; 4],
    /// [`Data::crc`] of the last segment, in crc mode: it came with the frame and was verified.
    pub data_crc: Option<u32>,
}

impl Frame {
    fn new(tag: u8) -> Self {
        Self { tag, header: MessageHeader::default(), segments: Default::default(), data_crc: None }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    Frame(Frame),
    /// The sender gave this frame up; it was dropped.
    Aborted,
    /// Nothing more until the buffer holds this many bytes.
    Need(usize),
}

/// Cuts frames out of a byte stream.
#[derive(Default)]
pub struct FrameReader {
    gcm: Option<Box<Gcm>>,
    /// A frame has begun and is not at hand as a whole.
    begun: bool,
    /// The last preamble as it came, if it says `head`. Those of one stream have few sizes, and of the same
    /// bytes nothing has to be checked again.
    known: Option<[u8; PREAMBLE]>,
    head: Head,
}

impl FrameReader {
    /// From the next frame on the stream is encrypted. `server`: this end accepted the connection.
    pub fn secure(&mut self, keys: &SecureKeys, server: bool) {
        let nonce = if server { &keys.to_server } else { &keys.to_client };
        self.gcm = Some(Box::new(Gcm::new(&keys.key, nonce)));
        self.known = None;
    }

    /// Where the data of the frame that has begun lie, from its first byte on. `None` between frames,
    /// and for frames without.
    pub fn data_at(&self) -> Option<usize> {
        let head = Some(&self.head).filter(|head| self.begun && head.lens[3] > 0)?;
        let [_, front, middle, _] = head.lens;
        Some(match self.gcm {
            Some(_) => SECURE_HEAD + padded(front) + padded(middle),
            None => PREAMBLE + MESSAGE_HEADER + 4 + front + middle,
        })
    }

    /// Takes the next frame from the front of `buf`. Without `messages` a MESSAGE is refused by its
    /// preamble, so that a stranger cannot make us hold more than a control frame. `limits` are the same
    /// at each call.
    pub fn next(
        &mut self,
        buf: &mut BytesMut,
        limits: &Limits,
        messages: bool,
    ) -> Result<Step, FrameError> {
        if !self.begun {
            let wanted = if self.gcm.is_some() { SECURE_HEAD } else { PREAMBLE };
            if buf.len() < wanted {
                return Ok(Step::Need(wanted));
            }
            if let Some(gcm) = &mut self.gcm {
                gcm.open(&mut buf[..SECURE_HEAD])?;
            }
            let bytes = buf.first_chunk().expect("it is long enough");
            if self.known.as_ref() != Some(bytes) {
                self.known = None;
                self.head = parse_preamble(bytes, self.gcm.is_some(), limits)?;
                self.known = Some(*bytes);
            }
            if self.head.tag == tag::MESSAGE && !messages {
                return Err(FrameError::Early);
            }
        }
        let head = &self.head;
        self.begun = buf.len() < head.total;
        if self.begun {
            return Ok(Step::Need(head.total));
        }
        let frame = buf.split_to(head.total);
        match &mut self.gcm {
            Some(gcm) => secure_frame(gcm, frame, head),
            None => crc_frame(frame, head),
        }
    }
}

fn parse_preamble(p: &[u8; PREAMBLE], secure: bool, limits: &Limits) -> Result<Head, FrameError> {
    let crc = u32::from_le_bytes(p[28..32].try_into().expect("4 bytes"));
    if crc32c(0, &p[..28]) != crc {
        return Err(FrameError::PreambleCrc);
    }
    let (tag, count) = (p[0], p[1]);
    if !(tag::HELLO..=tag::ACK).contains(&tag) {
        return Err(FrameError::UnknownTag(tag));
    }
    if count == 0 || count > 4 || (tag != tag::MESSAGE && count != 1) {
        return Err(FrameError::SegmentCount(count));
    }
    if p[26] != 0 {
        return Err(FrameError::Flags(p[26]));
    }
    let bounds = match tag {
        tag::MESSAGE => [
            MESSAGE_HEADER as u32,
            limits.front_bytes_max,
            limits.middle_bytes_max,
            limits.data_bytes_max,
        ],
        _ => [CONTROL_BYTES_MAX as u32, 0, 0, 0],
    };
    let count = count as usize;
    let mut lens = [0; 4];
    for segment in 0..4 {
        let at = 2 + 6 * segment;
        let bytes = u32::from_le_bytes(p[at..at + 4].try_into().expect("4 bytes"));
        if segment >= count {
            continue;
        }
        if bytes > bounds[segment] {
            return Err(FrameError::TooLong { segment, bytes });
        }
        lens[segment] = bytes as usize;
    }
    if tag == tag::MESSAGE && lens[0] != MESSAGE_HEADER {
        return Err(FrameError::TooLong { segment: 0, bytes: lens[0] as u32 });
    }
    if count > 1 && lens[count - 1] == 0 {
        return Err(FrameError::EmptyLastSegment);
    }
    let mut total = 0;
    if secure {
        total += SECURE_HEAD;
        if lens[0] > INLINE {
            total += padded(lens[0] - INLINE) + GCM_TAG;
        }
        if count > 1 {
            total += lens[1..count].iter().map(|len| padded(*len)).sum::<usize>();
            total += EPILOGUE_SECURE + GCM_TAG;
        }
    } else {
        total += PREAMBLE + lens[0] + if lens[0] > 0 { 4 } else { 0 };
        if count > 1 {
            total += lens[1..count].iter().sum::<usize>() + EPILOGUE_CRC;
        }
    }
    Ok(Head { tag, count, lens, total })
}

fn late_status(status: u8) -> Result<bool, FrameError> {
    match status & 0xf {
        LATE_COMPLETE => Ok(true),
        LATE_ABORTED => Ok(false),
        _ => Err(FrameError::LateStatus(status)),
    }
}

#[inline]
fn crc_frame(mut frame: BytesMut, head: &Head) -> Result<Step, FrameError> {
    let word = |at: usize| u32::from_le_bytes(frame[at..at + 4].try_into().expect("4 bytes"));
    let first = PREAMBLE..PREAMBLE + head.lens[0];
    let mut rest = first.end;
    if !first.is_empty() {
        if crc32c(!0, &frame[first.clone()]) != word(first.end) {
            return Err(FrameError::SegmentCrc { segment: 0 });
        }
        rest += 4;
    }
    let mut data_crc = None;
    if head.count > 1 {
        let epilogue = head.total - EPILOGUE_CRC;
        // An aborted frame's segments are filler; their checksums say nothing.
        if !late_status(frame[epilogue])? {
            return Ok(Step::Aborted);
        }
        let mut at = rest;
        for segment in 1..head.count {
            let end = at + head.lens[segment];
            let crc = word(epilogue + 1 + 4 * (segment - 1));
            if crc32c(!0, &frame[at..end]) != crc {
                return Err(FrameError::SegmentCrc { segment });
            }
            data_crc = (segment == 3).then_some(crc);
            at = end;
        }
    }
    if head.tag == tag::MESSAGE {
        let header = frame[PREAMBLE..].first_chunk().expect("parse_preamble checked it");
        let header = MessageHeader::decode(header);
        frame.advance(rest);
        let segments = segments(frame.freeze(), head, 1);
        return Ok(Step::Frame(Frame { tag: tag::MESSAGE, header, segments, data_crc }));
    }
    let mut whole = Frame::new(head.tag);
    frame.truncate(first.end);
    frame.advance(first.start);
    whole.segments[0] = frame.freeze();
    Ok(Step::Frame(whole))
}

/// The segments of a MESSAGE that lie behind its header, each at a multiple of `unit`.
#[inline]
fn segments(mut bytes: Bytes, head: &Head, unit: usize) -> [Bytes; 4] {
    let bytes = &mut bytes;
    [
        Bytes::new(),
        segment(bytes, head, 1, unit),
        segment(bytes, head, 2, unit),
        segment(bytes, head, 3, unit),
    ]
}

/// The last one is what is left: each cut costs a reference more to the memory that they share.
#[inline(always)]
fn segment(bytes: &mut Bytes, head: &Head, index: usize, unit: usize) -> Bytes {
    let len = head.lens[index];
    match head.count - 1 {
        // Taken as it is: what may be behind it is filler.
        last if index == last => {
            bytes.truncate(len);
            std::mem::take(bytes)
        }
        last if index < last && len > 0 => {
            let taken = bytes.split_to(len);
            bytes.advance(len.next_multiple_of(unit) - len);
            taken
        }
        _ => Bytes::new(),
    }
}

fn secure_frame(gcm: &mut Gcm, mut frame: BytesMut, head: &Head) -> Result<Step, FrameError> {
    let mut whole = Frame::new(head.tag);
    let mut at = SECURE_HEAD;
    if head.lens[0] > INLINE {
        let rest = head.lens[0] - INLINE;
        let end = at + padded(rest) + GCM_TAG;
        gcm.open(&mut frame[at..end])?;
        // Only control frames of the handshake are so long.
        let mut payload = Vec::with_capacity(head.lens[0]);
        payload.extend_from_slice(&frame[PREAMBLE..PREAMBLE + INLINE]);
        payload.extend_from_slice(&frame[at..at + rest]);
        whole.segments[0] = payload.into();
        at = end;
    }
    if head.count > 1 {
        gcm.open(&mut frame[at..])?;
        if !late_status(frame[head.total - GCM_TAG - EPILOGUE_SECURE])? {
            return Ok(Step::Aborted);
        }
    }
    if head.tag == tag::MESSAGE {
        let header = frame[PREAMBLE..].first_chunk().expect("parse_preamble checked it");
        whole.header = MessageHeader::decode(header);
        frame.advance(at);
        whole.segments = segments(frame.freeze(), head, 16);
    } else if head.lens[0] <= INLINE {
        frame.truncate(PREAMBLE + head.lens[0]);
        frame.advance(PREAMBLE);
        whole.segments[0] = frame.freeze();
    }
    Ok(Step::Frame(whole))
}

/// Makes the bytes of frames.
#[derive(Default)]
pub struct FrameWriter {
    gcm: Option<Box<Gcm>>,
    /// Headers are cut from here, so that a frame costs no allocation of its own.
    scratch: BytesMut,
    /// Lengths of the last MESSAGE's segments, and its preamble.
    known: ([usize; 4], [u8; PREAMBLE]),
}

const SCRATCH: usize = 8 << 10;

impl FrameWriter {
    /// From the next frame on the stream is encrypted. `server`: this end accepted the connection.
    pub fn secure(&mut self, keys: &SecureKeys, server: bool) {
        let nonce = if server { &keys.to_client } else { &keys.to_server };
        self.gcm = Some(Box::new(Gcm::new(&keys.key, nonce)));
    }

    fn room(&mut self, len: usize) {
        if self.scratch.capacity() < len {
            self.scratch = BytesMut::with_capacity(len.max(SCRATCH));
        }
    }

    /// A frame of one segment. Errors only when the key is used up.
    pub fn control(&mut self, tag: u8, payload: &[u8]) -> Result<Bytes, FrameError> {
        debug_assert!(payload.len() <= CONTROL_BYTES_MAX);
        let lens = [payload.len(), 0, 0, 0];
        self.room(SECURE_HEAD + padded(payload.len()) + GCM_TAG);
        let out = &mut self.scratch;
        debug_assert!(out.is_empty());
        out.extend_from_slice(&preamble(tag, 1, lens));
        match &mut self.gcm {
            None => {
                if !payload.is_empty() {
                    out.extend_from_slice(payload);
                    out.extend_from_slice(&crc32c(!0, payload).to_le_bytes());
                }
            }
            Some(gcm) => {
                let (inline, rest) = payload.split_at(payload.len().min(INLINE));
                out.extend_from_slice(inline);
                out.resize(PREAMBLE + INLINE, 0);
                gcm.seal(out, 0)?;
                if !rest.is_empty() {
                    out.extend_from_slice(rest);
                    out.resize(SECURE_HEAD + padded(rest.len()), 0);
                    gcm.seal(out, SECURE_HEAD)?;
                }
            }
        }
        Ok(self.scratch.split().freeze())
    }

    /// A MESSAGE frame, appended to `out`: its length. In crc mode `middle` and `data` are passed on as they are,
    /// and what is small lies behind what `out` ends with.
    pub fn message(
        &mut self,
        header: &MessageHeader,
        front: &Bytes,
        middle: &Bytes,
        data: &Data,
        out: &mut Vec<Bytes>,
    ) -> Result<usize, FrameError> {
        let lens = [MESSAGE_HEADER, front.len(), middle.len(), data.len()];
        let count = 1 + lens.iter().rposition(|len| *len > 0).expect("the header is not empty");
        if self.gcm.is_some() {
            return self.message_secure(header, front, middle, data, lens, count, out);
        }
        self.message_crc(header, front, middle, data, lens, count, out);
        let epilogue = if count > 1 { EPILOGUE_CRC } else { 0 };
        Ok(PREAMBLE + 4 + lens.iter().sum::<usize>() + epilogue)
    }

    #[allow(clippy::too_many_arguments)]
    fn message_crc(
        &mut self,
        header: &MessageHeader,
        front: &Bytes,
        middle: &Bytes,
        data: &Data,
        lens: [usize; 4],
        count: usize,
        out: &mut Vec<Bytes>,
    ) {
        const HEAD: usize = PREAMBLE + MESSAGE_HEADER + 4;
        let copied = front.len() <= FRONT_COPIED_MAX;
        let mut head = [0; HEAD];
        head[..PREAMBLE].copy_from_slice(self.preamble(count, lens));
        let header = header.encode();
        head[PREAMBLE..HEAD - 4].copy_from_slice(&header);
        head[HEAD - 4..].copy_from_slice(&crc32c(!0, &header).to_le_bytes());
        // Of segments that are not there the checksum is 0.
        let mut epilogue = [0; EPILOGUE_CRC];
        epilogue[0] = LATE_COMPLETE;
        if count == 2 && copied {
            epilogue[1..5].copy_from_slice(&crc32c(!0, front).to_le_bytes());
            let parts = [&head, &front[..], &epilogue];
            return self.append(&parts, out);
        }
        self.room(HEAD + FRONT_COPIED_MAX + EPILOGUE_CRC);
        let room = &mut self.scratch;
        debug_assert!(room.is_empty());
        room.extend_from_slice(&head);
        if count == 1 {
            out.push(room.split().freeze());
            return;
        }
        let crcs = [crc32c(!0, front), crc32c(!0, middle), data.crc()];
        if copied {
            room.extend_from_slice(front);
        }
        out.push(room.split().freeze());
        out.extend((!copied).then(|| front.clone()));
        out.extend((!middle.is_empty()).then(|| middle.clone()));
        out.extend(data.parts().iter().cloned());
        let words = epilogue[1..].chunks_exact_mut(4).zip(crcs);
        words.take(count - 1).for_each(|(word, crc)| word.copy_from_slice(&crc.to_le_bytes()));
        room.extend_from_slice(&epilogue);
        out.push(room.split().freeze());
    }

    /// A small frame. Several in one `out` lie behind each other in one buffer, which nobody else holds until
    /// it is sent: none of them takes a reference or a place in the list of its own.
    fn append(&mut self, parts: &[&[u8]; 3], out: &mut Vec<Bytes>) {
        let len = parts.iter().map(|part| part.len()).sum();
        let Some(last) = out.pop() else {
            self.room(len);
            parts.iter().for_each(|part| self.scratch.extend_from_slice(part));
            return out.push(self.scratch.split().freeze());
        };
        let mut buf = match last.try_into_mut() {
            Ok(buf) if buf.capacity() - buf.len() >= len => buf,
            other => {
                out.push(other.map_or_else(|shared| shared, BytesMut::freeze));
                let mut fresh = BytesMut::with_capacity(len.max(SCRATCH));
                // Counted from the start, so that freezing and thawing it allocates nothing.
                drop(fresh.split_off(fresh.capacity()));
                fresh
            }
        };
        parts.iter().for_each(|part| buf.extend_from_slice(part));
        out.push(buf.freeze());
    }

    /// A MESSAGE's preamble.
    fn preamble(&mut self, count: usize, lens: [usize; 4]) -> &[u8; PREAMBLE] {
        // Word by word: the lengths were just written so, and would be waited for if read in pairs.
        if self.known.0.iter().zip(lens).any(|(known, len)| *known != len) {
            self.known = (lens, preamble(tag::MESSAGE, count, lens));
        }
        &self.known.1
    }

    #[allow(clippy::too_many_arguments)]
    fn message_secure(
        &mut self,
        header: &MessageHeader,
        front: &Bytes,
        middle: &Bytes,
        data: &Data,
        lens: [usize; 4],
        count: usize,
        out: &mut Vec<Bytes>,
    ) -> Result<usize, FrameError> {
        let body: usize = lens[1..].iter().map(|len| padded(*len)).sum();
        self.room(SECURE_HEAD + body + EPILOGUE_SECURE + GCM_TAG);
        let preamble = *self.preamble(count, lens);
        let gcm = self.gcm.as_mut().expect("secure mode");
        let head = &mut self.scratch;
        debug_assert!(head.is_empty());
        head.extend_from_slice(&preamble);
        head.extend_from_slice(&header.encode());
        head.resize(PREAMBLE + INLINE, 0);
        gcm.seal(head, 0)?;
        if count > 1 {
            let mut fill = SECURE_HEAD;
            let data_parts = data.parts().iter();
            for segment in [vec![front], vec![middle], data_parts.collect()] {
                segment.iter().for_each(|part| head.extend_from_slice(part));
                fill += padded(head.len() - fill);
                head.resize(fill, 0);
            }
            head.extend_from_slice(&[LATE_COMPLETE]);
            head.resize(fill + EPILOGUE_SECURE, 0);
            gcm.seal(head, SECURE_HEAD)?;
        }
        let frame = head.split().freeze();
        let len = frame.len();
        out.push(frame);
        Ok(len)
    }
}

fn preamble(tag: u8, count: usize, lens: [usize; 4]) -> [u8; PREAMBLE] {
    let mut p = [0; PREAMBLE];
    p[0] = tag;
    p[1] = count as u8;
    for segment in 0..count {
        let at = 2 + 6 * segment;
        p[at..at + 4].copy_from_slice(&(lens[segment] as u32).to_le_bytes());
        p[at + 4..at + 6].copy_from_slice(&ALIGNMENTS[segment].to_le_bytes());
    }
    let crc = crc32c(0, &p[..28]);
    p[28..].copy_from_slice(&crc.to_le_bytes());
    p
}

#[cfg(test)]
mod tests;
