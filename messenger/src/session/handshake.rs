//! From HELLO to the signatures: who the two ends are, and how frames are protected afterwards.

use super::*;
use crate::auth::cephx::authorizer::{self, Checked};
use crate::auth::cephx::{self, CephxError, EACCES, Request, mon};
use crate::auth::none::NoneRequest;
use crate::frame::SecureKeys;
use rand_chacha::rand_core::RngCore;
use types::enc::put_blob;

/// "Operation not supported": no method or mode in common.
const EOPNOTSUPP: i32 = -95;

/// AUTH_REQUEST as it arrives.
struct AuthRequest<'a> {
    method: u32,
    modes: Vec<u32>,
    payload: &'a [u8],
}

fn auth_request<'a>(payload: &'a [u8]) -> types::enc::Result<AuthRequest<'a>> {
    let mut r = Reader::new(payload);
    Ok(AuthRequest { method: r.u32()?, modes: r.get()?, payload: r.blob()? })
}

fn one_blob(payload: &[u8]) -> Result<&[u8], CloseCause> {
    Reader::new(payload).blob().map_err(|_| broken("auth payload"))
}

impl Link {
    pub(super) fn on_handshake(
        &mut self,
        cx: &mut LinkContext<'_>,
        frame: Frame,
    ) -> Result<Option<LinkEvent>, CloseCause> {
        let payload = &frame.segments[0][..];
        match (self.state, frame.tag, self.accepted) {
            (State::Hello, tag::HELLO, _) => self.on_hello(cx, payload)?,
            (State::Auth, tag::AUTH_REQUEST, true) => self.on_auth_request(cx, payload)?,
            (State::Auth, tag::AUTH_REQUEST_MORE, true) => self.on_request_more(cx, payload)?,
            (State::Auth, tag::AUTH_REPLY_MORE, false) => self.on_reply_more(cx, payload)?,
            (State::Auth, tag::AUTH_BAD_METHOD, false) => return refused(payload).map(Some),
            (State::Auth, tag::AUTH_DONE, false) => self.on_auth_done(cx, payload)?,
            (State::Signature, tag::AUTH_SIGNATURE, _) => return self.on_signature(payload),
            _ => return Err(broken("frame in the handshake")),
        }
        Ok(None)
    }

    fn on_hello(&mut self, cx: &mut LinkContext<'_>, payload: &[u8]) -> Result<(), CloseCause> {
        let mut r = Reader::new(payload);
        let garbled = |_| broken("HELLO payload");
        let kind = r.u8().map_err(garbled)? as u32;
        let kind = EntityKind::from_u32(kind).ok_or(broken("entity kind"))?;
        if self.expected_kind.is_some_and(|expected| expected != kind) {
            return Err(CloseCause::WrongPeer);
        }
        self.peer_kind = Some(kind);
        self.our_addr = Some(r.get().map_err(garbled)?);
        self.state = State::Auth;
        if !self.accepted {
            self.send_auth_request(cx)?;
        }
        Ok(())
    }

    // Dialling end.

    fn send_auth_request(&mut self, cx: &mut LinkContext<'_>) -> Result<(), CloseCause> {
        let credentials = self.credentials.as_ref().expect("who dials has credentials");
        let (method, payload) = match credentials.clone() {
            ClientAuth::None { name, global_id } => {
                (AuthMethod::None, NoneRequest { name, global_id }.to_vec())
            }
            ClientAuth::Mon { name, key, global_id, old_ticket, services } => {
                let exchange = MonExchange { name, key, global_id, old_ticket, services };
                let payload = exchange.request();
                self.exchange = Exchange::Mon(exchange);
                (AuthMethod::Cephx, payload)
            }
            ClientAuth::Ticket { global_id, ticket, .. } => {
                let authorizer = Authorizer::new(global_id, &ticket, cx.rng);
                let payload = authorizer.to_vec();
                self.exchange = Exchange::Service(authorizer);
                (AuthMethod::Cephx, payload)
            }
        };
        let modes: Vec<u32> = match method {
            AuthMethod::None => vec![Mode::Crc as u32],
            AuthMethod::Cephx => self.modes.iter().map(|mode| *mode as u32).collect(),
        };
        let mut request = Vec::new();
        (method as u32).encode(&mut request);
        modes.encode(&mut request);
        put_blob(&mut request, &payload);
        self.control(tag::AUTH_REQUEST, &request, cx.out)
    }

    fn on_reply_more(
        &mut self,
        cx: &mut LinkContext<'_>,
        payload: &[u8],
    ) -> Result<(), CloseCause> {
        self.attempts += 1;
        if self.attempts > AUTH_ATTEMPTS_MAX {
            return Err(broken("too many authentication rounds"));
        }
        let challenge = one_blob(payload)?;
        let failed = |_| CloseCause::AuthRefused { errno: EACCES };
        let answer = match &mut self.exchange {
            Exchange::Mon(x) => {
                self.challenge = mon::challenge_from(challenge).map_err(failed)?;
                x.answer(self.challenge, cx.rng)
            }
            Exchange::Service(a) => {
                a.on_challenge(challenge).map_err(failed)?;
                a.to_vec()
            }
            _ => return Err(broken("AUTH_REPLY_MORE")),
        };
        let mut more = Vec::new();
        put_blob(&mut more, &answer);
        self.control(tag::AUTH_REQUEST_MORE, &more, cx.out)
    }

    fn on_auth_done(&mut self, cx: &mut LinkContext<'_>, payload: &[u8]) -> Result<(), CloseCause> {
        let garbled = |_| broken("AUTH_DONE payload");
        let mut r = Reader::new(payload);
        let global_id = r.u64().map_err(garbled)?;
        let mode = r.u32().map_err(garbled)?;
        let payload = r.blob().map_err(garbled)?;
        let mode = Mode::from_u32(mode).ok_or(broken("connection mode"))?;
        let method = match self.credentials {
            Some(ClientAuth::None { .. }) => AuthMethod::None,
            _ => AuthMethod::Cephx,
        };
        // A mode that we did not offer would be a downgrade.
        let offered = match method {
            AuthMethod::None => mode == Mode::Crc,
            AuthMethod::Cephx => self.modes.contains(&mode),
        };
        if !offered {
            return Err(broken("connection mode"));
        }
        let failed = |e: CephxError| match e {
            CephxError::Refused(errno) => CloseCause::AuthRefused { errno },
            _ => CloseCause::AuthRefused { errno: EACCES },
        };
        let mut reply = None;
        let mut secret = Vec::new();
        match &self.exchange {
            Exchange::Mon(x) => {
                let granted = x.on_done(global_id, payload, cx.now.wall).map_err(failed)?;
                self.session_key = Some(granted.session_key);
                secret = granted.connection_secret;
                reply = Some(granted.reply);
            }
            Exchange::Service(a) => {
                if a.challenge.is_none() {
                    return Err(broken("AUTH_DONE without a challenge"));
                }
                secret = a.on_done(payload).map_err(failed)?;
                self.session_key = Some(a.session_key);
            }
            _ if method == AuthMethod::None => {
                reply = Some(AuthReply { global_id, ..AuthReply::default() });
            }
            _ => return Err(broken("AUTH_DONE")),
        }
        let kind = self.peer_kind.expect("HELLO came before");
        self.identity = Some(Identity {
            name: AuthName { kind, id: String::new() },
            global_id,
            caps: PeerCaps::default(),
            method,
            mode,
            challenge: self.challenge,
            reply,
        });
        self.protect(mode, &secret)?;
        self.state = State::Signature;
        self.send_signature(cx)
    }

    // Accepting end.

    fn on_auth_request(
        &mut self,
        cx: &mut LinkContext<'_>,
        payload: &[u8],
    ) -> Result<(), CloseCause> {
        self.attempts += 1;
        if self.attempts > AUTH_ATTEMPTS_MAX {
            return Err(broken("too many authentication attempts"));
        }
        let request = auth_request(payload).map_err(|_| broken("AUTH_REQUEST payload"))?;
        let kind = self.peer_kind.expect("HELLO came before");
        let methods = cx.auth.methods(kind);
        let method = AuthMethod::from_u32(request.method).filter(|m| methods.contains(m));
        let allowed = match method {
            Some(AuthMethod::None) => vec![Mode::Crc],
            _ => cx.auth.modes(kind),
        };
        let mode = request.modes.iter().filter_map(|mode| Mode::from_u32(*mode));
        let mode = mode.into_iter().find(|mode| allowed.contains(mode));
        let (Some(method), Some(mode)) = (method, mode) else {
            return self.refuse(cx, request.method, EOPNOTSUPP);
        };
        let secret_len = secret_len(mode);
        match method {
            AuthMethod::None => {
                let Ok(shown) = NoneRequest::from_slice(request.payload) else {
                    return Err(broken("auth none payload"));
                };
                let global_id = match shown.global_id {
                    0 => cx.auth.new_global_id().unwrap_or(0),
                    id => id,
                };
                let caps = PeerCaps { allow_all: true, text: "allow *".to_owned() };
                self.accept_peer(cx, shown.name, global_id, caps, method, mode, &[], &[])
            }
            AuthMethod::Cephx => match Request::from_slice(request.payload) {
                Err(_) => Err(broken("cephx payload")),
                Ok(Request::Mon { .. }) if cx.auth.service() != EntityKind::Mon => {
                    self.refuse(cx, request.method, EACCES)
                }
                Ok(Request::Mon { name, global_id }) => {
                    let challenge = cx.rng.next_u64() | 1;
                    self.exchange = Exchange::MonChallenged { name, global_id, challenge, mode };
                    self.reply_more(cx, &mon::challenge_payload(challenge))
                }
                Ok(Request::Authorizer) => {
                    let challenge = cx.rng.next_u64();
                    let checked = authorizer::check(
                        cx.auth,
                        request.payload,
                        None,
                        challenge,
                        secret_len,
                        cx.rng,
                    );
                    match checked {
                        Ok(Checked::Challenge { payload }) => {
                            self.exchange = Exchange::ServiceChallenged { challenge, mode };
                            self.reply_more(cx, &payload)
                        }
                        _ => self.refuse(cx, request.method, EACCES),
                    }
                }
            },
        }
    }

    fn on_request_more(
        &mut self,
        cx: &mut LinkContext<'_>,
        payload: &[u8],
    ) -> Result<(), CloseCause> {
        let answer = one_blob(payload)?;
        let cephx = AuthMethod::Cephx;
        match std::mem::replace(&mut self.exchange, Exchange::Start) {
            Exchange::MonChallenged { name, global_id, challenge, mode } => {
                let wall = cx.now.wall;
                let len = secret_len(mode);
                let checked =
                    mon::check(cx.auth, wall, cx.rng, &name, global_id, challenge, answer, len);
                match checked {
                    Ok(p) => {
                        self.session_key = Some(p.session_key);
                        self.challenge = challenge;
                        let secret = p.connection_secret;
                        self.accept_peer(
                            cx,
                            name,
                            p.global_id,
                            p.caps,
                            cephx,
                            mode,
                            &p.payload,
                            &secret,
                        )
                    }
                    // Nothing is wrong with the client: it finds another monitor, or comes again.
                    Err(CephxError::Refused(cephx::EAGAIN)) => {
                        Err(CloseCause::AuthRefused { errno: cephx::EAGAIN })
                    }
                    Err(CephxError::Refused(errno)) => self.refuse(cx, cephx as u32, errno),
                    Err(_) => self.refuse(cx, cephx as u32, EACCES),
                }
            }
            Exchange::ServiceChallenged { challenge, mode } => {
                let len = secret_len(mode);
                match authorizer::check(cx.auth, answer, Some(challenge), 0, len, cx.rng) {
                    Ok(Checked::Done { info, connection_secret, payload }) => {
                        self.session_key = Some(info.session_key);
                        let t = info.ticket;
                        self.accept_peer(
                            cx,
                            t.name,
                            t.global_id,
                            t.caps,
                            cephx,
                            mode,
                            &payload,
                            &connection_secret,
                        )
                    }
                    _ => self.refuse(cx, cephx as u32, EACCES),
                }
            }
            _ => Err(broken("AUTH_REQUEST_MORE")),
        }
    }

    fn reply_more(&mut self, cx: &mut LinkContext<'_>, payload: &[u8]) -> Result<(), CloseCause> {
        let mut more = Vec::new();
        put_blob(&mut more, payload);
        self.control(tag::AUTH_REPLY_MORE, &more, cx.out)
    }

    /// Says no and stays open: the peer may try another method or key.
    fn refuse(
        &mut self,
        cx: &mut LinkContext<'_>,
        method: u32,
        errno: i32,
    ) -> Result<(), CloseCause> {
        *cx.auth_refused += 1;
        self.session_key = None;
        let kind = self.peer_kind.expect("HELLO came before");
        let methods: Vec<u32> = cx.auth.methods(kind).into_iter().map(|m| m as u32).collect();
        let modes: Vec<u32> = cx.auth.modes(kind).into_iter().map(|m| m as u32).collect();
        let mut out = Vec::new();
        method.encode(&mut out);
        errno.encode(&mut out);
        methods.encode(&mut out);
        modes.encode(&mut out);
        self.control(tag::AUTH_BAD_METHOD, &out, cx.out)
    }

    #[allow(clippy::too_many_arguments)]
    fn accept_peer(
        &mut self,
        cx: &mut LinkContext<'_>,
        name: AuthName,
        global_id: u64,
        caps: PeerCaps,
        method: AuthMethod,
        mode: Mode,
        payload: &[u8],
        secret: &[u8],
    ) -> Result<(), CloseCause> {
        let kind = self.peer_kind.expect("HELLO came before");
        // Whoever says it is a daemon must hold a daemon's key; programs may use any name.
        if method == AuthMethod::Cephx && kind != EntityKind::Client && name.kind != kind {
            return self.refuse(cx, method as u32, EACCES);
        }
        let mut done = Vec::new();
        global_id.encode(&mut done);
        (mode as u32).encode(&mut done);
        put_blob(&mut done, payload);
        self.control(tag::AUTH_DONE, &done, cx.out)?;
        let challenge = self.challenge;
        self.identity =
            Some(Identity { name, global_id, caps, method, mode, challenge, reply: None });
        self.protect(mode, secret)?;
        self.state = State::Signature;
        self.send_signature(cx)
    }

    // Both ends.

    fn protect(&mut self, mode: Mode, secret: &[u8]) -> Result<(), CloseCause> {
        if mode == Mode::Secure {
            let keys = SecureKeys::from_secret(secret).ok_or(broken("connection secret"))?;
            self.reader.secure(&keys, self.accepted);
            self.writer.secure(&keys, self.accepted);
        }
        Ok(())
    }

    fn send_signature(&mut self, cx: &mut LinkContext<'_>) -> Result<(), CloseCause> {
        let signature = match &self.session_key {
            Some(key) => key.hmac(&self.received),
            None => [0; 32],
        };
        self.received = Vec::new();
        self.control(tag::AUTH_SIGNATURE, &signature, cx.out)
    }

    fn on_signature(&mut self, payload: &[u8]) -> Result<Option<LinkEvent>, CloseCause> {
        let signature: &[u8; 32] = payload.try_into().map_err(|_| broken("signature length"))?;
        let genuine = match &self.session_key {
            Some(key) => key.hmac_matches(&self.sent, signature),
            None => *signature == [0; 32],
        };
        if !genuine {
            return Err(broken("signature"));
        }
        self.sent = Vec::new();
        self.state = State::Ident;
        Ok((!self.accepted).then_some(LinkEvent::Authenticated))
    }
}

fn secret_len(mode: Mode) -> usize {
    match mode {
        Mode::Crc => 0,
        Mode::Secure => SecureKeys::SECRET_LEN,
    }
}

fn refused(payload: &[u8]) -> Result<LinkEvent, CloseCause> {
    let garbled = |_| broken("AUTH_BAD_METHOD payload");
    let mut r = Reader::new(payload);
    r.skip("method", 4).map_err(garbled)?;
    let errno = r.i32().map_err(garbled)?;
    let methods = r.get().map_err(garbled)?;
    let modes = r.get().map_err(garbled)?;
    Ok(LinkEvent::AuthRefused { errno, methods, modes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::EntityAddr;

    #[test]
    fn a_signature_is_that_of_the_session_key_or_nothing() {
        let link = || Link::accept(EntityAddr::default());
        assert!(link().on_signature(&[0; 32]).is_ok());
        assert!(link().on_signature(&[0; 31]).is_err());
        let mut other = [0; 32];
        other[31] = 1;
        assert!(link().on_signature(&other).is_err());
    }
}
