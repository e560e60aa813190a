//! One message as it travels in a MESSAGE frame (ceph-wire.md section 2), before its payload is
//! understood. Typed messages live in [`crate::messages`].

use bytes::{Bytes, BytesMut};

/// Bulk bytes of a message: a rope, so that a reply can carry buffers as the store read them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Data {
    parts: Vec<Bytes>,
    len: usize,
}

impl Data {
    pub fn len(&self) -> usize {
        self.len
    }
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    pub fn push(&mut self, part: Bytes) {
        if !part.is_empty() {
            self.len += part.len();
            self.parts.push(part);
        }
    }
    pub fn parts(&self) -> &[Bytes] {
        &self.parts
    }
    pub fn into_parts(self) -> Vec<Bytes> {
        self.parts
    }
    /// One contiguous buffer. Free for received messages, whose data is always one part; copies
    /// only when there are several.
    pub fn to_bytes(&self) -> Bytes {
        match self.parts.as_slice() {
            [] => Bytes::new(),
            [one] => one.clone(),
            many => {
                let mut all = BytesMut::with_capacity(self.len);
                many.iter().for_each(|part| all.extend_from_slice(part));
                all.freeze()
            }
        }
    }
}
impl From<Bytes> for Data {
    fn from(part: Bytes) -> Self {
        let mut data = Self::default();
        data.push(part);
        data
    }
}

/// Priorities that Ceph's daemons use.
pub mod priority {
    pub const LOW: u16 = 64;
    pub const CLIENT_OP: u16 = 63;
    pub const DEFAULT: u16 = 127;
    pub const HIGH: u16 = 196;
    pub const HIGHEST: u16 = 255;
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Message number, for example 42 for MOSDOp.
    pub kind: u16,
    /// Transaction id: replies repeat the request's.
    pub tid: u64,
    pub priority: u16,
    /// Encoding of the payload, and the oldest one that a reader must understand.
    pub version: u16,
    pub compat: u16,
    pub front: Bytes,
    pub middle: Bytes,
    pub data: Data,
}
