//! Replays the transcript of the real OSD (`testdata/differential.expected`, written by
//! `tests/differential.py`) against the engine over objects in memory.

use super::copy::Copied;
use super::op::{Op, OpCode};
use super::*;
use serde_json::Value;
use std::collections::BTreeMap;
use types::{Decode, EntityName, PoolId, Reader};

#[derive(Default, Clone)]
pub(super) struct MemoryObject {
    pub data: Vec<u8>,
    pub xattrs: BTreeMap<Bytes, Bytes>,
    pub omap: BTreeMap<Bytes, Bytes>,
    pub omap_header: Bytes,
}

/// An object that may not exist, and what copy-from ops were given.
#[derive(Default)]
pub(super) struct Memory {
    pub object: Option<MemoryObject>,
    pub copied: BTreeMap<usize, Copied>,
}

impl ObjectReader for Memory {
    fn state(&self) -> Result<Option<ObjectState>, Miss> {
        let Some(object) = &self.object else { return Ok(None) };
        let info = ObjectInfo::from_slice(&object.xattrs[info::INFO_XATTR]).unwrap();
        Ok(Some(ObjectState { info }))
    }
    fn xattr(&self, stored_name: &[u8]) -> Result<Option<Bytes>, Miss> {
        Ok(self.object.as_ref().and_then(|o| o.xattrs.get(stored_name)).cloned())
    }
    fn xattrs(&self) -> Result<Vec<(Bytes, Bytes)>, Miss> {
        let object = self.object.as_ref().unwrap();
        Ok(object.xattrs.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
    }
    fn omap_header(&self) -> Result<Bytes, Miss> {
        Ok(self.object.as_ref().unwrap().omap_header.clone())
    }
    fn omap_get(&self, key: &[u8]) -> Result<Option<Bytes>, Miss> {
        Ok(self.object.as_ref().and_then(|o| o.omap.get(key)).cloned())
    }
    fn omap_scan(
        &self,
        after: Option<&[u8]>,
        prefix: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Miss> {
        for (key, value) in &self.object.as_ref().unwrap().omap {
            let wanted = after.is_none_or(|after| &key[..] > after) && key.starts_with(prefix);
            if wanted && !visit(key, value) {
                break;
            }
        }
        Ok(())
    }
    fn data(&self, range: DataRange) -> Result<Bytes, NeedData> {
        let data = &self.object.as_ref().unwrap().data;
        let (from, to) = (range.offset as usize, (range.offset + range.len) as usize);
        assert!(to <= data.len(), "reads stay within the object");
        Ok(Bytes::copy_from_slice(&data[from..to]))
    }
    fn copied(&self, op_index: usize) -> Option<&Copied> {
        self.copied.get(&op_index)
    }
}

impl Memory {
    pub fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Remove => self.object = None,
                Change::Truncate { size } => self.made().data.resize(size as usize, 0),
                Change::Touch => drop(self.made()),
                Change::Write { offset, data } => {
                    let object = self.made();
                    let end = offset as usize + data.len();
                    if object.data.len() < end {
                        object.data.resize(end, 0);
                    }
                    object.data[offset as usize..end].copy_from_slice(&data);
                }
                Change::Zero { offset, len } => {
                    self.made().data[offset as usize..(offset + len) as usize].fill(0);
                }
                Change::SetXattr { name, value } => {
                    self.made().xattrs.insert(name, value);
                }
                Change::RemoveXattr { name } => {
                    self.made().xattrs.remove(&name);
                }
                Change::OmapSet { pairs } => self.made().omap.extend(pairs),
                Change::OmapRemove { keys } => {
                    keys.iter().for_each(|key| drop(self.made().omap.remove(key)));
                }
                Change::OmapRemoveRange { first, last } => {
                    self.made().omap.retain(|key, _| *key < first || *key >= last);
                }
                Change::OmapClear => {
                    self.made().omap.clear();
                    self.made().omap_header = Bytes::new();
                }
                Change::OmapSetHeader { header } => self.made().omap_header = header,
            }
        }
        if let Some(object) = &self.object {
            let info = self.state().unwrap().unwrap().info;
            assert_eq!(info.size, object.data.len() as u64, "info and store agree on the size");
        }
    }
    fn made(&mut self) -> &mut MemoryObject {
        self.object.get_or_insert_default()
    }
}

/// "61x3,62" is aaab.
fn unruns(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for part in text.split(',').filter(|p| !p.is_empty()) {
        let (byte, count) = part.split_once('x').unwrap_or((part, "1"));
        let byte = u8::from_str_radix(byte, 16).unwrap();
        out.resize(out.len() + count.parse::<usize>().unwrap(), byte);
    }
    out
}

fn text<'a>(op: &'a Value, name: &str) -> &'a str {
    op[name].as_str().unwrap_or_else(|| panic!("{name} of {op}"))
}
fn number(op: &Value, name: &str) -> u64 {
    op[name].as_u64().unwrap_or_else(|| panic!("{name} of {op}"))
}
fn data(op: &Value) -> Bytes {
    unruns(text(op, "data")).into()
}
fn list(op: &Value) -> Vec<Bytes> {
    op["keys"].as_array().unwrap().iter().map(|k| k.as_str().unwrap().to_owned().into()).collect()
}

fn with_args(code: OpCode, parts: &[(usize, &[u8])], input: impl Into<Bytes>) -> Op {
    let mut op = Op::new(code);
    for (at, bytes) in parts {
        op.args[*at..at + bytes.len()].copy_from_slice(bytes);
    }
    op.input = input.into();
    op
}

/// What librados sends for an op of the transcript.
fn encoded(op: &Value, user_version: u64) -> Op {
    let u64_of = |name: &str| number(op, name).to_le_bytes();
    let mut made = match text(op, "op") {
        "assert_exists" | "stat" => Op::stat(),
        "assert_version" => {
            let delta = op["delta"].as_i64();
            Op::assert_version(delta.map_or(0, |d| (user_version as i64 + d).max(0) as u64))
        }
        "cmpext" => Op::cmpext(number(op, "off"), data(op)),
        "cmpxattr" => {
            Op::cmp_xattr(text(op, "name").as_bytes(), number(op, "cmp") as u8, 1, &data(op))
        }
        "omap_cmp" => {
            let mut input = 1u32.to_vec();
            types::enc::put_blob(&mut input, text(op, "key").as_bytes());
            types::enc::put_blob(&mut input, &data(op));
            (number(op, "cmp") as u32).encode(&mut input);
            with_args(OpCode::OMAP_CMP, &[], input)
        }
        "create" => Op::create(op["excl"].as_bool().unwrap()),
        "write" => Op::write(number(op, "off"), data(op)),
        "write_full" => Op::write_full(data(op)),
        "write_same" => {
            let data = data(op);
            let len = (data.len() as u64).to_le_bytes();
            let parts: [(usize, &[u8]); 3] = [(0, &u64_of("off")), (8, &u64_of("len")), (16, &len)];
            with_args(OpCode::WRITE_SAME, &parts, data)
        }
        "append" => Op::append(data(op)),
        "remove" => Op::delete(),
        "truncate" => Op::truncate(number(op, "off")),
        "zero" => Op::zero(number(op, "off"), number(op, "len")),
        "alloc_hint" => Op::set_alloc_hint(number(op, "size"), number(op, "len")),
        "setxattr" => Op::set_xattr(text(op, "name").as_bytes(), &data(op)),
        "rmxattr" => Op::rm_xattr(text(op, "name").as_bytes()),
        "omap_set" => {
            let pairs = op["pairs"].as_object().unwrap();
            let pairs: BTreeMap<Bytes, Bytes> = pairs
                .iter()
                .map(|(k, v)| (k.clone().into(), unruns(v.as_str().unwrap()).into()))
                .collect();
            Op::omap_set_vals(&pairs.into_iter().collect::<Vec<_>>())
        }
        "omap_rm_keys" => Op::omap_rm_keys(&list(op)),
        "omap_rm_range" => {
            let mut input = Vec::new();
            types::enc::put_blob(&mut input, text(op, "first").as_bytes());
            types::enc::put_blob(&mut input, text(op, "last").as_bytes());
            with_args(OpCode::OMAP_RM_KEY_RANGE, &[], input)
        }
        "omap_clear" => Op::omap_clear(),
        "read" => {
            let len = number(op, "len");
            Op::read(number(op, "off"), if len == 0 { 1 << 20 } else { len })
        }
        "checksum" => {
            let kind = number(op, "type") as u8;
            let seed = if op["init"].as_bool().unwrap() { [0xff; 8] } else { [0; 8] };
            let parts: [(usize, &[u8]); 4] = [
                (0, &u64_of("off")),
                (8, &u64_of("len")),
                (16, &(number(op, "chunk") as u32).to_le_bytes()),
                (20, &[kind]),
            ];
            let len = if kind == 1 { 8 } else { 4 };
            with_args(OpCode::CHECKSUM, &parts, Bytes::copy_from_slice(&seed[..len]))
        }
        "getxattrs" => Op::get_xattrs(),
        "omap_vals" => {
            let (after, prefix) = (text(op, "after"), text(op, "prefix"));
            Op::omap_get_vals(after.as_bytes(), prefix.as_bytes(), number(op, "max"))
        }
        "omap_keys" => Op::omap_get_keys(text(op, "after").as_bytes(), number(op, "max")),
        "omap_by_keys" => Op::omap_get_vals_by_keys(&list(op)),
        other => panic!("unknown op {other}"),
    };
    if let Some(flags) = op["flags"].as_u64() {
        made.flags |= flags as u32;
    }
    made
}

fn bytes_of(outcome: &OpOutcome, before: &Memory) -> Vec<u8> {
    let mut all = Vec::new();
    for piece in &outcome.output {
        match piece {
            Piece::Bytes(bytes) => all.extend_from_slice(bytes),
            Piece::Object(range) => all.extend_from_slice(&before.data(*range).unwrap()),
        }
    }
    all
}

/// Checks an op's output against what librados handed out for it.
fn check_output(op: &Value, want: &Value, got: &[u8]) -> Result<(), String> {
    let mut r = Reader::new(got);
    let name = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let same = |what: &str, want: String, got: String| {
        if want == got { Ok(()) } else { Err(format!("{what}: want {want}, got {got}")) }
    };
    match text(op, "op") {
        "stat" => {
            let (size, mtime) = (r.u64().unwrap(), r.u32().unwrap());
            same("size", want["size"].to_string(), size.to_string())?;
            same("mtime", want["mtime"].to_string(), mtime.to_string())
        }
        "read" => {
            same("data", format!("{:?}", data(want)), format!("{:?}", Bytes::copy_from_slice(got)))
        }
        "checksum" => {
            // The caller's buffer was 64 bytes of 0xee.
            let mut buffer = got.to_vec();
            buffer.resize(64, 0xee);
            same("sums", format!("{:?}", data(want)), format!("{:?}", Bytes::from(buffer)))
        }
        "getxattrs" => {
            let pairs: BTreeMap<String, String> = copy::take_pairs(&mut r)
                .unwrap()
                .iter()
                .map(|(k, v)| (name(k), format!("{v:?}")))
                .collect();
            let wanted: BTreeMap<String, String> = want["xattrs"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(k, v)| {
                    (k.clone(), format!("{:?}", Bytes::from(unruns(v.as_str().unwrap()))))
                })
                .collect();
            same("xattrs", format!("{wanted:?}"), format!("{pairs:?}"))
        }
        kind @ ("omap_vals" | "omap_keys" | "omap_by_keys") => {
            let mut pairs = Vec::new();
            for _ in 0..r.u32().unwrap() {
                let key = name(r.blob().unwrap());
                let value = (kind != "omap_keys").then(|| r.blob().unwrap().to_vec());
                pairs.push((key, value));
            }
            let wanted: Vec<(String, Option<Vec<u8>>)> = want["omap"]
                .as_array()
                .unwrap()
                .iter()
                .map(|pair| {
                    let value = pair.get(1).map(|v| unruns(v.as_str().unwrap()));
                    (pair[0].as_str().unwrap().to_owned(), value)
                })
                .collect();
            same("omap", format!("{wanted:?}"), format!("{pairs:?}"))?;
            if kind != "omap_by_keys" {
                same("more", want["more"].to_string(), r.u8().unwrap().to_string())?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A PG as far as versions go, and its objects.
#[derive(Default)]
struct World {
    objects: BTreeMap<HObject, Memory>,
    version: u64,
    last_user_version: u64,
    seen: BTreeMap<HObject, u64>,
}

/// One message of a client without flags.
pub(super) fn message(object: &HObject, ops: Vec<Op>) -> OpRequest {
    OpRequest {
        object: object.clone(),
        snap: SnapId::HEAD,
        snap_context: SnapContext::default(),
        ops,
        flags: 0,
        mtime: UTime { sec: 1_600_000_000, nsec: 123_456_789 },
        reqid: ReqId { name: EntityName::client(1), tid: 1, inc: 0 },
    }
}

impl World {
    fn commit(&mut self, object: &HObject, mutation: Mutation) -> u64 {
        self.version += 1;
        let at = EVersion { epoch: 1, version: self.version };
        let reqid = ReqId::default();
        let finished = mutation.finish(at, self.last_user_version, reqid, UTime::default());
        self.objects.get_mut(object).unwrap().apply(finished.changes);
        self.last_user_version = self.last_user_version.max(finished.user_version);
        finished.user_version
    }

    /// `rados setomapheader` and `rados cp`, the latter as primaries do it: copy-get by copy-get.
    fn run_program(&mut self, args: Vec<&str>) {
        let head = |name: &str| HObject::head(PoolId(1), "", "", name);
        let limits = Limits::default();
        let (object, op) = match args[..] {
            ["setomapheader", name, header] => {
                let op = with_args(OpCode::OMAP_SET_HEADER, &[], header.to_owned());
                (head(name), op)
            }
            ["cp", source, target] => {
                (head(target), Op::copy_from(source, &types::ObjectLocator::new(PoolId(1), ""), 0))
            }
            _ => return,
        };
        let request = message(&object, vec![op]);
        self.objects.entry(object.clone()).or_default().copied.clear();
        let done = match execute(&request, &self.objects[&object], &limits) {
            Ok(done) => done,
            Err(Need::Data(_) | Need::Metadata(_)) => panic!("memory has all"),
            Err(Need::Copy { op_index, source }) => {
                let from = head(&source.name);
                self.objects.entry(from.clone()).or_default();
                let mut fetch = copy::CopyFetch::new(source, 1 << 20);
                let copied = loop {
                    let read = message(&from, fetch.next_ops());
                    let from = &self.objects[&from];
                    let done = execute(&read, from, &limits).expect("memory has all data");
                    let output = done.ops.last().map_or(Vec::new(), |op| bytes_of(op, from));
                    if let Some(copied) = fetch.on_reply(done.result, &output, done.user_version) {
                        break copied;
                    }
                };
                self.objects.get_mut(&object).unwrap().copied.insert(op_index, copied);
                execute(&request, &self.objects[&object], &limits).expect("the copy is there")
            }
        };
        if let Disposition::Write(mutation) = done.disposition {
            self.commit(&object, mutation);
        }
    }

    fn run(&mut self, step: &Value) -> Result<(), String> {
        let field = |name: &str| step[name].as_str().unwrap_or("");
        let object = HObject::head(PoolId(1), field("nspace"), field("key"), field("object"));
        let seen = self.seen.get(&object).copied().unwrap_or(0);
        let ops = step["ops"].as_array().unwrap();
        let mut request = message(&object, ops.iter().map(|op| encoded(op, seen)).collect());
        if step["returnvec"] == true {
            request.flags = RETURN_VEC;
        }
        let memory = self.objects.entry(object.clone()).or_default();
        let done = execute(&request, memory, &Limits::default()).expect("memory has all data");
        let outputs: Vec<_> = done.ops.iter().map(|op| bytes_of(op, memory)).collect();

        let answer = &step["answer"];
        if answer["result"] != done.result {
            return Err(format!("result {}, got {}", answer["result"], done.result));
        }
        let user_version = match done.disposition {
            Disposition::Refused => 0,
            Disposition::Read => done.user_version,
            Disposition::LogOnly => {
                self.version += 1;
                done.user_version
            }
            Disposition::Write(mutation) => self.commit(&object, mutation),
        };
        let word = match user_version {
            _ if done.result == errno::ENOENT => "floor",
            0 => "zero",
            v if v == seen => "same",
            v if v > seen => "new",
            _ => "other",
        };
        if word != "floor" && user_version != 0 {
            self.seen.insert(object, user_version);
        }
        if answer["version"] != word {
            return Err(format!("version {}, got {word}", answer["version"]));
        }
        // Ops after a failed one are not executed; what librados makes of them is its own matter.
        let failed = done.ops.iter().zip(&request.ops).position(|(outcome, op)| {
            outcome.rval < 0 && op.flags & messenger::messages::op::op_flag::FAILOK == 0
        });
        let executed = if done.result < 0 { failed.map_or(0, |f| f + 1) } else { ops.len() };
        for (index, op) in ops.iter().enumerate().take(executed) {
            let (want, rval) = (&answer["ops"][index], done.ops[index].rval);
            let complain = |why: String| format!("op {index} {op}: {why}");
            if want["rval"].is_i64() && want["rval"] != rval && !outputs[index].is_empty() {
                return Err(complain(format!("rval {}, got {rval}", want["rval"])));
            }
            if rval >= 0 {
                check_output(op, want, &outputs[index]).map_err(complain)?;
            }
        }
        Ok(())
    }
}

#[test]
fn the_engine_answers_as_the_real_osd() {
    let transcript = include_str!("../../testdata/differential.expected");
    let mut world = World::default();
    let (mut wrong, mut replayed) = (Vec::new(), 0);
    for (line, step) in transcript.lines().enumerate() {
        let step: Value = serde_json::from_str(step).unwrap();
        // Of what goes through the rados program only its writes are followed; listing needs a pool.
        if let Some(args) = step["cli"].as_array() {
            world.run_program(args.iter().map(|a| a.as_str().unwrap()).collect());
            continue;
        }
        if step.get("list").is_some() {
            continue;
        }
        replayed += 1;
        if let Err(why) = world.run(&step) {
            let step: String = step.to_string().chars().take(600).collect();
            wrong.push(format!("line {}: {why}\n    {step}", line + 1));
        }
    }
    assert!(replayed > 1000, "only {replayed} messages replayed");
    assert!(
        wrong.is_empty(),
        "{} differ, first:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(8)].join("\n")
    );
}
