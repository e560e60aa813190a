//! PG listing: pgnls (and the older pgls) answers the objects of one PG in hobject order, a bounded
//! number per request, with a cursor to go on from (ceph-wire.md 7.6).

use super::op::{Op, OpCode};
use super::{Limits, OpOutcome, Piece, errno};
use types::enc::{Decode, Encode, Reader, versioned};
use types::{HObject, SnapId};

/// Lists the objects of one PG.
pub trait Lister {
    /// Visits the heads of the PG's objects in hobject order, from the first one that is >= `from`,
    /// until `visit` returns false or the PG's range ends. Meta objects of the PG (empty names) and
    /// objects of other PGs are left out.
    fn scan(&self, from: &HObject, visit: &mut dyn FnMut(&HObject) -> bool);
    /// The first position after the PG's objects: the start of the next PG's range, or
    /// [`HObject::max`].
    fn end(&self) -> HObject;
}

/// Namespace that stands for all of them (`LIBRADOS_ALL_NSPACES`).
pub const ALL_NSPACES: &str = "\u{1}";

/// Executes one PG op for a client whose locator names `nspace`. Result 1: the PG is exhausted.
pub fn execute(op: &Op, nspace: &str, lister: &dyn Lister, limits: &Limits) -> OpOutcome {
    let fail = |rval| OpOutcome { rval, output: Vec::new() };
    let with_nspace = op.code == OpCode::PGNLS;
    if !with_nspace && op.code != OpCode::PGLS {
        return fail(errno::EOPNOTSUPP);
    }
    let mut input = Reader::new(&op.input);
    let Ok(from) = HObject::decode(&mut input) else {
        return fail(errno::EINVAL);
    };
    let wanted = u64::from_le_bytes(op.args[..8].try_into().expect("8 bytes of 28"));
    let count_max = wanted.min(limits.pgls_entries_max) as usize;

    let mut entries: Vec<HObject> = Vec::new();
    let mut next = None;
    lister.scan(&from, &mut |object| {
        if object.snap != SnapId::HEAD || (nspace != ALL_NSPACES && object.nspace != nspace) {
            return true;
        }
        if entries.len() == count_max {
            next = Some(object.clone());
            return false;
        }
        entries.push(object.clone());
        true
    });
    let exhausted = next.is_none();
    let mut out = Vec::new();
    versioned(&mut out, 1, 1, |out| {
        next.unwrap_or_else(|| lister.end()).encode(out);
        (entries.len() as u32).encode(out);
        for entry in &entries {
            if with_nspace {
                entry.nspace.encode(out);
            }
            entry.name.encode(out);
            entry.key.encode(out);
        }
    });
    OpOutcome { rval: exhausted as i32, output: vec![Piece::Bytes(out.into())] }
}
