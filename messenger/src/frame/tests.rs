use super::*;

fn pair(secure: bool) -> (FrameWriter, FrameReader) {
    let (mut w, mut r) = (FrameWriter::default(), FrameReader::default());
    if secure {
        let secret: Vec<u8> = (0..64).collect();
        let keys = SecureKeys::from_secret(&secret).unwrap();
        w.secure(&keys, false);
        r.secure(&keys, true);
    }
    (w, r)
}

/// A header whose every field follows from `n`.
fn header(n: u64) -> MessageHeader {
    let [kind, priority, version, compat] = [1, 2, 3, 4].map(|field| (n as u16) << 3 | field);
    MessageHeader { seq: n, tid: n << 32, kind, priority, version, compat, ack_seq: !n }
}

fn flat(parts: &[Bytes]) -> BytesMut {
    parts.iter().flat_map(|p| p.iter().copied()).collect::<Vec<u8>>().as_slice().into()
}

fn data(parts: &[&'static [u8]]) -> Data {
    let mut data = Data::default();
    parts.iter().for_each(|part| data.push(Bytes::from_static(part)));
    data
}

/// Shapes: every choice of empty and filled segments, small and large.
fn shapes() -> Vec<(Bytes, Bytes, Data)> {
    let sizes = [0usize, 1, 15, 16, 17, 512, 513, 5000];
    let fill = |n: usize| Bytes::from(vec![n as u8 ^ 0x5a; n]);
    let mut all = Vec::new();
    for a in sizes {
        for b in [0, 16, 700] {
            for c in sizes {
                let mut d = Data::default();
                d.push(fill(c / 2));
                d.push(fill(c - c / 2));
                all.push((fill(a), fill(b), d));
            }
        }
    }
    all
}

#[test]
fn messages_come_back_in_both_modes() {
    for secure in [false, true] {
        let (mut w, mut r) = pair(secure);
        for (n, (front, middle, data)) in shapes().into_iter().enumerate() {
            let header = header(n as u64);
            let mut out = Vec::new();
            let len = w.message(&header, &front, &middle, &data, &mut out).unwrap();
            let mut buf = flat(&out);
            let whole = buf.len();
            assert_eq!(len, whole);
            // One byte less is never enough.
            let mut short = buf.split_to(whole - 1);
            let last = buf;
            let step = r.next(&mut short, &Limits::default(), true).unwrap();
            assert!(matches!(step, Step::Need(n) if n <= whole), "{step:?}");
            short.unsplit(last);
            let Step::Frame(frame) = r.next(&mut short, &Limits::default(), true).unwrap() else {
                panic!("no frame")
            };
            assert!(short.is_empty());
            assert_eq!(frame.tag, tag::MESSAGE);
            assert_eq!((frame.header, &frame.segments[0][..]), (header, &[][..]));
            assert_eq!(frame.segments[1], front);
            assert_eq!(frame.segments[2], middle);
            assert_eq!(frame.segments[3], data.to_bytes());
            let crc = (!secure && !data.is_empty()).then(|| data.crc());
            assert_eq!(frame.data_crc, crc);
        }
    }
}

/// Several frames in one list: small ones lie in few buffers, and none is changed that somebody else holds.
#[test]
fn small_frames_in_a_row_share_buffers() {
    let (mut w, mut r) = pair(false);
    let (mut out, mut held) = (Vec::new(), Vec::new());
    let fronts: Vec<Bytes> = (0..400usize).map(|n| vec![n as u8; 1 + n * 7 % 300].into()).collect();
    for (n, front) in fronts.iter().enumerate() {
        let data = if n % 50 == 9 { data(&[b"data"]) } else { Data::default() };
        w.message(&header(n as u64), front, &Bytes::new(), &data, &mut out).unwrap();
        if n % 40 == 5 {
            let last = out.last().unwrap().clone();
            held.push((last.to_vec(), last));
        }
    }
    // A frame with data is three; behind one, behind what is held and where 8 KiB are full a buffer begins.
    assert!(out.len() < 8 * 3 + 8 + held.len() + 400 * 256 / SCRATCH + 1, "{}", out.len());
    held.iter().for_each(|(then, now)| assert_eq!(then, now));
    let mut buf = flat(&out);
    for (n, front) in fronts.iter().enumerate() {
        let Ok(Step::Frame(frame)) = r.next(&mut buf, &Limits::default(), true) else {
            panic!("no frame {n}")
        };
        assert_eq!((frame.header, &frame.segments[1]), (header(n as u64), front));
    }
    assert!(buf.is_empty());
}

#[test]
fn control_frames_come_back_in_both_modes() {
    for secure in [false, true] {
        let (mut w, mut r) = pair(secure);
        for len in [0, 1, 9, 32, 48, 49, 64, 65, 4000] {
            let payload = vec![len as u8; len];
            let mut buf = BytesMut::from(&w.control(tag::AUTH_DONE, &payload).unwrap()[..]);
            let Step::Frame(frame) = r.next(&mut buf, &Limits::default(), true).unwrap() else {
                panic!("no frame")
            };
            assert_eq!((frame.tag, &frame.segments[0][..]), (tag::AUTH_DONE, &payload[..]));
        }
    }
}

#[test]
fn bytes_of_a_crc_frame_are_as_the_format_says() {
    let (mut w, _) = pair(false);
    let bytes = w.control(tag::SESSION_RESET, &[1]).unwrap();
    assert_eq!(bytes.len(), 32 + 1 + 4);
    assert_eq!(bytes[..8], [12, 1, 1, 0, 0, 0, 8, 0]);
    assert!(bytes[8..28].iter().all(|b| *b == 0));
    // Independent values: crc32c("123456789") is 0xe3069283 with both inversions.
    assert_eq!(crc32c(!0, b"123456789"), !0xe306_9283);
    assert_eq!(bytes[33..], crc32c(!0, &[1]).to_le_bytes());
    let mut out = Vec::new();
    let (front, header) = (Bytes::from_static(b"front"), header(7));
    w.message(&header, &front, &Bytes::new(), &data(&[b"da", b"ta"]), &mut out).unwrap();
    // Data buffers are passed on, not copied.
    assert_eq!(out.len(), 4);
    assert_eq!((&out[1][..], &out[2][..]), (&b"da"[..], &b"ta"[..]));
    let bytes = flat(&out);
    assert_eq!(bytes.len(), 32 + 41 + 4 + 5 + 4 + 13);
    assert_eq!(bytes[bytes.len() - 13], 0xe);
    // The empty middle is inside the count: its checksum is that of nothing.
    assert_eq!(bytes[bytes.len() - 8..bytes.len() - 4], [0xff; 4]);
}

#[test]
fn receiving_does_not_copy_payloads() {
    for secure in [false, true] {
        let (mut w, mut r) = pair(secure);
        let mut out = Vec::new();
        let bulk = Data::from(Bytes::from(vec![9; 4096]));
        w.message(&header(0), &Bytes::new(), &Bytes::new(), &bulk, &mut out).unwrap();
        let mut buf = flat(&out);
        let range = buf.as_ptr_range();
        let Step::Frame(frame) = r.next(&mut buf, &Limits::default(), true).unwrap() else {
            panic!()
        };
        assert!(range.contains(&frame.segments[3].as_ptr()));
    }
}

#[test]
fn aborted_frames_are_dropped() {
    let (mut w, mut r) = pair(false);
    let mut out = Vec::new();
    w.message(&header(0), &Bytes::from_static(b"x"), &Bytes::new(), &Data::default(), &mut out)
        .unwrap();
    let bytes = flat(&out);
    let epilogue = bytes.len() - EPILOGUE_CRC;
    for (status, expected) in [(0x1, Ok(Step::Aborted)), (0x3, Err(FrameError::LateStatus(3)))] {
        let mut buf = bytes.clone();
        buf[epilogue] = status;
        assert_eq!(r.next(&mut buf, &Limits::default(), true), expected);
    }
}

#[test]
fn lengths_are_refused_before_anything_is_allocated() {
    let limits = Limits { data_bytes_max: 100, ..Limits::default() };
    let refused = |tag, count, lens: [usize; 4]| {
        let mut buf = BytesMut::new();
        buf.extend_from_slice(&preamble(tag, count, lens));
        FrameReader::default().next(&mut buf, &limits, true).unwrap_err()
    };
    assert_eq!(
        refused(tag::MESSAGE, 4, [41, 0, 0, 101]),
        FrameError::TooLong { segment: 3, bytes: 101 }
    );
    assert_eq!(
        refused(tag::MESSAGE, 2, [41, (112 << 20) + 1, 0, 0]),
        FrameError::TooLong { segment: 1, bytes: (112 << 20) + 1 }
    );
    assert_eq!(
        refused(tag::MESSAGE, 1, [40, 0, 0, 0]),
        FrameError::TooLong { segment: 0, bytes: 40 }
    );
    assert_eq!(refused(tag::MESSAGE, 3, [41, 7, 0, 0]), FrameError::EmptyLastSegment);
    assert_eq!(refused(tag::HELLO, 2, [1, 1, 0, 0]), FrameError::SegmentCount(2));
    let mut early = BytesMut::new();
    early.extend_from_slice(&preamble(tag::MESSAGE, 2, [41, 1 << 20, 0, 0]));
    let step = FrameReader::default().next(&mut early, &limits, false);
    assert_eq!(step, Err(FrameError::Early));
    assert_eq!(refused(21, 1, [1, 0, 0, 0]), FrameError::UnknownTag(21));
    assert_eq!(
        refused(tag::HELLO, 1, [1 << 20, 0, 0, 0]),
        FrameError::TooLong { segment: 0, bytes: 1 << 20 }
    );
}

#[test]
fn every_flipped_byte_is_noticed() {
    for secure in [false, true] {
        let mut whole = Vec::new();
        let (mut w, _) = pair(secure);
        let mut out = Vec::new();
        let front = Bytes::from_static(b"front bytes");
        w.message(&header(3), &front, &Bytes::new(), &data(&[b"data"]), &mut out).unwrap();
        whole.extend_from_slice(&flat(&out));
        for at in 0..whole.len() {
            let (_, mut r) = pair(secure);
            let mut buf = BytesMut::from(&whole[..]);
            buf[at] ^= 0x10;
            // In crc mode the high half of the late status and nothing else is free.
            let free = !secure && at == whole.len() - EPILOGUE_CRC;
            let step = r.next(&mut buf, &Limits::default(), true);
            assert_eq!(step.is_ok(), free, "byte {at}, {step:?}");
        }
    }
}

#[test]
fn a_sender_ends_before_it_uses_a_nonce_twice() {
    let mut first = [0xff; 12];
    first[4] = 0xfd;
    let mut gcm = Gcm::new(&[1; 16], &first);
    let nonces: Vec<[u8; 12]> = std::iter::from_fn(|| gcm.nonce().ok()).take(10).collect();
    assert!((1..10).contains(&nonces.len()), "{} nonces", nonces.len());
    assert_eq!(gcm.nonce(), Err(FrameError::CounterWrapped));
}

/// A preamble that came before is known by all of its bytes.
#[test]
fn a_preamble_that_differs_from_the_last_one_is_checked() {
    let (mut w, mut r) = pair(false);
    let mut frame = |n: u64| {
        let mut out = Vec::new();
        let front = Bytes::from_static(b"front");
        w.message(&header(n), &front, &Bytes::new(), &data(&[b"data"]), &mut out).unwrap();
        flat(&out)
    };
    let whole = frame(1).len();
    for at in 0..PREAMBLE {
        let Ok(Step::Frame(first)) = r.next(&mut frame(2), &Limits::default(), true) else {
            panic!("no frame")
        };
        assert_eq!(first.header, header(2));
        let mut changed = frame(3);
        assert_eq!(changed.len(), whole);
        changed[at] ^= 1;
        let step = r.next(&mut changed, &Limits::default(), true);
        assert_eq!(step, Err(FrameError::PreambleCrc), "byte {at}");
    }
}
