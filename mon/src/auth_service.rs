//! Who may connect: entities with their keys and capabilities, the rotating secrets that seal tickets,
//! and global ids. Answers the messenger's questions as its [`AuthServer`].

use crate::kv::{self, KvMap};
use messenger::auth::cephx::{self, RotatingSecrets};
use messenger::auth::crypto::CryptoKey;
use messenger::auth::keyring::{Keyring, KeyringEntry};
use messenger::auth::{AuthMethod, AuthName, AuthServer, EntityAuth, Mode};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::BTreeMap;
use std::time::Duration;
use types::enc::{Decode, Encode, Reader, Result as DecodeResult};
use types::node::KvChange;
use types::{EntityKind, UTime};

/// Services that tickets are made for.
const SERVICES: [EntityKind; 5] =
    [EntityKind::Mon, EntityKind::Mds, EntityKind::Osd, EntityKind::Mgr, EntityKind::Auth];
/// Ids set aside by one log entry.
const GLOBAL_ID_BATCH: u64 = 1 << 20;
/// The first id that is given; smaller ones are free for daemons.
pub const GLOBAL_ID_FIRST: u64 = 4096;

/// Which authentication is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthConfig {
    pub method: AuthMethod,
    /// Validity of AUTH tickets, and of the tickets of the other services. A monitor's configuration
    /// overrides them.
    pub auth_ticket: Duration,
    pub service_ticket: Duration,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            method: AuthMethod::Cephx,
            auth_ticket: Duration::from_secs(3 * 24 * 3600),
            service_ticket: Duration::from_secs(3600),
        }
    }
}

pub struct AuthService {
    config: AuthConfig,
    rng: ChaCha12Rng,
    entities: BTreeMap<AuthName, EntityAuth>,
    rotating: BTreeMap<u32, RotatingSecrets>,
    /// Entities as the next log entry leaves them: `None` is removed.
    staged: BTreeMap<AuthName, Option<EntityAuth>>,
    staged_rotating: Option<BTreeMap<u32, RotatingSecrets>>,
    global_id_next: u64,
    /// Ids below it are set aside, committed.
    global_id_end: u64,
    global_id_wanted: bool,
}

/// The stored form of an entity: key, then capabilities.
pub fn encode_entity(entity: &EntityAuth) -> Vec<u8> {
    let mut out = entity.key.to_vec();
    entity.caps.encode(&mut out);
    out
}

fn decode_entity(bytes: &[u8]) -> DecodeResult<EntityAuth> {
    let mut r = Reader::new(bytes);
    Ok(EntityAuth { key: r.get()?, caps: r.get()? })
}

impl AuthService {
    /// Fails if the store holds what this version did not write.
    pub fn load(config: AuthConfig, store: &KvMap, seed: [u8; 32]) -> DecodeResult<Self> {
        let mut service = Self {
            config,
            rng: ChaCha12Rng::from_seed(seed),
            entities: BTreeMap::new(),
            rotating: BTreeMap::new(),
            staged: BTreeMap::new(),
            staged_rotating: None,
            global_id_next: GLOBAL_ID_FIRST,
            global_id_end: GLOBAL_ID_FIRST,
            global_id_wanted: true,
        };
        for (key, value) in store {
            service.apply(key, Some(value))?;
        }
        // Ids below the end may have been given before the restart.
        service.global_id_next = service.global_id_end;
        service.global_id_wanted = true;
        Ok(service)
    }

    /// Takes one committed change.
    pub fn apply(&mut self, key: &[u8], value: Option<&[u8]>) -> DecodeResult<()> {
        if let Some(name) = kv::name_in(key, "auth/entity").and_then(AuthName::parse) {
            match value {
                Some(value) => drop(self.entities.insert(name, decode_entity(value)?)),
                None => drop(self.entities.remove(&name)),
            }
        } else if key == kv::key("auth", "rotating") {
            self.rotating = value.map_or(Ok(BTreeMap::new()), BTreeMap::from_slice)?;
        } else if key == kv::key("auth", "global_id") {
            self.global_id_end = value.map_or(Ok(GLOBAL_ID_FIRST), u64::from_slice)?;
            self.global_id_wanted = false;
        }
        Ok(())
    }

    /// Ids are set aside and secrets exist: clients may come.
    pub fn is_ready(&self) -> bool {
        self.global_id_next < self.global_id_end
            && SERVICES.iter().all(|s| self.rotating.contains_key(&(*s as u32)))
    }

    /// Changes for the next log entry.
    pub fn stage(&mut self, out: &mut Vec<KvChange>) {
        for (name, entity) in std::mem::take(&mut self.staged) {
            out.push(match entity {
                Some(entity) => kv::put("auth/entity", &name.to_string(), encode_entity(&entity)),
                None => kv::delete("auth/entity", &name.to_string()),
            });
        }
        if let Some(rotating) = self.staged_rotating.take() {
            out.push(kv::put("auth", "rotating", rotating.to_vec()));
        }
        if self.global_id_wanted {
            let end = self.global_id_end.max(self.global_id_next) + GLOBAL_ID_BATCH;
            out.push(kv::put("auth", "global_id", end.to_vec()));
            self.global_id_wanted = false;
        }
    }

    pub fn has_staged(&self) -> bool {
        !self.staged.is_empty() || self.staged_rotating.is_some() || self.global_id_wanted
    }

    /// Makes new secrets for services that lack them or whose current one has ended.
    pub fn rotate(&mut self, now: UTime) {
        let mut next = self.rotating.clone();
        let mut changed = false;
        for service in SERVICES {
            let validity = self.validity(service);
            let secrets = next.entry(service as u32).or_default();
            changed |= secrets.rotate(now, validity, &mut self.rng);
        }
        if changed {
            self.staged_rotating = Some(next);
        }
    }

    fn validity(&self, service: EntityKind) -> Duration {
        match service {
            EntityKind::Auth => self.config.auth_ticket,
            _ => self.config.service_ticket,
        }
    }

    /// New tickets and secrets are good for so long.
    pub fn set_validity(&mut self, (auth, service): (Duration, Duration)) {
        self.config.auth_ticket = auth;
        self.config.service_ticket = service;
    }

    /// Committed secrets of one service.
    pub fn rotating(&self, service: EntityKind) -> Option<&RotatingSecrets> {
        self.rotating.get(&(service as u32))
    }

    /// Entities as they will be when what is staged is committed.
    pub fn get(&self, name: &AuthName) -> Option<&EntityAuth> {
        match self.staged.get(name) {
            Some(staged) => staged.as_ref(),
            None => self.entities.get(name),
        }
    }

    /// In the order of `auth ls`: by kind, then id.
    pub fn list(&self) -> impl Iterator<Item = (&AuthName, &EntityAuth)> {
        self.entities.iter()
    }

    pub fn set(&mut self, name: AuthName, entity: EntityAuth) {
        self.staged.insert(name, Some(entity));
    }

    pub fn remove(&mut self, name: AuthName) {
        self.staged.insert(name, None);
    }

    pub fn new_key(&mut self, now: UTime) -> CryptoKey {
        cephx::new_key(now, &mut self.rng)
    }

    /// A random version 4 UUID.
    pub fn new_uuid(&mut self) -> types::Fsid {
        let mut bytes = [0; 16];
        self.rng.fill_bytes(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        types::Fsid(bytes)
    }

    /// The keyring text of one entity.
    pub fn keyring(name: &AuthName, entity: &EntityAuth) -> Keyring {
        let entry = KeyringEntry { key: entity.key, caps: entity.caps.clone() };
        Keyring { entries: BTreeMap::from([(name.clone(), entry)]) }
    }
}

impl AuthServer for AuthService {
    fn methods(&mut self, _: EntityKind) -> Vec<AuthMethod> {
        vec![self.config.method]
    }
    fn modes(&mut self, _: EntityKind) -> Vec<Mode> {
        match self.config.method {
            AuthMethod::None => vec![Mode::Crc],
            AuthMethod::Cephx => vec![Mode::Secure, Mode::Crc],
        }
    }
    /// Only what is committed: a key that is still being written opens nothing.
    fn entity(&mut self, name: &AuthName) -> Option<EntityAuth> {
        self.entities.get(name).cloned()
    }
    fn service_secret(&mut self, service: EntityKind, id: u64) -> Option<CryptoKey> {
        self.rotating.get(&(service as u32))?.get(id)
    }
    fn current_secret(&mut self, service: EntityKind) -> Option<(u64, CryptoKey)> {
        self.rotating.get(&(service as u32))?.current()
    }
    fn ticket_validity(&self, service: EntityKind) -> Duration {
        self.validity(service)
    }
    fn new_global_id(&mut self) -> Option<u64> {
        if self.global_id_end - self.global_id_next < GLOBAL_ID_BATCH / 2 {
            self.global_id_wanted = true;
        }
        let id = self.global_id_next;
        (id < self.global_id_end).then(|| {
            self.global_id_next += 1;
            id
        })
    }
    fn service(&self) -> EntityKind {
        EntityKind::Mon
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UTime = UTime { sec: 1_000_000, nsec: 0 };

    fn commit(service: &mut AuthService) {
        let mut changes = Vec::new();
        service.stage(&mut changes);
        for change in changes {
            match change {
                KvChange::Put { key, value } => service.apply(&key, Some(&value)).unwrap(),
                KvChange::Delete { key } => service.apply(&key, None).unwrap(),
            }
        }
    }

    fn fresh() -> AuthService {
        AuthService::load(AuthConfig::default(), &KvMap::new(), [7; 32]).unwrap()
    }

    #[test]
    fn nobody_comes_in_before_ids_and_secrets_are_committed() {
        let mut auth = fresh();
        assert_eq!(auth.new_global_id(), None);
        auth.rotate(NOW);
        assert!(!auth.is_ready());
        commit(&mut auth);
        assert!(auth.is_ready());
        assert_eq!(auth.new_global_id(), Some(GLOBAL_ID_FIRST));
        assert_eq!(auth.new_global_id(), Some(GLOBAL_ID_FIRST + 1));
    }

    #[test]
    fn ids_are_never_given_twice_over_a_restart() {
        let mut auth = fresh();
        let mut changes = Vec::new();
        auth.stage(&mut changes);
        let mut store = KvMap::new();
        for change in changes {
            if let KvChange::Put { key, value } = change {
                auth.apply(&key, Some(&value)).unwrap();
                store.insert(key, value);
            }
        }
        let given = auth.new_global_id().unwrap();
        let mut again = AuthService::load(AuthConfig::default(), &store, [8; 32]).unwrap();
        assert_eq!(again.new_global_id(), None);
        commit(&mut again);
        assert!(again.new_global_id().unwrap() > given);
    }

    #[test]
    fn secrets_rotate_and_the_previous_one_still_opens() {
        let mut auth = fresh();
        auth.rotate(NOW);
        commit(&mut auth);
        let (id, key) = auth.current_secret(EntityKind::Osd).unwrap();
        auth.rotate(NOW + Duration::from_secs(60));
        assert!(auth.staged_rotating.is_none(), "too early");
        auth.rotate(NOW + Duration::from_secs(3601));
        commit(&mut auth);
        let (id2, _) = auth.current_secret(EntityKind::Osd).unwrap();
        assert_eq!(id2, id + 1);
        assert_eq!(auth.service_secret(EntityKind::Osd, id), Some(key));
        assert_eq!(auth.rotating(EntityKind::Osd).unwrap().secrets.len(), 3);
    }

    /// A service that last heard of secrets before the rotation knows the new current one as its
    /// next; a ticket opens as long as it is valid, whatever rotates meanwhile.
    #[test]
    fn short_tickets_open_for_hours_of_rotations() {
        let ttl = 4;
        let config =
            AuthConfig { service_ticket: Duration::from_secs(ttl), ..AuthConfig::default() };
        let mut auth = AuthService::load(config, &KvMap::new(), [7; 32]).unwrap();
        let mut tickets = std::collections::VecDeque::new();
        let mut known: Option<RotatingSecrets> = None;
        let mut rotations = 0;
        for second in 0..4 * 3600 {
            auth.rotate(NOW + Duration::from_secs(second));
            commit(&mut auth);
            let ticket = auth.current_secret(EntityKind::Osd).unwrap();
            let latest = auth.rotating(EntityKind::Osd).unwrap().clone();
            if let Some(before) = known.replace(latest.clone()) {
                assert_eq!(before.get(ticket.0), Some(ticket.1), "one behind, at {second}");
                rotations += u64::from(before != latest);
            }
            tickets.push_back(ticket);
            if tickets.len() as u64 > ttl {
                tickets.pop_front();
            }
            for (id, key) in &tickets {
                assert_eq!(auth.service_secret(EntityKind::Osd, *id), Some(*key), "at {second}");
            }
        }
        assert!(rotations > 4 * 3600 / (2 * ttl), "{rotations}");
    }

    #[test]
    fn a_staged_entity_is_seen_by_commands_and_opens_nothing_yet() {
        let mut auth = fresh();
        let name = AuthName::parse("client.a").unwrap();
        let key = auth.new_key(NOW);
        auth.set(name.clone(), EntityAuth { key, caps: BTreeMap::new() });
        assert!(auth.get(&name).is_some());
        assert!(auth.entity(&name).is_none());
        commit(&mut auth);
        assert_eq!(auth.entity(&name).unwrap().key, key);
        auth.remove(name.clone());
        commit(&mut auth);
        assert!(auth.get(&name).is_none() && auth.entity(&name).is_none());
    }
}
