//! The allocator's memory that nobody uses, given back to the kernel.
//!
//! mimalloc does so some time after a piece was freed, but only when it is next asked for a new one: a
//! process that has become idle kept what its last client had cost it until the next came.

use std::time::Duration;
use types::time::Instant;

/// Longer than the allocator's own delay, which is one second.
const PERIOD: Duration = Duration::from_secs(2);

/// Of one thread.
pub(crate) struct GiveBack {
    next: Instant,
}

impl GiveBack {
    pub fn new(now: Instant) -> Self {
        Self { next: now + PERIOD }
    }

    /// Called in each turn. It has no deadline of its own: cores of an OSD have timers that are due more
    /// often.
    pub fn turn(&mut self, now: Instant) {
        if now < self.next {
            return;
        }
        self.next = now + PERIOD;
        // SAFETY: it looks at the calling thread's free pages and at those that belong to no thread,
        // under the allocator's own locks; no memory that is in use changes. Where another allocator is
        // the program's, there are none.
        unsafe { libmimalloc_sys::mi_collect(false) }
    }
}
