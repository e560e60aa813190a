//! One message as it travels in a MESSAGE frame (ceph-wire.md section 2), before its payload is
//! understood. Typed messages live in [`crate::messages`].

use bytes::{Bytes, BytesMut};
use types::hash::crc32c;

/// Bulk bytes of a message: a rope, so that a reply can carry buffers as the store read them.
#[derive(Debug, Clone, Default)]
pub struct Data {
    parts: Parts,
    len: usize,
    /// [`Data::crc`], where it is known without reading the bytes.
    crc: Option<u32>,
}

/// Most messages have one part or none, and need no list.
#[derive(Debug, Clone, Default)]
enum Parts {
    #[default]
    None,
    One(Bytes),
    Many(Vec<Bytes>),
}

impl Data {
    pub fn len(&self) -> usize {
        self.len
    }
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    pub fn push(&mut self, part: Bytes) {
        if part.is_empty() {
            return;
        }
        self.len += part.len();
        self.crc = None;
        self.parts = match std::mem::take(&mut self.parts) {
            Parts::None => Parts::One(part),
            Parts::One(first) => Parts::Many(vec![first, part]),
            Parts::Many(mut parts) => {
                parts.push(part);
                Parts::Many(parts)
            }
        };
    }
    pub fn append(&mut self, more: Data) {
        if self.is_empty() {
            *self = more;
            return;
        }
        match more.parts {
            Parts::None => {}
            Parts::One(part) => self.push(part),
            Parts::Many(parts) => parts.into_iter().for_each(|part| self.push(part)),
        }
    }
    pub fn parts(&self) -> &[Bytes] {
        match &self.parts {
            Parts::None => &[],
            Parts::One(part) => std::slice::from_ref(part),
            Parts::Many(parts) => parts,
        }
    }
    /// One contiguous buffer. Free for received messages, whose data is always one part; copies
    /// only when there are several.
    pub fn to_bytes(&self) -> Bytes {
        self.clone().into_bytes()
    }
    /// As [`Data::to_bytes`], and one part is not even counted once more.
    pub fn into_bytes(self) -> Bytes {
        match self.parts {
            Parts::None => Bytes::new(),
            Parts::One(one) => one,
            Parts::Many(many) => {
                let mut all = BytesMut::with_capacity(self.len);
                many.iter().for_each(|part| all.extend_from_slice(part));
                all.freeze()
            }
        }
    }
    /// crc32c of all bytes as frames have it: from all ones, not inverted in the end.
    pub fn crc(&self) -> u32 {
        let computed = || self.parts().iter().fold(!0, |crc, part| crc32c(crc, part));
        self.crc.unwrap_or_else(computed)
    }
    /// The same if it is known already: of data that came in a frame whose checksums were verified.
    pub fn known_crc(&self) -> Option<u32> {
        self.crc
    }
    /// The caller has [`Data::crc`] of these very bytes.
    pub fn set_crc(&mut self, crc: u32) {
        self.crc = Some(crc);
    }
}
impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}
impl Eq for Data {}
impl From<Bytes> for Data {
    fn from(part: Bytes) -> Self {
        match part.len() {
            0 => Self::default(),
            len => Self { parts: Parts::One(part), len, crc: None },
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_their_parts_in_order() {
        let part = |text: &'static str| Bytes::from_static(text.as_bytes());
        let mut data = Data::default();
        assert!(data.is_empty() && data.parts().is_empty());
        data.append(Data::from(part("one")));
        data.push(Bytes::new());
        assert_eq!(data.parts(), [part("one")]);
        let mut more = Data::from(part("two"));
        more.push(part("three"));
        data.append(more);
        data.append(Data::default());
        data.append(Data::from(part("four")));
        assert_eq!(data.parts(), [part("one"), part("two"), part("three"), part("four")]);
        assert_eq!((data.len(), data.to_bytes()), (15, part("onetwothreefour")));
    }

    #[test]
    fn a_known_checksum_ends_with_the_next_part() {
        let mut data = Data::from(Bytes::from_static(b"one"));
        assert_eq!((data.known_crc(), data.crc()), (None, crc32c(!0, b"one")));
        data.set_crc(7);
        assert_eq!((data.clone().crc(), data.known_crc()), (7, Some(7)));
        let mut longer = data.clone();
        longer.push(Bytes::from_static(b"two"));
        assert_eq!((longer.known_crc(), longer.crc()), (None, crc32c(!0, b"onetwo")));
        let mut behind = Data::from(Bytes::from_static(b"two"));
        behind.append(data);
        assert_eq!(behind.crc(), crc32c(!0, b"twoone"));
    }
}
