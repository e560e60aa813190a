//! Two results side by side, and whether the second is better, worse or neither.

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Compare two results that `client --json` printed
///
/// A figure is better or worse only where it stands out from what a run does by itself: the medians
/// of the two runs' seconds differ by more than the quartiles of either are wide, and by more than
/// --least. CPU and the tail have one value for each run, and count from --least on.
///
/// Exit codes: 0 nothing is worse; 1 something is; 2 the files cannot be compared.
#[derive(Debug, Args)]
pub struct CompareArgs {
    before: PathBuf,
    after: PathBuf,
    /// Differences of fewer hundredths are none
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    least: f64,
}

/// A figure, and whether more of it is better.
const FIGURES: [(&str, bool); 7] = [
    ("messages_per_s", true),
    ("server_cpu_us_per_message", false),
    ("client_cpu_us_per_message", false),
    ("p50_us", false),
    ("p99_us", false),
    ("p999_us", false),
    ("max_us", false),
];
/// What makes two runs comparable.
const SETTINGS: [&str; 8] =
    ["transport", "mode", "size", "depth", "connections", "cores", "rate", "one_way"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Better,
    Worse,
    Same,
}

pub fn run(args: &CompareArgs) -> anyhow::Result<i32> {
    let (a, b) = (read(&args.before)?, read(&args.after)?);
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
    let what = || format!("{}: not a result of `kermes bench msgr client --json`", path.display());
    let value: Value = serde_json::from_str(text.trim()).with_context(what)?;
    ensure!(value["messages_per_s"].is_f64(), what());
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

pub fn judge(name: &str, more_is_better: bool, a: &Value, b: &Value, least: f64) -> Verdict {
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
