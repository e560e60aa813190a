//! What the OSDs' disks hold at the end of a world, read as a start after a power cut reads it.
//!
//! Every store must mount and be consistent in itself; all members of a PG's last acting set must
//! hold the same log head and the same objects, byte for byte, and nobody else any; every block must match its checksum.

use crate::disk::Disk;
use bytes::Bytes;
use osd::pg::info::{CopyState, PgInfo};
use osd::pg::log::Entry;
use osd::pg::{INFO_KEY, meta_object};
use seastore::{
    IoCompletion, Miss, ReadStart, Store, StoreConfig, StoreEffect, StoreEvent, Superblock,
    Transaction, TxnOp,
};
use std::collections::{BTreeMap, BTreeSet};
use types::enc::Decode;
use types::{EVersion, HObject, OsdId, PgId, PoolId};

/// A store and the disk under it, with nothing in between.
struct Mounted {
    store: Store,
    disk: Disk,
    next_write: u64,
    events: Vec<StoreEvent>,
}

impl Mounted {
    fn open(disk: Disk, superblock: Superblock, shard: u16) -> Result<Self, String> {
        // Few misses: enough that they are met.
        let defaults = StoreConfig::new(superblock, shard, u64::MAX);
        let config = StoreConfig { miss_one_in: 100, ..defaults };
        let store = Store::open(config);
        let mut mounted = Self { store, disk, next_write: 1, events: Vec::new() };
        let mut fx = Vec::new();
        mounted.store.mount(&mut fx);
        mounted.perform(fx);
        let failed = mounted.events.iter().find_map(|e| match e {
            StoreEvent::Failed(e) => Some(e.to_string()),
            _ => None,
        });
        match failed {
            Some(text) => Err(text),
            None if mounted.events.iter().any(|e| matches!(e, StoreEvent::Mounted(_))) => {
                Ok(mounted)
            }
            None => Err("the mount does not end".into()),
        }
    }

    /// Serves the store's requests until it has none.
    fn perform(&mut self, mut fx: Vec<StoreEffect>) {
        while !fx.is_empty() {
            for effect in std::mem::take(&mut fx) {
                let done = match effect {
                    StoreEffect::Read { io, offset, len } => {
                        IoCompletion::Read { io, result: Ok(self.disk.read(offset, len)) }
                    }
                    StoreEffect::Write { io, offset, buf, .. } => {
                        self.disk.submit(self.next_write, offset, buf);
                        self.disk.complete(self.next_write, true);
                        self.next_write += 1;
                        IoCompletion::Write { io, result: Ok(()) }
                    }
                    StoreEffect::Flush { io } => IoCompletion::Flush { io, result: Ok(()) },
                    StoreEffect::Discard { io, offset, len } => {
                        self.disk.discard(offset, len);
                        IoCompletion::Discard { io, result: Ok(()) }
                    }
                    StoreEffect::Zone { io, offset, op, .. } => {
                        self.disk.begin_zone_op(offset, op);
                        self.disk.end_zone_op(offset);
                        IoCompletion::Zone { io, result: Ok(()) }
                    }
                    StoreEffect::ReportZones { io, offset, len } => {
                        IoCompletion::Zones { io, result: Ok(self.disk.report(offset, len)) }
                    }
                };
                self.store.on_io(done, &mut self.events, &mut fx);
            }
            self.store.end_of_turn(&mut fx);
            self.store.take_events(&mut self.events);
        }
        self.store.take_events(&mut self.events);
    }

    /// Looks at metadata, as often as something is missed.
    fn look<T>(&mut self, look: impl Fn(&Store) -> Result<T, Miss>) -> Result<T, String> {
        const TOKEN: u64 = u64::MAX;
        loop {
            let miss = match look(&self.store) {
                Ok(seen) => return Ok(seen),
                Err(miss) => miss,
            };
            let mut fx = Vec::new();
            self.store.fetch(&miss, TOKEN, &mut fx);
            self.events.clear();
            self.perform(fx);
            let result = self.events.drain(..).find_map(|e| match e {
                StoreEvent::Fetched { token: TOKEN, result } => Some(result),
                _ => None,
            });
            result.ok_or("a fetch does not end")?.map_err(|e| e.to_string())?;
        }
    }

    fn read(&mut self, object: &HObject, len: u64) -> Result<Bytes, String> {
        const TOKEN: u64 = u64::MAX;
        let mut fx = Vec::new();
        let started = self.store.read(object, 0, len, TOKEN, &mut fx);
        match started.map_err(|e| e.to_string())? {
            ReadStart::Ready(data) => Ok(data.into_bytes()),
            ReadStart::Pending => {
                self.events.clear();
                self.perform(fx);
                let result = self.events.drain(..).find_map(|e| match e {
                    StoreEvent::ReadDone { token: TOKEN, result } => Some(result),
                    _ => None,
                });
                let data = result.ok_or("a read does not end")?.map_err(|e| e.to_string())?;
                Ok(data.into_bytes())
            }
        }
    }

    /// Writes, checkpoints and reads on, as a start would go on.
    fn take_a_write(&mut self) -> Result<(), String> {
        let probe = HObject::lower_bound(PoolId(i64::MAX - 1), 0);
        let ops = vec![TxnOp::Touch { o: probe.clone().into() }, TxnOp::Remove { o: probe.into() }];
        self.store.submit(Transaction::from(ops), 1).map_err(|e| e.to_string())?;
        let mut fx = Vec::new();
        self.store.end_of_turn(&mut fx);
        self.events.clear();
        self.perform(fx);
        match self.events.iter().any(|e| matches!(e, StoreEvent::Durable { .. })) {
            true => Ok(()),
            false => Err("a write after the mount does not end".into()),
        }
    }
}

/// One object as a member holds it.
#[derive(PartialEq, Eq)]
struct Stored {
    data: Result<Bytes, String>,
    xattrs: Vec<(Bytes, Bytes)>,
    omap_header: Bytes,
    omap: Vec<(Bytes, Bytes)>,
}

impl Stored {
    /// In which way two copies differ.
    fn difference(&self, other: &Self) -> &'static str {
        match () {
            () if self.xattrs != other.xattrs => "xattrs (with the version)",
            () if self.omap != other.omap => "omap",
            () if self.omap_header != other.omap_header => "omap header",
            () => "data",
        }
    }
}

/// One member's copy of a PG.
struct PgCopy {
    info: PgInfo,
    entries: BTreeMap<u64, Bytes>,
    objects: BTreeMap<HObject, Stored>,
}

impl PgCopy {
    fn head(&self) -> EVersion {
        let last = self.entries.values().next_back().cloned();
        last.and_then(|bytes| Entry::parse(&bytes).ok()).map_or(self.info.log_head, |e| e.version)
    }
}

type Copies = BTreeMap<PgId, BTreeMap<OsdId, PgCopy>>;

type Pairs = Vec<(Bytes, Bytes)>;

fn omap(store: &Store, o: &HObject, prefix: &[u8]) -> Result<Pairs, Miss> {
    let mut pairs = Vec::new();
    store.omap_scan(o, None, prefix, &mut |k, v| {
        pairs.push((Bytes::copy_from_slice(k), Bytes::copy_from_slice(v)));
        true
    })?;
    Ok(pairs)
}

/// The object's size, and all of it but its data.
fn metadata(store: &Store, o: &HObject) -> Result<(u64, Stored), Miss> {
    let copy = Bytes::copy_from_slice;
    let mut xattrs = Vec::new();
    store.xattrs(o, &mut |k, v| xattrs.push((copy(k), copy(v))))?;
    let stored = Stored {
        data: Ok(Bytes::new()),
        xattrs,
        omap_header: copy(store.omap_header(o)?),
        omap: omap(store, o, b"")?,
    };
    Ok((store.stat(o)?.map_or(0, |s| s.size), stored))
}

fn load_shard(
    osd: OsdId,
    m: &mut Mounted,
    copies: &mut Copies,
    findings: &mut Vec<String>,
) -> Result<(), String> {
    let pgs: Vec<(PgId, u8)> = m.store.collections().collect();
    let all = (HObject::lower_bound(PoolId(0), 0), HObject::max());
    let names = m.look(|s| s.list(&all.0, &all.1, usize::MAX))?;
    for (pg, bits) in pgs {
        let meta = meta_object(pg);
        let info = m.look(|s| Ok(s.omap_get(&meta, INFO_KEY)?.map(Bytes::copy_from_slice)))?;
        let Some(info) = info else { continue };
        let info = match PgInfo::from_slice(&info) {
            Ok(info) => info,
            Err(e) => {
                findings.push(format!("osd.{} pg {pg}: info: {e}", osd.0));
                continue;
            }
        };
        let mut entries = BTreeMap::new();
        for (_, value) in m.look(|s| omap(s, &meta, b"l"))? {
            match Entry::parse(&value) {
                Ok(e) => drop(entries.insert(e.version.version, value)),
                Err(e) => findings.push(format!("osd.{} pg {pg}: log entry: {e}", osd.0)),
            }
        }
        let mask = (1u64 << bits) as u32 - 1;
        let mine = |o: &HObject| {
            o.pool == pg.pool && o.hash & mask == pg.seed & mask && !o.name.is_empty()
        };
        let mut objects = BTreeMap::new();
        for name in names.iter().filter(|o| mine(o)) {
            let (size, mut stored) = m.look(|s| metadata(s, name))?;
            stored.data = m.read(name, size);
            if let Err(e) = &stored.data {
                findings.push(format!("osd.{} pg {pg}: {name}: {e}", osd.0));
            }
            objects.insert((**name).clone(), stored);
        }
        copies.entry(pg).or_default().insert(osd, PgCopy { info, entries, objects });
    }
    Ok(())
}

/// Checks what the OSDs' disks hold. `clean`: all PGs were clean and quiet, so their copies agree.
pub fn check(disks: &[(OsdId, &Disk)], clean: bool) -> Vec<String> {
    let mut findings = Vec::new();
    let mut copies = Copies::new();
    for (osd, disk) in disks {
        let superblock = match disk.superblock() {
            Ok(superblock) => superblock,
            Err(e) => {
                findings.push(format!("osd.{}: {e}", osd.0));
                continue;
            }
        };
        for shard in 0..superblock.shards {
            let at = format!("osd.{} shard {shard}", osd.0);
            let mut mounted = match Mounted::open((*disk).clone(), superblock, shard) {
                Ok(mounted) => mounted,
                Err(e) => {
                    findings.push(format!("{at} cannot be mounted: {e}"));
                    continue;
                }
            };
            let found = mounted.look(|store| store.check()).unwrap_or_else(|e| vec![e]);
            findings.extend(found.iter().map(|f| format!("{at}: {f}")));
            if let Err(e) = load_shard(*osd, &mut mounted, &mut copies, &mut findings) {
                findings.push(format!("{at}: {e}"));
            }
            if let Err(e) = mounted.take_a_write() {
                findings.push(format!("{at}: {e}"));
            }
            let found = mounted.look(|store| store.check()).unwrap_or_else(|e| vec![e]);
            findings.extend(found.iter().map(|f| format!("{at}, later: {f}")));
        }
    }
    if clean {
        for (pg, members) in &copies {
            compare(*pg, members, &mut findings);
        }
    }
    findings
}

fn compare(pg: PgId, members: &BTreeMap<OsdId, PgCopy>, findings: &mut Vec<String>) {
    let newest = members.values().max_by_key(|c| c.info.since).expect("a PG has a copy");
    let acting: BTreeSet<OsdId> = newest.info.mapping.acting.iter().map(|m| m.osd).collect();
    for (osd, copy) in members.iter().filter(|(osd, _)| !acting.contains(osd)) {
        let objects = copy.objects.len();
        findings.push(format!("pg {pg}: osd.{} is no member and holds {objects} objects", osd.0));
    }
    let mut reference: Option<(OsdId, &PgCopy)> = None;
    for osd in acting {
        let Some(copy) = members.get(&osd) else {
            findings.push(format!("pg {pg}: osd.{} is a member and has no copy", osd.0));
            continue;
        };
        if copy.info.state != CopyState::Complete || copy.info.since != newest.info.since {
            let (state, since) = (copy.info.state, copy.info.since);
            findings.push(format!(
                "pg {pg}: osd.{} is {state:?} since {since}, the others since {}",
                osd.0, newest.info.since
            ));
        }
        let Some((first, other)) = reference else {
            reference = Some((osd, copy));
            continue;
        };
        let pair = format!("pg {pg}: osd.{} and osd.{}", first.0, osd.0);
        if other.head() != copy.head() {
            findings.push(format!("{pair}: log heads {} and {}", other.head(), copy.head()));
        }
        for (version, entry) in &other.entries {
            if copy.entries.get(version).is_some_and(|e| e != entry) {
                findings.push(format!("{pair}: log entry {version} differs"));
            }
        }
        let names: BTreeSet<&HObject> = other.objects.keys().chain(copy.objects.keys()).collect();
        for name in names {
            match (other.objects.get(name), copy.objects.get(name)) {
                (Some(a), Some(b)) if a == b => {}
                (Some(a), Some(b)) => {
                    findings.push(format!("{pair}: {name}: {} differ", a.difference(b)));
                }
                (a, _) => {
                    let has = if a.is_some() { first } else { osd };
                    findings.push(format!("{pair}: only osd.{} has {name}", has.0));
                }
            }
        }
    }
}
