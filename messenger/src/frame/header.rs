//! Segment 0 of a MESSAGE: `ceph_msg_header2`.

/// Its length.
pub const MESSAGE_HEADER: usize = 41;

/// What a message's header says.
///
/// ```text
/// | offset | size | field                                  |
/// |      0 |    8 | seq                                    |
/// |      8 |    8 | tid                                    |
/// |     16 |    2 | kind                                   |
/// |     18 |    2 | priority                               |
/// |     20 |    2 | version                                |
/// |     22 |    6 | padding length and data offset, zero   |
/// |     28 |    8 | ack                                    |
/// |     36 |    1 | flags, 3                               |
/// |     37 |    2 | compat                                 |
/// |     39 |    2 | reserved, zero                         |
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageHeader {
    pub seq: u64,
    pub tid: u64,
    /// Of a [`crate::Message`], as the rest.
    pub kind: u16,
    pub priority: u16,
    pub version: u16,
    pub compat: u16,
    /// The peer has been sent everything up to this message of its own.
    pub ack_seq: u64,
}

const FLAGS: u8 = 3;

impl MessageHeader {
    /// Padding, data offset and flags are nothing to us.
    #[inline]
    pub fn decode(bytes: &[u8; MESSAGE_HEADER]) -> Self {
        let u16_at = |at: usize| {
            u16::from_le_bytes(bytes[at..at + 2].try_into().expect("2 bytes of an array"))
        };
        let u64_at = |at: usize| {
            u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes of an array"))
        };
        Self {
            seq: u64_at(0),
            tid: u64_at(8),
            kind: u16_at(16),
            priority: u16_at(18),
            version: u16_at(20),
            compat: u16_at(37),
            ack_seq: u64_at(28),
        }
    }

    /// In words, which its checksum reads: of narrower fields they would have to be waited for.
    #[inline]
    pub fn encode(&self) -> [u8; MESSAGE_HEADER] {
        let [kind, priority, version, compat] =
            [self.kind, self.priority, self.version, self.compat].map(u64::from);
        let words = [
            self.seq,
            self.tid,
            kind | priority << 16 | version << 32,
            self.ack_seq << 32,
            self.ack_seq >> 32 | u64::from(FLAGS) << 32 | compat << 40,
        ];
        let mut bytes = [0; MESSAGE_HEADER];
        let (chunks, _) = bytes.as_chunks_mut();
        chunks.iter_mut().zip(words).for_each(|(chunk, word)| *chunk = word.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_in_its_place() {
        let header = MessageHeader {
            seq: 0x0807_0605_0403_0201,
            tid: 0x100f_0e0d_0c0b_0a09,
            kind: 0x1211,
            priority: 0x1413,
            version: 0x1615,
            compat: 0x2726,
            ack_seq: 0x2423_2221_201f_1e1d,
        };
        let mut expected: [u8; MESSAGE_HEADER] = std::array::from_fn(|at| at as u8 + 1);
        expected[22..28].fill(0);
        expected[36] = FLAGS;
        expected[39..].fill(0);
        assert_eq!(header.encode(), expected);
        assert_eq!(MessageHeader::decode(&expected), header);
    }
}
