//! The cluster log: lines from daemons, from commands and from the monitor itself. The last lines are
//! kept in the store.

use crate::kv::{self, KvMap};
use crate::text;
use messenger::messages::LogEntry;
use std::collections::BTreeMap;
use types::enc::{Decode, Encode};
use types::node::KvChange;
use types::{EntityAddrVec, EntityName, UTime};

/// Lines that are kept.
const LINES_KEPT: u64 = 1000;
/// Lines that may wait for one log entry; more are dropped.
const STAGED_MAX: usize = 1000;

/// Importance of a line.
pub mod priority {
    pub const DEBUG: u16 = 0;
    pub const INFO: u16 = 1;
    pub const SECURITY: u16 = 2;
    pub const WARN: u16 = 3;
    pub const ERROR: u16 = 4;
}

#[derive(Debug, Default)]
pub struct LogService {
    lines: BTreeMap<u64, LogEntry>,
    next: u64,
    staged: Vec<LogEntry>,
}

impl LogService {
    pub fn load(store: &KvMap) -> Self {
        let mut service = Self::default();
        for (key, value) in store {
            service.apply(key, Some(value));
        }
        service
    }

    pub fn apply(&mut self, key: &[u8], value: Option<&[u8]>) {
        let Some(index) = kv::name_in(key, "clog").and_then(|n| n.parse().ok()) else { return };
        match value.and_then(|v| LogEntry::from_slice(v).ok()) {
            Some(entry) => drop(self.lines.insert(index, entry)),
            None => drop(self.lines.remove(&index)),
        }
        self.next = self.next.max(index + 1);
    }

    pub fn stage(&mut self, out: &mut Vec<KvChange>) {
        for entry in std::mem::take(&mut self.staged) {
            out.push(kv::put_number("clog", self.next, entry.to_vec()));
            if self.next >= LINES_KEPT {
                out.push(kv::delete_number("clog", self.next - LINES_KEPT));
            }
            self.next += 1;
        }
    }
    pub fn has_staged(&self) -> bool {
        !self.staged.is_empty()
    }

    pub fn add(&mut self, entry: LogEntry) {
        if self.staged.len() < STAGED_MAX {
            self.staged.push(entry);
        }
    }

    /// A line of the monitor's own, or of a client's `ceph log`.
    pub fn note(
        &mut self,
        now: UTime,
        who: (u32, &str),
        rank: EntityName,
        level: u16,
        text: String,
    ) {
        self.add(LogEntry {
            name_kind: who.0,
            name_id: who.1.to_owned(),
            rank,
            addrs: EntityAddrVec::default(),
            stamp: now,
            seq: 0,
            priority: level,
            text,
            channel: "cluster".into(),
        });
    }

    /// The last `count` lines of at least this importance; channel `*` is all.
    pub fn last(&self, count: usize, level: u16, channel: &str) -> Vec<&LogEntry> {
        let wanted =
            |e: &&LogEntry| e.priority >= level && (channel == "*" || e.channel == channel);
        let mut lines: Vec<_> = self.lines.values().rev().filter(wanted).take(count).collect();
        lines.reverse();
        lines
    }
}

pub fn level_name(priority: u16) -> &'static str {
    match priority {
        priority::DEBUG => "DBG",
        priority::INFO => "INF",
        priority::SECURITY => "SEC",
        priority::WARN => "WRN",
        _ => "ERR",
    }
}

/// `client.admin`.
pub fn who(entry: &LogEntry) -> String {
    let kind = types::EntityKind::from_u32(entry.name_kind).map_or("unknown", |k| k.name());
    format!("{kind}.{}", entry.name_id)
}

/// One line as `ceph log last` prints it.
pub fn line(entry: &LogEntry) -> String {
    format!(
        "{} {} ({}) {} : {} [{}] {}",
        text::stamp(entry.stamp),
        who(entry),
        entry.rank,
        entry.seq,
        entry.channel,
        level_name(entry.priority),
        entry.text
    )
}
