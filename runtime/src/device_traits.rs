//! What the kernel says of a disk: when a write is durable, and what else it can do. From sysfs.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// How a write becomes durable on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteCache {
    /// There is none, or it survives a power cut: a write is durable when it completes.
    WriteThrough,
    /// A write that asks for it passes the cache by (force unit access).
    Fua,
    /// The cache has to be flushed after the write.
    Flush,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zoned {
    No,
    HostAware,
    HostManaged,
}

/// One disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traits {
    /// The kernel's name of it, `nvme0n1`.
    pub disk: String,
    pub cache: WriteCache,
    pub zoned: Zoned,
    /// Bytes; 0 if the disk discards nothing.
    pub discard_bytes: u64,
    /// Bytes of the least request.
    pub logical_block_bytes: u64,
    pub rotates: bool,
    /// Zones that may be begun and not full at once; 0 without a bound, and without zones.
    pub active_zones_max: u32,
}

impl std::fmt::Display for Traits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cache = match self.cache {
            WriteCache::WriteThrough => "write through",
            WriteCache::Fua => "volatile cache with FUA",
            WriteCache::Flush => "volatile cache without FUA",
        };
        write!(f, "{}: {cache}, blocks of {} bytes", self.disk, self.logical_block_bytes)?;
        match self.discard_bytes {
            0 => write!(f, ", no discard")?,
            bytes => write!(f, ", discards {bytes} bytes and up")?,
        }
        if self.rotates {
            write!(f, ", rotational")?;
        }
        match self.zoned {
            Zoned::No => Ok(()),
            Zoned::HostAware => write!(f, ", zoned (host aware)"),
            Zoned::HostManaged => write!(f, ", zoned (host managed)"),
        }
    }
}

/// The disk that `path` is, or for a file that under its file system. `None` where the kernel does
/// not say: files on a network or in memory, file systems over several disks.
pub fn of_path(path: &Path) -> Option<Traits> {
    let meta = std::fs::metadata(path).ok()?;
    let number = if meta.file_type().is_block_device() { meta.rdev() } else { meta.dev() };
    Traits::read(&disk_folder(Path::new("/sys"), libc::major(number), libc::minor(number))?)
}

/// The disk's folder under `sys`; for a partition that of its disk, which has the queue. `None` if
/// there is no such block device.
pub(crate) fn disk_folder(sys: &Path, major: u32, minor: u32) -> Option<PathBuf> {
    let device = sys.join(format!("dev/block/{major}:{minor}")).canonicalize().ok()?;
    device.ancestors().take(2).find(|d| d.join("queue").is_dir()).map(Path::to_path_buf)
}

impl Traits {
    /// `None` unless it says how writes are cached. What else is missing is taken as plain: older
    /// kernels do not have all of it.
    fn read(disk: &Path) -> Option<Self> {
        let text = |name: &str| {
            let text = std::fs::read_to_string(disk.join("queue").join(name)).ok()?;
            Some(text.trim().to_owned())
        };
        let number = |name: &str| text(name)?.parse::<u64>().ok();
        let cache = match text("write_cache")?.as_str() {
            "write through" => WriteCache::WriteThrough,
            _ if number("fua") == Some(1) => WriteCache::Fua,
            _ => WriteCache::Flush,
        };
        let zoned = match text("zoned").as_deref() {
            Some("host-managed") => Zoned::HostManaged,
            Some("host-aware") => Zoned::HostAware,
            _ => Zoned::No,
        };
        // A disk without discard may still name a granularity.
        let discards = number("discard_max_bytes").is_none_or(|max| max > 0);
        Some(Self {
            disk: disk.file_name()?.to_string_lossy().into_owned(),
            cache,
            zoned,
            discard_bytes: number("discard_granularity").filter(|_| discards).unwrap_or(0),
            logical_block_bytes: number("logical_block_size").unwrap_or(512),
            rotates: number("rotational") == Some(1),
            active_zones_max: number("max_active_zones").unwrap_or(0) as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, remove_dir_all, write};
    use std::os::unix::fs::symlink;

    /// A folder as sysfs has it, of one disk with a partition: 8:0 and 8:1.
    fn recorded(name: &str, queue: &[(&str, &str)]) -> PathBuf {
        let sys = std::env::temp_dir().join(format!("kermes-traits-{name}-{}", std::process::id()));
        let disk = sys.join("devices/pci0000:00/block").join(name);
        create_dir_all(disk.join("queue")).unwrap();
        create_dir_all(disk.join("part1")).unwrap();
        create_dir_all(sys.join("dev/block")).unwrap();
        for (file, text) in queue {
            write(disk.join("queue").join(file), format!("{text}\n")).unwrap();
        }
        symlink(&disk, sys.join("dev/block/8:0")).unwrap();
        symlink(disk.join("part1"), sys.join("dev/block/8:1")).unwrap();
        sys
    }

    fn read(name: &str, queue: &[(&str, &str)]) -> Option<Traits> {
        let sys = recorded(name, queue);
        let of = |minor| Traits::read(&disk_folder(&sys, 8, minor)?);
        let (disk, partition) = (of(0), of(1));
        assert_eq!(disk_folder(&sys, 8, 2), None);
        remove_dir_all(&sys).unwrap();
        assert_eq!(disk, partition);
        disk
    }

    #[test]
    fn a_virtio_disk_has_to_be_flushed() {
        let queue = [
            ("write_cache", "write back"),
            ("fua", "0"),
            ("discard_granularity", "4096"),
            ("discard_max_bytes", "1073741824"),
            ("rotational", "1"),
            ("logical_block_size", "512"),
            ("zoned", "none"),
        ];
        let traits = read("vda", &queue).unwrap();
        let expected = Traits {
            disk: "vda".into(),
            cache: WriteCache::Flush,
            zoned: Zoned::No,
            discard_bytes: 4096,
            logical_block_bytes: 512,
            rotates: true,
            active_zones_max: 0,
        };
        assert_eq!(traits, expected);
        assert_eq!(
            traits.to_string(),
            "vda: volatile cache without FUA, blocks of 512 bytes, discards 4096 bytes and up, \
             rotational"
        );
    }

    #[test]
    fn an_nvme_disk_has_fua_or_no_volatile_cache() {
        let queue = |cache: &'static str, fua: &'static str| {
            [
                ("write_cache", cache),
                ("fua", fua),
                ("discard_granularity", "512"),
                ("discard_max_bytes", "2199023255040"),
                ("rotational", "0"),
                ("logical_block_size", "4096"),
                ("zoned", "none"),
            ]
        };
        let cache = |text, fua| read("nvme0n1", &queue(text, fua)).unwrap().cache;
        assert_eq!(cache("write back", "1"), WriteCache::Fua);
        // The kernel goes on saying what the disk could do after the cache was called safe.
        assert_eq!(cache("write through", "1"), WriteCache::WriteThrough);
        assert_eq!(cache("write through", "0"), WriteCache::WriteThrough);
        let traits = read("nvme0n1", &queue("write through", "1")).unwrap();
        assert_eq!(
            traits.to_string(),
            "nvme0n1: write through, blocks of 4096 bytes, discards 512 bytes and up"
        );
    }

    #[test]
    fn zones_and_missing_discard_are_told() {
        let queue = [
            ("write_cache", "write back"),
            ("fua", "1"),
            ("discard_granularity", "4096"),
            ("discard_max_bytes", "0"),
            ("rotational", "1"),
            ("logical_block_size", "4096"),
            ("zoned", "host-managed"),
        ];
        let traits = read("sda", &queue).unwrap();
        assert_eq!((traits.zoned, traits.discard_bytes), (Zoned::HostManaged, 0));
        assert_eq!(
            traits.to_string(),
            "sda: volatile cache with FUA, blocks of 4096 bytes, no discard, rotational, zoned \
             (host managed)"
        );
    }

    #[test]
    fn what_is_not_said_is_taken_as_plain() {
        let traits = read("loop0", &[("write_cache", "write back")]).unwrap();
        let expected = Traits {
            disk: "loop0".into(),
            cache: WriteCache::Flush,
            zoned: Zoned::No,
            discard_bytes: 0,
            logical_block_bytes: 512,
            rotates: false,
            active_zones_max: 0,
        };
        assert_eq!(traits, expected);
        assert_eq!(read("odd", &[]), None);
        assert_eq!(of_path(Path::new("/proc/self/stat")), None);
    }
}
