//! What an object remembers besides data, xattrs and omap: versions, times, hints. Kept by us in
//! the onode's xattr [`INFO_XATTR`], which clients cannot name: theirs are stored behind
//! [`USER_PREFIX`].

use bytes::Bytes;
use types::enc::{Decode, DecodeError, Encode, Reader, Result};
use types::{EVersion, ReqId, UTime};

/// Name of the xattr that holds an encoded [`ObjectInfo`].
pub const INFO_XATTR: &[u8] = b"_";
/// Clients' xattr `name` is stored as `_name`.
pub const USER_PREFIX: u8 = b'_';

const FORMAT: u8 = 1;
/// Length of the encoding, bytes.
const SIZE: usize = 120;

/// Object info, one per object that exists.
///
/// ```text
/// | size | field, little endian                                              |
/// |    1 | format, 1                                                         |
/// |    8 | user_version                                                      |
/// |   12 | version (u64 version, u32 epoch)                                  |
/// |   12 | prior_version                                                     |
/// |    8 | mtime (u32 sec, u32 nsec), as the client gave it                  |
/// |    8 | local_mtime, the primary's clock                                  |
/// |    8 | size, bytes                                                       |
/// |    4 | truncate_seq                                                      |
/// |    8 | truncate_size                                                     |
/// |    8 | expected_object_size                                              |
/// |    8 | expected_write_size                                               |
/// |    4 | alloc_hint_flags                                                  |
/// |    4 | flags: 1 has_omap, 2 dirty                                        |
/// |   27 | last_reqid (Ceph's osd_reqid_t)                                   |
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectInfo {
    /// What clients see as the object's version.
    pub user_version: u64,
    /// Version of the PG log entry that last changed the object.
    pub version: EVersion,
    pub prior_version: EVersion,
    pub mtime: UTime,
    pub local_mtime: UTime,
    pub size: u64,
    pub truncate_seq: u32,
    pub truncate_size: u64,
    pub expected_object_size: u64,
    pub expected_write_size: u64,
    pub alloc_hint_flags: u32,
    /// Keys or a header were set since it was created or cleared.
    pub has_omap: bool,
    /// Changed since the last undirty (isdirty).
    pub dirty: bool,
    pub last_reqid: ReqId,
}

impl Encode for ObjectInfo {
    fn encode(&self, out: &mut Vec<u8>) {
        FORMAT.encode(out);
        self.user_version.encode(out);
        self.version.encode(out);
        self.prior_version.encode(out);
        self.mtime.encode(out);
        self.local_mtime.encode(out);
        self.size.encode(out);
        self.truncate_seq.encode(out);
        self.truncate_size.encode(out);
        self.expected_object_size.encode(out);
        self.expected_write_size.encode(out);
        self.alloc_hint_flags.encode(out);
        (self.has_omap as u32 | (self.dirty as u32) << 1).encode(out);
        self.last_reqid.encode(out);
    }
}

impl Decode for ObjectInfo {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        match r.u8()? {
            FORMAT => {}
            other => {
                return Err(DecodeError::Invalid {
                    what: "object info format",
                    value: other as u64,
                });
            }
        }
        let mut info = Self {
            user_version: r.u64()?,
            version: r.get()?,
            prior_version: r.get()?,
            mtime: r.get()?,
            local_mtime: r.get()?,
            size: r.u64()?,
            truncate_seq: r.u32()?,
            truncate_size: r.u64()?,
            expected_object_size: r.u64()?,
            expected_write_size: r.u64()?,
            alloc_hint_flags: r.u32()?,
            ..Self::default()
        };
        let flags = r.u32()?;
        info.has_omap = flags & 1 != 0;
        info.dirty = flags & 2 != 0;
        info.last_reqid = r.get()?;
        Ok(info)
    }
}

impl ObjectInfo {
    pub fn to_xattr(&self) -> Bytes {
        let mut out = Vec::with_capacity(SIZE);
        self.encode(&mut out);
        out.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::EntityName;

    #[test]
    fn info_round_trips_and_rejects_other_formats() {
        let info = ObjectInfo {
            user_version: 7,
            version: EVersion { epoch: 3, version: 9 },
            prior_version: EVersion { epoch: 2, version: 8 },
            mtime: UTime { sec: 5, nsec: 6 },
            local_mtime: UTime { sec: 7, nsec: 8 },
            size: 1 << 40,
            truncate_seq: 4,
            truncate_size: 11,
            expected_object_size: 12,
            expected_write_size: 13,
            alloc_hint_flags: 14,
            has_omap: true,
            dirty: true,
            last_reqid: ReqId { name: EntityName::client(4100), tid: 15, inc: 16 },
        };
        let bytes = info.to_xattr();
        assert_eq!(bytes.len(), SIZE);
        assert_eq!(ObjectInfo::from_slice(&bytes), Ok(info));
        let mut other = bytes.to_vec();
        other[0] = 2;
        assert!(ObjectInfo::from_slice(&other).is_err());
        for len in 0..bytes.len() {
            assert!(ObjectInfo::from_slice(&bytes[..len]).is_err());
        }
    }
}
