//! Pools as `ceph osd dump` and `ceph osd pool ls detail` show them.

use crate::pool::{HitSetParams, PgPool, PoolOption, pool_flags};
use crate::pool_options;
use crate::text;
use serde_json::{Map, Value, json};
use std::fmt::Write;
use types::enc::Reader;

impl PgPool {
    /// `replicated` or `erasure`.
    pub fn kind_name(&self) -> &'static str {
        if self.is_replicated() { "replicated" } else { "erasure" }
    }

    /// `off`, `warn` or `on`.
    pub fn autoscale_name(&self) -> &'static str {
        match self.pg_autoscale_mode {
            0 => "off",
            1 => "warn",
            2 => "on",
            _ => "???",
        }
    }

    pub fn cache_mode_name(&self) -> &'static str {
        let names =
            ["none", "writeback", "forward", "readonly", "readforward", "readproxy", "proxy"];
        names.get(self.cache_mode as usize).copied().unwrap_or("unknown")
    }

    fn object_hash_name(&self) -> &'static str {
        match self.object_hash {
            1 => "linux",
            2 => "rjenkins",
            _ => "unknown",
        }
    }

    /// The settings as JSON, in the shape of `ceph osd dump -f json` (there after `pool` and
    /// `pool_name`).
    pub fn dump(&self) -> Map<String, Value> {
        let mut out = Map::new();
        self.dump_placement(&mut out);
        self.dump_tiering(&mut out);
        self.dump_rest(&mut out);
        out
    }

    fn dump_placement(&self, out: &mut Map<String, Value>) {
        let stretch = self.stretch.as_ref();
        let merge = &self.last_pg_merge;
        extend(
            out,
            json!({
                "create_time": text::stamp(self.create_time),
                "flags": self.flags,
                "flags_names": pool_flags::names(self.flags),
                "type": self.kind as u8,
                "size": self.size,
                "min_size": self.min_size,
                "crush_rule": self.crush_rule,
                "peering_crush_bucket_count": stretch.map_or(0, |s| s.bucket_count),
                "peering_crush_bucket_target": stretch.map_or(0, |s| s.bucket_target),
                "peering_crush_bucket_barrier": stretch.map_or(0, |s| s.bucket_barrier),
                "peering_crush_bucket_mandatory_member":
                    stretch.map_or(crate::OSD_NONE, |s| s.mandatory_member),
                "object_hash": self.object_hash,
                "pg_autoscale_mode": self.autoscale_name(),
                "pg_num": self.pg_num,
                "pg_placement_num": self.pgp_num,
                "pg_placement_num_target": self.pgp_num_target,
                "pg_num_target": self.pg_num_target,
                "pg_num_pending": self.pg_num_pending,
                "last_pg_merge_meta": {
                    "source_pgid": merge.source.to_string(),
                    "ready_epoch": merge.ready_epoch.0,
                    "last_epoch_started": merge.last_epoch_started.0,
                    "last_epoch_clean": merge.last_epoch_clean.0,
                    "source_version": merge.source_version.to_string(),
                    "target_version": merge.target_version.to_string(),
                },
                "last_change": self.last_change.to_string(),
                "last_force_op_resend": self.last_force_op_resend.to_string(),
                "last_force_op_resend_prenautilus":
                    self.last_force_op_resend_prenautilus.to_string(),
                "last_force_op_resend_preluminous":
                    self.last_force_op_resend_preluminous.to_string(),
                "auid": self.auid,
                "snap_mode":
                    if self.has_flag(pool_flags::POOL_SNAPS) { "pool" } else { "selfmanaged" },
                "snap_seq": self.snap_seq,
                "snap_epoch": self.snap_epoch.0,
            }),
        );
    }

    fn dump_tiering(&self, out: &mut Map<String, Value>) {
        let snap = |snap: &crate::pool::PoolSnap| json!({ "snapid": snap.id, "stamp": text::stamp(snap.stamp), "name": snap.name });
        extend(
            out,
            json!({
                "pool_snaps": self.snaps.values().map(snap).collect::<Vec<_>>(),
                "removed_snaps": text::snaps(&self.removed_snaps),
                "quota_max_bytes": self.quota_max_bytes,
                "quota_max_objects": self.quota_max_objects,
                "tiers": self.tiers,
                "tier_of": self.tier_of,
                "read_tier": self.read_tier,
                "write_tier": self.write_tier,
                "cache_mode": self.cache_mode_name(),
                "target_max_bytes": self.target_max_bytes,
                "target_max_objects": self.target_max_objects,
                "cache_target_dirty_ratio_micro": self.cache_target_dirty_ratio_micro,
                "cache_target_dirty_high_ratio_micro": self.cache_target_dirty_high_ratio_micro,
                "cache_target_full_ratio_micro": self.cache_target_full_ratio_micro,
                "cache_min_flush_age": self.cache_min_flush_age,
                "cache_min_evict_age": self.cache_min_evict_age,
                "erasure_code_profile": self.erasure_code_profile,
                "hit_set_params": self.hit_set_params.dump(),
                "hit_set_period": self.hit_set_period,
                "hit_set_count": self.hit_set_count,
                "use_gmt_hitset": self.use_gmt_hitset,
                "min_read_recency_for_promote": self.min_read_recency_for_promote,
                "min_write_recency_for_promote": self.min_write_recency_for_promote,
                "hit_set_grade_decay_rate": self.hit_set_grade_decay_rate,
                "hit_set_search_last_n": self.hit_set_search_last_n,
                "grade_table": self.grade_table(),
            }),
        );
    }

    fn dump_rest(&self, out: &mut Map<String, Value>) {
        let mut options = Map::new();
        for (name, value) in pool_options::by_name(&self.options) {
            let value = match value {
                PoolOption::Text(text) => json!(text),
                PoolOption::Int(int) => json!(int),
                PoolOption::Float(float) => text::number(*float),
            };
            options.insert(name.to_owned(), value);
        }
        extend(
            out,
            json!({
                "stripe_width": self.stripe_width,
                "expected_num_objects": self.expected_num_objects,
                "fast_read": self.fast_read,
                "options": options,
                "application_metadata": self.applications,
            }),
        );
    }

    /// How much each older hit set counts, in millionths. At most 1024 of them are worth showing.
    fn grade_table(&self) -> Vec<u32> {
        let mut grade = 1_000_000u32;
        let mut next = || {
            grade = (grade as f64 * (1.0 - self.hit_set_grade_decay_rate as f64 / 100.0)) as u32;
            grade
        };
        (0..self.hit_set_count.min(1024)).map(|_| next()).collect()
    }

    /// One line as in `ceph osd dump`, after `pool ID 'NAME' `.
    pub fn summary(&self) -> String {
        let mut line = self.kind_name().to_owned();
        let out = &mut line;
        if !self.is_replicated() {
            put(out, "profile", &self.erasure_code_profile);
        }
        put(out, "size", self.size);
        put(out, "min_size", self.min_size);
        put(out, "crush_rule", self.crush_rule);
        put(out, "object_hash", self.object_hash_name());
        put(out, "pg_num", self.pg_num);
        put(out, "pgp_num", self.pgp_num);
        put_if(out, "pg_num_target", self.pg_num_target, self.pg_num);
        put_if(out, "pgp_num_target", self.pgp_num_target, self.pgp_num);
        put_if(out, "pg_num_pending", self.pg_num_pending, self.pg_num);
        if self.pg_autoscale_mode != u8::MAX {
            put(out, "autoscale_mode", self.autoscale_name());
        }
        put(out, "last_change", self.last_change);
        let resend = [
            self.last_force_op_resend.0,
            self.last_force_op_resend_prenautilus.0,
            self.last_force_op_resend_preluminous.0,
        ];
        if resend != [0; 3] {
            put(out, "lfor", format_args!("{}/{}/{}", resend[0], resend[1], resend[2]));
        }
        put_if(out, "owner", self.auid, 0);
        if self.flags != 0 {
            put(out, "flags", pool_flags::names(self.flags));
        }
        self.summarize_limits(out);
        line
    }

    fn summarize_limits(&self, out: &mut String) {
        put_if(out, "max_bytes", self.quota_max_bytes, 0);
        put_if(out, "max_objects", self.quota_max_objects, 0);
        if !self.tiers.is_empty() {
            put(out, "tiers", text::joined(&self.tiers));
        }
        for (name, tier) in [
            ("tier_of", self.tier_of),
            ("read_tier", self.read_tier),
            ("write_tier", self.write_tier),
        ] {
            if tier >= 0 {
                put(out, name, tier);
            }
        }
        if self.cache_mode != 0 {
            put(out, "cache_mode", self.cache_mode_name());
        }
        put_if(out, "target_bytes", self.target_max_bytes, 0);
        put_if(out, "target_objects", self.target_max_objects, 0);
        if self.hit_set_params.kind != 0 {
            put(out, "hit_set", self.hit_set_params.summary());
            let _ = write!(out, " {}s x{}", self.hit_set_period, self.hit_set_count);
            put(out, "decay_rate", self.hit_set_grade_decay_rate);
            put(out, "search_last_n", self.hit_set_search_last_n);
        }
        put_if(out, "min_read_recency_for_promote", self.min_read_recency_for_promote, 0);
        put_if(out, "min_write_recency_for_promote", self.min_write_recency_for_promote, 0);
        put(out, "stripe_width", self.stripe_width);
        put_if(out, "expected_num_objects", self.expected_num_objects, 0);
        if self.fast_read {
            put(out, "fast_read", 1);
        }
        for (name, value) in pool_options::by_name(&self.options) {
            match value {
                PoolOption::Text(text) => put(out, name, text),
                PoolOption::Int(int) => put(out, name, int),
                PoolOption::Float(float) => put(out, name, text::general(*float)),
            }
        }
        if !self.applications.is_empty() {
            put(out, "application", text::joined(self.applications.keys()));
        }
    }
}

fn put(out: &mut String, name: &str, value: impl std::fmt::Display) {
    let _ = write!(out, " {name} {value}");
}

fn put_if<T: std::fmt::Display + PartialEq>(out: &mut String, name: &str, value: T, usual: T) {
    if value != usual {
        put(out, name, value);
    }
}

/// Appends the fields of a JSON object.
pub(crate) fn extend(out: &mut Map<String, Value>, more: Value) {
    if let Value::Object(more) = more {
        out.extend(more);
    }
}

impl HitSetParams {
    fn kind_name(&self) -> &'static str {
        let names = ["none", "explicit_hash", "explicit_object", "bloom"];
        names.get(self.kind as usize).copied().unwrap_or("???")
    }

    /// Of a bloom filter: false positives in millionths, target size, seed.
    fn bloom(&self) -> Option<(u32, u64, u64)> {
        if self.kind != 3 {
            return None;
        }
        let mut outer = Reader::new(&self.body);
        let (_, mut r) = outer.versioned("bloom hit set", 1).ok()?;
        Some((r.u32().ok()?, r.u64().ok()?, r.u64().ok()?))
    }

    fn dump(&self) -> Value {
        let Some((micro, target, seed)) = self.bloom() else {
            return json!({ "type": self.kind_name() });
        };
        json!({
            "type": self.kind_name(),
            "false_positive_probability": text::number(micro as f64 / 1e6),
            "target_size": target,
            "seed": seed,
        })
    }

    fn summary(&self) -> String {
        match self.bloom() {
            Some((micro, target, seed)) => format!(
                "bloom{{false_positive_probability: {}, target_size: {target}, seed: {seed}}}",
                text::general(micro as f64 / 1e6)
            ),
            None => format!("{}{{}}", self.kind_name()),
        }
    }
}
