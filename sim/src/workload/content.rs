//! The requests of the workload, and what their answers say.

use super::Habits;
use crate::check::linear::{Action, Content, State};
use bytes::Bytes;
use client::{Completion, OpReply};
use messenger::messages::Op;
use std::collections::{BTreeMap, BTreeSet};
use types::enc::{Decode, Reader};
use types::{ObjectLocator, PoolId};

const ENOENT: i32 = -2;
const EIO: i32 = -5;
const ENOSPC: i32 = -28;
const ENODATA: i32 = -61;
const ECANCELED: i32 = -125;
const XATTR: &[u8] = b"tag";
/// CMPXATTR: equal, compared as strings.
const EQUAL: u8 = 1;
const STRING: u8 = 1;

/// `bytes` (at least 8, rounded down to whole tags) of one tag.
fn data(tag: u64, bytes: u64) -> Bytes {
    tag.to_le_bytes()
        .iter()
        .copied()
        .cycle()
        .take(bytes as usize / 8 * 8)
        .collect::<Vec<_>>()
        .into()
}

/// Names the tag in xattr and omap.
fn mark(tag: u64, ops: &mut Vec<Op>) {
    let key = Bytes::copy_from_slice(&tag.to_be_bytes());
    ops.push(Op::set_xattr(XATTR, &tag.to_le_bytes()));
    ops.push(Op::omap_set_vals(&[(key.clone(), key)]));
}

/// Replaces the object; `in_parts` by two writes, the end first.
pub(super) fn write(tag: u64, bytes: u64, in_parts: bool) -> Vec<Op> {
    let data = data(tag, bytes);
    // The others ask for an object that is there.
    let mut ops = vec![Op::create(false), Op::omap_clear()];
    if in_parts {
        let cut = data.len() / 3;
        ops.push(Op::truncate(0));
        ops.push(Op::write(cut as u64, data.slice(cut..)));
        ops.push(Op::write(0, data.slice(..cut)));
    } else {
        ops.push(Op::write_full(data));
    }
    mark(tag, &mut ops);
    ops
}

pub(super) fn append(tag: u64, bytes: u64) -> Vec<Op> {
    let mut ops = vec![Op::append(data(tag, bytes))];
    mark(tag, &mut ops);
    ops
}

pub(super) fn swap(expected: u64, tag: u64, bytes: u64) -> Vec<Op> {
    let mut ops = vec![Op::cmp_xattr(XATTR, EQUAL, STRING, &expected.to_le_bytes())];
    ops.extend(write(tag, bytes, false));
    ops
}

pub(super) fn copy(pool: PoolId, source: &str) -> Vec<Op> {
    vec![Op::copy_from(source, &ObjectLocator::new(pool, ""), 0)]
}

pub(super) fn read() -> Vec<Op> {
    vec![Op::read(0, 0), Op::get_xattr(XATTR), Op::omap_get_vals(b"", b"", 1000)]
}

/// What `action` was, given its answer; `None` if it was refused.
pub(super) fn understand(
    action: Action,
    completion: &Completion,
    habits: &Habits,
) -> Result<Option<Action>, String> {
    let Completion::Op(reply) = completion else {
        return Err(format!("{action:?} was answered with {completion:?}"));
    };
    match (action, reply.result) {
        (Action::Read(_), ENOENT) => Ok(Some(Action::Read(None))),
        (Action::Read(_), 0..) => Ok(Some(Action::Read(content(reply)?))),
        (_, 0) => Ok(Some(action)),
        (Action::Remove, ENOENT) => Ok(Some(Action::Read(None))),
        (Action::Swap { expected, .. }, ECANCELED | ENOENT | ENODATA) => {
            Ok(Some(Action::Differs(expected)))
        }
        (_, EIO) if habits.read_errors => Ok(None),
        (Action::Write(_) | Action::Append(_) | Action::Swap { .. }, ENOSPC) if habits.full => {
            Ok(None)
        }
        (action, result) => Err(format!("{action:?} was answered with {result}")),
    }
}

/// The tags that data, xattr and omap of one read agree on.
fn content(reply: &OpReply) -> Result<Content, String> {
    let data = reply.output(0).to_bytes();
    let xattr = reply.output(1).to_bytes();
    let omap = reply.output(2).to_bytes();
    let omap: BTreeMap<Bytes, Bytes> =
        BTreeMap::decode(&mut Reader::new(&omap)).map_err(|e| format!("omap: {e}"))?;
    let mut tags: Vec<u64> = Vec::new();
    for word in data.chunks(8) {
        let word = word.try_into().map_err(|_| format!("data of {} bytes", data.len()))?;
        let tag = u64::from_le_bytes(word);
        if tags.last() != Some(&tag) {
            tags.push(tag);
        }
    }
    let wanted: BTreeSet<Bytes> =
        tags.iter().map(|tag| Bytes::copy_from_slice(&tag.to_be_bytes())).collect();
    let last = tags.last().copied().unwrap_or_default();
    let agree = xattr[..] == last.to_le_bytes()
        && wanted.len() == tags.len()
        && omap.keys().eq(wanted.iter())
        && omap.iter().all(|(k, v)| k == v);
    if !agree {
        return Err(format!(
            "a read saw a part of a write: xattr {xattr:?}, omap {:?}, data {tags:?}",
            omap.keys()
        ));
    }
    Ok(tags
        .into_iter()
        .fold(None, |c: Content, tag| Some(c.map_or(State::new(tag), |c| c.and(tag)))))
}
