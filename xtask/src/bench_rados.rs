//! `kermes bench rados` on a cluster, ours or real Ceph's: every pattern with verification, and what it
//! says of bytes that nobody wrote.

use crate::cluster::Shell;
use anyhow::ensure;

/// `pool` holds nothing of a bench before, and nothing after.
pub fn check(c: &impl Shell, pool: &str) -> anyhow::Result<()> {
    let bench = |more: &str| {
        format!(
            "$KERMES bench rados --pool {pool} --seconds 1 --warm-up 0 --objects 4 {more} --json"
        )
    };
    let holds =
        |script: String, rule: &str| c.ok(&format!("{script} | jq -e '{rule}' > /dev/null"));
    // The first one writes the objects; the others find them.
    holds(
        bench("--workload randread --verify"),
        ".objects_prepared == 4 and .reads > 0 and .writes == 0 and .verified_bytes >= .bytes \
         and .cpu_us_per_op > 0 and .client_cpu_us_per_op > 0 and .p50_us <= .p999_us",
    )?;
    let again = ".objects_prepared == 0 and .verified_bytes >= .reads * .bs";
    holds(
        bench("--workload randwrite --verify"),
        &format!("{again} and .writes > 0 and .reads == 0"),
    )?;
    holds(
        bench("--workload mixed --verify --bs 64k --cores 2"),
        &format!("{again} and .reads > .writes and .writes > 0 and .ops == .reads + .writes"),
    )?;
    holds(
        bench("--workload seqwrite --verify --bs 1M --depth 4"),
        &format!("{again} and .writes > 0"),
    )?;
    holds(
        bench("--workload seqread --verify --bs 4M --depth 1"),
        &format!("{again} and .reads > 0"),
    )?;
    holds(
        bench("--workload randread --rate 200 --hdr rados.hdr --plot rados.svg"),
        "(.iops > 150 and .iops < 210) and (.series | type) == \"array\"",
    )?;
    c.ok("grep -q 'Total count' rados.hdr && grep -q '</svg>' rados.svg")?;
    // One byte in the middle of an object.
    c.ok(&format!(
        "rados -p {pool} get kermes_bench.2 rotten && printf x | \
         dd of=rotten bs=1 seek=3000000 conv=notrunc 2> /dev/null && \
         rados -p {pool} put kermes_bench.2 rotten"
    ))?;
    let wrong = bench("--workload seqread --bs 64k --verify");
    c.fails(&wrong, 1, "kermes_bench.2: at 2949120: not what any bench has written there")?;
    c.ok(&format!("{} > before.json", bench("--workload randread")))?;
    c.prints("$KERMES bench compare before.json before.json", &["nothing is worse"])?;
    c.fails("$KERMES bench rados --pool nowhere --workload randread", 1, "does not exist")?;
    c.ok(&bench("--workload randwrite --cleanup"))?;
    ensure!(
        !c.ok(&format!("rados -p {pool} ls"))?.contains("kermes_bench"),
        "--cleanup removes all"
    );
    Ok(())
}
