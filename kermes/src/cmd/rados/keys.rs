//! Attributes and omaps.

use super::super::connect::{Format, Pool};
use super::{printable, value_bytes};
use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use clap::Subcommand;
use client::Failure;
use messenger::messages::Op;
use std::io::Write;
use types::{Decode, DecodeError, Reader};

#[derive(Debug, Subcommand)]
pub enum XattrCommand {
    /// Print the value of an attribute, byte for byte
    Get { object: String, attribute: String },
    /// Set an attribute; the object is created if there is none
    Set {
        object: String,
        attribute: String,
        value: Option<String>,
        /// Take the value from a file ('-' for stdin)
        #[arg(long)]
        file: Option<String>,
    },
    /// Remove an attribute
    Rm { object: String, attribute: String },
    /// List names and sizes of the attributes
    Ls { object: String },
}

#[derive(Debug, Subcommand)]
pub enum OmapCommand {
    /// Print the value of a key, byte for byte
    Get { object: String, key: String },
    /// Set a key; the object is created if there is none
    Set {
        object: String,
        key: String,
        value: Option<String>,
        /// Take the value from a file ('-' for stdin)
        #[arg(long)]
        file: Option<String>,
    },
    /// Remove keys
    Rm {
        object: String,
        #[arg(required = true)]
        keys: Vec<String>,
    },
    /// List keys with their values
    Ls {
        object: String,
        /// Only keys that start with this
        #[arg(long, default_value = "")]
        prefix: String,
        /// Keys without values
        #[arg(long)]
        keys: bool,
    },
    /// Remove all keys
    Clear { object: String },
    /// Print the header, byte for byte
    GetHeader { object: String },
    /// Set the header
    SetHeader { object: String, value: String },
}

/// Keys per request.
const BATCH: u64 = 1024;

fn bad(_: DecodeError) -> anyhow::Error {
    Failure::BadReply.into()
}

fn print_raw(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}

fn print_pairs(pairs: &[(Bytes, Bytes)], format: Format) {
    match format {
        Format::Plain => {
            for (key, value) in pairs {
                println!("{}\t{}", printable(key), printable(value));
            }
        }
        Format::Json => {
            let pair = |(k, v): &(Bytes, Bytes)| serde_json::json!({ "key": printable(k), "value": printable(v) });
            println!("{}", serde_json::Value::Array(pairs.iter().map(pair).collect()));
        }
    }
}

pub async fn xattr(pool: &Pool, command: XattrCommand, format: Format) -> Result<()> {
    match command {
        XattrCommand::Get { object, attribute: name } => {
            let reply = pool.op(&object, vec![Op::get_xattr(name.as_bytes())]).await;
            let reply = reply.with_context(|| format!("attribute {name} of {object}"))?;
            print_raw(&reply.output(0).to_bytes())
        }
        XattrCommand::Set { object, attribute: name, value, file } => {
            let value = value_bytes(value, file)?;
            let op = Op::set_xattr(name.as_bytes(), &value);
            let done = pool.op(&object, vec![op]).await;
            done.with_context(|| format!("attribute {name} of {object}")).map(drop)
        }
        XattrCommand::Rm { object, attribute: name } => {
            // The OSD does not mind if there is none; whoever types it does.
            let ops = vec![Op::get_xattr(name.as_bytes())];
            let there = pool.op(&object, ops).await;
            there.with_context(|| format!("attribute {name} of {object}"))?;
            let done = pool.op(&object, vec![Op::rm_xattr(name.as_bytes())]).await;
            done.with_context(|| format!("attribute {name} of {object}")).map(drop)
        }
        XattrCommand::Ls { object } => {
            let reply = pool.op(&object, vec![Op::get_xattrs()]).await;
            let reply = reply.with_context(|| format!("attributes of {object}"))?;
            let pairs = pairs(&reply.output(0).to_bytes())?;
            print_pairs(&pairs, format);
            Ok(())
        }
    }
}

fn pairs(bytes: &[u8]) -> Result<Vec<(Bytes, Bytes)>> {
    Decode::from_slice(bytes).map_err(bad)
}

pub async fn omap(pool: &Pool, command: OmapCommand, format: Format) -> Result<()> {
    let context = |object: &str| format!("omap of {object}");
    match command {
        OmapCommand::Get { object, key } => {
            let keys = [Bytes::from(key.clone())];
            let reply = pool.op(&object, vec![Op::omap_get_vals_by_keys(&keys)]).await;
            let found = pairs(&reply.with_context(|| context(&object))?.output(0).to_bytes())?;
            match found.first() {
                Some((_, value)) => print_raw(value),
                None => Err(anyhow!("omap of {object} has no key {key}")),
            }
        }
        OmapCommand::Set { object, key, value, file } => {
            let pair = (Bytes::from(key), value_bytes(value, file)?);
            let done = pool.op(&object, vec![Op::omap_set_vals(&[pair])]).await;
            done.with_context(|| context(&object)).map(drop)
        }
        OmapCommand::Rm { object, keys } => {
            let keys: Vec<Bytes> = keys.into_iter().map(Bytes::from).collect();
            let done = pool.op(&object, vec![Op::omap_rm_keys(&keys)]).await;
            done.with_context(|| context(&object)).map(drop)
        }
        OmapCommand::Ls { object, prefix, keys } => {
            let mut found = omap_pairs(pool, &object, &prefix).await?;
            if keys && format == Format::Plain {
                found.iter().for_each(|(key, _)| println!("{}", printable(key)));
                return Ok(());
            }
            if keys {
                found.iter_mut().for_each(|(_, value)| value.clear());
            }
            print_pairs(&found, format);
            Ok(())
        }
        OmapCommand::Clear { object } => {
            let done = pool.op(&object, vec![Op::omap_clear()]).await;
            done.with_context(|| context(&object)).map(drop)
        }
        OmapCommand::GetHeader { object } => {
            let reply = pool.op(&object, vec![Op::omap_get_header()]).await;
            print_raw(&reply.with_context(|| context(&object))?.output(0).to_bytes())
        }
        OmapCommand::SetHeader { object, value } => {
            let done = pool.op(&object, vec![Op::omap_set_header(value.into())]).await;
            done.with_context(|| context(&object)).map(drop)
        }
    }
}

async fn omap_pairs(pool: &Pool, object: &str, prefix: &str) -> Result<Vec<(Bytes, Bytes)>> {
    let mut all: Vec<(Bytes, Bytes)> = Vec::new();
    loop {
        let after = all.last().map(|(key, _)| key.clone()).unwrap_or_default();
        let op = Op::omap_get_vals(&after, prefix.as_bytes(), BATCH);
        let reply = pool.op(object, vec![op]).await;
        let bytes = reply.with_context(|| format!("omap of {object}"))?.output(0).to_bytes();
        let mut r = Reader::new(&bytes);
        let batch: Vec<(Bytes, Bytes)> = r.get().map_err(bad)?;
        let more = r.bool().map_err(bad)? && !batch.is_empty();
        all.extend(batch);
        if !more {
            return Ok(all);
        }
    }
}
