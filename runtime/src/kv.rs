//! The monitors' store: a redb database with one table, changed in atomic durable batches.

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::collections::BTreeMap;
use std::path::Path;
use types::node::KvChange;

const TABLE: TableDefinition<&[u8], &[u8]> = TableDefinition::new("kermes");

#[derive(Debug)]
pub struct KvError(String);
impl std::fmt::Display for KvError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for KvError {}
fn kv_error(e: impl std::fmt::Display) -> KvError {
    KvError(e.to_string())
}

pub struct Kv {
    db: Database,
}

impl Kv {
    /// Opens the database at `path`, making it if it is not there. Fails while another process has
    /// it open.
    pub fn open(path: &Path) -> Result<Self, KvError> {
        let db = Database::create(path).map_err(kv_error)?;
        Ok(Self { db })
    }

    pub fn load(&self) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, KvError> {
        let txn = self.db.begin_read().map_err(kv_error)?;
        let table = match txn.open_table(TABLE) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(BTreeMap::new()),
            Err(e) => return Err(kv_error(e)),
        };
        let mut all = BTreeMap::new();
        for entry in table.iter().map_err(kv_error)? {
            let (key, value) = entry.map_err(kv_error)?;
            all.insert(key.value().to_vec(), value.value().to_vec());
        }
        Ok(all)
    }

    /// All changes or none, durable when this returns.
    pub fn apply<'a>(
        &self,
        changes: impl IntoIterator<Item = &'a KvChange>,
    ) -> Result<(), KvError> {
        let txn = self.db.begin_write().map_err(kv_error)?;
        {
            let mut table = txn.open_table(TABLE).map_err(kv_error)?;
            for change in changes {
                match change {
                    KvChange::Put { key, value } => {
                        table.insert(key.as_slice(), value.as_slice()).map_err(kv_error)?;
                    }
                    KvChange::Delete { key } => {
                        table.remove(key.as_slice()).map_err(kv_error)?;
                    }
                }
            }
        }
        txn.commit().map_err(kv_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_survive_reopening() {
        let path = std::env::temp_dir().join(format!("kermes-kv-{}", std::process::id()));
        let put = |k: &str, v: &str| KvChange::Put { key: k.into(), value: v.into() };
        {
            let kv = Kv::open(&path).unwrap();
            assert!(kv.load().unwrap().is_empty());
            kv.apply(&[put("a", "1"), put("b", "2")]).unwrap();
            kv.apply(&[KvChange::Delete { key: "a".into() }]).unwrap();
        }
        let kv = Kv::open(&path).unwrap();
        assert_eq!(kv.load().unwrap(), BTreeMap::from([(b"b".to_vec(), b"2".to_vec())]));
        std::fs::remove_file(&path).unwrap();
    }
}
