//! Generates the FlatBuffers code of our own messages. The generated file is committed, so that a
//! build needs neither this nor the generator.

use anyhow::{Context, ensure};
use std::process::Command;

pub fn codegen() -> anyhow::Result<()> {
    let status = Command::new("planus")
        .args(["rust", "-o", "messenger/schema/src/generated.rs"])
        .arg("messenger/schema/kermes.fbs")
        .status()
        .context("planus is not there; `cargo install planus-cli --version 1.3.0` brings it")?;
    ensure!(status.success(), "planus failed");
    Ok(())
}
