//! What a PG remembers of itself besides its log and objects, kept in its meta object.

use super::interval::{Mapping, PastIntervals};
use types::enc::{Decode, DecodeError, Encode, Reader, Result};
use types::{EVersion, Epoch};

/// How far a copy of a PG can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyState {
    /// The objects are what the log says.
    Complete = 1,
    /// Single objects are being replaced; the dirty set names them. Never an authority.
    Recovering = 2,
    /// A copy of the whole PG has begun and not ended. Holds nothing that counts.
    Incomplete = 3,
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

impl Encode for CopyState {
    fn encode(&self, out: &mut Vec<u8>) {
        (*self as u8).encode(out)
    }
}
impl Decode for CopyState {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        match r.u8()? {
            1 => Ok(Self::Complete),
            2 => Ok(Self::Recovering),
            3 => Ok(Self::Incomplete),
            v => Err(DecodeError::Invalid { what: "copy state", value: v as u64 }),
        }
    }
}

impl Encode for PgInfo {
    fn encode(&self, out: &mut Vec<u8>) {
        FORMAT.encode(out);
        self.state.encode(out);
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
            state: r.get()?,
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
