//! Asynchronous object operations on a cluster.
