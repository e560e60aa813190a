//! The program's probes, as tracing tools find them in its file.

use std::fs;

/// Program headers of a 64-bit ELF file, little endian: (type, flags, offset, address). See elf(5).
fn segments(file: &[u8]) -> Vec<(u32, u32, u64, u64)> {
    let u16_at = |at: usize| u16::from_le_bytes(file[at..at + 2].try_into().unwrap()) as usize;
    let u32_at = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let u64_at = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
    assert_eq!(&file[..6], b"\x7fELF\x02\x01");
    let (table, entry, count) = (u64_at(32) as usize, u16_at(54), u16_at(56));
    let segment = |i| {
        let at = table + i * entry;
        (u32_at(at), u32_at(at + 4), u64_at(at + 8), u64_at(at + 16))
    };
    (0..count).map(segment).collect()
}

/// perf takes the address in a probe's note for the place in the file.
#[test]
fn code_lies_in_the_file_where_it_lies_in_memory() {
    const LOAD: u32 = 1;
    const EXECUTABLE: u32 = 1;
    let file = fs::read(env!("CARGO_BIN_EXE_kermes")).unwrap();
    let code: Vec<_> =
        segments(&file).into_iter().filter(|s| s.0 == LOAD && s.1 & EXECUTABLE != 0).collect();
    assert!(!code.is_empty());
    for (_, _, offset, address) in code {
        assert_eq!(offset, address);
    }
    let note = b"kermes\0op_replied\0-8@";
    assert!(file.windows(note.len()).any(|part| part == note));
}
