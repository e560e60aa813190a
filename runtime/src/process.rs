//! Signals to other processes, their end, and what this one has used.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// Sends signal `number` to `pid`.
pub fn signal(pid: u32, number: i32) -> io::Result<()> {
    let pid = i32::try_from(pid).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
    if pid <= 0 {
        // 0 and negative numbers mean groups of processes (kill(2)).
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    // SAFETY: kill takes two integers.
    if unsafe { libc::kill(pid, number) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Whether the last thread of `pid` has ended, or there is no such process. A process that is ending
/// shows no command line any more while it still holds its files and their locks; once this is true
/// it holds nothing, reaped or not (pidfd_open(2)).
///
/// # Errors
/// If the kernel gives no descriptor for the process: too many are open.
pub fn has_ended(pid: u32) -> io::Result<bool> {
    // SAFETY: pidfd_open takes two integers and returns a new descriptor or -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if fd < 0 {
        let e = io::Error::last_os_error();
        // EINVAL: a number that no process can have.
        let none = matches!(e.raw_os_error(), Some(libc::ESRCH | libc::EINVAL));
        return if none { Ok(true) } else { Err(e) };
    }
    // SAFETY: `fd` is open and nobody else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd as i32) };
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, described by its pointer and the count 1.
    match unsafe { libc::poll(&mut poll, 1, 0) } {
        n if n < 0 => Err(io::Error::last_os_error()),
        n => Ok(n == 1),
    }
}

/// CPU that this process has used so far, user and system, all threads.
pub fn cpu_time() -> Duration {
    // SAFETY: rusage is plain data, for which zero is valid; getrusage fills it and cannot fail for
    // RUSAGE_SELF and a writable pointer.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let span = |t: libc::timeval| {
        Duration::from_secs(t.tv_sec as u64) + Duration::from_micros(t.tv_usec as u64)
    };
    span(usage.ru_utime) + span(usage.ru_stime)
}

/// CPU that another process has used so far, user and system, all threads: fields 14 and 15 of
/// proc_pid_stat(5), which count in hundredths of a second.
///
/// # Errors
/// If there is no such process, or what the kernel says of it cannot be read.
pub fn cpu_time_of(pid: u32) -> io::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, which may hold anything, ends with the last parenthesis.
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let mut ticks = fields.split(' ').skip(11).map_while(|field| field.parse::<u64>().ok());
    match (ticks.next(), ticks.next()) {
        (Some(user), Some(system)) => Ok(Duration::from_millis(10 * (user + system))),
        _ => Err(io::Error::other(format!("/proc/{pid}/stat: no times in it"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_asking_agree() {
        let end = cpu_time() + Duration::from_millis(50);
        let mut x = 1u64;
        while cpu_time() < end {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
        let (seen, own) = (cpu_time_of(std::process::id()).unwrap(), cpu_time());
        assert!(own.abs_diff(seen) < Duration::from_millis(40), "{seen:?} {own:?}");
        assert!(cpu_time_of(u32::MAX).is_err());
    }

    #[test]
    fn a_process_has_ended_when_nothing_of_it_is_left() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(!has_ended(child.id()).unwrap());
        child.kill().unwrap();
        let end = std::time::Instant::now() + Duration::from_secs(5);
        // Not reaped yet: this process is its parent.
        while !has_ended(child.id()).unwrap() {
            assert!(std::time::Instant::now() < end, "its end is not seen");
        }
        child.wait().unwrap();
        assert!(has_ended(child.id()).unwrap());
        assert!(has_ended(u32::MAX).unwrap());
    }

    #[test]
    fn work_costs_time() {
        let before = cpu_time();
        let mut x = 1u64;
        let end = std::time::Instant::now() + Duration::from_secs(5);
        while cpu_time() - before < Duration::from_millis(10) {
            assert!(std::time::Instant::now() < end, "no CPU time was counted");
            x = std::hint::black_box(x.wrapping_mul(3));
        }
    }
}
