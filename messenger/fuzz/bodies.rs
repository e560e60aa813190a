//! One or more messages of every kind that OSDs exchange, each optional part with and without.

use bytes::Bytes;
use messenger::messages::peer::{
    Body, Change, Chunk, CopyInfo, CopyState, OsdCores, PastInterval, PeerMessage, RepAck, RepOp,
};
use types::{EVersion, EntityAddr, EntityAddrVec, Epoch, HObject, OsdId, PgId, PoolId};

pub fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

pub fn osd_cores() -> OsdCores {
    let addr = |port| EntityAddrVec::one(EntityAddr::msgr2(([10, 0, 0, 1], port).into(), 7));
    OsdCores { store_shards: 8, addrs: vec![addr(6801), addr(6802)] }
}

pub fn changes() -> Vec<Change> {
    let b = bytes;
    vec![
        Change::Touch,
        Change::Write { offset: 5, data: b("hello") },
        Change::Zero { offset: 1, len: 2 },
        Change::Truncate { size: 3 },
        Change::Remove,
        Change::SetXattr { name: b("n"), value: b("v") },
        Change::RemoveXattr { name: b("n") },
        Change::OmapSet { pairs: vec![(b("k"), b("v")), (b("k2"), b(""))] },
        Change::OmapRemove { keys: vec![b("k")] },
        Change::OmapRemoveRange { first: b("a"), last: b("b") },
        Change::OmapClear,
        Change::OmapSetHeader { header: b("h") },
        Change::Write { offset: 0, data: b("again") },
    ]
}

pub fn bodies() -> Vec<Body> {
    let b = bytes;
    let object = HObject::head(PoolId(1), "ns", "key", "o");
    let objects = vec![object.clone(), HObject::min(), HObject::max(), object.clone()];
    let info = CopyInfo {
        state: CopyState::Recovering,
        last_started: Epoch(3),
        head: EVersion { epoch: 3, version: 9 },
        tail: EVersion::default(),
        past: vec![
            PastInterval {
                first: Epoch(4),
                last: Epoch(6),
                acting: vec![OsdId(2), OsdId(0)],
                primary: OsdId(2),
            },
            PastInterval { first: Epoch(0), last: Epoch(0), acting: vec![], primary: OsdId(0) },
        ],
        past_unknown: true,
    };
    let empty = CopyInfo {
        state: CopyState::Complete,
        last_started: Epoch(0),
        head: EVersion::default(),
        tail: EVersion::default(),
        past: vec![],
        past_unknown: false,
    };
    // The same bytes many times: each is on the wire.
    let entries = vec![b("entry"); 20];
    let chunk = Chunk {
        first: true,
        last: false,
        absent: false,
        size: 7,
        xattrs: vec![(b("_"), b("info")), (b("_a"), b("info"))],
        omap_header: b("h"),
        omap: vec![(b("k"), b("v")), (b("k2"), b("v")), (b("k3"), b("v"))],
        offset: 9,
        data: b("data"),
    };
    let absent = Chunk { last: true, absent: true, ..Chunk::default() };
    vec![
        Body::RepOp(RepOp { entry: b("entry"), complete: 4, changes: changes() }),
        Body::RepOp(RepOp { entry: b(""), complete: u64::MAX, changes: vec![] }),
        Body::RepAck(RepAck { version: 8, room: 9 }),
        Body::Query,
        Body::Info { info: None },
        Body::Info { info: Some(info.clone()) },
        Body::Info { info: Some(empty.clone()) },
        Body::GetLog,
        Body::Log { info, entries: entries.clone(), dirty: objects.clone() },
        Body::Log { info: empty, entries: vec![], dirty: vec![] },
        Body::Prepare { wipe: true, objects: objects.clone() },
        Body::Prepared,
        Body::Pull { object: object.clone() },
        Body::Push { object: object.clone(), seq: 3, chunk },
        Body::Push { object: object.clone(), seq: u32::MAX, chunk: absent },
        Body::PushAck { object: object.clone(), seq: 3 },
        Body::List { after: HObject::min() },
        Body::Listed { after: object.clone(), objects, done: true },
        Body::Activate { keep: EVersion { epoch: 1, version: 2 }, reset: true, entries },
        Body::Activated,
        Body::Drop,
    ]
}

pub fn message(body: Body) -> PeerMessage {
    PeerMessage { pg: PgId { pool: PoolId(1), seed: 5 }, epoch: Epoch(4), body }
}
