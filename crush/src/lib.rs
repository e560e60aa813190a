//! CRUSH: hierarchy, rules and the placement function.
