//! cephx: tickets and their secrets (ceph-wire.md section 3; Ceph src/auth/cephx/CephxProtocol.h).
//!
//! The exchanges with a monitor are in [`mon`], those with every other service in [`authorizer`].
//! All decoders take bytes from strangers and return errors.

pub mod authorizer;
pub mod mon;

use super::crypto::{CryptoKey, Unsealable};
use super::{AuthName, AuthServer, PeerCaps};
use bytes::Bytes;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::RngCore;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use types::enc::{Decode, DecodeError, Encode, Reader, Result};
use types::{EntityKind, UTime};

/// First byte of AUTH_REQUEST's payload when a monitor is asked for tickets.
pub const AUTH_MODE_MON: u8 = 10;
/// First byte of an authorizer.
pub const AUTH_MODE_AUTHORIZER: u8 = 1;

/// Request types of the exchange with a monitor.
pub const GET_AUTH_SESSION_KEY: u16 = 0x0100;
pub const GET_PRINCIPAL_SESSION_KEY: u16 = 0x0200;

pub const EPERM: i32 = -1;
pub const EACCES: i32 = -13;
pub const EAGAIN: i32 = -11;
pub const EINVAL: i32 = -22;

/// Why an exchange fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CephxError {
    /// The peer refused, or is refused: a negative errno for AUTH_BAD_METHOD.
    Refused(i32),
    /// Bytes that cannot be read.
    Garbled(DecodeError),
    /// Sealed with another key than ours.
    Unsealable,
    /// The answer does not fit the question (nonce, service or global id).
    Mismatch(&'static str),
}
impl From<DecodeError> for CephxError {
    fn from(e: DecodeError) -> Self {
        Self::Garbled(e)
    }
}
impl From<Unsealable> for CephxError {
    fn from(_: Unsealable) -> Self {
        Self::Unsealable
    }
}
impl fmt::Display for CephxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(errno) => write!(f, "refused with {errno}"),
            Self::Garbled(e) => e.fmt(f),
            Self::Unsealable => Unsealable.fmt(f),
            Self::Mismatch(what) => write!(f, "{what} does not fit the request"),
        }
    }
}
impl std::error::Error for CephxError {}

/// A sealed ticket and the number of the service's secret that opens it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TicketBlob {
    pub secret_id: u64,
    pub blob: Bytes,
}
impl Encode for TicketBlob {
    fn encode(&self, out: &mut Vec<u8>) {
        1u8.encode(out);
        self.secret_id.encode(out);
        self.blob.encode(out);
    }
}
impl Decode for TicketBlob {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        r.skip("ticket version", 1)?;
        Ok(Self { secret_id: r.u64()?, blob: r.get()? })
    }
}

/// What a service learns about the holder of a ticket (`AuthTicket`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthTicket {
    pub name: AuthName,
    pub global_id: u64,
    pub created: UTime,
    pub expires: UTime,
    pub caps: PeerCaps,
    pub flags: u32,
}
impl Encode for AuthTicket {
    fn encode(&self, out: &mut Vec<u8>) {
        2u8.encode(out);
        self.name.encode(out);
        self.global_id.encode(out);
        u64::MAX.encode(out);
        self.created.encode(out);
        self.expires.encode(out);
        1u8.encode(out);
        self.caps.allow_all.encode(out);
        // The capabilities are a bufferlist that holds an encoded string.
        match self.caps.text.is_empty() {
            true => 0u32.encode(out),
            false => types::enc::put_blob(out, &self.caps.text.to_vec()),
        }
        self.flags.encode(out);
    }
}
impl Decode for AuthTicket {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let version = r.u8()?;
        let name = r.get()?;
        let global_id = r.u64()?;
        if version >= 2 {
            r.skip("auid", 8)?;
        }
        let (created, expires) = (r.get()?, r.get()?);
        r.skip("caps version", 1)?;
        let allow_all = r.bool()?;
        let caps = r.blob()?;
        let text = match caps.is_empty() {
            true => String::new(),
            false => Reader::new(caps).get()?,
        };
        let flags = r.u32()?;
        Ok(Self { name, global_id, created, expires, caps: PeerCaps { allow_all, text }, flags })
    }
}

/// Content of a ticket blob (`CephXServiceTicketInfo`): only the service reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketInfo {
    pub ticket: AuthTicket,
    pub session_key: CryptoKey,
}
impl TicketInfo {
    pub fn seal(&self, secret_id: u64, secret: &CryptoKey) -> TicketBlob {
        let blob = secret.seal(|out| {
            1u8.encode(out);
            self.ticket.encode(out);
            self.session_key.encode(out);
        });
        TicketBlob { secret_id, blob: blob.into() }
    }

    pub fn open(blob: &TicketBlob, secret: &CryptoKey) -> std::result::Result<Self, CephxError> {
        let plain = secret.open(&blob.blob)?;
        let mut r = Reader::new(&plain);
        r.skip("ticket version", 1)?;
        Ok(Self { ticket: r.get()?, session_key: r.get()? })
    }
}

/// A new ticket of one service: what its holder gets and the blob that goes with it.
#[derive(Debug, Clone)]
pub struct Grant {
    pub service: EntityKind,
    pub session_key: CryptoKey,
    pub validity: Duration,
    pub blob: TicketBlob,
}

/// Makes a ticket of `service` for `parent`'s holder with these capabilities. `None` if there is no
/// secret of the service.
pub fn grant(
    auth: &mut dyn AuthServer,
    now: UTime,
    rng: &mut ChaCha12Rng,
    service: EntityKind,
    holder: (&AuthName, u64),
    caps: PeerCaps,
) -> Option<Grant> {
    let (secret_id, secret) = auth.current_secret(service)?;
    let validity = auth.ticket_validity(service);
    let session_key = new_key(now, rng);
    let ticket = AuthTicket {
        name: holder.0.clone(),
        global_id: holder.1,
        created: now,
        expires: now + validity,
        caps,
        flags: 0,
    };
    let blob = TicketInfo { ticket, session_key }.seal(secret_id, &secret);
    Some(Grant { service, session_key, validity, blob })
}

/// A random key made at `now`.
pub fn new_key(now: UTime, rng: &mut ChaCha12Rng) -> CryptoKey {
    let mut secret = [0; 16];
    rng.fill_bytes(&mut secret);
    CryptoKey::new(now, secret)
}

/// A secret that counts until `expires`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpiringKey {
    pub key: CryptoKey,
    pub expires: UTime,
}
impl Encode for ExpiringKey {
    fn encode(&self, out: &mut Vec<u8>) {
        1u8.encode(out);
        self.key.encode(out);
        self.expires.encode(out);
    }
}
impl Decode for ExpiringKey {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        r.skip("expiring key version", 1)?;
        Ok(Self { key: r.get()?, expires: r.get()? })
    }
}

/// The secrets of one service: previous, current and next. Ids only grow, so that a ticket says
/// which secret sealed it while services fetch new ones at their own pace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RotatingSecrets {
    pub secrets: BTreeMap<u64, ExpiringKey>,
    pub id_max: u64,
}

impl RotatingSecrets {
    const KEPT: usize = 3;

    /// The one that seals new tickets: the second of three.
    pub fn current(&self) -> Option<(u64, CryptoKey)> {
        let mut all = self.secrets.iter();
        let first = all.next();
        all.next().or(first).map(|(id, secret)| (*id, secret.key))
    }

    pub fn get(&self, id: u64) -> Option<CryptoKey> {
        self.secrets.get(&id).map(|secret| secret.key)
    }

    /// When [`Self::rotate`] has work: at the current secret's end.
    pub fn rotates_at(&self) -> UTime {
        match self.secrets.len() {
            Self::KEPT.. => self.secrets.values().nth(1).expect("three secrets").expires,
            _ => UTime::default(),
        }
    }

    /// Adds secrets, each good for `validity` after the one before, until there are three and the
    /// current one has not expired. Returns whether anything changed.
    pub fn rotate(&mut self, now: UTime, validity: Duration, rng: &mut ChaCha12Rng) -> bool {
        let mut changed = false;
        while self.rotates_at() <= now {
            let last = self.secrets.values().next_back().map_or(UTime::default(), |s| s.expires);
            let start = match self.secrets.len() {
                // The previous secret exists only to make three; nothing was sealed with it.
                0 => now,
                _ => last.max(now) + validity,
            };
            self.id_max += 1;
            self.secrets
                .insert(self.id_max, ExpiringKey { key: new_key(now, rng), expires: start });
            while self.secrets.len() > Self::KEPT {
                self.secrets.pop_first();
            }
            changed = true;
        }
        changed
    }
}
impl Encode for RotatingSecrets {
    fn encode(&self, out: &mut Vec<u8>) {
        1u8.encode(out);
        self.secrets.encode(out);
        self.id_max.encode(out);
    }
}
impl Decode for RotatingSecrets {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        r.skip("rotating secrets version", 1)?;
        Ok(Self { secrets: r.get()?, id_max: r.u64()? })
    }
}

/// One AUTH_REQUEST payload of method cephx, as the accepting end tells them apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Asks a monitor for tickets. `global_id` 0, or one to reclaim.
    Mon { name: AuthName, global_id: u64 },
    /// Shows an authorizer; it is read again with [`authorizer::check`].
    Authorizer,
}
impl Decode for Request {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        match r.u8()? {
            AUTH_MODE_MON => Ok(Self::Mon { name: r.get()?, global_id: r.u64()? }),
            AUTH_MODE_AUTHORIZER => {
                r.skip("authorizer", r.remaining())?;
                Ok(Self::Authorizer)
            }
            mode => Err(DecodeError::Invalid { what: "auth mode", value: mode as u64 }),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
