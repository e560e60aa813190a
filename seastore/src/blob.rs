//! Byte strings with a length before them that takes 2 bytes, or 6 from 65535 on.

use types::enc::{DecodeError, Reader, Result};

/// Says that the length follows as u32.
const LONG: u16 = u16::MAX;

/// At least what a blob takes.
pub(crate) const BLOB_BYTES_MIN: usize = 2;

/// What a blob of `len` bytes takes.
pub(crate) fn blob_bytes(len: usize) -> usize {
    len + if len < LONG as usize { 2 } else { 6 }
}

pub(crate) fn put_blob(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() < LONG as usize {
        out.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
    } else {
        let len = u32::try_from(bytes.len()).expect("a blob is smaller than 4 GiB");
        out.extend_from_slice(&LONG.to_le_bytes());
        out.extend_from_slice(&len.to_le_bytes());
    }
    out.extend_from_slice(bytes);
}

/// A length that has a shorter form is refused, so that equal values have equal bytes.
pub(crate) fn get_blob<'a>(r: &mut Reader<'a>) -> Result<&'a [u8]> {
    let len = match r.u16()? {
        LONG => match r.u32()? {
            short if short < LONG as u32 => {
                return Err(DecodeError::Invalid { what: "long length", value: short as u64 });
            }
            len => len as usize,
        },
        len => len as usize,
    };
    r.take("blob", len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_at_the_bounds_come_back() {
        for len in [0, 1, 65534, 65535, 65536, 200_000] {
            let (blob, mut out) = (vec![7; len], Vec::new());
            put_blob(&mut out, &blob);
            assert_eq!(out.len(), blob_bytes(len));
            let mut r = Reader::new(&out);
            assert_eq!(get_blob(&mut r).unwrap(), blob);
            r.finish("blob").unwrap();
            assert!(get_blob(&mut Reader::new(&out[..out.len() - 1])).is_err());
        }
        assert!(get_blob(&mut Reader::new(&[0xff, 0xff, 1, 0, 0, 0, 9])).is_err());
    }
}
