//! `kermes store` on real files: damage of each kind is said, and objects move between stores.

use seastore::{
    IoCompletion, MkfsParams, ObjectName, Store, StoreConfig, StoreEffect, StoreEvent, Superblock,
    Transaction, TxnOp,
};
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use types::node::{BLOCK_SIZE, aligned_buf};
use types::{Fsid, HObject, OsdId, PgId, PoolId};

const DEVICE_BYTES: u64 = 128 << 20;

/// A folder of our own.
struct Dir(PathBuf);
impl Dir {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kermes-store-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}
impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn kermes(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kermes")).arg("store").args(args).output().unwrap()
}
/// Its exit code and what it printed, errors last.
fn said(args: &[&str]) -> (i32, String) {
    let output = kermes(args);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn mkfs(path: &Path, shards: u16) -> Superblock {
    let mut open = std::fs::File::options();
    let file = open.read(true).write(true).create_new(true).open(path).unwrap();
    file.set_len(DEVICE_BYTES).unwrap();
    let params = MkfsParams {
        cluster: Fsid([1; 16]),
        osd: OsdId(3),
        osd_uuid: Fsid([2; 16]),
        store_uuid: Fsid([7; 16]),
        device_bytes: DEVICE_BYTES,
        shards,
        zones: None,
    };
    for (offset, block) in seastore::mkfs_plan(&params).unwrap() {
        file.write_all_at(&block, offset).unwrap();
    }
    let read = |offset| {
        let mut block = vec![0; BLOCK_SIZE];
        file.read_exact_at(&mut block, offset).unwrap();
        block
    };
    let [a, b] = seastore::superblock_offsets(DEVICE_BYTES);
    seastore::probe(DEVICE_BYTES, &read(a), &read(b)).unwrap()
}

/// A shard of a store on a file, as an OSD's core would drive it.
struct Writer {
    file: std::fs::File,
    store: Store,
    fx: Vec<StoreEffect>,
    token: u64,
}
impl Writer {
    fn open(path: &Path, superblock: Superblock, shard: u16) -> Self {
        let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
        // The smallest cache: checkpoints come early, and metadata are on the device.
        let config = StoreConfig { cache_bytes: 0, ..StoreConfig::new(superblock, shard, 1) };
        let mut this = Self { file, store: Store::open(config), fx: Vec::new(), token: 0 };
        this.store.mount(&mut this.fx);
        this.settle();
        this
    }
    fn settle(&mut self) {
        loop {
            self.store.end_of_turn(&mut self.fx);
            if self.fx.is_empty() {
                return;
            }
            for effect in std::mem::take(&mut self.fx) {
                let done = match effect {
                    StoreEffect::Read { io, offset, len } => {
                        let mut buf = aligned_buf(len);
                        buf.resize(len, 0);
                        self.file.read_exact_at(&mut buf, offset).unwrap();
                        IoCompletion::Read { io, result: Ok(buf.freeze()) }
                    }
                    StoreEffect::Write { io, offset, buf, .. } => {
                        self.file.write_all_at(&buf, offset).unwrap();
                        IoCompletion::Write { io, result: Ok(()) }
                    }
                    StoreEffect::Flush { io } => IoCompletion::Flush { io, result: Ok(()) },
                    StoreEffect::Discard { io, .. } => IoCompletion::Discard { io, result: Ok(()) },
                    StoreEffect::Zone { .. } | StoreEffect::ReportZones { .. } => {
                        panic!("not a zoned device")
                    }
                };
                let mut events = Vec::new();
                self.store.on_io(done, &mut events, &mut self.fx);
                let failed = events.iter().find(|e| matches!(e, StoreEvent::Failed(_)));
                assert!(failed.is_none(), "{failed:?}");
            }
        }
    }
    fn submit(&mut self, ops: Vec<TxnOp>) {
        self.token += 1;
        self.store.submit(Transaction::from(ops), self.token).unwrap();
        self.settle();
    }
}

const PG: PgId = PgId { pool: PoolId(3), seed: 1 };
const BITS: u8 = 1;

/// Names that are in [`PG`].
fn names() -> impl Iterator<Item = ObjectName> {
    let all = (0..).map(|n| HObject::head(PoolId(3), "", "", &format!("object.{n}")));
    all.filter(|o| o.hash & 1 == 1).map(ObjectName::from)
}

/// Objects of one PG: with data, holes, xattrs, omap, a clone, a large one and the PG's own.
fn fill(path: &Path, superblock: Superblock) {
    let shard = types::shard::shard_of(PG, superblock.shards);
    let mut writer = Writer::open(path, superblock, shard);
    writer.submit(vec![TxnOp::CreateCollection { pg: PG, bits: BITS }]);
    let meta: ObjectName = osd::pg::meta_object(PG).into();
    let pair = |n: u32| (format!("l{n:08}").into(), vec![n as u8; 300].into());
    writer.submit(vec![TxnOp::OmapSet { o: meta, pairs: (0..100).map(pair).collect() }]);
    for (n, o) in names().enumerate().take(300) {
        let data = vec![(n % 200) as u8 + 1; 5000].into();
        let offset = (n as u64 % 3) * 10_000;
        let mut ops = vec![
            TxnOp::Write { o: o.clone(), offset, data },
            TxnOp::SetXattr { o: o.clone(), name: "_".into(), value: vec![9; 200].into() },
        ];
        if n % 5 == 0 {
            let pairs = (0..20).map(|k| (format!("k{k:03}").into(), vec![k as u8; 100].into()));
            ops.push(TxnOp::OmapSet { o: o.clone(), pairs: pairs.collect() });
            ops.push(TxnOp::OmapSetHeader { o: o.clone(), header: "header".into() });
        }
        if n % 7 == 0 {
            let snap = types::SnapId(4);
            ops.push(TxnOp::Clone { o: o.clone(), to: HObject { snap, ..(*o).clone() }.into() });
        }
        writer.submit(ops);
    }
    let large = names().nth(300).unwrap();
    for part in 0..6u64 {
        let data = vec![0xe0 + part as u8; 1 << 20].into();
        writer.submit(vec![TxnOp::Write { o: large.clone(), offset: part << 21, data }]);
    }
    assert!(writer.store.counters().checkpoints > 2, "{}", writer.store.space_line());
}

fn made(dir: &Dir, name: &str) -> PathBuf {
    let path = dir.path(name);
    let superblock = mkfs(&path, 1);
    fill(&path, superblock);
    path
}

/// Flips a bit, runs fsck, and flips it back.
fn fsck_with_rot(path: &Path, offset: u64, more: &[&str]) -> (i32, String) {
    let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    let flip = || {
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[byte[0] ^ 4], offset).unwrap();
    };
    flip();
    let mut args = vec!["fsck", "--device", text(path)];
    args.extend(more);
    let answer = said(&args);
    flip();
    answer
}

#[test]
fn fsck_names_damage_of_each_kind() {
    let dir = Dir::new("rot");
    let path = made(&dir, "device");
    let (code, clean) = said(&["fsck", "--deep", "--device", text(&path)]);
    assert_eq!(code, 0, "{clean}");
    assert!(clean.ends_with(": clean\n") && clean.lines().count() == 1, "{clean}");

    let image = std::fs::read(&path).unwrap();
    let block = |i: usize| &image[i * BLOCK_SIZE..(i + 1) * BLOCK_SIZE];
    let mut kinds: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for i in 0..image.len() / BLOCK_SIZE {
        let b = block(i);
        let kind = match &b[..4] {
            b"KSpg" => ["", "onode page", "LBA page", "omap page"][b[8] as usize],
            b"KSpt" => "page-table chunk",
            b"KSro" => "root",
            b"KSa2" => "anchor",
            b"KSr2" if b[42] & 8 == 0 => "record header",
            b"kerm" => "superblock",
            _ => continue,
        };
        kinds.entry(kind).or_default().push((i * BLOCK_SIZE) as u64);
    }
    // In the order in which they were written.
    let sequence = |offset: &u64| {
        let b = &image[*offset as usize + 8..][..8];
        u64::from_le_bytes(b.try_into().unwrap())
    };
    kinds.get_mut("record header").unwrap().sort_by_key(sequence);
    // Data of objects: the large one's second part, which is of one byte value only.
    let data = (0..image.len() / BLOCK_SIZE).find(|i| block(*i).iter().all(|b| *b == 0xe4));
    let data = (data.unwrap() * BLOCK_SIZE) as u64;
    let (code, answer) = fsck_with_rot(&path, data + 77, &["--deep"]);
    let large = names().nth(300).unwrap();
    assert_eq!(code, 1, "{answer}");
    assert!(answer.contains(&format!("object {large}: its 4096 bytes")), "{answer}");
    assert!(answer.contains(&format!("at {data:#x}")), "{answer}");
    // Without --deep no data are read.
    assert_eq!(fsck_with_rot(&path, data + 77, &[]).0, 0);

    // Of metadata there are older forms that nobody reads: from the newest back, one of each kind
    // has to be found, and what is found has to be named.
    for (kind, what) in [
        ("onode page", "of the onode tree does not match its checksum; the objects"),
        ("LBA page", "of the LBA tree does not match its checksum"),
        ("omap page", "of the omap tree does not match its checksum"),
        ("page-table chunk", "a copy of the checkpoint's page table is damaged"),
        ("root", "a copy of the checkpoint's root is damaged"),
        ("anchor", "a copy of a checkpoint anchor is damaged"),
        ("superblock", "a copy of the superblock is damaged"),
        ("record header", "others may be too"),
    ] {
        let places = &kinds[kind];
        let mut found = false;
        for offset in places.iter().rev().take(60) {
            let (code, answer) = fsck_with_rot(&path, offset + 40, &[]);
            assert!(code == 0 || code == 1, "{kind} at {offset:#x}: {code}, {answer}");
            let named = answer.contains(what) && answer.contains(&format!("{offset:#x}"));
            if named {
                assert_eq!(code, 1, "{answer}");
                let shown = answer.contains("outdated") || answer.ends_with(": 1 fault\n");
                assert!(shown || kind.ends_with("page"), "{answer}");
                found = true;
                break;
            }
        }
        assert!(found, "no {kind} of {} was missed", places.len());
    }
    let (code, answer) = said(&["fsck", "--device", "/nonexistent"]);
    assert!(code == 2 && answer.contains("/nonexistent"), "{code} {answer}");
}

/// All of `dump` for all objects, and what the data are.
fn contents(path: &Path) -> Vec<String> {
    let (code, list) = said(&["list", "--device", text(path), "--format", "json"]);
    assert_eq!(code, 0, "{list}");
    list.lines()
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            format!("{} {} {}", value["object"], value["size"], value["omap"])
        })
        .collect()
}

#[test]
fn a_placement_group_moves() {
    let dir = Dir::new("move");
    let path = made(&dir, "source");
    let (file, again) = (dir.path("pg"), dir.path("pg2"));
    let export = |device: &Path, to: &Path| {
        said(&["export", "--device", text(device), "--pg", "3.1", "--file", text(to)])
    };
    let (code, text_of) = export(&path, &file);
    assert_eq!(code, 0, "{text_of}");
    assert_eq!(export(&path, &file).0, 2, "it would overwrite");

    let target = dir.path("target");
    let superblock = mkfs(&target, 4);
    let import = |more: &[&str]| {
        let mut args = vec!["import", "--device", text(&target), "--file", text(&file)];
        args.extend(more);
        said(&args)
    };
    // A damaged or cut file changes nothing.
    let whole = std::fs::read(&file).unwrap();
    let mut bad = whole.clone();
    bad[whole.len() / 2] ^= 1;
    let before = std::fs::read(&target).unwrap();
    for (bytes, why) in
        [(&bad[..], "it is damaged at byte"), (&whole[..whole.len() - 9], "cut short")]
    {
        std::fs::write(&file, bytes).unwrap();
        let (code, text) = import(&[]);
        assert!(code == 2 && text.contains(why), "{code} {text}");
    }
    assert!(before == std::fs::read(&target).unwrap());
    std::fs::write(&file, &whole).unwrap();

    let (code, text_of) = import(&[]);
    assert_eq!(code, 0, "{text_of}");
    assert_eq!(said(&["fsck", "--deep", "--device", text(&target)]).0, 0);
    assert_eq!(contents(&path), contents(&target));
    let (code, why) = import(&[]);
    assert!(code == 2 && why.contains("3.1 is there; --force"), "{code} {why}");
    let (code, text_of) = import(&["--force"]);
    assert_eq!(code, 0, "{text_of}");
    assert_eq!(said(&["fsck", "--deep", "--device", text(&target)]).0, 0);
    // The same bytes come out again: data, holes, xattrs, omap, clones.
    assert_eq!(export(&target, &again).0, 0);
    let frames = |bytes: &[u8]| bytes[24 + 20 + 50..].to_vec();
    assert!(frames(&whole) == frames(&std::fs::read(&again).unwrap()));

    // An import that was cut short is known to no OSD, and begins anew with --force.
    let shard = types::shard::shard_of(PG, 4);
    let mut writer = Writer::open(&target, superblock, shard);
    writer.submit(vec![TxnOp::RemoveCollection { pg: PG }]);
    drop(writer);
    let (code, why) = import(&[]);
    assert!(code == 2 && why.contains("cut short; --force removes them"), "{code} {why}");
    assert_eq!(import(&["--force"]).0, 0);
    assert_eq!(contents(&path), contents(&target));
}

#[test]
fn an_object_moves_and_what_is_damaged_is_left_out() {
    let dir = Dir::new("object");
    let path = made(&dir, "source");
    let large = names().nth(300).unwrap().to_string();
    let file = dir.path("object");
    let run = |command: &str, more: &[&str]| {
        let mut args = vec![command, "--device", text(&path), "--file", text(&file)];
        args.extend(more);
        said(&args)
    };
    let (code, text_of) = run("export", &["--object", &large]);
    assert_eq!(code, 0, "{text_of}");
    // Holes are not in the file.
    assert!(std::fs::metadata(&file).unwrap().len() < 7 << 20);
    let (code, why) = run("import", &[]);
    assert!(code == 2 && why.contains("is there; --force"), "{code} {why}");
    let before = contents(&path);
    assert_eq!(run("import", &["--force"]).0, 0);
    assert_eq!(contents(&path), before);
    assert_eq!(said(&["fsck", "--deep", "--device", text(&path)]).0, 0);
    std::fs::remove_file(&file).unwrap();

    // A byte of the newest copy of its data rots.
    let image = std::fs::read(&path).unwrap();
    let device = std::fs::File::options().write(true).open(&path).unwrap();
    for (i, block) in image.chunks(BLOCK_SIZE).enumerate() {
        if block.iter().all(|b| *b == 0xe4) {
            device.write_all_at(&[5], (i * BLOCK_SIZE + 9) as u64).unwrap();
        }
    }
    let (code, why) = run("export", &["--object", &large]);
    assert!(code == 2 && why.contains("--skip-damaged") && !file.exists(), "{code} {why}");
    let (code, why) = run("export", &["--object", &large, "--skip-damaged"]);
    assert_eq!(code, 1, "{why}");
    assert_eq!(why.matches("; left out").count(), 256, "{why}");
    let (code, text_of) = run("import", &["--force"]);
    assert!(code == 1 && text_of.contains("256 parts were damaged"), "{code} {text_of}");
    assert_eq!(said(&["fsck", "--deep", "--device", text(&path)]).0, 0);
}

/// A page rots that the journal changes: no OSD can use the store, but whatever else is there can be
/// looked at and exported.
#[test]
fn what_is_left_of_a_damaged_store_can_be_moved() {
    let dir = Dir::new("left");
    let path = dir.path("device");
    let superblock = mkfs(&path, 1);
    fill(&path, superblock);
    let hurt = names().next().unwrap();
    let mut writer = Writer::open(&path, superblock, 0);
    let value = "of the journal".into();
    writer.submit(vec![TxnOp::SetXattr { o: hurt.clone(), name: "new".into(), value }]);
    drop(writer);
    let (_, whole) = said(&["list", "--device", text(&path)]);

    let image = std::fs::read(&path).unwrap();
    let device = std::fs::File::options().write(true).open(&path).unwrap();
    let says = format!("object {hurt}: what the journal changes in it needs metadata");
    // Onode pages; the one that holds the object's is found by trying.
    let pages =
        image.chunks(BLOCK_SIZE).enumerate().filter(|(_, b)| b[..4] == *b"KSpg" && b[8] == 1);
    let found = pages.map(|(i, b)| ((i * BLOCK_SIZE) as u64 + 40, b[40])).find(|(at, byte)| {
        device.write_all_at(&[byte ^ 4], *at).unwrap();
        let (code, answer) = said(&["fsck", "--device", text(&path)]);
        if code == 1 && answer.contains(&says) {
            return true;
        }
        device.write_all_at(&[*byte], *at).unwrap();
        false
    });
    let place = format!("at {:#x}", found.expect("a page is needed").0 - 40);

    let (code, list) = said(&["list", "--device", text(&path)]);
    assert_eq!(code, 1, "{list}");
    let listed = |text: &str| text.lines().filter(|l| l.contains("object.")).count();
    assert!(list.contains(&says) && list.contains(&place), "{list}");
    assert!(listed(&whole) > listed(&list) && listed(&list) > 100, "{}", listed(&list));

    let file = dir.path("left.export");
    let export = ["export", "--device", text(&path), "--pg", "3.1", "--file", text(&file)];
    let (code, why) = said(&export);
    assert!(code == 2 && why.contains(&says) && !file.exists(), "{code} {why}");
    let (code, why) = said(&[&export[..], &["--skip-damaged"]].concat());
    assert!(code == 1 && why.contains(&says), "{code} {why}");
    let new = dir.path("new");
    mkfs(&new, 1);
    let (code, answer) =
        said(&["import", "--device", text(&new), "--file", text(&file), "--force"]);
    assert_eq!(code, 1, "{answer}");
    assert_eq!(said(&["fsck", "--deep", "--device", text(&new)]).0, 0);
    let (code, list) = said(&["list", "--device", text(&new), "--pg", "3.1"]);
    assert!(code == 0 && listed(&list) > 100, "{code} {list}");
    assert!(!list.contains(&hurt.to_string()), "it is outdated: {list}");
    let last = names().nth(300).unwrap().to_string();
    assert!(list.contains(&last), "{list}");
    // Nothing was written to the damaged one.
    let mut after = std::fs::read(&path).unwrap();
    let at = found.unwrap().0 as usize;
    after[at] ^= 4;
    assert!(after == image, "the damaged store has changed");
}

#[test]
fn names_with_a_dash_and_pipes_that_close() {
    let dir = Dir::new("names");
    let path = dir.path("device");
    let superblock = mkfs(&path, 1);
    let mut writer = Writer::open(&path, superblock, 0);
    for n in 0..3000 {
        let o = HObject::head(PoolId(-1000), "", "", &format!("a rather long name {n:0100}"));
        writer.submit(vec![TxnOp::Touch { o: o.into() }]);
    }
    let o = HObject::head(PoolId(-1000), "", "", &format!("a rather long name {:0100}", 7));
    let pairs = vec![("k".into(), vec![b'v'; 65].into())];
    writer.submit(vec![TxnOp::OmapSet { o: o.clone().into(), pairs }]);
    drop(writer);
    let (_, dump) = said(&["dump", "--device", text(&path), &o.to_string()]);
    assert!(dump.contains(&format!("k, 65 bytes: {}...\n", "v".repeat(64))), "{dump}");
    let (_, json) = said(&["dump", "--device", text(&path), "--format", "json", &o.to_string()]);
    assert!(json.contains(&"v".repeat(65)), "{json}");
    let (code, dump) = said(&["dump", "--device", text(&path), &o.to_string()]);
    assert!(code == 0 && dump.contains("size    0 bytes"), "{code} {dump}");
    let (code, dump) = said(&["dump", &o.to_string(), "--device", text(&path)]);
    assert!(code == 0 && dump.contains("size    0 bytes"), "{code} {dump}");
    let kermes = env!("CARGO_BIN_EXE_kermes");
    for args in [format!("store list --device {}", text(&path)), "--help".to_owned()] {
        let line = format!("{kermes} {args} | head -1 >/dev/null; echo ${{PIPESTATUS[0]}}");
        let output = Command::new("bash").arg("-c").arg(line).output().unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let code = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(code == "141" || args == "--help" && code == "0", "{args}: {code}");
    }
}
