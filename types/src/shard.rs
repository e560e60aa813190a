//! Which store shard, and which core of an OSD, a placement group belongs to.
//!
//! The number of store shards is fixed when a device is prepared, that of cores at each start. Clients
//! that know both, from the OSD's metadata, send an operation to the core that serves it.

use crate::{EntityAddrVec, PgId};

/// More store shards no device has.
pub const STORE_SHARDS_MAX: u16 = 256;

/// The store shard of a PG: low bits of the seed, so that the PGs that a split makes stay with
/// their parent, shifted by pool so that small pools do not all begin at shard 0. `shard_count` is a
/// power of two.
pub fn shard_of(pg: PgId, shard_count: u16) -> u16 {
    debug_assert!(shard_count.is_power_of_two());
    let shift = (pg.pool.0 as u32).wrapping_mul(0x9e37_79b1) >> 16;
    (pg.seed.wrapping_add(shift) & (shard_count as u32 - 1)) as u16
}

/// The core that serves a store shard: cores take shards in turn. `core_count` is from 1 to the number
/// of shards.
pub fn core_of(shard: u16, core_count: u16) -> u16 {
    shard % core_count
}

/// Where each core of an OSD listens alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreAddrs {
    shards: u16,
    addrs: Vec<EntityAddrVec>,
}

impl CoreAddrs {
    /// `addrs` by core. `None` where that says nothing of any core: `shards` is no power of two up to
    /// [`STORE_SHARDS_MAX`], or there are no cores, more than shards, or one that has no msgr2 address
    /// with a port.
    pub fn new(shards: u32, addrs: Vec<EntityAddrVec>) -> Option<Self> {
        let shards = u16::try_from(shards).ok().filter(|n| *n <= STORE_SHARDS_MAX)?;
        let dialled = |addrs: &EntityAddrVec| {
            addrs.msgr2().is_some_and(|addr| addr.sock.is_some_and(|sock| sock.port() != 0))
        };
        let sound = shards.is_power_of_two()
            && (1..=shards as usize).contains(&addrs.len())
            && addrs.iter().all(dialled);
        sound.then_some(Self { shards, addrs })
    }

    /// One core, that listens at `addrs` and nowhere else.
    pub fn is_only(&self, addrs: &EntityAddrVec) -> bool {
        self.addrs == std::slice::from_ref(addrs)
    }

    /// The core that serves a PG.
    pub fn core_of(&self, pg: PgId) -> u16 {
        core_of(shard_of(pg, self.shards), self.addrs.len() as u16)
    }

    /// Where it listens.
    pub fn addrs_of(&self, core: u16) -> Option<&EntityAddrVec> {
        self.addrs.get(core as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PoolId;

    #[test]
    fn places_are_those_that_are_written_down() {
        // Devices are full of these: another rule would look for PGs where they are not.
        let of = |pool, seed| shard_of(PgId { pool: PoolId(pool), seed }, 8);
        let found = [of(1, 0), of(1, 1), of(1, 7), of(1, 8), of(2, 0), of(3, 5)];
        assert_eq!(found, [7, 0, 6, 7, 6, 3]);
        let cores: Vec<u16> = (0..8).map(|shard| core_of(shard, 3)).collect();
        assert_eq!(cores, [0, 1, 2, 0, 1, 2, 0, 1]);
    }
}
