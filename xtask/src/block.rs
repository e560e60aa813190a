//! The store on real block devices: loop devices here, emulated NVMe in a virtual machine.

use crate::acceptance::directory;
use crate::cluster::{describe, has, kermes};
use crate::steps::Outcome;
use anyhow::{Context, bail, ensure};
use clap::Args;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Names a program that runs a command in a virtual machine: `PROGRAM -t SECONDS -- COMMAND..`, with
/// this machine's files in place and NVMe devices as `/dev/vm/data` (blocks of 512 bytes),
/// `/dev/vm/data4k` (of 4096) and `/dev/vm/zns` (zoned).
const VM: &str = "KERMES_VM";
const VM_DEVICES: [&str; 2] = ["/dev/vm/data", "/dev/vm/data4k"];
const VM_ZONED: &str = "/dev/vm/zns";
const VM_SECONDS: &str = "500";
/// What a device needs at least, bytes.
const DEVICE_BYTES: u64 = 512 << 20;

#[derive(Debug, Args)]
pub struct BlockArgs {
    /// Block devices to check: what they hold is lost.
    #[arg(long, value_name = "PATH", required = true)]
    device: Vec<PathBuf>,
    /// Zoned block devices, on which no store can be made.
    #[arg(long, value_name = "PATH")]
    zoned: Vec<PathBuf>,
}

/// `cargo xtask block`.
pub fn block(args: &BlockArgs) -> anyhow::Result<()> {
    for device in &args.device {
        println!("{}: {}", device.display(), check(device)?);
    }
    for device in &args.zoned {
        let output = bench_command(device, "randwrite", &["--mkfs", "--force"]).output()?;
        let text = describe(&output);
        ensure!(!output.status.success() && text.contains("is a zoned device"), "{text}");
        println!("{}: refused", device.display());
    }
    Ok(())
}

/// Loop devices of both block sizes.
pub fn loops() -> anyhow::Result<Outcome> {
    if !has("losetup") {
        return Ok(Outcome::Skipped("losetup (Debian's mount) is not there".into()));
    }
    let folder = directory("block");
    std::fs::create_dir(&folder)?;
    let mut lines = Vec::new();
    let mut result = Ok(());
    for sector in ["512", "4096"] {
        let file = folder.join(sector);
        std::fs::File::create(&file)?.set_len(DEVICE_BYTES)?;
        let made = Command::new("losetup")
            .args(["--find", "--show", "--sector-size", sector])
            .arg(&file)
            .output()?;
        if !made.status.success() {
            std::fs::remove_dir_all(&folder)?;
            let why = String::from_utf8_lossy(&made.stderr).trim().to_owned();
            return Ok(Outcome::Skipped(format!("no loop device can be made: {why}")));
        }
        let device = PathBuf::from(String::from_utf8_lossy(&made.stdout).trim());
        let checked = check(&device);
        Command::new("losetup").arg("--detach").arg(&device).status()?;
        match checked {
            Ok(line) => lines.push(format!("blocks of {sector}: {line}")),
            Err(e) => result = Err(e.context(format!("{}", device.display()))),
        }
    }
    std::fs::remove_dir_all(&folder)?;
    result.map(|()| Outcome::Passed(lines.join("; ")))
}

/// The same on NVMe, by this program inside of a virtual machine.
pub fn vm() -> anyhow::Result<Outcome> {
    let Some(runner) = std::env::var_os(VM) else {
        return Ok(Outcome::Skipped(format!(
            "{VM} names no program that runs a command in a virtual machine with NVMe devices"
        )));
    };
    if !has("qemu-system-x86_64") {
        return Ok(Outcome::Skipped("qemu-system-x86_64 is not installed".into()));
    }
    let mut command = Command::new(runner);
    command.args(["-t", VM_SECONDS, "--", "env"]);
    let target = kermes().parent().and_then(Path::parent).expect("TARGET/release").to_owned();
    command.arg(format!("CARGO_TARGET_DIR={}", target.display()));
    command.arg(std::env::current_exe()?).arg("block");
    for device in VM_DEVICES {
        command.args(["--device", device]);
    }
    command.args(["--zoned", VM_ZONED]);
    let output = command.output()?;
    ensure!(output.status.success(), "in the virtual machine: {}", describe(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(Outcome::Passed(text.trim().lines().collect::<Vec<_>>().join("; ")))
}

/// Counters of a disk since it is there.
#[derive(Debug, Clone, Copy)]
struct Counters {
    discards: u64,
    flushes: u64,
}

/// The disk's folder in sysfs.
fn sysfs(device: &Path) -> anyhow::Result<PathBuf> {
    let name = device.canonicalize()?;
    let name = name.file_name().context("a device has a name")?;
    let folder = Path::new("/sys/block").join(name);
    ensure!(folder.is_dir(), "{}: must be a whole disk", device.display());
    Ok(folder)
}

fn counters(sysfs: &Path) -> anyhow::Result<Counters> {
    let text = std::fs::read_to_string(sysfs.join("stat"))?;
    // Documentation/block/stat.rst; the last ones are not in every kernel.
    let field = |n: usize| text.split_whitespace().nth(n).and_then(|w| w.parse().ok()).unwrap_or(0);
    Ok(Counters { discards: field(11), flushes: field(15) })
}

/// Everything that is asked of a block device. Returns what was seen.
fn check(device: &Path) -> anyhow::Result<String> {
    let sysfs = sysfs(device)?;
    let cache = sysfs.join("queue/write_cache");
    let found = std::fs::read_to_string(&cache)?;
    // A cache that has to be flushed, whatever the device says, and then none.
    let result = set_cache(&cache, "write back")
        .and_then(|()| cached(device, &sysfs))
        .and_then(|seen| Ok((seen, set_cache(&cache, "write through")?)))
        .and_then(|(seen, ())| uncached(device, &sysfs).map(|()| seen));
    set_cache(&cache, found.trim())?;
    result
}

/// What the kernel takes the disk's cache for; the disk itself is told nothing.
fn set_cache(file: &Path, kind: &str) -> anyhow::Result<()> {
    std::fs::write(file, kind).with_context(|| format!("{}: {kind}", file.display()))
}

fn cached(device: &Path, sysfs: &Path) -> anyhow::Result<String> {
    let before = counters(sysfs)?;
    let text = bench(device, "randwrite", &["--mkfs", "--force", "--seconds", "8"])?;
    ensure!(text.contains("durable writes: RWF_DSYNC"), "a cache has to be flushed: {text}");
    let fua = text.contains("RWF_DSYNC, as FUA");
    let after = counters(sysfs)?;
    let discards = after.discards - before.discards;
    let can = std::fs::read_to_string(sysfs.join("queue/discard_max_bytes"))?;
    ensure!(can.trim() == "0" || discards > 3, "{discards} discards, of mkfs and of free segments");
    // Checkpoints flush in any case.
    let flushes = after.flushes - before.flushes;
    ensure!(flushes > 0, "nothing was flushed: {before:?}, {after:?}");
    for _ in 0..3 {
        killed(device)?;
        fsck(device)?;
        bench(device, "randread", &["--seconds", "1"])?;
    }
    let how = if fua { "FUA" } else { "flushes after writes" };
    Ok(format!("{how}, {discards} discards, {flushes} flushes, whole after three kills"))
}

/// Nothing is flushed, and what was acknowledged is there after a kill.
fn uncached(device: &Path, sysfs: &Path) -> anyhow::Result<()> {
    let before = counters(sysfs)?;
    let text = bench(device, "randwrite", &["--mkfs", "--force", "--seconds", "2"])?;
    ensure!(text.contains("durable writes: durable when they complete"), "{text}");
    killed(device)?;
    fsck(device)?;
    let flushes = counters(sysfs)?.flushes - before.flushes;
    ensure!(flushes == 0, "{flushes} flushes of a disk without a cache");
    Ok(())
}

fn bench_command(device: &Path, workload: &str, more: &[&str]) -> Command {
    let mut command = Command::new(kermes());
    command.args(["bench", "store", "--workload", workload, "--bs", "64k", "--depth", "16"]);
    command.args(["--size", "64M", "--verify", "--discard", "true"]).args(more);
    command.arg("--device").arg(device).stdin(Stdio::null());
    command
}

fn bench(device: &Path, workload: &str, more: &[&str]) -> anyhow::Result<String> {
    let output = bench_command(device, workload, more).output()?;
    ensure!(output.status.success(), "bench store, {workload}: {}", describe(&output));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Kills a bench, `kill -9`, while it overwrites what an earlier one has left.
fn killed(device: &Path) -> anyhow::Result<()> {
    let mut child = bench_command(device, "randwrite", &["--seconds", "300"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let sysfs = sysfs(device)?;
    let writes = || -> anyhow::Result<u64> {
        let text = std::fs::read_to_string(sysfs.join("stat"))?;
        Ok(text.split_whitespace().nth(4).and_then(|w| w.parse().ok()).unwrap_or(0))
    };
    let enough = writes()? + 200;
    let begin = Instant::now();
    while writes()? < enough {
        std::thread::sleep(Duration::from_millis(20));
        if let Some(status) = child.try_wait()? {
            let mut text = String::new();
            child.stderr.take().expect("piped").read_to_string(&mut text)?;
            bail!("bench store ended: {status}: {text}");
        }
        ensure!(begin.elapsed() < Duration::from_secs(100), "bench store writes nothing");
    }
    child.kill()?;
    child.wait()?;
    Ok(())
}

fn fsck(device: &Path) -> anyhow::Result<()> {
    let output = Command::new(kermes())
        .args(["store", "fsck", "--deep", "--device"])
        .arg(device)
        .output()?;
    ensure!(output.status.success(), "fsck --deep: {}", describe(&output));
    Ok(())
}
