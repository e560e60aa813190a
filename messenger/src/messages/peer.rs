//! What OSDs say to each other: heartbeats, and the messages of a PG. Start with [`PeerMessage`].
//!
//! Peering and recovery are FlatBuffers (`messenger/schema/kermes.fbs`), so that later releases can
//! add fields. [`RepOp`] and [`RepAck`] go with every write and have fixed headers
//! ([`super::replication`]). Bytes of objects are in the data segment. docs/formats.md

pub use super::replication::{Change, RepAck, RepOp};

use super::internal::{addrs_of, addrs_table, build, flat, kind};
use super::{TypedMessage, replication};
use crate::message::{Data, Message, priority};
use bytes::Bytes;
use schema::{Builder, Offset, ReadAsRoot, Vector, WriteAsOffset};
use types::enc::{Decode, DecodeError, Encode, Reader, Result};
use types::{EVersion, EntityAddrVec, Epoch, HObject, OsdId, PgId, PoolId};

/// Are you there? And the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    pub reply: bool,
    /// Newest map of the sender.
    pub epoch: Epoch,
    /// The asker's clock, repeated by the answer.
    pub stamp: u64,
}
impl TypedMessage for Heartbeat {
    const KIND: u16 = kind::HEARTBEAT;
    const PRIORITY: u16 = priority::HIGHEST;
    fn encode_front(&self, out: &mut Vec<u8>) {
        let table = schema::Heartbeat { reply: self.reply, epoch: self.epoch.0, stamp: self.stamp };
        out.extend_from_slice(Builder::new().finish(&table, None));
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
        let t: schema::Heartbeat = flat::<schema::HeartbeatRef<'_>, _>(r.rest(), "heartbeat")?;
        Ok(Self { reply: t.reply, epoch: Epoch(t.epoch), stamp: t.stamp })
    }
}

/// Where the cores of the OSD listen that has accepted this session: the first thing that it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OsdCores {
    pub store_shards: u32,
    /// By core; empty where only the map's address leads to them.
    pub addrs: Vec<EntityAddrVec>,
}
impl TypedMessage for OsdCores {
    const KIND: u16 = kind::OSD_CORES;
    const PRIORITY: u16 = priority::HIGH;
    fn encode_front(&self, out: &mut Vec<u8>) {
        let addrs = Some(self.addrs.iter().map(addrs_table).collect());
        build(&schema::OsdCores { store_shards: self.store_shards, addrs }, out);
    }
    fn decode_front(r: &mut Reader<'_>, _: &Message, _: Data) -> Result<Self> {
        let t: schema::OsdCores = flat::<schema::OsdCoresRef<'_>, _>(r.rest(), "OSD's cores")?;
        Ok(Self { store_shards: t.store_shards, addrs: addrs_of(t.addrs)? })
    }
}

/// What every message of a PG begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PgHead {
    pub pg: PgId,
    /// The newest map that the sender had applied to the PG.
    pub epoch: Epoch,
}

/// How far a copy of a PG can be trusted. The numbers are also those on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyState {
    /// The objects are what the log says.
    Complete = 1,
    /// Single objects are being replaced; the dirty set names them. Never an authority.
    Recovering = 2,
    /// A copy of the whole PG has begun and not ended. Holds nothing that counts.
    Incomplete = 3,
}

/// An interval that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastInterval {
    pub first: Epoch,
    pub last: Epoch,
    pub acting: Vec<OsdId>,
    pub primary: OsdId,
}

/// One copy of a PG, as its holder describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyInfo {
    pub state: CopyState,
    /// Start of the last interval in which this copy was activated; 0 if never.
    pub last_started: Epoch,
    pub head: EVersion,
    pub tail: EVersion,
    /// Intervals since, as far as they may have served.
    pub past: Vec<PastInterval>,
    /// Some epochs were never seen: any OSD may have served then.
    pub past_unknown: bool,
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
    RepOp(RepOp),
    RepAck(RepAck),
    /// Primary: what do you have?
    Query,
    /// `None`: no copy of the PG.
    Info {
        info: Option<CopyInfo>,
    },
    GetLog,
    /// Entries as they are stored, oldest first.
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
            Self::RepOp(_) => kind::REP_OP,
            Self::RepAck(_) => kind::REP_ACK,
            Self::Query => kind::PG_QUERY,
            Self::Info { .. } => kind::PG_INFO,
            Self::GetLog => kind::PG_GET_LOG,
            Self::Log { .. } => kind::PG_LOG,
            Self::Prepare { .. } => kind::PG_PREPARE,
            Self::Prepared => kind::PG_PREPARED,
            Self::Pull { .. } => kind::PG_PULL,
            Self::Push { .. } => kind::PG_PUSH,
            Self::PushAck { .. } => kind::PG_PUSH_ACK,
            Self::List { .. } => kind::PG_LIST,
            Self::Listed { .. } => kind::PG_LISTED,
            Self::Activate { .. } => kind::PG_ACTIVATE,
            Self::Activated => kind::PG_ACTIVATED,
            Self::Drop => kind::PG_DROP,
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

/// Of the encodings here. A front that older readers must not read has a greater compatible version
/// in the header of its message.
const VERSION: u16 = 1;

impl PeerMessage {
    /// Whether messages of this number are about a PG.
    pub fn is_kind(kind: u16) -> bool {
        matches!(kind, kind::REP_OP | kind::REP_ACK | kind::PG_QUERY..=kind::PG_DROP)
    }

    /// The wire form. Bytes of objects are shared with `self`, not copied.
    pub fn encode(&self) -> Message {
        let head = PgHead { pg: self.pg, epoch: self.epoch };
        let mut data = Data::default();
        let front = match &self.body {
            Body::RepOp(op) => {
                return rep_op_message(head, &op.entry, &op.changes, op.complete);
            }
            Body::RepAck(ack) => ack.encode(head),
            body => {
                if let Body::Push { chunk, .. } = body {
                    data.push(chunk.data.clone());
                }
                encode_flat(head, body)
            }
        };
        message(self.body.kind(), front, data)
    }

    /// The PG of an encoded message, without decoding the rest.
    pub fn peek_pg(message: &Message) -> Result<PgId> {
        let head = match message.kind {
            kind::REP_OP | kind::REP_ACK => replication::peek(&message.front)?,
            _ => {
                let t = schema::PgRequestRef::read_as_root(&message.front);
                head_from_table(t.and_then(|t| t.head()).map_err(|_| bad(&message.front))?)
            }
        };
        Ok(head.pg)
    }

    /// Fails for other kinds of message, for one that needs a newer reader, and for bytes that are
    /// none of ours. What it allocates is bounded by what has arrived.
    pub fn decode(message: &Message) -> Result<Self> {
        if message.compat > VERSION {
            return Err(DecodeError::TooNew {
                what: "peer message",
                compat: message.compat.min(255) as u8,
                known: VERSION as u8,
            });
        }
        let front = &message.front;
        let (head, body) = match message.kind {
            kind::REP_OP => {
                let (head, op) = RepOp::decode(front, &message.data.to_bytes())?;
                (head, Body::RepOp(op))
            }
            kind::REP_ACK => {
                let (head, ack) = RepAck::decode(front)?;
                (head, Body::RepAck(ack))
            }
            kind => Front { bytes: front, left: front.len() }.body(kind, &message.data)?,
        };
        Ok(Self { pg: head.pg, epoch: head.epoch, body })
    }
}

/// A [`RepOp`] of these parts, encoded.
pub fn rep_op_message(head: PgHead, entry: &[u8], changes: &[Change], complete: u64) -> Message {
    let mut data = Data::default();
    let front = replication::encode_rep_op(head, entry, changes, complete, &mut data);
    message(kind::REP_OP, front, data)
}

fn message(kind: u16, front: Vec<u8>, data: Data) -> Message {
    Message {
        kind,
        priority: priority::DEFAULT,
        version: VERSION,
        compat: VERSION,
        front: front.into(),
        data,
        ..Message::default()
    }
}

fn bad(front: &[u8]) -> DecodeError {
    DecodeError::Invalid { what: "peer message", value: front.len() as u64 }
}

fn head_from_table(head: schema::PgHeadRef<'_>) -> PgHead {
    let pg = PgId { pool: PoolId(head.pool()), seed: head.seed() };
    PgHead { pg, epoch: Epoch(head.epoch()) }
}
fn version_from_table(v: schema::VersionRef<'_>) -> EVersion {
    EVersion { epoch: v.epoch(), version: v.version() }
}
fn version_to_table(v: EVersion) -> schema::Version {
    schema::Version { version: v.version, epoch: v.epoch }
}

/// Everything but replication.
fn encode_flat(head: PgHead, body: &Body) -> Vec<u8> {
    let h = schema::PgHead { pool: head.pg.pool.0, seed: head.pg.seed, epoch: head.epoch.0 };
    let b = &mut Builder::new();
    match body {
        Body::RepOp(_) | Body::RepAck(_) => unreachable!("replication has headers of its own"),
        Body::Query | Body::GetLog | Body::Prepared | Body::Activated | Body::Drop => {
            let root = schema::PgRequest::create(b, h);
            finish(b, root)
        }
        Body::Info { info } => {
            let copy = info.as_ref().map(|info| put_copy(b, info));
            let root = schema::PgInfo::create(b, h, copy);
            finish(b, root)
        }
        Body::Log { info, entries, dirty } => {
            let copy = put_copy(b, info);
            let entries = put_blobs(b, entries);
            let dirty = put_objects(b, dirty);
            let root = schema::PgLog::create(b, h, copy, entries, dirty);
            finish(b, root)
        }
        Body::Prepare { wipe, objects } => {
            let objects = put_objects(b, objects);
            let root = schema::PgPrepare::create(b, h, *wipe, objects);
            finish(b, root)
        }
        Body::Pull { object } | Body::List { after: object } => {
            let root = schema::PgObject::create(b, h, object.to_vec(), 0);
            finish(b, root)
        }
        Body::PushAck { object, seq } => {
            let root = schema::PgObject::create(b, h, object.to_vec(), *seq);
            finish(b, root)
        }
        Body::Push { object, seq, chunk } => {
            let c = chunk;
            let xattrs = put_pairs(b, &c.xattrs);
            let omap = put_pairs(b, &c.omap);
            let (object, header) = (object.to_vec(), &c.omap_header[..]);
            let (first, last, absent) = (c.first, c.last, c.absent);
            let root = schema::PgPush::create(
                b, h, object, *seq, first, last, absent, c.size, xattrs, header, omap, c.offset,
            );
            finish(b, root)
        }
        Body::Listed { after, objects, done } => {
            let objects = put_objects(b, objects);
            let root = schema::PgListed::create(b, h, after.to_vec(), objects, *done);
            finish(b, root)
        }
        Body::Activate { keep, reset, entries } => {
            let entries = put_blobs(b, entries);
            let keep = version_to_table(*keep);
            let root = schema::PgActivate::create(b, h, keep, *reset, entries);
            finish(b, root)
        }
    }
}

fn finish<T>(builder: &mut Builder, root: Offset<T>) -> Vec<u8>
where
    Offset<T>: WriteAsOffset<T>,
{
    builder.finish(root, None).to_vec()
}

fn put_blobs(b: &mut Builder, blobs: &[Bytes]) -> Vec<Offset<schema::Blob>> {
    blobs.iter().map(|bytes| schema::Blob::create(b, &bytes[..])).collect()
}
fn put_objects(b: &mut Builder, objects: &[HObject]) -> Vec<Offset<schema::Blob>> {
    objects.iter().map(|object| schema::Blob::create(b, object.to_vec())).collect()
}
fn put_pairs(b: &mut Builder, pairs: &[(Bytes, Bytes)]) -> Vec<Offset<schema::Pair>> {
    pairs.iter().map(|(name, value)| schema::Pair::create(b, &name[..], &value[..])).collect()
}

fn put_copy(b: &mut Builder, info: &CopyInfo) -> Offset<schema::CopyInfo> {
    let interval = |i: &PastInterval| {
        let acting: Vec<u32> = i.acting.iter().map(|osd| osd.0).collect();
        schema::PastInterval::create(b, i.first.0, i.last.0, acting, i.primary.0)
    };
    let past: Vec<_> = info.past.iter().map(interval).collect();
    let state = match info.state {
        CopyState::Complete => schema::CopyState::Complete,
        CopyState::Recovering => schema::CopyState::Recovering,
        CopyState::Incomplete => schema::CopyState::Incomplete,
    };
    let (head, tail) = (version_to_table(info.head), version_to_table(info.tail));
    let started = info.last_started.0;
    schema::CopyInfo::create(b, state, started, head, tail, past, info.past_unknown)
}

/// Reads a FlatBuffer. Its offsets may name the same bytes many times; taking each item from what
/// has arrived bounds what is copied out of it.
struct Front<'a> {
    bytes: &'a [u8],
    /// Bytes not yet accounted for.
    left: usize,
}

/// What the smallest item of a list takes: its place in the list, and an empty table.
const ITEM_BYTES_MIN: usize = 8;

impl<'a> Front<'a> {
    fn body(mut self, kind: u16, data: &Data) -> Result<(PgHead, Body)> {
        let (head, body) = match kind {
            kind::PG_QUERY => (self.request()?, Body::Query),
            kind::PG_GET_LOG => (self.request()?, Body::GetLog),
            kind::PG_PREPARED => (self.request()?, Body::Prepared),
            kind::PG_ACTIVATED => (self.request()?, Body::Activated),
            kind::PG_DROP => (self.request()?, Body::Drop),
            kind::PG_INFO => {
                let t: schema::PgInfoRef<'_> = self.root()?;
                let copy = self.value(t.copy())?;
                (t.head(), Body::Info { info: copy.map(|c| self.copy(c)).transpose()? })
            }
            kind::PG_LOG => {
                let t: schema::PgLogRef<'_> = self.root()?;
                let copy = self.value(t.copy())?;
                let info = self.copy(copy)?;
                let entries = self.list(t.entries(), Self::entry)?;
                (t.head(), Body::Log { info, entries, dirty: self.list(t.dirty(), Self::object)? })
            }
            kind::PG_PREPARE => {
                let t: schema::PgPrepareRef<'_> = self.root()?;
                let objects = self.list(t.objects(), Self::object)?;
                (t.head(), Body::Prepare { wipe: self.value(t.wipe())?, objects })
            }
            kind::PG_PULL => {
                let (head, object, _) = self.about_object()?;
                (head, Body::Pull { object })
            }
            kind::PG_PUSH => self.push(data)?,
            kind::PG_PUSH_ACK => {
                let (head, object, seq) = self.about_object()?;
                (head, Body::PushAck { object, seq })
            }
            kind::PG_LIST => {
                let (head, after, _) = self.about_object()?;
                (head, Body::List { after })
            }
            kind::PG_LISTED => {
                let t: schema::PgListedRef<'_> = self.root()?;
                let after = self.hobject(t.after())?;
                let objects = self.list(t.objects(), Self::object)?;
                (t.head(), Body::Listed { after, objects, done: self.value(t.done())? })
            }
            kind::PG_ACTIVATE => {
                let t: schema::PgActivateRef<'_> = self.root()?;
                let keep = version_from_table(self.value(t.keep())?);
                let entries = self.list(t.entries(), Self::entry)?;
                (t.head(), Body::Activate { keep, reset: self.value(t.reset())?, entries })
            }
            kind => return Err(DecodeError::Invalid { what: "peer message", value: kind as u64 }),
        };
        Ok((head_from_table(self.value(head)?), body))
    }

    fn request(&self) -> Result<schema::Result<schema::PgHeadRef<'a>>> {
        Ok(self.root::<schema::PgRequestRef<'_>>()?.head())
    }

    #[allow(clippy::type_complexity)]
    fn about_object(&mut self) -> Result<(schema::Result<schema::PgHeadRef<'a>>, HObject, u32)> {
        let t: schema::PgObjectRef<'_> = self.root()?;
        Ok((t.head(), self.hobject(t.object())?, self.value(t.sequence())?))
    }

    fn push(&mut self, data: &Data) -> Result<(schema::Result<schema::PgHeadRef<'a>>, Body)> {
        let t: schema::PgPushRef<'_> = self.root()?;
        let object = self.hobject(t.object())?;
        let chunk = Chunk {
            first: self.value(t.first())?,
            last: self.value(t.last())?,
            absent: self.value(t.absent())?,
            size: self.value(t.size())?,
            xattrs: self.list(t.xattrs(), Self::pair)?,
            omap_header: self.copied(t.omap_header())?,
            omap: self.list(t.omap(), Self::pair)?,
            offset: self.value(t.offset())?,
            data: data.to_bytes(),
        };
        Ok((t.head(), Body::Push { object, seq: self.value(t.sequence())?, chunk }))
    }

    fn copy(&mut self, t: schema::CopyInfoRef<'a>) -> Result<CopyInfo> {
        let state = match self.value(t.state())? {
            schema::CopyState::Complete => CopyState::Complete,
            schema::CopyState::Recovering => CopyState::Recovering,
            schema::CopyState::Incomplete => CopyState::Incomplete,
        };
        Ok(CopyInfo {
            state,
            last_started: Epoch(self.value(t.last_started())?),
            head: version_from_table(self.value(t.head())?),
            tail: version_from_table(self.value(t.tail())?),
            past: self.list(t.past(), Self::interval)?,
            past_unknown: self.value(t.past_unknown())?,
        })
    }

    fn interval(&mut self, t: schema::PastIntervalRef<'a>) -> Result<PastInterval> {
        let acting = self.value(t.acting())?;
        self.account(acting.map_or(0, |a| a.len().saturating_mul(4)))?;
        Ok(PastInterval {
            first: Epoch(self.value(t.first())?),
            last: Epoch(self.value(t.last())?),
            acting: acting.map(|a| a.iter().map(OsdId).collect()).unwrap_or_default(),
            primary: OsdId(self.value(t.primary())?),
        })
    }

    fn entry(&mut self, t: schema::BlobRef<'a>) -> Result<Bytes> {
        self.copied(t.bytes())
    }
    fn object(&mut self, t: schema::BlobRef<'a>) -> Result<HObject> {
        self.hobject(t.bytes())
    }
    fn pair(&mut self, t: schema::PairRef<'a>) -> Result<(Bytes, Bytes)> {
        Ok((self.copied(t.name())?, self.copied(t.value())?))
    }

    fn root<R: ReadAsRoot<'a>>(&self) -> Result<R> {
        self.value(R::read_as_root(self.bytes))
    }
    fn value<T>(&self, value: schema::Result<T>) -> Result<T> {
        value.map_err(|_| bad(self.bytes))
    }
    fn account(&mut self, len: usize) -> Result<()> {
        self.left = self.left.checked_sub(len).ok_or_else(|| bad(self.bytes))?;
        Ok(())
    }
    fn slice(&mut self, bytes: schema::Result<Option<&'a [u8]>>) -> Result<&'a [u8]> {
        let bytes = self.value(bytes)?.unwrap_or_default();
        self.account(bytes.len())?;
        Ok(bytes)
    }
    /// Copied, because what is kept of a message must not keep its whole buffer.
    fn copied(&mut self, bytes: schema::Result<Option<&'a [u8]>>) -> Result<Bytes> {
        self.slice(bytes).map(Bytes::copy_from_slice)
    }
    fn hobject(&mut self, bytes: schema::Result<Option<&'a [u8]>>) -> Result<HObject> {
        HObject::from_slice(self.slice(bytes)?)
    }
    #[allow(clippy::type_complexity)]
    fn list<R: 'a, T>(
        &mut self,
        items: schema::Result<Option<Vector<'a, schema::Result<R>>>>,
        item: impl Fn(&mut Self, R) -> Result<T>,
    ) -> Result<Vec<T>>
    where
        schema::Result<R>: schema::VectorRead<'a>,
    {
        let Some(items) = self.value(items)? else { return Ok(Vec::new()) };
        self.account(items.len().saturating_mul(ITEM_BYTES_MIN))?;
        let one = |t| {
            let t = self.value(t)?;
            item(self, t)
        };
        items.iter().map(one).collect()
    }
}
