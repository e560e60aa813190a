//! Intervals: runs of epochs in which the same OSDs, in the same incarnations, serve a PG; and the
//! past intervals in which something may have been acknowledged (Ceph doc/dev/peering.rst).

pub use messenger::messages::peer::PastInterval;
use types::enc::{Decode, Encode, Reader, Result};
use types::{Epoch, OsdId};

/// A member of an acting set. A restarted OSD is another incarnation: it may have lost what was not
/// durable, so its return starts a new interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    pub osd: OsdId,
    /// Epoch at which it was last marked up.
    pub up_from: Epoch,
}

/// How a PG is mapped at one epoch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapping {
    pub up: Vec<Member>,
    pub acting: Vec<Member>,
    /// Serves clients; `None` when nobody does.
    pub primary: Option<OsdId>,
    /// Replicas that the pool wants.
    pub size: u32,
    pub pg_num: u32,
}

impl Mapping {
    /// Whether writes can have been acknowledged under this mapping: that takes every replica that
    /// the pool wants.
    pub fn may_serve(&self) -> bool {
        self.primary.is_some() && !self.acting.is_empty() && self.acting.len() >= self.size as usize
    }
    pub fn contains(&self, osd: OsdId) -> bool {
        self.acting.iter().any(|m| m.osd == osd)
    }
    /// Whether the OSD is a member or to be one: its copy stays.
    pub fn names(&self, osd: OsdId) -> bool {
        self.contains(osd) || self.up.iter().any(|m| m.osd == osd)
    }
}

/// True when `a` and `b` belong to one interval.
pub fn same_interval(a: &Mapping, b: &Mapping) -> bool {
    a == b
}

/// Intervals since the PG was last known to serve, as far as they may have served themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PastIntervals {
    pub intervals: Vec<PastInterval>,
    /// Some epochs were never seen (the maps were trimmed): any OSD may have served then.
    pub unknown: bool,
}

/// More past intervals than this are remembered as unknown.
const INTERVALS_MAX: usize = 64;

impl PastIntervals {
    /// Remembers that `mapping` held from `first` to `last`.
    pub fn add(&mut self, first: Epoch, last: Epoch, mapping: &Mapping) {
        let Some(primary) = mapping.primary.filter(|_| mapping.may_serve()) else { return };
        if self.intervals.len() == INTERVALS_MAX {
            self.unknown = true;
            return;
        }
        let acting = mapping.acting.iter().map(|m| m.osd).collect();
        self.intervals.push(PastInterval { first, last, acting, primary });
    }
    pub fn clear(&mut self) {
        *self = Self::default();
    }
    /// Adds what `other` knows of epochs after `since`.
    pub fn merge(&mut self, other: &Self, since: Epoch) {
        self.unknown |= other.unknown;
        for interval in other.intervals.iter().filter(|i| i.last > since) {
            if !self.intervals.iter().any(|mine| mine.acting == interval.acting) {
                self.intervals.push(interval.clone());
            }
        }
    }
}

impl Encode for PastIntervals {
    fn encode(&self, out: &mut Vec<u8>) {
        self.unknown.encode(out);
        (self.intervals.len() as u32).encode(out);
        for i in &self.intervals {
            i.first.encode(out);
            i.last.encode(out);
            i.acting.encode(out);
            i.primary.encode(out);
        }
    }
}
impl Decode for PastIntervals {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let unknown = r.bool()?;
        let count = r.count("past intervals", 16)?;
        let intervals = (0..count)
            .map(|_| {
                Ok(PastInterval {
                    first: r.get()?,
                    last: r.get()?,
                    acting: r.get()?,
                    primary: r.get()?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { intervals, unknown })
    }
}

impl Encode for Mapping {
    fn encode(&self, out: &mut Vec<u8>) {
        for set in [&self.up, &self.acting] {
            (set.len() as u32).encode(out);
            for m in set {
                m.osd.encode(out);
                m.up_from.encode(out);
            }
        }
        self.primary.encode(out);
        self.size.encode(out);
        self.pg_num.encode(out);
    }
}
impl Decode for Mapping {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let mut set = || -> Result<Vec<Member>> {
            let count = r.count("members", 8)?;
            (0..count).map(|_| Ok(Member { osd: r.get()?, up_from: r.get()? })).collect()
        };
        Ok(Self { up: set()?, acting: set()?, primary: r.get()?, size: r.get()?, pg_num: r.get()? })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn mapping(members: &[(u32, u32)], size: u32) -> Mapping {
        let acting: Vec<Member> = members
            .iter()
            .map(|(osd, up_from)| Member { osd: OsdId(*osd), up_from: Epoch(*up_from) })
            .collect();
        Mapping {
            up: acting.clone(),
            primary: acting.first().map(|m| m.osd),
            acting,
            size,
            pg_num: 8,
        }
    }

    #[test]
    fn a_restart_starts_an_interval() {
        let before = mapping(&[(0, 1), (1, 1)], 2);
        assert!(same_interval(&before, &before.clone()));
        assert!(!same_interval(&before, &mapping(&[(0, 1), (1, 5)], 2)));
        assert!(!same_interval(&before, &mapping(&[(1, 1), (0, 1)], 2)));
    }

    #[test]
    fn only_whole_acting_sets_are_remembered() {
        let mut past = PastIntervals::default();
        past.add(Epoch(1), Epoch(2), &mapping(&[(0, 1)], 2));
        past.add(Epoch(3), Epoch(3), &mapping(&[], 0));
        assert!(past.intervals.is_empty());
        past.add(Epoch(4), Epoch(6), &mapping(&[(0, 1), (1, 4)], 2));
        assert_eq!(past.intervals.len(), 1);
        assert_eq!(PastIntervals::from_slice(&past.to_vec()), Ok(past));
    }

    #[test]
    fn mappings_round_trip() {
        let m = mapping(&[(0, 1), (7, 9)], 3);
        assert_eq!(Mapping::from_slice(&m.to_vec()), Ok(m));
    }
}
