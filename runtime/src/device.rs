//! Block devices and files opened for direct I/O.

use crate::device_traits::{self, Traits, WriteCache, Zoned};
use crate::zones;
use bytes::{Bytes, BytesMut};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use types::node::{BLOCK_SIZE, IoError, aligned_buf};
use types::zone::{Zone, ZoneOp, ZoneTraits};

/// Why a device cannot be used. Each displays as one sentence that names the path.
#[derive(Debug)]
pub enum OpenError {
    Open {
        path: PathBuf,
        error: io::Error,
    },
    InUse {
        path: PathBuf,
    },
    NotADevice {
        path: PathBuf,
    },
    Size {
        path: PathBuf,
        error: io::Error,
    },
    /// A zoned device whose zones the store cannot use.
    Zoned {
        path: PathBuf,
        why: String,
    },
}
impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open { path, error } => write!(f, "cannot open {}: {error}", path.display()),
            Self::InUse { path } => {
                write!(f, "{} is in use by another process or mounted", path.display())
            }
            Self::NotADevice { path } => {
                write!(f, "{} is neither a block device nor a regular file", path.display())
            }
            Self::Size { path, error } => {
                write!(f, "cannot find the size of {}: {error}", path.display())
            }
            Self::Zoned { path, why } => write!(
                f,
                "{} is a zoned device (host managed) that the store cannot use: {why}",
                path.display()
            ),
        }
    }
}
impl std::error::Error for OpenError {}

/// Of linux/fs.h: _IO(0x12, 119).
const BLKDISCARD: libc::Ioctl = 0x1277;

/// What makes a write durable that is asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It is when it completes.
    AtOnce,
    /// RWF_DSYNC: the kernel makes of it what the disk and the file system need, a write that passes
    /// the cache by (FUA) or a flush after it.
    Dsync,
}

impl Durability {
    /// A file is never `AtOnce`: its file system may have to write where the blocks are, too.
    fn of(is_block: bool, is_direct: bool, traits: Option<&Traits>) -> Self {
        let safe = traits.is_some_and(|t| t.cache == WriteCache::WriteThrough);
        if is_block && is_direct && safe { Self::AtOnce } else { Self::Dsync }
    }

    /// For pwritev2(2) and its like.
    pub fn write_flags(self, durable: bool) -> i32 {
        if durable && self == Self::Dsync { libc::RWF_DSYNC } else { 0 }
    }
}

/// An open device. Holds an exclusive lock for as long as it lives.
#[derive(Debug)]
pub struct Device {
    file: File,
    size: u64,
    is_block: bool,
    is_direct: bool,
    traits: Option<Traits>,
    durability: Durability,
    /// Of a host-managed device.
    zones: Option<ZoneTraits>,
}

impl Device {
    /// Opens `path` for reading and writing past the page cache. Where the file system has no
    /// O_DIRECT (tmpfs), the page cache is used; durability is the same, by fdatasync.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let at = || path.to_path_buf();
        let meta =
            std::fs::metadata(path).map_err(|error| OpenError::Open { path: at(), error })?;
        let is_block = meta.file_type().is_block_device();
        if !is_block && !meta.is_file() {
            return Err(OpenError::NotADevice { path: at() });
        }
        // O_EXCL on a block device fails while it is mounted or otherwise claimed (open(2)).
        let exclusive = if is_block { libc::O_EXCL } else { 0 };
        let open = |flags: i32| {
            OpenOptions::new().read(true).write(true).custom_flags(flags | exclusive).open(path)
        };
        let (opened, is_direct) = match open(libc::O_DIRECT) {
            Err(e) if e.raw_os_error() == Some(libc::EINVAL) => (open(0), false),
            other => (other, true),
        };
        let mut file = opened.map_err(|error| match error.raw_os_error() {
            Some(libc::EBUSY) => OpenError::InUse { path: at() },
            _ => OpenError::Open { path: at(), error },
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: at() }),
            Err(TryLockError::Error(error)) => return Err(OpenError::Open { path: at(), error }),
        }
        if is_direct {
            leave_page_cache(&file).map_err(|error| OpenError::Open { path: at(), error })?;
        }
        let size =
            file.seek(SeekFrom::End(0)).map_err(|error| OpenError::Size { path: at(), error })?;
        let size = size / BLOCK_SIZE as u64 * BLOCK_SIZE as u64;
        let traits = device_traits::of_path(path);
        let zones = match traits.as_ref().filter(|t| is_block && has_zones(t)) {
            Some(traits) => Some(zones_of(&file, size, traits, path)?),
            None => None,
        };
        let durability = Durability::of(is_block, is_direct, traits.as_ref());
        Ok(Self { file, size, is_block, is_direct, traits, durability, zones })
    }

    /// Bytes, a multiple of [`BLOCK_SIZE`].
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn is_block(&self) -> bool {
        self.is_block
    }

    /// Of a device that takes writes in the order of its zones only.
    pub fn zones(&self) -> Option<ZoneTraits> {
        self.zones
    }

    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// Takes the operator's word that the disk's cache survives a power cut. False, and nothing
    /// changes, for a file: what its file system keeps in memory does not.
    pub fn set_power_loss_protected(&mut self) -> bool {
        let possible = self.is_block && self.is_direct;
        if possible {
            self.durability = Durability::AtOnce;
        }
        possible
    }

    /// What it is and when its writes are durable, in one line.
    pub fn describe(&self) -> String {
        let kind = if self.is_block { "block device" } else { "file" };
        let cached = if self.is_direct { "" } else { " in the page cache" };
        let disk = match &self.traits {
            Some(traits) => format!(" on {traits}"),
            None => " on an unknown disk".to_owned(),
        };
        let cache = self.traits.as_ref().map(|t| t.cache);
        let durable = match (self.durability, cache) {
            (Durability::AtOnce, Some(WriteCache::WriteThrough)) => "durable when they complete",
            (Durability::AtOnce, _) => "durable when they complete (power-loss protected)",
            (Durability::Dsync, _) if !self.is_block => "RWF_DSYNC, through the file system",
            (Durability::Dsync, Some(WriteCache::Fua)) => "RWF_DSYNC, as FUA",
            (Durability::Dsync, _) => "RWF_DSYNC, as a flush after them",
        };
        format!("{kind} of {} bytes{cached}{disk}; durable writes: {durable}", self.size)
    }

    pub fn fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// Another handle on the same open device, for another core.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { file: self.file.try_clone()?, traits: self.traits.clone(), ..*self })
    }

    pub fn read(&self, offset: u64, len: usize) -> Result<Bytes, IoError> {
        let mut buf: BytesMut = aligned_buf(len);
        buf.resize(len, 0);
        let mut done = 0;
        while done < len {
            match self.file.read_at(&mut buf[done..], offset + done as u64) {
                Ok(0) => return Err(IoError::Short { wanted: len, got: done }),
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(os_error(&e)),
            }
        }
        Ok(buf.freeze())
    }

    pub fn write(&self, offset: u64, buf: &[u8], durable: bool) -> Result<(), IoError> {
        self.file.write_all_at(buf, offset).map_err(|e| os_error(&e))?;
        if self.durability.write_flags(durable) != 0 { self.flush() } else { Ok(()) }
    }

    pub fn flush(&self) -> Result<(), IoError> {
        self.file.sync_data().map_err(|e| os_error(&e))
    }

    /// Resets or finishes the zones of a range. Blocks until it is done.
    pub fn zone_op(&self, offset: u64, len: u64, op: ZoneOp) -> Result<(), IoError> {
        zones::perform(self.fd(), offset, len, op).map_err(|e| os_error(&e))
    }

    /// The zones that begin in a range, in order. Blocks until it is done.
    pub fn report_zones(&self, offset: u64, len: u64) -> Result<Vec<Zone>, IoError> {
        zones::report(self.fd(), offset, len).map_err(|e| os_error(&e))
    }

    /// Whether it can be told that a range holds nothing. A file can, unless its file system has no
    /// holes.
    pub fn can_discard(&self) -> bool {
        let discards = |t: &Traits| t.discard_bytes > 0;
        self.zones.is_none() && (!self.is_block || self.traits.as_ref().is_some_and(discards))
    }

    /// Whether it gains by it: flash does, and devices that share their space with others. A file
    /// loses the blocks that were allocated for it beforehand, and gets others in other places.
    /// What rotates gains nothing.
    pub fn is_worth_discarding(&self) -> bool {
        let rotates = self.traits.as_ref().is_some_and(|t| t.rotates);
        self.is_block && self.can_discard() && !rotates
    }

    /// Tells the device that a range holds nothing: punches a hole in a file, discards on a block
    /// device. Blocks until it is done.
    pub fn discard(&self, offset: u64, len: u64) -> Result<(), IoError> {
        let done = if self.is_block {
            let range = [offset, len];
            // SAFETY: BLKDISCARD reads two u64 from `range`, which lives until the call returns;
            // `self.file` keeps the descriptor open.
            unsafe { libc::ioctl(self.fd(), BLKDISCARD, range.as_ptr()) }
        } else {
            let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
            // SAFETY: fallocate takes a descriptor that `self.file` keeps open, and integers.
            unsafe { libc::fallocate(self.fd(), mode, offset as i64, len as i64) }
        };
        if done == 0 { Ok(()) } else { Err(os_error(&io::Error::last_os_error())) }
    }
}

/// Host-aware ones take writes anywhere.
fn has_zones(traits: &Traits) -> bool {
    traits.zoned == Zoned::HostManaged
}

fn zones_of(file: &File, size: u64, traits: &Traits, path: &Path) -> Result<ZoneTraits, OpenError> {
    let refused = |why: String| OpenError::Zoned { path: path.to_path_buf(), why };
    zones::traits(file.as_raw_fd(), size, traits.active_zones_max)
        .map_err(|error| refused(error.to_string()))?
        .map_err(|why| refused(why.to_owned()))
}

pub fn os_error(e: &io::Error) -> IoError {
    IoError::Os(e.raw_os_error().unwrap_or(libc::EIO))
}

/// Whoever has copied or written the file before has left it in the page cache. A direct write to what
/// lies there may block, so io_uring does each of them on a thread of its own, until every block has
/// been written once: 5 us of CPU more at 32 under way, 10 to 20 at one.
fn leave_page_cache(file: &File) -> io::Result<()> {
    file.sync_data()?;
    // SAFETY: takes a descriptor, which `file` keeps open, and integers; 0 bytes are all of them.
    match unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) } {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_opened_once() {
        let path = std::env::temp_dir().join(format!("kermes-device-{}", std::process::id()));
        std::fs::write(&path, vec![0; 3 * BLOCK_SIZE + 100]).unwrap();
        let device = Device::open(&path).unwrap();
        assert_eq!(device.size(), 3 * BLOCK_SIZE as u64);
        assert!(matches!(Device::open(&path), Err(OpenError::InUse { .. })));
        let mut block = aligned_buf(BLOCK_SIZE);
        block.resize(BLOCK_SIZE, 7);
        device.write(BLOCK_SIZE as u64, &block, true).unwrap();
        assert_eq!(device.read(BLOCK_SIZE as u64, BLOCK_SIZE).unwrap(), block);
        assert_eq!(
            device.read(4 * BLOCK_SIZE as u64, BLOCK_SIZE),
            Err(IoError::Short { wanted: BLOCK_SIZE, got: 0 })
        );
        drop(device);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_the_page_cache_held_is_no_longer_there() {
        let path = std::env::temp_dir().join(format!("kermes-cached-{}", std::process::id()));
        std::fs::write(&path, vec![1; 16 * BLOCK_SIZE]).unwrap();
        let cached = || {
            let file = File::open(&path).unwrap();
            let mut buf = [0u8; BLOCK_SIZE];
            let part = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() };
            // SAFETY: the descriptor is open and the vector describes `buf`; RWF_NOWAIT reads what
            // the page cache holds and refuses anything else.
            let n = unsafe { libc::preadv2(file.as_raw_fd(), &part, 1, 0, libc::RWF_NOWAIT) };
            n == BLOCK_SIZE as isize
        };
        assert!(cached(), "the page cache holds what was just written");
        let device = Device::open(&path).unwrap();
        assert!(!cached() || !device.is_direct);
        drop(device);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_has_to_be_written_in_order_is_asked_for_its_zones() {
        let traits = |zoned| Traits {
            disk: "nvme0n1".into(),
            cache: WriteCache::Fua,
            zoned,
            discard_bytes: 0,
            logical_block_bytes: 4096,
            rotates: false,
            active_zones_max: 14,
        };
        assert!(!has_zones(&traits(Zoned::No)) && !has_zones(&traits(Zoned::HostAware)));
        // The kernel says of what it opened that it has no zones.
        let file = File::open("/dev/null").unwrap();
        let path = Path::new("/dev/nvme0n1");
        let refused = zones_of(&file, 1 << 30, &traits(Zoned::HostManaged), path).unwrap_err();
        let text = refused.to_string();
        assert!(text.starts_with("/dev/nvme0n1 is a zoned device (host managed)"), "{text}");
    }

    #[test]
    fn only_disks_without_a_volatile_cache_are_durable_at_once() {
        let of = |is_block, is_direct, cache| {
            let traits = Traits {
                disk: "nvme0n1".into(),
                cache,
                zoned: device_traits::Zoned::No,
                discard_bytes: 4096,
                logical_block_bytes: 512,
                rotates: false,
                active_zones_max: 0,
            };
            Durability::of(is_block, is_direct, Some(&traits))
        };
        assert_eq!(of(true, true, WriteCache::WriteThrough), Durability::AtOnce);
        assert_eq!(of(true, true, WriteCache::Fua), Durability::Dsync);
        assert_eq!(of(true, true, WriteCache::Flush), Durability::Dsync);
        assert_eq!(of(true, false, WriteCache::WriteThrough), Durability::Dsync);
        assert_eq!(of(false, true, WriteCache::WriteThrough), Durability::Dsync);
        assert_eq!(Durability::of(true, true, None), Durability::Dsync);
        assert_eq!(Durability::Dsync.write_flags(true), libc::RWF_DSYNC);
        assert_eq!(Durability::Dsync.write_flags(false), 0);
        assert_eq!(Durability::AtOnce.write_flags(true), 0);
    }

    #[test]
    fn a_file_is_not_power_loss_protected() {
        let path = std::env::temp_dir().join(format!("kermes-protected-{}", std::process::id()));
        std::fs::write(&path, vec![0; BLOCK_SIZE]).unwrap();
        let mut device = Device::open(&path).unwrap();
        assert!(!device.set_power_loss_protected());
        assert_eq!(device.durability(), Durability::Dsync);
        assert_eq!(device.try_clone().unwrap().durability(), Durability::Dsync);
        let text = device.describe();
        assert!(text.starts_with("file of 4096 bytes"), "{text}");
        assert!(text.ends_with("durable writes: RWF_DSYNC, through the file system"), "{text}");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_operators_word_counts_for_block_devices() {
        let device = Device {
            file: File::open("/dev/null").unwrap(),
            size: 0,
            is_block: true,
            is_direct: true,
            traits: None,
            durability: Durability::Dsync,
            zones: None,
        };
        let mut copy = device.try_clone().unwrap();
        assert!(copy.set_power_loss_protected());
        assert_eq!(copy.try_clone().unwrap().durability(), Durability::AtOnce);
        let text = copy.describe();
        assert!(text.ends_with("durable when they complete (power-loss protected)"), "{text}");
    }
}
