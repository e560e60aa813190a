//! The fuzz targets on their committed seeds, plain and mutated. `UPDATE_SEEDS=1` records the seeds
//! of sessions and frames anew from two messengers that talk to each other, and adds those of messages
//! between OSDs that are not there.

#[path = "../fuzz/bodies.rs"]
mod bodies;
#[path = "../fuzz/harness.rs"]
mod harness;

use bytes::{Bytes, BytesMut};
use harness::{NOW, OneKey, connect, end};
use messenger::Message;
use messenger::messages::internal::OsdFailure;
use messenger::messages::peer::{Heartbeat, OsdCores, PeerMessage};
use messenger::messages::{MgrMapUpdate, MonCommand, Op, OsdOp, OsdOpHead, TypedMessage};
use rand_chacha::rand_core::RngCore;
use std::path::PathBuf;
use types::node::{ConnId, Effect, Input, recv_room};
use types::{
    Epoch, Fsid, ObjectLocator, OsdId, PgId, PoolId, ReqId, ShardedPgId, SnapContext, SnapId, UTime,
};

fn directory(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target)
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(directory(target)).expect("seeds are committed");
    let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a seed")).collect()
}

/// Runs `target` on each seed and on `rounds` mutations: bytes changed, cut out, doubled or joined.
fn run(target: impl Fn(&[u8]), seeds: &[Vec<u8>], rounds: usize) {
    assert!(!seeds.is_empty());
    let mut rng = harness::rng();
    seeds.iter().for_each(|seed| target(seed));
    for round in 0..rounds {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..1 + rng.next_u32() % 4 {
            if bytes.is_empty() {
                break;
            }
            let at = rng.next_u32() as usize % bytes.len();
            let to = (at + rng.next_u32() as usize % 64).min(bytes.len());
            match rng.next_u32() % 8 {
                0 => drop(bytes.drain(at..to)),
                1 => {
                    let copy = bytes[at..to].to_vec();
                    bytes.splice(at..at, copy);
                }
                2 => bytes.truncate(at),
                3 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][rng.next_u32() as usize % 5],
                _ => bytes[at] ^= 1 << (rng.next_u32() % 8),
            }
        }
        target(&bytes);
    }
}

/// Lets two messengers hold session `what` and returns the bytes of each direction.
fn record(what: u8) -> [Vec<u8>; 2] {
    let mut ends = [end(0), end(1)];
    let mut streams: [Vec<u8>; 2] = Default::default();
    let mut read = [0usize; 2];
    let mut lent: [Option<BytesMut>; 2] = Default::default();
    let mut conns = [ConnId(0), ConnId(ConnId::ACCEPTED)];
    let mut fx = Vec::new();
    conns[0] = connect(&mut ends[0], what, &mut fx);
    let (a, b) = ("10.0.0.1:5".parse().unwrap(), "10.0.0.2:6800".parse().unwrap());
    let mut inputs: Vec<(usize, Input<()>)> = vec![
        (0, Input::Connected { conn: conns[0], local: a, peer: b }),
        (1, Input::Accepted { conn: conns[1], local: b, peer: a }),
    ];
    let mut ready = 0;
    loop {
        for (side, input) in std::mem::take(&mut inputs) {
            let (mut events, mut fx) = (Vec::new(), Vec::new());
            ends[side].handle(NOW, input, &mut OneKey, &mut events, &mut fx);
            ready += harness::greet(&mut ends[side], &events, &mut fx) as u32;
            for effect in fx {
                match effect {
                    Effect::Recv { buf, .. } => lent[side] = Some(recv_room(buf, 4096)),
                    Effect::Send { bufs, .. } => {
                        bufs.iter().for_each(|b| streams[side].extend_from_slice(b))
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        for side in 0..2 {
            let from = &streams[1 - side];
            if read[side] < from.len()
                && let Some(mut buf) = lent[side].take()
            {
                let len = (buf.capacity() - buf.len()).min(from.len() - read[side]);
                buf.extend_from_slice(&from[read[side]..read[side] + len]);
                read[side] += len;
                inputs.push((side, Input::Received { conn: conns[side], buf }));
            }
        }
        if inputs.is_empty() {
            assert_eq!(ready, 2, "session {what}");
            return streams;
        }
    }
}

fn save(target: &str, name: &str, bytes: &[u8]) {
    std::fs::create_dir_all(directory(target)).expect("a directory");
    std::fs::write(directory(target).join(name), bytes).expect("a file");
}

#[test]
fn sessions() {
    let update = std::env::var_os("UPDATE_SEEDS").is_some();
    // Lossless sessions run between OSDs; a monitor answers them the same way here.
    for what in 0..6 {
        let [to_server, to_client] = record(what);
        if update {
            save("session", &format!("accept-{what}"), &[&[1, 2], &to_server[..]].concat());
            let dial = [&[what << 1, 2], &to_client[..]].concat();
            save("session", &format!("dial-{what}"), &dial);
            // After banner and HELLO the stream is frames.
            save("frame", &format!("frames-{what}"), &[&[0x7c], &to_server[26..]].concat());
        }
    }
    // Both ends are made from fixed seeds, so a recorded stream opens the session again.
    for (n, seed) in seeds("session").iter().enumerate() {
        assert_eq!(harness::session(seed), 3, "seed {n}");
    }
    let target = |bytes: &[u8]| {
        harness::session(bytes);
    };
    run(target, &seeds("session"), 4000);
}

#[test]
fn frames() {
    run(harness::frame, &seeds("frame"), 20_000);
}

#[test]
fn cephx() {
    run(harness::cephx, &seeds("cephx"), 4000);
}

/// The seeds were recorded when their kind was first written, and are read for as long as the
/// compatible version of these messages stays: by every later release.
#[test]
fn peers() {
    let recorded = |message: &Message, name: &str| {
        let path = directory("peer").join(name);
        if std::env::var_os("UPDATE_SEEDS").is_some() && !path.exists() {
            save("peer", name, &harness::peer_input(message));
        }
        harness::peer_message(&std::fs::read(path).expect(name)).expect(name)
    };
    for (n, body) in bodies::bodies().into_iter().enumerate() {
        let message = bodies::message(body);
        let encoded = message.encode();
        let name = format!("{n:02}-{:x}", encoded.kind);
        assert_eq!(PeerMessage::decode(&recorded(&encoded, &name)), Ok(message), "{name}");
    }
    let beat = Heartbeat { reply: true, epoch: Epoch(7), stamp: 99 };
    let seed = recorded(&beat.into_message(0), "heartbeat");
    assert_eq!(Heartbeat::from_message(&seed), Ok(beat));
    let cores = bodies::osd_cores();
    let seed = recorded(&cores.clone().into_message(0), "cores");
    assert_eq!(OsdCores::from_message(&seed), Ok(cores));
    run(harness::peer, &seeds("peer"), 40_000);
}

/// Requests of clients, monitors' answers and OSDs' reports, each read as every kind.
#[test]
fn messages() {
    let ops = vec![Op::write(0, Bytes::from_static(b"data")), Op::set_xattr(b"k", b"value")];
    let op = OsdOp {
        head: OsdOpHead {
            pgid: ShardedPgId::replicated(PgId { pool: PoolId(3), seed: 5 }),
            hash: 0x7fc1f406,
            epoch: Epoch(12),
            flags: 0x24,
        },
        reqid: ReqId::default(),
        client_inc: 0,
        mtime: UTime { sec: 1, nsec: 2 },
        locator: ObjectLocator::new(PoolId(3), "ns"),
        name: "foo".into(),
        ops,
        snap: SnapId::HEAD,
        snapc: SnapContext { seq: 4, snaps: vec![4, 2] },
        retry_attempt: 0,
        features: types::features::PACIFIC,
    };
    let failure = OsdFailure {
        target: OsdId(1),
        reporter: OsdId(2),
        epoch: Epoch(3),
        failed_for_ms: 4,
        alive: false,
        target_up_from: Epoch(5),
    };
    let command = MonCommand {
        fsid: Fsid([1; 16]),
        cmd: vec![r#"{"prefix": "osd pool create", "pool": "p"}"#.into()],
        input: Bytes::from_static(b"input").into(),
    };
    if std::env::var_os("UPDATE_SEEDS").is_some() {
        for (name, message) in [
            ("osd-op", op.into_message(1)),
            ("osd-failure", failure.into_message(1)),
            ("mon-command", command.into_message(1)),
            ("mgr-map", MgrMapUpdate::default().into_message(1)),
        ] {
            let input = harness::message_input(&message.front, &message.data.to_bytes());
            save("message", name, &input);
        }
    }
    run(harness::message, &seeds("message"), 4000);
}
