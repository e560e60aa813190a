//! A device of RDMA, its queues and queue pairs, behind types that free them in the right order.

use super::counters;
use super::hello::Place;
use super::sys::{self, Verbs, event, mask};
use libc::{c_int, c_void};
use std::ffi::CStr;
use std::io;
use std::os::fd::RawFd;
use std::rc::Rc;

/// Why there is no RDMA on this machine.
#[derive(Debug)]
pub enum OpenError {
    NoLibrary,
    /// With the names of those that are there.
    NoDevice(Vec<String>),
    NoPort(u8),
    /// No GID of that index, or none at all.
    NoGid,
    Refused(&'static str, io::Error),
}
impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoLibrary => write!(f, "libibverbs.so.1 is not there, or lacks functions"),
            Self::NoDevice(names) if names.is_empty() => write!(f, "there is no RDMA device"),
            Self::NoDevice(names) => {
                write!(f, "no such RDMA device, there is {}", names.join(", "))
            }
            Self::NoPort(port) => write!(f, "the device has no port {port}"),
            Self::NoGid => write!(f, "the port has no such GID"),
            Self::Refused(what, e) => write!(f, "{what}: {e}"),
        }
    }
}
impl std::error::Error for OpenError {}

fn refused(what: &'static str) -> OpenError {
    OpenError::Refused(what, io::Error::last_os_error())
}

fn set_nonblocking(fd: RawFd) -> Result<(), OpenError> {
    // SAFETY: fcntl with integers on an open descriptor.
    let result = unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK) };
    if result < 0 { Err(refused("fcntl")) } else { Ok(()) }
}

/// What a device can do, of what is asked for here.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub completions: u32,
    pub receives: u32,
    /// Reads under way on one queue pair: those that we serve, and those that we begin.
    pub reads_served: u8,
    pub reads_begun: u8,
}

#[derive(Debug, Clone, Copy)]
pub struct PortState {
    pub is_active: bool,
    pub mtu: u8,
    pub lid: u16,
}

/// Something that the device reports by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsyncEvent {
    /// The queue pair with this number is of no more use.
    QueuePair {
        number: u32,
        event: i32,
    },
    /// It takes no more receive buffers: it is in the error state.
    LastReceive {
        number: u32,
    },
    Port {
        port: u8,
        is_up: bool,
    },
    /// The device, or a queue that all connections share, is of no more use.
    Fatal {
        event: i32,
    },
    /// Changes nothing here: addresses, keys, paths.
    Other {
        event: i32,
    },
}

/// An open device with its protection domain.
pub struct Context {
    lib: &'static Verbs,
    raw: *mut sys::ibv_context,
    pd: *mut sys::ibv_pd,
    pub limits: Limits,
    pub port: u8,
    name: String,
}

impl Context {
    pub fn open(name: &str, port: u8) -> Result<Rc<Self>, OpenError> {
        let lib = Verbs::get().ok_or(OpenError::NoLibrary)?;
        let raw = open_device(lib, name)?;
        // SAFETY: `raw` is an open device.
        let pd = unsafe { (lib.ibv_alloc_pd)(raw) };
        if pd.is_null() {
            let e = refused("ibv_alloc_pd");
            // SAFETY: `raw` is open and nothing of it is in use.
            unsafe { (lib.ibv_close_device)(raw) };
            return Err(e);
        }
        let none = Limits { completions: 0, receives: 0, reads_served: 0, reads_begun: 0 };
        // From here on the value frees what it has.
        let mut context = Self { lib, raw, pd, limits: none, port, name: name.to_owned() };
        // SAFETY: the attributes are plain data, for which zero is valid, and as large as the
        // library's; the query fills them in.
        let (result, attr) = unsafe {
            let mut attr: sys::ibv_device_attr = std::mem::zeroed();
            ((lib.ibv_query_device)(raw, &mut attr), attr)
        };
        if result != 0 {
            return Err(OpenError::Refused(
                "ibv_query_device",
                io::Error::from_raw_os_error(result.abs()),
            ));
        }
        context.limits = Limits {
            completions: attr.max_cqe.max(1) as u32,
            receives: attr.max_srq_wr.max(1) as u32,
            reads_served: attr.max_qp_rd_atom.clamp(1, 255) as u8,
            reads_begun: attr.max_qp_init_rd_atom.clamp(1, 255) as u8,
        };
        context.port_state().ok_or(OpenError::NoPort(port))?;
        set_nonblocking(context.async_fd())?;
        Ok(Rc::new(context))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn port_state(&self) -> Option<PortState> {
        // SAFETY: as for the device's attributes.
        let (result, attr) = unsafe {
            let mut attr: sys::ibv_port_attr = std::mem::zeroed();
            ((self.lib.ibv_query_port)(self.raw, self.port, &mut attr), attr)
        };
        (result == 0).then_some(PortState {
            is_active: attr.state == sys::PORT_STATE_ACTIVE,
            mtu: attr.active_mtu.clamp(1, 5) as u8,
            lid: attr.lid,
        })
    }

    fn gid_at(&self, index: u8) -> Option<[u8; 16]> {
        let mut gid = [0; 16];
        // SAFETY: the library writes 16 bytes.
        let result =
            unsafe { (self.lib.ibv_query_gid)(self.raw, self.port, index as c_int, &mut gid) };
        (result == 0 && gid != [0; 16]).then_some(gid)
    }

    /// The GID of `index`; or the first of RoCE v2 that is an IPv4 address, else the first there is.
    pub fn gid(&self, index: Option<u8>) -> Result<(u8, [u8; 16]), OpenError> {
        if let Some(index) = index {
            return self.gid_at(index).map(|gid| (index, gid)).ok_or(OpenError::NoGid);
        }
        let is_v2 = |index: u8| {
            let file = format!(
                "/sys/class/infiniband/{}/ports/{}/gid_attrs/types/{index}",
                self.name, self.port
            );
            std::fs::read_to_string(file).is_ok_and(|text| text.trim() == "RoCE v2")
        };
        let all: Vec<_> = (0..=u8::MAX).filter_map(|i| Some((i, self.gid_at(i)?))).collect();
        let mapped = |gid: &[u8; 16]| gid[..12] == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
        let best = all.iter().find(|(i, gid)| mapped(gid) && is_v2(*i)).or(all.first());
        best.copied().ok_or(OpenError::NoGid)
    }

    pub fn async_fd(&self) -> RawFd {
        // SAFETY: the context is open as long as this value.
        unsafe { (*self.raw).async_fd }
    }

    /// The next event; `None`: there is none.
    pub fn async_event(&self) -> Option<AsyncEvent> {
        let mut raw = sys::ibv_async_event { element: std::ptr::null_mut(), event_type: 0 };
        // SAFETY: the context is open; the descriptor does not block.
        if unsafe { (self.lib.ibv_get_async_event)(self.raw, &mut raw) } != 0 {
            return None;
        }
        let kind = raw.event_type;
        // SAFETY: only called for events of queue pairs, whose element points to one, which is not
        // freed before its events are acknowledged.
        let number = || unsafe { (*raw.element.cast::<sys::ibv_qp>()).qp_num };
        let found = match kind {
            event::QP_FATAL | event::QP_REQ_ERR | event::QP_ACCESS_ERR | event::PATH_MIG_ERR => {
                AsyncEvent::QueuePair { number: number(), event: kind }
            }
            event::QP_LAST_WQE_REACHED => AsyncEvent::LastReceive { number: number() },
            event::PORT_ACTIVE | event::PORT_ERR => AsyncEvent::Port {
                port: raw.element as usize as u8,
                is_up: kind == event::PORT_ACTIVE,
            },
            event::CQ_ERR | event::SRQ_ERR | event::DEVICE_FATAL => {
                AsyncEvent::Fatal { event: kind }
            }
            _ => AsyncEvent::Other { event: kind },
        };
        // SAFETY: got from the library and not acknowledged yet.
        unsafe { (self.lib.ibv_ack_async_event)(&mut raw) };
        Some(found)
    }

    /// Whether another open context is of the same device.
    ///
    /// # Safety
    /// `other` is open.
    pub unsafe fn is_device_of(&self, other: *mut sys::ibv_context) -> bool {
        // SAFETY: the caller's promise.
        let name = unsafe { CStr::from_ptr((*(*other).device).name.as_ptr()) };
        name.to_bytes() == self.name.as_bytes()
    }

    /// Makes memory known to the device.
    ///
    /// # Safety
    /// The memory stays as it is until the answer is dropped.
    pub unsafe fn register(
        self: &Rc<Self>,
        start: *mut u8,
        len: usize,
        access: c_int,
    ) -> io::Result<Registered> {
        // SAFETY: the caller's promise; the domain lives as long as `self`.
        let raw = unsafe { (self.lib.ibv_reg_mr)(self.pd, start.cast::<c_void>(), len, access) };
        if raw.is_null() {
            return Err(io::Error::last_os_error());
        }
        counters::REGISTERED_BYTES.add(len as i64);
        // SAFETY: the region was just made.
        let (lkey, rkey) = unsafe { ((*raw).lkey, (*raw).rkey) };
        Ok(Registered { context: self.clone(), raw, len, lkey, rkey })
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: both are open, and everything made of them holds this value.
        unsafe {
            (self.lib.ibv_dealloc_pd)(self.pd);
            (self.lib.ibv_close_device)(self.raw);
        }
    }
}

fn open_device(lib: &'static Verbs, name: &str) -> Result<*mut sys::ibv_context, OpenError> {
    let mut count = 0;
    // SAFETY: the library writes the count and returns an array of so many devices.
    let list = unsafe { (lib.ibv_get_device_list)(&mut count) };
    if list.is_null() {
        return Err(OpenError::NoDevice(Vec::new()));
    }
    let mut names = Vec::new();
    let mut opened = None;
    for i in 0..count.max(0) as usize {
        // SAFETY: within the array; a device's name ends with a zero.
        let (device, found) = unsafe {
            let device = *list.add(i);
            (device, CStr::from_ptr((*device).name.as_ptr()).to_string_lossy().into_owned())
        };
        if found == name {
            // SAFETY: a device of the list, which is not freed yet.
            opened = Some(unsafe { (lib.ibv_open_device)(device) });
            break;
        }
        names.push(found);
    }
    let failed = refused("ibv_open_device");
    // SAFETY: the list that the library returned; an open device holds its own reference.
    unsafe { (lib.ibv_free_device_list)(list) };
    match opened {
        Some(raw) if !raw.is_null() => Ok(raw),
        Some(_) => Err(failed),
        None => Err(OpenError::NoDevice(names)),
    }
}

/// Memory that the device knows.
pub struct Registered {
    context: Rc<Context>,
    raw: *mut sys::ibv_mr,
    len: usize,
    pub lkey: u32,
    pub rkey: u32,
}

impl Drop for Registered {
    fn drop(&mut self) {
        // SAFETY: registered and not released yet.
        unsafe { (self.context.lib.ibv_dereg_mr)(self.raw) };
        counters::REGISTERED_BYTES.add(-(self.len as i64));
    }
}

/// What all connections of a core share: the completion queue with its channel, and the queue of
/// receive buffers.
pub struct Queues {
    context: Rc<Context>,
    channel: *mut sys::ibv_comp_channel,
    cq: *mut sys::ibv_cq,
    srq: *mut sys::ibv_srq,
}

impl Queues {
    pub fn new(
        context: &Rc<Context>,
        completions: u32,
        receives: u32,
    ) -> Result<Rc<Self>, OpenError> {
        let lib = context.lib;
        let none = std::ptr::null_mut();
        let mut queues = Self {
            context: context.clone(),
            channel: std::ptr::null_mut(),
            cq: std::ptr::null_mut(),
            srq: std::ptr::null_mut(),
        };
        // SAFETY: the context is open. What was made is freed when `queues` is dropped.
        unsafe {
            queues.channel = (lib.ibv_create_comp_channel)(context.raw);
            if queues.channel.is_null() {
                return Err(refused("ibv_create_comp_channel"));
            }
            set_nonblocking((*queues.channel).fd)?;
            let entries = completions as c_int;
            queues.cq = (lib.ibv_create_cq)(context.raw, entries, none, queues.channel, 0);
            if queues.cq.is_null() {
                return Err(refused("ibv_create_cq"));
            }
            let mut attr = sys::ibv_srq_init_attr {
                srq_context: none,
                max_wr: receives,
                max_sge: 1,
                srq_limit: 0,
            };
            queues.srq = (lib.ibv_create_srq)(context.pd, &mut attr);
            if queues.srq.is_null() {
                return Err(refused("ibv_create_srq"));
            }
        }
        Ok(Rc::new(queues))
    }

    pub fn fd(&self) -> RawFd {
        // SAFETY: the channel is there as long as this value.
        unsafe { (*self.channel).fd }
    }

    /// Asks for an event with the next completion.
    pub fn arm(&self) -> bool {
        // SAFETY: the queue is there as long as this value, and the provider filled in its function.
        unsafe { ((*self.context.raw).ops.req_notify_cq)(self.cq, 0) == 0 }
    }

    /// Takes what the channel has to say.
    pub fn clear(&self) {
        let (mut cq, mut context) = (std::ptr::null_mut(), std::ptr::null_mut());
        let lib = self.context.lib;
        // SAFETY: the channel is there and does not block; each event is acknowledged at once.
        unsafe {
            while (lib.ibv_get_cq_event)(self.channel, &mut cq, &mut context) == 0 {
                (lib.ibv_ack_cq_events)(cq, 1);
            }
        }
    }

    /// Takes completions, up to the room in `out`.
    pub fn poll(&self, out: &mut [sys::ibv_wc]) -> Result<usize, ()> {
        // SAFETY: `out` has room for as many as are asked for.
        let count = unsafe {
            ((*self.context.raw).ops.poll_cq)(self.cq, out.len() as c_int, out.as_mut_ptr())
        };
        usize::try_from(count).map_err(drop)
    }

    /// Gives a buffer to receive into.
    ///
    /// # Safety
    /// The memory is registered with `lkey`, and nobody uses it until its completion.
    pub unsafe fn post_receive(&self, id: u64, at: u64, len: u32, lkey: u32) -> io::Result<()> {
        let mut part = sys::ibv_sge { addr: at, length: len, lkey };
        let mut request = sys::ibv_recv_wr {
            wr_id: id,
            next: std::ptr::null_mut(),
            sg_list: &mut part,
            num_sge: 1,
        };
        let mut bad = std::ptr::null_mut();
        // SAFETY: the request and its part live until the call returns; the memory is the caller's
        // promise.
        let result =
            unsafe { ((*self.context.raw).ops.post_srq_recv)(self.srq, &mut request, &mut bad) };
        posted(result)
    }
}

impl Drop for Queues {
    fn drop(&mut self) {
        let lib = self.context.lib;
        // SAFETY: each was made and is not freed; queue pairs hold this value, so none is left.
        unsafe {
            if !self.srq.is_null() {
                (lib.ibv_destroy_srq)(self.srq);
            }
            if !self.cq.is_null() {
                (lib.ibv_destroy_cq)(self.cq);
            }
            if !self.channel.is_null() {
                (lib.ibv_destroy_comp_channel)(self.channel);
            }
        }
    }
}

fn posted(result: c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(result.abs())) }
}

/// What can be chosen about the way between two queue pairs.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    pub gid_index: u8,
    pub traffic_class: u8,
    /// As verbs number them: 1 is 256 bytes, 5 is 4096.
    pub mtu: u8,
    pub reads: u8,
    /// An acknowledgement is waited for 4.096 us * 2^timeout.
    pub timeout: u8,
}

/// How often a packet is sent again before the connection breaks: with the usual 67 ms each an
/// unreachable peer is noticed in about half a second to two. Not 7, which soft RoCE takes for ever.
pub const RETRIES: u8 = 6;
/// 0.64 ms, as verbs number them. With credits there is always a buffer.
const RNR_TIMER: u8 = 12;
pub const RNR_RETRIES: u8 = 6;

/// One reliable connection.
pub struct QueuePair {
    queues: Rc<Queues>,
    raw: *mut sys::ibv_qp,
    pub number: u32,
    inline_bytes: u32,
}

impl QueuePair {
    pub fn new(queues: &Rc<Queues>, sends: u32) -> io::Result<Self> {
        let context = &queues.context;
        let make = |inline: u32| {
            let mut attr = sys::ibv_qp_init_attr {
                qp_context: std::ptr::null_mut(),
                send_cq: queues.cq,
                recv_cq: queues.cq,
                srq: queues.srq,
                cap: sys::ibv_qp_cap {
                    max_send_wr: sends,
                    max_recv_wr: 0,
                    max_send_sge: 1,
                    max_recv_sge: 0,
                    max_inline_data: inline,
                },
                qp_type: sys::QPT_RC,
                sq_sig_all: 0,
            };
            // SAFETY: domain and queues are there as long as `queues`, which the value holds.
            unsafe { (context.lib.ibv_create_qp)(context.pd, &mut attr) }
        };
        // Not every device takes as many bytes with the request itself.
        for inline_bytes in [220, 64, 0] {
            let raw = make(inline_bytes);
            if !raw.is_null() {
                counters::QUEUE_PAIRS.add(1);
                // SAFETY: the queue pair was just made.
                let number = unsafe { (*raw).qp_num };
                return Ok(Self { queues: queues.clone(), raw, number, inline_bytes });
            }
        }
        Err(io::Error::last_os_error())
    }

    pub fn modify(&self, attr: &mut sys::ibv_qp_attr, mask: c_int) -> io::Result<()> {
        // SAFETY: the queue pair is there as long as this value, and the attributes are the
        // library's own structure.
        posted(unsafe { (self.queues.context.lib.ibv_modify_qp)(self.raw, attr, mask) })
    }

    /// First state, for a connection that is made without rdma_cm.
    pub fn init(&self) -> io::Result<()> {
        let mut attr = sys::ibv_qp_attr {
            qp_state: sys::QPS_INIT,
            port_num: self.queues.context.port,
            qp_access_flags: sys::ACCESS_REMOTE_READ as u32,
            ..Default::default()
        };
        self.modify(&mut attr, mask::STATE | mask::PKEY_INDEX | mask::PORT | mask::ACCESS_FLAGS)
    }

    /// Ready to receive from `peer` and to send to it.
    pub fn connect(&self, peer: &Place, packet: u32, route: Route) -> io::Result<()> {
        let ah_attr = sys::ibv_ah_attr {
            grh: sys::ibv_global_route {
                dgid: peer.gid,
                flow_label: 0,
                sgid_index: route.gid_index,
                hop_limit: 64,
                traffic_class: route.traffic_class,
            },
            dlid: peer.lid,
            is_global: 1,
            port_num: self.queues.context.port,
            ..Default::default()
        };
        let mut attr = sys::ibv_qp_attr {
            qp_state: sys::QPS_RTR,
            path_mtu: route.mtu.min(peer.mtu) as c_int,
            dest_qp_num: peer.queue_pair,
            rq_psn: peer.packet,
            max_dest_rd_atomic: route.reads,
            min_rnr_timer: RNR_TIMER,
            ah_attr,
            ..Default::default()
        };
        let receive = mask::STATE
            | mask::AV
            | mask::PATH_MTU
            | mask::DEST_QPN
            | mask::RQ_PSN
            | mask::MAX_DEST_RD_ATOMIC
            | mask::MIN_RNR_TIMER;
        self.modify(&mut attr, receive)?;
        let mut attr = sys::ibv_qp_attr {
            qp_state: sys::QPS_RTS,
            sq_psn: packet,
            timeout: route.timeout,
            retry_cnt: RETRIES,
            rnr_retry: RNR_RETRIES,
            max_rd_atomic: route.reads,
            ..Default::default()
        };
        let send = mask::STATE
            | mask::SQ_PSN
            | mask::TIMEOUT
            | mask::RETRY_CNT
            | mask::RNR_RETRY
            | mask::MAX_RD_ATOMIC;
        self.modify(&mut attr, send)
    }

    /// Settings of ours on what rdma_cm has found out, for the two states of [`QueuePair::connect`].
    pub fn tune(attr: &mut sys::ibv_qp_attr, route: Route) {
        attr.max_dest_rd_atomic = route.reads;
        attr.max_rd_atomic = route.reads;
        attr.min_rnr_timer = RNR_TIMER;
        attr.path_mtu = attr.path_mtu.min(route.mtu as c_int);
        attr.rnr_retry = RNR_RETRIES;
        attr.retry_cnt = RETRIES;
        attr.timeout = route.timeout;
    }

    /// Everything under way ends, with an error.
    pub fn fail(&self) {
        let mut attr = sys::ibv_qp_attr { qp_state: sys::QPS_ERR, ..Default::default() };
        // One that fails already is in that state, or its device is gone.
        let _ = self.modify(&mut attr, mask::STATE);
    }

    /// Sends a message.
    ///
    /// # Safety
    /// The memory is registered with `lkey`, and nobody changes it until its completion.
    pub unsafe fn send(&self, id: u64, at: u64, len: u32, lkey: u32) -> io::Result<()> {
        let inline = if len <= self.inline_bytes { sys::SEND_INLINE } else { 0 };
        // SAFETY: the caller's promise.
        unsafe { self.post(id, sys::WR_SEND, inline, (at, len, lkey), (0, 0)) }
    }

    /// Fetches memory of the peer: `from` is its address and key.
    ///
    /// # Safety
    /// As for [`QueuePair::send`], and nobody reads the memory until then.
    pub unsafe fn read(
        &self,
        id: u64,
        at: u64,
        len: u32,
        lkey: u32,
        from: (u64, u32),
    ) -> io::Result<()> {
        // SAFETY: the caller's promise.
        unsafe { self.post(id, sys::WR_READ, 0, (at, len, lkey), from) }
    }

    unsafe fn post(
        &self,
        id: u64,
        opcode: c_int,
        flags: u32,
        (addr, length, lkey): (u64, u32, u32),
        (remote_addr, rkey): (u64, u32),
    ) -> io::Result<()> {
        let mut part = sys::ibv_sge { addr, length, lkey };
        let mut request = sys::ibv_send_wr {
            wr_id: id,
            next: std::ptr::null_mut(),
            sg_list: &mut part,
            num_sge: 1,
            opcode,
            send_flags: sys::SEND_SIGNALED | flags,
            imm_data: 0,
            remote_addr,
            rkey,
            _rest: [0; 9],
        };
        let mut bad = std::ptr::null_mut();
        // SAFETY: the request and its part live until the call returns; the memory is the caller's
        // promise; the queue pair and its context are there.
        let result =
            unsafe { ((*self.queues.context.raw).ops.post_send)(self.raw, &mut request, &mut bad) };
        posted(result)
    }
}

impl Drop for QueuePair {
    fn drop(&mut self) {
        // SAFETY: made and not freed yet; its events are acknowledged as soon as they are taken.
        unsafe { (self.queues.context.lib.ibv_destroy_qp)(self.raw) };
        counters::QUEUE_PAIRS.add(-1);
    }
}
