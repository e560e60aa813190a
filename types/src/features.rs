//! Feature bits that peers exchange (Ceph src/include/ceph_features.h). An incarnation `n` of a bit
//! needs the marker bits of that incarnation too, so these are masks, not bit numbers.

/// Exactly what Pacific (16.2.15) daemons and clients advertise.
pub const PACIFIC: u64 = 0x3f01_cfbd_fffd_ffff;
pub const MSG_ADDR2: u64 = 1 << 59;
pub const CRUSH_TUNABLES: u64 = 1 << 18;
pub const CRUSH_TUNABLES2: u64 = 1 << 25;
pub const OSDHASHPSPOOL: u64 = 1 << 30;
pub const CRUSH_TUNABLES3: u64 = 1 << 41;
pub const CRUSH_V4: u64 = 1 << 48;
pub const CRUSH_TUNABLES5: u64 = 1 << 58;
const INCARNATION_2: u64 = 1 << 57;
const INCARNATION_3: u64 = INCARNATION_2 | 1 << 28;
pub const SERVER_LUMINOUS: u64 = 1 << 21 | INCARNATION_2;
pub const SERVER_MIMIC: u64 = 1 << 28 | INCARNATION_2;
pub const SERVER_NAUTILUS: u64 = 1 << 2 | INCARNATION_3;
pub const SERVER_OCTOPUS: u64 = 1 << 16 | INCARNATION_3;
pub const SERVER_PACIFIC: u64 = 1 << 20 | INCARNATION_3;
/// What clients must have to read our maps (jewel tunables, hashpspool, straw2, msgr2 addresses).
pub const REQUIRED_OF_CLIENTS: u64 = 0x0c01_0200_4204_0000;

pub fn has(features: u64, mask: u64) -> bool {
    features & mask == mask
}
