//! Changes: what the journal holds. docs/formats.md#changes
//!
//! A change is logical and says all that applying it needs, so that replay runs what ran the first
//! time. The functions `put_*` append one; [`reader::ChangeReader`] reads them back.

pub(crate) mod reader;
#[cfg(test)]
mod tests;

use crate::blob::put_blob;
use crate::onode::{BLOCKS_MAX, LADDR_END, Run};
use crate::txn::{OBJECT_SIZE_MAX, ObjectName};
use bytes::Bytes;
use std::rc::Rc;
use types::{HObject, PgId, SnapId};

/// Set in a tag when the change is on the same object as the last one that was named.
const SAME: u8 = 0x80;

const CREATE_COLLECTION: u8 = 1;
const REMOVE_COLLECTION: u8 = 2;
const TOUCH: u8 = 3;
const WRITE: u8 = 4;
const PUNCH: u8 = 5;
const SET_SIZE: u8 = 6;
const REMOVE: u8 = 7;
const SET_XATTR: u8 = 8;
const REMOVE_XATTR: u8 = 9;
const OMAP_SET: u8 = 10;
const OMAP_REMOVE: u8 = 11;
const OMAP_REMOVE_RANGE: u8 = 12;
const OMAP_CLEAR: u8 = 13;
const OMAP_SET_HEADER: u8 = 14;
const CLONE: u8 = 15;
const CLONE_RANGE: u8 = 16;
const MOVE: u8 = 17;
const COLLECT: u8 = 18;

/// How an object is named: what most have in common is left out.
const NAME_LONG_POOL: u8 = 1;
const NAME_SNAP: u8 = 2;
const NAME_NSPACE: u8 = 4;
const NAME_KEY: u8 = 8;

/// How the target of a clone is named.
const TARGET_NAMED: u8 = 0;
const TARGET_OTHER_SNAP: u8 = 1;

/// At least what a run takes: three numbers of variable length and a place.
const WRITTEN_RUN_BYTES_MIN: usize = 3 + 4;
/// A number of variable length is below 2 to this power.
const NUMBER_BITS_MAX: u32 = 63;
/// At least what a moved block takes: two numbers of variable length.
const MOVED_BYTES_MIN: usize = 2;

/// Blocks that a write put next to one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WrittenRun {
    /// First block, from the start of the object.
    pub block: u32,
    /// 1 or more.
    pub blocks: u32,
    pub laddr: u64,
    /// Of the first block, in blocks from the start of the region's first segment.
    pub place: u32,
}

impl WrittenRun {
    pub fn run(&self) -> Run {
        Run { block: self.block, blocks: self.blocks, laddr: self.laddr }
    }
}

/// A block that the cleaner copied, and the place where it was, in blocks from the start of the
/// region's first segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moved {
    pub laddr: u64,
    pub from: u32,
}

/// One change. Those that add something create their object when it is missing; the others change
/// nothing then. Blocks count from the start of the object, `end` and `size` are bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    CreateCollection {
        pg: PgId,
        bits: u8,
    },
    RemoveCollection {
        pg: PgId,
    },
    Touch {
        o: ObjectName,
    },
    /// The blocks of the runs, ascending and without overlaps, lie there now, with a checksum per
    /// block, runs in order. The size becomes `end` if it is less.
    Write {
        o: ObjectName,
        end: u64,
        runs: Vec<WrittenRun>,
        crcs: Vec<u32>,
    },
    /// The blocks from `block` on become holes; 0 blocks are none. The size becomes `end` if it is
    /// less.
    Punch {
        o: ObjectName,
        block: u32,
        blocks: u32,
        end: u64,
    },
    /// Blocks that begin at `size` or after it become holes.
    SetSize {
        o: ObjectName,
        size: u64,
    },
    Remove {
        o: ObjectName,
    },
    SetXattr {
        o: ObjectName,
        name: Bytes,
        value: Bytes,
    },
    RemoveXattr {
        o: ObjectName,
        name: Bytes,
    },
    OmapSet {
        o: ObjectName,
        pairs: Vec<(Bytes, Bytes)>,
    },
    OmapRemove {
        o: ObjectName,
        keys: Vec<Bytes>,
    },
    /// `first <= key < last`
    OmapRemoveRange {
        o: ObjectName,
        first: Bytes,
        last: Bytes,
    },
    /// The header too.
    OmapClear {
        o: ObjectName,
    },
    OmapSetHeader {
        o: ObjectName,
        header: Bytes,
    },
    /// `to` gets the size, the runs and the xattrs of `from`, in place of its own. Omaps are
    /// changes of their own.
    Clone {
        from: ObjectName,
        to: ObjectName,
    },
    /// Blocks of `to` become those of `from`, holes too. The size of `to` becomes `end` if it is
    /// less.
    CloneRange {
        from: ObjectName,
        to: ObjectName,
        from_block: u32,
        to_block: u32,
        blocks: u32,
        end: u64,
    },
    /// The blocks, laddrs ascending, now lie at `to` and following. Each counts only if its laddr
    /// still lies at `from`.
    Move {
        to: u32,
        moves: Vec<Moved>,
    },
    /// So many steps of removal, from the front of the list of garbage.
    Collect {
        steps: u32,
    },
}

impl Change {
    /// The object that is changed.
    pub fn object(&self) -> Option<&ObjectName> {
        match self {
            Self::Touch { o }
            | Self::Write { o, .. }
            | Self::Punch { o, .. }
            | Self::SetSize { o, .. }
            | Self::Remove { o }
            | Self::SetXattr { o, .. }
            | Self::RemoveXattr { o, .. }
            | Self::OmapSet { o, .. }
            | Self::OmapRemove { o, .. }
            | Self::OmapRemoveRange { o, .. }
            | Self::OmapClear { o }
            | Self::OmapSetHeader { o, .. }
            | Self::Clone { to: o, .. }
            | Self::CloneRange { to: o, .. } => Some(o),
            Self::CreateCollection { .. }
            | Self::RemoveCollection { .. }
            | Self::Move { .. }
            | Self::Collect { .. } => None,
        }
    }
    /// The object that it is copied from.
    pub fn source(&self) -> Option<&ObjectName> {
        match self {
            Self::Clone { from, .. } | Self::CloneRange { from, .. } => Some(from),
            _ => None,
        }
    }
}

fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}
/// Seven bits in a byte, lowest first; 0x80 says that more follow.
fn put_number(out: &mut Vec<u8>, mut value: u64) {
    assert!(value >> NUMBER_BITS_MAX == 0, "{value}");
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}
fn put_count(out: &mut Vec<u8>, count: usize) {
    put_u32(out, u32::try_from(count).expect("a change has fewer than 2^32 parts"));
}

fn put_name(out: &mut Vec<u8>, o: &HObject) {
    assert!(!o.max, "the maximum names no object");
    let is = |there: bool, bit: u8| if there { bit } else { 0 };
    let form = is(o.pool.0 < 0, NAME_LONG_POOL)
        | is(o.snap != SnapId::HEAD, NAME_SNAP)
        | is(!o.nspace.is_empty(), NAME_NSPACE)
        | is(!o.key.is_empty(), NAME_KEY);
    out.push(form);
    match u64::try_from(o.pool.0) {
        Ok(pool) => put_number(out, pool),
        Err(_) => put_u64(out, o.pool.0 as u64),
    }
    put_u32(out, o.hash);
    if form & NAME_SNAP != 0 {
        put_u64(out, o.snap.0);
    }
    for (bit, text) in [(NAME_NSPACE, &o.nspace), (NAME_KEY, &o.key), (0, &o.name)] {
        if form & bit == bit {
            put_number(out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// Tag, and the object unless `last` is it; then it becomes `last`.
fn put_tag(out: &mut Vec<u8>, tag: u8, o: &ObjectName, last: &mut Option<ObjectName>) {
    if last.as_ref().is_some_and(|l| Rc::ptr_eq(l, o) || l == o) {
        out.push(tag | SAME);
        return;
    }
    out.push(tag);
    put_name(out, o);
    *last = Some(o.clone());
}

/// A clone differs from its head by the snapshot alone.
fn put_target(out: &mut Vec<u8>, from: &HObject, to: &HObject) {
    let same_but_snap = from.pool == to.pool
        && from.hash == to.hash
        && from.nspace == to.nspace
        && from.key == to.key
        && from.name == to.name
        && !to.max;
    if same_but_snap {
        out.push(TARGET_OTHER_SNAP);
        put_u64(out, to.snap.0);
    } else {
        out.push(TARGET_NAMED);
        put_name(out, to);
    }
}

fn put_pg(out: &mut Vec<u8>, pg: &PgId) {
    put_u64(out, pg.pool.0 as u64);
    put_u32(out, pg.seed);
}

fn are_blocks(block: u32, blocks: u32) -> bool {
    block.checked_add(blocks).is_some_and(|end| end <= BLOCKS_MAX)
}

pub(crate) fn put_create_collection(out: &mut Vec<u8>, pg: &PgId, bits: u8) {
    out.push(CREATE_COLLECTION);
    put_pg(out, pg);
    out.push(bits);
}
pub(crate) fn put_remove_collection(out: &mut Vec<u8>, pg: &PgId) {
    out.push(REMOVE_COLLECTION);
    put_pg(out, pg);
}
pub(crate) fn put_touch(out: &mut Vec<u8>, o: &ObjectName, last: &mut Option<ObjectName>) {
    put_tag(out, TOUCH, o, last);
}

/// See [`Change::Write`]. Places may be relative and checksums wrong if they are patched before
/// `out` is written.
pub(crate) fn put_write(
    out: &mut Vec<u8>,
    o: &ObjectName,
    last: &mut Option<ObjectName>,
    end: u64,
    runs: &[WrittenRun],
    crcs: &[u32],
) {
    assert!(end <= OBJECT_SIZE_MAX, "a write to {end}");
    put_tag(out, WRITE, o, last);
    put_number(out, end);
    put_number(out, runs.len() as u64);
    let (mut next, mut block_count) = (0, 0);
    for run in runs {
        assert!(run.run().is_sane() && run.block >= next, "{run:?} after block {next}");
        put_number(out, (run.block - next) as u64);
        put_number(out, run.blocks as u64);
        put_number(out, run.laddr);
        put_u32(out, run.place);
        next = run.run().end();
        block_count += run.blocks as usize;
    }
    assert_eq!(crcs.len(), block_count, "checksums of a write");
    crcs.iter().for_each(|crc| put_u32(out, *crc));
}

pub(crate) fn put_punch(
    out: &mut Vec<u8>,
    o: &ObjectName,
    last: &mut Option<ObjectName>,
    block: u32,
    blocks: u32,
    end: u64,
) {
    assert!(are_blocks(block, blocks) && end <= OBJECT_SIZE_MAX, "{blocks} from {block} to {end}");
    put_tag(out, PUNCH, o, last);
    put_u32(out, block);
    put_u32(out, blocks);
    put_u64(out, end);
}
pub(crate) fn put_set_size(
    out: &mut Vec<u8>,
    o: &ObjectName,
    last: &mut Option<ObjectName>,
    size: u64,
) {
    assert!(size <= OBJECT_SIZE_MAX, "an object of {size} bytes");
    put_tag(out, SET_SIZE, o, last);
    put_u64(out, size);
}
pub(crate) fn put_remove(out: &mut Vec<u8>, o: &ObjectName, last: &mut Option<ObjectName>) {
    put_tag(out, REMOVE, o, last);
}
pub(crate) fn put_xattr(
    out: &mut Vec<u8>,
    o: &ObjectName,
    last: &mut Option<ObjectName>,
    name: &[u8],
    value: &[u8],
) {
    put_tag(out, SET_XATTR, o, last);
    put_blob(out, name);
    put_blob(out, value);
}
pub(crate) fn put_remove_xattr(
    out: &mut Vec<u8>,
    o: &ObjectName,
    last: &mut Option<ObjectName>,
    name: &[u8],
) {
    put_tag(out, REMOVE_XATTR, o, last);
    put_blob(out, name);
}
pub(crate) fn put_omap_set(
    out: &mut Vec<u8>,
    o: &ObjectName,
    last: &mut Option<ObjectName>,
    pairs: &[(Bytes, Bytes)],
) {
    put_tag(out, OMAP_SET, o, last);
    put_count(out, pairs.len());
    for (key, value) in pairs {
        put_blob(out, key);
        put_blob(out, value);
    }
}
pub(crate) fn put_omap_remove(
    out: &mut Vec<u8>,
    o: &ObjectName,
    last: &mut Option<ObjectName>,
    keys: &[Bytes],
) {
    put_tag(out, OMAP_REMOVE, o, last);
    put_count(out, keys.len());
    keys.iter().for_each(|key| put_blob(out, key));
}
/// The keys from `first` to the one before `bound`.
pub(crate) fn put_omap_remove_range(
    out: &mut Vec<u8>,
    o: &ObjectName,
    last: &mut Option<ObjectName>,
    first: &[u8],
    bound: &[u8],
) {
    put_tag(out, OMAP_REMOVE_RANGE, o, last);
    put_blob(out, first);
    put_blob(out, bound);
}
pub(crate) fn put_omap_clear(out: &mut Vec<u8>, o: &ObjectName, last: &mut Option<ObjectName>) {
    put_tag(out, OMAP_CLEAR, o, last);
}
pub(crate) fn put_omap_header(
    out: &mut Vec<u8>,
    o: &ObjectName,
    last: &mut Option<ObjectName>,
    header: &[u8],
) {
    put_tag(out, OMAP_SET_HEADER, o, last);
    put_blob(out, header);
}
/// `from` is the object that the next change may be on without naming it.
pub(crate) fn put_clone(
    out: &mut Vec<u8>,
    from: &ObjectName,
    to: &ObjectName,
    last: &mut Option<ObjectName>,
) {
    put_tag(out, CLONE, from, last);
    put_target(out, from, to);
}
/// Blocks of a [`Change::CloneRange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClonedBlocks {
    pub from_block: u32,
    pub to_block: u32,
    pub blocks: u32,
    pub end: u64,
}
/// `from` is the object that the next change may be on without naming it.
pub(crate) fn put_clone_range(
    out: &mut Vec<u8>,
    from: &ObjectName,
    to: &ObjectName,
    last: &mut Option<ObjectName>,
    range: ClonedBlocks,
) {
    let ClonedBlocks { from_block, to_block, blocks, end } = range;
    let inside = are_blocks(from_block, blocks) && are_blocks(to_block, blocks);
    assert!(inside && end <= OBJECT_SIZE_MAX, "{range:?}");
    put_tag(out, CLONE_RANGE, from, last);
    put_target(out, from, to);
    put_u32(out, from_block);
    put_u32(out, to_block);
    put_u32(out, blocks);
    put_u64(out, end);
}
/// Laddrs ascend. A block takes about four bytes: there are eight of these for each block that is
/// written to a store that is 90% full, and as many in the records that the blocks are moved to.
pub(crate) fn put_move(out: &mut Vec<u8>, to: u32, moves: &[Moved]) {
    out.push(MOVE);
    put_count(out, moves.len());
    let base = moves.iter().map(|m| m.from).min().unwrap_or(0);
    put_u32(out, to);
    put_u32(out, base);
    let mut next = 0;
    for moved in moves {
        assert!((next..LADDR_END).contains(&moved.laddr), "{moved:?} after {next}");
        put_number(out, moved.laddr - next);
        put_number(out, (moved.from - base) as u64);
        next = moved.laddr + 1;
    }
}
/// What [`put_move`] appends, wherever the blocks go.
pub(crate) fn move_bytes(moves: &[Moved]) -> usize {
    let mut out = Vec::new();
    put_move(&mut out, 0, moves);
    out.len()
}
pub(crate) fn put_collect(out: &mut Vec<u8>, steps: u32) {
    out.push(COLLECT);
    put_u32(out, steps);
}

/// Appends `change`. `last` is the object of the changes before it in the same run of records.
pub(crate) fn put(out: &mut Vec<u8>, change: &Change, last: &mut Option<ObjectName>) {
    match change {
        Change::CreateCollection { pg, bits } => put_create_collection(out, pg, *bits),
        Change::RemoveCollection { pg } => put_remove_collection(out, pg),
        Change::Touch { o } => put_touch(out, o, last),
        Change::Write { o, end, runs, crcs } => {
            put_write(out, o, last, *end, runs, crcs);
        }
        Change::Punch { o, block, blocks, end } => put_punch(out, o, last, *block, *blocks, *end),
        Change::SetSize { o, size } => put_set_size(out, o, last, *size),
        Change::Remove { o } => put_remove(out, o, last),
        Change::SetXattr { o, name, value } => put_xattr(out, o, last, name, value),
        Change::RemoveXattr { o, name } => put_remove_xattr(out, o, last, name),
        Change::OmapSet { o, pairs } => put_omap_set(out, o, last, pairs),
        Change::OmapRemove { o, keys } => put_omap_remove(out, o, last, keys),
        Change::OmapRemoveRange { o, first, last: bound } => {
            put_omap_remove_range(out, o, last, first, bound)
        }
        Change::OmapClear { o } => put_omap_clear(out, o, last),
        Change::OmapSetHeader { o, header } => put_omap_header(out, o, last, header),
        Change::Clone { from, to } => put_clone(out, from, to, last),
        &Change::CloneRange { ref from, ref to, from_block, to_block, blocks, end } => {
            let range = ClonedBlocks { from_block, to_block, blocks, end };
            put_clone_range(out, from, to, last, range)
        }
        Change::Move { to, moves } => put_move(out, *to, moves),
        Change::Collect { steps } => put_collect(out, *steps),
    }
}
