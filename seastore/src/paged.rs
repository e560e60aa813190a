//! The store with paged metadata. docs/design/0003-seastore.md
//!
//! `page` and `tree` are B+trees of byte strings over pages that may be absent; `pager` keeps pages
//! in memory within a budget and knows where they lie; `key`, `onode` (with `xattrs`) and `group` are
//! what the trees hold; `change` is what the journal holds.

pub(crate) mod anchor;
mod blob;
pub(crate) mod change;
mod check;
mod checkpointer;
mod cleaner;
mod fetch;
pub(crate) mod group;
mod journal;
pub(crate) mod key;
mod meta;
mod misses;
mod mount;
pub(crate) mod onode;
pub(crate) mod page;
mod pager;
pub(crate) mod pages;
mod reader;
mod record;
mod resolve;
mod root;
mod s3fifo;
mod segments;
mod store;
mod table;
mod touch;
pub(crate) mod tree;
pub(crate) mod xattrs;

pub use store::{Miss, Store, StoreConfig, StoreCounters};
