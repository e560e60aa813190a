//! All objects in order, page by page, past damage: for tools, on a store that takes no transactions.

use crate::check::Finding;
use crate::check::walk::{Visit, Walk};
use crate::event::{ObjectInfo, ReadError};
use crate::key;
use crate::onode::OnodeRef;
use crate::page::PageKind;
use crate::pages::PageId;
use crate::store::{Miss, MissKind, Store};
use crate::txn::ObjectName;
use std::collections::BTreeMap;
use types::HObject;

/// Pages asked for together.
const AHEAD: usize = 32;

/// What [`Store::scan_step`] came to.
#[derive(Debug)]
pub enum Scanned {
    /// The next objects, in order.
    Objects(Vec<(ObjectName, ObjectInfo)>),
    /// Have all of these fetched, tell [`ObjectScan::failed`] of those that cannot be, and go on.
    Fetch(Vec<Miss>),
    /// The objects that would come here cannot be read.
    Lost(Finding),
    Done,
}

/// A scan under way.
pub struct ObjectScan {
    walk: Walk,
    bad: BTreeMap<PageId, ReadError>,
    start: Vec<u8>,
    end: Vec<u8>,
}

impl ObjectScan {
    /// Of the objects with `start <= name < end`.
    pub fn new(store: &Store, start: &HObject, end: &HObject) -> Self {
        let (start, end) = (key::encode_name(start), key::encode_name(end));
        let walk = Walk::within(store.meta.onodes, start.clone(), end.clone());
        Self { walk, bad: BTreeMap::new(), start, end }
    }
    /// What [`Scanned::Fetch`] asked for cannot be read.
    pub fn failed(&mut self, miss: &Miss, error: ReadError) {
        if let MissKind::Page(id) | MissKind::Corrupt(id) = miss.0 {
            self.bad.insert(id, error);
        }
    }
}

impl Store {
    /// Goes on with a scan. Reads may come between its steps, transactions and turns may not.
    pub fn scan_step(&self, scan: &mut ObjectScan) -> Scanned {
        loop {
            let visit = match scan.walk.next(&self.meta.pager, &scan.bad, None, AHEAD) {
                Ok(visit) => visit,
                Err(pages) => {
                    let misses = pages.into_iter().map(|id| Miss(MissKind::Page(id)));
                    return Scanned::Fetch(misses.collect());
                }
            };
            match visit {
                None => return Scanned::Done,
                Some(Visit::Lost { id, why, .. }) => {
                    return Scanned::Lost(self.lost_page(PageKind::Onode, id, &why));
                }
                Some(Visit::Page { page, .. }) if page.level() == 0 => {
                    let mut found = Vec::new();
                    for i in 0..page.len() {
                        let name = page.key(i);
                        if name < &scan.start[..] || name >= &scan.end[..] {
                            continue;
                        }
                        let Ok(o) = key::decode_name(name) else { continue };
                        let onode = OnodeRef::stored(page.value(i));
                        let info = ObjectInfo {
                            size: onode.size(),
                            xattr_count: onode.xattr_count() as usize,
                            omap_count: onode.omap_count() as usize,
                            omap_header_bytes: onode.omap_header_bytes() as usize,
                        };
                        found.push((o.into(), info));
                    }
                    if !found.is_empty() {
                        return Scanned::Objects(found);
                    }
                }
                Some(Visit::Page { .. }) => {}
            }
        }
    }
}
