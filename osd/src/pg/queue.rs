//! Order of operations per object. Start with [`ObjectQueues`].
//!
//! Writes of one object follow each other without waiting; a read waits until every write before it
//! is durable on all acting members, so that it never shows what a crash could take back; and what
//! comes after a waiting read waits behind it. Objects are told apart by placement hash: two that
//! share one only wait for each other needlessly.

use std::collections::{BTreeMap, VecDeque};

#[derive(Debug)]
struct Slot<T> {
    writes: u32,
    /// An operation waits for data from the device and will run again.
    held: bool,
    waiting: VecDeque<(bool, T)>,
}

#[derive(Debug)]
pub struct ObjectQueues<T> {
    slots: BTreeMap<u32, Slot<T>>,
    waiting: usize,
}

impl<T> Default for ObjectQueues<T> {
    fn default() -> Self {
        Self { slots: BTreeMap::new(), waiting: 0 }
    }
}

impl<T> ObjectQueues<T> {
    /// Gives `op` back if it may run now, else keeps it.
    pub fn admit(&mut self, hash: u32, is_write: bool, op: T) -> Option<T> {
        let Some(slot) = self.slots.get_mut(&hash) else { return Some(op) };
        if !slot.held && slot.waiting.is_empty() && (is_write || slot.writes == 0) {
            return Some(op);
        }
        slot.waiting.push_back((is_write, op));
        self.waiting += 1;
        None
    }
    fn slot(&mut self, hash: u32) -> &mut Slot<T> {
        self.slots.entry(hash).or_insert_with(|| Slot {
            writes: 0,
            held: false,
            waiting: VecDeque::new(),
        })
    }
    pub fn write_started(&mut self, hash: u32) {
        self.slot(hash).writes += 1;
    }
    pub fn write_done(&mut self, hash: u32) {
        let slot = self.slots.get_mut(&hash).expect("a write that ends has started");
        slot.writes -= 1;
        self.tidy(hash);
    }
    /// Nothing of this object runs until [`ObjectQueues::release`].
    pub fn hold(&mut self, hash: u32) {
        self.slot(hash).held = true;
    }
    pub fn release(&mut self, hash: u32) {
        if let Some(slot) = self.slots.get_mut(&hash) {
            slot.held = false;
            self.tidy(hash);
        }
    }
    /// Ends a hold for the operation that held: it runs next, before what waits.
    pub fn unhold(&mut self, hash: u32) {
        self.release(hash);
    }
    /// The next operation of this object that may run, if any.
    pub fn next(&mut self, hash: u32) -> Option<T> {
        let slot = self.slots.get_mut(&hash)?;
        let (is_write, _) = slot.waiting.front()?;
        if slot.held || (!is_write && slot.writes > 0) {
            return None;
        }
        let (_, op) = slot.waiting.pop_front().expect("the queue has a front");
        self.waiting -= 1;
        self.tidy(hash);
        Some(op)
    }
    fn tidy(&mut self, hash: u32) {
        if self.slots.get(&hash).is_some_and(|s| s.writes == 0 && !s.held && s.waiting.is_empty()) {
            self.slots.remove(&hash);
        }
    }
    /// Forgets everything; returns the operations that waited.
    pub fn drain(&mut self) -> Vec<T> {
        self.waiting = 0;
        let slots = std::mem::take(&mut self.slots);
        slots.into_values().flat_map(|s| s.waiting).map(|(_, op)| op).collect()
    }
    /// What waits, object by object, each in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.values().flat_map(|slot| &slot.waiting).map(|(_, op)| op)
    }
    pub fn waiting(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_wait_for_writes_and_writes_do_not() {
        let mut q = ObjectQueues::default();
        assert_eq!(q.admit(1, true, "w1"), Some("w1"));
        q.write_started(1);
        assert_eq!(q.admit(1, true, "w2"), Some("w2"));
        q.write_started(1);
        assert_eq!(q.admit(1, false, "r1"), None);
        assert_eq!(q.admit(1, true, "w3"), None, "order is kept behind a waiting read");
        assert_eq!(q.admit(2, false, "other"), Some("other"));
        q.write_done(1);
        assert_eq!(q.next(1), None);
        q.write_done(1);
        assert_eq!(q.next(1), Some("r1"));
        assert_eq!(q.next(1), Some("w3"));
        assert_eq!(q.next(1), None);
        assert_eq!(q.waiting(), 0);
    }

    #[test]
    fn a_held_object_runs_nothing() {
        let mut q = ObjectQueues::default();
        q.hold(1);
        assert_eq!(q.admit(1, true, "w"), None);
        assert_eq!(q.next(1), None);
        q.release(1);
        assert_eq!(q.next(1), Some("w"));
        assert!(q.slots.is_empty());
    }
}
