//! The paged store on a virtual disk: against a model, across crashes, with faults, full, old.

mod age;
#[path = "../common/mod.rs"]
mod common;
mod crash;
mod faults;
mod limits;
mod model;
mod rot;
mod world;
