//! One module for each command.

pub mod bench;
pub mod connect;
pub mod daemon;
pub mod demo;
pub mod dev;
pub mod mon;
pub mod osd;
pub mod rados;
pub mod rdma;
pub mod status;
pub mod store;

/// For clap: a uuid in the usual form.
pub fn parse_fsid(text: &str) -> Result<types::Fsid, String> {
    types::Fsid::parse(text).ok_or_else(|| format!("{text} is not a uuid (8-4-4-4-12 hex digits)"))
}
