use super::*;
use bytes::Bytes;
use messenger::auth::AuthName;
use messenger::messages::Op;
use messenger::table::{CloseCause, Event, MessengerConfig};
use std::convert::Infallible;
use std::time::Duration;
use types::{EVersion, EntityAddrVec, EntityKind, EntityName};

mod to_cores;

struct World {
    o: Objecter,
    m: Messenger,
    out: Vec<ObjecterEvent>,
    fx: Vec<Effect<Infallible>>,
    now: Now,
    pool: PoolId,
}

impl World {
    fn new() -> Self {
        let name = EntityName::new(EntityKind::Client, -1);
        let config = MessengerConfig::new(name, EntityAddrVec::default());
        let map = OsdMap::decode(MAP).unwrap();
        let pool = *map.pools.keys().next().unwrap();
        let mut w = Self {
            o: Objecter::new(false),
            m: Messenger::new(config, [1; 32]),
            out: Vec::new(),
            fx: Vec::new(),
            now: Now::default(),
            pool,
        };
        let auth = ClientAuth::None { name: AuthName::new(EntityKind::Client, "a"), global_id: 1 };
        w.o.set_auth(w.now, Some(auth), &mut w.m, &mut w.out, &mut w.fx);
        w
    }
    fn with_map() -> Self {
        let mut w = Self::new();
        w.full_map();
        w
    }
    fn full_map(&mut self) {
        let map = OsdMap::decode(MAP).unwrap();
        self.update(map.epoch, Bytes::from_static(MAP), true);
    }
    fn update(&mut self, epoch: Epoch, bytes: Bytes, full: bool) {
        let maps = BTreeMap::from([(epoch, bytes)]);
        let (incrementals, fulls) =
            if full { (BTreeMap::new(), maps) } else { (maps, BTreeMap::new()) };
        let update = OsdMapUpdate {
            fsid: Default::default(),
            incrementals,
            fulls,
            oldest: Epoch(1),
            newest: epoch,
        };
        self.o.on_map(self.now, &update, &mut self.m, &mut self.out, &mut self.fx);
    }
    fn incremental(&mut self, change: impl FnOnce(&mut Incremental)) {
        let map = self.o.map().unwrap();
        let mut inc = Incremental::new(map.fsid, map.epoch.next(), map.modified);
        change(&mut inc);
        self.update(inc.epoch, inc.encode().into(), false);
    }
    fn submit(&mut self, pool: PoolId, op: Op) -> Tid {
        let spec = OpSpec::new(pool, "", "object", vec![op]);
        self.o.submit(self.now, spec, &mut self.m, &mut self.out, &mut self.fx)
    }
    fn write(&mut self) -> Tid {
        self.submit(self.pool, Op::write_full(Bytes::from_static(b"x")))
    }
    fn event(&mut self, event: Event) {
        let left = self.o.on_event(self.now, event, &mut self.m, &mut self.out, &mut self.fx);
        assert!(left.is_none());
    }
    fn sent(&self, tid: Tid) -> (Option<ConnId>, i32) {
        (self.o.ops[&tid].sent, self.o.ops[&tid].attempts)
    }
    fn reply(&mut self, conn: ConnId, tid: Tid, retry_attempt: i32) {
        let reply = OsdOpReply {
            name: "object".into(),
            pg: self.o.ops[&tid].target.pg.unwrap(),
            flags: 0,
            result: 0,
            bad_replay_version: EVersion::default(),
            epoch: Epoch(1),
            ops: Vec::new(),
            outcomes: Vec::new(),
            retry_attempt,
            replay_version: EVersion::default(),
            user_version: 7,
        };
        self.event(Event::Message {
            conn,
            msg: reply.into_message(tid.0),
            charge: 0,
            since: Instant::ZERO,
        });
    }
}

const MAP: &[u8] = include_bytes!("../../../maps/testdata/osdmap.full");

#[test]
fn an_operation_waits_for_the_first_map() {
    let mut w = World::new();
    let tid = w.write();
    assert_eq!(w.sent(tid), (None, 0));
    w.full_map();
    assert!(matches!(w.sent(tid), (Some(_), 1)));
}

#[test]
fn a_lost_session_is_dialled_again_and_the_operation_keeps_its_tid() {
    let mut w = World::with_map();
    let tid = w.write();
    let first = w.sent(tid).0.unwrap();
    w.event(Event::Closed { conn: first, why: CloseCause::Reset });
    assert_eq!(w.sent(tid), (None, 1));
    w.now.mono = w.o.next_deadline();
    w.o.on_tick(w.now, &mut w.m, &mut w.out, &mut w.fx);
    let (second, attempts) = w.sent(tid);
    let second = second.unwrap();
    assert!(second != first && attempts == 2);
    // The answer to the first attempt does not count.
    w.reply(second, tid, 0);
    assert_eq!(w.o.pending(), 1);
    w.reply(second, tid, 1);
    assert_eq!(w.o.pending(), 0);
    let done = |e: &ObjecterEvent| matches!(e, ObjecterEvent::Done { tid: t, result: Ok(r) } if *t == tid && r.user_version == 7);
    assert!(w.out.iter().any(done));
    assert_eq!(w.o.in_flight_bytes, 0);
}

#[test]
fn a_new_interval_sends_again_and_other_maps_do_not() {
    let mut w = World::with_map();
    let tid = w.write();
    w.incremental(|_| {});
    assert_eq!(w.sent(tid).1, 1);
    let target = w.o.ops[&tid].target.clone();
    let map = w.o.map().unwrap();
    let other = map.osds().find(|o| map.is_up(*o) && Some(*o) != target.osd());
    let acting = match other {
        Some(osd) => vec![osd.0 as i32],
        // One OSD only: the same primary, but another set.
        None => vec![target.mapping.acting[0], map.max_osd() as i32 + 1],
    };
    let pg = target.pg.unwrap();
    w.incremental(|inc| drop(inc.new_pg_temp.insert(pg, acting)));
    assert_eq!(w.sent(tid).1, 2);
}

#[test]
fn a_pause_holds_writes_and_not_reads() {
    let mut w = World::with_map();
    let flags = w.o.map().unwrap().flags;
    w.incremental(|inc| inc.new_flags = Some(flags | map_flags::PAUSEWR));
    let write = w.write();
    let read = w.submit(w.pool, Op::read(0, 0));
    assert_eq!((w.sent(write).1, w.sent(read).1), (0, 1));
    w.incremental(|inc| inc.new_flags = Some(flags | map_flags::FULL));
    let delete = w.submit(w.pool, Op::delete());
    assert_eq!((w.sent(write).1, w.sent(delete).1), (0, 1));
    w.incremental(|inc| inc.new_flags = Some(flags));
    assert_eq!(w.sent(write).1, 1);
}

#[test]
fn a_paused_write_whose_session_is_lost_does_not_keep_the_client_awake() {
    let mut w = World::with_map();
    let flags = w.o.map().unwrap().flags;
    let write = w.write();
    let conn = w.sent(write).0.unwrap();
    w.incremental(|inc| inc.new_flags = Some(flags | map_flags::PAUSEWR));
    w.event(Event::Closed { conn, why: CloseCause::Reset });
    w.now.mono = w.now.mono + Duration::from_secs(60);
    w.o.on_tick(w.now, &mut w.m, &mut w.out, &mut w.fx);
    assert_eq!(w.o.next_deadline(), Instant::NEVER);
    w.incremental(|inc| inc.new_flags = Some(flags));
    assert_eq!(w.sent(write).1, 2);
}

#[test]
fn a_pool_is_missing_only_in_the_newest_map() {
    let mut w = World::with_map();
    let tid = w.submit(PoolId(999), Op::stat());
    assert!(w.out.iter().any(|e| matches!(e, ObjecterEvent::AskNewestEpoch)));
    let newest = w.o.epoch().next();
    w.o.on_newest_epoch(w.now, newest, &mut w.m, &mut w.out, &mut w.fx);
    assert_eq!(w.o.pending(), 1);
    w.incremental(|_| {});
    assert_eq!(w.o.pending(), 0);
    let failed = |e: &ObjecterEvent| matches!(e, ObjecterEvent::Done { tid: t, result: Err(OpFailure::NoSuchPool) } if *t == tid);
    assert!(w.out.iter().any(failed));
}

#[test]
fn a_hole_in_the_maps_is_reported() {
    let mut w = World::with_map();
    let have = w.o.epoch();
    w.update(Epoch(have.0 + 2), Bytes::from_static(b"?"), false);
    let gap = |e: &ObjecterEvent| matches!(e, ObjecterEvent::MapGap { have: h } if *h == have);
    assert!(w.out.iter().any(gap));
}

#[test]
fn room_is_bounded_and_given_in_order() {
    let mut w = World::with_map();
    let tids: Vec<Tid> = (0..IN_FLIGHT_OPS_MAX + 2).map(|_| w.write()).collect();
    let (first, late) = (tids[0], &tids[IN_FLIGHT_OPS_MAX..]);
    assert_eq!((w.sent(late[0]).1, w.sent(late[1]).1), (0, 0));
    let conn = w.sent(first).0.unwrap();
    w.reply(conn, first, 0);
    assert_eq!((w.sent(late[0]).1, w.sent(late[1]).1), (1, 0));
}

#[test]
fn an_operation_times_out() {
    let mut w = World::new();
    let mut spec = OpSpec::new(w.pool, "", "o", vec![Op::stat()]);
    spec.timeout = Some(Duration::from_secs(1));
    w.o.submit(w.now, spec, &mut w.m, &mut w.out, &mut w.fx);
    w.now.mono = w.o.next_deadline();
    w.o.on_tick(w.now, &mut w.m, &mut w.out, &mut w.fx);
    let late = |e: &ObjecterEvent| {
        matches!(e, ObjecterEvent::Done { result: Err(OpFailure::TimedOut), .. })
    };
    assert!(w.out.iter().any(late));
}
