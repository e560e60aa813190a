//! `cargo fuzz run peer seeds/peer`; CONTRIBUTING.md says how with a stable toolchain.
#![no_main]
#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| harness::peer(bytes));
