//! Capabilities: the text in keyrings and tickets, parsed, and the checks that monitors ([`MonCaps`])
//! and OSDs ([`OsdCaps`]) make with it (Ceph doc/rados/operations/user-management.rst; decisions as
//! in src/mon/MonCap.cc and src/osd/OSDCap.cc).

mod mon;
mod osd;

pub use mon::{MonAccess, MonCaps};
pub use osd::{ClassAccess, ObjectAccess, OsdCaps};

use std::fmt;
use std::net::IpAddr;

/// The text cannot be read from byte `at` on. Nothing of it counts then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapsError {
    pub at: usize,
}
impl fmt::Display for CapsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "capability text is not understood from byte {} on", self.at)
    }
}
impl std::error::Error for CapsError {}

/// Addresses to which a grant is limited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Network {
    Range {
        ip: IpAddr,
        prefix: u8,
    },
    /// Text that is no network: the grant counts for nobody.
    Invalid,
}

impl Network {
    fn parse(text: &str) -> Self {
        let (ip, prefix) = match text.split_once('/') {
            Some((ip, prefix)) => (ip, prefix.parse().ok()),
            None => (text, Some(if text.contains(':') { 128 } else { 32 })),
        };
        let ip: Option<IpAddr> = ip.trim_matches(['[', ']']).parse().ok();
        match (ip, prefix) {
            (Some(ip), Some(prefix)) if prefix <= bits(ip).1 => Self::Range { ip, prefix },
            _ => Self::Invalid,
        }
    }

    fn contains(&self, peer: Option<IpAddr>) -> bool {
        let (Self::Range { ip, prefix }, Some(peer)) = (self, peer) else { return false };
        let ((ours, width), (theirs, peer_width)) = (bits(*ip), bits(peer));
        width == peer_width && (*prefix == 0 || (ours ^ theirs) >> (width - prefix) as u32 == 0)
    }
}

/// The address as a number, and how many bits it has.
fn bits(ip: IpAddr) -> (u128, u8) {
    match ip {
        IpAddr::V4(ip) => (u32::from(ip) as u128, 32),
        IpAddr::V6(ip) => (u128::from(ip), 128),
    }
}

/// A position in the text. Copied before every alternative, so that failing costs nothing.
#[derive(Debug, Clone, Copy)]
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }
    fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }
    /// Takes `word` if it comes next, with nothing in between.
    fn eat(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }
    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }
    /// At least one blank.
    fn spaces(&mut self) -> bool {
        !self.take_while(|c| c.is_ascii_whitespace()).is_empty()
    }
    fn skip_spaces(&mut self) {
        self.spaces();
    }
    /// Blanks, then `word`.
    fn spaced(&mut self, word: &str) -> bool {
        let mut c = *self;
        let found = c.spaces() && c.eat(word);
        if found {
            *self = c;
        }
        found
    }
    /// `=` or blanks between a word and its value.
    fn equals_or_spaces(&mut self) -> bool {
        self.eat("=") || self.spaces()
    }
    /// A word, or text in quotes of either kind; empty quotes only with `empty`.
    fn string(&mut self, empty: bool) -> Option<String> {
        for quote in ['"', '\''] {
            let mut c = *self;
            if c.eat(quote.encode_utf8(&mut [0; 4])) {
                let inner = c.take_while(|x| x != quote);
                if c.eat(quote.encode_utf8(&mut [0; 4])) && (empty || !inner.is_empty()) {
                    *self = c;
                    return Some(inner.to_owned());
                }
                return None;
            }
        }
        let word =
            self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-'));
        (!word.is_empty()).then(|| word.to_owned())
    }
    /// `network 10.0.0.0/8`, if it comes next.
    fn network(&mut self) -> Option<Network> {
        let mut c = *self;
        if !c.spaced("network") || !c.spaces() {
            return None;
        }
        let text =
            c.take_while(|c| c.is_ascii_hexdigit() || matches!(c, '/' | '.' | ':' | '[' | ']'));
        if text.is_empty() {
            return None;
        }
        *self = c;
        Some(Network::parse(text))
    }
    /// `*` or `all`.
    fn wildcard(&mut self) -> bool {
        self.eat("*") || self.eat("all")
    }
}

/// A grant's network, if any, holds the peer.
fn network_allows(network: &Option<Network>, peer: Option<IpAddr>) -> bool {
    network.as_ref().is_none_or(|network| network.contains(peer))
}

#[cfg(test)]
mod tests;
