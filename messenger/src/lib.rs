//! msgr2 frames and sessions, cephx, and every message.

mod api;
pub mod auth;
pub mod message;
pub mod messages;
pub mod table;
pub use message::{Data, Message};
