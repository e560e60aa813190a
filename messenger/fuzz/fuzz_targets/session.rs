//! `cargo fuzz run session seeds/session`; CONTRIBUTING.md says how with a stable toolchain.
#![no_main]
#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    harness::session(bytes);
});
