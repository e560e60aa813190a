//! OSDMap and MonMap, and the way from an object to its acting set.
//!
//! Reading order: [`osd_map`] (what a map says), [`pool`], [`incremental`] (what changes between
//! two epochs), [`placement`] (object to PG to
//! OSDs), [`mon_map`], [`dump`] (as JSON and as text).

mod apply;
mod codec;
mod compat;
pub mod dump;
pub mod incremental;
mod incremental_codec;
pub mod json;
pub mod mon_map;
pub mod osd_map;
mod osd_map_codec;
pub mod placement;
pub mod pool;
mod pool_codec;
mod pool_dump;
pub mod pool_options;
pub mod release;
pub mod snaps;
pub mod text;

/// What placement computes in; kept by those who place many PGs.
pub use crush::Scratch;

pub use apply::{ApplyError, OSD_COUNT_MAX, Sealed};
pub use incremental::Incremental;
pub use mon_map::{MonInfo, MonMap};
pub use osd_map::{
    AFFINITY_DEFAULT, OSD_NONE, OsdAddrs, OsdExtraInfo, OsdInfo, OsdMap, StretchMode, WEIGHT_IN,
    WEIGHT_OUT, map_flags, osd_state,
};
pub use placement::{Mapping, PlacementError};
pub use pool::{PgPool, PoolKind, pool_flags};
pub use release::Release;
pub use snaps::SnapSet;

/// The feature bits on which the encoding of maps depends, all of which a Pacific quorum has.
/// Encoding with other bits gives other checksums.
pub const SIGNIFICANT_FEATURES: u64 = 0x0f00_0880_1021_2a04;
