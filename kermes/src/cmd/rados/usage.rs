//! Pools and what is in them.

use super::super::connect::{Cluster, Format, human_bytes, unexpected};
use anyhow::Result;
use client::{Completion, Request};
use std::collections::BTreeMap;
use types::PoolId;

async fn pools(cluster: &Cluster) -> Result<BTreeMap<PoolId, String>> {
    match cluster.request(Request::Pools).await? {
        Completion::Pools(pools) => Ok(pools),
        other => Err(unexpected(other)),
    }
}

pub async fn lspools(cluster: &Cluster, format: Format) -> Result<()> {
    let pools = pools(cluster).await?;
    match format {
        Format::Plain => pools.values().for_each(|name| println!("{name}")),
        Format::Json => {
            let entry =
                |(id, name): (&PoolId, &String)| serde_json::json!({ "id": id.0, "name": name });
            println!("{}", serde_json::Value::Array(pools.iter().map(entry).collect()));
        }
    }
    Ok(())
}

pub async fn df(cluster: &Cluster, format: Format) -> Result<()> {
    let names: Vec<String> = pools(cluster).await?.into_values().collect();
    let stats = match cluster.request(Request::PoolStats { pools: names }).await? {
        Completion::PoolStats(reply) => reply.stats,
        other => return Err(unexpected(other)),
    };
    let total = match cluster.request(Request::Statfs { pool: None }).await? {
        Completion::Statfs(reply) => reply,
        other => return Err(unexpected(other)),
    };
    if format == Format::Json {
        let pool = |(name, s): (&String, &messenger::messages::PoolStat)| {
            serde_json::json!({
                "name": name, "objects": s.sum.num_objects, "bytes": s.sum.num_bytes,
                "bytes_allocated": s.store.allocated, "omap_bytes": s.sum.num_omap_bytes,
                "degraded": s.sum.num_objects_degraded, "unfound": s.sum.num_objects_unfound,
                "read_ops": s.sum.num_rd, "read_kb": s.sum.num_rd_kb,
                "write_ops": s.sum.num_wr, "write_kb": s.sum.num_wr_kb,
            })
        };
        let json = serde_json::json!({
            "pools": stats.iter().map(pool).collect::<Vec<_>>(),
            "total_kb": total.kb, "used_kb": total.kb_used, "available_kb": total.kb_avail,
            "objects": total.num_objects,
        });
        println!("{json}");
        return Ok(());
    }
    let width = stats.keys().map(String::len).chain([4]).max().unwrap_or(4);
    println!(
        "{:width$}  {:>10}  {:>10}  {:>8}  {:>8}  {:>10}  {:>10}  {:>10}  {:>10}",
        "POOL", "OBJECTS", "DATA", "DEGRADED", "UNFOUND", "READS", "READ", "WRITES", "WRITTEN"
    );
    for (name, stat) in &stats {
        let s = &stat.sum;
        println!(
            "{name:width$}  {:>10}  {:>10}  {:>8}  {:>8}  {:>10}  {:>10}  {:>10}  {:>10}",
            s.num_objects,
            human_bytes(s.num_bytes.max(0) as u64),
            s.num_objects_degraded,
            s.num_objects_unfound,
            s.num_rd,
            human_bytes(s.num_rd_kb.max(0) as u64 * 1024),
            s.num_wr,
            human_bytes(s.num_wr_kb.max(0) as u64 * 1024),
        );
    }
    println!();
    println!("objects    {}", total.num_objects);
    println!("used       {}", human_bytes(total.kb_used * 1024));
    println!("available  {}", human_bytes(total.kb_avail * 1024));
    println!("total      {}", human_bytes(total.kb * 1024));
    Ok(())
}
