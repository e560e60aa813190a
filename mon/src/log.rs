//! The replicated log. Services propose batches of changes and act only on what comes back committed,
//! so they cannot tell one monitor from a quorum. Here the quorum is this process: an entry is
//! committed when it is durable. Entries are proposed one at a time; what arrives meanwhile goes into
//! the next one, so a batch is as large as the store is slow.

use crate::kv::{self, KvMap};
use types::node::{Effect, IoError, KvChange};

/// One committed entry.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub index: u64,
    pub changes: Vec<KvChange>,
}

/// Invariant: at most one entry is between [`Log::propose`] and [`Log::persisted`].
#[derive(Debug)]
pub struct Log {
    committed: u64,
    in_flight: Option<Entry>,
}

/// Why the monitor cannot go on: nothing may be assumed about what the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogError {
    /// The store failed to write.
    Store(IoError),
    /// The driver confirmed an entry that is not in flight.
    NotProposed { index: u64 },
}

impl std::fmt::Display for LogError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(e) => write!(f, "monitor store: {e}"),
            Self::NotProposed { index } => write!(f, "log entry {index} was not proposed"),
        }
    }
}
impl std::error::Error for LogError {}

impl Log {
    pub fn load(store: &KvMap) -> Self {
        let committed = store
            .get(&kv::key("log", "committed"))
            .and_then(|v| v.as_slice().try_into().ok())
            .map_or(0, u64::from_le_bytes);
        Self { committed, in_flight: None }
    }

    /// Index of the last committed entry.
    pub fn committed(&self) -> u64 {
        self.committed
    }

    /// Nothing is in flight: a new entry may be proposed.
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_none()
    }

    /// Proposes one entry. The log must be idle and `changes` not empty.
    pub fn propose<H>(&mut self, mut changes: Vec<KvChange>, effects: &mut Vec<Effect<H>>) -> u64 {
        assert!(self.is_idle(), "one entry at a time");
        assert!(!changes.is_empty(), "an entry changes something");
        let index = self.committed + 1;
        changes.push(kv::put("log", "committed", index.to_le_bytes().to_vec()));
        effects.push(Effect::Persist { id: index, changes: changes.clone() });
        self.in_flight = Some(Entry { index, changes });
        index
    }

    /// An entry is durable, hence committed: the caller applies it.
    pub fn persisted(&mut self, id: u64, result: Result<(), IoError>) -> Result<Entry, LogError> {
        result.map_err(LogError::Store)?;
        match self.in_flight.take() {
            Some(entry) if entry.index == id => {
                self.committed = id;
                Ok(entry)
            }
            _ => Err(LogError::NotProposed { index: id }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_committed_when_durable_and_survives_a_restart() {
        let mut log = Log::load(&KvMap::new());
        let mut effects: Vec<Effect<()>> = Vec::new();
        let index = log.propose(vec![kv::put("a", "b", vec![1])], &mut effects);
        assert!(!log.is_idle());
        let Some(Effect::Persist { id, changes }) = effects.pop() else { panic!("persist") };
        assert_eq!(id, index);
        assert_eq!(log.persisted(id, Ok(())).unwrap().index, index);
        let mut store = KvMap::new();
        for change in changes {
            if let KvChange::Put { key, value } = change {
                store.insert(key, value);
            }
        }
        assert_eq!(Log::load(&store).committed(), index);
    }

    #[test]
    fn a_failed_or_unknown_write_stops_the_log() {
        let mut log = Log::load(&KvMap::new());
        assert_eq!(log.persisted(1, Ok(())), Err(LogError::NotProposed { index: 1 }));
        let mut effects: Vec<Effect<()>> = Vec::new();
        log.propose(vec![kv::delete("a", "b")], &mut effects);
        assert_eq!(log.persisted(1, Err(IoError::Os(5))), Err(LogError::Store(IoError::Os(5))));
    }
}
