//! The stages of an operation, and when it went through them.

use types::{EntityAddr, Instant};

/// In the order in which an operation goes through them. A read has no stage of its own for
/// replicas, and none for the device where its data were in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The first bytes of the request were at hand.
    Received,
    /// All of it was, and its session gave it out.
    Parsed,
    /// It was on the core of its PG.
    Queued,
    /// Its PG serves, and its object is free for it.
    Started,
    /// Write: the journal's record with it was given to the device. Read: data were asked for.
    Submitted,
    /// Write: that record is durable. Read: the data are here.
    Durable,
    /// Every acting member has it durably.
    Replicated,
    /// The turn that answered it has ended: the reply is with the driver.
    Replied,
}

pub const STAGES: usize = 8;

impl Stage {
    pub const ALL: [Self; STAGES] = [
        Self::Received,
        Self::Parsed,
        Self::Queued,
        Self::Started,
        Self::Submitted,
        Self::Durable,
        Self::Replicated,
        Self::Replied,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Parsed => "parsed",
            Self::Queued => "queued",
            Self::Started => "started",
            Self::Submitted => "submitted",
            Self::Durable => "durable",
            Self::Replicated => "replicated",
            Self::Replied => "replied",
        }
    }

    /// The event of a dump. Where Ceph has one that means the same, its name.
    pub fn event(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Received, _) => "initiated",
            (Self::Parsed, _) => "all_read",
            (Self::Queued, _) => "reached_pg",
            (Self::Started, _) => "started",
            (Self::Submitted, Kind::Read) => "read_submitted",
            (Self::Submitted, _) => "journal_submitted",
            (Self::Durable, Kind::Read) => "read_done",
            (Self::Durable, _) => "op_commit",
            (Self::Replicated, _) => "replicas_durable",
            (Self::Replied, _) => "done",
        }
    }

    /// What an operation that went through this stage last is waiting for, in Ceph's words.
    pub fn flag_point(self) -> &'static str {
        match self {
            Self::Received | Self::Parsed => "queued for pg",
            Self::Queued => "reached pg",
            Self::Started | Self::Submitted => "started",
            Self::Durable => "waiting for sub ops",
            Self::Replicated | Self::Replied => "commit sent; apply or cleanup",
        }
    }
}

/// By what its ops do, as Ceph tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Read,
    Write,
    /// Does both: reads that decide over a write, and what writes and answers.
    ReadWrite,
}

pub const KINDS: usize = 3;

impl Kind {
    pub const ALL: [Self; KINDS] = [Self::Read, Self::Write, Self::ReadWrite];

    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::ReadWrite => "rw",
        }
    }
    /// As in Ceph's counters: `op_r`, `op_w`, `op_rw`.
    pub fn letters(self) -> &'static str {
        match self {
            Self::Read => "r",
            Self::Write => "w",
            Self::ReadWrite => "rw",
        }
    }
}

/// When an operation went through each stage; [`Instant::NEVER`] for those that it did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamps([Instant; STAGES]);

impl Stamps {
    pub fn new(received: Instant) -> Self {
        let mut stamps = Self([Instant::NEVER; STAGES]);
        stamps.0[Stage::Received as usize] = received;
        stamps
    }
    pub fn get(&self, stage: Stage) -> Option<Instant> {
        Some(self.0[stage as usize]).filter(|at| *at != Instant::NEVER)
    }
    pub fn received(&self) -> Instant {
        self.0[Stage::Received as usize]
    }
    /// The first time counts: an operation may be begun again, when it has what it missed.
    pub fn mark(&mut self, stage: Stage, at: Instant) {
        if self.0[stage as usize] == Instant::NEVER {
            self.0[stage as usize] = at;
        }
    }
    /// The last time counts.
    pub fn mark_again(&mut self, stage: Stage, at: Instant) {
        self.0[stage as usize] = at;
    }
    /// The stages that it went through, in order, each with its time.
    pub fn passed(&self) -> impl Iterator<Item = (Stage, Instant)> + '_ {
        Stage::ALL.into_iter().filter_map(|stage| Some((stage, self.get(stage)?)))
    }
    pub fn last(&self) -> Stage {
        self.passed().last().map_or(Stage::Received, |(stage, _)| stage)
    }
}

/// What an operation carries with it to be told of.
#[derive(Debug, Clone, Copy)]
pub struct Track {
    pub stamps: Stamps,
    pub kind: Kind,
    /// Data that came with it, bytes.
    pub in_bytes: u64,
    /// The client's; of this OSD's own requests there is none.
    pub client: Option<EntityAddr>,
    /// Number of the client, and of the operation among its own.
    pub id: (i64, u64),
}

impl Track {
    pub fn new(received: Instant, kind: Kind) -> Self {
        Self { stamps: Stamps::new(received), kind, in_bytes: 0, client: None, id: (0, 0) }
    }
}
