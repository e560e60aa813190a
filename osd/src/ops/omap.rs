//! Ops on an object's omap: its sorted keys and values, and its header.

use super::engine::{Context, DONE, Fail, OpResult, UNCHANGED};
use super::*;
use messenger::messages::op::cmp_op;
use seastore::{OMAP_KEY_BYTES_MAX, VALUE_BYTES_MAX};
use std::collections::{BTreeMap, BTreeSet};
use types::enc::put_blob;

impl Context<'_> {
    /// Walks pairs after `after` that start with `prefix`, at most `max` of them, and encodes what
    /// `put` writes: a count, the items, and whether more are left.
    fn omap_walk(
        &self,
        after: &[u8],
        prefix: &[u8],
        max: u64,
        out: &mut Vec<Piece>,
        put: impl Fn(&mut Vec<u8>, &[u8], &[u8]),
    ) -> OpResult {
        let max = max.min(self.limits.omap_entries_per_get_max);
        let bytes_max = self.limits.omap_bytes_per_get_max.min(self.limits.read_bytes_max / 2);
        let (mut count, mut items, mut more) = (0u32, Vec::new(), false);
        if self.info.has_omap {
            if self.before.is_none() {
                return Err(errno::ENOENT.into());
            }
            // Without anything to start after, the empty key is not listed (as in Ceph).
            self.object.omap_scan(Some(after), prefix, &mut |key, value| {
                if count as u64 >= max || items.len() as u64 >= bytes_max {
                    more = true;
                    return false;
                }
                put(&mut items, key, value);
                count += 1;
                true
            })?;
        }
        let mut reply = Vec::with_capacity(items.len() + 5);
        count.encode(&mut reply);
        reply.extend_from_slice(&items);
        more.encode(&mut reply);
        out.push(Piece::Bytes(reply.into()));
        UNCHANGED
    }

    pub fn omap_keys(&self, after: &[u8], max: u64, out: &mut Vec<Piece>) -> OpResult {
        self.omap_walk(after, b"", max, out, |out, key, _| put_blob(out, key))
    }

    pub fn omap_values(
        &self,
        after: &[u8],
        max: u64,
        prefix: &[u8],
        out: &mut Vec<Piece>,
    ) -> OpResult {
        self.omap_walk(after, prefix, max, out, |out, key, value| {
            put_blob(out, key);
            put_blob(out, value);
        })
    }

    pub fn omap_header(&self, out: &mut Vec<Piece>) -> OpResult {
        if self.info.has_omap && self.before.is_some() {
            out.push(Piece::Bytes(self.object.omap_header()?));
        }
        UNCHANGED
    }

    fn omap_value(&self, key: &[u8]) -> Result<Option<Bytes>, Fail> {
        if !self.info.has_omap || self.before.is_none() {
            return Ok(None);
        }
        Ok(self.object.omap_get(key)?)
    }

    pub fn omap_values_by_keys(&self, keys: Vec<Bytes>, out: &mut Vec<Piece>) -> OpResult {
        let keys: BTreeSet<Bytes> = keys.into_iter().collect();
        let (mut count, mut items) = (0u32, Vec::new());
        for key in &keys {
            if let Some(value) = self.omap_value(key)? {
                put_blob(&mut items, key);
                put_blob(&mut items, &value);
                count += 1;
            }
        }
        let mut reply = count.to_vec();
        reply.extend_from_slice(&items);
        out.push(Piece::Bytes(reply.into()));
        UNCHANGED
    }

    /// Each assertion reads `stored op given`; a missing key counts as an empty value. Only =, < and
    /// > exist.
    pub fn compare_omap(&self, assertions: Vec<(Bytes, Bytes, i32)>) -> OpResult {
        if !self.exists {
            return Err(errno::ENOENT.into());
        }
        // One assertion per key, the first one given, in order of key.
        let mut by_key = BTreeMap::new();
        for (key, value, op) in assertions {
            by_key.entry(key).or_insert((value, op));
        }
        for (key, (given, op)) in by_key {
            let stored = self.omap_value(&key)?.unwrap_or_default();
            let holds = match u8::try_from(op) {
                Ok(cmp_op::EQ) => stored == given,
                Ok(cmp_op::LT) => stored < given,
                Ok(cmp_op::GT) => stored > given,
                _ => return Err(Fail::Errno(errno::EINVAL)),
            };
            if !holds {
                return Err(errno::ECANCELED.into());
            }
        }
        UNCHANGED
    }

    pub fn omap_set(&mut self, pairs: Vec<(Bytes, Bytes)>) -> OpResult {
        if pairs.iter().any(|(key, _)| key.len() > OMAP_KEY_BYTES_MAX) {
            return Err(errno::ENAMETOOLONG.into());
        }
        if pairs.iter().any(|(_, value)| value.len() > VALUE_BYTES_MAX) {
            return Err(errno::EFBIG.into());
        }
        self.create_if_missing();
        self.info.has_omap = true;
        self.change(Change::OmapSet { pairs });
        DONE
    }

    pub fn omap_set_header(&mut self, header: Bytes) -> OpResult {
        if header.len() > VALUE_BYTES_MAX {
            return Err(errno::EFBIG.into());
        }
        self.create_if_missing();
        self.info.has_omap = true;
        self.change(Change::OmapSetHeader { header });
        DONE
    }

    pub fn omap_clear(&mut self) -> OpResult {
        if !self.exists {
            return Err(errno::ENOENT.into());
        }
        if self.info.has_omap {
            self.change(Change::OmapClear);
            self.info.has_omap = false;
        }
        DONE
    }

    pub fn omap_remove(&mut self, keys: Vec<Bytes>) -> OpResult {
        if !self.exists {
            return Err(errno::ENOENT.into());
        }
        self.change(Change::OmapRemove { keys });
        DONE
    }

    pub fn omap_remove_range(&mut self, first: Bytes, last: Bytes) -> OpResult {
        if !self.exists {
            return Err(errno::ENOENT.into());
        }
        self.change(Change::OmapRemoveRange { first, last });
        DONE
    }
}
