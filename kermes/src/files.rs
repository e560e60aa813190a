//! Configuration files and keyrings on disk.

use anyhow::Context;
use client::conf::{Conf, Entity};
use messenger::auth::AuthName;
use messenger::auth::crypto::CryptoKey;
use messenger::auth::keyring::Keyring;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The entity with this machine's facts, for metavariables in paths.
pub fn entity(name: AuthName) -> Entity {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Entity {
        name,
        cluster: "ceph".into(),
        host: host.trim().split('.').next().unwrap_or_default().to_owned(),
        pid: std::process::id(),
    }
}

/// `path`, or the first of the places where Ceph looks that exists.
pub fn conf_path(path: Option<&Path>) -> Option<PathBuf> {
    let env = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let explicit = path.map(|p| p.display().to_string());
    let candidates = client::conf::search_paths(
        explicit.as_deref(),
        env("CEPH_CONF").as_deref(),
        env("HOME").as_deref(),
        "ceph",
    );
    if explicit.is_some() {
        return candidates.first().map(PathBuf::from);
    }
    candidates.into_iter().map(PathBuf::from).find(|p| p.exists())
}

/// The configuration, or `None` when there is none to be found.
pub fn read_conf(path: Option<&Path>) -> anyhow::Result<Option<Conf>> {
    let Some(path) = conf_path(path) else { return Ok(None) };
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(Conf::parse(&text).with_context(|| path.display().to_string())?))
}

/// The key of `name` in the keyring at `path`.
pub fn read_key(path: &Path, name: &AuthName) -> anyhow::Result<CryptoKey> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the keyring {}", path.display()))?;
    let keyring = Keyring::parse(&text).with_context(|| path.display().to_string())?;
    keyring
        .entries
        .get(name)
        .map(|e| e.key)
        .with_context(|| format!("{} has no key of {name}", path.display()))
}

/// A keyring with one key, as `ceph-authtool` writes it.
pub fn keyring(name: &AuthName, key: &CryptoKey) -> String {
    format!("[{name}]\n\tkey = {}\n", key.to_base64())
}

/// Writes a file that only its owner may read.
pub fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}
