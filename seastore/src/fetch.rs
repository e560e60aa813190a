//! Metadata and old data that have to be read before somebody can go on.

use crate::event::{CheckpointPart, Corrupt, ReadError, StoreEffect, StoreError, StoreEvent};
use crate::format::BLOCK;
use crate::meta::{is_group, is_onode};
use crate::page::PageKind;
use crate::pager::PageError;
use crate::pages::{PageId, Pages};
use crate::store::{Io, Miss, MissKind, Phase, Store};
use crate::touch::Needs;
use crate::txn::ObjectName;
use bytes::Bytes;
use std::collections::BTreeMap;
use types::hash::crc32c;
use types::node::{BLOCK_SIZE, IoError};
use types::{HObject, PoolId};

/// What is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FetchKey {
    Page(PageId),
    /// A block of data: place and checksum.
    Block(u32, u32),
}

/// Where an error concerns no object that is known.
pub(crate) fn nobody() -> ObjectName {
    HObject::head(PoolId(-1), "", "", "").into()
}

/// Who goes on when it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiter {
    Queue,
    Read(u64),
    User(u64),
    Cleaner,
    Mount,
}

/// Why it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FetchError {
    Io {
        key: FetchKey,
        device_offset: u64,
        error: IoError,
    },
    Corrupt {
        key: FetchKey,
        device_offset: u64,
        expected: u32,
        found: u32,
    },
    /// A page does not fit into its tree.
    Misfit {
        page: PageId,
    },
}
impl FetchError {
    /// Of what cannot be read, bytes from the device's start; 0 where that is not known.
    pub fn device_offset(&self) -> u64 {
        match self {
            Self::Io { device_offset, .. } | Self::Corrupt { device_offset, .. } => *device_offset,
            Self::Misfit { .. } => 0,
        }
    }
    /// For a mount, which cannot do without.
    pub fn as_store_error(&self) -> StoreError {
        match *self {
            Self::Io { device_offset, error, .. } => {
                StoreError::ReadFailed { device_offset, error }
            }
            Self::Corrupt { .. } | Self::Misfit { .. } => StoreError::CheckpointCorrupt {
                part: CheckpointPart::Page,
                device_offset: self.device_offset(),
                copy_offset: None,
            },
        }
    }
}

#[derive(Default)]
pub(crate) struct Fetching {
    waiters: BTreeMap<FetchKey, Vec<Waiter>>,
    /// What could not be read, while its waiters are told.
    failed: BTreeMap<FetchKey, FetchError>,
    /// Tokens that wait for the queue to be applied.
    after_queue: Vec<u64>,
    /// By token.
    injected: BTreeMap<u64, u64>,
}

impl Fetching {
    pub fn error_of(&self, needs: &Needs) -> Option<FetchError> {
        let pages = needs.pages.iter().map(|id| FetchKey::Page(*id));
        let blocks = needs.blocks.iter().map(|(place, crc)| FetchKey::Block(*place, *crc));
        let failed = pages.chain(blocks).find_map(|key| self.failed.get(&key).copied());
        failed.or(needs.corrupt.map(|page| FetchError::Misfit { page }))
    }
    /// The tokens that wait, which are forgotten.
    pub fn take_users(&mut self) -> Vec<u64> {
        let mut users = std::mem::take(&mut self.after_queue);
        for (_, waiters) in std::mem::take(&mut self.waiters) {
            users.extend(waiters.into_iter().filter_map(|waiter| match waiter {
                Waiter::User(token) => Some(token),
                _ => None,
            }));
        }
        users.extend(std::mem::take(&mut self.injected).into_keys());
        users
    }
    /// Reads that somebody waits for.
    pub fn under_way(&self) -> usize {
        self.waiters.len()
    }
    pub fn page_error(&self, id: PageId) -> Option<FetchError> {
        self.failed.get(&FetchKey::Page(id)).copied()
    }
}

impl Store {
    /// Asks for a thing once, whoever waits for it.
    pub(crate) fn want(&mut self, key: FetchKey, waiter: Waiter) {
        let (place, blocks) = match key {
            FetchKey::Page(id) => match self.meta.pager.place_of(id) {
                Some(place) => (place.addr, place.blocks as usize),
                // It is in memory by now: who asks again finds it.
                None => return,
            },
            FetchKey::Block(place, _) => (place, 1),
        };
        if let Some(waiters) = self.fetching.waiters.get_mut(&key) {
            if !waiters.contains(&waiter) {
                waiters.push(waiter);
            }
            return;
        }
        self.fetching.waiters.insert(key, vec![waiter]);
        self.counters.page_reads += 1;
        let segment = self.segments.of(place);
        self.segments.get(segment).readers += 1;
        let offset = self.journal.device_offset(place);
        self.read_device(Io::Fetch { key }, offset, blocks * BLOCK_SIZE);
    }

    pub(crate) fn fetch_for_queue(&mut self, needs: Needs) {
        for id in needs.pages {
            self.want(FetchKey::Page(id), Waiter::Queue);
        }
        for (place, crc) in needs.blocks {
            self.want(FetchKey::Block(place, crc), Waiter::Queue);
        }
    }

    /// Reads what an access missed. [`StoreEvent::Fetched`] with `token` follows.
    pub fn fetch(&mut self, miss: &Miss, token: u64, fx: &mut Vec<StoreEffect>) {
        if let Phase::Failed(e) = &self.phase {
            let result = Err(ReadError::Failed(*e));
            self.events.push(StoreEvent::Fetched { token, result });
            return;
        }
        match miss.0 {
            MissKind::Injected(key) => {
                self.fetching.injected.insert(token, key);
                // There is something to read on any device: the superblock.
                self.read_device(Io::Injected { token }, 0, BLOCK_SIZE);
            }
            MissKind::Page(id) if !self.meta.pager.is_resident(id) => {
                self.want(FetchKey::Page(id), Waiter::User(token));
            }
            MissKind::Corrupt(page) => {
                let error = self.read_error(None, &FetchError::Misfit { page });
                self.events.push(StoreEvent::Fetched { token, result: Err(error) });
            }
            MissKind::Queue if !self.queue.is_empty() => self.fetching.after_queue.push(token),
            _ => self.events.push(StoreEvent::Fetched { token, result: Ok(()) }),
        }
        fx.append(&mut self.out);
    }

    pub(crate) fn on_injected(&mut self, token: u64, result: Result<Bytes, IoError>) {
        // After a failure nobody waits any more.
        let Some(key) = self.fetching.injected.remove(&token) else { return };
        let device_offset = self.journal.device_offset(0);
        let result = match result {
            Ok(_) => {
                if let Some(misses) = &mut self.misses {
                    misses.get_mut().keep(key);
                }
                Ok(())
            }
            Err(error) => {
                let (object, page, error) = (None, 0, Some(error));
                Err(ReadError::Metadata { object, page, device_offset, error })
            }
        };
        self.events.push(StoreEvent::Fetched { token, result });
    }

    pub(crate) fn wake_after_queue(&mut self) {
        for token in std::mem::take(&mut self.fetching.after_queue) {
            self.events.push(StoreEvent::Fetched { token, result: Ok(()) });
        }
    }

    pub(crate) fn on_fetched(&mut self, key: FetchKey, result: Result<Bytes, IoError>) {
        let place = match key {
            FetchKey::Page(id) => self.meta.pager.place_of(id).map(|p| p.addr),
            FetchKey::Block(place, _) => Some(place),
        };
        let waiters = self.fetching.waiters.remove(&key).unwrap_or_default();
        let Some(place) = place else { return };
        let segment = self.segments.of(place);
        self.segments.reader_left(segment);
        if matches!(self.phase, Phase::Failed(_) | Phase::Closed) {
            return;
        }
        if let Err(error) = self.take_fetched(key, place, result) {
            self.fetching.failed.insert(key, error);
        }
        let error = self.fetching.failed.get(&key).copied();
        for waiter in waiters {
            match waiter {
                Waiter::Queue => self.drain_queue(),
                Waiter::Read(id) => {
                    self.continue_read(id);
                    // Transactions may have waited for it to see what it reads.
                    self.drain_queue();
                }
                Waiter::User(token) => {
                    let result = match &error {
                        None => Ok(()),
                        Some(error) => Err(self.read_error(None, error)),
                    };
                    self.events.push(StoreEvent::Fetched { token, result });
                }
                Waiter::Cleaner => self.continue_cleaner(),
                Waiter::Mount => self.continue_mount(key),
            }
        }
        self.fetching.failed.remove(&key);
    }

    fn take_fetched(
        &mut self,
        key: FetchKey,
        place: u32,
        result: Result<Bytes, IoError>,
    ) -> Result<(), FetchError> {
        let device_offset = self.journal.device_offset(place);
        let buf = result.map_err(|error| FetchError::Io { key, device_offset, error })?;
        let corrupt = |expected, found| FetchError::Corrupt { key, device_offset, expected, found };
        match key {
            FetchKey::Page(id) => {
                let crc = self.meta.pager.place_of(id).map_or(0, |p| p.crc);
                self.meta.pager.install(id, &buf).map_err(|error| match error {
                    PageError::Checksum { expected, found, .. } => corrupt(expected, found),
                    PageError::Malformed { .. } => corrupt(crc, crc),
                })?;
                let page = self.meta.pager.get(id).map_err(|_| corrupt(crc, crc))?;
                let leaf = page.level() == 0;
                let whole = (0..page.len()).all(|i| match page.kind() {
                    PageKind::Onode => !leaf || is_onode(page.value(i)),
                    PageKind::Lba => !leaf || is_group(page.value(i)),
                    PageKind::Omap => true,
                });
                if whole {
                    return Ok(());
                }
                self.meta.pager.reject(id);
                Err(corrupt(crc, crc))
            }
            FetchKey::Block(place, expected) => {
                let found = crc32c(!0, &buf);
                if found != expected || buf.len() as u64 != BLOCK {
                    return Err(corrupt(expected, found));
                }
                self.staged.insert(place, buf);
                Ok(())
            }
        }
    }

    /// The error of an operation on `object`.
    pub(crate) fn read_error(&self, object: Option<ObjectName>, error: &FetchError) -> ReadError {
        let metadata = |page: PageId, device_offset, error| ReadError::Metadata {
            object: object.clone(),
            page: page.0,
            device_offset,
            error,
        };
        match *error {
            FetchError::Misfit { page } => {
                let place = self.meta.pager.place_of(page).map_or(0, |p| p.addr);
                metadata(page, self.journal.device_offset(place), None)
            }
            FetchError::Io { key: FetchKey::Page(page), device_offset, error } => {
                metadata(page, device_offset, Some(error))
            }
            FetchError::Corrupt { key: FetchKey::Page(page), device_offset, .. } => {
                metadata(page, device_offset, None)
            }
            FetchError::Io { device_offset, error, .. } => {
                let object = object.unwrap_or_else(nobody);
                ReadError::Io { object, device_offset, error }
            }
            FetchError::Corrupt { device_offset, expected, found, .. } => {
                let object = object.unwrap_or_else(nobody);
                ReadError::Corrupt(Corrupt { object, device_offset, expected, found })
            }
        }
    }
}
