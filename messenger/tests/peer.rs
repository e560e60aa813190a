//! Messages between OSDs: round trips of every kind, damaged input, and what the fixed headers look
//! like.

#[path = "../fuzz/bodies.rs"]
mod bodies;
#[path = "../fuzz/harness.rs"]
mod harness;

use bodies::{bodies, bytes, changes, message};
use bytes::Bytes;
use harness::check_peer as check;
use messenger::Message;
use messenger::messages::TypedMessage;
use messenger::messages::internal::kind;
use messenger::messages::peer::{Body, Change, Heartbeat, OsdCores, PeerMessage, RepAck, RepOp};
use proptest::prelude::*;
use schema::Builder;
use types::Epoch;
use types::enc::DecodeError;

#[test]
fn every_kind_round_trips() {
    let mut kinds: Vec<u16> = Vec::new();
    for body in bodies() {
        let m = message(body);
        let encoded = m.encode();
        assert!(PeerMessage::is_kind(encoded.kind));
        assert_eq!(PeerMessage::peek_pg(&encoded), Ok(m.pg));
        assert_eq!(PeerMessage::decode(&encoded), Ok(m));
        kinds.push(encoded.kind);
    }
    kinds.dedup();
    let all = (0x6b10..=0x6b2f).filter(|kind| PeerMessage::is_kind(*kind));
    assert_eq!(kinds, all.collect::<Vec<_>>(), "a body of every kind, in order");
}

/// Whole they come back, cut they are an error or a value, and nothing is an error.
fn travels<T: TypedMessage + PartialEq + std::fmt::Debug + Clone>(sent: T) {
    let message = sent.clone().into_message(0);
    assert_eq!(T::from_message(&message), Ok(sent));
    for len in 0..message.front.len() {
        let _ = T::from_message(&Message { front: message.front.slice(..len), ..message.clone() });
    }
    let nothing = Message { front: Bytes::new(), ..message };
    assert!(T::from_message(&nothing).is_err());
}

#[test]
fn what_is_about_osds_round_trips() {
    travels(Heartbeat { reply: true, epoch: Epoch(7), stamp: 99 });
    travels(bodies::osd_cores());
    travels(OsdCores { addrs: Vec::new(), ..bodies::osd_cores() });
}

#[test]
fn a_newer_encoding_is_refused_by_its_header() {
    let newer = Message { version: 2, compat: 2, ..message(Body::Query).encode() };
    assert!(matches!(PeerMessage::decode(&newer), Err(DecodeError::TooNew { compat: 2, .. })));
    // Fields were added that this reader may skip.
    let extended = Message { version: 2, ..message(Body::Query).encode() };
    assert_eq!(PeerMessage::decode(&extended), Ok(message(Body::Query)));
}

#[test]
fn the_fixed_headers_have_their_layout() {
    let op = RepOp { entry: bytes("entry"), complete: 0x0807, changes: changes()[..2].to_vec() };
    let encoded = message(Body::RepOp(op)).encode();
    let mut expected = vec![1, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0];
    expected.extend([7, 8, 0, 0, 0, 0, 0, 0]);
    expected.extend(b"entry");
    // Touch; write of 5 bytes at 5.
    expected.extend([2, 0, 0, 0, 1, 2, 5, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(encoded.front, expected);
    assert_eq!(encoded.data.to_bytes(), "hello");

    let encoded = message(Body::RepAck(RepAck { version: 3, room: 0x0102 })).encode();
    let mut expected = vec![1, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0];
    expected.extend([3, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(encoded.front, expected);

    let mut other = encoded.front.to_vec();
    other[0] = 2;
    let other = Message { front: other.into(), ..encoded };
    assert!(matches!(PeerMessage::decode(&other), Err(DecodeError::Invalid { value: 2, .. })));
    assert!(PeerMessage::peek_pg(&other).is_err());
}

#[test]
fn the_data_of_a_write_is_not_copied() {
    let data = Bytes::from(vec![7u8; 4096]);
    let change = Change::Write { offset: 0, data: data.clone() };
    let op = RepOp { entry: bytes("entry"), complete: 0, changes: vec![change] };
    let encoded = message(Body::RepOp(op)).encode();
    assert_eq!(encoded.data.parts()[0].as_ptr(), data.as_ptr());
    let Body::RepOp(op) = PeerMessage::decode(&encoded).unwrap().body else { panic!() };
    assert_eq!(op.entry.as_ptr(), encoded.front[32..].as_ptr());
    let Change::Write { data: read, .. } = &op.changes[0] else { panic!() };
    assert_eq!(read.as_ptr(), data.as_ptr());
}

#[test]
fn writes_and_the_data_segment_have_the_same_length() {
    let op = RepOp { entry: bytes("entry"), complete: 4, changes: changes() };
    let encoded = message(Body::RepOp(op)).encode();
    for data in ["", "helloagai", "helloagain!"] {
        let wrong = Message { data: bytes(data).into(), ..encoded.clone() };
        assert!(PeerMessage::decode(&wrong).is_err(), "{data}");
    }
}

#[test]
fn equal_items_are_each_on_the_wire() {
    let entries = vec![Bytes::from(vec![3; 500]); 10];
    let m = message(Body::Activate { keep: Default::default(), reset: false, entries });
    assert!(m.encode().front.len() > 5000);
    assert_eq!(PeerMessage::decode(&m.encode()), Ok(m));
}

/// A list of `count` items that are all the same bytes of the front.
fn shared(count: usize, len: usize) -> Message {
    let mut b = Builder::new();
    let blob = schema::Blob::create(&mut b, vec![1u8; len]);
    let head = schema::PgHead { pool: 1, seed: 5, epoch: 4 };
    let keep = schema::Version { version: 0, epoch: 0 };
    let root = schema::PgActivate::create(&mut b, head, keep, false, vec![blob; count]);
    Message { front: b.finish(root, None).to_vec().into(), ..message(Body::Query).encode() }
}

#[test]
fn a_small_front_does_not_grow_when_it_is_decoded() {
    let one = Message { kind: kind::PG_ACTIVATE, ..shared(1, 1000) };
    assert!(PeerMessage::decode(&one).is_ok());
    let many = Message { kind: kind::PG_ACTIVATE, ..shared(1000, 1000) };
    assert!(PeerMessage::decode(&many).is_err());
}

#[test]
fn damaged_and_cut_messages_are_errors_or_values() {
    for body in bodies() {
        let whole = message(body).encode();
        let fixed = matches!(whole.kind, kind::REP_OP | kind::REP_ACK);
        for len in 0..whole.front.len() {
            let cut = Message { front: whole.front.slice(..len), ..whole.clone() };
            check(&cut);
            assert!(!fixed || PeerMessage::decode(&cut).is_err());
        }
        for at in 0..whole.front.len() {
            for value in [0, 1, 4, 0x7f, 0x80, 0xff, whole.front[at] ^ 1, whole.front[at] ^ 0x10] {
                let mut front = whole.front.to_vec();
                front[at] = value;
                check(&Message { front: front.into(), ..whole.clone() });
            }
        }
        for kind in 0x6b0f..0x6b32 {
            check(&Message { kind, ..whole.clone() });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn noise_does_not_panic(
        kind in 0x6b10u16..0x6b2e,
        front in proptest::collection::vec(any::<u8>(), 0..300),
        data in proptest::collection::vec(any::<u8>(), 0..30),
    ) {
        check(&Message { kind, front: front.into(), data: Bytes::from(data).into(), ..Message::default() });
    }
}
