//! `kermes status`.

use super::connect::{Cluster, ConnectArgs, Format, FormatArgs, block_on};
use anyhow::{Result, bail};
use clap::Args;
use std::process::ExitCode;

/// Health, daemons, capacity and placement groups of a cluster
///
/// Works with any cluster that speaks Ceph's protocol. Exit code 0 when the cluster answered,
/// whatever its health; 1 when it did not.
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    pub connect: ConnectArgs,
    #[command(flatten)]
    pub format: FormatArgs,
}

pub fn run(args: StatusArgs) -> Result<ExitCode> {
    block_on(async {
        let cluster = Cluster::connect(&args.connect).await?;
        let format = match args.format.format {
            Format::Plain => "plain",
            Format::Json => "json-pretty",
        };
        let cmd = serde_json::json!({ "prefix": "status", "format": format }).to_string();
        let (result, status, output) = cluster.command(cmd).await?;
        if result != 0 {
            bail!("status: {status} (errno {})", -result);
        }
        println!("{}", String::from_utf8_lossy(&output).trim_end());
        Ok(ExitCode::SUCCESS)
    })
}
