//! Requests of rdma_cm, which come to one core, handed to all cores in turn.
//!
//! One address has one listener of rdma_cm, whose core takes every request. Cores whose configurations
//! are clones of one share a [`Handout`]; each that takes part has a [`Seat`] with an eventfd, which its
//! ring polls. TCP connections are handed out by the mesh of cores (`hop.rs`), whatever they carry.

use super::cm::CmId;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard};

/// A peer that wants to connect.
pub struct Request {
    pub id: CmId,
    pub private_data: Vec<u8>,
}

/// What the cores share.
#[derive(Clone, Default)]
pub struct Handout(Arc<Mutex<Seats>>);

#[derive(Default)]
struct Seats {
    taken: Vec<Place>,
    /// Numbers the seats, and whose turn it is.
    made: u64,
    turn: usize,
}

struct Place {
    number: u64,
    wake: Arc<File>,
    waiting: VecDeque<Request>,
}

/// A core's own place. When it goes, who waits there is rejected.
pub struct Seat {
    handout: Handout,
    number: u64,
    wake: Arc<File>,
}

impl std::fmt::Debug for Handout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handout of {} cores", self.seats().taken.len())
    }
}

impl Handout {
    fn seats(&self) -> MutexGuard<'_, Seats> {
        // Nothing that is done under it leaves it half done.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Takes part from now on.
    pub fn join(&self) -> io::Result<Seat> {
        // SAFETY: no pointers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given this process a new descriptor, which nobody else owns.
        let wake = Arc::new(unsafe { File::from_raw_fd(fd) });
        let mut seats = self.seats();
        let number = seats.made;
        seats.made += 1;
        seats.taken.push(Place { number, wake: wake.clone(), waiting: VecDeque::new() });
        drop(seats);
        Ok(Seat { handout: self.clone(), number, wake })
    }
}

impl Seat {
    /// Readable when [`Seat::take`] has something.
    pub fn fd(&self) -> RawFd {
        self.wake.as_raw_fd()
    }

    /// Hands a request to the core whose turn it is; gives it back if that is this one.
    pub fn hand_out(&self, request: Request) -> Option<Request> {
        let mut seats = self.handout.seats();
        seats.turn = (seats.turn + 1) % seats.taken.len();
        let turn = seats.turn;
        let place = &mut seats.taken[turn];
        if place.number == self.number {
            return Some(request);
        }
        place.waiting.push_back(request);
        // A count that is full wakes as well.
        let _ = (&*place.wake).write(&1_u64.to_ne_bytes());
        None
    }

    /// What was handed to this core.
    pub fn take(&self) -> VecDeque<Request> {
        let _ = (&*self.wake).read(&mut [0; 8]);
        let mut seats = self.handout.seats();
        let own = seats.taken.iter_mut().find(|place| place.number == self.number);
        own.map(|place| std::mem::take(&mut place.waiting)).unwrap_or_default()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.handout.seats();
        let own = seats.taken.iter().position(|place| place.number == self.number);
        let place = own.map(|at| seats.taken.remove(at));
        drop(seats);
        // Rejects those who wait, without the lock.
        drop(place);
    }
}
