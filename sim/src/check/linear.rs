//! Is a history of operations on one object linearizable (Herlihy and Wing, 1990)?
//!
//! Searches for an order that respects real time, as Wing and Gong (1993) describe, and remembers
//! which sets of operations have led nowhere (Lowe, 2017). Histories are cut short enough for that.

use std::collections::BTreeSet;
use types::time::Instant;

/// Operations that one history may have: they are a set of bits.
pub const OPERATIONS_MAX: usize = 128;

/// Content of an object: the tag of its last write, or `None` when it is not there.
pub type Content = Option<u64>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Write(u64),
    Remove,
    Read(Content),
}

#[derive(Debug, Clone)]
pub struct Operation {
    pub client: u32,
    pub action: Action,
    pub called: Instant,
    /// `None`: no answer came; it may have taken effect, at any time since, or not.
    pub returned: Option<Instant>,
}

/// Why a history cannot be: the operations that fit in some order, and those that fit after none.
#[derive(Debug)]
pub struct Violation {
    pub placed: Vec<Operation>,
    pub stuck: Vec<Operation>,
}

/// Checks one object's history, which begins with the object missing. Reads without an answer say
/// nothing and must be left out by the caller.
pub fn check(history: &[Operation]) -> Result<(), Violation> {
    assert!(history.len() <= OPERATIONS_MAX, "history of {} operations", history.len());
    let all_answered: u128 = (0..history.len())
        .filter(|i| history[*i].returned.is_some())
        .fold(0, |set, i| set | 1 << i);
    let mut seen: BTreeSet<(u128, Content)> = BTreeSet::new();
    let mut best: u128 = 0;
    let mut stack: Vec<(u128, Content)> = vec![(0, None)];
    while let Some((done, content)) = stack.pop() {
        if done & all_answered == all_answered {
            return Ok(());
        }
        if !seen.insert((done, content)) {
            continue;
        }
        if (done & all_answered).count_ones() > (best & all_answered).count_ones() {
            best = done;
        }
        let open = (0..history.len()).filter(|i| done & (1 << i) == 0);
        // Nothing may come after an operation that was answered before it was called.
        let horizon = open.clone().filter_map(|i| history[i].returned).min();
        for i in open {
            let op = &history[i];
            if horizon.is_some_and(|h| op.called > h) {
                continue;
            }
            let next = match op.action {
                Action::Write(tag) => Some(Some(tag)),
                Action::Remove => Some(None),
                Action::Read(read) => (read == content).then_some(content),
            };
            if let Some(next) = next {
                stack.push((done | 1 << i, next));
            }
        }
    }
    let pick = |in_set: bool| {
        let chosen = |i: &usize| (best & (1 << i) != 0) == in_set;
        (0..history.len()).filter(chosen).map(|i| history[i].clone()).collect()
    };
    Err(Violation { placed: pick(true), stuck: pick(false) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(action: Action, called: u64, returned: u64) -> Operation {
        let returned = (returned > 0).then_some(Instant(returned));
        Operation { client: 0, action, called: Instant(called), returned }
    }
    use Action::{Read, Remove, Write};

    #[test]
    fn reads_see_the_latest_acknowledged_write() {
        assert!(check(&[op(Write(1), 1, 2), op(Read(Some(1)), 3, 4)]).is_ok());
        assert!(check(&[op(Write(1), 1, 2), op(Read(None), 3, 4)]).is_err());
        assert!(check(&[op(Write(1), 1, 5), op(Read(None), 3, 4)]).is_ok());
        assert!(check(&[op(Write(1), 1, 2), op(Remove, 3, 4), op(Read(Some(1)), 5, 6)]).is_err());
    }

    #[test]
    fn a_read_may_not_go_back() {
        let new_then_old = [
            op(Write(1), 1, 2),
            op(Write(2), 3, 20),
            op(Read(Some(2)), 4, 5),
            op(Read(Some(1)), 6, 7),
        ];
        assert!(check(&new_then_old).is_err());
        let old_then_new = [
            op(Write(1), 1, 2),
            op(Write(2), 3, 20),
            op(Read(Some(1)), 4, 5),
            op(Read(Some(2)), 6, 7),
        ];
        assert!(check(&old_then_new).is_ok());
    }

    #[test]
    fn an_unanswered_write_may_take_effect_late_or_never() {
        let late = [op(Write(1), 1, 0), op(Read(None), 2, 3), op(Read(Some(1)), 4, 5)];
        assert!(check(&late).is_ok());
        let never = [op(Write(1), 1, 0), op(Read(None), 2, 3)];
        assert!(check(&never).is_ok());
        let flicker = [op(Write(1), 1, 0), op(Read(Some(1)), 2, 3), op(Read(None), 4, 5)];
        assert!(check(&flicker).is_err());
    }
}
