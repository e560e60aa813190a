//! Names and kinds of pool options (`ceph osd pool set POOL OPTION VALUE`).

use crate::pool::PoolOption;
use std::collections::BTreeMap;

/// Kind of an option's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    Text,
    Int,
    Float,
}

use OptionKind::{Float, Int, Text};

/// By number; the position is the number in [`crate::PgPool::options`].
const OPTIONS: [(&str, OptionKind); 24] = [
    ("scrub_min_interval", Float),
    ("scrub_max_interval", Float),
    ("deep_scrub_interval", Float),
    ("recovery_priority", Int),
    ("recovery_op_priority", Int),
    ("scrub_priority", Int),
    ("compression_mode", Text),
    ("compression_algorithm", Text),
    ("compression_required_ratio", Float),
    ("compression_max_blob_size", Int),
    ("compression_min_blob_size", Int),
    ("csum_type", Int),
    ("csum_max_block", Int),
    ("csum_min_block", Int),
    ("fingerprint_algorithm", Text),
    ("pg_num_min", Int),
    ("target_size_bytes", Int),
    ("target_size_ratio", Float),
    ("pg_autoscale_bias", Float),
    ("read_lease_interval", Float),
    ("dedup_tier", Int),
    ("dedup_chunk_algorithm", Text),
    ("dedup_cdc_chunk_size", Int),
    ("pg_num_max", Int),
];

/// Number and kind of the option called `name`.
pub fn find(name: &str) -> Option<(i32, OptionKind)> {
    let at = OPTIONS.iter().position(|(n, _)| *n == name)?;
    Some((at as i32, OPTIONS[at].1))
}

/// The options that are set and have a name, by name.
pub fn by_name(options: &BTreeMap<i32, PoolOption>) -> Vec<(&'static str, &PoolOption)> {
    let name = |key: &i32| OPTIONS.get(usize::try_from(*key).ok()?).map(|(name, _)| *name);
    let mut named: Vec<_> = options.iter().filter_map(|(k, v)| Some((name(k)?, v))).collect();
    named.sort_by_key(|(name, _)| *name);
    named
}
