//! The monitor: maps, authentication, configuration and commands, as services over a replicated log.
//!
//! Reading order: [`monitor`] (connections, messages and turns), [`log`] (how a change becomes
//! committed), [`services`] and one file per service, [`commands`] (the text interface), [`mkfs`].
//! Everything is a pure state machine behind [`types::node::Node`]; drivers own sockets and the store.

pub mod auth_service;
pub mod commands;
pub mod config_service;
pub mod health;
pub mod kv;
pub mod log;
pub mod log_service;
pub mod mkfs;
pub mod mon_service;
pub mod monitor;
pub mod osd_service;
pub mod pg_stats;
pub mod placement;
pub mod services;
mod session;
pub mod text;

pub use auth_service::AuthConfig;
pub use commands::VERSION;
pub use mkfs::{MkfsError, MkfsParams, NewOsd, mkfs};
pub use monitor::{Config, Monitor, StartError};
