//! Who may connect to an OSD: holders of tickets sealed with the OSDs' rotating secrets.

use messenger::auth::crypto::CryptoKey;
use messenger::auth::{AuthMethod, AuthName, AuthServer, EntityAuth, Mode};
use messenger::messages::internal::RotatingKeysReply;
use std::collections::BTreeMap;
use types::enc::Decode;
use types::{EntityKind, UTime};

/// Secrets of the OSD service, as the monitor last told them.
#[derive(Debug, Default)]
pub struct OsdAuth {
    pub cephx: bool,
    secrets: BTreeMap<u64, CryptoKey>,
    /// When the first of them ends.
    pub expires: UTime,
}

impl OsdAuth {
    pub fn new(cephx: bool) -> Self {
        Self { cephx, ..Self::default() }
    }
    /// True if every key could be read.
    pub fn take(&mut self, reply: &RotatingKeysReply) -> bool {
        let mut secrets = BTreeMap::new();
        for key in &reply.keys {
            let Ok(secret) = CryptoKey::from_slice(&key.key) else { return false };
            secrets.insert(key.id, secret);
        }
        self.expires = reply.keys.iter().map(|k| k.expires).min().unwrap_or_default();
        self.secrets = secrets;
        true
    }
    pub fn has_keys(&self) -> bool {
        !self.cephx || !self.secrets.is_empty()
    }
}

impl AuthServer for OsdAuth {
    fn methods(&mut self, _: EntityKind) -> Vec<AuthMethod> {
        vec![if self.cephx { AuthMethod::Cephx } else { AuthMethod::None }]
    }
    fn modes(&mut self, _: EntityKind) -> Vec<Mode> {
        if self.cephx { vec![Mode::Crc, Mode::Secure] } else { vec![Mode::Crc] }
    }
    fn entity(&mut self, _: &AuthName) -> Option<EntityAuth> {
        None
    }
    fn service_secret(&mut self, service: EntityKind, id: u64) -> Option<CryptoKey> {
        (service == EntityKind::Osd).then(|| self.secrets.get(&id).cloned())?
    }
    fn current_secret(&mut self, _: EntityKind) -> Option<(u64, CryptoKey)> {
        None
    }
    fn new_global_id(&mut self) -> Option<u64> {
        None
    }
    fn service(&self) -> EntityKind {
        EntityKind::Osd
    }
}
