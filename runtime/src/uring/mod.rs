//! Runs one core of an OSD (any [`Node`]) on one io_uring: disk, TCP, timers and wake-ups.
//!
//! A turn: take what has completed, let the node handle it, close the batch, turn its effects into
//! submissions, and enter the kernel once to submit and to wait. The ring has a single issuer and
//! runs its completions when this thread enters (SINGLE_ISSUER, DEFER_TASKRUN), so that nothing
//! interrupts the node. The device is a registered file. An idle core sleeps in the kernel.

mod helper;
mod lent;
mod net;
mod ops;
mod rdma;

use crate::allocator::GiveBack;
use crate::clock::Clock;
use crate::cpu_latency::{CpuLatency, Watch};
use crate::device::{Device, Durability};
use crate::hop::Port;
use crate::pool::{Pool, ReadBuf};
use crate::rdma::{Rdma, RdmaConfig};
use crate::slabs::Slabs;
use helper::{Helper, Request};
use io_uring::{IoUring, cqueue, opcode, squeue, types as ring};
use lent::Lent;
use net::Net;
use ops::{Op, Slab};
use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::Duration;
use types::node::{Effect, Input, IoError, LogLevel, Node};
use types::time::Instant;

const SUBMISSIONS_MAX: u32 = 1024;
const COMPLETIONS_MAX: u32 = 8192;
/// Messages from other cores handled in one turn.
const HOPS_PER_TURN_MAX: usize = 256;
/// How long a closed connection may take to send what was queued.
const LINGER: Duration = Duration::from_millis(800);
/// Completions handled in the first turn after a sleep, and in later ones. What they lead to is
/// submitted before the next ones are looked at, so that device and network work while the node
/// does: with 32 reads completing together and none submitted before all are handled, the device
/// stands idle for a third of the time (docs/performance/seastore.md). Each turn takes twice as many
/// as the one before, as system calls and journal records should not be too small either.
const TURN_COMPLETIONS: std::ops::RangeInclusive<usize> = 2..=8;
/// The first listener may be other cores' too: see [`Resources`].
pub(crate) const SHARED_LISTENER: usize = 0;
/// The device's index among the registered files.
const DEVICE: ring::Fixed = ring::Fixed(0);
/// The pools' indices among the registered buffers, in the order of registration.
const READS: u16 = 0;
const WRITES: u16 = 1;

/// What a core may use.
pub struct Resources<H> {
    /// The first may be listened on by other cores too, each with a handle of its own; further ones are
    /// this core's alone.
    pub listeners: Vec<TcpListener>,
    pub device: Option<Device>,
    pub port: Port<H>,
    /// CPU to run on; `None` leaves it to the scheduler.
    pub cpu: Option<usize>,
    /// Connections over RDMA, beside those over TCP. Where there is no such device all go over TCP.
    pub rdma: Option<RdmaConfig>,
    /// How soon CPUs wake up while this core is busy.
    pub cpu_latency: Option<CpuLatency>,
    pub log: crate::LogSink,
}

/// Runs `node` on the calling thread until it asks to exit, and returns its exit code.
pub fn run<N: Node>(mut node: N, resources: Resources<N::Hop>) -> io::Result<i32> {
    if let Some(cpu) = resources.cpu {
        pin(cpu)?;
    }
    let mut core = Core::new(resources)?;
    let mut effects = Vec::new();
    let mut free_memory = GiveBack::new(core.clock.now().mono);
    if let Some(memory) = &core.records {
        node.use_memory(memory.clone());
    }
    node.use_receive_memory(core.slabs.clone());
    node.use_probes(Rc::new(crate::probes::Usdt));
    node.handle(core.clock.now(), Input::Start, &mut effects);
    loop {
        node.end_of_turn(core.clock.now(), &mut effects);
        for effect in effects.drain(..) {
            core.perform(effect);
        }
        core.send_all();
        core.flush_rdma();
        core.port.flush();
        if let Some(code) = core.exit {
            core.finish()?;
            return Ok(code);
        }
        core.enter(node.next_deadline())?;
        let mut events = core.reap(&mut node, &mut effects);
        events += core.turn_rdma(&mut node, &mut effects);
        for _ in 0..HOPS_PER_TURN_MAX {
            let Some((from, msg)) = core.port.pop() else { break };
            events += 1;
            node.handle(core.clock.now(), Input::Hop { from, msg }, &mut effects);
        }
        let now = core.clock.now();
        while let Some(stream) = core.port.take_handed() {
            if let Some(input) = core.take(stream) {
                node.handle(now, input, &mut effects);
            }
        }
        if core.port.take_stop() {
            node.handle(now, Input::Stop, &mut effects);
        }
        if node.next_deadline() <= now.mono {
            node.handle(now, Input::Tick, &mut effects);
        }
        core.cpu_latency.turn(now.mono, events);
        core.slabs.trim(now.mono);
        free_memory.turn(now.mono);
    }
}

/// Binds the calling thread to one CPU.
pub(crate) fn pin(cpu: usize) -> io::Result<()> {
    // SAFETY: cpu_set_t is a plain bit array, for which zero is the empty set; CPU_SET bounds-checks
    // its index; the kernel reads size_of::<cpu_set_t>() bytes of it.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)
    };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

struct Core<H> {
    clock: Clock,
    uring: IoUring,
    slab: Slab,
    /// For what connections receive that hold no buffer.
    lent: Lent,
    net: Net,
    rdma: Option<Rdma>,
    /// Registered with the ring; held for its lock.
    device: Option<Device>,
    /// Does what the ring cannot; begun by the first such request.
    helper: Option<Helper>,
    durability: Durability,
    /// For what is read. Without a device, or where the kernel registers no memory, there is none.
    pool: Option<Pool>,
    /// For what the node writes.
    records: Option<Rc<Pool>>,
    /// For large reads and large frames.
    slabs: Rc<Slabs>,
    /// Completions to handle in this turn.
    turn: usize,
    is_block: bool,
    port: Port<H>,
    cpu_latency: Watch,
    log: crate::LogSink,
    exit: Option<i32>,
    wake_armed: bool,
    completions: Vec<(u64, i32, u32)>,
}

impl<H> Core<H> {
    fn new(mut resources: Resources<H>) -> io::Result<Self> {
        let uring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_cqsize(COMPLETIONS_MAX)
            .build(SUBMISSIONS_MAX)?;
        let lent = Lent::new(&uring)?;
        let clock = Clock::new();
        let (mut pool, mut records) = (None, None);
        let slabs = Rc::default();
        if let Some(device) = &resources.device {
            uring.submitter().register_files(&[device.fd()])?;
            let (reads, writes) = (Pool::for_reads(&slabs), Pool::for_writes(&slabs));
            let parts = [reads.as_iovec(), writes.as_iovec()];
            // SAFETY: a pool's memory lives as long as the pool and every piece of it, and those in
            // operations under way are never freed (see `Drop`); the kernel pins the pages.
            match unsafe { uring.submitter().register_buffers(&parts) } {
                Ok(()) => (pool, records) = (Some(reads), Some(Rc::new(writes))),
                Err(e) => {
                    let text = format!(
                        "reads and writes pin their memory each time, as none can be registered with the ring: {e} (see RLIMIT_MEMLOCK)"
                    );
                    (resources.log)(clock.now(), LogLevel::Info, &text);
                }
            }
        }
        let mut core = Self {
            clock,
            uring,
            slab: Slab::default(),
            lent,
            net: Net::new(resources.port.core()),
            rdma: None,
            durability: resources.device.as_ref().map_or(Durability::Dsync, Device::durability),
            is_block: resources.device.as_ref().is_some_and(Device::is_block),
            device: resources.device,
            helper: None,
            pool,
            records,
            slabs,
            turn: *TURN_COMPLETIONS.end(),
            port: resources.port,
            cpu_latency: Watch::new(resources.cpu_latency),
            log: resources.log,
            exit: None,
            wake_armed: false,
            completions: Vec::new(),
        };
        if let Some(config) = resources.rdma {
            core.open_rdma(config, &resources.listeners);
        }
        if !resources.listeners.is_empty() {
            core.port.sit_down();
        }
        for listener in resources.listeners {
            core.net.listeners.push(listener);
            core.accept(core.net.listeners.len() - 1);
        }
        Ok(core)
    }

    /// Submits one operation. `op` owns every buffer that `entry` points to, and stays in the slab
    /// until its last completion.
    fn submit(&mut self, op: Op, entry: squeue::Entry) {
        let entry = entry.user_data(self.slab.insert(op));
        loop {
            // SAFETY: the memory that `entry` points to is owned by `op`, which the slab keeps (and
            // never moves on the heap) until the kernel has answered; descriptors are kept open by
            // `Net` and `Device` until no operation on them is under way.
            if unsafe { self.uring.submission().push(&entry) }.is_ok() {
                return;
            }
            // The submission queue is full: hand it over and go on.
            if let Err(e) = self.uring.submit()
                && !is_transient(&e)
            {
                panic!("io_uring_enter: {e}");
            }
        }
    }

    fn accept(&mut self, listener: usize) {
        let fd = ring::Fd(self.net.listeners[listener].as_raw_fd());
        let entry = opcode::AcceptMulti::new(fd).flags(libc::SOCK_CLOEXEC).build();
        self.submit(Op::Accept { listener }, entry);
    }

    fn perform(&mut self, effect: Effect<H>) {
        match effect {
            Effect::Connect { conn, addr } => {
                if !self.connect_rdma(conn, addr) {
                    self.connect(conn, addr)
                }
            }
            Effect::Recv { conn, buf } => match self.rdma_of(conn) {
                Some(rdma) => rdma.recv(conn, buf),
                None => self.recv(conn, buf),
            },
            Effect::Send { conn, bufs } => match self.rdma_of(conn) {
                Some(rdma) => rdma.send(conn, bufs),
                None => self.send(conn, bufs),
            },
            Effect::Close { conn } => {
                let now = self.clock.now().mono;
                match self.rdma_of(conn) {
                    Some(rdma) => rdma.close(conn, now),
                    None => self.close(conn),
                }
            }
            Effect::Read { io, offset, len } => {
                let buf = ReadBuf::new(len, self.pool.as_ref(), &self.slabs);
                self.read(Op::Read { io, offset, buf, len })
            }
            Effect::Write { io, offset, buf, durable } => {
                self.write(Op::Write { io, offset, buf, durable })
            }
            Effect::Flush { io } => {
                let entry = opcode::Fsync::new(DEVICE).flags(ring::FsyncFlags::DATASYNC).build();
                self.submit(Op::Flush { io }, entry);
            }
            Effect::Discard { io, offset, len } => {
                self.discard(Op::Discard { io, offset, len, by_hole: !self.is_block })
            }
            Effect::Zone { io, offset, len, op } => {
                self.help(Request::Zone { io, offset, len, op })
            }
            Effect::ReportZones { io, offset, len } => {
                self.help(Request::ReportZones { io, offset, len })
            }
            Effect::Persist { .. } => panic!("this driver has no key-value store"),
            Effect::Hop { to, msg } => self.port.push(to, msg),
            Effect::Log { level, text } => (self.log)(self.clock.now(), level, &text),
            Effect::Exit { code } => self.exit = Some(code),
        }
    }

    fn help(&mut self, request: Request) {
        let (device, port) = (&self.device, &self.port);
        let helper = self.helper.get_or_insert_with(|| {
            let device = device.as_ref().expect("a node that does disk I/O is given a device");
            Helper::new(device, port.alarm())
        });
        helper.ask(request);
    }

    fn read(&mut self, mut op: Op) {
        let Op::Read { offset, buf, len, .. } = &mut op else { unreachable!("called with Read") };
        let (at, left) = (buf.end(), (*len - buf.len()) as u32);
        let offset = *offset + buf.len() as u64;
        let entry = match buf.is_registered() {
            true => opcode::ReadFixed::new(DEVICE, at, left, READS).offset(offset).build(),
            false => opcode::Read::new(DEVICE, at, left).offset(offset).build(),
        };
        self.submit(op, entry);
    }

    fn write(&mut self, op: Op) {
        let Op::Write { offset, buf, durable, .. } = &op else { unreachable!("called with Write") };
        let (at, len) = (buf.as_ptr(), buf.len() as u32);
        let flags = self.durability.write_flags(*durable);
        let entry = match self.registered(buf) {
            Some(pool) => opcode::WriteFixed::new(DEVICE, at, len, pool)
                .offset(*offset)
                .rw_flags(flags)
                .build(),
            None => opcode::Write::new(DEVICE, at, len).offset(*offset).rw_flags(flags).build(),
        };
        self.submit(op, entry);
    }

    /// Which of the registered buffers `bytes` lies in. What was read may be written as it is.
    fn registered(&self, bytes: &[u8]) -> Option<u16> {
        let is_in = |pool: Option<&Pool>| pool.is_some_and(|pool| pool.holds(bytes));
        let writes = is_in(self.records.as_deref()).then_some(WRITES);
        writes.or_else(|| is_in(self.pool.as_ref()).then_some(READS))
    }

    /// A block device discards by a command of its own, since Linux 6.12. A hole, which is what a
    /// file gets, makes earlier kernels write zeros by a command that may release blocks too. Both
    /// go on in the kernel's threads where they would block.
    fn discard(&mut self, op: Op) {
        let Op::Discard { offset, len, by_hole, .. } = op else {
            unreachable!("called with Discard")
        };
        let entry = if by_hole {
            let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
            opcode::Fallocate::new(DEVICE, len).offset(offset).mode(mode).build()
        } else {
            // The length lies in the field `addr3`, where other commands have their own bytes.
            let mut cmd = [0; 16];
            cmd[..8].copy_from_slice(&len.to_ne_bytes());
            opcode::UringCmd16::new(DEVICE, BLOCK_DISCARD).addr(Some(offset)).cmd(cmd).build()
        };
        self.submit(op, entry);
    }

    /// Enters the kernel: submits, and waits for a completion, a message or `deadline`.
    fn enter(&mut self, deadline: Instant) -> io::Result<()> {
        self.lent.fill_up();
        if !self.wake_armed {
            self.wake_armed = true;
            let fd = ring::Fd(self.port.waker().fd());
            let entry = opcode::PollAdd::new(fd, libc::POLLIN as u32).build();
            self.submit(Op::Wake, entry);
        }
        let mut deadline = deadline
            .min(self.net.linger_deadline())
            .min(self.slabs.deadline())
            .min(self.cpu_latency.deadline());
        let mut awake = false;
        if let Some(rdma) = &mut self.rdma {
            awake = rdma.keeps_awake(self.clock.now().mono);
            deadline = deadline.min(rdma.deadline());
        }
        let patience = self.clock.until(deadline);
        let busy = awake
            || self.port.is_blocked()
            || patience.is_some_and(|p| p.is_zero())
            || !self.uring.completion().is_empty();
        let result = if busy || !self.port.sleep() {
            self.turn = (2 * self.turn).min(*TURN_COMPLETIONS.end());
            let to_submit = self.uring.submission().len() as u32;
            // SAFETY: no argument pointer is passed. GETEVENTS lets deferred completions run.
            unsafe {
                self.uring.submitter().enter::<libc::sigset_t>(to_submit, 0, ENTER_GETEVENTS, None)
            }
        } else {
            self.turn = *TURN_COMPLETIONS.start();
            let result = match patience {
                Some(p) => {
                    let spec = ring::Timespec::from(p);
                    let args = ring::SubmitArgs::new().timespec(&spec);
                    self.uring.submitter().submit_with_args(1, &args)
                }
                None => self.uring.submit_and_wait(1),
            };
            self.port.awake();
            result
        };
        match result {
            Ok(_) => Ok(()),
            Err(e) if is_transient(&e) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Gives the node what has completed, and says how much that was.
    fn reap<N: Node<Hop = H>>(&mut self, node: &mut N, effects: &mut Vec<Effect<H>>) -> usize {
        let mut completions = std::mem::take(&mut self.completions);
        completions.extend(
            self.uring.completion().take(self.turn).map(|c| (c.user_data(), c.result(), c.flags())),
        );
        // One reading for the batch: the completions had all arrived by then.
        let (now, events) = (self.clock.now(), completions.len());
        for (key, result, flags) in completions.drain(..) {
            let more = cqueue::more(flags);
            let op = if more { self.slab.peek(key) } else { self.slab.remove(key) };
            if let Some(input) = self.completed(op, result, flags) {
                node.handle(now, input, effects);
            }
        }
        self.completions = completions;
        while let Some(input) = self.helper.as_ref().and_then(Helper::answer) {
            node.handle(now, input, effects);
        }
        self.net.end_lingering(now.mono);
        events
    }

    fn completed(&mut self, op: Op, result: i32, flags: u32) -> Option<Input<H>> {
        match op {
            Op::Accept { listener } => {
                if !cqueue::more(flags) {
                    self.accept(listener);
                }
                let stream = net::accepted(result)?;
                let own = match listener {
                    SHARED_LISTENER => self.port.hand_out(stream)?,
                    _ => stream,
                };
                self.take(own)
            }
            Op::Connect { conn, .. } => self.net.connected(conn, result),
            Op::Recv { conn, buf } => self.received(conn, buf, result),
            Op::RecvLent { conn } => self.received_lent(conn, result, cqueue::buffer_select(flags)),
            Op::Send { conn, batch } => self.sent(conn, batch, result),
            Op::Read { io, offset, buf, len } => self.read_done(io, offset, buf, len, result),
            Op::Write { io, offset, mut buf, durable } => {
                let done = result.max(0) as usize;
                if result > 0 && done < buf.len() {
                    bytes::Buf::advance(&mut buf, done);
                    self.write(Op::Write { io, offset: offset + done as u64, buf, durable });
                    return None;
                }
                Some(Input::WriteDone { io, result: write_result(result, buf.len()) })
            }
            Op::Flush { io } => Some(Input::FlushDone { io, result: write_result(result, 0) }),
            Op::Discard { io, offset, len, by_hole } => {
                let unknown = [libc::EOPNOTSUPP, libc::EINVAL, libc::ENOTTY].contains(&-result);
                if unknown && !by_hole {
                    self.discard(Op::Discard { io, offset, len, by_hole: true });
                    return None;
                }
                Some(Input::DiscardDone { io, result: write_result(result, 0) })
            }
            Op::Wake => {
                self.wake_armed = false;
                self.port.waker().clear();
                None
            }
            Op::Rdma { token } => {
                let now = self.clock.now().mono;
                if let Some(rdma) = &mut self.rdma {
                    rdma.on_ready(token, now);
                }
                None
            }
            Op::Shared => unreachable!("peek returns a usable copy"),
        }
    }

    fn read_done(
        &mut self,
        io: types::node::IoId,
        offset: u64,
        mut buf: ReadBuf,
        len: usize,
        result: i32,
    ) -> Option<Input<H>> {
        if result < 0 {
            if result == -libc::EINTR || result == -libc::EAGAIN {
                self.read(Op::Read { io, offset, buf, len });
                return None;
            }
            return Some(Input::ReadDone { io, result: Err(IoError::Os(-result)) });
        }
        let done = buf.len() + result as usize;
        assert!(done <= len, "the kernel read {done} bytes into a request of {len}");
        // SAFETY: the kernel has written `result` bytes from the buffer's end on; `done` is at most
        // `len`, which the buffer was made for.
        unsafe { buf.advance(result as usize) };
        if done == len {
            return Some(Input::ReadDone { io, result: Ok(buf.freeze()) });
        }
        if result == 0 {
            return Some(Input::ReadDone {
                io,
                result: Err(IoError::Short { wanted: len, got: done }),
            });
        }
        self.read(Op::Read { io, offset, buf, len });
        None
    }

    /// Sends what was queued before the process ends, for a bounded time.
    fn finish(&mut self) -> io::Result<()> {
        let end = self.clock.now().mono + LINGER;
        // What follows is no work, and nobody would look at its deadline.
        self.cpu_latency = Watch::default();
        for conn in self.net.open_conns() {
            self.close(conn);
        }
        let now = self.clock.now().mono;
        if let Some(rdma) = &mut self.rdma {
            rdma.conns().into_iter().for_each(|conn| rdma.close(conn, now));
        }
        let is_done =
            |core: &Self| core.net.is_drained() && core.rdma.as_ref().is_none_or(Rdma::is_empty);
        while !is_done(self) && self.clock.now().mono < end {
            self.turn_rdma_alone();
            self.enter(end)?;
            let done: Vec<_> =
                self.uring.completion().map(|c| (c.user_data(), c.result(), c.flags())).collect();
            for (key, result, flags) in done {
                if cqueue::more(flags) {
                    continue;
                }
                match self.slab.remove(key) {
                    // Nothing new is begun: only sends are carried on.
                    op @ (Op::Send { .. }
                    | Op::Recv { .. }
                    | Op::RecvLent { .. }
                    | Op::Connect { .. }
                    | Op::Rdma { .. }) => {
                        let _ = self.completed(op, result, flags);
                    }
                    Op::Wake => self.wake_armed = false,
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

impl<H> Drop for Core<H> {
    fn drop(&mut self) {
        // Closing a ring cancels what is under way only some time later, and until then the kernel
        // may write into these buffers: they live as long as the process.
        std::mem::forget(std::mem::take(&mut self.slab));
    }
}

const ENTER_GETEVENTS: u32 = 1;
/// BLOCK_URING_CMD_DISCARD of linux/blkdev.h, _IO(0x12, 0).
const BLOCK_DISCARD: u32 = 0x1200;

fn is_transient(e: &io::Error) -> bool {
    matches!(e.raw_os_error(), Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN))
}

fn write_result(result: i32, len: usize) -> Result<(), IoError> {
    match result {
        r if r < 0 => Err(IoError::Os(-r)),
        r if (r as usize) < len => Err(IoError::Short { wanted: len, got: r as usize }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
