//! Identifiers, units and Ceph's encoding rules, shared by every crate.
//!
//! Reading order: [`enc`] (how bytes are written and read), [`id`] (who and where), [`addr`],
//! [`object`] (names of objects and their order), [`shard`] (which core serves what), [`node`] (the
//! vocabulary between a core and its driver), [`time`], [`zone`], [`histogram`].

pub mod addr;
pub mod enc;
pub mod features;
pub mod fixed_map;
pub mod hash;
pub mod histogram;
pub mod id;
pub mod node;
pub mod object;
pub mod shard;
pub mod time;
pub mod zone;

pub use addr::{AddrKind, EntityAddr, EntityAddrVec};
pub use enc::{Decode, DecodeError, Encode, Reader};
pub use fixed_map::{FixedMap, FixedSet};
pub use histogram::Histogram;
pub use id::{
    EVersion, EntityKind, EntityName, Epoch, Fsid, OsdId, PgId, PoolId, ReqId, ShardedPgId,
};
pub use object::{HObject, ObjectLocator, SnapContext, SnapId};
pub use time::{Instant, UTime};
