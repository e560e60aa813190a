//! Exchange with a monitor: a principal proves its key by answering a challenge and receives the
//! AUTH ticket, a connection secret and service tickets; renewal on the open session.

use super::*;
use crate::auth::{AuthReply, Ticket};
use types::enc::put_blob;

/// Services for which a monitor makes tickets besides AUTH, in the order of the wire.
const SERVICES: [EntityKind; 4] =
    [EntityKind::Mon, EntityKind::Mds, EntityKind::Osd, EntityKind::Mgr];

/// The proof: words of the sealed challenges, its length included, xored.
pub fn proof(key: &CryptoKey, server_challenge: u64, client_challenge: u64) -> u64 {
    let mut sealed = Vec::with_capacity(36);
    key.seal_into(&mut sealed, |out| {
        server_challenge.encode(out);
        client_challenge.encode(out);
    });
    let words = sealed.chunks_exact(8);
    words.fold(0, |x, word| x ^ u64::from_le_bytes(word.try_into().expect("8 bytes")))
}

/// `CephXAuthenticate`, the answer to the challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticate {
    pub client_challenge: u64,
    pub proof: u64,
    pub old_ticket: TicketBlob,
    /// Mask of services.
    pub services: u32,
}
impl Encode for Authenticate {
    fn encode(&self, out: &mut Vec<u8>) {
        3u8.encode(out);
        self.client_challenge.encode(out);
        self.proof.encode(out);
        self.old_ticket.encode(out);
        self.services.encode(out);
    }
}
impl Decode for Authenticate {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let version = r.u8()?;
        let (client_challenge, proof, old_ticket) = (r.u64()?, r.u64()?, r.get()?);
        let services = if version >= 2 { r.u32()? } else { 0 };
        Ok(Self { client_challenge, proof, old_ticket, services })
    }
}

/// Appends a ticket reply. `reclaim`: the old session key under which the (single) ticket goes.
fn put_grants(
    out: &mut Vec<u8>,
    grants: &[Grant],
    principal: &CryptoKey,
    reclaim: Option<&CryptoKey>,
) {
    1u8.encode(out);
    (grants.len() as u32).encode(out);
    for grant in grants {
        (grant.service as u32).encode(out);
        1u8.encode(out);
        principal.seal_into(out, |out| {
            1u8.encode(out);
            grant.session_key.encode(out);
            UTime::from_duration(grant.validity).encode(out);
        });
        reclaim.is_some().encode(out);
        let blob = grant.blob.to_vec();
        match reclaim {
            Some(old) => old.seal_into(out, |out| put_blob(out, &blob)),
            None => put_blob(out, &blob),
        }
    }
}

/// Reads a ticket reply into `tickets`. `old`: the AUTH session key before this one.
fn take_grants(
    r: &mut Reader<'_>,
    principal: &CryptoKey,
    old: Option<&CryptoKey>,
    now: UTime,
    tickets: &mut BTreeMap<u32, Ticket>,
) -> std::result::Result<(), CephxError> {
    r.skip("ticket reply version", 1)?;
    for _ in 0..r.count("ticket count", 10)? {
        let id = r.u32()?;
        let service = EntityKind::from_u32(id)
            .ok_or(DecodeError::Invalid { what: "service", value: id as u64 })?;
        r.skip("ticket version", 1)?;
        let plain = principal.open_from(r)?;
        let mut p = Reader::new(&plain);
        p.skip("ticket version", 1)?;
        let session_key = p.get()?;
        let validity: UTime = p.get()?;
        let validity = validity.to_duration();
        let blob = match r.bool()? {
            true => {
                let old = old.ok_or(CephxError::Mismatch("encrypted ticket"))?;
                let plain = old.open_from(r)?;
                TicketBlob::from_slice(Reader::new(&plain).blob()?)?
            }
            false => TicketBlob::from_slice(r.blob()?)?,
        };
        // Validities come from outside: more than a year says nothing.
        let validity = validity.min(Duration::from_secs(366 * 24 * 3600));
        let expires = now + validity;
        let renew_after = now + validity / 2;
        tickets.insert(id, Ticket { service, session_key, blob, expires, renew_after });
    }
    Ok(())
}

/// Dialling end of the exchange.
#[derive(Debug, Clone)]
pub struct MonExchange {
    pub name: AuthName,
    pub key: CryptoKey,
    pub global_id: u64,
    pub old_ticket: Option<Ticket>,
    pub services: u32,
}

/// What a finished exchange gives.
#[derive(Debug, Clone)]
pub struct Granted {
    pub session_key: CryptoKey,
    /// Empty in crc mode, 64 bytes in secure mode.
    pub connection_secret: Vec<u8>,
    pub reply: AuthReply,
}

impl MonExchange {
    /// Payload of AUTH_REQUEST.
    pub fn request(&self) -> Vec<u8> {
        let mut out = vec![AUTH_MODE_MON];
        self.name.encode(&mut out);
        self.global_id.encode(&mut out);
        out
    }

    /// Answers the monitor's challenge: the payload of AUTH_REQUEST_MORE, and of MAuth when the AUTH
    /// ticket is renewed on an open session, whose challenge it answers again.
    pub fn answer(&self, server_challenge: u64, rng: &mut ChaCha12Rng) -> Vec<u8> {
        let client_challenge = rng.next_u64();
        let mut out = Vec::new();
        GET_AUTH_SESSION_KEY.encode(&mut out);
        Authenticate {
            client_challenge,
            proof: proof(&self.key, server_challenge, client_challenge),
            old_ticket: self.old_ticket.as_ref().map(|t| t.blob.clone()).unwrap_or_default(),
            services: self.services,
        }
        .encode(&mut out);
        out
    }

    /// Reads the payload of AUTH_DONE, or of MAuthReply to a renewed AUTH ticket.
    pub fn on_done(
        &self,
        global_id: u64,
        payload: &[u8],
        now: UTime,
    ) -> std::result::Result<Granted, CephxError> {
        let mut r = Reader::new(payload);
        match (r.u16()?, r.i32()?) {
            (GET_AUTH_SESSION_KEY, 0) => {}
            (GET_AUTH_SESSION_KEY, errno) => return Err(CephxError::Refused(errno)),
            _ => return Err(CephxError::Mismatch("reply type")),
        }
        let mut tickets = BTreeMap::new();
        let old = self.old_ticket.as_ref().map(|t| &t.session_key);
        take_grants(&mut r, &self.key, old, now, &mut tickets)?;
        let session_key = tickets
            .get(&(EntityKind::Auth as u32))
            .ok_or(CephxError::Mismatch("tickets without AUTH"))?
            .session_key;
        let mut connection_secret = Vec::new();
        if !r.is_empty() {
            let sealed = r.blob()?;
            if !sealed.is_empty() {
                let plain = session_key.open_from(&mut Reader::new(sealed))?;
                connection_secret = Reader::new(&plain).blob()?.to_vec();
            }
            let extra = r.blob()?;
            if !extra.is_empty() {
                take_grants(&mut Reader::new(extra), &session_key, None, now, &mut tickets)?;
            }
        }
        Ok(Granted { session_key, connection_secret, reply: AuthReply { global_id, tickets } })
    }
}

/// Payload of MAuth that asks for new tickets of `services` with a valid AUTH ticket.
pub fn renewal_request(
    global_id: u64,
    auth_ticket: &Ticket,
    services: u32,
    rng: &mut ChaCha12Rng,
) -> Vec<u8> {
    let mut out = Vec::new();
    GET_PRINCIPAL_SESSION_KEY.encode(&mut out);
    authorizer::Authorizer::new(global_id, auth_ticket, rng).encode(&mut out);
    1u8.encode(&mut out);
    services.encode(&mut out);
    out
}

/// Reads the payload of MAuthReply to [`renewal_request`] into `tickets`.
pub fn on_renewal(
    payload: &[u8],
    auth_ticket: &Ticket,
    now: UTime,
    tickets: &mut BTreeMap<u32, Ticket>,
) -> std::result::Result<(), CephxError> {
    let mut r = Reader::new(payload);
    match (r.u16()?, r.i32()?) {
        (GET_PRINCIPAL_SESSION_KEY, 0) => {
            take_grants(&mut r, &auth_ticket.session_key, None, now, tickets)
        }
        (GET_PRINCIPAL_SESSION_KEY, errno) => Err(CephxError::Refused(errno)),
        _ => Err(CephxError::Mismatch("reply type")),
    }
}

/// Dialling end: the challenge in AUTH_REPLY_MORE's payload.
pub fn challenge_from(payload: &[u8]) -> std::result::Result<u64, CephxError> {
    let mut r = Reader::new(payload);
    r.skip("challenge version", 1)?;
    let challenge = r.u64()?;
    r.finish("challenge")?;
    Ok(challenge)
}

/// Accepting end: the challenge, AUTH_REPLY_MORE's payload.
pub fn challenge_payload(challenge: u64) -> Vec<u8> {
    let mut out = vec![1];
    challenge.encode(&mut out);
    out
}

/// What the monitor has found out about a principal that proved its key.
#[derive(Debug, Clone)]
pub struct Proven {
    pub global_id: u64,
    pub session_key: CryptoKey,
    pub connection_secret: Vec<u8>,
    pub caps: PeerCaps,
    /// Payload of AUTH_DONE.
    pub payload: Vec<u8>,
}

fn caps_of(entity: &super::super::EntityAuth, service: EntityKind) -> PeerCaps {
    PeerCaps {
        allow_all: false,
        text: entity.caps.get(service.name()).cloned().unwrap_or_default(),
    }
}

fn service_grants(
    auth: &mut dyn AuthServer,
    now: UTime,
    rng: &mut ChaCha12Rng,
    holder: (&AuthName, u64),
    services: u32,
) -> Vec<Grant> {
    let Some(entity) = auth.entity(holder.0) else { return Vec::new() };
    let asked = SERVICES.into_iter().filter(|service| services & *service as u32 != 0);
    asked
        .filter_map(|service| grant(auth, now, rng, service, holder, caps_of(&entity, service)))
        .collect()
}

/// Accepting end: checks the answer to `challenge` and makes the tickets.
///
/// Errors are [`CephxError::Refused`] with what Ceph answers: -13 for an unknown name, a wrong key, a
/// global id that the old ticket does not prove and missing mon capabilities; -1 for bytes that make
/// no sense; -11 while no global id is at hand.
#[allow(clippy::too_many_arguments)]
pub fn check(
    auth: &mut dyn AuthServer,
    now: UTime,
    rng: &mut ChaCha12Rng,
    name: &AuthName,
    claimed_id: u64,
    challenge: u64,
    payload: &[u8],
    secret_len: usize,
) -> std::result::Result<Proven, CephxError> {
    let garbled = |_| CephxError::Refused(EPERM);
    let mut r = Reader::new(payload);
    if r.u16().map_err(garbled)? != GET_AUTH_SESSION_KEY {
        return Err(CephxError::Refused(EINVAL));
    }
    let answer = Authenticate::decode(&mut r).map_err(garbled)?;
    let refused = CephxError::Refused(EACCES);
    let entity = auth.entity(name).ok_or(refused.clone())?;
    if proof(&entity.key, challenge, answer.client_challenge) != answer.proof {
        return Err(refused);
    }
    let caps = caps_of(&entity, EntityKind::Mon);
    if caps.text.is_empty() {
        return Err(refused);
    }
    let old = (!answer.old_ticket.blob.is_empty())
        .then(|| auth.service_secret(EntityKind::Auth, answer.old_ticket.secret_id))
        .flatten()
        .and_then(|secret| TicketInfo::open(&answer.old_ticket, &secret).ok())
        .filter(|info| info.ticket.name == *name);
    let global_id = match (claimed_id, &old) {
        (0, None) => auth.new_global_id().ok_or(CephxError::Refused(EAGAIN))?,
        (0, Some(info)) => info.ticket.global_id,
        (id, Some(info)) if info.ticket.global_id == id => id,
        // CVE-2021-20288: an id is only given again to who shows that it was theirs.
        _ => return Err(refused),
    };
    let holder = (name, global_id);
    let ticket = grant(auth, now, rng, EntityKind::Auth, holder, PeerCaps::default())
        .ok_or(CephxError::Refused(EAGAIN))?;
    let session_key = ticket.session_key;
    let mut out = Vec::new();
    GET_AUTH_SESSION_KEY.encode(&mut out);
    0i32.encode(&mut out);
    put_grants(&mut out, &[ticket], &entity.key, old.as_ref().map(|info| &info.session_key));
    let mut connection_secret = vec![0; secret_len];
    rng.fill_bytes(&mut connection_secret);
    if answer.services != 0 {
        let mut sealed = Vec::new();
        session_key.seal_into(&mut sealed, |out| put_blob(out, &connection_secret));
        put_blob(&mut out, &sealed);
        let grants = service_grants(auth, now, rng, holder, answer.services);
        let mut extra = Vec::new();
        if !grants.is_empty() {
            put_grants(&mut extra, &grants, &session_key, None);
        }
        put_blob(&mut out, &extra);
    }
    Ok(Proven { global_id, session_key, connection_secret, caps, payload: out })
}

/// A monitor's answer to MAuth on an open session. `None` if the request is not a renewal at all.
///
/// `who` is the principal of the session: tickets are renewed only for it. `challenge` is the one of
/// the session's handshake; the AUTH ticket is renewed by answering it again, as Ceph's clients do.
pub fn answer_renewal(
    auth: &mut dyn AuthServer,
    now: UTime,
    rng: &mut ChaCha12Rng,
    who: (&AuthName, u64),
    challenge: u64,
    payload: &[u8],
) -> Option<std::result::Result<Vec<u8>, CephxError>> {
    let mut r = Reader::new(payload);
    if challenge != 0 && payload.starts_with(&GET_AUTH_SESSION_KEY.to_le_bytes()) {
        let checked = check(auth, now, rng, who.0, who.1, challenge, payload, 0);
        return Some(checked.map(|proven| proven.payload));
    }
    (r.u16() == Ok(GET_PRINCIPAL_SESSION_KEY)).then(|| {
        let shown = authorizer::open(&mut r, EntityKind::Auth, auth)?;
        let holder = &shown.info.ticket;
        if (&holder.name, holder.global_id) != who || holder.expires < now {
            return Err(CephxError::Refused(EACCES));
        }
        r.skip("request version", 1)?;
        let services = r.u32()?;
        let grants = service_grants(auth, now, rng, who, services);
        let mut out = Vec::new();
        GET_PRINCIPAL_SESSION_KEY.encode(&mut out);
        0i32.encode(&mut out);
        put_grants(&mut out, &grants, &shown.info.session_key, None);
        Ok(out)
    })
}
