//! Xattrs of one object, kept as they are stored: name and value blobs, ascending by name.

use crate::blob::{blob_bytes, get_blob, put_blob};
use types::enc::{DecodeError, Reader, Result};

/// Names with their values. One allocation holds them all: objects have few, and every write of the
/// OSD replaces one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Xattrs {
    bytes: Vec<u8>,
    count: u32,
}

/// Names and values in bytes that [`check_xattrs`] has passed.
pub(super) fn iter_xattrs(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut r = Reader::new(bytes);
    std::iter::from_fn(move || {
        if r.is_empty() {
            return None;
        }
        Some((get_blob(&mut r).ok()?, get_blob(&mut r).ok()?))
    })
}

/// Checks that `bytes` are `count` xattrs, ascending by name, each name once.
pub(super) fn check_xattrs(bytes: &[u8], count: u32) -> Result<()> {
    let mut r = Reader::new(bytes);
    let mut last: Option<&[u8]> = None;
    for index in 0..count {
        let name = get_blob(&mut r)?;
        get_blob(&mut r)?;
        if last.is_some_and(|last| last >= name) {
            return Err(DecodeError::Invalid { what: "order of xattr", value: index as u64 });
        }
        last = Some(name);
    }
    r.finish("xattrs")
}

impl Xattrs {
    /// Becomes what is in bytes that [`check_xattrs`] has passed.
    pub(super) fn load_checked(&mut self, bytes: &[u8], count: u32) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.count = count;
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
    pub fn count(&self) -> u32 {
        self.count
    }
    /// Names and values, ascending by name.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        iter_xattrs(&self.bytes)
    }
    #[cfg(test)]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// Where `name` is, or where it belongs, and what it takes there.
    fn find(&self, name: &[u8]) -> (usize, usize) {
        let mut at = 0;
        for (n, v) in self.iter() {
            let len = blob_bytes(n.len()) + blob_bytes(v.len());
            match n.cmp(name) {
                std::cmp::Ordering::Less => at += len,
                std::cmp::Ordering::Equal => return (at, len),
                std::cmp::Ordering::Greater => break,
            }
        }
        (at, 0)
    }

    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        let (at, old) = self.find(name);
        let new = blob_bytes(name.len()) + blob_bytes(value.len());
        if old == new {
            self.bytes[at + new - value.len()..at + new].copy_from_slice(value);
            return;
        }
        self.count += (old == 0) as u32;
        let mut pair = Vec::with_capacity(new);
        put_blob(&mut pair, name);
        put_blob(&mut pair, value);
        self.bytes.splice(at..at + old, pair);
    }

    /// Whether there was one.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let (at, old) = self.find(name);
        if old == 0 {
            return false;
        }
        self.bytes.drain(at..at + old);
        self.count -= 1;
        true
    }
}
