//! CRUSH: hierarchy, rules and the placement function.
//!
//! [`CrushMap`] is the map as data ([`map`]), with Ceph's encoding ([`codec`]).
//! [`CrushMap::do_rule`] places an input ([`mapper`]). Editing is in [`builder`], the text format of
//! `crushtool` in [`text`].

pub mod builder;
pub mod codec;
pub mod hash;
pub mod ln;
pub mod map;
pub mod mapper;
pub mod text;

pub use map::{
    Bucket, BucketAlg, BucketWeights, ChooseArg, ChooseArgMap, CrushMap, DEFAULT_CHOOSE_ARGS,
    ITEM_NONE, Op, Rule, RuleMask, Step, Tunables,
};
pub use mapper::Scratch;
