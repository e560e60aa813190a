//! Who may connect, and as whom: cephx and none, both ends (ceph-wire.md section 3).
//!
//! [`crypto`] has the primitives, [`keyring`] the text format of keys, [`cephx`] the exchanges and
//! tickets. [`AuthServer`] is what the accepting side must decide; [`ClientAuth`] is what the dialling
//! side shows.

pub mod cephx;
pub mod crypto;
pub mod keyring;
pub mod none;

use crypto::CryptoKey;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use types::enc::{Decode, DecodeError, Encode, Reader, Result};
use types::{EntityKind, UTime};

/// Name of a principal, `client.admin`. On the wire: `u32` kind, string id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthName {
    pub kind: EntityKind,
    /// Without the kind: `admin`, `0`.
    pub id: String,
}

impl AuthName {
    pub fn new(kind: EntityKind, id: &str) -> Self {
        Self { kind, id: id.to_owned() }
    }
    /// Parses `client.admin`, `osd.0`, `mon.`.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once('.')?;
        let kind = match kind {
            "mon" => EntityKind::Mon,
            "mds" => EntityKind::Mds,
            "osd" => EntityKind::Osd,
            "client" => EntityKind::Client,
            "mgr" => EntityKind::Mgr,
            "auth" => EntityKind::Auth,
            _ => return None,
        };
        Some(Self::new(kind, id))
    }
}
impl fmt::Display for AuthName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind.name(), self.id)
    }
}
impl Encode for AuthName {
    fn encode(&self, out: &mut Vec<u8>) {
        (self.kind as u32).encode(out);
        self.id.encode(out);
    }
}
impl Decode for AuthName {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let kind = r.u32()?;
        let kind = EntityKind::from_u32(kind)
            .ok_or(DecodeError::Invalid { what: "entity kind", value: kind as u64 })?;
        Ok(Self { kind, id: r.get()? })
    }
}

/// How the two ends prove who they are. Numbers as on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum AuthMethod {
    None = 1,
    Cephx = 2,
}
impl AuthMethod {
    pub fn from_u32(value: u32) -> Option<Self> {
        match value {
            1 => Some(Self::None),
            2 => Some(Self::Cephx),
            _ => None,
        }
    }
}

/// How frames are protected after authentication. Numbers as on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Mode {
    Crc = 1,
    /// AES-128-GCM. Needs cephx.
    Secure = 2,
}
impl Mode {
    pub fn from_u32(value: u32) -> Option<Self> {
        match value {
            1 => Some(Self::Crc),
            2 => Some(Self::Secure),
            _ => None,
        }
    }
}

/// A ticket for one service, as its holder keeps it. The blob is opaque to the holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    pub service: EntityKind,
    /// Shared with the service, which finds the same key in the blob.
    pub session_key: CryptoKey,
    pub blob: cephx::TicketBlob,
    pub expires: UTime,
    /// Half of the validity has passed: ask for a new one.
    pub renew_after: UTime,
}

/// What the dialling side shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAuth {
    /// Method none: the name is believed. `global_id` 0 asks for one.
    None { name: AuthName, global_id: u64 },
    /// cephx with a monitor: proves the entity's key, receives tickets.
    Mon {
        name: AuthName,
        key: CryptoKey,
        /// The id from an earlier session, shown again together with `old_ticket`; else 0.
        global_id: u64,
        /// AUTH ticket of an earlier session.
        old_ticket: Option<Ticket>,
        /// Mask of the services for which tickets are wanted (mon 1, osd 4, mgr 0x10, auth 0x20).
        services: u32,
    },
    /// cephx with an OSD, manager or (between monitors) monitor: an authorizer from a ticket.
    Ticket { name: AuthName, global_id: u64, ticket: Ticket },
}

/// What a monitor granted, for [`crate::mon_client`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthReply {
    pub global_id: u64,
    /// By service; the AUTH ticket is among them. Empty with method none.
    pub tickets: BTreeMap<u32, Ticket>,
}

/// One entity of the monitor's key database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityAuth {
    pub key: CryptoKey,
    /// Capability text by service name: `{"mon": "allow *", "osd": "allow rwx pool=rbd"}`.
    pub caps: BTreeMap<String, String>,
}

/// What a peer may do at this service: the text from the ticket or, at a monitor, the database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeerCaps {
    /// Set for tickets that allow everything without text, and with method none.
    pub allow_all: bool,
    /// Parse with [`crate::caps::MonCaps`] or [`crate::caps::OsdCaps`].
    pub text: String,
}

/// Questions that the accepting side asks. Answered at once, from memory.
///
/// A monitor answers all of them. An OSD answers `entity` with `None` and `new_global_id` with
/// `None`, and knows only secrets of its own service.
pub trait AuthServer {
    /// Allowed methods for peers of this kind, best first.
    fn methods(&mut self, peer: EntityKind) -> Vec<AuthMethod>;
    /// Allowed modes for peers of this kind, best first. Method none always uses crc.
    fn modes(&mut self, peer: EntityKind) -> Vec<Mode>;
    /// Key and capabilities of an entity. Monitors only.
    fn entity(&mut self, name: &AuthName) -> Option<EntityAuth>;
    /// The secret with this id of this service, if it still counts (previous, current or next).
    fn service_secret(&mut self, service: EntityKind, id: u64) -> Option<CryptoKey>;
    /// The secret that new tickets of this service are sealed with. Monitors only.
    fn current_secret(&mut self, service: EntityKind) -> Option<(u64, CryptoKey)>;
    /// How long new tickets are good for (Ceph: 3 days for AUTH, 1 hour for services).
    fn ticket_validity(&self, service: EntityKind) -> Duration {
        match service {
            EntityKind::Auth => Duration::from_secs(3 * 24 * 3600),
            _ => Duration::from_secs(3600),
        }
    }
    /// A global id that was never used. `None`: none at hand, the client tries again.
    fn new_global_id(&mut self) -> Option<u64>;
    /// Kind of this service: which secrets open the authorizers that peers show.
    fn service(&self) -> EntityKind;
}

/// Accepts nobody: for nodes that do not listen.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoServer;
impl AuthServer for NoServer {
    fn methods(&mut self, _: EntityKind) -> Vec<AuthMethod> {
        Vec::new()
    }
    fn modes(&mut self, _: EntityKind) -> Vec<Mode> {
        Vec::new()
    }
    fn entity(&mut self, _: &AuthName) -> Option<EntityAuth> {
        None
    }
    fn service_secret(&mut self, _: EntityKind, _: u64) -> Option<CryptoKey> {
        None
    }
    fn current_secret(&mut self, _: EntityKind) -> Option<(u64, CryptoKey)> {
        None
    }
    fn new_global_id(&mut self) -> Option<u64> {
        None
    }
    fn service(&self) -> EntityKind {
        EntityKind::Client
    }
}
