//! `cargo +nightly fuzz run peer seeds/peer`
#![no_main]
#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| harness::peer(bytes));
