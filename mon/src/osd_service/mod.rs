//! The OSDMap: its present, its recent past for those who lag, and the edits that make the next epoch.
//!
//! Handlers edit a copy ([`OsdService::edit`]); [`OsdService::stage`] turns what differs into one
//! Incremental for the next log entry; [`OsdService::apply`] takes it when it is committed. How OSDs
//! come and go is in [`liveness`].

mod diff;
pub mod liveness;

use crate::kv::{self, KvMap};
use bytes::Bytes;
use crush::CrushMap;
use maps::{Incremental, OsdMap};
use messenger::messages::OsdMapUpdate;
use serde_json::Value;
use std::collections::BTreeMap;
use std::rc::Rc;
use types::enc::{Decode, Encode};
use types::node::KvChange;
use types::{DecodeError, Epoch, UTime};

pub use liveness::{Boot, Liveness};

/// A full map is stored every so many epochs; those between are made from it.
const CHECKPOINT_EPOCHS: u32 = 64;
/// Epochs that are kept for OSDs and clients that lag. A multiple of the above.
const EPOCHS_KEPT: u32 = 512;
/// Maps in one message.
const MAPS_PER_MESSAGE: usize = 40;

pub struct OsdService {
    map: Rc<OsdMap>,
    crush: Rc<CrushMap>,
    /// `map` as it is encoded.
    full: Bytes,
    incrementals: BTreeMap<Epoch, Bytes>,
    checkpoints: BTreeMap<Epoch, Bytes>,
    edited: Option<Edited>,
    /// What each OSD said of itself at boot.
    metadata: BTreeMap<u32, Value>,
    staged_metadata: BTreeMap<u32, Option<Value>>,
    pub liveness: Liveness,
}

struct Edited {
    map: OsdMap,
    crush: CrushMap,
}

/// Why a stored or committed map cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OsdStoreError {
    /// The store holds no OSDMap: `mkfs` did not run or did not finish.
    NoMap,
    Decode(DecodeError),
    /// This epoch's incremental is missing or does not fit the map before it.
    Broken {
        epoch: Epoch,
    },
}
impl From<DecodeError> for OsdStoreError {
    fn from(e: DecodeError) -> Self {
        Self::Decode(e)
    }
}
impl std::fmt::Display for OsdStoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoMap => write!(f, "the store holds no OSDMap"),
            Self::Decode(e) => write!(f, "stored OSDMap: {e}"),
            Self::Broken { epoch } => write!(f, "the OSDMap of epoch {epoch} cannot be made"),
        }
    }
}
impl std::error::Error for OsdStoreError {}

fn epoch_of(name: &str) -> Option<Epoch> {
    name.parse().ok().map(Epoch)
}

impl OsdService {
    pub fn load(store: &KvMap) -> Result<Self, OsdStoreError> {
        let maps = |section| -> BTreeMap<Epoch, Bytes> {
            kv::scan(store, section)
                .filter_map(|(name, value)| Some((epoch_of(name)?, Bytes::copy_from_slice(value))))
                .collect()
        };
        let checkpoints = maps("osdmap/full");
        let incrementals = maps("osdmap/inc");
        let (_, newest) = checkpoints.last_key_value().ok_or(OsdStoreError::NoMap)?;
        let mut map = OsdMap::decode(newest)?;
        while let Some(bytes) = incrementals.get(&map.epoch.next()) {
            advance(&mut map, bytes)?;
        }
        let metadata = kv::scan(store, "osdmeta")
            .filter_map(|(name, v)| Some((name.parse().ok()?, serde_json::from_slice(v).ok()?)))
            .collect();
        Ok(Self {
            crush: Rc::new(CrushMap::from_slice(&map.crush_raw)?),
            full: map.encode().into(),
            map: Rc::new(map),
            incrementals,
            checkpoints,
            edited: None,
            metadata,
            staged_metadata: BTreeMap::new(),
            liveness: Liveness::default(),
        })
    }

    /// The committed map.
    pub fn map(&self) -> &Rc<OsdMap> {
        &self.map
    }
    pub fn crush(&self) -> &Rc<CrushMap> {
        &self.crush
    }
    pub fn epoch(&self) -> Epoch {
        self.map.epoch
    }
    /// The committed map, encoded.
    pub fn full(&self) -> &Bytes {
        &self.full
    }
    /// The oldest epoch from which a receiver can follow with incrementals alone.
    pub fn oldest(&self) -> Epoch {
        self.incrementals.keys().next().copied().unwrap_or(self.map.epoch)
    }
    /// The epoch that edits belong to.
    pub fn next_epoch(&self) -> Epoch {
        self.map.epoch.next()
    }

    /// The map as the edits of this turn leave it.
    pub fn view(&self) -> &OsdMap {
        self.edited.as_ref().map_or(&self.map, |e| &e.map)
    }
    /// The CRUSH map as the edits of this turn leave it.
    pub fn crush_view(&self) -> &CrushMap {
        self.edited.as_ref().map_or(&self.crush, |e| &e.crush)
    }

    /// The copy that becomes the next epoch.
    pub fn edit(&mut self) -> &mut OsdMap {
        &mut self.edited().map
    }
    /// The copy of the CRUSH map that becomes the next epoch's.
    pub fn edit_crush(&mut self) -> &mut CrushMap {
        &mut self.edited().crush
    }
    fn edited(&mut self) -> &mut Edited {
        self.edited.get_or_insert_with(|| Edited {
            map: (*self.map).clone(),
            crush: (*self.crush).clone(),
        })
    }

    /// Edits that were staged or not: something waits for the log.
    pub fn has_edits(&self) -> bool {
        self.edited.is_some() || !self.staged_metadata.is_empty()
    }

    pub fn metadata(&self, osd: u32) -> Option<&Value> {
        self.metadata.get(&osd)
    }
    /// Keeps what an OSD said of itself; `None` forgets it.
    pub fn set_metadata(&mut self, osd: u32, value: Option<Value>) {
        self.staged_metadata.insert(osd, value);
    }

    /// Changes for the next log entry: one incremental, or nothing if the edits cancel out.
    pub fn stage(&mut self, now: UTime, out: &mut Vec<KvChange>) -> Result<(), OsdStoreError> {
        for (osd, value) in std::mem::take(&mut self.staged_metadata) {
            out.push(match value {
                Some(value) => kv::put("osdmeta", &osd.to_string(), value.to_string().into_bytes()),
                None => kv::delete("osdmeta", &osd.to_string()),
            });
        }
        let Some(mut edited) = self.edited.take() else { return Ok(()) };
        if edited.crush != *self.crush {
            edited.map.crush_raw = edited.crush.to_vec().into();
        }
        let Some(mut inc) = diff::diff(&self.map, &edited.map, now) else { return Ok(()) };
        let mut next = (*self.map).clone();
        next.apply(&inc).map_err(|_| OsdStoreError::Broken { epoch: inc.epoch })?;
        let (full, crc) = next.encode_with_crc();
        inc.full_crc = crc;
        out.push(kv::put_number("osdmap/inc", inc.epoch.0 as u64, inc.encode()));
        if inc.epoch.0.is_multiple_of(CHECKPOINT_EPOCHS) {
            out.push(kv::put_number("osdmap/full", inc.epoch.0 as u64, full));
            self.stage_trim(inc.epoch, out);
        }
        Ok(())
    }

    /// Forgets epochs beyond what is kept, up to a checkpoint.
    fn stage_trim(&self, newest: Epoch, out: &mut Vec<KvChange>) {
        let floor = Epoch(newest.0.saturating_sub(EPOCHS_KEPT));
        let Some((checkpoint, _)) = self.checkpoints.range(..=floor).next_back() else { return };
        for epoch in self.checkpoints.range(..*checkpoint).map(|(e, _)| e) {
            out.push(kv::delete_number("osdmap/full", epoch.0 as u64));
        }
        for epoch in self.incrementals.range(..=*checkpoint).map(|(e, _)| e) {
            out.push(kv::delete_number("osdmap/inc", epoch.0 as u64));
        }
    }

    /// Takes one committed change.
    pub fn apply(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), OsdStoreError> {
        if let Some(epoch) = kv::name_in(key, "osdmap/inc").and_then(epoch_of) {
            let Some(value) = value else {
                self.incrementals.remove(&epoch);
                return Ok(());
            };
            let crush_before = self.map.crush_raw.clone();
            let map = Rc::make_mut(&mut self.map);
            advance(map, value)?;
            self.full = map.encode().into();
            if map.crush_raw != crush_before {
                self.crush = Rc::new(CrushMap::from_slice(&map.crush_raw)?);
            }
            self.incrementals.insert(epoch, Bytes::copy_from_slice(value));
        } else if let Some(epoch) = kv::name_in(key, "osdmap/full").and_then(epoch_of) {
            match value {
                Some(value) => {
                    self.checkpoints.insert(epoch, Bytes::copy_from_slice(value));
                }
                None => {
                    self.checkpoints.remove(&epoch);
                }
            }
        } else if let Some(osd) = kv::name_in(key, "osdmeta").and_then(|n| n.parse().ok()) {
            match value.and_then(|v| serde_json::from_slice(v).ok()) {
                Some(value) => drop(self.metadata.insert(osd, value)),
                None => drop(self.metadata.remove(&osd)),
            }
        }
        Ok(())
    }

    /// The map of an epoch that is still kept.
    pub fn map_at(&self, epoch: Epoch) -> Option<OsdMap> {
        if epoch == self.map.epoch {
            return Some((*self.map).clone());
        }
        if epoch > self.map.epoch {
            return None;
        }
        let (_, base) = self.checkpoints.range(..=epoch).next_back()?;
        let mut map = OsdMap::decode(base).ok()?;
        while map.epoch < epoch {
            let next = self.incrementals.get(&map.epoch.next())?;
            advance(&mut map, next).ok()?;
        }
        Some(map)
    }

    /// Messages that bring a receiver from `start`, the first epoch it lacks, to the present: all
    /// incrementals, or the full map for 0 and for what is no longer kept. Nothing if it is ahead.
    pub fn updates_from(&self, start: Epoch) -> Vec<OsdMapUpdate> {
        let newest = self.map.epoch;
        let update = |incrementals, fulls| OsdMapUpdate {
            fsid: self.map.fsid,
            incrementals,
            fulls,
            oldest: self.oldest(),
            newest,
        };
        if start > newest {
            return Vec::new();
        }
        if start.0 == 0 || !self.incrementals.contains_key(&start) {
            return vec![update(BTreeMap::new(), BTreeMap::from([(newest, self.full.clone())]))];
        }
        let wanted: Vec<_> = self.incrementals.range(start..=newest).collect();
        wanted
            .chunks(MAPS_PER_MESSAGE)
            .map(|chunk| {
                let maps = chunk.iter().map(|(epoch, bytes)| (**epoch, (*bytes).clone()));
                update(maps.collect(), BTreeMap::new())
            })
            .collect()
    }
}

fn advance(map: &mut OsdMap, incremental: &[u8]) -> Result<(), OsdStoreError> {
    let inc = Incremental::decode(incremental)?;
    let epoch = inc.epoch;
    map.apply(&inc).map_err(|_| OsdStoreError::Broken { epoch })
}

#[cfg(test)]
mod tests;
