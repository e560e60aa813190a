//! A throw-away cluster of real Ceph on loopback: what our clients and commands are compared with.
//!
//! One monitor, a manager if the program is there (statistics need it), and OSDs with BlueStore on
//! sparse files, as Debian 12 packages them. Dropping a [`Peer`] stops its daemons and removes its
//! directory; if this process dies, the kernel stops them.

use crate::cluster::{Shell, describe, has};
use anyhow::{Context, bail, ensure};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAMS: &[&str] =
    &["ceph-mon", "ceph-osd", "ceph", "monmaptool", "ceph-authtool", "setpriv"];
/// Each command of the setup may take this long, and so may each wait for a state.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct PeerOptions<'a> {
    /// Of the monitor. The following one and those from 10 to 400 above it are used too.
    pub port: u16,
    pub osds: u32,
    /// Replicas of every pool.
    pub size: u32,
    /// Name and number of PGs.
    pub pools: &'a [(&'a str, u32)],
    /// Size of each OSD's file.
    pub osd_gib: u64,
    /// Write the files once, so that no block of them is the file system's to allocate later; sparse
    /// otherwise.
    pub preallocate: bool,
}

pub struct Peer {
    dir: PathBuf,
    /// In order of their start, with their names.
    daemons: Vec<(String, Child)>,
}

/// Why there can be no real cluster on this machine.
pub fn missing() -> Option<String> {
    let program = PROGRAMS.iter().find(|p| !has(p))?;
    Some(format!("{program} is not there (Debian's ceph-mon, ceph-osd, ceph-base, ceph-common)"))
}

impl Peer {
    /// Starts a cluster in `dir`, which must not exist, and waits until its PGs are clean.
    pub fn up(dir: &Path, options: &PeerOptions<'_>) -> anyhow::Result<Self> {
        let dir = std::path::absolute(dir)?;
        std::fs::create_dir(&dir).with_context(|| dir.display().to_string())?;
        // From here on an error drops `peer`, which removes what there is.
        let mut peer = Self { dir, daemons: Vec::new() };
        peer.start(options).context("real Ceph")?;
        Ok(peer)
    }

    /// Process ids of the OSDs.
    pub fn osd_pids(&self) -> Vec<u32> {
        let osds = self.daemons.iter().filter(|(name, _)| name.starts_with("osd."));
        osds.map(|(_, child)| child.id()).collect()
    }

    fn start(&mut self, options: &PeerOptions<'_>) -> anyhow::Result<()> {
        for folder in ["mon", "mgr", "osd", "log", "run"] {
            std::fs::create_dir(self.dir.join(folder))?;
        }
        let fsid = uuid()?;
        std::fs::write(self.dir.join("ceph.conf"), self.conf(&fsid, options)?)?;
        let with_mgr = has("ceph-mgr");
        self.keys(options.osds, with_mgr)?;
        let port = options.port;
        let addrs = format!("[v2:127.0.0.1:{port},v1:127.0.0.1:{}]", port + 1);
        self.ok(&format!("monmaptool --create --fsid {fsid} --addv a '{addrs}' monmap"))?;
        self.ok("ceph-mon --mkfs -i a --monmap monmap --keyring all-keys")?;
        self.spawn("mon.a", "ceph-mon", "a")?;
        self.ok("ceph mon stat")?;
        if with_mgr {
            self.spawn("mgr.x", "ceph-mgr", "x")?;
        }
        for id in 0..options.osds {
            let uuid = uuid()?;
            let given = self.ok(&format!("ceph osd new {uuid} {id}"))?;
            ensure!(given == id.to_string(), "OSD number {given} instead of {id}");
            if options.preallocate {
                let bytes = options.osd_gib << 30;
                self.ok(&format!("head -c {bytes} /dev/zero > osd/{id}/block"))?;
            }
            self.ok(&format!("ceph-osd -i {id} --mkfs --osd-uuid {uuid}"))?;
            self.spawn(&format!("osd.{id}"), "ceph-osd", &id.to_string())?;
        }
        let up = format!("{0} up", options.osds);
        self.wait_for("ceph osd stat", |text| text.contains(&up))?;
        for (name, pgs) in options.pools {
            self.ok(&format!("ceph osd pool create {name} {pgs} {pgs}"))?;
            if options.size == 1 {
                self.ok(&format!("ceph osd pool set {name} size 1 --yes-i-really-mean-it"))?;
            }
            self.ok(&format!("ceph osd pool application enable {name} rados"))?;
        }
        if with_mgr {
            let pgs: u32 = options.pools.iter().map(|(_, pgs)| pgs).sum();
            self.wait_for("ceph pg stat", |text| all_clean(text, pgs))?;
        }
        Ok(())
    }

    fn conf(&self, fsid: &str, options: &PeerOptions<'_>) -> anyhow::Result<String> {
        let (d, port) = (self.dir.display(), options.port);
        let mut text = format!(
            "[global]\nfsid = {fsid}\n\
             mon host = [v2:127.0.0.1:{port}/0,v1:127.0.0.1:{}/0]\n",
            port + 1
        );
        for (option, value) in [
            ("public addr", "127.0.0.1"),
            ("cluster addr", "127.0.0.1"),
            ("ms bind ipv6", "false"),
            ("auth cluster required", "cephx"),
            ("auth service required", "cephx"),
            ("auth client required", "cephx"),
            ("auth allow insecure global id reclaim", "false"),
            ("osd pool default pg autoscale mode", "off"),
            ("osd crush chooseleaf type", "0"),
            ("mon allow pool delete", "true"),
            ("mon allow pool size one", "true"),
            ("mon max pg per osd", "4000"),
            ("mon warn on pool no redundancy", "false"),
            // The machine's own disk may be nearly full; it is not what is tested.
            ("mon data avail warn", "2"),
            ("mon data avail crit", "1"),
        ] {
            writeln!(text, "{option} = {value}")?;
        }
        write!(
            text,
            "ms bind port min = {}\nms bind port max = {}\n\
             keyring = {d}/keyring\nrun dir = {d}/run\ncrash dir = {d}/log\n\
             log file = {d}/log/$name.log\nadmin socket = {d}/run/$name.$pid.asok\n\
             osd pool default size = {}\nosd pool default min size = {}\n\
             [mon]\nmon data = {d}/mon/$id\nkeyring = {d}/mon/$id/keyring\n\
             [mgr]\nmgr data = {d}/mgr/$id\nkeyring = {d}/mgr/$id/keyring\nmgr initial modules =\n\
             [osd]\nosd data = {d}/osd/$id\nkeyring = {d}/osd/$id/keyring\n\
             osd objectstore = bluestore\nbluestore block create = true\n\
             bluestore block size = {}\nosd check max object name len on startup = false\n\
             bluestore debug enforce settings = ssd\n\
             osd op num shards = 8\nosd op num threads per shard = 2\n\
             [client]\nlog file =\nadmin socket =\n",
            port + 10,
            port + 400,
            options.size,
            options.size.saturating_sub(1).max(1),
            options.osd_gib << 30,
        )?;
        Ok(text)
    }

    /// Makes the key of everybody. The monitor's mkfs takes all of them with their capabilities.
    fn keys(&self, osds: u32, with_mgr: bool) -> anyhow::Result<()> {
        let everything =
            "--cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' --cap mds 'allow *'";
        self.key("keyring", "client.admin", everything)?;
        self.key("mon/keyring", "mon.", "--cap mon 'allow *'")?;
        let mut files = vec!["keyring".to_owned(), "mon/keyring".to_owned()];
        if with_mgr {
            std::fs::create_dir(self.dir.join("mgr/x"))?;
            self.key(
                "mgr/x/keyring",
                "mgr.x",
                "--cap mon 'allow profile mgr' --cap osd 'allow *'",
            )?;
            files.push("mgr/x/keyring".into());
        }
        for id in 0..osds {
            std::fs::create_dir(self.dir.join(format!("osd/{id}")))?;
            let file = format!("osd/{id}/keyring");
            let caps =
                "--cap mon 'allow profile osd' --cap osd 'allow *' --cap mgr 'allow profile osd'";
            self.key(&file, &format!("osd.{id}"), caps)?;
            files.push(file);
        }
        self.ok(&format!("cat {} > all-keys", files.join(" "))).map(drop)
    }

    fn key(&self, file: &str, name: &str, caps: &str) -> anyhow::Result<()> {
        self.ok(&format!("ceph-authtool --create-keyring {file} --gen-key -n {name} {caps}"))?;
        Ok(())
    }

    fn spawn(&mut self, name: &str, program: &str, id: &str) -> anyhow::Result<()> {
        let out = std::fs::File::create(self.dir.join("log").join(format!("{name}.out")))?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", program, "-f", "-i", id])
            .env("CEPH_CONF", self.dir.join("ceph.conf"))
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| program.to_owned())?;
        self.daemons.push((name.to_owned(), child));
        Ok(())
    }

    fn wait_for(&mut self, script: &str, done: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let begin = Instant::now();
        loop {
            let output = self.run(script)?;
            if done(&String::from_utf8_lossy(&output.stdout)) {
                return Ok(());
            }
            for (name, child) in &mut self.daemons {
                if let Some(status) = child.try_wait()? {
                    let out = self.dir.join("log").join(format!("{name}.out"));
                    let said = std::fs::read_to_string(out).unwrap_or_default();
                    bail!("{name} ended with {status}:\n{said}");
                }
            }
            ensure!(begin.elapsed() < PATIENCE, "`{script}` still says: {}", describe(&output));
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

impl Shell for Peer {
    fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Nothing of it is kept, so there is no reason to ask politely.
        for (_, child) in self.daemons.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Err(e) = std::fs::remove_dir_all(&self.dir) {
            eprintln!("{}: {e}", self.dir.display());
        }
    }
}

/// "33 pgs: 33 active+clean; ...": all of them, and at least `pgs`; the manager has a pool too.
fn all_clean(text: &str, pgs: u32) -> bool {
    let total = text.split(' ').next().and_then(|n| n.parse::<u32>().ok()).unwrap_or(0);
    total >= pgs && text.starts_with(&format!("{total} pgs: {total} active+clean;"))
}

fn uuid() -> anyhow::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/uuid")?.trim().to_owned())
}
