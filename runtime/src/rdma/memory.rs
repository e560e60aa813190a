//! Registered memory, in pieces of one size. It grows with use up to a bound, and is not given back
//! before the end: registering is slow.

use super::verbs::{Context, Registered};
use std::io;
use std::ptr::NonNull;
use std::rc::Rc;

const HUGE_PAGE: usize = 2 << 20;

/// Pages of our own, huge ones where the system has set some aside.
struct Pages {
    start: NonNull<u8>,
    len: usize,
}

impl Pages {
    /// `len` is a multiple of [`HUGE_PAGE`]. All zero.
    fn new(len: usize) -> io::Result<Self> {
        let map = |len: usize, flags: i32| {
            // SAFETY: a new private mapping that is backed by no file touches no other memory.
            let start = unsafe {
                libc::mmap(
                    std::ptr::null_mut(),
                    len,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags,
                    -1,
                    0,
                )
            };
            (start != libc::MAP_FAILED).then(|| NonNull::new(start.cast::<u8>())).flatten()
        };
        if let Some(start) = map(len, libc::MAP_HUGETLB) {
            return Ok(Self { start, len });
        }
        let start = map(len, 0).ok_or_else(io::Error::last_os_error)?;
        // SAFETY: the range was just mapped; the advice changes no contents, and is only advice.
        unsafe { libc::madvise(start.as_ptr().cast(), len, libc::MADV_HUGEPAGE) };
        Ok(Self { start, len })
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: mapped with this length, and no longer in use: see `Region`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// Fields drop in this order: the device lets go of the pages before they are.
struct Region {
    registered: Registered,
    pages: Pages,
}

/// Pieces of `piece_bytes`, numbered from 0.
pub struct Pool {
    context: Rc<Context>,
    access: i32,
    piece_bytes: usize,
    per_region: usize,
    pieces_max: usize,
    regions: Vec<Region>,
    free: Vec<u32>,
    pub in_use: usize,
}

impl Pool {
    /// `access`: what the device may do there, as verbs write it.
    pub fn new(context: &Rc<Context>, access: i32, piece_bytes: usize, pieces_max: usize) -> Self {
        Self {
            context: context.clone(),
            access,
            piece_bytes,
            per_region: (HUGE_PAGE / piece_bytes).max(1),
            pieces_max,
            regions: Vec::new(),
            free: Vec::new(),
            in_use: 0,
        }
    }

    /// A piece that nobody else has; `None`: all are in use, or the device takes no more memory.
    pub fn take(&mut self) -> Option<u32> {
        if self.free.is_empty() {
            self.grow().ok()?;
        }
        let piece = self.free.pop()?;
        self.in_use += 1;
        Some(piece)
    }

    fn grow(&mut self) -> io::Result<()> {
        let have = self.regions.len() * self.per_region;
        if have >= self.pieces_max {
            return Ok(());
        }
        let len = (self.per_region * self.piece_bytes).next_multiple_of(HUGE_PAGE);
        let pages = Pages::new(len)?;
        // SAFETY: the pages live in the same `Region`, which unregisters them first.
        let registered = unsafe { self.context.register(pages.start.as_ptr(), len, self.access) }?;
        self.regions.push(Region { registered, pages });
        let end = (have + self.per_region).min(self.pieces_max);
        // The lowest are used first, and again while they are in the CPU's cache.
        self.free.extend((have..end).rev().map(|i| i as u32));
        Ok(())
    }

    pub fn give(&mut self, piece: u32) {
        debug_assert!(!self.free.contains(&piece), "piece {piece} is free already");
        self.in_use -= 1;
        self.free.push(piece);
    }

    fn place(&self, piece: u32) -> (&Region, *mut u8) {
        let region = &self.regions[piece as usize / self.per_region];
        let at = piece as usize % self.per_region * self.piece_bytes;
        debug_assert!(at + self.piece_bytes <= region.pages.len);
        // SAFETY: `at` lies within the region, whose length is `per_region` pieces and more.
        (region, unsafe { region.pages.start.as_ptr().add(at) })
    }

    pub fn address(&self, piece: u32) -> u64 {
        self.place(piece).1 as u64
    }
    pub fn lkey(&self, piece: u32) -> u32 {
        self.place(piece).0.registered.lkey
    }
    pub fn rkey(&self, piece: u32) -> u32 {
        self.place(piece).0.registered.rkey
    }

    /// What is in a piece.
    ///
    /// # Safety
    /// The device does not write to it: no receive or read into it is under way.
    pub unsafe fn bytes(&self, piece: u32) -> &[u8] {
        // SAFETY: all of the piece is mapped, and zeroed when it was; writers: the caller's promise.
        unsafe { std::slice::from_raw_parts(self.place(piece).1, self.piece_bytes) }
    }

    /// A piece to write to.
    ///
    /// # Safety
    /// The device does not use it: nothing into it or from it is under way.
    pub unsafe fn bytes_mut(&mut self, piece: u32) -> &mut [u8] {
        // SAFETY: as above; the pool is borrowed for as long, so nobody else has the piece.
        unsafe { std::slice::from_raw_parts_mut(self.place(piece).1, self.piece_bytes) }
    }
}
