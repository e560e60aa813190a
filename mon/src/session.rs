//! One connected peer: who it is, what it may do, and which maps it follows.

use messenger::messages::SubscribeItem;
use messenger::table::PeerInfo;
use std::collections::BTreeMap;
use types::{EntityKind, OsdId};

pub struct Session {
    pub peer: PeerInfo,
    pub caps: crate::access::Access,
    /// What the peer follows: name of the map -> the first version that it lacks.
    pub subscriptions: BTreeMap<String, SubscribeItem>,
    /// The options that were sent last.
    pub config_sent: Option<BTreeMap<String, String>>,
}

impl Session {
    pub fn kind(&self) -> EntityKind {
        EntityKind::from_u32(self.peer.name.kind as u32).unwrap_or(EntityKind::Client)
    }

    /// The OSD at the other end, if it is one.
    pub fn osd(&self) -> Option<OsdId> {
        let id = u32::try_from(self.peer.name.num).ok()?;
        (self.kind() == EntityKind::Osd).then_some(OsdId(id))
    }
}
