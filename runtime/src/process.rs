//! Signals to other processes, and what this one has used.

use std::io;
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
