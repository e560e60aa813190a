//! What kind of device a store lies on, for CRUSH: told by the kernel in sysfs.

use crate::device_traits::disk_folder;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// What is taken where the kernel says nothing: files on a network or in memory.
const UNKNOWN: &str = "ssd";

/// `hdd` for what rotates, `nvme` by the kernel's name of the disk, else `ssd`. For a file that of
/// the block device under its file system.
pub fn device_class(path: &Path) -> &'static str {
    let Ok(meta) = std::fs::metadata(path) else { return UNKNOWN };
    let number = if meta.file_type().is_block_device() { meta.rdev() } else { meta.dev() };
    class_of(Path::new("/sys"), libc::major(number), libc::minor(number)).unwrap_or(UNKNOWN)
}

/// `None` if there is no such block device.
fn class_of(sys: &Path, major: u32, minor: u32) -> Option<&'static str> {
    let disk = disk_folder(sys, major, minor)?;
    let rotates = std::fs::read_to_string(disk.join("queue/rotational")).ok()?;
    let is_nvme = disk.file_name()?.as_encoded_bytes().starts_with(b"nvme");
    Some(match rotates.trim() {
        "1" => "hdd",
        _ if is_nvme => "nvme",
        _ => "ssd",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    #[test]
    fn the_kernel_says_what_rotates() {
        let sys = std::env::temp_dir().join(format!("kermes-sysfs-{}", std::process::id()));
        create_dir_all(sys.join("dev/block")).unwrap();
        for (disk, rotates) in [("sda", "1\n"), ("sdb", "0\n"), ("nvme0n1", "0\n")] {
            let queue = sys.join("block").join(disk).join("queue");
            create_dir_all(&queue).unwrap();
            write(queue.join("rotational"), rotates).unwrap();
        }
        create_dir_all(sys.join("block/nvme0n1/nvme0n1p1")).unwrap();
        create_dir_all(sys.join("block/odd")).unwrap();
        let disks = ["sda", "sdb", "nvme0n1", "nvme0n1/nvme0n1p1", "odd"];
        for (minor, disk) in disks.into_iter().enumerate() {
            let link = sys.join(format!("dev/block/8:{minor}"));
            symlink(Path::new("../../block").join(disk), link).unwrap();
        }
        let classes: Vec<_> = (0..6).map(|minor| class_of(&sys, 8, minor)).collect();
        std::fs::remove_dir_all(&sys).unwrap();
        let (hdd, ssd, nvme) = (Some("hdd"), Some("ssd"), Some("nvme"));
        assert_eq!(classes, [hdd, ssd, nvme, nvme, None, None]);
    }

    #[test]
    fn files_without_a_device_are_ssd() {
        assert_eq!(device_class(Path::new("/proc/self/stat")), "ssd");
        assert_eq!(device_class(Path::new("/nowhere")), "ssd");
    }
}
