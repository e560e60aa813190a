//! Ops on xattrs. Clients' names get a prefix in the store, so that they cannot reach the object
//! info, and the empty name, which would, does not exist.

use super::engine::{Context, DONE, Fail, OpResult};
use super::*;
use messenger::messages::op::cmp_op;
use std::cmp::Ordering;
use types::enc::put_blob;

impl Context<'_> {
    /// The value before the message. ENOENT without an object, ENODATA without the xattr.
    fn xattr_before(&self, name: &[u8]) -> Result<Bytes, Fail> {
        if self.before.is_none() {
            return Err(errno::ENOENT.into());
        }
        if name.is_empty() {
            return Err(errno::ENODATA.into());
        }
        Ok(self.object.xattr(&stored_name(name))?.ok_or(errno::ENODATA)?)
    }

    pub fn get_xattr(&self, name: &[u8], out: &mut Vec<Piece>) -> OpResult {
        out.push(Piece::Bytes(self.xattr_before(name)?));
        DONE
    }

    /// The xattrs that clients set, by their names.
    pub fn client_xattrs(&self) -> Result<Vec<(Bytes, Bytes)>, Fail> {
        let all = self.object.xattrs()?.into_iter();
        let theirs = all.filter(|(name, _)| name.len() > 1 && name[0] == info::USER_PREFIX);
        Ok(theirs.map(|(name, value)| (name.slice(1..), value)).collect())
    }

    pub fn get_xattrs(&self, out: &mut Vec<Piece>) -> OpResult {
        if self.before.is_none() {
            // An empty map goes out with the error, as from Ceph.
            out.push(Piece::Bytes(Bytes::from_static(&[0; 4])));
            return Err(errno::ENOENT.into());
        }
        let xattrs = self.client_xattrs()?;
        let mut reply = Vec::new();
        (xattrs.len() as u32).encode(&mut reply);
        for (name, value) in &xattrs {
            put_blob(&mut reply, name);
            put_blob(&mut reply, value);
        }
        out.push(Piece::Bytes(reply.into()));
        DONE
    }

    /// True answers 1, false ECANCELED. A missing xattr compares as an empty one. The comparison
    /// reads `value op xattr`.
    pub fn compare_xattr(&self, name: &[u8], value: &[u8], op: u8, mode: u8) -> OpResult {
        let stored = match self.xattr_before(name) {
            Err(Fail::Errno(errno::ENODATA)) => Bytes::new(),
            other => other?,
        };
        let order = match mode {
            cmp_op::MODE_STRING => value.cmp(&stored),
            cmp_op::MODE_U64 => {
                let Some(value) = value.first_chunk::<8>() else {
                    return Err(errno::EINVAL.into());
                };
                u64::from_le_bytes(*value).cmp(&parse_u64(&stored))
            }
            _ => return Err(errno::EINVAL.into()),
        };
        let holds = match op {
            cmp_op::EQ => order == Ordering::Equal,
            cmp_op::NE => order != Ordering::Equal,
            cmp_op::GT => order == Ordering::Greater,
            cmp_op::GTE => order != Ordering::Less,
            cmp_op::LT => order == Ordering::Less,
            cmp_op::LTE => order != Ordering::Greater,
            _ => return Err(errno::EINVAL.into()),
        };
        if holds { Ok(Some(1)) } else { Err(errno::ECANCELED.into()) }
    }

    pub fn set_xattr(&mut self, name: &[u8], value: Bytes) -> OpResult {
        if value.len() as u64 > self.limits.xattr_value_bytes_max {
            return Err(errno::EFBIG.into());
        }
        if name.len() > self.limits.xattr_name_bytes_max {
            return Err(errno::ENAMETOOLONG.into());
        }
        if name.is_empty() {
            return Err(errno::EINVAL.into());
        }
        self.create_if_missing();
        self.change(Change::SetXattr { name: stored_name(name), value });
        DONE
    }

    pub fn remove_xattr(&mut self, name: &[u8]) -> OpResult {
        if !self.exists {
            return Err(errno::ENOENT.into());
        }
        if name.is_empty() {
            return Err(errno::EINVAL.into());
        }
        self.change(Change::RemoveXattr { name: stored_name(name) });
        DONE
    }
}

/// The number at the start of `text` as C's strtoull reads it: blanks and a sign may come first, 0
/// without digits, the largest number when it does not fit.
fn parse_u64(text: &[u8]) -> u64 {
    let blank = |b: &u8| matches!(b, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|b| !blank(b)).unwrap_or(text.len());
    let (negative, digits) = match &text[start..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let mut value = 0u64;
    for digit in digits.iter().take_while(|b| b.is_ascii_digit()) {
        let next = value.checked_mul(10).and_then(|v| v.checked_add((digit - b'0') as u64));
        match next {
            Some(next) => value = next,
            None => return u64::MAX,
        }
    }
    if negative { value.wrapping_neg() } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_xattrs_are_read_like_c_does() {
        for (text, number) in [
            ("", 0),
            ("12", 12),
            (" \t7x", 7),
            ("+3", 3),
            ("-1", u64::MAX),
            ("x", 0),
            ("18446744073709551615", u64::MAX),
            ("18446744073709551616", u64::MAX),
        ] {
            assert_eq!(parse_u64(text.as_bytes()), number, "{text:?}");
        }
    }
}
