//! Test data and the real programs that serve as oracles.
#![allow(dead_code)]

use maps::{Incremental, OsdMap};
use std::path::PathBuf;
use std::process::Command;
use types::enc::Reader;

pub fn testdata(name: &str) -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/").to_owned() + name;
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The incrementals of a real cluster, from epoch 1 on.
pub fn incrementals() -> Vec<Vec<u8>> {
    let bytes = testdata("incrementals.bin");
    let mut r = Reader::new(&bytes);
    let mut all = Vec::new();
    while !r.is_empty() {
        all.push(r.blob().unwrap().to_vec());
    }
    all
}

/// Each epoch of that cluster.
pub fn history() -> Vec<(u32, OsdMap)> {
    let mut map: Option<OsdMap> = None;
    let mut all = Vec::new();
    for bytes in incrementals() {
        let inc = Incremental::decode(&bytes).unwrap();
        let map = map.get_or_insert_with(|| OsdMap::new(inc.fsid, inc.modified));
        map.apply(&inc).unwrap();
        all.push((inc.epoch.0, map.clone()));
    }
    all
}

/// Path of a program of Ceph's, or `None` after saying that the test is skipped.
pub fn tool(name: &str) -> Option<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|p| p.is_file());
    if found.is_none() {
        eprintln!("skipped: {name} is not installed");
    }
    found.map(|p| p.to_string_lossy().into_owned())
}

/// What a program prints on its standard output. It must succeed.
pub fn run(program: &str, args: &[&str]) -> String {
    let out = Command::new(program).args(args).output().unwrap();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{program} {args:?}: {errors}");
    String::from_utf8(out.stdout).unwrap()
}

/// A directory that goes when the value goes.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("kermes-maps-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }
    pub fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_string_lossy().into_owned()
    }
}
impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
