//! Whole OSDs of one and of several cores, on a device that fails when the test says so, with a
//! monitor at the other end of a wire.

use super::*;
use crate::client_op::Origin;
use crate::observe::{Kind, Track};
use crate::ops::OpRequest;
use maps::osd_map::osd_state;
use maps::pool::PgPool;
use maps::{MonMap, OsdMap};
use messenger::auth::{AuthMethod, AuthServer, EntityAuth, Mode, PeerCaps};
use messenger::messages::internal::{MarkDown, MarkDownAck, OsdBoot, kind};
use messenger::messages::op::Op;
use messenger::messages::osd_op::flag;
use messenger::messages::{
    self, MonMapUpdate, OsdMapUpdate, OsdOp, OsdOpHead, OsdOpReply, TypedMessage,
};
use seastore::{MkfsParams, mkfs_plan, probe, superblock_offsets};
use std::cell::RefCell;
use types::enc::Encode;
use types::node::{Heap, IoError, aligned_buf, recv_room};
use types::{
    EntityAddr, Epoch, Fsid, HObject, ObjectLocator, PoolId, ReqId, ShardedPgId, SnapContext,
    SnapId, UTime,
};

const DEVICE: u64 = 64 << 20;
const SHARDS: u16 = 2;
const POOL: PoolId = PoolId(1);
const PGS: u32 = 4;
/// Replies to operations that say they came in here show as hops.
const ELSEWHERE: CoreId = CoreId(9);
const WIRE: ConnId = ConnId(ConnId::ACCEPTED | 1);

struct Open;
impl AuthServer for Open {
    fn methods(&mut self, _: EntityKind) -> Vec<AuthMethod> {
        vec![AuthMethod::None]
    }
    fn modes(&mut self, _: EntityKind) -> Vec<Mode> {
        vec![Mode::Crc]
    }
    fn entity(&mut self, _: &AuthName) -> Option<EntityAuth> {
        None
    }
    fn service_secret(&mut self, _: EntityKind, _: u64) -> Option<CryptoKey> {
        None
    }
    fn current_secret(&mut self, _: EntityKind) -> Option<(u64, CryptoKey)> {
        None
    }
    fn new_global_id(&mut self) -> Option<u64> {
        Some(1)
    }
    fn service(&self) -> EntityKind {
        EntityKind::Mon
    }
}

/// One end of the only connection.
#[derive(Default)]
struct End {
    conn: Option<ConnId>,
    recv: Option<bytes::BytesMut>,
    inbox: VecDeque<u8>,
}

/// What the device does with a request.
type Fault = Box<dyn Fn(&Effect<OsdHop>) -> Option<IoError>>;

struct World {
    now: Now,
    nodes: Vec<OsdNode>,
    mon: Messenger,
    map: OsdMap,
    /// Of core 0 and of the monitor.
    ends: [End; 2],
    dialled: bool,
    /// The monitor answers MARK_DOWN.
    mon_answers: bool,
    marked_down: Vec<MarkDown>,
    /// As OSD_BOOT had them.
    told_cores: Vec<EntityAddrVec>,
    disk: Vec<u8>,
    /// Requests to the device, with the core that waits.
    ios: VecDeque<(usize, Effect<OsdHop>)>,
    hops: VecDeque<(CoreId, CoreId, OsdHop)>,
    fault: Option<Fault>,
    errors: Vec<String>,
    exits: Vec<(usize, i32)>,
    replies: Vec<(u64, OsdOpReply)>,
}

/// Where one core listens.
fn core_addr(core: u16) -> EntityAddrVec {
    addr(6900 + core)
}

fn addr(port: u16) -> EntityAddrVec {
    EntityAddrVec::one(EntityAddr::msgr2(format!("10.0.0.1:{port}").parse().unwrap(), 5))
}

impl World {
    fn new(cores: u16) -> Self {
        let mut world = Self::before_start(cores);
        world.start();
        world
    }

    fn start(&mut self) {
        for core in 0..self.nodes.len() {
            self.input(core, Input::Start);
        }
        self.settle();
        assert!(self.nodes.iter().all(|n| n.booted()), "{:?}", self.errors);
    }

    fn before_start(cores: u16) -> Self {
        let params = MkfsParams {
            cluster: Fsid([1; 16]),
            osd: OsdId(0),
            osd_uuid: Fsid([2; 16]),
            store_uuid: Fsid([3; 16]),
            device_bytes: DEVICE,
            shards: SHARDS,
            zones: None,
        };
        let mut disk = vec![0; DEVICE as usize];
        for (at, bytes) in mkfs_plan(&params).unwrap() {
            disk[at as usize..at as usize + bytes.len()].copy_from_slice(&bytes);
        }
        let [a, b] = superblock_offsets(DEVICE).map(|at| &disk[at as usize..at as usize + 4096]);
        let superblock = probe(DEVICE, a, b).unwrap();
        let now = Now { mono: Instant(1_000_000_000), wall: UTime { sec: 1000, nsec: 0 } };
        let mut map = OsdMap::new(params.cluster, now.wall);
        map.epoch = Epoch(3);
        map.set_max_osd(1);
        map.state[0] = osd_state::EXISTS;
        map.weight[0] = 0x10000;
        map.pools.insert(POOL, PgPool::new_replicated(1, PGS, 0, Epoch(2), now.wall));
        map.pg_temp.extend((0..PGS).map(|seed| (PgId { pool: POOL, seed }, vec![0])));
        let node = |core| {
            OsdNode::new(OsdConfig {
                superblock,
                addrs: addr(6800),
                core_addrs: (0..cores).map(core_addr).collect(),
                monitors: vec![addr(3300)],
                key: None,
                core: CoreId(core),
                cores,
                seed: [core as u8; 32],
                hostname: "host".into(),
                version: "test".into(),
                device_class: "ssd".into(),
                limits: Limits::default(),
                store_cache_bytes: StoreConfig::CACHE_BYTES_DEFAULT,
                store_miss_one_in: 0,
                store_discard: false,
                options: BTreeMap::new(),
            })
        };
        let name = EntityName { kind: EntityKind::Mon as u8, num: 0 };
        Self {
            now,
            nodes: (0..cores).map(node).collect(),
            mon: Messenger::new(MessengerConfig::new(name, addr(3300)), [9; 32]),
            map,
            ends: Default::default(),
            dialled: false,
            mon_answers: true,
            marked_down: Vec::new(),
            told_cores: Vec::new(),
            disk,
            ios: VecDeque::new(),
            hops: VecDeque::new(),
            fault: None,
            errors: Vec::new(),
            exits: Vec::new(),
            replies: Vec::new(),
        }
    }

    fn input(&mut self, core: usize, input: Input<OsdHop>) {
        let mut fx = Vec::new();
        self.nodes[core].handle(self.now, input, &mut fx);
        self.perform(core, fx);
    }

    fn perform(&mut self, core: usize, fx: Fx) {
        for effect in fx {
            match effect {
                Effect::Connect { conn, .. } if self.ends[0].conn.is_none() => {
                    self.ends[0].conn = Some(conn)
                }
                Effect::Recv { conn, buf } if self.ends[0].conn == Some(conn) => {
                    self.ends[0].recv = Some(recv_room(buf, 4096))
                }
                Effect::Send { conn, bufs } if self.ends[0].conn == Some(conn) => {
                    let bytes = bufs.iter().map(bytes::Bytes::len).sum();
                    bufs.iter().for_each(|b| self.ends[1].inbox.extend(b.iter()));
                    self.input(core, Input::Sent { conn, bytes });
                }
                Effect::Read { .. } | Effect::Write { .. } | Effect::Flush { .. } => {
                    self.ios.push_back((core, effect))
                }
                Effect::Hop { to: ELSEWHERE, msg: OsdHop::Reply { origin, reply } } => {
                    self.replies.push((origin.tid, reply))
                }
                Effect::Hop { to: ELSEWHERE, .. } => {}
                Effect::Hop { to, msg } => self.hops.push_back((CoreId(core as u16), to, msg)),
                Effect::Log { level: LogLevel::Error, text } => self.errors.push(text),
                Effect::Log { .. } => {}
                Effect::Exit { code } => self.exits.push((core, code)),
                other => panic!("{other:?}"),
            }
        }
    }

    fn mon_input(&mut self, input: Input<OsdHop>) {
        let (mut fx, mut events) = (Vec::new(), Vec::new());
        self.mon.handle(self.now, input, &mut Open, &mut events, &mut fx);
        for event in events {
            if let Event::Message { conn, msg, charge, .. } = event {
                self.mon.release(conn, charge, &mut fx);
                self.mon_message(&msg, &mut fx);
            }
        }
        for effect in fx {
            match effect {
                Effect::Recv { buf, .. } => self.ends[1].recv = Some(recv_room(buf, 4096)),
                Effect::Send { bufs, .. } => {
                    bufs.iter().for_each(|b| self.ends[0].inbox.extend(b.iter()))
                }
                other => panic!("the monitor's {other:?}"),
            }
        }
    }

    fn mon_message(&mut self, msg: &Message, fx: &mut Fx) {
        match msg.kind {
            messages::kind::MON_GET_MAP => {
                let mut map = MonMap::new(self.map.fsid, self.now.wall);
                map.add("a", addr(3300));
                let update = MonMapUpdate { monmap: map.to_vec().into() };
                self.mon.send(self.now, WIRE, update.into_message(0), fx);
                self.send_map(fx);
            }
            kind::OSD_BOOT => {
                let boot = OsdBoot::from_message(msg).unwrap();
                self.told_cores = boot.shard_addrs.clone();
                self.map.epoch = self.map.epoch.next();
                self.map.state[0] = osd_state::EXISTS | osd_state::UP;
                self.map.info[0].up_from = self.map.epoch;
                self.map.addrs[0].client = boot.public_addrs.clone();
                self.map.addrs[0].cluster = boot.cluster_addrs;
                self.send_map(fx);
            }
            kind::MARK_DOWN => {
                let request = MarkDown::from_message(msg).unwrap();
                if self.mon_answers {
                    let ack = MarkDownAck { osd: request.osd, epoch: self.map.epoch.next() };
                    self.mon.send(self.now, WIRE, ack.into_message(msg.tid), fx);
                }
                self.marked_down.push(request);
            }
            _ => {}
        }
    }

    fn send_map(&mut self, fx: &mut Fx) {
        let update = OsdMapUpdate {
            fsid: self.map.fsid,
            incrementals: BTreeMap::new(),
            fulls: BTreeMap::from([(self.map.epoch, self.map.encode().into())]),
            oldest: self.map.epoch,
            newest: self.map.epoch,
        };
        self.mon.send(self.now, WIRE, update.into_message(0), fx);
    }

    /// Bytes that arrived at an end, into the buffer that it has lent.
    fn received(&mut self, end: usize) -> Option<(ConnId, bytes::BytesMut)> {
        let e = &mut self.ends[end];
        if e.inbox.is_empty() {
            return None;
        }
        let mut buf = e.recv.take()?;
        let len = (buf.capacity() - buf.len()).min(e.inbox.len());
        buf.extend(e.inbox.drain(..len));
        Some((if end == 0 { e.conn.unwrap() } else { WIRE }, buf))
    }

    fn device(&mut self, core: usize, effect: Effect<OsdHop>) {
        let error = self.fault.as_ref().and_then(|f| f(&effect));
        let result = error.map_or(Ok(()), Err);
        let input = match effect {
            Effect::Read { io, offset, len } => {
                let mut buf = aligned_buf(len);
                buf.extend_from_slice(&self.disk[offset as usize..offset as usize + len]);
                Input::ReadDone { io, result: result.map(|()| buf.freeze()) }
            }
            Effect::Write { io, offset, buf, .. } => {
                if result.is_ok() {
                    self.disk[offset as usize..offset as usize + buf.len()].copy_from_slice(&buf);
                }
                Input::WriteDone { io, result }
            }
            Effect::Flush { io } => Input::FlushDone { io, result },
            _ => unreachable!("only requests to the device are queued"),
        };
        self.input(core, input);
    }

    /// Until nothing happens without time.
    fn settle(&mut self) {
        for _ in 0..100_000 {
            for core in 0..self.nodes.len() {
                let mut fx = Vec::new();
                self.nodes[core].end_of_turn(self.now, &mut fx);
                self.perform(core, fx);
            }
            if let Some(conn) = self.ends[0].conn.filter(|_| !self.dialled) {
                self.dialled = true;
                let [local, peer] = ["10.0.0.1:6800", "10.0.0.1:3300"].map(|a| a.parse().unwrap());
                self.mon_input(Input::Accepted { conn: WIRE, local: peer, peer: local });
                self.input(0, Input::Connected { conn, local, peer });
            } else if let Some((from, to, msg)) = self.hops.pop_front() {
                self.input(to.0 as usize, Input::Hop { from, msg });
            } else if let Some((conn, buf)) = self.received(0) {
                self.input(0, Input::Received { conn, buf });
            } else if let Some((conn, buf)) = self.received(1) {
                self.mon_input(Input::Received { conn, buf });
            } else if let Some((core, effect)) = self.ios.pop_front() {
                self.device(core, effect);
            } else {
                return;
            }
        }
        panic!("does not come to rest");
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now.mono + time;
        while self.now.mono < until {
            self.now.mono = until.min(self.now.mono + Duration::from_millis(50));
            for core in 0..self.nodes.len() {
                self.input(core, Input::Tick);
            }
            self.settle();
        }
    }

    /// An operation on an object of PG `seed`.
    fn send(&mut self, tid: u64, seed: u32, op: Op) {
        let pg = PgId { pool: POOL, seed };
        let object = object_of(seed);
        let op = ClientOp {
            origin: Origin { core: ELSEWHERE, conn: ConnId(1), charge: 0, promise: 0, tid },
            pg,
            epoch: self.map.epoch,
            hash: object.hash,
            nspace: String::new(),
            retry_attempt: 0,
            request: OpRequest {
                object,
                snap: SnapId::HEAD,
                snap_context: SnapContext::default(),
                ops: vec![op],
                flags: 0,
                mtime: self.now.wall,
                reqid: ReqId { name: EntityName::client(7), tid, inc: 0 },
            },
            fetched: BTreeMap::new(),
            copied: BTreeMap::new(),
            input_crc: None,
            track: Track::new(self.now.mono, Kind::Write),
        };
        let core = self.nodes[0].place_of(pg).0;
        self.input(
            core.0 as usize,
            Input::Hop { from: ELSEWHERE, msg: OsdHop::ClientOp(Box::new(op)) },
        );
    }

    fn results(&self) -> Vec<(u64, i32)> {
        self.replies.iter().map(|(tid, r)| (*tid, r.result)).collect()
    }

    /// Offset of the only block on the device that begins with `what`.
    fn block_with(&self, what: &[u8]) -> usize {
        let mut found = (0..self.disk.len()).step_by(4096);
        found.find(|at| self.disk[*at..].starts_with(what)).expect("it was written")
    }
}

/// An object of PG `seed`.
fn object_of(seed: u32) -> HObject {
    let mut objects = (0..).map(|n| HObject::head(POOL, "", "", &format!("object{n}")));
    objects.find(|o| o.hash % PGS == seed).unwrap()
}

fn pattern(byte: u8) -> bytes::Bytes {
    vec![byte; 8192].into()
}

fn is_write(effect: &Effect<OsdHop>) -> Option<IoError> {
    matches!(effect, Effect::Write { .. }).then_some(IoError::Os(5))
}

#[test]
fn after_a_failed_write_nothing_is_acknowledged_and_the_monitor_knows_at_once() {
    for cores in [1, 2] {
        for failing in 0..2 {
            let mut w = World::new(cores);
            (0..PGS).for_each(|pg| w.send(pg as u64, pg, Op::write_full(pattern(7))));
            w.settle();
            assert_eq!(w.results().iter().filter(|(_, r)| *r == 0).count(), PGS as usize);
            w.replies.clear();
            // A shard's write fails; the other shard's succeeds, after that.
            w.fault = Some(Box::new(is_write));
            w.send(100, failing, Op::write_full(pattern(8)));
            let mut fx = Vec::new();
            let core = w.nodes[0].place_of(PgId { pool: POOL, seed: failing }).0.0 as usize;
            w.nodes[core].end_of_turn(w.now, &mut fx);
            w.perform(core, fx);
            w.settle();
            w.fault = None;
            for (tid, pg) in (101..).zip(0..PGS) {
                w.send(tid, pg, Op::write_full(pattern(9)));
                w.send(tid + 100, pg, Op::read(0, 0));
            }
            w.settle();
            assert_eq!(w.results(), [], "{cores} cores");
            let up_from = w.map.info[0].up_from;
            let expected = MarkDown { osd: OsdId(0), epoch: w.map.epoch, up_from };
            assert_eq!(w.marked_down, [expected], "{cores} cores, shard of pg {failing}");
            assert_eq!(w.errors.len(), 1, "{:?}", w.errors);
            let said = &w.errors[0];
            assert!(said.contains("osd.0") && said.contains("write at 0x"), "{said}");
            assert!(said.contains("os error 5"), "{said}");
            // The monitor has answered: no time has to pass.
            assert_eq!(w.exits.first(), Some(&(0, EXIT_DEVICE_FAILED)));
            assert!(w.exits.iter().all(|e| *e == (0, EXIT_DEVICE_FAILED)), "{:?}", w.exits);
        }
    }
}

#[derive(Default)]
struct Lent(RefCell<Vec<bytes::Bytes>>);
impl WriteMemory for Lent {
    fn join(&self, parts: &[&[u8]]) -> bytes::Bytes {
        let buf = Heap.join(parts);
        self.0.borrow_mut().push(buf.clone());
        buf
    }
}

#[test]
fn every_shard_writes_from_the_memory_that_was_lent() {
    let mut w = World::new(1);
    let lent = Rc::new(Lent::default());
    w.nodes[0].use_memory(lent.clone());
    let (seen, foreign) = (lent.clone(), Rc::new(RefCell::new(0)));
    let count = foreign.clone();
    w.fault = Some(Box::new(move |effect| {
        if let Effect::Write { buf, .. } = effect {
            let known = seen.0.borrow().iter().any(|b| b.as_ptr() == buf.as_ptr());
            *count.borrow_mut() += !known as u32;
        }
        None
    }));
    (0..PGS).for_each(|pg| w.send(pg as u64, pg, Op::write_full(pattern(7))));
    w.settle();
    assert_eq!(w.results().len(), PGS as usize);
    assert!(lent.0.borrow().len() >= SHARDS as usize);
    assert_eq!(*foreign.borrow(), 0);
}

#[test]
fn a_silent_monitor_does_not_keep_a_failed_osd() {
    let mut w = World::new(2);
    w.mon_answers = false;
    w.fault = Some(Box::new(is_write));
    w.send(1, 1, Op::write_full(pattern(1)));
    w.settle();
    assert_eq!((w.marked_down.len(), w.exits.len()), (1, 0));
    // An orderly stop that comes on top changes neither the time nor the code.
    w.pass(Duration::from_millis(600));
    w.input(0, Input::Stop);
    w.input(1, Input::Stop);
    w.settle();
    assert_eq!(w.exits, []);
    w.pass(Duration::from_millis(900));
    assert_eq!((w.exits.first(), w.marked_down.len()), (Some(&(0, EXIT_DEVICE_FAILED)), 1));
    assert_eq!(w.results(), []);
}

#[test]
fn a_failure_during_an_orderly_stop_shows_in_the_exit_code() {
    let mut w = World::new(1);
    w.mon_answers = false;
    w.send(1, 1, Op::write_full(pattern(1)));
    w.fault = Some(Box::new(is_write));
    w.input(0, Input::Stop);
    w.settle();
    w.pass(Duration::from_millis(1500));
    assert_eq!((w.exits.first(), w.results().len()), (Some(&(0, EXIT_DEVICE_FAILED)), 0));
}

#[test]
fn a_failed_read_and_a_rotten_block_fail_one_operation() {
    let mut w = World::new(1);
    for pg in 0..PGS {
        w.send(pg as u64, pg, Op::write_full(pattern(0x30 + pg as u8)));
        w.settle();
    }
    let at = w.block_with(&[0x32; 4096]) as u64;
    w.replies.clear();
    let hit = move |e: &Effect<OsdHop>| match e {
        Effect::Read { offset, len, .. } if (*offset..*offset + *len as u64).contains(&at) => {
            Some(IoError::Os(5))
        }
        _ => None,
    };
    w.fault = Some(Box::new(hit));
    for pg in 0..PGS {
        w.send(10 + pg as u64, pg, Op::read(0, 0));
        w.settle();
    }
    assert_eq!(w.results(), [(10, 0), (11, 0), (12, -5), (13, 0)]);
    let said = w.errors.pop().unwrap();
    assert!(said.contains("object") && said.contains(&format!("{at:#x}")), "{said}");
    assert!(said.contains("os error 5"), "{said}");
    w.fault = None;
    w.send(20, 2, Op::read(0, 0));
    w.settle();
    w.disk[at as usize + 77] ^= 1;
    w.send(21, 2, Op::read(0, 0));
    w.settle();
    assert_eq!(w.results()[4..], [(20, 0), (21, -5)]);
    let said = w.errors.pop().unwrap();
    assert!(said.contains(&format!("{at:#x}")) && said.contains("checksum"), "{said}");
    // Neither is a reason to go.
    w.send(22, 2, Op::write_full(pattern(1)));
    w.settle();
    assert_eq!((w.results()[6], w.exits.len(), w.errors.len()), ((22, 0), 0, 0));
}

/// A client's session, and a request that writes an object of PG `seed`, as they come from it.
fn client_writes(w: &mut World, core: usize, tid: u64, seed: u32) {
    let conn = ConnId(ConnId::ACCEPTED | 7);
    let peer = messenger::table::PeerInfo {
        name: EntityName::client(8),
        auth_name: AuthName::new(EntityKind::Client, "a"),
        global_id: 8,
        caps: PeerCaps { allow_all: true, ..PeerCaps::default() },
        addrs: addr(0),
        socket: "10.0.0.2:1234".parse().unwrap(),
        features: types::features::PACIFIC,
        method: AuthMethod::None,
        mode: Mode::Crc,
        challenge: 0,
        policy: messenger::table::Policy::Lossy,
        accepted: true,
    };
    let object = object_of(seed);
    let op = OsdOp {
        head: OsdOpHead {
            pgid: ShardedPgId::replicated(PgId { pool: POOL, seed }),
            hash: object.hash,
            epoch: w.map.epoch,
            flags: flag::WRITE,
        },
        reqid: ReqId::default(),
        client_inc: 0,
        mtime: w.now.wall,
        locator: ObjectLocator::new(POOL, ""),
        name: object.name,
        ops: vec![Op::write_full(pattern(9))],
        snap: SnapId::HEAD,
        snapc: SnapContext::default(),
        retry_attempt: 0,
        features: types::features::PACIFIC,
    };
    let mut fx = Vec::new();
    w.nodes[core].on_ready(w.now, conn, peer, &mut fx);
    let came = Came { charge: 0, since: w.now.mono };
    w.nodes[core].on_client_message(w.now, conn, op.into_message(tid), came, &mut fx);
    w.perform(core, fx);
}

#[test]
fn what_comes_before_the_first_map_waits_for_it() {
    for cores in [1, 2] {
        let mut w = World::before_start(cores);
        // Clients have the map that shows this OSD as up, and no reason to send again.
        let up = w.map.epoch.next();
        let before = std::mem::replace(&mut w.map.epoch, up);
        (0..cores as usize).for_each(|core| client_writes(&mut w, core, 1, core as u32));
        (2..PGS).for_each(|pg| w.send(pg as u64, pg, Op::write_full(pattern(9))));
        w.map.epoch = before;
        w.start();
        assert_eq!(w.map.epoch, up);
        w.replies.sort_by_key(|(tid, _)| *tid);
        assert_eq!(w.results(), [(2, 0), (3, 0)], "{cores} cores");
        for pg in 0..cores as u32 {
            w.send(10, pg, Op::stat());
            w.settle();
            assert_eq!(w.replies.pop().map(|(_, r)| r.result), Some(0), "pg {pg}");
        }
    }
}

#[test]
fn an_operation_hops_only_from_another_core() {
    let mut w = World::new(2);
    assert_eq!(w.told_cores, [core_addr(0), core_addr(1)]);
    let hops = |w: &World| w.nodes.iter().map(|node| node.hops.ops).collect::<Vec<_>>();
    for pg in 0..PGS {
        let core = core_of(shard_of(PgId { pool: POOL, seed: pg }, SHARDS), 2) as usize;
        let before = hops(&w);
        client_writes(&mut w, core, 1, pg);
        w.settle();
        assert_eq!(hops(&w), before, "pg {pg}");
        client_writes(&mut w, 1 - core, 2, pg);
        w.settle();
        assert_eq!(hops(&w)[1 - core], before[1 - core] + 1, "pg {pg}");
    }
    let mut fx = Vec::new();
    let question = Question { level: crate::observe::Level::State, change: None };
    w.nodes[0].on_ask(w.now, ELSEWHERE, 1, question, &mut fx);
    let Some(Effect::Hop { msg: OsdHop::Told { part, .. }, .. }) = fx.pop() else { panic!() };
    assert!(part.hops.ops > 0 && part.hops.ops == w.nodes[0].hops.ops);
}
