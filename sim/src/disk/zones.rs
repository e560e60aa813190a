//! Zones of a disk: what they take, and what a power cut leaves of them.
//!
//! A crash leaves the write pointer anywhere in what was not durable, with or without sectors before
//! it that hold zeros; a reset or a finish that was under way has happened or not.

use super::{Disk, SECTOR};
use crate::chance::Chance;
use types::node::BLOCK_SIZE;
use types::zone::{Zone, ZoneOp, ZoneState, ZoneTraits};

#[derive(Debug, Clone, Copy)]
enum UnderWay {
    /// It ends so far from the zone's start.
    Write {
        end: u64,
    },
    Op(ZoneOp),
}

/// Offsets are bytes from the zone's start, multiples of a sector.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// The write pointer.
    written: u64,
    /// No power cut takes the write pointer back before this.
    durable: u64,
    finished: bool,
    under_way: Option<UnderWay>,
}

#[derive(Debug, Clone)]
pub(super) struct Zones {
    traits: ZoneTraits,
    all: Vec<State>,
}

impl Zones {
    pub fn new(traits: ZoneTraits, count: u64) -> Self {
        Self { traits, all: vec![State::default(); count as usize] }
    }
    pub fn traits(&self) -> ZoneTraits {
        self.traits
    }
    fn index(&self, offset: u64) -> usize {
        (offset / self.traits.bytes) as usize
    }
    fn at(&mut self, offset: u64) -> &mut State {
        let index = self.index(offset);
        &mut self.all[index]
    }
    fn kind(&self, state: &State) -> ZoneState {
        let writing = matches!(state.under_way, Some(UnderWay::Write { .. }));
        match state.written {
            _ if state.finished => ZoneState::Full,
            written if written == self.traits.capacity => ZoneState::Full,
            0 if !writing => ZoneState::Empty,
            _ => ZoneState::Active,
        }
    }

    pub fn begin_write(&mut self, offset: u64, len: u64) {
        let within = offset % self.traits.bytes;
        let state = *self.at(offset);
        assert!(state.under_way.is_none(), "write at {offset:#x} beside {:?}", state.under_way);
        let kind = self.kind(&state);
        let takes = matches!(kind, ZoneState::Empty | ZoneState::Active);
        assert!(takes, "write at {offset:#x} to a zone that is {kind:?}");
        assert_eq!(within, state.written, "write at {offset:#x} is not at the write pointer");
        assert!(within + len <= self.traits.capacity, "write at {offset:#x} leaves the zone");
        self.at(offset).under_way = Some(UnderWay::Write { end: within + len });
        let active = self.all.iter().filter(|zone| self.kind(zone) == ZoneState::Active).count();
        assert!(active as u32 <= self.traits.active_max, "{active} active zones");
    }
    pub fn end_write(&mut self, offset: u64, durable: bool) {
        let state = self.at(offset);
        let Some(UnderWay::Write { end }) = state.under_way.take() else {
            panic!("no write is under way at {offset:#x}")
        };
        state.written = end;
        if durable {
            state.durable = end;
        }
    }
    /// A write that ends there, bytes from the start of the disk, is durable.
    pub fn flushed(&mut self, end: u64) {
        // A zone's end can be the start of the next.
        let last = end - 1;
        let within = last % self.traits.bytes + 1;
        let state = self.at(last);
        state.durable = state.durable.max(within);
    }

    pub fn begin_op(&mut self, offset: u64, op: ZoneOp) {
        assert_eq!(offset % self.traits.bytes, 0, "no zone starts at {offset:#x}");
        let state = self.at(offset);
        assert!(state.under_way.is_none(), "{op:?} at {offset:#x} beside {:?}", state.under_way);
        state.under_way = Some(UnderWay::Op(op));
    }
    /// Carries out the operation that is under way there.
    pub fn end_op(&mut self, offset: u64) -> ZoneOp {
        let state = self.at(offset);
        let Some(UnderWay::Op(op)) = state.under_way else {
            panic!("no operation is under way at {offset:#x}")
        };
        *state = match op {
            ZoneOp::Reset => State::default(),
            ZoneOp::Finish => State { finished: true, under_way: None, ..*state },
        };
        op
    }
    /// A zone with an operation under way.
    pub fn op_under_way(&self) -> Option<u64> {
        let has_op = |zone: &State| matches!(zone.under_way, Some(UnderWay::Op(_)));
        self.all.iter().position(has_op).map(|index| index as u64 * self.traits.bytes)
    }

    pub fn check_read(&self, offset: u64, len: u64) {
        let state = self.all[self.index(offset)];
        let end = if state.finished { self.traits.capacity } else { state.written };
        let within = offset % self.traits.bytes;
        assert!(within + len <= end, "read of {len} at {offset:#x}, and {end:#x} is written");
    }

    pub fn report(&self, offset: u64, len: u64) -> Vec<Zone> {
        let capacity = self.traits.capacity;
        let zone = |index: usize| {
            let state = self.kind(&self.all[index]);
            let begun = matches!(state, ZoneState::Empty | ZoneState::Active);
            let written = if begun { self.all[index].written } else { capacity };
            Zone { offset: index as u64 * self.traits.bytes, capacity, written, state }
        };
        (self.index(offset)..self.index(offset + len)).map(zone).collect()
    }

    /// Power is cut: what is not durable loses its end, or nothing of its length.
    fn cut(&mut self, chance: &mut Chance) {
        for state in &mut self.all {
            if let Some(UnderWay::Write { end }) = state.under_way.take() {
                // It may have come as far as what the cache holds, which is all that this says.
                state.written = end;
            }
            if !state.finished && chance.once_in(2) {
                let sectors = (state.written - state.durable) / SECTOR as u64;
                state.written = state.durable + chance.within(0..sectors + 1) * SECTOR as u64;
            }
            state.durable = state.written;
        }
    }
    /// How much of a write of `len` bytes lies before the write pointer.
    fn kept(&self, offset: u64, len: u64) -> u64 {
        let state = self.all[self.index(offset)];
        let end = if state.finished { self.traits.capacity } else { state.written };
        end.saturating_sub(offset % self.traits.bytes).min(len)
    }
}

impl Disk {
    /// Power is cut.
    pub(super) fn crash_zones(&mut self, chance: &mut Chance) {
        while let Some(offset) = self.zones_mut().op_under_way() {
            match chance.once_in(2) {
                true => self.end_zone_op(offset),
                false => self.zones_mut().at(offset).under_way = None,
            }
        }
        self.zones_mut().cut(chance);
        for write in std::mem::take(&mut self.pending) {
            let kept = self.zones_mut().kept(write.offset, write.data.len() as u64) as usize;
            let whole = chance.once_in(3);
            let mut data = vec![0; kept.next_multiple_of(BLOCK_SIZE)];
            let sectors = data[..kept].chunks_mut(SECTOR).zip(write.data.chunks(SECTOR));
            for (sector, new) in sectors {
                if whole || chance.once_in(2) {
                    sector.copy_from_slice(new);
                }
            }
            self.put_stable(write.offset, &data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const TRAITS: ZoneTraits = ZoneTraits { bytes: 64 << 10, capacity: 48 << 10, active_max: 2 };

    fn block(byte: u8) -> Bytes {
        vec![byte; BLOCK_SIZE].into()
    }
    fn write(disk: &mut Disk, id: u64, block_number: u64, durable: bool) {
        disk.submit(id, block_number * BLOCK_SIZE as u64, block(id as u8));
        disk.complete(id, durable);
    }
    fn written(disk: &Disk) -> u64 {
        disk.report(0, TRAITS.bytes)[0].written
    }

    #[test]
    fn a_power_cut_takes_back_or_tears_what_is_not_durable_and_nothing_else() {
        let (mut back, mut torn, mut whole) = (0, 0, 0);
        for seed in 0..200 {
            let mut disk = Disk::zoned(TRAITS, 4);
            write(&mut disk, 1, 0, true);
            write(&mut disk, 2, 1, false);
            disk.flush();
            write(&mut disk, 3, 2, false);
            disk.submit(4, 3 * BLOCK_SIZE as u64, block(4));
            disk.crash(&mut Chance::new(seed));
            let end = written(&disk);
            assert!((2 * 4096..=4 * 4096).contains(&end) && end.is_multiple_of(512), "{end}");
            assert_eq!(disk.read(0, 8192), [block(1), block(2)].concat());
            match disk.read(0, end as usize / 4096 * 4096).get(8192..12288) {
                None => back += 1,
                Some(third) if third == block(3) => whole += 1,
                Some(third) => {
                    assert!(third.chunks(512).all(|s| s == [3; 512] || s == [0; 512]));
                    torn += 1;
                }
            }
            // The device takes writes there again, if the write pointer is where a block ends.
            if end.is_multiple_of(4096) {
                write(&mut disk, 5, end / 4096, true);
            }
        }
        assert!(back > 10 && torn > 10 && whole > 10, "{back} {torn} {whole}");
    }

    #[test]
    fn a_reset_or_finish_that_was_under_way_has_happened_or_not() {
        for (op, there) in [(ZoneOp::Reset, ZoneState::Empty), (ZoneOp::Finish, ZoneState::Full)] {
            let mut happened = 0;
            for seed in 0..40 {
                let mut disk = Disk::zoned(TRAITS, 4);
                write(&mut disk, 1, 0, true);
                disk.begin_zone_op(0, op);
                disk.crash(&mut Chance::new(seed));
                let state = disk.report(0, TRAITS.bytes)[0].state;
                assert!(state == there || state == ZoneState::Active, "{op:?}: {state:?}");
                happened += u32::from(state == there);
            }
            assert!((5..35).contains(&happened), "{op:?}: {happened} of 40");
        }
    }

    #[test]
    fn the_process_alone_is_gone() {
        let mut disk = Disk::zoned(TRAITS, 4);
        write(&mut disk, 1, 0, true);
        disk.submit(2, BLOCK_SIZE as u64, block(2));
        disk.submit(3, TRAITS.bytes, block(3));
        disk.complete(3, true);
        disk.begin_zone_op(TRAITS.bytes, ZoneOp::Reset);
        disk.complete_all();
        assert_eq!(written(&disk), 8192);
        assert_eq!(disk.read(4096, 4096), block(2));
        assert_eq!(disk.report(TRAITS.bytes, TRAITS.bytes)[0].state, ZoneState::Empty);
    }

    fn refused(what: impl FnOnce(&mut Disk) + std::panic::UnwindSafe) {
        let mut disk = Disk::zoned(TRAITS, 4);
        write(&mut disk, 1, 0, true);
        assert!(std::panic::catch_unwind(move || what(&mut disk)).is_err());
    }

    #[test]
    fn what_a_device_refuses_is_refused() {
        refused(|disk| write(disk, 2, 0, true));
        refused(|disk| write(disk, 2, 2, true));
        refused(|disk| drop(disk.read(4096, 4096)));
        refused(|disk| {
            disk.submit(2, 4096, block(2));
            disk.submit(3, 8192, block(3));
        });
        refused(|disk| {
            disk.begin_zone_op(0, ZoneOp::Finish);
            disk.end_zone_op(0);
            write(disk, 2, 1, true);
        });
        // The third active zone.
        refused(|disk| {
            write(disk, 2, 16, true);
            write(disk, 3, 32, true);
        });
    }
}
