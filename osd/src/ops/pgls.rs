//! PG listing: pgnls (and the older pgls) answers the objects of one PG in hobject order, a bounded
//! number per request, with a cursor to go on from (ceph-wire.md 7.6).

use super::op::{Op, OpCode};
use super::{Limits, OpOutcome, Piece, errno};
use seastore::Miss;
use types::enc::{Decode, Encode, Reader, versioned};
use types::{HObject, SnapId};

/// Lists the objects of one PG.
pub trait Lister {
    /// Visits the heads of the PG's objects in hobject order, from the first one that is >= `from`,
    /// until `visit` returns false or the PG's range ends. Meta objects of the PG (empty names) and
    /// objects of other PGs are left out. Some may have been visited before a miss.
    fn scan(&self, from: &HObject, visit: &mut dyn FnMut(&HObject) -> bool) -> Result<(), Miss>;
    /// The first position after the PG's objects: the start of the next PG's range, or
    /// [`HObject::max`].
    fn end(&self) -> HObject;
}

/// Namespace that stands for all of them (`LIBRADOS_ALL_NSPACES`).
pub const ALL_NSPACES: &str = "\u{1}";

/// Executes one PG op for a client whose locator names `nspace`. Result 1: the PG is exhausted.
///
/// Looks at no more than [`Limits::pgls_entries_max`] objects, so an answer may hold few or none of
/// a namespace and yet not be the last. After a miss it runs again from the start.
pub fn execute(
    op: &Op,
    nspace: &str,
    lister: &dyn Lister,
    limits: &Limits,
) -> Result<OpOutcome, Miss> {
    let fail = |rval| Ok(OpOutcome { rval, output: Vec::new() });
    let with_nspace = op.code == OpCode::PGNLS;
    if !with_nspace && op.code != OpCode::PGLS {
        return fail(errno::EOPNOTSUPP);
    }
    let mut input = Reader::new(&op.input);
    let Ok(from) = HObject::decode(&mut input) else {
        return fail(errno::EINVAL);
    };
    let end = lister.end();
    if !from.max && from >= end {
        return fail(errno::EINVAL);
    }
    let wanted = u64::from_le_bytes(op.args[..8].try_into().expect("8 bytes of 28"));
    let count_max = wanted.min(limits.pgls_entries_max) as usize;

    let mut entries: Vec<HObject> = Vec::new();
    let (mut seen, mut next) = (0, None);
    let mut visit = |object: &HObject| {
        if entries.len() == count_max || seen == limits.pgls_entries_max {
            next = Some(object.clone());
            return false;
        }
        seen += 1;
        let ours = object.nspace == nspace || (with_nspace && nspace == ALL_NSPACES);
        if object.snap == SnapId::HEAD && ours {
            entries.push(object.clone());
        }
        true
    };
    if !from.max {
        lister.scan(&from, &mut visit)?;
    }
    let exhausted = next.is_none();
    let mut out = Vec::new();
    versioned(&mut out, 1, 1, |out| {
        next.unwrap_or(if with_nspace { end } else { HObject::max() }).encode(out);
        (entries.len() as u32).encode(out);
        for entry in &entries {
            if with_nspace {
                entry.nspace.encode(out);
            }
            entry.name.encode(out);
            entry.key.encode(out);
        }
    });
    Ok(OpOutcome { rval: exhausted as i32, output: vec![Piece::Bytes(out.into())] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use messenger::messages::op::ListReply;
    use std::collections::BTreeSet;
    use types::PoolId;

    struct Objects(BTreeSet<HObject>);
    impl Lister for Objects {
        fn scan(
            &self,
            from: &HObject,
            visit: &mut dyn FnMut(&HObject) -> bool,
        ) -> Result<(), Miss> {
            let _ = self.0.range(from..).all(visit);
            Ok(())
        }
        fn end(&self) -> HObject {
            HObject::lower_bound(PoolId(2), 0)
        }
    }

    fn reply(outcome: &OpOutcome) -> ListReply {
        let [Piece::Bytes(bytes)] = &outcome.output[..] else { panic!("one piece") };
        ListReply::from_slice(bytes).unwrap()
    }

    /// Walks the PG with `count` per request and returns what it saw, in order.
    fn walk(objects: &Objects, nspace: &str, count: u64, limits: &Limits) -> Vec<String> {
        let (mut cursor, mut names) = (HObject::min(), Vec::new());
        loop {
            let outcome = execute(&Op::pgnls(count, 1, &cursor), nspace, objects, limits).unwrap();
            let page = reply(&outcome);
            assert!(page.entries.len() as u64 <= count);
            names.extend(page.entries.iter().map(|e| format!("{}/{}", e.nspace, e.name)));
            if outcome.rval == 1 {
                assert_eq!(page.next, objects.end());
                return names;
            }
            assert!(page.next > cursor, "every answer moves on");
            cursor = page.next;
        }
    }

    #[test]
    fn every_object_is_listed_once_whatever_the_page_size() {
        let all: BTreeSet<HObject> = (0..50)
            .map(|i| {
                HObject::head(PoolId(1), if i % 3 == 0 { "n" } else { "" }, "", &format!("o{i}"))
            })
            .collect();
        let objects = Objects(all);
        for (nspace, count) in [("", 33), ("n", 17), (ALL_NSPACES, 50), ("none", 0)] {
            let whole = walk(&objects, nspace, 1000, &Limits::default());
            assert_eq!(whole.len(), count);
            for page in [1, 7, 50] {
                assert_eq!(walk(&objects, nspace, page, &Limits::default()), whole);
            }
            let limits = Limits { pgls_entries_max: 4, ..Limits::default() };
            assert_eq!(walk(&objects, nspace, 1000, &limits), whole);
        }
    }

    #[test]
    fn cursors_from_elsewhere_are_refused() {
        let objects = Objects(BTreeSet::new());
        let run = |cursor: &HObject| {
            execute(&Op::pgnls(10, 1, cursor), "", &objects, &Limits::default()).unwrap()
        };
        assert_eq!(run(&HObject::lower_bound(PoolId(2), 5)).rval, errno::EINVAL);
        assert_eq!(run(&HObject::max()).rval, 1);
        let mut garbled = Op::pgnls(10, 1, &HObject::min());
        garbled.input = garbled.input.slice(..20);
        let outcome = execute(&garbled, "", &objects, &Limits::default()).unwrap();
        assert_eq!(outcome.rval, errno::EINVAL);
    }
}
