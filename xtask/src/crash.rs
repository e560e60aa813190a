//! kill -9 of daemons while `rados bench` writes; what was acknowledged must read back.

use crate::acceptance::directory;
use crate::cluster::{Cluster, Shell, describe, has, kermes};
use crate::steps::{Outcome, ms};
use anyhow::{Context, ensure};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How long writing may take to go on when everybody is back.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes objects whose bytes follow from their names, and prints the name of each acknowledged one.
const WRITER: &str = r#"
import rados, sys, hashlib, threading
prefix, conf = sys.argv[1], sys.argv[2]
c = rados.Rados(conffile=conf); c.connect()
io = c.open_ioctx('p1')
def body(name):
    return (hashlib.sha256(name.encode()).digest() * 400)[:1 + int(hashlib.md5(name.encode()).hexdigest(), 16) % 12000]
gate, out = threading.Semaphore(32), threading.Lock()
def done(name):
    def f(completion):
        if completion.get_return_value() == 0:
            with out:
                print(name, flush=True)
        gate.release()
    return f
n = 0
while True:
    gate.acquire()
    # Every name is written twice, so that overwrites are interrupted too.
    name = '%s.%d' % (prefix, n // 2)
    io.aio_write_full(name, body(name), oncomplete=done(name))
    n += 1
"#;

const READER: &str = r#"
import rados, sys, hashlib
names, conf = sys.argv[1], sys.argv[2]
c = rados.Rados(conffile=conf); c.connect()
io = c.open_ioctx('p1')
def body(name):
    return (hashlib.sha256(name.encode()).digest() * 400)[:1 + int(hashlib.md5(name.encode()).hexdigest(), 16) % 12000]
bad = 0
names = sorted(set(open(names).read().split('\n')[:-1]))
for name in names:
    try:
        ok = io.read(name, 20000) == body(name)
    except rados.Error as e:
        ok = False
        print(name, e)
    if not ok:
        bad += 1
        print('LOST', name)
print('%d acknowledged objects, %d lost' % (len(names), bad))
sys.exit(bad > 0)
"#;

pub fn run(rounds: u32) -> anyhow::Result<Outcome> {
    if !has("rados") {
        return Ok(Outcome::Skipped("python3-rados is not there".into()));
    }
    let args = ["--port", "3600", "--pool", "p1:3:32", "--osd-size", "4GiB"];
    let (mut c, _) = Cluster::up(&directory("crash"), &args)?;
    std::fs::write(c.dir.join("writer.py"), WRITER)?;
    std::fs::write(c.dir.join("reader.py"), READER)?;
    let mut total = 0;
    for round in 0..rounds {
        let acked = std::fs::File::create(c.dir.join(format!("acked.{round}")))?;
        let mut writer = std::process::Command::new("/usr/bin/python3")
            .arg(c.dir.join("writer.py"))
            .arg(format!("r{round}"))
            .arg(c.dir.join("ceph.conf"))
            .stdout(acked)
            .stderr(Stdio::null())
            .spawn()?;
        let pids = c.pids()?;
        // The moments and victims differ per round: each OSD alone, the monitor, and all at once.
        std::thread::sleep(Duration::from_millis(900 + 370 * u64::from(round % 5)));
        let victims: Vec<_> = match round % 6 {
            5 => pids.clone(),
            4 => pids.iter().filter(|(n, _)| n.starts_with("osd")).cloned().collect(),
            3 => pids.iter().filter(|(n, _)| n.starts_with("mon")).cloned().collect(),
            n => pids.iter().filter(|(name, _)| *name == format!("osd.{n}")).cloned().collect(),
        };
        ensure!(!victims.is_empty(), "round {round} kills somebody");
        for (_, pid) in &victims {
            c.kill(*pid, "KILL")?;
        }
        std::thread::sleep(Duration::from_millis(300));
        c.start()?;
        c.wait_healthy(60).with_context(|| format!("round {round}: {victims:?} killed"))?;
        // Writing goes on by itself: librados resends.
        let acked_bytes = || -> anyhow::Result<u64> {
            Ok(std::fs::metadata(c.dir.join(format!("acked.{round}")))?.len())
        };
        let (before, begin) = (acked_bytes()?, Instant::now());
        while acked_bytes()? == before && begin.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(50));
        }
        let again = begin.elapsed();
        std::thread::sleep(Duration::from_millis(1000));
        let after = acked_bytes()?;
        writer.kill()?;
        writer.wait()?;
        ensure!(
            after > before,
            "round {round}: no write is acknowledged within {} s after {} came back",
            PATIENCE.as_secs(),
            names(&victims)
        );
        let text = c.ok(&format!("/usr/bin/python3 reader.py acked.{round} ceph.conf"))?;
        println!("round {round}: {} killed, writing {} after; {text}", names(&victims), ms(again));
        total += text.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    }
    // What the last power cut leaves is whole, down to the last checksum.
    for (_, pid) in c.pids()? {
        c.kill(pid, "KILL")?;
    }
    for osd in 0..3 {
        let device = c.dir.join(format!("osd.{osd}/block"));
        let output = std::process::Command::new(kermes())
            .args(["store", "fsck", "--deep", "--device"])
            .arg(&device)
            .output()?;
        ensure!(output.status.success(), "osd.{osd} after kill -9: {}", describe(&output));
        println!("osd.{osd} after kill -9: {}", String::from_utf8_lossy(&output.stdout).trim());
    }
    Ok(Outcome::Passed(format!("{rounds} rounds, {total} acknowledged objects, none lost")))
}

fn names(victims: &[(String, u32)]) -> String {
    victims.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>().join(" ")
}
