//! Zones of a block device, by the requests of linux/blkzoned.h. They block the calling thread.

use std::io;
use std::os::fd::RawFd;
use types::zone::{Zone, ZoneOp, ZoneState, ZoneTraits};

/// The unit of the kernel's offsets, whatever the device's blocks are.
const SECTOR: u64 = 512;
/// Zones that are asked for at once.
const ZONES_MAX: usize = 256;

/// `struct blk_zone_range`.
#[repr(C)]
struct Range {
    sector: u64,
    sectors: u64,
}

/// `struct blk_zone`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
struct RawZone {
    start: u64,
    len: u64,
    write_pointer: u64,
    kind: u8,
    condition: u8,
    non_sequential: u8,
    reset: u8,
    _reserved: [u8; 4],
    capacity: u64,
    _reserved_too: [u8; 24],
}

/// `struct blk_zone_report` with room for the zones.
#[repr(C)]
struct RawReport {
    sector: u64,
    zones: u32,
    flags: u32,
    all: [RawZone; ZONES_MAX],
}

/// The capacity of zones is filled in (BLK_ZONE_REP_CAPACITY).
const HAS_CAPACITY: u32 = 1;

/// A request that writes, or writes and reads, an argument of `bytes`: _IOW and _IOWR of 0x12.
const fn request(reads: bool, number: u32, bytes: usize) -> u32 {
    (1 + 2 * reads as u32) << 30 | (bytes as u32) << 16 | 0x12 << 8 | number
}
const REPORT: u32 = request(true, 130, 16);
const RESET: u32 = request(false, 131, size_of::<Range>());
const FINISH: u32 = request(false, 136, size_of::<Range>());
const _: () = assert!(size_of::<RawZone>() == 64 && size_of::<RawReport>() == 16 + 64 * ZONES_MAX);

/// Resets or finishes every zone in a range of whole zones.
pub fn perform(fd: RawFd, offset: u64, len: u64, op: ZoneOp) -> io::Result<()> {
    let range = Range { sector: offset / SECTOR, sectors: len / SECTOR };
    let request = match op {
        ZoneOp::Reset => RESET,
        ZoneOp::Finish => FINISH,
    };
    // SAFETY: both requests read a `blk_zone_range`, which `range` is and which lives until the call
    // returns. A descriptor that is not open makes an error.
    let done = unsafe { libc::ioctl(fd, request as libc::Ioctl, &range) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The zones that begin in a range, in order.
pub fn report(fd: RawFd, offset: u64, len: u64) -> io::Result<Vec<Zone>> {
    raw_report(fd, offset, len).map(|all| all.iter().map(zone_from).collect())
}

fn raw_report(fd: RawFd, offset: u64, len: u64) -> io::Result<Vec<RawZone>> {
    let end = (offset + len) / SECTOR;
    let mut found: Vec<RawZone> = Vec::new();
    let mut sector = offset / SECTOR;
    while sector < end {
        let all = [RawZone::default(); ZONES_MAX];
        let mut part = Box::new(RawReport { sector, zones: ZONES_MAX as u32, flags: 0, all });
        // SAFETY: the request reads the head of a `blk_zone_report` and writes at most `zones` zones
        // behind it; `part` has room for so many and lives until the call returns.
        let done = unsafe { libc::ioctl(fd, REPORT as libc::Ioctl, &mut *part) };
        if done != 0 {
            return Err(io::Error::last_os_error());
        }
        let count = (part.zones as usize).min(ZONES_MAX);
        let Some(last) = part.all[..count].last() else { break };
        let next = last.start + last.len;
        if next <= sector {
            break;
        }
        let with_capacity = part.flags & HAS_CAPACITY != 0;
        let whole = |z: &RawZone| RawZone {
            capacity: if with_capacity { z.capacity } else { z.len },
            ..*z
        };
        found.extend(part.all[..count].iter().filter(|z| z.start < end).map(whole));
        sector = next;
    }
    Ok(found)
}

/// Types and conditions of linux/blkzoned.h.
fn zone_from(raw: &RawZone) -> Zone {
    const CONVENTIONAL: u8 = 1;
    let state = match (raw.kind, raw.condition) {
        (CONVENTIONAL, _) | (_, 0) => ZoneState::Conventional,
        (_, 1) => ZoneState::Empty,
        (_, 2..=4) => ZoneState::Active,
        (_, 0xe) => ZoneState::Full,
        (_, 0xd) => ZoneState::ReadOnly,
        _ => ZoneState::Offline,
    };
    let written = match state {
        ZoneState::Empty => 0,
        ZoneState::Active => raw.write_pointer.saturating_sub(raw.start).min(raw.capacity),
        _ => raw.capacity,
    };
    Zone {
        offset: raw.start * SECTOR,
        capacity: raw.capacity * SECTOR,
        written: written * SECTOR,
        state,
    }
}

/// How all zones of a device of `size` bytes are; `Err` with the reason where they are not alike.
pub fn traits(
    fd: RawFd,
    size: u64,
    active_max: u32,
) -> io::Result<Result<ZoneTraits, &'static str>> {
    let all = raw_report(fd, 0, size)?;
    Ok(traits_of(&all, active_max))
}

fn traits_of(all: &[RawZone], active_max: u32) -> Result<ZoneTraits, &'static str> {
    let first = all.first().ok_or("it reports no zones")?;
    // The last one may be smaller, and is not used then.
    let whole = || all.iter().take_while(|z| z.len == first.len);
    if whole().count() + 1 < all.len() || !first.len.is_power_of_two() {
        return Err("its zones differ in size, or their size is no power of two");
    }
    if whole().any(|z| zone_from(z).state == ZoneState::Conventional) {
        return Err("some of its zones are conventional ones");
    }
    // Those that failed have none.
    let capacity = whole().map(|z| z.capacity).filter(|c| *c > 0).min();
    let capacity = capacity.ok_or("its zones hold nothing")? * SECTOR / 4096 * 4096;
    Ok(ZoneTraits { bytes: first.len * SECTOR, capacity, active_max })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(start: u64, condition: u8, write_pointer: u64) -> RawZone {
        let kind = if condition == 0 { 1 } else { 2 };
        let (len, capacity) = (0x20000, 0x18000);
        RawZone { start, len, capacity, write_pointer, condition, kind, ..RawZone::default() }
    }

    #[test]
    fn requests_have_the_kernels_numbers() {
        assert_eq!((REPORT, RESET, FINISH), (0xc010_1282, 0x4010_1283, 0x4010_1288));
    }

    #[test]
    fn a_zone_is_written_to_its_write_pointer() {
        let of = |condition, pointer| {
            let zone = zone_from(&raw(0x40000, condition, pointer));
            assert_eq!((zone.offset, zone.capacity), (128 << 20, 48 << 20));
            (zone.state, zone.written)
        };
        let full = 48 << 20;
        assert_eq!(of(1, 0x40000), (ZoneState::Empty, 0));
        for open in [2, 3, 4] {
            assert_eq!(of(open, 0x40009), (ZoneState::Active, 9 * 512));
        }
        // A full zone's pointer means nothing.
        assert_eq!(of(0xe, u64::MAX), (ZoneState::Full, full));
        assert_eq!(of(0xd, 0), (ZoneState::ReadOnly, full));
        assert_eq!(of(0xf, 0), (ZoneState::Offline, full));
        assert_eq!(of(0, 0), (ZoneState::Conventional, full));
    }

    #[test]
    fn zones_have_to_be_alike() {
        let all: Vec<RawZone> = (0..4).map(|i| raw(i * 0x20000, 1, 0)).collect();
        let traits = traits_of(&all, 14).unwrap();
        let expected = ZoneTraits { bytes: 64 << 20, capacity: 48 << 20, active_max: 14 };
        assert_eq!(traits, expected);
        let with = |at: usize, change: &dyn Fn(&mut RawZone)| {
            let mut all = all.clone();
            change(&mut all[at]);
            traits_of(&all, 14)
        };
        assert_eq!(with(3, &|z| z.len = 0x8000), Ok(expected), "a part of a zone at the end");
        assert!(with(2, &|z| z.len = 0x8000).unwrap_err().contains("differ"));
        assert!(with(1, &|z| z.kind = 1).unwrap_err().contains("conventional"));
        assert_eq!(with(1, &|z| z.capacity = 0x8000).unwrap().capacity, 16 << 20);
        assert!(traits_of(&[], 0).is_err());
    }
}
