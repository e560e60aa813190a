//! What a PG remembers of itself besides its log and objects, kept in its meta object.

use super::interval::{Mapping, PastIntervals};
use messenger::messages::peer;
pub use messenger::messages::peer::CopyState;
use types::enc::{Decode, DecodeError, Encode, Reader, Result};
use types::{EVersion, Epoch};

/// One copy of a PG, as its holder describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyInfo {
    pub state: CopyState,
    pub last_started: Epoch,
    pub head: EVersion,
    pub tail: EVersion,
    pub past: PastIntervals,
}

impl From<peer::CopyInfo> for CopyInfo {
    fn from(info: peer::CopyInfo) -> Self {
        let peer::CopyInfo { state, last_started, head, tail, past, past_unknown } = info;
        let past = PastIntervals { intervals: past, unknown: past_unknown };
        Self { state, last_started, head, tail, past }
    }
}
impl From<CopyInfo> for peer::CopyInfo {
    fn from(info: CopyInfo) -> Self {
        let CopyInfo { state, last_started, head, tail, past } = info;
        let PastIntervals { intervals: past, unknown: past_unknown } = past;
        Self { state, last_started, head, tail, past, past_unknown }
    }
}

/// Kept under [`super::INFO_KEY`] of the meta object. docs/formats.md#pg
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgInfo {
    pub state: CopyState,
    /// Start of the last interval in which this copy was activated; 0 if never.
    pub last_started: Epoch,
    pub log_tail: EVersion,
    /// Highest version given or received; says more than the log only when that is empty.
    pub log_head: EVersion,
    /// Highest user version that any object was given.
    pub last_user_version: u64,
    /// First epoch of the current interval.
    pub since: Epoch,
    pub mapping: Mapping,
    pub past: PastIntervals,
}

const FORMAT: u8 = 1;

fn copy_state(r: &mut Reader<'_>) -> Result<CopyState> {
    match r.u8()? {
        1 => Ok(CopyState::Complete),
        2 => Ok(CopyState::Recovering),
        3 => Ok(CopyState::Incomplete),
        v => Err(DecodeError::Invalid { what: "copy state", value: v as u64 }),
    }
}

impl Encode for PgInfo {
    fn encode(&self, out: &mut Vec<u8>) {
        FORMAT.encode(out);
        (self.state as u8).encode(out);
        self.last_started.encode(out);
        self.log_tail.encode(out);
        self.log_head.encode(out);
        self.last_user_version.encode(out);
        self.since.encode(out);
        self.mapping.encode(out);
        self.past.encode(out);
    }
}
impl Decode for PgInfo {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        match r.u8()? {
            FORMAT => {}
            v => return Err(DecodeError::Invalid { what: "pg info format", value: v as u64 }),
        }
        Ok(Self {
            state: copy_state(r)?,
            last_started: r.get()?,
            log_tail: r.get()?,
            log_head: r.get()?,
            last_user_version: r.u64()?,
            since: r.get()?,
            mapping: r.get()?,
            past: r.get()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::interval::tests::mapping;
    use super::*;

    #[test]
    fn what_is_sent_and_what_is_stored_come_back_whole() {
        let mut past = PastIntervals { unknown: true, ..PastIntervals::default() };
        past.add(Epoch(4), Epoch(6), &mapping(&[(0, 1), (1, 4)], 2));
        for state in [CopyState::Complete, CopyState::Recovering, CopyState::Incomplete] {
            let copy = CopyInfo {
                state,
                last_started: Epoch(3),
                head: EVersion { epoch: 3, version: 9 },
                tail: EVersion { epoch: 2, version: 4 },
                past: past.clone(),
            };
            assert_eq!(CopyInfo::from(peer::CopyInfo::from(copy.clone())), copy);
            let info = PgInfo {
                state,
                last_started: copy.last_started,
                log_tail: copy.tail,
                log_head: copy.head,
                last_user_version: 7,
                since: Epoch(8),
                mapping: mapping(&[(0, 1)], 1),
                past: past.clone(),
            };
            assert_eq!(PgInfo::from_slice(&info.to_vec()), Ok(info));
        }
        assert!(copy_state(&mut Reader::new(&[0])).is_err());
        assert!(copy_state(&mut Reader::new(&[4])).is_err());
    }
}
