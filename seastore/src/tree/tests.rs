#![allow(clippy::disallowed_types)] // Macros of proptest use Arc.

use super::*;
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Pages in memory, and on a device that holds them encoded.
#[derive(Default)]
struct Store {
    memory: BTreeMap<PageId, Page>,
    device: BTreeMap<PageId, Bytes>,
    dirty: BTreeSet<PageId>,
    last: u32,
    fetched: usize,
    generation: u64,
    /// Few, so that each is of use to other keys than those it was made by.
    spots: [Rc<Cell<Spot>>; 3],
}

impl Pages for Store {
    fn get(&self, id: PageId) -> Result<&Page, MissingPage> {
        self.memory.get(&id).ok_or(MissingPage(id))
    }
    fn get_mut(&mut self, id: PageId) -> &mut Page {
        self.dirty.insert(id);
        self.memory.get_mut(&id).expect("in memory")
    }
    fn allocate(&mut self, page: Page) -> PageId {
        self.generation += 1;
        self.last += 1;
        self.memory.insert(PageId(self.last), page);
        self.dirty.insert(PageId(self.last));
        PageId(self.last)
    }
    fn free(&mut self, id: PageId) {
        self.generation += 1;
        self.memory.remove(&id).expect("in memory");
        self.device.remove(&id);
        self.dirty.remove(&id);
    }
    fn is_resident(&self, id: PageId) -> bool {
        self.memory.contains_key(&id)
    }
    fn generation(&self) -> u64 {
        self.generation + 1
    }
}

impl Store {
    /// Of every 16 pages, those with a bit of `which` leave the memory; dirty ones are written.
    fn evict(&mut self, which: u16) {
        let all: Vec<PageId> = self.memory.keys().copied().collect();
        for (i, id) in all.into_iter().enumerate() {
            if which >> (i % 16) & 1 == 1 {
                self.generation += 1;
                let page = self.memory.remove(&id).unwrap();
                if self.dirty.remove(&id) {
                    self.device.insert(id, page.encode(id));
                }
            }
        }
    }
    fn fetch(&mut self, kind: PageKind, id: PageId) {
        let page = Page::decode(&self.device[&id], id, kind).unwrap();
        assert!(self.memory.insert(id, page).is_none());
        self.fetched += 1;
    }
    /// Runs `look` again until nothing is missing.
    fn until_found<T>(
        &mut self,
        tree: &Tree,
        mut look: impl FnMut(&Tree, &Store) -> Result<T, TreeError>,
    ) -> T {
        loop {
            match look(tree, self) {
                Ok(found) => return found,
                Err(TreeError::Missing(MissingPage(id))) => self.fetch(tree.kind, id),
                Err(e) => panic!("{e}"),
            }
        }
    }
    fn pages(&self) -> BTreeSet<PageId> {
        self.memory.keys().chain(self.device.keys()).copied().collect()
    }
}

fn near(store: &Store, key: &[u8]) -> Rc<Cell<Spot>> {
    store.spots[key.first().copied().unwrap_or(0) as usize % 3].clone()
}
fn touch<'a>(tree: &Tree, store: &'a Store, key: &[u8]) -> Result<Option<Touched<'a>>, TreeError> {
    tree.touch(store, &near(store, key), key)
}
fn touch_remove(tree: &Tree, store: &Store, key: &[u8]) -> Result<(), TreeError> {
    tree.touch_remove(store, &near(store, key), key)
}
fn get<'a>(tree: &Tree, store: &'a Store, key: &[u8]) -> Result<Option<&'a [u8]>, TreeError> {
    tree.get(store, &near(store, key), key)
}
fn insert(tree: &mut Tree, store: &mut Store, key: &[u8], value: &[u8]) -> bool {
    let near = near(store, key);
    tree.insert(store, &near, key, value)
}
fn update(tree: &mut Tree, store: &mut Store, key: &[u8], change: impl FnOnce(&mut [u8])) -> bool {
    let near = near(store, key);
    tree.update(store, &near, key, change)
}
fn remove(tree: &mut Tree, store: &mut Store, key: &[u8]) -> bool {
    let near = near(store, key);
    tree.remove(store, &near, key)
}

fn content(store: &mut Store, tree: &Tree) -> Vec<(Vec<u8>, Vec<u8>)> {
    store.until_found(tree, |tree, store| {
        let mut all = Vec::new();
        tree.scan(store, &[], &mut |k, v| {
            all.push((k.to_vec(), v.to_vec()));
            true
        })?;
        Ok(all)
    })
}

/// The tree is sound and all pages are its own. Checked in parts of one leaf, and as a whole.
fn check(store: &mut Store, tree: &Tree) {
    let (mut from, mut parts) = (Some(Vec::new()), Vec::new());
    while let Some(at) = from {
        let part = store.until_found(tree, |t, s| Ok(t.check_part(s, &at, 1)?));
        assert_eq!(part.problems, Vec::<String>::new());
        parts.extend(part.pages);
        from = part.next;
    }
    assert_eq!(store.until_found(tree, |t, s| Ok(t.check(s)?)), Vec::<String>::new());
    let ids: BTreeSet<PageId> = parts.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids.len(), parts.len(), "each page in one part");
    assert_eq!(ids, store.pages(), "no page is lost");
    let mut walked = store.until_found(tree, |tree, store| {
        let mut walked = Vec::new();
        tree.pages_of(store, &mut |id, level| walked.push((id, level)))?;
        Ok(walked)
    });
    walked.sort();
    parts.sort();
    assert_eq!(walked, parts);
}

#[derive(Debug, Clone)]
enum Op {
    Insert(Vec<u8>, Vec<u8>),
    Update(usize, u8),
    Remove(usize),
    /// Several keys touched first, then all changed: removed, or with true inserted again after.
    Batch(Vec<(usize, bool)>),
    RemoveRange(Vec<u8>, Vec<u8>, usize, usize),
    Scan(Vec<u8>, Vec<u8>),
    Evict(u16),
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => vec(0..6u8, 0..5),
        6 => (0..400u16).prop_map(|n| [&[3; 280][..], &n.to_be_bytes()].concat()),
        1 => (0..40u8, 1000..13_000usize).prop_map(|(b, n)| vec![b / 6; n]),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        2 => Just(Vec::new()),
        20 => (any::<u8>(), 0..300usize).prop_map(|(b, n)| vec![b; n]),
        5 => (any::<u8>(), 300..3000usize).prop_map(|(b, n)| vec![b; n]),
        2 => (any::<u8>(), 3000..20_000usize).prop_map(|(b, n)| vec![b; n]),
        1 => (any::<u8>(), 65_530..65_540usize).prop_map(|(b, n)| vec![b; n]),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        30 => (key(), value()).prop_map(|(k, v)| Op::Insert(k, v)),
        5 => (any::<usize>(), any::<u8>()).prop_map(|(i, b)| Op::Update(i, b)),
        10 => any::<usize>().prop_map(Op::Remove),
        2 => vec((any::<usize>(), any::<bool>()), 1..30).prop_map(Op::Batch),
        1 => (key(), key(), 0..4usize, 1..100usize)
            .prop_map(|(a, b, leaves, items)| Op::RemoveRange(a, b, leaves, items)),
        2 => (key(), key()).prop_map(|(a, b)| Op::Scan(a, b)),
        8 => any::<u16>().prop_map(Op::Evict),
    ]
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn nth(model: &Model, i: usize) -> Vec<u8> {
    let i = i % model.len().max(1);
    model.keys().nth(i).cloned().unwrap_or_default()
}

fn apply(store: &mut Store, tree: &mut Tree, model: &mut Model, op: Op) {
    match op {
        Op::Insert(key, value) => {
            let had_value = store.until_found(tree, |t, s| {
                Ok(touch(t, s, &key)?.and_then(|(_, value)| value.map(<[u8]>::to_vec)))
            });
            assert_eq!(had_value.as_ref(), model.get(&key));
            let had = insert(tree, store, &key, &value);
            assert_eq!(had, model.insert(key, value).is_some());
        }
        Op::Update(i, byte) => {
            let key = nth(model, i);
            store.until_found(tree, |t, s| touch(t, s, &key).map(drop));
            let dirty = std::mem::take(&mut store.dirty);
            let had = update(tree, store, &key, |v| v.fill(byte));
            assert_eq!(store.dirty.len(), usize::from(had), "the leaf alone is changed");
            store.dirty.extend(dirty);
            if let Some(value) = model.get_mut(&key) {
                value.fill(byte);
            }
            assert_eq!(had, model.contains_key(&key));
        }
        Op::Remove(i) => {
            let key = nth(model, i);
            store.until_found(tree, |t, s| touch_remove(t, s, &key));
            assert_eq!(remove(tree, store, &key), model.remove(&key).is_some());
        }
        Op::Batch(batch) => {
            let batch: Vec<_> = batch.into_iter().map(|(i, back)| (nth(model, i), back)).collect();
            for (key, _) in &batch {
                store.until_found(tree, |t, s| touch(t, s, key).map(drop));
            }
            for (key, _) in &batch {
                assert_eq!(remove(tree, store, key), model.remove(key).is_some());
            }
            for (key, _) in batch.into_iter().filter(|(_, back)| *back) {
                assert_eq!(insert(tree, store, &key, b"back"), model.contains_key(&key));
                model.insert(key, b"back".to_vec());
            }
        }
        Op::RemoveRange(first, last, leaves, items) => {
            let there: Vec<_> =
                model.keys().filter(|k| **k >= first && **k < last).cloned().collect();
            let can = store.until_found(tree, |t, s| t.touch_range(s, &first, &last, leaves));
            assert!(can <= there.len() && (can == 0) == there.is_empty());
            let removed = tree.remove_range(store, &first, &last, items.min(can));
            assert_eq!(removed, items.min(can));
            for key in &there[..removed] {
                model.remove(key);
            }
        }
        Op::Scan(first, last) => {
            let expected: Vec<_> =
                model.iter().filter(|(k, _)| **k >= first && **k < last).collect();
            let found = store.until_found(tree, |tree, store| {
                let mut found = Vec::new();
                tree.scan_range(store, &first, &last, &mut |k, v| {
                    found.push((k.to_vec(), v.to_vec()));
                    true
                })?;
                Ok(found)
            });
            assert!(found.iter().map(|(k, v)| (k, v)).eq(expected));
            let next =
                store.until_found(tree, |t, s| Ok(t.next(s, &first)?.map(|(k, _)| k.to_vec())));
            assert_eq!(next.as_ref(), model.range(first.clone()..).next().map(|(k, _)| k));
            let got = store.until_found(tree, |t, s| Ok(get(t, s, &last)?.map(<[u8]>::to_vec)));
            assert_eq!(got.as_ref(), model.get(&last));
        }
        Op::Evict(which) => store.evict(which),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_tree_is_a_sorted_map(ops in vec(op(), 1..600), with_batches in any::<bool>()) {
        let (mut store, mut model) = (Store::default(), Model::new());
        let mut tree = Tree::empty(PageKind::Omap);
        let of_several = |op: &Op| matches!(op, Op::Batch(_) | Op::RemoveRange(..));
        let batches = with_batches && ops.iter().any(of_several);
        for (i, op) in ops.into_iter().filter(|op| with_batches || !of_several(op)).enumerate() {
            apply(&mut store, &mut tree, &mut model, op);
            if i % 100 == 99 {
                check(&mut store, &tree);
            }
        }
        check(&mut store, &tree);
        prop_assert!(content(&mut store, &tree).into_iter().eq(model.clone()));
        // Down to nothing, with most of it out of memory.
        let mut seed = 7;
        while !model.is_empty() {
            seed = seed * 31 % 1_000_003;
            store.evict(seed as u16);
            apply(&mut store, &mut tree, &mut model, Op::Remove(seed));
        }
        check(&mut store, &tree);
        prop_assert!(content(&mut store, &tree).is_empty());
        // Batches leave empty leaves.
        prop_assert!(batches || store.pages().is_empty(), "{} pages are left", store.pages().len());
    }
}

/// Leaves' bytes in use, of the bytes they have; and the level of the root.
fn fill(store: &Store, tree: &Tree) -> (f64, u8) {
    let leaves = store.memory.values().filter(|p| p.level() == 0);
    let (used, all) = leaves.fold((0, 0), |(u, a), p| (u + p.used_bytes(), a + p.encoded_len()));
    (used as f64 / all as f64, store.get(tree.root).unwrap().level())
}

fn shuffled(n: u64) -> Vec<u64> {
    let mut all: Vec<u64> = (0..n).collect();
    all.sort_by_key(|i| {
        let x = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (x ^ x >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    });
    all
}

fn filled(kind: PageKind, order: impl IntoIterator<Item = u64>, value: &[u8]) -> (Store, Tree) {
    let (mut store, mut tree) = (Store::default(), Tree::empty(kind));
    for n in order {
        insert(&mut tree, &mut store, &n.to_be_bytes(), value);
    }
    (store, tree)
}

#[test]
fn pages_are_well_filled() {
    for size in [10, 40, 120, 530, 1000] {
        let n = 4_000_000 / (size + 300) as u64;
        let value = vec![1; size];
        let (mut store, tree) = filled(PageKind::Lba, 0..n, &value);
        let (sequential, _) = fill(&store, &tree);
        check(&mut store, &tree);
        let (mut store, tree) = filled(PageKind::Lba, shuffled(n), &value);
        let (random, _) = fill(&store, &tree);
        check(&mut store, &tree);
        assert!(sequential >= 0.9 && random >= 0.6, "{size}: {sequential} {random}");
    }
}

#[test]
fn a_sequence_in_the_middle_fills_its_pages() {
    let (mut store, mut tree) = filled(PageKind::Omap, [0, 1, 2, 1 << 40, 1 << 41], &[1; 100]);
    for n in 3..20_000u64 {
        insert(&mut tree, &mut store, &n.to_be_bytes(), &[1; 100]);
    }
    assert!(fill(&store, &tree).0 >= 0.9);
}

#[test]
fn values_that_grow_in_sequence_fill_their_pages() {
    // As groups do while an object is written: 8 bytes more with each block.
    let (mut store, mut tree) = (Store::default(), Tree::empty(PageKind::Lba));
    for n in 0..400u64 {
        for blocks in 1..=64 {
            insert(&mut tree, &mut store, &n.to_be_bytes(), &vec![1; 16 + 8 * blocks]);
        }
    }
    assert!(fill(&store, &tree).0 >= 0.9);
}

#[test]
fn a_tree_shrinks_with_what_it_holds() {
    let n = 20_000;
    let (mut store, mut tree) = filled(PageKind::Onode, shuffled(n), &[1; 50]);
    let (full, height) = (store.pages().len(), store.get(tree.root).unwrap().level());
    assert_eq!(height, 2);
    for i in shuffled(n).into_iter().filter(|i| i % 100 != 0) {
        assert!(remove(&mut tree, &mut store, &i.to_be_bytes()));
    }
    check(&mut store, &tree);
    assert!(store.pages().len() < full / 20, "{} of {full} pages", store.pages().len());
    assert_eq!(store.get(tree.root).unwrap().level(), 1);
    assert_eq!(tree.touch_range(&store, &[], &[0xff], usize::MAX), Ok(200));
    assert_eq!(tree.remove_range(&mut store, &[], &[0xff], 200), 200);
    assert_eq!((tree, store.pages().len()), (Tree::empty(PageKind::Onode), 0));
}

#[test]
fn a_large_range_goes_in_small_steps() {
    let n = 20_000u64;
    let (mut store, mut tree) = filled(PageKind::Omap, 0..n, &[1; 50]);
    store.evict(u16::MAX);
    let (first, last) = (100u64.to_be_bytes(), 19_900u64.to_be_bytes());
    let mut steps = 0;
    loop {
        let can = store.until_found(&tree, |t, s| t.touch_range(s, &first, &last, 4));
        if can == 0 {
            break;
        }
        assert_eq!(tree.remove_range(&mut store, &first, &last, can), can);
        steps += 1;
    }
    assert!(steps > 50);
    let leaves = 20_000 * 66 / 4000;
    assert!(store.fetched < leaves * 11 / 10, "{} pages were read", store.fetched);
    check(&mut store, &tree);
    assert_eq!(content(&mut store, &tree).len(), 200);
    assert!(store.pages().len() <= 8, "{} pages are left", store.pages().len());
}

#[test]
fn a_range_that_goes_leaf_by_leaf_leaves_no_empty_leaves() {
    let (mut store, mut tree) = filled(PageKind::Omap, 0..5000, &[1; 50]);
    let root = store.get(tree.root).unwrap();
    let (first, last) = (root.key(5).to_vec(), root.key(root.len() - 5).to_vec());
    loop {
        store.evict(u16::MAX);
        let can = store.until_found(&tree, |t, s| t.touch_range(s, &first, &last, 1));
        if can == 0 {
            break;
        }
        assert_eq!(tree.remove_range(&mut store, &first, &last, can), can);
    }
    check(&mut store, &tree);
    assert!(store.memory.values().all(|page| !page.is_empty()));
    assert_eq!(store.pages().len(), 1 + 5 + 5);
}

#[test]
fn the_end_of_a_range_needs_no_page_beyond() {
    let (mut store, tree) = filled(PageKind::Omap, 0..5000, &[1; 50]);
    let root = store.get(tree.root).unwrap();
    let (second, third) = (root.key(1).to_vec(), root.key(2).to_vec());
    store.evict(u16::MAX);
    let mut seen = 0;
    store.until_found(&tree, |tree, store| {
        seen = 0;
        tree.scan_range(store, &second, &third, &mut |_, _| {
            seen += 1;
            true
        })
    });
    assert!(seen > 10);
    assert_eq!(store.fetched, 2, "the root and one leaf");
}

#[test]
fn a_change_dirties_no_more_than_it_must() {
    let (mut store, mut tree) = filled(PageKind::Lba, 0..3000, &[1; 530]);
    let key = 1000u64.to_be_bytes();
    store.dirty.clear();
    assert!(update(&mut tree, &mut store, &key, |v| v[0] = 2));
    assert!(insert(&mut tree, &mut store, &key, &[3; 530]));
    assert!(insert(&mut tree, &mut store, &key, &[3; 400]));
    assert_eq!(store.dirty.len(), 1);
    store.dirty.clear();
    assert!(!update(&mut tree, &mut store, &[9; 9], |v| v[0] = 2));
    assert!(!remove(&mut tree, &mut store, &[9; 9]));
    assert_eq!(store.dirty.len(), 0, "what is not there changes nothing");
}

#[test]
fn keys_that_were_touched_stay_changeable_when_their_leaf_empties() {
    let (mut store, mut tree) = filled(PageKind::Omap, 0..60, &[1; 1500]);
    store.evict(u16::MAX);
    let keys = [30u64, 31].map(u64::to_be_bytes);
    for key in &keys {
        store.until_found(&tree, |t, s| touch(t, s, key).map(drop));
    }
    for key in &keys {
        assert!(remove(&mut tree, &mut store, key));
    }
    // No neighbour is in memory, so the leaf is still there.
    assert!(!insert(&mut tree, &mut store, &keys[0], b"again"));
    check(&mut store, &tree);
    assert_eq!(content(&mut store, &tree).len(), 59);
}

#[test]
fn huge_keys_do_not_make_the_tree_high() {
    let (mut store, mut tree) = (Store::default(), Tree::empty(PageKind::Onode));
    for n in shuffled(400) {
        // They differ in the last bytes only, so that separators are as long as they are.
        let key = [&[b'x'; 13_000][..], &n.to_be_bytes()].concat();
        insert(&mut tree, &mut store, &key, b"");
    }
    check(&mut store, &tree);
    assert!(store.get(tree.root).unwrap().level() <= 4);
}

/// One insert may make three pages of one. They have to stand in order in their parent.
#[test]
fn a_page_that_splits_twice_stays_in_order() {
    for sizes in [[2000, 3900, 2000], [100, 3900, 3900], [3900, 3900, 100], [1400, 5000, 2600]] {
        for order in [[0, 2, 1], [0, 1, 2], [2, 0, 1], [1, 2, 0]] {
            let (mut store, mut tree) = (Store::default(), Tree::empty(PageKind::Omap));
            for n in order {
                insert(&mut tree, &mut store, &[n as u8], &vec![n as u8; sizes[n]]);
            }
            check(&mut store, &tree);
            let all: Vec<u8> = content(&mut store, &tree).into_iter().map(|(k, _)| k[0]).collect();
            assert_eq!(all, [0, 1, 2], "{sizes:?} {order:?}");
        }
    }
}

#[test]
fn pages_in_a_wrong_place_are_found() {
    let inner = |level, children: &[(&[u8], PageId)]| {
        let mut page = Page::new(PageKind::Omap, level);
        for (key, child) in children {
            page.insert(page.len(), key, &child.0.to_le_bytes());
        }
        page
    };
    let leaf = |kind, key: &[u8]| {
        let mut page = Page::new(kind, 0);
        page.insert(0, key, b"v");
        page
    };
    let mut store = Store::default();
    let sound = store.allocate(leaf(PageKind::Omap, b"a"));
    let other = store.allocate(leaf(PageKind::Lba, b"a"));
    let low = store.allocate(leaf(PageKind::Omap, b"a"));
    let cases = [
        (inner(1, &[(b"", other)]), other, Misfit::Kind(PageKind::Lba)),
        (inner(2, &[(b"", sound)]), sound, Misfit::Level(0)),
        // Leads to itself.
        (inner(1, &[(b"", PageId(6))]), PageId(6), Misfit::Level(1)),
        (inner(1, &[(b"", sound), (b"b", low)]), low, Misfit::Bounds),
        (inner(1, &[(b"", low), (b"0", sound), (b"b", sound)]), sound, Misfit::Twice),
    ];
    for (root, page, what) in cases {
        let root = store.allocate(root);
        let tree = Tree { kind: PageKind::Omap, root };
        let error = TreeError::Corrupt { page, what };
        let problems = tree.check(&store).unwrap();
        let twice = TreeError::Corrupt { page, what: Misfit::Twice };
        let found = |e: TreeError| problems.contains(&e.to_string());
        assert!(found(error) || page == root && found(twice), "{problems:?}");
        if what == Misfit::Twice {
            assert_eq!(tree.pages_of(&store, &mut |_, _| {}), Err(error));
            continue;
        }
        assert_eq!(touch(&tree, &store, b"b"), Err(error));
        if what != Misfit::Bounds {
            assert_eq!(get(&tree, &store, b"b"), Err(error));
            assert_eq!(tree.next(&store, b"b"), Err(error));
        }
        assert_eq!(tree.touch_range(&store, b"", b"c", 9), Err(error));
    }
    assert_eq!(
        TreeError::Corrupt { page: PageId(6), what: Misfit::Bounds }.to_string(),
        "page 6 holds keys that its parent says are elsewhere"
    );
}

#[test]
fn what_is_missing_is_named() {
    let (mut store, tree) = filled(PageKind::Omap, 0..5000, &[1; 50]);
    store.evict(u16::MAX);
    assert_eq!(get(&tree, &store, b"a"), Err(TreeError::Missing(MissingPage(tree.root))));
    assert_eq!(touch(&tree, &store, b"a"), Err(TreeError::Missing(MissingPage(tree.root))));
    assert_eq!(touch(&Tree::empty(PageKind::Omap), &store, b"a"), Ok(None));
}
