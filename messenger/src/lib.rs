//! msgr2 frames and sessions, cephx, and every message.

mod api;
pub mod auth;
pub mod caps;
pub mod frame;
pub mod message;
pub mod messages;
pub mod mon_client;
pub mod session;
pub mod table;
pub use message::{Data, Message};
