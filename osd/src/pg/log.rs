//! PG log: the recent changes of a PG in order. Start with [`PgLog`].
//!
//! Every entry is encoded once: the same bytes go into the primary's store, into the message to the
//! replicas and into theirs. Version numbers are dense: entry `v` follows entry `v - 1`, so an entry
//! is found by subtraction.

use bytes::Bytes;
use std::collections::{BTreeSet, VecDeque};
use types::enc::{DecodeError, Encode, Reader, Result};
use types::{EVersion, FixedMap, HObject, ReqId};

/// Entries kept for duplicate detection and log recovery.
pub const ENTRIES_KEPT: usize = 1000;
/// Trimming waits until this many more have gathered, so that it costs one change for all of them.
pub const TRIM_BATCH: usize = 100;

const FORMAT: u8 = 1;

/// What an entry did to its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    Modify = 1,
    Delete = 2,
    /// The message failed and changed nothing; kept so that a resend gets the same answer.
    Failed = 3,
}

/// What one op of the message answered; kept only where the client asked for it (RETURNVEC).
pub type StoredOutcome = (i32, Bytes);

/// One entry before it is encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryFields<'a> {
    pub kind: EntryKind,
    pub version: EVersion,
    /// The object's version before; zero when it did not exist.
    pub prior: EVersion,
    pub user_version: u64,
    /// `result` of the reply.
    pub result: i32,
    pub reqid: ReqId,
    pub object: &'a HObject,
    pub outcomes: Vec<StoredOutcome>,
}

/// An encoded entry with the fields that are looked at without decoding the rest.
///
/// ```text
/// | size | field, little endian                                       |
/// |    1 | format, 1                                                  |
/// |    1 | kind: 1 modify, 2 delete, 3 failed                         |
/// |   12 | version (u64 version, u32 epoch)                           |
/// |   12 | prior version of the object                                |
/// |    8 | user_version                                               |
/// |    4 | result, i32                                                |
/// |   21 | reqid: u8 kind, i64 number, u64 tid, i32 incarnation       |
/// |   .. | object (Ceph's hobject_t)                                  |
/// |    4 | count of outcomes, each i32 rval, u32 length, bytes        |
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub kind: EntryKind,
    pub version: EVersion,
    pub prior: EVersion,
    pub user_version: u64,
    pub result: i32,
    pub reqid: ReqId,
    bytes: Bytes,
}

const OBJECT_OFFSET: usize = 1 + 1 + 12 + 12 + 8 + 4 + 21;

impl Entry {
    pub fn new(fields: &EntryFields<'_>) -> Self {
        let o = fields.object;
        let mut out =
            Vec::with_capacity(OBJECT_OFFSET + 49 + o.name.len() + o.key.len() + o.nspace.len());
        FORMAT.encode(&mut out);
        (fields.kind as u8).encode(&mut out);
        fields.version.encode(&mut out);
        fields.prior.encode(&mut out);
        fields.user_version.encode(&mut out);
        fields.result.encode(&mut out);
        fields.reqid.name.encode(&mut out);
        fields.reqid.tid.encode(&mut out);
        fields.reqid.inc.encode(&mut out);
        debug_assert_eq!(out.len(), OBJECT_OFFSET);
        o.encode(&mut out);
        fields.outcomes.encode(&mut out);
        Self {
            kind: fields.kind,
            version: fields.version,
            prior: fields.prior,
            user_version: fields.user_version,
            result: fields.result,
            reqid: fields.reqid,
            bytes: out.into(),
        }
    }

    /// Checks all of `bytes`, so that [`Entry::object`] cannot fail later. Takes a copy: an entry stays
    /// for thousands of writes, and the message that it came in holds the data of its own.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Ok(Self::parse_with_object(bytes)?.0)
    }

    /// The same, and [`Entry::object`].
    pub fn parse_with_object(bytes: &[u8]) -> Result<(Self, HObject)> {
        let mut r = Reader::new(bytes);
        match r.u8()? {
            FORMAT => {}
            v => return Err(DecodeError::Invalid { what: "log entry format", value: v as u64 }),
        }
        let kind = match r.u8()? {
            1 => EntryKind::Modify,
            2 => EntryKind::Delete,
            3 => EntryKind::Failed,
            v => return Err(DecodeError::Invalid { what: "log entry kind", value: v as u64 }),
        };
        let version = r.get()?;
        let prior = r.get()?;
        let user_version = r.u64()?;
        let result = r.i32()?;
        let reqid = ReqId { name: r.get()?, tid: r.u64()?, inc: r.i32()? };
        let object = r.get()?;
        let _: Vec<StoredOutcome> = r.get()?;
        r.finish("log entry")?;
        let bytes = Bytes::copy_from_slice(bytes);
        Ok((Self { kind, version, prior, user_version, result, reqid, bytes }, object))
    }

    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
    /// Whether a log with this head may go on with the entry.
    pub fn follows(&self, head: EVersion) -> bool {
        head.version.checked_add(1) == Some(self.version.version)
            && self.version.epoch >= head.epoch
    }
    pub fn object(&self) -> HObject {
        let mut r = Reader::new(&self.bytes[OBJECT_OFFSET..]);
        r.get().expect("entries are checked when they are parsed")
    }
    pub fn outcomes(&self) -> Vec<StoredOutcome> {
        let mut r = Reader::new(&self.bytes[OBJECT_OFFSET..]);
        let _: HObject = r.get().expect("entries are checked when they are parsed");
        r.get().expect("entries are checked when they are parsed")
    }
}

/// Entries `(tail, head]`.
#[derive(Debug, Clone, Default)]
pub struct PgLog {
    entries: VecDeque<Entry>,
    /// Version before the first entry; zero for a PG that still has its whole history.
    tail: EVersion,
    /// Clients choose these keys; the log's length bounds what those that collide can cost.
    requests: FixedMap<ReqId, u64>,
    last_user_version: u64,
}

impl PgLog {
    pub fn new(tail: EVersion) -> Self {
        Self { tail, ..Self::default() }
    }
    pub fn tail(&self) -> EVersion {
        self.tail
    }
    pub fn head(&self) -> EVersion {
        self.entries.back().map_or(self.tail, |e| e.version)
    }
    /// Highest user version of any entry that is or was in the log.
    pub fn last_user_version(&self) -> u64 {
        self.last_user_version
    }
    /// Says what entries before the tail had.
    pub fn raise_user_version(&mut self, version: u64) {
        self.last_user_version = self.last_user_version.max(version);
    }
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// `entry` follows the head.
    pub fn append(&mut self, entry: Entry) {
        let (head, version) = (self.head(), entry.version);
        assert!(
            entry.follows(head),
            "the log is dense and epochs do not go back: {head} {version}"
        );
        self.raise_user_version(entry.user_version);
        if entry.reqid != ReqId::default() {
            self.requests.insert(entry.reqid, entry.version.version);
        }
        self.entries.push_back(entry);
    }

    pub fn get(&self, version: u64) -> Option<&Entry> {
        let index = version.checked_sub(self.tail.version + 1)?;
        self.entries.get(index as usize)
    }
    /// The entry of a request that was executed before.
    pub fn find(&self, reqid: &ReqId) -> Option<&Entry> {
        self.get(*self.requests.get(reqid)?)
    }
    /// Entries above `version`.
    pub fn after(&self, version: u64) -> impl DoubleEndedIterator<Item = &Entry> {
        let skip = version.saturating_sub(self.tail.version) as usize;
        self.entries.range(skip.min(self.entries.len())..)
    }
    /// True if an entry with exactly this version is in the log, or it is the tail.
    pub fn contains(&self, version: EVersion) -> bool {
        version == self.tail || self.get(version.version).is_some_and(|e| e.version == version)
    }

    /// Forgets entries above `version`.
    pub fn rewind(&mut self, version: u64) {
        while self.entries.back().is_some_and(|e| e.version.version > version) {
            let entry = self.entries.pop_back().expect("there is a last entry");
            self.forget(&entry);
        }
    }

    /// Forgets the oldest entries when [`TRIM_BATCH`] more than [`ENTRIES_KEPT`] have gathered, but
    /// none above `complete`. Returns the range of versions forgotten.
    pub fn trim(&mut self, complete: u64) -> Option<(u64, u64)> {
        if self.entries.len() < ENTRIES_KEPT + TRIM_BATCH {
            return None;
        }
        let first = self.tail.version + 1;
        while self.entries.len() > ENTRIES_KEPT
            && self.entries.front().is_some_and(|e| e.version.version <= complete)
        {
            let entry = self.entries.pop_front().expect("there is a first entry");
            self.tail = entry.version;
            self.forget(&entry);
        }
        (self.tail.version >= first).then_some((first, self.tail.version))
    }

    fn forget(&mut self, entry: &Entry) {
        if self.requests.get(&entry.reqid) == Some(&entry.version.version) {
            self.requests.remove(&entry.reqid);
        }
    }
}

/// What brings a member to the authoritative log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// The logs share everything up to `common`; these objects may differ.
    Objects { common: EVersion, objects: BTreeSet<HObject> },
    /// The logs do not meet: copy the whole PG.
    Everything,
}

/// Compares a member's log with the authoritative one.
pub fn compare(authority: &PgLog, member: &PgLog) -> Repair {
    let common = if authority.contains(member.head()) {
        member.head()
    } else {
        match member.entries.iter().rev().find(|e| authority.contains(e.version)) {
            Some(entry) => entry.version,
            None if authority.contains(member.tail) => member.tail,
            None => return Repair::Everything,
        }
    };
    let changed = authority
        .after(common.version)
        .chain(member.after(common.version))
        .filter(|e| e.kind != EntryKind::Failed);
    Repair::Objects { common, objects: changed.map(Entry::object).collect() }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use types::{EntityName, PoolId};

    pub(crate) fn entry(epoch: u32, version: u64, name: &str) -> Entry {
        Entry::new(&EntryFields {
            kind: EntryKind::Modify,
            version: EVersion { epoch, version },
            prior: EVersion::default(),
            user_version: version,
            result: 0,
            reqid: ReqId { name: EntityName::client(4100), tid: version, inc: epoch as i32 },
            object: &HObject::head(PoolId(1), "", "", name),
            outcomes: vec![(3, Bytes::from_static(b"out"))],
        })
    }
    fn log(entries: &[(u32, u64, &str)]) -> PgLog {
        let mut log = PgLog::default();
        for (epoch, version, name) in entries {
            log.append(entry(*epoch, *version, name));
        }
        log
    }
    fn names(repair: Repair) -> (u64, Vec<String>) {
        match repair {
            Repair::Objects { common, objects } => {
                let mut names: Vec<String> = objects.into_iter().map(|o| o.name).collect();
                names.sort();
                (common.version, names)
            }
            Repair::Everything => (u64::MAX, Vec::new()),
        }
    }

    #[test]
    fn entries_round_trip_and_refuse_cut_bytes() {
        let e = entry(3, 7, "object");
        assert_eq!(Entry::parse(e.bytes()).unwrap(), e);
        assert_eq!(e.object().name, "object");
        assert_eq!(e.outcomes(), vec![(3, Bytes::from_static(b"out"))]);
        for len in 0..e.bytes().len() {
            assert!(Entry::parse(&e.bytes()[..len]).is_err());
        }
    }

    #[test]
    fn an_entry_holds_nothing_of_the_message_that_it_came_in() {
        let message = Bytes::copy_from_slice(entry(3, 7, "object").bytes());
        let parsed = Entry::parse(&message).unwrap();
        assert!(message.is_unique() && parsed.object().name == "object");
    }

    #[test]
    fn a_laggard_needs_what_it_missed() {
        let authority = log(&[(1, 1, "a"), (1, 2, "b"), (1, 3, "c")]);
        assert_eq!(
            names(compare(&authority, &log(&[(1, 1, "a")]))),
            (1, vec!["b".to_owned(), "c".to_owned()])
        );
        assert_eq!(names(compare(&authority, &authority)), (3, vec![]));
    }

    #[test]
    fn a_divergent_entry_names_its_object_too() {
        let authority = log(&[(1, 1, "a"), (3, 2, "b")]);
        let member = log(&[(1, 1, "a"), (2, 2, "x"), (2, 3, "y")]);
        assert_eq!(
            names(compare(&authority, &member)),
            (1, vec!["b".into(), "x".into(), "y".into()])
        );
    }

    #[test]
    fn logs_that_do_not_meet_need_everything() {
        let mut authority = PgLog::default();
        for v in 1..=(ENTRIES_KEPT + TRIM_BATCH) as u64 {
            authority.append(entry(1, v, "o"));
        }
        assert_eq!(authority.trim(50), Some((1, 50)));
        assert_eq!(authority.trim(u64::MAX), None, "only whole batches");
        assert_eq!(compare(&authority, &log(&[(1, 1, "o")])), Repair::Everything);
        assert_eq!(authority.tail().version, 50);
        assert_eq!(authority.get(51).unwrap().version.version, 51);
        assert!(authority.get(50).is_none());
    }

    #[test]
    fn requests_are_found_until_trimmed_or_rewound() {
        let mut l = log(&[(1, 1, "a"), (1, 2, "b")]);
        let second = l.get(2).unwrap().reqid;
        assert_eq!(l.find(&second).unwrap().version.version, 2);
        l.rewind(1);
        assert!(l.find(&second).is_none());
        assert_eq!(l.head().version, 1);
    }
}
