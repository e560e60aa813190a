//! Text format of keyrings: sections `[client.admin]` with `key = BASE64` and `caps mon = "allow *"`.

use super::AuthName;
use super::crypto::CryptoKey;
use std::collections::BTreeMap;
use std::fmt;

/// One section of a keyring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyringEntry {
    pub key: CryptoKey,
    /// Capability text by service name.
    pub caps: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keyring {
    pub entries: BTreeMap<AuthName, KeyringEntry>,
}

/// Which line (from 1) of a keyring's text cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyringError {
    /// Neither a section, a setting, nor a comment.
    Syntax {
        line: usize,
    },
    Name {
        line: usize,
    },
    Key {
        line: usize,
    },
    /// A section without `key`, whose header is at this line.
    NoKey {
        line: usize,
    },
}
impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, line) = match self {
            Self::Syntax { line } => ("not a section and not a setting", line),
            Self::Name { line } => ("not the name of an entity", line),
            Self::Key { line } => ("not a key", line),
            Self::NoKey { line } => ("a section without a key", line),
        };
        write!(f, "keyring line {line}: {what}")
    }
}
impl std::error::Error for KeyringError {}

/// A section that the next heading or the end of the text closes.
struct Section {
    line: usize,
    name: AuthName,
    key: Option<CryptoKey>,
    caps: BTreeMap<String, String>,
}

impl Keyring {
    /// Parses the text. Settings other than `key` and `caps *` are skipped, as Ceph does.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let mut entries = BTreeMap::new();
        let mut open: Option<Section> = None;
        let mut close = |open: &mut Option<Section>| {
            if let Some(Section { line, name, key, caps }) = open.take() {
                let key = key.ok_or(KeyringError::NoKey { line })?;
                entries.insert(name, KeyringEntry { key, caps });
            }
            Ok(())
        };
        for (index, text) in text.lines().enumerate() {
            let line = index + 1;
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') || text.starts_with(';') {
                continue;
            }
            if let Some(section) = text.strip_prefix('[') {
                close(&mut open)?;
                let name = section.strip_suffix(']').ok_or(KeyringError::Syntax { line })?;
                let name = AuthName::parse(name.trim()).ok_or(KeyringError::Name { line })?;
                open = Some(Section { line, name, key: None, caps: BTreeMap::new() });
                continue;
            }
            let (setting, value) = text.split_once('=').ok_or(KeyringError::Syntax { line })?;
            let section = open.as_mut().ok_or(KeyringError::Syntax { line })?;
            let value = unquote(value.trim());
            // Words of a setting's name are joined by blanks or by underscores.
            let setting = setting.trim().replace(['_', '\t'], " ");
            if setting == "key" {
                let key = CryptoKey::from_base64(&value).ok_or(KeyringError::Key { line })?;
                section.key = Some(key);
            } else if let Some(service) = setting.strip_prefix("caps ") {
                section.caps.insert(service.trim().to_owned(), value);
            }
        }
        close(&mut open)?;
        Ok(Self { entries })
    }
}

fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

/// The text that `ceph-authtool` and `ceph auth get` print.
impl fmt::Display for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, entry) in &self.entries {
            writeln!(f, "[{name}]")?;
            writeln!(f, "\tkey = {}", entry.key.to_base64())?;
            for (service, text) in &entry.caps {
                let text = text.replace('\\', "\\\\").replace('"', "\\\"");
                writeln!(f, "\tcaps {service} = \"{text}\"")?;
            }
        }
        Ok(())
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding (RFC 4648 section 4).
pub fn base64_encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let group = u32::from_be_bytes(group);
        for i in 0..4 {
            match i <= chunk.len() {
                true => out.push(ALPHABET[(group >> (18 - 6 * i) & 63) as usize] as char),
                false => out.push('='),
            }
        }
    }
    out
}

/// Strict: whole groups of four, padding only at the end.
pub fn base64_decode(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let groups = text.len() / 4;
    let mut out = Vec::with_capacity(groups * 3);
    for (at, chunk) in text.chunks_exact(4).enumerate() {
        let pad = chunk.iter().rev().take_while(|c| **c == b'=').count();
        if pad > 2 || (pad > 0 && at + 1 != groups) {
            return None;
        }
        let mut group = 0u32;
        for c in &chunk[..4 - pad] {
            let value = ALPHABET.iter().position(|a| a == c)? as u32;
            group = group << 6 | value;
        }
        group <<= 6 * pad;
        out.extend_from_slice(&group.to_be_bytes()[1..4 - pad]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_agrees_with_the_rfc() {
        for (plain, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64_encode(plain.as_bytes()), text);
            assert_eq!(base64_decode(text).unwrap(), plain.as_bytes());
        }
        for bad in ["Z", "Zg=", "Zg==Zg==", "Z===", "====", "Zm9\n"] {
            assert_eq!(base64_decode(bad), None, "{bad:?}");
        }
    }

    const TEXT: &str = "[mon.]\n\
        \tkey = AQBSv+FjAAAAABAAEiM0RVZneImaq7zN3u8BAQ==\n\
        [client.admin]\n\
        \tkey = AQBSv+FjAAAAABAAEiM0RVZneImaq7zN3u8BAQ==\n\
        \tcaps mds = \"allow *\"\n\
        \tcaps mon = \"allow profile \\\"x\\\"\"\n";

    #[test]
    fn keyrings_come_back_as_they_were() {
        let ring = Keyring::parse(TEXT).unwrap();
        assert_eq!(ring.entries.len(), 2);
        let admin = &ring.entries[&AuthName::new(types::EntityKind::Client, "admin")];
        assert_eq!(admin.caps["mon"], "allow profile \"x\"");
        assert_eq!(ring.to_string(), TEXT);
        let odd = "# c\n\n[osd.1]\nkey=AQBSv+FjAAAAABAAEiM0RVZneImaq7zN3u8BAQ==\ncaps_osd = allow *\nauid = 1";
        let ring = Keyring::parse(odd).unwrap();
        assert_eq!(ring.entries.values().next().unwrap().caps["osd"], "allow *");
    }

    #[test]
    fn bad_keyrings_are_refused_with_the_line() {
        assert_eq!(Keyring::parse("[client.a]\n"), Err(KeyringError::NoKey { line: 1 }));
        assert_eq!(Keyring::parse("key = x"), Err(KeyringError::Syntax { line: 1 }));
        assert_eq!(Keyring::parse("[nobody]"), Err(KeyringError::Name { line: 1 }));
        assert_eq!(Keyring::parse("[osd.1]\nkey = AQ=="), Err(KeyringError::Key { line: 2 }));
        assert_eq!(Keyring::parse("[osd.1]\nwhat"), Err(KeyringError::Syntax { line: 2 }));
    }
}
