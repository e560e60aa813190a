//! `kermes store import`.

use super::file::{Begin, Frame, Frames, Lost};
use super::shard::{Mode, Next, Readers, Shard};
use super::{DeviceArgs, print_json, range_of, shown};
use crate::cmd::connect::{Format, human_bytes};
use crate::progress::Progress;
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use seastore::{ObjectName, ObjectScan, Superblock, Transaction, TxnOp};
use serde_json::json;
use std::fs::File;
use std::path::Path;
use types::{HObject, PgId, PoolId, SnapId};

/// About so many bytes go into one transaction.
const TXN_BYTES: usize = 4 << 20;

/// What the file says of itself, all of it verified.
#[derive(Default)]
struct Verified {
    objects: u64,
    lost: u64,
    names: Vec<HObject>,
}

pub fn import(args: &DeviceArgs, path: &Path, force: bool) -> Result<i32> {
    let (device, sb) = crate::cmd::osd::open_store(&args.device, None)?;
    let at = || format!("{}", path.display());
    let open = || -> Result<(Frames<File>, Begin)> {
        let file = File::open(path).context("cannot be opened")?;
        let mut frames = Frames::new(file)?;
        let begin = frames.begin()?;
        Ok((frames, begin))
    };
    let mut progress = Progress::new("import");
    let (frames, begin) = open().with_context(at)?;
    let verified = verify(frames, &begin, &mut progress).with_context(at)?;
    ensure!(
        begin.cluster == sb.cluster || force,
        "{} is of cluster {}, the store of {}; --force takes it all the same",
        path.display(),
        begin.cluster,
        sb.cluster
    );
    let readers = Readers::new(device);
    let mut import = match begin.pg {
        Some((pg, bits)) => Import::of_pg(&readers, sb, pg, bits, force)?,
        None => {
            let name = verified.names.first().context("the file holds no object")?;
            Import::of_object(&readers, sb, name, force)?
        }
    };
    let (mut frames, _) = open().with_context(at)?;
    loop {
        match frames.next().with_context(at)? {
            Frame::End { .. } => break,
            frame => import.take(frame)?,
        }
        progress.show(&format!(
            "{} of {} objects, {}",
            import.objects,
            verified.objects,
            human_bytes(import.bytes)
        ));
    }
    import.end()?;
    drop(progress);
    let (objects, bytes) = (import.objects, import.bytes);
    match args.format {
        Format::Plain => println!(
            "{objects} objects, {} of data{}",
            human_bytes(bytes),
            match verified.lost {
                0 => String::new(),
                n => format!("; {n} parts were damaged before the export and are missing"),
            }
        ),
        Format::Json => print_json(&json!({
            "objects": objects, "data_bytes": bytes, "damaged": verified.lost,
        })),
    }
    Ok((verified.lost > 0) as i32)
}

/// Reads the whole file and checks that it is one.
fn verify(mut frames: Frames<File>, begin: &Begin, progress: &mut Progress) -> Result<Verified> {
    let mut verified = Verified::default();
    let mut object: Option<(HObject, u64)> = None;
    loop {
        let frame = frames.next()?;
        let inside = object.is_some();
        match frame {
            Frame::End { objects } => {
                ensure!(!inside && objects == verified.objects, "it lacks objects");
                frames.end()?;
                return Ok(verified);
            }
            Frame::Object { name, size } => {
                ensure!(!inside, "an object begins within another");
                ensure!(size <= seastore::OBJECT_SIZE_MAX, "an object is too large");
                if let Some((pg, bits)) = begin.pg {
                    let (start, end) = range_of(pg, bits);
                    let own = start <= name && name < end;
                    ensure!(own, "object {} is not of PG {pg}", shown(&name));
                } else {
                    ensure!(verified.names.is_empty(), "it holds more than one object");
                    verified.names.push(name.clone());
                }
                object = Some((name, size));
            }
            Frame::ObjectEnd => {
                ensure!(object.take().is_some(), "an object ends that has not begun");
                verified.objects += 1;
            }
            Frame::Lost(lost) => {
                ensure!(inside || lost == Lost::Objects, "a loss belongs to no object");
                verified.lost += 1;
            }
            Frame::Data { offset, data } => {
                let size = object.as_ref().map_or(0, |(_, size)| *size);
                let end = offset.checked_add(data.len() as u64);
                ensure!(end.is_some_and(|end| end <= size), "data lie outside their object");
            }
            Frame::Begin(_) => bail!("it begins twice"),
            Frame::Xattr { .. } | Frame::OmapHeader(_) | Frame::Omap(_) => {
                ensure!(inside, "a part belongs to no object");
            }
        }
        progress.show(&format!("{} objects verified", verified.objects));
    }
}

/// An import under way.
struct Import<'a> {
    shard: Shard<'a>,
    pg: Option<(PgId, u8)>,
    /// What the object of the file is called here until it is whole.
    object: Option<(ObjectName, ObjectName)>,
    ops: Vec<TxnOp>,
    ops_bytes: usize,
    /// Keys, and their bytes, that go in with the last transaction of the object.
    token: u64,
    objects: u64,
    bytes: u64,
}

/// An object on its way is called so: in no pool, and in no placement group.
fn on_its_way() -> ObjectName {
    let min = HObject::min();
    HObject { pool: PoolId(-1), name: "import".into(), snap: SnapId(0), ..min }.into()
}

impl<'a> Import<'a> {
    fn new(shard: Shard<'a>, pg: Option<(PgId, u8)>) -> Self {
        Self {
            shard,
            pg,
            object: None,
            ops: Vec::new(),
            ops_bytes: 0,
            token: 0,
            objects: 0,
            bytes: 0,
        }
    }

    fn of_pg(
        readers: &'a Readers,
        sb: Superblock,
        pg: PgId,
        bits: u8,
        force: bool,
    ) -> Result<Self> {
        let index = types::shard::shard_of(pg, sb.shards);
        let shard = Shard::mount(readers, sb, index, Mode::Change)?;
        let held = shard.store.collections().find(|(held, _)| *held == pg);
        let mut this = Self::new(shard, Some((pg, bits)));
        ensure!(held.is_none() || force, "placement group {pg} is there; --force replaces it");
        if held.is_some() {
            this.push(TxnOp::RemoveCollection { pg }, 64)?;
            this.commit()?;
        }
        let bits = held.map_or(bits, |(_, held)| held.min(bits));
        let (start, end) = range_of(pg, bits);
        this.remove_all(&start, &end, force)?;
        Ok(this)
    }

    /// Removes what is left of the placement group.
    fn remove_all(&mut self, start: &HObject, end: &HObject, force: bool) -> Result<()> {
        loop {
            let mut scan = ObjectScan::new(&self.shard.store, start, end);
            let found = match self.shard.next_objects(&mut scan)? {
                Next::Done => return Ok(()),
                Next::Lost(finding) => bail!("what is there cannot be removed: {finding}"),
                Next::Objects(found) => found,
            };
            ensure!(
                force,
                "objects of the placement group are there, {} the first, perhaps of an import that \
                 was cut short; --force removes them",
                shown(&found[0].0)
            );
            for (o, _) in found {
                self.push(TxnOp::Remove { o }, 64)?;
            }
            self.commit()?;
        }
    }

    fn of_object(
        readers: &'a Readers,
        sb: Superblock,
        name: &HObject,
        force: bool,
    ) -> Result<Self> {
        for index in 0..sb.shards {
            let mut shard = Shard::mount(readers, sb, index, Mode::Look)?;
            let holds = |(pg, bits): &(PgId, u8)| {
                let (start, end) = range_of(*pg, *bits);
                start <= *name && *name < end
            };
            if !shard.store.collections().any(|held| holds(&held)) {
                continue;
            }
            let there = shard.look(|store| store.exists(name))?;
            ensure!(!there || force, "object {} is there; --force replaces it", shown(name));
            drop(shard);
            let shard = Shard::mount(readers, sb, index, Mode::Change)?;
            let mut this = Self::new(shard, None);
            this.push(TxnOp::Remove { o: on_its_way() }, 64)?;
            this.commit()?;
            return Ok(this);
        }
        bail!("no placement group of this store holds {}: import the group", shown(name))
    }

    fn push(&mut self, op: TxnOp, bytes: usize) -> Result<()> {
        self.ops.push(op);
        self.ops_bytes += bytes + 128;
        Ok(())
    }
    fn commit(&mut self) -> Result<()> {
        self.token += 1;
        self.ops_bytes = 0;
        let ops = std::mem::take(&mut self.ops);
        self.shard.commit(Transaction::from(ops), self.token)
    }

    fn take(&mut self, frame: Frame) -> Result<()> {
        let to = self.object.as_ref().map(|(to, _)| to.clone());
        let to = || to.context("a part belongs to no object");
        match frame {
            Frame::Object { name, size } => {
                let name = ObjectName::from(name);
                let to = if self.pg.is_some() { name.clone() } else { on_its_way() };
                self.object = Some((to.clone(), name));
                self.push(TxnOp::Touch { o: to.clone() }, 0)?;
                self.push(TxnOp::Truncate { o: to, size }, 0)?;
            }
            Frame::Data { offset, data } => {
                let len = data.len();
                self.bytes += len as u64;
                self.push(TxnOp::Write { o: to()?, offset, data }, len)?;
            }
            Frame::Xattr { name, value } => {
                let len = name.len() + value.len();
                self.push(TxnOp::SetXattr { o: to()?, name, value }, len)?;
            }
            Frame::OmapHeader(header) => {
                let len = header.len();
                self.push(TxnOp::OmapSetHeader { o: to()?, header }, len)?;
            }
            Frame::Omap(pairs) => {
                let len = pairs.iter().map(|(k, v): &(Bytes, Bytes)| k.len() + v.len() + 16).sum();
                self.push(TxnOp::OmapSet { o: to()?, pairs }, len)?;
            }
            Frame::ObjectEnd => {
                let (to, name) = self.object.take().context("an object ends")?;
                self.objects += 1;
                if to != name {
                    self.push(TxnOp::Clone { o: to.clone(), to: name }, 0)?;
                    self.push(TxnOp::Remove { o: to }, 0)?;
                }
            }
            Frame::Lost(_) => {}
            Frame::Begin(_) | Frame::End { .. } => bail!("a part is at a wrong place"),
        }
        if self.ops_bytes >= TXN_BYTES {
            self.commit()?;
        }
        Ok(())
    }

    /// Everything is on the device; a placement group becomes known.
    fn end(&mut self) -> Result<()> {
        if let Some((pg, bits)) = self.pg {
            self.push(TxnOp::CreateCollection { pg, bits }, 64)?;
        }
        if self.ops.is_empty() { Ok(()) } else { self.commit() }
    }
}
