//! `cargo +nightly fuzz run cephx seeds/cephx`
#![no_main]
#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| harness::cephx(bytes));
