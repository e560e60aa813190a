//! A virtual machine that runs what it is told: it calls back, takes one shell script after another
//! and says what came of each.

use super::relay;
use crate::block::vm_command;
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How a machine sees the host's loopback: QEMU's user network says so.
const HOST: &str = "10.0.2.2";
/// Emulation of two machines takes its time.
const BOOT: Duration = Duration::from_secs(180);
const SCRIPT: Duration = Duration::from_secs(120);

pub struct Machine {
    name: &'static str,
    child: Child,
    answers: BufReader<TcpStream>,
    /// What the machine printed itself.
    log: PathBuf,
}

/// Machines that are on their way.
pub struct Booting {
    listener: TcpListener,
    children: Vec<(&'static str, Child, PathBuf)>,
}

impl Booting {
    pub fn new() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, children: Vec::new() })
    }

    /// One more, with a card on the relay in `dir`.
    pub fn start(&mut self, name: &'static str, dir: &Path, mac: &str) -> anyhow::Result<()> {
        let call = format!("{HOST}:{}", self.listener.local_addr()?.port());
        let card = relay::card(dir, name, mac);
        let log = dir.join(format!("log-{name}"));
        let out = File::create(&log)?;
        let child =
            vm_command(&["-Q", &card], &["rdma-two-vms", "--agent", &call, "--name", name])?
                .stdin(Stdio::null())
                .stdout(out.try_clone()?)
                .stderr(out)
                .spawn()?;
        self.children.push((name, child, log));
        Ok(())
    }

    /// Waits until all have called, in the order in which they were started.
    pub fn wait(mut self) -> anyhow::Result<Vec<Machine>> {
        let begin = Instant::now();
        let mut called = Vec::new();
        while called.len() < self.children.len() {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false)?;
                    stream.set_read_timeout(Some(SCRIPT))?;
                    let mut answers = BufReader::new(stream);
                    let mut name = String::new();
                    answers.read_line(&mut name)?;
                    called.push((name.trim().to_owned(), answers));
                    continue;
                }
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
            for (name, child, log) in &mut self.children {
                let ended = child.try_wait()?;
                let said = || std::fs::read_to_string(&log).unwrap_or_default();
                ensure!(ended.is_none(), "machine {name} ended: {}", said());
                ensure!(begin.elapsed() < BOOT, "machine {name} does not call: {}", said());
            }
        }
        let mut machines = Vec::new();
        for (name, child, log) in self.children.drain(..) {
            let at = called.iter().position(|(n, _)| n == name).context("each calls once")?;
            machines.push(Machine { name, child, answers: called.remove(at).1, log });
        }
        Ok(machines)
    }
}

impl Drop for Booting {
    fn drop(&mut self) {
        for (_, child, _) in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What came of a script.
pub struct Answer {
    pub code: i64,
    pub out: String,
    pub err: String,
}

impl Machine {
    /// Runs a shell script in it. What it leaves in the background must not hold its output.
    pub fn run(&mut self, script: &str) -> anyhow::Result<Answer> {
        let mut line = Value::from(script).to_string();
        line.push('\n');
        self.answers.get_mut().write_all(line.as_bytes())?;
        let mut answer = String::new();
        let read = self.answers.read_line(&mut answer);
        let said = || std::fs::read_to_string(&self.log).unwrap_or_default();
        read.with_context(|| format!("machine {} does not answer: {}", self.name, said()))?;
        let answer: Value = serde_json::from_str(&answer)
            .with_context(|| format!("machine {} is gone: {}", self.name, said()))?;
        let text = |key: &str| answer[key].as_str().unwrap_or_default().trim_end().to_owned();
        Ok(Answer {
            code: answer["code"].as_i64().unwrap_or(-1),
            out: text("out"),
            err: text("err"),
        })
    }

    /// The same, and it must succeed. What it printed.
    pub fn ok(&mut self, script: &str) -> anyhow::Result<String> {
        let Answer { code, out, err } = self.run(script)?;
        ensure!(code == 0, "machine {}: `{script}`: {code}\n{out}\n{err}", self.name);
        Ok(out)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It ends when nobody tells it anything any more, and the machine with it.
        let _ = self.answers.get_ref().shutdown(std::net::Shutdown::Both);
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(20) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The machine's side.
pub fn obey(call: &str, name: &str) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(call).with_context(|| call.to_owned())?;
    stream.set_nodelay(true)?;
    writeln!(stream, "{name}")?;
    for line in BufReader::new(stream.try_clone()?).lines() {
        let Ok(line) = line else { break };
        let script: String = serde_json::from_str(&line)?;
        let output = Command::new("bash").args(["-c", &script]).stdin(Stdio::null()).output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        let code = output.status.code().unwrap_or(-1);
        let mut answer = json!({ "code": code, "out": out, "err": err }).to_string();
        answer.push('\n');
        if stream.write_all(answer.as_bytes()).is_err() {
            break;
        }
    }
    Ok(())
}
