#![allow(clippy::disallowed_types)] // Macros of proptest use Arc.

use super::reader::ChangeReader;
use super::*;
use crate::format::BLOCK;
use crate::txn::TxnOp;
use proptest::prelude::*;
use types::{PoolId, SnapId};

const PLACE_END: u32 = 1 << 20;

fn blob() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..6).prop_map(Bytes::from)
}

/// Few names, so that changes follow one another on the same object.
fn object() -> impl Strategy<Value = ObjectName> {
    let snap = prop_oneof![0..3u64, Just(SnapId::HEAD.0)];
    (-1..2i64, prop::sample::select(&["", "k"][..]), prop::sample::select(&["a", "bc"][..]), snap)
        .prop_map(|(pool, key, name, snap)| {
            let nspace = if snap == 1 { "" } else { "ns" };
            let head = HObject::head(PoolId(pool), nspace, key, name);
            HObject { snap: SnapId(snap), ..head }.into()
        })
}

fn pg() -> impl Strategy<Value = PgId> {
    (any::<i64>(), any::<u32>()).prop_map(|(pool, seed)| PgId { pool: PoolId(pool), seed })
}

fn size() -> impl Strategy<Value = u64> {
    prop_oneof![0..=OBJECT_SIZE_MAX, Just(OBJECT_SIZE_MAX)]
}

fn blocks() -> impl Strategy<Value = (u32, u32)> {
    (0..=BLOCKS_MAX).prop_flat_map(|block| (Just(block), 0..=BLOCKS_MAX - block))
}

fn write() -> impl Strategy<Value = Change> {
    let run = (0..9u32, 1..9u32, 0..LADDR_END - 9, 0..PLACE_END - 9);
    (object(), size(), prop::collection::vec(run, 0..5), any::<u32>()).prop_map(
        |(o, end, pieces, crc)| {
            let (mut next, mut runs) = (0, Vec::new());
            for (gap, blocks, laddr, place) in pieces {
                runs.push(WrittenRun { block: next + gap, blocks, laddr, place });
                next += gap + blocks;
            }
            let crcs = (0..runs.iter().map(|r| r.blocks).sum()).map(|i| crc ^ i).collect();
            Change::Write { o, end, runs, crcs }
        },
    )
}

fn moves() -> impl Strategy<Value = Change> {
    let laddrs = prop_oneof![0..300u64, 0..LADDR_END];
    let moves = prop::collection::btree_map(laddrs, 0..PLACE_END, 0..9);
    (0..PLACE_END - 9, moves).prop_map(|(to, moves)| {
        let moves = moves.into_iter().map(|(laddr, from)| Moved { laddr, from }).collect();
        Change::Move { to, moves }
    })
}

fn clone_range() -> impl Strategy<Value = Change> {
    (object(), object(), 0..1000u32, blocks(), size()).prop_map(|(from, to, at, range, end)| {
        let from_block = at.min(BLOCKS_MAX - range.1);
        Change::CloneRange { from, to, from_block, to_block: range.0, blocks: range.1, end }
    })
}

fn change() -> impl Strategy<Value = Change> {
    let pairs = prop::collection::vec((blob(), blob()), 0..4);
    prop_oneof![
        (pg(), any::<u8>()).prop_map(|(pg, bits)| Change::CreateCollection { pg, bits }),
        pg().prop_map(|pg| Change::RemoveCollection { pg }),
        object().prop_map(|o| Change::Touch { o }),
        write(),
        (object(), blocks(), size()).prop_map(|(o, (block, blocks), end)| Change::Punch {
            o,
            block,
            blocks,
            end
        }),
        (object(), size()).prop_map(|(o, size)| Change::SetSize { o, size }),
        object().prop_map(|o| Change::Remove { o }),
        (object(), blob(), blob()).prop_map(|(o, name, value)| Change::SetXattr { o, name, value }),
        (object(), blob()).prop_map(|(o, name)| Change::RemoveXattr { o, name }),
        (object(), pairs).prop_map(|(o, pairs)| Change::OmapSet { o, pairs }),
        (object(), prop::collection::vec(blob(), 0..4))
            .prop_map(|(o, keys)| Change::OmapRemove { o, keys }),
        (object(), blob(), blob()).prop_map(|(o, first, last)| Change::OmapRemoveRange {
            o,
            first,
            last
        }),
        object().prop_map(|o| Change::OmapClear { o }),
        (object(), blob()).prop_map(|(o, header)| Change::OmapSetHeader { o, header }),
        (object(), object()).prop_map(|(from, to)| Change::Clone { from, to }),
        clone_range(),
        moves(),
        any::<u32>().prop_map(|steps| Change::Collect { steps }),
    ]
}

fn encode(changes: &[Change]) -> Vec<u8> {
    let (mut out, mut last) = (Vec::new(), None);
    changes.iter().for_each(|change| put(&mut out, change, &mut last));
    out
}

fn decode(bytes: Vec<u8>) -> Result<Vec<Change>, types::enc::DecodeError> {
    ChangeReader::new(bytes.into(), PLACE_END, None).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn changes_come_back(changes in prop::collection::vec(change(), 0..8)) {
        prop_assert_eq!(decode(encode(&changes)).unwrap(), changes);
    }

    /// Over two records of one group: the second does not name the object again.
    #[test]
    fn the_object_is_remembered_over_records(a in change(), b in change()) {
        let (mut out, mut last) = (Vec::new(), None);
        put(&mut out, &a, &mut last);
        let cut = out.len();
        put(&mut out, &b, &mut last);
        let second = Bytes::from(out.split_off(cut));
        let mut first = ChangeReader::new(out.into(), PLACE_END, None);
        prop_assert_eq!(first.next(), Some(Ok(a)));
        prop_assert_eq!(first.next(), None);
        let mut second = ChangeReader::new(second, PLACE_END, first.last_object());
        prop_assert_eq!(second.next(), Some(Ok(b)));
        prop_assert_eq!(second.last_object(), last);
    }

    #[test]
    fn damaged_changes_do_no_harm(
        changes in prop::collection::vec(change(), 1..5),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        length in any::<prop::sample::Index>(),
        cut: bool,
    ) {
        let mut bytes = encode(&changes);
        if cut {
            bytes.truncate(length.index(bytes.len()));
        }
        for (at, byte) in damage {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        // What is read can be written and means the same.
        if let Ok(read) = decode(bytes) {
            prop_assert_eq!(decode(encode(&read)).unwrap(), read);
        }
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        if let Ok(read) = decode(bytes) {
            prop_assert_eq!(decode(encode(&read)).unwrap(), read);
        }
    }

    /// A name has one form: whatever else is read back is refused.
    #[test]
    fn a_name_has_one_form(o in object(), at in 0..4usize, byte: u8) {
        let mut bytes = encode(&[Change::Touch { o: o.clone() }]);
        bytes[1 + at] = byte;
        if let Ok(read) = decode(bytes.clone()) {
            prop_assert_eq!(encode(&read), bytes);
        }
    }

    #[test]
    fn an_operation_takes_no_more_than_its_bound(op in op(), shared: bool) {
        let changes = largest_changes(&op, shared);
        let taken = encode(&changes).len() as u64;
        prop_assert!(taken <= op.delta_bytes_max(), "{taken}");
    }
}

fn op() -> impl Strategy<Value = TxnOp> {
    let offset = || prop_oneof![0..3 * BLOCK, Just(0), Just(BLOCK), Just(BLOCK - 1)];
    let len = || prop_oneof![0..3 * BLOCK, Just(BLOCK), Just(1024 * BLOCK), Just(5 << 20)];
    let long = prop_oneof![Just(65534usize), Just(65535), 0..9usize];
    prop_oneof![
        (pg(), any::<u8>()).prop_map(|(pg, bits)| TxnOp::CreateCollection { pg, bits }),
        pg().prop_map(|pg| TxnOp::RemoveCollection { pg }),
        object().prop_map(|o| TxnOp::Touch { o }),
        (object(), offset(), len()).prop_map(|(o, offset, len)| TxnOp::Write {
            o,
            offset,
            data: vec![0; len as usize].into()
        }),
        (object(), offset(), len()).prop_map(|(o, offset, len)| TxnOp::Zero { o, offset, len }),
        (object(), offset()).prop_map(|(o, size)| TxnOp::Truncate { o, size }),
        object().prop_map(|o| TxnOp::Remove { o }),
        (object(), blob(), long).prop_map(|(o, name, len)| TxnOp::SetXattr {
            o,
            name,
            value: vec![1; len].into()
        }),
        (object(), blob()).prop_map(|(o, name)| TxnOp::RemoveXattr { o, name }),
        (object(), prop::collection::vec((blob(), blob()), 0..4))
            .prop_map(|(o, pairs)| TxnOp::OmapSet { o, pairs }),
        (object(), prop::collection::vec(blob(), 0..4))
            .prop_map(|(o, keys)| TxnOp::OmapRemove { o, keys }),
        (object(), blob(), blob()).prop_map(|(o, first, last)| TxnOp::OmapRemoveRange {
            o,
            first,
            last
        }),
        object().prop_map(|o| TxnOp::OmapClear { o }),
        (object(), blob()).prop_map(|(o, header)| TxnOp::OmapSetHeader { o, header }),
    ]
}

/// A write of `blocks` from `first` in as many runs as there may be.
fn largest_write(o: &ObjectName, first: u64, blocks: u64, runs_max: u64) -> Change {
    let runs = blocks.min(runs_max);
    let run = |i: u64| WrittenRun {
        block: (first + i) as u32,
        blocks: if i + 1 == runs { (blocks - i) as u32 } else { 1 },
        laddr: 2 * i,
        place: 0,
    };
    Change::Write {
        o: o.clone(),
        end: (first + blocks) * BLOCK,
        runs: (0..runs).map(run).collect(),
        crcs: vec![0; blocks as usize],
    }
}

fn largest_changes(op: &TxnOp, shared: bool) -> Vec<Change> {
    match op.clone() {
        TxnOp::CreateCollection { pg, bits } => vec![Change::CreateCollection { pg, bits }],
        TxnOp::RemoveCollection { pg } => vec![Change::RemoveCollection { pg }],
        TxnOp::Touch { o } => vec![Change::Touch { o }],
        TxnOp::Write { o, offset, data } => {
            let end = (offset + data.len() as u64).div_ceil(BLOCK);
            let first = offset / BLOCK;
            let blocks = if data.is_empty() { 0 } else { end - first };
            let runs_max = if shared { blocks } else { blocks / 1024 + 2 };
            vec![largest_write(&o, first, blocks, runs_max)]
        }
        TxnOp::Zero { o, .. } => vec![
            largest_write(&o, 0, 1, 1),
            Change::Punch { o: o.clone(), block: 1, blocks: 1, end: 3 * BLOCK },
            largest_write(&o, 2, 1, 1),
        ],
        TxnOp::Truncate { o, size } => {
            vec![largest_write(&o, 0, 1, 1), Change::SetSize { o, size }]
        }
        TxnOp::Remove { o } => vec![Change::Remove { o }],
        TxnOp::SetXattr { o, name, value } => vec![Change::SetXattr { o, name, value }],
        TxnOp::RemoveXattr { o, name } => vec![Change::RemoveXattr { o, name }],
        TxnOp::OmapSet { o, pairs } => vec![Change::OmapSet { o, pairs }],
        TxnOp::OmapRemove { o, keys } => vec![Change::OmapRemove { o, keys }],
        TxnOp::OmapRemoveRange { o, first, last } => {
            vec![Change::OmapRemoveRange { o, first, last }]
        }
        TxnOp::OmapClear { o } => vec![Change::OmapClear { o }],
        TxnOp::OmapSetHeader { o, header } => vec![Change::OmapSetHeader { o, header }],
        TxnOp::Clone { o, to } => vec![Change::Clone { from: o, to }],
        TxnOp::CloneRange { o, to, from_offset, to_offset, len } => vec![Change::CloneRange {
            from: o,
            to,
            from_block: (from_offset / 4096) as u32,
            to_block: (to_offset / 4096) as u32,
            blocks: (len / 4096) as u32,
            end: to_offset + len,
        }],
    }
}

fn plain(name: &str) -> ObjectName {
    HObject::head(PoolId(1), "", "", name).into()
}

/// The write of one block and the xattr that follows it: 33 bytes and the name once.
#[test]
fn a_block_takes_few_bytes() {
    let o = plain("rbd_data.1");
    let run = WrittenRun { block: 3, blocks: 1, laddr: 4, place: 5 };
    let (mut out, mut last) = (Vec::new(), None);
    put_write(&mut out, &o, &mut last, 4096, &[run], &[6]);
    put_xattr(&mut out, &o, &mut last, b"_", b"12345");
    assert_eq!(out.len(), (1 + 7 + 10) + (2 + 1 + 7 + 4) + (1 + 3 + 7));
}

#[test]
fn a_clone_to_a_snapshot_does_not_name_it_again() {
    let head = plain("a");
    let snap: ObjectName = HObject { snap: SnapId(4), ..(*head).clone() }.into();
    let (mut out, mut last) = (Vec::new(), None);
    put_touch(&mut out, &head, &mut last);
    let named = out.len();
    put_clone(&mut out, &head, &snap, &mut last);
    assert_eq!(out.len() - named, 1 + 1 + 8);
    assert_eq!(last, Some(head));
}

#[test]
fn values_share_the_buffer_of_the_record() {
    let value = Bytes::from(vec![7; 100]);
    let change = Change::SetXattr { o: plain("a"), name: Bytes::new(), value };
    let record = Bytes::from(encode(std::slice::from_ref(&change)));
    let mut reader = ChangeReader::new(record.clone(), PLACE_END, None);
    let Some(Ok(Change::SetXattr { value, .. })) = reader.next() else { panic!() };
    assert!(record.as_ptr_range().contains(&value.as_ptr()));
}

/// The reader refuses what would send the store outside the region, the object or the laddrs.
#[test]
fn numbers_out_of_range_are_refused() {
    let (o, mut last) = (plain("a"), None);
    let with_place = |place| {
        let run = WrittenRun { block: 0, blocks: 2, laddr: 0, place };
        let mut out = Vec::new();
        put_write(&mut out, &o, &mut None, 0, &[run], &[0; 2]);
        decode(out)
    };
    assert!(with_place(PLACE_END - 2).is_ok());
    assert!(with_place(PLACE_END - 1).is_err());
    assert!(with_place(u32::MAX).is_err());
    for (from, to, good) in [
        (0, PLACE_END - 1, false),
        (PLACE_END, 0, false),
        (u32::MAX, 0, false),
        (0, u32::MAX, false),
        (PLACE_END - 1, PLACE_END - 2, true),
    ] {
        let mut out = Vec::new();
        put_move(&mut out, to, &[Moved { laddr: 1, from: 0 }, Moved { laddr: 9, from }]);
        assert_eq!(decode(out).is_ok(), good, "{from} {to}");
    }
    let mut out = Vec::new();
    put_set_size(&mut out, &o, &mut last, OBJECT_SIZE_MAX);
    assert!(decode(out.clone()).is_ok());
    let at = out.len() - 8;
    out[at] = 1;
    assert!(decode(out).is_err());
    assert!(decode(vec![TOUCH | SAME]).is_err(), "no object yet");
    assert!(decode(vec![99]).is_err() && decode(vec![0]).is_err());
    // A count that the bytes cannot hold does not reserve memory for it.
    assert!(decode([&[MOVE][..], &u32::MAX.to_le_bytes(), &[0; 8]].concat()).is_err());
}

/// Runs cannot overlap; each has a block, and the last ends where an object does.
#[test]
fn runs_without_blocks_or_past_the_end_are_refused() {
    let run = |block| WrittenRun { block, blocks: 1, laddr: 0, place: 0 };
    for (second, blocks, good) in [
        (1, 1, true),
        (1, 0, false),
        (BLOCKS_MAX - 1, 1, true),
        (BLOCKS_MAX - 1, 2, false),
        (BLOCKS_MAX - 1, 0, false),
    ] {
        let mut out = Vec::new();
        put_write(&mut out, &plain("a"), &mut None, 0, &[run(0), run(second)], &[0; 2]);
        // Behind the second run's blocks come laddr and place, then two checksums.
        let at = out.len() - (2 * 4) - (1 + 4) - 1;
        assert_eq!(out[at], 1);
        out[at] = blocks;
        out.resize(out.len() + 4 * blocks as usize - 4, 0);
        assert_eq!(decode(out).is_ok(), good, "{second} {blocks}");
    }
}

#[test]
fn laddrs_and_names_out_of_range_are_refused() {
    let mut out = Vec::new();
    let last = Moved { laddr: LADDR_END - 1, from: 0 };
    put_move(&mut out, 0, &[last]);
    assert_eq!(decode(out.clone()).unwrap(), [Change::Move { to: 0, moves: vec![last] }]);
    // Seven bytes of seven bits, then seven more bits and no more.
    assert_eq!(out.len(), 13 + 8 + 1);
    out[13 + 7] |= 0x80;
    out.insert(13 + 8, 1);
    assert!(decode(out.clone()).is_err(), "2^56");
    out[13 + 8] = 0;
    assert!(decode(out.clone()).is_err(), "a zero at the end");
    out.splice(13 + 8..13 + 9, [0x80; 9]);
    assert!(decode(out).is_err(), "a number without end");
    for (len, good) in [(4096, true), (4097, false)] {
        let o = HObject { name: "n".repeat(len), ..(*plain("")).clone() };
        assert_eq!(decode(encode(&[Change::Touch { o: o.into() }])).is_ok(), good);
    }
}

#[test]
fn nothing_follows_an_error() {
    let mut bytes = encode(&[Change::Touch { o: plain("a") }, Change::Collect { steps: 1 }]);
    let cut = bytes.len() - 1;
    bytes.truncate(cut);
    let mut reader = ChangeReader::new(bytes.into(), PLACE_END, None);
    assert!(reader.next().unwrap().is_ok());
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}
