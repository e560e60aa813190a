//! The MonMap, who is in the quorum, and who is connected.

use crate::kv::{self, KvMap};
use bytes::Bytes;
use maps::MonMap;
use std::collections::BTreeMap;
use types::enc::{Decode, Encode};
use types::{DecodeError, EntityKind, UTime};

/// Names of the bits of the MonMap's features.
const FEATURES: [&str; 8] = [
    "kraken",
    "luminous",
    "mimic",
    "osdmap-prune",
    "nautilus",
    "octopus",
    "pacific",
    "elector-pinging",
];

pub struct MonService {
    pub map: MonMap,
    pub encoded: Bytes,
    /// This monitor.
    pub name: String,
    /// The machine it runs on; empty if unknown.
    pub hostname: String,
    /// When this monitor took up its work.
    pub quorum_since: UTime,
    /// One while one monitor is all there is; grows with elections.
    pub election_epoch: u32,
    /// Kind of peer -> features -> sessions.
    pub sessions: BTreeMap<&'static str, BTreeMap<u64, u32>>,
}

impl MonService {
    /// `None`: the store holds no MonMap.
    pub fn load(store: &KvMap, name: &str, now: UTime) -> Result<Option<Self>, DecodeError> {
        let Some((_, bytes)) = kv::scan(store, "monmap").last() else { return Ok(None) };
        let map = MonMap::from_slice(bytes)?;
        Ok(Some(Self {
            encoded: map.to_vec().into(),
            map,
            name: name.to_owned(),
            hostname: String::new(),
            quorum_since: now,
            election_epoch: 1,
            sessions: BTreeMap::new(),
        }))
    }

    pub fn rank(&self) -> usize {
        self.map.rank_of(&self.name).unwrap_or(0)
    }

    pub fn on_session(&mut self, kind: EntityKind, features: u64) {
        *self.sessions.entry(kind.name()).or_default().entry(features).or_default() += 1;
    }

    pub fn on_session_gone(&mut self, kind: EntityKind, features: u64) {
        if let Some(counts) = self.sessions.get_mut(kind.name()) {
            if let Some(count) = counts.get_mut(&features) {
                *count = count.saturating_sub(1);
            }
            counts.retain(|_, count| *count > 0);
        }
    }
}

/// Names of a set of monitor features.
pub fn feature_names(features: u64) -> Vec<&'static str> {
    FEATURES
        .iter()
        .enumerate()
        .filter(|(bit, _)| features >> bit & 1 != 0)
        .map(|(_, n)| *n)
        .collect()
}
