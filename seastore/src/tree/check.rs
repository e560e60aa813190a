//! What is wrong with a page, seen from its parent.

use super::{Bounds, Misfit};
use crate::page::Page;

/// What is wrong with a page that may hold keys from `low` on, before `high`.
pub(crate) fn problems_of(page: &Page, low: &[u8], high: Option<&[u8]>) -> Vec<String> {
    let mut problems = Vec::new();
    if page.is_empty() && page.level() > 0 {
        problems.push("is an inner page without children".to_owned());
    }
    if page.is_overfull() {
        problems.push("should have been split".to_owned());
    }
    if page.level() > 0 && !page.is_empty() && !page.key(0).is_empty() {
        problems.push("is an inner page whose first key is not empty".to_owned());
    }
    if (1..page.len()).any(|i| page.key(i - 1) >= page.key(i)) {
        problems.push("has keys out of order".to_owned());
    }
    if !(Bounds { low, high }).hold(page) {
        problems.push(Misfit::Bounds.to_string());
    }
    problems
}
