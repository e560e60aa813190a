//! Figures over time: one panel above the other, time to the right.

use super::{Frame, number, right_of, text};
use crate::cmd::bench::tally::Interval;
use std::fmt::Write;

/// A line of a panel: its name, its colour, its value.
type Line = (&'static str, &'static str, fn(&Interval) -> Option<f64>);

const LATENCIES: &[Line] = &[
    ("p50", "#2a7", |p| Some(p.p50_us / 1e3)),
    ("p99", "#27c", |p| Some(p.p99_us / 1e3)),
    ("longest time without progress", "#c33", |p| Some(p.stall_us / 1e3)),
];
const RATE: &[Line] = &[("", "#666", |p| Some(p.iops / 1e3))];
const AMPLIFICATION: &[Line] = &[("", "#73a", |p| p.write_amplification)];
/// Decades of a logarithmic scale, milliseconds: 10 us to 100 s.
const DECADES: [i32; 2] = [-2, 5];

/// One panel.
pub struct Panel {
    title: String,
    lines: &'static [Line],
    logarithmic: bool,
}

/// What is drawn of `series`; `unit` is what is counted.
pub fn panels(series: &[Interval], unit: &str, has_latencies: bool) -> Vec<Panel> {
    let mut panels = Vec::new();
    let mut add = |title: String, lines, logarithmic| {
        panels.push(Panel { title, lines, logarithmic });
    };
    if has_latencies {
        add("milliseconds: ".into(), LATENCIES, true);
    }
    add(format!("thousand {unit} per second"), RATE, false);
    if series.iter().any(|part| part.write_amplification.is_some()) {
        add("write amplification".into(), AMPLIFICATION, false);
    }
    panels
}

/// The horizontal scale is how often all data have been written over, or seconds where that is not
/// known.
fn scale(series: &[Interval]) -> (fn(&Interval) -> f64, f64, &'static str) {
    let last = series.last();
    let (x, name): (fn(&Interval) -> f64, _) = match last {
        Some(last) if last.overwrites > 0.0 => {
            (|p| p.overwrites, "times all data were written over")
        }
        _ => (|p| p.seconds, "seconds"),
    };
    (x, last.map_or(1.0, x).max(1e-9), name)
}

pub fn draw(out: &mut String, frame: Frame, panel: &Panel, series: &[Interval]) {
    let (x, x_max, _) = scale(series);
    let Panel { title, lines, logarithmic } = panel;
    let values = lines.iter().flat_map(|(_, _, value)| series.iter().filter_map(value));
    let y_max = ceiling(values.fold(0.0, f64::max));
    let [low, high] = DECADES;
    let y_of = |value: f64| {
        frame.y_of(if *logarithmic {
            (value.max(1e-9).log10() - low as f64) / (high - low) as f64
        } else {
            value / y_max
        })
    };
    let marks: Vec<f64> = if *logarithmic {
        (low..=high).map(|decade| 10f64.powi(decade)).collect()
    } else {
        (0..=4).map(|i| y_max * i as f64 / 4.0).collect()
    };
    for mark in marks {
        frame.mark(out, y_of(mark), &number(mark));
    }
    frame.title(out, title);
    let mut at = right_of(0.0) + 7.0 * title.len() as f64;
    for (name, colour, value) in *lines {
        text(out, (at, frame.top - 8.0), "start", colour, name);
        at += 7.0 * name.len() as f64 + 16.0;
        let mut points = String::new();
        for part in series {
            if let Some(value) = value(part) {
                let _ = write!(points, "{:.1},{:.1} ", right_of(x(part) / x_max), y_of(value));
            }
        }
        let points = points.trim_end();
        let _ = writeln!(out, "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\"/>");
    }
}

/// The scale below the last panel, which ends at `below`.
pub fn axis(out: &mut String, below: f64, series: &[Interval]) {
    let (_, x_max, name) = scale(series);
    for i in 0..=10 {
        let (at, value) = (right_of(i as f64 / 10.0), x_max * i as f64 / 10.0);
        text(out, (at, below + 16.0), "middle", "#000", &number(value));
    }
    text(out, (right_of(0.5), below + 36.0), "middle", "#000", name);
}

/// The end of a scale that holds `most`: 1, 2, 4 or 8 times a power of ten.
fn ceiling(most: f64) -> f64 {
    let decade = 10f64.powf(most.max(1e-3).log10().floor());
    let steps = [1.0, 2.0, 4.0, 8.0, 10.0];
    decade * steps.into_iter().find(|step| step * decade >= most).unwrap_or(10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_holds_its_values() {
        for (most, end) in [(0.9, 1.0), (1.0, 1.0), (3.0, 4.0), (8.5, 10.0), (45.0, 80.0)] {
            assert!((ceiling(most) - end).abs() < 1e-9, "{most}: {}", ceiling(most));
        }
    }
}
