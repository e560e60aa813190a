//! `kermes store info`, `list` and `dump`.

use super::shard::{Mode, Next, Readers, Shard};
use super::{DeviceArgs, print_json, range_of, range_of_name, shown};
use crate::cmd::connect::{Format, human_bytes};
use crate::cmd::osd;
use crate::out::Lines;
use anyhow::{Result, bail};
use seastore::{Finding, ObjectInfo, ObjectName, ObjectScan};
use serde_json::{Value, json};
use types::{HObject, PgId};

pub fn info(args: &DeviceArgs) -> Result<i32> {
    let (device, sb) = osd::open_store(&args.device, None)?;
    let readers = Readers::new(device);
    let mut shards = Vec::new();
    let mut lines = vec![
        format!("osd.{} of cluster {}", sb.osd.0, sb.cluster),
        format!("osd uuid {}, store uuid {}", sb.osd_uuid, sb.store_uuid),
        format!(
            "{} in {} shards, {} of {}",
            human_bytes(sb.device_bytes),
            sb.shards,
            if sb.zones.is_some() { "zones" } else { "segments" },
            human_bytes(sb.segment_bytes as u64)
        ),
    ];
    for index in 0..sb.shards {
        let one = Shard::mount(&readers, sb, index, Mode::Look)?;
        let (space, report) = (one.store.statfs(), one.report);
        let pgs: Vec<String> = one.store.collections().map(|(pg, _)| pg.to_string()).collect();
        lines.push(format!(
            "shard {index}: {} PGs, {} objects, {} of data and {} of metadata, {} of {} available",
            pgs.len(),
            space.objects,
            human_bytes(space.data),
            human_bytes(space.metadata),
            human_bytes(space.available),
            human_bytes(space.total)
        ));
        lines.push(format!(
            "  {} records replayed, {}{}",
            report.records,
            human_bytes(report.journal_bytes),
            if report.tail_cut { ", the last one cut short" } else { "" }
        ));
        if let Some(finding) = one.damaged_journal() {
            lines.push(format!("  {finding}"));
        }
        if !one.outdated.is_empty() {
            let count = one.outdated.len();
            lines.push(format!("  {count} objects are outdated: `kermes store fsck` names them"));
        }
        let room = one.store.space_report();
        let steps = |h: &[u32]| h.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        lines.push(format!(
            "  segments by tenths of them that live: records {}, pages {}",
            steps(&room.utilisation),
            steps(&room.utilisation_of_pages)
        ));
        lines.push(format!("  {}", one.store.space_line()));
        shards.push(json!({
            "pgs": pgs, "objects": space.objects, "data_bytes": space.data,
            "metadata_bytes": space.metadata, "total_bytes": space.total,
            "available_bytes": space.available, "records_replayed": report.records,
            "journal_bytes": report.journal_bytes, "tail_cut": report.tail_cut,
            "outdated_objects": one.outdated.len(),
            "journal_damaged_at": one.damaged_journal().and_then(|f| f.device_offset),
            "segments": room.segments, "segments_free": room.segments_free,
            "segments_free_wanted": room.segments_free_wanted,
            "utilisation_histogram": room.utilisation,
            "utilisation_histogram_of_pages": room.utilisation_of_pages,
        }));
    }
    match args.format {
        Format::Plain => println!("{}", lines.join("\n")),
        Format::Json => print_json(&json!({
            "osd": sb.osd.0, "cluster": sb.cluster.to_string(),
            "osd_uuid": sb.osd_uuid.to_string(), "store_uuid": sb.store_uuid.to_string(),
            "device_bytes": sb.device_bytes, "segment_bytes": sb.segment_bytes, "shards": shards,
        })),
    }
    Ok(0)
}

pub fn list(args: &DeviceArgs, only: Option<PgId>) -> Result<i32> {
    let (device, sb) = osd::open_store(&args.device, None)?;
    let readers = Readers::new(device);
    let mut out = Lines::new();
    let (mut code, mut met) = (0, false);
    if args.format == Format::Plain {
        out.line("shard pg            bytes xattrs   omap object")?;
    }
    for index in 0..sb.shards {
        let mut one = Shard::mount(&readers, sb, index, Mode::Look)?;
        for finding in one.outdated() {
            let shown = match finding.object {
                Some(_) => "; it is shown as it was before, if at all",
                None => "",
            };
            eprintln!("kermes: shard {index}: {finding}{shown}");
            code = 1;
        }
        let mut pgs: Vec<(PgId, u8)> = one.store.collections().collect();
        pgs.retain(|(pg, _)| only.is_none_or(|only| only == *pg));
        met |= !pgs.is_empty();
        let (start, end) = match (only, pgs.first()) {
            (None, _) => (HObject::min(), HObject::max()),
            (Some(_), Some((pg, bits))) => range_of(*pg, *bits),
            (Some(_), None) => continue,
        };
        let mut scan = ObjectScan::new(&one.store, &start, &end);
        loop {
            match one.next_objects(&mut scan)? {
                Next::Done => break,
                Next::Lost(finding) => {
                    out.flush()?;
                    eprintln!("kermes: shard {index}: {finding}; the objects on it are not listed");
                    code = 1;
                }
                Next::Objects(found) => {
                    for (o, info) in found {
                        let pg = pg_of(&pgs, &o);
                        out.line(match args.format {
                            Format::Plain => line_of(index, pg, &o, &info),
                            Format::Json => json_of(index, pg, &o, &info).to_string(),
                        })?;
                    }
                }
            }
        }
    }
    out.flush()?;
    if let Some(pg) = only
        && !met
    {
        bail!("no placement group {pg} on {}", args.device.display());
    }
    Ok(code)
}

fn pg_of(pgs: &[(PgId, u8)], o: &HObject) -> Option<PgId> {
    let holds = |(pg, bits): &&(PgId, u8)| {
        let mask = ((1u64 << (*bits).min(32)) - 1) as u32;
        pg.pool == o.pool && o.hash & mask == pg.seed & mask
    };
    pgs.iter().find(holds).map(|(pg, _)| *pg)
}

fn line_of(shard: u16, pg: Option<PgId>, o: &HObject, info: &ObjectInfo) -> String {
    let pg = pg.map_or("-".to_owned(), |pg| pg.to_string());
    let (size, xattrs, omap) = (info.size, info.xattr_count, info.omap_count);
    format!("{shard:>5} {pg:<8} {size:>11} {xattrs:>6} {omap:>6} {}", shown(o))
}

fn json_of(shard: u16, pg: Option<PgId>, o: &HObject, info: &ObjectInfo) -> Value {
    json!({
        "shard": shard, "pg": pg.map(|pg| pg.to_string()), "object": shown(o),
        "pool": o.pool.0, "hash": o.hash, "namespace": o.nspace, "key": o.key, "name": o.name,
        "snap": o.snap.0, "size": info.size, "xattrs": info.xattr_count, "omap": info.omap_count,
    })
}

/// The shard and object with this name.
pub fn find<'a>(
    readers: &'a Readers,
    sb: seastore::Superblock,
    mode: Mode,
    wanted: &str,
) -> Result<(Shard<'a>, ObjectName, ObjectInfo)> {
    let (start, end) = range_of_name(wanted)?;
    let mut lost = None;
    for index in 0..sb.shards {
        let mut one = Shard::mount(readers, sb, index, mode)?;
        let outdated = one.outdated().into_iter();
        // Of a damaged journal any object may be missing.
        let wanted_one = |f: &Finding| f.object.as_ref().is_none_or(|o| shown(o) == wanted);
        lost = outdated.filter(wanted_one).map(|f| f.to_string()).next().or(lost);
        let mut scan = ObjectScan::new(&one.store, &start, &end);
        loop {
            match one.next_objects(&mut scan)? {
                Next::Done => break,
                Next::Lost(finding) => lost = Some(finding.to_string()),
                Next::Objects(found) => {
                    for (o, info) in found {
                        if shown(&o) == wanted {
                            return Ok((one, o, info));
                        }
                    }
                }
            }
        }
    }
    match lost {
        Some(lost) => bail!("object {wanted} is not found, perhaps for this: {lost}"),
        None => bail!("no object {wanted}: `kermes store list` prints the names"),
    }
}

pub fn dump(args: &DeviceArgs, wanted: &str) -> Result<i32> {
    let (device, sb) = osd::open_store(&args.device, None)?;
    let readers = Readers::new(device);
    let (mut one, o, info) = find(&readers, sb, Mode::Look, wanted)?;
    let damaged = one.damaged_journal();
    if let Some(finding) = &damaged {
        eprintln!("kermes: shard {}: {finding}", one.index);
    }
    let outdated = one.outdated_one(&o);
    if let Some(finding) = &outdated {
        eprintln!("kermes: shard {}: {finding}; it is shown as it was before", one.index);
    }
    let xattrs = one.look(|store| {
        let mut pairs = Vec::new();
        store.xattrs(&o, &mut |k, v| pairs.push((k.to_vec(), v.to_vec())))?;
        Ok(pairs)
    })?;
    let header = one.look(|store| store.omap_header(&o).map(<[u8]>::to_vec))?;
    let mut out = Lines::new();
    let mut omap = Vec::new();
    match args.format {
        Format::Plain => {
            out.line(format_args!("object  {}", shown(&o)))?;
            out.line(format_args!("shard   {}", one.index))?;
            out.line(format_args!("size    {} bytes", info.size))?;
            out.line(format_args!("xattrs  {}", xattrs.len()))?;
            for (k, v) in &xattrs {
                pair(&mut out, k, v)?;
            }
            out.line(format_args!("omap    {} keys", info.omap_count))?;
            if !header.is_empty() {
                out.line(format_args!("  header, {} bytes: {}", header.len(), short(&header)))?;
            }
        }
        Format::Json => {}
    }
    let mut after: Option<Vec<u8>> = None;
    loop {
        let pairs = omap_part(&mut one, &o, after.as_deref())?;
        let Some((last, _)) = pairs.last() else { break };
        after = Some(last.clone());
        for (k, v) in &pairs {
            match args.format {
                Format::Plain => pair(&mut out, k, v)?,
                Format::Json => omap.push(json!([text_of(k), text_of(v)])),
            }
        }
    }
    if args.format == Format::Json {
        let xattrs: Vec<Value> =
            xattrs.iter().map(|(k, v)| json!([text_of(k), text_of(v)])).collect();
        let mut json = json_of(one.index, None, &o, &info);
        json["xattrs"] = xattrs.into();
        json["omap_header"] = text_of(&header).into();
        json["omap"] = omap.into();
        out.line(json)?;
    }
    out.flush()?;
    Ok((outdated.is_some() || damaged.is_some()) as i32)
}

fn pair(out: &mut Lines, k: &[u8], v: &[u8]) -> Result<()> {
    Ok(out.line(format_args!("  {}, {} bytes: {}", text_of(k), v.len(), short(v)))?)
}

/// The beginning of a value, for eyes: JSON has all of it.
fn short(value: &[u8]) -> String {
    const SHOWN: usize = 64;
    match value.get(..SHOWN) {
        Some(begin) if value.len() > SHOWN => format!("{}...", text_of(begin)),
        _ => text_of(value),
    }
}

/// Pairs of an omap after a key, a bounded number of bytes of them; none at the end.
pub fn omap_part(
    shard: &mut Shard<'_>,
    o: &HObject,
    after: Option<&[u8]>,
) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    const PART_BYTES: usize = 256 << 10;
    shard.look(|store| {
        let (mut pairs, mut bytes) = (Vec::new(), 0);
        store.omap_scan(o, after, b"", &mut |k, v| {
            bytes += k.len() + v.len();
            pairs.push((k.to_vec(), v.to_vec()));
            bytes < PART_BYTES
        })?;
        Ok(pairs)
    })
}

/// Bytes as text, with everything that is not plain ASCII escaped.
pub fn text_of(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
