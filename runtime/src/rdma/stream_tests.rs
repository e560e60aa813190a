//! Two streams, the network between them and their memories, in every order that chance finds.

use super::*;
use std::collections::BTreeMap;

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

/// One end: its stream, its memory, and what is on its way to it.
struct Peer {
    stream: Stream,
    arriving: VecDeque<Vec<u8>>,
    /// Receive buffers that hold something.
    buffers: BTreeMap<u32, Vec<u8>>,
    free: Vec<u32>,
    reads: VecDeque<Read>,
    landed: BTreeMap<u64, Vec<u8>>,
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
        let mut lend = |bytes: &[u8]| {
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

    /// The node takes up to `room` bytes.
    fn take(&mut self, room: usize) {
        let ready = self.stream.ready_bytes();
        let (from, n) = match self.stream.front() {
            Some(Front::Data { buffer, at, bytes }) => {
                let n = bytes.min(room);
                (self.buffers[&buffer][at..at + n].to_vec(), n)
            }
            Some(Front::Landed { id, at, bytes }) => {
                let n = bytes.min(room);
                (self.landed[&id][at..at + n].to_vec(), n)
            }
            Some(Front::End) => {
                self.ended = true;
                return;
            }
            None => return,
        };
        assert!(n <= ready);
        self.received.extend(from);
        if let Some(freed) = self.stream.consume(n) {
            self.release(freed);
        }
    }
}

/// The read that is oldest ends: it is the other end's memory as it is now.
fn fetch(reader: &mut Peer, owner: &Peer) {
    let Some(read) = reader.reads.pop_front() else { return };
    assert_eq!(read.address, read.key as u64 * 4096);
    let bytes = owner.lent.get(&read.key).expect("lent for as long as it is read");
    assert_eq!(bytes.len(), read.bytes);
    reader.landed.insert(read.id, bytes.clone());
    reader.stream.read_done(read.id);
}

fn run(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (a, b) = (4 + dice.roll(12) as u16, 4 + dice.roll(12) as u16);
    let lent_max = 1 + dice.roll(4);
    let mut ends = [Peer::new(terms(a, b), lent_max), Peer::new(terms(b, a), lent_max)];
    // Which of them may send, and how eagerly nodes read.
    let eager = [dice.roll(4), dice.roll(4)];
    let total = [dice.roll(3) * 4000, 1000 + dice.roll(8000)];
    let step = |ends: &mut [Peer; 2], dice: &mut Dice, healed: bool| {
        let me = dice.roll(2);
        match dice.roll(6) {
            0 if ends[me].sent.len() < total[me] => {
                let n = 1 + dice.roll(300);
                let bytes: Vec<u8> = (0..n).map(|_| dice.roll(256) as u8).collect();
                ends[me].sent.extend(&bytes);
                ends[me].stream.push([Bytes::from(bytes)]);
                if ends[me].sent.len() >= total[me] {
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
                if ends[me].landed.len() + ends[me].reads.len() < 2
                    && let Some(read) = ends[me].stream.next_read()
                {
                    ends[me].reads.push_back(read);
                }
            }
            4 => {
                let [x, y] = ends;
                let (reader, owner) = if me == 0 { (x, &*y) } else { (y, &*x) };
                fetch(reader, owner);
            }
            _ if healed || dice.roll(4) <= eager[me] => ends[me].take(1 + dice.roll(90)),
            _ => {}
        }
    };
    for _ in 0..3000 {
        step(&mut ends, &mut dice, false);
    }
    for _ in 0..200_000 {
        step(&mut ends, &mut dice, true);
        if ends.iter().all(|e| e.ended && e.stream.is_finished()) {
            break;
        }
    }
    for me in 0..2 {
        let (x, y) = (&ends[me], &ends[1 - me]);
        assert!(x.ended && x.stream.is_finished(), "seed {seed}: end {me} has come to a halt");
        assert!(x.received == y.sent, "seed {seed}: end {me} has received something else");
        assert!(x.lent.is_empty() && x.landed.is_empty() && x.buffers.is_empty());
    }
}

#[test]
fn bytes_arrive_in_order_whatever_the_schedule() {
    (0..300).for_each(run);
}

fn stream() -> Stream {
    Stream::new(terms(4, 4))
}

fn message(kind: u8, credits: u16, reads: u16, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, 0];
    out.extend(credits.to_le_bytes());
    out.extend(reads.to_le_bytes());
    out.extend([0; 2]);
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
    let more = s.on_message(1, &message(DATA, 0, 0, b"x"), &mut Vec::new());
    assert_eq!(more, Err(Broke::AfterEnd));
    // One message more than there are credits.
    let mut s = stream();
    for buffer in 0..4 {
        s.on_message(buffer, &message(DATA, 0, 0, b"x"), &mut Vec::new()).unwrap();
    }
    let more = s.on_message(4, &message(CONTROL, 0, 0, b""), &mut Vec::new());
    assert_eq!(more, Err(Broke::NoCredit));
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
                bytes[8..12].copy_from_slice(&(body as u32).to_le_bytes());
            }
            if s.on_message(buffer, &bytes, &mut Vec::new()).is_err() {
                break;
            }
        }
        while s.next_read().is_some() {}
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
        s.on_message(buffer, &message(DATA, 0, 0, b"x"), &mut Vec::new()).unwrap();
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
fn what_nobody_wants_any_more_is_dropped_and_accounted_for() {
    let mut s = stream();
    let offer = [&[0; 12][..], &50u32.to_le_bytes()].concat();
    s.on_message(7, &message(DATA, 0, 0, b"x"), &mut Vec::new()).unwrap();
    s.on_message(8, &message(OFFER, 0, 0, &offer), &mut Vec::new()).unwrap();
    s.on_message(8, &message(OFFER, 0, 0, &offer), &mut Vec::new()).unwrap();
    let read = s.next_read().unwrap();
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
