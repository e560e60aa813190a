//! Ops on an object's bytes and on its existence.

use super::engine::{Context, DONE, OpResult, UNCHANGED};
use super::*;
use bytes::BytesMut;

impl Context<'_> {
    /// The range that a read answers: cut at the object's end, and at the truncation that the client
    /// knows of and the object does not.
    fn read_range(&self, extent: Extent) -> Result<DataRange, engine::Fail> {
        let extent = without_no_truncation(extent);
        let mut size = self.info.size;
        if self.info.truncate_seq < extent.truncate_seq
            && extent.offset.saturating_add(extent.length) > extent.truncate_size
            && size > extent.truncate_size
        {
            size = extent.truncate_size;
        }
        let len = if extent.length == 0 { size } else { extent.length };
        if extent.offset >= size {
            return Ok(DataRange { offset: extent.offset, len: 0 });
        }
        self.stored(extent.offset, len.min(size - extent.offset))
    }

    pub fn read(&self, extent: Extent, out: &mut Vec<Piece>) -> OpResult {
        let range = self.read_range(extent)?;
        if range.len > 0 {
            out.push(Piece::Object(range));
        }
        DONE
    }

    fn stored_extents(&self, extent: Extent) -> Result<Vec<DataRange>, engine::Fail> {
        let range = self.stored(extent.offset, extent.length)?;
        Ok(if range.len == 0 { Vec::new() } else { self.object.extents(range) })
    }

    /// Output: map of offset to length, then the bytes of these extents as one blob.
    pub fn sparse_read(&self, extent: Extent, out: &mut Vec<Piece>) -> OpResult {
        let extent = without_no_truncation(extent);
        if extent.truncate_seq != 0 {
            return Err(errno::EINVAL.into());
        }
        let extents = self.stored_extents(extent)?;
        let mut head = encoded_extents(&extents);
        let len: u64 = extents.iter().map(|e| e.len).sum();
        (len as u32).encode(&mut head);
        out.push(Piece::Bytes(head.into()));
        out.extend(extents.into_iter().map(Piece::Object));
        DONE
    }

    pub fn map_extents(&self, extent: Extent, out: &mut Vec<Piece>) -> OpResult {
        out.push(Piece::Bytes(encoded_extents(&self.stored_extents(extent)?).into()));
        UNCHANGED
    }

    pub fn stat(&self, out: &mut Vec<Piece>) -> OpResult {
        if !self.exists {
            return Err(errno::ENOENT.into());
        }
        let mut reply = Vec::with_capacity(16);
        self.info.size.encode(&mut reply);
        self.info.mtime.encode(&mut reply);
        out.push(Piece::Bytes(reply.into()));
        UNCHANGED
    }

    /// Compares `data` with the object from `extent.offset` on; what the object lacks is zeros.
    pub fn compare_extent(&self, extent: Extent, data: &[u8]) -> OpResult {
        let mut size = self.info.size;
        if self.info.truncate_seq < extent.truncate_seq
            && extent.offset.saturating_add(extent.length) > extent.truncate_size
        {
            size = extent.truncate_size;
        }
        // What is compared with nothing is not read.
        let len = extent.length.min(size.saturating_sub(extent.offset)).min(data.len() as u64);
        let stored = if len == 0 || self.before.is_none() {
            Bytes::new()
        } else {
            self.bytes(self.read_range(Extent { length: len, ..extent })?)?
        };
        let byte_at = |i: usize| stored.get(i).copied().unwrap_or(0);
        match data.iter().enumerate().find(|(i, byte)| **byte != byte_at(*i)) {
            Some((i, _)) => Err((errno::MAX_ERRNO - i as i32).into()),
            None => DONE,
        }
    }

    /// A write that comes with a newer truncation first cuts the object; one with an older
    /// truncation than the object's must not make it longer again.
    pub fn write(&mut self, extent: Extent, mut data: Bytes) -> OpResult {
        let mut extent = without_no_truncation(extent);
        if extent.length != data.len() as u64 {
            return Err(errno::EINVAL.into());
        }
        let seq = self.info.truncate_seq;
        if seq != 0
            && seq > extent.truncate_seq
            && extent.offset.saturating_add(extent.length) > self.info.size
        {
            extent.length = self.info.size.saturating_sub(extent.offset);
            data.truncate(extent.length as usize);
        }
        if extent.truncate_seq > seq {
            if extent.truncate_size > self.limits.object_size_bytes_max {
                return Err(errno::EFBIG.into());
            }
            self.info.truncate_seq = extent.truncate_seq;
            self.info.truncate_size = extent.truncate_size;
            if self.exists {
                self.resize(extent.truncate_size);
            }
        }
        self.check_range(extent.offset, extent.length)?;
        self.create_if_missing();
        if data.is_empty() {
            if extent.offset > self.info.size {
                self.resize(extent.offset);
            }
            self.touched = true;
            return DONE;
        }
        let end = extent.offset + extent.length;
        self.change(Change::Write { offset: extent.offset, data });
        self.info.size = self.info.size.max(end);
        DONE
    }

    fn resize(&mut self, size: u64) {
        self.change(Change::Truncate { size });
        self.info.size = size;
    }

    /// Replaces all data. `len` is what the op says, and has to be right.
    pub fn write_full(&mut self, len: u64, data: Bytes) -> OpResult {
        if len != data.len() as u64 {
            return Err(errno::EINVAL.into());
        }
        self.check_range(0, len)?;
        self.create_if_missing();
        if len < self.info.size {
            self.resize(len);
        }
        if !data.is_empty() {
            self.change(Change::Write { offset: 0, data });
        }
        // Of an empty object that stays empty nothing changes, not even the version.
        self.info.size = len;
        DONE
    }

    pub fn append(&mut self, len: u64, data: Bytes) -> OpResult {
        let extent = Extent {
            offset: self.info.size,
            length: len,
            truncate_size: 0,
            truncate_seq: self.info.truncate_seq,
        };
        self.write(extent, data)
    }

    /// Writes `data` over and over until `len` bytes are filled.
    pub fn write_same(&mut self, offset: u64, len: u64, data: &Bytes, input: usize) -> OpResult {
        if len == 0 {
            return DONE;
        }
        if data.is_empty() || !len.is_multiple_of(data.len() as u64) || data.len() != input {
            return Err(errno::EINVAL.into());
        }
        self.check_range(offset, len)?;
        self.check_written(len)?;
        let mut all = BytesMut::with_capacity(len as usize);
        for _ in 0..len / data.len() as u64 {
            all.extend_from_slice(data);
        }
        let extent = Extent { offset, length: len, truncate_size: 0, truncate_seq: 0 };
        self.write(extent, all.freeze())
    }

    pub fn truncate(&mut self, extent: Extent) -> OpResult {
        let extent = without_no_truncation(extent);
        if !self.exists {
            return DONE;
        }
        self.check_range(extent.offset, extent.length)?;
        if extent.truncate_seq != 0 {
            if extent.offset != extent.truncate_size {
                return Err(errno::EINVAL.into());
            }
            if extent.truncate_seq <= self.info.truncate_seq {
                return DONE;
            }
            self.info.truncate_seq = extent.truncate_seq;
            self.info.truncate_size = extent.truncate_size;
        }
        self.resize(extent.offset);
        DONE
    }

    /// Zeroing up to or beyond the object's end cuts it there; all of it beyond the end does
    /// nothing. Ceph's OSD aborts on length 0.
    pub fn zero(&mut self, extent: Extent) -> OpResult {
        let extent = without_no_truncation(extent);
        let max = self.limits.object_size_bytes_max;
        if extent.length == 0 {
            return Err(errno::EINVAL.into());
        }
        if self.exists
            && extent.offset < max
            && extent.length <= max
            && extent.offset + extent.length >= self.info.size
        {
            if extent.offset >= self.info.size {
                return UNCHANGED;
            }
            return self.truncate(extent);
        }
        self.check_range(extent.offset, extent.length)?;
        if self.exists {
            self.change(Change::Zero { offset: extent.offset, len: extent.length });
        }
        DONE
    }

    pub fn delete(&mut self) -> OpResult {
        if !self.exists {
            return Err(errno::ENOENT.into());
        }
        self.change(Change::Remove);
        self.exists = false;
        self.info.size = 0;
        DONE
    }

    pub fn create(&mut self, exclusive: bool) -> OpResult {
        if self.exists && exclusive {
            return Err(errno::EEXIST.into());
        }
        self.create_if_missing();
        self.touched = true;
        DONE
    }

    pub fn set_alloc_hint(&mut self, object_size: u64, write_size: u64, flags: u32) -> OpResult {
        self.create_if_missing();
        self.info.expected_object_size = object_size;
        self.info.expected_write_size = write_size;
        self.info.alloc_hint_flags = flags;
        self.touched = true;
        DONE
    }
}

/// Truncation 1 at -1 is how a CephFS client says that there never was one.
fn without_no_truncation(extent: Extent) -> Extent {
    if extent.truncate_seq == 1 && extent.truncate_size == u64::MAX {
        return Extent { truncate_seq: 0, truncate_size: 0, ..extent };
    }
    extent
}

fn encoded_extents(extents: &[DataRange]) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + 16 * extents.len());
    (extents.len() as u32).encode(&mut out);
    for extent in extents {
        extent.offset.encode(&mut out);
        extent.len.encode(&mut out);
    }
    out
}
