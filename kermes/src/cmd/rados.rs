//! `kermes rados`: objects, from the command line.

pub mod bench;
mod keys;
mod usage;

use super::connect::{Cluster, ConnectArgs, Format, FormatArgs, Pool, block_on, unexpected};
use anyhow::{Context, Result, anyhow, bail};
use bytes::{Bytes, BytesMut};
use clap::{Args, Subcommand};
use client::{Completion, Failure, Request};
use messenger::messages::Op;
use messenger::messages::op::ALL_NSPACES;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::process::ExitCode;
use types::{Decode, HObject, UTime};

/// Objects of a pool: put, get, list, attributes, omap, usage, benchmark
///
/// An object has a name, data (up to 128 MiB by default), attributes and an omap, a sorted map of
/// keys and values. FILE may be '-' for stdin or stdout.
///
/// Examples:
///   kermes rados -p mypool put greeting hello.txt
///   kermes rados -p mypool get greeting -
///   kermes rados -p mypool -N tenant1 ls
///   kermes rados -p mypool bench 10 write -b 4K -t 16 --no-cleanup
///
/// Exit code: 0 done, 1 an error, 2 wrong usage. Works with any cluster that speaks Ceph's protocol.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct RadosArgs {
    #[command(flatten)]
    pub connect: ConnectArgs,
    #[command(flatten)]
    pub format: FormatArgs,
    /// Pool to work in
    #[arg(short = 'p', long, global = true)]
    pub pool: Option<String>,
    /// Namespace within the pool
    #[arg(short = 'N', long, global = true, default_value = "")]
    pub namespace: String,
    #[command(subcommand)]
    pub command: RadosCommand,
}

#[derive(Debug, Subcommand)]
pub enum RadosCommand {
    /// Store FILE as an object, replacing what was there
    Put { object: String, file: String },
    /// Fetch an object into FILE
    Get { object: String, file: String },
    /// Remove objects
    Rm {
        #[arg(required = true)]
        objects: Vec<String>,
    },
    /// List the objects of the namespace, one per line, in no particular order
    Ls {
        /// Of every namespace: namespace, tab, object
        #[arg(long)]
        all: bool,
    },
    /// Size and time of the last change
    Stat { object: String },
    /// Add FILE to the end of an object
    Append { object: String, file: String },
    /// Cut an object, or extend it with zeros, to SIZE bytes
    Truncate { object: String, size: u64 },
    /// Make an empty object; fails if it exists
    Create { object: String },
    /// Attributes: small values by name
    #[command(subcommand)]
    Xattr(keys::XattrCommand),
    /// The sorted map of keys and values of an object
    #[command(subcommand)]
    Omap(keys::OmapCommand),
    /// Names of all pools
    Lspools,
    /// Usage by pool and of the cluster
    Df,
    /// Measure reads or writes of whole objects
    Bench(bench::BenchArgs),
    /// Remove the objects that `bench --no-cleanup` left
    Cleanup {
        /// The run's name
        #[arg(long, default_value = bench::RUN_NAME)]
        run_name: String,
    },
}

/// Bytes per request, and requests under way, when a file is moved.
const CHUNK: usize = 4 << 20;
const WINDOW: usize = 8;
/// Names per request of a listing.
const PAGE: u64 = 1000;

pub fn run(args: RadosArgs) -> Result<ExitCode> {
    block_on(async move {
        let cluster = Cluster::connect(&args.connect).await?;
        let format = args.format.format;
        match args.command {
            RadosCommand::Lspools => usage::lspools(&cluster, format).await?,
            RadosCommand::Df => usage::df(&cluster, format).await?,
            command => {
                let name = args.pool.ok_or_else(|| anyhow!("which pool? give -p POOL"))?;
                let mut pool = cluster.pool(&name).await?;
                pool.nspace = args.namespace;
                run_in_pool(&pool, &name, command, format).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn run_in_pool(pool: &Pool, name: &str, command: RadosCommand, format: Format) -> Result<()> {
    match command {
        RadosCommand::Put { object, file } => {
            put(pool, &object, &file).await.with_context(|| format!("put {name}/{object}"))
        }
        RadosCommand::Get { object, file } => {
            get(pool, &object, &file).await.with_context(|| format!("get {name}/{object}"))
        }
        RadosCommand::Rm { objects } => {
            for object in objects {
                let removed = pool.op(&object, vec![Op::delete()]).await;
                removed.with_context(|| format!("rm {name}/{object}"))?;
            }
            Ok(())
        }
        RadosCommand::Ls { all } => ls(pool, all, format).await.context("ls"),
        RadosCommand::Stat { object } => {
            stat(pool, name, &object, format).await.with_context(|| format!("stat {name}/{object}"))
        }
        RadosCommand::Append { object, file } => {
            let mut source = open_source(&file)?;
            while let Some(chunk) = read_chunk(&mut *source).with_context(|| file.clone())? {
                let done = pool.op(&object, vec![Op::append(chunk)]).await;
                done.with_context(|| format!("append {name}/{object}"))?;
            }
            Ok(())
        }
        RadosCommand::Truncate { object, size } => {
            let done = pool.op(&object, vec![Op::truncate(size)]).await;
            done.with_context(|| format!("truncate {name}/{object}")).map(drop)
        }
        RadosCommand::Create { object } => {
            let done = pool.op(&object, vec![Op::create(true)]).await;
            done.with_context(|| format!("create {name}/{object}")).map(drop)
        }
        RadosCommand::Xattr(command) => keys::xattr(pool, command, format).await,
        RadosCommand::Omap(command) => keys::omap(pool, command, format).await,
        RadosCommand::Bench(args) => bench::run(pool, args, format).await,
        RadosCommand::Cleanup { run_name } => bench::cleanup(pool, &run_name).await,
        RadosCommand::Lspools | RadosCommand::Df => unreachable!("handled by the caller"),
    }
}

fn open_source(file: &str) -> Result<Box<dyn Read>> {
    if file == "-" {
        return Ok(Box::new(std::io::stdin()));
    }
    Ok(Box::new(std::fs::File::open(file).with_context(|| file.to_owned())?))
}

/// Up to [`CHUNK`] bytes; `None` at the end.
fn read_chunk(source: &mut dyn Read) -> std::io::Result<Option<Bytes>> {
    let mut buf = BytesMut::zeroed(CHUNK);
    let mut len = 0;
    while len < CHUNK {
        match source.read(&mut buf[len..]) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    buf.truncate(len);
    Ok((len > 0).then(|| buf.freeze()))
}

async fn put(pool: &Pool, object: &str, file: &str) -> Result<()> {
    let mut source = open_source(file)?;
    let mut under_way: VecDeque<tokio::task::JoinHandle<Result<()>>> = VecDeque::new();
    let mut offset = 0u64;
    loop {
        let chunk = read_chunk(&mut *source).with_context(|| file.to_owned())?;
        let op = match chunk {
            // The first write replaces the object, so that nothing of an older, longer one is left.
            None if offset == 0 => Op::write_full(Bytes::new()),
            None => break,
            Some(chunk) if offset == 0 => Op::write_full(chunk),
            Some(chunk) => Op::write(offset, chunk),
        };
        let len = op.input.len() as u64;
        offset += len;
        let (pool, object) = (pool.clone(), object.to_owned());
        under_way.push_back(tokio::task::spawn_local(async move {
            pool.op(&object, vec![op]).await.map(drop)
        }));
        if under_way.len() == WINDOW {
            under_way.pop_front().expect("it is full").await??;
        }
        if len == 0 {
            break;
        }
    }
    for write in under_way {
        write.await??;
    }
    Ok(())
}

async fn get(pool: &Pool, object: &str, file: &str) -> Result<()> {
    let (size, _) = size_and_mtime(pool, object).await?;
    let mut target: Box<dyn Write> = match file {
        "-" => Box::new(std::io::stdout().lock()),
        path => Box::new(std::fs::File::create(path).with_context(|| file.to_owned())?),
    };
    let mut under_way = VecDeque::new();
    let mut offset = 0u64;
    let read = |offset: u64| {
        let (pool, object) = (pool.clone(), object.to_owned());
        let len = CHUNK as u64;
        tokio::task::spawn_local(async move { pool.op(&object, vec![Op::read(offset, len)]).await })
    };
    loop {
        while offset < size && under_way.len() < WINDOW {
            under_way.push_back(read(offset));
            offset += CHUNK as u64;
        }
        let Some(next) = under_way.pop_front() else { break };
        let data = next.await??.output(0);
        for part in data.parts() {
            target.write_all(part).with_context(|| file.to_owned())?;
        }
    }
    target.flush().with_context(|| file.to_owned())
}

async fn size_and_mtime(pool: &Pool, object: &str) -> Result<(u64, UTime)> {
    let reply = pool.op(object, vec![Op::stat()]).await?;
    let answer = <(u64, UTime)>::from_slice(&reply.output(0).to_bytes());
    answer.map_err(|_| Failure::BadReply.into())
}

async fn stat(pool: &Pool, name: &str, object: &str, format: Format) -> Result<()> {
    let (size, mtime) = size_and_mtime(pool, object).await?;
    let time = humantime::format_rfc3339_micros(std::time::UNIX_EPOCH + mtime.to_duration());
    match format {
        Format::Plain => println!("{name}/{object} mtime {time}, size {size}"),
        Format::Json => println!(
            "{}",
            serde_json::json!({
                "pool": name, "object": object, "size": size, "mtime": time.to_string()
            })
        ),
    }
    Ok(())
}

/// Calls `each` with every object of the pool's namespace (or of all): namespace, name.
pub async fn for_each_object(
    pool: &Pool,
    nspace: &str,
    mut each: impl FnMut(&str, &str) -> Result<()>,
) -> Result<()> {
    let mut cursor = HObject::min();
    loop {
        let request =
            Request::List { pool: pool.id, nspace: nspace.to_owned(), cursor, count: PAGE };
        let page = match pool.cluster.request(request).await? {
            Completion::List(page) => page,
            other => return Err(unexpected(other)),
        };
        for entry in &page.entries {
            each(&entry.nspace, &entry.name)?;
        }
        match page.next {
            Some(next) => cursor = next,
            None => return Ok(()),
        }
    }
}

async fn ls(pool: &Pool, all: bool, format: Format) -> Result<()> {
    let nspace = if all { ALL_NSPACES } else { &pool.nspace };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut first = true;
    for_each_object(pool, nspace, |nspace, name| {
        match format {
            Format::Plain if all => writeln!(out, "{nspace}\t{name}")?,
            Format::Plain => writeln!(out, "{name}")?,
            Format::Json => {
                let entry = serde_json::json!({ "namespace": nspace, "name": name });
                write!(out, "{}{entry}", if first { "[" } else { "," })?;
            }
        }
        first = false;
        Ok(())
    })
    .await?;
    if format == Format::Json {
        writeln!(out, "{}]", if first { "[" } else { "" })?;
    }
    out.flush()?;
    Ok(())
}

/// Bytes as text where they are text, else in the form `\x00`.
fn printable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(|c| c.is_control() && c != '\t') => text.to_owned(),
        _ => bytes.escape_ascii().to_string(),
    }
}

/// A value from the command line, or from a file.
fn value_bytes(value: Option<String>, file: Option<String>) -> Result<Bytes> {
    match (value, file) {
        (Some(value), None) => Ok(Bytes::from(value)),
        (None, Some(file)) => {
            let mut all = Vec::new();
            open_source(&file)?.read_to_end(&mut all).with_context(|| file.clone())?;
            Ok(all.into())
        }
        _ => bail!("give either a value or --file FILE"),
    }
}
