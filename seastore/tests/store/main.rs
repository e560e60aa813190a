//! The store on a virtual disk: against a model, across crashes, with faults, full, old.

mod age;
mod behind;
mod common;
mod copies;
mod crash;
mod discard;
mod faults;
mod format;
mod full;
mod group;
mod large;
mod limits;
mod memory;
mod model;
mod mount;
mod rot;
mod world;
mod zoned;
