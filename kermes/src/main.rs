//! The one binary: monitors, OSDs, clusters for development, and client commands.

mod admin;
mod cmd;
mod daemon;
mod files;
mod out;
mod progress;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A RADOS cluster that unmodified Ceph clients use.
///
/// Try it: `kermes demo`. A cluster to work with: `kermes dev up --dir d`, then
/// `export CEPH_CONF=d/ceph.conf` and use Debian's `ceph` and `rados`, or `kermes rados`.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
struct Kermes {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Mon(cmd::mon::MonArgs),
    Osd(cmd::osd::OsdArgs),
    Dev(cmd::dev::DevArgs),
    Demo(cmd::demo::DemoArgs),
    Rados(cmd::rados::RadosArgs),
    Status(cmd::status::StatusArgs),
    Bench(cmd::bench::BenchArgs),
    Store(cmd::store::StoreArgs),
    Daemon(cmd::daemon::DaemonArgs),
}

fn main() -> ExitCode {
    out::end_quietly_when_closed();
    let result = match Kermes::parse().command {
        Command::Mon(args) => cmd::mon::run(&args).map(exit_code),
        Command::Osd(args) => cmd::osd::run(&args).map(exit_code),
        Command::Dev(args) => cmd::dev::run(&args).map(exit_code),
        Command::Demo(args) => cmd::demo::run(&args).map(exit_code),
        Command::Rados(args) => cmd::rados::run(args),
        Command::Status(args) => cmd::status::run(args),
        Command::Bench(args) => cmd::bench::run(&args).map(exit_code),
        Command::Store(args) => cmd::store::run(&args).map(exit_code),
        Command::Daemon(args) => cmd::daemon::run(&args).map(exit_code),
    };
    match result {
        Ok(code) => code,
        Err(e) => {
            eprintln!("kermes: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn exit_code(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
