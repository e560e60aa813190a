//! Figures over time as an SVG image: one panel above the other, time to the right.

use super::load::Interval;
use std::fmt::Write;

pub(super) const WIDTH: f64 = 800.0;
pub(super) const PANEL: f64 = 180.0;
/// Around the panels: room for the scales and the titles.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
pub(super) const TOP: f64 = 34.0;
pub(super) const BOTTOM: f64 = 46.0;
/// Decades of a logarithmic scale, milliseconds: 10 us to 100 s.
const DECADES: [i32; 2] = [-2, 5];

/// A line of a panel: its name, its colour, its value.
type Line = (&'static str, &'static str, fn(&Interval) -> Option<f64>);

const LATENCIES: &[Line] = &[
    ("p50", "#2a7", |p| Some(p.p50_us / 1e3)),
    ("p99", "#27c", |p| Some(p.p99_us / 1e3)),
    ("longest time without progress", "#c33", |p| Some(p.stall_us / 1e3)),
];
const AMPLIFICATION: &[Line] = &[("write amplification", "#73a", |p| p.write_amplification)];
const RATE: &[Line] = &[("thousand operations per second", "#666", |p| Some(p.iops / 1e3))];

/// The image. The horizontal scale is how often all objects have been written over, or seconds
/// where nothing is written.
pub fn draw(series: &[Interval]) -> String {
    let last = series.last();
    let overwrites = last.map_or(0.0, |p| p.overwrites);
    let (x, unit): (fn(&Interval) -> f64, _) = if overwrites > 0.0 {
        (|p| p.overwrites, "times all data were written over")
    } else {
        (|p| p.seconds, "seconds")
    };
    let x_max = last.map_or(1.0, x).max(1e-9);
    let height = 3.0 * (PANEL + TOP) + BOTTOM;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    let panels =
        [("milliseconds: ", LATENCIES, true), ("", AMPLIFICATION, false), ("", RATE, false)];
    for (i, (title, lines, logarithmic)) in panels.into_iter().enumerate() {
        let top = TOP + i as f64 * (PANEL + TOP);
        panel(&mut out, series, top, (x, x_max), (title, lines, logarithmic));
    }
    let below = height - BOTTOM;
    for i in 0..=10 {
        let (at, value) = (right_of(i as f64 / 10.0), x_max * i as f64 / 10.0);
        text(&mut out, (at, below + 16.0), "middle", "#000", &number(value));
    }
    text(&mut out, (right_of(0.5), below + 36.0), "middle", "#000", unit);
    out.push_str("</svg>\n");
    out
}

fn panel(
    out: &mut String,
    series: &[Interval],
    top: f64,
    (x, x_max): (fn(&Interval) -> f64, f64),
    (title, lines, logarithmic): (&str, &[Line], bool),
) {
    let values = lines.iter().flat_map(|(_, _, value)| series.iter().filter_map(value));
    let most = values.fold(0.0, f64::max);
    let y_max = ceiling(most);
    let [low, high] = DECADES;
    let height_of = |value: f64| {
        let part = if logarithmic {
            (value.max(1e-9).log10() - low as f64) / (high - low) as f64
        } else {
            value / y_max
        };
        top + PANEL * (1.0 - part.clamp(0.0, 1.0))
    };
    let marks: Vec<f64> = if logarithmic {
        (low..=high).map(|decade| 10f64.powi(decade)).collect()
    } else {
        (0..=4).map(|i| y_max * i as f64 / 4.0).collect()
    };
    for mark in marks {
        let y = height_of(mark);
        let (from, to) = (right_of(0.0), right_of(1.0));
        let _ = writeln!(
            out,
            "<line x1=\"{from:.1}\" y1=\"{y:.1}\" x2=\"{to:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>"
        );
        text(out, (from - 6.0, y + 4.0), "end", "#000", &number(mark));
    }
    let mut at = right_of(0.0);
    text(out, (at, top - 8.0), "start", "#000", title);
    at += 7.0 * title.len() as f64;
    for (name, colour, value) in lines {
        text(out, (at, top - 8.0), "start", colour, name);
        at += 7.0 * name.len() as f64 + 16.0;
        let mut points = String::new();
        for part in series {
            if let Some(value) = value(part) {
                let _ = write!(points, "{:.1},{:.1} ", right_of(x(part) / x_max), height_of(value));
            }
        }
        let points = points.trim_end();
        let _ = writeln!(out, "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\"/>");
    }
}

/// `part` of the way from the left end of the panels to the right one.
pub(super) fn right_of(part: f64) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * part
}

pub(super) fn text(out: &mut String, (x, y): (f64, f64), anchor: &str, colour: &str, words: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{words}</text>"
    );
}

/// The end of a scale that holds `most`: 1, 2, 4 or 8 times a power of ten.
pub(super) fn ceiling(most: f64) -> f64 {
    let decade = 10f64.powf(most.max(1e-3).log10().floor());
    let steps = [1.0, 2.0, 4.0, 8.0, 10.0];
    decade * steps.into_iter().find(|step| step * decade >= most).unwrap_or(10.0)
}

pub(super) fn number(value: f64) -> String {
    match value {
        v if v >= 10.0 || v == v.trunc() => format!("{v:.0}"),
        v if v >= 0.1 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
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

    #[test]
    fn each_figure_is_a_line_with_a_point_per_interval() {
        let part = |n: f64| Interval {
            seconds: n,
            overwrites: n / 2.0,
            iops: 1000.0 * n,
            p50_us: 100.0,
            p99_us: 1000.0 * n,
            max_us: 5e3,
            stall_us: 2e3,
            write_amplification: Some(n),
        };
        let image = draw(&[part(1.0), part(2.0), part(4.0)]);
        let lines: Vec<&str> = image.lines().filter(|l| l.starts_with("<polyline")).collect();
        assert_eq!(lines.len(), 5, "{image}");
        assert!(lines.iter().all(|l| l.matches(',').count() == 3), "{image}");
        // Half way and at the right end.
        assert!(lines[3].contains("425.0,") && lines[3].contains("780.0,"), "{}", lines[3]);
    }
}
