//! Options of the central configuration that an OSD follows while it runs.

use crate::ops::Limits;
use std::collections::BTreeMap;

/// The limits that `options` ask for; what they do not name, or cannot be read, is the default.
pub fn limits(options: &BTreeMap<String, String>) -> Limits {
    let defaults = Limits::default();
    let number = |name: &str, default: u64| {
        options.get(name).and_then(|text| text.trim().parse().ok()).unwrap_or(default)
    };
    let megabytes = |name: &str, default: u64| {
        let number = options.get(name).and_then(|text| text.trim().parse::<u64>().ok());
        number.map_or(default, |n| n.saturating_mul(1 << 20))
    };
    Limits {
        object_size_bytes_max: number("osd_max_object_size", defaults.object_size_bytes_max)
            .min(seastore::OBJECT_SIZE_MAX),
        // More than one message can carry is never asked for.
        write_bytes_max: megabytes("osd_max_write_size", defaults.write_bytes_max),
        omap_entries_per_get_max: number(
            "osd_max_omap_entries_per_request",
            defaults.omap_entries_per_get_max,
        )
        .max(1),
        omap_bytes_per_get_max: number(
            "osd_max_omap_bytes_per_request",
            defaults.omap_bytes_per_get_max,
        )
        .max(1),
        ..defaults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_change_limits_and_nonsense_does_not() {
        let options = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        assert_eq!(limits(&options(&[])).object_size_bytes_max, 128 << 20);
        let raised = limits(&options(&[("osd_max_object_size", "1073741824")]));
        assert_eq!(raised.object_size_bytes_max, 1 << 30);
        let nonsense = limits(&options(&[("osd_max_object_size", "many")]));
        assert_eq!(nonsense.object_size_bytes_max, 128 << 20);
        assert_eq!(limits(&options(&[("osd_max_write_size", "1")])).write_bytes_max, 1 << 20);
    }
}
