//! `kermes store fsck`.

use super::shard::{Mode, Next, Readers, Shard};
use super::{DeviceArgs, print_json};
use crate::cmd::connect::{Format, human_bytes};
use crate::out::Lines;
use crate::progress::Progress;
use anyhow::Result;
use seastore::{Check, CheckStep, Finding, ObjectName, ObjectScan, ReadError, Superblock};
use serde_json::json;
use std::collections::BTreeMap;
use types::HObject;
use types::node::BLOCK_SIZE;

/// Bytes of one read of data.
const READ_BYTES: u64 = 1 << 20;
/// Reads of data under way.
const READS: usize = 48;

struct Fsck {
    args_format: Format,
    out: Lines,
    found: Vec<(Option<u16>, Finding)>,
    objects: u64,
    data_bytes: u64,
    progress: Progress,
}

pub fn fsck(args: &DeviceArgs, deep: bool) -> Result<i32> {
    let (device, superblock) = crate::cmd::osd::open_store(&args.device, None)?;
    let mut fsck = Fsck {
        args_format: args.format,
        out: Lines::new(),
        found: Vec::new(),
        objects: 0,
        data_bytes: 0,
        progress: Progress::new("fsck"),
    };
    for offset in superblock.offsets() {
        let why = match device.read(offset, BLOCK_SIZE) {
            Ok(block) => Superblock::decode(&block).err().map(|e| e.to_string()),
            Err(e) => Some(e.to_string()),
        };
        if let Some(why) = why {
            let finding = Finding::new(format!("a copy of the superblock is damaged ({why})"));
            fsck.say(None, finding.at(offset))?;
        }
    }
    let readers = Readers::new(device);
    for index in 0..superblock.shards {
        fsck.shard(&readers, superblock, index, deep)?;
    }
    fsck.end(superblock, deep)
}

impl Fsck {
    fn say(&mut self, shard: Option<u16>, finding: Finding) -> Result<()> {
        if self.args_format == Format::Plain {
            self.progress.hide();
            match shard {
                Some(shard) => self.out.line(format_args!("shard {shard}: {finding}"))?,
                None => self.out.line(&finding)?,
            }
            self.out.flush()?;
        }
        self.found.push((shard, finding));
        Ok(())
    }

    fn shard(&mut self, readers: &Readers, sb: Superblock, index: u16, deep: bool) -> Result<()> {
        let of = format!("shard {} of {}", index + 1, sb.shards);
        self.progress.show(&format!("{of}: journal"));
        let mut shard = match Shard::mount(readers, sb, index, Mode::Look) {
            Ok(shard) => shard,
            Err(e) => {
                let root = e.root_cause().to_string();
                return self.say(Some(index), Finding::new(format!("cannot be mounted: {root}")));
            }
        };
        for finding in shard.outdated() {
            self.say(Some(index), finding)?;
        }
        let pages = shard.store.statfs().metadata / BLOCK_SIZE as u64;
        let mut check = Check::new(&shard.store);
        loop {
            let step = shard.store.check_step(&mut check);
            for finding in check.take_findings() {
                self.say(Some(index), finding)?;
            }
            match step {
                CheckStep::Again => shard.store.trim_cache(),
                CheckStep::Fetch(misses) => {
                    for (i, error) in shard.fetch(&misses)? {
                        check.failed(&misses[i], error);
                    }
                }
                CheckStep::Done => break,
            }
            let done = check.progress().1;
            self.progress.bar(&format!("{of}: metadata"), done, pages);
        }
        self.objects += check.progress().0;
        if deep { self.data(&mut shard, &of) } else { Ok(()) }
    }

    /// Reads every byte of every object.
    fn data(&mut self, shard: &mut Shard<'_>, of: &str) -> Result<()> {
        let all = shard.store.statfs().data;
        let before = self.data_bytes;
        let mut scan = ObjectScan::new(&shard.store, &HObject::min(), &HObject::max());
        let mut under_way: BTreeMap<u64, (ObjectName, u64)> = BTreeMap::new();
        let mut damaged = Vec::new();
        let mut token = 0;
        loop {
            let found = match shard.next_objects(&mut scan)? {
                Next::Objects(found) => found,
                // The check has said it.
                Next::Lost(_) => continue,
                Next::Done => break,
            };
            for (o, info) in found {
                for offset in (0..info.size).step_by(READ_BYTES as usize) {
                    shard.begin_read(&o, offset, READ_BYTES, token);
                    under_way.insert(token, (o.clone(), offset));
                    token += 1;
                    while under_way.len() >= READS {
                        self.take(shard, &mut under_way, &mut damaged)?;
                    }
                    self.progress.bar(&format!("{of}: data"), self.data_bytes - before, all);
                }
            }
            while !damaged.is_empty() && !under_way.is_empty() {
                self.take(shard, &mut under_way, &mut damaged)?;
            }
            for (o, offset) in std::mem::take(&mut damaged) {
                self.name_blocks(shard, &o, offset)?;
            }
        }
        while !under_way.is_empty() {
            self.take(shard, &mut under_way, &mut damaged)?;
        }
        for (o, offset) in damaged {
            self.name_blocks(shard, &o, offset)?;
        }
        Ok(())
    }

    fn take(
        &mut self,
        shard: &mut Shard<'_>,
        under_way: &mut BTreeMap<u64, (ObjectName, u64)>,
        damaged: &mut Vec<(ObjectName, u64)>,
    ) -> Result<()> {
        let done = shard.next_read()?;
        let read = under_way.remove(&done.token).expect("a read of ours");
        match done.result {
            Ok(data) => {
                let data = data.pieces.iter().map(|p| match p {
                    seastore::Piece::Data(d) => d.len() as u64,
                    seastore::Piece::Zeros(_) => 0,
                });
                self.data_bytes += data.sum::<u64>();
            }
            Err(_) => damaged.push(read),
        }
        Ok(())
    }

    /// Reads block by block what could not be read as one.
    fn name_blocks(&mut self, shard: &mut Shard<'_>, o: &ObjectName, from: u64) -> Result<()> {
        let mut last = None;
        for offset in (from..from + READ_BYTES).step_by(BLOCK_SIZE) {
            let Err(error) = shard.read(o, offset, BLOCK_SIZE as u64)? else { continue };
            let finding = finding_of(o, offset, &error);
            // Metadata that are lost concern many blocks; the check has named their page.
            if last.as_ref() != Some(&finding.device_offset) {
                last = Some(finding.device_offset);
                self.say(Some(shard.index), finding)?;
            }
        }
        Ok(())
    }

    fn end(mut self, sb: Superblock, deep: bool) -> Result<i32> {
        self.progress.hide();
        let count = self.found.len();
        match self.args_format {
            Format::Plain => {
                let read = match deep {
                    true => format!(", {} of data read", human_bytes(self.data_bytes)),
                    false => String::new(),
                };
                let verdict = match count {
                    0 => "clean".to_owned(),
                    1 => "1 fault".to_owned(),
                    n => format!("{n} faults"),
                };
                let (shards, objects) = (sb.shards, self.objects);
                self.out
                    .line(format_args!("{shards} shards, {objects} objects{read}: {verdict}"))?;
                self.out.flush()?;
            }
            Format::Json => {
                let faults: Vec<_> = self
                    .found
                    .iter()
                    .map(|(shard, f)| {
                        json!({
                            "shard": shard, "what": f.what,
                            "object": f.object.as_ref().map(|o| o.to_string()),
                            "device_offset": f.device_offset,
                        })
                    })
                    .collect();
                print_json(&json!({
                    "shards": sb.shards, "objects": self.objects, "deep": deep,
                    "data_bytes_read": self.data_bytes, "faults": faults,
                }));
            }
        }
        Ok((count > 0) as i32)
    }
}

/// What the error of a read of one block at `offset` of an object means.
pub fn finding_of(o: &ObjectName, offset: u64, error: &ReadError) -> Finding {
    let bytes = format!("its 4096 bytes from {offset} on");
    match error {
        ReadError::Corrupt(c) => {
            let (found, expected) = (c.found, c.expected);
            let what = format!("{bytes} have checksum {found:#010x}, not {expected:#010x}");
            Finding::new(what).of(o.clone()).at(c.device_offset)
        }
        ReadError::Io { device_offset, error, .. } => {
            Finding::new(format!("{bytes} cannot be read ({error})"))
                .of(o.clone())
                .at(*device_offset)
        }
        ReadError::Metadata { device_offset, .. } => {
            Finding::new(format!("{bytes} and more cannot be found: their metadata are damaged"))
                .of(o.clone())
                .at(*device_offset)
        }
        other => Finding::new(format!("{bytes}: {other}")).of(o.clone()),
    }
}
