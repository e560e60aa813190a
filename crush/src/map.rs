//! The CRUSH map as data (ceph-wire: CRUSH blob; Ceph doc/rados/operations/crush-map.rst).
//!
//! Weights are 16.16 fixed point: 0x10000 is 1.0. Devices have ids from 0, buckets negative ids;
//! bucket `id` sits in slot `-1 - id` of [`CrushMap::buckets`].

use std::collections::BTreeMap;

/// A hole in the result of an `indep` rule.
pub const ITEM_NONE: i32 = 0x7fff_ffff;
/// A position of an `indep` result that is not decided yet.
pub(crate) const ITEM_UNDEF: i32 = 0x7fff_fffe;
/// The choose_args entry for pools that have none of their own (the "compat" weight set).
pub const DEFAULT_CHOOSE_ARGS: i64 = -1;

/// How deep a hierarchy may nest. Ceph's own builder stops at 10.
pub const DEPTH_MAX: usize = 32;
/// The hash kind every map uses; another kind hashes everything to 0.
pub const HASH_RJENKINS1: u8 = 0;

/// How a bucket chooses among its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum BucketAlg {
    Uniform = 1,
    List = 2,
    Tree = 3,
    Straw = 4,
    Straw2 = 5,
}

impl BucketAlg {
    pub fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Uniform,
            2 => Self::List,
            3 => Self::Tree,
            4 => Self::Straw,
            5 => Self::Straw2,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::List => "list",
            Self::Tree => "tree",
            Self::Straw => "straw",
            Self::Straw2 => "straw2",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        (1..=5).filter_map(Self::from_number).find(|alg| alg.name() == name)
    }
}

/// The weights of a bucket's items, in the shape that its kind of bucket stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketWeights {
    /// One weight for all items.
    Uniform { item: u32 },
    /// Weight of each item, and the sum of the weights up to and including it.
    List { items: Vec<u32>, sums: Vec<u32> },
    /// Weights of the nodes of a binary tree; item `i` is the leaf at node `2 * i + 1`. The format
    /// has room for at most 255 nodes.
    Tree { nodes: Vec<u32> },
    /// Weight and straw length (16.16) of each item.
    Straw { items: Vec<u32>, straws: Vec<u32> },
    /// Weight of each item.
    Straw2 { items: Vec<u32> },
}

/// An inner node of the hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Negative.
    pub id: i32,
    /// Type number; 0 is for devices. See [`CrushMap::types`].
    pub kind: u16,
    pub hash: u8,
    /// Sum of the items' weights.
    pub weight: u32,
    pub items: Vec<i32>,
    pub weights: BucketWeights,
}

impl Bucket {
    pub fn alg(&self) -> BucketAlg {
        match self.weights {
            BucketWeights::Uniform { .. } => BucketAlg::Uniform,
            BucketWeights::List { .. } => BucketAlg::List,
            BucketWeights::Tree { .. } => BucketAlg::Tree,
            BucketWeights::Straw { .. } => BucketAlg::Straw,
            BucketWeights::Straw2 { .. } => BucketAlg::Straw2,
        }
    }

    /// Weight of the item at `index`; 0 where there is none.
    pub fn item_weight(&self, index: usize) -> u32 {
        if index >= self.items.len() {
            return 0;
        }
        match &self.weights {
            BucketWeights::Uniform { item } => *item,
            BucketWeights::List { items, .. }
            | BucketWeights::Straw { items, .. }
            | BucketWeights::Straw2 { items } => items.get(index).copied().unwrap_or(0),
            BucketWeights::Tree { nodes } => nodes.get(2 * index + 1).copied().unwrap_or(0),
        }
    }

    /// Position of `item` in this bucket.
    pub fn position(&self, item: i32) -> Option<usize> {
        self.items.iter().position(|i| *i == item)
    }
}

/// Operation of a rule step. Numbers are the wire's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Noop,
    /// Start from `arg1`.
    Take,
    /// `arg1` items (0 or less: added to the result size) of type `arg2`, in order of preference.
    ChooseFirstN,
    /// The same with fixed positions, for erasure code.
    ChooseIndep,
    Emit,
    /// Choose items of type `arg2` and one device under each.
    ChooseLeafFirstN,
    ChooseLeafIndep,
    SetChooseTries,
    SetChooseLeafTries,
    SetChooseLocalTries,
    SetChooseLocalFallbackTries,
    SetChooseLeafVaryR,
    SetChooseLeafStable,
    /// Ignored when placing, kept when encoding.
    Unknown(u32),
}

impl Op {
    pub fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Noop,
            1 => Self::Take,
            2 => Self::ChooseFirstN,
            3 => Self::ChooseIndep,
            4 => Self::Emit,
            6 => Self::ChooseLeafFirstN,
            7 => Self::ChooseLeafIndep,
            8 => Self::SetChooseTries,
            9 => Self::SetChooseLeafTries,
            10 => Self::SetChooseLocalTries,
            11 => Self::SetChooseLocalFallbackTries,
            12 => Self::SetChooseLeafVaryR,
            13 => Self::SetChooseLeafStable,
            other => Self::Unknown(other),
        }
    }

    pub fn number(self) -> u32 {
        match self {
            Self::Noop => 0,
            Self::Take => 1,
            Self::ChooseFirstN => 2,
            Self::ChooseIndep => 3,
            Self::Emit => 4,
            Self::ChooseLeafFirstN => 6,
            Self::ChooseLeafIndep => 7,
            Self::SetChooseTries => 8,
            Self::SetChooseLeafTries => 9,
            Self::SetChooseLocalTries => 10,
            Self::SetChooseLocalFallbackTries => 11,
            Self::SetChooseLeafVaryR => 12,
            Self::SetChooseLeafStable => 13,
            Self::Unknown(number) => number,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub op: Op,
    pub arg1: i32,
    pub arg2: i32,
}

impl Step {
    pub fn new(op: Op, arg1: i32, arg2: i32) -> Self {
        Self { op, arg1, arg2 }
    }
}

/// Which pools a rule is for. `kind` is the pool type: 1 replicated, 3 erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleMask {
    pub ruleset: u8,
    pub kind: u8,
    pub size_min: u8,
    pub size_max: u8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub mask: RuleMask,
    pub steps: Vec<Step>,
}

/// What steers retries and leaf choice (Ceph doc/rados/operations/crush-map.rst, "Tunables").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tunables {
    pub choose_local_tries: u32,
    pub choose_local_fallback_tries: u32,
    /// Retries, so tries minus one.
    pub choose_total_tries: u32,
    pub chooseleaf_descend_once: u32,
    pub chooseleaf_vary_r: u8,
    pub straw_calc_version: u8,
    /// Bit `1 << alg` for each kind of bucket that may be made.
    pub allowed_bucket_algs: u32,
    pub chooseleaf_stable: u8,
}

const ALGS_LEGACY: u32 = 1 << 1 | 1 << 2 | 1 << 4;
const ALGS_HAMMER: u32 = ALGS_LEGACY | 1 << 5;

impl Tunables {
    /// The values before there were tunables.
    pub const ARGONAUT: Self = Self {
        choose_local_tries: 2,
        choose_local_fallback_tries: 5,
        choose_total_tries: 19,
        chooseleaf_descend_once: 0,
        chooseleaf_vary_r: 0,
        straw_calc_version: 0,
        allowed_bucket_algs: ALGS_LEGACY,
        chooseleaf_stable: 0,
    };
    pub const BOBTAIL: Self = Self {
        choose_local_tries: 0,
        choose_local_fallback_tries: 0,
        choose_total_tries: 50,
        chooseleaf_descend_once: 1,
        ..Self::ARGONAUT
    };
    pub const FIREFLY: Self = Self { chooseleaf_vary_r: 1, ..Self::BOBTAIL };
    pub const HAMMER: Self = Self { allowed_bucket_algs: ALGS_HAMMER, ..Self::FIREFLY };
    /// Also called optimal and default.
    pub const JEWEL: Self = Self { chooseleaf_stable: 1, straw_calc_version: 1, ..Self::HAMMER };

    /// The profile of that name. `argonaut` to `jewel` leave `straw_calc_version` as it is in
    /// `self`; `legacy` sets 0, `optimal` and `default` set 1.
    pub fn with_profile(self, name: &str) -> Option<Self> {
        let kept = self.straw_calc_version;
        Some(match name {
            "legacy" => Self::ARGONAUT,
            "argonaut" => Self { straw_calc_version: kept, ..Self::ARGONAUT },
            "bobtail" => Self { straw_calc_version: kept, ..Self::BOBTAIL },
            "firefly" => Self { straw_calc_version: kept, ..Self::FIREFLY },
            "hammer" => Self { straw_calc_version: kept, ..Self::HAMMER },
            "jewel" => Self { straw_calc_version: kept, ..Self::JEWEL },
            "optimal" | "default" => Self::JEWEL,
            _ => return None,
        })
    }
}

/// Other weights and hash ids for one straw2 bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChooseArg {
    /// Weights per result position; the last set serves all further positions.
    pub weight_set: Vec<Vec<u32>>,
    /// Ids to hash instead of the items' own; empty when not replaced.
    pub ids: Vec<i32>,
}

/// By bucket slot (`-1 - id`).
pub type ChooseArgMap = BTreeMap<u32, ChooseArg>;

/// The CRUSH map. Build with [`CrushMap::new`] and the editing functions, or decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrushMap {
    /// One more than the highest device id; see [`CrushMap::recount_devices`].
    pub max_devices: i32,
    /// Slot `i` holds bucket `-1 - i`.
    pub buckets: Vec<Option<Bucket>>,
    /// By rule id.
    pub rules: Vec<Option<Rule>>,
    /// Type number to name; 0 is the device type.
    pub types: BTreeMap<i32, String>,
    /// Item id to name, devices and buckets.
    pub names: BTreeMap<i32, String>,
    pub rule_names: BTreeMap<i32, String>,
    pub tunables: Tunables,
    /// Device to class id.
    pub class_map: BTreeMap<i32, i32>,
    /// Class id to name.
    pub class_names: BTreeMap<i32, String>,
    /// Bucket id to its shadow bucket of each class.
    pub class_buckets: BTreeMap<i32, BTreeMap<i32, i32>>,
    /// By pool id, or [`DEFAULT_CHOOSE_ARGS`].
    pub choose_args: BTreeMap<i64, ChooseArgMap>,
}

impl Default for CrushMap {
    fn default() -> Self {
        Self::new()
    }
}

impl CrushMap {
    /// An empty map with the default tunables and no types.
    pub fn new() -> Self {
        Self {
            max_devices: 0,
            buckets: Vec::new(),
            rules: Vec::new(),
            types: BTreeMap::new(),
            names: BTreeMap::new(),
            rule_names: BTreeMap::new(),
            tunables: Tunables::JEWEL,
            class_map: BTreeMap::new(),
            class_names: BTreeMap::new(),
            class_buckets: BTreeMap::new(),
            choose_args: BTreeMap::new(),
        }
    }

    /// The bucket with that (negative) id.
    #[inline]
    pub fn bucket(&self, id: i32) -> Option<&Bucket> {
        self.buckets.get(slot(id)?)?.as_ref()
    }

    pub fn bucket_mut(&mut self, id: i32) -> Option<&mut Bucket> {
        self.buckets.get_mut(slot(id)?)?.as_mut()
    }

    /// All buckets in slot order, so by falling id.
    pub fn all_buckets(&self) -> impl DoubleEndedIterator<Item = &Bucket> {
        self.buckets.iter().flatten()
    }

    pub fn rule(&self, id: u32) -> Option<&Rule> {
        self.rules.get(id as usize)?.as_ref()
    }

    /// The rule whose mask fits a pool (Ceph looks rules up this way when it maps a PG).
    pub fn find_rule(&self, ruleset: u32, pool_kind: u32, size: u32) -> Option<u32> {
        let fits = |rule: &Rule| {
            u32::from(rule.mask.ruleset) == ruleset
                && u32::from(rule.mask.kind) == pool_kind
                && u32::from(rule.mask.size_min) <= size
                && u32::from(rule.mask.size_max) >= size
        };
        let index = self.rules.iter().position(|rule| rule.as_ref().is_some_and(fits))?;
        Some(index as u32)
    }

    /// The weight set and ids for a pool: its own, else the default one, else none.
    pub fn choose_args_for(&self, pool: i64) -> Option<&ChooseArgMap> {
        self.choose_args.get(&pool).or_else(|| self.choose_args.get(&DEFAULT_CHOOSE_ARGS))
    }

    /// Sets [`CrushMap::max_devices`] to one more than the highest device that a bucket holds or
    /// that has a name.
    pub fn recount_devices(&mut self) {
        let held = self.all_buckets().flat_map(|b| b.items.iter().copied()).max();
        let named = self.names.keys().next_back().copied();
        self.max_devices = held.max(named).map_or(0, |max| max.saturating_add(1).max(0));
    }
}

/// Slot of the bucket `id`; `None` for a device.
#[inline]
pub(crate) fn slot(id: i32) -> Option<usize> {
    (id < 0).then_some(!id as usize)
}
