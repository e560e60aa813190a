//! Copying a whole object: the answer of copy-get (Ceph's `object_copy_data_t`), and the client side
//! that copy-from needs to fetch its source chunk by chunk ([`CopyFetch`]).

use super::engine::{Context, DONE, Fail, OpResult};
use super::errno;
use super::op::{Op, OpCode};
use super::{Change, Need, Piece};
use bytes::{Bytes, BytesMut};
use std::collections::BTreeMap;
use types::enc::{Decode, DecodeError, Encode, Reader, Result, put_blob, versioned};
use types::{ObjectLocator, ReqId, SnapId, UTime};

/// Bytes asked for per copy-get (Ceph's `osd_copyfrom_max_chunk`).
pub const COPY_CHUNK_BYTES: u64 = 8 << 20;

/// Which object a copy-from reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySource {
    pub name: String,
    pub locator: ObjectLocator,
    pub snap: SnapId,
    /// The user version that the source must have; 0 for any.
    pub version: u64,
    /// Op flags for the copy-get (fadvise bits).
    pub fadvise: u32,
}

/// The fetched source of a copy-from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copied {
    Object(CopiedObject),
    /// The source cannot be read: the errno, negative, that becomes the copy-from's result.
    Failed(i32),
}

impl Copied {
    /// Bytes of data and omap.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Failed(_) => 0,
            Self::Object(object) => {
                let data: usize = object.data.iter().map(Bytes::len).sum();
                let omap: usize = object.omap.iter().map(|(k, v)| k.len() + v.len()).sum();
                (data + omap) as u64
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CopiedObject {
    pub user_version: u64,
    pub mtime: UTime,
    pub data: Vec<Bytes>,
    /// By stored name (with its prefix), [`super::info::INFO_XATTR`] left out.
    pub xattrs: BTreeMap<Bytes, Bytes>,
    pub omap_header: Bytes,
    pub omap: Vec<(Bytes, Bytes)>,
    pub truncate_seq: u32,
    pub truncate_size: u64,
}

/// `object_copy_cursor_t`: how far a copy has come. 19 bytes and its key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CopyCursor {
    pub attr_complete: bool,
    pub data_offset: u64,
    pub data_complete: bool,
    /// The last key that was copied.
    pub omap_offset: Bytes,
    pub omap_complete: bool,
}

impl CopyCursor {
    pub fn is_complete(&self) -> bool {
        self.attr_complete && self.data_complete && self.omap_complete
    }
}
impl Encode for CopyCursor {
    fn encode(&self, out: &mut Vec<u8>) {
        versioned(out, 1, 1, |out| {
            self.attr_complete.encode(out);
            self.data_offset.encode(out);
            self.data_complete.encode(out);
            put_blob(out, &self.omap_offset);
            self.omap_complete.encode(out);
        })
    }
}
impl Decode for CopyCursor {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (_, mut r) = r.versioned("object_copy_cursor_t", 1)?;
        Ok(Self {
            attr_complete: r.bool()?,
            data_offset: r.u64()?,
            data_complete: r.bool()?,
            omap_offset: Bytes::copy_from_slice(r.blob()?),
            omap_complete: r.bool()?,
        })
    }
}

/// `object_copy_data_t` v8: one answer of copy-get.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CopyData {
    pub size: u64,
    pub mtime: UTime,
    /// Clients' names, without prefix.
    pub attrs: BTreeMap<Bytes, Bytes>,
    pub data: Bytes,
    pub omap: Vec<(Bytes, Bytes)>,
    pub cursor: CopyCursor,
    pub omap_header: Bytes,
    pub snap_seq: u64,
    /// 1: `data_digest` holds; 2: `omap_digest` holds.
    pub flags: u32,
    pub data_digest: u32,
    pub omap_digest: u32,
    /// Recent requests on the object and their user versions.
    pub reqids: Vec<(ReqId, u64)>,
    pub truncate_seq: u64,
    pub truncate_size: u64,
}

pub(super) fn put_pairs<'a>(
    out: &mut Vec<u8>,
    pairs: impl ExactSizeIterator<Item = (&'a Bytes, &'a Bytes)>,
) {
    (pairs.len() as u32).encode(out);
    for (key, value) in pairs {
        put_blob(out, key);
        put_blob(out, value);
    }
}

pub(super) fn take_pairs(r: &mut Reader<'_>) -> Result<Vec<(Bytes, Bytes)>> {
    let count = r.count("map", 8)?;
    let mut pairs = Vec::with_capacity(count);
    for _ in 0..count {
        let key = Bytes::copy_from_slice(r.blob()?);
        pairs.push((key, Bytes::copy_from_slice(r.blob()?)));
    }
    Ok(pairs)
}

impl Encode for CopyData {
    fn encode(&self, out: &mut Vec<u8>) {
        versioned(out, 8, 5, |out| {
            self.size.encode(out);
            self.mtime.encode(out);
            put_pairs(out, self.attrs.iter());
            put_blob(out, &self.data);
            let mut omap = Vec::new();
            if !self.omap.is_empty() {
                put_pairs(&mut omap, self.omap.iter().map(|(key, value)| (key, value)));
            }
            put_blob(out, &omap);
            self.cursor.encode(out);
            put_blob(out, &self.omap_header);
            0u32.encode(out); // snaps of a clone; a head has none
            self.snap_seq.encode(out);
            self.flags.encode(out);
            self.data_digest.encode(out);
            self.omap_digest.encode(out);
            self.reqids.encode(out);
            self.truncate_seq.encode(out);
            self.truncate_size.encode(out);
            0u32.encode(out); // errors by index of reqid
        })
    }
}
impl Decode for CopyData {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (version, mut r) = r.versioned("object_copy_data_t", 8)?;
        if version < 8 {
            return Err(DecodeError::Invalid {
                what: "object_copy_data_t version",
                value: version as u64,
            });
        }
        let size = r.u64()?;
        let mtime = r.get()?;
        let attrs = take_pairs(&mut r)?.into_iter().collect();
        let data = Bytes::copy_from_slice(r.blob()?);
        let mut omap_data = Reader::new(r.blob()?);
        let omap = if omap_data.is_empty() { Vec::new() } else { take_pairs(&mut omap_data)? };
        Ok(Self {
            size,
            mtime,
            attrs,
            data,
            omap,
            cursor: r.get()?,
            omap_header: Bytes::copy_from_slice(r.blob()?),
            snap_seq: {
                let _snaps: Vec<u64> = r.get()?;
                r.u64()?
            },
            flags: r.u32()?,
            data_digest: r.u32()?,
            omap_digest: r.u32()?,
            reqids: r.get()?,
            truncate_seq: r.u64()?,
            truncate_size: r.u64()?,
        })
    }
}

/// Fetches the source of one copy-from. Send [`CopyFetch::next_ops`] as a read of
/// [`CopyFetch::source`] to its primary (or execute it on this core), give the answer to
/// [`CopyFetch::on_reply`], and repeat until that returns the object.
#[derive(Debug)]
pub struct CopyFetch {
    source: CopySource,
    bytes_max: u64,
    cursor: CopyCursor,
    object: CopiedObject,
    fetched: u64,
}

impl CopyFetch {
    /// `bytes_max`: data and omap of the largest source that is accepted; bounds the memory of a
    /// copy. Ends with EFBIG beyond.
    pub fn new(source: CopySource, bytes_max: u64) -> Self {
        let object = CopiedObject { user_version: source.version, ..CopiedObject::default() };
        Self { source, bytes_max, cursor: CopyCursor::default(), object, fetched: 0 }
    }

    pub fn source(&self) -> &CopySource {
        &self.source
    }

    /// The ops of the next request. All chunks are of one version of the source: each asserts it
    /// once it is known.
    pub fn next_ops(&self) -> Vec<Op> {
        let mut ops = Vec::with_capacity(2);
        if self.object.user_version != 0 {
            let mut check = Op::new(OpCode::ASSERT_VERSION);
            check.args[8..16].copy_from_slice(&self.object.user_version.to_le_bytes());
            ops.push(check);
        }
        let mut get = Op::new(OpCode::COPY_GET);
        get.flags = self.source.fadvise;
        get.args[..8].copy_from_slice(&COPY_CHUNK_BYTES.to_le_bytes());
        let mut input = self.cursor.to_vec();
        COPY_CHUNK_BYTES.encode(&mut input);
        get.input = input.into();
        ops.push(get);
        ops
    }

    /// Takes the answer to [`Self::next_ops`]: the reply's `result`, the output of its last op and
    /// its `user_version`. `Some` when the copy has ended.
    pub fn on_reply(&mut self, result: i32, output: &[u8], user_version: u64) -> Option<Copied> {
        if result < 0 {
            return Some(Copied::Failed(result));
        }
        let Ok(chunk) = CopyData::from_slice(output) else {
            return Some(Copied::Failed(errno::EIO));
        };
        // A source that answers without moving its cursor would keep us asking for ever.
        if chunk.cursor == self.cursor && !chunk.cursor.is_complete() {
            return Some(Copied::Failed(errno::EIO));
        }
        if self.object.user_version == 0 {
            self.object.user_version = user_version;
        }
        let omap_bytes: usize = chunk.omap.iter().map(|(k, v)| k.len() + v.len()).sum();
        self.fetched += (chunk.data.len() + omap_bytes) as u64;
        if chunk.size > self.bytes_max || self.fetched > self.bytes_max {
            return Some(Copied::Failed(errno::EFBIG));
        }
        let object = &mut self.object;
        object.mtime = chunk.mtime;
        object.truncate_seq = chunk.truncate_seq as u32;
        object.truncate_size = chunk.truncate_size;
        for (name, value) in chunk.attrs {
            object.xattrs.insert(with_prefix(&name), value);
        }
        if !chunk.data.is_empty() {
            object.data.push(chunk.data);
        }
        if !chunk.omap_header.is_empty() {
            object.omap_header = chunk.omap_header;
        }
        object.omap.extend(chunk.omap);
        self.cursor = chunk.cursor;
        self.cursor.is_complete().then(|| Copied::Object(std::mem::take(&mut self.object)))
    }
}

/// A client's xattr `name` as it is stored.
pub(super) fn with_prefix(name: &[u8]) -> Bytes {
    let mut stored = BytesMut::with_capacity(name.len() + 1);
    stored.extend_from_slice(&[super::info::USER_PREFIX]);
    stored.extend_from_slice(name);
    stored.freeze()
}

/// Flags of copy-from: bits that Ceph 16 knows, and the one that gives truncate_seq and size.
const FLAGS_KNOWN: u8 = 0x3f;
pub(super) const FLAG_TRUNCATE_SEQ: u8 = 0x20;

impl Context<'_> {
    /// Input: cursor, then the most bytes to answer.
    pub fn copy_get(&self, input: &[u8], out: &mut Vec<Piece>) -> OpResult {
        let mut input = Reader::new(input);
        let mut cursor = CopyCursor::decode(&mut input)?;
        let mut left = input.u64()?.min(COPY_CHUNK_BYTES) as i64;
        let info = self.before.as_ref().ok_or(errno::ENOENT)?;
        let mut reply = CopyData {
            size: info.size,
            mtime: info.mtime,
            truncate_seq: info.truncate_seq as u64,
            truncate_size: info.truncate_size,
            data_digest: !0,
            omap_digest: !0,
            ..CopyData::default()
        };
        if !cursor.attr_complete {
            reply.attrs = self.client_xattrs()?.into_iter().collect();
            cursor.attr_complete = true;
        }
        if cursor.data_offset > info.size {
            return Err(errno::EINVAL.into());
        }
        if left > 0 && !cursor.data_complete {
            let range = self.stored(cursor.data_offset, left as u64)?;
            reply.data = self.bytes(range)?;
            left -= range.len as i64;
            cursor.data_offset += range.len;
            cursor.data_complete = cursor.data_offset == info.size;
        }
        if !info.has_omap {
            cursor.omap_complete = true;
        } else if left > 0 && cursor.data_complete && !cursor.omap_complete {
            if cursor.omap_offset.is_empty() {
                reply.omap_header = self.object.omap_header()?;
            }
            let after = cursor.omap_offset.clone();
            let after = (!after.is_empty()).then_some(&after[..]);
            let mut more = false;
            self.object.omap_scan(after, b"", &mut |key, value| {
                if left <= 0 {
                    more = true;
                    return false;
                }
                left -= (key.len() + value.len() + 8) as i64;
                reply.omap.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
                true
            })?;
            if let Some((key, _)) = reply.omap.last() {
                cursor.omap_offset = key.clone();
            }
            cursor.omap_complete = !more;
        }
        reply.cursor = cursor;
        out.push(Piece::Bytes(reply.to_vec().into()));
        DONE
    }

    /// Replaces the object by `source`, its version and mtime included.
    pub fn copy_from(
        &mut self,
        index: usize,
        code: OpCode,
        flags: u8,
        source: CopySource,
        truncate: Option<(u32, u64)>,
    ) -> OpResult {
        if code == OpCode::COPY_FROM2 && flags & !FLAGS_KNOWN != 0 {
            return Err(errno::EINVAL.into());
        }
        let target = &self.request.object;
        let source_key = if source.locator.key == source.name { "" } else { &source.locator.key };
        if source.name == target.name
            && source_key == target.key
            && source.locator.nspace == target.nspace
            && source.locator.pool == target.pool
            && source.snap == SnapId::HEAD
        {
            return Err(errno::EINVAL.into());
        }
        let copied = match self.object.copied(index) {
            None => return Err(Fail::Need(Need::Copy { op_index: index, source })),
            Some(Copied::Failed(errno)) => return Err(Fail::Refuse(*errno)),
            Some(Copied::Object(copied)) => copied,
        };
        if self.exists {
            self.change(Change::Remove);
        }
        self.exists = true;
        self.change(Change::Touch);
        let mut size = 0;
        for part in &copied.data {
            self.change(Change::Write { offset: size, data: part.clone() });
            size += part.len() as u64;
        }
        for (name, value) in &copied.xattrs {
            self.change(Change::SetXattr { name: name.clone(), value: value.clone() });
        }
        self.info.has_omap = !copied.omap.is_empty() || !copied.omap_header.is_empty();
        if !copied.omap_header.is_empty() {
            self.change(Change::OmapSetHeader { header: copied.omap_header.clone() });
        }
        if !copied.omap.is_empty() {
            self.change(Change::OmapSet { pairs: copied.omap.clone() });
        }
        (self.info.truncate_seq, self.info.truncate_size) =
            truncate.unwrap_or((copied.truncate_seq, copied.truncate_size));
        self.info.size = size;
        self.info.user_version = copied.user_version;
        self.info.mtime = copied.mtime;
        self.mtime = UTime::default();
        self.copied_user_version = Some(copied.user_version);
        DONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cursor: CopyCursor, data: &'static [u8]) -> CopyData {
        CopyData {
            size: 6,
            attrs: [(Bytes::from_static(b"a"), Bytes::from_static(b"1"))].into(),
            data: Bytes::from_static(data),
            omap: vec![(Bytes::from_static(b"k"), Bytes::from_static(b"v"))],
            cursor,
            omap_header: Bytes::from_static(b"h"),
            reqids: vec![(ReqId::default(), 4)],
            truncate_seq: 2,
            truncate_size: 3,
            ..CopyData::default()
        }
    }

    #[test]
    fn copy_data_round_trips() {
        let data = sample(CopyCursor { omap_offset: "k".into(), ..CopyCursor::default() }, b"abc");
        assert_eq!(CopyData::from_slice(&data.to_vec()), Ok(data));
    }

    #[test]
    fn a_copy_is_put_together_from_chunks_of_one_version() {
        let source = CopySource {
            name: "s".into(),
            locator: ObjectLocator::new(types::PoolId(1), ""),
            snap: SnapId::HEAD,
            version: 0,
            fadvise: 0,
        };
        let mut fetch = CopyFetch::new(source, 100);
        assert_eq!(fetch.next_ops().len(), 1);
        let half = CopyCursor { attr_complete: true, data_offset: 3, ..CopyCursor::default() };
        assert_eq!(fetch.on_reply(0, &sample(half, b"abc").to_vec(), 77), None);
        let ops = fetch.next_ops();
        assert_eq!(
            (ops.len(), u64::from_le_bytes(ops[0].args[8..16].try_into().unwrap())),
            (2, 77)
        );
        let end = CopyCursor {
            attr_complete: true,
            data_offset: 6,
            data_complete: true,
            omap_offset: Bytes::new(),
            omap_complete: true,
        };
        let Some(Copied::Object(object)) = fetch.on_reply(0, &sample(end, b"def").to_vec(), 77)
        else {
            panic!("the copy is complete");
        };
        assert_eq!(object.data.concat(), b"abcdef");
        assert_eq!(object.user_version, 77);
        assert!(object.xattrs.contains_key(&b"_a"[..]));
    }

    #[test]
    fn a_source_that_stands_still_ends_the_copy() {
        let source = CopySource {
            name: "s".into(),
            locator: ObjectLocator::new(types::PoolId(1), ""),
            snap: SnapId::HEAD,
            version: 0,
            fadvise: 0,
        };
        let mut fetch = CopyFetch::new(source, 100);
        let stuck = sample(CopyCursor::default(), b"").to_vec();
        assert_eq!(fetch.on_reply(0, &stuck, 1), Some(Copied::Failed(errno::EIO)));
    }
}
