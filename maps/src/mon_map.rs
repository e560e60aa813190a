//! The MonMap: which monitors there are and where they answer.

use crate::release::Release;
use std::collections::{BTreeMap, BTreeSet};
use types::enc::{Decode, Encode, Reader, Result, versioned};
use types::{EntityAddrVec, Epoch, Fsid, UTime};

/// Monitor features of Pacific (`mon_feature_t`): kraken .. pacific, osdmap-prune and pinging.
pub const MON_FEATURES_PACIFIC: u64 = 0xff;

/// One monitor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MonInfo {
    pub name: String,
    pub addrs: EntityAddrVec,
    pub priority: u16,
    pub weight: u16,
    pub crush_location: BTreeMap<String, String>,
}

/// `MonMap`, version 9.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonMap {
    pub fsid: Fsid,
    pub epoch: Epoch,
    pub last_changed: UTime,
    pub created: UTime,
    pub persistent_features: u64,
    pub optional_features: u64,
    /// By name.
    pub mons: BTreeMap<String, MonInfo>,
    /// Names in order of rank. The same names as `mons`.
    pub ranks: Vec<String>,
    pub min_mon_release: Release,
    pub removed_ranks: BTreeSet<u32>,
    /// 1 classic, 2 disallow, 3 connectivity.
    pub election_strategy: u8,
    pub disallowed_leaders: BTreeSet<String>,
    pub stretch_mode: bool,
    pub tiebreaker: String,
    pub stretch_marked_down: BTreeSet<String>,
}

impl MonMap {
    /// A Pacific cluster's first map: epoch 0 before monitors agree, no monitor yet.
    pub fn new(fsid: Fsid, now: UTime) -> Self {
        Self {
            fsid,
            epoch: Epoch(0),
            last_changed: now,
            created: now,
            persistent_features: 0,
            optional_features: 0,
            mons: BTreeMap::new(),
            ranks: Vec::new(),
            min_mon_release: Release::UNKNOWN,
            removed_ranks: BTreeSet::new(),
            election_strategy: 1,
            disallowed_leaders: BTreeSet::new(),
            stretch_mode: false,
            tiebreaker: String::new(),
            stretch_marked_down: BTreeSet::new(),
        }
    }

    /// Adds a monitor as the last rank. False if the name is taken.
    pub fn add(&mut self, name: &str, addrs: EntityAddrVec) -> bool {
        if self.mons.contains_key(name) {
            return false;
        }
        let info = MonInfo { name: name.to_owned(), addrs, ..MonInfo::default() };
        self.mons.insert(name.to_owned(), info);
        self.ranks.push(name.to_owned());
        true
    }

    pub fn rank_of(&self, name: &str) -> Option<usize> {
        self.ranks.iter().position(|n| n == name)
    }

    pub fn by_rank(&self, rank: usize) -> Option<&MonInfo> {
        self.mons.get(self.ranks.get(rank)?)
    }
}

fn put_features(out: &mut Vec<u8>, features: u64) {
    versioned(out, 1, 1, |out| features.encode(out));
}

fn get_features(r: &mut Reader<'_>) -> Result<u64> {
    r.versioned("mon_feature_t", 1)?.1.u64()
}

impl Encode for MonInfo {
    fn encode(&self, out: &mut Vec<u8>) {
        // Readers without crush_location (before version 4) must not lose it.
        let compat = if self.crush_location.is_empty() { 1 } else { 4 };
        versioned(out, 5, compat, |out| {
            self.name.encode(out);
            self.addrs.encode(out);
            self.priority.encode(out);
            self.weight.encode(out);
            self.crush_location.encode(out);
        })
    }
}

impl Decode for MonInfo {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (version, mut r) = r.versioned("mon_info_t", 5)?;
        Ok(Self {
            name: r.get()?,
            addrs: r.get()?,
            priority: if version >= 2 { r.u16()? } else { 0 },
            weight: if version >= 4 { r.u16()? } else { 0 },
            crush_location: if version >= 5 { r.get()? } else { BTreeMap::new() },
        })
    }
}

impl Encode for MonMap {
    fn encode(&self, out: &mut Vec<u8>) {
        versioned(out, 9, 6, |out| {
            self.fsid.encode(out);
            self.epoch.encode(out);
            self.last_changed.encode(out);
            self.created.encode(out);
            put_features(out, self.persistent_features);
            put_features(out, self.optional_features);
            self.mons.encode(out);
            self.ranks.encode(out);
            self.min_mon_release.0.encode(out);
            self.removed_ranks.encode(out);
            self.election_strategy.encode(out);
            self.disallowed_leaders.encode(out);
            self.stretch_mode.encode(out);
            self.tiebreaker.encode(out);
            self.stretch_marked_down.encode(out);
        })
    }
}

impl Decode for MonMap {
    /// Reads versions 6 (Nautilus) and later. Ranks that name no monitor are refused.
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (version, mut r) = crate::codec::versioned_since(r, "MonMap", 9, 6)?;
        let mut map = Self {
            fsid: r.get()?,
            epoch: r.get()?,
            last_changed: r.get()?,
            created: r.get()?,
            persistent_features: get_features(&mut r)?,
            optional_features: get_features(&mut r)?,
            mons: r.get()?,
            ranks: r.get()?,
            ..Self::new(Fsid::default(), UTime::default())
        };
        if version >= 7 {
            map.min_mon_release = Release(r.u8()?);
        }
        if version >= 8 {
            map.removed_ranks = r.get()?;
            map.election_strategy = r.u8()?;
            map.disallowed_leaders = r.get()?;
        }
        if version >= 9 {
            map.stretch_mode = r.bool()?;
            map.tiebreaker = r.get()?;
            map.stretch_marked_down = r.get()?;
        }
        let unknown = map.ranks.iter().position(|name| !map.mons.contains_key(name));
        if let Some(rank) = unknown {
            let value = rank as u64;
            return Err(types::DecodeError::Invalid { what: "rank without a monitor", value });
        }
        Ok(map)
    }
}
