//! How a full OSDMap is encoded (ceph-wire.md section 5).
//!
//! ```text
//! wrapper version 8 {
//!   client section, version 9: what clients need
//!   osd section, version 9: the rest (10 with stretch mode, 11 with blocklisted networks)
//!   u32 crc32c of all other bytes of the wrapper, its 6-byte header included, seed !0
//! }
//! ```

use crate::codec::{get_wrapped, put_addr_map, put_wrapped};
use crate::osd_map::{OsdAddrs, OsdMap, StretchMode, map_flags};
use crate::release::Release;
use bytes::Bytes;
use types::enc::{DecodeError, Encode, Reader, Result, versioned};
use types::{EntityAddrVec, Fsid};

impl OsdMap {
    /// The map as it goes over the wire and into stores.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_with_crc().0
    }

    /// The encoded map and the checksum within it.
    pub fn encode_with_crc(&self) -> (Vec<u8>, u32) {
        let mut out = Vec::with_capacity(1024 + self.crush_raw.len() + 400 * self.state.len());
        let sections = |out: &mut Vec<u8>| {
            versioned(out, 9, 1, |out| self.put_client_section(out));
            let version = match (self.range_blocklist.is_empty(), self.stretch) {
                (false, _) => 11,
                (true, Some(_)) => 10,
                (true, None) => 9,
            };
            versioned(out, version, 1, |out| self.put_osd_section(out, version));
        };
        let crc = put_wrapped(&mut out, sections, |_| {});
        (out, crc)
    }

    fn put_addrs(&self, out: &mut Vec<u8>, pick: impl Fn(&OsdAddrs) -> &EntityAddrVec) {
        (self.addrs.len() as u32).encode(out);
        for addrs in &self.addrs {
            pick(addrs).encode(out);
        }
    }

    fn put_client_section(&self, out: &mut Vec<u8>) {
        self.fsid.encode(out);
        self.epoch.encode(out);
        self.created.encode(out);
        self.modified.encode(out);
        self.pools.encode(out);
        self.pool_names.encode(out);
        self.pool_max.encode(out);
        self.flags.encode(out);
        self.max_osd().encode(out);
        self.state.encode(out);
        self.weight.encode(out);
        self.put_addrs(out, |a| &a.client);
        self.pg_temp.encode(out);
        self.primary_temp.encode(out);
        self.primary_affinity.encode(out);
        self.crush_raw.encode(out);
        self.erasure_code_profiles.encode(out);
        self.pg_upmap.encode(out);
        self.pg_upmap_items.encode(out);
        self.crush_version.encode(out);
        self.new_removed_snaps.encode(out);
        self.new_purged_snaps.encode(out);
        self.last_up_change.encode(out);
        self.last_in_change.encode(out);
    }

    fn put_osd_section(&self, out: &mut Vec<u8>, version: u8) {
        self.put_addrs(out, |a| &a.heartbeat_back);
        self.info.encode(out);
        put_addr_map(out, &self.blocklist);
        self.put_addrs(out, |a| &a.cluster);
        self.cluster_snapshot_epoch.encode(out);
        self.cluster_snapshot.encode(out);
        self.uuid.encode(out);
        self.xinfo.encode(out);
        self.put_addrs(out, |a| &a.heartbeat_front);
        self.nearfull_ratio.encode(out);
        self.full_ratio.encode(out);
        self.backfillfull_ratio.encode(out);
        self.require_min_compat_client.0.encode(out);
        self.require_osd_release.0.encode(out);
        self.removed_snaps_queue.encode(out);
        self.crush_node_flags.encode(out);
        self.device_class_flags.encode(out);
        if version >= 10 {
            self.stretch.is_some().encode(out);
            self.stretch.unwrap_or_default().put_fields(out);
        }
        if version >= 11 {
            put_addr_map(out, &self.range_blocklist);
        }
    }

    /// Reads a map and verifies its checksum. Maps of releases before Nautilus are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let wrapped = get_wrapped(&mut r, "OSDMap", (9, 9), (11, 9))?;
        r.finish("OSDMap")?;
        let mut map = Self::new(Fsid::default(), Default::default());
        map.get_client_section(wrapped.client.1)?;
        map.get_osd_section(wrapped.osd.1, wrapped.osd.0)?;
        map.imply_release_flags();
        Ok(map)
    }

    fn get_client_section(&mut self, mut r: Reader<'_>) -> Result<()> {
        let r = &mut r;
        self.fsid = r.get()?;
        self.epoch = r.get()?;
        self.created = r.get()?;
        self.modified = r.get()?;
        self.pools = r.get()?;
        self.pool_names = r.get()?;
        self.pool_max = r.get()?;
        self.flags = r.get()?;
        let max_osd = r.u32()?;
        self.state = r.get()?;
        // The bytes of `state` have arrived, so they bound what the other vectors take.
        if self.state.len() != max_osd as usize || max_osd > crate::OSD_COUNT_MAX {
            return Err(DecodeError::Invalid { what: "max_osd", value: max_osd as u64 });
        }
        self.set_max_osd(max_osd);
        self.weight = r.get()?;
        self.get_addrs(r, |a| &mut a.client)?;
        self.pg_temp = r.get()?;
        self.primary_temp = r.get()?;
        self.primary_affinity = r.get()?;
        if !self.primary_affinity.is_empty() {
            self.check_len("primary affinities", self.primary_affinity.len())?;
        }
        self.set_crush_raw(Bytes::copy_from_slice(r.blob()?))?;
        self.erasure_code_profiles = r.get()?;
        self.pg_upmap = r.get()?;
        self.pg_upmap_items = r.get()?;
        self.crush_version = r.get()?;
        self.new_removed_snaps = r.get()?;
        self.new_purged_snaps = r.get()?;
        self.last_up_change = r.get()?;
        self.last_in_change = r.get()?;
        self.check_len("weights", self.weight.len())
    }

    fn get_osd_section(&mut self, mut r: Reader<'_>, version: u8) -> Result<()> {
        let r = &mut r;
        self.get_addrs(r, |a| &mut a.heartbeat_back)?;
        self.info = r.get()?;
        self.blocklist = r.get()?;
        self.get_addrs(r, |a| &mut a.cluster)?;
        self.cluster_snapshot_epoch = r.get()?;
        self.cluster_snapshot = r.get()?;
        self.uuid = r.get()?;
        self.xinfo = r.get()?;
        self.get_addrs(r, |a| &mut a.heartbeat_front)?;
        self.nearfull_ratio = r.get()?;
        self.full_ratio = r.get()?;
        self.backfillfull_ratio = r.get()?;
        self.require_min_compat_client = Release(r.u8()?);
        self.require_osd_release = Release(r.u8()?);
        self.removed_snaps_queue = r.get()?;
        self.crush_node_flags = r.get()?;
        self.device_class_flags = r.get()?;
        if version >= 10 {
            let on = r.bool()?;
            let fields = StretchMode::get_fields(r)?;
            self.stretch = on.then_some(fields);
        }
        if version >= 11 {
            self.range_blocklist = r.get()?;
        }
        self.check_len("osd infos", self.info.len())?;
        self.check_len("uuids", self.uuid.len())?;
        self.check_len("osd extra infos", self.xinfo.len())
    }

    fn check_len(&self, what: &'static str, len: usize) -> Result<()> {
        if len == self.state.len() {
            return Ok(());
        }
        Err(DecodeError::Invalid { what, value: len as u64 })
    }

    fn get_addrs(
        &mut self,
        r: &mut Reader<'_>,
        pick: impl Fn(&mut OsdAddrs) -> &mut EntityAddrVec,
    ) -> Result<()> {
        let count = r.count("addresses", 1)?;
        self.check_len("addresses", count)?;
        for addrs in &mut self.addrs {
            *pick(addrs) = r.get()?;
        }
        Ok(())
    }

    /// Flags that a release implies, so that maps of mixed age compare equal.
    pub(crate) fn imply_release_flags(&mut self) {
        if self.require_osd_release >= Release::NAUTILUS {
            self.flags |= map_flags::PGLOG_HARDLIMIT;
        }
        if self.require_osd_release >= Release::LUMINOUS {
            self.flags &= !map_flags::LEGACY_REQUIRE;
            self.flags |= map_flags::RECOVERY_DELETES;
        }
    }
}
