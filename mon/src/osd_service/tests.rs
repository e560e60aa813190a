use super::liveness::BootRefused;
use super::*;
use crate::mkfs::{MkfsParams, NewOsd, mkfs};
use maps::{OsdAddrs, osd_state};
use messenger::auth::crypto::CryptoKey;
use std::time::Duration;
use types::time::Now;
use types::{AddrKind, EntityAddr, EntityAddrVec, Fsid, Instant, OsdId};

fn at(seconds: u64) -> Now {
    let wall = UTime { sec: 1_000_000 + seconds as u32, nsec: 0 };
    Now { mono: Instant(seconds * 1_000_000_000), wall }
}

fn addrs(port: u16) -> EntityAddrVec {
    EntityAddrVec::one(EntityAddr::msgr2(([127, 0, 0, 1], port).into(), 1))
}

fn store(osds: u32) -> KvMap {
    let key = CryptoKey::new(UTime::default(), [1; 16]);
    let osds = (0..osds).map(|id| NewOsd { id, uuid: Fsid([id as u8 + 1; 16]), key }).collect();
    let params = MkfsParams {
        fsid: Fsid([9; 16]),
        now: at(0).wall,
        mons: vec![("a".into(), addrs(3300))],
        admin_key: key,
        mon_key: key,
        osds,
        entities: Vec::new(),
        chooseleaf_type: 0,
        config: Vec::new(),
    };
    let mut map = KvMap::new();
    write(&mut map, &mkfs(&params).unwrap());
    map
}

fn write(store: &mut KvMap, changes: &[KvChange]) {
    for change in changes {
        match change.clone() {
            KvChange::Put { key, value } => drop(store.insert(key, value)),
            KvChange::Delete { key } => drop(store.remove(&key)),
        }
    }
}

/// A service over a store, with entries that commit at once.
struct World {
    store: KvMap,
    osd: OsdService,
}

impl World {
    fn new(osds: u32) -> Self {
        let store = store(osds);
        Self { osd: OsdService::load(&store).unwrap(), store }
    }
    fn commit(&mut self, now: Now) {
        let mut changes = Vec::new();
        self.osd.stage(now.wall, &mut changes).unwrap();
        write(&mut self.store, &changes);
        for change in &changes {
            match change {
                KvChange::Put { key, value } => self.osd.apply(key, Some(value)).unwrap(),
                KvChange::Delete { key } => self.osd.apply(key, None).unwrap(),
            }
        }
    }
    fn boot(&mut self, now: Now, id: u32, port: u16) -> Result<(), BootRefused> {
        self.boot_as(now, id, port, "")
    }
    fn boot_as(&mut self, now: Now, id: u32, port: u16, class: &str) -> Result<(), BootRefused> {
        self.boot_on(now, id, port, class, "h")
    }
    fn boot_on(
        &mut self,
        now: Now,
        id: u32,
        port: u16,
        class: &str,
        hostname: &str,
    ) -> Result<(), BootRefused> {
        let all = OsdAddrs {
            client: addrs(port),
            cluster: addrs(port + 1),
            heartbeat_back: addrs(port + 1),
            heartbeat_front: addrs(port),
        };
        self.osd.boot(
            now,
            &Boot {
                osd: OsdId(id),
                uuid: Fsid([id as u8 + 1; 16]),
                addrs: all,
                epoch: Epoch(0),
                metadata: serde_json::json!({"hostname": hostname}),
                features: 0,
                last_clean: Default::default(),
                location: crate::placement::of_machine(hostname),
                weight: 0.01,
                device_class: class.to_owned(),
            },
        )
    }
    fn up(osds: u32) -> Self {
        let mut world = Self::new(osds);
        for id in 0..osds {
            world.boot(at(1), id, 7000 + 10 * id as u16).unwrap();
        }
        world.commit(at(1));
        world
    }
}

#[test]
fn booted_osds_are_up_in_and_placed_in_one_epoch() {
    let world = World::up(3);
    let map = world.osd.map();
    assert_eq!(map.epoch, Epoch(2));
    assert_eq!((map.up_osd_count(), map.in_osd_count()), (3, 3));
    assert_eq!(map.state[0], osd_state::EXISTS | osd_state::UP);
    assert_eq!(map.info[0].up_from, Epoch(2));
    let place = crate::placement::location(world.osd.crush(), 0);
    assert_eq!(place[0], ("host".to_owned(), "h".to_owned()));
}

/// An OSD that is placed nowhere gets no PG, and its pools stay as if nobody had ever made them.
#[test]
fn osds_of_machines_without_a_name_are_placed_and_one_that_cannot_be_is_named() {
    let mut world = World::new(3);
    for (id, hostname) in [(0, "(none)"), (1, ""), (2, "default")] {
        world.boot_on(at(1), id, 7000 + 10 * id as u16, "", hostname).unwrap();
    }
    world.commit(at(1));
    let host = |id| crate::placement::location(world.osd.crush(), id).into_iter().next();
    assert_eq!(host(0), Some(("host".to_owned(), "none".to_owned())));
    assert_eq!(host(1), host(0));
    // That is the root's name.
    assert_eq!(host(2), None);
    assert_eq!(crate::placement::nowhere(world.osd.map(), world.osd.crush()), [OsdId(2)]);
}

#[test]
fn an_osd_brings_its_device_class_unless_it_has_one() {
    let mut world = World::new(4);
    for (id, class) in [(0, "hdd"), (1, "nvme"), (2, ""), (3, "no such~class")] {
        world.boot_as(at(1), id, 7000 + 10 * id as u16, class).unwrap();
    }
    world.commit(at(1));
    let classes = |world: &World| -> Vec<Option<String>> {
        (0..4).map(|id| world.osd.crush().device_class(id).map(str::to_owned)).collect()
    };
    assert_eq!(classes(&world), [Some("hdd".into()), Some("nvme".into()), None, None]);
    assert_eq!(world.osd.map().up_osd_count(), 4);
    // An operator's class stays when the OSD comes again.
    let crush = world.osd.edit_crush();
    crush.remove_device_class(0).unwrap();
    crush.set_device_class(0, "fast").unwrap();
    crush.remove_device_class(1).unwrap();
    for id in 0..2 {
        world.osd.mark_down(at(2), OsdId(id));
    }
    world.commit(at(2));
    for id in 0..2 {
        world.boot_as(at(3), id, 7000 + 10 * id as u16, "hdd").unwrap();
    }
    world.commit(at(3));
    assert_eq!(classes(&world)[..2], [Some("fast".into()), Some("hdd".into())]);
}

#[test]
fn checksums_are_those_of_the_map_that_a_receiver_makes() {
    let mut world = World::up(3);
    let mut follower = (**world.osd.map()).clone();
    let first = world.osd.next_epoch();
    world.osd.mark_down(at(2), OsdId(1));
    world.commit(at(2));
    world.osd.edit().flags |= maps::map_flags::NOOUT;
    world.commit(at(3));
    let updates = world.osd.updates_from(first);
    assert_eq!(updates.len(), 1);
    for bytes in updates[0].incrementals.values() {
        let inc = Incremental::decode(bytes).unwrap();
        follower.apply(&inc).unwrap();
        assert_eq!(follower.encode_with_crc().1, inc.full_crc);
    }
    assert_eq!(follower, **world.osd.map());
}

#[test]
fn a_restart_finds_the_same_map_and_history() {
    let mut world = World::up(3);
    for epoch in 0..150 {
        world.osd.edit().flags ^= maps::map_flags::NOOUT;
        world.commit(at(epoch));
    }
    let again = OsdService::load(&world.store).unwrap();
    assert_eq!(again.map(), world.osd.map());
    assert_eq!(again.full(), world.osd.full());
    assert_eq!(again.map_at(Epoch(70)).unwrap(), world.osd.map_at(Epoch(70)).unwrap());
    assert_eq!(again.updates_from(Epoch(3)).len(), 4);
    assert!(again.updates_from(Epoch(0))[0].fulls.contains_key(&again.epoch()));
    assert!(again.updates_from(again.next_epoch()).is_empty());
}

#[test]
fn silent_osds_go_down_then_out_and_come_back_in() {
    let mut world = World::up(3);
    for second in 2..30 {
        for id in [0, 2] {
            world.osd.on_beacon(at(second), OsdId(id));
        }
        world.osd.on_tick(at(second));
        world.commit(at(second));
    }
    assert!(world.osd.map().is_down(OsdId(1)) && world.osd.map().is_up(OsdId(0)));
    assert!(world.osd.map().is_in(OsdId(1)));
    for id in [0, 2] {
        world.osd.on_beacon(at(700), OsdId(id));
    }
    world.osd.on_tick(at(700));
    world.commit(at(700));
    assert!(world.osd.map().is_out(OsdId(1)));
    world.boot(at(701), 1, 7010).unwrap();
    world.commit(at(701));
    assert!(world.osd.map().is_in(OsdId(1)) && world.osd.map().is_up(OsdId(1)));
}

#[test]
fn two_reporters_take_an_osd_down_and_one_does_not() {
    let mut world = World::up(3);
    let silent = Duration::from_secs(30);
    assert!(!world.osd.on_failure_report(at(31), OsdId(0), OsdId(1), silent, false));
    assert!(!world.osd.on_failure_report(at(31), OsdId(1), OsdId(1), silent, false));
    assert!(world.osd.on_failure_report(at(31), OsdId(2), OsdId(1), silent, false));
    world.commit(at(31));
    assert!(world.osd.map().is_down(OsdId(1)));
    assert_eq!(world.osd.map().info[1].down_at, world.osd.epoch());
}

#[test]
fn another_incarnation_goes_down_before_it_comes_up() {
    let mut world = World::up(1);
    world.boot(at(2), 0, 8000).unwrap();
    world.commit(at(2));
    assert!(world.osd.map().is_down(OsdId(0)));
    world.osd.finish_boots(at(2));
    world.commit(at(2));
    assert_eq!(world.osd.map().client_addrs(OsdId(0)), Some(&addrs(8000)));
    assert_eq!(world.osd.epoch(), Epoch(4));
}

#[test]
fn strangers_do_not_boot() {
    let mut world = World::new(1);
    assert_eq!(world.boot(at(1), 7, 7000), Err(BootRefused::NotCreated));
    world.osd.edit().uuid[0] = Fsid([77; 16]);
    assert!(matches!(world.boot(at(1), 0, 7000), Err(BootRefused::OtherUuid { .. })));
}

#[test]
fn blocklist_entries_end_and_edits_that_cancel_make_no_epoch() {
    let mut world = World::up(1);
    let addr = EntityAddr { kind: AddrKind::Any, ..addrs(1).0[0] };
    world.osd.edit().blocklist.insert(addr, at(10).wall);
    world.commit(at(2));
    let epoch = world.osd.epoch();
    world.osd.on_beacon(at(5), OsdId(0));
    world.osd.on_tick(at(5));
    world.osd.edit();
    world.commit(at(5));
    assert_eq!(world.osd.epoch(), epoch);
    world.osd.on_tick(at(11));
    world.commit(at(11));
    assert!(world.osd.map().blocklist.is_empty());
}
