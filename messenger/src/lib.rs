//! msgr2 frames and sessions, cephx, and every message.

pub mod message;
pub use message::{Data, Message};
