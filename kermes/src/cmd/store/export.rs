//! `kermes store export`.

use super::file::{Begin, Frame, Lost, Writer};
use super::fsck::finding_of;
use super::shard::{Mode, Next, Readers, Shard};
use super::show::{find, omap_part};
use super::{DeviceArgs, What, print_json, range_of};
use crate::cmd::connect::{Format, human_bytes};
use crate::progress::Progress;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use seastore::{Finding, ObjectInfo, ObjectName, ObjectScan, Piece};
use serde_json::json;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::BufWriter;
use std::path::Path;
use types::PgId;
use types::node::BLOCK_SIZE;

/// Bytes of one read, and at most of one frame of data.
const READ_BYTES: u64 = 1 << 20;
/// Reads of an object under way.
const READS: u64 = 16;

/// A file that is removed again unless it is finished.
struct NewFile<'a> {
    path: &'a Path,
    keep: bool,
}
impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        if !self.keep {
            let _ = std::fs::remove_file(self.path);
        }
    }
}

struct Export {
    out: Writer<BufWriter<File>>,
    skip_damaged: bool,
    objects: u64,
    bytes: u64,
    lost: u64,
    progress: Progress,
}

pub fn export(args: &DeviceArgs, what: &What, path: &Path, skip_damaged: bool) -> Result<i32> {
    let (device, sb) = crate::cmd::osd::open_store(&args.device, None)?;
    let readers = Readers::new(device);
    let open = OpenOptions::new().write(true).create_new(true).open(path);
    let file = open.with_context(|| format!("cannot make {}", path.display()))?;
    let mut kept = NewFile { path, keep: false };
    let failed = || format!("cannot write {}", path.display());
    let mut export = Export {
        out: Writer::new(BufWriter::with_capacity(1 << 20, file)).with_context(failed)?,
        skip_damaged,
        objects: 0,
        bytes: 0,
        lost: 0,
        progress: Progress::new("export"),
    };
    let begin = Begin { cluster: sb.cluster, osd: sb.osd.0, store: sb.store_uuid, pg: None };
    match (&what.pg, &what.object) {
        (Some(pg), _) => export.pg(&readers, sb, begin, *pg)?,
        (None, Some(name)) => {
            let (mut shard, o, info) = find(&readers, sb, Mode::Look, name)?;
            if let Some(finding) = shard.outdated_one(&o) {
                bail!("{finding}: only what it was before is left");
            }
            export.out.put(&Frame::Begin(begin)).with_context(failed)?;
            if let Some(finding) = shard.damaged_journal() {
                export.damage(&finding, Lost::Objects)?;
            }
            export.object(&mut shard, &o, &info)?;
        }
        (None, None) => bail!("say what to export: --pg or --object"),
    }
    export.out.put(&Frame::End { objects: export.objects }).with_context(failed)?;
    let file = export.out.finish().with_context(failed)?.into_inner().with_context(failed)?;
    file.sync_all().with_context(failed)?;
    kept.keep = true;
    drop(export.progress);
    match args.format {
        Format::Plain => println!(
            "{} objects, {} of data{}",
            export.objects,
            human_bytes(export.bytes),
            match export.lost {
                0 => String::new(),
                n => format!("; {n} parts are damaged and left out"),
            }
        ),
        Format::Json => print_json(&json!({
            "objects": export.objects, "data_bytes": export.bytes, "damaged": export.lost,
        })),
    }
    Ok((export.lost > 0) as i32)
}

impl Export {
    fn put(&mut self, frame: &Frame) -> Result<()> {
        self.out.put(frame).context("cannot write the file")
    }

    /// Says what is damaged; the end, unless it is to be left out.
    fn damage(&mut self, finding: &Finding, lost: Lost) -> Result<()> {
        if !self.skip_damaged {
            bail!("{finding}; --skip-damaged leaves it out and goes on");
        }
        self.progress.hide();
        eprintln!("kermes: {finding}; left out");
        self.lost += 1;
        self.put(&Frame::Lost(lost))
    }

    fn pg(
        &mut self,
        readers: &Readers,
        sb: seastore::Superblock,
        begin: Begin,
        pg: PgId,
    ) -> Result<()> {
        let mut shard =
            Shard::mount(readers, sb, types::shard::shard_of(pg, sb.shards), Mode::Look)?;
        let found = shard.store.collections().find(|(held, _)| *held == pg);
        let Some((_, bits)) = found else {
            bail!("no placement group {pg} here: `kermes store info --format json` lists them");
        };
        self.put(&Frame::Begin(Begin { pg: Some((pg, bits)), ..begin }))?;
        let (start, end) = range_of(pg, bits);
        for finding in shard.outdated() {
            if finding.object.as_ref().is_none_or(|o| start <= **o && **o < end) {
                self.damage(&finding, Lost::Objects)?;
            }
        }
        let mut scan = ObjectScan::new(&shard.store, &start, &end);
        loop {
            match shard.next_objects(&mut scan)? {
                Next::Done => return Ok(()),
                Next::Lost(mut finding) => {
                    finding.what += "; the objects on it are lost";
                    self.damage(&finding, Lost::Objects)?;
                }
                Next::Objects(found) => {
                    for (o, info) in found {
                        if !shard.outdated.contains_key(&o) {
                            self.object(&mut shard, &o, &info)?;
                        }
                    }
                }
            }
        }
    }

    fn object(&mut self, shard: &mut Shard<'_>, o: &ObjectName, info: &ObjectInfo) -> Result<()> {
        self.put(&Frame::Object { name: (**o).clone(), size: info.size })?;
        let xattrs = shard.look(|store| {
            let mut pairs = Vec::new();
            store.xattrs(o, &mut |k, v| {
                pairs.push((Bytes::copy_from_slice(k), Bytes::copy_from_slice(v)))
            })?;
            Ok(pairs)
        });
        match xattrs {
            Ok(xattrs) => {
                for (name, value) in xattrs {
                    self.put(&Frame::Xattr { name, value })?;
                }
            }
            Err(e) => {
                let finding = Finding::new(format!("xattrs: {e}")).of(o.clone());
                self.damage(&finding, Lost::Xattrs)?;
            }
        }
        self.omap(shard, o, info)?;
        self.data(shard, o, info.size)?;
        self.objects += 1;
        self.put(&Frame::ObjectEnd)
    }

    fn omap(&mut self, shard: &mut Shard<'_>, o: &ObjectName, info: &ObjectInfo) -> Result<()> {
        if info.omap_count == 0 && info.omap_header_bytes == 0 {
            return Ok(());
        }
        match shard.look(|store| store.omap_header(o).map(Bytes::copy_from_slice)) {
            Ok(header) if header.is_empty() => {}
            Ok(header) => self.put(&Frame::OmapHeader(header))?,
            Err(e) => {
                let finding = Finding::new(format!("omap header: {e}")).of(o.clone());
                self.damage(&finding, Lost::Omap)?;
            }
        }
        let mut after: Option<Vec<u8>> = None;
        loop {
            match omap_part(shard, o, after.as_deref()) {
                Ok(pairs) => {
                    let Some((last, _)) = pairs.last() else { return Ok(()) };
                    after = Some(last.clone());
                    let pairs = pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
                    self.put(&Frame::Omap(pairs))?;
                }
                Err(e) => {
                    let behind = match &after {
                        Some(key) => format!(" behind {}", super::show::text_of(key)),
                        None => String::new(),
                    };
                    let what = format!("omap keys{behind}: {e}");
                    return self.damage(&Finding::new(what).of(o.clone()), Lost::Omap);
                }
            }
        }
    }

    fn data(&mut self, shard: &mut Shard<'_>, o: &ObjectName, size: u64) -> Result<()> {
        let mut waiting: VecDeque<(u64, Option<super::shard::Done>)> = VecDeque::new();
        let (mut next, mut ended) = (0, 0);
        while ended < size {
            while next < size && next < ended + READS * READ_BYTES {
                shard.begin_read(o, next, READ_BYTES, next);
                waiting.push_back((next, None));
                next += READ_BYTES;
            }
            while waiting.front().is_some_and(|(_, done)| done.is_none()) {
                let done = shard.next_read()?;
                let place = waiting.iter_mut().find(|(offset, _)| *offset == done.token);
                place.expect("a read of ours").1 = Some(done);
            }
            let (offset, done) = waiting.pop_front().expect("one waits");
            ended = offset + READ_BYTES;
            match done.expect("it has ended").result {
                Ok(data) => self.pieces(offset, data.pieces)?,
                Err(_) => {
                    // Reads under way are waited for first, so that one block at a time is read.
                    for at in 0..waiting.len() {
                        while waiting[at].1.is_none() {
                            let done = shard.next_read()?;
                            let place = waiting.iter_mut().find(|(o, _)| *o == done.token);
                            place.expect("a read of ours").1 = Some(done);
                        }
                    }
                    self.blocks(shard, o, offset, ended.min(size))?;
                }
            }
            self.progress.show(&format!("{} objects, {}", self.objects, human_bytes(self.bytes)));
        }
        Ok(())
    }

    /// One frame for what has no hole in it, however it lies on the device: the same object always
    /// makes the same frames.
    fn pieces(&mut self, mut offset: u64, pieces: Vec<Piece>) -> Result<()> {
        let mut pieces = pieces.into_iter().peekable();
        while let Some(piece) = pieces.next() {
            let data = match piece {
                Piece::Zeros(len) => {
                    offset += len;
                    continue;
                }
                Piece::Data(data) => data,
            };
            let data = match pieces.peek() {
                Some(Piece::Data(_)) => {
                    let mut joined = data.to_vec();
                    while let Some(Piece::Data(more)) =
                        pieces.next_if(|p| matches!(p, Piece::Data(_)))
                    {
                        joined.extend_from_slice(&more);
                    }
                    joined.into()
                }
                _ => data,
            };
            let len = data.len() as u64;
            self.bytes += len;
            self.put(&Frame::Data { offset, data })?;
            offset += len;
        }
        Ok(())
    }

    /// Block by block, where something is damaged.
    fn blocks(&mut self, shard: &mut Shard<'_>, o: &ObjectName, from: u64, end: u64) -> Result<()> {
        for offset in (from..end).step_by(BLOCK_SIZE) {
            let len = (BLOCK_SIZE as u64).min(end - offset);
            match shard.read(o, offset, len)? {
                Ok(data) => self.pieces(offset, data.pieces)?,
                Err(error) => {
                    let finding = finding_of(o, offset, &error);
                    self.damage(&finding, Lost::Data { offset, len })?;
                }
            }
        }
        Ok(())
    }
}
