//! Which session a connection belongs to: IDENT, reconnects, resets and races.
//!
//! A lossless session is known to both ends by two cookies, one made by each. A connection that knows
//! both continues it (SESSION_RECONNECT); one that knows none of the peer's starts it (CLIENT_IDENT).
//! When both ends dial at once the connection of the lower address wins and the other waits.

use super::*;
use crate::auth::AuthMethod;
use crate::frame::tag;
use crate::session::ident::{ClientIdent, FLAG_LOSSY, Reconnect, ServerIdent};
use types::enc::Encode;
use types::features;

/// Why a transport that lost is closed without further ado.
const REPLACED: CloseCause = CloseCause::Replaced;

fn same_place(a: &EntityAddr, b: &EntityAddr) -> bool {
    let any_ip = |x: &EntityAddr| x.sock.is_some_and(|s| s.ip().is_unspecified());
    let port = |x: &EntityAddr| x.sock.map(|s| s.port());
    a.nonce == b.nonce && (a.sock == b.sock || (any_ip(a) && port(a) == port(b)))
}

impl Messenger {
    /// Dials the target of a session on a new connection.
    pub(super) fn dial<H>(&mut self, now: Now, id: ConnId, fx: &mut Vec<Effect<H>>) {
        let conn = self.new_conn();
        self.dial_as(now, id, conn, fx);
    }

    pub(super) fn dial_as<H>(
        &mut self,
        now: Now,
        id: ConnId,
        conn: ConnId,
        fx: &mut Vec<Effect<H>>,
    ) {
        let s = self.sessions.get_mut(&id).expect("the caller looked it up");
        s.redial_at = Instant::NEVER;
        let (Some(target), Some(credentials)) = (s.target, s.credentials.clone()) else { return };
        let Some(addr) = target.sock else { return };
        if s.transport.is_some() {
            return;
        }
        if s.peer_cookie.is_some() {
            s.connect_seq += 1;
            self.counters.reconnects += 1;
        }
        self.counters.dialled += 1;
        self.global_seq += 1;
        s.transport = Some(conn);
        let modes = match s.kind {
            EntityKind::Mon => self.config.modes_to_mon.clone(),
            _ => self.config.modes_to_service.clone(),
        };
        let link = Link::dial(target, s.kind, credentials, modes);
        self.transports.insert(conn, Transport::new(link, Some(id), addr, now.mono));
        self.arm_transport(conn);
        fx.push(Effect::Connect { conn, addr });
    }

    pub(super) fn on_link_event<H>(
        &mut self,
        now: Now,
        conn: ConnId,
        event: LinkEvent,
        events: &mut Vec<Event>,
        fx: &mut Vec<Effect<H>>,
    ) -> Result<(), CloseCause> {
        match event {
            LinkEvent::Message { .. } => unreachable!("on_received takes messages"),
            LinkEvent::ClientIdent(ident) => self.on_client_ident(conn, ident, events, fx),
            LinkEvent::Reconnect(reconnect) => self.on_reconnect(conn, reconnect, events, fx),
            LinkEvent::AuthRefused { errno, methods, modes } => {
                if let Some(id) = self.transports[&conn].session {
                    events.push(Event::AuthFailed {
                        conn: id,
                        errno,
                        allowed_methods: methods,
                        allowed_modes: modes,
                    });
                }
                Err(CloseCause::AuthRefused { errno })
            }
            dialled => self.on_dialled_event(now, conn, dialled, events, fx),
        }
    }

    /// Events of connections that we dialled, and ACKs.
    fn on_dialled_event<H>(
        &mut self,
        now: Now,
        conn: ConnId,
        event: LinkEvent,
        events: &mut Vec<Event>,
        fx: &mut Vec<Effect<H>>,
    ) -> Result<(), CloseCause> {
        let id = self.transports[&conn].session.ok_or(REPLACED)?;
        let s = self.sessions.get_mut(&id).ok_or(REPLACED)?;
        match event {
            LinkEvent::Authenticated => self.identify(conn, id, fx),
            LinkEvent::ServerIdent(ident) => self.on_server_ident(conn, id, ident, events, fx),
            LinkEvent::ReconnectOk { seq } => {
                if s.peer_cookie.is_none() {
                    return Err(CloseCause::Protocol("RECONNECT_OK without a reconnect"));
                }
                s.drop_acked(seq)?;
                let (addrs, num, features) = match &s.peer {
                    Some(p) => (p.addrs.clone(), p.name.num, p.features),
                    // The peer had dialled and its SERVER_IDENT never came here.
                    None => {
                        let target = EntityAddrVec(s.target.into_iter().collect());
                        (target, -1, self.config.features)
                    }
                };
                self.become_ready(conn, id, addrs, num, features, events);
                self.replay(id, fx);
                Ok(())
            }
            LinkEvent::Reset => {
                if s.policy == Policy::Lossy {
                    return Err(CloseCause::Reset);
                }
                self.reset_session(id, events);
                self.identify(conn, id, fx)
            }
            LinkEvent::Retry { connect_seq } => {
                s.connect_seq = s.connect_seq.max(connect_seq).saturating_add(1);
                self.identify(conn, id, fx)
            }
            LinkEvent::RetryGlobal { global_seq } => {
                self.global_seq = self.global_seq.max(global_seq).saturating_add(1);
                self.identify(conn, id, fx)
            }
            LinkEvent::Wait => {
                // The peer's own connection is on its way; dial again if it does not come.
                s.transport = None;
                s.ready = false;
                self.drop_transport(conn, fx);
                self.schedule_redial(now, id);
                Ok(())
            }
            LinkEvent::MissingFeatures { features } => Err(CloseCause::MissingFeatures(features)),
            LinkEvent::Ack { seq } => match s.policy {
                Policy::LosslessPeer => s.drop_acked(seq),
                Policy::Lossy => Ok(()),
            },
            _ => Err(CloseCause::Protocol("frame of the other end")),
        }
    }

    fn our_addrs(&self, conn: ConnId) -> EntityAddrVec {
        if !self.config.addrs.is_empty() {
            return self.config.addrs.clone();
        }
        let seen = self.transports[&conn].link.our_addr().and_then(|addr| addr.sock);
        let sock = seen.map(|sock| SocketAddr::new(sock.ip(), 0));
        EntityAddrVec::one(EntityAddr { kind: types::AddrKind::Any, nonce: self.nonce, sock })
    }

    /// Our addresses among which `target` is, if we are meant.
    fn addrs_for(&self, target: &EntityAddr) -> Option<&EntityAddrVec> {
        let has = |addrs: &&EntityAddrVec| addrs.0.iter().any(|addr| same_place(addr, target));
        [&self.config.addrs, &self.config.also_at].into_iter().find(has)
    }

    fn our_msgr2(&self) -> EntityAddr {
        self.config.addrs.msgr2().copied().unwrap_or_default()
    }

    fn features_required(&self, peer: EntityKind) -> u64 {
        match peer {
            EntityKind::Client => self.config.features_required_of_clients,
            _ => features::MSG_ADDR2,
        }
    }

    fn send_control<H>(
        &mut self,
        conn: ConnId,
        tag: u8,
        payload: &[u8],
        fx: &mut Vec<Effect<H>>,
    ) -> Result<(), CloseCause> {
        let t = self.transports.get_mut(&conn).ok_or(REPLACED)?;
        let mut out = Vec::new();
        t.link.send_ident(tag, payload, &mut out)?;
        self.transmit(conn, &mut out, fx);
        Ok(())
    }

    /// Dialling end: says which session this is.
    fn identify<H>(
        &mut self,
        conn: ConnId,
        id: ConnId,
        fx: &mut Vec<Effect<H>>,
    ) -> Result<(), CloseCause> {
        let addrs = self.our_addrs(conn);
        let s = &self.sessions[&id];
        let lossless = s.policy == Policy::LosslessPeer;
        if let (true, Some(server_cookie)) = (lossless, s.peer_cookie) {
            let reconnect = Reconnect {
                addrs,
                client_cookie: s.cookie,
                server_cookie,
                global_seq: self.global_seq,
                connect_seq: s.connect_seq,
                seq: s.in_seq,
            };
            return self.send_control(conn, tag::SESSION_RECONNECT, &reconnect.to_vec(), fx);
        }
        let global_id = match &s.credentials {
            Some(ClientAuth::Ticket { global_id, .. } | ClientAuth::None { global_id, .. }) => {
                *global_id as i64
            }
            _ => -1,
        };
        let num = match (EntityKind::from_u32(self.config.name.kind as u32), s.kind) {
            (Some(EntityKind::Client), EntityKind::Mon) => -1,
            (Some(EntityKind::Client), _) if global_id > 0 => global_id,
            _ => self.config.name.num,
        };
        let ident = ClientIdent {
            addrs,
            target: s.target.expect("who dials has a target"),
            num,
            global_seq: self.global_seq,
            supported: self.config.features,
            required: features::MSG_ADDR2,
            flags: if lossless { 0 } else { FLAG_LOSSY },
            cookie: if lossless { s.cookie } else { 0 },
        };
        self.send_control(conn, tag::CLIENT_IDENT, &ident.to_vec(), fx)
    }

    fn on_server_ident<H>(
        &mut self,
        conn: ConnId,
        id: ConnId,
        ident: ServerIdent,
        events: &mut Vec<Event>,
        fx: &mut Vec<Effect<H>>,
    ) -> Result<(), CloseCause> {
        let s = self.sessions.get_mut(&id).ok_or(REPLACED)?;
        let target = s.target.expect("who dials has a target");
        if !ident.addrs.0.iter().any(|addr| same_place(addr, &target)) {
            return Err(CloseCause::WrongPeer);
        }
        let missing = features::MSG_ADDR2 & !ident.supported;
        if missing != 0 {
            return Err(CloseCause::MissingFeatures(missing));
        }
        if s.policy == Policy::LosslessPeer {
            if ident.flags & FLAG_LOSSY != 0 {
                return Err(CloseCause::Protocol("a lossy answer to a lossless peer"));
            }
            if s.peer_cookie.is_some() {
                return Err(CloseCause::Protocol("SERVER_IDENT to a reconnect"));
            }
            s.peer_cookie = Some(ident.cookie);
            s.peer_global_seq = ident.global_seq;
        }
        let features = ident.supported & self.config.features;
        self.become_ready(conn, id, ident.addrs, ident.num, features, events);
        self.replay(id, fx);
        Ok(())
    }

    fn on_client_ident<H>(
        &mut self,
        conn: ConnId,
        ident: ClientIdent,
        events: &mut Vec<Event>,
        fx: &mut Vec<Effect<H>>,
    ) -> Result<(), CloseCause> {
        if ident.addrs.is_empty() {
            return Err(CloseCause::Protocol("IDENT without addresses"));
        }
        if self.addrs_for(&ident.target).is_none() {
            return Err(CloseCause::WrongPeer);
        }
        let kind = self.transports[&conn].link.peer_kind().expect("HELLO came before");
        let missing = self.features_required(kind) & !ident.supported;
        if missing != 0 {
            let payload = missing.to_le_bytes();
            return self.send_control(conn, tag::IDENT_MISSING_FEATURES, &payload, fx);
        }
        let alien = ident.required & !self.config.features;
        if alien != 0 {
            return Err(CloseCause::MissingFeatures(alien));
        }
        if self.config.lossless_peers.contains(&kind) && ident.flags & FLAG_LOSSY == 0 {
            return self.on_lossless_ident(conn, ident, kind, events, fx);
        }
        self.sessions.insert(conn, Session::new(Policy::Lossy, kind, 0));
        self.bind(conn, conn, fx);
        self.answer_ident(conn, conn, ident, FLAG_LOSSY, events, fx)
    }

    /// Accepting end: this connection is the session's from now on; a former one is closed.
    fn bind<H>(&mut self, conn: ConnId, id: ConnId, fx: &mut Vec<Effect<H>>) {
        let s = self.sessions.get_mut(&id).expect("the caller looked it up");
        let former = s.transport.replace(conn);
        s.ready = false;
        s.redial_at = Instant::NEVER;
        self.transports.get_mut(&conn).expect("it is being handled").session = Some(id);
        if let Some(former) = former.filter(|former| *former != conn) {
            self.drop_transport(former, fx);
        }
        self.arm_session(id);
    }

    fn answer_ident<H>(
        &mut self,
        conn: ConnId,
        id: ConnId,
        ident: ClientIdent,
        flags: u64,
        events: &mut Vec<Event>,
        fx: &mut Vec<Effect<H>>,
    ) -> Result<(), CloseCause> {
        let kind = self.sessions[&id].kind;
        self.global_seq += 1;
        let answer = ServerIdent {
            addrs: self.addrs_for(&ident.target).unwrap_or(&self.config.addrs).clone(),
            num: self.config.name.num,
            global_seq: self.global_seq,
            supported: self.config.features,
            required: self.features_required(kind),
            flags,
            cookie: if flags & FLAG_LOSSY == 0 { self.sessions[&id].cookie } else { 0 },
        };
        self.send_control(conn, tag::SERVER_IDENT, &answer.to_vec(), fx)?;
        let features = ident.supported & self.config.features;
        self.become_ready(conn, id, ident.addrs, ident.num, features, events);
        self.replay(id, fx);
        Ok(())
    }

    fn on_lossless_ident<H>(
        &mut self,
        conn: ConnId,
        ident: ClientIdent,
        kind: EntityKind,
        events: &mut Vec<Event>,
        fx: &mut Vec<Effect<H>>,
    ) -> Result<(), CloseCause> {
        let key = ident.addrs.msgr2().copied();
        let key = key.ok_or(CloseCause::Protocol("lossless peer without a msgr2 address"))?;
        let id = match self.peers.get(&key).copied() {
            None => {
                let mut s = Session::new(Policy::LosslessPeer, kind, self.rng.next_u64() | 1);
                s.key = Some(key);
                self.peers.insert(key, conn);
                self.sessions.insert(conn, s);
                conn
            }
            Some(id) => {
                let s = &self.sessions[&id];
                let same = s.peer_cookie == Some(ident.cookie);
                // A peer that has forgotten us comes with another cookie. One that comes with the same
                // has not, and begins only while it knows nothing of ours: after messages of its own
                // this is an old connection, whose other end may be long gone.
                if same && (ident.global_seq < s.peer_global_seq || s.in_seq > 0) {
                    return Err(REPLACED);
                }
                if self.loses_race(id, &key) {
                    return self.send_control(conn, tag::WAIT, &[], fx);
                }
                if s.peer_cookie.is_some() && !same {
                    self.reset_session(id, events);
                }
                id
            }
        };
        self.bind(conn, id, fx);
        let s = self.sessions.get_mut(&id).expect("bound");
        s.peer_cookie = Some(ident.cookie);
        s.peer_global_seq = ident.global_seq;
        self.answer_ident(conn, id, ident, 0, events, fx)
    }

    /// We dial this peer ourselves at the moment, and our connection comes first.
    fn loses_race(&self, id: ConnId, peer: &EntityAddr) -> bool {
        let s = &self.sessions[&id];
        let dialling = !s.ready
            && s.transport
                .and_then(|t| self.transports.get(&t))
                .is_some_and(|t| !t.link.accepted());
        dialling && self.our_msgr2() < *peer
    }

    fn on_reconnect<H>(
        &mut self,
        conn: ConnId,
        r: Reconnect,
        events: &mut Vec<Event>,
        fx: &mut Vec<Effect<H>>,
    ) -> Result<(), CloseCause> {
        let id = r.addrs.msgr2().and_then(|key| self.peers.get(key)).copied();
        // A lossy session, or one that this end never had, starts again.
        let Some(id) = id else {
            return self.send_control(conn, tag::SESSION_RESET, &[1], fx);
        };
        let kind = self.transports[&conn].link.peer_kind().expect("HELLO came before");
        let s = self.sessions.get_mut(&id).expect("peers lead to sessions");
        let ours = s.cookie == r.server_cookie && s.kind == kind;
        let theirs = match s.peer_cookie {
            Some(cookie) => cookie == r.client_cookie,
            // Our CLIENT_IDENT arrived, its answer did not: nothing was delivered here yet.
            None => s.in_seq == 0,
        };
        if !ours || !theirs {
            return self.send_control(conn, tag::SESSION_RESET, &[1], fx);
        }
        if s.peer_global_seq > r.global_seq {
            let seq = s.peer_global_seq.to_le_bytes();
            return self.send_control(conn, tag::SESSION_RETRY_GLOBAL, &seq, fx);
        }
        if s.connect_seq > r.connect_seq {
            let seq = s.connect_seq.to_le_bytes();
            return self.send_control(conn, tag::SESSION_RETRY, &seq, fx);
        }
        let key = s.key.expect("lossless sessions have a key");
        if s.connect_seq == r.connect_seq && self.loses_race(id, &key) {
            return self.send_control(conn, tag::WAIT, &[], fx);
        }
        let s = self.sessions.get_mut(&id).expect("looked up");
        s.drop_acked(r.seq)?;
        s.connect_seq = r.connect_seq;
        s.peer_global_seq = r.global_seq;
        s.peer_cookie = Some(r.client_cookie);
        let in_seq = s.in_seq;
        let known = s.peer.as_ref().map(|p| (p.name.num, p.features));
        self.bind(conn, id, fx);
        self.send_control(conn, tag::SESSION_RECONNECT_OK, &in_seq.to_le_bytes(), fx)?;
        let (num, features) = known.unwrap_or((-1, self.config.features));
        self.become_ready(conn, id, r.addrs, num, features, events);
        self.replay(id, fx);
        Ok(())
    }

    /// The peer forgot the session: so do we, and say so.
    fn reset_session(&mut self, id: ConnId, events: &mut Vec<Event>) {
        self.counters.resets += 1;
        let cookie = self.rng.next_u64() | 1;
        let s = self.sessions.get_mut(&id).expect("the caller looked it up");
        s.forget(cookie);
        events.push(Event::Reset { conn: id });
    }

    fn become_ready(
        &mut self,
        conn: ConnId,
        id: ConnId,
        addrs: EntityAddrVec,
        num: i64,
        features: u64,
        events: &mut Vec<Event>,
    ) {
        let t = self.transports.get_mut(&conn).expect("it is being handled");
        t.link.set_ready();
        let accepted = t.link.accepted();
        let our_addr = t.link.our_addr();
        let socket = t.socket;
        let identity = t.link.identity().expect("authenticated").clone();
        let s = self.sessions.get_mut(&id).expect("it is being handled");
        s.ready = true;
        s.backoff = std::time::Duration::ZERO;
        let num = match s.kind {
            EntityKind::Client => identity.global_id as i64,
            // Monitors and OSDs are numbers in their names: no one may take another's.
            EntityKind::Osd if accepted && identity.method == AuthMethod::Cephx => {
                identity.name.id.parse().unwrap_or(num)
            }
            _ => num,
        };
        let peer = PeerInfo {
            name: EntityName::new(s.kind, num),
            auth_name: identity.name,
            global_id: identity.global_id,
            caps: identity.caps,
            addrs,
            socket,
            features,
            method: identity.method,
            mode: identity.mode,
            challenge: identity.challenge,
            policy: s.policy,
            accepted,
        };
        s.peer = Some(peer.clone());
        if !s.announced {
            s.announced = true;
            self.counters.ready += 1;
            let auth_reply = identity.reply.map(Box::new);
            events.push(Event::Ready { conn: id, peer: Box::new(peer), auth_reply, our_addr });
        }
        self.arm_transport(conn);
    }
}
