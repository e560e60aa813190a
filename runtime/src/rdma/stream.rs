//! The byte stream of one connection over messages of bounded size: credits, framing, rendezvous.
//! No verbs here: [`Stream`] says what to send and what to read, and is told what came of it.
//!
//! A message is a header and a body, and takes one buffer of the receiver. Little endian:
//!
//! ```text
//! | offset | size | field                                                             |
//! |      0 |    1 | kind: 1 data, 2 offer, 3 control (no body), 4 end (no body)       |
//! |      1 |    1 | 0                                                                 |
//! |      2 |    2 | credits: so many of the receiver's messages have left a buffer    |
//! |      4 |    2 | reads: so many of the receiver's offers, oldest first, were read  |
//! |      6 |    2 | number: 0 for the first message of a direction, then one more     |
//! |      8 |    4 | bytes of the body                                                 |
//! ```
//!
//! The body of data is part of the stream. An offer stands for such a part in the sender's memory:
//! address (8 bytes), remote key (4), length (4); the receiver fetches it by RDMA READ.
//!
//! *Reads* begin in the order of the offers, and one at a time is decided on by [`Stream::wanted_read`].
//! An offer of a whole piece is a part of something large, for which the node will lend a buffer of that
//! size: its read waits until everything before it is in that buffer or on its way there, and then goes
//! there too. Others go to memory of the connection's at once.
//!
//! *Credits.* A sender may have as many messages on their way, or not yet taken by the receiving
//! node, as the receiver keeps buffers for it, so that none ever finds no buffer. The last credit is
//! spent only on a message that gives back two or more: two ends that have both run out could never
//! tell each other of the buffers that are free again.
//!
//! *Numbers and lengths.* A reliable queue pair brings each message whole, once and in order, and a
//! receiver could take that for granted. Soft RoCE (Linux 6.12) does not keep to it when it sends
//! something again: messages have come cut short, without a byte, joined from two, and twice
//! (docs/design/0004-rdma.md). So each says how long it is and which one, and what is not the next
//! whole message ends the connection. What a byte is worth is not checked here: frames have checksums.

use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::fmt;

pub const HEADER_BYTES: usize = 12;
pub const OFFER_BYTES: usize = 16;
/// With fewer the rule of the last credit would leave too little to work with.
pub const CREDITS_MIN: u16 = 4;
pub const CREDITS_MAX: u16 = 1024;

const DATA: u8 = 1;
const OFFER: u8 = 2;
const CONTROL: u8 = 3;
const END: u8 = 4;

/// What both ends of a connection have agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Buffers that we keep for the peer's messages, and the peer for ours.
    pub credits_in: u16,
    pub credits_out: u16,
    /// The longest message that the peer takes, header included.
    pub message_bytes: usize,
    /// The longest part that we read, and the peer, by one RDMA READ.
    pub piece_bytes_in: usize,
    pub piece_bytes_out: usize,
    /// Buffers of the stream from this length on are offered, shorter ones sent.
    pub rendezvous_bytes: usize,
    /// Offers that may be open at once.
    pub offers_max: usize,
}

/// The peer broke the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broke {
    Truncated {
        bytes: usize,
    },
    Length {
        said: u32,
        came: usize,
    },
    Kind(u8),
    /// Not the message that is next: one came twice, or one is missing.
    Number {
        said: u16,
        next: u16,
    },
    /// More messages than it had credits.
    NoCredit,
    /// Gave back more credits than were spent.
    Credits(u16),
    /// Has read more than was offered.
    Reads(u16),
    Offer {
        bytes: u32,
    },
    AfterEnd,
}
impl fmt::Display for Broke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { bytes } => write!(f, "a message of {bytes} bytes"),
            Self::Length { said, came } => write!(f, "a body of {came} bytes that says {said}"),
            Self::Kind(kind) => write!(f, "a message of kind {kind}"),
            Self::Number { said, next } => write!(f, "message {said} where {next} is next"),
            Self::NoCredit => write!(f, "a message without a credit"),
            Self::Credits(n) => write!(f, "{n} credits that were not spent"),
            Self::Reads(n) => write!(f, "{n} reads where fewer are open"),
            Self::Offer { bytes } => write!(f, "an offer of {bytes} bytes"),
            Self::AfterEnd => write!(f, "data after the end"),
        }
    }
}

/// Memory that the peer may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lent {
    pub address: u64,
    pub key: u32,
    /// Whose it is, for who has lent it.
    pub token: u32,
}

/// A part of the stream that the peer is to read, or has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offered {
    pub token: u32,
    pub bytes: usize,
}

/// A message that stands in the buffer given to [`Stream::next_message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    pub bytes: usize,
    /// Bytes of the stream that it carries itself.
    pub carried: usize,
}

/// A part to be fetched from the peer's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    pub id: u64,
    pub address: u64,
    pub key: u32,
    pub bytes: usize,
}

/// Where the bytes of a read go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Memory of the connection's own, out of which they are copied.
    Piece,
    /// The buffer that the node has lent, right behind all that comes before them in the stream.
    Buffer,
}

/// What came next in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// In a receive buffer, from `at` on.
    Data {
        buffer: u32,
        at: usize,
        bytes: usize,
    },
    /// In the memory where the read with this id went, from `at` on.
    Landed {
        id: u64,
        at: usize,
        bytes: usize,
    },
    /// All that the read with this id has brought, where the node wants it.
    Placed {
        id: u64,
        bytes: usize,
    },
    End,
}

/// No longer needed: to be given back to the queue of receive buffers, or the memory of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freed {
    Buffer(u32),
    Read(u64),
}

/// Whether the buffer of a message is still needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    Held,
    Free,
}

/// Reads that go to the node's buffer are the first ones: nothing before them goes anywhere else.
enum Inbound {
    Data { buffer: u32, at: usize, end: usize },
    Read { read: Read, state: ReadState, at: usize },
    End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ReadState {
    /// `is_large`: a part of something for which the node lends a buffer of its own.
    Wanted {
        is_large: bool,
    },
    UnderWay(Target),
    Landed(Target),
}

impl Inbound {
    /// It is in the node's buffer, or on its way there.
    fn is_placed(&self) -> bool {
        use ReadState::{Landed, UnderWay};
        let placed = [UnderWay(Target::Buffer), Landed(Target::Buffer)];
        matches!(self, Self::Read { state, .. } if placed.contains(state))
    }
}

#[derive(PartialEq, Eq)]
enum End {
    Open,
    Wanted,
    Sent,
}

pub struct Stream {
    terms: Terms,
    queue: VecDeque<Bytes>,
    /// Messages that may be sent.
    credits: u16,
    offered: VecDeque<Offered>,
    end: End,
    /// Numbers of the next message that is sent, and that comes.
    number_out: u16,
    number_in: u16,
    inbound: VecDeque<Inbound>,
    /// Messages that the peer may send.
    granted: u16,
    /// Buffers that are free again, which the peer has not been told.
    owed: u16,
    /// Reads that are done, which the peer has not been told.
    reads_owed: u16,
    read_next: u64,
    ended: bool,
}

impl Stream {
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            queue: VecDeque::new(),
            credits: terms.credits_out,
            offered: VecDeque::new(),
            end: End::Open,
            number_out: 0,
            number_in: 0,
            inbound: VecDeque::new(),
            granted: terms.credits_in,
            owed: 0,
            reads_owed: 0,
            read_next: 0,
            ended: false,
        }
    }

    /// Adds to what is to be sent.
    pub fn push(&mut self, bufs: impl IntoIterator<Item = Bytes>) {
        for buf in bufs.into_iter().filter(|b| !b.is_empty()) {
            self.queue.push_back(buf);
        }
    }

    /// The stream ends behind what was pushed.
    pub fn finish(&mut self) {
        if self.end == End::Open {
            self.end = End::Wanted;
        }
    }

    /// The peer has ended: nothing comes any more but what is there.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Everything is sent and read by the peer, with the end behind it.
    pub fn is_finished(&self) -> bool {
        self.end == End::Sent && self.offered.is_empty()
    }

    /// Writes the next message into `slot`, or finds that there is none to send now. `lend` makes its
    /// argument readable by the peer, where it is or as a copy, unless it has no memory.
    pub fn next_message(
        &mut self,
        slot: &mut [u8],
        lend: &mut dyn FnMut(&Bytes) -> Option<Lent>,
    ) -> Option<Message> {
        if self.credits == 0 || (self.credits == 1 && self.owed < 2) {
            return None;
        }
        let room = slot.len().min(self.terms.message_bytes) - HEADER_BYTES;
        let body = &mut slot[HEADER_BYTES..HEADER_BYTES + room];
        let (kind, bytes, carried) = match self.queue.front() {
            Some(head) if head.len() >= self.terms.rendezvous_bytes => self.offer(body, lend),
            Some(_) => self.pack(body),
            None if self.end == End::Wanted && self.offered.is_empty() => {
                self.end = End::Sent;
                (END, 0, 0)
            }
            None => (CONTROL, 0, 0),
        };
        // Who has ended needs no credits but to give us some, and may be gone.
        let is_over = self.ended && self.queue.is_empty() && self.offered.is_empty();
        let is_worth_it = self.reads_owed > 0 || self.owed >= self.terms.credits_in / 2;
        if kind == CONTROL && (is_over || !is_worth_it) {
            return None;
        }
        self.write_head(slot, kind, bytes);
        Some(Message { bytes: HEADER_BYTES + bytes, carried })
    }

    /// Writes a message that carries nothing, as the first one: whether it arrives shows whether the
    /// way to the peer is open.
    pub fn probe(&mut self, slot: &mut [u8]) -> Message {
        debug_assert!(self.credits == self.terms.credits_out, "the first message");
        self.write_head(slot, CONTROL, 0);
        Message { bytes: HEADER_BYTES, carried: 0 }
    }

    fn write_head(&mut self, slot: &mut [u8], kind: u8, bytes: usize) {
        slot[0] = kind;
        slot[1] = 0;
        slot[2..4].copy_from_slice(&self.owed.to_le_bytes());
        slot[4..6].copy_from_slice(&self.reads_owed.to_le_bytes());
        slot[6..8].copy_from_slice(&self.number_out.to_le_bytes());
        slot[8..12].copy_from_slice(&(bytes as u32).to_le_bytes());
        self.number_out = self.number_out.wrapping_add(1);
        self.credits -= 1;
        self.granted += self.owed;
        (self.owed, self.reads_owed) = (0, 0);
    }

    /// As much as fits of what is not to be offered.
    fn pack(&mut self, body: &mut [u8]) -> (u8, usize, usize) {
        let mut at = 0;
        while at < body.len()
            && let Some(head) = self.queue.front_mut()
            && head.len() < self.terms.rendezvous_bytes
        {
            let n = head.len().min(body.len() - at);
            body[at..at + n].copy_from_slice(&head[..n]);
            at += n;
            head.advance(n);
            if head.is_empty() {
                self.queue.pop_front();
            }
        }
        (DATA, at, at)
    }

    fn offer(
        &mut self,
        body: &mut [u8],
        lend: &mut dyn FnMut(&Bytes) -> Option<Lent>,
    ) -> (u8, usize, usize) {
        let head = self.queue.front_mut().expect("the caller has seen it");
        let bytes = head.len().min(self.terms.piece_bytes_out);
        if self.offered.len() >= self.terms.offers_max {
            return (CONTROL, 0, 0);
        }
        let Some(lent) = lend(&head.slice(..bytes)) else { return (CONTROL, 0, 0) };
        head.advance(bytes);
        if head.is_empty() {
            self.queue.pop_front();
        }
        self.offered.push_back(Offered { token: lent.token, bytes });
        body[..8].copy_from_slice(&lent.address.to_le_bytes());
        body[8..12].copy_from_slice(&lent.key.to_le_bytes());
        body[12..16].copy_from_slice(&(bytes as u32).to_le_bytes());
        (OFFER, OFFER_BYTES, 0)
    }

    /// A message came in `buffer`. `finished` gets the offers that the peer has read.
    pub fn on_message(
        &mut self,
        buffer: u32,
        message: &[u8],
        finished: &mut Vec<Offered>,
    ) -> Result<Kept, Broke> {
        self.granted = self.granted.checked_sub(1).ok_or(Broke::NoCredit)?;
        let (head, body) = message
            .split_at_checked(HEADER_BYTES)
            .ok_or(Broke::Truncated { bytes: message.len() })?;
        let u16_at = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        let u32_at =
            |b: &[u8], at: usize| u32::from_le_bytes(b[at..at + 4].try_into().expect("4 bytes"));
        let (credits, reads, said) = (u16_at(2), u16_at(4), u32_at(head, 8));
        if said as usize != body.len() {
            return Err(Broke::Length { said, came: body.len() });
        }
        let (number, next) = (u16_at(6), self.number_in);
        if number != next {
            return Err(Broke::Number { said: number, next });
        }
        self.number_in = next.wrapping_add(1);
        if credits > self.terms.credits_out - self.credits {
            return Err(Broke::Credits(credits));
        }
        self.credits += credits;
        if reads as usize > self.offered.len() {
            return Err(Broke::Reads(reads));
        }
        finished.extend(self.offered.drain(..reads as usize));
        if self.ended && head[0] != CONTROL {
            return Err(Broke::AfterEnd);
        }
        match head[0] {
            DATA if !body.is_empty() => {
                let (at, end) = (HEADER_BYTES, message.len());
                self.inbound.push_back(Inbound::Data { buffer, at, end });
                Ok(Kept::Held)
            }
            OFFER if body.len() == OFFER_BYTES => {
                let bytes = u32_at(body, 12);
                if bytes == 0 || bytes as usize > self.terms.piece_bytes_in {
                    return Err(Broke::Offer { bytes });
                }
                let address = u64::from_le_bytes(body[..8].try_into().expect("8 bytes"));
                let (id, key) = (self.read_next, u32_at(body, 8));
                self.read_next += 1;
                let read = Read { id, address, key, bytes: bytes as usize };
                let state = ReadState::Wanted { is_large: self.is_large(read.bytes) };
                self.inbound.push_back(Inbound::Read { read, state, at: 0 });
                Ok(Kept::Free)
            }
            CONTROL if body.is_empty() => {
                self.owed += 1;
                Ok(Kept::Free)
            }
            END if body.is_empty() => {
                self.ended = true;
                self.inbound.push_back(Inbound::End);
                Ok(Kept::Free)
            }
            DATA | OFFER | CONTROL | END => Err(Broke::Length { said, came: body.len() }),
            kind => Err(Broke::Kind(kind)),
        }
    }

    /// Whether an offer that has just come is a part of something large: it is a whole piece, or the end
    /// of what began with one.
    fn is_large(&self, bytes: usize) -> bool {
        let follows = self.inbound.back().is_some_and(|last| match last {
            Inbound::Read { state: ReadState::Wanted { is_large }, .. } => *is_large,
            last => last.is_placed(),
        });
        bytes >= self.terms.piece_bytes_out || follows
    }

    /// The part that is to be fetched next, if it is to be now, and where to: the caller begins it, and
    /// says so by [`Stream::read_begun`]. `room`: bytes that reads may bring into the buffer that the
    /// node has lent, behind those that are under way there; `None` while it has lent none.
    pub fn wanted_read(&self, room: impl FnOnce() -> Option<usize>) -> Option<(Read, Target)> {
        // The oldest one or none: the peer is told how many were read, and takes them to be the oldest.
        let mut is_next = true;
        for inbound in &self.inbound {
            let Inbound::Read { read, state: ReadState::Wanted { is_large }, .. } = inbound else {
                is_next &= inbound.is_placed();
                continue;
            };
            return match is_next.then(room).flatten() {
                Some(room) if room >= read.bytes => Some((*read, Target::Buffer)),
                None if *is_large => None,
                _ => Some((*read, Target::Piece)),
            };
        }
        None
    }

    /// The read with this id, which was wanted, is under way.
    pub fn read_begun(&mut self, id: u64, target: Target) {
        let state = self.state_of(id).expect("it was wanted");
        debug_assert!(matches!(state, ReadState::Wanted { .. }));
        *state = ReadState::UnderWay(target);
    }

    /// The read with this id is done. Reads end in the order in which they began.
    pub fn read_done(&mut self, id: u64) {
        let Some(state) = self.state_of(id) else { return };
        let ReadState::UnderWay(target) = *state else {
            debug_assert!(false, "read {id} is not under way");
            return;
        };
        *state = ReadState::Landed(target);
        self.reads_owed += 1;
    }

    fn state_of(&mut self, id: u64) -> Option<&mut ReadState> {
        self.inbound.iter_mut().find_map(|inbound| match inbound {
            Inbound::Read { read, state, .. } if read.id == id => Some(state),
            _ => None,
        })
    }

    /// What the node is to be given next, if it is there.
    pub fn front(&self) -> Option<Front> {
        match *self.inbound.front()? {
            Inbound::Data { buffer, at, end } => Some(Front::Data { buffer, at, bytes: end - at }),
            Inbound::Read { read, state: ReadState::Landed(Target::Piece), at } => {
                Some(Front::Landed { id: read.id, at, bytes: read.bytes - at })
            }
            Inbound::Read { read, state: ReadState::Landed(Target::Buffer), .. } => {
                Some(Front::Placed { id: read.id, bytes: read.bytes })
            }
            Inbound::Read { .. } => None,
            Inbound::End => Some(Front::End),
        }
    }

    /// Bytes that are there, from [`Stream::front`] on.
    pub fn ready_bytes(&self) -> usize {
        let ready = self.inbound.iter().map_while(|inbound| match *inbound {
            Inbound::Data { at, end, .. } => Some(end - at),
            Inbound::Read { read, state: ReadState::Landed(_), at } => Some(read.bytes - at),
            Inbound::Read { .. } | Inbound::End => None,
        });
        ready.sum()
    }

    /// The node has taken `bytes` more of [`Stream::front`].
    pub fn consume(&mut self, bytes: usize) -> Option<Freed> {
        let freed = match self.inbound.front_mut()? {
            Inbound::Data { buffer, at, end } => {
                *at += bytes;
                debug_assert!(*at <= *end);
                (at == end).then_some(Freed::Buffer(*buffer))
            }
            Inbound::Read { read, at, .. } => {
                *at += bytes;
                debug_assert!(*at <= read.bytes);
                (*at == read.bytes).then_some(Freed::Read(read.id))
            }
            Inbound::End => None,
        }?;
        self.inbound.pop_front();
        self.owed += 1;
        Some(freed)
    }

    /// The node wants nothing more: what came is dropped, and not fetched.
    pub fn discard(&mut self, freed: &mut Vec<Freed>) {
        while let Some(inbound) = self.inbound.front() {
            match inbound {
                Inbound::Data { buffer, .. } => freed.push(Freed::Buffer(*buffer)),
                Inbound::Read { state: ReadState::UnderWay(_), .. } => return,
                Inbound::Read { state: ReadState::Wanted { .. }, .. } => self.reads_owed += 1,
                Inbound::Read { read, state: ReadState::Landed(_), .. } => {
                    freed.push(Freed::Read(read.id));
                }
                Inbound::End => return,
            }
            self.inbound.pop_front();
            self.owed += 1;
        }
    }

    /// Everything that it holds, when the connection is gone: buffers, memory of reads, offers.
    pub fn dismantle(&mut self, freed: &mut Vec<Freed>, offered: &mut Vec<Offered>) {
        for inbound in self.inbound.drain(..) {
            match inbound {
                Inbound::Data { buffer, .. } => freed.push(Freed::Buffer(buffer)),
                Inbound::Read { state: ReadState::Wanted { .. }, .. } | Inbound::End => {}
                Inbound::Read { read, .. } => freed.push(Freed::Read(read.id)),
            }
        }
        offered.extend(self.offered.drain(..));
        self.queue.clear();
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
