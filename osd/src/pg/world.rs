//! A small world for PGs: three members, every order of delivery by seed, crashes that lose what was
//! not durable. Objects are reduced to the version that wrote them last.

use super::log::EntryKind;
use super::replicate::NewWrite;
use super::*;
use crate::ops::Change;
use messenger::messages::peer::{PeerMessage, RepAck};
use std::collections::BTreeMap;
use types::{EntityName, ReqId};

struct Map(Epoch, Mapping);
impl MapView for Map {
    fn epoch(&self) -> Epoch {
        self.0
    }
    fn mapping(&self, _: PgId) -> Option<Mapping> {
        Some(self.1.clone())
    }
    fn is_up(&self, osd: OsdId) -> bool {
        self.1.contains(osd)
    }
    fn down_at(&self, _: OsdId) -> Epoch {
        Epoch(0)
    }
    fn osds(&self) -> Vec<OsdId> {
        (0..3).map(OsdId).collect()
    }
    fn booted(&self) -> bool {
        true
    }
    fn died_before_pool(&self, _: OsdId, _: PoolId) -> bool {
        true
    }
}

#[derive(Default, Clone)]
struct Disk {
    meta: BTreeMap<Bytes, Bytes>,
    objects: BTreeMap<HObject, Bytes>,
}

struct World {
    pgs: Vec<Option<Pg>>,
    disks: Vec<Disk>,
    /// Not yet durable, in order.
    pending: Vec<VecDeque<(PgTxn, Token)>>,
    /// Per pair of OSDs, in order.
    wire: BTreeMap<(u32, u32), VecDeque<(Epoch, Body)>>,
    up_from: [u32; 3],
    map: Map,
    acked: BTreeMap<u64, Bytes>,
    random: u64,
}

const ID: PgId = PgId { pool: PoolId(1), seed: 0 };

impl World {
    fn roll(&mut self, n: usize) -> usize {
        self.random =
            self.random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.random >> 33) as usize % n
    }
    fn perform(&mut self, osd: usize, fx: Vec<Effect>) {
        for effect in fx {
            match effect {
                Effect::Send { to, body } => self.post(osd, to, body),
                Effect::Replicate { to, message } => {
                    self.post(osd, to, PeerMessage::decode(&message).unwrap().body)
                }
                Effect::Persist { txn, token } => self.pending[osd].push_back((txn, token)),
                Effect::Push { to, object } => {
                    // A copy is atomic here: what the sender's memory says, durable at once.
                    let at = to.0 as usize;
                    let found = self.visible(osd).objects.get(&object).cloned();
                    match found {
                        Some(value) => self.disks[at].objects.insert(object.clone(), value),
                        None => self.disks[at].objects.remove(&object),
                    };
                    self.input(osd, Input::Pushed { to, object: object.clone() });
                    self.input(at, Input::Received { object });
                }
                Effect::Reply { ticket } => {
                    let value = Bytes::copy_from_slice(&ticket.to_le_bytes());
                    self.acked.insert(ticket, value);
                }
                Effect::List { .. } | Effect::Wipe | Effect::Gone => panic!("no full copies here"),
                Effect::Active | Effect::Interval => {}
            }
        }
    }
    fn post(&mut self, from: usize, to: OsdId, body: Body) {
        let epoch = self.pgs[from].as_ref().map_or(self.map.0, Pg::epoch);
        self.wire.entry((from as u32, to.0)).or_default().push_back((epoch, body));
    }
    fn input(&mut self, osd: usize, input: Input) {
        let mut fx = Vec::new();
        let Some(pg) = &mut self.pgs[osd] else { return };
        pg.handle(Instant(100_000_000_000), &self.map, input, &mut fx);
        let ack = pg.take_ack();
        self.perform(osd, fx);
        if let Some((to, version)) = ack {
            self.post(osd, to, Body::RepAck(RepAck { version, room: 1 << 30 }));
        }
    }
    fn visible(&self, osd: usize) -> Disk {
        let mut disk = self.disks[osd].clone();
        self.pending[osd].iter().for_each(|(txn, _)| apply(&mut disk, txn));
        disk
    }
    /// One message or one disk write, by chance; false when nothing is under way.
    fn step(&mut self) -> bool {
        let wires: Vec<_> =
            self.wire.iter().filter(|(_, q)| !q.is_empty()).map(|(k, _)| *k).collect();
        let disks: Vec<usize> = (0..3).filter(|o| !self.pending[*o].is_empty()).collect();
        let n = wires.len() + disks.len();
        if n == 0 {
            return false;
        }
        let pick = self.roll(n);
        if let Some((from, to)) = wires.get(pick) {
            let (epoch, body) = self.wire.get_mut(&(*from, *to)).unwrap().pop_front().unwrap();
            self.input(*to as usize, Input::Message { from: OsdId(*from), epoch, body });
        } else {
            let osd = disks[pick - wires.len()];
            let (txn, token) = self.pending[osd].pop_front().unwrap();
            apply(&mut self.disks[osd], &txn);
            self.input(osd, Input::Durable(token));
        }
        true
    }
    fn remap(&mut self) {
        let up: Vec<(u32, u32)> = (0..3)
            .filter(|o| self.pgs[*o].is_some())
            .map(|o| (o as u32, self.up_from[o]))
            .collect();
        self.map = Map(self.map.0.next(), interval::tests::mapping(&up, 3));
        for osd in 0..3 {
            self.input(osd, Input::Map { gap: false });
        }
    }
    fn crash(&mut self, osd: usize) {
        self.pgs[osd] = None;
        self.pending[osd].clear();
        self.wire.retain(|(a, b), _| *a != osd as u32 && *b != osd as u32);
        self.remap();
    }
    fn restart(&mut self, osd: usize) {
        let disk = &self.disks[osd];
        let entries = disk.meta.iter().filter(|(k, _)| k[0] == b'l').map(|(_, v)| v.clone());
        let dirty = disk.meta.get(DIRTY_KEY).map(|b| &b[..]);
        let info = &disk.meta[INFO_KEY];
        self.pgs[osd] = Some(Pg::load(ID, OsdId(osd as u32), info, dirty, entries).unwrap());
        self.up_from[osd] = self.map.0.0 + 1;
        self.remap();
    }
    fn write(&mut self, ticket: u64) {
        let Some(primary) = (0..3).find(|o| self.pgs[*o].as_ref().is_some_and(Pg::is_active))
        else {
            return;
        };
        let pg = self.pgs[primary].as_mut().unwrap();
        let value = Bytes::copy_from_slice(&ticket.to_le_bytes());
        let mut fx = Vec::new();
        let write = NewWrite {
            kind: EntryKind::Modify,
            version: pg.next_version(),
            prior: EVersion::default(),
            user_version: ticket,
            result: 0,
            reqid: ReqId { name: EntityName::client(1), tid: ticket, inc: 0 },
            object: HObject::head(ID.pool, "", "", &format!("o{ticket}")),
            changes: vec![Change::SetXattr { name: Bytes::from_static(b"v"), value }],
            data_crc: None,
            outcomes: Vec::new(),
            ticket,
        };
        pg.submit(write, &mut fx);
        self.perform(primary, fx);
    }
}

fn apply(disk: &mut Disk, txn: &PgTxn) {
    for change in &txn.changes {
        let Change::SetXattr { value, .. } = change else { continue };
        disk.objects.insert(txn.object.clone().unwrap(), value.clone());
    }
    for change in &txn.meta {
        match change {
            MetaChange::Set { key, value } => drop(disk.meta.insert(key.clone(), value.clone())),
            MetaChange::Remove { key } => drop(disk.meta.remove(key)),
            MetaChange::RemoveRange { first, last } => {
                disk.meta.retain(|k, _| k < first || k >= last)
            }
        }
    }
}

#[test]
fn acknowledged_writes_survive_every_order_and_crash() {
    for seed in 0..300 {
        let mut w = World {
            pgs: vec![None, None, None],
            disks: vec![Disk::default(), Disk::default(), Disk::default()],
            pending: vec![VecDeque::new(), VecDeque::new(), VecDeque::new()],
            wire: BTreeMap::new(),
            up_from: [1; 3],
            map: Map(Epoch(1), interval::tests::mapping(&[(0, 1), (1, 1), (2, 1)], 3)),
            acked: BTreeMap::new(),
            random: seed,
        };
        for osd in 0..3 {
            let mut fx = Vec::new();
            let pg = Pg::create(ID, OsdId(osd as u32), Instant(1), &w.map, true, &mut fx);
            w.pgs[osd] = pg;
            w.perform(osd, fx);
        }
        while w.step() {}
        let mut ticket = 0;
        for _ in 0..4 {
            for _ in 0..6 {
                ticket += 1;
                w.write(ticket);
                for _ in 0..w.roll(8) {
                    w.step();
                }
            }
            let osd = w.roll(3);
            w.crash(osd);
            for _ in 0..w.roll(10) {
                w.step();
            }
            w.restart(osd);
            while w.step() {}
        }
        assert!(w.pgs.iter().flatten().any(Pg::is_active), "seed {seed}: the PG serves again");
        let first = w.visible(0).objects;
        for osd in 0..3 {
            assert!(w.visible(osd).objects == first, "seed {seed}: members agree");
        }
        for (ticket, value) in &w.acked {
            let object = HObject::head(ID.pool, "", "", &format!("o{ticket}"));
            assert_eq!(first.get(&object), Some(value), "seed {seed}: acknowledged write {ticket}");
        }
    }
}
