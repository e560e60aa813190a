//! The text form of the map, as `crushtool -d` writes it and `crushtool -c` reads it
//! (Ceph doc/rados/operations/crush-map-edits.rst).

mod compile;
mod decompile;

use std::fmt;

/// Why a text is no map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// Counted from 1; 0 when no line is to blame.
    pub line: usize,
    pub cause: CompileCause,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompileCause {
    /// Something else was expected; empty at the end of the text.
    Unexpected {
        found: String,
        expected: &'static str,
    },
    UnknownTunable(String),
    UnknownType(String),
    UnknownItem(String),
    UnknownAlg(String),
    Duplicate(String),
    /// No shadow tree of that class under the item a step takes.
    NoShadow {
        item: String,
        class: String,
    },
    /// Two buckets hold each other.
    Mutual(String, String),
    PositionTaken(i32),
    PositionRange(i32),
    Weight(String),
    UniformWeight(String),
    RuleId(i32),
    NoSuchBucket(i32),
    /// A weight set or id list has not one entry per item.
    EntryCount {
        bucket: i32,
        expected: usize,
        found: usize,
    },
    Edit(crate::builder::EditError),
    Shape(types::enc::DecodeError),
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use CompileCause::*;
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        match &self.cause {
            Unexpected { found, expected } if found.is_empty() => {
                write!(f, "the text ends where {expected} should be")
            }
            Unexpected { found, expected } => write!(f, "'{found}' is not {expected}"),
            UnknownTunable(name) => write!(f, "there is no tunable '{name}'"),
            UnknownType(name) => write!(f, "type '{name}' is not defined"),
            UnknownItem(name) => write!(f, "item '{name}' is not defined"),
            UnknownAlg(name) => write!(f, "there is no bucket alg '{name}'"),
            Duplicate(name) => write!(f, "'{name}' is defined twice"),
            NoShadow { item, class } => write!(f, "'{item}' has no devices of class '{class}'"),
            Mutual(a, b) => write!(f, "buckets '{a}' and '{b}' hold each other"),
            PositionTaken(pos) => write!(f, "pos {pos} is taken"),
            PositionRange(pos) => write!(f, "pos {pos} is not below the number of items"),
            Weight(weight) => write!(f, "weight {weight} is out of range"),
            UniformWeight(name) => {
                write!(f, "item '{name}' weighs otherwise than the others of its uniform bucket")
            }
            RuleId(id) => write!(f, "rule id {id} is taken or out of range"),
            NoSuchBucket(id) => write!(f, "bucket {id} does not exist"),
            EntryCount { bucket, expected, found } => {
                write!(f, "bucket {bucket} needs {expected} entries but got {found}")
            }
            Edit(error) => write!(f, "{error}"),
            Shape(error) => write!(f, "{error}"),
        }
    }
}
impl std::error::Error for CompileError {}
