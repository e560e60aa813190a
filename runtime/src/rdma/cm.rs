//! rdma_cm: finds the way to an address and carries the first exchange.

use super::sys::{self, Cm, mask};
use super::verbs::{Context, QueuePair, RETRIES, RNR_RETRIES, Route};
use libc::c_void;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::RawFd;
use std::sync::Arc;

/// Connection requests that may wait.
const BACKLOG: i32 = 128;
const RESOLVE_MS: i32 = 1000;

/// Where events arrive.
pub struct Channel {
    lib: &'static Cm,
    raw: *mut sys::rdma_event_channel,
}

/// One end of a connection, or what listens.
pub struct CmId {
    channel: Arc<Channel>,
    raw: *mut sys::rdma_cm_id,
}

// SAFETY: librdmacm locks what its ids and channels share. A channel's fields do not change, its
// events are taken under a lock of the kernel's, and it is freed by the last who has it.
unsafe impl Send for Channel {}
// SAFETY: as above.
unsafe impl Sync for Channel {}
// SAFETY: as above; one thread at a time has the id, and `migrate` waits for events of it that
// another is still looking at.
unsafe impl Send for CmId {}

/// What an event is about.
pub struct CmEvent {
    /// The tag of the id that it came to; of the listening one for a request.
    pub tag: u64,
    pub kind: i32,
    pub status: i32,
    /// Of the peer's request or answer.
    pub private_data: Vec<u8>,
    /// The new id of a request.
    pub request: Option<CmId>,
}

fn done(result: i32) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

impl Channel {
    /// `None`: librdmacm is not there.
    pub fn new() -> Option<io::Result<Arc<Self>>> {
        let lib = Cm::get()?;
        // SAFETY: no arguments.
        let raw = unsafe { (lib.rdma_create_event_channel)() };
        if raw.is_null() {
            return Some(Err(io::Error::last_os_error()));
        }
        let channel = Arc::new(Self { lib, raw });
        // SAFETY: fcntl with integers on an open descriptor.
        let result = unsafe { libc::fcntl(channel.fd(), libc::F_SETFL, libc::O_NONBLOCK) };
        Some(done(result.min(0)).map(|()| channel))
    }

    pub fn fd(&self) -> RawFd {
        // SAFETY: the channel is there as long as this value.
        unsafe { (*self.raw).fd }
    }

    /// The next event; `None`: there is none.
    pub fn event(self: &Arc<Self>) -> Option<CmEvent> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: the channel is there and does not block.
        if unsafe { (self.lib.rdma_get_cm_event)(self.raw, &mut raw) } != 0 {
            return None;
        }
        // SAFETY: an event that the library has just returned is whole until it is acknowledged. Its
        // id is one of ours, or new; its private data are as long as it says, if there are any, and
        // all of its kinds begin with them.
        unsafe {
            let event = &*raw;
            let is_request = event.event == sys::cm_event::CONNECT_REQUEST;
            let owner = if is_request { event.listen_id } else { event.id };
            let conn = event.conn;
            let private_data = if conn.private_data.is_null() {
                Vec::new()
            } else {
                let len = conn.private_data_len as usize;
                std::slice::from_raw_parts(conn.private_data.cast::<u8>(), len).to_vec()
            };
            let found = CmEvent {
                tag: (*owner).context as u64,
                kind: event.event,
                status: event.status,
                private_data,
                request: is_request.then(|| CmId { channel: self.clone(), raw: event.id }),
            };
            (self.lib.rdma_ack_cm_event)(raw);
            Some(found)
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        // SAFETY: made and not freed; ids hold this value, so none is left.
        unsafe { (self.lib.rdma_destroy_event_channel)(self.raw) }
    }
}

impl CmId {
    /// `tag` comes with each of its events.
    pub fn new(channel: &Arc<Channel>, tag: u64, traffic_class: u8) -> io::Result<Self> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: the tag is not a pointer for the library, which only hands it back.
        done(unsafe {
            let tag = tag as usize as *mut c_void;
            (channel.lib.rdma_create_id)(channel.raw, &mut raw, tag, sys::RDMA_PS_TCP)
        })?;
        let id = Self { channel: channel.clone(), raw };
        if traffic_class != 0 {
            let mut tos = traffic_class;
            // SAFETY: the option is one byte.
            done(unsafe {
                (channel.lib.rdma_set_option)(
                    id.raw,
                    sys::OPTION_ID,
                    sys::OPTION_ID_TOS,
                    (&raw mut tos).cast(),
                    1,
                )
            })?;
        }
        Ok(id)
    }

    /// Its events come to `channel` from now on.
    pub fn migrate(&mut self, channel: &Arc<Channel>) -> io::Result<()> {
        // SAFETY: the id is there as long as this value, its old channel too until the end of this
        // function, and `channel` is there. No event of either is held by this thread.
        done(unsafe { (self.channel.lib.rdma_migrate_id)(self.raw, channel.raw) })?;
        self.channel = channel.clone();
        Ok(())
    }

    pub fn set_tag(&self, tag: u64) {
        // SAFETY: the id is there as long as this value; the field is ours.
        unsafe { (*self.raw).context = tag as usize as *mut c_void };
    }

    pub fn listen(&self, addr: SocketAddr) -> io::Result<()> {
        let (mut storage, _) = crate::socket::sockaddr(addr);
        // SAFETY: the address is whole and of a family that the library knows.
        unsafe {
            done((self.channel.lib.rdma_bind_addr)(self.raw, (&raw mut storage).cast()))?;
            done((self.channel.lib.rdma_listen)(self.raw, BACKLOG))
        }
    }

    pub fn resolve_addr(&self, addr: SocketAddr) -> io::Result<()> {
        let (mut storage, _) = crate::socket::sockaddr(addr);
        let to = (&raw mut storage).cast();
        // SAFETY: as above; the library chooses the source.
        done(unsafe {
            (self.channel.lib.rdma_resolve_addr)(self.raw, std::ptr::null_mut(), to, RESOLVE_MS)
        })
    }

    pub fn resolve_route(&self) -> io::Result<()> {
        // SAFETY: the id is there as long as this value; so in the functions below.
        done(unsafe { (self.channel.lib.rdma_resolve_route)(self.raw, RESOLVE_MS) })
    }

    /// Whether its way begins at the device and port of `context`.
    pub fn is_on(&self, context: &Context) -> bool {
        // SAFETY: once the address is resolved, `verbs` is an open device of the library's.
        unsafe {
            let id = &*self.raw;
            !id.verbs.is_null() && context.is_device_of(id.verbs) && id.port_num == context.port
        }
    }

    fn step(&self, pair: &QueuePair, state: i32, route: Route) -> io::Result<()> {
        let mut attr = sys::ibv_qp_attr { qp_state: state, ..Default::default() };
        let mut bits = 0;
        // SAFETY: the library fills in the attributes of that state, and which they are.
        done(unsafe { (self.channel.lib.rdma_init_qp_attr)(self.raw, &mut attr, &mut bits) })?;
        if state == sys::QPS_INIT {
            attr.qp_access_flags = sys::ACCESS_REMOTE_READ as u32;
            bits |= mask::ACCESS_FLAGS;
        } else {
            QueuePair::tune(&mut attr, route);
        }
        pair.modify(&mut attr, bits)
    }

    pub fn init(&self, pair: &QueuePair, route: Route) -> io::Result<()> {
        self.step(pair, sys::QPS_INIT, route)
    }

    /// Ready to receive and to send: when the peer's queue pair is known.
    pub fn ready(&self, pair: &QueuePair, route: Route) -> io::Result<()> {
        self.step(pair, sys::QPS_RTR, route)?;
        self.step(pair, sys::QPS_RTS, route)
    }

    fn param(queue_pair: u32, private_data: &[u8], route: Route) -> sys::rdma_conn_param {
        sys::rdma_conn_param {
            private_data: private_data.as_ptr().cast(),
            private_data_len: private_data.len() as u8,
            responder_resources: route.reads,
            initiator_depth: route.reads,
            flow_control: 1,
            retry_count: RETRIES,
            rnr_retry_count: RNR_RETRIES,
            srq: 1,
            qp_num: queue_pair,
        }
    }

    pub fn connect(&self, queue_pair: u32, data: &[u8], route: Route) -> io::Result<()> {
        let mut param = Self::param(queue_pair, data, route);
        // SAFETY: the private data live until the call returns, which copies them.
        done(unsafe { (self.channel.lib.rdma_connect)(self.raw, &mut param) })
    }

    pub fn accept(&self, queue_pair: u32, data: &[u8], route: Route) -> io::Result<()> {
        let mut param = Self::param(queue_pair, data, route);
        // SAFETY: as above.
        done(unsafe { (self.channel.lib.rdma_accept)(self.raw, &mut param) })
    }

    pub fn establish(&self) -> io::Result<()> {
        // SAFETY: see `resolve_route`.
        done(unsafe { (self.channel.lib.rdma_establish)(self.raw) })
    }

    /// A message has come from the peer: it is connected, whether or not its confirmation arrives.
    pub fn confirm(&self) {
        // SAFETY: see `resolve_route`. It fails where the confirmation was first.
        unsafe { (self.channel.lib.rdma_notify)(self.raw, sys::event::COMM_EST) };
    }

    pub fn reject(&self) {
        // SAFETY: see `resolve_route`. One that fails is rejected when the id goes.
        unsafe { (self.channel.lib.rdma_reject)(self.raw, std::ptr::null(), 0) };
    }

    pub fn disconnect(&self) {
        // SAFETY: see `resolve_route`. It fails where the peer was first.
        unsafe { (self.channel.lib.rdma_disconnect)(self.raw) };
    }

    /// Own address and the peer's.
    pub fn addrs(&self) -> (SocketAddr, SocketAddr) {
        // SAFETY: the id is there, and both are addresses that the library has filled in, or zero.
        unsafe { (address(&(*self.raw).src_addr), address(&(*self.raw).dst_addr)) }
    }
}

fn address(storage: &libc::sockaddr_storage) -> SocketAddr {
    let at = &raw const *storage;
    // SAFETY: sockaddr_storage is large enough and aligned for both, which are plain data, and the
    // family says which it is.
    unsafe {
        match i32::from(storage.ss_family) {
            libc::AF_INET => {
                let a = &*at.cast::<libc::sockaddr_in>();
                let ip = Ipv4Addr::from(u32::from_be(a.sin_addr.s_addr));
                SocketAddr::new(IpAddr::V4(ip), u16::from_be(a.sin_port))
            }
            libc::AF_INET6 => {
                let a = &*at.cast::<libc::sockaddr_in6>();
                let ip = Ipv6Addr::from(a.sin6_addr.s6_addr);
                SocketAddr::new(IpAddr::V6(ip), u16::from_be(a.sin6_port))
            }
            _ => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        }
    }
}

impl Drop for CmId {
    fn drop(&mut self) {
        // SAFETY: made and not freed. All its events are acknowledged, as each is when it is taken.
        unsafe { (self.channel.lib.rdma_destroy_id)(self.raw) };
    }
}
