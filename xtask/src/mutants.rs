//! `cargo xtask mutants`: are the tests of the object store and of the messenger worth anything?
//!
//! Rules that keep data safe are broken one at a time in a copy of the workspace, and the tests of
//! the crate are run until one fails. A rule whose breaking no test notices is a gap in the tests.

use anyhow::{Context, bail, ensure};
use clap::Args;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

#[derive(Debug, Args)]
pub struct MutantsArgs {
    /// Whose rules.
    #[arg(long, value_enum, default_value_t = Of::Seastore)]
    of: Of,
    /// Only those whose description contains this, without first running the tests unbroken.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Say what would be broken, look whether it still applies, and stop.
    #[arg(long)]
    list: bool,
    /// Where the copy of the workspace and what is built of it go.
    #[arg(long, value_name = "DIR", default_value = "target/mutants")]
    dir: PathBuf,
    /// Tests that run longer than this are taken for hanging, which is noticed too. Seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Of {
    Seastore,
    Messenger,
}

impl Of {
    fn list(self) -> &'static str {
        match self {
            Self::Seastore => "xtask/testdata/mutants-seastore.txt",
            Self::Messenger => "xtask/testdata/mutants-messenger.txt",
        }
    }
    fn package(self) -> &'static str {
        match self {
            Self::Seastore => "kermes-seastore",
            Self::Messenger => "kermes-messenger",
        }
    }
    fn tests(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Seastore => &[&["--test", "store"], &["--lib"]],
            Self::Messenger => &[&["--lib"], &["--test", "lossless"], &["--test", "seeds"]],
        }
    }
}

/// Lines that go and come at one place of a file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Hunk {
    file: String,
    old: Vec<String>,
    new: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Mutant {
    what: String,
    hunks: Vec<Hunk>,
}

/// How the tests ended.
enum Verdict {
    /// This one failed.
    Found(String),
    Hangs,
    Survived,
}

pub fn mutants(args: &MutantsArgs) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(args.of.list()).context(args.of.list())?;
    let mut all = parse(&text)?;
    if let Some(only) = &args.only {
        all.retain(|mutant| mutant.what.contains(only.as_str()));
    }
    ensure!(!all.is_empty(), "none is called that");
    let mut stale = Vec::new();
    for mutant in &all {
        if let Err(e) = mutate(Path::new("."), mutant) {
            stale.push(format!("{}: {e:#}", mutant.what));
        }
    }
    ensure!(stale.is_empty(), "these no longer fit the source:\n{}", stale.join("\n"));
    if args.list {
        all.iter().for_each(|mutant| println!("{}", mutant.what));
        return Ok(());
    }
    std::fs::create_dir_all(&args.dir)?;
    let dir = args.dir.canonicalize()?;
    let copy = dir.join("workspace");
    copy_workspace(&copy)?;
    if args.only.is_none()
        && let Verdict::Found(test) = run_tests(&copy, &dir, args)?
    {
        bail!("{test} fails without anything broken");
    }
    let mut survived = 0;
    for mutant in &all {
        let begun = Instant::now();
        let mut whole = Vec::new();
        for (file, text) in mutate(&copy, mutant)? {
            let path = copy.join(file);
            whole.push((path.clone(), std::fs::read(&path)?));
            std::fs::write(path, text)?;
        }
        let verdict = run_tests(&copy, &dir, args);
        // The workspace itself may have changed meanwhile.
        for (path, text) in whole {
            std::fs::write(path, text)?;
        }
        let verdict = verdict?;
        let by = match verdict {
            Verdict::Found(test) => test,
            Verdict::Hangs => "the tests do not end".into(),
            Verdict::Survived => {
                survived += 1;
                "NOTHING".into()
            }
        };
        println!("{}: found by {by} ({} s)", mutant.what, begun.elapsed().as_secs());
    }
    ensure!(survived == 0, "{survived} of {} are noticed by no test", all.len());
    println!("all {} are noticed", all.len());
    Ok(())
}

fn parse(text: &str) -> anyhow::Result<Vec<Mutant>> {
    let mut all: Vec<Mutant> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some(sign) = line.chars().next().filter(|sign| *sign != '#') else { continue };
        let rest = &line[1..];
        if sign == '=' {
            all.push(Mutant { what: rest.trim().into(), hunks: Vec::new() });
            continue;
        }
        let mutant = all.last_mut().with_context(|| format!("line {}: of what?", number + 1))?;
        if sign == '@' {
            mutant.hunks.push(Hunk { file: rest.trim().into(), ..Hunk::default() });
            continue;
        }
        let hunk = mutant.hunks.last_mut();
        let hunk = hunk.with_context(|| format!("line {}: of which file?", number + 1))?;
        match sign {
            '-' => hunk.old.push(rest.trim().into()),
            '+' => hunk.new.push(rest.trim().into()),
            ' ' => {
                hunk.old.push(rest.trim().into());
                hunk.new.push(rest.trim().into());
            }
            other => bail!("line {}: {other:?} means nothing", number + 1),
        }
    }
    Ok(all)
}

/// The files that change, and what they become.
fn mutate(root: &Path, mutant: &Mutant) -> anyhow::Result<Vec<(String, String)>> {
    let changed = |hunk: &Hunk| {
        let text = std::fs::read_to_string(root.join(&hunk.file)).context(hunk.file.clone())?;
        Ok((hunk.file.clone(), hunk.apply(&text).context(hunk.file.clone())?))
    };
    mutant.hunks.iter().map(changed).collect()
}

impl Hunk {
    fn apply(&self, text: &str) -> anyhow::Result<String> {
        let lines: Vec<&str> = text.lines().collect();
        let places: Vec<usize> = lines
            .windows(self.old.len().max(1))
            .enumerate()
            .filter(|(_, lines)| lines.iter().map(|l| l.trim()).eq(self.old.iter()))
            .map(|(at, _)| at)
            .collect();
        let [at] = places[..] else { bail!("its lines are there {} times", places.len()) };
        let (before, after) = (&lines[..at], &lines[at + self.old.len()..]);
        let new = self.new.iter().map(String::as_str);
        let all: Vec<&str> =
            before.iter().copied().chain(new).chain(after.iter().copied()).collect();
        Ok(all.join("\n") + "\n")
    }
}

/// Every file that git knows or would add.
fn copy_workspace(to: &Path) -> anyhow::Result<()> {
    let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = Command::new("git").args(args).output().context("git ls-files")?;
    ensure!(listed.status.success(), "git ls-files failed");
    for file in String::from_utf8(listed.stdout)?.split('\0').filter(|file| !file.is_empty()) {
        let from = Path::new(file);
        if !from.is_file() {
            continue;
        }
        let to = to.join(file);
        std::fs::create_dir_all(to.parent().context("a file in a folder")?)?;
        let text = std::fs::read(from)?;
        // What stays as it is need not be built again.
        if std::fs::read(&to).ok().as_ref() != Some(&text) {
            std::fs::write(&to, text)?;
        }
    }
    Ok(())
}

/// First the tests that find most; each kind is built only when it is run.
fn run_tests(copy: &Path, dir: &Path, args: &MutantsArgs) -> anyhow::Result<Verdict> {
    for tests in args.of.tests() {
        match run_some(copy, dir, args, tests)? {
            Verdict::Survived => {}
            noticed => return Ok(noticed),
        }
    }
    Ok(Verdict::Survived)
}

fn run_some(
    copy: &Path,
    dir: &Path,
    args: &MutantsArgs,
    tests: &[&str],
) -> anyhow::Result<Verdict> {
    let cargo = |more: &[&str]| {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        command.current_dir(copy).args(["test", "-p", args.of.package()]).args(tests).args(more);
        command.env("CARGO_TARGET_DIR", dir.join("build")).env("RUST_BACKTRACE", "0");
        command.stdin(Stdio::null());
        command
    };
    let built = cargo(&["--no-run"]).output()?;
    let errors = String::from_utf8_lossy(&built.stderr);
    ensure!(built.status.success(), "it does not build:\n{errors}");
    let mut child = cargo(&[])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group_of_its_own()
        .spawn()?;
    let lines = lines_of(&mut child)?;
    let end = Instant::now() + Duration::from_secs(args.timeout);
    let verdict = loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(test) = failed_test(&line) {
                    break Verdict::Found(test.into());
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => break Verdict::Hangs,
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                break match child.wait()?.success() {
                    true => Verdict::Survived,
                    false => Verdict::Found("a test program that ends early".into()),
                };
            }
        }
    };
    stop(&mut child);
    Ok(verdict)
}

fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

fn lines_of(child: &mut Child) -> anyhow::Result<mpsc::Receiver<String>> {
    let stdout = child.stdout.take().context("its output is piped")?;
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    Ok(lines)
}

trait ProcessGroup {
    fn process_group_of_its_own(&mut self) -> &mut Self;
}
impl ProcessGroup for Command {
    fn process_group_of_its_own(&mut self) -> &mut Self {
        std::os::unix::process::CommandExt::process_group(self, 0)
    }
}

/// Cargo and the test program that it runs.
fn stop(child: &mut Child) {
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_changes_the_one_place_that_has_its_lines() {
        let all = parse("# no\n\n= one\n@ a.rs\n let x = 1;\n-check();\n+skip();\n").unwrap();
        let hunk = &all[0].hunks[0];
        assert_eq!((all.len(), all[0].what.as_str(), hunk.file.as_str()), (1, "one", "a.rs"));
        let text = "    check();\n    let x = 1;\n    check();\n";
        assert_eq!(hunk.apply(text).unwrap(), "    check();\nlet x = 1;\nskip();\n");
        assert!(hunk.apply(&text.repeat(2)).is_err());
        assert!(hunk.apply("let x = 1;\n").is_err());
        assert!(parse("- of what\n").is_err() && parse("= a\n- of which file\n").is_err());
    }

    #[test]
    fn a_failed_test_is_named() {
        assert_eq!(failed_test("test rot::a ... FAILED"), Some("rot::a"));
        assert_eq!(failed_test("test rot::a ... ok"), None);
    }
}
