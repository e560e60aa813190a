//! A member that is given copies while its store has little room, or is slow.

use super::super::tests::{NOW, PG, PRIMARY, World, activate};
use super::*;
use messenger::messages::peer::PeerMessage;

const MIB: usize = 1 << 20;

fn named(name: &str) -> HObject {
    HObject::head(PG.pool, "", "", name)
}

fn write(name: &str, bytes: usize) -> Transaction {
    let data = Bytes::from(vec![7; bytes]);
    Transaction::from(vec![TxnOp::Write { o: named(name).into(), offset: 0, data }])
}

fn push(seq: u32, chunk: Chunk) -> Body {
    Body::Push { object: named("new"), seq, chunk }
}

fn first() -> Chunk {
    Chunk { first: true, size: 64 * MIB as u64, ..Chunk::default() }
}

fn data(seq: u32) -> Chunk {
    let offset = (seq & 0xffff) as u64 * MIB as u64;
    Chunk { offset, data: Bytes::from(vec![9; MIB]), ..Chunk::default() }
}

fn ack(seq: u32) -> Vec<(OsdId, Body)> {
    vec![(PRIMARY, Body::PushAck { object: named("new"), seq })]
}

impl World {
    fn put(&mut self, name: &str, bytes: usize) {
        self.shard.submit_raw(write(name, bytes));
        self.settle();
    }
    fn holds(&self, name: &str) -> bool {
        self.shard.store.exists(&named(name)).unwrap()
    }
    fn available(&self) -> usize {
        self.shard.store.statfs().available as usize
    }
    /// What the store has no room for at the moment.
    fn delay(&mut self, txn: Transaction) {
        let token = self.shard.next_token;
        self.shard.next_token += 1;
        self.shard.thens.push_back((token, Then::Nothing));
        self.shard.delayed.push_back((txn, token));
    }
    /// A member whose objects `new` and `old` are to be replaced.
    fn prepared() -> Self {
        Self::prepared_missing(0)
    }
    /// One access to metadata in so many misses.
    fn prepared_missing(miss_one_in: u32) -> Self {
        let mut w = Self::missing(&[1, 0], miss_one_in);
        assert_eq!(w.told(activate(&[])), [(PRIMARY, Body::Activated)]);
        w.put("old", 4 * MIB);
        assert_eq!(w.prepare(), [(PRIMARY, Body::Prepared)]);
        w
    }
    fn prepare(&mut self) -> Vec<(OsdId, Body)> {
        let objects = vec![named("new"), named("old")];
        self.told(Body::Prepare { wipe: false, objects })
    }
}

#[test]
fn a_copy_without_room_waits_alone_and_old_contents_make_room() {
    let mut w = World::prepared();
    assert_eq!(w.told(push(1 << 16, first())), ack(1 << 16));
    let mut seq = 1 << 16 | 1;
    while w.told(push(seq, data(seq))) == ack(seq) {
        assert!(w.holds("old"), "not before it has to go");
        seq += 1;
    }
    assert!(seq & 0xffff > 20, "{seq:#x}");
    let total = w.shard.store.statfs().total as usize;
    assert!(w.available() > total / 40, "{} of {total}", w.available());
    assert!(!w.holds("old"));
    assert_eq!(w.prepare(), [(PRIMARY, Body::Prepared)], "other transactions go on");
    assert_eq!(w.told(push(seq, data(seq))), ack(seq));
    assert!(w.shard.is_quiet());
}

#[test]
fn old_contents_make_room_when_their_metadata_have_been_fetched() {
    for rate in [1, 2, 5] {
        let mut w = World::prepared_missing(rate);
        assert_eq!(w.told(push(1 << 16, first())), ack(1 << 16));
        let mut seq = 1 << 16 | 1;
        while w.told(push(seq, data(seq))) == ack(seq) {
            seq += 1;
        }
        assert!(seq & 0xffff > 20, "{seq:#x}");
        assert_eq!(w.told(push(seq, data(seq))), ack(seq), "1 in {rate}");
    }
}

#[test]
fn a_chunk_in_line_gives_way_when_the_store_is_full_at_its_turn() {
    let mut w = World::prepared();
    assert_eq!(w.told(push(1 << 16, first())), ack(1 << 16));
    let total = w.shard.store.statfs().total as usize;
    while w.available() > total / 40 + 4 * MIB {
        w.put(&format!("f{}", w.available()), MIB);
    }
    w.delay(write("large", w.available() - total / 40 - MIB / 2));
    let seq = 1 << 16 | 1;
    assert_eq!(w.told(push(seq, data(seq))), []);
    assert!(w.shard.is_quiet() && w.holds("large"));
    w.shard.submit_raw(vec![TxnOp::Remove { o: named("large").into() }].into());
    w.settle();
    assert_eq!(w.told(push(seq, data(seq))), ack(seq));
}

#[test]
fn a_chunk_is_acknowledged_when_it_is_durable_however_often_it_comes() {
    let mut w = World::prepared();
    let (mut out, view) = (Vec::new(), w.view.clone());
    for _ in 0..2 {
        let message = PeerMessage { pg: PG, epoch: Epoch(3), body: push(1 << 16, first()) };
        w.shard.on_peer(NOW, &view, PRIMARY, message, &mut out);
    }
    w.take(out);
    assert_eq!(w.sent, []);
    w.settle();
    assert_eq!(std::mem::take(&mut w.sent), ack(1 << 16));
    assert_eq!(w.told(push(1 << 16, first())), ack(1 << 16), "the answer may have been lost");
}

#[test]
fn objects_are_listed_when_nothing_is_delayed() {
    let list = || Body::List { after: crate::pg::meta_object(PG) };
    let mut w = World::prepared();
    w.delay(write("late", 1));
    assert_eq!(w.told(list()), []);
    let answer = w.told(list());
    let [(PRIMARY, Body::Listed { objects, done: true, .. })] = &answer[..] else {
        panic!("{answer:?}")
    };
    assert!(objects.contains(&named("late")), "{objects:?}");

    // The primary lists its own, and does so again on its timer.
    let mut w = World::with_acting(&[0, 1]);
    w.sent.clear();
    let asked = w.told(Body::Info { info: None });
    assert_eq!(asked, [(PRIMARY, Body::Prepare { wipe: true, objects: vec![] })]);
    w.delay(write("late", 1));
    assert_eq!(w.told(Body::Prepared), []);
    let (mut out, view) = (Vec::new(), w.view.clone());
    w.shard.on_tick(NOW, &view, &mut out);
    w.take(out);
    let [(PRIMARY, Body::Push { object, .. })] = &w.sent[..] else { panic!("{:?}", w.sent) };
    assert_eq!(object, &named("late"));
}

#[test]
fn a_wipe_finds_what_was_delayed() {
    let mut w = World::with_acting(&[1, 0]);
    assert_eq!(w.told(activate(&[])), [(PRIMARY, Body::Activated)]);
    w.delay(write("late", 1));
    let body = Body::Prepare { wipe: true, objects: vec![] };
    assert_eq!(w.told(body), [(PRIMARY, Body::Prepared)]);
    assert!(!w.holds("late"));
}
