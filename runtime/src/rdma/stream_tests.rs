//! Two streams, the network between them and their memories, in every order that chance finds.

use super::super::room::Room;
use super::*;
use bytes::BytesMut;
use std::collections::{BTreeMap, BTreeSet};

/// As good as any: xorshift.
struct Dice(u64);
impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides
    }
}

/// Where a read goes.
enum Landing {
    Piece(Vec<u8>),
    Part(BytesMut),
}

/// One end: its stream, its memory, and what is on its way to it.
struct Peer {
    stream: Stream,
    arriving: VecDeque<Vec<u8>>,
    /// Receive buffers that hold something.
    buffers: BTreeMap<u32, Vec<u8>>,
    free: Vec<u32>,
    reads: VecDeque<(Read, Landing)>,
    landed: BTreeMap<u64, Landing>,
    /// What the node has lent, how much of it the node has seen, and whether reads may go there.
    room: Option<(Room, usize, bool)>,
    /// Bytes that reads have brought straight into the node's buffer.
    direct: usize,
    /// The node has closed it.
    is_closed: bool,
    lent: BTreeMap<u32, Vec<u8>>,
    lent_next: u32,
    lent_max: usize,
    sent: Vec<u8>,
    received: Vec<u8>,
    ended: bool,
}

const MESSAGE: usize = 64;

fn terms(credits_in: u16, credits_out: u16) -> Terms {
    Terms {
        credits_in,
        credits_out,
        message_bytes: MESSAGE,
        piece_bytes_in: 100,
        piece_bytes_out: 100,
        rendezvous_bytes: 80,
        offers_max: 3,
    }
}

impl Peer {
    fn new(terms: Terms, lent_max: usize) -> Self {
        Self {
            stream: Stream::new(terms),
            arriving: VecDeque::new(),
            buffers: BTreeMap::new(),
            free: (0..terms.credits_in as u32).collect(),
            reads: VecDeque::new(),
            landed: BTreeMap::new(),
            room: None,
            direct: 0,
            is_closed: false,
            lent: BTreeMap::new(),
            lent_next: 0,
            lent_max,
            sent: Vec::new(),
            received: Vec::new(),
            ended: false,
        }
    }

    fn release(&mut self, freed: Freed) {
        match freed {
            Freed::Buffer(buffer) => {
                self.buffers.remove(&buffer).expect("held");
                self.free.push(buffer);
            }
            Freed::Read(id) => {
                self.landed.remove(&id).expect("landed");
            }
        }
    }

    fn message(&mut self) -> Option<Vec<u8>> {
        let mut slot = vec![0xee; MESSAGE];
        let (lent, next, max) = (&mut self.lent, &mut self.lent_next, self.lent_max);
        let mut lend = |bytes: &Bytes| {
            if lent.len() >= max {
                return None;
            }
            *next += 1;
            lent.insert(*next, bytes.to_vec());
            Some(Lent { address: *next as u64 * 4096, key: *next, token: *next })
        };
        let message = self.stream.next_message(&mut slot, &mut lend)?;
        slot.truncate(message.bytes);
        Some(slot)
    }

    /// The network delivers: there must be a buffer.
    fn arrive(&mut self) {
        let Some(message) = self.arriving.pop_front() else { return };
        let buffer = self.free.pop().expect("a message came and no buffer was free");
        let mut finished = Vec::new();
        match self.stream.on_message(buffer, &message, &mut finished).unwrap() {
            Kept::Held => drop(self.buffers.insert(buffer, message)),
            Kept::Free => self.free.push(buffer),
        }
        for offered in finished {
            assert_eq!(self.lent.remove(&offered.token).expect("lent").len(), offered.bytes);
        }
    }

    /// The node lends a buffer: a new one, or one that holds something.
    fn lend(&mut self, dice: &mut Dice) {
        if self.room.is_some() || self.is_closed {
            return;
        }
        let mut buf = BytesMut::with_capacity([0, dice.roll(90), dice.roll(700)][dice.roll(3)]);
        buf.resize(dice.roll(20).min(buf.capacity().saturating_sub(1)), 0xdd);
        let seen = buf.len();
        self.room = Some((Room::new(buf), seen, dice.roll(3) > 0));
    }

    /// Begins the next read, if there is one to begin.
    fn begin(&mut self) {
        let room = self.room.as_ref();
        let wanted = self.stream.wanted_read(|| {
            let (room, _, is_known) = room?;
            room.for_reads().map(|bytes| if *is_known { bytes } else { 0 })
        });
        let Some((read, target)) = wanted else { return };
        let landing = match target {
            Target::Piece => Landing::Piece(Vec::new()),
            Target::Buffer => {
                let (room, ..) = self.room.as_mut().expect("it has room");
                self.direct += read.bytes;
                Landing::Part(room.cut(read.bytes))
            }
        };
        self.stream.read_begun(read.id, target);
        self.reads.push_back((read, landing));
    }

    /// The node gets what has come.
    fn deliver(&mut self) {
        let ready = self.stream.ready_bytes();
        let Some((room, seen, _)) = &mut self.room else { return };
        if room.is_left_to_us(ready) {
            *room = Room::new(BytesMut::with_capacity(ready));
        }
        let mut freed = Vec::new();
        while let Some(front) = self.stream.front() {
            let n = match front {
                Front::Data { buffer, at, bytes } => {
                    room.copy(&self.buffers[&buffer][at..at + bytes])
                }
                Front::Landed { id, at, bytes } => {
                    let Landing::Piece(piece) = &self.landed[&id] else { panic!("no piece") };
                    room.copy(&piece[at..at + bytes])
                }
                Front::Placed { id, bytes } => {
                    let Some(Landing::Part(part)) = self.landed.remove(&id) else {
                        panic!("no part")
                    };
                    assert_eq!(part.len(), bytes);
                    room.join(part);
                    self.stream.consume(bytes);
                    continue;
                }
                Front::End => {
                    self.ended = !room.is_ready();
                    break;
                }
            };
            if n == 0 {
                break;
            }
            freed.extend(self.stream.consume(n));
        }
        if room.is_ready() {
            let seen = *seen;
            let (room, ..) = self.room.take().expect("looked at");
            self.received.extend(&room.into_buf()[seen..]);
        }
        freed.into_iter().for_each(|freed| self.release(freed));
    }

    /// The node closes it, and wants nothing more.
    fn close(&mut self) {
        self.stream.finish();
        (self.room, self.is_closed) = (None, true);
    }

    fn discard(&mut self) {
        let mut freed = Vec::new();
        self.stream.discard(&mut freed);
        freed.into_iter().for_each(|freed| self.release(freed));
    }

    /// The connection is gone: everything that is held is given back, once.
    fn dismantle(mut self) {
        let (mut freed, mut offered) = (Vec::new(), Vec::new());
        self.stream.dismantle(&mut freed, &mut offered);
        let under_way = self.reads.iter().map(|(read, _)| Freed::Read(read.id));
        let held = self.buffers.keys().map(|buffer| Freed::Buffer(*buffer)).chain(under_way);
        let held: Vec<_> = held.chain(self.landed.keys().map(|id| Freed::Read(*id))).collect();
        assert_eq!(freed.len(), held.len());
        assert!(held.iter().all(|held| freed.contains(held)));
        let tokens: BTreeSet<u32> = offered.iter().map(|offered| offered.token).collect();
        assert!(tokens.iter().eq(self.lent.keys()) && tokens.len() == offered.len());
    }
}

/// The read that is oldest ends: it is the other end's memory as it is now.
fn fetch(reader: &mut Peer, owner: &Peer) {
    let Some((read, mut landing)) = reader.reads.pop_front() else { return };
    assert_eq!(read.address, read.key as u64 * 4096);
    let bytes = owner.lent.get(&read.key).expect("lent for as long as it is read");
    assert_eq!(bytes.len(), read.bytes);
    match &mut landing {
        Landing::Piece(piece) => piece.extend(bytes),
        Landing::Part(part) => {
            assert_eq!((part.len(), part.capacity()), (0, bytes.len()));
            part.extend_from_slice(bytes);
        }
    }
    reader.landed.insert(read.id, landing);
    reader.stream.read_done(read.id);
}

/// Two ends, with chances of their own.
struct World {
    ends: [Peer; 2],
    dice: Dice,
    /// How eagerly nodes read, and how much they send.
    eager: [usize; 2],
    total: [usize; 2],
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let (a, b) = (4 + dice.roll(12) as u16, 4 + dice.roll(12) as u16);
        let lent_max = 1 + dice.roll(4);
        let ends = [Peer::new(terms(a, b), lent_max), Peer::new(terms(b, a), lent_max)];
        let eager = [dice.roll(4), dice.roll(4)];
        let total = [dice.roll(3) * 4000, 1000 + dice.roll(8000)];
        Self { ends, dice, eager, total }
    }

    fn step(&mut self, healed: bool) {
        let Self { ends, dice, .. } = self;
        let me = dice.roll(2);
        let is_closed = ends[me].is_closed;
        match dice.roll(7) {
            0 if is_closed => {}
            0 if ends[me].sent.len() < self.total[me] => {
                let n = 1 + dice.roll(500);
                let bytes: Vec<u8> = (0..n).map(|_| dice.roll(256) as u8).collect();
                ends[me].sent.extend(&bytes);
                ends[me].stream.push([Bytes::from(bytes)]);
                if ends[me].sent.len() >= self.total[me] {
                    ends[me].stream.finish();
                }
            }
            0 => ends[me].stream.finish(),
            1 => {
                if let Some(message) = ends[me].message() {
                    assert!((HEADER_BYTES..=MESSAGE).contains(&message.len()));
                    ends[1 - me].arriving.push_back(message);
                }
            }
            2 => ends[me].arrive(),
            3 => {
                if !is_closed && ends[me].landed.len() + ends[me].reads.len() < 3 {
                    ends[me].begin();
                }
            }
            4 => {
                let [x, y] = ends;
                let (reader, owner) = if me == 0 { (x, &*y) } else { (y, &*x) };
                fetch(reader, owner);
            }
            5 if healed || dice.roll(4) <= self.eager[me] => ends[me].lend(dice),
            5 => {}
            _ if is_closed => ends[me].discard(),
            _ => ends[me].deliver(),
        }
    }

    fn is_over(&self) -> bool {
        self.ends.iter().all(|e| (e.ended || e.is_closed) && e.stream.is_finished())
    }
}

/// Bytes that came straight into a node's buffer.
fn run(seed: u64) -> usize {
    let mut world = World::new(seed);
    for _ in 0..3000 {
        world.step(false);
    }
    for _ in 0..200_000 {
        world.step(true);
        if world.is_over() {
            break;
        }
    }
    let ends = &world.ends;
    for me in 0..2 {
        let (x, y) = (&ends[me], &ends[1 - me]);
        assert!(x.ended && x.stream.is_finished(), "seed {seed}: end {me} has come to a halt");
        assert!(x.received == y.sent, "seed {seed}: end {me} has received something else");
        assert!(x.lent.is_empty() && x.landed.is_empty() && x.buffers.is_empty());
    }
    ends.iter().map(|end| end.direct).sum()
}

#[test]
fn bytes_arrive_in_order_whatever_the_schedule() {
    let direct: usize = (0..300).map(run).sum();
    assert!(direct > 500_000, "{direct} bytes straight into the nodes' buffers");
}

#[test]
fn an_end_may_close_at_every_moment() {
    for seed in 0..300 {
        let mut world = World::new(seed);
        let (moment, who) = (world.dice.roll(2000), world.dice.roll(2));
        for _ in 0..moment {
            world.step(false);
        }
        world.ends[who].close();
        for _ in 0..200_000 {
            world.step(true);
            if world.is_over() {
                break;
            }
        }
        let (closed, other) = (&world.ends[who], &world.ends[1 - who]);
        assert!(world.is_over(), "seed {seed}: it does not end");
        assert!(other.received == closed.sent, "seed {seed}: what was sent before has not come");
        assert!(other.sent.starts_with(&closed.received), "seed {seed}: received something else");
        assert!(closed.lent.is_empty() && closed.landed.is_empty() && closed.reads.is_empty());
    }
}

#[test]
fn a_connection_may_be_gone_at_every_moment() {
    for seed in 0..1000 {
        let mut world = World::new(seed);
        for _ in 0..world.dice.roll(2000) {
            world.step(false);
        }
        world.ends.into_iter().for_each(Peer::dismantle);
    }
}

fn stream() -> Stream {
    Stream::new(terms(4, 4))
}

fn message(kind: u8, credits: u16, reads: u16, body: &[u8]) -> Vec<u8> {
    numbered(0, kind, credits, reads, body)
}

fn numbered(number: u16, kind: u8, credits: u16, reads: u16, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, 0];
    out.extend(credits.to_le_bytes());
    out.extend(reads.to_le_bytes());
    out.extend(number.to_le_bytes());
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(body);
    out
}

#[test]
fn a_peer_that_breaks_the_rules_is_found_out() {
    let offer = |bytes: u32| [&[0; 12][..], &bytes.to_le_bytes()].concat();
    let cases = [
        (message(DATA, 0, 0, b""), Broke::Length { said: 0, came: 0 }),
        (message(DATA, 1, 0, b"x"), Broke::Credits(1)),
        (message(DATA, 0, 1, b"x"), Broke::Reads(1)),
        (message(OFFER, 0, 0, b"x"), Broke::Length { said: 1, came: 1 }),
        (message(OFFER, 0, 0, &offer(0)), Broke::Offer { bytes: 0 }),
        (message(OFFER, 0, 0, &offer(101)), Broke::Offer { bytes: 101 }),
        (message(CONTROL, 0, 0, b"x"), Broke::Length { said: 1, came: 1 }),
        (message(9, 0, 0, b""), Broke::Kind(9)),
        (message(DATA, 0, 0, b"xy")[..13].to_vec(), Broke::Length { said: 2, came: 1 }),
        (vec![DATA; 11], Broke::Truncated { bytes: 11 }),
        (vec![], Broke::Truncated { bytes: 0 }),
    ];
    for (bytes, broke) in cases {
        assert_eq!(stream().on_message(0, &bytes, &mut Vec::new()), Err(broke), "{bytes:?}");
    }
    let mut s = stream();
    s.on_message(0, &message(END, 0, 0, b""), &mut Vec::new()).unwrap();
    let more = s.on_message(1, &numbered(1, DATA, 0, 0, b"x"), &mut Vec::new());
    assert_eq!(more, Err(Broke::AfterEnd));
    // One message more than there are credits.
    let mut s = stream();
    for n in 0..4 {
        s.on_message(n, &numbered(n as u16, DATA, 0, 0, b"x"), &mut Vec::new()).unwrap();
    }
    let more = s.on_message(4, &numbered(4, CONTROL, 0, 0, b""), &mut Vec::new());
    assert_eq!(more, Err(Broke::NoCredit));
}

/// What soft RoCE has made of messages that it sent again.
#[test]
fn a_message_that_is_not_the_next_whole_one_is_found_out() {
    let mut sender = stream();
    let mut sent = |bytes: &'static [u8]| {
        let mut slot = [0; MESSAGE];
        sender.push([Bytes::from_static(bytes)]);
        let message = sender.next_message(&mut slot, &mut |_| None).unwrap();
        slot[..message.bytes].to_vec()
    };
    let (first, second, third) = (sent(b"first"), sent(b"second"), sent(b"third"));
    let after_first = |bytes: &[u8]| {
        let mut s = stream();
        s.on_message(0, &first, &mut Vec::new()).unwrap();
        s.on_message(1, bytes, &mut Vec::new())
    };
    assert_eq!(after_first(&second), Ok(Kept::Held));
    // Nothing of it, a part of it, its beginning with the end of another, twice, and none of it.
    assert_eq!(after_first(b""), Err(Broke::Truncated { bytes: 0 }));
    for end in HEADER_BYTES..second.len() {
        let came = end - HEADER_BYTES;
        assert_eq!(after_first(&second[..end]), Err(Broke::Length { said: 6, came }));
    }
    let joined = [&second[..], &third[HEADER_BYTES..]].concat();
    assert_eq!(after_first(&joined), Err(Broke::Length { said: 6, came: 11 }));
    assert_eq!(after_first(&first), Err(Broke::Number { said: 0, next: 1 }));
    assert_eq!(after_first(&third), Err(Broke::Number { said: 2, next: 1 }));
}

#[test]
fn numbers_begin_again_after_65_536_messages() {
    let (mut ours, mut peer) = (stream(), stream());
    let mut slot = [0; MESSAGE];
    for n in 0..70_000 {
        ours.push([Bytes::from_static(b"x")]);
        let message = ours.next_message(&mut slot, &mut |_| None).unwrap();
        let kept = peer.on_message(1, &slot[..message.bytes], &mut Vec::new());
        assert_eq!(kept, Ok(Kept::Held), "message {n}");
        assert_eq!(peer.consume(1), Some(Freed::Buffer(1)));
        if let Some(message) = peer.next_message(&mut slot, &mut |_| None) {
            assert_eq!(ours.on_message(2, &slot[..message.bytes], &mut Vec::new()), Ok(Kept::Free));
        }
    }
}

#[test]
fn any_bytes_at_all_are_no_panic() {
    let mut dice = Dice(77);
    for _ in 0..20_000 {
        let mut s = stream();
        for buffer in 0..4 {
            let mut bytes: Vec<u8> =
                (0..dice.roll(MESSAGE)).map(|_| dice.roll(256) as u8).collect();
            if dice.roll(2) == 0 && bytes.len() >= HEADER_BYTES {
                let body = bytes.len() - HEADER_BYTES;
                bytes[0] = dice.roll(6) as u8;
                bytes[1..8].fill(0);
                bytes[6] = buffer as u8;
                bytes[8..12].copy_from_slice(&(body as u32).to_le_bytes());
            }
            if s.on_message(buffer, &bytes, &mut Vec::new()).is_err() {
                break;
            }
        }
        while let Some((read, target)) = s.wanted_read(|| Some(150)) {
            s.read_begun(read.id, target);
        }
        s.dismantle(&mut Vec::new(), &mut Vec::new());
    }
}

#[test]
fn small_buffers_share_a_message_and_large_ones_are_offered() {
    let mut p = Peer::new(terms(8, 8), 4);
    let parts = [vec![1; 10], vec![2; 20], vec![3; 250], vec![4; 5]];
    p.stream.push(parts.map(Bytes::from));
    let first = p.message().unwrap();
    assert_eq!((first[0], first.len()), (DATA, HEADER_BYTES + 30));
    for bytes in [100, 100] {
        let offer = p.message().unwrap();
        assert_eq!((offer[0], offer.len()), (OFFER, HEADER_BYTES + OFFER_BYTES));
        assert_eq!(offer[HEADER_BYTES + 12] as usize, bytes);
    }
    // What is left of it is short.
    let last = p.message().unwrap();
    assert_eq!((last[0], last.len()), (DATA, MESSAGE));
    assert!(last[HEADER_BYTES..HEADER_BYTES + 50].iter().all(|b| *b == 3));
}

#[test]
fn an_idle_connection_says_nothing() {
    let mut s = stream();
    assert_eq!(s.next_message(&mut [0; MESSAGE], &mut |_| None), None);
    // One message that was taken is not worth an answer; two of four are.
    for (buffer, answers) in [(0, false), (1, true)] {
        s.on_message(buffer, &numbered(buffer as u16, DATA, 0, 0, b"x"), &mut Vec::new()).unwrap();
        s.consume(1).unwrap();
        let message = s.next_message(&mut [0; MESSAGE], &mut |_| None);
        assert_eq!(message.is_some(), answers);
    }
}

#[test]
fn a_first_message_costs_a_credit_that_comes_back() {
    let (mut ours, mut peer) = (stream(), stream());
    let mut slot = [0; 256];
    let probe = ours.probe(&mut slot);
    assert_eq!((probe.bytes, probe.carried), (HEADER_BYTES, 0));
    let kept = peer.on_message(1, &slot[..probe.bytes], &mut Vec::new());
    assert_eq!(kept, Ok(Kept::Free));
    assert!(peer.front().is_none() && ours.credits + 1 == peer.granted + peer.owed);
    peer.push([Bytes::from_static(b"answer")]);
    let answer = peer.next_message(&mut slot, &mut |_| None).unwrap();
    assert_eq!(ours.on_message(2, &slot[..answer.bytes], &mut Vec::new()), Ok(Kept::Held));
    assert_eq!(ours.credits, ours.terms.credits_out);
}

#[test]
fn a_read_goes_to_the_nodes_buffer_when_it_is_next() {
    let offer = |bytes: u32| message(OFFER, 0, 0, &[&[0; 12][..], &bytes.to_le_bytes()].concat());
    let wanted = |s: &Stream, room| s.wanted_read(|| room).map(|(read, to)| (read.bytes, to));
    let mut s = Stream::new(terms(8, 8));
    let mut number = 0u16;
    let mut come = |s: &mut Stream, mut message: Vec<u8>| {
        message[6..8].copy_from_slice(&number.to_le_bytes());
        number += 1;
        s.on_message(0, &message, &mut Vec::new()).unwrap();
    };
    come(&mut s, message(DATA, 0, 0, b"head"));
    for bytes in [100, 100, 40] {
        come(&mut s, offer(bytes));
    }
    assert_eq!(wanted(&s, Some(1000)), None, "what is before it is not delivered");
    s.consume(4);
    assert_eq!(wanted(&s, None), None, "it waits for a buffer");
    assert_eq!(wanted(&s, Some(99)), Some((100, Target::Piece)), "there is no room");
    let begin = |s: &mut Stream, room: usize| {
        let (read, to) = s.wanted_read(|| Some(room)).unwrap();
        s.read_begun(read.id, to);
        (read.id, to)
    };
    // Several are under way at once, the last one the end of what is large.
    let ids = [240, 140, 40].map(|room| begin(&mut s, room));
    assert!(ids.iter().all(|(_, to)| *to == Target::Buffer));
    come(&mut s, message(DATA, 0, 0, b"end"));
    come(&mut s, offer(90));
    come(&mut s, offer(100));
    assert_eq!(
        wanted(&s, Some(500)),
        Some((90, Target::Piece)),
        "it is not part of something large"
    );
    let (read, to) = s.wanted_read(|| None).unwrap();
    s.read_begun(read.id, to);
    assert_eq!(wanted(&s, Some(500)), None, "large, and what is before it has not come");
    assert_eq!(s.front(), None);
    for (id, _) in ids {
        s.read_done(id);
    }
    assert_eq!(s.front(), Some(Front::Placed { id: ids[0].0, bytes: 100 }));
}

#[test]
fn what_nobody_wants_any_more_is_dropped_and_accounted_for() {
    let mut s = stream();
    let offer = [&[0; 12][..], &50u32.to_le_bytes()].concat();
    s.on_message(7, &message(DATA, 0, 0, b"x"), &mut Vec::new()).unwrap();
    s.on_message(8, &numbered(1, OFFER, 0, 0, &offer), &mut Vec::new()).unwrap();
    s.on_message(8, &numbered(2, OFFER, 0, 0, &offer), &mut Vec::new()).unwrap();
    let (read, target) = s.wanted_read(|| None).unwrap();
    s.read_begun(read.id, target);
    let mut freed = Vec::new();
    s.discard(&mut freed);
    assert_eq!(freed, [Freed::Buffer(7)], "the memory of a read under way is not free");
    s.read_done(read.id);
    s.discard(&mut freed);
    assert_eq!(freed, [Freed::Buffer(7), Freed::Read(read.id)]);
    let mut slot = [0; MESSAGE];
    s.next_message(&mut slot, &mut |_| None).unwrap();
    assert_eq!((slot[0], slot[2], slot[4]), (CONTROL, 3, 2));
}
