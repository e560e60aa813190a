//! RDMA on the core's ring: its descriptors are polled there, and its events become inputs.

use super::Core;
use super::ops::Op;
use crate::rdma::{Event, Rdma, RdmaConfig, Way};
use io_uring::{opcode, types as ring};
use std::net::{SocketAddr, TcpListener, TcpStream};
use types::node::{ConnId, Effect, Input, LogLevel, Node};

impl<H> Core<H> {
    /// Where the device cannot be had, everything goes over TCP.
    pub(super) fn open_rdma(&mut self, config: RdmaConfig, listeners: &[TcpListener]) {
        let listen: Vec<_> = listeners.iter().filter_map(|l| l.local_addr().ok()).collect();
        let (name, way) = (config.device.clone(), config.way);
        let (level, text) = match Rdma::new(config, self.port.core(), &listen, self.slabs.clone()) {
            Ok(rdma) => {
                self.rdma = Some(rdma);
                let way = if way == Way::Cm { "rdma_cm" } else { "TCP" };
                (LogLevel::Info, format!("RDMA device {name}, connections by {way}"))
            }
            Err(e) => (LogLevel::Warn, format!("connections go over TCP: RDMA device {name}: {e}")),
        };
        (self.log)(self.clock.now(), level, &text);
        self.watch_rdma();
    }

    pub(super) fn connect_rdma(&mut self, conn: ConnId, addr: SocketAddr) -> bool {
        let now = self.clock.now().mono;
        self.rdma.as_mut().is_some_and(|rdma| rdma.connect(conn, addr, now))
    }

    /// If it has this connection.
    pub(super) fn rdma_of(&mut self, conn: ConnId) -> Option<&mut Rdma> {
        self.rdma.as_mut().filter(|rdma| rdma.has(conn))
    }

    /// A TCP connection that is this core's: the node's at once, or RDMA looks what it wants.
    pub(super) fn take(&mut self, stream: TcpStream) -> Option<Input<H>> {
        let now = self.clock.now().mono;
        match self.rdma.as_mut().filter(|rdma| rdma.peeks()) {
            Some(rdma) => {
                rdma.accepted(stream, now);
                None
            }
            None => self.net.accepted_stream(stream),
        }
    }

    /// Posts what the turn's effects send.
    pub(super) fn flush_rdma(&mut self) {
        if let Some(rdma) = &mut self.rdma {
            rdma.flush();
        }
        self.watch_rdma();
    }

    fn watch_rdma(&mut self) {
        let Some(rdma) = &mut self.rdma else { return };
        let watches: Vec<_> = rdma.take_watches().collect();
        for watch in watches {
            let entry = opcode::PollAdd::new(ring::Fd(watch.fd), watch.events as u32).build();
            self.submit(Op::Rdma { token: watch.token }, entry);
        }
    }

    /// Gives the node what has come, and says how much that was.
    pub(super) fn turn_rdma<N: Node<Hop = H>>(
        &mut self,
        node: &mut N,
        effects: &mut Vec<Effect<H>>,
    ) -> usize {
        let mut events = 0;
        if self.rdma.is_none() {
            return events;
        }
        let now = self.clock.now();
        if let Some(rdma) = &mut self.rdma {
            rdma.turn(now.mono);
        }
        while let Some(event) = self.rdma.as_mut().and_then(Rdma::next_event) {
            events += 1;
            if let Some(input) = self.rdma_event(event) {
                node.handle(now, input, effects);
            }
        }
        self.watch_rdma();
        events
    }

    /// The same when the node has ended.
    pub(super) fn turn_rdma_alone(&mut self) {
        let now = self.clock.now().mono;
        if let Some(rdma) = &mut self.rdma {
            rdma.turn(now);
            while rdma.next_event().is_some() {}
        }
        self.watch_rdma();
    }

    fn rdma_event(&mut self, event: Event) -> Option<Input<H>> {
        Some(match event {
            Event::Accepted { conn, local, peer } => Input::Accepted { conn, local, peer },
            Event::Connected { conn, local, peer } => Input::Connected { conn, local, peer },
            Event::Received { conn, buf } => Input::Received { conn, buf },
            Event::Sent { conn, bytes } => Input::Sent { conn, bytes },
            Event::Closed { conn, reason } => Input::Closed { conn, reason },
            Event::Fallback { conn, addr } => {
                self.connect(conn, addr);
                return None;
            }
            Event::Plain { stream } => return self.net.accepted_stream(stream),
            Event::Log { level, text } => {
                (self.log)(self.clock.now(), level, &text);
                return None;
            }
        })
    }
}
