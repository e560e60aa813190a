//! Memory for large frames and large reads, used again and again.
//!
//! The allocator gives large pieces back to the kernel soon after they are freed, and the kernel clears
//! each page of what it gives out anew: for 4 MiB that costs more than all else a replica does with
//! them. Of each piece that is lent there stays a handle here, which tells from the count of references
//! when nobody has any byte of it: no send, no write to the device, no other core. Then it is lent
//! again. What was not lent for a while goes back to the allocator, so that an idle daemon is small.
//!
//! A device that is to write into a piece has to know it; it is made known at first use, and what it is
//! known by stays with the piece ([`Slabs::registered`]).

use crate::rdma::Registered;
use bytes::BytesMut;
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;
use types::node::{BLOCK_SIZE, Heap, ReceiveMemory, align};
use types::time::Instant;

/// The allocator keeps pieces below this itself.
const LEN_MIN: usize = 64 << 10;
/// Bytes of all pieces that one core keeps, lent or not. What it lends beyond is the allocator's again
/// once it is free.
const KEPT_BYTES_MAX: usize = 64 << 20;
/// A piece that was not lent for one to two of these is kept no longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a device does with a piece.
#[derive(Debug, Clone, Copy)]
pub enum Use {
    /// It writes what it receives there.
    Received,
    /// It sends from there.
    Offered,
}

/// One piece. Fields drop in this order: no device knows memory that may be another's.
struct Slab<R> {
    /// For each [`Use`]. `None` until it is asked for; none inside where it was refused.
    registered: [Option<Option<Rc<R>>>; 2],
    /// Empty, at its start; one of the references to it.
    handle: BytesMut,
    /// A size of [`piece_bytes`].
    bytes: usize,
    /// [`Kept::period`] in which it was lent last.
    lent: u64,
}

struct Kept<R> {
    slabs: Vec<Slab<R>>,
    bytes: usize,
    period: u64,
    /// When the period ends; none without a piece.
    trim_at: Option<Instant>,
}

/// Pieces of one core. `R` is what a device knows one by.
pub struct Slabs<R = Registered>(RefCell<Kept<R>>);

impl<R> Default for Slabs<R> {
    fn default() -> Self {
        Self(RefCell::new(Kept { slabs: Vec::new(), bytes: 0, period: 0, trim_at: None }))
    }
}

impl<R> Slabs<R> {
    /// When [`Slabs::trim`] has something to do.
    pub fn deadline(&self) -> Instant {
        self.0.borrow().trim_at.unwrap_or(Instant::NEVER)
    }

    /// Gives back what has not been lent for some time. Cheap before the deadline.
    pub fn trim(&self, now: Instant) {
        let mut kept = self.0.borrow_mut();
        match kept.trim_at {
            Some(at) if at > now => return,
            None if kept.slabs.is_empty() => return,
            Some(_) => {
                kept.period += 1;
                let period = kept.period;
                kept.slabs.retain(|slab| slab.lent + 1 >= period);
                kept.bytes = kept.slabs.iter().map(|slab| slab.bytes).sum();
            }
            None => {}
        }
        kept.trim_at = (!kept.slabs.is_empty()).then(|| now + PATIENCE);
    }

    /// What the piece is known by in which all of `range` lies, as addresses. `register` is asked once for
    /// each piece and use, with the piece's first byte and its length. `None`: it was refused, or the
    /// piece is not kept here.
    ///
    /// A clone is to be dropped before the last part of the piece that its owner has: what a device knows
    /// must not be the allocator's again.
    pub fn registered(
        &self,
        to_be: Use,
        range: Range<usize>,
        register: impl FnOnce(*mut u8, usize) -> Option<R>,
    ) -> Option<Rc<R>> {
        let mut kept = self.0.borrow_mut();
        let slab = kept.slabs.iter_mut().find(|slab| {
            let start = slab.handle.as_ptr() as usize;
            start <= range.start && range.end <= start + slab.bytes
        })?;
        let Slab { registered, handle, bytes, .. } = slab;
        let registered = &mut registered[to_be as usize];
        registered.get_or_insert_with(|| register(handle.as_mut_ptr(), *bytes).map(Rc::new)).clone()
    }
}

/// Bytes of the piece for `len` bytes wherever they begin in a block. Few sizes, so that pieces fit
/// again, with at most an eighth beyond.
fn piece_bytes(len: usize) -> usize {
    let needed = len + BLOCK_SIZE;
    needed.next_multiple_of(needed.next_power_of_two() / 16)
}

impl<R> ReceiveMemory for Slabs<R> {
    fn room(&self, len: usize, at: usize) -> BytesMut {
        if len < LEN_MIN {
            return Heap.room(len, at);
        }
        let mut kept = self.0.borrow_mut();
        let (bytes, period) = (piece_bytes(len), kept.period);
        // The first ones most often, so that the last ones are not lent for a while.
        let fits = |slab: &mut Slab<R>| slab.bytes == bytes && slab.handle.try_reclaim(bytes);
        let found = kept.slabs.iter_mut().find_map(|slab| fits(slab).then_some(slab));
        let whole = match found {
            Some(slab) => {
                slab.lent = period;
                slab.handle.split_off(0)
            }
            None => {
                let mut whole = BytesMut::with_capacity(bytes);
                let handle = whole.split_to(0);
                if kept.bytes + bytes <= KEPT_BYTES_MAX {
                    kept.bytes += bytes;
                    kept.slabs.push(Slab { registered: [None, None], handle, bytes, lent: period });
                }
                whole
            }
        };
        let mut room = align(whole, at);
        // Nothing is received behind what was asked for: a piece should not be held for two frames.
        drop(room.split_off(len));
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::node::BLOCK_SIZE;

    const MIB: usize = 1 << 20;

    fn filled(slabs: &Slabs, len: usize, byte: u8) -> bytes::Bytes {
        let mut room = slabs.room(len, 117);
        let start = room.as_ptr();
        room.resize(len, byte);
        assert_eq!(room.as_ptr(), start, "it holds what was asked for");
        assert_eq!(room.capacity(), len, "and no more");
        assert!((start as usize + 117).is_multiple_of(BLOCK_SIZE));
        room.freeze()
    }

    #[test]
    fn a_piece_is_lent_again_once_nobody_has_any_of_it() {
        let slabs = Slabs::default();
        let first = filled(&slabs, 4 * MIB, 1);
        let (at, part) = (first.as_ptr(), first.slice(4096..4097));
        let second = filled(&slabs, 4 * MIB + 100, 2);
        drop(first);
        let third = filled(&slabs, 4 * MIB - 100, 3);
        assert!(second.as_ptr() != at && third.as_ptr() != at);
        assert_eq!(part, [1][..], "whoever has one byte has it still");
        // The last reference goes on another thread.
        std::thread::spawn(move || drop(part)).join().unwrap();
        assert_eq!(filled(&slabs, 4 * MIB, 4).as_ptr(), at);
        assert!(second.iter().all(|b| *b == 2) && third.iter().all(|b| *b == 3));
        // A buffer that was never frozen, and one cut in two.
        let mut room = slabs.room(4 * MIB, 117);
        room.resize(4 * MIB, 5);
        assert_eq!(room.as_ptr(), at);
        let tail = room.split_off(MIB);
        drop(room);
        assert_ne!(filled(&slabs, 4 * MIB, 6).as_ptr(), at);
        drop(tail);
        assert_eq!(filled(&slabs, 4 * MIB, 7).as_ptr(), at);
    }

    #[test]
    fn what_is_kept_has_a_bound_and_an_end() {
        let slabs = Slabs::default();
        let second = |s: u64| Instant(s * 1_000_000_000);
        assert_eq!(slabs.deadline(), Instant::NEVER);
        let held: Vec<_> = (0..40).map(|i| filled(&slabs, 4 * MIB, i)).collect();
        let kept = slabs.0.borrow().slabs.len();
        assert!((10..=KEPT_BYTES_MAX / (4 * MIB)).contains(&kept), "{kept}");
        assert!(slabs.0.borrow().bytes <= KEPT_BYTES_MAX);
        assert!((0..40).all(|i| held[i].iter().all(|b| *b == i as u8)));
        drop(held);
        slabs.trim(second(1));
        assert_eq!(slabs.deadline(), second(3));
        // One is used all the time, the others are not.
        for at in 2..=7 {
            slabs.trim(second(at));
            drop(filled(&slabs, 4 * MIB, 0));
        }
        assert_eq!(slabs.0.borrow().slabs.len(), 1);
        (8..=11).for_each(|at| slabs.trim(second(at)));
        assert_eq!((slabs.0.borrow().bytes, slabs.deadline()), (0, Instant::NEVER));
    }

    #[test]
    fn a_piece_is_made_known_once_and_for_as_long_as_it_is_kept() {
        struct Known(usize, Rc<std::cell::Cell<u32>>);
        impl Drop for Known {
            fn drop(&mut self) {
                self.1.set(self.1.get() - 1);
            }
        }
        let known = Rc::new(std::cell::Cell::new(0));
        let slabs = Slabs::<Known>::default();
        let room = slabs.room(4 * MIB, 117);
        let range = |room: &BytesMut| {
            let start = room.as_ptr() as usize;
            start..start + room.capacity()
        };
        let register = |start: *mut u8, len: usize| {
            assert!(len >= 4 * MIB);
            known.set(known.get() + 1);
            Some(Known(start as usize, known.clone()))
        };
        let own = range(&room);
        let first = slabs.registered(Use::Received, own.clone(), register).unwrap();
        assert!(first.0 <= own.start && own.end <= first.0 + piece_bytes(4 * MIB));
        drop(room);
        let room = slabs.room(4 * MIB, 0);
        let again =
            slabs.registered(Use::Received, range(&room), |_, _| panic!("it is known")).unwrap();
        assert!(Rc::ptr_eq(&first, &again));
        let offered = slabs.registered(Use::Offered, range(&room), register).unwrap();
        assert!(!Rc::ptr_eq(&first, &offered) && known.get() == 2);
        // Another one, one that is refused, and what is in none.
        let other = slabs.room(4 * MIB, 0);
        assert!(slabs.registered(Use::Received, range(&other), |_, _| None).is_none());
        assert!(
            slabs.registered(Use::Received, range(&other), |_, _| panic!("asked again")).is_none()
        );
        let heap = BytesMut::with_capacity(4 * MIB);
        assert!(
            slabs
                .registered(Use::Received, range(&heap), |_, _| panic!("it is the allocator's"))
                .is_none()
        );
        let beyond = own.start..own.end + MIB;
        assert!(slabs.registered(Use::Received, beyond, |_, _| panic!("beyond its end")).is_none());
        // It is forgotten when whoever still used it lets go, though the piece is lent.
        (0..=3).for_each(|at| slabs.trim(Instant(at * 3_000_000_000)));
        assert!(slabs.0.borrow().slabs.is_empty() && known.get() == 2);
        drop((first, again, offered));
        assert_eq!(known.get(), 0);
        drop(room);
    }

    #[test]
    fn small_ones_are_the_allocators() {
        let slabs = Slabs::default();
        assert_eq!(filled(&slabs, LEN_MIN - 1, 1).len(), LEN_MIN - 1);
        assert!(slabs.0.borrow().slabs.is_empty());
        for len in [LEN_MIN, 100_000, 1 << 20, 4 << 20, 100 << 20] {
            let bytes = piece_bytes(len);
            assert!((len + BLOCK_SIZE..len + len / 8 + 2 * BLOCK_SIZE).contains(&bytes), "{len}");
        }
    }
}
