//! How the cores of one process talk: a bounded single-producer single-consumer ring for each
//! ordered pair of cores, a wake-up for a core that sleeps, and connections that one core accepts for
//! all.

use atomic_waker::AtomicWaker;
use std::collections::VecDeque;
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard};
use types::node::CoreId;

/// Messages that wait for one core to read them, per sender. More wait in the sender's own queue.
const RING_MESSAGES_MAX: usize = 1024;

/// An eventfd, for a core that sleeps in the kernel, and a task, for one that sleeps in an executor.
#[derive(Debug)]
pub struct Waker {
    fd: OwnedFd,
    task: AtomicWaker,
}

impl Waker {
    pub fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes integers and returns a new descriptor or -1.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` is open and nobody else owns it.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) }, task: AtomicWaker::new() })
    }
    /// The task to wake beside the descriptor.
    pub fn register(&self, task: &std::task::Waker) {
        self.task.register(task)
    }
    pub fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
    pub fn wake(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: the pointer and length describe `one`. A full counter is a wake-up already.
        unsafe { libc::write(self.fd(), one.as_ptr().cast(), one.len()) };
        self.task.wake();
    }
    /// Forgets the wake-ups so far.
    pub fn clear(&self) {
        let mut count = [0u8; 8];
        // SAFETY: the pointer and length describe `count`.
        unsafe { libc::read(self.fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

/// What one core shows the others.
#[derive(Debug)]
struct Doorbell {
    waker: Waker,
    sleeping: AtomicBool,
    stop: AtomicBool,
    /// Whether this core takes connections that others accept.
    sits: AtomicBool,
    /// Connections for this core. A lock, as it is taken once for each of them.
    handed: Mutex<VecDeque<TcpStream>>,
    has_handed: AtomicBool,
}

impl Doorbell {
    fn handed(&self) -> MutexGuard<'_, VecDeque<TcpStream>> {
        // Nothing that is done under it leaves it half done.
        self.handed.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Asks every core of a process to stop. Safe to use from any thread.
#[derive(Debug, Clone)]
pub struct Stopper(Vec<Arc<Doorbell>>);
impl Stopper {
    pub fn stop(&self) {
        for bell in &self.0 {
            bell.stop.store(true, Ordering::SeqCst);
            bell.waker.wake();
        }
    }
}

/// Wakes one core. Safe to use from any thread.
#[derive(Debug, Clone)]
pub struct Alarm(Arc<Doorbell>);
impl Alarm {
    pub fn ring(&self) {
        self.0.waker.wake();
    }
}

struct Outlet<H> {
    ring: rtrb::Producer<H>,
    waiting: VecDeque<H>,
    bell: Arc<Doorbell>,
    pushed: bool,
}

/// One core's end of the mesh.
pub struct Port<H> {
    core: CoreId,
    out: Vec<Option<Outlet<H>>>,
    inlets: Vec<Option<rtrb::Consumer<H>>>,
    bell: Arc<Doorbell>,
    stop_seen: bool,
    /// Of all cores.
    bells: Vec<Arc<Doorbell>>,
    /// Connections handed out so far, by all cores.
    turn: Arc<AtomicUsize>,
    /// Whether one of the cores is at the door.
    door: Arc<AtomicBool>,
}

/// Connects `cores` cores, each with each.
pub fn mesh<H>(cores: usize) -> io::Result<(Vec<Port<H>>, Stopper)> {
    let bells = (0..cores)
        .map(|_| {
            Ok(Arc::new(Doorbell {
                waker: Waker::new()?,
                sleeping: AtomicBool::new(false),
                stop: AtomicBool::new(false),
                sits: AtomicBool::new(false),
                handed: Mutex::default(),
                has_handed: AtomicBool::new(false),
            }))
        })
        .collect::<io::Result<Vec<_>>>()?;
    let (turn, door) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut ports: Vec<Port<H>> = (0..cores)
        .map(|core| Port {
            core: CoreId(core as u16),
            out: Vec::new(),
            inlets: (0..cores).map(|_| None).collect(),
            bell: bells[core].clone(),
            stop_seen: false,
            bells: bells.clone(),
            turn: turn.clone(),
            door: door.clone(),
        })
        .collect();
    for from in 0..cores {
        for to in 0..cores {
            if from == to {
                ports[from].out.push(None);
                continue;
            }
            let (producer, consumer) = rtrb::RingBuffer::new(RING_MESSAGES_MAX);
            ports[from].out.push(Some(Outlet {
                ring: producer,
                waiting: Default::default(),
                bell: bells[to].clone(),
                pushed: false,
            }));
            ports[to].inlets[from] = Some(consumer);
        }
    }
    Ok((ports, Stopper(bells)))
}

impl<H> Port<H> {
    pub fn core(&self) -> CoreId {
        self.core
    }
    pub fn waker(&self) -> &Waker {
        &self.bell.waker
    }
    pub fn alarm(&self) -> Alarm {
        Alarm(self.bell.clone())
    }

    /// Queues `msg`; [`Port::flush`] shows it to the other core.
    pub fn push(&mut self, to: CoreId, msg: H) {
        let outlet = self.out[to.0 as usize].as_mut().expect("a core does not hop to itself");
        outlet.waiting.push_back(msg);
        outlet.pushed = true;
    }

    /// Moves what was pushed into the rings, as far as there is room, and wakes sleepers once each.
    pub fn flush(&mut self) {
        for outlet in self.out.iter_mut().flatten() {
            if !outlet.pushed {
                continue;
            }
            let mut moved = false;
            while let Some(msg) = outlet.waiting.pop_front() {
                match outlet.ring.push(msg) {
                    Ok(()) => moved = true,
                    Err(rtrb::PushError::Full(msg)) => {
                        outlet.waiting.push_front(msg);
                        break;
                    }
                }
            }
            outlet.pushed = !outlet.waiting.is_empty();
            if moved {
                // Pairs with the fence in `sleep`: either the sleeper sees the message, or this
                // core sees that it sleeps.
                fence(Ordering::SeqCst);
                if outlet.bell.sleeping.swap(false, Ordering::SeqCst) {
                    outlet.bell.waker.wake();
                }
            }
        }
    }

    /// Whether some message still waits for room in a ring.
    pub fn is_blocked(&self) -> bool {
        self.out.iter().flatten().any(|o| o.pushed)
    }

    /// The next message from another core, taking the senders in turn of their index.
    pub fn pop(&mut self) -> Option<(CoreId, H)> {
        for (from, inlet) in self.inlets.iter_mut().enumerate() {
            if let Some(Ok(msg)) = inlet.as_mut().map(|i| i.pop()) {
                return Some((CoreId(from as u16), msg));
            }
        }
        None
    }

    /// From now on this core is handed its share of the connections that others accept.
    pub fn sit_down(&self) {
        self.bell.sits.store(true, Ordering::Release);
    }

    /// For a driver that cannot wait at a socket beside others: true for the core that asks first, which
    /// accepts for all.
    pub fn take_door(&self) -> bool {
        !self.door.swap(true, Ordering::Relaxed)
    }

    /// A connection to a socket at which several cores wait, of whom the kernel wakes the same one each
    /// time: goes in turn to the cores that have sat down. Given back if it is this one's.
    pub fn hand_out(&self, stream: TcpStream) -> Option<TcpStream> {
        let sits = |bell: &&Arc<Doorbell>| bell.sits.load(Ordering::Acquire);
        let count = self.bells.iter().filter(sits).count().max(1);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % count;
        let Some(bell) = self.bells.iter().filter(sits).nth(turn) else { return Some(stream) };
        if Arc::ptr_eq(bell, &self.bell) {
            return Some(stream);
        }
        let mut handed = bell.handed();
        handed.push_back(stream);
        bell.has_handed.store(true, Ordering::Release);
        drop(handed);
        bell.waker.wake();
        None
    }

    /// Whether another core has handed a connection to this one.
    pub fn has_handed(&self) -> bool {
        self.bell.has_handed.load(Ordering::Acquire)
    }

    /// The next connection that another core has handed to this one.
    pub fn take_handed(&self) -> Option<TcpStream> {
        if !self.has_handed() {
            return None;
        }
        let mut handed = self.bell.handed();
        let stream = handed.pop_front();
        self.bell.has_handed.store(!handed.is_empty(), Ordering::Release);
        stream
    }

    /// Whether [`Stopper::stop`] has been called and not yet taken.
    pub fn must_stop(&self) -> bool {
        !self.stop_seen && self.bell.stop.load(Ordering::SeqCst)
    }

    /// Announces that this core will block. Returns false if a message has come meanwhile: then it
    /// must not.
    pub fn sleep(&mut self) -> bool {
        self.bell.sleeping.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if self.inlets.iter().flatten().any(|i| !i.is_empty()) {
            self.awake();
            return false;
        }
        true
    }

    pub fn awake(&mut self) {
        self.bell.sleeping.store(false, Ordering::SeqCst);
    }

    /// True once, after [`Stopper::stop`].
    pub fn take_stop(&mut self) -> bool {
        let stop = self.must_stop();
        self.stop_seen |= stop;
        stop
    }
}

impl<H> Drop for Port<H> {
    fn drop(&mut self) {
        self.bell.sits.store(false, Ordering::Release);
        // Who was handed to this core meanwhile is closed.
        self.bell.handed().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_their_order_past_a_full_ring() {
        let (mut ports, _) = mesh::<usize>(2).unwrap();
        let mut b = ports.pop().unwrap();
        let mut a = ports.pop().unwrap();
        for i in 0..3 * RING_MESSAGES_MAX {
            a.push(CoreId(1), i);
        }
        let mut next = 0;
        while next < 3 * RING_MESSAGES_MAX {
            a.flush();
            while let Some((from, i)) = b.pop() {
                assert_eq!((from, i), (CoreId(0), next));
                next += 1;
            }
        }
        assert!(!a.is_blocked());
    }

    #[test]
    fn one_core_takes_the_door() {
        let (ports, _) = mesh::<()>(3).unwrap();
        assert_eq!(ports.iter().filter(|port| port.take_door()).count(), 1);
        assert!(!ports[0].take_door());
    }

    #[test]
    fn a_sleeper_is_woken_by_another_thread() {
        let (mut ports, _) = mesh::<usize>(2).unwrap();
        let mut b = ports.pop().unwrap();
        let mut a = ports.pop().unwrap();
        let rounds = 2000;
        let sender = std::thread::spawn(move || {
            for i in 0..rounds {
                a.push(CoreId(1), i);
                a.flush();
                if i % 7 == 0 {
                    std::thread::yield_now();
                }
            }
            while a.is_blocked() {
                a.flush();
            }
        });
        let mut next = 0;
        while next < rounds {
            match b.pop() {
                Some((_, i)) => {
                    assert_eq!(i, next);
                    next += 1;
                }
                None if b.sleep() => {
                    let mut poll =
                        libc::pollfd { fd: b.waker().fd(), events: libc::POLLIN, revents: 0 };
                    // SAFETY: one pollfd, described by its pointer and the count 1.
                    let ready = unsafe { libc::poll(&mut poll, 1, 5000) };
                    assert_eq!(ready, 1, "no wake-up within 5 s at message {next}");
                    b.waker().clear();
                    b.awake();
                }
                None => {}
            }
        }
        sender.join().unwrap();
    }
}
