//! Method none: the name is believed (ceph-wire.md section 3, "Auth none").

use super::AuthName;
use types::enc::{Decode, DecodeError, Encode, Reader, Result};

/// Payload of AUTH_REQUEST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoneRequest {
    pub name: AuthName,
    /// 0 asks for a new id.
    pub global_id: u64,
}
impl Encode for NoneRequest {
    fn encode(&self, out: &mut Vec<u8>) {
        1u8.encode(out);
        self.name.encode(out);
        self.global_id.encode(out);
    }
}
impl Decode for NoneRequest {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        match r.u8()? {
            1 | super::cephx::AUTH_MODE_MON => {}
            v => return Err(DecodeError::Invalid { what: "auth none version", value: v as u64 }),
        }
        Ok(Self { name: r.get()?, global_id: r.u64()? })
    }
}
