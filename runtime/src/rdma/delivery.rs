//! How what comes gets to the node: offers are fetched, into the node's buffer where that is possible,
//! and all that is there is put into it in order.

use super::engine::{PIECES_SHARED, Rdma};
use super::link::{Key, Landing, Link, Part, State, Work, id};
use super::room::Room;
use super::stream::{Freed, Front, Target};
use super::verbs::{Context, Registered};
use super::{Event, counters, sys};
use crate::slabs::Use;
use bytes::BytesMut;
use std::rc::Rc;
use types::node::{CloseReason, ConnId};

/// The most that a node is given at once where it leaves that to us, bytes.
const ROOM_MAX: usize = 128 << 10;

/// Makes a piece of the node's memory known to the device.
fn register(context: &Rc<Context>, start: *mut u8, len: usize) -> Option<Registered> {
    // SAFETY: whoever has the answer has a part of the piece too, which is not freed or moved while
    // anybody has: `Slabs` drops it before its own handle, and [`Part`] before its bytes. The device
    // writes only where a part was cut off for it.
    unsafe { context.register(start, len, sys::ACCESS_LOCAL_WRITE) }.ok()
}

impl Rdma {
    /// The node lends a buffer.
    pub fn recv(&mut self, conn: ConnId, buf: BytesMut) {
        let Some(key) = self.by_conn.get(&conn).copied() else { return };
        if let Some(link) = self.links[key as usize].as_mut()
            && link.state == State::Open
        {
            debug_assert!(buf.is_empty() || buf.capacity() > buf.len(), "a receive needs room");
            debug_assert!(link.recv.is_none(), "it has lent one already");
            link.recv = Some(Room::new(buf));
            self.touch(key);
        }
    }

    /// Begins the reads that the stream wants now.
    pub(super) fn fetch(&mut self, key: Key) {
        let Self { links, lands, starved, route, slabs, context, .. } = self;
        let Some(Link {
            stream: Some(stream), pair: Some(pair), recv, landed, works, reads, ..
        }) = &mut links[key as usize]
        else {
            return;
        };
        let mut failed = false;
        let pieces = landed.values().filter(|landing| matches!(landing, Landing::Piece(_))).count();
        while *reads as usize + pieces < route.reads as usize {
            let mut memory = None;
            let wanted = stream.wanted_read(|| {
                let room = recv.as_mut()?;
                let bytes = room.for_reads()?;
                let known = room.memory(|range| {
                    slabs.registered(Use::Received, range, |start, len| {
                        register(context, start, len)
                    })
                });
                memory = known.cloned();
                Some(memory.as_ref().map_or(0, |_| bytes))
            });
            let (read, landing) = match wanted {
                Some((read, Target::Buffer)) => {
                    let room = recv.as_mut().expect("it has room");
                    let memory = memory.expect("it is registered");
                    (read, Landing::Part(Part { memory, bytes: room.cut(read.bytes) }))
                }
                Some((read, Target::Piece)) => {
                    let may = pieces + *reads as usize == 0 || lands.in_use < PIECES_SHARED;
                    let Some(piece) = may.then(|| lands.take()).flatten() else {
                        starved.push(key);
                        break;
                    };
                    (read, Landing::Piece(piece))
                }
                None => break,
            };
            let (id, at, lkey) = match &landing {
                Landing::Piece(piece) => {
                    (id::pack(id::READ, key, *piece), lands.address(*piece), lands.lkey(*piece))
                }
                Landing::Part(part) => (
                    id::pack(id::DIRECT, key, read.id as u32),
                    part.bytes.as_ptr() as u64,
                    part.memory.lkey,
                ),
            };
            let from = (read.address, read.key);
            // SAFETY: a piece is registered with this key for local writes, was just taken, and the
            // stream's part is at most a piece long; a part is as long as the read, and lies in memory
            // that is registered so for as long as it is kept. Either is kept, and looked at by nobody,
            // until the read is done or the queue pair is destroyed.
            if unsafe { pair.read(id, at, read.bytes as u32, lkey, from) }.is_err() {
                if let Landing::Piece(piece) = landing {
                    lands.give(piece);
                }
                failed = true;
                break;
            }
            let target = match landing {
                Landing::Piece(_) => Target::Piece,
                Landing::Part(_) => Target::Buffer,
            };
            stream.read_begun(read.id, target);
            *reads += 1;
            works.insert(id, Work::Read { id: read.id, landing });
        }
        if failed {
            self.broke(key, libc::ECONNABORTED);
        }
    }

    /// A read has completed, with `status`.
    pub(super) fn read_ended(&mut self, key: Key, id: u64, mut landing: Landing, status: i32) {
        let Some(link) = self.links[key as usize].as_mut() else { return };
        link.reads -= 1;
        if status != sys::WC_SUCCESS {
            if let Landing::Piece(piece) = landing {
                self.lands.give(piece);
            }
            return;
        }
        if let Landing::Part(Part { bytes, .. }) = &mut landing {
            // SAFETY: the read was as long as the part, and has brought all of it.
            unsafe { bytes.set_len(bytes.capacity()) };
        }
        link.landed.insert(id, landing);
        link.stream.as_mut().expect("reads are a stream's").read_done(id);
    }

    /// Gives the node what has come, if it has lent a buffer.
    pub(super) fn deliver(&mut self, key: Key) {
        let Some(Link { stream: Some(stream), recv, landed, conn, .. }) =
            &mut self.links[key as usize]
        else {
            return;
        };
        let Some(room) = recv else { return };
        let ready = stream.ready_bytes();
        let is_end = ready == 0 && stream.front() == Some(Front::End);
        // One that holds nothing leaves it to us where to.
        if room.is_left_to_us(ready.min(ROOM_MAX)) {
            *room = Room::new(BytesMut::with_capacity(ready.min(ROOM_MAX)));
        }
        let (mut freed, mut direct, mut copied) = (Vec::new(), 0, 0);
        while let Some(front) = stream.front() {
            let n = match front {
                Front::Data { buffer, at, bytes } => {
                    // SAFETY: the receive into the buffer has completed, and it is ours until it is
                    // given back below.
                    room.copy(&unsafe { self.receives.bytes(buffer) }[at..at + bytes])
                }
                Front::Landed { id, at, bytes } => {
                    let Some(Landing::Piece(piece)) = landed.get(&id) else {
                        unreachable!("it went to a piece")
                    };
                    // SAFETY: the read into the piece has completed, and the same.
                    room.copy(&unsafe { self.lands.bytes(*piece) }[at..at + bytes])
                }
                Front::Placed { id, bytes } => {
                    let Some(Landing::Part(part)) = landed.remove(&id) else {
                        unreachable!("it went to the node's buffer")
                    };
                    room.join(part.bytes);
                    direct += bytes;
                    stream.consume(bytes);
                    continue;
                }
                Front::End => break,
            };
            if n == 0 {
                break;
            }
            copied += n;
            freed.extend(stream.consume(n));
        }
        counters::DIRECT_BYTES.add(direct as i64);
        counters::COPIED_BYTES.add(copied as i64);
        let conn = *conn;
        if room.is_ready() {
            let buf = recv.take().expect("lent").into_buf();
            self.events.push_back(Event::Received { conn, buf });
        } else if is_end {
            self.events.push_back(Event::Closed { conn, reason: CloseReason::Eof });
            self.drain(key);
        }
        self.release(key, freed);
        // A read may begin in the memory of another.
        self.fetch(key);
    }

    fn release(&mut self, key: Key, freed: Vec<Freed>) {
        for freed in freed {
            match freed {
                Freed::Buffer(piece) => self.repost(piece),
                Freed::Read(id) => {
                    let link = self.links[key as usize].as_mut();
                    if let Some(Landing::Piece(piece)) =
                        link.and_then(|link| link.landed.remove(&id))
                    {
                        self.lands.give(piece);
                        self.feed();
                    }
                }
            }
        }
    }

    pub(super) fn discard(&mut self, key: Key) {
        let Some(Link { stream: Some(stream), .. }) = &mut self.links[key as usize] else { return };
        let mut freed = Vec::new();
        stream.discard(&mut freed);
        self.release(key, freed);
    }
}
