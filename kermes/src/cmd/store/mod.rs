//! `kermes store`: makes, checks and looks into the object store on a device that no OSD is using,
//! and carries objects and placement groups from one device to another.
//!
//! But for `mkfs` and `import` nothing is written: what a mount would append to the journal stays in
//! memory.

mod export;
mod file;
mod fsck;
mod import;
mod shard;
mod show;

use super::connect::Format;
use super::osd::{self, MkfsArgs};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::path::PathBuf;
use types::{HObject, PgId, PoolId};

/// From the first object on, before the second.
type Range = (HObject, HObject);

/// Make, check and look into the object store on a device
///
/// The device must not be in use: stop its OSD first. Only `mkfs` and `import` write to it.
///
/// Exit codes: 0 done, and nothing is wrong; 1 done, and something is wrong with the store, which was
/// said; 2 it could not be done.
#[derive(Debug, Args)]
pub struct StoreArgs {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// Make an empty store on a block device or file
    ///
    /// As `kermes osd mkfs`. Refuses to overwrite anything without --force.
    Mkfs(Box<MkfsArgs>),
    /// Check every tree, reference count, checksum of metadata and free-space figure
    ///
    /// One line for each fault: what is wrong, which object is hurt, where on the device. Goes on past
    /// damage. With --deep all data are read too, many reads at a time.
    ///
    /// Exit codes: 0 clean; 1 faults were found; 2 the device cannot be opened or holds no store.
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
    /// Placement groups and objects, by shard and in order
    List {
        #[command(flatten)]
        device: DeviceArgs,
        /// Only this placement group, with its own metadata: 3.1f
        #[arg(long, value_name = "PG", value_parser = parse_pg)]
        pg: Option<PgId>,
    },
    /// Everything of one object but its data
    ///
    /// Values are shown with their first 64 bytes; --format json has them whole.
    Dump {
        #[command(flatten)]
        device: DeviceArgs,
        /// The object's name as `list` prints it
        #[arg(allow_hyphen_values = true)]
        object: String,
    },
    /// Write one object or placement group to a file
    ///
    /// Data (holes stay holes), xattrs, omap, and of a placement group its log and state: all that an
    /// OSD needs to use it where it is imported. Bytes that are damaged end the export, unless
    /// --skip-damaged: then they are said, left out and noted in the file.
    ///
    /// Exit codes: 0 exported whole; 1 exported without what is damaged; 2 not exported, no file is left.
    Export {
        #[command(flatten)]
        device: DeviceArgs,
        #[command(flatten)]
        what: What,
        /// File to make; it must not exist
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// Leave out what is damaged and go on
        #[arg(long)]
        skip_damaged: bool,
    },
    /// Put what `export` wrote into a store
    ///
    /// The whole file is verified before anything is written: a damaged or cut one changes nothing. A
    /// placement group becomes known to the store with the last transaction; of an import that is cut
    /// short no OSD sees anything, and --force begins anew.
    ///
    /// Exit codes: 0 imported; 1 imported, and the file says that something was lost before; 2 not
    /// imported.
    Import {
        #[command(flatten)]
        device: DeviceArgs,
        /// File that `export` wrote
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// Replace the object or placement group that is there; take one of another cluster
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Args)]
struct DeviceArgs {
    /// Block device or file that `kermes osd mkfs` has prepared
    #[arg(long, value_name = "PATH")]
    device: PathBuf,
    #[arg(long, value_enum, default_value_t = Format::Plain)]
    format: Format,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// A placement group: 3.1f
    #[arg(long, value_name = "PG", value_parser = parse_pg)]
    pg: Option<PgId>,
    /// An object, by its name as `list` prints it
    #[arg(long, value_name = "OBJECT", allow_hyphen_values = true)]
    object: Option<String>,
}

fn parse_pg(text: &str) -> Result<PgId, String> {
    let wrong = || format!("{text} is not a placement group, for example 3.1f");
    let (pool, seed) = text.split_once('.').ok_or_else(wrong)?;
    let pool = pool.parse().map_err(|_| wrong())?;
    let seed = u32::from_str_radix(seed, 16).map_err(|_| wrong())?;
    Ok(PgId { pool: PoolId(pool), seed })
}

pub fn run(args: &StoreArgs) -> Result<i32> {
    let result = match &args.command {
        StoreCommand::Mkfs(args) => osd::mkfs(args).map(|()| 0),
        StoreCommand::Fsck { device, deep } => fsck::fsck(device, *deep),
        StoreCommand::Info { device } => show::info(device),
        StoreCommand::List { device, pg } => show::list(device, *pg),
        StoreCommand::Dump { device, object } => show::dump(device, object),
        StoreCommand::Export { device, what, file, skip_damaged } => {
            export::export(device, what, file, *skip_damaged)
        }
        StoreCommand::Import { device, file, force } => import::import(device, file, *force),
    };
    result.or_else(|e| {
        eprintln!("kermes: {e:#}");
        Ok(2)
    })
}

fn print_json(json: &Value) {
    println!("{json}");
}

/// All objects of a PG that fixes so many bits of the hash, its meta object first, and where the
/// next PG begins.
fn range_of(pg: PgId, bits: u8) -> Range {
    let first = pg.seed.reverse_bits();
    let span = u32::MAX.checked_shr(bits as u32).unwrap_or(0);
    let end = match (first | span).checked_add(1) {
        Some(next) => HObject::lower_bound(pg.pool, next.reverse_bits()),
        None => HObject::lower_bound(PoolId(pg.pool.0 + 1), 0),
    };
    (HObject::lower_bound(pg.pool, pg.seed), end)
}

/// Name of an object on one line.
fn shown(o: &HObject) -> String {
    let name = o.to_string();
    if name.contains(char::is_control) { name.escape_debug().to_string() } else { name }
}

/// Where to look for the object with this name.
fn range_of_name(name: &str) -> Result<Range> {
    let mut parts = name.splitn(3, ':');
    let pool = parts.next().and_then(|p| p.parse::<i64>().ok());
    let hash = parts.next().and_then(|h| u32::from_str_radix(h, 16).ok());
    let (Some(pool), Some(reversed)) = (pool, hash) else {
        bail!("{name} is not an object's name: `kermes store list` prints them");
    };
    let bound = |reversed: u32| HObject::lower_bound(PoolId(pool), reversed.reverse_bits());
    let end = match reversed.checked_add(1) {
        Some(next) => bound(next),
        None => HObject::lower_bound(PoolId(pool + 1), 0),
    };
    Ok((bound(reversed), end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_the_objects_of_its_pg() {
        for bits in [0u8, 1, 3, 8, 32] {
            let mask = ((1u64 << bits) - 1) as u32;
            for n in 0..500u32 {
                let o = HObject::head(PoolId(3), "", "", &format!("o{n}"));
                let pg = PgId { pool: PoolId(3), seed: 5 & mask };
                let (start, end) = range_of(pg, bits);
                let inside = start <= o && o < end;
                assert_eq!(inside, o.hash & mask == pg.seed, "{bits} {o}");
            }
        }
    }

    #[test]
    fn an_object_is_found_by_its_name() {
        let o = HObject::head(PoolId(-1000), "n", "", "a:b\n");
        let (start, end) = range_of_name(&shown(&o)).unwrap();
        assert!(start <= o && o < end);
        assert!(range_of_name("nonsense").is_err());
    }
}
