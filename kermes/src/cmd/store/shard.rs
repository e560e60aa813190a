//! A shard of a device that no OSD uses, with many reads under way.

use anyhow::{Context, Result, bail};
use runtime::device::Device;
use seastore::{
    Finding, IoCompletion, Miss, MountReport, ObjectInfo, ObjectName, ObjectScan, ReadData,
    ReadError, ReadStart, Scanned, Store, StoreConfig, StoreEffect, StoreEvent, SubmitError,
    Superblock, Transaction,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use types::HObject;

/// Threads that read: so many requests are at the device.
const READERS: usize = 32;
/// Metadata in memory, bytes.
const CACHE_BYTES: usize = 256 << 20;
/// The token of the one thing that is waited for alone.
const ALONE: u64 = u64::MAX;

type Jobs = Sender<(u64, u64, usize, Sender<IoCompletion>)>;

/// A device, and threads that read from it.
pub struct Readers {
    pub device: Arc<Device>,
    jobs: Jobs,
}

impl Readers {
    pub fn new(device: Device) -> Self {
        let device = Arc::new(device);
        let (jobs, queue) = channel::<(u64, u64, usize, Sender<IoCompletion>)>();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..READERS {
            let (queue, device) = (queue.clone(), device.clone());
            std::thread::spawn(move || {
                loop {
                    let job = queue.lock().map_or(None, |queue| queue.recv().ok());
                    let Some((io, offset, len, done)) = job else { return };
                    let result = device.read(offset, len);
                    // Who asked may have given up.
                    let _ = done.send(IoCompletion::Read { io, result });
                }
            });
        }
        Self { device, jobs }
    }
}

/// What becomes of the store's writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// There are none: the device stays as it is. A damaged store shows what is left of it.
    Look,
    Change,
}

/// A read that has ended.
pub struct Done {
    pub token: u64,
    pub result: Result<ReadData, ReadError>,
}

/// One shard, mounted.
pub struct Shard<'a> {
    readers: &'a Readers,
    mode: Mode,
    pub store: Store,
    pub index: u16,
    fx: Vec<StoreEffect>,
    events: Vec<StoreEvent>,
    /// Reads at the device.
    reading: usize,
    sender: Sender<IoCompletion>,
    receiver: Receiver<IoCompletion>,
    done: VecDeque<Done>,
    fetched: BTreeMap<u64, Result<(), ReadError>>,
    durable: u64,
    pub report: MountReport,
    /// Objects that are not as they were at last, with the place that is damaged.
    pub outdated: BTreeMap<ObjectName, u64>,
    /// A damaged record, with which the journal ends: number and place.
    damaged: Option<(u64, u64)>,
}

/// The next of the objects, or why some of them cannot be read.
pub enum Next {
    Objects(Vec<(ObjectName, ObjectInfo)>),
    Lost(seastore::Finding),
    Done,
}

impl<'a> Shard<'a> {
    pub fn mount(
        readers: &'a Readers,
        superblock: Superblock,
        index: u16,
        mode: Mode,
    ) -> Result<Self> {
        let nonce = match mode {
            Mode::Look => 0,
            Mode::Change => {
                let seed = runtime::clock::seed()?;
                u64::from_le_bytes(seed[..8].try_into().expect("8 bytes"))
            }
        };
        let config = StoreConfig {
            cache_bytes: CACHE_BYTES,
            salvage: mode == Mode::Look,
            ..StoreConfig::new(superblock, index, nonce)
        };
        let (sender, receiver) = channel();
        let mut this = Self {
            readers,
            mode,
            store: Store::open(config),
            index,
            fx: Vec::new(),
            events: Vec::new(),
            reading: 0,
            sender,
            receiver,
            done: VecDeque::new(),
            fetched: BTreeMap::new(),
            durable: 0,
            report: MountReport::default(),
            outdated: BTreeMap::new(),
            damaged: None,
        };
        this.store.mount(&mut this.fx);
        loop {
            this.pump()?;
            for event in std::mem::take(&mut this.events) {
                match event {
                    StoreEvent::Mounted(report) => {
                        this.report = report;
                        return Ok(this);
                    }
                    StoreEvent::Failed(e) => return Err(e).context(format!("shard {index}")),
                    StoreEvent::Outdated { object, device_offset } => {
                        this.outdated.insert(object, device_offset);
                    }
                    StoreEvent::JournalDamaged { sequence, device_offset } => {
                        this.damaged = Some((sequence, device_offset));
                    }
                    _ => {}
                }
            }
        }
    }

    /// What is to be said of a damaged journal, then of objects that are outdated.
    pub fn outdated(&self) -> Vec<Finding> {
        let objects = self.outdated.keys().filter_map(|o| self.outdated_one(o));
        self.damaged_journal().into_iter().chain(objects).collect()
    }
    pub fn outdated_one(&self, o: &ObjectName) -> Option<Finding> {
        let device_offset = *self.outdated.get(o)?;
        let what = match self.damaged {
            Some((_, damaged)) if damaged == device_offset => {
                "what the journal changes in it is missing"
            }
            _ => "what the journal changes in it needs metadata that are damaged",
        };
        Some(Finding::new(what).of(o.clone()).at(device_offset))
    }
    /// All objects are concerned, known or not.
    pub fn damaged_journal(&self) -> Option<Finding> {
        let (sequence, device_offset) = self.damaged?;
        let known = self.outdated.values().filter(|at| **at == device_offset).count();
        let what = format!(
            "the journal is damaged: record {sequence} cannot be read, and all is as it was after \
             record {}; {known} objects are known to be outdated, others may be too",
            sequence - 1
        );
        Some(Finding::new(what).at(device_offset))
    }

    /// Hands the store's requests to the device and waits for at least one answer.
    fn pump(&mut self) -> Result<()> {
        let mut answered = false;
        for effect in std::mem::take(&mut self.fx) {
            let done = match effect {
                StoreEffect::Read { io, offset, len } => {
                    self.reading += 1;
                    let job = (io, offset, len, self.sender.clone());
                    self.readers.jobs.send(job).context("the readers have ended")?;
                    continue;
                }
                StoreEffect::Write { io, offset, buf, durable } => {
                    let result = match self.mode {
                        Mode::Look => Ok(()),
                        Mode::Change => self.readers.device.write(offset, &buf, durable),
                    };
                    IoCompletion::Write { io, result }
                }
                StoreEffect::Flush { io } => {
                    let result = match self.mode {
                        Mode::Look => Ok(()),
                        Mode::Change => self.readers.device.flush(),
                    };
                    IoCompletion::Flush { io, result }
                }
                StoreEffect::Discard { io, .. } => IoCompletion::Discard { io, result: Ok(()) },
                StoreEffect::Zone { io, offset, len, op } => {
                    let result = match self.mode {
                        Mode::Look => Ok(()),
                        Mode::Change => self.readers.device.zone_op(offset, len, op),
                    };
                    IoCompletion::Zone { io, result }
                }
                StoreEffect::ReportZones { io, offset, len } => {
                    let result = self.readers.device.report_zones(offset, len);
                    IoCompletion::Zones { io, result }
                }
            };
            answered = true;
            self.store.on_io(done, &mut self.events, &mut self.fx);
        }
        if !answered && self.reading > 0 {
            let done = self.receiver.recv().context("the readers have ended")?;
            self.reading -= 1;
            self.store.on_io(done, &mut self.events, &mut self.fx);
        }
        while let Ok(done) = self.receiver.try_recv() {
            self.reading -= 1;
            self.store.on_io(done, &mut self.events, &mut self.fx);
        }
        self.store.take_events(&mut self.events);
        self.sort_events();
        Ok(())
    }

    /// Puts away what somebody waits for by token.
    fn sort_events(&mut self) {
        for event in std::mem::take(&mut self.events) {
            match event {
                StoreEvent::ReadDone { token, result } => {
                    self.done.push_back(Done { token, result })
                }
                StoreEvent::Fetched { token, result } => drop(self.fetched.insert(token, result)),
                StoreEvent::Durable { token } => self.durable = self.durable.max(token),
                other => self.events.push(other),
            }
        }
    }

    /// Has all of these fetched at the same time; says which cannot be.
    pub fn fetch(&mut self, misses: &[Miss]) -> Result<Vec<(usize, ReadError)>> {
        self.store.trim_cache();
        for (token, miss) in misses.iter().enumerate() {
            self.store.fetch(miss, token as u64, &mut self.fx);
        }
        self.store.take_events(&mut self.events);
        self.sort_events();
        let mut failed = Vec::new();
        for token in 0..misses.len() {
            loop {
                match self.fetched.remove(&(token as u64)) {
                    Some(Ok(())) => break,
                    Some(Err(e)) => {
                        failed.push((token, e));
                        break;
                    }
                    None => self.pump()?,
                }
            }
        }
        Ok(failed)
    }

    /// Looks at metadata, and has fetched what is missing.
    pub fn look<T>(&mut self, look: impl Fn(&Store) -> Result<T, Miss>) -> Result<T> {
        loop {
            let miss = match look(&self.store) {
                Ok(seen) => return Ok(seen),
                Err(miss) => miss,
            };
            if let Some((_, e)) = self.fetch(&[miss])?.pop() {
                return Err(sentence(&e));
            }
        }
    }

    /// The next objects of a scan.
    pub fn next_objects(&mut self, scan: &mut ObjectScan) -> Result<Next> {
        loop {
            match self.store.scan_step(scan) {
                Scanned::Objects(found) => return Ok(Next::Objects(found)),
                Scanned::Lost(finding) => return Ok(Next::Lost(finding)),
                Scanned::Done => return Ok(Next::Done),
                Scanned::Fetch(misses) => {
                    for (i, error) in self.fetch(&misses)? {
                        scan.failed(&misses[i], error);
                    }
                }
            }
        }
    }

    /// Begins a read; [`Shard::next_read`] has the answer.
    pub fn begin_read(&mut self, o: &HObject, offset: u64, len: u64, token: u64) {
        match self.store.read(o, offset, len, token, &mut self.fx) {
            Ok(ReadStart::Pending) => {}
            Ok(ReadStart::Ready(data)) => self.done.push_back(Done { token, result: Ok(data) }),
            Err(e) => self.done.push_back(Done { token, result: Err(e) }),
        }
    }
    /// Waits for a read that has begun.
    pub fn next_read(&mut self) -> Result<Done> {
        loop {
            if let Some(done) = self.done.pop_front() {
                return Ok(done);
            }
            if self.fx.is_empty() && self.reading == 0 {
                bail!("shard {}: a read does not end", self.index);
            }
            self.pump()?;
        }
    }
    /// One read, while no other is under way.
    pub fn read(
        &mut self,
        o: &HObject,
        offset: u64,
        len: u64,
    ) -> Result<Result<ReadData, ReadError>> {
        self.begin_read(o, offset, len, ALONE);
        Ok(self.next_read()?.result)
    }

    /// Submits and returns when it is on stable media.
    pub fn commit(&mut self, txn: Transaction, token: u64) -> Result<()> {
        let mut txn = txn;
        let mut waits = 0;
        loop {
            match self.store.try_submit(&mut txn, token) {
                Ok(()) => break,
                Err(SubmitError::Busy) => {
                    waits += 1;
                    if waits > 1_000_000 {
                        bail!("shard {}: the store finds no room", self.index);
                    }
                    self.turn()?;
                }
                Err(e) => return Err(e).context(format!("shard {}", self.index)),
            }
        }
        while self.durable < token {
            self.turn()?;
            if let Some(StoreEvent::Refused { error, .. }) = self.take_event(
                |e| matches!(e, StoreEvent::Refused { token: refused, .. } if *refused == token),
            ) {
                return Err(sentence(&error));
            }
        }
        Ok(())
    }

    fn take_event(&mut self, is: impl Fn(&StoreEvent) -> bool) -> Option<StoreEvent> {
        let at = self.events.iter().position(is)?;
        Some(self.events.remove(at))
    }

    fn turn(&mut self) -> Result<()> {
        self.store.end_of_turn(&mut self.fx);
        self.store.take_events(&mut self.events);
        self.pump()?;
        if let Some(e) = self.store.failure() {
            return Err(e).context(format!("shard {}", self.index));
        }
        Ok(())
    }
}

/// An error that names an object stays with its thread; its sentence may go.
pub fn sentence(e: &ReadError) -> anyhow::Error {
    anyhow::anyhow!("{e}")
}
