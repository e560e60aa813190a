//! `kermes store`: looks at a device that no OSD is using.
//!
//! Nothing is written: what a mount would append to the journal stays in memory.

use super::connect::Format;
use super::osd::{self, MkfsArgs};
use crate::progress::Progress;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use runtime::device::Device;
use seastore::{
    IoCompletion, Miss, MountReport, ObjectInfo, ObjectName, ReadData, ReadError, ReadStart, Store,
    StoreConfig, StoreEffect, StoreEvent, Superblock,
};
use serde_json::{Value, json};
use std::path::PathBuf;
use types::HObject;

/// Bytes read at once from one object.
const READ_BYTES: u64 = 4 << 20;

/// Make, check and look into the object store on a device
///
/// The device must not be in use. Nothing but `mkfs` writes to it.
#[derive(Debug, Args)]
pub struct StoreArgs {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    Mkfs(Box<MkfsArgs>),
    /// Check every tree, reference count, account and checksum of metadata; with --deep all data
    ///
    /// One line for each finding. Exit code 0 without findings, 1 with some.
    Fsck {
        #[command(flatten)]
        device: DeviceArgs,
        /// Read and verify all data too
        #[arg(long)]
        deep: bool,
    },
    /// Whose it is, how it is divided, what it holds
    Info {
        #[command(flatten)]
        device: DeviceArgs,
    },
    /// Names and sizes of all objects, by shard and in order
    List {
        #[command(flatten)]
        device: DeviceArgs,
    },
    /// Everything of one object but its data
    Dump {
        #[command(flatten)]
        device: DeviceArgs,
        /// The object's name as `list` prints it
        object: String,
    },
}

#[derive(Debug, Args)]
struct DeviceArgs {
    /// Block device or file that `kermes osd mkfs` has prepared
    #[arg(long)]
    device: PathBuf,
    #[arg(long, value_enum, default_value_t = Format::Plain)]
    format: Format,
}

/// One shard, mounted from a device that is not written to.
struct Shard<'a> {
    device: &'a Device,
    store: Store,
    fx: Vec<StoreEffect>,
    events: Vec<StoreEvent>,
    report: MountReport,
}

impl<'a> Shard<'a> {
    fn mount(device: &'a Device, superblock: Superblock, shard: u16) -> Result<Self> {
        let store = Store::open(StoreConfig::new(superblock, shard, 0));
        let (fx, events) = (Vec::new(), Vec::new());
        let report = MountReport::default();
        let mut this = Self { device, store, fx, events, report };
        this.store.mount(&mut this.fx);
        loop {
            this.perform();
            for event in std::mem::take(&mut this.events) {
                match event {
                    StoreEvent::Mounted(report) => {
                        this.report = report;
                        return Ok(this);
                    }
                    StoreEvent::Failed(e) => return Err(e).context(format!("shard {shard}")),
                    _ => {}
                }
            }
            if this.fx.is_empty() {
                bail!("shard {shard}: the mount does not end");
            }
        }
    }

    /// Performs what the store asks for; writes are answered and forgotten.
    fn perform(&mut self) {
        for effect in std::mem::take(&mut self.fx) {
            let done = match effect {
                StoreEffect::Read { io, offset, len } => {
                    IoCompletion::Read { io, result: self.device.read(offset, len) }
                }
                StoreEffect::Write { io, .. } => IoCompletion::Write { io, result: Ok(()) },
                StoreEffect::Flush { io } => IoCompletion::Flush { io, result: Ok(()) },
                StoreEffect::Discard { io, .. } => IoCompletion::Discard { io, result: Ok(()) },
            };
            self.store.on_io(done, &mut self.events, &mut self.fx);
        }
        self.store.take_events(&mut self.events);
    }

    /// Looks at metadata, and has fetched what is missing.
    fn look<T>(&mut self, look: impl Fn(&Store) -> std::result::Result<T, Miss>) -> Result<T> {
        loop {
            let miss = match look(&self.store) {
                Ok(seen) => return Ok(seen),
                Err(miss) => miss,
            };
            self.store.fetch(&miss, 0, &mut self.fx);
            self.store.take_events(&mut self.events);
            loop {
                let fetched = |e: &StoreEvent| matches!(e, StoreEvent::Fetched { .. });
                if let Some(at) = self.events.iter().position(fetched) {
                    if let StoreEvent::Fetched { result: Err(e), .. } = self.events.remove(at) {
                        return Err(sentence(&e));
                    }
                    break;
                }
                self.perform();
            }
        }
    }

    fn read(&mut self, o: &HObject, offset: u64) -> Result<ReadData> {
        let started = self.store.read(o, offset, READ_BYTES, 1, &mut self.fx);
        match started.map_err(|e| sentence(&e))? {
            ReadStart::Ready(data) => Ok(data),
            ReadStart::Pending => loop {
                self.perform();
                let done = |e: &StoreEvent| matches!(e, StoreEvent::ReadDone { .. });
                if let Some(at) = self.events.iter().position(done)
                    && let StoreEvent::ReadDone { result, .. } = self.events.remove(at)
                {
                    return result.map_err(|e| sentence(&e));
                }
            },
        }
    }

    fn objects(&mut self) -> Result<Vec<ObjectName>> {
        self.look(|store| store.list(&HObject::min(), &HObject::max(), usize::MAX))
    }
    fn stat(&mut self, o: &HObject) -> Result<ObjectInfo> {
        Ok(self.look(|store| store.stat(o))?.unwrap_or_default())
    }
}

/// An error that names an object stays with its thread; its sentence may go.
fn sentence(e: &ReadError) -> anyhow::Error {
    anyhow::anyhow!("{e}")
}

pub fn run(args: &StoreArgs) -> Result<i32> {
    match &args.command {
        StoreCommand::Mkfs(args) => osd::mkfs(args).map(|()| 0),
        StoreCommand::Fsck { device, deep } => fsck(device, *deep),
        StoreCommand::Info { device } => info(device),
        StoreCommand::List { device } => list(device),
        StoreCommand::Dump { device, object } => dump(device, object),
    }
}

fn say(format: Format, json: &Value, text: &str) {
    match format {
        Format::Plain => println!("{text}"),
        Format::Json => println!("{json}"),
    }
}

fn fsck(args: &DeviceArgs, deep: bool) -> Result<i32> {
    let (device, superblock) = osd::open_store(&args.device, None)?;
    let mut progress = Progress::new("fsck");
    let (mut findings, mut objects, mut bytes) = (Vec::new(), 0u64, 0u64);
    for shard in 0..superblock.shards {
        progress.show(&format!("shard {shard} of {}", superblock.shards));
        let mut one = match Shard::mount(&device, superblock, shard) {
            Ok(one) => one,
            Err(e) => {
                findings.push(format!("{e:#}"));
                continue;
            }
        };
        match one.look(|store| store.check()) {
            Ok(found) => findings.extend(found.into_iter().map(|f| format!("shard {shard}: {f}"))),
            Err(e) => findings.push(format!("shard {shard}: {e}")),
        }
        let names = one.objects().unwrap_or_default();
        objects += names.len() as u64;
        for (i, o) in names.iter().enumerate().filter(|_| deep) {
            progress.show(&format!(
                "shard {shard} of {}, object {i} of {}, {} MiB read",
                superblock.shards,
                names.len(),
                bytes >> 20
            ));
            let size = one.stat(o).map_or(0, |info| info.size);
            for offset in (0..size).step_by(READ_BYTES as usize) {
                match one.read(o, offset) {
                    Ok(data) => bytes += data.len(),
                    Err(e) => findings.push(format!("shard {shard}: {e}")),
                }
            }
        }
    }
    drop(progress);
    if args.format == Format::Plain {
        findings.iter().for_each(|f| println!("{f}"));
    }
    let verdict = match findings.len() {
        0 => "clean".to_owned(),
        n => format!("{n} findings"),
    };
    let read = if deep { format!(", {bytes} bytes of data read") } else { String::new() };
    let text = format!("{} shards, {objects} objects{read}: {verdict}", superblock.shards);
    let json = json!({
        "shards": superblock.shards, "objects": objects, "data_bytes_read": bytes,
        "findings": findings,
    });
    say(args.format, &json, &text);
    Ok(!findings.is_empty() as i32)
}

fn info(args: &DeviceArgs) -> Result<i32> {
    let (device, sb) = osd::open_store(&args.device, None)?;
    let mut shards = Vec::new();
    let mut lines = vec![format!(
        "osd.{} of cluster {}\nosd uuid {}, store uuid {}\n{} bytes, {} shards, segments of {} bytes",
        sb.osd.0,
        sb.cluster,
        sb.osd_uuid,
        sb.store_uuid,
        sb.device_bytes,
        sb.shards,
        sb.segment_bytes
    )];
    for shard in 0..sb.shards {
        let one = Shard::mount(&device, sb, shard)?;
        let (space, report) = (one.store.statfs(), one.report);
        lines.push(format!(
            "shard {shard}: {} objects, {} bytes of data and {} of metadata, {} of {} available; \
             {} records replayed, {} bytes{}\n  {}",
            space.objects,
            space.data,
            space.metadata,
            space.available,
            space.total,
            report.records,
            report.journal_bytes,
            if report.tail_cut { ", the last one cut short" } else { "" },
            one.store.space_line()
        ));
        shards.push(json!({
            "objects": space.objects, "data_bytes": space.data, "metadata_bytes": space.metadata,
            "total_bytes": space.total, "available_bytes": space.available,
            "records_replayed": report.records, "journal_bytes": report.journal_bytes,
            "tail_cut": report.tail_cut,
        }));
    }
    let json = json!({
        "osd": sb.osd.0, "cluster": sb.cluster.to_string(), "osd_uuid": sb.osd_uuid.to_string(),
        "store_uuid": sb.store_uuid.to_string(), "device_bytes": sb.device_bytes,
        "segment_bytes": sb.segment_bytes, "shards": shards,
    });
    say(args.format, &json, &lines.join("\n"));
    Ok(0)
}

fn list(args: &DeviceArgs) -> Result<i32> {
    let (device, superblock) = osd::open_store(&args.device, None)?;
    let mut failed = 0;
    for shard in 0..superblock.shards {
        let mut one = Shard::mount(&device, superblock, shard)?;
        for o in one.objects()? {
            match one.stat(&o) {
                Ok(info) => {
                    let json = json!({
                        "shard": shard, "object": o.to_string(), "size": info.size,
                        "xattrs": info.xattr_count, "omap": info.omap_count,
                    });
                    say(args.format, &json, &format!("{shard:>3} {:>12} {o}", info.size));
                }
                Err(e) => {
                    eprintln!("kermes: shard {shard}: {o}: {e}");
                    failed = 1;
                }
            }
        }
    }
    Ok(failed)
}

fn dump(args: &DeviceArgs, wanted: &str) -> Result<i32> {
    let (device, superblock) = osd::open_store(&args.device, None)?;
    for shard in 0..superblock.shards {
        let mut one = Shard::mount(&device, superblock, shard)?;
        let Some(o) = one.objects()?.into_iter().find(|o| o.to_string() == wanted) else {
            continue;
        };
        let info = one.stat(&o)?;
        let xattrs = one.look(|store| {
            let mut pairs = Vec::new();
            store.xattrs(&o, &mut |k, v| pairs.push((k.to_vec(), v.to_vec())))?;
            Ok(pairs)
        })?;
        let omap = one.look(|store| {
            let mut pairs = Vec::new();
            store.omap_scan(&o, None, b"", &mut |k, v| {
                pairs.push((k.to_vec(), v.to_vec()));
                true
            })?;
            Ok(pairs)
        })?;
        let header = one.look(|store| store.omap_header(&o).map(<[u8]>::to_vec))?;
        let pairs = |pairs: &[(Vec<u8>, Vec<u8>)]| -> Vec<Value> {
            let one = |(k, v): &(Vec<u8>, Vec<u8>)| json!([text_of(k), text_of(v)]);
            pairs.iter().map(one).collect()
        };
        let json = json!({
            "shard": shard, "object": wanted, "size": info.size, "xattrs": pairs(&xattrs),
            "omap_header": text_of(&header), "omap": pairs(&omap),
        });
        let mut lines = vec![format!("{wanted} in shard {shard}: {} bytes", info.size)];
        let line = |what: &str, k: &[u8], v: &[u8]| {
            format!("  {what} {} = {} ({} bytes)", text_of(k), text_of(v), v.len())
        };
        lines.extend(xattrs.iter().map(|(k, v)| line("xattr", k, v)));
        if !header.is_empty() {
            lines.push(format!("  omap header {} ({} bytes)", text_of(&header), header.len()));
        }
        lines.extend(omap.iter().map(|(k, v)| line("omap", k, v)));
        say(args.format, &json, &lines.join("\n"));
        return Ok(0);
    }
    bail!("no object {wanted}: `kermes store list` prints the names")
}

/// Bytes as text, with everything that is not plain ASCII escaped.
fn text_of(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
