//! The OSD processes of this machine, and the CPU that they use.

use maps::OsdMap;
use runtime::process::cpu_time_of;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;
use types::OsdId;

/// Of a listening socket (proc_pid_net(5), field `st` of /proc/net/tcp).
const LISTENS: &str = "0A";

/// Processes whose CPU is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Osds {
    pub pids: Vec<u32>,
    /// OSDs that are up, as the map says.
    pub up: usize,
}

impl Osds {
    /// `pids`, or the processes that listen where the map says that OSDs do.
    pub fn find(map: &OsdMap, pids: Option<&[u32]>) -> Self {
        let addrs: Vec<SocketAddr> = (0..map.max_osd())
            .filter_map(|id| map.client_addrs(OsdId(id)))
            .filter_map(|addrs| addrs.msgr2()?.sock)
            .collect();
        let up = addrs.len();
        let pids = match pids {
            Some(pids) => pids.to_vec(),
            None => listeners(Path::new("/proc"), &addrs),
        };
        Self { pids, up }
    }

    /// CPU of all of them so far. `None` if not every OSD that is up has a process here, or one is gone.
    pub fn cpu(&self) -> Option<Duration> {
        if self.pids.is_empty() || self.pids.len() < self.up {
            return None;
        }
        self.pids.iter().map(|pid| cpu_time_of(*pid).ok()).sum()
    }
}

/// Processes that listen on any of `addrs`, as `proc` says.
fn listeners(proc: &Path, addrs: &[SocketAddr]) -> Vec<u32> {
    let local = |addr: &&SocketAddr| UdpSocket::bind((addr.ip(), 0)).is_ok();
    let addrs: Vec<SocketAddr> = addrs.iter().filter(local).copied().collect();
    let mut inodes = BTreeSet::new();
    for table in ["net/tcp", "net/tcp6"] {
        let text = std::fs::read_to_string(proc.join(table)).unwrap_or_default();
        for (at, inode) in text.lines().filter_map(listening) {
            let same = |a: &SocketAddr| {
                a.port() == at.port() && (at.ip().is_unspecified() || at.ip() == a.ip())
            };
            if addrs.iter().any(same) {
                inodes.insert(format!("socket:[{inode}]"));
            }
        }
    }
    let mut pids = Vec::new();
    if inodes.is_empty() {
        return pids;
    }
    for entry in std::fs::read_dir(proc).into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let mut files = std::fs::read_dir(entry.path().join("fd")).into_iter().flatten().flatten();
        let is_one = |link: std::path::PathBuf| link.to_str().is_some_and(|l| inodes.contains(l));
        if files.any(|file| std::fs::read_link(file.path()).is_ok_and(is_one)) {
            pids.push(pid);
        }
    }
    pids.sort();
    pids
}

/// Address and inode of a line of /proc/net/tcp, if the socket listens.
fn listening(line: &str) -> Option<(SocketAddr, u64)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (address, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    if *state != LISTENS {
        return None;
    }
    let (ip, port) = address.split_once(':')?;
    // Words of the address in the machine's order, each as a number in hex.
    let word = |at: usize| u32::from_str_radix(ip.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    let ip: IpAddr = match ip.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let bytes = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
            Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical()
        }
        _ => return None,
    };
    Some((SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?), inode.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn who_listens_is_found_by_address() {
        let here = TcpListener::bind("127.0.0.1:0").unwrap();
        let everywhere = TcpListener::bind("[::]:0").unwrap();
        let own = std::process::id();
        let find = |addr: SocketAddr| listeners(Path::new("/proc"), &[addr]);
        assert_eq!(find(here.local_addr().unwrap()), [own]);
        let port = everywhere.local_addr().unwrap().port();
        assert_eq!(find(SocketAddr::new("127.0.0.1".parse().unwrap(), port)), [own]);
        // The same port of another machine (TEST-NET-1) is none of ours.
        assert!(find(SocketAddr::new("192.0.2.1".parse().unwrap(), port)).is_empty());
        drop(here);
        assert!(listeners(Path::new("/nowhere"), &[everywhere.local_addr().unwrap()]).is_empty());
    }

    #[test]
    fn a_socket_that_is_connected_does_not_listen() {
        let line =
            |state: &str| format!("0: 0100007F:1AF4 00000000:0000 {state} 0:0 0:0 0 0 0 77 1");
        let addr = "127.0.0.1:6900".parse().unwrap();
        assert_eq!(listening(&line("0A")), Some((addr, 77)));
        assert_eq!(listening(&line("01")), None);
        assert_eq!(listening("sl local_address rem_address st"), None);
    }

    #[test]
    fn cpu_is_known_only_of_all_osds() {
        let own = std::process::id();
        assert!(Osds { pids: vec![own], up: 1 }.cpu().is_some());
        assert!(Osds { pids: vec![own], up: 2 }.cpu().is_none());
        assert!(Osds { pids: vec![], up: 0 }.cpu().is_none());
        assert!(Osds { pids: vec![u32::MAX], up: 1 }.cpu().is_none());
    }
}
