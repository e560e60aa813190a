//! Memory for reads and writes of the device, registered with the ring once instead of pinned for
//! every one of them.

use crate::slabs::Slabs;
use bytes::{Bytes, BytesMut};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use types::node::{ReceiveMemory, WriteMemory};

/// Sizes of pieces, ascending, and how many there are of each.
type Classes = [(usize, usize); 3];
/// Longer reads have memory of [`Slabs`].
const READS: Classes = [(4 << 10, 1024), (16 << 10, 64), (64 << 10, 48)];
/// Records of the journal have 8 KiB to some 100 KiB, with many shards on a core there are many
/// small ones; the cleaner's have up to 1 MiB.
const WRITES: Classes = [(16 << 10, 64), (128 << 10, 24), (1 << 20, 4)];
/// A multiple of a huge page, so that the kernel registers few large parts.
const REGION_BYTES: usize = 8 << 20;
const HUGE_PAGE: usize = 2 << 20;

const fn class_bytes(classes: &Classes) -> usize {
    let (mut sum, mut i) = (0, 0);
    while i < classes.len() {
        sum += classes[i].0 * classes[i].1;
        i += 1;
    }
    sum
}
const _: () = assert!(class_bytes(&READS) == REGION_BYTES && class_bytes(&WRITES) == REGION_BYTES);

/// The memory, and which pieces of each class are free, as offsets.
struct Region {
    base: NonNull<u8>,
    classes: Classes,
    /// Pieces come back on whichever core drops the last reference to what was read. Nobody holds
    /// the lock for longer than a push or a pop takes.
    free: Mutex<[Vec<u32>; 3]>,
}

// SAFETY: `base` points to memory that the region owns. A piece of it is accessed only through the
// one `Piece` that has taken it off the free list, so threads never share bytes.
unsafe impl Send for Region {}
// SAFETY: as above; the lists are behind a lock.
unsafe impl Sync for Region {}

impl Region {
    fn layout() -> Layout {
        Layout::from_size_align(REGION_BYTES, HUGE_PAGE).expect("both are powers of two")
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and no piece is left: each holds the region.
        unsafe { dealloc(self.base.as_ptr(), Self::layout()) }
    }
}

/// A part of the region. Goes back when it is dropped.
struct Piece {
    region: Arc<Region>,
    offset: u32,
    class: u8,
    /// Bytes that are in it.
    len: usize,
}

impl Piece {
    fn start(&self) -> *mut u8 {
        // SAFETY: offsets on the free lists lie in the region, with the piece's whole size.
        unsafe { self.region.base.as_ptr().add(self.offset as usize) }
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the region was zeroed when it was allocated, so all of it is initialised; the
        // piece is this value's alone; `len` is at most the size of its class.
        unsafe { std::slice::from_raw_parts(self.start(), self.len) }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mut free = self.region.free.lock().unwrap_or_else(|e| e.into_inner());
        free[self.class as usize].push(self.offset);
    }
}

/// Where pieces come from. Each ring has one for what it reads and one for what it writes.
pub struct Pool {
    region: Arc<Region>,
    /// For what is larger, or finds no piece.
    slabs: Rc<Slabs>,
}

impl Pool {
    pub fn for_reads(slabs: &Rc<Slabs>) -> Self {
        Self::new(READS, slabs)
    }
    pub fn for_writes(slabs: &Rc<Slabs>) -> Self {
        Self::new(WRITES, slabs)
    }

    fn new(classes: Classes, slabs: &Rc<Slabs>) -> Self {
        let layout = Region::layout();
        // SAFETY: the layout's size is not 0.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) });
        let base = base.unwrap_or_else(|| handle_alloc_error(layout));
        // SAFETY: the range was just allocated; the advice changes no contents, and is only advice.
        unsafe { libc::madvise(base.as_ptr().cast(), REGION_BYTES, libc::MADV_HUGEPAGE) };
        let mut offset = 0;
        let free = classes.map(|(size, count)| {
            let mut pieces: Vec<u32> = (0..count).map(|i| (offset + i * size) as u32).collect();
            offset += size * count;
            // The lowest are used first, and again while they are in the CPU's cache.
            pieces.reverse();
            pieces
        });
        let region = Arc::new(Region { base, classes, free: Mutex::new(free) });
        Self { region, slabs: slabs.clone() }
    }

    /// All of it, for the kernel.
    pub fn as_iovec(&self) -> libc::iovec {
        libc::iovec { iov_base: self.region.base.as_ptr().cast(), iov_len: REGION_BYTES }
    }

    /// Whether all of `bytes` lies in it.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        let start = (bytes.as_ptr() as usize).wrapping_sub(self.region.base.as_ptr() as usize);
        is_within(start, bytes.len())
    }

    fn take(&self, len: usize) -> Option<Piece> {
        let class = self.region.classes.iter().position(|(size, _)| len <= *size)?;
        let offset = self.region.free.lock().unwrap_or_else(|e| e.into_inner())[class].pop()?;
        Some(Piece { region: self.region.clone(), offset, class: class as u8, len: 0 })
    }
}

impl WriteMemory for Pool {
    fn join(&self, parts: &[&[u8]]) -> Bytes {
        let len = parts.iter().map(|part| part.len()).sum();
        let Some(mut piece) = self.take(len) else {
            let mut room = self.slabs.room(len, 0);
            parts.iter().for_each(|part| room.extend_from_slice(part));
            return room.freeze();
        };
        for part in parts {
            // SAFETY: the piece is this value's alone and takes `len` bytes, the sum of all parts,
            // of which `piece.len` have been written; a part is borrowed from elsewhere, or from
            // another piece, so the two do not overlap.
            unsafe {
                std::ptr::copy_nonoverlapping(
                    part.as_ptr(),
                    piece.start().add(piece.len),
                    part.len(),
                );
            }
            piece.len += part.len();
        }
        Bytes::from_owner(piece)
    }
}

/// Whether so many bytes from there on are a region's.
fn is_within(start: usize, len: usize) -> bool {
    start < REGION_BYTES && len <= REGION_BYTES - start
}

/// Memory for one read, of the pool while it has some, else of the slabs. Its address does not change
/// when the value moves.
pub struct ReadBuf(Kind);

enum Kind {
    Registered(Piece),
    Own(BytesMut),
}

impl ReadBuf {
    /// Room for `len` bytes.
    pub fn new(len: usize, pool: Option<&Pool>, slabs: &Slabs) -> Self {
        Self(match pool.and_then(|pool| pool.take(len)) {
            Some(piece) => Kind::Registered(piece),
            None => Kind::Own(slabs.room(len, 0)),
        })
    }

    /// Whether it lies in memory that is registered with the ring.
    pub fn is_registered(&self) -> bool {
        matches!(self.0, Kind::Registered(_))
    }

    /// Bytes read.
    pub fn len(&self) -> usize {
        match &self.0 {
            Kind::Registered(piece) => piece.len,
            Kind::Own(buf) => buf.len(),
        }
    }

    /// Where the next byte goes.
    pub fn end(&mut self) -> *mut u8 {
        match &mut self.0 {
            // SAFETY: `len` is at most the size of the piece.
            Kind::Registered(piece) => unsafe { piece.start().add(piece.len) },
            Kind::Own(buf) => buf.spare_capacity_mut().as_mut_ptr().cast(),
        }
    }

    /// Takes note that `more` bytes have been read.
    ///
    /// # Safety
    /// They were written from [`ReadBuf::end`] on, within the length that was asked for.
    pub unsafe fn advance(&mut self, more: usize) {
        match &mut self.0 {
            Kind::Registered(piece) => piece.len += more,
            // SAFETY: the caller's promise.
            Kind::Own(buf) => unsafe { buf.set_len(buf.len() + more) },
        }
    }

    pub fn freeze(self) -> Bytes {
        match self.0 {
            Kind::Registered(piece) => Bytes::from_owner(piece),
            Kind::Own(buf) => buf.freeze(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(buf: &mut ReadBuf, byte: u8, len: usize) {
        // SAFETY: `len` bytes were asked for.
        unsafe {
            std::ptr::write_bytes(buf.end(), byte, len);
            buf.advance(len);
        }
    }

    #[test]
    fn pieces_are_apart_and_come_back() {
        let slabs = Rc::new(Slabs::default());
        let pool = Pool::for_reads(&slabs);
        let count: usize = READS.iter().map(|(_, count)| count).sum();
        for round in 0..2 {
            let mut held = Vec::new();
            for (class, (size, count)) in READS.into_iter().enumerate() {
                for i in 0..count {
                    let mut buf = ReadBuf::new(size, Some(&pool), &slabs);
                    assert!(buf.is_registered(), "round {round}, class {class}, piece {i}");
                    fill(&mut buf, (class * 100 + i % 97) as u8, size);
                    held.push((buf.freeze(), (class * 100 + i % 97) as u8, size));
                }
            }
            assert_eq!(held.len(), count);
            assert!(
                !ReadBuf::new(1, Some(&pool), &slabs).is_registered(),
                "none of this class is left"
            );
            for (data, byte, size) in &held {
                assert_eq!(data.len(), *size);
                assert!(data.iter().all(|b| b == byte));
                assert_eq!(data.as_ptr() as usize % 4096, 0);
            }
            // The last reference goes on another thread.
            let shared = held[0].0.slice(1..);
            std::thread::spawn(move || drop((held, shared))).join().unwrap();
        }
    }

    #[test]
    fn what_was_read_outlives_the_pool() {
        let slabs = Rc::new(Slabs::default());
        let pool = Pool::for_reads(&slabs);
        let mut buf = ReadBuf::new(5000, Some(&pool), &slabs);
        fill(&mut buf, 3, 2000);
        fill(&mut buf, 4, 3000);
        assert_eq!(buf.len(), 5000);
        drop(pool);
        let data = buf.freeze();
        assert!(data[..2000].iter().all(|b| *b == 3) && data[2000..].iter().all(|b| *b == 4));
        let mut large = ReadBuf::new(1 << 20, Some(&Pool::for_reads(&slabs)), &slabs);
        assert!(!large.is_registered());
        fill(&mut large, 5, 1 << 20);
        assert_eq!(large.freeze().len(), 1 << 20);
    }

    #[test]
    fn what_is_written_is_joined_in_the_pool_while_it_has_room() {
        let slabs = Rc::default();
        let pool = Pool::for_writes(&slabs);
        let (head, data) = (vec![1; 96], vec![2; 9000]);
        let mut held = Vec::new();
        for (size, count) in WRITES {
            let rest = vec![3; size - 9096];
            for _ in 0..count {
                held.push(pool.join(&[&head, &data, &[], &rest]));
            }
            let one_more = pool.join(&[&head, &data, &rest]);
            assert!(!pool.holds(&one_more), "none of {size} is left");
            assert_eq!(&one_more, held.last().unwrap());
        }
        for (i, buf) in held.iter().enumerate() {
            assert!(pool.holds(buf) && (buf.as_ptr() as usize).is_multiple_of(4096));
            assert_eq!((&buf[..96], &buf[96..9096]), (&head[..], &data[..]), "{i}");
            assert!(buf[9096..].iter().all(|b| *b == 3), "{i}");
        }
        drop(held);
        assert!(pool.holds(&pool.join(&[&head])));
        assert!(!pool.holds(&pool.join(&[&vec![0; (1 << 20) + 1]])));
        assert!(!Pool::for_reads(&slabs).holds(&pool.join(&[&head])));
        // Only what lies in it from end to end.
        assert!(is_within(0, REGION_BYTES) && is_within(REGION_BYTES - 1, 1));
        assert!(!is_within(1, REGION_BYTES) && !is_within(REGION_BYTES, 0));
        assert!(!is_within(usize::MAX, 2));
    }
}
