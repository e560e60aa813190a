//! Receive buffers that no connection holds until its bytes arrive: a ring of buffers that the kernel
//! takes from when there is something to put there. A thousand idle connections share these few.

use bytes::BytesMut;
use io_uring::IoUring;
use io_uring::types::BufRingEntry;
use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::collections::VecDeque;
use std::io;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

/// The group by which receives name the buffers.
pub const GROUP: u16 = 0;
/// Buffers, a power of two. The kernel takes them in turn, so all of them should fit in a CPU's cache
/// as far as they are touched; who finds none when bytes arrive is given one of its own.
const BUFFERS: u16 = 8;
/// Bytes of a new buffer. What a busy connection has at hand should fit.
const BUFFER_BYTES: usize = 128 << 10;
/// So much, and it is copied out: that costs less than memory that is in no cache, and a small message
/// that is kept for a while does not hold a large buffer.
const COPIED_BYTES_MAX: usize = 8 << 10;
/// Buffers that were given away and are looked after, to be offered again once nobody holds a part of
/// them: memory that is new to the process costs a page fault and the kernel's clearing of it.
const GIVEN_MAX: usize = 32;
/// Room for a connection that finds no buffer offered.
pub const OWN_BYTES: usize = 16 << 10;
/// The kernel wants the ring to begin on a page.
const PAGE: usize = 4096;
const _: () = assert!(BUFFERS.is_power_of_two());
const _: () = assert!(BUFFERS as usize * size_of::<BufRingEntry>() <= PAGE);

/// The ring, and the buffers in it. Never freed, as the kernel may write into them for some time after
/// the descriptor of the io_uring is closed; a core has one until its process ends.
pub struct Lent {
    /// Entries that the kernel reads; the first one's spare field is the ring's end.
    ring: NonNull<BufRingEntry>,
    end: u16,
    /// What is offered, by the number that the kernel knows it by. Its memory is the kernel's.
    offered: ManuallyDrop<[Option<BytesMut>; BUFFERS as usize]>,
    vacant: Vec<u16>,
    /// An empty part of each buffer that was given away, the oldest first.
    given: VecDeque<BytesMut>,
}

impl Lent {
    /// Registers a ring with `uring`.
    pub fn new(uring: &IoUring) -> io::Result<Self> {
        let layout = Layout::from_size_align(PAGE, PAGE).expect("a page");
        // SAFETY: the layout's size is not 0.
        let page = NonNull::new(unsafe { alloc_zeroed(layout) });
        let page = page.unwrap_or_else(|| handle_alloc_error(layout));
        let lent = Self {
            ring: page.cast(),
            end: 0,
            offered: ManuallyDrop::new([const { None }; BUFFERS as usize]),
            vacant: (0..BUFFERS).collect(),
            given: VecDeque::new(),
        };
        let at = lent.ring.as_ptr() as u64;
        // SAFETY: a page that holds all entries, all zero, so that the ring is empty; it is
        // never freed.
        unsafe { uring.submitter().register_buf_ring_with_flags(at, BUFFERS, GROUP, 0)? };
        Ok(lent)
    }

    /// Offers buffers for those that were given away: earlier ones of which nobody holds a part any
    /// more, or new ones.
    pub fn fill_up(&mut self) {
        while let Some(id) = self.vacant.pop() {
            let free = self.given.iter_mut().position(|part| part.try_reclaim(BUFFER_BYTES));
            let again = free.and_then(|at| self.given.remove(at));
            self.offer(id, again.unwrap_or_else(|| BytesMut::with_capacity(BUFFER_BYTES)));
        }
    }

    fn offer(&mut self, id: u16, mut buf: BytesMut) {
        let spare = buf.spare_capacity_mut();
        let (at, len) = (spare.as_mut_ptr() as u64, spare.len() as u32);
        let index = (self.end & (BUFFERS - 1)) as usize;
        // SAFETY: the index is below the number of entries. At most as many are offered as there are
        // numbers, so the kernel has taken what this entry offered before, and reads none beyond
        // `end`. The fields are set one by one, as the end of the ring lies in an unused one of the
        // first entry.
        unsafe {
            let entry = &mut *self.ring.as_ptr().add(index);
            entry.set_addr(at);
            entry.set_len(len);
            entry.set_bid(id);
        }
        self.offered[id as usize] = Some(buf);
        self.end = self.end.wrapping_add(1);
        // SAFETY: the address lies in the ring's page and is aligned for a u16; this side writes it
        // and the kernel reads it. Release shows the entry first.
        unsafe {
            let end = BufRingEntry::tail(self.ring.as_ptr()).cast_mut();
            AtomicU16::from_ptr(end).store(self.end, Ordering::Release);
        }
    }

    /// What has arrived in buffer `id`: its first `len` bytes.
    ///
    /// # Panics
    /// If the kernel names a buffer that it was not offered, or more bytes than that has.
    pub fn received(&mut self, id: u16, len: usize) -> BytesMut {
        let mut buf =
            self.offered[id as usize].take().expect("the kernel names what it was offered");
        assert!(len <= buf.capacity(), "the kernel received past the buffer's end");
        debug_assert!(buf.is_empty());
        // SAFETY: the kernel has written `len` bytes from the buffer's start on, where its spare
        // capacity began, and is done with it.
        unsafe { buf.set_len(len) };
        if len > COPIED_BYTES_MAX {
            self.vacant.push(id);
            if self.given.len() == GIVEN_MAX {
                self.given.pop_front();
            }
            self.given.push_back(buf.split_to(0));
            return buf;
        }
        let copy = BytesMut::from(&buf[..]);
        buf.clear();
        self.offer(id, buf);
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_offered_again_once_nobody_holds_a_part_of_it() {
        let mut lent = Lent::new(&IoUring::new(8).unwrap()).unwrap();
        lent.fill_up();
        let at = |lent: &Lent| lent.offered[0].as_ref().map(|buf| buf.as_ptr());
        let first = at(&lent);
        let mut frames = lent.received(0, COPIED_BYTES_MAX + 1).freeze();
        let held = frames.split_off(COPIED_BYTES_MAX);
        drop(frames);
        lent.fill_up();
        assert!(at(&lent) != first, "a part of it is held");
        drop(held);
        drop(lent.received(0, COPIED_BYTES_MAX + 1));
        lent.fill_up();
        assert_eq!((at(&lent), lent.given.len()), (first, 1));
        // Who holds parts of many does not hold the list.
        let held: Vec<_> = (0..2 * GIVEN_MAX)
            .map(|_| {
                let buf = lent.received(0, COPIED_BYTES_MAX + 1);
                lent.fill_up();
                buf
            })
            .collect();
        assert_eq!(lent.given.len(), GIVEN_MAX);
        drop(held);
    }
}
