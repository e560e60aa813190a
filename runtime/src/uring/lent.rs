//! Receive buffers that no connection holds until its bytes arrive: a ring of buffers that the kernel
//! takes from when there is something to put there. A thousand idle connections share these few.

use bytes::BytesMut;
use io_uring::IoUring;
use io_uring::types::BufRingEntry;
use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
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
/// A buffer with less room is not offered again.
const OFFERED_BYTES_MIN: usize = 32 << 10;
/// So much, and it is copied out: that costs less than memory that is in no cache, and a small message
/// that is kept for a while does not hold a large buffer.
const COPIED_BYTES_MAX: usize = 8 << 10;
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
        };
        let at = lent.ring.as_ptr() as u64;
        // SAFETY: a page that holds all entries, all zero, so that the ring is empty; it is
        // never freed.
        unsafe { uring.submitter().register_buf_ring_with_flags(at, BUFFERS, GROUP, 0)? };
        Ok(lent)
    }

    /// Takes back a buffer that holds nothing, if it has room and is wanted.
    pub fn take_back(&mut self, buf: BytesMut) {
        debug_assert!(buf.is_empty());
        if buf.capacity() >= OFFERED_BYTES_MIN
            && let Some(id) = self.vacant.pop()
        {
            self.offer(id, buf);
        }
    }

    /// Offers new buffers for those that were given away.
    pub fn fill_up(&mut self) {
        while let Some(id) = self.vacant.pop() {
            self.offer(id, BytesMut::with_capacity(BUFFER_BYTES));
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
            return buf;
        }
        let copy = BytesMut::from(&buf[..]);
        buf.clear();
        self.offer(id, buf);
        copy
    }
}
