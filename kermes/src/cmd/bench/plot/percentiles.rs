//! Latencies by percentile. To the right each step has one nine more.

use super::{Frame, number, right_of, text};
use hdrhistogram::Histogram;
use std::fmt::Write;

/// Nines to the right: up to 99.999%.
const NINES: usize = 5;
const STEPS: usize = 40 * NINES;

/// A panel of a distribution of nanoseconds, `frame` its place.
pub fn draw(out: &mut String, frame: Frame, latency_ns: &Histogram<u64>) {
    let us = |ns: u64| (ns as f64 / 1e3).max(0.1);
    let low = us(latency_ns.min()).log10().floor();
    let high = us(latency_ns.max()).log10().ceil().max(low + 1.0);
    let y_of = |value: f64| frame.y_of((value.log10() - low) / (high - low));
    for decade in low as i32..=high as i32 {
        let value = 10f64.powi(decade);
        frame.mark(out, y_of(value), &number(value));
    }
    let (top, below) = (frame.top, frame.top + frame.height);
    for nines in 0..=NINES {
        let x = right_of(nines as f64 / NINES as f64);
        let _ = writeln!(
            out,
            "<line x1=\"{x:.1}\" y1=\"{top:.1}\" x2=\"{x:.1}\" y2=\"{below:.1}\" stroke=\"#ddd\"/>"
        );
        let name = match nines {
            0 => "0%".to_owned(),
            1 => "90%".to_owned(),
            2 => "99%".to_owned(),
            n => format!("99.{}%", "9".repeat(n - 2)),
        };
        text(out, (x, below + 16.0), "middle", "#000", &name);
    }
    let mut points = String::new();
    for step in 0..=STEPS {
        let part = step as f64 / STEPS as f64;
        let quantile = 1.0 - 10f64.powf(-part * NINES as f64);
        let value = us(latency_ns.value_at_quantile(quantile));
        let _ = write!(points, "{:.1},{:.1} ", right_of(part), y_of(value));
    }
    let points = points.trim_end();
    let _ = writeln!(out, "<polyline points=\"{points}\" fill=\"none\" stroke=\"#27c\"/>");
    frame.title(out, "microseconds by percentile");
}
