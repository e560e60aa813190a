//! Asynchronous object operations on a cluster.
//!
//! [`ClientNode`] is a whole client as a state machine: requests go in with
//! [`ClientNode::submit`], completions come out of [`ClientNode::take_completions`]. It is made of a
//! [`messenger::mon_client::MonClient`] and an [`Objecter`]. [`conf`] reads ceph.conf.

pub mod conf;
pub mod node;
pub mod objecter;
pub mod op;

pub use node::{ClientConfig, ClientNode, Completion, Failure, Page, Request, RequestId};
pub use objecter::{Objecter, ObjecterEvent, Tid};
pub use op::{OpFailure, OpReply, OpSpec};
