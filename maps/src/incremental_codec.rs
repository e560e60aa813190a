//! How an incremental map is encoded (ceph-wire.md section 5).
//!
//! The wrapper is that of the full map (see `osd_map_codec.rs`); after its checksum comes `u32
//! full_crc`, which the checksum covers too.

use crate::codec::{get_wrapped, put_addr_map, put_wrapped};
use crate::incremental::Incremental;
use crate::osd_map::StretchMode;
use crate::release::Release;
use bytes::Bytes;
use types::UTime;
use types::enc::{Encode, Reader, Result, versioned};

/// -1 on the wire is "no change".
fn ratio(value: f32) -> Option<f32> {
    (value >= 0.0).then_some(value)
}

/// As Ceph's signed comparison: 0x80 and above is "no change".
fn release(value: u8) -> Option<Release> {
    (value < 0x80).then_some(Release(value))
}

impl Incremental {
    /// The incremental as it goes over the wire, with its checksum.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024 + self.full_map.len() + self.crush.len());
        let sections = |out: &mut Vec<u8>| {
            versioned(out, 8, 1, |out| self.put_client_section(out));
            let ranges =
                !self.new_range_blocklist.is_empty() || !self.old_range_blocklist.is_empty();
            let version = match (ranges, self.new_stretch) {
                (true, _) => 11,
                (false, Some(_)) => 10,
                (false, None) => 9,
            };
            versioned(out, version, 1, |out| self.put_osd_section(out, version));
        };
        put_wrapped(&mut out, sections, |out| self.full_crc.encode(out));
        out
    }

    fn put_client_section(&self, out: &mut Vec<u8>) {
        self.fsid.encode(out);
        self.epoch.encode(out);
        self.modified.encode(out);
        self.new_pool_max.unwrap_or(-1).encode(out);
        self.new_flags.unwrap_or(u32::MAX).encode(out);
        self.full_map.encode(out);
        self.crush.encode(out);
        self.new_max_osd.unwrap_or(u32::MAX).encode(out);
        self.new_pools.encode(out);
        self.new_pool_names.encode(out);
        self.old_pools.encode(out);
        self.new_up_client.encode(out);
        self.new_state.encode(out);
        self.new_weight.encode(out);
        self.new_pg_temp.encode(out);
        self.new_primary_temp.encode(out);
        self.new_primary_affinity.encode(out);
        self.new_erasure_code_profiles.encode(out);
        self.old_erasure_code_profiles.encode(out);
        self.new_pg_upmap.encode(out);
        self.old_pg_upmap.encode(out);
        self.new_pg_upmap_items.encode(out);
        self.old_pg_upmap_items.encode(out);
        self.new_removed_snaps.encode(out);
        self.new_purged_snaps.encode(out);
        self.new_last_up_change.encode(out);
        self.new_last_in_change.encode(out);
    }

    fn put_osd_section(&self, out: &mut Vec<u8>, version: u8) {
        self.new_hb_back_up.encode(out);
        self.new_up_thru.encode(out);
        self.new_last_clean_interval.encode(out);
        self.new_lost.encode(out);
        put_addr_map(out, &self.new_blocklist);
        self.old_blocklist.encode(out);
        self.new_up_cluster.encode(out);
        self.cluster_snapshot.encode(out);
        self.new_uuid.encode(out);
        self.new_xinfo.encode(out);
        self.new_hb_front_up.encode(out);
        self.encode_features.encode(out);
        self.new_nearfull_ratio.unwrap_or(-1.0).encode(out);
        self.new_full_ratio.unwrap_or(-1.0).encode(out);
        self.new_backfillfull_ratio.unwrap_or(-1.0).encode(out);
        self.new_require_min_compat_client.unwrap_or(Release::UNCHANGED).0.encode(out);
        self.new_require_osd_release.unwrap_or(Release::UNCHANGED).0.encode(out);
        self.new_crush_node_flags.encode(out);
        self.new_device_class_flags.encode(out);
        if version >= 10 {
            self.new_stretch.is_some().encode(out);
            let stretch = self.new_stretch.flatten();
            stretch.unwrap_or_default().put_fields(out);
            stretch.is_some().encode(out);
        }
        if version >= 11 {
            put_addr_map(out, &self.new_range_blocklist);
            self.old_range_blocklist.encode(out);
        }
    }

    /// Reads an incremental and verifies its checksum. Those of releases before Nautilus are
    /// refused.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let mut wrapped = get_wrapped(&mut r, "incremental OSDMap", (8, 8), (11, 9))?;
        r.finish("incremental OSDMap")?;
        let mut inc = Self::new(Default::default(), Default::default(), UTime::default());
        inc.get_client_section(wrapped.client.1)?;
        inc.get_osd_section(wrapped.osd.1, wrapped.osd.0)?;
        inc.full_crc = wrapped.tail.u32()?;
        Ok(inc)
    }

    fn get_client_section(&mut self, mut r: Reader<'_>) -> Result<()> {
        let r = &mut r;
        self.fsid = r.get()?;
        self.epoch = r.get()?;
        self.modified = r.get()?;
        self.new_pool_max = Some(r.i64()?).filter(|max| *max != -1);
        self.new_flags = u32::try_from(r.i32()?).ok();
        self.full_map = Bytes::copy_from_slice(r.blob()?);
        self.crush = Bytes::copy_from_slice(r.blob()?);
        self.new_max_osd = u32::try_from(r.i32()?).ok();
        self.new_pools = r.get()?;
        self.new_pool_names = r.get()?;
        self.old_pools = r.get()?;
        self.new_up_client = r.get()?;
        self.new_state = r.get()?;
        self.new_weight = r.get()?;
        self.new_pg_temp = r.get()?;
        self.new_primary_temp = r.get()?;
        self.new_primary_affinity = r.get()?;
        self.new_erasure_code_profiles = r.get()?;
        self.old_erasure_code_profiles = r.get()?;
        self.new_pg_upmap = r.get()?;
        self.old_pg_upmap = r.get()?;
        self.new_pg_upmap_items = r.get()?;
        self.old_pg_upmap_items = r.get()?;
        self.new_removed_snaps = r.get()?;
        self.new_purged_snaps = r.get()?;
        self.new_last_up_change = r.get()?;
        self.new_last_in_change = r.get()?;
        Ok(())
    }

    fn get_osd_section(&mut self, mut r: Reader<'_>, version: u8) -> Result<()> {
        let r = &mut r;
        self.new_hb_back_up = r.get()?;
        self.new_up_thru = r.get()?;
        self.new_last_clean_interval = r.get()?;
        self.new_lost = r.get()?;
        self.new_blocklist = r.get()?;
        self.old_blocklist = r.get()?;
        self.new_up_cluster = r.get()?;
        self.cluster_snapshot = r.get()?;
        self.new_uuid = r.get()?;
        self.new_xinfo = r.get()?;
        self.new_hb_front_up = r.get()?;
        self.encode_features = r.get()?;
        self.new_nearfull_ratio = ratio(r.f32()?);
        self.new_full_ratio = ratio(r.f32()?);
        self.new_backfillfull_ratio = ratio(r.f32()?);
        self.new_require_min_compat_client = release(r.u8()?);
        self.new_require_osd_release = release(r.u8()?);
        self.new_crush_node_flags = r.get()?;
        self.new_device_class_flags = r.get()?;
        if version >= 10 {
            let changed = r.bool()?;
            let fields = StretchMode::get_fields(r)?;
            let on = r.bool()?;
            self.new_stretch = changed.then_some(on.then_some(fields));
        }
        if version >= 11 {
            self.new_range_blocklist = r.get()?;
            self.old_range_blocklist = r.get()?;
        }
        Ok(())
    }
}
