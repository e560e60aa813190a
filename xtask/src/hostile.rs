//! Peers and devices that are not what they should be.

use crate::acceptance::directory;
use crate::cluster::{Cluster, Shell, has, kermes};
use crate::crowd;
use crate::steps::Outcome;
use anyhow::{Context, ensure};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

pub fn run() -> anyhow::Result<Outcome> {
    devices()?;
    if !has("ceph") {
        return Ok(Outcome::Skipped("devices are checked; ceph is not there for the rest".into()));
    }
    let args = ["--port", "3700", "--osds", "1", "--pool", "p1:1:8", "--osd-size", "1GiB"];
    let (mut c, _) = Cluster::up(&directory("hostile"), &args)?;
    garbage(&c)?;
    crowd::run(&c)?;
    full(&c)?;
    stops(&mut c)?;
    starts(&mut c)?;
    let text = "garbage closes, wrong devices are refused, full is a state, crowds cost little";
    Ok(Outcome::Passed(text.into()))
}

/// Ports on which the cluster's daemons listen.
fn ports(c: &Cluster) -> anyhow::Result<Vec<u16>> {
    let text = c.ok(
        "ceph osd dump -f json | jq '.osds[].public_addrs.addrvec[].addr' -r; echo 127.0.0.1:3700",
    )?;
    Ok(text.lines().filter_map(|l| l.rsplit(':').next()?.parse().ok()).collect())
}

fn garbage(c: &Cluster) -> anyhow::Result<()> {
    let banner = b"ceph v2\n\x10\x00\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let mut oversized = banner.to_vec();
    // A preamble that promises 4 GiB, with a checksum that is wrong anyway.
    oversized.extend_from_slice(&[1, 1, 0xff, 0xff, 0xff, 0xff, 8, 0]);
    oversized.extend_from_slice(&[0; 24]);
    let cases: [&[u8]; 6] = [
        b"",
        b"GET / HTTP/1.0\r\n\r\n",
        &[0xff; 4096],
        b"ceph v2\n\xff\xff",
        &oversized,
        &banner[..12],
    ];
    for port in ports(c)? {
        for (i, case) in cases.iter().enumerate() {
            let mut stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_read_timeout(Some(Duration::from_secs(15)))?;
            let _ = stream.write_all(case);
            let begin = Instant::now();
            if i == 0 || i == 5 {
                // Says too little: we hang up first.
                continue;
            }
            // Whatever it says first, it must hang up.
            let mut sink = Vec::new();
            match stream.read_to_end(&mut sink) {
                Ok(_) => {}
                Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => {}
                Err(e) => anyhow::bail!("port {port}, case {i}: not closed: {e}"),
            }
            ensure!(begin.elapsed() < Duration::from_secs(15), "port {port}, case {i}: slow");
        }
        // A port scan.
        for _ in 0..200 {
            drop(TcpStream::connect(("127.0.0.1", port))?);
        }
    }
    c.prints("ceph -s", &["HEALTH_OK"])?;
    Ok(())
}

fn full(c: &Cluster) -> anyhow::Result<()> {
    c.ok("head -c 4194304 /dev/urandom > chunk; rados -p p1 put first chunk")?;
    // Until the device is full; the client is told, or parks because the map says so.
    c.ok("for i in $(seq 1 400); do timeout 5 rados -p p1 put fill.$i chunk 2> error || break; done; \
          echo $i > count; test $i -lt 400")?;
    println!("full after {} objects of 4 MiB: {}", c.ok("cat count")?, c.ok("cat error")?);
    c.ok("rados -p p1 get first back && cmp chunk back")?;
    c.ok("for i in $(seq 1 60); do rados -p p1 rm fill.$i --force-full || exit 1; done")?;
    let begin = Instant::now();
    while c.run("timeout 5 rados -p p1 put again chunk")?.status.code() != Some(0) {
        ensure!(begin.elapsed() < Duration::from_secs(40), "writes do not resume after deletes");
    }
    c.ok("rados -p p1 get again back && cmp chunk back")?;
    c.ok("rados -p p1 get first back && cmp chunk back")?;
    Ok(())
}

fn stops(c: &mut Cluster) -> anyhow::Result<()> {
    for signal in ["TERM", "INT"] {
        for (name, pid) in c.pids()? {
            let begin = Instant::now();
            c.kill(pid, signal)?;
            while std::path::Path::new(&format!("/proc/{pid}")).exists() {
                ensure!(begin.elapsed() < Duration::from_secs(2), "{name} ignores SIG{signal}");
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        c.start()?;
    }
    Ok(())
}

/// osd.0 started on devices that are damaged or not its own.
fn starts(c: &mut Cluster) -> anyhow::Result<()> {
    let (_, pid) = c.pids()?.into_iter().find(|(n, _)| n == "osd.0").context("osd.0 runs")?;
    c.kill(pid, "TERM")?;
    c.ok("for i in $(seq 200); do test -e /proc/$0 || break; sleep 0.01; done; \
          cp --sparse=always osd.0/block good"
        .replace("$0", &pid.to_string())
        .as_str())?;
    let kermes = kermes().display().to_string();
    let start = format!(
        "timeout 3 {kermes} osd --device dev --keyring osd.0/keyring --listen 127.0.0.1:0 \
         -c ceph.conf > said 2>&1"
    );
    let damage = |first: bool, last: bool| {
        let hit = |at: &str| {
            format!("printf '\\377\\377' | dd of=dev bs=1 seek={at} conv=notrunc status=none; ")
        };
        let mut script = String::from("cp --sparse=always good dev; s=$(stat -c %s dev); ");
        script.push_str(&if first { hit("40") } else { String::new() });
        script.push_str(&if last {
            hit("$((s / 4096 * 4096 - 4096 + 40))")
        } else {
            String::new()
        });
        script
    };
    // One whole superblock is enough, and the other is mended.
    for (first, last) in [(true, false), (false, true)] {
        c.ok(&damage(first, last))?;
        c.ok(&format!("{start}; test $? = 124; grep -q 'is whole again' said"))?;
        c.ok(&format!("{start}; test $? = 124; ! grep -q 'is whole again' said"))?;
    }
    let mkfs = format!("rm -f dev; truncate -s 512M dev; {kermes} osd mkfs --device dev --id 0");
    let other = "11111111-2222-3333-4444-555555555555";
    for (what, make, wanted) in [
        ("both superblocks damaged", damage(true, true), "both superblocks are corrupt"),
        ("another cluster", format!("{mkfs} --fsid {other}"), "belongs to cluster"),
        (
            "another cluster, ceph.conf names none",
            format!("{mkfs} --fsid {other}; cp ceph.conf keep; sed -i /fsid/d ceph.conf"),
            "belongs to cluster",
        ),
        ("another OSD", format!("{mkfs} --fsid $(ceph fsid)"), "the cluster knows osd.0 as"),
        ("not ours", "head -c 1000000 /dev/urandom > dev".into(), "not of this store"),
        ("cut short", "cp good dev; truncate -s 1M dev".into(), "are needed"),
        ("missing", "rm dev".into(), "No such file"),
    ] {
        c.ok(&make)?;
        c.ok("test ! -e dev || sha256sum dev > before")?;
        c.ok(&format!(
            "{start}; e=$?; test $e != 0 -a $e != 124; test ! -e keep || mv keep ceph.conf"
        ))
        .context(what)?;
        let said = c
            .ok(&format!(
                "grep -v INFO said; test $(grep -vc INFO said) = 1; \
            grep -q '{wanted}' said"
            ))
            .context(what)?;
        println!("{what}: {}", said.trim());
        if !what.starts_with("another") {
            c.ok("test ! -e dev || sha256sum --quiet -c before").context(what)?;
        }
    }
    c.ok("rm -f dev good")?;
    c.start()?;
    c.wait_healthy(30)
}

fn mkfs(device: &str, extra: &str) -> anyhow::Result<(bool, String)> {
    let script = format!(
        "{} osd mkfs --device {device} --id 0 --fsid 11111111-2222-3333-4444-555555555555 {extra}",
        kermes().display()
    );
    let output = std::process::Command::new("sh").args(["-c", &script]).output()?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

fn devices() -> anyhow::Result<()> {
    let dir = directory("devices");
    std::fs::create_dir_all(&dir)?;
    let path = dir.join("device");
    let name = path.display().to_string();
    let make = |bytes: u64| -> anyhow::Result<()> {
        let file = std::fs::File::create(&path)?;
        file.set_len(bytes)?;
        Ok(())
    };
    let refused = |what: &str, extra: &str, wanted: &str| -> anyhow::Result<()> {
        let before = std::fs::read(&path).unwrap_or_default();
        let (ok, said) = mkfs(&name, extra)?;
        ensure!(!ok, "mkfs accepts a device that is {what}");
        ensure!(said.contains(wanted) && said.lines().count() == 1, "{what}: said {said:?}");
        ensure!(std::fs::read(&path).unwrap_or_default() == before, "{what}: it was written to");
        println!("{what}: {said}");
        Ok(())
    };
    refused("missing", "", "No such file")?;
    make(1 << 20)?;
    refused("too small", "", "bytes")?;
    make(512 << 20)?;
    refused("made with 3 shards", "--shards 3", "power of two")?;
    std::fs::write(&path, [vec![0x5a; 8192], vec![0; 512 << 20]].concat())?;
    refused("not ours", "", "--force")?;
    let (ok, said) = mkfs(&name, "--force")?;
    ensure!(ok, "mkfs --force overwrites: {said}");
    refused("ours already", "", "--force")?;
    let lock = std::fs::OpenOptions::new().read(true).write(true).open(&path)?;
    lock.lock()?;
    refused("in use", "--force", "in use")?;
    drop(lock);
    // Both superblocks damaged.
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new().write(true).open(&path)?;
    let size = file.metadata()?.len() / 4096 * 4096;
    file.write_all_at(&[0xff; 4], 40)?;
    file.write_all_at(&[0xff; 4], size - 4096 + 40)?;
    refused("corrupt", "", "corrupt")?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}
