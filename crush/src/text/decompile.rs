//! Map to text.

use crate::map::*;
use std::collections::BTreeSet;
use std::fmt::Write;

impl CrushMap {
    /// The map as text, byte for byte as `crushtool -d` writes it.
    pub fn to_text(&self) -> String {
        let mut text = Text { map: self, out: String::new(), done: BTreeSet::new() };
        text.whole();
        text.out
    }
}

struct Text<'a> {
    map: &'a CrushMap,
    out: String,
    /// Buckets that are written.
    done: BTreeSet<i32>,
}

macro_rules! put {
    ($text:expr, $($arg:tt)*) => {
        write!($text.out, $($arg)*).expect("writing to a String succeeds")
    };
}

/// A 16.16 number with three decimals, by way of single precision.
fn fixed(weight: u32) -> String {
    format!("{:.3}", weight as i32 as f32 / 65536.0)
}

impl Text<'_> {
    fn whole(&mut self) {
        let map = self.map;
        put!(self, "# begin crush map\n");
        self.tunables();
        put!(self, "\n# devices\n");
        for (id, name) in map.names.range(0..map.max_devices.max(0)) {
            put!(self, "device {id} {name}");
            if let Some(class) = map.device_class(*id) {
                put!(self, " class {class}");
            }
            put!(self, "\n");
        }
        put!(self, "\n# types\n");
        if !map.types.contains_key(&0) && !map.types.is_empty() {
            put!(self, "type 0 osd\n");
        }
        for (id, name) in map.types.range(0..) {
            put!(self, "type {id} {name}\n");
        }
        put!(self, "\n# buckets\n");
        for bucket in map.all_buckets() {
            self.bucket_with_items(bucket, 0);
        }
        put!(self, "\n# rules\n");
        for (id, rule) in map.rules.iter().enumerate() {
            if let Some(rule) = rule {
                self.rule(id, rule);
            }
        }
        if !map.choose_args.is_empty() {
            put!(self, "\n# choose_args\n");
            for (id, args) in &map.choose_args {
                self.choose_args(*id, args);
            }
        }
        put!(self, "\n# end crush map\n");
    }

    /// Only what differs from the legacy profile, which is where compiling starts.
    fn tunables(&mut self) {
        let (t, legacy) = (&self.map.tunables, Tunables::ARGONAUT);
        let mut line = |name, value: u32, default: u32| {
            if value != default {
                // Ceph prints these as signed numbers.
                put!(self, "tunable {name} {}\n", value as i32);
            }
        };
        line("choose_local_tries", t.choose_local_tries, legacy.choose_local_tries);
        line(
            "choose_local_fallback_tries",
            t.choose_local_fallback_tries,
            legacy.choose_local_fallback_tries,
        );
        line("choose_total_tries", t.choose_total_tries, legacy.choose_total_tries);
        line("chooseleaf_descend_once", t.chooseleaf_descend_once, 0);
        line("chooseleaf_vary_r", t.chooseleaf_vary_r.into(), 0);
        line("chooseleaf_stable", t.chooseleaf_stable.into(), 0);
        line("straw_calc_version", t.straw_calc_version.into(), 0);
        if t.allowed_bucket_algs != legacy.allowed_bucket_algs {
            put!(self, "tunable allowed_bucket_algs {}\n", t.allowed_bucket_algs);
        }
    }

    fn type_name(&self, kind: i32) -> String {
        match self.map.types.get(&kind) {
            Some(name) => name.clone(),
            None if kind == 0 => "device".to_owned(),
            None => format!("type{kind}"),
        }
    }

    fn item_name(&self, id: i32) -> String {
        match self.map.item_name(id) {
            Some(name) => name.to_owned(),
            None if id >= 0 => format!("device{id}"),
            None => format!("bucket{}", !id),
        }
    }

    /// Buckets come after the buckets they hold.
    fn bucket_with_items(&mut self, bucket: &Bucket, depth: usize) {
        if depth > DEPTH_MAX || !self.done.insert(bucket.id) {
            return;
        }
        for item in &bucket.items {
            if let Some(child) = self.map.bucket(*item) {
                self.bucket_with_items(child, depth + 1);
            }
        }
        // Shadow trees are not written, only their ids.
        if !self.map.is_shadow(bucket.id) {
            self.bucket(bucket);
        }
    }

    fn bucket(&mut self, bucket: &Bucket) {
        let map = self.map;
        let id = bucket.id;
        put!(self, "{} {} {{\n", self.type_name(bucket.kind.into()), self.item_name(id));
        put!(self, "\tid {id}\t\t# do not change unnecessarily\n");
        for (class, shadow) in map.class_buckets.get(&id).into_iter().flatten() {
            let class = map.class_names.get(class).map_or("", String::as_str);
            put!(self, "\tid {shadow} class {class}\t\t# do not change unnecessarily\n");
        }
        put!(self, "\t# weight {}\n", fixed(bucket.weight));
        put!(self, "\talg {}", bucket.alg().name());
        let mut with_position = false;
        match bucket.alg() {
            BucketAlg::Uniform => {
                let count = bucket.items.len();
                put!(self, "\t# do not change bucket size ({count}) unnecessarily");
                with_position = true;
            }
            BucketAlg::List => {
                put!(self, "\t# add new items at the end; do not change order unnecessarily");
            }
            BucketAlg::Tree => {
                put!(self, "\t# do not change pos for existing items unnecessarily");
                with_position = true;
            }
            BucketAlg::Straw | BucketAlg::Straw2 => {}
        }
        let hash = match bucket.hash {
            HASH_RJENKINS1 => "rjenkins1",
            _ => "unknown",
        };
        put!(self, "\n\thash {}\t# {hash}\n", bucket.hash);
        for (at, item) in bucket.items.iter().enumerate() {
            put!(self, "\titem {} weight {}", self.item_name(*item), fixed(bucket.item_weight(at)));
            if with_position {
                put!(self, " pos {at}");
            }
            put!(self, "\n");
        }
        put!(self, "}}\n");
    }

    fn rule(&mut self, id: usize, rule: &Rule) {
        put!(self, "rule ");
        if let Some(name) = self.map.rule_names.get(&(id as i32)) {
            put!(self, "{name}");
        }
        put!(self, " {{\n\tid {id}\n");
        let mask = rule.mask;
        if usize::from(mask.ruleset) != id {
            put!(
                self,
                "\t# WARNING: ruleset {} != id {id}; this will not recompile to the same map\n",
                mask.ruleset
            );
        }
        match mask.kind {
            1 => put!(self, "\ttype replicated\n"),
            3 => put!(self, "\ttype erasure\n"),
            kind => put!(self, "\ttype {kind}\n"),
        }
        put!(self, "\tmin_size {}\n\tmax_size {}\n", mask.size_min, mask.size_max);
        for step in &rule.steps {
            self.step(step);
        }
        put!(self, "}}\n");
    }

    fn step(&mut self, step: &Step) {
        let (number, kind) = (step.arg1, step.arg2);
        let text = match step.op {
            Op::Noop => "noop".to_owned(),
            Op::Take => self.take(number),
            Op::Emit => "emit".to_owned(),
            Op::SetChooseTries => format!("set_choose_tries {number}"),
            Op::SetChooseLocalTries => format!("set_choose_local_tries {number}"),
            Op::SetChooseLocalFallbackTries => format!("set_choose_local_fallback_tries {number}"),
            Op::SetChooseLeafTries => format!("set_chooseleaf_tries {number}"),
            Op::SetChooseLeafVaryR => format!("set_chooseleaf_vary_r {number}"),
            Op::SetChooseLeafStable => format!("set_chooseleaf_stable {number}"),
            Op::ChooseFirstN => format!("choose firstn {number} type {}", self.type_name(kind)),
            Op::ChooseIndep => format!("choose indep {number} type {}", self.type_name(kind)),
            Op::ChooseLeafFirstN => {
                format!("chooseleaf firstn {number} type {}", self.type_name(kind))
            }
            Op::ChooseLeafIndep => {
                format!("chooseleaf indep {number} type {}", self.type_name(kind))
            }
            // There is no word for it.
            Op::Unknown(_) => return,
        };
        put!(self, "\tstep {text}\n");
    }

    fn take(&self, item: i32) -> String {
        let name = self.item_name(item);
        match name.split_once('~') {
            Some((original, class)) => format!("take {original} class {class}"),
            None => format!("take {name}"),
        }
    }

    fn choose_args(&mut self, id: i64, args: &ChooseArgMap) {
        // The default set, -1, is printed as an unsigned number.
        put!(self, "choose_args {} {{\n", id as u64);
        for (slot, arg) in args {
            if arg.weight_set.is_empty() && arg.ids.is_empty() {
                continue;
            }
            put!(self, "  {{\n    bucket_id {}\n", !*slot as i32);
            if !arg.weight_set.is_empty() {
                put!(self, "    weight_set [\n");
                for set in &arg.weight_set {
                    put!(self, "      [ ");
                    set.iter().for_each(|weight| put!(self, "{} ", fixed(*weight)));
                    put!(self, "]\n");
                }
                put!(self, "    ]\n");
            }
            if !arg.ids.is_empty() {
                put!(self, "    ids [ ");
                arg.ids.iter().for_each(|id| put!(self, "{id} "));
                put!(self, "]\n");
            }
            put!(self, "  }}\n");
        }
        put!(self, "}}\n");
    }
}
