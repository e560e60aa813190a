//! Operations go to the cores that serve them.

use super::super::sessions::{Door, up_from};
use super::*;
use messenger::table::PeerInfo;
use std::net::SocketAddr;
use types::AddrKind;
use types::shard::{core_of, shard_of};

const CORES: [&str; 2] = ["127.0.0.1:7001", "127.0.0.1:7002"];
const SHARDS: u16 = 8;

impl World {
    /// A client that looks for cores, with the map, and the OSDs' metadata if `told`.
    fn to_cores(told: bool) -> Self {
        let mut w = World::new();
        let auth = w.o.auth.take();
        w.o = Objecter::new(true);
        w.full_map();
        w.o.set_auth(w.now, auth, &mut w.m, &mut w.out, &mut w.fx);
        if told {
            // Makes it ask for every OSD.
            let tids = w.write_many();
            w.tell_all(&CORES);
            tids.into_iter().for_each(|tid| w.o.cancel(tid));
            w.o.sends.clear();
            w.fx.clear();
        }
        w
    }

    /// The OSDs for whose metadata the monitor was asked, each with the epoch.
    fn take_asked(&mut self) -> Vec<(OsdId, Epoch)> {
        let asked = |e: ObjecterEvent| match e {
            ObjecterEvent::AskMetadata { osd, up_from } => Some((osd, up_from)),
            _ => None,
        };
        self.out.drain(..).filter_map(asked).collect()
    }

    fn metadata(&self, osd: OsdId, cores: &[&str]) -> Vec<u8> {
        let addrs = self.o.map().unwrap().client_addrs(osd).unwrap();
        let cores: Vec<String> = cores.iter().map(|sock| format!("v2:{sock}/{}", osd.0)).collect();
        let cores = cores.join(" ");
        format!(
            r#"{{"front_addr":"{addrs}","kermes_store_shards":"{SHARDS}","kermes_shard_addrs":"{cores}"}}"#
        )
        .into_bytes()
    }

    fn tell(&mut self, (osd, up): (OsdId, Epoch), text: Option<&[u8]>) {
        self.o.on_metadata(self.now, (osd, up), text, &mut self.m, &mut self.out, &mut self.fx);
    }

    fn tell_all(&mut self, cores: &[&str]) {
        for (osd, up) in self.take_asked() {
            let text = self.metadata(osd, cores);
            self.tell((osd, up), Some(&text));
        }
    }

    /// Of objects in many PGs.
    fn write_many(&mut self) -> Vec<Tid> {
        (0..32).map(|n| self.write_to(&format!("object{n}"))).collect()
    }
    fn write_to(&mut self, name: &str) -> Tid {
        let op = Op::write_full(Bytes::from_static(b"x"));
        let spec = OpSpec::new(self.pool, "", name, vec![op]);
        self.o.submit(self.now, spec, &mut self.m, &mut self.out, &mut self.fx)
    }

    fn door_of(&self, tid: Tid) -> Option<Door> {
        let conn = self.o.ops[&tid].sent?;
        Some(self.o.conns[&conn])
    }
    fn core_of(&self, tid: Tid, cores: u16) -> u16 {
        core_of(shard_of(self.o.ops[&tid].target.pg.unwrap(), SHARDS), cores)
    }
    /// Every operation is on the session of its core, or at the map's address.
    fn assert_sent(&self, tids: &[Tid], cores: Option<u16>) {
        for tid in tids {
            let core = cores.map(|cores| self.core_of(*tid, cores));
            let osd = self.o.ops[tid].target.osd().unwrap();
            assert_eq!(self.door_of(*tid), Some(Door { osd, core }), "{tid:?}");
        }
    }
    /// Where was dialled since the last look.
    fn take_dialled(&mut self) -> BTreeSet<SocketAddr> {
        let dialled = |e: Effect<Infallible>| match e {
            Effect::Connect { addr, .. } => Some(addr),
            _ => None,
        };
        self.fx.drain(..).filter_map(dialled).collect()
    }
    fn map_socks(&self) -> BTreeSet<SocketAddr> {
        let map = self.o.map().unwrap();
        let addrs = map.osds().filter_map(|osd| map.client_addrs(osd)?.msgr2()?.sock);
        addrs.collect()
    }
    fn later(&mut self, after: Duration) {
        self.now.mono = self.now.mono + after;
        self.o.on_tick(self.now, &mut self.m, &mut self.out, &mut self.fx);
    }
    fn close(&mut self, conn: ConnId) {
        self.event(Event::Closed { conn, why: CloseCause::Reset });
    }
    fn ready(&mut self, conn: ConnId) {
        let peer = PeerInfo {
            name: EntityName::osd(OsdId(0)),
            auth_name: AuthName::new(EntityKind::Osd, ""),
            global_id: 1,
            caps: Default::default(),
            addrs: EntityAddrVec::default(),
            socket: "127.0.0.1:1".parse().unwrap(),
            features: features::PACIFIC,
            method: messenger::auth::AuthMethod::None,
            mode: messenger::auth::Mode::Crc,
            challenge: 0,
            policy: messenger::table::Policy::Lossy,
            accepted: false,
        };
        let peer = Box::new(peer);
        self.event(Event::Ready { conn, peer, auth_reply: None, our_addr: None });
    }
    /// The OSD goes down and comes up again, at another address.
    fn boots_again(&mut self, osd: OsdId) {
        self.incremental(|inc| inc.new_state = BTreeMap::from([(osd, 0)]));
        let sock = "127.0.0.1:7999".parse().unwrap();
        let addr = types::EntityAddr { kind: AddrKind::Msgr2, nonce: 77, sock: Some(sock) };
        let addrs = EntityAddrVec::one(addr);
        self.incremental(|inc| {
            inc.new_up_client.insert(osd, addrs.clone());
            inc.new_up_cluster.insert(osd, addrs.clone());
            inc.new_hb_back_up.insert(osd, addrs.clone());
            inc.new_hb_front_up.insert(osd, addrs);
        });
    }
}

fn ascending(tids: &[Tid]) -> bool {
    tids.is_sorted()
}

#[test]
fn the_monitor_is_asked_once_and_each_operation_goes_to_its_core() {
    let mut w = World::to_cores(false);
    let tids = w.write_many();
    assert!(tids.iter().all(|tid| w.sent(*tid) == (None, 0)) && w.take_dialled().is_empty());
    let asked = w.take_asked();
    let primaries: BTreeSet<OsdId> =
        tids.iter().filter_map(|tid| w.o.ops[tid].target.osd()).collect();
    assert_eq!(asked.iter().map(|(osd, _)| *osd).collect::<BTreeSet<_>>(), primaries);
    assert_eq!(asked.len(), primaries.len());
    for (osd, up) in asked {
        assert_eq!(up_from(w.o.map().unwrap(), osd), Some(up));
        let text = w.metadata(osd, &CORES);
        w.tell((osd, up), Some(&text));
    }
    w.assert_sent(&tids, Some(2));
    assert_eq!(w.take_dialled(), CORES.map(|sock| sock.parse().unwrap()).into());
    let more = w.write_many();
    w.assert_sent(&more, Some(2));
    assert!(w.take_asked().is_empty() && w.take_dialled().is_empty());
}

#[test]
fn an_osd_that_tells_of_no_cores_is_reached_where_the_map_says() {
    for text in [None, Some(&b"{\"id\":0,\"osd_objectstore\":\"bluestore\"}"[..])] {
        let mut w = World::to_cores(false);
        let tids = w.write_many();
        w.take_asked().into_iter().for_each(|asked| w.tell(asked, text));
        w.assert_sent(&tids, None);
        let (dialled, map) = (w.take_dialled(), w.map_socks());
        assert!(!dialled.is_empty() && dialled.is_subset(&map));
        w.write_many();
        assert!(w.take_asked().is_empty());
    }
}

#[test]
fn a_monitor_that_does_not_answer_holds_nothing_up_for_long() {
    let mut w = World::to_cores(false);
    let tids = w.write_many();
    let asked = w.take_asked();
    let deadline = w.o.next_deadline();
    assert!(deadline <= w.now.mono + Duration::from_secs(1));
    w.now.mono = deadline;
    w.later(Duration::ZERO);
    w.assert_sent(&tids, None);
    assert_eq!(w.o.next_deadline(), Instant::NEVER);
    let plain: BTreeSet<ConnId> = tids.iter().filter_map(|tid| w.sent(*tid).0).collect();
    w.o.sends.clear();
    // The answer comes after all: what is under way goes again, before anything newer.
    for (osd, up) in asked {
        let text = w.metadata(osd, &CORES);
        w.tell((osd, up), Some(&text));
    }
    w.assert_sent(&tids, Some(2));
    assert!(plain.iter().all(|conn| !w.o.conns.contains_key(conn)));
    assert_eq!(w.o.sends.iter().collect::<BTreeSet<_>>().len(), tids.len());
    // In order within each OSD: they were told of one after the other.
    let osd = |tid: &Tid| w.o.ops[tid].target.osd();
    assert!(w.o.sends.iter().all(|a| {
        let of_one: Vec<Tid> = w.o.sends.iter().copied().filter(|b| osd(a) == osd(b)).collect();
        ascending(&of_one)
    }));
}

#[test]
fn a_core_that_refuses_is_left_for_the_map_address_in_order() {
    let mut w = World::to_cores(true);
    let first = w.write_to("object1");
    let second = w.write_to("object1");
    let (osd, core) = (w.o.ops[&first].target.osd().unwrap(), w.core_of(first, 2));
    let conn = w.sent(first).0.unwrap();
    w.o.sends.clear();
    w.close(conn);
    let third = w.write_to("object1");
    for tid in [first, second, third] {
        assert_eq!(w.door_of(tid), Some(Door { osd, core: None }));
    }
    assert_eq!(w.o.sends, [first, second, third]);
    // The other core is no worse for it.
    let others = w.write_many();
    let other =
        others.iter().find(|t| w.o.ops[t].target.osd() == Some(osd) && w.core_of(**t, 2) != core);
    assert_eq!(w.door_of(*other.unwrap()), Some(Door { osd, core: Some(1 - core) }));
    // Much later, but nothing may overtake what is under way.
    w.later(Duration::from_secs(40));
    let fourth = w.write_to("object1");
    assert_eq!(w.door_of(fourth), Some(Door { osd, core: None }));
    let plain = w.sent(first).0.unwrap();
    let on_plain: Vec<Tid> =
        w.o.ops.iter().filter(|(_, op)| op.sent == Some(plain)).map(|(tid, _)| *tid).collect();
    for tid in on_plain {
        let attempt = w.sent(tid).1 - 1;
        w.reply(plain, tid, attempt);
    }
    let fifth = w.write_to("object1");
    assert_eq!(w.door_of(fifth), Some(Door { osd, core: Some(core) }));
}

#[test]
fn a_silent_core_is_given_up_and_a_lost_one_is_dialled_again() {
    let mut w = World::to_cores(true);
    let tid = w.write_to("object1");
    let door = w.door_of(tid).unwrap();
    let conn = w.sent(tid).0.unwrap();
    assert_eq!(w.o.next_deadline(), w.now.mono + Duration::from_secs(1));
    let all: Vec<ConnId> = w.o.conns.keys().copied().collect();
    all.into_iter().for_each(|conn| w.ready(conn));
    assert_eq!(w.o.next_deadline(), Instant::NEVER);
    w.close(conn);
    assert_eq!(w.door_of(tid), None);
    w.later(Duration::from_millis(100));
    assert_eq!(w.door_of(tid), Some(door));
    // Now it does not answer.
    w.later(Duration::from_millis(999));
    assert_eq!(w.door_of(tid), Some(door));
    w.later(Duration::from_millis(1));
    assert_eq!(w.door_of(tid), Some(Door { core: None, ..door }));
    assert_eq!((w.sent(tid).1, w.o.next_deadline()), (3, Instant::NEVER));
}

#[test]
fn what_comes_with_a_redial_does_not_overtake_what_waits_for_it() {
    let mut w = World::to_cores(true);
    let first = w.write_to("object1");
    let conn = w.sent(first).0.unwrap();
    w.ready(conn);
    w.close(conn);
    w.o.sends.clear();
    // The redial is due, and the tick has not come yet.
    w.now.mono = w.now.mono + Duration::from_secs(1);
    let second = w.write_to("object1");
    assert_eq!(w.o.sends, [first, second]);
}

#[test]
fn after_a_restart_with_other_cores_everything_is_asked_and_sent_anew_in_order() {
    let mut w = World::to_cores(true);
    let tids = w.write_many();
    w.assert_sent(&tids, Some(2));
    let old: Vec<ConnId> = w.o.conns.keys().copied().collect();
    let osd = w.o.conns[&old[0]].osd;
    let mine: Vec<Tid> =
        tids.iter().copied().filter(|t| w.o.ops[t].target.osd() == Some(osd)).collect();
    w.o.sends.clear();
    w.out.clear();
    w.boots_again(osd);
    let asked: Vec<_> = w.take_asked().into_iter().filter(|(o, _)| *o == osd).collect();
    let now_up = up_from(w.o.map().unwrap(), osd).unwrap();
    assert_eq!(asked.last(), Some(&(osd, now_up)));
    // What the monitor told of the boot before is worth nothing.
    let stale = w.metadata(osd, &CORES);
    w.tell((osd, Epoch(now_up.0 - 1)), Some(&stale));
    assert!(mine.iter().all(|tid| w.door_of(*tid).is_none_or(|door| door.osd != osd)));
    let three = ["127.0.0.1:7011", "127.0.0.1:7012", "127.0.0.1:7013"];
    let text = w.metadata(osd, &three);
    w.o.sends.clear();
    w.tell((osd, now_up), Some(&text));
    let here: Vec<Tid> =
        tids.iter().copied().filter(|t| w.o.ops[t].target.osd() == Some(osd)).collect();
    assert!(!here.is_empty());
    w.assert_sent(&here, Some(3));
    assert!(ascending(&w.o.sends));
    assert!(old.iter().all(|conn| w.o.conns.get(conn).is_none_or(|door| door.osd != osd)));
}
