//! What a core tells of itself: where the time of its operations goes, what is under way, counters and
//! settings. Start with [`Request`], a command as `ceph daemon` and `ceph tell` send it.
//!
//! Each store shard has a [`Recorder`]. A command becomes a [`Question`] to every core; each answers
//! with a [`Part`], a copy of plain data; whoever asked puts the parts together ([`Gather`]), so that
//! no core waits for another and nothing is shared. `docs/design/0005-observability.md`

mod command;
mod dump;
mod gather;
mod part;
mod perf;
mod prometheus;
mod recorder;
mod stage;
#[cfg(test)]
mod tests;

pub use command::{Reply, Request, descriptions};
pub use gather::Gather;
pub use part::{Change, HopCounts, Level, OPS_TOLD_MAX, Part, Question, ShardPart};
pub use prometheus::exposition;
pub use recorder::{Average, Kept, Recorder, Stats, Tracking};
pub use stage::{Kind, Stage, Stamps, Track};
