//! Authorizers: a ticket and the proof that its holder knows the session key, for OSDs, managers and
//! (renewals, other monitors) monitors.

use super::*;
use crate::auth::Ticket;

/// Dialling end. The same nonce serves both rounds.
#[derive(Debug, Clone)]
pub struct Authorizer {
    pub global_id: u64,
    pub service: EntityKind,
    pub blob: TicketBlob,
    pub session_key: CryptoKey,
    pub nonce: u64,
    /// The service's challenge, once it came.
    pub challenge: Option<u64>,
}

impl Authorizer {
    pub fn new(global_id: u64, ticket: &Ticket, rng: &mut ChaCha12Rng) -> Self {
        Self {
            global_id,
            service: ticket.service,
            blob: ticket.blob.clone(),
            session_key: ticket.session_key,
            nonce: rng.next_u64(),
            challenge: None,
        }
    }

    /// Answers AUTH_REPLY_MORE: encode again afterwards.
    pub fn on_challenge(&mut self, payload: &[u8]) -> std::result::Result<(), CephxError> {
        let plain = self.session_key.open(payload)?;
        let mut r = Reader::new(&plain);
        r.skip("challenge version", 1)?;
        self.challenge = Some(r.u64()?);
        Ok(())
    }

    /// Reads the payload of AUTH_DONE: the connection secret, empty in crc mode.
    pub fn on_done(&self, payload: &[u8]) -> std::result::Result<Vec<u8>, CephxError> {
        let plain = self.session_key.open_from(&mut Reader::new(payload))?;
        let mut r = Reader::new(&plain);
        let version = r.u8()?;
        // The service proves with it that it could open the ticket.
        if r.u64()? != self.nonce.wrapping_add(1) {
            return Err(CephxError::Mismatch("nonce"));
        }
        Ok(if version >= 2 { r.blob()?.to_vec() } else { Vec::new() })
    }
}
impl Encode for Authorizer {
    fn encode(&self, out: &mut Vec<u8>) {
        AUTH_MODE_AUTHORIZER.encode(out);
        self.global_id.encode(out);
        (self.service as u32).encode(out);
        self.blob.encode(out);
        self.session_key.seal_into(out, |out| {
            2u8.encode(out);
            self.nonce.encode(out);
            self.challenge.is_some().encode(out);
            self.challenge.map_or(0, |c| c.wrapping_add(1)).encode(out);
        });
    }
}

/// An authorizer that was opened with the service's secret.
#[derive(Debug, Clone)]
pub struct Shown {
    pub info: TicketInfo,
    pub nonce: u64,
    /// The challenge that the holder answers.
    pub challenge: Option<u64>,
}

/// Takes an authorizer for `service` from `r` and opens it. Errors: [`CephxError::Refused`] when the
/// secret is unknown or the ids differ, else what does not open.
pub fn open(
    r: &mut Reader<'_>,
    service: EntityKind,
    auth: &mut dyn AuthServer,
) -> std::result::Result<Shown, CephxError> {
    r.skip("authorizer version", 1)?;
    let global_id = r.u64()?;
    let asked = r.u32()?;
    let blob: TicketBlob = r.get()?;
    let refused = CephxError::Refused(EACCES);
    if asked != service as u32 {
        return Err(refused);
    }
    let secret = auth.service_secret(service, blob.secret_id).ok_or(refused.clone())?;
    let info = TicketInfo::open(&blob, &secret)?;
    if info.ticket.global_id != global_id {
        return Err(refused);
    }
    let plain = info.session_key.open_from(r)?;
    let mut p = Reader::new(&plain);
    let version = p.u8()?;
    let nonce = p.u64()?;
    let mut challenge = None;
    if version >= 2 {
        let have = p.bool()?;
        let plus_one = p.u64()?;
        challenge = have.then(|| plus_one.wrapping_sub(1));
    }
    Ok(Shown { info, nonce, challenge })
}

/// Accepting end, one round. `sent` is the challenge of the round before.
#[derive(Debug, Clone)]
pub enum Checked {
    /// AUTH_REPLY_MORE with this payload.
    Challenge { payload: Vec<u8> },
    /// AUTH_DONE with this payload.
    Done { info: TicketInfo, connection_secret: Vec<u8>, payload: Vec<u8> },
}

/// Checks the payload of AUTH_REQUEST or AUTH_REQUEST_MORE. `sent` must be `None` in the first round
/// only; `fresh` is the challenge to send then.
///
/// A ticket counts as long as its secret does; clocks of client and service are not compared, as in
/// Ceph.
pub fn check(
    auth: &mut dyn AuthServer,
    payload: &[u8],
    sent: Option<u64>,
    fresh: u64,
    secret_len: usize,
    rng: &mut ChaCha12Rng,
) -> std::result::Result<Checked, CephxError> {
    let service = auth.service();
    let mut r = Reader::new(payload);
    let shown = open(&mut r, service, auth)?;
    let key = shown.info.session_key;
    let Some(sent) = sent else {
        let payload = key.seal(|out| {
            1u8.encode(out);
            fresh.encode(out);
        });
        return Ok(Checked::Challenge { payload });
    };
    if shown.challenge != Some(sent) {
        return Err(CephxError::Refused(EACCES));
    }
    let mut connection_secret = vec![0; secret_len];
    rng.fill_bytes(&mut connection_secret);
    let mut payload = Vec::new();
    key.seal_into(&mut payload, |out| {
        let version = if secret_len > 0 { 2u8 } else { 1 };
        version.encode(out);
        shown.nonce.wrapping_add(1).encode(out);
        if secret_len > 0 {
            types::enc::put_blob(out, &connection_secret);
        }
    });
    Ok(Checked::Done { info: shown.info, connection_secret, payload })
}
