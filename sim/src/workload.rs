//! Clients that write, read and remove a few objects, and remember what they were told.

use crate::chance::Chance;
use crate::check::linear::{Action, Content, OPERATIONS_MAX, Operation};
use bytes::Bytes;
use client::{ClientConfig, ClientNode, Completion, OpReply, OpSpec, Request, RequestId};
use messenger::messages::Op;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use types::PoolId;
use types::enc::Decode;
use types::node::{Effect, Input, Node};
use types::time::{Instant, Now};

const ENOENT: i32 = -2;
/// Operations that one client has under way.
const DEPTH: usize = 4;
/// Bytes of an object: its tag again and again, so that a torn write shows.
const OBJECT_BYTES: std::ops::Range<u64> = 8..20_000;

/// Operations of all clients, per object.
#[derive(Debug, Default)]
pub struct History {
    pub objects: BTreeMap<u32, Vec<Operation>>,
    /// What no order of operations could explain.
    pub anomalies: Vec<String>,
    pub answered: u64,
    next_tag: u64,
}
type Fx = Vec<Effect<<ClientNode as Node>::Hop>>;
pub type SharedHistory = Rc<RefCell<History>>;

pub struct Workload {
    id: u32,
    client: ClientNode,
    chance: Chance,
    history: SharedHistory,
    objects: u32,
    pool_name: String,
    pool: Option<PoolId>,
    connect: Option<RequestId>,
    find: Option<RequestId>,
    under_way: BTreeMap<RequestId, (u32, usize, u64)>,
    /// No new operations are begun after it.
    pub until: Instant,
    next_begin: Instant,
}

impl Workload {
    pub fn new(
        id: u32,
        config: ClientConfig,
        pool_name: &str,
        objects: u32,
        until: Instant,
        history: SharedHistory,
        mut chance: Chance,
    ) -> Self {
        Self {
            id,
            client: ClientNode::new(config, chance.seed()),
            chance,
            history,
            objects,
            pool_name: pool_name.to_owned(),
            pool: None,
            connect: None,
            find: None,
            under_way: BTreeMap::new(),
            until,
            next_begin: Instant::ZERO,
        }
    }

    fn begin(&mut self, now: Now, fx: &mut Fx) {
        let Some(pool) = self.pool else { return };
        if now.mono >= self.until {
            self.next_begin = Instant::NEVER;
        }
        if now.mono < self.next_begin {
            return;
        }
        while self.under_way.len() < DEPTH {
            let object = self.chance.within(0..self.objects as u64) as u32;
            let mut history = self.history.borrow_mut();
            if history.objects.get(&object).is_some_and(|h| h.len() >= OPERATIONS_MAX) {
                break;
            }
            let (action, ops) = match self.chance.within(0..10) {
                0 => (Action::Remove, vec![Op::delete()]),
                1..6 => {
                    history.next_tag += 1;
                    let tag = history.next_tag;
                    let len = self.chance.within(OBJECT_BYTES);
                    (Action::Write(tag), write_ops(tag, len))
                }
                _ => (Action::Read(None), read_ops()),
            };
            let list = history.objects.entry(object).or_default();
            let operation = Operation { client: self.id, action, called: now.mono, returned: None };
            list.push(operation);
            let index = list.len() - 1;
            drop(history);
            let spec = OpSpec::new(pool, "", &format!("object{object}"), ops);
            let request = self.client.submit(now, Request::Op(spec), fx);
            self.under_way.insert(request, (object, index, now.mono.0));
        }
        self.next_begin = now.mono + Duration::from_millis(self.chance.within(1..60));
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
                    Completion::Pool(id) => self.pool = Some(id),
                    other => {
                        let text = format!("client {}: no pool: {other:?}", self.id);
                        self.history.borrow_mut().anomalies.push(text);
                    }
                }
            } else if let Some((object, index, _)) = self.under_way.remove(&request) {
                self.answered(now, object, index, completion);
            }
        }
    }

    fn answered(&mut self, now: Now, object: u32, index: usize, completion: Completion) {
        let mut history = self.history.borrow_mut();
        history.answered += 1;
        let operation = &mut history.objects.get_mut(&object).expect("it was begun")[index];
        let anomaly = match (operation.action, completion) {
            (Action::Write(_), Completion::Op(r)) if r.result == 0 => None,
            (Action::Remove, Completion::Op(r)) if r.result == 0 => None,
            (Action::Remove, Completion::Op(r)) if r.result == ENOENT => {
                operation.action = Action::Read(None);
                None
            }
            (Action::Read(_), Completion::Op(r)) => match content(&r) {
                Ok(content) => {
                    operation.action = Action::Read(content);
                    None
                }
                Err(text) => Some(text),
            },
            (action, other) => Some(format!("{action:?} was answered with {other:?}")),
        };
        operation.returned = Some(now.mono);
        if let Some(text) = anomaly {
            history.anomalies.push(format!("client {}, object{object}: {text}", self.id));
        }
    }
}

fn write_ops(tag: u64, len: u64) -> Vec<Op> {
    let tag = tag.to_le_bytes();
    let data: Vec<u8> = tag.iter().copied().cycle().take(len as usize / 8 * 8).collect();
    let value = Bytes::copy_from_slice(&tag);
    vec![
        Op::write_full(data.into()),
        Op::set_xattr(b"tag", &tag),
        Op::omap_set_vals(&[(Bytes::from_static(b"tag"), value)]),
    ]
}

fn read_ops() -> Vec<Op> {
    vec![
        Op::read(0, 0),
        Op::get_xattr(b"tag"),
        Op::omap_get_vals_by_keys(&[Bytes::from_static(b"tag")]),
    ]
}

/// The tag that data, xattr and omap of one read agree on.
fn content(reply: &OpReply) -> Result<Content, String> {
    if reply.result == ENOENT {
        return Ok(None);
    }
    if reply.result < 0 {
        return Err(format!("a read failed with {}", reply.result));
    }
    let data = reply.output(0).to_bytes();
    let xattr = reply.output(1).to_bytes();
    let omap = BTreeMap::<Bytes, Bytes>::from_slice(&reply.output(2).to_bytes());
    let omap = omap.map_err(|e| e.to_string())?.remove(&b"tag"[..]).unwrap_or_default();
    let tag: [u8; 8] = xattr[..].try_into().map_err(|_| format!("xattr is {xattr:?}"))?;
    let whole = data.len() >= 8 && data.chunks(8).all(|c| c == tag);
    if !whole || omap[..] != tag {
        let first = data.get(..8).map(|d| u64::from_le_bytes(d.try_into().expect("8 bytes")));
        return Err(format!(
            "a read saw a part of a write: xattr {}, omap {omap:?}, data of {} bytes begins {first:?}",
            u64::from_le_bytes(tag),
            data.len(),
        ));
    }
    Ok(Some(u64::from_le_bytes(tag)))
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
        // What was begun just now goes out in this turn too.
        self.client.end_of_turn(now, fx);
    }
    fn next_deadline(&self) -> Instant {
        let begin = if self.pool.is_some()
            && self.under_way.len() < DEPTH
            && self.next_begin < self.until
        {
            self.next_begin
        } else {
            Instant::NEVER
        };
        self.client.next_deadline().min(begin)
    }
}
