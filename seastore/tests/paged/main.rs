//! The paged store on a virtual disk: against a model, across crashes, with faults.

#[path = "../common/mod.rs"]
mod common;
mod crash;
mod model;
mod world;
