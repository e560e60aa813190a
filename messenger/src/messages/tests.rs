//! Golden bytes, round trips, and damaged input.

use super::internal::{self, OsdBoot, OsdFailure, OsdStats, PgStat, Space};
use super::op::{ListReply, OP_SIZE, OpRequest};
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Debug;
use types::{
    Decode, EVersion, EntityAddrVec, EntityName, Epoch, Fsid, HObject, ObjectLocator, OsdId, PgId,
    PoolId, ReqId, ShardedPgId, SnapContext, SnapId, UTime,
};

fn round_trip<T: TypedMessage + PartialEq + Debug + Clone>(value: T) -> Message {
    let msg = value.clone().into_message(77);
    assert_eq!(msg.tid, 77);
    assert_eq!(T::from_message(&msg).unwrap(), value);
    msg
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn fsid() -> Fsid {
    Fsid(*b"0123456789abcdef")
}

fn pg() -> PgId {
    PgId { pool: PoolId(3), seed: 0x1f }
}

fn an_op() -> OsdOp {
    OsdOp {
        head: OsdOpHead {
            pgid: ShardedPgId::replicated(pg()),
            hash: 0x7fc1f406,
            epoch: Epoch(12),
            flags: osd_op::flag::ONDISK | osd_op::flag::WRITE,
        },
        reqid: ReqId::default(),
        client_inc: 0,
        mtime: UTime { sec: 1, nsec: 2 },
        locator: ObjectLocator::new(PoolId(3), "ns"),
        name: "foo".into(),
        ops: vec![
            Op::set_alloc_hint(4096, 4096),
            Op::write(0, Bytes::from_static(b"data")),
            Op::set_xattr(b"k", b"value"),
        ],
        snap: SnapId::HEAD,
        snapc: SnapContext { seq: 4, snaps: vec![4, 2] },
        retry_attempt: 0,
        features: types::features::PACIFIC,
    }
}

#[test]
fn mosdop_has_the_layout_of_version_8() {
    let msg = round_trip(an_op());
    assert_eq!((msg.kind, msg.version, msg.compat), (42, 8, 3));
    let head = "010112000000" // spg_t
        .to_owned()
        + "0103000000000000001f000000ffffffff" // pg_t
        + "ff" // shard
        + "06f4c17f" // hash
        + "0c000000" // epoch
        + "24000000" // flags
        + "020215000000" // osd_reqid_t
        + &"00".repeat(21 + 24) // zero reqid, trace
        + "00000000" // client_inc
        + "0100000002000000"; // mtime
    assert!(hex(&msg.front).starts_with(&head));
    assert_eq!(msg.data.to_bytes(), &b"datakvalue"[..]);
    // locator 6+34 with a two-byte namespace, name 4+3, count 2, operations, snapid 8, context
    // 8+4+16, retry 4, features 8
    let size = head.len() / 2 + 6 + 8 + 4 + 4 + (4 + 2) + 8 + 7 + 2 + 3 * OP_SIZE + 8 + 28 + 12;
    assert_eq!(msg.front.len(), size);
    assert_eq!(OsdOpHead::peek(&msg).unwrap(), an_op().head);
}

#[test]
fn an_operation_is_38_bytes_with_its_arguments_in_place() {
    let mut out = Vec::new();
    let op = Op::write(0x1122, Bytes::from_static(b"data"));
    op.encode_with(4, &mut out);
    assert_eq!(
        hex(&out),
        "0122".to_owned()
            + "00000000"
            + "2211000000000000"
            + "0400000000000000"
            + &"00".repeat(12)
            + "04000000"
    );
    let call = Op::call("lock", "unlock", b"in");
    assert_eq!(call.args[..7], [4, 6, 0, 2, 0, 0, 0]);
    assert_eq!(&call.input[..], b"lockunlockin");
}

#[test]
fn operations_mean_what_was_asked() {
    let b = Bytes::from_static;
    let extent = |offset, length| super::op::Extent { offset, length, ..Default::default() };
    let cases = [
        (Op::read(1, 2), OpRequest::Read(extent(1, 2))),
        (Op::write(5, b(b"ab")), OpRequest::Write { extent: extent(5, 2), data: b(b"ab") }),
        (Op::create(true), OpRequest::Create { exclusive: true }),
        (Op::set_xattr(b"n", b"v"), OpRequest::SetXattr { name: b(b"n"), value: b(b"v") }),
        (
            Op::cmp_xattr(b"n", 1, 2, b"v"),
            OpRequest::CmpXattr { name: b(b"n"), value: b(b"v"), op: 1, mode: 2 },
        ),
        (
            Op::omap_get_vals(b"a", b"p", 9),
            OpRequest::OmapGetVals { start_after: b(b"a"), max: 9, prefix: b(b"p") },
        ),
        (
            Op::omap_set_vals(&[(b(b"k"), b(b"v"))]),
            OpRequest::OmapSetVals { pairs: vec![(b(b"k"), b(b"v"))] },
        ),
        (Op::omap_rm_keys(&[b(b"k")]), OpRequest::OmapRmKeys { keys: vec![b(b"k")] }),
        (
            Op::call("c", "m", b"i"),
            OpRequest::Call { class: b(b"c"), method: b(b"m"), input: b(b"i") },
        ),
        (
            Op::watch(7, 3, 2, 30),
            OpRequest::Watch { cookie: 7, op: 3, generation: 2, timeout_sec: 30 },
        ),
        (
            Op::pgnls(100, 5, &HObject::max()),
            OpRequest::Pgnls { count: 100, start_epoch: 5, cursor: HObject::max() },
        ),
        (Op::assert_version(8), OpRequest::AssertVersion { version: 8 }),
        (Op::new(OpCode(0x7777)), OpRequest::Other(OpCode(0x7777))),
    ];
    for (op, request) in cases {
        assert_eq!(op.request().unwrap(), request);
    }
    let mut short = Op::set_xattr(b"name", b"v");
    short.input.truncate(2);
    assert!(short.request().is_err());
}

#[test]
fn modes_come_from_the_code() {
    assert!(OpCode::READ.is_read() && !OpCode::READ.is_write());
    assert!(OpCode::WRITE.is_write() && !OpCode::WRITE.is_read());
    assert!(OpCode::TMAPUP.is_write() && OpCode::TMAPUP.is_read());
    assert!(!OpCode::CALL.is_read() && !OpCode::CALL.is_write());
    assert!(OpCode::PGNLS.is_pg_op() && OpCode::CACHE_FLUSH.is_cache());
}

#[test]
fn replies_round_trip() {
    let output = Data::from(Bytes::from_static(b"abcd"));
    let outcomes =
        vec![Outcome { result: 0, output }, Outcome { result: -2, output: Data::default() }];
    let reply = OsdOpReply {
        name: "foo".into(),
        pg: pg(),
        flags: 5,
        result: -2,
        bad_replay_version: EVersion { epoch: 3, version: 9 },
        epoch: Epoch(3),
        ops: vec![Op::read(0, 4), Op::stat()],
        outcomes,
        retry_attempt: 1,
        replay_version: EVersion { epoch: 3, version: 9 },
        user_version: 9,
    };
    let room = reply.front_room();
    let msg = round_trip(reply.clone());
    assert_eq!((msg.kind, msg.version, msg.compat), (43, 8, 2));
    assert_eq!(msg.data.len(), 4);
    let size = 7 + 17 + 8 + 4 + 12 + 4 + 4 + 2 * OP_SIZE + 4 + 2 * 4 + 12 + 8 + 1 + 24;
    assert_eq!((msg.front.len(), room), (size, size));
    let told = |outcomes: Vec<Outcome>| {
        let msg = OsdOpReply { outcomes, ..reply.clone() }.into_message(77);
        (msg.front.clone(), OsdOpReply::from_message(&msg).unwrap().outcomes)
    };
    let (few, all) = (vec![reply.outcomes[0].clone()], reply.outcomes[0].clone());
    assert_eq!(told(few).1, [all, Outcome::default()]);
    assert_eq!(told(Vec::new()), told(vec![Outcome::default(); 2]));
}

#[test]
fn pool_statistics_have_the_size_of_pacific() {
    // object_stat_sum_t: 36 u64 and 4 i32; store_statfs_t: 10 u64.
    let stat = PoolStat::default();
    let sum = 6 + 36 * 8 + 4 * 4;
    assert_eq!(types::Encode::to_vec(&stat).len(), 6 + (6 + sum + 4) + 16 + 8 + (6 + 80) + 4);
    let reply = PoolStatsReply {
        fsid: fsid(),
        stats: BTreeMap::from([("rbd".to_owned(), stat)]),
        per_pool: true,
    };
    round_trip(reply);
}

#[test]
fn an_empty_mgr_map_is_version_12() {
    let msg = round_trip(MgrMapUpdate::default());
    assert_eq!(hex(&msg.front[..2]), "0c06");
    // epoch, empty addrvec, gid, available, name, 4 counts, stamp, count, features, epoch, 2 counts
    assert_eq!(msg.front.len(), 6 + 4 + 5 + 8 + 1 + 4 + 16 + 8 + 4 + 8 + 4 + 8);
}

#[test]
fn monitor_messages_round_trip() {
    assert_eq!(hex(&round_trip(Ping).front), "");
    round_trip(MonGetMap);
    round_trip(MonMapUpdate { monmap: Bytes::from_static(b"map") });
    let statfs = round_trip(Statfs { version: 0, fsid: fsid(), pool: None });
    assert_eq!(hex(&statfs.front[..18]), "0000000000000000ffff0000000000000000");
    assert_eq!(statfs.front.len(), 18 + 16 + 1);
    round_trip(Statfs { version: 5, fsid: fsid(), pool: Some(PoolId(4)) });
    round_trip(StatfsReply { fsid: fsid(), kb: 4, ..Default::default() });
    let what = BTreeMap::from([
        ("config".to_owned(), SubscribeItem::default()),
        ("osdmap".to_owned(), SubscribeItem { start: 9, once: true }),
    ]);
    round_trip(Subscribe { what, hostname: "h".into() });
    round_trip(SubscribeAck { interval_sec: 300, fsid: fsid() });
    round_trip(Auth { protocol: 2, payload: Bytes::from_static(b"p"), monmap_epoch: Epoch(1) });
    round_trip(AuthReply {
        protocol: 2,
        result: -13,
        global_id: 7,
        payload: Bytes::new(),
        text: "no".into(),
    });
    round_trip(GetVersion { handle: 1, what: "osdmap".into() });
    round_trip(GetVersionReply { handle: 1, newest: 9, oldest: 1 });
    round_trip(LogAck { fsid: fsid(), last: 4, channel: "cluster".into() });
    let entry = LogEntry {
        name_kind: 8,
        name_id: "admin".into(),
        rank: EntityName::client(4),
        addrs: EntityAddrVec::default(),
        stamp: UTime { sec: 1, nsec: 0 },
        seq: 1,
        priority: 1,
        text: "t".into(),
        channel: "cluster".into(),
    };
    round_trip(Log { fsid: fsid(), entries: vec![entry] });
    let cmd = vec!["{\"prefix\": \"status\"}".to_owned()];
    let input = Data::from(Bytes::from_static(b"input"));
    round_trip(MonCommand { fsid: fsid(), cmd: cmd.clone(), input: input.clone() });
    round_trip(Command { fsid: fsid(), cmd: cmd.clone(), input: input.clone() });
    round_trip(CommandReply { result: -22, status: "s".into(), output: input.clone() });
    round_trip(MonCommandAck { version: 1, result: 0, status: "".into(), cmd, output: input });
    round_trip(PoolOp {
        version: 0,
        fsid: fsid(),
        pool: PoolId(1),
        op: pool::pool_op::CREATE_SNAP,
        snap: 0,
        name: "s".into(),
        crush_rule: -1,
    });
    for response in [None, Some(Bytes::from_static(b"12345678"))] {
        round_trip(PoolOpReply { fsid: fsid(), result: 0, epoch: Epoch(3), response });
    }
    round_trip(GetPoolStats { version: 0, fsid: fsid(), pools: vec!["a".into()] });
    let map = |e| (Epoch(e), Bytes::from_static(b"m"));
    round_trip(OsdMapUpdate {
        fsid: fsid(),
        incrementals: BTreeMap::from([map(3), map(4)]),
        fulls: BTreeMap::from([map(2)]),
        oldest: Epoch(1),
        newest: Epoch(9),
    });
    round_trip(Backoff {
        pgid: ShardedPgId::replicated(pg()),
        epoch: Epoch(1),
        op: Backoff::BLOCK,
        id: 5,
        begin: HObject::min(),
        end: HObject::max(),
    });
    round_trip(WatchNotify {
        opcode: 1,
        cookie: 2,
        version: 3,
        notify_id: 4,
        payload: Bytes::from_static(b"p"),
        return_code: 0,
        notifier_gid: 5,
        data: Data::default(),
    });
}

#[test]
fn our_own_messages_round_trip() {
    let space = Space { total: 3, used: 1, available: 2 };
    round_trip(OsdBoot {
        osd: OsdId(1),
        uuid: fsid(),
        public_addrs: EntityAddrVec::default(),
        cluster_addrs: EntityAddrVec::default(),
        shard_addrs: vec![EntityAddrVec::default(); 2],
        epoch: Epoch(4),
        features: 5,
        store_shards: 8,
        space,
        hostname: "h".into(),
        version: "v".into(),
        device_class: "nvme".into(),
    });
    round_trip(OsdFailure {
        target: OsdId(1),
        reporter: OsdId(2),
        epoch: Epoch(3),
        failed_for_ms: 20_000,
        alive: true,
        target_up_from: Epoch(2),
    });
    let stat = PgStat {
        pgid: pg(),
        state: internal::pg_state::ACTIVE,
        state_since_sec: 5,
        version: EVersion { epoch: 1, version: 2 },
        reported_epoch: Epoch(3),
        reported_sequence: 4,
        last_clean_epoch: Epoch(2),
        interval_first: Epoch(1),
        log_entries: 10,
        up: vec![OsdId(1), OsdId(2)],
        acting: vec![OsdId(2)],
        up_primary: Some(OsdId(1)),
        acting_primary: None,
        sum: ObjectStatSum { num_objects: 4, num_wr: 7, ..Default::default() },
        stored_bytes: 4096,
    };
    round_trip(OsdStats {
        osd: OsdId(1),
        epoch: Epoch(3),
        up_from: Epoch(2),
        sequence: 9,
        space,
        commit_latency_us: 10,
        apply_latency_us: 5,
        pgs: vec![stat],
        slow: internal::SlowOps { count: 3, oldest: std::time::Duration::from_millis(31_500) },
    });
    let keys = vec![internal::RotatingKey {
        id: 3,
        key: Bytes::from_static(b"key"),
        expires: UTime { sec: 4, nsec: 5 },
    }];
    round_trip(internal::RotatingKeysReply { service: 4, keys });
    let pgs = vec![(pg(), vec![OsdId(4)])];
    round_trip(internal::PgTemp { osd: OsdId(1), epoch: Epoch(2), pgs });
}

#[test]
fn newer_messages_are_refused_and_other_kinds_too() {
    let mut msg = GetVersion { handle: 1, what: "x".into() }.into_message(0);
    msg.compat = 2;
    assert!(matches!(GetVersion::from_message(&msg), Err(DecodeError::TooNew { .. })));
    msg.compat = 1;
    assert!(matches!(GetVersionReply::from_message(&msg), Err(DecodeError::Invalid { .. })));
    let mut old = an_op().into_message(0);
    old.version = 7;
    assert!(OsdOp::from_message(&old).is_err());
}

/// Decodes `msg` as everything that could have its front.
fn decode_all(msg: &Message) {
    macro_rules! each {
        ($($t:ty),*) => {$({
            let mut msg = msg.clone();
            (msg.kind, msg.version, msg.compat) = (<$t>::KIND, <$t>::VERSION, <$t>::COMPAT);
            let _ = <$t>::from_message(&msg);
        })*};
    }
    each!(
        MonMapUpdate,
        Statfs,
        StatfsReply,
        Subscribe,
        Auth,
        AuthReply,
        GetVersion,
        GetVersionReply,
        Log,
        LogAck,
        MonCommand,
        MonCommandAck,
        Command,
        CommandReply,
        PoolOp,
        PoolOpReply,
        GetPoolStats,
        PoolStatsReply,
        OsdMapUpdate,
        OsdOpReply,
        WatchNotify,
        Backoff,
        ConfigUpdate,
        MgrMapUpdate,
        OsdBoot,
        OsdFailure,
        OsdStats,
        internal::RotatingKeysReply,
        internal::PgTemp,
        peer::Heartbeat,
        peer::OsdCores
    );
    let mut op = msg.clone();
    (op.kind, op.version, op.compat) = (kind::OSD_OP, 8, 3);
    if let Ok(op) = OsdOp::from_message(&op) {
        op.ops.iter().for_each(|op| drop(op.request()));
    }
    let _ = ListReply::from_slice(&msg.front);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_messages_do_not_panic(at in 0usize..4096, value: u8, cut in 0usize..4096) {
        let boot = OsdFailure {
            target: OsdId(1),
            reporter: OsdId(2),
            epoch: Epoch(3),
            failed_for_ms: 4,
            alive: false,
            target_up_from: Epoch(5),
        };
        for msg in [
            an_op().into_message(1),
            boot.into_message(1),
            MgrMapUpdate::default().into_message(1),
        ] {
            let mut front = msg.front.to_vec();
            let len = front.len();
            front[at % len] = value;
            front.truncate(len - cut % len);
            decode_all(&Message { front: front.into(), ..msg });
        }
    }

    #[test]
    fn noise_does_not_panic(front in proptest::collection::vec(any::<u8>(), 0..300)) {
        decode_all(&Message { front: front.into(), ..Message::default() });
    }
}
