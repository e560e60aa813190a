//! The whole monitor through its one entrance, with real sessions of real clients.

mod answers;
mod changes;
mod tickets;
mod world;
