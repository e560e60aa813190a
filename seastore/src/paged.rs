//! The store with paged metadata. docs/design/0003-seastore.md
//!
//! `page` and `tree` are B+trees of byte strings over pages that may be absent; `pager` keeps pages
//! in memory within a budget and knows where they lie; `key`, `onode` and `group` are what the trees
//! hold; `change` is what the journal holds.

pub(crate) mod page;
pub(crate) mod pages;
