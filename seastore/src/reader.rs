//! Read path: blocks from memory or the device, every one checked.

use crate::event::*;
use crate::fetch::{FetchError, FetchKey, Waiter};
use crate::format::BLOCK;
use crate::segments::Segments;
use crate::store::{Io, Miss, MissKind, Phase, Store, Waiting};
use crate::tree::TreeError;
use crate::txn::ObjectName;
use bytes::Bytes;
use types::HObject;
use types::hash::crc32c;
use types::node::{BLOCK_SIZE, IoError};

/// Neighbouring blocks are read together, up to this many.
const READ_BLOCKS_MAX: u32 = 1024;

/// The memory of so many plans is kept for later ones, if they have no more than so many parts.
const PLANS_KEPT: usize = 64;
const PLAN_PARTS_KEPT: usize = 64;

/// A run of blocks of the object.
enum Part {
    Hole {
        blocks: u32,
    },
    Memory(Bytes),
    /// `blocks` blocks from block `at` of a request on; their checksums from `crcs` on.
    Stored {
        io: usize,
        at: u32,
        blocks: u32,
        crcs: usize,
    },
}

struct ReadIo {
    place: u32,
    blocks: u32,
    buf: Option<Bytes>,
}

/// Where the blocks of a read are.
#[derive(Default)]
pub(crate) struct Plan {
    parts: Vec<Part>,
    ios: Vec<ReadIo>,
    crcs: Vec<u32>,
}

/// A read that waits for the device.
pub(crate) struct PendingRead {
    pub token: u64,
    pub object: ObjectName,
    offset: u64,
    len: u64,
    /// `None` while metadata are fetched.
    plan: Option<Plan>,
    /// What is answered, once the plan is made.
    end: u64,
    waiting: usize,
    error: Option<ReadError>,
    /// It waits in the queue for transactions before it.
    queued: bool,
    /// Its blocks shall be found in memory the next time.
    keep: bool,
}

impl PendingRead {
    pub fn is_planned(&self) -> bool {
        self.plan.is_some()
    }
    /// Transactions on its object have to wait until it has seen the object.
    pub fn comes_first(&self) -> bool {
        !self.is_planned() && !self.queued
    }
}

impl Store {
    /// Reads up to `len` bytes at `offset`, as of now: later transactions do not change the answer
    /// once metadata are in memory. Transactions not yet durable are visible.
    pub fn read(
        &mut self,
        o: &HObject,
        offset: u64,
        len: u64,
        token: u64,
        fx: &mut Vec<StoreEffect>,
    ) -> Result<ReadStart, ReadError> {
        self.begin_read(o, (offset, len), token, false, fx)
    }

    /// As [`Store::read`]; the blocks stay in memory, as long as half of the cache's budget has room
    /// for them. For data that will be read again, and that no client keeps.
    pub fn read_and_keep(
        &mut self,
        o: &HObject,
        offset: u64,
        len: u64,
        token: u64,
        fx: &mut Vec<StoreEffect>,
    ) -> Result<ReadStart, ReadError> {
        self.begin_read(o, (offset, len), token, true, fx)
    }

    fn begin_read(
        &mut self,
        o: &HObject,
        (offset, len): (u64, u64),
        token: u64,
        keep: bool,
        fx: &mut Vec<StoreEffect>,
    ) -> Result<ReadStart, ReadError> {
        match &self.phase {
            Phase::Ready => {}
            Phase::Failed(e) => return Err(ReadError::Failed(*e)),
            _ => return Err(ReadError::NotMounted),
        }
        let object: ObjectName = o.clone().into();
        let mut read = PendingRead {
            token,
            object,
            offset,
            len,
            plan: None,
            end: offset,
            waiting: 0,
            error: None,
            queued: false,
            keep,
        };
        // What was submitted before is seen, what comes later is not.
        let result = if self.settled(&read.object).is_err() {
            read.queued = true;
            let id = self.reads.insert(read);
            self.queue.push_back(Waiting::Read(id));
            self.unplanned += 1;
            None
        } else {
            self.try_read(read)
        };
        fx.append(&mut self.out);
        match result {
            Some(result) => result.map(ReadStart::Ready),
            None => Ok(ReadStart::Pending),
        }
    }

    /// The answer, if nothing has to be waited for.
    fn try_read(&mut self, mut read: PendingRead) -> Option<Result<ReadData, ReadError>> {
        let id = self.reads.next();
        let mut plan = self.spare_plans.pop().unwrap_or_default();
        match self.plan(&mut read, &mut plan) {
            Ok(true) => {
                read.waiting = plan.ios.len();
                if read.waiting == 0 {
                    let result = self.finish_read(&read, &plan);
                    self.put_aside(plan);
                    return Some(result);
                }
                for (index, io) in plan.ios.iter().enumerate() {
                    let segment = self.segments.of(io.place);
                    self.segments.get(segment).readers += 1;
                    let offset = self.journal.device_offset(io.place);
                    let len = io.blocks as usize * BLOCK_SIZE;
                    self.read_device(Io::Read { read: id, index }, offset, len);
                }
                read.plan = Some(plan);
            }
            Ok(false) => return Some(Err(ReadError::NotFound)),
            Err(MissKind::Page(page)) => {
                if let Some(error) = self.fetching.page_error(page) {
                    return Some(Err(self.read_error(Some(read.object), &error)));
                }
                self.want(FetchKey::Page(page), Waiter::Read(id));
            }
            Err(MissKind::Corrupt(page)) => {
                let error = FetchError::Misfit { page };
                return Some(Err(self.read_error(Some(read.object), &error)));
            }
            Err(MissKind::Queue | MissKind::Injected(_)) => {
                unreachable!("a plan is made of the trees alone")
            }
        }
        self.unplanned += !read.is_planned() as usize;
        self.reads.insert(read);
        None
    }

    /// Metadata that a read waited for came in, or did not.
    pub(crate) fn continue_read(&mut self, id: u64) {
        let Some(mut read) = self.reads.remove(id) else { return };
        self.unplanned -= 1;
        read.queued = false;
        let token = read.token;
        if let Some(result) = self.try_read(read) {
            self.events.push(StoreEvent::ReadDone { token, result });
        }
    }

    /// Where everything is, to a plan that is empty; `false` without the object.
    fn plan(&self, read: &mut PendingRead, plan: &mut Plan) -> Result<bool, MissKind> {
        let Some(onode) = self.meta.onode_ref(&read.object).map_err(|e| Miss::from(e).0)? else {
            return Ok(false);
        };
        read.end = read.offset.saturating_add(read.len).min(onode.size()).max(read.offset);
        if read.end == read.offset {
            return Ok(true);
        }
        let (first, end) = ((read.offset / BLOCK) as u32, read.end.div_ceil(BLOCK) as u32);
        let mut at = first;
        for run in onode.overlaps(first, end) {
            plan.hole(run.block - at);
            self.plan_run(plan, run.laddr, run.blocks).map_err(|e| Miss::from(e).0)?;
            at = run.block + run.blocks;
        }
        plan.hole(end - at);
        Ok(true)
    }

    /// Keeps the memory of a plan that is done with for another one.
    fn put_aside(&mut self, mut plan: Plan) {
        let small = plan.parts.capacity().max(plan.crcs.capacity()) <= PLAN_PARTS_KEPT;
        if small && self.spare_plans.len() < PLANS_KEPT {
            plan.parts.clear();
            plan.ios.clear();
            plan.crcs.clear();
            self.spare_plans.push(plan);
        }
    }

    fn plan_run(&self, plan: &mut Plan, laddr: u64, blocks: u32) -> Result<(), TreeError> {
        self.meta.blocks(laddr, blocks as u64, &mut |found| match found {
            None => plan.hole(1),
            Some((place, crc)) => match self.block_in_memory(place, crc) {
                Some(data) => plan.parts.push(Part::Memory(data)),
                None => plan.stored(place, crc, &self.segments),
            },
        })
    }

    fn block_in_memory(&self, place: u32, crc: u32) -> Option<Bytes> {
        self.journal.fresh_block(place).or_else(|| self.data_cache.get(place, crc))
    }

    pub(crate) fn on_read(&mut self, id: u64, index: usize, result: Result<Bytes, IoError>) {
        // After a failure nobody waits any more.
        let Some(read) = self.reads.get_mut(id) else { return };
        let Some(plan) = &mut read.plan else { return };
        let io = &mut plan.ios[index];
        let place = io.place;
        let error = match result {
            Ok(buf) => {
                io.buf = Some(buf);
                None
            }
            Err(error) => Some(error),
        };
        let segment = self.segments.of(place);
        self.segments.reader_left(segment);
        if let Some(error) = error {
            let object = read.object.clone();
            let device_offset = self.journal.device_offset(place);
            read.error.get_or_insert(ReadError::Io { object, device_offset, error });
        }
        read.waiting -= 1;
        if read.waiting > 0 {
            return;
        }
        let mut read = self.reads.remove(id).expect("it was there");
        let plan = read.plan.take().expect("a read of the device has one");
        let result = match read.error.take() {
            Some(error) => Err(error),
            None => self.finish_read(&read, &plan),
        };
        self.put_aside(plan);
        self.events.push(StoreEvent::ReadDone { token: read.token, result });
    }

    fn finish_read(&mut self, read: &PendingRead, plan: &Plan) -> Result<ReadData, ReadError> {
        let mut out =
            Cut { skip: read.offset % BLOCK, left: read.end - read.offset, pieces: vec![] };
        for part in &plan.parts {
            match part {
                Part::Hole { blocks } => out.zeros(*blocks as u64 * BLOCK),
                Part::Memory(data) => out.data(data.clone()),
                Part::Stored { io, at, blocks, crcs } => {
                    let io = &plan.ios[*io];
                    let buf = io.buf.as_ref().expect("every request has ended");
                    let from = *at as usize * BLOCK_SIZE;
                    let data = buf.slice(from..from + *blocks as usize * BLOCK_SIZE);
                    let expected = &plan.crcs[*crcs..*crcs + *blocks as usize];
                    let bad = data.chunks_exact(BLOCK_SIZE).zip(expected).enumerate().find_map(
                        |(i, (block, expected))| {
                            let found = crc32c(!0, block);
                            (found != *expected).then_some((i as u32, *expected, found))
                        },
                    );
                    if let Some((i, expected, found)) = bad {
                        let device_offset = self.journal.device_offset(io.place + at + i);
                        let object = read.object.clone();
                        let corrupt = Corrupt { object, device_offset, expected, found };
                        return Err(ReadError::Corrupt(corrupt));
                    }
                    if read.keep {
                        let places = io.place + at..;
                        let blocks = data.chunks_exact(BLOCK_SIZE).zip(expected);
                        for (place, (block, crc)) in places.zip(blocks) {
                            self.keep_block(place, *crc, block);
                        }
                    }
                    out.data(data);
                }
            }
        }
        Ok(ReadData { pieces: out.pieces })
    }
}

impl Plan {
    fn hole(&mut self, more: u32) {
        match self.parts.last_mut() {
            _ if more == 0 => {}
            Some(Part::Hole { blocks }) => *blocks += more,
            _ => self.parts.push(Part::Hole { blocks: more }),
        }
    }

    /// One block more, in the request before it if it lies behind that.
    fn stored(&mut self, place: u32, crc: u32, segments: &Segments) {
        self.crcs.push(crc);
        if let Some(last) = self.ios.last_mut() {
            let follows = last.place + last.blocks == place
                && last.blocks < READ_BLOCKS_MAX
                && segments.of(last.place) == segments.of(place);
            if follows {
                last.blocks += 1;
                let io = self.ios.len() - 1;
                let at = self.ios[io].blocks - 1;
                match self.parts.last_mut() {
                    Some(Part::Stored { io: of, blocks, .. }) if *of == io => *blocks += 1,
                    _ => {
                        let crcs = self.crcs.len() - 1;
                        self.parts.push(Part::Stored { io, at, blocks: 1, crcs });
                    }
                }
                return;
            }
        }
        self.ios.push(ReadIo { place, blocks: 1, buf: None });
        let (io, crcs) = (self.ios.len() - 1, self.crcs.len() - 1);
        self.parts.push(Part::Stored { io, at: 0, blocks: 1, crcs });
    }
}

/// Cuts whole blocks to what was asked for.
struct Cut {
    skip: u64,
    left: u64,
    pieces: Vec<Piece>,
}
impl Cut {
    fn zeros(&mut self, len: u64) {
        let take = (len - self.skip.min(len)).min(self.left);
        self.skip -= self.skip.min(len);
        self.left -= take;
        if take > 0 {
            self.pieces.push(Piece::Zeros(take));
        }
    }
    fn data(&mut self, data: Bytes) {
        let from = (self.skip as usize).min(data.len());
        let take = (data.len() - from).min(self.left as usize);
        self.skip -= from as u64;
        self.left -= take as u64;
        if take > 0 {
            self.pieces.push(Piece::Data(data.slice(from..from + take)));
        }
    }
}
