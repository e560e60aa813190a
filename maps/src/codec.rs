//! Pieces of encoding that the maps share.

use crate::osd_map::{OsdExtraInfo, OsdInfo, StretchMode};
use std::collections::BTreeMap;
use types::enc::{Decode, DecodeError, Encode, Reader, Result, versioned};
use types::hash::crc32c;
use types::{EntityAddr, UTime};

/// Opens a versioned struct of at least version `oldest`; older layouts are refused.
pub(crate) fn versioned_since<'a>(
    r: &mut Reader<'a>,
    what: &'static str,
    known: u8,
    oldest: u8,
) -> Result<(u8, Reader<'a>)> {
    let (version, body) = r.versioned(what, known)?;
    if version < oldest {
        return Err(DecodeError::Invalid { what, value: version as u64 });
    }
    Ok((version, body))
}

/// Marker and versioned header of an encoded address.
const ADDR_HEADER: usize = 1 + 6;

/// Addresses in Ceph's order, which checksums fix: by the bytes of kind, nonce and socket address as
/// they lie in memory on a little-endian machine.
pub(crate) fn sorted_addrs(map: &BTreeMap<EntityAddr, UTime>) -> Vec<(Vec<u8>, EntityAddr, UTime)> {
    let mut addrs: Vec<_> = map.iter().map(|(a, until)| (a.to_vec(), *a, *until)).collect();
    addrs.sort_by(|a, b| a.0[ADDR_HEADER..].cmp(&b.0[ADDR_HEADER..]));
    addrs
}

pub(crate) fn put_addr_map(out: &mut Vec<u8>, map: &BTreeMap<EntityAddr, UTime>) {
    let pairs = sorted_addrs(map);
    (pairs.len() as u32).encode(out);
    for (addr, _, until) in pairs {
        out.extend_from_slice(&addr);
        until.encode(out);
    }
}

/// Writes the wrapper of a map, version 8: its two sections, its checksum over everything but the
/// checksum itself, and what follows that. Returns the checksum.
pub(crate) fn put_wrapped(
    out: &mut Vec<u8>,
    sections: impl FnOnce(&mut Vec<u8>),
    tail: impl FnOnce(&mut Vec<u8>),
) -> u32 {
    let start = out.len();
    let mut crc_at = 0;
    versioned(out, 8, 7, |out| {
        sections(out);
        crc_at = out.len();
        0u32.encode(out);
        tail(out);
    });
    let crc = crc32c(crc32c(!0, &out[start..crc_at]), &out[crc_at + 4..]);
    out[crc_at..crc_at + 4].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// The sections of a wrapped map and what follows the checksum, which is verified.
pub(crate) struct Wrapped<'a> {
    pub client: (u8, Reader<'a>),
    pub osd: (u8, Reader<'a>),
    pub tail: Reader<'a>,
}

pub(crate) fn get_wrapped<'a>(
    r: &mut Reader<'a>,
    what: &'static str,
    client_version: (u8, u8),
    osd_version: (u8, u8),
) -> Result<Wrapped<'a>> {
    let whole = r.rest();
    let (_, mut body) = versioned_since(r, what, 8, 8)?;
    let whole = &whole[..whole.len() - r.remaining()];
    let header = whole.len() - body.remaining();
    let client = versioned_since(&mut body, "client section", client_version.0, client_version.1)?;
    let osd = versioned_since(&mut body, "osd section", osd_version.0, osd_version.1)?;
    let crc_at = header + body.pos();
    let expected = body.u32()?;
    let found = crc32c(crc32c(!0, &whole[..crc_at]), &whole[crc_at + 4..]);
    if found != expected {
        return Err(DecodeError::Checksum { what, expected, found });
    }
    Ok(Wrapped { client, osd, tail: body })
}

impl Encode for OsdInfo {
    fn encode(&self, out: &mut Vec<u8>) {
        1u8.encode(out);
        self.last_clean_begin.encode(out);
        self.last_clean_end.encode(out);
        self.up_from.encode(out);
        self.up_thru.encode(out);
        self.down_at.encode(out);
        self.lost_at.encode(out);
    }
}
impl Decode for OsdInfo {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        r.skip("osd_info_t version", 1)?;
        Ok(Self {
            last_clean_begin: r.get()?,
            last_clean_end: r.get()?,
            up_from: r.get()?,
            up_thru: r.get()?,
            down_at: r.get()?,
            lost_at: r.get()?,
        })
    }
}

impl Encode for OsdExtraInfo {
    fn encode(&self, out: &mut Vec<u8>) {
        versioned(out, 4, 1, |out| {
            self.down_stamp.encode(out);
            self.laggy_probability.encode(out);
            self.laggy_interval.encode(out);
            self.features.encode(out);
            self.old_weight.encode(out);
            self.last_purged_snaps_scrub.encode(out);
            self.dead_epoch.encode(out);
        })
    }
}
impl Decode for OsdExtraInfo {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let (version, mut r) = versioned_since(r, "osd_xinfo_t", 4, 3)?;
        let mut info = Self {
            down_stamp: r.get()?,
            laggy_probability: r.u32()?,
            laggy_interval: r.u32()?,
            features: r.u64()?,
            old_weight: r.u32()?,
            ..Self::default()
        };
        if version >= 4 {
            info.last_purged_snaps_scrub = r.get()?;
            info.dead_epoch = r.get()?;
        }
        Ok(info)
    }
}

impl StretchMode {
    /// Writes the fields but the flag that says whether the mode is on, which the full map puts
    /// first and the incremental last.
    pub(crate) fn put_fields(&self, out: &mut Vec<u8>) {
        self.bucket_count.encode(out);
        self.degraded.encode(out);
        self.recovering.encode(out);
        self.bucket.encode(out);
    }

    pub(crate) fn get_fields(r: &mut Reader<'_>) -> Result<Self> {
        Ok(Self {
            bucket_count: r.u32()?,
            degraded: r.u32()?,
            recovering: r.u32()?,
            bucket: r.i32()?,
        })
    }
}
