//! `kermes rados bench`: whole objects, a fixed number under way, latencies in a histogram.

use super::super::connect::{Format, Pool, human_bytes, parse_bytes};
use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use hdrhistogram::Histogram;
use messenger::messages::Op;
use std::cell::{Cell, RefCell};
use std::io::{IsTerminal, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

pub const RUN_NAME: &str = "kermes_bench";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Pattern {
    /// New objects, one after another
    Write,
    /// Objects of an earlier write run, in order
    Seq,
    /// Objects of an earlier write run, at random
    Rand,
}

/// Measure reads or writes of whole objects
///
/// `seq` and `rand` read what `write --no-cleanup` of the same run name left.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// How long to measure
    pub seconds: u64,
    #[arg(value_enum)]
    pub pattern: Pattern,
    /// Size of an object (4K, 1M, ...)
    #[arg(short = 'b', long, default_value = "4M", value_parser = parse_bytes)]
    pub block_size: u64,
    /// Operations under way
    #[arg(short = 't', long, default_value_t = 16)]
    pub threads: usize,
    /// Leave the objects for `seq` and `rand`
    #[arg(long)]
    pub no_cleanup: bool,
    /// Tells runs apart
    #[arg(long, default_value = RUN_NAME)]
    pub run_name: String,
    /// Stop after so many operations
    #[arg(long)]
    pub max_ops: Option<u64>,
}

/// What one run counted.
struct Tally {
    latency_us: RefCell<Histogram<u64>>,
    started: Instant,
    done: Cell<u64>,
    next: Cell<u64>,
    errors: Cell<u64>,
}

/// The same bytes in every object of a size, so that reads can be checked.
fn content(len: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut all = Vec::with_capacity(len + 8);
    while all.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        all.extend_from_slice(&state.to_le_bytes());
    }
    all.truncate(len);
    all.into()
}

fn object_name(run: &str, index: u64) -> String {
    format!("{run}_object{index}")
}
fn metadata_name(run: &str) -> String {
    format!("{run}_last")
}

/// What a write run left: number of objects and their size.
async fn metadata(pool: &Pool, run: &str) -> Result<(u64, u64)> {
    let reply = pool.op(&metadata_name(run), vec![Op::read(0, 0)]).await;
    let reply = reply.with_context(|| format!("run '{run}': write with --no-cleanup first"))?;
    let text = reply.output(0).to_bytes();
    let json: serde_json::Value = serde_json::from_slice(&text)?;
    let field =
        |name: &str| json[name].as_u64().ok_or_else(|| anyhow!("run '{run}': '{name}' is missing"));
    Ok((field("objects")?, field("object_size")?))
}

async fn set_metadata(pool: &Pool, run: &str, objects: u64, size: u64) -> Result<()> {
    let text = serde_json::json!({ "objects": objects, "object_size": size }).to_string();
    pool.op(&metadata_name(run), vec![Op::write_full(text.into())]).await.map(drop)
}

/// What a run measured.
#[derive(Debug)]
pub struct Summary {
    pub pattern: Pattern,
    pub object_size: u64,
    pub threads: usize,
    pub operations: u64,
    /// Reads whose bytes were not those written.
    pub wrong: u64,
    pub elapsed: Duration,
    pub latency_us: Histogram<u64>,
}
impl Summary {
    pub fn iops(&self) -> f64 {
        self.operations as f64 / self.elapsed.as_secs_f64()
    }
    pub fn megabytes_per_second(&self) -> f64 {
        self.iops() * self.object_size as f64 / 1e6
    }
    pub fn latency_ms(&self, quantile: f64) -> f64 {
        self.latency_us.value_at_quantile(quantile) as f64 / 1e3
    }
}

pub async fn run(pool: &Pool, args: BenchArgs, format: Format) -> Result<()> {
    let summary = measure(pool, &args).await?;
    report(&summary, format);
    if summary.wrong > 0 {
        bail!("{} reads were wrong", summary.wrong);
    }
    Ok(())
}

/// Runs the load and, after writes that are not to be kept, removes the objects.
pub async fn measure(pool: &Pool, args: &BenchArgs) -> Result<Summary> {
    if args.threads == 0 || args.block_size == 0 || args.block_size > 128 << 20 {
        bail!("--threads is at least 1 and --block-size from 1 byte to 128M");
    }
    let (objects, size) = match args.pattern {
        Pattern::Write => (u64::MAX, args.block_size),
        _ => metadata(pool, &args.run_name).await?,
    };
    if objects == 0 {
        bail!("run '{}' left no objects", args.run_name);
    }
    let data = content(size as usize);
    let tally = Rc::new(Tally {
        latency_us: RefCell::new(Histogram::new_with_bounds(1, 600_000_000, 3)?),
        started: Instant::now(),
        done: Cell::new(0),
        next: Cell::new(0),
        errors: Cell::new(0),
    });
    let until = tally.started + Duration::from_secs(args.seconds);
    // A sequential read ends with its last object.
    let limit = match args.pattern {
        Pattern::Seq => objects.min(args.max_ops.unwrap_or(u64::MAX)),
        _ => args.max_ops.unwrap_or(u64::MAX),
    };
    let workers: Vec<_> = (0..args.threads)
        .map(|worker| {
            let work = Work {
                pool: pool.clone(),
                run: args.run_name.clone(),
                pattern: args.pattern,
                data: data.clone(),
                tally: tally.clone(),
                objects,
                limit,
                until,
                random: 0x2545_f491_4f6c_dd1d ^ (worker as u64 + 1),
            };
            tokio::task::spawn_local(work.run())
        })
        .collect();
    let progress = tokio::task::spawn_local(progress(tally.clone(), size, args.threads));
    let mut failure = None;
    for worker in workers {
        if let Err(e) = worker.await? {
            failure.get_or_insert(e);
        }
    }
    let elapsed = tally.started.elapsed();
    progress.abort();
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
    if args.pattern == Pattern::Write {
        let written = tally.next.get();
        set_metadata(pool, &args.run_name, written, size).await?;
        if !args.no_cleanup {
            cleanup(pool, &args.run_name).await?;
        }
    }
    if let Some(e) = failure {
        return Err(e);
    }
    Ok(Summary {
        pattern: args.pattern,
        object_size: size,
        threads: args.threads,
        operations: tally.done.get(),
        wrong: tally.errors.get(),
        elapsed,
        latency_us: tally.latency_us.borrow().clone(),
    })
}

/// One of the operations under way, again and again.
struct Work {
    pool: Pool,
    run: String,
    pattern: Pattern,
    data: Bytes,
    tally: Rc<Tally>,
    objects: u64,
    limit: u64,
    until: Instant,
    random: u64,
}
impl Work {
    async fn run(mut self) -> Result<()> {
        let size = self.data.len() as u64;
        while Instant::now() < self.until && self.tally.next.get() < self.limit {
            let index = self.tally.next.get();
            self.tally.next.set(index + 1);
            let object = match self.pattern {
                Pattern::Rand => {
                    self.random ^= self.random << 13;
                    self.random ^= self.random >> 7;
                    self.random ^= self.random << 17;
                    self.random % self.objects
                }
                _ => index,
            };
            let ops = match self.pattern {
                Pattern::Write => {
                    vec![Op::set_alloc_hint(size, size), Op::write(0, self.data.clone())]
                }
                _ => vec![Op::read(0, size)],
            };
            let begun = Instant::now();
            let reply = self.pool.op(&object_name(&self.run, object), ops).await?;
            let took = begun.elapsed().as_micros() as u64;
            self.tally.latency_us.borrow_mut().saturating_record(took.max(1));
            self.tally.done.set(self.tally.done.get() + 1);
            if self.pattern != Pattern::Write && reply.output(0).to_bytes() != self.data {
                self.tally.errors.set(self.tally.errors.get() + 1);
            }
        }
        Ok(())
    }
}

/// One line per second on stderr; on a terminal it stays in place.
async fn progress(tally: Rc<Tally>, size: u64, threads: usize) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.tick().await;
    let (mut before, mut at) = (0, Instant::now());
    loop {
        ticks.tick().await;
        let (done, now) = (tally.done.get(), Instant::now());
        let rate = (done - before) as f64 / now.duration_since(at).as_secs_f64();
        let p50 = tally.latency_us.borrow().value_at_quantile(0.5);
        let line = format!(
            "{:>4} s  {threads} under way  {done:>9} done  {rate:>9.0} IOPS  {:>8.1} MB/s  p50 {} ms",
            tally.started.elapsed().as_secs(),
            rate * size as f64 / 1e6,
            p50 as f64 / 1e3,
        );
        if std::io::stderr().is_terminal() {
            eprint!("\r{line}  ");
            let _ = std::io::stderr().flush();
        } else {
            eprintln!("{line}");
        }
        (before, at) = (done, now);
    }
}

fn report(summary: &Summary, format: Format) {
    let latency = &summary.latency_us;
    let (seconds, iops) = (summary.elapsed.as_secs_f64(), summary.iops());
    let megabytes = summary.megabytes_per_second();
    let (size, threads) = (summary.object_size, summary.threads);
    let ms = |q: f64| summary.latency_ms(q);
    match format {
        Format::Json => println!(
            "{}",
            serde_json::json!({
                "pattern": format!("{:?}", summary.pattern).to_lowercase(),
                "object_size": size, "threads": threads, "seconds": seconds,
                "operations": summary.operations, "wrong": summary.wrong,
                "iops": iops, "megabytes_per_second": megabytes,
                "latency_ms": {
                    "mean": latency.mean() / 1e3, "p50": ms(0.5), "p99": ms(0.99),
                    "p99.9": ms(0.999), "max": latency.max() as f64 / 1e3,
                },
            })
        ),
        Format::Plain => {
            println!(
                "{:?}, objects of {}, {threads} under way",
                summary.pattern,
                human_bytes(size)
            );
            println!("operations   {:>12}   in {seconds:.2} s", summary.operations);
            println!("IOPS         {iops:>12.0}");
            println!("MB/s         {megabytes:>12.1}");
            println!("mean         {:>12.3} ms", latency.mean() / 1e3);
            println!("p50          {:>12.3} ms", ms(0.5));
            println!("p99          {:>12.3} ms", ms(0.99));
            println!("p99.9        {:>12.3} ms", ms(0.999));
            println!("max          {:>12.3} ms", latency.max() as f64 / 1e3);
        }
    }
}

/// Removes what a write run left, 32 at a time.
pub async fn cleanup(pool: &Pool, run: &str) -> Result<()> {
    let (objects, _) = metadata(pool, run).await?;
    let next = Rc::new(Cell::new(0u64));
    let workers: Vec<_> = (0..32)
        .map(|_| {
            let (pool, run, next) = (pool.clone(), run.to_owned(), next.clone());
            tokio::task::spawn_local(async move {
                while next.get() < objects {
                    let index = next.get();
                    next.set(index + 1);
                    let removed = pool.op(&object_name(&run, index), vec![Op::delete()]).await;
                    if let Err(e) = removed {
                        let gone = Some(&client::Failure::Errno(-2));
                        if e.downcast_ref::<client::Failure>() != gone {
                            return Err(e);
                        }
                    }
                }
                Ok(())
            })
        })
        .collect();
    for worker in workers {
        worker.await??;
    }
    pool.op(&metadata_name(run), vec![Op::delete()]).await.map(drop)
}
