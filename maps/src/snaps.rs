//! Sets of snapshot ids, kept as disjoint ranges (Ceph `interval_set<snapid_t>`).

use std::collections::BTreeMap;
use types::enc::{Decode, DecodeError, Encode, Reader, Result};

/// Snapshot ids as ranges `start -> length`. Ranges neither overlap nor touch, no length is 0.
///
/// On the wire: `u32` count, then `u64` start and `u64` length each, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapSet {
    ranges: BTreeMap<u64, u64>,
}

impl SnapSet {
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// `(start, length)` ascending.
    pub fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.ranges.iter().map(|(start, len)| (*start, *len))
    }

    pub fn range_count(&self) -> usize {
        self.ranges.len()
    }

    pub fn contains(&self, id: u64) -> bool {
        self.ranges.range(..=id).next_back().is_some_and(|(start, len)| id - start < *len)
    }

    /// Whether every id of `start..start + len` is in the set.
    pub fn contains_range(&self, start: u64, len: u64) -> bool {
        len == 0
            || self
                .ranges
                .range(..=start)
                .next_back()
                .is_some_and(|(s, l)| start - s < *l && len <= l - (start - s))
    }

    pub fn contains_all(&self, other: &Self) -> bool {
        other.ranges().all(|(start, len)| self.contains_range(start, len))
    }

    /// Adds `start..start + len`; ids already there stay. An end past `u64::MAX` is cut off.
    pub fn insert(&mut self, start: u64, len: u64) {
        let mut first = start;
        let mut end = start.saturating_add(len);
        if end == first {
            return;
        }
        // Swallow each range that overlaps or touches, from the last backwards.
        while let Some((s, l)) = self.ranges.range(..=end).next_back().map(|(s, l)| (*s, *l)) {
            if s + l < first {
                break;
            }
            self.ranges.remove(&s);
            first = first.min(s);
            end = end.max(s + l);
        }
        self.ranges.insert(first, end - first);
    }

    /// Takes `start..start + len` out; ids that are not there are passed over.
    pub fn remove(&mut self, start: u64, len: u64) {
        let end = start.saturating_add(len);
        if end == start {
            return;
        }
        while let Some((s, l)) = self.ranges.range(..end).next_back().map(|(s, l)| (*s, *l)) {
            if s + l <= start {
                break;
            }
            self.ranges.remove(&s);
            if s + l > end {
                self.ranges.insert(end, s + l - end);
            }
            if s < start {
                self.ranges.insert(s, start - s);
            }
        }
    }

    pub fn union(&mut self, other: &Self) {
        for (start, len) in other.ranges() {
            self.insert(start, len);
        }
    }

    pub fn subtract(&mut self, other: &Self) {
        for (start, len) in other.ranges() {
            self.remove(start, len);
        }
    }
}

impl FromIterator<(u64, u64)> for SnapSet {
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(ranges: I) -> Self {
        let mut set = Self::default();
        for (start, len) in ranges {
            set.insert(start, len);
        }
        set
    }
}

impl Encode for SnapSet {
    fn encode(&self, out: &mut Vec<u8>) {
        self.ranges.encode(out)
    }
}

impl Decode for SnapSet {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let ranges: BTreeMap<u64, u64> = r.get()?;
        let mut end = None;
        for (&start, &len) in &ranges {
            let touches = end.is_some_and(|end| start <= end);
            match start.checked_add(len) {
                Some(next) if len > 0 && !touches => end = Some(next),
                _ => return Err(DecodeError::Invalid { what: "snapshot range", value: start }),
            }
        }
        Ok(Self { ranges })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn agrees_with_a_plain_set() {
        let mut set = SnapSet::default();
        let mut plain = BTreeSet::new();
        let mut x = 12345u64;
        for _ in 0..4000 {
            x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let (start, len) = ((x >> 33) % 60, (x >> 50) % 9);
            if x >> 63 == 0 {
                set.insert(start, len);
                plain.extend(start..start + len);
            } else {
                set.remove(start, len);
                plain.retain(|id| !(start..start + len).contains(id));
            }
            let ids: BTreeSet<u64> = set.ranges().flat_map(|(s, l)| s..s + l).collect();
            assert_eq!(ids, plain);
            assert_eq!(SnapSet::from_slice(&set.to_vec()).unwrap(), set);
            assert_eq!(set.contains(start), plain.contains(&start));
            let all = (start..start + len).all(|id| plain.contains(&id));
            assert_eq!(set.contains_range(start, len), all);
        }
    }

    #[test]
    fn overlapping_ranges_are_refused() {
        for ranges in
            [vec![(1u64, 3u64), (2, 1)], vec![(1, 0)], vec![(1, 1), (2, 1)], vec![(!0, 2)]]
        {
            assert!(SnapSet::from_slice(&ranges.to_vec()).is_err(), "{ranges:?}");
        }
    }
}
