//! Ceph's encoding rules (ceph-wire.md section 1; Ceph src/include/encoding.h).
//!
//! Everything is little endian and packed. Writers append to a `Vec<u8>`; readers walk a slice with
//! [`Reader`], whose every step is checked, so that bytes from outside never cause a panic.

use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What was wrong with bytes that came from outside, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// The input ended: `needed` more bytes were wanted at offset `at`.
    Truncated { what: &'static str, at: usize, needed: usize },
    /// The writer says that readers must understand at least `compat`; this reader knows `known`.
    TooNew { what: &'static str, compat: u8, known: u8 },
    /// A value outside its range.
    Invalid { what: &'static str, value: u64 },
    /// Bytes were left over where the format ends.
    Trailing { what: &'static str, left: usize },
    /// A checksum did not match.
    Checksum { what: &'static str, expected: u32, found: u32 },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { what, at, needed } => {
                write!(f, "{what} ends at byte {at}, {needed} more wanted")
            }
            Self::TooNew { what, compat, known } => {
                write!(f, "{what} needs a reader of version {compat}, this one knows {known}")
            }
            Self::Invalid { what, value } => write!(f, "{what} cannot be {value}"),
            Self::Trailing { what, left } => write!(f, "{left} bytes are left over after {what}"),
            Self::Checksum { what, expected, found } => {
                write!(f, "checksum of {what} is {found:#010x}, expected {expected:#010x}")
            }
        }
    }
}
impl std::error::Error for DecodeError {}

pub type Result<T> = std::result::Result<T, DecodeError>;

/// Appends `self` in Ceph's encoding.
pub trait Encode {
    fn encode(&self, out: &mut Vec<u8>);

    fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// Reads a value in Ceph's encoding and leaves the reader after it.
pub trait Decode: Sized {
    fn decode(r: &mut Reader<'_>) -> Result<Self>;

    /// Decodes `bytes` to the last byte.
    fn from_slice(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let value = Self::decode(&mut r)?;
        r.finish(std::any::type_name::<Self>())?;
        Ok(value)
    }
}

/// A checked walk over bytes from outside.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// Of all bytes.
    len: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, len: bytes.len() }
    }

    pub fn pos(&self) -> usize {
        self.len - self.rest.len()
    }

    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// All bytes not yet read, without moving.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[cold]
    fn truncated(&self, what: &'static str, len: usize) -> DecodeError {
        DecodeError::Truncated { what, at: self.len, needed: len - self.remaining() }
    }

    #[inline]
    pub fn take(&mut self, what: &'static str, len: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.truncated(what, len));
        };
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub fn skip(&mut self, what: &'static str, len: usize) -> Result<()> {
        self.take(what, len).map(|_| ())
    }

    #[inline]
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N]> {
        let Some((array, rest)) = self.rest.split_first_chunk() else {
            return Err(self.truncated(what, N));
        };
        self.rest = rest;
        Ok(*array)
    }

    #[inline]
    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>("u8")?[0])
    }
    #[inline]
    pub fn bool(&mut self) -> Result<bool> {
        Ok(self.u8()? != 0)
    }
    #[inline]
    pub fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array("u16")?))
    }
    #[inline]
    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array("u32")?))
    }
    #[inline]
    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array("u64")?))
    }
    #[inline]
    pub fn i8(&mut self) -> Result<i8> {
        Ok(self.u8()? as i8)
    }
    #[inline]
    pub fn i16(&mut self) -> Result<i16> {
        Ok(self.u16()? as i16)
    }
    #[inline]
    pub fn i32(&mut self) -> Result<i32> {
        Ok(self.u32()? as i32)
    }
    #[inline]
    pub fn i64(&mut self) -> Result<i64> {
        Ok(self.u64()? as i64)
    }
    pub fn f32(&mut self) -> Result<f32> {
        Ok(f32::from_bits(self.u32()?))
    }
    pub fn f64(&mut self) -> Result<f64> {
        Ok(f64::from_bits(self.u64()?))
    }

    /// A reader of the next `len` bytes. Of a constant `len` the steps in it are checked when they are compiled.
    #[inline]
    pub fn part(&mut self, what: &'static str, len: usize) -> Result<Reader<'a>> {
        Ok(Reader::new(self.take(what, len)?))
    }

    /// A `u32` length and that many bytes (Ceph's string and bufferlist).
    #[inline]
    pub fn blob(&mut self) -> Result<&'a [u8]> {
        let len = self.u32()? as usize;
        self.take("bytes", len)
    }

    /// A count that fits the input, each item taking at least `item_bytes_min` bytes. Bounds what a
    /// decoder allocates by what has really arrived.
    #[inline]
    pub fn count(&mut self, what: &'static str, item_bytes_min: usize) -> Result<usize> {
        let count = self.u32()? as usize;
        if count.saturating_mul(item_bytes_min.max(1)) > self.remaining() {
            return Err(DecodeError::Invalid { what, value: count as u64 });
        }
        Ok(count)
    }

    /// Opens a versioned struct (`ENCODE_START`): returns its version and a reader of its body.
    /// This reader moves to the end of the body, so fields of later versions are skipped.
    #[inline]
    pub fn versioned(&mut self, what: &'static str, known: u8) -> Result<(u8, Reader<'a>)> {
        let [version, compat, len @ ..] = self.array::<6>(what)?;
        if compat > known {
            return Err(DecodeError::TooNew { what, compat, known });
        }
        Ok((version, self.part(what, u32::from_le_bytes(len) as usize)?))
    }

    /// Says that the format ends here.
    pub fn finish(&self, what: &'static str) -> Result<()> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(DecodeError::Trailing { what, left }),
        }
    }

    #[inline]
    pub fn get<T: Decode>(&mut self) -> Result<T> {
        T::decode(self)
    }
}

/// Appends a versioned struct (`ENCODE_START(version, compat)`); the length is filled in after
/// `body` has written its fields.
pub fn versioned(out: &mut Vec<u8>, version: u8, compat: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[version, compat, 0, 0, 0, 0]);
    let start = out.len();
    body(out);
    let len = u32::try_from(out.len() - start).expect("a struct is smaller than 4 GiB");
    out[start - 4..start].copy_from_slice(&len.to_le_bytes());
}

/// `N` bytes of fields that have fixed widths, made by `fill`. Appended as a whole they look for room once, and
/// not each before itself.
///
/// # Panics
/// If `fill` puts more or fewer bytes.
#[inline(always)]
pub fn fixed<const N: usize>(fill: impl FnOnce(&mut Fields<'_>)) -> [u8; N] {
    let mut bytes = [0; N];
    let mut fields = Fields(&mut bytes);
    fill(&mut fields);
    assert!(fields.0.is_empty(), "{} bytes were not put", fields.0.len());
    bytes
}

/// What is still to be put.
#[derive(Debug)]
pub struct Fields<'a>(&'a mut [u8]);
impl Fields<'_> {
    #[inline(always)]
    pub fn put<const M: usize>(&mut self, field: [u8; M]) {
        let (here, rest) =
            std::mem::take(&mut self.0).split_first_chunk_mut().expect("there is room");
        *here = field;
        self.0 = rest;
    }
}

/// Appends a `u32` length and the bytes.
#[inline]
pub fn put_blob(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).expect("a blob is smaller than 4 GiB");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes);
}

macro_rules! fixed_width {
    ($($t:ty, $read:ident);*) => {$(
        impl Encode for $t {
            #[inline]
            fn encode(&self, out: &mut Vec<u8>) { out.extend_from_slice(&self.to_le_bytes()) }
        }
        impl Decode for $t {
            #[inline]
            fn decode(r: &mut Reader<'_>) -> Result<Self> { r.$read() }
        }
    )*};
}
fixed_width!(u8, u8; u16, u16; u32, u32; u64, u64; i8, i8; i16, i16; i32, i32; i64, i64; f32, f32; f64, f64);

impl Encode for bool {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(*self as u8)
    }
}
impl Decode for bool {
    #[inline]
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        r.bool()
    }
}
impl Encode for str {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        put_blob(out, self.as_bytes())
    }
}
impl Encode for String {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        put_blob(out, self.as_bytes())
    }
}
/// Names on the wire are bytes; ours are text. Bytes that are not UTF-8 are refused.
impl Decode for String {
    #[inline]
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let bytes = r.blob()?;
        if bytes.is_empty() {
            return Ok(String::new());
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(e) => Err(DecodeError::Invalid {
                what: "text (UTF-8)",
                value: bytes[e.valid_up_to()] as u64,
            }),
        }
    }
}
impl Encode for Bytes {
    fn encode(&self, out: &mut Vec<u8>) {
        put_blob(out, self)
    }
}
impl Decode for Bytes {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Ok(Bytes::copy_from_slice(r.blob()?))
    }
}
impl<T: Encode> Encode for [T] {
    fn encode(&self, out: &mut Vec<u8>) {
        u32::try_from(self.len()).expect("a vector has fewer than 2^32 items").encode(out);
        for item in self {
            item.encode(out);
        }
    }
}
impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.as_slice().encode(out)
    }
}
impl<T: Decode> Decode for Vec<T> {
    #[inline]
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let count = r.count("item count", 1)?;
        if count == 0 {
            return Ok(Self::new());
        }
        (0..count).map(|_| T::decode(r)).collect()
    }
}
impl<T: Encode> Encode for BTreeSet<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        (self.len() as u32).encode(out);
        for item in self {
            item.encode(out);
        }
    }
}
impl<T: Decode + Ord> Decode for BTreeSet<T> {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let count = r.count("item count", 1)?;
        (0..count).map(|_| T::decode(r)).collect()
    }
}
impl<K: Encode, V: Encode> Encode for BTreeMap<K, V> {
    fn encode(&self, out: &mut Vec<u8>) {
        (self.len() as u32).encode(out);
        for (key, value) in self {
            key.encode(out);
            value.encode(out);
        }
    }
}
impl<K: Decode + Ord, V: Decode> Decode for BTreeMap<K, V> {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let count = r.count("item count", 2)?;
        (0..count).map(|_| Ok((K::decode(r)?, V::decode(r)?))).collect()
    }
}
impl<A: Encode, B: Encode> Encode for (A, B) {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
        self.1.encode(out);
    }
}
impl<A: Decode, B: Decode> Decode for (A, B) {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Ok((A::decode(r)?, B::decode(r)?))
    }
}
impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.is_some().encode(out);
        if let Some(value) = self {
            value.encode(out);
        }
    }
}
impl<T: Decode> Decode for Option<T> {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        r.bool()?.then(|| T::decode(r)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_fields_lie_behind_each_other() {
        let bytes = fixed::<7>(|f| {
            f.put([1]);
            f.put(0x0504_0302u32.to_le_bytes());
            f.put([6, 7]);
        });
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7]);
        let mut r = Reader::new(&bytes);
        let mut part = r.part("part", 5).unwrap();
        assert_eq!((part.u8(), part.u32(), part.remaining()), (Ok(1), Ok(0x0504_0302), 0));
        assert_eq!((r.pos(), r.u16()), (5, Ok(0x0706)));
        let short = r.part("part", 1).map(|_| ()).unwrap_err();
        assert_eq!(short, DecodeError::Truncated { what: "part", at: 7, needed: 1 });
    }

    #[test]
    #[should_panic(expected = "1 bytes were not put")]
    fn a_field_that_is_missing_is_noticed() {
        fixed::<2>(|f| f.put([1]));
    }
}
