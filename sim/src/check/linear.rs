//! Is a history of operations on one object linearizable (Herlihy and Wing, 1990)?
//!
//! Searches for an order that respects real time, as Wing and Gong (1993) describe, and remembers
//! which sets of operations have led nowhere (Lowe, 2017). Histories are cut short enough for that.

use std::collections::BTreeSet;
use std::fmt;
use types::time::Instant;

/// Operations that one history may have: they are a set of bits.
pub const OPERATIONS_MAX: usize = 128;

/// What an object holds: all tags that were put into it, folded, and the last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct State {
    pub fold: u64,
    pub last: u64,
}

impl State {
    pub fn new(tag: u64) -> Self {
        Self { fold: 0, last: 0 }.and(tag)
    }
    pub fn and(self, tag: u64) -> Self {
        let fold = (self.fold.rotate_left(17) ^ tag).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self { fold, last: tag }
    }
}

/// Content of an object, or `None` when it is not there.
pub type Content = Option<State>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Replaces whatever was there.
    Write(u64),
    Append(u64),
    /// Replaces what has this last tag, and nothing else.
    Swap {
        expected: u64,
        tag: u64,
    },
    /// A swap that was refused: the last tag was another.
    Differs(u64),
    Remove,
    Read(Content),
}

impl Action {
    /// What the object holds after it; `None` if it cannot take place on `content`.
    fn on(self, content: Content) -> Option<Content> {
        let last = content.map(|c| c.last);
        match self {
            Self::Write(tag) => Some(Some(State::new(tag))),
            Self::Append(tag) => Some(Some(content.map_or(State::new(tag), |c| c.and(tag)))),
            Self::Swap { expected, tag } => {
                (last == Some(expected)).then_some(Some(State::new(tag)))
            }
            Self::Differs(expected) => (last != Some(expected)).then_some(content),
            Self::Remove => Some(None),
            Self::Read(read) => (read == content).then_some(content),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Operation {
    pub client: u32,
    pub action: Action,
    pub called: Instant,
    /// `None`: no answer came; it may have taken effect, at any time since, or not.
    pub returned: Option<Instant>,
    /// The answer was that there is no room, or that a read failed: as good as none. A request that
    /// was sent twice may be refused once and carried out once.
    pub refused: bool,
}

impl Operation {
    pub fn new(client: u32, action: Action, called: Instant) -> Self {
        Self { client, action, called, returned: None, refused: false }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |at: Instant| at.0 as f64 / 1e9;
        write!(f, "{:11.6} to ", seconds(self.called))?;
        match self.returned {
            Some(at) => write!(f, "{:11.6}", seconds(at))?,
            None => write!(f, "no answer  ")?,
        }
        write!(f, " client {} {:?}", self.client, self.action)
    }
}

/// Why a history cannot be: the operations that fit in some order, and those that fit after none.
#[derive(Debug)]
pub struct Violation {
    pub placed: Vec<Operation>,
    pub stuck: Vec<Operation>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "these fit in some order:")?;
        self.placed.iter().try_for_each(|op| write!(f, "\n  {op}"))?;
        write!(f, "\nand after them none of these:")?;
        self.stuck.iter().try_for_each(|op| write!(f, "\n  {op}"))
    }
}

/// Checks one object's history, which begins with the object missing.
pub fn check(history: &[Operation]) -> Result<(), Violation> {
    // An unanswered read says nothing.
    let told =
        |o: &&Operation| !o.refused && o.returned.is_some() || !matches!(o.action, Action::Read(_));
    let known =
        |o: &Operation| Operation { returned: o.returned.filter(|_| !o.refused), ..o.clone() };
    search(&history.iter().filter(told).map(known).collect::<Vec<_>>())
}

fn search(history: &[Operation]) -> Result<(), Violation> {
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
            let next = op.action.on(content);
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
        Operation { returned, ..Operation::new(0, action, Instant(called)) }
    }
    use Action::{Append, Differs, Remove, Swap, Write};

    #[expect(non_snake_case, reason = "stands beside the other actions")]
    fn Read(tag: Option<u64>) -> Action {
        Action::Read(tag.map(State::new))
    }

    #[test]
    fn appends_and_swaps_are_seen_in_order() {
        let both = State::new(1).and(2);
        let appended =
            [op(Write(1), 1, 2), op(Append(2), 3, 4), op(Action::Read(Some(both)), 5, 6)];
        assert!(check(&appended).is_ok());
        assert!(
            check(&[op(Write(1), 1, 2), op(Append(2), 3, 4), op(Read(Some(2)), 5, 6)]).is_err()
        );
        let swap = Swap { expected: 1, tag: 3 };
        assert!(check(&[op(Write(1), 1, 2), op(swap, 3, 4), op(Read(Some(3)), 5, 6)]).is_ok());
        assert!(check(&[op(Write(2), 1, 2), op(swap, 3, 4)]).is_err());
        assert!(check(&[op(Write(1), 1, 2), op(Differs(1), 3, 4)]).is_err());
        assert!(check(&[op(Write(1), 1, 2), op(Differs(2), 3, 4)]).is_ok());
    }

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
    fn a_refusal_is_no_answer() {
        let refused = |action| Operation { refused: true, ..op(action, 1, 2) };
        assert!(check(&[refused(Write(1)), op(Read(None), 3, 4)]).is_ok());
        assert!(check(&[refused(Write(1)), op(Read(Some(1)), 3, 4)]).is_ok());
        assert!(check(&[refused(Read(Some(1))), op(Read(None), 3, 4)]).is_ok());
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
