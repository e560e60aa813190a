//! How a pool is encoded (`pg_pool_t` version 29, 30 in stretched clusters; ceph-wire.md section 5).

use crate::codec::versioned_since;
use crate::pool::{HitSetParams, PgMerge, PgPool, PoolKind, PoolOption, PoolSnap, StretchPool};
use bytes::Bytes;
use std::collections::BTreeMap;
use types::enc::{Decode, DecodeError, Encode, Reader, Result, versioned};

impl Encode for PoolSnap {
    fn encode(&self, out: &mut Vec<u8>) {
        versioned(out, 2, 2, |out| {
            self.id.encode(out);
            self.stamp.encode(out);
            self.name.encode(out);
        })
    }
}
impl Decode for PoolSnap {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (_, mut r) = r.versioned("pool_snap_info_t", 2)?;
        Ok(Self { id: r.u64()?, stamp: r.get()?, name: r.get()? })
    }
}

impl Encode for HitSetParams {
    fn encode(&self, out: &mut Vec<u8>) {
        versioned(out, 1, 1, |out| {
            self.kind.encode(out);
            out.extend_from_slice(&self.body);
        })
    }
}
impl Decode for HitSetParams {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (_, mut r) = r.versioned("HitSet::Params", 1)?;
        Ok(Self { kind: r.u8()?, body: Bytes::copy_from_slice(r.rest()) })
    }
}

impl Encode for PgMerge {
    fn encode(&self, out: &mut Vec<u8>) {
        versioned(out, 1, 1, |out| {
            self.source.encode(out);
            self.ready_epoch.encode(out);
            self.last_epoch_started.encode(out);
            self.last_epoch_clean.encode(out);
            self.source_version.encode(out);
            self.target_version.encode(out);
        })
    }
}
impl Decode for PgMerge {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (_, mut r) = r.versioned("pg_merge_meta_t", 1)?;
        Ok(Self {
            source: r.get()?,
            ready_epoch: r.get()?,
            last_epoch_started: r.get()?,
            last_epoch_clean: r.get()?,
            source_version: r.get()?,
            target_version: r.get()?,
        })
    }
}

fn put_options(out: &mut Vec<u8>, options: &BTreeMap<i32, PoolOption>) {
    versioned(out, 2, 1, |out| {
        (options.len() as u32).encode(out);
        for (key, value) in options {
            key.encode(out);
            match value {
                PoolOption::Text(text) => {
                    0i32.encode(out);
                    text.encode(out);
                }
                PoolOption::Int(int) => {
                    1i32.encode(out);
                    int.encode(out);
                }
                PoolOption::Float(float) => {
                    2i32.encode(out);
                    float.encode(out);
                }
            }
        }
    })
}

fn get_options(r: &mut Reader<'_>) -> Result<BTreeMap<i32, PoolOption>> {
    let (_, mut r) = versioned_since(r, "pool_opts_t", 2, 2)?;
    let count = r.count("pool options", 12)?;
    let mut options = BTreeMap::new();
    for _ in 0..count {
        let key = r.i32()?;
        let value = match r.i32()? {
            0 => PoolOption::Text(r.get()?),
            1 => PoolOption::Int(r.i64()?),
            2 => PoolOption::Float(r.f64()?),
            kind => {
                let value = kind as u32 as u64;
                return Err(DecodeError::Invalid { what: "kind of pool option", value });
            }
        };
        options.insert(key, value);
    }
    Ok(options)
}

impl Encode for PgPool {
    fn encode(&self, out: &mut Vec<u8>) {
        let version = if self.stretch.is_some() { 30 } else { 29 };
        versioned(out, version, 5, |out| self.put_body(out))
    }
}

impl PgPool {
    fn put_body(&self, out: &mut Vec<u8>) {
        (self.kind as u8).encode(out);
        self.size.encode(out);
        self.crush_rule.encode(out);
        self.object_hash.encode(out);
        self.pg_num.encode(out);
        self.pgp_num.encode(out);
        // "Localized" PGs, gone since 2011.
        0u64.encode(out);
        self.last_change.encode(out);
        self.snap_seq.encode(out);
        self.snap_epoch.encode(out);
        self.snaps.encode(out);
        self.removed_snaps.encode(out);
        self.auid.encode(out);
        self.flags.encode(out);
        // Crash replay interval, gone.
        0u32.encode(out);
        self.min_size.encode(out);
        self.quota_max_bytes.encode(out);
        self.quota_max_objects.encode(out);
        self.tiers.encode(out);
        self.tier_of.encode(out);
        self.cache_mode.encode(out);
        self.read_tier.encode(out);
        self.write_tier.encode(out);
        self.properties.encode(out);
        self.hit_set_params.encode(out);
        self.hit_set_period.encode(out);
        self.hit_set_count.encode(out);
        self.stripe_width.encode(out);
        self.target_max_bytes.encode(out);
        self.target_max_objects.encode(out);
        self.cache_target_dirty_ratio_micro.encode(out);
        self.cache_target_full_ratio_micro.encode(out);
        self.cache_min_flush_age.encode(out);
        self.cache_min_evict_age.encode(out);
        self.erasure_code_profile.encode(out);
        self.last_force_op_resend_preluminous.encode(out);
        self.min_read_recency_for_promote.encode(out);
        self.expected_num_objects.encode(out);
        self.cache_target_dirty_high_ratio_micro.encode(out);
        self.min_write_recency_for_promote.encode(out);
        self.use_gmt_hitset.encode(out);
        self.fast_read.encode(out);
        self.hit_set_grade_decay_rate.encode(out);
        self.hit_set_search_last_n.encode(out);
        put_options(out, &self.options);
        self.last_force_op_resend_prenautilus.encode(out);
        self.applications.encode(out);
        self.create_time.encode(out);
        self.pg_num_target.encode(out);
        self.pgp_num_target.encode(out);
        self.pg_num_pending.encode(out);
        // Two epochs of a merge that only 14.1 had here.
        0u64.encode(out);
        self.last_force_op_resend.encode(out);
        self.pg_autoscale_mode.encode(out);
        self.last_pg_merge.encode(out);
        if let Some(stretch) = &self.stretch {
            stretch.bucket_count.encode(out);
            stretch.bucket_target.encode(out);
            stretch.bucket_barrier.encode(out);
            stretch.mandatory_member.encode(out);
        }
    }
}

impl Decode for PgPool {
    /// Reads versions 29 and 30 and the known part of later ones.
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (version, mut r) = versioned_since(r, "pg_pool_t", 30, 29)?;
        let r = &mut r;
        let kind = match r.u8()? {
            1 => PoolKind::Replicated,
            3 => PoolKind::Erasure,
            kind => return Err(DecodeError::Invalid { what: "pool type", value: kind as u64 }),
        };
        let size = r.u8()?;
        let crush_rule = r.u8()?;
        let object_hash = r.u8()?;
        let pg_num = r.u32()?;
        let pgp_num = r.u32()?;
        for count in [pg_num, pgp_num] {
            // More would overflow the mask; Ceph's own limit (65536 per pool by default) is lower.
            if count == 0 || count > 1 << 31 {
                return Err(DecodeError::Invalid { what: "pg_num", value: count as u64 });
            }
        }
        r.skip("localized PGs", 8)?;
        // Field order is the wire order, so each line reads the next field.
        let mut pool = Self {
            kind,
            size,
            crush_rule,
            object_hash,
            pg_num,
            pgp_num,
            last_change: r.get()?,
            snap_seq: r.get()?,
            snap_epoch: r.get()?,
            snaps: r.get()?,
            removed_snaps: r.get()?,
            auid: r.get()?,
            flags: r.get()?,
            min_size: {
                r.skip("crash replay interval", 4)?;
                r.get()?
            },
            quota_max_bytes: r.get()?,
            quota_max_objects: r.get()?,
            tiers: r.get()?,
            tier_of: r.get()?,
            cache_mode: r.get()?,
            read_tier: r.get()?,
            write_tier: r.get()?,
            properties: r.get()?,
            hit_set_params: r.get()?,
            hit_set_period: r.get()?,
            hit_set_count: r.get()?,
            stripe_width: r.get()?,
            target_max_bytes: r.get()?,
            target_max_objects: r.get()?,
            cache_target_dirty_ratio_micro: r.get()?,
            cache_target_full_ratio_micro: r.get()?,
            cache_min_flush_age: r.get()?,
            cache_min_evict_age: r.get()?,
            erasure_code_profile: r.get()?,
            last_force_op_resend_preluminous: r.get()?,
            min_read_recency_for_promote: r.get()?,
            expected_num_objects: r.get()?,
            cache_target_dirty_high_ratio_micro: r.get()?,
            min_write_recency_for_promote: r.get()?,
            use_gmt_hitset: r.get()?,
            fast_read: r.get()?,
            hit_set_grade_decay_rate: r.get()?,
            hit_set_search_last_n: r.get()?,
            options: get_options(r)?,
            last_force_op_resend_prenautilus: r.get()?,
            applications: r.get()?,
            create_time: r.get()?,
            pg_num_target: r.get()?,
            pgp_num_target: r.get()?,
            pg_num_pending: r.get()?,
            last_force_op_resend: {
                r.skip("merge epochs", 8)?;
                r.get()?
            },
            pg_autoscale_mode: r.get()?,
            last_pg_merge: r.get()?,
            stretch: None,
        };
        if version >= 30 {
            let stretch = StretchPool {
                bucket_count: r.u32()?,
                bucket_target: r.u32()?,
                bucket_barrier: r.u32()?,
                mandatory_member: r.i32()?,
            };
            pool.stretch = (stretch.bucket_count != 0).then_some(stretch);
        }
        Ok(pool)
    }
}
