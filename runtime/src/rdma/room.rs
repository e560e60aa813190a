//! A buffer that the node has lent, and its parts that reads go straight to.
//!
//! A part is a buffer of its own, so that two reads never have the same bytes, and whoever has one holds
//! the memory: the node's buffer may go, with the connection, while a device still writes into a part.

use super::verbs::Registered;
use bytes::BytesMut;
use std::ops::Range;
use std::rc::Rc;

/// So much is brought by reads, and then the node gets the buffer as soon as none is under way: it is to
/// hear of a peer whose frames are large, too.
const HELD_BYTES_MAX: usize = 4 << 20;

/// What is known of the memory's registration.
enum Memory {
    Unasked,
    /// None: it is not registered, and gets no reads.
    Known(Option<Rc<Registered>>),
}

pub struct Room {
    /// What came before the buffer was lent, and what has come since. While parts are out it has no room
    /// of its own.
    buf: BytesMut,
    /// The room behind the parts that are out.
    rest: Option<BytesMut>,
    out: u32,
    /// Bytes that have come since it was lent, or are under way.
    taken: usize,
    memory: Memory,
}

impl Room {
    pub fn new(buf: BytesMut) -> Self {
        Self { buf, rest: None, out: 0, taken: 0, memory: Memory::Unasked }
    }

    /// All of its memory, as addresses.
    fn range(&self) -> Range<usize> {
        let start = self.buf.as_ptr() as usize;
        start..start + self.buf.capacity()
    }

    /// What the device knows the memory by. `register` is asked once, before the first part is cut.
    pub fn memory(
        &mut self,
        register: impl FnOnce(Range<usize>) -> Option<Rc<Registered>>,
    ) -> Option<&Rc<Registered>> {
        if let Memory::Unasked = self.memory {
            self.memory = Memory::Known(register(self.range()));
        }
        match &self.memory {
            Memory::Known(memory) => memory.as_ref(),
            Memory::Unasked => None,
        }
    }

    /// Bytes that reads may still bring; `None`: the node is to be given the buffer first.
    pub fn for_reads(&self) -> Option<usize> {
        (self.taken < HELD_BYTES_MAX).then(|| self.spare())
    }

    fn spare(&self) -> usize {
        match &self.rest {
            Some(rest) => rest.capacity(),
            None => self.buf.capacity() - self.buf.len(),
        }
    }

    /// The next `bytes` of the room, for a read.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn cut(&mut self, bytes: usize) -> BytesMut {
        let mut part = match self.rest.take() {
            Some(rest) => rest,
            None => self.buf.split_off(self.buf.len()),
        };
        self.rest = Some(part.split_off(bytes));
        self.out += 1;
        self.taken += bytes;
        part
    }

    /// The oldest of the parts that are out has been filled.
    ///
    /// # Panics
    /// If it is another one.
    pub fn join(&mut self, part: BytesMut) {
        let end = self.buf.as_ptr() as usize + self.buf.len();
        assert!(part.as_ptr() as usize == end, "parts are filled in order");
        assert!(part.len() == part.capacity(), "a part is filled whole");
        self.buf.unsplit(part);
        self.out -= 1;
        if self.out == 0
            && let Some(rest) = self.rest.take()
        {
            self.buf.unsplit(rest);
        }
    }

    /// Takes as much of `bytes` as there is room for; nothing while parts are out.
    pub fn copy(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.buf.capacity() - self.buf.len());
        self.buf.extend_from_slice(&bytes[..n]);
        self.taken += n;
        n
    }

    /// It holds nothing and has less room than that: where to receive is left to us.
    pub fn is_left_to_us(&self, wanted: usize) -> bool {
        self.out == 0 && self.buf.is_empty() && self.buf.capacity() < wanted
    }

    /// Something has come, and no part is out: it is the node's again.
    pub fn is_ready(&self) -> bool {
        self.out == 0 && self.taken > 0
    }

    /// The buffer with what has come.
    ///
    /// # Panics
    /// If a part is out.
    pub fn into_buf(self) -> BytesMut {
        assert!(self.out == 0, "a read is under way into the buffer");
        self.buf
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(mut part: BytesMut, byte: u8) -> BytesMut {
        let at = part.as_ptr();
        part.resize(part.capacity(), byte);
        assert_eq!(part.as_ptr(), at, "where the device writes");
        part
    }

    #[test]
    fn parts_come_together_where_they_were_cut() {
        for head in [0, 1, 100] {
            let mut buf = BytesMut::with_capacity(1000);
            buf.resize(head, 9);
            drop(buf.split_off(900));
            let (at, capacity) = (buf.as_ptr(), buf.capacity());
            let mut room = Room::new(buf);
            assert!(!room.is_ready());
            let (a, b) = (room.cut(300), room.cut(200));
            assert_eq!(room.for_reads(), Some(capacity - head - 500));
            assert_eq!(room.copy(b"too early"), 0);
            room.join(filled(a, 1));
            assert!(!room.is_ready() && !room.is_left_to_us(2000));
            let c = room.cut(100);
            room.join(filled(b, 2));
            room.join(filled(c, 3));
            assert_eq!(room.copy(&[4; 1000]), capacity - head - 600);
            assert!(room.is_ready());
            let buf = room.into_buf();
            assert_eq!((buf.as_ptr(), buf.capacity()), (at, capacity));
            let whole: Vec<u8> = [(head, 9), (300, 1), (200, 2), (100, 3), (300 - head, 4)]
                .iter()
                .flat_map(|(n, byte)| vec![*byte; *n])
                .collect();
            assert!(buf == whole[..]);
        }
    }

    #[test]
    fn a_part_outlives_the_buffer() {
        let mut buf = BytesMut::with_capacity(1000);
        buf.resize(10, 9);
        let mut handle = buf.split_to(0);
        let mut room = Room::new(buf);
        let part = room.cut(300);
        drop(room);
        assert!(!handle.try_reclaim(1000), "a device may write there");
        drop(filled(part, 1));
        assert!(handle.try_reclaim(1000));
    }

    #[test]
    fn the_node_hears_of_a_large_frame_now_and_then() {
        let mut room = Room::new(BytesMut::with_capacity(3 * HELD_BYTES_MAX));
        let first = room.cut(HELD_BYTES_MAX - 1);
        assert!(room.for_reads().is_some());
        let second = room.cut(1);
        assert_eq!(room.for_reads(), None);
        [first, second].into_iter().for_each(|part| room.join(filled(part, 1)));
        let mut room = Room::new(room.into_buf());
        assert_eq!(room.for_reads(), Some(2 * HELD_BYTES_MAX));
        room.cut(1);
    }

    #[test]
    #[should_panic(expected = "in order")]
    fn a_later_part_is_not_taken_for_the_oldest() {
        let mut room = Room::new(BytesMut::with_capacity(100));
        let (_first, second) = (room.cut(10), room.cut(10));
        room.join(filled(second, 1));
    }
}
