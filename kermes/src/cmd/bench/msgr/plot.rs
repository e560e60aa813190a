//! Latencies by percentile as an SVG image. To the right each step halves what is left to 100%.

use crate::cmd::bench::plot::{BOTTOM, PANEL, TOP, WIDTH, number, right_of, text};
use hdrhistogram::Histogram;
use std::fmt::Write;

const HEIGHT: f64 = 2.0 * PANEL;
/// Nines to the right: up to 99.999%.
const NINES: usize = 5;

/// The image of a distribution of nanoseconds.
pub fn draw(latency_ns: &Histogram<u64>) -> String {
    let height = TOP + HEIGHT + BOTTOM;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    let us = |ns: u64| (ns as f64 / 1e3).max(0.1);
    let low = us(latency_ns.min()).log10().floor();
    let high = us(latency_ns.max()).log10().ceil().max(low + 1.0);
    let y_of = |value: f64| {
        let part = (value.log10() - low) / (high - low);
        TOP + HEIGHT * (1.0 - part.clamp(0.0, 1.0))
    };
    let line = |out: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64)| {
        let _ = writeln!(
            out,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#ddd\"/>"
        );
    };
    for decade in low as i32..=high as i32 {
        let value = 10f64.powi(decade);
        let y = y_of(value);
        line(&mut out, (right_of(0.0), y), (right_of(1.0), y));
        text(&mut out, (right_of(0.0) - 6.0, y + 4.0), "end", "#000", &number(value));
    }
    let below = TOP + HEIGHT;
    for nines in 0..=NINES {
        let x = right_of(nines as f64 / NINES as f64);
        line(&mut out, (x, TOP), (x, below));
        let name = match nines {
            0 => "0%".to_owned(),
            1 => "90%".to_owned(),
            2 => "99%".to_owned(),
            n => format!("99.{}%", "9".repeat(n - 2)),
        };
        text(&mut out, (x, below + 16.0), "middle", "#000", &name);
    }
    let mut points = String::new();
    const STEPS: usize = 40 * NINES;
    for step in 0..=STEPS {
        let part = step as f64 / STEPS as f64;
        let quantile = 1.0 - 10f64.powf(-part * NINES as f64);
        let value = us(latency_ns.value_at_quantile(quantile));
        let _ = write!(points, "{:.1},{:.1} ", right_of(part), y_of(value));
    }
    let points = points.trim_end();
    let _ = writeln!(out, "<polyline points=\"{points}\" fill=\"none\" stroke=\"#27c\"/>");
    let title = format!("microseconds, {} messages", latency_ns.len());
    text(&mut out, (right_of(0.0), TOP - 8.0), "start", "#000", &title);
    text(&mut out, (right_of(0.5), below + 36.0), "middle", "#000", "percentile");
    out.push_str("</svg>\n");
    out
}
