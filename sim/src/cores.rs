//! An OSD of several cores as one process. Each core's node is driven alone; what they say to each
//! other arrives later than what comes from outside at the same time, in order for each pair of cores
//! and in any order else.

use crate::chance::Chance;
use osd::{OsdHop, OsdNode};
use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use types::node::{ConnId, CoreId, Effect, Input, IoId, Node};
use types::time::{Instant, Now};

/// A core's requests to the device are below this; its number stands above.
const IO_BITS: u32 = 58;

/// What hopped to another core, in all OSDs of a world.
#[derive(Debug, Default)]
pub struct Hops {
    /// Operations of clients.
    pub ops: Cell<u64>,
    /// Messages of other OSDs.
    pub peers: Cell<u64>,
}
pub type SharedHops = Rc<Hops>;

pub struct Cores {
    nodes: Vec<OsdNode>,
    /// Where one core alone listens.
    ports: BTreeMap<SocketAddr, usize>,
    /// By accepted connection.
    accepted: BTreeMap<ConnId, usize>,
    /// Messages under way, by sender and receiver.
    hops: BTreeMap<(CoreId, CoreId), VecDeque<OsdHop>>,
    chance: Chance,
    counts: SharedHops,
    fx: Vec<Effect<OsdHop>>,
}

type Fx = Vec<Effect<()>>;

impl Cores {
    /// `nodes` and `ports` by core.
    pub fn new(
        nodes: Vec<OsdNode>,
        ports: &[SocketAddr],
        chance: Chance,
        counts: SharedHops,
    ) -> Self {
        let ports = ports.iter().enumerate().map(|(core, addr)| (*addr, core)).collect();
        let (accepted, hops) = Default::default();
        Self { nodes, ports, accepted, hops, chance, counts, fx: Vec::new() }
    }

    /// Accepted connections have one number; those that the cores dial are told apart by it.
    fn outer_conn(&self, core: usize, conn: ConnId) -> ConnId {
        match conn.is_accepted() {
            true => conn,
            false => ConnId(conn.0 * self.nodes.len() as u64 + core as u64),
        }
    }
    fn inner_conn(&self, conn: ConnId) -> Option<(usize, ConnId)> {
        let cores = self.nodes.len() as u64;
        match conn.is_accepted() {
            true => Some((*self.accepted.get(&conn)?, conn)),
            false => Some(((conn.0 % cores) as usize, ConnId(conn.0 / cores))),
        }
    }

    fn give(&mut self, now: Now, core: usize, input: Input<OsdHop>, out: &mut Fx) {
        let mut fx = std::mem::take(&mut self.fx);
        self.nodes[core].handle(now, input, &mut fx);
        self.take(core, &mut fx, out);
        self.fx = fx;
    }

    fn take(&mut self, core: usize, fx: &mut Vec<Effect<OsdHop>>, out: &mut Fx) {
        let io = |io: IoId| {
            assert!(io.0 < 1 << IO_BITS, "{io:?} has no room for a core");
            IoId(io.0 | (core as u64) << IO_BITS)
        };
        for effect in fx.drain(..) {
            out.push(match effect {
                Effect::Hop { to, msg } => {
                    let count = match msg {
                        OsdHop::ClientOp(_) => Some(&self.counts.ops),
                        OsdHop::Peer { .. } => Some(&self.counts.peers),
                        _ => None,
                    };
                    if let Some(count) = count {
                        count.set(count.get() + 1);
                    }
                    self.hops.entry((CoreId(core as u16), to)).or_default().push_back(msg);
                    continue;
                }
                // The process ends with its first core.
                Effect::Exit { .. } if core > 0 => continue,
                Effect::Connect { conn, addr } => {
                    Effect::Connect { conn: self.outer_conn(core, conn), addr }
                }
                Effect::Recv { conn, buf } => {
                    Effect::Recv { conn: self.outer_conn(core, conn), buf }
                }
                Effect::Send { conn, bufs } => {
                    Effect::Send { conn: self.outer_conn(core, conn), bufs }
                }
                Effect::Close { conn } => {
                    self.accepted.remove(&conn);
                    Effect::Close { conn: self.outer_conn(core, conn) }
                }
                Effect::Read { io: id, offset, len } => Effect::Read { io: io(id), offset, len },
                Effect::Write { io: id, offset, buf, durable } => {
                    Effect::Write { io: io(id), offset, buf, durable }
                }
                Effect::Flush { io: id } => Effect::Flush { io: io(id) },
                Effect::Discard { io: id, offset, len } => {
                    Effect::Discard { io: io(id), offset, len }
                }
                Effect::Zone { io: id, offset, len, op } => {
                    Effect::Zone { io: io(id), offset, len, op }
                }
                Effect::ReportZones { io: id, offset, len } => {
                    Effect::ReportZones { io: io(id), offset, len }
                }
                Effect::Log { level, text } => {
                    Effect::Log { level, text: format!("core {core}: {text}") }
                }
                Effect::Exit { code } => Effect::Exit { code },
                Effect::Persist { .. } => unreachable!("OSDs have no log of their own"),
            });
        }
    }

    /// Of any two cores that talk, the next message.
    fn next_hop(&mut self) -> Option<(CoreId, CoreId, OsdHop)> {
        self.hops.retain(|_, waiting| !waiting.is_empty());
        let pairs = self.hops.len() as u64;
        let nth = if pairs > 1 { self.chance.within(0..pairs) } else { 0 };
        let ((from, to), waiting) = self.hops.iter_mut().nth(nth as usize)?;
        Some((*from, *to, waiting.pop_front().expect("empty ones are removed")))
    }
}

impl Node for Cores {
    type Hop = ();

    fn handle(&mut self, now: Now, input: Input<()>, out: &mut Fx) {
        let io = |io: IoId| {
            let core = (io.0 >> IO_BITS) as usize;
            (core, IoId(io.0 & ((1 << IO_BITS) - 1)))
        };
        let (core, input) = match input {
            Input::Start | Input::Tick | Input::Stop => {
                for core in 0..self.nodes.len() {
                    let input = match input {
                        Input::Start => Input::Start,
                        Input::Stop => Input::Stop,
                        _ => Input::Tick,
                    };
                    self.give(now, core, input, out);
                }
                return;
            }
            Input::Accepted { conn, local, peer } => {
                let any = self.nodes.len() as u64;
                let core = self.ports.get(&local).copied();
                let core = core.unwrap_or_else(|| self.chance.within(0..any) as usize);
                self.accepted.insert(conn, core);
                (core, Input::Accepted { conn, local, peer })
            }
            Input::Connected { conn, local, peer } => {
                let Some((core, conn)) = self.inner_conn(conn) else { return };
                (core, Input::Connected { conn, local, peer })
            }
            Input::Received { conn, buf } => {
                let Some((core, conn)) = self.inner_conn(conn) else { return };
                (core, Input::Received { conn, buf })
            }
            Input::Sent { conn, bytes } => {
                let Some((core, conn)) = self.inner_conn(conn) else { return };
                (core, Input::Sent { conn, bytes })
            }
            Input::Closed { conn, reason } => {
                let Some((core, inner)) = self.inner_conn(conn) else { return };
                self.accepted.remove(&conn);
                (core, Input::Closed { conn: inner, reason })
            }
            Input::ReadDone { io: id, result } => {
                let (core, io) = io(id);
                (core, Input::ReadDone { io, result })
            }
            Input::WriteDone { io: id, result } => {
                let (core, io) = io(id);
                (core, Input::WriteDone { io, result })
            }
            Input::FlushDone { io: id, result } => {
                let (core, io) = io(id);
                (core, Input::FlushDone { io, result })
            }
            Input::DiscardDone { io: id, result } => {
                let (core, io) = io(id);
                (core, Input::DiscardDone { io, result })
            }
            Input::ZoneDone { io: id, result } => {
                let (core, io) = io(id);
                (core, Input::ZoneDone { io, result })
            }
            Input::Zones { io: id, result } => {
                let (core, io) = io(id);
                (core, Input::Zones { io, result })
            }
            Input::Persisted { .. } => unreachable!("OSDs have no log of their own"),
            Input::Hop { .. } => unreachable!("the process itself has nobody to hop to"),
        };
        self.give(now, core, input, out);
    }

    fn end_of_turn(&mut self, now: Now, out: &mut Fx) {
        loop {
            while let Some((from, to, msg)) = self.next_hop() {
                self.give(now, to.0 as usize, Input::Hop { from, msg }, out);
            }
            for core in 0..self.nodes.len() {
                let mut fx = std::mem::take(&mut self.fx);
                self.nodes[core].end_of_turn(now, &mut fx);
                self.take(core, &mut fx, out);
                self.fx = fx;
            }
            if self.hops.values().all(VecDeque::is_empty) {
                return;
            }
        }
    }

    fn next_deadline(&self) -> Instant {
        self.nodes.iter().map(Node::next_deadline).min().unwrap_or(Instant::NEVER)
    }
}
