//! What a core is asked, and what it answers.

use super::recorder::{Kept, Stats, Tracking};
use crate::config::Settings;
use types::time::Now;
use types::{Epoch, Fsid, OsdId};

/// Operations under way that one shard describes; more are only counted.
pub const OPS_TOLD_MAX: usize = 1000;

/// How much an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Who and in which state.
    State,
    /// And the settings.
    Settings,
    /// And counters and histograms.
    Counters,
    /// And operations under way.
    Operations,
    /// And the slowest of the last while.
    History,
    /// And those that were slower than the threshold.
    Slow,
}

/// What is changed before the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Counters and histograms begin anew.
    Reset,
    /// Values that [`Settings::check`] has taken.
    Set(Vec<(String, String)>),
    Unset(String),
}

/// To every core of an OSD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub level: Level,
    pub change: Option<Change>,
}

/// What a core received and gave to another one, which serves the PG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HopCounts {
    /// Ops of clients; their answers hop back.
    pub ops: u64,
    /// Messages of other OSDs.
    pub peers: u64,
}

/// One core's answer.
#[derive(Debug, Clone)]
pub struct Part {
    pub osd: OsdId,
    pub cluster: Fsid,
    pub osd_uuid: Fsid,
    pub version: String,
    pub core: u16,
    pub now: Now,
    /// It is up in the map that this core has.
    pub booted: bool,
    pub epoch: Epoch,
    /// Sessions with clients and OSDs.
    pub sessions: u64,
    /// OSDs that this one asks for a sign of life; core 0 knows.
    pub heartbeat_peers: u64,
    /// Messages that wait for a newer map.
    pub parked: u64,
    pub messenger: messenger::table::Counters,
    pub hops: HopCounts,
    pub settings: Settings,
    pub tracking: Tracking,
    pub shards: Vec<ShardPart>,
}

/// One store shard of it.
#[derive(Debug, Clone, Default)]
pub struct ShardPart {
    pub shard: u16,
    pub pgs: u64,
    pub pgs_primary: u64,
    pub pgs_stray: u64,
    pub space_total: u64,
    pub space_used: u64,
    pub space_available: u64,
    pub store: seastore::StoreCounters,
    pub stats: Option<Box<Stats>>,
    /// All that are under way, and those of them that are described.
    pub under_way: u64,
    pub ops: Vec<Kept>,
    pub history: Vec<Kept>,
    pub slow: Vec<Kept>,
}
