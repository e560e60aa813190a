//! Clients that write, change, copy, read and remove objects, and remember what they were told.
//!
//! Data, xattr and omap of an object name the same tags, so that one read shows a write that was
//! torn, lost in part or applied twice. The requests and how an answer is understood are in
//! [`content`].

mod content;

use crate::chance::Chance;
use crate::check::linear::{Action, OPERATIONS_MAX, Operation, State};
use client::{ClientConfig, ClientNode, Completion, OpSpec, Request, RequestId};
use messenger::messages::Op;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use types::PoolId;
use types::node::{Effect, Input, Node};
use types::time::{Instant, Now};

/// Operations that one client has under way.
const DEPTH: usize = 4;
/// The last look at an object finds room in its history.
const OPERATIONS_KEPT: usize = 2;
/// Objects that are written once and copied from.
const SOURCES: std::ops::Range<u32> = 1_000_000..1_000_003;
const POLL: Duration = Duration::from_millis(500);

/// What a world's clients do.
#[derive(Debug, Clone, Copy)]
pub struct Habits {
    /// Objects in use at a time.
    pub objects: u32,
    /// Longest piece of data, bytes.
    pub bytes_max: u64,
    /// Longest rest between operations.
    pub rest_max: Duration,
    /// Reads may fail with EIO.
    pub read_errors: bool,
    /// The devices may be full: writes may fail with ENOSPC.
    pub full: bool,
}

/// How far the last look at everything has come, once the world is whole again.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum LastLook {
    #[default]
    NotYet,
    Wanted,
    /// Some objects are removed, the others read.
    Reading,
    /// A write is tried until there is room for it.
    Writing,
    Done,
}

/// Operations of all clients, per object.
#[derive(Debug, Default)]
pub struct History {
    pub objects: BTreeMap<u32, Vec<Operation>>,
    /// What no order of operations could explain.
    pub anomalies: Vec<String>,
    pub answered: u64,
    /// Answers of ENOSPC, and of EIO to reads.
    pub refused: u64,
    pub last_look: LastLook,
    /// Objects that can be copied from, and what they hold.
    sources: Vec<(u32, u64)>,
    /// Generation of each object in use: a full history ends with its object.
    generations: BTreeMap<u32, u32>,
    next_tag: u64,
}

impl History {
    fn tag(&mut self) -> u64 {
        self.next_tag += 1;
        self.next_tag
    }
    pub fn pending(&self) -> usize {
        self.objects.values().flatten().filter(|o| o.returned.is_none()).count()
    }
}

type Fx = Vec<Effect<<ClientNode as Node>::Hop>>;
pub type SharedHistory = Rc<RefCell<History>>;

pub struct Workload {
    id: u32,
    client: ClientNode,
    chance: Chance,
    history: SharedHistory,
    habits: Habits,
    pool_name: String,
    pool: Option<PoolId>,
    connect: Option<RequestId>,
    find: Option<RequestId>,
    under_way: BTreeMap<RequestId, (u32, usize)>,
    /// Space is to be freed by so many removals before the next write.
    to_remove: u32,
    /// No new operations are begun after it.
    pub until: Instant,
    next_begin: Instant,
    next_poll: Instant,
}

impl Workload {
    pub fn new(
        id: u32,
        config: ClientConfig,
        pool_name: &str,
        habits: Habits,
        until: Instant,
        history: SharedHistory,
        mut chance: Chance,
    ) -> Self {
        Self {
            id,
            client: ClientNode::new(config, chance.seed()),
            chance,
            history,
            habits,
            pool_name: pool_name.to_owned(),
            pool: None,
            connect: None,
            find: None,
            under_way: BTreeMap::new(),
            to_remove: 0,
            until,
            next_begin: Instant::ZERO,
            next_poll: Instant::ZERO,
        }
    }

    fn begin(&mut self, now: Now, fx: &mut Fx) {
        if now.mono >= self.until {
            self.next_begin = Instant::NEVER;
        }
        if now.mono < self.next_begin || self.pool.is_none() {
            return;
        }
        while self.under_way.len() < DEPTH {
            let Some((object, action, ops)) = self.choose() else { break };
            self.send(now, object, action, ops, fx);
        }
        let rest = self.habits.rest_max.as_micros() as u64;
        self.next_begin = now.mono + Duration::from_micros(self.chance.within(1_000..rest));
    }

    /// The next operation.
    fn choose(&mut self) -> Option<(u32, Action, Vec<Op>)> {
        let history = self.history.clone();
        let mut history = history.borrow_mut();
        if self.to_remove > 0 {
            self.to_remove -= 1;
            let all: Vec<u32> = history
                .objects
                .iter()
                .filter(|(o, h)| !SOURCES.contains(o) && h.len() < OPERATIONS_MAX - 1)
                .map(|(o, _)| *o)
                .collect();
            if !all.is_empty() {
                return Some((*self.chance.pick(&all), Action::Remove, vec![Op::delete()]));
            }
        }
        let slot = self.chance.within(0..self.habits.objects as u64) as u32;
        let generation = history.generations.entry(slot).or_default();
        let mut object = slot + *generation * self.habits.objects;
        let len = |h: &History, o| h.objects.get(&o).map_or(0, Vec::len);
        if len(&history, object) >= OPERATIONS_MAX - OPERATIONS_KEPT {
            *history.generations.entry(slot).or_default() += 1;
            object += self.habits.objects;
        }
        let bytes = self.chance.within(8..self.habits.bytes_max);
        let last = history.objects.get(&object).and_then(|h| h.iter().rev().find_map(last_tag));
        Some(match (self.chance.within(0..20), last) {
            (0..2, _) => (object, Action::Remove, vec![Op::delete()]),
            (2..7, _) => {
                let tag = history.tag();
                let ops = content::write(tag, bytes, self.chance.once_in(2));
                (object, Action::Write(tag), ops)
            }
            (7..9, _) => {
                let tag = history.tag();
                (object, Action::Append(tag), content::append(tag, bytes / 4 + 8))
            }
            (9..11, Some(expected)) => {
                let tag = history.tag();
                let ops = content::swap(expected, tag, bytes);
                (object, Action::Swap { expected, tag }, ops)
            }
            (11, _) if !history.sources.is_empty() => {
                let (source, tag) = *self.chance.pick(&history.sources);
                let pool = self.pool.expect("operations begin when the pool is known");
                (object, Action::Write(tag), content::copy(pool, &name(source)))
            }
            _ => {
                let room = |o: &u32| len(&history, *o) < OPERATIONS_MAX - OPERATIONS_KEPT;
                if self.chance.once_in(10)
                    && let Some((source, _)) = history.sources.first().filter(|(o, _)| room(o))
                {
                    object = *source;
                }
                (object, Action::Read(None), content::read())
            }
        })
    }

    fn send(&mut self, now: Now, object: u32, action: Action, ops: Vec<Op>, fx: &mut Fx) {
        let Some(pool) = self.pool else { return };
        let mut history = self.history.borrow_mut();
        let list = history.objects.entry(object).or_default();
        list.push(Operation::new(self.id, action, now.mono));
        let index = list.len() - 1;
        drop(history);
        let spec = OpSpec::new(pool, "", &name(object), ops);
        let request = self.client.submit(now, Request::Op(spec), fx);
        self.under_way.insert(request, (object, index));
    }

    /// Client 0 writes what the others copy from.
    fn write_sources(&mut self, now: Now, fx: &mut Fx) {
        if self.id != 0 {
            return;
        }
        for object in SOURCES {
            let tag = self.history.borrow_mut().tag();
            let bytes = self.chance.within(8..self.habits.bytes_max);
            self.send(now, object, Action::Write(tag), content::write(tag, bytes, false), fx);
        }
    }

    /// Client 0 looks at every object when the world is whole again; where devices have been full it
    /// also removes half of them and then writes.
    fn look(&mut self, now: Now, fx: &mut Fx) {
        if self.id != 0 || now.mono < self.next_poll || self.pool.is_none() {
            return;
        }
        self.next_poll = now.mono + POLL;
        let stage = self.history.borrow().last_look;
        let next = match stage {
            LastLook::Wanted => {
                let all: Vec<u32> = self.history.borrow().objects.keys().copied().collect();
                for object in all {
                    // Copies of the sources may still be on their way.
                    if self.habits.full && object % 2 == 0 && !SOURCES.contains(&object) {
                        self.send(now, object, Action::Remove, vec![Op::delete()], fx);
                    } else {
                        self.send(now, object, Action::Read(None), content::read(), fx);
                    }
                }
                LastLook::Reading
            }
            LastLook::Reading if self.under_way.is_empty() => {
                // A few more tries than a history has places would not tell more.
                let tries = self.history.borrow().objects.get(&u32::MAX).map_or(0, Vec::len);
                if tries == OPERATIONS_MAX {
                    return;
                }
                let tag = self.history.borrow_mut().tag();
                let ops = content::write(tag, self.habits.bytes_max, false);
                self.send(now, u32::MAX, Action::Write(tag), ops, fx);
                LastLook::Writing
            }
            LastLook::Writing if self.under_way.is_empty() => {
                let history = self.history.borrow();
                let tried = history.objects.get(&u32::MAX).expect("it was written");
                if tried.last().is_some_and(|o| o.refused) {
                    LastLook::Reading
                } else {
                    LastLook::Done
                }
            }
            other => other,
        };
        self.history.borrow_mut().last_look = next;
    }

    fn collect(&mut self, now: Now, fx: &mut Fx) {
        let done: Vec<_> = self.client.take_completions().collect();
        for (request, completion) in done {
            if Some(request) == self.connect {
                match completion {
                    Completion::Connected { .. } => {
                        let name = self.pool_name.clone();
                        self.find = Some(self.client.submit(now, Request::FindPool { name }, fx));
                    }
                    // The cluster was not there yet: begin again.
                    _ => self.connect = Some(self.client.submit(now, Request::Connect, fx)),
                }
            } else if Some(request) == self.find {
                match completion {
                    Completion::Pool(id) => {
                        self.pool = Some(id);
                        self.write_sources(now, fx);
                    }
                    other => {
                        let text = format!("client {}: no pool: {other:?}", self.id);
                        self.history.borrow_mut().anomalies.push(text);
                    }
                }
            } else if let Some((object, index)) = self.under_way.remove(&request) {
                self.answered(now, object, index, completion);
            }
        }
    }

    fn answered(&mut self, now: Now, object: u32, index: usize, completion: Completion) {
        let mut history = self.history.borrow_mut();
        let history = &mut *history;
        history.answered += 1;
        let operation = &mut history.objects.get_mut(&object).expect("it was begun")[index];
        operation.returned = Some(now.mono);
        match content::understand(operation.action, &completion, &self.habits) {
            Ok(None) => {
                operation.refused = true;
                history.refused += 1;
                self.to_remove = 8 * u32::from(self.habits.full);
            }
            Ok(Some(action)) => {
                if SOURCES.contains(&object)
                    && let Action::Write(tag) = action
                {
                    history.sources.push((object, tag));
                }
                operation.action = action;
            }
            Err(text) => {
                let text = format!("client {}, {}: {text}", self.id, name(object));
                history.anomalies.push(text);
            }
        }
    }
}

fn name(object: u32) -> String {
    format!("object{object}")
}

/// The tag that the object had last, as far as this operation tells.
fn last_tag(operation: &Operation) -> Option<u64> {
    match operation.action {
        Action::Write(tag) | Action::Append(tag) | Action::Swap { tag, .. } => Some(tag),
        Action::Read(Some(State { last, .. })) => Some(last),
        _ => None,
    }
}

impl Node for Workload {
    type Hop = <ClientNode as Node>::Hop;
    fn handle(&mut self, now: Now, input: Input<Self::Hop>, fx: &mut Fx) {
        let start = matches!(input, Input::Start);
        self.client.handle(now, input, fx);
        if start {
            self.connect = Some(self.client.submit(now, Request::Connect, fx));
        }
    }
    fn end_of_turn(&mut self, now: Now, fx: &mut Fx) {
        self.client.end_of_turn(now, fx);
        self.collect(now, fx);
        self.begin(now, fx);
        self.look(now, fx);
        // What was begun just now goes out in this turn too.
        self.client.end_of_turn(now, fx);
    }
    fn next_deadline(&self) -> Instant {
        let ready = self.pool.is_some();
        let begins = ready && self.under_way.len() < DEPTH && self.next_begin < self.until;
        let begin = if begins { self.next_begin } else { Instant::NEVER };
        let poll = if ready && self.id == 0 { self.next_poll } else { Instant::NEVER };
        self.client.next_deadline().min(begin).min(poll)
    }
}
