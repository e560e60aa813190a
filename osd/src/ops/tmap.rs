//! The trivial map of Ceph's early releases: header and sorted pairs, kept in the object's data.
//! `rados` can still convert one into omap.

use super::engine::{Context, DONE, OpResult};
use super::*;
use std::collections::BTreeMap;
use types::enc::put_blob;
use types::{Decode, DecodeError, Reader};

const HEADER: u8 = b'h';
const SET: u8 = b's';
const CREATE: u8 = b'c';
const REMOVE: u8 = b'r';
const REMOVE_IF_THERE: u8 = b'R';
/// Flag of tmap2omap: an empty object is no error.
const NULL_OK: u8 = 1;

#[derive(Default)]
struct Tmap {
    header: Bytes,
    pairs: BTreeMap<Bytes, Bytes>,
}

impl Decode for Tmap {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let header = Bytes::copy_from_slice(r.blob()?);
        Ok(Self { header, pairs: copy::take_pairs(r)?.into_iter().collect() })
    }
}
impl Encode for Tmap {
    fn encode(&self, out: &mut Vec<u8>) {
        put_blob(out, &self.header);
        copy::put_pairs(out, self.pairs.iter());
    }
}

impl Context<'_> {
    pub fn tmap_get(&self, out: &mut Vec<Piece>) -> OpResult {
        self.read(Extent::default(), out)
    }

    /// Replaces the data by a map, sorted if it was not.
    pub fn tmap_put(&mut self, input: &Bytes) -> OpResult {
        let map = Tmap::decode(&mut Reader::new(input))?;
        let sorted = Bytes::from(map.to_vec());
        let data = if sorted.len() == input.len() { sorted } else { input.clone() };
        self.write_full(data.len() as u64, data)
    }

    fn tmap_before(&self) -> Result<Option<Tmap>, engine::Fail> {
        if self.info.size == 0 {
            return Ok(None);
        }
        let bytes = self.bytes(self.stored(0, self.info.size)?)?;
        Ok(Some(Tmap::decode(&mut Reader::new(&bytes))?))
    }

    /// Input: a sequence of commands, each a letter, a key and for some a value.
    pub fn tmap_update(&mut self, input: &[u8]) -> OpResult {
        let mut r = Reader::new(input);
        if r.is_empty() {
            return DONE;
        }
        let mut map = self.tmap_before()?.unwrap_or_default();
        while !r.is_empty() {
            let command = r.u8()?;
            let key = Bytes::copy_from_slice(r.blob()?);
            match command {
                HEADER => map.header = key,
                SET => {
                    map.pairs.insert(key, Bytes::copy_from_slice(r.blob()?));
                }
                CREATE if map.pairs.contains_key(&key) => return Err(errno::EEXIST.into()),
                CREATE => {
                    map.pairs.insert(key, Bytes::copy_from_slice(r.blob()?));
                }
                REMOVE => {
                    map.pairs.remove(&key).ok_or(errno::ENOENT)?;
                }
                REMOVE_IF_THERE => {
                    map.pairs.remove(&key);
                }
                _ => return Err(errno::EINVAL.into()),
            }
        }
        let data = map.to_vec();
        self.write_full(data.len() as u64, data.into())
    }

    pub fn tmap_to_omap(&mut self, flags: u8) -> OpResult {
        let Some(map) = self.tmap_before()? else {
            return if flags & NULL_OK != 0 { DONE } else { Err(errno::ENODATA.into()) };
        };
        self.truncate(Extent::default())?;
        self.omap_set_header(map.header)?;
        self.omap_set(map.pairs.into_iter().collect())
    }
}
