//! Read path: extents from memory or the device, every block checked.

use crate::event::*;
use crate::format::BLOCK;
use crate::onode::{Extent, PENDING, blocks_touched};
use crate::store::{Io, Phase, Store};
use crate::txn::ObjectName;
use bytes::Bytes;
use types::HObject;
use types::hash::crc32c;
use types::node::{BLOCK_SIZE, IoError};

/// Neighbouring extents are read together up to this many bytes.
const READ_BYTES_MAX: u64 = 4 << 20;

enum Part {
    Ready(Piece),
    Stored { io: usize, extent: Extent },
}

struct ReadIo {
    addr: u64,
    len: u64,
    buf: Option<Bytes>,
}

/// A read that waits for the device.
pub(crate) struct PendingRead {
    pub token: u64,
    object: ObjectName,
    parts: Vec<Part>,
    ios: Vec<ReadIo>,
    waiting: usize,
    error: Option<ReadError>,
}

/// A block that does not match its checksum: (index in the extent, expected, found).
pub(crate) fn check_blocks(extent: &Extent, blocks: &[u8]) -> Result<(), (usize, u32, u32)> {
    for (index, (block, expected)) in
        blocks.chunks(BLOCK_SIZE).zip(extent.crcs.as_slice()).enumerate()
    {
        let found = crc32c(!0, block);
        if found != *expected {
            return Err((index, *expected, found));
        }
    }
    Ok(())
}

/// The blocks of an extent within a buffer that begins at address `start`, and where in them the
/// extent begins.
pub(crate) fn blocks_of(extent: &Extent, start: u64) -> (std::ops::Range<usize>, usize) {
    let first = extent.addr / BLOCK * BLOCK;
    let from = (first - start) as usize;
    let len = blocks_touched(extent.addr, extent.len as u64) * BLOCK_SIZE;
    (from..from + len, (extent.addr - first) as usize)
}

impl Store {
    /// Reads up to `len` bytes at `offset`, as of now: later transactions do not change the answer.
    /// Transactions not yet durable are visible.
    pub fn read(
        &mut self,
        o: &HObject,
        offset: u64,
        len: u64,
        token: u64,
        fx: &mut Vec<StoreEffect>,
    ) -> Result<ReadStart, ReadError> {
        match &self.phase {
            Phase::Ready => {}
            Phase::Failed(e) => return Err(ReadError::Failed(*e)),
            _ => return Err(ReadError::NotMounted),
        }
        let onode = self.objects.get(o).ok_or(ReadError::NotFound)?;
        let object = onode.name.clone();
        let end = offset.saturating_add(len).min(onode.size);
        let (mut parts, mut ios) = (Vec::new(), Vec::<ReadIo>::new());
        let mut at = offset;
        for (from, extent) in onode.extents.overlapping(offset, end) {
            if from > at {
                parts.push(Part::Ready(Piece::Zeros(from - at)));
            }
            at = from + extent.len as u64;
            parts.push(match self.in_memory(&extent) {
                Some(data) => Part::Ready(Piece::Data(data)),
                None => {
                    self.add_io(&mut ios, &extent);
                    Part::Stored { io: ios.len() - 1, extent }
                }
            });
        }
        if end > at {
            parts.push(Part::Ready(Piece::Zeros(end - at)));
        }
        let mut read = PendingRead { token, object, parts, waiting: ios.len(), ios, error: None };
        if read.waiting == 0 {
            return self.finish_read(&mut read).map(ReadStart::Ready);
        }
        let id = self.next_read;
        self.next_read += 1;
        for (index, io) in read.ios.iter().enumerate() {
            let segment = self.segments.of(io.addr);
            self.segments.get(segment).readers += 1;
            let offset = self.device_offset(io.addr);
            let number = self.new_io(Io::Read { read: id, index });
            fx.push(StoreEffect::Read { io: number, offset, len: io.len as usize });
        }
        self.reads.insert(id, read);
        Ok(ReadStart::Pending)
    }

    /// Data that has no place yet or is on its way.
    fn in_memory(&self, extent: &Extent) -> Option<Bytes> {
        let len = extent.len as usize;
        let (start, buf) = if extent.is_pending() {
            let position = extent.addr & !PENDING;
            let (start, data) = self.queued_data.range(..=position).next_back()?;
            (*start | PENDING, data)
        } else {
            let (start, buf) = self.buffers.range(..=extent.addr).next_back()?;
            (*start, buf)
        };
        let at = (extent.addr - start) as usize;
        (at + len <= buf.len()).then(|| buf.slice(at..at + len))
    }

    fn add_io(&self, ios: &mut Vec<ReadIo>, extent: &Extent) {
        let addr = extent.addr / BLOCK * BLOCK;
        let end = addr + blocks_touched(extent.addr, extent.len as u64) as u64 * BLOCK;
        if let Some(last) = ios.last_mut() {
            let joins = addr >= last.addr
                && addr <= last.addr + last.len
                && end - last.addr <= READ_BYTES_MAX
                && self.segments.of(addr) == self.segments.of(last.addr);
            if joins {
                last.len = last.len.max(end - last.addr);
                return;
            }
        }
        ios.push(ReadIo { addr, len: end - addr, buf: None });
    }

    pub(crate) fn on_read(&mut self, id: u64, index: usize, result: Result<Bytes, IoError>) {
        // After a failure nobody waits any more.
        let Some(mut read) = self.reads.remove(&id) else { return };
        let io = &mut read.ios[index];
        let segment = self.segments.of(io.addr);
        self.segments.reader_left(segment);
        let wanted = io.len as usize;
        let device_offset = self.device_offset(io.addr);
        let io_error = match result {
            Ok(buf) if buf.len() == wanted => {
                io.buf = Some(buf);
                None
            }
            Ok(buf) => Some(IoError::Short { wanted, got: buf.len() }),
            Err(error) => Some(error),
        };
        if let Some(error) = io_error {
            let object = read.object.clone();
            read.error.get_or_insert(ReadError::Io { object, device_offset, error });
        }
        read.waiting -= 1;
        if read.waiting > 0 {
            self.reads.insert(id, read);
            return;
        }
        let result = self.finish_read(&mut read);
        self.events.push(StoreEvent::ReadDone { token: read.token, result });
    }

    fn finish_read(&self, read: &mut PendingRead) -> Result<ReadData, ReadError> {
        if let Some(error) = read.error.take() {
            return Err(error);
        }
        let mut pieces = Vec::with_capacity(read.parts.len());
        for part in read.parts.drain(..) {
            let (io, extent) = match part {
                Part::Ready(piece) => {
                    pieces.push(piece);
                    continue;
                }
                Part::Stored { io, extent } => (&read.ios[io], extent),
            };
            let buf = io.buf.as_ref().expect("every request has ended");
            let (blocks, skip) = blocks_of(&extent, io.addr);
            if let Err((index, expected, found)) = check_blocks(&extent, &buf[blocks.clone()]) {
                let device_offset =
                    self.device_offset(io.addr + blocks.start as u64) + index as u64 * BLOCK;
                let object = read.object.clone();
                return Err(ReadError::Corrupt(Corrupt { object, device_offset, expected, found }));
            }
            let from = blocks.start + skip;
            pieces.push(Piece::Data(buf.slice(from..from + extent.len as usize)));
        }
        Ok(ReadData { pieces })
    }
}
