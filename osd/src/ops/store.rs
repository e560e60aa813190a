//! [`ObjectReader`] over the store of this core.

use super::copy::Copied;
use super::{DataRange, NeedData, ObjectInfo, ObjectReader, ObjectState, info};
use bytes::{Bytes, BytesMut};
use seastore::{Miss, Store};
use std::collections::BTreeMap;
use types::{Decode, HObject};

/// One object of `store`, with what was fetched for the message since its first attempt.
pub struct StoreReader<'a> {
    pub store: &'a Store,
    pub object: &'a HObject,
    /// Answers to [`super::Need::Data`].
    pub data: &'a BTreeMap<DataRange, Bytes>,
    /// Answers to [`super::Need::Copy`], by index of the op.
    pub copied: &'a BTreeMap<usize, Copied>,
}

impl ObjectReader for StoreReader<'_> {
    /// An object whose info cannot be decoded is treated as one without history: its data stay
    /// readable and its next write gives it a new info.
    fn state(&self) -> Result<Option<ObjectState>, Miss> {
        let Some(stored) = self.store.stat(self.object)? else { return Ok(None) };
        let info = self
            .store
            .xattr(self.object, info::INFO_XATTR)?
            .and_then(|bytes| ObjectInfo::from_slice(bytes).ok())
            .unwrap_or_else(|| ObjectInfo {
                size: stored.size,
                has_omap: stored.omap_count > 0 || stored.omap_header_bytes > 0,
                ..ObjectInfo::default()
            });
        Ok(Some(ObjectState { info }))
    }
    fn xattr(&self, stored_name: &[u8]) -> Result<Option<Bytes>, Miss> {
        Ok(self.store.xattr(self.object, stored_name)?.map(Bytes::copy_from_slice))
    }
    fn xattrs(&self) -> Result<Vec<(Bytes, Bytes)>, Miss> {
        let mut all = Vec::new();
        self.store.xattrs(self.object, &mut |name, value| {
            all.push((Bytes::copy_from_slice(name), Bytes::copy_from_slice(value)));
        })?;
        Ok(all)
    }
    fn omap_header(&self) -> Result<Bytes, Miss> {
        Ok(Bytes::copy_from_slice(self.store.omap_header(self.object)?))
    }
    fn omap_get(&self, key: &[u8]) -> Result<Option<Bytes>, Miss> {
        Ok(self.store.omap_get(self.object, key)?.map(Bytes::copy_from_slice))
    }
    fn omap_scan(
        &self,
        after: Option<&[u8]>,
        prefix: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Miss> {
        self.store.omap_scan(self.object, after, prefix, visit)
    }
    fn data(&self, range: DataRange) -> Result<Bytes, NeedData> {
        bytes_of(self.data, range).ok_or_else(|| NeedData { ranges: vec![range] })
    }
    fn copied(&self, op_index: usize) -> Option<&Copied> {
        self.copied.get(&op_index)
    }
}

/// The bytes of `range` if one of the pieces at hand holds all of it.
fn bytes_of(pieces: &BTreeMap<DataRange, Bytes>, range: DataRange) -> Option<Bytes> {
    let end = range.offset + range.len;
    let (piece, bytes) = pieces
        .iter()
        .find(|(piece, _)| piece.offset <= range.offset && piece.offset + piece.len >= end)?;
    // The store may answer less than was asked for; what is missing reads as zeros.
    let at = |offset: u64| ((offset - piece.offset) as usize).min(bytes.len());
    let found = bytes.slice(at(range.offset)..at(end));
    if found.len() as u64 == range.len {
        return Some(found);
    }
    let mut padded = BytesMut::from(&found[..]);
    padded.resize(range.len as usize, 0);
    Some(padded.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_from_the_piece_that_holds_it() {
        let range = |offset, len| DataRange { offset, len };
        let pieces =
            [(range(10, 4), Bytes::from_static(b"abc")), (range(20, 2), "xy".into())].into();
        assert_eq!(bytes_of(&pieces, range(11, 2)).as_deref(), Some(&b"bc"[..]));
        assert_eq!(bytes_of(&pieces, range(12, 2)).as_deref(), Some(&b"c\0"[..]));
        assert_eq!(bytes_of(&pieces, range(20, 2)).as_deref(), Some(&b"xy"[..]));
        assert_eq!(bytes_of(&pieces, range(19, 2)), None);
        assert_eq!(bytes_of(&pieces, range(20, 3)), None);
    }
}
