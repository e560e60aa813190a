//! Building and editing the map: what the monitor's `osd crush ...` commands do
//! (Ceph doc/rados/operations/crush-map.rst).
//!
//! [`bucket`] changes one bucket, [`edit`] the hierarchy, [`class`] keeps shadow trees,
//! [`weight_set`] the choose_args, and [`rule`] makes rules.

pub mod bucket;
pub mod class;
pub mod edit;
pub mod rule;
pub mod weight_set;

pub use edit::{Location, is_valid_name, weight_from_f64};

use std::fmt;

/// Why an edit was refused. The map is as it was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditError {
    /// Names are letters, digits, `-`, `_` and `.`.
    InvalidName {
        name: String,
    },
    NameInUse {
        name: String,
    },
    NoSuchName {
        name: String,
    },
    NoSuchItem {
        id: i32,
    },
    NoSuchType {
        name: String,
    },
    NoSuchClass {
        name: String,
    },
    NoSuchRule {
        name: String,
    },
    /// A device where a bucket is wanted.
    NotABucket {
        id: i32,
    },
    /// The bucket has items.
    NotEmpty {
        id: i32,
    },
    /// A rule takes the bucket, or a device has the class.
    InUse {
        id: i32,
    },
    IdInUse {
        id: i32,
    },
    /// A device id below 0 or out of range.
    InvalidDevice {
        id: i32,
    },
    /// The item would contain itself.
    Loop {
        id: i32,
    },
    /// The item is below that bucket already.
    AlreadyThere {
        id: i32,
    },
    /// Buckets nest deeper than [`crate::map::DEPTH_MAX`].
    TooDeep,
    /// A bucket id out of range.
    InvalidBucketId {
        id: i32,
    },
    /// The bucket of that name is of another type.
    WrongLevel {
        id: i32,
    },
    /// The location names no bucket to put the item under.
    NoLocation,
    /// Shadow buckets follow their originals and are not edited.
    Shadow {
        id: i32,
    },
    WeightOverflow {
        id: i32,
    },
    /// A uniform bucket holds items of one weight.
    UniformWeight {
        id: i32,
        common: u32,
    },
    /// A tree bucket has room for [`bucket::TREE_ITEMS_MAX`] items.
    BucketFull {
        id: i32,
    },
    /// All 256 rule ids are taken.
    TooManyRules,
    NoSuchWeightSet {
        id: i64,
    },
    /// Not one weight per position of the weight set.
    WeightSetMismatch {
        id: i32,
    },
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidName { name } => {
                write!(f, "'{name}' is not a name: use letters, digits, '-', '_', '.'")
            }
            Self::NameInUse { name } => write!(f, "'{name}' already exists"),
            Self::NoSuchName { name } => write!(f, "'{name}' does not exist"),
            Self::NoSuchItem { id } => write!(f, "item {id} is not in the map"),
            Self::NoSuchType { name } => write!(f, "type '{name}' does not exist"),
            Self::NoSuchClass { name } => write!(f, "device class '{name}' does not exist"),
            Self::NoSuchRule { name } => write!(f, "rule '{name}' does not exist"),
            Self::NotABucket { id } => write!(f, "item {id} is not a bucket"),
            Self::NotEmpty { id } => write!(f, "bucket {id} is not empty"),
            Self::InUse { id } => write!(f, "{id} is in use"),
            Self::IdInUse { id } => write!(f, "id {id} is taken"),
            Self::InvalidDevice { id } => write!(f, "{id} is not a device id"),
            Self::Loop { id } => write!(f, "item {id} would contain itself"),
            Self::AlreadyThere { id } => write!(f, "item {id} is below that bucket already"),
            Self::TooDeep => write!(f, "buckets nest too deep"),
            Self::InvalidBucketId { id } => write!(f, "{id} is not a bucket id"),
            Self::NoSuchWeightSet { id } => write!(f, "weight set {id} does not exist"),
            Self::WrongLevel { id } => write!(f, "bucket {id} is of another type"),
            Self::NoLocation => write!(f, "the location names no bucket above the item"),
            Self::Shadow { id } => write!(f, "bucket {id} is the shadow of another"),
            Self::WeightOverflow { id } => write!(f, "the weights in bucket {id} exceed 65535"),
            Self::UniformWeight { id, common } => {
                write!(
                    f,
                    "items of uniform bucket {id} all weigh {:.5}",
                    f64::from(*common) / 65536.0
                )
            }
            Self::BucketFull { id } => write!(f, "tree bucket {id} is full"),
            Self::TooManyRules => write!(f, "all rule ids are taken"),
            Self::WeightSetMismatch { id } => write!(f, "the weight set does not fit bucket {id}"),
        }
    }
}
impl std::error::Error for EditError {}
