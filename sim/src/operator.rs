//! A client that makes the pool and watches the cluster's state.

use client::{ClientConfig, ClientNode, Completion, Request, RequestId};
use messenger::message::Data;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use types::node::{Effect, Input, Node};
use types::time::{Instant, Now};

const POLL: Duration = Duration::from_millis(500);
const PGS: u32 = 8;

/// What the monitor last said.
#[derive(Debug, Default)]
pub struct Report {
    /// Every OSD is up and every PG active+clean.
    pub clean: bool,
    pub at: Instant,
    pub last: String,
    /// Commands to give, in order; each is repeated until it is answered with success.
    pub orders: VecDeque<serde_json::Value>,
}
pub type SharedReport = Rc<RefCell<Report>>;

pub struct Operator {
    client: ClientNode,
    pool: String,
    osds: u32,
    report: SharedReport,
    connect: Option<RequestId>,
    create: Option<RequestId>,
    status: Option<RequestId>,
    order: Option<(RequestId, serde_json::Value)>,
    created: bool,
    next_poll: Instant,
}

impl Operator {
    pub fn new(
        config: ClientConfig,
        seed: [u8; 32],
        pool: &str,
        osds: u32,
        report: SharedReport,
    ) -> Self {
        Self {
            client: ClientNode::new(config, seed),
            pool: pool.to_owned(),
            osds,
            report,
            connect: None,
            create: None,
            status: None,
            order: None,
            created: false,
            next_poll: Instant::NEVER,
        }
    }

    fn command(&mut self, now: Now, cmd: serde_json::Value, fx: &mut Fx) -> RequestId {
        let request = Request::Command { cmd: cmd.to_string(), input: Data::default() };
        self.client.submit(now, request, fx)
    }

    fn collect(&mut self, now: Now, fx: &mut Fx) {
        let done: Vec<_> = self.client.take_completions().collect();
        for (request, completion) in done {
            if Some(request) == self.connect {
                match completion {
                    Completion::Connected { .. } => self.next_poll = now.mono,
                    _ => self.connect = Some(self.client.submit(now, Request::Connect, fx)),
                }
            } else if Some(request) == self.create {
                self.create = None;
                self.created = matches!(completion, Completion::Command { result: 0, .. });
                if !self.created {
                    self.report.borrow_mut().last = format!("{completion:?}");
                }
            } else if let Some((_, order)) = self.order.take_if(|(id, _)| *id == request) {
                let mut report = self.report.borrow_mut();
                if !matches!(completion, Completion::Command { result: 0, .. }) {
                    report.last = format!("{completion:?}");
                    report.orders.push_front(order);
                }
            } else if Some(request) == self.status {
                self.status = None;
                if let Completion::Command { result: 0, output, .. } = completion {
                    self.on_status(now, &output.to_bytes(), fx);
                }
            }
        }
    }

    fn on_status(&mut self, now: Now, text: &[u8], fx: &mut Fx) {
        let status: serde_json::Value = serde_json::from_slice(text).unwrap_or_default();
        let count = |path: &str| status.pointer(path).and_then(|v| v.as_u64()).unwrap_or(0);
        let up = count("/osdmap/num_up_osds");
        let (pgs, states) = (count("/pgmap/num_pgs"), &status["pgmap"]["pgs_by_state"]);
        let clean: u64 = states
            .as_array()
            .into_iter()
            .flatten()
            .filter(|s| s["state_name"] == "active+clean")
            .filter_map(|s| s["count"].as_u64())
            .sum();
        if up == self.osds as u64 && !self.created && self.create.is_none() {
            let cmd = serde_json::json!({
                "prefix": "osd pool create", "pool": self.pool, "pg_num": PGS,
            });
            self.create = Some(self.command(now, cmd, fx));
        }
        let mut report = self.report.borrow_mut();
        report.clean = self.created
            && report.orders.is_empty()
            && up == self.osds as u64
            && pgs > 0
            && clean == pgs;
        report.at = now.mono;
        report.last = format!("{up} OSDs up, {clean} of {pgs} PGs clean: {states}");
    }
}

type Fx = Vec<Effect<<ClientNode as Node>::Hop>>;

impl Node for Operator {
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
        if now.mono >= self.next_poll {
            self.next_poll = now.mono + POLL;
            if self.order.is_none() {
                let order = self.report.borrow_mut().orders.pop_front();
                self.order = order.map(|o| (self.command(now, o.clone(), fx), o));
            }
            if self.status.is_none() {
                let cmd = serde_json::json!({ "prefix": "status", "format": "json" });
                self.status = Some(self.command(now, cmd, fx));
            }
        }
        self.client.end_of_turn(now, fx);
    }
    fn next_deadline(&self) -> Instant {
        self.client.next_deadline().min(self.next_poll)
    }
}
