//! One shard with one PG of one copy, on a device that completes when the test says so.

mod miss;

use super::*;
use crate::observe::{Kind, Track};
use crate::ops::{Change, OpRequest};
use crate::pg::log::{EntryFields, EntryKind};
use maps::OsdMap;
use maps::osd_map::osd_state;
use maps::pool::PgPool;
use messenger::messages::OsdOpReply;
use messenger::messages::op::Op;
use messenger::messages::peer::RepOp;
use seastore::{MkfsParams, mkfs_plan, probe, superblock_offsets};
use std::collections::BTreeMap;
use types::node::aligned_buf;
use types::{EVersion, EntityName, Fsid, ObjectLocator, ReqId, SnapContext, SnapId};

const DEVICE: u64 = 64 << 20;
pub(super) const PG: PgId = PgId { pool: PoolId(1), seed: 0 };
pub(super) const NOW: Now = Now { mono: Instant(1_000_000), wall: UTime { sec: 1000, nsec: 0 } };

pub(super) struct World {
    pub(super) shard: Shard,
    pub(super) view: View,
    superblock: seastore::Superblock,
    disk: Vec<u8>,
    /// The device refuses reads.
    reads_fail: bool,
    alarms: Vec<String>,
    /// Device requests that have not completed.
    due: VecDeque<StoreEffect>,
    replies: Vec<(u64, OsdOpReply)>,
    dropped: Vec<u64>,
    pub(super) sent: Vec<(OsdId, Body)>,
    /// Requests for sources that nobody has answered.
    fetches: VecDeque<(u64, CopySource, Vec<Op>)>,
}

impl World {
    pub(super) fn new() -> Self {
        let world = Self::with_acting(&[0]);
        assert!(world.shard.pgs[&PG].pg.is_active());
        world
    }

    /// The PG is on these OSDs; we are osd.0.
    pub(super) fn with_acting(acting: &[i32]) -> Self {
        Self::missing(acting, 0)
    }

    /// One access to metadata in so many misses; 0: none.
    pub(super) fn missing(acting: &[i32], miss_one_in: u32) -> Self {
        let params = MkfsParams {
            cluster: Fsid([1; 16]),
            osd: OsdId(0),
            osd_uuid: Fsid([2; 16]),
            store_uuid: Fsid([3; 16]),
            device_bytes: DEVICE,
            shards: 1,
            zones: None,
        };
        let mut disk = vec![0; DEVICE as usize];
        for (at, bytes) in mkfs_plan(&params).unwrap() {
            disk[at as usize..at as usize + bytes.len()].copy_from_slice(&bytes);
        }
        let [a, b] = superblock_offsets(DEVICE).map(|at| &disk[at as usize..at as usize + 4096]);
        let superblock = probe(DEVICE, a, b).unwrap();
        let mut map = OsdMap::new(Fsid([1; 16]), NOW.wall);
        map.epoch = Epoch(3);
        map.set_max_osd(acting.len() as u32);
        for osd in 0..acting.len() {
            map.state[osd] = osd_state::EXISTS | osd_state::UP;
            map.weight[osd] = 0x10000;
            map.info[osd].up_from = Epoch(1);
        }
        let size = acting.len() as u8;
        map.pools.insert(PG.pool, PgPool::new_replicated(size, 1, 0, Epoch(2), NOW.wall));
        map.pg_temp.insert(PG, acting.to_vec());
        let view = View { map: Rc::new(map), booted: true };
        let mut world = Self::start(disk, superblock, view, miss_one_in);
        world.settle();
        world.map();
        world
    }

    /// Begins to mount.
    fn start(
        disk: Vec<u8>,
        superblock: seastore::Superblock,
        view: View,
        miss_one_in: u32,
    ) -> Self {
        let config = StoreConfig { miss_one_in, ..StoreConfig::new(superblock, 0, 9) };
        let mut world = Self {
            shard: Shard::new(OsdId(0), config),
            view,
            superblock,
            disk,
            reads_fail: false,
            alarms: Vec::new(),
            due: VecDeque::new(),
            replies: Vec::new(),
            dropped: Vec::new(),
            sent: Vec::new(),
            fetches: VecDeque::new(),
        };
        let mut out = Vec::new();
        world.shard.mount(&mut out);
        world.take(out);
        world
    }

    fn map(&mut self) {
        let mut out = Vec::new();
        self.shard.on_map(NOW, &self.view, false, &[PG.pool], &[PG], &mut out);
        self.take(out);
        self.settle();
    }

    pub(super) fn take(&mut self, out: Vec<Out>) {
        for o in out {
            match o {
                Out::Store(effect) => self.due.push_back(effect),
                Out::Reply { origin, reply } => self.replies.push((origin.tid, reply)),
                Out::Fetch { request, source, ops } => {
                    self.fetches.push_back((request, source, ops))
                }
                Out::Dropped { origin } => self.dropped.push(origin.tid),
                Out::Peer { to, message, .. } => {
                    self.sent.push((to, PeerMessage::decode(&message).unwrap().body))
                }
                Out::Alarm(text) => self.alarms.push(text),
                _ => {}
            }
        }
    }

    /// Until the device has nothing more to do.
    pub(super) fn settle(&mut self) {
        loop {
            let mut out = Vec::new();
            self.shard.end_of_turn(NOW, Some(&self.view), &mut out);
            self.take(out);
            if !self.one() {
                return;
            }
        }
    }

    /// Completes the oldest device request, if there is one.
    fn one(&mut self) -> bool {
        let Some(effect) = self.due.pop_front() else { return false };
        let done = match effect {
            StoreEffect::Read { io, .. } if self.reads_fail => {
                IoCompletion::Read { io, result: Err(types::node::IoError::Os(5)) }
            }
            StoreEffect::Read { io, offset, len } => {
                let mut buf = aligned_buf(len);
                buf.extend_from_slice(&self.disk[offset as usize..offset as usize + len]);
                IoCompletion::Read { io, result: Ok(buf.freeze()) }
            }
            StoreEffect::Write { io, offset, buf, .. } => {
                self.disk[offset as usize..offset as usize + buf.len()].copy_from_slice(&buf);
                IoCompletion::Write { io, result: Ok(()) }
            }
            StoreEffect::Flush { io } => IoCompletion::Flush { io, result: Ok(()) },
            StoreEffect::Discard { io, .. } => IoCompletion::Discard { io, result: Ok(()) },
            StoreEffect::Zone { .. } | StoreEffect::ReportZones { .. } => {
                panic!("not a zoned device")
            }
        };
        let mut out = Vec::new();
        self.shard.on_io(NOW, Some(&self.view), done, &mut out);
        self.take(out);
        true
    }

    pub(super) fn send(&mut self, tid: u64, name: &str, op: Op) {
        self.send_ops(7, tid, name, vec![op]);
    }

    fn send_ops(&mut self, client: u64, tid: u64, name: &str, ops: Vec<Op>) {
        let object = HObject::head(PG.pool, "", "", name);
        let client = EntityName::client(client);
        let op = ClientOp {
            origin: Origin { core: CoreId(0), conn: ConnId(1), charge: 0, promise: 0, tid },
            pg: PG,
            epoch: Epoch(3),
            hash: object.hash,
            nspace: String::new(),
            retry_attempt: 0,
            request: OpRequest {
                object,
                snap: SnapId::HEAD,
                snap_context: SnapContext::default(),
                ops,
                flags: 0,
                mtime: NOW.wall,
                reqid: ReqId { name: client, tid, inc: 0 },
            },
            fetched: BTreeMap::new(),
            copied: BTreeMap::new(),
            input_crc: None,
            track: Track::new(NOW.mono, Kind::Write),
        };
        let mut out = Vec::new();
        self.shard.on_client_op(NOW, &self.view, Box::new(op), &mut out);
        self.take(out);
    }

    fn copy(&mut self, tid: u64, from: &str, to: &str) {
        self.send(tid, to, Op::copy_from(from, &ObjectLocator::new(PG.pool, ""), 0));
    }

    /// Answers the oldest request for a source from the shard itself, as another client would.
    fn answer_fetch(&mut self) {
        let (request, source, ops) = self.fetches.pop_front().expect("a source is asked for");
        let before = self.replies.len();
        self.send_ops(99, 1 << 40 | request, &source.name, ops);
        self.settle();
        let (_, reply) = self.replies.remove(before);
        let (mut out, view) = (Vec::new(), self.view.clone());
        self.shard.on_fetched(NOW, &view, request, reply, &mut out);
        self.take(out);
        self.settle();
    }

    /// Writes that have no place on the device yet, until the store takes no more.
    fn stuff(&mut self) -> u64 {
        let data = Bytes::from(vec![5; 1 << 20]);
        for tid in 1..500 {
            if !self.shard.store.accepting() {
                return tid;
            }
            self.send(tid, "stuffing", Op::write_full(data.clone()));
        }
        panic!("a store of 64 MiB takes 500 MiB");
    }
    fn results(&self) -> Vec<(u64, i32)> {
        self.replies.iter().map(|(tid, r)| (*tid, r.result)).collect()
    }
}

#[test]
fn a_parked_write_keeps_its_place() {
    let mut w = World::new();
    let tid = w.stuff();
    w.replies.clear();
    w.send(tid, "x", Op::append(Bytes::from_static(b"a")));
    w.send(tid + 1, "x", Op::read(0, 0));
    // Goes through without room, but not before what came first.
    w.send(tid + 2, "x", Op::delete());
    w.send(tid + 3, "x", Op::append(Bytes::from_static(b"b")));
    w.send(tid + 4, "x", Op::read(0, 0));
    assert_eq!(w.results(), []);
    w.settle();
    let ours: Vec<_> = w.replies.iter().filter(|(t, _)| *t >= tid).collect();
    let tids: Vec<u64> = ours.iter().map(|(t, _)| t - tid).collect();
    assert_eq!(tids, [0, 1, 2, 3, 4]);
    assert!(ours.iter().all(|(_, r)| r.result == 0), "{:?}", w.results());
    assert_eq!(ours[1].1.outcomes[0].output.to_bytes(), &b"a"[..]);
    assert_eq!(ours[4].1.outcomes[0].output.to_bytes(), &b"b"[..]);
}

#[test]
fn a_new_interval_drops_what_is_parked() {
    let mut w = World::new();
    let tid = w.stuff();
    w.send(tid, "x", Op::append(Bytes::from_static(b"a")));
    let mut out = Vec::new();
    w.shard.on_interval(PG, &mut out);
    w.take(out);
    assert!(w.dropped.contains(&tid));
    w.settle();
    assert_eq!(w.shard.store.exists(&HObject::head(PG.pool, "", "", "x")), Ok(false));
}

#[test]
fn a_full_member_refuses_writes_and_not_deletes() {
    let mut w = World::new();
    w.send(1, "x", Op::append(Bytes::from_static(b"a")));
    w.settle();
    let ack = |room| PeerMessage {
        pg: PG,
        epoch: Epoch(3),
        body: Body::RepAck(RepAck { version: 0, room }),
    };
    let mut out = Vec::new();
    w.shard.on_peer(NOW, &w.view, OsdId(5), ack(0), &mut out);
    w.send(2, "x", Op::append(Bytes::from_static(b"b")));
    w.send(3, "x", Op::delete());
    w.settle();
    w.shard.on_peer(NOW, &w.view, OsdId(5), ack(4096), &mut out);
    w.send(4, "x", Op::append(Bytes::from_static(b"c")));
    w.settle();
    assert_eq!(w.results(), [(1, 0), (2, -28), (3, 0), (4, 0)]);
}

#[test]
fn a_full_device_says_so_and_recovers() {
    let mut w = World::new();
    let data = Bytes::from(vec![5; 1 << 20]);
    let mut last = 0;
    for tid in 1..200 {
        w.send(tid, &format!("f{tid}"), Op::write_full(data.clone()));
        w.settle();
        last = tid;
        if w.replies.last().is_none_or(|(_, r)| r.result != 0) {
            break;
        }
    }
    assert_eq!(w.replies.last().map(|(t, r)| (*t, r.result)), Some((last, -28)), "after {last}");
    for n in 1..last {
        w.send(1000 + n, &format!("f{n}"), Op::delete());
        w.settle();
    }
    w.send(2000, "again", Op::write_full(data));
    w.settle();
    let after = w.results().split_off(last as usize);
    assert!(after.iter().all(|(_, result)| *result == 0), "{after:?}");
    assert_eq!(after.len() as u64, last);
}

#[test]
fn counts_follow_writes_without_a_new_scan() {
    let mut w = World::new();
    let view = w.view.clone();
    assert_eq!(w.shard.count(&view, PG, &mut Vec::new()), (0, 0));
    w.send(1, "a", Op::write_full(Bytes::from_static(b"12345")));
    w.send(2, "b", Op::append(Bytes::from_static(b"123")));
    w.send(3, "b", Op::append(Bytes::from_static(b"45")));
    w.send(4, "c", Op::append(Bytes::from_static(b"xyz")));
    w.send(5, "c", Op::delete());
    w.settle();
    assert_eq!(w.shard.pgs[&PG].counted, Some((2, 10)));
    w.shard.pgs.get_mut(&PG).unwrap().counted = None;
    assert_eq!(w.shard.count(&view, PG, &mut Vec::new()), (2, 10));
}

#[test]
fn objects_copied_onto_each_other_do_not_wait_for_each_other() {
    let mut w = World::new();
    w.send(1, "a", Op::write_full(Bytes::from_static(b"aaa")));
    w.send(2, "b", Op::write_full(Bytes::from_static(b"bb")));
    w.settle();
    w.replies.clear();
    w.copy(3, "a", "b");
    w.copy(4, "b", "a");
    // The same client's operations keep their order, another client's need not wait.
    w.send(5, "b", Op::read(0, 0));
    w.send_ops(8, 6, "b", vec![Op::read(0, 0)]);
    w.settle();
    assert_eq!(w.results(), [(6, 0)]);
    while !w.fetches.is_empty() {
        w.answer_fetch();
    }
    let outputs: Vec<(u64, i32, Bytes)> =
        w.replies.iter().map(|(t, r)| (*t, r.result, r.outcomes[0].output.to_bytes())).collect();
    let expected: [(u64, i32, &[u8]); 4] =
        [(6, 0, b"bb"), (3, 0, b""), (5, 0, b"aaa"), (4, 0, b"")];
    let expected = expected.map(|(tid, result, data)| (tid, result, Bytes::from_static(data)));
    assert_eq!(outputs, expected);
}

#[test]
fn a_source_that_is_missing_is_the_copy_s_error() {
    let mut w = World::new();
    w.copy(1, "nothing", "b");
    w.answer_fetch();
    assert_eq!(w.results(), [(1, -2)]);
}

#[test]
fn a_large_source_comes_in_chunks_of_one_version() {
    let mut w = World::new();
    let part = |byte| Bytes::from(vec![byte; 5 << 20]);
    w.send(1, "a", Op::append(part(1)));
    w.settle();
    w.send(2, "a", Op::append(part(2)));
    w.settle();
    w.copy(3, "a", "b");
    w.answer_fetch();
    assert_eq!(w.fetches.len(), 1, "8 MiB came, 2 MiB are missing");
    w.answer_fetch();
    w.send(4, "b", Op::read(0, 0));
    w.settle();
    let read = w.replies.last().unwrap().1.outcomes[0].output.to_bytes();
    assert!(read == [part(1), part(2)].concat());

    w.copy(5, "a", "c");
    w.answer_fetch();
    w.send(6, "a", Op::append(part(3)));
    w.settle();
    w.answer_fetch();
    assert_eq!(w.results().split_off(4), [(6, 0), (5, -34)], "no mixture of two versions");
}

#[test]
fn an_unanswered_fetch_is_sent_again_and_then_given_up() {
    let mut w = World::new();
    w.copy(1, "a", "b");
    w.send(2, "b", Op::read(0, 0));
    let first = w.fetches.pop_front().unwrap().0;
    for seconds in [5, 30] {
        let (mut out, view) = (Vec::new(), w.view.clone());
        let mono = NOW.mono + std::time::Duration::from_secs(seconds);
        w.shard.on_tick(Now { mono, ..NOW }, &view, &mut out);
        w.take(out);
    }
    assert_eq!(w.fetches.len(), 1);
    assert_ne!(w.fetches[0].0, first);
    assert_eq!(w.dropped, [1, 2]);
}

#[test]
fn a_new_interval_drops_copies() {
    let mut w = World::new();
    w.copy(1, "a", "b");
    w.send(2, "b", Op::read(0, 0));
    let mut out = Vec::new();
    w.shard.on_interval(PG, &mut out);
    w.take(out);
    assert_eq!(w.dropped, [1, 2]);
    assert!(w.shard.copies.is_empty());
}

pub(super) const PRIMARY: OsdId = OsdId(1);

impl World {
    /// What we say when the PG's primary says `body`.
    pub(super) fn told(&mut self, body: Body) -> Vec<(OsdId, Body)> {
        let message = PeerMessage { pg: PG, epoch: Epoch(3), body };
        let mut out = Vec::new();
        self.shard.on_peer(NOW, &self.view, PRIMARY, message, &mut out);
        self.take(out);
        self.settle();
        std::mem::take(&mut self.sent)
    }
}

fn entry(epoch: u32, version: u64) -> Entry {
    Entry::new(&EntryFields {
        kind: EntryKind::Modify,
        version: EVersion { epoch, version },
        prior: EVersion::default(),
        user_version: version,
        result: 0,
        reqid: ReqId::default(),
        object: &HObject::head(PG.pool, "", "", "x"),
        outcomes: vec![],
    })
}

pub(super) fn activate(entries: &[Entry]) -> Body {
    let entries = entries.iter().map(|e| e.bytes().clone()).collect();
    Body::Activate { keep: EVersion::default(), reset: true, entries }
}

fn rep_op(entry: &Entry) -> Body {
    let changes = vec![Change::Touch];
    Body::RepOp(RepOp { entry: entry.bytes().clone(), changes, complete: 0 })
}

#[test]
fn a_member_acknowledges_again_when_its_session_with_the_primary_was_lost() {
    let mut w = World::with_acting(&[1, 0]);
    assert_eq!(w.told(activate(&[])), [(PRIMARY, Body::Activated)]);
    let acked = w.told(rep_op(&entry(3, 1)));
    let [(PRIMARY, Body::RepAck(RepAck { version: 1, .. }))] = acked[..] else {
        panic!("{acked:?}")
    };
    assert_eq!(w.shard.store.exists(&entry(3, 1).object()), Ok(true));

    let mut out = Vec::new();
    w.shard.on_peer_reset(NOW, &w.view, OsdId(2), &mut out);
    w.settle();
    assert_eq!(w.sent, []);
    w.shard.on_peer_reset(NOW, &w.view, PRIMARY, &mut out);
    w.settle();
    assert_eq!(w.sent, acked);
}

#[test]
fn logs_that_cannot_be_are_not_taken_over() {
    let mut w = World::with_acting(&[1, 0]);
    for entries in [&[entry(3, 2)][..], &[entry(3, 1), entry(3, 3)], &[entry(3, 1), entry(2, 2)]] {
        assert_eq!(w.told(activate(entries)), [], "{entries:?}");
    }
    assert_eq!(w.told(activate(&[entry(3, 1)])), [(PRIMARY, Body::Activated)]);
    assert_eq!(w.told(rep_op(&entry(2, 2))), [], "epochs do not go back");
    assert_eq!(w.told(rep_op(&entry(3, 2))).len(), 1);
}

#[test]
fn a_copy_that_is_left_over_says_so_until_the_primary_lets_it_go() {
    let info = |sent: &[(OsdId, Body)]| match sent {
        [(PRIMARY, Body::Info { info: Some(info) })] => info.clone(),
        other => panic!("{other:?}"),
    };
    let mut w = World::with_acting(&[1, 0]);
    w.told(activate(&[]));
    let mut map = (*w.view.map).clone();
    map.epoch = Epoch(4);
    map.pg_temp.insert(PG, vec![1]);
    w.view.map = Rc::new(map);
    let (mut out, view) = (Vec::new(), w.view.clone());
    w.shard.on_map(NOW, &view, false, &[], &[], &mut out);
    w.take(out);
    let mut heard = None;
    for (seconds, speaks) in [(0, true), (4, false), (5, true)] {
        w.sent.clear();
        let (mut out, mono) = (Vec::new(), NOW.mono + Duration::from_secs(seconds));
        w.shard.on_tick(Now { mono, ..NOW }, &view, &mut out);
        w.take(out);
        assert_eq!(w.sent.len(), usize::from(speaks), "after {seconds} s");
        heard = speaks.then(|| info(&w.sent)).or(heard);
    }
    let drop_it = PeerMessage { pg: PG, epoch: Epoch(4), body: Body::Drop };
    let mut out = Vec::new();
    w.shard.on_peer(NOW, &view, PRIMARY, drop_it.clone(), &mut out);
    w.take(out);
    w.settle();
    assert!(!w.shard.pgs.contains_key(&PG));

    // A map that names this OSD again while the copy is wiped finds no PG when that is done.
    let mut again = World::with_acting(&[1, 0]);
    again.told(activate(&[]));
    again.told(rep_op(&entry(3, 1)));
    let mut map = (*view.map).clone();
    again.view = view.clone();
    let mut out = Vec::new();
    again.shard.on_map(NOW, &view, false, &[], &[], &mut out);
    again.shard.on_peer(NOW, &view, PRIMARY, drop_it.clone(), &mut out);
    again.take(out);
    map.epoch = Epoch(5);
    map.pg_temp.insert(PG, vec![1, 0]);
    again.view.map = Rc::new(map);
    let view = again.view.clone();
    let mut out = Vec::new();
    again.shard.on_map(NOW, &view, false, &[], &[PG], &mut out);
    again.take(out);
    again.settle();
    assert!(again.shard.pgs.contains_key(&PG), "it is wanted again");

    let mut primary = World::new();
    assert_eq!(primary.told(Body::Info { info: heard }), [(PRIMARY, Body::Drop)]);
    assert_eq!(primary.told(Body::Info { info: None }), []);
}
