//! Bars beside each other, with the range of each, as an SVG image.

use super::{Range, short};
use std::fmt::Write;

const WIDTH: f64 = 800.0;
const LEFT: f64 = 230.0;
const RIGHT: f64 = 170.0;
const BAR: f64 = 18.0;
const GAP: f64 = 14.0;
const TOP: f64 = 64.0;
const COLOURS: [&str; 4] = ["#27c", "#999", "#2a7", "#c72"];

/// Bars of one load: for each side, if it was measured.
pub struct Group {
    pub name: String,
    pub bars: Vec<Option<Range>>,
}

/// The image. The scale is logarithmic from 1 on: the sides differ by more than a linear one shows.
pub fn draw(title: &str, sides: &[String], groups: &[Group]) -> String {
    let ranges = || groups.iter().flat_map(|group| group.bars.iter().flatten());
    let most = ranges().map(|range| range.most).fold(10.0, f64::max);
    let least = ranges().map(|range| range.least).fold(most, f64::min).max(0.1);
    let (low, high) = (least.log10().floor(), most.log10().ceil());
    let x_of = |value: f64| {
        let part = (value.max(1e-9).log10() - low) / (high - low).max(1.0);
        LEFT + (WIDTH - LEFT - RIGHT) * part.clamp(0.0, 1.0)
    };
    let mut body = String::new();
    let mut text = |x: f64, y: f64, anchor: &str, colour: &str, words: &str| {
        let _ = writeln!(
            body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{words}</text>"
        );
    };
    text(WIDTH / 2.0, 20.0, "middle", "#000", title);
    for (side, name) in sides.iter().enumerate() {
        text(LEFT + 130.0 * side as f64, 44.0, "start", COLOURS[side % COLOURS.len()], name);
    }
    let mut y = TOP;
    let mut shapes = String::new();
    for group in groups {
        let height = BAR * group.bars.len() as f64;
        text(LEFT - 8.0, y + height / 2.0 + 4.0, "end", "#000", &group.name);
        for (side, range) in group.bars.iter().enumerate() {
            let (top, colour) = (y + BAR * side as f64, COLOURS[side % COLOURS.len()]);
            let Some(range) = range else { continue };
            let width = x_of(range.median) - LEFT;
            let middle = top + BAR / 2.0;
            let (from, to) = (x_of(range.least), x_of(range.most));
            let _ = writeln!(
                shapes,
                "<rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>\n\
                 <line x1=\"{from:.1}\" y1=\"{middle:.1}\" x2=\"{to:.1}\" y2=\"{middle:.1}\" stroke=\"#000\"/>",
                top + 1.0,
                BAR - 2.0
            );
            text(to.max(LEFT) + 6.0, middle + 4.0, "start", "#000", &short(range.median));
        }
        y += height + GAP;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{y}\" fill=\"white\"/>\n{shapes}{body}</svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_median() {
        let range = |median: f64| Some(Range { median, least: median / 2.0, most: median * 2.0 });
        let group = |bars| Group { name: "reads".into(), bars };
        let groups = [group(vec![range(10.0), range(100.0)]), group(vec![None, range(1000.0)])];
        let image = draw("title", &["a".into(), "b".into()], &groups);
        let widths: Vec<f64> = image
            .lines()
            .filter(|line| line.contains("fill=\"#27c\"/>") || line.contains("fill=\"#999\"/>"))
            .filter_map(|line| line.split("width=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        assert_eq!(widths.len(), 3, "{image}");
        assert!(widths[0] < widths[1] && widths[1] < widths[2], "{widths:?}");
        // A decade is as wide as the next one.
        assert!((widths[2] - widths[1] - (widths[1] - widths[0])).abs() < 0.2, "{widths:?}");
        assert!(!image.contains("NaN") && !image.contains("inf"), "{image}");
        assert!(draw("", &[], &[]).contains("</svg>"));
    }
}
