//! What the standard library does not offer of sockets, and how much to read from one at a time.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd};

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

/// The kernel's form of an address, and its length.
pub fn sockaddr(addr: SocketAddr) -> (libc::sockaddr_storage, libc::socklen_t) {
    // SAFETY: sockaddr_storage is plain data, for which zero is valid; it is large enough and
    // aligned for sockaddr_in and sockaddr_in6, which are plain data too.
    unsafe {
        let mut storage: libc::sockaddr_storage = std::mem::zeroed();
        let len = match addr {
            SocketAddr::V4(a) => {
                let sin = &mut *(&raw mut storage).cast::<libc::sockaddr_in>();
                sin.sin_family = libc::AF_INET as _;
                sin.sin_port = a.port().to_be();
                sin.sin_addr.s_addr = u32::from_ne_bytes(a.ip().octets());
                size_of::<libc::sockaddr_in>()
            }
            SocketAddr::V6(a) => {
                let sin = &mut *(&raw mut storage).cast::<libc::sockaddr_in6>();
                sin.sin6_family = libc::AF_INET6 as _;
                sin.sin6_port = a.port().to_be();
                sin.sin6_flowinfo = a.flowinfo();
                sin.sin6_addr.s6_addr = a.ip().octets();
                sin.sin6_scope_id = a.scope_id();
                size_of::<libc::sockaddr_in6>()
            }
        };
        (storage, len as libc::socklen_t)
    }
}

/// A connection that is being made, and does not block.
pub fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let (storage, len) = sockaddr(addr);
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: socket takes integers and returns a new descriptor or -1, which nobody else owns.
    let stream = unsafe {
        let fd = libc::socket(i32::from(storage.ss_family), kind, 0);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        TcpStream::from_raw_fd(fd)
    };
    // SAFETY: the pointer and length describe `storage`.
    let result = unsafe { libc::connect(stream.as_raw_fd(), (&raw const storage).cast(), len) };
    let e = io::Error::last_os_error();
    match result {
        0 => Ok(stream),
        _ if e.raw_os_error() == Some(libc::EINPROGRESS) => Ok(stream),
        _ => Err(e),
    }
}
