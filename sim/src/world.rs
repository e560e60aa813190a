//! Virtual time, network and disks, and the processes that live on them.
//!
//! One seed decides everything. Processes are [`Node`]s, driven at the level of bytes as the real
//! drivers do: TCP streams arrive in pieces, connections break with their tails lost, disks answer
//! late and out of order, clocks differ.

use crate::chance::Chance;
use crate::disk::Disk;
use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;
use types::hash::crc32c;
use types::node::{
    CloseReason, ConnId, CoreId, Effect, Input, IoError, IoId, KvChange, LogLevel, Node, recv_room,
};
use types::time::{Instant, Now, UTime};

/// Wall clock at the start of every world: 2026-01-01.
const WALL_START_SEC: u64 = 1_767_225_600;
const ECONNRESET: i32 = 104;
const ECONNREFUSED: i32 = 111;
const EIO: i32 = 5;
/// What a connection between frames receives into.
const RECEIVE_BYTES: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u32);

/// A node behind one face, whatever its hops are: none leaves a process (`cores.rs`).
trait Process {
    fn handle(&mut self, now: Now, input: Input<()>, fx: &mut Vec<Effect<()>>);
    fn end_of_turn(&mut self, now: Now, fx: &mut Vec<Effect<()>>);
    fn next_deadline(&self) -> Instant;
}

struct Wrap<N: Node> {
    node: N,
    fx: Vec<Effect<N::Hop>>,
}

impl<N: Node> Process for Wrap<N> {
    fn handle(&mut self, now: Now, input: Input<()>, fx: &mut Vec<Effect<()>>) {
        self.node.handle(now, input_without_hops(input), &mut self.fx);
        fx.extend(self.fx.drain(..).map(effect_without_hops));
    }
    fn end_of_turn(&mut self, now: Now, fx: &mut Vec<Effect<()>>) {
        self.node.end_of_turn(now, &mut self.fx);
        fx.extend(self.fx.drain(..).map(effect_without_hops));
    }
    fn next_deadline(&self) -> Instant {
        self.node.next_deadline()
    }
}

fn input_without_hops<H>(input: Input<()>) -> Input<H> {
    match input {
        Input::Start => Input::Start,
        Input::Accepted { conn, local, peer } => Input::Accepted { conn, local, peer },
        Input::Connected { conn, local, peer } => Input::Connected { conn, local, peer },
        Input::Received { conn, buf } => Input::Received { conn, buf },
        Input::Sent { conn, bytes } => Input::Sent { conn, bytes },
        Input::Closed { conn, reason } => Input::Closed { conn, reason },
        Input::ReadDone { io, result } => Input::ReadDone { io, result },
        Input::WriteDone { io, result } => Input::WriteDone { io, result },
        Input::FlushDone { io, result } => Input::FlushDone { io, result },
        Input::DiscardDone { io, result } => Input::DiscardDone { io, result },
        Input::ZoneDone { io, result } => Input::ZoneDone { io, result },
        Input::Zones { io, result } => Input::Zones { io, result },
        Input::Persisted { id, result } => Input::Persisted { id, result },
        Input::Tick => Input::Tick,
        Input::Stop => Input::Stop,
        Input::Hop { .. } => unreachable!("hops stay within a process"),
    }
}

fn effect_without_hops<H>(effect: Effect<H>) -> Effect<()> {
    match effect {
        Effect::Connect { conn, addr } => Effect::Connect { conn, addr },
        Effect::Recv { conn, buf } => Effect::Recv { conn, buf },
        Effect::Send { conn, bufs } => Effect::Send { conn, bufs },
        Effect::Close { conn } => Effect::Close { conn },
        Effect::Read { io, offset, len } => Effect::Read { io, offset, len },
        Effect::Write { io, offset, buf, durable } => Effect::Write { io, offset, buf, durable },
        Effect::Flush { io } => Effect::Flush { io },
        Effect::Discard { io, offset, len } => Effect::Discard { io, offset, len },
        Effect::Zone { io, offset, len, op } => Effect::Zone { io, offset, len, op },
        Effect::ReportZones { io, offset, len } => Effect::ReportZones { io, offset, len },
        Effect::Persist { id, changes } => Effect::Persist { id, changes },
        Effect::Log { level, text } => Effect::Log { level, text },
        Effect::Exit { code } => Effect::Exit { code },
        Effect::Hop { to: CoreId(core), .. } => {
            unreachable!("a hop to core {core} leaves its process")
        }
    }
}

/// What outlives a process: its disk, its key-value store and its address.
pub struct Host {
    pub name: String,
    pub disk: Disk,
    /// How often reads at an offset will still fail.
    refused_reads: BTreeMap<u64, u32>,
    pub kv: BTreeMap<Vec<u8>, Vec<u8>>,
    pub listen: Option<SocketAddr>,
    process: Option<Box<dyn Process>>,
    /// Counts starts: events of an earlier life are dropped.
    life: u64,
    kv_pending: VecDeque<(u64, Vec<KvChange>)>,
    deadline: Instant,
    turn_scheduled: bool,
    paused_until: Instant,
    fx: Vec<Effect<()>>,
    /// Wall clock error of this host.
    skew: Duration,
    pub exit: Option<i32>,
}

/// One direction of a connection.
#[derive(Default)]
struct Stream {
    /// Arrived, not yet asked for.
    arrived: VecDeque<Bytes>,
    /// The receiver's outstanding buffer.
    buf: Option<BytesMut>,
    /// Nothing more may arrive before this, so that bytes keep their order.
    last_arrival: Instant,
    fin: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct End {
    process: ProcessId,
    conn: ConnId,
}

struct Link {
    ends: [End; 2],
    /// Where the second end was dialled.
    addr: SocketAddr,
    streams: [Stream; 2],
    /// Bytes were lost on it: it only waits to be noticed.
    dead: bool,
}

enum Happening {
    Turn,
    Connecting { conn: ConnId, addr: SocketAddr },
    Established { link: u64 },
    Refused { conn: ConnId },
    Arrive { link: u64, side: usize, bytes: Bytes },
    Fin { link: u64, side: usize, reason: CloseReason },
    SentUp { conn: ConnId, bytes: usize },
    ReadDone { io: IoId, offset: u64, len: usize },
    WriteDone { io: IoId, id: u64, durable: bool },
    FlushDone { io: IoId },
    DiscardDone { io: IoId, offset: u64, len: u64 },
    ZoneDone { io: IoId, offset: u64 },
    Zones { io: IoId, offset: u64, len: u64 },
    Persisted,
    Deliver(Input<()>),
}

struct Scheduled {
    at: Instant,
    sequence: u64,
    process: ProcessId,
    life: u64,
    what: Happening,
}
impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    // The heap gives the greatest first: the earliest must be the greatest.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

/// How bad the world is. All durations are upper bounds of a draw.
#[derive(Debug, Clone)]
pub struct Weather {
    pub net_delay: Duration,
    /// One connection in so many sends breaks instead; 0 for never.
    pub break_once_in: u64,
    pub disk_delay: Duration,
    /// One read in so many fails; 0 for never.
    pub read_error_once_in: u64,
}
impl Weather {
    pub fn calm() -> Self {
        Self {
            net_delay: Duration::from_micros(200),
            break_once_in: 0,
            disk_delay: Duration::from_micros(300),
            read_error_once_in: 0,
        }
    }
}

pub struct World {
    now: Instant,
    sequence: u64,
    queue: BinaryHeap<Scheduled>,
    pub chance: Chance,
    pub hosts: Vec<Host>,
    listeners: BTreeMap<SocketAddr, ProcessId>,
    links: BTreeMap<u64, Link>,
    by_end: BTreeMap<End, (u64, usize)>,
    next_link: u64,
    next_write: u64,
    /// Ordered pairs of processes between which nothing passes.
    pub cut: BTreeSet<(ProcessId, ProcessId)>,
    /// Closed by their node before they were open.
    abandoned: BTreeSet<End>,
    pub weather: Weather,
    trace: u32,
    pub events: u64,
    pub log: LogLevel,
    /// Lines that daemons logged as errors.
    pub alarms: Vec<String>,
    /// The last lines that processes logged.
    pub tail: VecDeque<String>,
}

const TAIL_LINES: usize = 400;

impl World {
    pub fn new(seed: u64) -> Self {
        Self {
            now: Instant::ZERO,
            sequence: 0,
            queue: BinaryHeap::new(),
            chance: Chance::new(seed),
            hosts: Vec::new(),
            listeners: BTreeMap::new(),
            links: BTreeMap::new(),
            by_end: BTreeMap::new(),
            next_link: 1,
            next_write: 1,
            cut: BTreeSet::new(),
            abandoned: BTreeSet::new(),
            weather: Weather::calm(),
            trace: 0,
            events: 0,
            log: LogLevel::Error,
            alarms: Vec::new(),
            tail: VecDeque::new(),
        }
    }

    pub fn now(&self) -> Instant {
        self.now
    }
    /// Folds every event so far; equal for equal seeds.
    pub fn trace_hash(&self) -> u32 {
        self.trace
    }

    pub fn add_host(&mut self, name: &str, disk: Disk, listen: Option<SocketAddr>) -> ProcessId {
        let id = ProcessId(self.hosts.len() as u32);
        if let Some(addr) = listen {
            self.listeners.insert(addr, id);
        }
        let skew = Duration::from_millis(self.chance.within(0..50));
        self.hosts.push(Host {
            name: name.to_owned(),
            disk,
            kv: BTreeMap::new(),
            listen,
            process: None,
            life: 0,
            refused_reads: BTreeMap::new(),
            kv_pending: VecDeque::new(),
            deadline: Instant::NEVER,
            turn_scheduled: false,
            paused_until: Instant::ZERO,
            fx: Vec::new(),
            skew,
            exit: None,
        });
        id
    }

    /// Beside its own address the host listens at these from now on, and at no others.
    pub fn listen_also(&mut self, id: ProcessId, addrs: &[SocketAddr]) {
        let own = self.hosts[id.0 as usize].listen;
        self.listeners.retain(|addr, host| *host != id || Some(*addr) == own);
        self.listeners.extend(addrs.iter().map(|addr| (*addr, id)));
    }

    pub fn host(&mut self, id: ProcessId) -> &mut Host {
        &mut self.hosts[id.0 as usize]
    }

    pub fn is_running(&self, id: ProcessId) -> bool {
        self.hosts[id.0 as usize].process.is_some()
    }

    /// Starts `node` on a host where nothing runs.
    pub fn start<N: Node + 'static>(&mut self, id: ProcessId, node: N) {
        let host = self.host(id);
        assert!(host.process.is_none(), "{} runs already", host.name);
        host.life += 1;
        host.exit = None;
        host.deadline = Instant::NEVER;
        host.turn_scheduled = false;
        host.process = Some(Box::new(Wrap { node, fx: Vec::new() }));
        self.schedule(id, Duration::ZERO, Happening::Deliver(Input::Start));
    }

    /// Power is cut: what is not durable is lost, kept or torn; connections die.
    pub fn crash(&mut self, id: ProcessId) {
        self.end(id);
        let mut chance = Chance::new(self.chance.word());
        let host = self.host(id);
        host.disk.crash(&mut chance);
        // A prefix of the batches under way may have been committed.
        let kept = chance.within(0..host.kv_pending.len() as u64 + 1);
        for (_, changes) in std::mem::take(&mut host.kv_pending).into_iter().take(kept as usize) {
            apply(&mut host.kv, &changes);
        }
    }

    /// The process is gone (crash or exit); its connections end.
    fn end(&mut self, id: ProcessId) {
        let host = self.host(id);
        host.process = None;
        host.life += 1;
        host.fx.clear();
        let links: Vec<u64> = self
            .links
            .iter()
            .filter(|(_, l)| l.ends.iter().any(|e| e.process == id))
            .map(|(n, _)| *n)
            .collect();
        for link in links {
            self.break_link(link, Some(id));
            self.detach(link, id);
        }
        // A later life uses the same numbers again.
        self.abandoned.retain(|end| end.process != id);
    }

    /// `id` has nothing to do with the link any more; it goes when nobody has.
    fn detach(&mut self, number: u64, id: ProcessId) {
        let Some(link) = self.links.get(&number) else { return };
        let ends = link.ends;
        for (side, end) in ends.into_iter().enumerate() {
            if end.process == id && self.by_end.get(&end) == Some(&(number, side)) {
                self.by_end.remove(&end);
            }
        }
        let held = |(side, end): (usize, End)| self.by_end.get(&end) == Some(&(number, side));
        if !ends.into_iter().enumerate().any(held) {
            self.links.remove(&number);
        }
    }

    /// Nothing happens in the process until `duration` has passed.
    pub fn pause(&mut self, id: ProcessId, duration: Duration) {
        self.host(id).paused_until = self.now + duration;
    }

    /// Both ends (but `except`) learn, some time later, that the connection is gone.
    fn break_link(&mut self, number: u64, except: Option<ProcessId>) {
        let Some(link) = self.links.get(&number) else { return };
        let ends = link.ends;
        for (side, end) in ends.into_iter().enumerate() {
            if Some(end.process) != except {
                let reason = CloseReason::Os(ECONNRESET);
                let delay = self.net_delay();
                self.schedule(end.process, delay, Happening::Fin { link: number, side, reason });
            }
        }
    }

    /// Nothing passes on a few connections any more; one end learns soon, the other much later, so
    /// that old and new connections of one peer stand side by side.
    pub fn half_open_links(&mut self) {
        let links: Vec<u64> = self.links.keys().copied().collect();
        for number in links {
            if !self.chance.once_in(4) {
                continue;
            }
            let first = self.chance.within(0..2) as usize;
            let link = self.links.get_mut(&number).expect("it was listed");
            link.dead = true;
            let ends = link.ends;
            for (side, end) in ends.into_iter().enumerate() {
                let bound = if side == first { 300 } else { 10_000 };
                let after = Duration::from_millis(self.chance.within(0..bound));
                let reason = CloseReason::Os(ECONNRESET);
                self.schedule(end.process, after, Happening::Fin { link: number, side, reason });
            }
        }
    }

    pub fn break_all_links(&mut self) {
        let links: Vec<u64> = self.links.keys().copied().collect();
        for link in links {
            self.break_link(link, None);
        }
    }

    fn net_delay(&mut self) -> Duration {
        let bound = self.weather.net_delay.as_nanos() as u64;
        Duration::from_nanos(self.chance.within(20_000..bound.max(20_001)))
    }
    fn disk_delay(&mut self) -> Duration {
        let bound = self.weather.disk_delay.as_nanos() as u64;
        Duration::from_nanos(self.chance.within(20_000..bound.max(20_001)))
    }

    fn schedule(&mut self, process: ProcessId, after: Duration, what: Happening) {
        self.schedule_at(process, self.now + after, what);
    }
    fn schedule_at(&mut self, process: ProcessId, at: Instant, what: Happening) {
        self.sequence += 1;
        let life = self.hosts[process.0 as usize].life;
        self.queue.push(Scheduled { at, sequence: self.sequence, process, life, what });
    }

    fn now_of(&self, id: ProcessId) -> Now {
        let wall = Duration::from_secs(WALL_START_SEC) + Duration::from_nanos(self.now.0);
        Now { mono: self.now, wall: UTime::from_duration(wall + self.hosts[id.0 as usize].skew) }
    }

    /// Runs until `until`, or until nothing is left to happen. Returns false in the latter case.
    pub fn run_until(&mut self, until: Instant) -> bool {
        loop {
            match self.queue.peek() {
                None => {
                    self.now = until;
                    return false;
                }
                Some(next) if next.at > until => {
                    self.now = until;
                    return true;
                }
                Some(_) => self.step(),
            }
        }
    }

    pub fn run_for(&mut self, duration: Duration) -> bool {
        self.run_until(self.now + duration)
    }

    /// One event.
    pub fn step(&mut self) {
        let Some(mut next) = self.queue.pop() else { return };
        self.now = self.now.max(next.at);
        let host = &self.hosts[next.process.0 as usize];
        if next.life != host.life || host.process.is_none() {
            return;
        }
        if host.paused_until > self.now {
            self.sequence += 1;
            next.at = host.paused_until;
            next.sequence = self.sequence;
            self.queue.push(next);
            return;
        }
        self.events += 1;
        self.happen(next.process, next.what);
    }

    fn fold(&mut self, id: ProcessId, kind: u8, detail: u64) {
        let mut bytes = [0; 21];
        bytes[..8].copy_from_slice(&self.now.0.to_le_bytes());
        bytes[8..12].copy_from_slice(&id.0.to_le_bytes());
        bytes[12] = kind;
        bytes[13..].copy_from_slice(&detail.to_le_bytes());
        self.trace = crc32c(self.trace, &bytes);
    }

    fn happen(&mut self, id: ProcessId, what: Happening) {
        let input = match what {
            Happening::Turn => {
                self.fold(id, 0, 0);
                return self.turn(id);
            }
            Happening::Deliver(input) => {
                self.fold(id, 1, 0);
                input
            }
            Happening::Connecting { conn, addr } => return self.connecting(id, conn, addr),
            Happening::Established { link } => {
                self.fold(id, 2, link);
                match self.established(id, link) {
                    Some(input) => input,
                    None => return,
                }
            }
            Happening::Refused { conn } => {
                self.fold(id, 3, conn.0);
                Input::Closed { conn, reason: CloseReason::Os(ECONNREFUSED) }
            }
            Happening::Arrive { link, side, bytes } => {
                self.fold(id, 4, crc32c(!0, &bytes) as u64);
                match self.arrive(link, side, bytes) {
                    Some(input) => input,
                    None => return,
                }
            }
            Happening::Fin { link, side, reason } => {
                self.fold(id, 5, link);
                match self.fin(link, side, reason) {
                    Some(input) => input,
                    None => return,
                }
            }
            Happening::SentUp { conn, bytes } => {
                if !self.by_end.contains_key(&End { process: id, conn }) {
                    return;
                }
                self.fold(id, 6, bytes as u64);
                Input::Sent { conn, bytes }
            }
            Happening::ReadDone { io, offset, len } => {
                let fails = self.weather.read_error_once_in;
                let mut refused = self.host(id).refused_reads.remove(&offset).unwrap_or(0);
                if fails == 0 {
                    refused = 0;
                } else if refused == 0 && self.chance.once_in(fails) {
                    // Some go well when they are tried again, some do not.
                    refused = *self.chance.pick(&[1, 2, 3, 6]);
                }
                let result = if refused > 0 {
                    self.host(id).refused_reads.insert(offset, refused - 1);
                    Err(IoError::Os(EIO))
                } else {
                    Ok(self.host(id).disk.read(offset, len))
                };
                self.fold(id, 7, offset);
                Input::ReadDone { io, result }
            }
            Happening::WriteDone { io, id: write, durable } => {
                self.host(id).disk.complete(write, durable);
                self.fold(id, 8, io.0);
                Input::WriteDone { io, result: Ok(()) }
            }
            Happening::FlushDone { io } => {
                self.host(id).disk.flush();
                self.fold(id, 9, io.0);
                Input::FlushDone { io, result: Ok(()) }
            }
            Happening::DiscardDone { io, offset, len } => {
                self.host(id).disk.discard(offset, len);
                self.fold(id, 11, offset);
                Input::DiscardDone { io, result: Ok(()) }
            }
            Happening::ZoneDone { io, offset } => {
                self.host(id).disk.end_zone_op(offset);
                self.fold(id, 12, offset);
                Input::ZoneDone { io, result: Ok(()) }
            }
            Happening::Zones { io, offset, len } => {
                let result = Ok(self.host(id).disk.report(offset, len));
                self.fold(id, 13, offset);
                Input::Zones { io, result }
            }
            Happening::Persisted => {
                let host = self.host(id);
                let Some((batch, changes)) = host.kv_pending.pop_front() else { return };
                apply(&mut host.kv, &changes);
                self.fold(id, 10, batch);
                Input::Persisted { id: batch, result: Ok(()) }
            }
        };
        self.deliver(id, input);
    }

    fn deliver(&mut self, id: ProcessId, input: Input<()>) {
        let now = self.now_of(id);
        let host = self.host(id);
        let Some(process) = host.process.as_mut() else { return };
        process.handle(now, input, &mut host.fx);
        // Inputs that come at nearly the same time share a turn, as they do on a busy core.
        if !host.turn_scheduled {
            host.turn_scheduled = true;
            let after = Duration::from_nanos(self.chance.within(1_000..20_000));
            self.schedule(id, after, Happening::Turn);
        }
    }

    fn turn(&mut self, id: ProcessId) {
        let now = self.now_of(id);
        let host = self.host(id);
        host.turn_scheduled = false;
        let Some(process) = host.process.as_mut() else { return };
        if process.next_deadline() <= now.mono {
            process.handle(now, Input::Tick, &mut host.fx);
        }
        process.end_of_turn(now, &mut host.fx);
        let deadline = process.next_deadline();
        let effects = std::mem::take(&mut host.fx);
        for effect in effects {
            self.perform(id, effect);
        }
        let host = self.host(id);
        if deadline != Instant::NEVER && host.process.is_some() && !host.turn_scheduled {
            // A deadline that has passed already is served soon, not at once: time must go on.
            let at = deadline.max(now.mono + Duration::from_micros(1));
            if at != host.deadline || host.deadline <= now.mono {
                host.deadline = at;
                self.schedule_at(id, at, Happening::Turn);
            }
        }
    }

    fn perform(&mut self, id: ProcessId, effect: Effect<()>) {
        match effect {
            Effect::Connect { conn, addr } => {
                let delay = self.net_delay();
                self.schedule(id, delay, Happening::Connecting { conn, addr });
            }
            Effect::Recv { conn, buf } => {
                let end = End { process: id, conn };
                let Some((number, side)) = self.by_end.get(&end).copied() else { return };
                let link = self.links.get_mut(&number).expect("by_end points to links");
                let stream = &mut link.streams[side];
                assert!(stream.buf.is_none(), "{end:?}: one receive at a time");
                stream.buf = Some(recv_room(buf, RECEIVE_BYTES));
                if stream.arrived.is_empty() && !stream.fin {
                    return;
                }
                self.schedule(
                    id,
                    Duration::ZERO,
                    Happening::Arrive { link: number, side, bytes: Bytes::new() },
                );
            }
            Effect::Send { conn, bufs } => self.send(id, conn, bufs),
            Effect::Close { conn } => self.close(id, conn),
            Effect::Read { io, offset, len } => {
                let delay = self.disk_delay();
                self.schedule(id, delay, Happening::ReadDone { io, offset, len });
            }
            Effect::Write { io, offset, buf, durable } => {
                let write = self.next_write;
                self.next_write += 1;
                let delay = self.disk_delay();
                self.host(id).disk.submit(write, offset, buf);
                self.schedule(id, delay, Happening::WriteDone { io, id: write, durable });
            }
            Effect::Flush { io } => {
                let delay = self.disk_delay();
                self.schedule(id, delay, Happening::FlushDone { io });
            }
            Effect::Discard { io, offset, len } => {
                let delay = self.disk_delay();
                self.schedule(id, delay, Happening::DiscardDone { io, offset, len });
            }
            Effect::Zone { io, offset, op, .. } => {
                let delay = self.disk_delay();
                self.host(id).disk.begin_zone_op(offset, op);
                self.schedule(id, delay, Happening::ZoneDone { io, offset });
            }
            Effect::ReportZones { io, offset, len } => {
                let delay = self.disk_delay();
                self.schedule(id, delay, Happening::Zones { io, offset, len });
            }
            Effect::Persist { id: batch, changes } => {
                self.host(id).kv_pending.push_back((batch, changes));
                let delay = self.disk_delay();
                self.schedule(id, delay, Happening::Persisted);
            }
            Effect::Hop { .. } => unreachable!("hops stay within a process"),
            Effect::Log { level, text } => self.note(id, level, &text),
            Effect::Exit { code } => {
                self.host(id).exit = Some(code);
                self.host(id).disk.complete_all();
                self.end(id);
            }
        }
    }

    pub fn note(&mut self, id: ProcessId, level: LogLevel, text: &str) {
        let seconds = self.now.0 as f64 / 1e9;
        let line = format!("{seconds:11.6} {:<8} {level:?} {text}", self.hosts[id.0 as usize].name);
        if level <= self.log {
            println!("{line}");
        }
        if level == LogLevel::Error && self.alarms.len() < TAIL_LINES {
            self.alarms.push(line.clone());
        }
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }

    fn connecting(&mut self, from: ProcessId, conn: ConnId, addr: SocketAddr) {
        if self.abandoned.remove(&End { process: from, conn }) {
            return;
        }
        let target = self.listeners.get(&addr).copied();
        let target = target.filter(|t| {
            self.is_running(*t)
                && !self.cut.contains(&(from, *t))
                && !self.cut.contains(&(*t, from))
        });
        let delay = self.net_delay();
        let Some(target) = target else {
            self.schedule(from, delay, Happening::Refused { conn });
            return;
        };
        let number = self.next_link;
        self.next_link += 1;
        let ends = [
            End { process: from, conn },
            End { process: target, conn: ConnId(ConnId::ACCEPTED | number) },
        ];
        self.links.insert(number, Link { ends, addr, streams: Default::default(), dead: false });
        for (side, end) in ends.into_iter().enumerate() {
            self.by_end.insert(end, (number, side));
        }
        self.schedule(target, Duration::ZERO, Happening::Established { link: number });
        self.schedule(from, delay, Happening::Established { link: number });
    }

    fn established(&mut self, id: ProcessId, number: u64) -> Option<Input<()>> {
        let link = self.links.get(&number)?;
        let side = link.ends.iter().position(|e| e.process == id)?;
        let conn = link.ends[side].conn;
        if self.by_end.get(&link.ends[side]) != Some(&(number, side)) {
            return None;
        }
        let server = link.addr;
        let client = SocketAddr::from(([127, 0, 0, 1], 30_000 + (number % 30_000) as u16));
        Some(match side {
            0 => Input::Connected { conn, local: client, peer: server },
            _ => Input::Accepted { conn, local: server, peer: client },
        })
    }

    fn send(&mut self, id: ProcessId, conn: ConnId, bufs: Vec<Bytes>) {
        let Some((number, side)) = self.by_end.get(&End { process: id, conn }).copied() else {
            return;
        };
        let breaks = self.weather.break_once_in;
        let broken = breaks > 0 && self.chance.once_in(breaks);
        let mut bytes = BytesMut::new();
        bufs.iter().for_each(|b| bytes.extend_from_slice(b));
        let total = bytes.len();
        if broken {
            // The tail is lost with the connection.
            let kept = self.chance.within(0..total as u64 + 1);
            bytes.truncate(kept as usize);
        }
        let target = self.links[&number].ends[1 - side].process;
        let link = self.links.get_mut(&number).expect("by_end points to links");
        let was_dead = link.dead;
        link.dead |= self.cut.contains(&(id, target));
        let cut = link.dead;
        if cut && !was_dead {
            // TCP would try for minutes; the worlds are shorter.
            let notice = Duration::from_millis(self.chance.within(100..4000));
            for (side, end) in self.links[&number].ends.into_iter().enumerate() {
                let reason = CloseReason::Os(ECONNRESET);
                self.schedule(end.process, notice, Happening::Fin { link: number, side, reason });
            }
        }
        // Chopped at random, so that frames arrive in pieces.
        let mut rest = bytes.freeze();
        while !rest.is_empty() && !cut {
            let piece = match self.chance.within(0..4) {
                0 => self.chance.within(1..rest.len() as u64 + 1) as usize,
                _ => rest.len(),
            };
            let bytes = rest.split_to(piece);
            let delay = self.net_delay();
            let arrival = self.now + delay;
            let link = self.links.get_mut(&number).expect("looked up above");
            let stream = &mut link.streams[1 - side];
            let arrival = arrival.max(stream.last_arrival);
            stream.last_arrival = arrival;
            let what = Happening::Arrive { link: number, side: 1 - side, bytes };
            self.schedule_at(target, arrival, what);
        }
        if broken {
            self.break_link(number, None);
        } else {
            let delay = Duration::from_nanos(self.chance.within(1_000..50_000));
            self.schedule(id, delay, Happening::SentUp { conn, bytes: total });
        }
    }

    fn arrive(&mut self, number: u64, side: usize, bytes: Bytes) -> Option<Input<()>> {
        let link = self.links.get_mut(&number)?;
        let end = link.ends[side];
        if self.by_end.get(&end) != Some(&(number, side)) {
            return None;
        }
        let conn = end.conn;
        let stream = &mut link.streams[side];
        if !bytes.is_empty() {
            stream.arrived.push_back(bytes);
        }
        let room = stream.buf.as_ref().map_or(0, |b| b.capacity() - b.len());
        if room == 0 {
            return None;
        }
        let Some(mut first) = stream.arrived.pop_front() else {
            // Asked again after the peer had closed.
            return stream.fin.then(|| self.fin(number, side, CloseReason::Eof)).flatten();
        };
        let part = first.split_to(room.min(first.len()));
        if !first.is_empty() {
            stream.arrived.push_front(first);
        }
        let mut buf = stream.buf.take().expect("there is room in it");
        buf.extend_from_slice(&part);
        Some(Input::Received { conn, buf })
    }

    fn fin(&mut self, number: u64, side: usize, reason: CloseReason) -> Option<Input<()>> {
        let link = self.links.get_mut(&number)?;
        let end = link.ends[side];
        if !link.streams[side].arrived.is_empty() && reason == CloseReason::Eof {
            // What arrived before is read first.
            link.streams[side].fin = true;
            return None;
        }
        if self.by_end.get(&end) != Some(&(number, side)) {
            return None;
        }
        self.detach(number, end.process);
        Some(Input::Closed { conn: end.conn, reason })
    }

    /// The node closes: the peer reads what was sent, then the end.
    fn close(&mut self, id: ProcessId, conn: ConnId) {
        let end = End { process: id, conn };
        let Some((number, side)) = self.by_end.remove(&end) else {
            self.abandoned.insert(end);
            return;
        };
        let link = &self.links[&number];
        let other = link.ends[1 - side];
        let after = link.streams[1 - side].last_arrival;
        if self.by_end.get(&other) != Some(&(number, 1 - side)) {
            self.links.remove(&number);
            return;
        }
        let delay = self.net_delay();
        let at = (self.now + delay).max(after);
        let what = Happening::Fin { link: number, side: 1 - side, reason: CloseReason::Eof };
        self.schedule_at(other.process, at, what);
    }
}

fn apply(kv: &mut BTreeMap<Vec<u8>, Vec<u8>>, changes: &[KvChange]) {
    for change in changes {
        match change {
            KvChange::Put { key, value } => {
                kv.insert(key.clone(), value.clone());
            }
            KvChange::Delete { key } => {
                kv.remove(key);
            }
        }
    }
}
