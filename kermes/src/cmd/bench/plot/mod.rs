//! The result of a bench as an SVG image: latencies by percentile, and below them figures over time.

mod percentiles;
mod series;

use super::report::Unit;
use super::tally::Interval;
use hdrhistogram::Histogram;
use std::fmt::Write;

const WIDTH: f64 = 800.0;
const PANEL: f64 = 180.0;
/// Around the panels: room for the scales and the titles.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const HEAD: f64 = 24.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 46.0;

pub struct Image<'a> {
    pub title: &'a str,
    pub unit: Unit,
    pub latency_ns: Option<&'a Histogram<u64>>,
    pub series: &'a [Interval],
}

/// Where a panel is.
#[derive(Debug, Clone, Copy)]
struct Frame {
    top: f64,
    height: f64,
}

impl Frame {
    /// `part` of the way from the bottom to the top.
    fn y_of(self, part: f64) -> f64 {
        self.top + self.height * (1.0 - part.clamp(0.0, 1.0))
    }
    /// A line across at height `y`, and what it stands for.
    fn mark(self, out: &mut String, y: f64, name: &str) {
        let (from, to) = (right_of(0.0), right_of(1.0));
        let _ = writeln!(
            out,
            "<line x1=\"{from:.1}\" y1=\"{y:.1}\" x2=\"{to:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>"
        );
        text(out, (from - 6.0, y + 4.0), "end", "#000", name);
    }
    fn title(self, out: &mut String, words: &str) {
        text(out, (right_of(0.0), self.top - 8.0), "start", "#000", words);
    }
}

impl Image<'_> {
    pub fn draw(&self) -> String {
        let mut body = String::new();
        text(&mut body, (right_of(0.5), HEAD), "middle", "#000", self.title);
        let mut top = HEAD + TOP;
        if let Some(latency_ns) = self.latency_ns {
            let frame = Frame { top, height: 1.5 * PANEL };
            percentiles::draw(&mut body, frame, latency_ns);
            top += frame.height + BOTTOM;
        }
        for panel in series::panels(self.series, self.unit.name(), self.latency_ns.is_some()) {
            let frame = Frame { top: top + TOP / 2.0, height: PANEL };
            series::draw(&mut body, frame, &panel, self.series);
            top = frame.top + PANEL + TOP / 2.0;
        }
        series::axis(&mut body, top - TOP / 2.0, self.series);
        let height = top - TOP / 2.0 + BOTTOM;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n{body}</svg>\n"
        )
    }
}

/// `part` of the way from the left end of the panels to the right one.
fn right_of(part: f64) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * part
}

fn text(out: &mut String, (x, y): (f64, f64), anchor: &str, colour: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{words}</text>"
    );
}

fn number(value: f64) -> String {
    match value {
        v if v >= 10.0 || v == v.trunc() => format!("{v:.0}"),
        v if v >= 0.1 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::bench::tally::histogram;

    fn lines(image: &str) -> Vec<&str> {
        image.lines().filter(|l| l.starts_with("<polyline")).collect()
    }

    #[test]
    fn each_figure_is_a_line_with_a_point_per_interval() {
        let part = |n: f64| Interval {
            seconds: n,
            overwrites: n / 2.0,
            iops: 1000.0 * n,
            p50_us: 100.0,
            p90_us: 200.0,
            p99_us: 1000.0 * n,
            p999_us: 3e3,
            max_us: 5e3,
            stall_us: 2e3,
            write_amplification: Some(n),
        };
        let series = [part(1.0), part(2.0), part(4.0)];
        let unit = Unit::Operations;
        let mut image = Image { title: "a < b", unit, latency_ns: None, series: &series };
        assert_eq!(lines(&image.draw()).len(), 2, "{}", image.draw());
        let latency_ns = histogram();
        image.latency_ns = Some(&latency_ns);
        let drawn = image.draw();
        assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>\n"), "{drawn}");
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        assert!(drawn.contains("a &lt; b"), "{drawn}");
        let lines = lines(&drawn);
        assert_eq!(lines.len(), 6, "{drawn}");
        assert!(lines[1..].iter().all(|l| l.matches(',').count() == 3), "{drawn}");
        // Half way and at the right end.
        assert!(lines[4].contains("425.0,") && lines[4].contains("780.0,"), "{}", lines[4]);
        image.series = &[];
        assert!(image.draw().contains("</svg>") && !image.draw().contains("NaN"));
    }

    #[test]
    fn the_line_of_percentiles_rises() {
        let mut latency_ns = histogram();
        (1..=10_000u64).for_each(|us| latency_ns.record(us * 1000).unwrap());
        let unit = Unit::Messages;
        let image = Image { title: "", unit, latency_ns: Some(&latency_ns), series: &[] }.draw();
        let heights: Vec<f64> = lines(&image)[0]
            .split('"')
            .nth(1)
            .unwrap()
            .split(' ')
            .map(|point| point.split(',').nth(1).unwrap().parse().unwrap())
            .collect();
        assert!(heights.len() > 100 && heights.windows(2).all(|w| w[0] >= w[1]), "{image}");
    }
}
