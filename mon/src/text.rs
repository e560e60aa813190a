//! How people read numbers and tables in command output: Ceph's units, spans of time and columns.

use serde_json::Value;
use std::time::Duration;
use types::UTime;

fn scaled(value: u64, base: u64, units: &[&str]) -> String {
    let mut index = 0;
    let mut multiple = 1u64;
    while value / multiple >= base && index + 1 < units.len() {
        multiple *= base;
        index += 1;
    }
    let unit = units[index];
    if value.is_multiple_of(multiple) {
        return format!("{}{unit}", value / multiple);
    }
    let exact = value as f64 / multiple as f64;
    for digits in [2, 1] {
        let text = format!("{exact:.digits$}{unit}");
        if text.len() <= 7 {
            return text;
        }
    }
    format!("{exact:.0}{unit}")
}

/// `5.1 GiB`: binary units, at most three digits.
pub fn bytes(value: u64) -> String {
    scaled(value, 1024, &[" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"])
}

/// `10.05k`: decimal units.
pub fn count(value: u64) -> String {
    scaled(value, 1000, &["", "k", "M", "G", "T", "P", "E"])
}

/// `0.25s`, `119s`, `3m`, `5h`, `3d`: one unit, rounded down; below two seconds with a fraction.
pub fn span(d: Duration) -> String {
    let seconds = d.as_secs();
    if seconds < 2 {
        return general(d.as_secs_f64()) + "s";
    }
    for (unit, size, below) in [
        ("s", 1, 120),
        ("m", 60, 120),
        ("h", 3600, 48),
        ("d", 86400, 14),
        ("w", 604_800, 12),
        ("M", 2_592_000, 24),
    ] {
        if seconds / size < below {
            return format!("{}{unit}", seconds / size);
        }
    }
    format!("{}y", seconds / 31_536_000)
}

/// Ceph's time stamp, `2026-11-21T03:07:05.631115+0000`.
pub fn stamp(time: UTime) -> String {
    let days = (time.sec / 86_400) as i64;
    let second = time.sec % 86_400;
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}+0000",
        second / 3600,
        second / 60 % 60,
        second % 60,
        time.nsec / 1000
    )
}

/// Year, month and day of a day number counted from 1970-01-01 (Gregorian calendar; the year is
/// taken to start in March, so that the leap day is its last).
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// A JSON number as Ceph's formatter prints it: whole numbers without a fraction.
pub fn number(value: f64) -> Value {
    if !value.is_finite() {
        return Value::from(0);
    }
    if value.fract() == 0.0 && value.abs() < 1e15 {
        Value::from(value as i64)
    } else {
        Value::from(value)
    }
}

/// A number as C++ streams print it: six significant digits, no trailing zeros.
pub fn general(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".into();
    }
    let exponent = value.abs().log10().floor() as i32;
    if !(-5..6).contains(&exponent) {
        let text = format!("{value:.5e}");
        let (mantissa, exp) = text.split_once('e').expect("scientific form has an exponent");
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        let exp: i32 = exp.parse().expect("exponent is a number");
        return format!("{mantissa}e{}{:02}", if exp < 0 { '-' } else { '+' }, exp.abs());
    }
    let digits = usize::try_from(5 - exponent).unwrap_or(0);
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// Columns two spaces apart, each as wide as its widest cell, the last one padded too.
#[derive(Debug, Default)]
pub struct Table {
    columns: Vec<(String, Align, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// `head` and `cells` say how the heading and the cells are aligned.
    pub fn column(mut self, heading: &str, head: Align, cells: Align) -> Self {
        self.columns.push((heading.to_owned(), head, cells));
        self
    }

    /// Cells beyond the number of columns are dropped, missing ones are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = cells.into_iter().take(self.columns.len()).collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
    }

    /// All lines, each ended by a newline.
    pub fn render(&self) -> String {
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|i| {
                let cells = self.rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
                cells.max(self.columns[i].0.chars().count())
            })
            .collect();
        let mut out = String::new();
        let mut line = |cells: Vec<(&str, Align)>| {
            for (i, (text, align)) in cells.into_iter().enumerate() {
                if i > 0 {
                    out.push_str("  ");
                }
                let width = widths[i];
                match align {
                    Align::Left => out.push_str(&format!("{text:<width$}")),
                    Align::Right => out.push_str(&format!("{text:>width$}")),
                }
            }
            out.push('\n');
        };
        line(self.columns.iter().map(|(h, a, _)| (h.as_str(), *a)).collect());
        for row in &self.rows {
            line(row.iter().zip(&self.columns).map(|(c, (_, _, a))| (c.as_str(), *a)).collect());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_those_of_ceph() {
        for (value, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (913_068_032, "871 MiB"),
            (5_529_382_912, "5.1 GiB"),
            (6_442_450_944, "6 GiB"),
            (389_120, "380 KiB"),
        ] {
            assert_eq!(bytes(value), text);
        }
        assert_eq!(count(999), "999");
        assert_eq!(count(10_050), "10.05k");
        assert_eq!(span(Duration::from_secs(169)), "2m");
        assert_eq!(span(Duration::from_secs(119)), "119s");
        assert_eq!(span(Duration::from_secs(86400 * 3)), "3d");
    }

    #[test]
    fn stamps_and_numbers() {
        assert_eq!(
            stamp(UTime { sec: 1_795_230_425, nsec: 631_115_999 }),
            "2026-11-21T03:07:05.631115+0000"
        );
        assert_eq!(stamp(UTime { sec: 951_782_400, nsec: 0 }), "2000-02-29T00:00:00.000000+0000");
        assert_eq!(general(0.95f32 as f64), "0.95");
        assert_eq!(general(0.5), "0.5");
        assert_eq!(general(100.0), "100");
        assert_eq!(general(1_234_567.0), "1.23457e+06");
        assert_eq!(number(1.0).to_string(), "1");
        assert_eq!(number(0.5).to_string(), "0.5");
    }

    #[test]
    fn columns_line_up() {
        let mut table = Table::default().column("ID", Align::Left, Align::Right).column(
            "N",
            Align::Left,
            Align::Left,
        );
        table.row(["10".into(), "abc".into()]);
        table.row(["7".into()]);
        assert_eq!(table.render(), "ID  N  \n10  abc\n 7     \n");
    }
}
