//! Commands as text: a table of signatures ([`table`]), arguments ([`args`]), and one file of handlers
//! per subject. A handler reads committed state, or edits what the next log entry will bring; the reply
//! to one that edits waits until the entry is committed and the maps are out.

pub mod args;
mod auth;
mod config;
mod crush;
mod crush_edit;
mod crush_show;
pub mod local;
mod logs;
mod mon;
mod osd;
mod osd_create;
mod osd_flags;
mod osd_show;
mod pg;
mod pool;
mod pool_app;
mod pool_vars;
mod report;
mod status;
pub mod table;

pub use args::{Args, Format};
pub use status::VERSION;

use crate::services::Services;
use bytes::Bytes;
use maps::json::pretty;
use messenger::auth::AuthName;
use serde_json::Value;
use types::time::Now;

/// Error numbers that commands answer with, negative as on the wire.
pub mod errno {
    pub const EPERM: i32 = -1;
    pub const ENOENT: i32 = -2;
    pub const EAGAIN: i32 = -11;
    pub const EACCES: i32 = -13;
    pub const EBUSY: i32 = -16;
    pub const EEXIST: i32 = -17;
    pub const ENOTDIR: i32 = -20;
    pub const EINVAL: i32 = -22;
    pub const ERANGE: i32 = -34;
    pub const ENOTEMPTY: i32 = -39;
    pub const EOPNOTSUPP: i32 = -95;
}

/// A command that was carried out: exit code 0 (or a positive result), a line for people, output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    pub code: i32,
    pub status: String,
    pub data: Vec<u8>,
}

impl Reply {
    pub fn status(text: impl Into<String>) -> Self {
        Self { status: text.into(), ..Self::default() }
    }
    pub fn data(data: impl Into<Vec<u8>>) -> Self {
        Self { data: data.into(), ..Self::default() }
    }
    pub fn with_status(mut self, text: impl Into<String>) -> Self {
        self.status = text.into();
        self
    }
}

/// A command that was refused; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Negative errno.
    pub code: i32,
    pub status: String,
}

impl Failure {
    pub fn new(code: i32, status: impl Into<String>) -> Self {
        Self { code, status: status.into() }
    }
    pub fn invalid(status: impl Into<String>) -> Self {
        Self::new(errno::EINVAL, status)
    }
    pub fn not_found(status: impl Into<String>) -> Self {
        Self::new(errno::ENOENT, status)
    }
}

pub type Outcome = Result<Reply, Failure>;

/// What a handler works with.
pub struct Cx<'a> {
    pub now: Now,
    pub services: &'a mut Services,
    /// Who asks.
    pub caller: &'a AuthName,
    /// What the caller gave with `-i`.
    pub input: Bytes,
}

pub type Handler = fn(&mut Cx<'_>, &Args) -> Outcome;

/// Answers with JSON if the caller asked for it, else with the plain text and a newline at its end.
pub fn answer(
    args: &Args,
    json: impl FnOnce() -> Value,
    plain: impl FnOnce() -> String,
) -> Outcome {
    Ok(Reply::data(match args.format() {
        Format::Plain => {
            let mut text = plain();
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text
        }
        Format::Json => json().to_string(),
        Format::JsonPretty => format!("{}\n", pretty(&json())),
    }))
}

/// Answers with JSON whatever the caller asked for; plain means the indented form.
pub fn answer_json(args: &Args, json: Value) -> Outcome {
    Ok(Reply::data(match args.format() {
        Format::Json => json.to_string(),
        _ => format!("{}\n", pretty(&json)),
    }))
}

/// Carries out a POOLOP. Returns 0 or a negative errno.
pub fn pool_op(services: &mut Services, now: Now, op: &messenger::messages::PoolOp) -> i32 {
    pool::pool_op(services, now, op)
}
