#![allow(clippy::disallowed_types)] // Macros of proptest use Arc.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const ID: PageId = PageId(7);

fn items(page: &Page) -> Vec<(Vec<u8>, Vec<u8>)> {
    (0..page.len()).map(|i| (page.key(i).to_vec(), page.value(i).to_vec())).collect()
}

fn leaf(items: &[(&[u8], &[u8])]) -> Page {
    let mut page = Page::new(PageKind::Omap, 0);
    for (key, value) in items {
        page.insert(page.search(key).unwrap_err(), key, value);
    }
    page
}

/// An inner page with these separators; the first is empty. Children are 1, 2 ...
fn inner(separators: &[&[u8]]) -> Page {
    let mut page = Page::new(PageKind::Omap, 1);
    for (i, key) in separators.iter().enumerate() {
        page.insert(i, key, &(i as u32 + 1).to_le_bytes());
    }
    page
}

/// What is decoded is what was encoded, and encodes to the same.
fn check_round_trip(page: &Page) -> Page {
    let bytes = page.encode(ID);
    assert_eq!(bytes.len(), page.encoded_len());
    let back = Page::decode(&bytes, ID, page.kind()).unwrap();
    assert_eq!((back.level(), items(&back)), (page.level(), items(page)));
    assert_eq!(back.used_bytes(), page.used_bytes());
    assert_eq!(back.encode(ID), bytes);
    back
}

#[derive(Debug, Clone)]
enum Op {
    Put(Vec<u8>, Vec<u8>),
    Remove(usize),
    Overwrite(usize, u8),
    Reread,
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => vec(any::<u8>(), 0..200),
        1 => (any::<u8>(), 3000..9000usize).prop_map(|(b, n)| vec![b; n]),
        // About the length from which slots no longer hold it.
        1 => (any::<u8>(), 65533..65538usize).prop_map(|(b, n)| vec![b; n]),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (vec(0..3u8, 0..5), value()).prop_map(|(k, v)| Op::Put(k, v)),
        3 => any::<usize>().prop_map(Op::Remove),
        2 => (any::<usize>(), any::<u8>()).prop_map(|(i, b)| Op::Overwrite(i, b)),
        1 => Just(Op::Reread),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    /// Keys of eight bytes are found by a guess: whatever they are, and whatever stands among them.
    #[test]
    fn a_guess_ends_where_a_search_does(
        dense in any::<bool>(),
        start in any::<u64>(),
        keys in proptest::collection::btree_set(any::<u64>(), 0..200),
        others in proptest::collection::btree_set(vec(any::<u8>(), 1..12), 0..6),
        is_inner in any::<bool>(),
        asked in vec(any::<u64>(), 20),
    ) {
        let number = |k: &u64| if dense { start.wrapping_add(k % 300) } else { *k };
        let keys: BTreeSet<Vec<u8>> =
            keys.iter().map(|k| number(k).to_be_bytes().to_vec()).chain(others).collect();
        let mut page = Page::new(PageKind::Lba, u8::from(is_inner));
        let first = is_inner.then(Vec::new);
        for (i, key) in first.iter().chain(&keys).enumerate() {
            page.insert(i, key, &[1, 0, 0, 0]);
        }
        let asked = asked.iter().map(|k| number(k).to_be_bytes().to_vec());
        for key in asked.chain(keys.iter().cloned()) {
            prop_assert_eq!(page.search(&key), page.search_within(&key, 0, page.len()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_page_is_a_sorted_map(ops in vec(op(), 1..120), kind in 1..=3u8) {
        let kind = [PageKind::Onode, PageKind::Lba, PageKind::Omap][kind as usize - 1];
        let mut page = Page::new(kind, 0);
        let mut model = BTreeMap::new();
        for op in ops {
            match op {
                Op::Put(key, value) => {
                    match page.search(&key) {
                        Ok(i) => page.replace(i, &value),
                        Err(i) => page.insert(i, &key, &value),
                    }
                    model.insert(key, value);
                }
                Op::Remove(i) if !page.is_empty() => {
                    let i = i % page.len();
                    model.remove(page.key(i)).unwrap();
                    page.remove(i..i + 1);
                }
                Op::Overwrite(i, byte) if !page.is_empty() => {
                    let i = i % page.len();
                    page.value_mut(i).fill(byte);
                    model.get_mut(page.key(i)).unwrap().fill(byte);
                }
                Op::Reread => page = check_round_trip(&page),
                _ => {}
            }
            let expected: Vec<_> = model.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            prop_assert_eq!(items(&page), expected);
            prop_assert!(page.buf.len() < 2 * page.encoded_len(), "memory is given back");
        }
        check_round_trip(&page);
    }

    #[test]
    fn parts_are_what_was_split(
        content in proptest::collection::btree_map(vec(0..4u8, 0..9), value(), 2..80),
    ) {
        let mut page = Page::new(PageKind::Onode, 0);
        for (key, value) in &content {
            let i = page.search(key).unwrap_err();
            page.insert(i, key, value);
        }
        let all = items(&page);
        let (separator, right) = page.split();
        prop_assert!(!page.is_empty() && !right.is_empty());
        prop_assert!(page.key(page.len() - 1) < &separator[..]);
        prop_assert!(&separator[..] <= right.key(0));
        prop_assert!(&separator[..separator.len() - 1] <= page.key(page.len() - 1), "shortest");
        let mut both = items(&page);
        both.extend(items(&right));
        prop_assert_eq!(&both, &all);
        page.merge(&right, &separator);
        prop_assert_eq!(items(&check_round_trip(&page)), all);
    }

    /// Whatever is accepted is the one encoding of what it holds.
    #[test]
    fn changed_bytes_are_refused_or_make_another_page(
        content in proptest::collection::btree_map(vec(0..4u8, 0..9), vec(any::<u8>(), 0..60), 1..9),
        level in 0..2u8,
        flips in vec((0..300usize, 1..=255u8), 1..4),
        at_end in any::<bool>(),
    ) {
        let mut page = Page::new(PageKind::Lba, level);
        for (i, (key, value)) in content.iter().enumerate() {
            let first_of_inner = i == 0 && level > 0;
            let child = (i as u32 + 1).to_le_bytes();
            let key: &[u8] = if first_of_inner { &[] } else { key };
            page.insert(i, key, if level > 0 { &child } else { value });
        }
        let mut bytes = page.encode(ID).to_vec();
        for (at, bits) in flips {
            let at = if at_end { bytes.len() - 1 - at } else { at };
            bytes[at] ^= bits;
        }
        if let Ok(back) = Page::decode(&bytes, ID, PageKind::Lba) {
            prop_assert_eq!(&back.encode(ID)[..], &bytes[..]);
        }
    }
}

#[test]
fn many_flips_never_panic() {
    let mut seed = 1u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) as usize
    };
    let long = vec![1; 70_000];
    let pages = [
        leaf(&[]),
        leaf(&[(b"a", b"1"), (b"b", &[2; 900]), (b"c", b"")]),
        leaf(&[(b"a", &long), (b"b", b"2")]),
        inner(&[b"", b"g", b"m", b"t"]),
    ];
    let encoded: Vec<Bytes> = pages.iter().map(|p| p.encode(ID)).collect();
    let rounds = if cfg!(debug_assertions) { 10_000 } else { 100_000 };
    let mut accepted = 0;
    for round in 0..rounds {
        let mut bytes = encoded[round % pages.len()].to_vec();
        for _ in 0..1 + random() % 3 {
            // Header and slots more often than the rest.
            let area = if random() % 4 > 0 { 72 } else { bytes.len() };
            let at = random() % area;
            bytes[at] ^= 1 << (random() % 8);
        }
        if let Ok(page) = Page::decode(&bytes, ID, PageKind::Omap) {
            accepted += 1;
            assert_eq!(page.encode(ID), bytes);
        }
    }
    assert!(accepted > rounds / 100, "some changes are of values only");
}

#[test]
fn what_is_wrong_with_a_page_is_said() {
    let page = leaf(&[(b"a", b"1"), (b"b", b"22")]);
    let decode = |bytes: &[u8]| Page::decode(bytes, ID, PageKind::Omap).unwrap_err();
    let with = |page: &Page, at: usize, value: u8| {
        let mut bytes = page.encode(ID).to_vec();
        bytes[at] = value;
        decode(&bytes)
    };
    let whole = page.encode(ID);
    assert_eq!(decode(&whole[..4095]), BadPage::Length { bytes: 4095 });
    assert_eq!(decode(&[]), BadPage::Length { bytes: 0 });
    let mut longer = whole.to_vec();
    longer.resize(8192, 0);
    assert_eq!(decode(&longer), BadPage::Length { bytes: 8192 });
    assert_eq!(decode(&[0; 4096]), BadPage::Magic(0));
    assert_eq!(with(&page, 4, 8), BadPage::Id { expected: ID, found: PageId(8) });
    assert_eq!(with(&page, 8, 1), BadPage::Kind { expected: PageKind::Omap, found: 1 });
    assert_eq!(with(&page, 9, 32), BadPage::Level(32));
    assert_eq!(with(&page, 11, 1), BadPage::NotZero { offset: 11 });
    assert_eq!(with(&page, 31, 1), BadPage::NotZero { offset: 31 });
    assert_eq!(with(&page, 100, 1), BadPage::NotZero { offset: 100 });
    assert_eq!(with(&page, 14, 1), BadPage::Heap { offset: 4091 });
    assert_eq!(with(&page, 21, 0x1f), BadPage::Heap { offset: 0x1ffb });
    assert_eq!(with(&page, 12, 1), BadPage::NotZero { offset: 40 });
    assert_eq!(with(&page, 40, 0), BadPage::Place { item: 1 });
    assert_eq!(with(&page, 46, 1), BadPage::Place { item: 2 });
    assert_eq!(with(&page, 46, 3), BadPage::Place { item: 1 });
    assert_eq!(with(&page, 4091, b'b'), BadPage::Order { item: 1 });
    let inner = inner(&[b"", b"g"]);
    assert_eq!(with(&inner, 4087, 0), BadPage::Child { item: 0 });
    assert_eq!(with(&inner, 4092, 0), BadPage::Child { item: 1 });
    // A leaf's first key need not be empty, an inner page's must.
    assert_eq!(with(&page, 9, 1), BadPage::Order { item: 0 });
    assert_eq!(with(&leaf(&[]), 9, 1), BadPage::Childless);
    assert_eq!(BadPage::Magic(5).to_string(), "magic 0x00000005 is not that of a page");
}

#[test]
fn ascending_items_leave_full_pages() {
    let mut page = Page::new(PageKind::Omap, 0);
    let mut n = 0u32;
    for _ in 0..20 {
        while !page.is_overfull() {
            page.insert(page.len(), &n.to_be_bytes(), &[1; 90]);
            n += 1;
        }
        let (_, right) = page.split();
        assert!(page.used_bytes() > PAGE_BYTES * 9 / 10, "{page:?}");
        assert_eq!(right.len(), 1);
        page = right;
    }
    // One in between is no sequence.
    while page.used_bytes() < PAGE_BYTES - 100 {
        page.insert(page.len(), &n.to_be_bytes(), &[1; 90]);
        n += 1;
    }
    let between = [page.key(3), &[0]].concat();
    page.insert(4, &between, &[1; 90]);
    let (_, right) = page.split();
    assert!(page.used_bytes().abs_diff(right.used_bytes()) < 300, "{page:?} {right:?}");
}

#[test]
fn inner_pages_keep_children_however_long_their_keys_are() {
    let keys: Vec<Vec<u8>> = (1..8u8).map(|i| vec![i; 13_000]).collect();
    let mut separators: Vec<&[u8]> = vec![b""];
    separators.extend(keys.iter().map(|k| &k[..]));
    assert!(!inner(&separators[..7]).is_overfull());
    let mut page = inner(&separators);
    assert!(page.is_overfull());
    let (separator, right) = page.split();
    assert!(page.len() >= 2 && right.len() >= 2, "{page:?} {right:?}");
    assert_eq!(separator, separators[page.len()]);
    assert_eq!(right.key(0), b"");
    assert_eq!(page.child(0), PageId(1));
    assert_eq!(right.child(0), PageId(page.len() as u32 + 1));
    let mut whole = page.clone();
    whole.merge(&right, &separator);
    assert_eq!(items(&check_round_trip(&whole)), items(&inner(&separators)));
}

#[test]
fn a_child_holds_the_keys_from_its_separator_on() {
    let page = inner(&[b"", b"g", b"m"]);
    let at = |key: &[u8]| page.child(page.child_for(key)).0;
    assert_eq!(
        [at(b""), at(b"f\xff"), at(b"g"), at(b"ga"), at(b"m"), at(b"z")],
        [1, 1, 2, 2, 3, 3]
    );
}
