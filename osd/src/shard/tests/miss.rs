//! The shard over a store whose metadata are not in memory.

use super::*;
use crate::pg::PgState;
use messenger::messages::op::cmp_op;
use messenger::messages::peer::Chunk;

/// Every access misses once, or by chance.
const RATES: [u32; 3] = [1, 2, 5];

fn pairs(keys: std::ops::Range<u8>) -> Vec<(Bytes, Bytes)> {
    keys.map(|k| (Bytes::from(vec![k]), Bytes::from(vec![k; 3]))).collect()
}

fn names(count: u64) -> Vec<String> {
    (0..count).map(|n| format!("object{n}")).collect()
}

/// What clients do, much of it at once; the answers.
fn clients(w: &mut World) -> Vec<(u64, i32, Vec<Bytes>)> {
    let text = |t: &'static str| Bytes::from_static(t.as_bytes());
    let mut tid = 0;
    let mut send = |w: &mut World, name: &str, ops: Vec<Op>| {
        tid += 1;
        w.send_ops(7, tid, name, ops);
    };
    for name in names(6) {
        send(w, &name, vec![Op::append(text("one ")), Op::set_xattr(b"x", b"1")]);
        send(w, &name, vec![Op::omap_set_vals(&pairs(1..40)), Op::omap_set_header("head".into())]);
        send(w, &name, vec![Op::append(text("two"))]);
        send(w, &name, vec![Op::read(0, 0), Op::get_xattrs(), Op::omap_get_keys(b"", 30)]);
        send(w, &name, vec![Op::cmpext(4, text("two")), Op::append(text(" three"))]);
        send(w, &name, vec![Op::cmp_xattr(b"x", cmp_op::EQ, cmp_op::MODE_STRING, b"2")]);
    }
    w.settle();
    for name in names(7) {
        send(w, &name, vec![Op::omap_get_vals_by_keys(&[vec![3].into(), vec![99].into()])]);
        send(w, &name, vec![Op::omap_rm_keys(&[vec![3].into()]), Op::omap_get_header()]);
        send(w, &name, vec![Op::omap_get_vals(&[2], b"", 2), Op::stat(), Op::read(4, 3)]);
    }
    send(w, "object1", vec![Op::delete()]);
    send(w, "object1", vec![Op::stat()]);
    w.settle();
    send(w, "", vec![Op::pgnls(100, 3, &HObject::min())]);
    w.settle();
    let mut answers: Vec<_> = w.replies.iter().collect();
    answers.sort_by_key(|(tid, _)| *tid);
    let outputs = |r: &OsdOpReply| r.outcomes.iter().map(|o| o.output.to_bytes()).collect();
    answers.into_iter().map(|(tid, r)| (*tid, r.result, outputs(r))).collect()
}

#[test]
fn clients_get_the_same_answers() {
    let expected = clients(&mut World::new());
    let listing = &expected.last().expect("the listing is the last").2[0];
    assert!(listing.len() > 5 * 15, "five objects are listed");
    for rate in RATES {
        let mut w = World::missing(&[0], rate);
        assert_eq!(clients(&mut w), expected, "1 in {rate}");
        assert!(w.shard.jobs.is_empty() && w.shard.pgs[&PG].queues.waiting() == 0);
    }
}

#[test]
fn a_client_s_operation_stays_behind_its_copy() {
    for rate in RATES {
        let mut w = World::missing(&[0], rate);
        w.send(1, "a", Op::write_full(Bytes::from_static(b"aaa")));
        w.settle();
        // While the copy waits for metadata, the read is queued behind it.
        w.copy(2, "a", "b");
        w.send(3, "b", Op::read(0, 0));
        w.settle();
        assert_eq!(w.results(), [(1, 0)], "1 in {rate}");
        w.answer_fetch();
        assert_eq!(w.results(), [(1, 0), (2, 0), (3, 0)]);
        assert_eq!(w.replies[2].1.outcomes[0].output.to_bytes(), &b"aaa"[..]);
    }
}

#[test]
fn metadata_that_cannot_be_read_are_the_operation_s_error() {
    let mut w = World::missing(&[0], 1);
    w.send(1, "a", Op::write_full(Bytes::from_static(b"aaa")));
    w.settle();
    // Enough accesses for the object to be out of memory.
    for n in 0..300 {
        let _ = w.shard.store.exists(&HObject::head(PG.pool, "", "", &format!("other{n}")));
    }
    w.replies.clear();
    w.reads_fail = true;
    w.send(2, "a", Op::stat());
    w.send(3, "a", Op::append(Bytes::from_static(b"b")));
    w.send(4, "", Op::pgnls(10, 3, &HObject::min()));
    w.settle();
    let mut results = w.results();
    results.sort();
    assert_eq!(results, [(2, -5), (3, -5), (4, -5)]);
    assert_eq!(w.alarms.len(), 3, "{:?}", w.alarms);
    w.reads_fail = false;
    w.send(5, "a", Op::read(0, 0));
    w.settle();
    let (_, reply) = w.replies.last().unwrap();
    assert_eq!(
        reply.outcomes[0].output.to_bytes(),
        &b"aaa"[..],
        "nothing was executed, or stays held"
    );
}

/// The shard once more on the same device.
fn restarted(w: World, rate: u32) -> World {
    World::start(w.disk, w.superblock, w.view, rate)
}

#[test]
fn pgs_are_loaded_before_the_shard_counts_as_mounted() {
    let mut w = World::new();
    for tid in 1..60 {
        w.send(tid, "a", Op::append(Bytes::from_static(b"x")));
    }
    let map = TxnOp::OmapSet {
        o: Rc::new(crate::boot::osd_object()),
        pairs: vec![(Bytes::from_static(crate::boot::MAP_KEY), Bytes::from_static(b"map"))],
    };
    w.shard.submit_raw(vec![map].into());
    w.settle();
    let log = w.shard.pgs[&PG].pg.log().head();
    assert_eq!(log.version, 59);
    for rate in RATES {
        let mut again = restarted(w, rate);
        again.settle();
        assert!(again.shard.is_mounted());
        assert_eq!(again.shard.take_stored_map().as_deref(), Some(&b"map"[..]));
        let slot = &again.shard.pgs[&PG];
        assert_eq!((slot.pg.log().head(), slot.pg.log().len()), (log, 59));
        assert!(!slot.pg.is_active());
        again.map();
        assert!(again.shard.pgs[&PG].pg.is_active());
        again.send(100, "a", Op::stat());
        again.settle();
        assert_eq!(again.results(), [(100, 0)]);
        w = again;
    }
}

/// The same store after a restart, on a device that stops to read when the PG is to be loaded.
fn with_an_unreadable_pg(w: World) -> World {
    let mut w = restarted(w, 1);
    // The mount's own reads succeed; the first that fetches metadata is the first failure.
    while w.shard.loading.is_none() {
        assert!(w.one(), "the mount ends");
    }
    assert!(!w.shard.is_mounted());
    w.reads_fail = true;
    w.settle();
    assert!(w.shard.is_mounted(), "other PGs are served");
    w
}

#[test]
fn a_pg_that_cannot_be_read_now_is_loaded_later_and_not_made_anew() {
    let mut w = World::new();
    w.send(1, "a", Op::append(Bytes::from_static(b"x")));
    w.settle();
    let mut w = with_an_unreadable_pg(w);
    assert_eq!(w.alarms.len(), 2, "{:?}", w.alarms);
    w.map();
    assert!(w.shard.pgs.is_empty());
    assert_eq!(w.told(Body::Query), [], "nobody is told that there is no copy");
    for fails in [true, true, false] {
        w.reads_fail = fails;
        let mut out = Vec::new();
        w.shard.on_tick(NOW, &w.view, &mut out);
        w.take(out);
        w.settle();
        assert_eq!(w.shard.pgs.is_empty(), fails);
    }
    assert_eq!(w.alarms.len(), 2, "it is said once: {:?}", w.alarms);
    let slot = &w.shard.pgs[&PG];
    assert_eq!(slot.pg.log().head().version, 1);
    assert_ne!(slot.pg.state(), PgState::Replica, "it has heard of the map");
}

#[test]
fn what_clients_ask_of_a_pg_waits_until_it_is_loaded() {
    let mut w = World::new();
    w.send(1, "a", Op::append(Bytes::from_static(b"x")));
    w.settle();
    let mut w = with_an_unreadable_pg(w);
    w.map();
    w.send(2, "a", Op::append(Bytes::from_static(b"y")));
    w.send(3, "a", Op::read(0, 0));
    w.settle();
    // Another map may name another primary.
    w.map();
    assert_eq!(w.dropped, [2, 3]);
    w.send(4, "a", Op::append(Bytes::from_static(b"z")));
    w.send(5, "a", Op::read(0, 0));
    w.reads_fail = false;
    let mut out = Vec::new();
    w.shard.on_tick(NOW, &w.view, &mut out);
    w.take(out);
    w.settle();
    assert_eq!((w.results(), w.dropped.len()), (vec![(4, 0), (5, 0)], 2));
    assert_eq!(w.replies[1].1.outcomes[0].output.to_bytes(), &b"xz"[..]);

    let mut w = with_an_unreadable_pg(w);
    Rc::make_mut(&mut w.view.map).pg_temp.insert(PG, vec![1]);
    w.map();
    w.send(6, "a", Op::read(0, 0));
    assert_eq!(w.dropped, [6], "whoever has our map asks another OSD");
}

#[test]
fn a_count_is_right_whatever_is_written_meanwhile() {
    for rate in RATES {
        let mut w = World::missing(&[0], rate);
        let view = w.view.clone();
        for (tid, name) in names(40).iter().enumerate() {
            w.send(tid as u64, name, Op::write_full(Bytes::from_static(b"12345")));
            w.settle();
        }
        w.shard.pgs.get_mut(&PG).unwrap().forget_count();
        let mut out = Vec::new();
        w.shard.count(&view, PG, &mut out);
        w.take(out);
        for (tid, name) in names(80).iter().enumerate().skip(20) {
            let op = if tid < 30 { Op::delete() } else { Op::append(Bytes::from_static(b"12")) };
            w.send(1000 + tid as u64, name, op);
            // Some of what is under way, so that the writes fall between the count's steps.
            let mut out = Vec::new();
            w.shard.end_of_turn(NOW, Some(&view), &mut out);
            w.take(out);
            for _ in 0..4 {
                w.one();
            }
        }
        w.settle();
        let counted = w.shard.count(&view, PG, &mut Vec::new());
        assert!(w.shard.pgs[&PG].is_counted());
        assert_eq!(counted, (70, 20 * 5 + 10 * 7 + 40 * 2), "1 in {rate}");
    }
}

/// Sends `object` to osd.1 and returns the chunks.
fn transfer(w: &mut World, name: &str) -> Vec<Chunk> {
    let object = HObject::head(PG.pool, "", "", name);
    let (view, mut chunks) = (w.view.clone(), Vec::new());
    let mut out = Vec::new();
    w.shard.start_transfer(&view, PG, OsdId(1), object, &mut out);
    loop {
        w.take(out);
        w.settle();
        let sent = std::mem::take(&mut w.sent);
        let [(OsdId(1), Body::Push { object, seq, chunk })] = &sent[..] else {
            panic!("one chunk at a time: {sent:?}")
        };
        chunks.push(chunk.clone());
        let from = OsdId(1);
        let ack = ChunkId { pg: PG, from, object: object.clone(), seq: *seq };
        out = Vec::new();
        w.shard.on_chunk_ack(NOW, &view, ack, &mut out);
        if chunk.last {
            w.take(out);
            return chunks;
        }
    }
}

#[test]
fn an_object_is_copied_to_a_member_whole() {
    let make = |w: &mut World| {
        w.send(1, "a", Op::write_full(vec![3; 3 << 20].into()));
        w.send(2, "a", Op::set_xattr(b"x", b"1"));
        w.send(3, "a", Op::omap_set_header("head".into()));
        let many = (0..2500u32).map(|k| (k.to_be_bytes().to_vec().into(), Bytes::new()));
        w.send(4, "a", Op::omap_set_vals(&many.collect::<Vec<_>>()));
        w.settle();
        ["a", "missing"].map(|name| transfer(w, name))
    };
    let expected = make(&mut World::new());
    assert_eq!([expected[0].len(), expected[1].len()], [1 + 3 + 3, 1]);
    for rate in RATES {
        assert_eq!(make(&mut World::missing(&[0], rate)), expected, "1 in {rate}");
    }
}

#[test]
fn a_pg_is_listed_and_wiped() {
    for rate in RATES {
        let mut w = World::missing(&[0], rate);
        for (tid, name) in names(100).iter().enumerate() {
            w.send(tid as u64, name, Op::create(false));
            w.settle();
        }
        let (view, mut listed) = (w.view.clone(), Vec::new());
        let mut after = meta_object(PG);
        loop {
            let mut out = Vec::new();
            w.shard.list(NOW, &view, PG, after, Some(OsdId(1)), &mut out);
            w.take(out);
            w.settle();
            let sent = std::mem::take(&mut w.sent);
            let [(OsdId(1), Body::Listed { objects, done, .. })] = &sent[..] else {
                panic!("{sent:?}")
            };
            listed.extend(objects.iter().cloned());
            if *done {
                break;
            }
            after = listed.last().unwrap().clone();
        }
        assert_eq!(listed.len(), 100);
        assert!(listed.is_sorted());
        let mut out = Vec::new();
        w.shard.wipe_step(NOW, &view, PG, false, &mut out);
        w.take(out);
        w.settle();
        assert_eq!(w.shard.store.statfs().objects, 1, "its meta object is left");
    }
}

#[test]
fn a_new_interval_drops_what_waits_for_metadata() {
    let mut w = World::missing(&[0], 1);
    w.send(1, "a", Op::append(Bytes::from_static(b"x")));
    w.send(2, "", Op::pgnls(10, 3, &HObject::min()));
    assert_eq!(w.shard.jobs.len(), 2);
    let mut out = Vec::new();
    w.shard.on_interval(PG, &mut out);
    w.take(out);
    w.dropped.sort();
    assert_eq!(w.dropped, [1, 2]);
    w.settle();
    assert_eq!(w.results(), []);
    assert!(w.shard.reads.is_empty());
}
