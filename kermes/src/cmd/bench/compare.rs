//! Two results side by side, and whether the second is better, worse or neither.

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::Value;
use std::cmp::Ordering;
use std::path::{Path, PathBuf};

/// Compare two results that a bench printed with --json
///
/// A figure is better or worse only where it stands out from what a run does by itself: nearly all
/// seconds of one run lie above those of the other (rank-sum test, 1%; runs of five seconds at
/// least), and the medians differ by more than --least. CPU has one value for each run, and counts
/// from --least on. p99.99 and the longest operation, which a single stall decides, are shown and
/// not judged.
///
/// Exit codes: 0 nothing is worse; 1 something is, or the files cannot be compared.
#[derive(Debug, Args)]
pub struct CompareArgs {
    before: PathBuf,
    after: PathBuf,
    /// Differences of fewer hundredths are none. Runs of the same one after the other differ by up to 9
    /// on machines that share their hardware
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0)]
    least: f64,
}

/// A figure, and whether more of it is better.
const FIGURES: [(&str, bool); 11] = [
    ("iops", true),
    ("messages_per_s", true),
    ("cpu_us_per_op", false),
    ("server_cpu_us_per_message", false),
    ("client_cpu_us_per_op", false),
    ("client_cpu_us_per_message", false),
    ("p50_us", false),
    ("p90_us", false),
    ("p99_us", false),
    ("p999_us", false),
    ("write_amplification", false),
];
/// Figures that say nothing of what the next run will do.
const SHOWN: [&str; 2] = ["p9999_us", "max_us"];
/// Standard deviations of the rank sum: of a hundred figures that do not differ one is called worse.
const STANDS_OUT: f64 = 2.33;
/// What makes two runs comparable.
const SETTINGS: [&str; 14] = [
    "workload",
    "transport",
    "mode",
    "bs",
    "depth",
    "connections",
    "cores",
    "shards",
    "rate",
    "one_way",
    "objects",
    "pool_size",
    "osds",
    "verify",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Better,
    Worse,
    Same,
}

pub fn run(args: &CompareArgs) -> anyhow::Result<i32> {
    let (a, b) = (read(&args.before)?, read(&args.after)?);
    ensure!(a["bench"] == b["bench"], "results of {} and {}", a["bench"], b["bench"]);
    let different = |name: &&&str| a[**name] != b[**name];
    let different: Vec<String> = SETTINGS
        .iter()
        .filter(different)
        .map(|name| format!("{name} {} and {}", a[*name], b[*name]))
        .collect();
    if !different.is_empty() {
        println!("settings differ: {}", different.join(", "));
    }
    println!("{:<26} {:>12} {:>12} {:>8}", "", "before", "after", "ratio");
    let mut worse = false;
    for (name, more_is_better) in FIGURES {
        let (Some(before), Some(after)) = (a[name].as_f64(), b[name].as_f64()) else { continue };
        let verdict = judge(name, more_is_better, &a, &b, args.least / 100.0);
        worse |= verdict == Verdict::Worse;
        let word = match verdict {
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            Verdict::Same => "",
        };
        println!("{name:<26} {before:>12.2} {after:>12.2} {:>8.3}  {word}", after / before);
    }
    for name in SHOWN {
        let (Some(before), Some(after)) = (a[name].as_f64(), b[name].as_f64()) else { continue };
        println!("{name:<26} {before:>12.2} {after:>12.2} {:>8.3}", after / before);
    }
    println!("{}", if worse { "worse" } else { "nothing is worse" });
    Ok(worse as i32)
}

fn read(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let what = || format!("{}: not a result of `kermes bench .. --json`", path.display());
    let value: Value = serde_json::from_str(text.trim()).with_context(what)?;
    ensure!(value["bench"].is_string() && value["mb_per_s"].is_f64(), what());
    Ok(value)
}

/// The figure of each second, sorted.
fn seconds(run: &Value, name: &str) -> Vec<f64> {
    let seconds = run["series"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut all: Vec<f64> = seconds.iter().filter_map(|second| second[name].as_f64()).collect();
    all.sort_by(f64::total_cmp);
    all
}

fn judge(name: &str, more_is_better: bool, a: &Value, b: &Value, least: f64) -> Verdict {
    let (a_seconds, b_seconds) = (seconds(a, name), seconds(b, name));
    let by_seconds = !a_seconds.is_empty() && !b_seconds.is_empty();
    let of = |run: &Value, seconds: &[f64]| match seconds.get(seconds.len() / 2) {
        Some(median) if by_seconds => *median,
        _ => run[name].as_f64().unwrap_or(0.0),
    };
    let (before, after) = (of(a, &a_seconds), of(b, &b_seconds));
    let difference = after - before;
    if difference.abs() <= least * before
        || by_seconds && rank_sum(&a_seconds, &b_seconds).abs() < STANDS_OUT
    {
        return Verdict::Same;
    }
    if (difference > 0.0) == more_is_better { Verdict::Better } else { Verdict::Worse }
}

/// How far values of `b` rank above those of `a`, in standard deviations of what chance does (Mann
/// and Whitney 1947, with the correction for continuity). Neither is empty.
fn rank_sum(a: &[f64], b: &[f64]) -> f64 {
    let (n, m) = (a.len() as f64, b.len() as f64);
    let above = |x: f64, y: f64| match x.total_cmp(&y) {
        Ordering::Greater => 1.0,
        Ordering::Equal => 0.5,
        Ordering::Less => 0.0,
    };
    let u: f64 = b.iter().flat_map(|y| a.iter().map(move |x| above(*y, *x))).sum();
    let off = u - n * m / 2.0;
    (off.abs() - 0.5).max(0.0).copysign(off) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    /// The exit code for two results in files.
    fn compare(a: Value, b: Value) -> Result<i32, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let name = format!("kermes-compare-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir(&dir).unwrap();
        let (before, after) = (dir.join("a"), dir.join("b"));
        std::fs::write(&before, a.to_string()).unwrap();
        std::fs::write(&after, b.to_string()).unwrap();
        let code = run(&CompareArgs { before, after, least: 5.0 }).map_err(|e| format!("{e:#}"));
        std::fs::remove_dir_all(&dir).unwrap();
        code
    }

    #[test]
    fn a_difference_is_one_that_stands_out() {
        let run = |rates: [u64; 5]| {
            let second = |n: &u64| json!({ "iops": n });
            json!({ "series": rates.iter().map(second).collect::<Vec<_>>() })
        };
        let judged = |a, b| judge("iops", true, &run(a), &run(b), 0.05);
        let calm = [100, 101, 100, 99, 100];
        assert_eq!(judged(calm, [120, 121, 119, 120, 120]), Verdict::Better);
        assert_eq!(judged(calm, [80, 81, 79, 80, 80]), Verdict::Worse);
        assert_eq!(judged(calm, [104, 103, 104, 104, 104]), Verdict::Same, "less than the least");
        assert_eq!(judged(calm, [60, 120, 110, 180, 70]), Verdict::Same, "too noisy to tell");
        assert_eq!(judged(calm, [80, 81, 79, 80, 102]), Verdict::Same, "one second better");
        let less_is_better =
            judge("p99_us", false, &json!({"p99_us": 10.0}), &json!({"p99_us": 8.0}), 0.05);
        assert_eq!(less_is_better, Verdict::Better);
    }

    #[test]
    fn values_that_all_rank_above_stand_out_from_five_on() {
        let below = [1.0, 2.0, 3.0, 4.0, 5.0];
        let above = below.map(|x| x + 5.0);
        assert!(rank_sum(&below, &above) > STANDS_OUT);
        assert!(rank_sum(&above, &below) < -STANDS_OUT);
        assert_eq!(rank_sum(&below, &below), 0.0);
        assert!(rank_sum(&below[..4], &above[..4]) < STANDS_OUT);
    }

    #[test]
    fn one_long_operation_is_no_verdict() {
        let run = |max_us: f64| {
            let second = json!({ "iops": 100.0, "p99_us": 10.0, "max_us": max_us });
            json!({ "bench": "rados", "mb_per_s": 1.0, "iops": 100.0, "max_us": max_us,
                    "p9999_us": max_us, "series": vec![second; 10] })
        };
        assert_eq!(compare(run(1000.0), run(90_000.0)), Ok(0));
    }

    #[test]
    fn files_are_read_and_the_verdict_is_the_exit_code() {
        let result =
            |bench: &str, iops: f64| json!({ "bench": bench, "mb_per_s": 1.0, "iops": iops });
        assert_eq!(compare(result("rados", 100.0), result("rados", 101.0)), Ok(0));
        assert_eq!(compare(result("rados", 100.0), result("rados", 50.0)), Ok(1));
        let other = compare(result("rados", 100.0), result("store", 100.0)).unwrap_err();
        assert!(other.contains("rados") && other.contains("store"), "{other}");
        assert!(compare(json!({}), json!({})).unwrap_err().contains("not a result"));
    }
}
