//! Keys of the three trees. They compare as bytes in the order in which the things they name are
//! listed. docs/formats.md#keys

use types::enc::{DecodeError, Reader, Result};
use types::{HObject, PoolId, SnapId};

/// Ends a text; before every byte of one.
const END: u8 = 0;
/// Begins a byte of a text that is below 2: that byte and 1 follow as one byte.
const ESCAPE: u8 = 1;

/// How the name orders against the effective key before it.
const NAME_BEFORE: u8 = 1;
const NAME_EQUAL: u8 = 2;
const NAME_AFTER: u8 = 3;

/// Bytes of the pool and the hash, at the front of the key of an object.
const PREFIX_BYTES: usize = 12;
const SIGN: u64 = 1 << 63;

/// Key of [`HObject::max`]. No text begins with 0xff in UTF-8, so it follows every object of the
/// last hash of the last pool.
const MAX: [u8; PREFIX_BYTES + 1] = [0xff; PREFIX_BYTES + 1];

/// After an omap's id: its header, its keys, and what follows both.
const OMAP_HEADER: u8 = 0;
const OMAP_KEY: u8 = 1;
const OMAP_END: u8 = 2;

/// Key of an object in the onode tree; see [`encode_name_into`].
pub(crate) fn encode_name(o: &HObject) -> Vec<u8> {
    let texts = o.nspace.len() + o.key.len() + o.name.len();
    let mut out = Vec::with_capacity(PREFIX_BYTES + texts + 12);
    encode_name_into(o, &mut out);
    out
}

/// Appends the key of `o`. Keys compare as `HObject`s do, bounds and [`HObject::max`] included; two
/// names that are the same object (key given as the name, and no key) have the same key.
pub(crate) fn encode_name_into(o: &HObject, out: &mut Vec<u8>) {
    if o.max {
        out.extend_from_slice(&MAX);
        return;
    }
    let mut front = [END; PREFIX_BYTES + 1];
    front[..8].copy_from_slice(&(o.pool.0 as u64 ^ SIGN).to_be_bytes());
    front[8..PREFIX_BYTES].copy_from_slice(&o.hash_reversed().to_be_bytes());
    if o.nspace.is_empty() && o.key.is_empty() && is_plain(&o.name) {
        // What nearly all are: the same as below, in three pieces.
        let mut back = [END, NAME_EQUAL, 0, 0, 0, 0, 0, 0, 0, 0];
        back[2..].copy_from_slice(&o.snap.0.to_be_bytes());
        out.reserve(front.len() + o.name.len() + back.len());
        out.extend_from_slice(&front);
        out.extend_from_slice(o.name.as_bytes());
        out.extend_from_slice(&back);
        return;
    }
    out.extend_from_slice(&front[..PREFIX_BYTES]);
    put_text(out, &o.nspace);
    // The name decides after the key by which it is placed. Most objects have no key of their own:
    // where the name stands relative to the key takes a byte, and saves it when they are equal.
    let key = if o.key.is_empty() { &o.name } else { &o.key };
    put_text(out, key);
    match o.name.cmp(key) {
        std::cmp::Ordering::Equal => out.push(NAME_EQUAL),
        std::cmp::Ordering::Less => {
            out.push(NAME_BEFORE);
            put_text(out, &o.name);
        }
        std::cmp::Ordering::Greater => {
            out.push(NAME_AFTER);
            put_text(out, &o.name);
        }
    }
    out.extend_from_slice(&o.snap.0.to_be_bytes());
}

/// The object that a key of the onode tree names; without a key of its own if that is its name.
/// Bytes that [`encode_name`] does not make are refused.
pub(crate) fn decode_name(bytes: &[u8]) -> Result<HObject> {
    if bytes == MAX {
        return Ok(HObject::max());
    }
    let mut r = Reader::new(bytes);
    let pool = PoolId((u64::from_be_bytes(r.array("pool")?) ^ SIGN) as i64);
    let hash = u32::from_be_bytes(r.array("hash")?).reverse_bits();
    let nspace = get_text(&mut r)?;
    let mut key = get_text(&mut r)?;
    let place = r.u8()?;
    let name = match place {
        NAME_EQUAL => std::mem::take(&mut key),
        NAME_BEFORE | NAME_AFTER => {
            let name = get_text(&mut r)?;
            // An empty key would be replaced by the name.
            if key.is_empty() || (name < key) != (place == NAME_BEFORE) || name == key {
                return Err(DecodeError::Invalid { what: "order of name", value: place as u64 });
            }
            name
        }
        other => return Err(DecodeError::Invalid { what: "order of name", value: other as u64 }),
    };
    let snap = SnapId(u64::from_be_bytes(r.array("snap")?));
    r.finish("object key")?;
    Ok(HObject { pool, hash, nspace, key, name, snap, max: false })
}

/// Appends a text so that it orders before its continuations, whatever follows.
fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|b| *b <= ESCAPE) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[ESCAPE, rest[at] + 1]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(END);
}

/// Whether nothing of a text is escaped. Without a branch for each byte, so that many are compared at
/// once.
fn is_plain(text: &str) -> bool {
    text.as_bytes().iter().fold(u8::MAX, |least, b| least.min(*b)) > ESCAPE
}

fn get_text(r: &mut Reader<'_>) -> Result<String> {
    let rest = r.rest();
    let Some(len) = rest.iter().position(|b| *b == END) else {
        return Err(DecodeError::Truncated { what: "text", at: r.pos() + rest.len(), needed: 1 });
    };
    let mut coded = r.take("text", len)?;
    r.skip("text", 1)?;
    let mut text = Vec::with_capacity(len);
    while let Some(at) = coded.iter().position(|b| *b == ESCAPE) {
        text.extend_from_slice(&coded[..at]);
        match coded.get(at + 1) {
            Some(byte @ 1..=2) => text.push(byte - 1),
            other => {
                let value = other.map_or(0, |b| *b as u64);
                return Err(DecodeError::Invalid { what: "escaped byte", value });
            }
        }
        coded = &coded[at + 2..];
    }
    text.extend_from_slice(coded);
    String::from_utf8(text)
        .map_err(|_| DecodeError::Invalid { what: "text (UTF-8)", value: len as u64 })
}

/// Key of one key of omap `id` in the omap tree.
pub(crate) fn omap_key(id: u64, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + key.len());
    omap_key_into(id, key, &mut out);
    out
}

/// Appends what [`omap_key`] returns.
pub(crate) fn omap_key_into(id: u64, key: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&omap_bound(id, OMAP_KEY));
    out.extend_from_slice(key);
}

/// Key of the header of omap `id`, before all of its keys.
pub(crate) fn omap_header_key(id: u64) -> [u8; 9] {
    omap_bound(id, OMAP_HEADER)
}

/// All that the omap tree holds for `id`, header and keys: `first <= key < last`. The keys alone
/// begin at `omap_key(id, b"")`.
pub(crate) fn omap_range(id: u64) -> ([u8; 9], [u8; 9]) {
    (omap_bound(id, OMAP_HEADER), omap_bound(id, OMAP_END))
}

fn omap_bound(id: u64, kind: u8) -> [u8; 9] {
    let mut out = [kind; 9];
    out[..8].copy_from_slice(&id.to_be_bytes());
    out
}

/// Splits a key of the omap tree into the omap's id and its key; `None` is the header.
pub(crate) fn split_omap_key(bytes: &[u8]) -> Result<(u64, Option<&[u8]>)> {
    let mut r = Reader::new(bytes);
    let id = u64::from_be_bytes(r.array("omap id")?);
    match r.u8()? {
        OMAP_HEADER => {
            r.finish("omap header key")?;
            Ok((id, None))
        }
        OMAP_KEY => Ok((id, Some(r.rest()))),
        other => Err(DecodeError::Invalid { what: "kind of omap key", value: other as u64 }),
    }
}

/// Key of a group of blocks in the LBA tree; `group` is laddr / 64.
pub(crate) fn lba_key(group: u64) -> [u8; 8] {
    group.to_be_bytes()
}

/// The group that a key of the LBA tree names.
pub(crate) fn lba_group(bytes: &[u8]) -> Result<u64> {
    let mut r = Reader::new(bytes);
    let group = u64::from_be_bytes(r.array("group")?);
    r.finish("LBA key")?;
    Ok(group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Texts that share prefixes, hold the bytes that are escaped, and those next to them.
    fn text() -> impl Strategy<Value = String> {
        const LETTERS: [&str; 8] =
            ["\0", "\u{1}", "\u{2}", "a", "b", "\u{7f}", "\u{ff}", "\u{10ffff}"];
        prop::collection::vec(prop::sample::select(&LETTERS[..]), 0..4)
            .prop_map(|letters| letters.concat())
    }

    fn name() -> impl Strategy<Value = HObject> {
        let pool = prop::sample::select(&[i64::MIN, -2, -1, 0, 1, 256, i64::MAX][..]);
        let hash = prop::sample::select(&[0, 1, 2, 0x8000_0000, 0x7fff_ffff, u32::MAX][..]);
        let snap = prop::sample::select(&[0, 1, 256, u64::MAX - 1, u64::MAX][..]);
        (pool, hash, text(), text(), text(), snap, 0..20).prop_map(
            |(pool, hash, nspace, key, name, snap, max)| HObject {
                pool: PoolId(pool),
                hash,
                nspace,
                key,
                name,
                snap: SnapId(snap),
                max: max == 0,
            },
        )
    }

    /// Two names that are often equal in their first fields.
    fn pair() -> impl Strategy<Value = (HObject, HObject)> {
        (name(), name(), 0..7).prop_map(|(a, mut b, same)| {
            if same > 0 {
                (b.pool, b.max) = (a.pool, a.max);
            }
            if same > 1 {
                b.hash = a.hash;
            }
            if same > 2 {
                b.nspace = a.nspace.clone();
            }
            match same {
                4 => b.key = a.name.clone(),
                5 => b.key = a.key.clone(),
                6 => (b.key, b.name) = (a.key.clone(), a.name.clone()),
                _ => {}
            }
            (a, b)
        })
    }

    /// What comes back: a key that equals the name is none, and the maximum has no fields.
    fn canonical(mut o: HObject) -> HObject {
        if o.max {
            return HObject::max();
        }
        if o.key == o.name {
            o.key.clear();
        }
        o
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn keys_order_as_names((a, b) in pair()) {
            prop_assert_eq!(encode_name(&a).cmp(&encode_name(&b)), a.cmp(&b));
        }

        #[test]
        fn names_come_back(o in name()) {
            let bytes = encode_name(&o);
            let back = decode_name(&bytes).unwrap();
            prop_assert_eq!(&back, &canonical(o));
            prop_assert_eq!(encode_name(&back), bytes);
        }

        /// Whatever is taken is the key of what it is taken for: no two keys name one object.
        #[test]
        fn damaged_keys_are_refused_or_canonical(o in name(), at in 0usize..64, byte: u8, cut: bool) {
            let mut bytes = encode_name(&o);
            let at = at % bytes.len();
            bytes[at] = byte;
            if cut {
                bytes.truncate(at);
            }
            if let Ok(o) = decode_name(&bytes) {
                prop_assert_eq!(encode_name(&o), bytes);
            }
        }

        #[test]
        fn omap_keys_order_by_id_then_key(
            a in (0u64..3, prop::collection::vec(0u8..3, 0..4)),
            b in (0u64..3, prop::collection::vec(0u8..3, 0..4)),
        ) {
            let (x, y) = (omap_key(a.0, &a.1), omap_key(b.0, &b.1));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            let (first, last) = omap_range(b.0);
            prop_assert_eq!((&first[..]..&last[..]).contains(&&x[..]), a.0 == b.0);
            prop_assert!(omap_header_key(a.0)[..] < x[..]);
            prop_assert_eq!(split_omap_key(&x).unwrap(), (a.0, Some(&a.1[..])));
        }
    }

    #[test]
    fn bounds_stand_before_their_objects() {
        let pool = PoolId(3);
        let o = HObject::head(pool, "", "", "rbd_data.1");
        let bound = encode_name(&HObject::lower_bound(pool, o.hash));
        assert!(bound < encode_name(&o));
        assert_eq!(decode_name(&bound).unwrap(), HObject::lower_bound(pool, o.hash));
        assert!(encode_name(&HObject::min()) < bound);
        let last = HObject { nspace: "\u{10ffff}".into(), ..o.clone() };
        let last = HObject { pool: PoolId(i64::MAX), hash: u32::MAX, ..last };
        assert!(encode_name(&last) < encode_name(&HObject::max()));
    }

    /// 12 of pool and hash, 1 for no namespace, name and its end, 1 for no key, 8 of snapshot.
    #[test]
    fn the_key_of_a_plain_object_is_its_name_and_23_bytes() {
        let o = HObject::head(PoolId(1), "", "", "rbd_data.1234");
        assert_eq!(encode_name(&o).len(), 13 + 23);
    }

    /// One object has one key: an order that is not the texts', or a name where none is wanted.
    #[test]
    fn other_spellings_of_a_key_are_refused() {
        let spelled = |key: &[u8], order: u8, name: &[u8]| {
            let texts = [&b"\0"[..], key, b"\0", &[order], name].concat();
            decode_name(&[&[0x80; 12][..], &texts, &[0; 8]].concat())
        };
        assert!(spelled(b"k", NAME_EQUAL, b"").is_ok());
        assert!(spelled(b"k", NAME_BEFORE, b"a\0").is_ok());
        assert!(spelled(b"k", NAME_AFTER, b"x\0").is_ok());
        let bad: [(&[u8], u8, &[u8]); 7] = [
            (b"k", NAME_AFTER, b"a\0"),
            (b"k", NAME_BEFORE, b"x\0"),
            (b"k", NAME_BEFORE, b"k\0"),
            (b"k", NAME_AFTER, b"k\0"),
            (b"", NAME_AFTER, b"x\0"),
            (b"k\x01", NAME_EQUAL, b""),
            (b"k\xff", NAME_EQUAL, b""),
        ];
        for (key, order, name) in bad {
            assert!(spelled(key, order, name).is_err(), "{key:?} {order} {name:?}");
        }
    }

    #[test]
    fn the_omap_header_is_told_from_keys() {
        assert_eq!(split_omap_key(&omap_header_key(7)).unwrap(), (7, None));
        assert_eq!(split_omap_key(&omap_key(7, b"")).unwrap(), (7, Some(&b""[..])));
        let (first, last) = omap_range(u64::MAX);
        assert_eq!(first, omap_header_key(u64::MAX));
        assert!(omap_key(u64::MAX, &[0xff; 20])[..] < last[..]);
        for bad in [&first[..8], &last[..], &[&first[..], b"x"].concat()] {
            assert!(split_omap_key(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn groups_come_back() {
        assert!(lba_key(255) < lba_key(256));
        assert_eq!(lba_group(&lba_key(1 << 50)).unwrap(), 1 << 50);
        assert!(lba_group(&[0; 7]).is_err() && lba_group(&[0; 9]).is_err());
    }
}
