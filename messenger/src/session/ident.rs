//! Payloads of the frames that name a session (ceph-wire.md section 2).

use types::enc::{Decode, Encode, Reader, Result};
use types::{EntityAddr, EntityAddrVec};

/// Flag in IDENT: the session dies with its connection.
pub const FLAG_LOSSY: u64 = 1;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdent {
    pub addrs: EntityAddrVec,
    pub target: EntityAddr,
    /// -1 to monitors, a client's global id to OSDs, a daemon's number.
    pub num: i64,
    pub global_seq: u64,
    pub supported: u64,
    pub required: u64,
    pub flags: u64,
    pub cookie: u64,
}
impl Encode for ClientIdent {
    fn encode(&self, out: &mut Vec<u8>) {
        self.addrs.encode(out);
        self.target.encode(out);
        self.num.encode(out);
        self.global_seq.encode(out);
        self.supported.encode(out);
        self.required.encode(out);
        self.flags.encode(out);
        self.cookie.encode(out);
    }
}
impl Decode for ClientIdent {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Ok(Self {
            addrs: r.get()?,
            target: r.get()?,
            num: r.i64()?,
            global_seq: r.u64()?,
            supported: r.u64()?,
            required: r.u64()?,
            flags: r.u64()?,
            cookie: r.u64()?,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerIdent {
    pub addrs: EntityAddrVec,
    pub num: i64,
    pub global_seq: u64,
    pub supported: u64,
    pub required: u64,
    pub flags: u64,
    pub cookie: u64,
}
impl Encode for ServerIdent {
    fn encode(&self, out: &mut Vec<u8>) {
        self.addrs.encode(out);
        self.num.encode(out);
        self.global_seq.encode(out);
        self.supported.encode(out);
        self.required.encode(out);
        self.flags.encode(out);
        self.cookie.encode(out);
    }
}
impl Decode for ServerIdent {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Ok(Self {
            addrs: r.get()?,
            num: r.i64()?,
            global_seq: r.u64()?,
            supported: r.u64()?,
            required: r.u64()?,
            flags: r.u64()?,
            cookie: r.u64()?,
        })
    }
}

/// SESSION_RECONNECT. The client cookie is the dialling end's, the server cookie the other's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnect {
    pub addrs: EntityAddrVec,
    pub client_cookie: u64,
    pub server_cookie: u64,
    pub global_seq: u64,
    pub connect_seq: u64,
    /// Last message that the dialling end received.
    pub seq: u64,
}
impl Encode for Reconnect {
    fn encode(&self, out: &mut Vec<u8>) {
        self.addrs.encode(out);
        self.client_cookie.encode(out);
        self.server_cookie.encode(out);
        self.global_seq.encode(out);
        self.connect_seq.encode(out);
        self.seq.encode(out);
    }
}
impl Decode for Reconnect {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Ok(Self {
            addrs: r.get()?,
            client_cookie: r.u64()?,
            server_cookie: r.u64()?,
            global_seq: r.u64()?,
            connect_seq: r.u64()?,
            seq: r.u64()?,
        })
    }
}
