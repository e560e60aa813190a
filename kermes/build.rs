//! perf takes a probe's address for its place in the file, so the two have to be the same. lld, which is
//! Rust's linker on Linux, leaves out the file's padding between segments unless it is told to.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,separate-loadable-segments");
    }
}
