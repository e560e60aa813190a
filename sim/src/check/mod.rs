//! What must hold in every world.

pub mod linear;
pub mod stores;
