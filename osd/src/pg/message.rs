//! What the OSDs of a PG say to each other, and its bytes.
//!
//! Each message travels as one of ours (numbers from 0x6b10, never seen by clients). The front
//! starts with the PG and the sender's map epoch; bulk bytes of objects are in the data segment.

use super::info::CopyState;
use super::interval::PastIntervals;
use crate::ops::Change;
use bytes::Bytes;
use messenger::message::{Data, Message, priority};
use types::enc::{Decode, DecodeError, Encode, Reader, Result, put_blob};
use types::{EVersion, Epoch, HObject, PgId};

pub const KIND_FIRST: u16 = 0x6b10;
pub const KIND_LAST: u16 = 0x6b2d;

/// One copy of a PG, as its holder describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyInfo {
    pub state: CopyState,
    pub last_started: Epoch,
    pub head: EVersion,
    pub tail: EVersion,
    pub past: PastIntervals,
}

/// Part of one object on its way to a member. The first chunk replaces what is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chunk {
    pub first: bool,
    pub last: bool,
    /// The object does not exist at the sender.
    pub absent: bool,
    /// Size of the whole object, in the first chunk.
    pub size: u64,
    pub xattrs: Vec<(Bytes, Bytes)>,
    pub omap_header: Bytes,
    pub omap: Vec<(Bytes, Bytes)>,
    pub offset: u64,
    pub data: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Primary: apply this change and log it. Durable before it is acknowledged.
    RepOp {
        entry: Bytes,
        object: HObject,
        changes: Vec<Change>,
        complete: u64,
    },
    /// Everything up to `version` of the log is durable here.
    RepAck {
        version: u64,
        /// Bytes that the sender's store shard can take above its reserve.
        room: u64,
    },
    /// Primary: what do you have?
    Query,
    /// `None`: no copy of the PG.
    Info {
        info: Option<CopyInfo>,
    },
    GetLog,
    Log {
        info: CopyInfo,
        entries: Vec<Bytes>,
        dirty: Vec<HObject>,
    },
    /// Primary: these objects (or with `wipe` all of them) are about to be replaced; remember that
    /// before the first one comes.
    Prepare {
        wipe: bool,
        objects: Vec<HObject>,
    },
    Prepared,
    /// Primary: send me this object.
    Pull {
        object: HObject,
    },
    /// `seq` tells the chunks of one transfer apart.
    Push {
        object: HObject,
        seq: u32,
        chunk: Chunk,
    },
    PushAck {
        object: HObject,
        seq: u32,
    },
    /// Primary: which objects follow this one?
    List {
        after: HObject,
    },
    Listed {
        after: HObject,
        objects: Vec<HObject>,
        done: bool,
    },
    /// Primary: your objects are as in my log; take it over from `keep` on, and serve.
    Activate {
        keep: EVersion,
        reset: bool,
        entries: Vec<Bytes>,
    },
    Activated,
    /// Primary: your copy is no longer needed.
    Drop,
}

impl Body {
    fn kind(&self) -> u16 {
        match self {
            Self::RepOp { .. } => 0x6b10,
            Self::RepAck { .. } => 0x6b11,
            Self::Query => 0x6b20,
            Self::Info { .. } => 0x6b21,
            Self::GetLog => 0x6b22,
            Self::Log { .. } => 0x6b23,
            Self::Prepare { .. } => 0x6b24,
            Self::Prepared => 0x6b25,
            Self::Pull { .. } => 0x6b26,
            Self::Push { .. } => 0x6b27,
            Self::PushAck { .. } => 0x6b28,
            Self::List { .. } => 0x6b29,
            Self::Listed { .. } => 0x6b2a,
            Self::Activate { .. } => 0x6b2b,
            Self::Activated => 0x6b2c,
            Self::Drop => 0x6b2d,
        }
    }
}

/// A message about one PG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerMessage {
    pub pg: PgId,
    /// The newest map that the sender had applied to the PG.
    pub epoch: Epoch,
    pub body: Body,
}

const HEADER_BYTES: usize = 16;

impl PeerMessage {
    pub fn encode(&self) -> Message {
        let mut out = Vec::with_capacity(self.front_bytes_hint());
        let mut data = Data::default();
        self.pg.pool.encode(&mut out);
        self.pg.seed.encode(&mut out);
        self.epoch.encode(&mut out);
        debug_assert_eq!(out.len(), HEADER_BYTES);
        match &self.body {
            Body::RepOp { entry, object, changes, complete } => {
                put_blob(&mut out, entry);
                object.encode(&mut out);
                complete.encode(&mut out);
                put_changes(&mut out, &mut data, changes);
            }
            Body::RepAck { version, room } => {
                version.encode(&mut out);
                room.encode(&mut out);
            }
            Body::Query | Body::GetLog | Body::Prepared | Body::Activated | Body::Drop => {}
            Body::Info { info } => info.encode(&mut out),
            Body::Log { info, entries, dirty } => {
                info.encode(&mut out);
                entries.encode(&mut out);
                dirty.encode(&mut out);
            }
            Body::Prepare { wipe, objects } => {
                wipe.encode(&mut out);
                objects.encode(&mut out);
            }
            Body::Pull { object } => object.encode(&mut out),
            Body::Push { object, seq, chunk } => {
                object.encode(&mut out);
                seq.encode(&mut out);
                let c = chunk;
                let flags = c.first as u8 | (c.last as u8) << 1 | (c.absent as u8) << 2;
                flags.encode(&mut out);
                c.size.encode(&mut out);
                c.xattrs.encode(&mut out);
                c.omap_header.encode(&mut out);
                c.omap.encode(&mut out);
                c.offset.encode(&mut out);
                data.push(c.data.clone());
            }
            Body::PushAck { object, seq } => {
                object.encode(&mut out);
                seq.encode(&mut out);
            }
            Body::List { after } => after.encode(&mut out),
            Body::Listed { after, objects, done } => {
                after.encode(&mut out);
                objects.encode(&mut out);
                done.encode(&mut out);
            }
            Body::Activate { keep, reset, entries } => {
                keep.encode(&mut out);
                reset.encode(&mut out);
                entries.encode(&mut out);
            }
        }
        Message {
            kind: self.body.kind(),
            priority: priority::DEFAULT,
            version: 1,
            compat: 1,
            front: out.into(),
            data,
            ..Message::default()
        }
    }

    fn front_bytes_hint(&self) -> usize {
        match &self.body {
            Body::RepOp { entry, object, .. } => 2 * entry.len() + object.name.len() + 256,
            _ => 64,
        }
    }

    /// The PG of an encoded message, without decoding the rest.
    pub fn peek_pg(message: &Message) -> Result<PgId> {
        let mut r = Reader::new(&message.front);
        Ok(PgId { pool: r.get()?, seed: r.u32()? })
    }

    pub fn decode(message: &Message) -> Result<Self> {
        let mut r = Reader::new(&message.front);
        let pg = PgId { pool: r.get()?, seed: r.u32()? };
        let epoch = r.get()?;
        let body = match message.kind {
            0x6b10 => {
                let entry = blob(&mut r, &message.front)?;
                let object = r.get()?;
                let complete = r.u64()?;
                let changes = get_changes(&mut r, &message.front, &message.data.to_bytes())?;
                Body::RepOp { entry, object, changes, complete }
            }
            0x6b11 => Body::RepAck { version: r.u64()?, room: r.u64()? },
            0x6b20 => Body::Query,
            0x6b21 => Body::Info { info: r.get()? },
            0x6b22 => Body::GetLog,
            0x6b23 => Body::Log { info: r.get()?, entries: r.get()?, dirty: r.get()? },
            0x6b24 => Body::Prepare { wipe: r.bool()?, objects: r.get()? },
            0x6b25 => Body::Prepared,
            0x6b26 => Body::Pull { object: r.get()? },
            0x6b27 => {
                let object = r.get()?;
                let seq = r.u32()?;
                let flags = r.u8()?;
                let chunk = Chunk {
                    first: flags & 1 != 0,
                    last: flags & 2 != 0,
                    absent: flags & 4 != 0,
                    size: r.u64()?,
                    xattrs: r.get()?,
                    omap_header: r.get()?,
                    omap: r.get()?,
                    offset: r.u64()?,
                    data: message.data.to_bytes(),
                };
                Body::Push { object, seq, chunk }
            }
            0x6b28 => Body::PushAck { object: r.get()?, seq: r.u32()? },
            0x6b29 => Body::List { after: r.get()? },
            0x6b2a => Body::Listed { after: r.get()?, objects: r.get()?, done: r.bool()? },
            0x6b2b => Body::Activate { keep: r.get()?, reset: r.bool()?, entries: r.get()? },
            0x6b2c => Body::Activated,
            0x6b2d => Body::Drop,
            kind => return Err(DecodeError::Invalid { what: "peer message", value: kind as u64 }),
        };
        r.finish("peer message")?;
        Ok(Self { pg, epoch, body })
    }
}

impl Encode for CopyInfo {
    fn encode(&self, out: &mut Vec<u8>) {
        self.state.encode(out);
        self.last_started.encode(out);
        self.head.encode(out);
        self.tail.encode(out);
        self.past.encode(out);
    }
}
impl Decode for CopyInfo {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Ok(Self {
            state: r.get()?,
            last_started: r.get()?,
            head: r.get()?,
            tail: r.get()?,
            past: r.get()?,
        })
    }
}

/// A blob of `front` without copying it.
fn blob(r: &mut Reader<'_>, front: &Bytes) -> Result<Bytes> {
    Ok(front.slice_ref(r.blob()?))
}

fn put_changes(out: &mut Vec<u8>, data: &mut Data, changes: &[Change]) {
    (changes.len() as u32).encode(out);
    for change in changes {
        match change {
            Change::Touch => out.push(1),
            Change::Write { offset, data: bytes } => {
                out.push(2);
                offset.encode(out);
                (bytes.len() as u64).encode(out);
                data.push(bytes.clone());
            }
            Change::Zero { offset, len } => {
                out.push(3);
                offset.encode(out);
                len.encode(out);
            }
            Change::Truncate { size } => {
                out.push(4);
                size.encode(out);
            }
            Change::Remove => out.push(5),
            Change::SetXattr { name, value } => {
                out.push(6);
                name.encode(out);
                value.encode(out);
            }
            Change::RemoveXattr { name } => {
                out.push(7);
                name.encode(out);
            }
            Change::OmapSet { pairs } => {
                out.push(8);
                pairs.encode(out);
            }
            Change::OmapRemove { keys } => {
                out.push(9);
                keys.encode(out);
            }
            Change::OmapRemoveRange { first, last } => {
                out.push(10);
                first.encode(out);
                last.encode(out);
            }
            Change::OmapClear => out.push(11),
            Change::OmapSetHeader { header } => {
                out.push(12);
                header.encode(out);
            }
        }
    }
}

fn get_changes(r: &mut Reader<'_>, front: &Bytes, data: &Bytes) -> Result<Vec<Change>> {
    let count = r.count("changes", 1)?;
    let mut at = 0usize;
    (0..count)
        .map(|_| {
            Ok(match r.u8()? {
                1 => Change::Touch,
                2 => {
                    let offset = r.u64()?;
                    let len = r.u64()?;
                    let end = (at as u64).saturating_add(len);
                    if end > data.len() as u64 {
                        return Err(DecodeError::Truncated {
                            what: "data of a change",
                            at: data.len(),
                            needed: (end - data.len() as u64) as usize,
                        });
                    }
                    let bytes = data.slice(at..end as usize);
                    at = end as usize;
                    Change::Write { offset, data: bytes }
                }
                3 => Change::Zero { offset: r.u64()?, len: r.u64()? },
                4 => Change::Truncate { size: r.u64()? },
                5 => Change::Remove,
                6 => Change::SetXattr { name: blob(r, front)?, value: blob(r, front)? },
                7 => Change::RemoveXattr { name: blob(r, front)? },
                8 => {
                    let pairs = r.count("omap pairs", 8)?;
                    let pairs = (0..pairs)
                        .map(|_| Ok((blob(r, front)?, blob(r, front)?)))
                        .collect::<Result<_>>()?;
                    Change::OmapSet { pairs }
                }
                9 => {
                    let keys = r.count("omap keys", 4)?;
                    let keys = (0..keys).map(|_| blob(r, front)).collect::<Result<_>>()?;
                    Change::OmapRemove { keys }
                }
                10 => Change::OmapRemoveRange { first: blob(r, front)?, last: blob(r, front)? },
                11 => Change::OmapClear,
                12 => Change::OmapSetHeader { header: blob(r, front)? },
                v => return Err(DecodeError::Invalid { what: "change", value: v as u64 }),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::PoolId;

    fn all() -> Vec<Body> {
        let object = HObject::head(PoolId(1), "ns", "", "o");
        let b = Bytes::from_static;
        let info = CopyInfo {
            state: CopyState::Recovering,
            last_started: Epoch(3),
            head: EVersion { epoch: 3, version: 9 },
            tail: EVersion::default(),
            past: PastIntervals::default(),
        };
        vec![
            Body::RepOp {
                entry: b(b"entry"),
                object: object.clone(),
                complete: 4,
                changes: vec![
                    Change::Touch,
                    Change::Write { offset: 5, data: b(b"hello") },
                    Change::Zero { offset: 1, len: 2 },
                    Change::Truncate { size: 3 },
                    Change::Remove,
                    Change::SetXattr { name: b(b"n"), value: b(b"v") },
                    Change::RemoveXattr { name: b(b"n") },
                    Change::OmapSet { pairs: vec![(b(b"k"), b(b"v"))] },
                    Change::OmapRemove { keys: vec![b(b"k")] },
                    Change::OmapRemoveRange { first: b(b"a"), last: b(b"b") },
                    Change::OmapClear,
                    Change::OmapSetHeader { header: b(b"h") },
                    Change::Write { offset: 0, data: b(b"again") },
                ],
            },
            Body::RepAck { version: 8, room: 9 },
            Body::Query,
            Body::Info { info: None },
            Body::Info { info: Some(info.clone()) },
            Body::GetLog,
            Body::Log { info, entries: vec![b(b"e")], dirty: vec![object.clone()] },
            Body::Prepare { wipe: true, objects: vec![object.clone()] },
            Body::Prepared,
            Body::Pull { object: object.clone() },
            Body::Push {
                object: object.clone(),
                seq: 3,
                chunk: Chunk {
                    first: true,
                    size: 7,
                    xattrs: vec![(b(b"_"), b(b"info"))],
                    omap_header: b(b"h"),
                    omap: vec![(b(b"k"), b(b"v"))],
                    offset: 9,
                    data: b(b"data"),
                    ..Chunk::default()
                },
            },
            Body::PushAck { object: object.clone(), seq: 3 },
            Body::List { after: object.clone() },
            Body::Listed { after: object.clone(), objects: vec![object], done: true },
            Body::Activate { keep: EVersion::default(), reset: false, entries: vec![b(b"e")] },
            Body::Activated,
            Body::Drop,
        ]
    }

    #[test]
    fn every_message_round_trips_and_refuses_cut_bytes() {
        for body in all() {
            let m = PeerMessage { pg: PgId { pool: PoolId(1), seed: 5 }, epoch: Epoch(4), body };
            let encoded = m.encode();
            assert!((KIND_FIRST..=KIND_LAST).contains(&encoded.kind));
            assert_eq!(PeerMessage::peek_pg(&encoded), Ok(m.pg));
            for len in 0..encoded.front.len() {
                let mut cut = encoded.clone();
                cut.front = encoded.front.slice(..len);
                assert!(PeerMessage::decode(&cut).is_err());
            }
            assert_eq!(PeerMessage::decode(&encoded), Ok(m));
        }
    }
}
