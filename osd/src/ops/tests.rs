//! Rules that librados' interface does not reach, so that the transcript cannot show them.

use super::copy::{Copied, CopiedObject};
use super::op::{Op, OpCode};
use super::replay::{Memory, message};
use super::*;
use messenger::messages::op::cmp_op;
use types::PoolId;
use types::enc::put_blob;

fn target() -> HObject {
    HObject::head(PoolId(1), "", "", "o")
}

struct Object {
    memory: Memory,
    version: u64,
}

impl Object {
    fn new() -> Self {
        Self { memory: Memory::default(), version: 0 }
    }
    fn with(data: &'static str) -> Self {
        let mut object = Self::new();
        assert_eq!(object.run(vec![Op::write_full(data.into())]).result, 0);
        object
    }
    fn execute(&mut self, request: &OpRequest) -> Execution {
        let done = execute(request, &self.memory, &Limits::default()).expect("all data is there");
        if let Disposition::Write(mutation) = done.disposition.clone() {
            self.version += 1;
            let at = EVersion { epoch: 1, version: self.version };
            let finished = mutation.finish(at, 0, ReqId::default(), UTime::default());
            self.memory.apply(finished.changes);
        }
        done
    }
    fn run(&mut self, ops: Vec<Op>) -> Execution {
        self.execute(&message(&target(), ops))
    }
    fn data(&self) -> &str {
        std::str::from_utf8(&self.memory.object.as_ref().unwrap().data).unwrap()
    }
}

fn output(done: &Execution, index: usize) -> Vec<u8> {
    done.ops[index].output.iter().fold(Vec::new(), |mut all, piece| {
        match piece {
            Piece::Bytes(bytes) => all.extend_from_slice(bytes),
            Piece::Object(range) => panic!("{range:?} is not read yet"),
        }
        all
    })
}

fn truncated(mut op: Op, size: u64, seq: u32) -> Op {
    op.args[16..24].copy_from_slice(&size.to_le_bytes());
    op.args[24..28].copy_from_slice(&seq.to_le_bytes());
    op
}

#[test]
fn a_write_with_a_newer_truncation_cuts_first_and_one_with_an_older_does_not_grow() {
    let mut object = Object::with("0123456789");
    object.run(vec![truncated(Op::write(6, "x".into()), 4, 5)]);
    assert_eq!(object.data(), "0123\0\0x");
    object.run(vec![truncated(Op::write(5, "abcdef".into()), 0, 3)]);
    assert_eq!(object.data(), "0123\0ab");
    // 1 at -1 says that there never was a truncation; it is older than 5, too.
    object.run(vec![truncated(Op::write(6, "yz".into()), u64::MAX, 1)]);
    assert_eq!(object.data(), "0123\0ay");
}

#[test]
fn a_truncation_that_is_not_newer_does_nothing_and_a_read_may_know_of_a_newer_one() {
    let mut object = Object::with("0123456789");
    let cut = |size, seq| truncated(Op::truncate(size), size, seq);
    object.run(vec![cut(8, 2)]);
    assert_eq!(object.data(), "01234567");
    assert!(matches!(object.run(vec![cut(1, 2)]).disposition, Disposition::LogOnly));
    assert_eq!(object.data(), "01234567");
    let torn = truncated(Op::truncate(3), 5, 9);
    assert_eq!(object.run(vec![torn]).result, errno::EINVAL);
    let read = |size, seq| truncated(Op::read(2, 100), size, seq);
    let ranges = |done: Execution| done.ops[0].output.clone();
    let piece = |len| vec![Piece::Object(DataRange { offset: 2, len })];
    assert_eq!(ranges(object.run(vec![read(4, 3)])), piece(2));
    assert_eq!(ranges(object.run(vec![read(4, 2)])), piece(6));
}

#[test]
fn zeroing_nothing_is_refused() {
    let mut object = Object::with("abc");
    assert_eq!(object.run(vec![Op::zero(0, 0)]).result, errno::EINVAL);
    assert_eq!(object.data(), "abc");
}

#[test]
fn messages_are_checked_before_any_op_runs() {
    let refused = |request: &OpRequest, result: i32| {
        let done = Object::with("abc").execute(request);
        assert!(matches!(done.disposition, Disposition::Refused));
        assert_eq!(done.result, result);
    };
    let write = || vec![Op::write_full("x".into())];
    let mut snap = message(&target(), write());
    snap.snap = SnapId(4);
    refused(&snap, errno::EINVAL);
    snap = message(&target(), write());
    snap.snap_context = SnapContext { seq: 4, snaps: vec![4] };
    refused(&snap, errno::EOPNOTSUPP);
    refused(&message(&target(), vec![Op::new(OpCode::LIST_SNAPS)]), errno::EINVAL);
    let mut directory = message(&target(), vec![Op::stat()]);
    directory.snap = SnapId::DIR;
    refused(&directory, errno::EINVAL);
    refused(&message(&target(), vec![]), errno::EINVAL);
    refused(&message(&target(), vec![Op::call("lock", "lock", b"")]), errno::EOPNOTSUPP);
    refused(&message(&HObject::head(PoolId(1), "", "", ""), write()), errno::EINVAL);
    let half = Bytes::from(vec![0; 46 << 20]);
    let large = vec![Op::write(0, half.clone()), Op::write(0, half)];
    refused(&message(&target(), large), errno::EMSGSIZE);
}

#[test]
fn an_unknown_op_stops_the_message() {
    let mut object = Object::with("abc");
    let done = object.run(vec![Op::append("d".into()), Op::new(OpCode::RESETXATTRS)]);
    assert_eq!(done.result, errno::EOPNOTSUPP);
    assert_eq!(done.ops[1].rval, errno::EOPNOTSUPP);
    assert!(matches!(done.disposition, Disposition::LogOnly));
    assert_eq!(object.data(), "abc");
}

#[test]
fn dirty_is_cleared_without_a_new_user_version() {
    let mut object = Object::with("abc");
    let dirty = |object: &mut Object| output(&object.run(vec![Op::new(OpCode::IS_DIRTY)]), 0);
    assert_eq!(dirty(&mut object), [1]);
    object.run(vec![Op::new(OpCode::UNDIRTY)]);
    assert_eq!(dirty(&mut object), [0]);
    let info = object.memory.state().unwrap().unwrap().info;
    assert_eq!((info.version.version, info.user_version), (2, 1));
    object.run(vec![Op::append("d".into())]);
    assert_eq!(dirty(&mut object), [1]);
}

#[test]
fn outputs_of_a_write_are_returned_only_on_request_and_only_if_small() {
    let mut object = Object::with("abc");
    let ops = || vec![Op::read(1, 2), Op::append("d".into())];
    let done = object.run(ops());
    assert!(done.ops[0].output.is_empty());
    let mut request = message(&target(), ops());
    request.flags = RETURN_VEC;
    // The bytes are taken before the change.
    assert_eq!(output(&object.execute(&request), 0), b"bc");
    object.run(vec![Op::write_full(vec![b'x'; 100].into())]);
    request.ops[0] = Op::read(0, 65);
    let done = object.execute(&request);
    assert_eq!((done.result, done.ops[0].rval), (errno::EOVERFLOW, errno::EOVERFLOW));
    assert_eq!(object.data().len(), 100);
}

#[test]
fn data_that_is_not_at_hand_is_asked_for_and_nothing_changes() {
    struct Absent<'a>(&'a Memory);
    impl ObjectReader for Absent<'_> {
        fn state(&self) -> Result<Option<ObjectState>, Miss> {
            self.0.state()
        }
        fn xattr(&self, name: &[u8]) -> Result<Option<Bytes>, Miss> {
            self.0.xattr(name)
        }
        fn xattrs(&self) -> Result<Vec<(Bytes, Bytes)>, Miss> {
            self.0.xattrs()
        }
        fn omap_header(&self) -> Result<Bytes, Miss> {
            self.0.omap_header()
        }
        fn omap_get(&self, key: &[u8]) -> Result<Option<Bytes>, Miss> {
            self.0.omap_get(key)
        }
        fn omap_scan(
            &self,
            after: Option<&[u8]>,
            prefix: &[u8],
            visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
        ) -> Result<(), Miss> {
            self.0.omap_scan(after, prefix, visit)
        }
        fn data(&self, range: DataRange) -> Result<Bytes, NeedData> {
            Err(NeedData { ranges: vec![range] })
        }
    }
    let object = Object::with("abcdef");
    let run = |ops| execute(&message(&target(), ops), &Absent(&object.memory), &Limits::default());
    let need = run(vec![Op::append("g".into()), Op::cmpext(2, "cd".into())]).unwrap_err();
    let ranges = vec![DataRange { offset: 2, len: 2 }];
    assert_eq!(need, Need::Data(NeedData { ranges }));
    // A read alone does not need its bytes: the caller reads them into the reply.
    assert!(run(vec![Op::read(0, 0)]).is_ok());
}

/// An object whose n-th access to metadata misses.
struct Missing<'a> {
    memory: &'a Memory,
    accesses_left: std::cell::Cell<u32>,
}

impl Missing<'_> {
    fn access(&self) -> Result<(), Miss> {
        match self.accesses_left.get() {
            0 => Err(Miss::for_tests(7)),
            left => {
                self.accesses_left.set(left - 1);
                Ok(())
            }
        }
    }
}

impl ObjectReader for Missing<'_> {
    fn state(&self) -> Result<Option<ObjectState>, Miss> {
        self.access()?;
        self.memory.state()
    }
    fn xattr(&self, name: &[u8]) -> Result<Option<Bytes>, Miss> {
        self.access()?;
        self.memory.xattr(name)
    }
    fn xattrs(&self) -> Result<Vec<(Bytes, Bytes)>, Miss> {
        self.access()?;
        self.memory.xattrs()
    }
    fn omap_header(&self) -> Result<Bytes, Miss> {
        self.access()?;
        self.memory.omap_header()
    }
    fn omap_get(&self, key: &[u8]) -> Result<Option<Bytes>, Miss> {
        self.access()?;
        self.memory.omap_get(key)
    }
    /// Visits the first pair before it misses.
    fn omap_scan(
        &self,
        after: Option<&[u8]>,
        prefix: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Miss> {
        let missed = self.access();
        self.memory.omap_scan(after, prefix, &mut |k, v| visit(k, v) && missed.is_ok())?;
        missed
    }
    fn data(&self, range: DataRange) -> Result<Bytes, NeedData> {
        self.memory.data(range)
    }
}

/// What the store would refuse later, on every copy, is refused before anybody has it.
#[test]
fn omaps_hold_no_longer_keys_and_values_than_the_store_takes() {
    let mut object = Object::with("abc");
    let (key, value) = (seastore::OMAP_KEY_BYTES_MAX, seastore::VALUE_BYTES_MAX);
    let of = |len: usize| Bytes::from(vec![b'x'; len]);
    let set = |key, value| vec![Op::omap_set_vals(&[(of(key), of(value))])];
    let header = |len| {
        let mut op = Op::new(OpCode::OMAP_SET_HEADER);
        op.input = of(len);
        vec![op]
    };
    assert_eq!(object.run(set(key, value)).result, 0);
    assert_eq!(object.run(header(value)).result, 0);
    assert_eq!(object.run(set(key + 1, 1)).result, errno::ENAMETOOLONG);
    assert_eq!(object.run(set(1, value + 1)).result, errno::EFBIG);
    assert_eq!(object.run(header(value + 1)).result, errno::EFBIG);
}

/// What one small message makes of others' memory, or of the store's, is bounded.
#[test]
fn a_small_message_neither_reads_nor_writes_more_than_one_message_can_carry() {
    let mut object = Object::with("abc");
    let limits = Limits::default();
    let beyond = limits.object_size_bytes_max + 1;
    let grown = truncated(Op::write(0, "x".into()), beyond, 5);
    assert_eq!(object.run(vec![grown]).result, errno::EFBIG);
    let value = Bytes::from(vec![1; seastore::VALUE_BYTES_MAX + 1]);
    assert_eq!(object.run(vec![Op::set_xattr(b"k", &value)]).result, errno::EFBIG);
    assert_eq!(object.run(vec![Op::set_xattr(b"k", &value[1..])]).result, 0);
    let mut same = Op::new(OpCode::WRITE_SAME);
    let len = limits.write_bytes_max / 2;
    same.args[8..16].copy_from_slice(&len.to_le_bytes());
    same.args[16..24].copy_from_slice(&1u64.to_le_bytes());
    same.input = "x".into();
    let done = object.run(vec![same.clone(); 3]);
    assert_eq!(done.result, errno::EMSGSIZE);
    assert!(matches!(done.disposition, Disposition::Refused));
    assert_eq!(object.run(vec![same; 2]).result, 0);
    let reads = |count: usize| vec![Op::read(0, len); count];
    let fits = (limits.read_bytes_max / len) as usize;
    assert_eq!(object.run(reads(fits)).result, 0);
    assert_eq!(object.run(reads(fits + 1)).result, errno::EMSGSIZE);
}

/// Whichever access misses, the message ends there and asks for that.
#[test]
fn metadata_that_are_not_at_hand_are_asked_for() {
    let mut object = Object::with("abc");
    let pairs = |keys: &[&str]| -> Vec<(Bytes, Bytes)> {
        keys.iter().map(|k| (Bytes::copy_from_slice(k.as_bytes()), Bytes::new())).collect()
    };
    object.run(vec![Op::set_xattr(b"x", b"1"), Op::omap_set_vals(&pairs(&["a", "b", "c"]))]);
    let copy_get = |omap: bool| {
        let mut op = Op::new(OpCode::COPY_GET);
        let cursor = copy::CopyCursor { attr_complete: omap, ..Default::default() };
        let mut input = cursor.to_vec();
        (1u64 << 20).encode(&mut input);
        op.input = input.into();
        op
    };
    let mut omap_is_empty = Op::new(OpCode::OMAP_CMP);
    let mut input = 1u32.to_vec();
    put_blob(&mut input, b"a");
    put_blob(&mut input, b"");
    (cmp_op::EQ as u32).encode(&mut input);
    omap_is_empty.input = input.into();
    let keys = [Bytes::from_static(b"a"), Bytes::from_static(b"b")];
    // How many accesses each takes, that of the object's info included.
    let cases = [
        (1, vec![Op::stat()]),
        (2, vec![Op::get_xattr(b"x")]),
        (2, vec![Op::cmp_xattr(b"x", cmp_op::EQ, cmp_op::MODE_STRING, b"1")]),
        (2, vec![Op::get_xattrs()]),
        (2, vec![Op::omap_get_keys(b"", 10)]),
        (2, vec![Op::omap_get_vals(b"", b"", 10)]),
        (2, vec![Op::omap_get_header()]),
        (3, vec![Op::omap_get_vals_by_keys(&keys)]),
        (2, vec![omap_is_empty]),
        (4, vec![copy_get(false)]),
        (3, vec![copy_get(true)]),
        (3, vec![Op::get_xattr(b"x"), Op::append("d".into()), Op::omap_get_keys(b"", 9)]),
    ];
    for (accesses, ops) in cases {
        let request = message(&target(), ops);
        let run = |accesses| {
            let missing = Missing { memory: &object.memory, accesses_left: accesses };
            execute(&request, &missing, &Limits::default())
        };
        for n in 0..accesses {
            let asked = run(std::cell::Cell::new(n)).expect_err("it ends at the access");
            assert_eq!(asked, Need::Metadata(Miss::for_tests(7)), "access {n} of {request:?}");
        }
        let done = run(std::cell::Cell::new(accesses)).expect("all is at hand");
        let whole = execute(&request, &object.memory, &Limits::default()).unwrap();
        assert_eq!((done.result, done.ops), (whole.result, whole.ops));
    }
}

#[test]
fn sparse_reads_and_maps_name_their_extents() {
    let mut object = Object::with("abcdef");
    let at = |code| {
        let mut op = Op::read(1, 100);
        op.code = code;
        op
    };
    let done = object.run(vec![at(OpCode::MAPEXT), at(OpCode::SPARSE_READ)]);
    let mut map = 1u32.to_vec();
    1u64.encode(&mut map);
    5u64.encode(&mut map);
    assert_eq!(output(&done, 0), map);
    5u32.encode(&mut map);
    let data = Piece::Object(DataRange { offset: 1, len: 5 });
    assert_eq!(done.ops[1].output, [Piece::Bytes(map.into()), data]);
    assert_eq!(done.ops[1].output_len(), 20 + 4 + 5);
}

#[test]
fn copies_replace_the_object_and_fail_as_their_source_does() {
    let mut object = Object::with("old");
    let locator = types::ObjectLocator::new(PoolId(1), "");
    let itself = Op::copy_from("o", &locator, 0);
    assert_eq!(object.run(vec![itself]).result, errno::EINVAL);
    object.run(vec![Op::set_xattr(b"old", b"1")]);
    let request = message(&target(), vec![Op::copy_from("s", &locator, 9)]);
    let need = execute(&request, &object.memory, &Limits::default()).unwrap_err();
    assert!(matches!(need, Need::Copy { op_index: 0, source } if source.version == 9));
    object.memory.copied.insert(0, Copied::Failed(errno::ENOENT));
    let done = object.execute(&request);
    assert_eq!(done.result, errno::ENOENT);
    assert!(matches!(done.disposition, Disposition::Refused));
    let copied = CopiedObject {
        user_version: 70,
        data: vec!["new".into(), "er".into()],
        omap_header: "h".into(),
        ..CopiedObject::default()
    };
    object.memory.copied.insert(0, Copied::Object(copied));
    assert_eq!(object.execute(&request).result, 0);
    assert_eq!(object.data(), "newer");
    let info = object.memory.state().unwrap().unwrap().info;
    assert_eq!((info.user_version, info.has_omap), (70, true));
    assert!(object.memory.xattr(b"_old").unwrap().is_none());
    // User versions go on from the copied one, however low the PG's versions are.
    object.run(vec![Op::append("!".into())]);
    assert_eq!(object.memory.state().unwrap().unwrap().info.user_version, 71);
}

#[test]
fn trivial_maps_are_kept_sorted_and_become_omap() {
    let command = |letter: u8, key: &str, value: Option<&str>| {
        let mut out = vec![letter];
        key.encode(&mut out);
        if let Some(value) = value {
            value.encode(&mut out);
        }
        out
    };
    let update = |parts: &[Vec<u8>]| {
        let mut op = Op::new(OpCode::TMAPUP);
        op.input = parts.concat().into();
        op
    };
    let mut object = Object::new();
    let set =
        [command(b's', "b", Some("2")), command(b'h', "head", None), command(b'c', "a", Some("1"))];
    assert_eq!(object.run(vec![update(&set)]).result, 0);
    assert_eq!(object.run(vec![update(&[command(b'c', "a", Some("9"))])]).result, errno::EEXIST);
    assert_eq!(object.run(vec![update(&[command(b'r', "c", None)])]).result, errno::ENOENT);
    assert_eq!(object.run(vec![update(&[vec![b's', 200]])]).result, errno::EINVAL);
    assert_eq!(
        object.run(vec![update(&[command(b'R', "c", None), command(b'r', "b", None)])]).result,
        0
    );
    assert_eq!(object.run(vec![Op::new(OpCode::TMAP2OMAP)]).result, 0);
    let stored = object.memory.object.as_ref().unwrap();
    assert_eq!((stored.omap_header.as_ref(), stored.data.len()), (&b"head"[..], 0));
    assert_eq!(stored.omap, [("a".into(), "1".into())].into());
    assert_eq!(object.run(vec![Op::new(OpCode::TMAP2OMAP)]).result, errno::ENODATA);
}

#[test]
fn clients_cannot_reach_the_object_info() {
    let mut object = Object::with("abc");
    assert_eq!(object.run(vec![Op::set_xattr(b"", b"x")]).result, errno::EINVAL);
    assert_eq!(object.run(vec![Op::rm_xattr(b"")]).result, errno::EINVAL);
    assert_eq!(object.run(vec![Op::get_xattr(b"")]).result, errno::ENODATA);
    assert_eq!(output(&object.run(vec![Op::get_xattrs()]), 0), [0; 4]);
}

#[test]
fn list_snaps_of_an_object_without_snapshots_names_its_head() {
    let mut object = Object::with("abc");
    let mut request = message(&target(), vec![Op::new(OpCode::LIST_SNAPS)]);
    request.snap = SnapId::DIR;
    let reply = output(&object.execute(&request), 0);
    assert_eq!(reply.len(), 6 + 4 + (6 + 8 + 4 + 4 + 8) + 8);
    assert_eq!(reply[16..24], (-2i64).to_le_bytes());
    assert_eq!(
        output(&object.run(vec![Op::new(OpCode::LIST_WATCHERS)]), 0),
        [1, 1, 4, 0, 0, 0, 0, 0, 0, 0]
    );
}

/// Whatever bytes come as arguments and input, the engine answers and stays within the object.
#[test]
fn arbitrary_ops_do_not_panic() {
    use proptest::prelude::*;
    let codes: Vec<u16> = (0x1201..0x122d).chain(0x2201..0x222e).chain(0x1301..0x1305).collect();
    let codes = [codes, (0x2301..0x2306).chain([0x320a, 0x3222, 0x821f]).collect()].concat();
    let edges = prop::sample::select(vec![u64::MAX, (128 << 20) - 1]);
    let small =
        (any::<u64>(), 0u64..20, edges, 0usize..3).prop_map(|(a, b, c, which)| [a, b, c][which]);
    let args = (small.clone(), small.clone(), small, any::<u32>()).prop_map(|(a, b, c, d)| {
        let mut args = [0u8; 28];
        for (at, n) in [(0, a), (8, b), (16, c)] {
            args[at..at + 8].copy_from_slice(&n.to_le_bytes());
        }
        args[24..].copy_from_slice(&(d % 3).to_le_bytes());
        args
    });
    let op = (prop::sample::select(codes), args, prop::collection::vec(0u8..12, 0..40), 0u32..3);
    let ops = prop::collection::vec(op, 1..4);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    runner
        .run(&ops, |ops| {
            let ops: Vec<Op> = ops
                .into_iter()
                .map(|(code, args, input, flags)| {
                    let mut op = Op::new(OpCode(code));
                    (op.args, op.flags, op.input) = (args, flags, input.into());
                    op
                })
                .collect();
            for object in [Object::new(), Object::with("abcdefgh")] {
                let request = message(&target(), ops.clone());
                let Ok(done) = execute(&request, &object.memory, &Limits::default()) else {
                    continue;
                };
                for piece in done.ops.iter().flat_map(|op| &op.output) {
                    if let Piece::Object(range) = piece {
                        prop_assert!(range.offset + range.len <= 8);
                    }
                }
            }
            Ok(())
        })
        .unwrap();
}
