//! The store with paged metadata. docs/design/0003-seastore.md
//!
//! `page` and `tree` are B+trees of byte strings over pages that may be absent; `pager` keeps pages
//! in memory within a budget and knows where they lie; `key`, `onode` (with `xattrs`) and `group` are
//! what the trees hold; `change` is what the journal holds.

pub(crate) mod anchor;
mod blob;
pub(crate) mod change;
pub(crate) mod group;
pub(crate) mod key;
pub(crate) mod onode;
pub(crate) mod page;
pub(crate) mod pager;
pub(crate) mod pages;
pub(crate) mod s3fifo;
pub(crate) mod table;
pub(crate) mod tree;
pub(crate) mod xattrs;
