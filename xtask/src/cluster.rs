//! A cluster of `kermes dev` for tests, and the real programs run against it.

use anyhow::{Context, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A command of a test may take this long.
const COMMAND_SECONDS: u32 = 120;

/// `kermes dev up` gives up after 60 seconds by itself and says what is missing.
const UP_SECONDS: u32 = 90;

/// The optimised binary.
pub fn kermes() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    std::path::absolute(target.join("release/kermes")).expect("the current directory exists")
}

/// Whether a program is there.
pub fn has(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// Commands run in the directory of a cluster, ours or another, with its ceph.conf.
pub trait Shell {
    /// Where its ceph.conf is.
    fn dir(&self) -> &Path;

    /// Runs a shell command with this cluster's ceph.conf, in its directory.
    fn run(&self, script: &str) -> anyhow::Result<Output> {
        Command::new("timeout")
            .arg(COMMAND_SECONDS.to_string())
            .args(["bash", "-c", script])
            .env("CEPH_CONF", self.dir().join("ceph.conf"))
            .env("KERMES", kermes())
            .current_dir(self.dir())
            .stdin(Stdio::null())
            .output()
            .with_context(|| script.to_owned())
    }

    /// The same, and it must succeed. Returns what it printed.
    fn ok(&self, script: &str) -> anyhow::Result<String> {
        let output = self.run(script)?;
        ensure!(output.status.success(), "`{script}` failed: {}", describe(&output));
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// The same, and its output must contain each of `wanted`.
    fn prints(&self, script: &str, wanted: &[&str]) -> anyhow::Result<String> {
        let text = self.ok(script)?;
        for part in wanted {
            ensure!(text.contains(part), "`{script}` should print {part:?}, it printed:\n{text}");
        }
        Ok(text)
    }

    /// Must fail with this exit code, or any but success when it is 0, and say `wanted`.
    fn fails(&self, script: &str, code: i32, wanted: &str) -> anyhow::Result<()> {
        let output = self.run(script)?;
        let found = output.status.code();
        let right_code = if code == 0 { found != Some(0) } else { found == Some(code) };
        ensure!(right_code, "`{script}` should fail with {code}: {}", describe(&output));
        ensure!(found != Some(124), "`{script}` hung");
        let all = describe(&output);
        ensure!(all.contains(wanted), "`{script}` should say {wanted:?}: {all}");
        Ok(())
    }
}

pub struct Cluster {
    pub dir: PathBuf,
    up_args: Vec<String>,
    up: bool,
}

impl Cluster {
    /// Starts a cluster in `dir`, which must not exist, and says how long that took.
    pub fn up(dir: &Path, up_args: &[&str]) -> anyhow::Result<(Self, Duration)> {
        let dir = std::path::absolute(dir)?;
        let up_args = up_args.iter().map(|a| a.to_string()).collect();
        let mut cluster = Self { dir, up_args, up: false };
        let took = cluster.start()?;
        Ok((cluster, took))
    }

    /// Changes an argument of `kermes dev up` for the next start.
    pub fn set_arg(&mut self, name: &str, value: &str) {
        match self.up_args.iter().position(|a| a == name) {
            Some(at) => self.up_args[at + 1] = value.to_owned(),
            None => self.up_args.extend([name.to_owned(), value.to_owned()]),
        }
    }

    pub fn start(&mut self) -> anyhow::Result<Duration> {
        let begin = Instant::now();
        let output = Command::new("timeout")
            .arg(UP_SECONDS.to_string())
            .arg(kermes())
            .args(["dev", "up", "--dir"])
            .arg(&self.dir)
            .args(&self.up_args)
            .output()?;
        let took = begin.elapsed();
        self.up = true;
        ensure!(
            output.status.success(),
            "kermes dev up: {}\n{}",
            describe(&output),
            self.last_words()
        );
        Ok(took)
    }

    /// The end of each daemon's log and what the monitor says of placement groups: what a failed
    /// step leaves to find its cause by, as its folder is removed.
    pub fn last_words(&self) -> String {
        let script = "tail -n 12 log/*.log; timeout 5 ceph -s && timeout 5 ceph osd dump && \
                      timeout 5 ceph pg dump pgs_brief 2>&1 | grep -v active+clean | head -20";
        self.run(script).map_or_else(|e| e.to_string(), |output| describe(&output))
    }

    pub fn stop(&mut self) -> anyhow::Result<Duration> {
        let begin = Instant::now();
        let output = self.dev(&["down"])?;
        ensure!(output.status.success(), "kermes dev down: {}", describe(&output));
        self.up = false;
        Ok(begin.elapsed())
    }

    fn dev(&self, args: &[&str]) -> anyhow::Result<Output> {
        let (verb, rest) = args.split_first().expect("a verb");
        Ok(Command::new(kermes())
            .args(["dev", verb, "--dir"])
            .arg(&self.dir)
            .args(rest)
            .output()?)
    }

    /// Process ids by daemon name, from the files that `kermes dev` writes.
    pub fn pids(&self) -> anyhow::Result<Vec<(String, u32)>> {
        let mut pids = Vec::new();
        for entry in std::fs::read_dir(self.dir.join("pids"))? {
            let path = entry?.path();
            let name = path.file_stem().context("pid file")?.to_string_lossy().into_owned();
            let pid = std::fs::read_to_string(&path)?.trim().parse()?;
            pids.push((name, pid));
        }
        pids.sort();
        Ok(pids)
    }

    /// Sends a signal. Of one that is killed nothing is left when this returns.
    pub fn kill(&self, pid: u32, signal: &str) -> anyhow::Result<()> {
        self.ok(&format!("kill -{signal} {pid}"))?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while signal == "KILL" && !runtime::process::has_ended(pid)? {
            ensure!(Instant::now() < deadline, "process {pid} outlives SIGKILL");
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    pub fn wait_healthy(&self, seconds: u32) -> anyhow::Result<()> {
        let begin = Instant::now();
        loop {
            let status = self.run("ceph --connect-timeout 5 -s")?;
            let text = String::from_utf8_lossy(&status.stdout).into_owned();
            if text.contains("HEALTH_OK") {
                return Ok(());
            }
            if begin.elapsed() > Duration::from_secs(seconds.into()) {
                let last = self.last_words();
                bail!("not healthy after {seconds} s:\n{}\n{last}", describe(&status));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Shell for Cluster {
    fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() || !self.up {
            return;
        }
        let _ = self.dev(&["down", "--wipe"]);
    }
}

pub fn describe(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
