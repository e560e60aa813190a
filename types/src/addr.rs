//! Network addresses as Ceph writes them (ceph-wire.md section 1).

use crate::enc::{Decode, DecodeError, Encode, Reader, Result, versioned};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u32)]
pub enum AddrKind {
    #[default]
    None = 0,
    Legacy = 1,
    Msgr2 = 2,
    Any = 3,
    Cidr = 4,
}

impl AddrKind {
    fn from_u32(value: u32) -> Result<Self> {
        Ok(match value {
            0 => Self::None,
            1 => Self::Legacy,
            2 => Self::Msgr2,
            3 => Self::Any,
            4 => Self::Cidr,
            _ => return Err(DecodeError::Invalid { what: "address type", value: value as u64 }),
        })
    }
    fn prefix(self) -> &'static str {
        match self {
            Self::None => "-",
            Self::Legacy => "v1:",
            Self::Msgr2 => "v2:",
            Self::Any => "any:",
            Self::Cidr => "cidr:",
        }
    }
}

/// `entity_addr_t`: kind, nonce (tells incarnations at one port apart) and socket address.
/// `sock: None` is the blank address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EntityAddr {
    pub kind: AddrKind,
    pub nonce: u32,
    pub sock: Option<SocketAddr>,
}

impl EntityAddr {
    pub fn msgr2(sock: SocketAddr, nonce: u32) -> Self {
        Self { kind: AddrKind::Msgr2, nonce, sock: Some(sock) }
    }
}

const FAMILY_INET: u16 = 2;
const FAMILY_INET6: u16 = 10;

impl Encode for EntityAddr {
    fn encode(&self, out: &mut Vec<u8>) {
        1u8.encode(out);
        versioned(out, 1, 1, |out| {
            (self.kind as u32).encode(out);
            self.nonce.encode(out);
            match self.sock {
                None => 0u32.encode(out),
                Some(SocketAddr::V4(a)) => {
                    16u32.encode(out);
                    FAMILY_INET.encode(out);
                    out.extend_from_slice(&a.port().to_be_bytes());
                    out.extend_from_slice(&a.ip().octets());
                    out.extend_from_slice(&[0; 8]);
                }
                Some(SocketAddr::V6(a)) => {
                    28u32.encode(out);
                    FAMILY_INET6.encode(out);
                    out.extend_from_slice(&a.port().to_be_bytes());
                    a.flowinfo().encode(out);
                    out.extend_from_slice(&a.ip().octets());
                    a.scope_id().encode(out);
                }
            }
        })
    }
}

fn sockaddr(r: &mut Reader<'_>, family: u16) -> Result<Option<SocketAddr>> {
    let port = |r: &mut Reader<'_>| Ok(u16::from_be_bytes(r.array("port")?));
    match family {
        0 => Ok(None),
        FAMILY_INET => {
            let port = port(r)?;
            let ip: [u8; 4] = r.array("IPv4 address")?;
            Ok(Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::from(ip)), port)))
        }
        FAMILY_INET6 => {
            let port = port(r)?;
            let flow = r.u32()?;
            let ip: [u8; 16] = r.array("IPv6 address")?;
            let scope = r.u32()?;
            Ok(Some(std::net::SocketAddrV6::new(Ipv6Addr::from(ip), port, flow, scope).into()))
        }
        _ => Err(DecodeError::Invalid { what: "address family", value: family as u64 }),
    }
}

impl EntityAddr {
    /// Reads the rest of an address whose first byte, `marker`, has been taken.
    fn decode_after(marker: u8, r: &mut Reader<'_>) -> Result<Self> {
        match marker {
            // Legacy form: type (first byte taken), nonce, sockaddr_storage with a big-endian family.
            0 => {
                r.skip("legacy address", 3)?;
                let nonce = r.u32()?;
                let storage = r.take("sockaddr_storage", 128)?;
                let mut s = Reader::new(storage);
                let family = u16::from_be_bytes(s.array("family")?);
                Ok(Self { kind: AddrKind::Legacy, nonce, sock: sockaddr(&mut s, family)? })
            }
            1 => {
                let (_, mut r) = r.versioned("entity_addr_t", 1)?;
                let kind = AddrKind::from_u32(r.u32()?)?;
                let nonce = r.u32()?;
                let body = r.blob()?;
                let sock = if body.is_empty() {
                    None
                } else {
                    let mut s = Reader::new(body);
                    let family = s.u16()?;
                    sockaddr(&mut s, family)?
                };
                Ok(Self { kind, nonce, sock })
            }
            m => Err(DecodeError::Invalid { what: "address marker", value: m as u64 }),
        }
    }
}
impl Decode for EntityAddr {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let marker = r.u8()?;
        Self::decode_after(marker, r)
    }
}

impl fmt::Display for EntityAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sock {
            None => write!(f, "-"),
            Some(sock) => write!(f, "{}{sock}/{}", self.kind.prefix(), self.nonce),
        }
    }
}

impl EntityAddr {
    /// Parses `[v2:|v1:]HOST:PORT[/NONCE]`; without a prefix it is `default_kind`.
    pub fn parse(text: &str, default_kind: AddrKind) -> Option<Self> {
        let (kind, rest) = if let Some(rest) = text.strip_prefix("v2:") {
            (AddrKind::Msgr2, rest)
        } else if let Some(rest) = text.strip_prefix("v1:") {
            (AddrKind::Legacy, rest)
        } else {
            (default_kind, text.strip_prefix("any:").unwrap_or(text))
        };
        let (sock, nonce) = match rest.rsplit_once('/') {
            Some((sock, nonce)) => (sock, nonce.parse().ok()?),
            None => (rest, 0),
        };
        Some(Self { kind, nonce, sock: Some(sock.parse().ok()?) })
    }
}

/// `entity_addrvec_t`: every address at which one daemon answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EntityAddrVec(pub Vec<EntityAddr>);

impl EntityAddrVec {
    pub fn one(addr: EntityAddr) -> Self {
        Self(vec![addr])
    }
    /// The msgr2 address, if there is one.
    pub fn msgr2(&self) -> Option<&EntityAddr> {
        self.0.iter().find(|a| a.kind == AddrKind::Msgr2)
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
impl Encode for EntityAddrVec {
    fn encode(&self, out: &mut Vec<u8>) {
        2u8.encode(out);
        self.0.encode(out);
    }
}
impl Decode for EntityAddrVec {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        match r.u8()? {
            2 => Ok(Self(r.get()?)),
            marker => Ok(Self(vec![EntityAddr::decode_after(marker, r)?])),
        }
    }
}
impl fmt::Display for EntityAddrVec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => write!(f, "{one}"),
            all => {
                write!(f, "[")?;
                for (i, addr) in all.iter().enumerate() {
                    write!(f, "{}{addr}", if i > 0 { "," } else { "" })?;
                }
                write!(f, "]")
            }
        }
    }
}
