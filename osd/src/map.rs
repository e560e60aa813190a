//! The OSDMap as this core sees it, and recent epochs to pass on to those who lag.

use crate::pg::MapView;
use crate::pg::interval::{Mapping, Member};
use bytes::Bytes;
use maps::{Incremental, OsdMap};
use messenger::messages::OsdMapUpdate;
use std::collections::BTreeMap;
use std::rc::Rc;
use types::{EntityAddrVec, Epoch, OsdId, PgId, PoolId};

/// Incrementals that are kept to pass on; who lags more gets the full map.
const HISTORY_MAX: usize = 500;
/// Incrementals in one message.
const SHARE_MAX: u32 = 100;

/// The newest map and the way to it.
#[derive(Debug, Default)]
pub struct MapHistory {
    map: Option<Rc<OsdMap>>,
    incrementals: BTreeMap<Epoch, Bytes>,
    full: Option<(Epoch, Bytes)>,
}

/// One epoch forward.
#[derive(Debug)]
pub struct Step {
    pub map: Rc<OsdMap>,
    /// Epochs before it were never seen.
    pub gap: bool,
    /// Pools that this very epoch made.
    pub new_pools: Vec<PoolId>,
}

impl MapHistory {
    pub fn map(&self) -> Option<&Rc<OsdMap>> {
        self.map.as_ref()
    }
    pub fn epoch(&self) -> Epoch {
        self.map.as_ref().map_or(Epoch(0), |m| m.epoch)
    }

    /// Starts from a stored map.
    pub fn set(&mut self, map: OsdMap) {
        self.map = Some(Rc::new(map));
    }

    /// Epochs of `update` that follow what is known, in order; `None` when there is no more.
    /// Errors name the epoch that cannot be read: a full map is needed.
    pub fn step(&mut self, update: &OsdMapUpdate) -> Result<Option<Step>, Epoch> {
        let epoch = self.epoch();
        let next = epoch.next();
        if self.map.is_some()
            && let Some(bytes) = update.incrementals.get(&next)
        {
            let inc = Incremental::decode(bytes).map_err(|_| next)?;
            let mut map = self.map.take().expect("there is a map");
            let applied = Rc::make_mut(&mut map).apply(&inc);
            self.map = Some(map.clone());
            if applied.is_err() {
                self.map = None;
                return Err(next);
            }
            // Own memory: the message's buffer is larger.
            self.incrementals.insert(next, Bytes::copy_from_slice(bytes));
            if self.incrementals.len() > HISTORY_MAX {
                self.incrementals.pop_first();
            }
            let new_pools = inc
                .new_pools
                .keys()
                .copied()
                .filter(|id| map.pools.get(id).is_some_and(|p| p.last_change == next))
                .filter(|id| inc.new_pool_names.contains_key(id))
                .collect();
            return Ok(Some(Step { map, gap: false, new_pools }));
        }
        // The oldest full map that leads further: fewest epochs are skipped.
        let Some((at, bytes)) = update.fulls.range(next..).next() else { return Ok(None) };
        let map = OsdMap::decode(bytes).map_err(|_| *at)?;
        let gap = epoch != Epoch(0) && *at != next;
        if gap {
            self.incrementals.clear();
        }
        let map = Rc::new(map);
        self.map = Some(map.clone());
        Ok(Some(Step { map, gap, new_pools: Vec::new() }))
    }

    /// What brings a peer at `from` forward; `None` if it is up to date.
    pub fn share(&mut self, from: Epoch) -> Option<OsdMapUpdate> {
        let map = self.map.clone()?;
        if from >= map.epoch {
            return None;
        }
        let mut update = OsdMapUpdate {
            fsid: map.fsid,
            incrementals: BTreeMap::new(),
            fulls: BTreeMap::new(),
            oldest: self.incrementals.first_key_value().map_or(map.epoch, |(e, _)| *e),
            newest: map.epoch,
        };
        if from != Epoch(0) && self.incrementals.contains_key(&from.next()) {
            let range = from.next()..Epoch(from.0.saturating_add(SHARE_MAX + 1));
            update.incrementals =
                self.incrementals.range(range).map(|(e, b)| (*e, b.clone())).collect();
        } else {
            if self.full.as_ref().is_none_or(|(e, _)| *e != map.epoch) {
                self.full = Some((map.epoch, map.encode().into()));
            }
            update.fulls.extend(self.full.clone());
        }
        Some(update)
    }
}

/// What PGs ask about one epoch.
#[derive(Debug, Clone)]
pub struct View {
    pub map: Rc<OsdMap>,
    pub booted: bool,
}

/// Whether `map` shows the OSD as up, at these addresses.
pub fn shows_up(map: &OsdMap, osd: OsdId, addrs: &EntityAddrVec) -> bool {
    let same = |a: &EntityAddrVec| a.msgr2() == addrs.msgr2() && addrs.msgr2().is_some();
    map.is_up(osd) && map.client_addrs(osd).is_some_and(same)
}

impl MapView for View {
    fn epoch(&self) -> Epoch {
        self.map.epoch
    }
    fn mapping(&self, pg: PgId) -> Option<Mapping> {
        let pool = self.map.pools.get(&pg.pool)?;
        if pg.seed >= pool.pg_num {
            return None;
        }
        let found = self.map.pg_to_up_acting(pg);
        let member = |osd: &i32| {
            let osd = OsdId(u32::try_from(*osd).ok()?);
            let up_from = self.map.info_of(osd)?.up_from;
            Some(Member { osd, up_from })
        };
        Some(Mapping {
            up: found.up.iter().filter_map(member).collect(),
            acting: found.acting.iter().filter_map(member).collect(),
            primary: found.primary(),
            size: pool.size as u32,
            pg_num: pool.pg_num,
        })
    }
    fn is_up(&self, osd: OsdId) -> bool {
        self.map.is_up(osd)
    }
    fn down_at(&self, osd: OsdId) -> Epoch {
        self.map.info_of(osd).map_or(Epoch(0), |i| i.down_at)
    }
    fn osds(&self) -> Vec<OsdId> {
        // An OSD that has never been up has nothing.
        let born = |o: &OsdId| self.map.info_of(*o).is_some_and(|i| i.up_from > Epoch(0));
        self.map.osds().filter(born).collect()
    }
    fn booted(&self) -> bool {
        self.booted
    }
    fn died_before_pool(&self, osd: OsdId, pool: PoolId) -> bool {
        let Some(pool) = self.map.pools.get(&pool) else { return false };
        let Some(extra) = self.map.xinfo.get(osd.0 as usize) else { return false };
        self.map.is_down(osd) && extra.down_stamp < pool.create_time
    }
}
