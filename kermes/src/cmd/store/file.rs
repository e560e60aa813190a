//! The file that carries objects between stores: docs/formats.md#export.

use anyhow::{Context, Result, bail, ensure};
use bytes::{BufMut, Bytes};
use std::io::{BufReader, Read, Write};
use types::enc::{DecodeError, Reader};
use types::hash::crc32c;
use types::{Fsid, HObject, PgId, PoolId, SnapId};

const MAGIC: &[u8; 16] = b"kermes export\n\0\0";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 24;
const FRAME_BYTES: usize = 20;
/// No frame's body is longer.
const BODY_BYTES_MAX: usize = 80 << 20;

const BEGIN: u8 = 1;
const OBJECT: u8 = 2;
const DATA: u8 = 3;
const XATTR: u8 = 4;
const OMAP_HEADER: u8 = 5;
const OMAP: u8 = 6;
const LOST: u8 = 7;
const OBJECT_END: u8 = 8;
const END: u8 = 9;

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begin {
    pub cluster: Fsid,
    pub osd: u32,
    pub store: Fsid,
    /// The placement group and its bits; `None` for one object.
    pub pg: Option<(PgId, u8)>,
}

/// What could not be read when the file was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// Bytes of the object, which are a hole in the file.
    Data {
        offset: u64,
        len: u64,
    },
    /// Keys of the object's omap, an unknown number.
    Omap,
    Xattrs,
    /// Objects at this place.
    Objects,
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    Begin(Begin),
    Object { name: HObject, size: u64 },
    Data { offset: u64, data: Bytes },
    Xattr { name: Bytes, value: Bytes },
    OmapHeader(Bytes),
    Omap(Vec<(Bytes, Bytes)>),
    Lost(Lost),
    ObjectEnd,
    End { objects: u64 },
}

fn put_blob(out: &mut Vec<u8>, bytes: &[u8]) {
    out.put_u32_le(u32::try_from(bytes.len()).expect("the store's values are shorter"));
    out.put_slice(bytes);
}

impl Frame {
    fn encode(&self) -> (u8, Vec<u8>) {
        let mut b = Vec::new();
        let tag = match self {
            Self::Begin(begin) => {
                b.put_slice(&begin.cluster.0);
                b.put_u32_le(begin.osd);
                b.put_slice(&begin.store.0);
                b.put_u8(begin.pg.is_some() as u8);
                if let Some((pg, bits)) = begin.pg {
                    b.put_i64_le(pg.pool.0);
                    b.put_u32_le(pg.seed);
                    b.put_u8(bits);
                }
                BEGIN
            }
            Self::Object { name, size } => {
                b.put_i64_le(name.pool.0);
                b.put_u32_le(name.hash);
                b.put_u64_le(name.snap.0);
                for text in [&name.nspace, &name.key, &name.name] {
                    put_blob(&mut b, text.as_bytes());
                }
                b.put_u64_le(*size);
                OBJECT
            }
            Self::Data { offset, data } => {
                b.put_u64_le(*offset);
                b.put_slice(data);
                DATA
            }
            Self::Xattr { name, value } => {
                put_blob(&mut b, name);
                put_blob(&mut b, value);
                XATTR
            }
            Self::OmapHeader(header) => {
                b.put_slice(header);
                OMAP_HEADER
            }
            Self::Omap(pairs) => {
                b.put_u32_le(pairs.len() as u32);
                for (key, value) in pairs {
                    put_blob(&mut b, key);
                    put_blob(&mut b, value);
                }
                OMAP
            }
            Self::Lost(lost) => {
                let (kind, offset, len) = match lost {
                    Lost::Data { offset, len } => (1, *offset, *len),
                    Lost::Omap => (2, 0, 0),
                    Lost::Xattrs => (3, 0, 0),
                    Lost::Objects => (4, 0, 0),
                };
                b.put_u8(kind);
                b.put_u64_le(offset);
                b.put_u64_le(len);
                LOST
            }
            Self::ObjectEnd => OBJECT_END,
            Self::End { objects } => {
                b.put_u64_le(*objects);
                END
            }
        };
        (tag, b)
    }

    fn decode(tag: u8, body: &Bytes) -> Result<Self, DecodeError> {
        let mut r = Reader::new(body);
        let blob = |r: &mut Reader<'_>| -> Result<Bytes, DecodeError> {
            let len = r.u32()? as usize;
            Ok(Bytes::copy_from_slice(r.take("blob", len)?))
        };
        let text = |r: &mut Reader<'_>| -> Result<String, DecodeError> {
            let bytes = blob(r)?.to_vec();
            String::from_utf8(bytes).map_err(|_| DecodeError::Invalid { what: "text", value: 0 })
        };
        let frame = match tag {
            BEGIN => {
                let cluster = Fsid(r.array("cluster")?);
                let osd = r.u32()?;
                let store = Fsid(r.array("store")?);
                let pg = match r.u8()? {
                    0 => None,
                    _ => {
                        let pool = PoolId(i64::from_le_bytes(r.array("pool")?));
                        Some((PgId { pool, seed: r.u32()? }, r.u8()?))
                    }
                };
                if let Some((_, bits)) = pg
                    && bits > 32
                {
                    return Err(DecodeError::Invalid { what: "bits", value: bits as u64 });
                }
                Self::Begin(Begin { cluster, osd, store, pg })
            }
            OBJECT => {
                let pool = PoolId(i64::from_le_bytes(r.array("pool")?));
                let hash = r.u32()?;
                let snap = SnapId(r.u64()?);
                let (nspace, key, name) = (text(&mut r)?, text(&mut r)?, text(&mut r)?);
                let name = HObject { pool, hash, nspace, key, name, snap, max: false };
                Self::Object { name, size: r.u64()? }
            }
            DATA => {
                let offset = r.u64()?;
                let data = body.slice(r.pos()..);
                return Ok(Self::Data { offset, data });
            }
            XATTR => Self::Xattr { name: blob(&mut r)?, value: blob(&mut r)? },
            OMAP_HEADER => return Ok(Self::OmapHeader(body.clone())),
            OMAP => {
                let count = r.u32()?;
                let mut pairs = Vec::new();
                for _ in 0..count {
                    pairs.push((blob(&mut r)?, blob(&mut r)?));
                }
                Self::Omap(pairs)
            }
            LOST => {
                let (kind, offset, len) = (r.u8()?, r.u64()?, r.u64()?);
                Self::Lost(match kind {
                    1 => Lost::Data { offset, len },
                    2 => Lost::Omap,
                    3 => Lost::Xattrs,
                    4 => Lost::Objects,
                    other => {
                        return Err(DecodeError::Invalid { what: "loss", value: other as u64 });
                    }
                })
            }
            OBJECT_END => Self::ObjectEnd,
            END => Self::End { objects: r.u64()? },
            other => return Err(DecodeError::Invalid { what: "frame", value: other as u64 }),
        };
        r.finish("frame")?;
        Ok(frame)
    }
}

/// Writes frames.
pub struct Writer<W> {
    to: W,
    number: u64,
}

impl<W: Write> Writer<W> {
    pub fn new(mut to: W) -> std::io::Result<Self> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.put_slice(MAGIC);
        head.put_u32_le(VERSION);
        head.put_u32_le(crc32c(!0, &head));
        to.write_all(&head)?;
        Ok(Self { to, number: 0 })
    }
    pub fn put(&mut self, frame: &Frame) -> std::io::Result<()> {
        let (tag, body) = frame.encode();
        let mut head = Vec::with_capacity(FRAME_BYTES);
        head.put_u32_le(0);
        head.put_slice(&[tag, 0, 0, 0]);
        head.put_u64_le(self.number);
        head.put_u32_le(u32::try_from(body.len()).expect("frames are small"));
        let crc = crc32c(crc32c(!0, &head[4..]), &body);
        head[..4].copy_from_slice(&crc.to_le_bytes());
        self.number += 1;
        self.to.write_all(&head)?;
        self.to.write_all(&body)
    }
    pub fn finish(mut self) -> std::io::Result<W> {
        self.to.flush()?;
        Ok(self.to)
    }
}

/// Reads frames, each of which it verifies. One frame is in memory at a time.
pub struct Frames<R> {
    from: BufReader<R>,
    number: u64,
    pos: u64,
}

impl<R: Read> Frames<R> {
    pub fn new(from: R) -> Result<Self> {
        let mut from = BufReader::with_capacity(1 << 20, from);
        let mut head = [0; HEAD_BYTES];
        let whole = from.read_exact(&mut head).is_ok();
        ensure!(whole && head[..16] == *MAGIC, "it is not a file of `kermes store export`");
        let u32_at = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("4 bytes"));
        ensure!(u32_at(20) == crc32c(!0, &head[..20]), "its first bytes are damaged");
        let version = u32_at(16);
        ensure!(
            version == VERSION,
            "its format has version {version}, this program reads {VERSION}"
        );
        Ok(Self { from, number: 0, pos: HEAD_BYTES as u64 })
    }

    pub fn next(&mut self) -> Result<Frame> {
        let mut head = [0; FRAME_BYTES];
        let at = self.pos;
        let cut = || format!("it is cut short at byte {at}");
        self.from.read_exact(&mut head).with_context(cut)?;
        let len = u32::from_le_bytes(head[16..20].try_into().expect("4 bytes")) as usize;
        let damaged = || format!("it is damaged at byte {at}");
        ensure!(len <= BODY_BYTES_MAX, damaged());
        let mut body = vec![0; len];
        self.from.read_exact(&mut body).with_context(cut)?;
        let crc = u32::from_le_bytes(head[..4].try_into().expect("4 bytes"));
        ensure!(crc == crc32c(crc32c(!0, &head[4..]), &body), damaged());
        let number = u64::from_le_bytes(head[8..16].try_into().expect("8 bytes"));
        ensure!(number == self.number, "{}: a part is missing", damaged());
        self.number += 1;
        self.pos += (FRAME_BYTES + len) as u64;
        Frame::decode(head[4], &body.into()).with_context(damaged)
    }

    /// The first frame.
    pub fn begin(&mut self) -> Result<Begin> {
        match self.next()? {
            Frame::Begin(begin) => Ok(begin),
            _ => bail!("it is damaged at its first part"),
        }
    }

    /// Nothing may follow the last frame.
    pub fn end(mut self) -> Result<()> {
        let mut more = [0];
        let read = self.from.read(&mut more).context("cannot read its end")?;
        ensure!(read == 0, "something follows its end at byte {}", self.pos);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Vec<Frame> {
        let pg = PgId { pool: PoolId(3), seed: 0x1f };
        let cluster = Fsid([1; 16]);
        let name = HObject::head(PoolId(3), "space", "key", "na:me");
        vec![
            Frame::Begin(Begin { cluster, osd: 7, store: Fsid([2; 16]), pg: Some((pg, 5)) }),
            Frame::Begin(Begin { cluster, osd: 7, store: Fsid([2; 16]), pg: None }),
            Frame::Object { name, size: 1 << 30 },
            Frame::Data { offset: 4096, data: Bytes::from_static(b"data") },
            Frame::Xattr { name: Bytes::from_static(b"_"), value: Bytes::new() },
            Frame::OmapHeader(Bytes::from_static(b"header")),
            Frame::Omap(vec![(Bytes::from_static(b"k"), Bytes::from_static(b"v"))]),
            Frame::Lost(Lost::Data { offset: 8192, len: 4096 }),
            Frame::Lost(Lost::Omap),
            Frame::Lost(Lost::Xattrs),
            Frame::Lost(Lost::Objects),
            Frame::ObjectEnd,
            Frame::End { objects: 1 },
        ]
    }
    fn file() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        frames().iter().for_each(|frame| writer.put(frame).unwrap());
        writer.finish().unwrap()
    }
    fn read(bytes: &[u8]) -> Result<Vec<Frame>> {
        let mut reader = Frames::new(bytes)?;
        let read = (0..frames().len()).map(|_| reader.next()).collect::<Result<Vec<_>>>()?;
        reader.end()?;
        Ok(read)
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(read(&file()).unwrap(), frames());
    }

    #[test]
    fn damage_anywhere_is_found() {
        let file = file();
        for at in 0..file.len() {
            let mut bad = file.clone();
            bad[at] ^= 0x10;
            assert!(read(&bad).is_err(), "byte {at}");
            assert!(read(&file[..at]).is_err(), "cut at {at}");
        }
        let longer = [&file[..], b"x"].concat();
        assert!(read(&longer).unwrap_err().to_string().contains("follows its end"));
        // A frame left out.
        let first = FRAME_BYTES + 16 + 4 + 16 + 1 + 13;
        let without = [&file[..HEAD_BYTES], &file[HEAD_BYTES + first..]].concat();
        assert!(format!("{:#}", read(&without).unwrap_err()).contains("a part is missing"));
    }

    #[test]
    fn another_version_is_refused() {
        let mut file = file();
        file[16] = 2;
        let crc = crc32c(!0, &file[..20]);
        file[20..24].copy_from_slice(&crc.to_le_bytes());
        let why = read(&file).unwrap_err().to_string();
        assert_eq!(why, "its format has version 2, this program reads 1");
    }
}
