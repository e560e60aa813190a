//! What two ends tell each other when a connection is made.
//!
//! With rdma_cm it is the private data of request and answer: [`Hello`]. Over TCP it is followed by
//! what rdma_cm finds out by itself: [`Place`]. Little endian:
//!
//! ```text
//! | offset | size | field                                                   |
//! |      0 |    8 | magic                                                   |
//! |      8 |    2 | version, 2                                              |
//! |     10 |    2 | credits: buffers kept for the other end's messages      |
//! |     12 |    4 | bytes of such a buffer                                  |
//! |     16 |    4 | the longest part that is read at once, bytes            |
//! |     20 |    4 | reads that may be under way at once                     |
//! |     24 |    4 | number of the queue pair                                |
//! |     28 |    4 | number of the first packet                              |
//! |     32 |   16 | GID                                                     |
//! |     48 |    2 | LID                                                     |
//! |     50 |    1 | path MTU, as verbs number them                          |
//! |     51 |    1 | 0                                                       |
//! ```

use super::stream::{CREDITS_MAX, CREDITS_MIN, HEADER_BYTES, OFFER_BYTES, Terms};

/// Different from the banner of msgr2 in its first byte.
pub const MAGIC: [u8; 8] = *b"\xF5krmsRC\n";
const VERSION: u16 = 2;
pub const HELLO_BYTES: usize = 24;
pub const PLACED_BYTES: usize = 52;
/// The initiator's last word over TCP: its queue pair receives.
pub const READY: u8 = 0x52;

const MESSAGE_BYTES: std::ops::RangeInclusive<u32> = 256..=1 << 20;
const PIECE_BYTES: std::ops::RangeInclusive<u32> = 4096..=16 << 20;
const READS_MAX: u32 = 255;
const _: () = assert!(*MESSAGE_BYTES.start() as usize >= HEADER_BYTES + OFFER_BYTES);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    pub credits: u16,
    pub message_bytes: u32,
    pub piece_bytes: u32,
    pub reads: u32,
}

/// Where a queue pair is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub queue_pair: u32,
    pub packet: u32,
    pub gid: [u8; 16],
    pub lid: u16,
    pub mtu: u8,
}

impl Hello {
    pub fn encode(&self) -> [u8; HELLO_BYTES] {
        let mut out = [0; HELLO_BYTES];
        out[..8].copy_from_slice(&MAGIC);
        out[8..10].copy_from_slice(&VERSION.to_le_bytes());
        out[10..12].copy_from_slice(&self.credits.to_le_bytes());
        out[12..16].copy_from_slice(&self.message_bytes.to_le_bytes());
        out[16..20].copy_from_slice(&self.piece_bytes.to_le_bytes());
        out[20..24].copy_from_slice(&self.reads.to_le_bytes());
        out
    }

    /// `None`: not a hello, of another version, or out of all bounds. Longer data are fine.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..HELLO_BYTES)?;
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        let half = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let hello = Self {
            credits: half(10),
            message_bytes: word(12),
            piece_bytes: word(16),
            reads: word(20),
        };
        let sound = bytes[..8] == MAGIC
            && half(8) == VERSION
            && (CREDITS_MIN..=CREDITS_MAX).contains(&hello.credits)
            && MESSAGE_BYTES.contains(&hello.message_bytes)
            && PIECE_BYTES.contains(&hello.piece_bytes)
            && (1..=READS_MAX).contains(&hello.reads);
        sound.then_some(hello)
    }

    pub fn encode_placed(&self, place: &Place) -> [u8; PLACED_BYTES] {
        let mut out = [0; PLACED_BYTES];
        out[..HELLO_BYTES].copy_from_slice(&self.encode());
        out[24..28].copy_from_slice(&place.queue_pair.to_le_bytes());
        out[28..32].copy_from_slice(&place.packet.to_le_bytes());
        out[32..48].copy_from_slice(&place.gid);
        out[48..50].copy_from_slice(&place.lid.to_le_bytes());
        out[50] = place.mtu;
        out
    }

    pub fn decode_placed(bytes: &[u8; PLACED_BYTES]) -> Option<(Self, Place)> {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        let place = Place {
            queue_pair: word(24),
            packet: word(28),
            gid: bytes[32..48].try_into().expect("16 bytes"),
            lid: u16::from_le_bytes([bytes[48], bytes[49]]),
            mtu: bytes[50],
        };
        let sound =
            place.queue_pair < 1 << 24 && place.packet < 1 << 24 && (1..=5).contains(&place.mtu);
        sound.then_some((Self::decode(bytes)?, place))
    }

    /// What holds for a connection between us and the end that says `peer`.
    pub fn terms(&self, peer: &Self, rendezvous_bytes: usize) -> Terms {
        Terms {
            credits_in: self.credits,
            credits_out: peer.credits,
            message_bytes: peer.message_bytes as usize,
            piece_bytes_in: self.piece_bytes as usize,
            piece_bytes_out: self.piece_bytes.min(peer.piece_bytes) as usize,
            rendezvous_bytes,
            offers_max: peer.reads as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: Hello = Hello { credits: 16, message_bytes: 8192, piece_bytes: 65536, reads: 4 };

    #[test]
    fn what_is_said_is_heard() {
        let place = Place { queue_pair: 17, packet: 0xabcdef, gid: [9; 16], lid: 3, mtu: 3 };
        let bytes = HELLO.encode_placed(&place);
        assert_eq!(Hello::decode_placed(&bytes), Some((HELLO, place)));
        assert_eq!(Hello::decode(&[&HELLO.encode()[..], &[0; 32]].concat()), Some(HELLO));
        assert_ne!(MAGIC[0], b'c', "the first byte of msgr2's banner");
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let refused = |hello: Hello| assert_eq!(Hello::decode(&hello.encode()), None, "{hello:?}");
        refused(Hello { credits: CREDITS_MIN - 1, ..HELLO });
        refused(Hello { credits: CREDITS_MAX + 1, ..HELLO });
        refused(Hello { message_bytes: 255, ..HELLO });
        refused(Hello { piece_bytes: 17 << 20, ..HELLO });
        refused(Hello { reads: 0, ..HELLO });
        assert_eq!(Hello::decode(&HELLO.encode()[..23]), None);
        for at in 0..10 {
            let mut bytes = HELLO.encode();
            bytes[at] ^= 1;
            assert_eq!(Hello::decode(&bytes), None, "byte {at}");
        }
        let place = Place { queue_pair: 1 << 24, packet: 0, gid: [0; 16], lid: 0, mtu: 3 };
        assert_eq!(Hello::decode_placed(&HELLO.encode_placed(&place)), None);
    }
}
