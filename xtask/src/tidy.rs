//! What reviews should not have to check.

use anyhow::{Context, ensure};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates in the order of the layering: each may use those before it, as Cargo.toml says, and no
/// core crate may use a driver.
const LAYERS: &[(&str, &[&str])] = &[
    ("runtime/crc32c", &[]),
    ("types", &["crc32c"]),
    ("crush", &["types"]),
    ("maps", &["types", "crush"]),
    ("messenger/schema", &[]),
    ("messenger", &["types", "maps", "schema"]),
    ("seastore", &["types"]),
    ("osd", &["types", "maps", "messenger", "seastore"]),
    ("mon", &["types", "crush", "maps", "messenger"]),
    ("client", &["types", "maps", "messenger"]),
    ("sim", &["types", "crush", "maps", "messenger", "seastore", "osd", "mon", "client"]),
    ("runtime", &["types"]),
];
/// Libraries that core crates must not have.
const DRIVERS: &[&str] = &["tokio", "glommio", "io-uring", "libc", "redb", "rtrb"];
const CORE: &[&str] = &["types", "crush", "maps", "messenger", "seastore", "osd", "mon", "client"];
/// A file longer than this has a second subject. Tables of numbers and generated code are exempt.
const LINES_MAX: usize = 1000;
const EXEMPT: &[&str] = &["crush/src/ln.rs", "messenger/schema/src/generated.rs"];

pub fn tidy() -> anyhow::Result<()> {
    let mut findings = Vec::new();
    for (name, allowed) in LAYERS {
        check_dependencies(name, allowed, &mut findings)?;
    }
    for name in CORE {
        check_lints(name, &mut findings)?;
    }
    for file in tracked("*.rs")? {
        check_file(&file, &mut findings)?;
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    ensure!(findings.is_empty(), "{} findings", findings.len());
    println!("tidy: {} crates keep their layer", LAYERS.len());
    Ok(())
}

fn check_dependencies(
    name: &str,
    allowed: &[&str],
    findings: &mut Vec<String>,
) -> anyhow::Result<()> {
    let path = format!("{name}/Cargo.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let mut section = "";
    let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
    for line in text.lines() {
        if line.starts_with('[') {
            section = line;
            continue;
        }
        let Some(dependency) = line.split(['.', ' ', '=']).next().filter(|d| !d.is_empty()) else {
            continue;
        };
        if section != "[dependencies]" {
            continue;
        }
        if let Some(ours) = dependency.strip_prefix("kermes-")
            && !allowed.contains(ours)
        {
            findings.push(format!("{path}: {name} may not use {ours}"));
        }
        if CORE.contains(&name) && DRIVERS.contains(&dependency) {
            findings.push(format!("{path}: a core crate may not use {dependency}"));
        }
    }
    Ok(())
}

/// A core crate forbids `unsafe` and holds to clippy-core.toml.
fn check_lints(name: &str, findings: &mut Vec<String>) -> anyhow::Result<()> {
    let path = format!("{name}/Cargo.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    if !text.lines().any(|l| l == "unsafe_code = \"forbid\"") {
        findings.push(format!("{path}: a core crate forbids unsafe_code"));
    }
    let rules = std::fs::read_link(format!("{name}/clippy.toml"));
    if !rules.is_ok_and(|to| to == Path::new("../clippy-core.toml")) {
        findings.push(format!("{name}/clippy.toml: is not a link to clippy-core.toml"));
    }
    Ok(())
}

fn check_file(file: &Path, findings: &mut Vec<String>) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let name = file.to_string_lossy();
    let lines = text.lines().count();
    if lines > LINES_MAX && !EXEMPT.contains(&name.as_ref()) {
        findings.push(format!("{name}: {lines} lines; is there a second subject in it?"));
    }
    if name.starts_with("xtask/") {
        return Ok(());
    }
    for (i, line) in text.lines().enumerate() {
        for leftover in ["todo!(", "unimplemented!(", "dbg!(", "FIXME", "XXX"] {
            if line.contains(leftover) {
                findings.push(format!("{name}:{}: {leftover}", i + 1));
            }
        }
    }
    Ok(())
}

/// Files that git tracks.
fn tracked(pattern: &str) -> anyhow::Result<Vec<PathBuf>> {
    let output = Command::new("git").args(["ls-files", "--", pattern]).output()?;
    ensure!(output.status.success(), "git ls-files failed");
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().map(PathBuf::from).filter(|p| p.exists()).collect())
}
