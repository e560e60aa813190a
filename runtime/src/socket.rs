//! Settings of sockets that the standard library does not offer.

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
