//! All services of one monitor, and the way of a committed entry through them.

use crate::auth_service::AuthService;
use crate::config_service::ConfigService;
use crate::log_service::LogService;
use crate::mon_service::MonService;
use crate::osd_service::{OsdService, OsdStoreError};
use crate::pg_stats::PgStats;
use types::UTime;
use types::node::KvChange;

pub struct Services {
    pub osd: OsdService,
    pub mon: MonService,
    pub auth: AuthService,
    pub config: ConfigService,
    pub log: LogService,
    /// Soft state.
    pub stats: PgStats,
}

impl Services {
    /// Edits wait for the next log entry.
    pub fn has_staged(&self) -> bool {
        self.osd.has_edits()
            || self.auth.has_staged()
            || self.config.has_staged()
            || self.log.has_staged()
    }

    /// Everything that was edited since the last entry, as one entry; empty if it cancels out.
    pub fn stage(&mut self, now: UTime) -> Result<Vec<KvChange>, OsdStoreError> {
        let mut changes = Vec::new();
        self.osd.stage(now, &mut changes)?;
        self.auth.stage(&mut changes);
        self.config.stage(&mut changes);
        self.log.stage(&mut changes);
        Ok(changes)
    }

    /// What the services take from the configuration.
    pub fn obey_configuration(&mut self) {
        self.osd.liveness.config = self.config.liveness();
        self.auth.set_validity(self.config.ticket_validity());
    }

    /// Takes a committed entry.
    pub fn apply(&mut self, changes: &[KvChange]) -> Result<(), OsdStoreError> {
        for change in changes {
            let (key, value) = match change {
                KvChange::Put { key, value } => (key, Some(value.as_slice())),
                KvChange::Delete { key } => (key, None),
            };
            self.osd.apply(key, value)?;
            self.auth.apply(key, value)?;
            self.config.apply(key, value);
            self.log.apply(key, value);
        }
        self.stats.on_map(self.osd.map());
        self.obey_configuration();
        Ok(())
    }
}
