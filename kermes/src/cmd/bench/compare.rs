//! Two results side by side, and whether the second is better, worse or neither.

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Compare two results that a bench printed with --json
///
/// A figure is better or worse only where it stands out from what a run does by itself: the medians
/// of the two runs' seconds differ by more than the quartiles of either are wide, and by more than
/// --least. CPU and the tail have one value for each run, and count from --least on.
///
/// Exit codes: 0 nothing is worse; 1 something is, or the files cannot be compared.
#[derive(Debug, Args)]
pub struct CompareArgs {
    before: PathBuf,
    after: PathBuf,
    /// Differences of fewer hundredths are none
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    least: f64,
}

/// A figure, and whether more of it is better.
const FIGURES: [(&str, bool); 13] = [
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
    ("p9999_us", false),
    ("max_us", false),
    ("write_amplification", false),
];
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

/// The figure of each second, sorted; one value where it is not kept by the second.
fn samples(run: &Value, name: &str) -> Vec<f64> {
    let seconds = run["series"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut all: Vec<f64> = seconds.iter().filter_map(|second| second[name].as_f64()).collect();
    if all.is_empty() {
        all.extend(run[name].as_f64());
    }
    all.sort_by(f64::total_cmp);
    all
}

fn judge(name: &str, more_is_better: bool, a: &Value, b: &Value, least: f64) -> Verdict {
    let (a, b) = (samples(a, name), samples(b, name));
    let quantile = |of: &[f64], q: f64| {
        of.get(((of.len() - 1) as f64 * q).round() as usize).copied().unwrap_or(0.0)
    };
    if a.is_empty() || b.is_empty() {
        return Verdict::Same;
    }
    let difference = quantile(&b, 0.5) - quantile(&a, 0.5);
    let width = |of: &[f64]| quantile(of, 0.75) - quantile(of, 0.25);
    let noise = width(&a).max(width(&b)).max(least * quantile(&a, 0.5));
    match difference {
        d if d.abs() <= noise => Verdict::Same,
        d if (d > 0.0) == more_is_better => Verdict::Better,
        _ => Verdict::Worse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
        let less_is_better =
            judge("p99_us", false, &json!({"p99_us": 10.0}), &json!({"p99_us": 8.0}), 0.05);
        assert_eq!(less_is_better, Verdict::Better);
    }

    #[test]
    fn files_are_read_and_the_verdict_is_the_exit_code() {
        let dir = std::env::temp_dir().join(format!("kermes-compare-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let compare = |a: Value, b: Value| {
            let (before, after) = (dir.join("a"), dir.join("b"));
            std::fs::write(&before, a.to_string()).unwrap();
            std::fs::write(&after, b.to_string()).unwrap();
            run(&CompareArgs { before, after, least: 5.0 }).map_err(|e| format!("{e:#}"))
        };
        let result =
            |bench: &str, iops: f64| json!({ "bench": bench, "mb_per_s": 1.0, "iops": iops });
        assert_eq!(compare(result("rados", 100.0), result("rados", 101.0)), Ok(0));
        assert_eq!(compare(result("rados", 100.0), result("rados", 50.0)), Ok(1));
        let other = compare(result("rados", 100.0), result("store", 100.0)).unwrap_err();
        assert!(other.contains("rados") && other.contains("store"), "{other}");
        assert!(compare(json!({}), json!({})).unwrap_err().contains("not a result"));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
