//! The whole monitor through its one entrance, with real sessions of real clients.

mod changes;
mod tickets;
mod world;
