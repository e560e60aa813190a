//! Capabilities at OSDs: by pool, namespace, application tag and object prefix.

use super::{CapsError, Cursor, Network, network_allows};
use std::collections::BTreeMap;
use std::net::IpAddr;

const R: u8 = 1 << 1;
const W: u8 = 1 << 2;
const CLASS_R: u8 = 1 << 3;
const CLASS_W: u8 = 1 << 4;
const X: u8 = CLASS_R | CLASS_W;
const ANY: u8 = 0xff;

/// `tag APPLICATION KEY=VALUE`: pools whose application metadata has it. `*` matches all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Tag {
    application: String,
    key: String,
    value: String,
}

/// Which objects. Empty fields match everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Match {
    pool: String,
    namespace: Option<String>,
    tag: Option<Tag>,
    object_prefix: String,
}

/// What may be done with them.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Spec {
    Bits(u8),
    Class { class: String, method: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    alternatives: Vec<(Match, Spec)>,
    network: Option<Network>,
}

/// A class method that a message calls.
#[derive(Debug, Clone, Copy)]
pub struct ClassAccess<'a> {
    pub class: &'a str,
    pub method: &'a str,
    pub read: bool,
    pub write: bool,
    /// The class is on the OSD's list of classes for whom `x` is enough (the default list is all).
    pub listed: bool,
}

/// What a message wants of an object.
#[derive(Debug, Clone, Copy)]
pub struct ObjectAccess<'a> {
    pub pool: &'a str,
    pub namespace: &'a str,
    /// The pool's application metadata.
    pub applications: &'a BTreeMap<String, BTreeMap<String, String>>,
    /// The locator key if there is one, else the name.
    pub object: &'a str,
    pub read: bool,
    pub write: bool,
    pub classes: &'a [ClassAccess<'a>],
    pub addr: Option<IpAddr>,
}

/// Parsed capabilities of one principal at OSDs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OsdCaps {
    grants: Vec<Grant>,
}

impl OsdCaps {
    pub fn allow_all() -> Self {
        let alternatives = vec![(Match::default(), Spec::Bits(ANY))];
        Self { grants: vec![Grant { alternatives, network: None }] }
    }

    /// Reads `allow rwx pool=rbd namespace=a`, `profile rbd pool=x, allow r` and so on.
    pub fn parse(text: &str) -> Result<Self, CapsError> {
        let mut c = Cursor::new(text);
        let mut grants = Vec::new();
        loop {
            c.skip_spaces();
            grants.push(grant(&mut c).ok_or(CapsError { at: c.at })?);
            c.skip_spaces();
            if c.is_empty() {
                return Ok(Self { grants });
            }
            if !c.eat(";") && !c.eat(",") {
                return Err(CapsError { at: c.at });
            }
        }
    }

    /// Everything on every object, from everywhere.
    pub fn is_allow_all(&self) -> bool {
        let all = (Match::default(), Spec::Bits(ANY));
        self.grants.iter().any(|g| g.network.is_none() && g.alternatives.contains(&all))
    }

    pub fn allows(&self, access: &ObjectAccess<'_>) -> bool {
        // One grant must give read and write; classes may be allowed by several together.
        let mut class_allowed = vec![false; access.classes.len()];
        self.grants.iter().any(|grant| {
            network_allows(&grant.network, access.addr)
                && grant
                    .alternatives
                    .iter()
                    .any(|(objects, spec)| allowed(objects, spec, access, &mut class_allowed))
        })
    }
}

fn allowed(
    objects: &Match,
    spec: &Spec,
    access: &ObjectAccess<'_>,
    class_allowed: &mut [bool],
) -> bool {
    if !objects.matches(access) {
        return false;
    }
    let bits = match spec {
        Spec::Bits(bits) => *bits,
        Spec::Class { .. } => 0,
    };
    if (access.read && bits & R == 0) || (access.write && bits & W == 0) {
        return false;
    }
    if bits == ANY {
        return true;
    }
    for (class, allowed) in access.classes.iter().zip(class_allowed.iter_mut()) {
        let named = match spec {
            Spec::Class { class: name, method } => {
                name == class.class && (method.is_empty() || method == class.method)
            }
            Spec::Bits(_) => false,
        };
        let by_bits = class.listed
            && (!class.read || bits & CLASS_R != 0)
            && (!class.write || bits & CLASS_W != 0);
        *allowed |= named || by_bits;
    }
    class_allowed.iter().all(|allowed| *allowed)
}

impl Match {
    fn in_pool(pool: &str, namespace: Option<&str>) -> Self {
        Self { pool: pool.to_owned(), namespace: namespace.map(str::to_owned), ..Self::default() }
    }
    fn prefixed(prefix: &str) -> Self {
        Self { object_prefix: prefix.to_owned(), ..Self::default() }
    }

    fn matches(&self, access: &ObjectAccess<'_>) -> bool {
        let pool = self.pool.is_empty() || self.pool == access.pool;
        let namespace = self.namespace.as_ref().is_none_or(|wanted| {
            wanted == access.namespace
                || wanted.strip_suffix('*').is_some_and(|p| access.namespace.starts_with(p))
        });
        let tag = self.tag.as_ref().is_none_or(|tag| tag.matches(access.applications));
        pool && namespace && tag && access.object.starts_with(&self.object_prefix)
    }
}

impl Tag {
    fn matches(&self, applications: &BTreeMap<String, BTreeMap<String, String>>) -> bool {
        let Some(metadata) = applications.get(&self.application) else { return false };
        match (self.key.as_str(), self.value.as_str()) {
            ("*", "*") => true,
            ("*", value) => metadata.values().any(|v| v == value),
            (key, "*") => metadata.contains_key(key),
            (key, value) => metadata.get(key).is_some_and(|v| v == value),
        }
    }
}

/// What a profile stands for in a pool and namespace. Unknown profiles stand for nothing.
fn profile_grants(profile: &str, pool: &str, namespace: Option<&str>) -> Vec<(Match, Spec)> {
    let scope = Match::in_pool(pool, namespace);
    let class = |method: &str| Spec::Class { class: "rbd".to_owned(), method: method.to_owned() };
    match profile {
        "read-only" => vec![(scope, Spec::Bits(R))],
        "read-write" => vec![(scope, Spec::Bits(R | W))],
        "rbd" => vec![
            (Match::prefixed("rbd_info"), Spec::Bits(R)),
            (Match::prefixed("rbd_children"), Spec::Bits(CLASS_R)),
            (Match::prefixed("rbd_mirroring"), Spec::Bits(CLASS_R)),
            (Match::in_pool(pool, None), class("metadata_list")),
            (scope, Spec::Bits(R | W | X)),
        ],
        "rbd-read-only" => {
            let header = Match { object_prefix: "rbd_header.".to_owned(), ..scope.clone() };
            vec![
                (scope, Spec::Bits(R | CLASS_R)),
                (header.clone(), class("child_attach")),
                (header, class("child_detach")),
            ]
        }
        _ => Vec::new(),
    }
}

fn grant(c: &mut Cursor<'_>) -> Option<Grant> {
    let mut attempt = *c;
    if attempt.eat("allow") {
        let found = spec_then_match(attempt).or_else(|| match_then_spec(attempt));
        let (alternative, end) = found?;
        *c = end;
        return Some(Grant { alternatives: vec![alternative], network: c.network() });
    }
    let name = (c.eat("profile") && c.equals_or_spaces()).then(|| c.string(false))??;
    let pool = pool_name(c);
    let namespace = namespace(c);
    let alternatives = profile_grants(&name, &pool, namespace.as_deref());
    Some(Grant { alternatives, network: c.network() })
}

/// The end of a grant: nothing more, a separator or a network.
fn ends(c: &Cursor<'_>) -> bool {
    let mut c = *c;
    let _ = c.network();
    c.skip_spaces();
    c.is_empty() || c.rest().starts_with([',', ';'])
}

fn spec_then_match(mut c: Cursor<'_>) -> Option<((Match, Spec), Cursor<'_>)> {
    let spec = spec(&mut c)?;
    let objects = objects(&mut c);
    ends(&c).then_some(((objects, spec), c))
}

fn match_then_spec(mut c: Cursor<'_>) -> Option<((Match, Spec), Cursor<'_>)> {
    let objects = objects(&mut c);
    let spec = spec(&mut c)?;
    ends(&c).then_some(((objects, spec), c))
}

fn spec(c: &mut Cursor<'_>) -> Option<Spec> {
    let mut attempt = *c;
    if attempt.spaces() && attempt.wildcard() {
        *c = attempt;
        return Some(Spec::Bits(ANY));
    }
    let mut bits = 0;
    let mut attempt = *c;
    if attempt.spaces() {
        for (letter, bit) in [("r", R), ("w", W), ("x", X)] {
            bits |= if attempt.eat(letter) { bit } else { 0 };
        }
        if bits != 0 {
            *c = attempt;
        }
    }
    for (word, bit) in [("class-read", CLASS_R), ("class-write", CLASS_W)] {
        bits |= if c.spaced(word) { bit } else { 0 };
    }
    if bits != 0 {
        return Some(Spec::Bits(bits));
    }
    let mut attempt = *c;
    let class = (attempt.spaced("class") && attempt.spaces()).then(|| attempt.string(false))??;
    *c = attempt;
    let method = match attempt.spaces().then(|| attempt.string(false)).flatten() {
        Some(method) => {
            *c = attempt;
            method
        }
        None => String::new(),
    };
    Some(Spec::Class { class, method })
}

fn objects(c: &mut Cursor<'_>) -> Match {
    let mut attempt = *c;
    let space = namespace(&mut attempt);
    if let Some(tag) = tag(&mut attempt) {
        *c = attempt;
        return Match { namespace: space, tag: Some(tag), ..Match::default() };
    }
    let pool = pool_name(c);
    let namespace = namespace(c);
    let mut object_prefix = String::new();
    let mut attempt = *c;
    if attempt.spaced("object_prefix")
        && attempt.spaces()
        && let Some(prefix) = attempt.string(false)
    {
        *c = attempt;
        object_prefix = prefix;
    }
    Match { pool, namespace, tag: None, object_prefix }
}

fn pool_name(c: &mut Cursor<'_>) -> String {
    let mut attempt = *c;
    if attempt.spaced("pool")
        && attempt.equals_or_spaces()
        && let Some(name) = attempt.string(false)
    {
        *c = attempt;
        return name;
    }
    String::new()
}

fn namespace(c: &mut Cursor<'_>) -> Option<String> {
    let mut attempt = *c;
    let found = attempt.spaced("namespace") && attempt.equals_or_spaces();
    let mut name = found.then(|| attempt.string(true))??;
    if attempt.eat("*") {
        name.push('*');
    }
    *c = attempt;
    Some(name)
}

fn tag(c: &mut Cursor<'_>) -> Option<Tag> {
    let word = |c: &mut Cursor<'_>| match c.wildcard() {
        true => Some("*".to_owned()),
        false => c.string(false),
    };
    let application = (c.spaced("tag") && c.spaces()).then(|| c.string(false))??;
    let key = c.spaces().then(|| word(c))??;
    c.skip_spaces();
    if !c.eat("=") {
        return None;
    }
    c.skip_spaces();
    Some(Tag { application, key, value: word(c)? })
}
