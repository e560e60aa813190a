//! Settings of sockets that the standard library does not offer, and how much to read from one at a time.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

/// How many connections may wait to be accepted. Linux lets a listening socket be told again.
pub fn set_backlog(listener: &TcpListener, backlog: i32) -> io::Result<()> {
    // SAFETY: listen takes a descriptor, which `listener` keeps open, and an integer.
    if unsafe { libc::listen(listener.as_raw_fd(), backlog) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// How much room to read into: learnt from what earlier reads brought.
#[derive(Debug)]
pub struct ReadRoom(usize);

impl ReadRoom {
    const MIN: usize = 4 << 10;
    const MAX: usize = 128 << 10;

    pub fn bytes(&self) -> usize {
        self.0
    }
    /// A read has brought so many bytes.
    pub fn note(&mut self, bytes: usize) {
        if bytes >= self.0 {
            self.0 = (self.0 * 2).min(Self::MAX);
        } else if bytes < self.0 / 8 {
            self.0 = (self.0 / 2).max(Self::MIN);
        }
    }
}

impl Default for ReadRoom {
    fn default() -> Self {
        Self(Self::MIN)
    }
}
