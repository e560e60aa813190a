//! Block devices and files opened for direct I/O.

use bytes::{Bytes, BytesMut};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use types::node::{BLOCK_SIZE, IoError, aligned_buf};

/// Why a device cannot be used. Each displays as one sentence that names the path.
#[derive(Debug)]
pub enum OpenError {
    Open { path: PathBuf, error: io::Error },
    InUse { path: PathBuf },
    NotADevice { path: PathBuf },
    Size { path: PathBuf, error: io::Error },
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
        }
    }
}
impl std::error::Error for OpenError {}

/// An open device. Holds an exclusive lock for as long as it lives.
#[derive(Debug)]
pub struct Device {
    file: File,
    size: u64,
    is_block: bool,
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
        let mut file = match open(libc::O_DIRECT) {
            Err(e) if e.raw_os_error() == Some(libc::EINVAL) => open(0),
            other => other,
        }
        .map_err(|error| match error.raw_os_error() {
            Some(libc::EBUSY) => OpenError::InUse { path: at() },
            _ => OpenError::Open { path: at(), error },
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: at() }),
            Err(TryLockError::Error(error)) => return Err(OpenError::Open { path: at(), error }),
        }
        let size =
            file.seek(SeekFrom::End(0)).map_err(|error| OpenError::Size { path: at(), error })?;
        Ok(Self { file, size: size / BLOCK_SIZE as u64 * BLOCK_SIZE as u64, is_block })
    }

    /// Bytes, a multiple of [`BLOCK_SIZE`].
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn is_block(&self) -> bool {
        self.is_block
    }

    pub fn fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// Another handle on the same open device, for another core.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { file: self.file.try_clone()?, size: self.size, is_block: self.is_block })
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
        if durable { self.flush() } else { Ok(()) }
    }

    pub fn flush(&self) -> Result<(), IoError> {
        self.file.sync_data().map_err(|e| os_error(&e))
    }

    /// Tells the device that a range holds nothing: punches a hole in files, discards on devices
    /// that can. Best effort.
    pub fn discard(&self, offset: u64, len: u64) {
        let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        // SAFETY: fallocate takes a file descriptor that `self.file` keeps open, and integers.
        unsafe { libc::fallocate(self.fd(), mode, offset as i64, len as i64) };
    }
}

pub fn os_error(e: &io::Error) -> IoError {
    IoError::Os(e.raw_os_error().unwrap_or(libc::EIO))
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
}
