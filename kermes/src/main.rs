//! The one binary: mon, osd, dev, rados, demo.
fn main() {}
