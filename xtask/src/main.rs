//! Developer commands: `cargo xtask test`, `cargo xtask tidy`, `cargo xtask codegen`.

mod acceptance;
mod bench_rados;
mod block;
mod cluster;
mod codegen;
mod compare;
mod crash;
mod crowd;
mod hostile;
mod mutants;
mod observe;
mod peer;
mod rdma;
mod rdma_two;
mod real_ceph;
mod shapes;
mod steps;
mod strangers;
mod tidy;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Developer commands of Kermes.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Xtask {
    #[command(flatten)]
    Command(Command),
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the tests: style, units, oracles, simulation, and real Ceph programs against a cluster.
    ///
    /// Without --install-deps it uses what is there and says what it skips and why.
    Test(steps::TestArgs),
    /// Measure ours beside others: the whole path and real Ceph, the store and fio.
    Compare(compare::CompareArgs),
    /// Break rules of the object store one at a time and see its tests fail.
    Mutants(mutants::MutantsArgs),
    /// Check the store on block devices, whose contents are lost: mkfs, writes that are verified,
    /// `kill -9`, fsck, discards, and when it flushes.
    ///
    /// `cargo xtask test --only block,block-vm` does it on loop devices and in a virtual machine.
    Block(block::BlockArgs),
    /// Check connections over RDMA on this machine's device, with itself: every byte, closing, kills,
    /// a port that goes down, fall-back to TCP, and a cluster.
    ///
    /// `cargo xtask test --only rdma-vm` does it on soft RoCE in a virtual machine.
    Rdma(rdma::RdmaArgs),
    /// Check connections over soft RoCE between two virtual machines, over a network that loses and
    /// delays packets, ends, or filters RDMA: every byte, and when each end knows.
    ///
    /// KERMES_VM says how to run one: see CONTRIBUTING.md. The long version: --loss 0,0.1,1 --seconds 60
    RdmaTwoVms(rdma_two::TwoVmsArgs),
    /// Check the layering: dependency direction, unsafe outside runtime/, files too long, leftovers.
    Tidy,
    /// Generate the FlatBuffers code of our own messages from messenger/schema.
    Codegen,
}

fn main() -> ExitCode {
    let Xtask::Command(command) = Xtask::parse();
    let result = match command {
        Command::Test(args) => steps::test(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Mutants(args) => mutants::mutants(&args),
        Command::Block(args) => block::block(&args),
        Command::Rdma(args) => rdma::rdma(&args),
        Command::RdmaTwoVms(args) => rdma_two::run(&args),
        Command::Tidy => tidy::tidy(),
        Command::Codegen => codegen::codegen(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("cargo xtask: {e:#}");
            ExitCode::FAILURE
        }
    }
}
