//! OSD_MAP: epochs of the OSDMap on their way to clients and OSDs.

use super::{TypedMessage, kind, share};
use crate::message::{Data, Message, priority};
use bytes::Bytes;
use std::collections::BTreeMap;
use types::enc::{Encode, Reader, Result, put_blob};
use types::{Epoch, Fsid};

/// Encoded maps by epoch. A reader applies the first full map that it lacks, then the incrementals
/// above it, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OsdMapUpdate {
    pub fsid: Fsid,
    pub incrementals: BTreeMap<Epoch, Bytes>,
    pub fulls: BTreeMap<Epoch, Bytes>,
    /// The oldest epoch that the sender still has.
    pub oldest: Epoch,
    /// The newest epoch that the sender knows of, which may be beyond this message.
    pub newest: Epoch,
}

fn put_maps(out: &mut Vec<u8>, maps: &BTreeMap<Epoch, Bytes>) {
    (maps.len() as u32).encode(out);
    for (epoch, bytes) in maps {
        epoch.encode(out);
        put_blob(out, bytes);
    }
}

fn maps(r: &mut Reader<'_>, front: &Bytes) -> Result<BTreeMap<Epoch, Bytes>> {
    let count = r.count("map count", 8)?;
    (0..count).map(|_| Ok((r.get()?, share(front, r.blob()?)))).collect()
}

impl TypedMessage for OsdMapUpdate {
    const KIND: u16 = kind::OSD_MAP;
    const VERSION: u16 = 4;
    const COMPAT: u16 = 3;
    const PRIORITY: u16 = priority::HIGH;
    fn encode_front(&self, out: &mut Vec<u8>) {
        self.fsid.encode(out);
        put_maps(out, &self.incrementals);
        put_maps(out, &self.fulls);
        self.oldest.encode(out);
        self.newest.encode(out);
        0u32.encode(out); // snapshots removed in a gap of epochs; none, full maps carry them
    }
    fn decode_front(r: &mut Reader<'_>, msg: &Message, _: Data) -> Result<Self> {
        let fsid = r.get()?;
        let incrementals = maps(r, &msg.front)?;
        let fulls = maps(r, &msg.front)?;
        let (oldest, newest) =
            if msg.version >= 2 { (r.get()?, r.get()?) } else { Default::default() };
        Ok(Self { fsid, incrementals, fulls, oldest, newest })
    }
}
