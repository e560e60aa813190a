//! Checkpoint: all objects as one stream of bytes, cut into checked chunks.
//!
//! A checkpoint is taken in steps while transactions go on. Each object carries the sequence of the
//! last record that changed it, so that replay from the checkpoint's start skips what an object
//! has already. docs/formats.md#checkpoint

use crate::delta::{get_extent, get_name, get_pg, put_extent, put_name, put_pg};
use crate::format::BLOCK;
use crate::objects::Objects;
use crate::onode::Onode;
use bytes::Bytes;
use types::Fsid;
use types::enc::{Reader, Result};
use types::hash::crc32c;
use types::node::aligned_buf;

const MAGIC: u32 = u32::from_le_bytes(*b"KSck");
pub(crate) const CHUNK_HEADER_BYTES: usize = 48;
/// Largest chunk, header included; also what one step of a checkpoint encodes, about.
pub(crate) const CHUNK_BYTES_MAX: u64 = 256 << 10;

/// Which chunk of which checkpoint of which shard of which store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChunkHome {
    pub store: Fsid,
    pub shard: u16,
    pub checkpoint: u64,
    pub index: u32,
}

/// ```text
/// | offset | size | field                              |
/// |      0 |    4 | magic "KSck"                       |
/// |      4 |    4 | crc32c (seed !0) of 8..48+n        |
/// |      8 |   16 | store uuid                         |
/// |     24 |    8 | checkpoint number                  |
/// |     32 |    4 | index of the chunk                 |
/// |     36 |    4 | n, bytes of the stream in it       |
/// |     40 |    2 | shard                              |
/// |     42 |    6 | 0                                  |
/// |     48 |    n | bytes of the stream; then zeros to the block bound |
/// ```
pub(crate) fn encode_chunk(home: &ChunkHome, payload: &[u8]) -> Bytes {
    let total = (CHUNK_HEADER_BYTES + payload.len()).next_multiple_of(BLOCK as usize);
    let mut b = aligned_buf(total);
    b.extend_from_slice(&MAGIC.to_le_bytes());
    b.extend_from_slice(&[0; 4]);
    b.extend_from_slice(&home.store.0);
    b.extend_from_slice(&home.checkpoint.to_le_bytes());
    b.extend_from_slice(&home.index.to_le_bytes());
    b.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    b.extend_from_slice(&home.shard.to_le_bytes());
    b.extend_from_slice(&[0; 6]);
    b.extend_from_slice(payload);
    let crc = crc32c(!0, &b[8..]);
    b[4..8].copy_from_slice(&crc.to_le_bytes());
    b.resize(total, 0);
    b.freeze()
}

/// The chunk's payload, or `None` if it is not whole.
pub(crate) fn decode_chunk<'a>(bytes: &'a [u8], home: &ChunkHome) -> Option<&'a [u8]> {
    let h = bytes.get(..CHUNK_HEADER_BYTES)?;
    let u32_at = |at: usize| u32::from_le_bytes(h[at..at + 4].try_into().expect("4 bytes"));
    let end = CHUNK_HEADER_BYTES + u32_at(36) as usize;
    let whole = u32_at(0) == MAGIC
        && h[8..24] == home.store.0
        && h[24..32] == home.checkpoint.to_le_bytes()
        && u32_at(32) == home.index
        && h[40..42] == home.shard.to_le_bytes()
        && end as u64 <= CHUNK_BYTES_MAX
        && end <= bytes.len()
        && u32_at(4) == crc32c(!0, &bytes[8..end]);
    whole.then(|| &bytes[CHUNK_HEADER_BYTES..end])
}

fn put_sized(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 8]);
    body(out);
    let len = (out.len() - at - 8) as u64;
    out[at..at + 8].copy_from_slice(&len.to_le_bytes());
}
fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}
fn get_bytes<'a>(r: &mut Reader<'a>) -> Result<&'a [u8]> {
    let len = r.u32()? as usize;
    r.take("bytes", len)
}

/// First item of the stream.
pub(crate) fn put_collections(out: &mut Vec<u8>, objects: &Objects) {
    put_sized(out, |out| {
        for (pg, bits) in &objects.collections {
            put_pg(out, pg);
            out.push(*bits);
        }
    });
}
fn get_collections(item: &[u8], objects: &mut Objects) -> Result<()> {
    let mut r = Reader::new(item);
    while !r.is_empty() {
        let pg = get_pg(&mut r)?;
        objects.collections.insert(pg, r.u8()?);
    }
    Ok(())
}

/// Every further item: one object.
pub(crate) fn put_onode(out: &mut Vec<u8>, onode: &Onode) {
    put_sized(out, |out| {
        put_name(out, &onode.name);
        out.extend_from_slice(&onode.size.to_le_bytes());
        out.extend_from_slice(&onode.sequence.to_le_bytes());
        put_bytes(out, onode.omap_header());
        out.extend_from_slice(&(onode.extents.len() as u32).to_le_bytes());
        for (offset, extent) in onode.extents.iter() {
            out.extend_from_slice(&offset.to_le_bytes());
            out.extend_from_slice(&extent.len.to_le_bytes());
            put_extent(out, extent);
        }
        out.extend_from_slice(&(onode.xattr_count() as u32).to_le_bytes());
        for (name, value) in onode.xattrs() {
            put_bytes(out, name);
            put_bytes(out, value);
        }
        out.extend_from_slice(&(onode.omap.len() as u32).to_le_bytes());
        for (key, value) in &onode.omap {
            put_bytes(out, key);
            put_bytes(out, value);
        }
    });
}
fn get_onode(item: &[u8], addr_end: u64) -> Result<Onode> {
    let mut r = Reader::new(item);
    let mut onode = Onode::new(get_name(&mut r)?.into());
    onode.size = r.u64()?;
    onode.sequence = r.u64()?;
    onode.set_omap_header(get_bytes(&mut r)?);
    for _ in 0..r.u32()? {
        let (offset, len) = (r.u64()?, r.u32()?);
        if let Some(extent) = get_extent(&mut r, len, addr_end)? {
            onode.extents.write(offset, extent, &mut |_, _| ());
        }
    }
    for _ in 0..r.u32()? {
        let name = get_bytes(&mut r)?;
        onode.set_xattr(name, get_bytes(&mut r)?);
    }
    for _ in 0..r.u32()? {
        let key = get_bytes(&mut r)?;
        onode.omap_set(key, get_bytes(&mut r)?);
    }
    r.finish("object")?;
    Ok(onode)
}

/// Rebuilds objects from a stream that comes in pieces.
#[derive(Default)]
pub(crate) struct StreamReader {
    carry: Vec<u8>,
    collections_read: bool,
    pub bytes: u64,
}
impl StreamReader {
    pub fn push(&mut self, payload: &[u8], objects: &mut Objects, addr_end: u64) -> Result<()> {
        self.bytes += payload.len() as u64;
        self.carry.extend_from_slice(payload);
        let mut at = 0;
        while let Some(head) = self.carry.get(at..at + 8) {
            let len = u64::from_le_bytes(head.try_into().expect("8 bytes"));
            let Some(item) = usize::try_from(len)
                .ok()
                .and_then(|len| (at + 8).checked_add(len))
                .and_then(|end| self.carry.get(at + 8..end))
            else {
                break;
            };
            at += 8 + item.len();
            if self.collections_read {
                let onode = get_onode(item, addr_end)?;
                if objects.id(&onode.name).is_none() {
                    objects.insert(onode);
                }
            } else {
                get_collections(item, objects)?;
                self.collections_read = true;
            }
        }
        self.carry.drain(..at);
        Ok(())
    }
    /// Whether the stream ended with an item.
    pub fn is_complete(&self) -> bool {
        self.carry.is_empty()
    }
}
