//! The store on real block devices: loop devices here, emulated NVMe in a virtual machine.

use crate::acceptance::directory;
use crate::cluster::{Cluster, Shell, describe, has, kermes};
use crate::steps::Outcome;
use anyhow::{Context, bail, ensure};
use clap::Args;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Names a program that runs a command in a virtual machine: `PROGRAM -t SECONDS -Q OPTIONS --
/// COMMAND..`, with this machine's files in place, NVMe devices as `/dev/vm/data` (blocks of 512
/// bytes) and `/dev/vm/data4k` (of 4096), and further options of QEMU.
const VM: &str = "KERMES_VM";
const VM_DEVICES: [&str; 2] = ["/dev/vm/data", "/dev/vm/data4k"];
const VM_SECONDS: &str = "1800";
/// Of the zoned NVMe device that is added to the machine, to find it by.
const ZONED_SERIAL: &str = "kermes-zoned";
/// Zones like those of a small real device: they hold less than their size, few may be active.
const ZONED: &str = "zoned=true,zoned.zone_size=16M,zoned.zone_capacity=12M,zoned.max_open=14,\
                     zoned.max_active=14";
const ZONED_BYTES: u64 = 32 * (16 << 20);
/// Of the cluster on the zoned device.
const SERVING_PORT: &str = "17300";
/// What a device needs at least, bytes.
const DEVICE_BYTES: u64 = 512 << 20;

#[derive(Debug, Args)]
pub struct BlockArgs {
    /// Block devices to check: what they hold is lost.
    #[arg(long, value_name = "PATH", required_unless_present_any = ["zoned", "zoned_serial"])]
    device: Vec<PathBuf>,
    /// Zoned block devices to check, in the same way.
    #[arg(long, value_name = "PATH")]
    zoned: Vec<PathBuf>,
    /// The same by the serial number of an NVMe device.
    #[arg(long, value_name = "SERIAL")]
    zoned_serial: Vec<String>,
}

/// `cargo xtask block`.
pub fn block(args: &BlockArgs) -> anyhow::Result<()> {
    for device in &args.device {
        println!("{}: {}", device.display(), check(device)?);
    }
    let mut zoned = args.zoned.clone();
    for serial in &args.zoned_serial {
        zoned.push(nvme_of(serial)?);
    }
    for device in &zoned {
        println!("{}: {}", device.display(), check_zoned(device)?);
        println!("{}: {}", device.display(), serve(device)?);
    }
    Ok(())
}

/// The first namespace of the NVMe device with this serial number.
fn nvme_of(serial: &str) -> anyhow::Result<PathBuf> {
    for entry in std::fs::read_dir("/sys/class/nvme")? {
        let entry = entry?;
        let found = std::fs::read_to_string(entry.path().join("serial")).unwrap_or_default();
        if found.trim() == serial {
            let name = format!("{}n1", entry.file_name().to_string_lossy());
            return Ok(Path::new("/dev").join(name));
        }
    }
    bail!("no NVMe device has the serial number {serial}")
}

/// Everything that is asked of a zoned device, which refuses a write that is out of order.
fn check_zoned(device: &Path) -> anyhow::Result<String> {
    let text = bench(device, "randwrite", &["--mkfs", "--force", "--seconds", "20"])?;
    ensure!(text.contains("zoned (host managed)"), "not a zoned device: {text}");
    for _ in 0..3 {
        killed(device)?;
        fsck(device)?;
        bench(device, "randread", &["--seconds", "1"])?;
    }
    for (workload, bs) in [("mixed", "64k"), ("omap", "512")] {
        bench(device, workload, &["--mkfs", "--force", "--bs", bs, "--seconds", "10"])?;
        fsck(device)?;
    }
    Ok("order of its zones kept, whole after three kills".into())
}

/// Objects of known content, one after another, until the file `stop` is there; a line in `stored`
/// for each one that was acknowledged.
const WRITER: &str = "\
    head -c 1000000 /dev/urandom > all
    for n in $(seq 1 200); do
        [ -e stop ] && break
        tail -c +$((n * 500)) all | head -c 130000 > part
        \"$KERMES\" rados -p p1 put stored.$n part && echo $n $(sha1sum < part) >> stored
    done";
const READER: &str = "\
    while read n sum rest; do
        found=$(\"$KERMES\" rados -p p1 get stored.$n - | sha1sum) || exit 1
        [ \"$found\" = \"$sum  -\" ] || { echo stored.$n is not what was stored; exit 1; }
    done < stored";

/// Clients of an OSD on the device, which is killed, `kill -9`, while they write: what was
/// acknowledged is there when it is back, and so is all of it at the end.
fn serve(device: &Path) -> anyhow::Result<String> {
    let path = device.display().to_string();
    let dir = directory("block-osd");
    let args = ["--osds", "1", "--device", &path, "--force", "--pool", "p1:1:8"];
    let args = [&args[..], &["--port", SERVING_PORT]].concat();
    let (mut c, _) = Cluster::up(&dir, &args)?;
    c.ok("grep -q 'zoned (host managed)' log/osd.0.log")?;
    // `rados bench seq` compares each object with what was written.
    let mut written = Vec::new();
    for (bytes, objects) in [(4096, 1000), (4 << 20, 8)] {
        let run = format!("--run-name of{bytes}");
        c.ok(&format!(
            "rados -p p1 bench 10 write -b {bytes} --max-objects {objects} --no-cleanup {run}"
        ))?;
        let text = c.ok(&format!("rados -p p1 bench 60 seq {run}"))?;
        let reads = text.lines().find_map(|l| l.strip_prefix("Total reads made:"));
        written.push(format!("{} of {bytes} bytes", reads.context("objects were read")?.trim()));
    }
    let mut clients = Vec::new();
    for script in [
        WRITER,
        "rados -p p1 bench 20 write -b 16384 --max-objects 2000 --no-cleanup --run-name killed",
    ] {
        let client = Command::new("bash")
            .args(["-c", script])
            .env("CEPH_CONF", c.dir.join("ceph.conf"))
            .env("KERMES", kermes())
            .current_dir(&c.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        clients.push(client);
    }
    let stored = || std::fs::read_to_string(dir.join("stored")).unwrap_or_default().lines().count();
    let begin = Instant::now();
    while stored() < 10 {
        ensure!(begin.elapsed() < Duration::from_secs(100), "clients store nothing");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (_, pid) = c.pids()?.into_iter().find(|(name, _)| name == "osd.0").context("osd.0 runs")?;
    c.kill(pid, "KILL")?;
    let before = stored();
    fsck(device)?;
    c.start()?;
    c.ok("touch stop")?;
    for mut client in clients {
        let status = client.wait()?;
        ensure!(status.success(), "a client of an OSD that was killed: {status}");
    }
    c.ok(READER)?;
    for run in ["of4096", "of4194304", "killed"] {
        c.ok(&format!("rados -p p1 bench 100 seq --run-name {run}"))?;
    }
    c.stop()?;
    fsck(device)?;
    std::fs::remove_dir_all(&dir)?;
    Ok(format!(
        "served {}; {before} objects and those of a benchmark stored before a kill are there",
        written.join(", ")
    ))
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
    if let Some(why) = no_vm() {
        return Ok(Outcome::Skipped(why));
    }
    let folder = directory("block-vm");
    std::fs::create_dir(&folder)?;
    let file = folder.join("zoned");
    std::fs::File::create(&file)?.set_len(ZONED_BYTES)?;
    let devices = format!(
        "-drive file={},if=none,id=kz,format=raw,cache=unsafe -device nvme,id=kzc,serial={} -device \
         nvme-ns,drive=kz,bus=kzc,nsid=1,{ZONED}",
        file.display(),
        ZONED_SERIAL
    );
    let mut args = vec!["block"];
    for device in VM_DEVICES {
        args.extend(["--device", device]);
    }
    args.extend(["--zoned-serial", ZONED_SERIAL]);
    let result = in_vm(&["-Q", &devices], &args);
    std::fs::remove_dir_all(&folder)?;
    result.map(Outcome::Passed)
}

/// Why nothing can be run in a virtual machine.
pub fn no_vm() -> Option<String> {
    if std::env::var_os(VM).is_none() {
        return Some(format!("{VM} names no program that runs a command in a virtual machine"));
    }
    for (program, package) in [("qemu-system-x86_64", "qemu-system-x86"), ("rados", "ceph-common")]
    {
        if !has(program) {
            return Some(format!("{program} (Debian's {package}) is not there"));
        }
    }
    None
}

/// Runs this program with `args` in a virtual machine made with `options`.
pub fn vm_command(options: &[&str], args: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::var_os(VM).context("the caller has looked")?);
    command.args(["-t", VM_SECONDS]).args(options).args(["--", "env"]);
    let target = kermes().parent().and_then(Path::parent).expect("TARGET/release").to_owned();
    command.arg(format!("CARGO_TARGET_DIR={}", target.display()));
    command.arg(std::env::current_exe()?).args(args);
    Ok(command)
}

/// Runs this program with `args` in a virtual machine made with `options`. What it printed, in one
/// line.
pub fn in_vm(options: &[&str], args: &[&str]) -> anyhow::Result<String> {
    let output = vm_command(options, args)?.output()?;
    ensure!(output.status.success(), "in the virtual machine: {}", describe(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.trim().lines().collect::<Vec<_>>().join("; "))
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
    command.args(["bench", "store", "--workload", workload, "--depth", "16"]);
    if !more.contains(&"--bs") {
        command.args(["--bs", "64k"]);
    }
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
