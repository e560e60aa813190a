//! How Ceph writes numbers, times and addresses in its output.

use crate::snaps::SnapSet;
use serde_json::Value;
use std::fmt::Display;
use types::{AddrKind, EntityAddr, EntityAddrVec, UTime};

/// Times below ten years are durations, and print as seconds.
const STAMP_MIN_SECS: u32 = 60 * 60 * 24 * 365 * 10;

/// `2026-11-21T03:07:53.125083+0000`, or `0.000000` for what is no date.
pub fn stamp(time: UTime) -> String {
    let micros = time.nsec / 1000;
    if time.sec < STAMP_MIN_SECS {
        return format!("{}.{micros:06}", time.sec);
    }
    format!("{}.{micros:06}+0000", date_and_time(time.sec))
}

/// As [`stamp`], with `Z` for the zone.
pub fn stamp_z(time: UTime) -> String {
    let text = stamp(time);
    text.strip_suffix("+0000").map_or(text.clone(), |date| format!("{date}Z"))
}

fn date_and_time(secs: u32) -> String {
    let (days, rest) = (secs / 86_400, secs % 86_400);
    // Days since 1970 to a civil date: eras of 400 years that start in March.
    let z = days as u64 + 719_468;
    let era = z / 146_097;
    let day_of_era = z % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// A number with up to 6 significant digits, as C's `%g`.
pub fn general(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let scientific = format!("{value:.5e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("e format has an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    if (-4..6).contains(&exponent) {
        let fixed = format!("{value:.*}", (5 - exponent) as usize);
        return trim_zeros(&fixed).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim_zeros(mantissa), exponent.abs())
}

fn trim_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// A JSON number; whole values have no fraction, as in Ceph's output.
pub fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        Value::from(value as i64)
    } else {
        value.into()
    }
}

/// `v2:127.0.0.1:3300/0`; addresses of kind "any" have no prefix.
pub fn addr(addr: &EntityAddr) -> String {
    match addr.kind {
        AddrKind::None => "-".to_owned(),
        AddrKind::Any => legacy_addr(addr),
        kind => format!("{}:{}", kind_name(kind), legacy_addr(addr)),
    }
}

pub(crate) fn kind_name(kind: AddrKind) -> &'static str {
    match kind {
        AddrKind::None => "none",
        AddrKind::Legacy => "v1",
        AddrKind::Msgr2 => "v2",
        AddrKind::Any => "any",
        AddrKind::Cidr => "cidr",
    }
}

/// `127.0.0.1:3300`.
pub(crate) fn socket(addr: &EntityAddr) -> String {
    match addr.sock {
        Some(sock) => sock.to_string(),
        None => "(unrecognized address family 0)".to_owned(),
    }
}

/// `127.0.0.1:3300/0`.
pub fn legacy_addr(addr: &EntityAddr) -> String {
    format!("{}/{}", socket(addr), addr.nonce)
}

/// The address that clients before msgr2 would use: the first v1 one, else the first.
pub fn legacy_of(addrs: &EntityAddrVec) -> String {
    let v1 = addrs.0.iter().find(|a| a.kind == AddrKind::Legacy);
    legacy_addr(v1.or(addrs.0.first()).unwrap_or(&EntityAddr::default()))
}

/// `[v2:..,v1:..]`; a single address stands alone.
pub fn addrs(addrs: &EntityAddrVec) -> String {
    match addrs.0.as_slice() {
        [] => String::new(),
        [one] => addr(one),
        all => list(all.iter().map(addr)),
    }
}

/// `[a,b]`.
pub fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    format!("[{}]", joined(items))
}

/// `a,b`.
pub fn joined(items: impl IntoIterator<Item = impl Display>) -> String {
    let texts: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    texts.join(",")
}

/// `[1~2,a~1]`: start and length, hexadecimal.
pub fn snaps(set: &SnapSet) -> String {
    list(set.ranges().map(|(start, len)| format!("{start:x}~{len:x}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_in_c() {
        for (value, text) in [
            (0.95f32 as f64, "0.95"),
            (0.699997, "0.699997"),
            (1.0, "1"),
            (0.0, "0"),
            (123456.0, "123456"),
            (1234567.0, "1.23457e+06"),
            (0.00001, "1e-05"),
            (0.0001, "0.0001"),
            (100.0, "100"),
        ] {
            assert_eq!(general(value), text);
        }
        assert_eq!(number(1.0).to_string(), "1");
        assert_eq!(number(0.95f32 as f64).to_string(), "0.949999988079071");
    }

    #[test]
    fn stamps_are_dates() {
        let at = |sec| stamp(UTime { sec, nsec: 1_234_567 });
        assert_eq!(at(0), "0.001234");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00.001234+0000");
        assert_eq!(at(1_709_251_199), "2024-02-29T23:59:59.001234+0000");
        assert_eq!(at(1_704_067_200), "2024-01-01T00:00:00.001234+0000");
        assert_eq!(stamp_z(UTime { sec: 951_782_400, nsec: 0 }), "2000-02-29T00:00:00.000000Z");
    }
}
