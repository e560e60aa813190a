//! A page: items of key and value, both byte strings, in order of their keys.

use crate::pages::PageId;
use bytes::Bytes;
use std::fmt;
use std::ops::Range;
use types::node::{BLOCK_SIZE, aligned_buf};

/// What a page is meant to fill. One that holds a larger item is longer.
pub(crate) const PAGE_BYTES: usize = BLOCK_SIZE;
/// The highest level. A page there is not split; pages of two children would not get so high.
pub(crate) const LEVEL_MAX: u8 = 31;
/// The longest key.
pub(crate) const KEY_BYTES_MAX: usize = u16::MAX as usize;

const MAGIC: u32 = u32::from_le_bytes(*b"KSpg");
const HEADER: usize = 32;
const SLOT: usize = 8;
/// In a slot: the value's length stands before the key, as u32.
const LONG: u16 = u16::MAX;
/// An inner page with fewer children is not split, however long their keys are: each level must
/// have a good deal fewer pages than the level below.
const INNER_SPLIT_ITEMS: usize = 8;
/// Among fewer items a binary search looks at hardly more of them than a guess.
const GUESS_ITEMS_MIN: usize = 12;
/// So many insertions in a row, each after the one before, are taken for a sequence that goes on.
const SEQUENCE: u8 = 2;

/// Which tree a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PageKind {
    Onode = 1,
    Lba = 2,
    Omap = 3,
}

/// A page of one of the trees. docs/formats.md#page
///
/// In memory as on the device, except that the heap may have holes and be out of order, and that the
/// header is filled in by [`Page::encode`].
///
/// ```text
/// | offset | size | field                                                             |
/// |      0 |    4 | magic "KSpg"                                                      |
/// |      4 |    4 | page id                                                           |
/// |      8 |    1 | kind: 1 onode, 2 LBA, 3 omap                                      |
/// |      9 |    1 | level: 0 leaf                                                     |
/// |     10 |    2 | 0                                                                 |
/// |     12 |    4 | items n                                                           |
/// |     16 |    4 | length of the page, a multiple of 4096, no more than it needs     |
/// |     20 |    4 | offset of the heap                                                |
/// |     24 |    8 | 0                                                                 |
/// |     32 |   8n | slots in ascending order of keys: offset of the item u32, length  |
/// |        |      | of its key u16, length of its value u16 (65535: see below)        |
/// |        |      | 0 up to the heap                                                  |
/// |   heap |      | items in the order of the slots, without gaps, to the page's end: |
/// |        |      | key, value; before the key of a value of 65535 bytes or more its  |
/// |        |      | length u32                                                        |
/// ```
///
/// The value of an item of an inner page is a page id, u32, not 0: the child that holds the keys
/// from this item's key on, up to the next item's. The first key of an inner page is empty, and it
/// has at least one item. Empty leaves are well formed.
#[derive(Clone)]
pub(crate) struct Page {
    /// A multiple of [`PAGE_BYTES`], at most `u32::MAX`.
    buf: Vec<u8>,
    count: u32,
    /// Where the heap begins; it ends with `buf`.
    heap: u32,
    /// Bytes of the heap that belong to items.
    live: u32,
    kind: PageKind,
    level: u8,
    /// After the item that was inserted or made longer last.
    next: u32,
    /// Insertions in a row at `next`, and changes that made the item before it longer.
    run: u8,
}

/// Bytes are not the page that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadPage {
    /// The length is not what the header or the content asks for.
    Length {
        bytes: usize,
    },
    Magic(u32),
    /// Another page's.
    Id {
        expected: PageId,
        found: PageId,
    },
    /// Another tree's.
    Kind {
        expected: PageKind,
        found: u8,
    },
    /// Above [`LEVEL_MAX`].
    Level(u8),
    /// Bytes that must be 0 are not.
    NotZero {
        offset: usize,
    },
    /// The heap begins among the slots or beyond the end.
    Heap {
        offset: u32,
    },
    /// An inner page without children.
    Childless,
    /// The item does not lie where it must, or not within the page.
    Place {
        item: usize,
    },
    /// The key does not follow the one before it, or is the first of an inner page and not empty.
    Order {
        item: usize,
    },
    /// An item of an inner page does not name a page.
    Child {
        item: usize,
    },
}

impl fmt::Display for BadPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { bytes } => write!(f, "{bytes} bytes are not the length of the page"),
            Self::Magic(found) => write!(f, "magic {found:#010x} is not that of a page"),
            Self::Id { expected, found } => {
                write!(f, "page {} where page {} should be", found.0, expected.0)
            }
            Self::Kind { expected, found } => {
                write!(f, "a page of kind {found} where one of {expected:?} should be")
            }
            Self::Level(level) => write!(f, "level {level} is higher than any page's"),
            Self::NotZero { offset } => write!(f, "byte {offset} of the page should be 0"),
            Self::Heap { offset } => write!(f, "the page's heap cannot begin at {offset}"),
            Self::Childless => write!(f, "inner page without children"),
            Self::Place { item } => write!(f, "item {item} of the page lies in a wrong place"),
            Self::Order { item } => write!(f, "the key of item {item} of the page is out of order"),
            Self::Child { item } => write!(f, "item {item} of the inner page names no page"),
        }
    }
}
impl std::error::Error for BadPage {}

/// One slot, taken apart.
struct Slot {
    /// Where the item begins.
    item: usize,
    key: usize,
    key_len: usize,
    value_len: usize,
}

impl Slot {
    fn value(&self) -> usize {
        self.key + self.key_len
    }
    fn end(&self) -> usize {
        self.value() + self.value_len
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Bytes that an item takes in the heap.
fn item_bytes(key_len: usize, value_len: usize) -> usize {
    key_len + value_len + if value_len >= LONG as usize { 4 } else { 0 }
}

fn whole_blocks(bytes: usize) -> usize {
    bytes.max(1).next_multiple_of(PAGE_BYTES)
}

/// Writes an item and its slot. The item fits where `item` says.
fn put_item(buf: &mut [u8], slot: usize, item: usize, key: &[u8], value: &[u8]) {
    let mut at = item;
    let short = value.len().min(LONG as usize) as u16;
    if short == LONG {
        put_u32(buf, at, value.len() as u32);
        at += 4;
    }
    buf[at..at + key.len()].copy_from_slice(key);
    at += key.len();
    buf[at..at + value.len()].copy_from_slice(value);
    let packed = item as u64 | (key.len() as u64) << 32 | (short as u64) << 48;
    let slot = HEADER + SLOT * slot;
    buf[slot..slot + SLOT].copy_from_slice(&packed.to_le_bytes());
}

impl Page {
    /// An empty page. An inner one must be given a child before it is encoded.
    pub fn new(kind: PageKind, level: u8) -> Self {
        Self::with_room(kind, level, 0)
    }

    /// An empty page that takes items of `bytes` bytes, slots and header included.
    fn with_room(kind: PageKind, level: u8, bytes: usize) -> Self {
        let len = whole_blocks(bytes);
        let heap = u32::try_from(len).expect("a page is shorter than 4 GiB");
        Self { buf: vec![0; len], count: 0, heap, live: 0, kind, level, next: 0, run: 0 }
    }

    pub fn kind(&self) -> PageKind {
        self.kind
    }

    /// 0 for a leaf.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Items.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    #[inline]
    fn slot(&self, i: usize) -> Slot {
        debug_assert!(i < self.len());
        let at = HEADER + SLOT * i;
        let packed = u64::from_le_bytes(self.buf[at..at + SLOT].try_into().expect("8 bytes"));
        let (item, key_len) = (packed as u32 as usize, (packed >> 32) as u16 as usize);
        let short = (packed >> 48) as u16;
        if short == LONG {
            let value_len = u32_at(&self.buf, item) as usize;
            Slot { item, key: item + 4, key_len, value_len }
        } else {
            Slot { item, key: item, key_len, value_len: short as usize }
        }
    }

    #[inline]
    pub fn key(&self, i: usize) -> &[u8] {
        let s = self.slot(i);
        &self.buf[s.key..s.value()]
    }

    #[inline]
    pub fn value(&self, i: usize) -> &[u8] {
        let s = self.slot(i);
        &self.buf[s.value()..s.end()]
    }

    pub fn value_mut(&mut self, i: usize) -> &mut [u8] {
        let s = self.slot(i);
        &mut self.buf[s.value()..s.end()]
    }

    /// The item with this key, or else the one before which it belongs.
    #[inline]
    pub fn search(&self, key: &[u8]) -> Result<usize, usize> {
        let (low, high) = match key.try_into() {
            Ok(key) => self.guess(u64::from_be_bytes(key)),
            Err(_) => (0, self.len()),
        };
        self.search_within(key, low, high)
    }

    fn search_within(&self, key: &[u8], low: usize, high: usize) -> Result<usize, usize> {
        let (mut low, mut high) = (low, high);
        while low < high {
            let middle = (low + high) / 2;
            match self.key(middle).cmp(key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Narrows the search for a key of eight bytes down to items from `low` up to `high`. Those of
    /// the LBA tree are nearly evenly spaced: most often the first place looked at is next to the
    /// right one, and each place not looked at is a cache miss less.
    fn guess(&self, key: u64) -> (usize, usize) {
        let number_at = |i: usize| match i < self.len() {
            true => self.key(i).try_into().ok().map(u64::from_be_bytes),
            false => None,
        };
        let (mut low, mut high) = (0, self.len());
        // The first key of an inner page is empty.
        let first = usize::from(self.level > 0);
        if high < first + GUESS_ITEMS_MIN {
            return (low, high);
        }
        let (Some(least), Some(most)) = (number_at(first), number_at(high - 1)) else {
            return (low, high);
        };
        if key < least || key > most {
            return (low, high);
        }
        let steps = (high - 1 - first) as u128;
        let way = (key - least) as u128 * steps / u128::from(most - least).max(1);
        let at = first + way as usize;
        let Some(found) = number_at(at) else { return (low, high) };
        // Away from there in steps that double.
        let mut step = 1;
        if found <= key {
            low = at;
            while let Some(found) = number_at(at + step) {
                if found > key {
                    high = at + step;
                    break;
                }
                (low, step) = (at + step, 2 * step);
            }
        } else {
            high = at;
            while let Some(found) = at.checked_sub(step).and_then(number_at) {
                if found <= key {
                    low = at - step;
                    break;
                }
                (high, step) = (at - step, 2 * step);
            }
        }
        (low, high)
    }

    /// Of an inner page that has children: which one holds `key`.
    #[inline]
    pub fn child_for(&self, key: &[u8]) -> usize {
        match self.search(key) {
            Ok(i) => i,
            // The first key is empty, so that nothing lies before it.
            Err(i) => i.saturating_sub(1),
        }
    }

    /// Of an inner page: the page that item `i` names.
    #[inline]
    pub fn child(&self, i: usize) -> PageId {
        debug_assert!(self.level > 0);
        PageId(u32_at(self.value(i), 0))
    }

    /// Puts an item before item `i`.
    ///
    /// # Panics
    /// If the key is longer than [`KEY_BYTES_MAX`], or the page would be longer than 4 GiB.
    pub fn insert(&mut self, i: usize, key: &[u8], value: &[u8]) {
        assert!(key.len() <= KEY_BYTES_MAX, "a key is at most {KEY_BYTES_MAX} bytes");
        debug_assert!(i == 0 || self.key(i - 1) < key, "keys ascend");
        debug_assert!(i == self.len() || self.key(i) > key, "keys ascend");
        let bytes = item_bytes(key.len(), value.len());
        let slots_end = HEADER + SLOT * self.len();
        if slots_end + SLOT + bytes > self.heap as usize {
            self.rebuild(whole_blocks(self.used_bytes() + SLOT + bytes), None);
        }
        let at = HEADER + SLOT * i;
        self.buf.copy_within(at..slots_end, at + SLOT);
        self.heap -= bytes as u32;
        self.live += bytes as u32;
        self.count += 1;
        put_item(&mut self.buf, i, self.heap as usize, key, value);
        self.grew(i, i == self.next as usize);
    }

    fn grew(&mut self, i: usize, in_sequence: bool) {
        self.run = if in_sequence { self.run.saturating_add(1) } else { 0 };
        self.next = i as u32 + 1;
    }

    /// Gives item `i` another value, in place if it is as long as the one it has.
    ///
    /// # Panics
    /// If the page would be longer than 4 GiB.
    pub fn replace(&mut self, i: usize, value: &[u8]) {
        let old = self.slot(i);
        if old.value_len == value.len() {
            self.buf[old.value()..old.end()].copy_from_slice(value);
            return;
        }
        let before = old.end() - old.item;
        let after = item_bytes(old.key_len, value.len());
        let used = self.used_bytes() - before + after;
        let shorter = self.buf.len() > PAGE_BYTES && self.buf.len() >= 2 * whole_blocks(used);
        if shorter || HEADER + SLOT * self.len() + after > self.heap as usize {
            self.rebuild(whole_blocks(used), Some((i, value)));
        } else {
            self.heap -= after as u32;
            self.live = self.live - before as u32 + after as u32;
            let (key, item) = (old.key..old.value(), self.heap as usize);
            // A key that lies in the same buffer is moved by hand, the rest is put around it.
            let skip = after - old.key_len - value.len();
            self.buf.copy_within(key, item + skip);
            if skip != 0 {
                put_u32(&mut self.buf, item, value.len() as u32);
            }
            let value_at = item + skip + old.key_len;
            self.buf[value_at..value_at + value.len()].copy_from_slice(value);
            let short = value.len().min(LONG as usize) as u64;
            let packed = item as u64 | (old.key_len as u64) << 32 | short << 48;
            let slot = HEADER + SLOT * i;
            self.buf[slot..slot + SLOT].copy_from_slice(&packed.to_le_bytes());
        }
        if after > before {
            self.grew(i, i + 1 == self.next as usize);
        }
    }

    pub fn remove(&mut self, items: Range<usize>) {
        let gone: usize = items.clone().map(|i| self.slot(i)).map(|s| s.end() - s.item).sum();
        let slots_end = HEADER + SLOT * self.len();
        let rest = HEADER + SLOT * items.end..slots_end;
        self.buf.copy_within(rest, HEADER + SLOT * items.start);
        self.count -= items.len() as u32;
        self.live -= gone as u32;
        self.run = 0;
        let wanted = self.encoded_len();
        if self.buf.len() >= 2 * wanted {
            self.rebuild(wanted, None);
        }
    }

    /// Of an inner page: child `i + 1` takes the place of child `i`, and its keys.
    pub fn adopt(&mut self, i: usize) {
        let child = self.child(i + 1).0.to_le_bytes();
        self.value_mut(i).copy_from_slice(&child);
        self.remove(i + 1..i + 2);
    }

    /// Bytes in use: header, slots and items.
    pub fn used_bytes(&self) -> usize {
        HEADER + SLOT * self.len() + self.live as usize
    }

    /// Bytes on the device, a multiple of 4096.
    pub fn encoded_len(&self) -> usize {
        whole_blocks(self.used_bytes())
    }

    /// Bytes in memory.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.buf.capacity()
    }

    /// Whether the page should be split.
    pub fn is_overfull(&self) -> bool {
        let items = if self.level == 0 { 2 } else { INNER_SPLIT_ITEMS };
        self.used_bytes() > PAGE_BYTES && self.len() >= items && self.level < LEVEL_MAX
    }

    /// Lays out slots and items in `out`, which is zeros. Item `i` with another value, if given.
    fn lay_out(&self, out: &mut [u8], heap: usize, other: Option<(usize, &[u8])>) {
        let mut at = heap;
        for i in 0..self.len() {
            let value = match other {
                Some((n, value)) if n == i => value,
                _ => self.value(i),
            };
            let key = self.key(i);
            put_item(out, i, at, key, value);
            at += item_bytes(key.len(), value.len());
        }
        debug_assert_eq!(at, out.len());
    }

    /// Into new memory of `len` bytes, without holes.
    fn rebuild(&mut self, len: usize, other: Option<(usize, &[u8])>) {
        if let Some((i, value)) = other {
            let old = self.slot(i);
            let after = item_bytes(old.key_len, value.len());
            self.live = self.live - (old.end() - old.item) as u32 + after as u32;
        }
        assert!(u32::try_from(len).is_ok(), "a page is shorter than 4 GiB");
        let mut buf = vec![0; len];
        let heap = len - self.live as usize;
        self.lay_out(&mut buf, heap, other);
        self.buf = buf;
        self.heap = heap as u32;
    }

    /// As it goes to the device. The same items make the same bytes, whatever happened before.
    pub fn encode(&self, id: PageId) -> Bytes {
        debug_assert!(self.level == 0 || !self.is_empty(), "an inner page has children");
        let len = self.encoded_len();
        let heap = len - self.live as usize;
        let mut buf = aligned_buf(len);
        buf.resize(len, 0);
        put_u32(&mut buf, 0, MAGIC);
        put_u32(&mut buf, 4, id.0);
        buf[8] = self.kind as u8;
        buf[9] = self.level;
        put_u32(&mut buf, 12, self.count);
        put_u32(&mut buf, 16, len as u32);
        put_u32(&mut buf, 20, heap as u32);
        self.lay_out(&mut buf, heap, None);
        buf.freeze()
    }

    /// Reads what [`Page::encode`] made. All of it is checked here, and what is accepted is what
    /// `encode` makes of it, byte for byte; so nothing done with the page later can fail.
    pub fn decode(bytes: &[u8], id: PageId, kind: PageKind) -> Result<Self, BadPage> {
        let len = bytes.len();
        if len < PAGE_BYTES || !len.is_multiple_of(PAGE_BYTES) || len > u32::MAX as usize {
            return Err(BadPage::Length { bytes: len });
        }
        if u32_at(bytes, 0) != MAGIC {
            return Err(BadPage::Magic(u32_at(bytes, 0)));
        }
        let found = PageId(u32_at(bytes, 4));
        if found != id {
            return Err(BadPage::Id { expected: id, found });
        }
        if bytes[8] != kind as u8 {
            return Err(BadPage::Kind { expected: kind, found: bytes[8] });
        }
        let level = bytes[9];
        if level > LEVEL_MAX {
            return Err(BadPage::Level(level));
        }
        let zeros = |from: usize, to: usize| match bytes[from..to].iter().position(|b| *b != 0) {
            Some(i) => Err(BadPage::NotZero { offset: from + i }),
            None => Ok(()),
        };
        zeros(10, 12)?;
        zeros(24, HEADER)?;
        let (count, heap) = (u32_at(bytes, 12), u32_at(bytes, 20));
        if level > 0 && count == 0 {
            return Err(BadPage::Childless);
        }
        let slots_end = HEADER as u64 + SLOT as u64 * count as u64;
        if (heap as u64) < slots_end || heap as usize > len {
            return Err(BadPage::Heap { offset: heap });
        }
        let slots_end = slots_end as usize;
        let live = len - heap as usize;
        if u32_at(bytes, 16) as usize != len || whole_blocks(slots_end + live) != len {
            return Err(BadPage::Length { bytes: len });
        }
        zeros(slots_end, heap as usize)?;
        Self::check_items(bytes, level, count as usize, heap as usize)?;
        let (buf, live) = (bytes.to_vec(), live as u32);
        Ok(Self { buf, count, heap, live, kind, level, next: 0, run: 0 })
    }

    /// Slots lie before `heap`, and `heap` within `bytes`.
    fn check_items(bytes: &[u8], level: u8, count: usize, heap: usize) -> Result<(), BadPage> {
        let mut at = heap;
        let mut previous: Option<&[u8]> = None;
        for item in 0..count {
            let slot = HEADER + SLOT * item;
            let lens = u32_at(bytes, slot + 4);
            let (key_len, short) = (lens as u16 as usize, (lens >> 16) as u16);
            let head = if short == LONG { 4 } else { 0 };
            if u32_at(bytes, slot) as usize != at || bytes.len() - at < head {
                return Err(BadPage::Place { item });
            }
            let value_len = if short == LONG { u32_at(bytes, at) as usize } else { short as usize };
            let rest = &bytes[at + head..];
            // A value that is said to be long is.
            let long = value_len >= LONG as usize;
            if rest.len() < key_len || rest.len() - key_len < value_len || long != (short == LONG) {
                return Err(BadPage::Place { item });
            }
            let (key, value) = (&rest[..key_len], &rest[key_len..key_len + value_len]);
            let ordered = match previous {
                Some(previous) => previous < key,
                None => level == 0 || key.is_empty(),
            };
            if !ordered {
                return Err(BadPage::Order { item });
            }
            if level > 0 && (value_len != 4 || value == [0; 4]) {
                return Err(BadPage::Child { item });
            }
            previous = Some(key);
            at += head + key_len + value_len;
        }
        if at != bytes.len() {
            return Err(BadPage::Place { item: count });
        }
        Ok(())
    }

    /// Moves the upper part of an overfull page ([`Page::is_overfull`]) to a page of its own, and
    /// says which keys belong there: those from the separator on. About half; or, when items came
    /// one after the other, so that those to come find room without another half being moved.
    /// Either part may still be overfull.
    pub fn split(&mut self) -> (Vec<u8>, Page) {
        debug_assert!(self.len() >= 2);
        let sequence = (self.run >= SEQUENCE).then_some(self.next as usize);
        let cut = self.cut(sequence);
        let right = self.part(cut, self.len());
        let separator = if self.level > 0 {
            self.key(cut).to_vec()
        } else {
            let (last, first) = (self.key(cut - 1), self.key(cut));
            let common = last.iter().zip(first).take_while(|(a, b)| a == b).count();
            first[..common + 1].to_vec()
        };
        *self = self.part(0, cut);
        (separator, right)
    }

    /// The first item that goes to the right, given where a sequence goes on.
    fn cut(&self, sequence: Option<usize>) -> usize {
        let n = self.len();
        // An inner page that keeps few children would be as good as none: `INNER_SPLIT_ITEMS`.
        let keep = if self.level > 0 { (n / 4).max(1) } else { 1 };
        if let Some(at) = sequence
            && (keep..n).contains(&at)
        {
            return at;
        }
        let sequence = sequence == Some(n);
        let used = self.used_bytes();
        let (mut cut, mut left, mut best) = (keep, HEADER, usize::MAX);
        for i in 1..n {
            let s = self.slot(i - 1);
            left += SLOT + s.end() - s.item;
            let right = used + HEADER - left;
            let cost = if sequence {
                // The fullest left page that is not too full; when there is none, the first.
                if left > PAGE_BYTES { left } else { PAGE_BYTES - left }
            } else {
                left.max(right)
            };
            let allowed = i >= keep && (sequence || n - i >= keep);
            if allowed && cost < best {
                (cut, best) = (i, cost);
            }
        }
        cut
    }

    /// Items `from..to` as a page. The first key of an inner page becomes empty.
    fn part(&self, from: usize, to: usize) -> Page {
        let items = (from..to).map(|i| self.slot(i));
        let bytes: usize = items.map(|s| SLOT + s.end() - s.item).sum();
        let mut page = Self::with_room(self.kind, self.level, HEADER + bytes);
        for i in from..to {
            let key = if self.level > 0 && i == from { &[] } else { self.key(i) };
            page.insert(page.len(), key, self.value(i));
        }
        page.run = 0;
        page
    }

    /// Takes the items of the page that followed this one, of the same level. `separator` is the
    /// key under which the parent had it.
    pub fn merge(&mut self, right: &Page, separator: &[u8]) {
        debug_assert_eq!((self.kind, self.level), (right.kind, right.level));
        for i in 0..right.len() {
            let key = if self.level > 0 && i == 0 { separator } else { right.key(i) };
            self.insert(self.len(), key, right.value(i));
        }
        self.run = 0;
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, level, .. } = self;
        write!(f, "{kind:?} page, level {level}, {} items, {} bytes", self.len(), self.used_bytes())
    }
}

#[cfg(test)]
mod tests;
