//! What a caller asks of one object, and what it hears.

use messenger::Data;
use messenger::messages::osd_op::flag;
use messenger::messages::{Op, OpCode, Outcome};
use std::time::Duration;
use types::{EVersion, ObjectLocator, PoolId, SnapContext, SnapId, UTime};

/// Operations on one object, executed in order, all or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpSpec {
    pub locator: ObjectLocator,
    /// Empty for operations on a PG.
    pub name: String,
    pub ops: Vec<Op>,
    /// Flags beyond those that the operations' codes imply, for example FULL_TRY or RETURNVEC.
    pub flags: u32,
    pub snap: SnapId,
    pub snapc: SnapContext,
    /// `None`: when it is first sent.
    pub mtime: Option<UTime>,
    /// `None`: waits as long as it takes.
    pub timeout: Option<Duration>,
}

impl OpSpec {
    pub fn new(pool: PoolId, nspace: &str, name: &str, ops: Vec<Op>) -> Self {
        Self {
            locator: ObjectLocator::new(pool, nspace),
            name: name.to_owned(),
            ops,
            flags: 0,
            snap: SnapId::HEAD,
            snapc: SnapContext::default(),
            mtime: None,
            timeout: None,
        }
    }

    /// The flags of the message.
    pub fn wire_flags(&self) -> u32 {
        let mut flags = self.flags | flag::ONDISK | flag::KNOWN_REDIR;
        for op in &self.ops {
            if op.code.is_write() {
                flags |= flag::WRITE;
            }
            if op.code.is_read() {
                flags |= flag::READ;
            }
            if op.code.is_pg_op() {
                flags |= flag::PGOP | flag::IGNORE_OVERLAY;
            }
            // Space comes back by deleting, so it must be possible when there is none.
            if op.code == OpCode::DELETE {
                flags |= flag::FULL_TRY;
            }
        }
        // Whether a class call reads or writes is known to its OSD; without a hint it may do both.
        if flags & (flag::READ | flag::WRITE) == 0 {
            flags |= flag::READ | flag::WRITE;
        }
        flags
    }
}

/// What the OSD answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpReply {
    /// 0 or more on success, otherwise a negative errno.
    pub result: i32,
    pub user_version: u64,
    pub version: EVersion,
    /// Of each operation, in order.
    pub outcomes: Vec<Outcome>,
}
impl OpReply {
    /// Output of operation `index`, empty if there is none.
    pub fn output(&self, index: usize) -> Data {
        self.outcomes.get(index).map(|outcome| outcome.output.clone()).unwrap_or_default()
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpFailure {
    /// The newest map has no such pool.
    NoSuchPool,
    TimedOut,
}
