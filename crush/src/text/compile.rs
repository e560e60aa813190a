//! Text to map.

use super::{CompileCause, CompileError};
use crate::builder::edit::BUCKET_SLOTS_MAX;
use crate::map::*;
use CompileCause::*;
use std::collections::{BTreeMap, BTreeSet};

type Result<T> = std::result::Result<T, CompileError>;

const RULES_MAX: i32 = 256;
/// The most that a device and a bucket may weigh, 16.16.
const DEVICE_WEIGHT_MAX: u32 = 100 * 0x10000;
const BUCKET_WEIGHT_MAX: u32 = 65_535 * 0x10000;

impl CrushMap {
    /// Reads the text form; the encoding of the result is what `crushtool -c` writes.
    ///
    /// Tunables that the text leaves out have their legacy values. Shadow trees of device classes
    /// are made before the first rule, with the ids that the text names.
    pub fn from_text(text: &str) -> Result<Self> {
        let mut parser = Parser { words: words(text), at: 0 };
        let mut compiler = Compiler::new();
        compiler.declarations(&mut parser)?;
        compiler.buckets_and_rules(&mut parser)?;
        compiler.choose_args(&mut parser)?;
        let mut map = compiler.map;
        map.check_shape().map_err(|error| CompileError { line: 0, cause: Shape(error) })?;
        map.recount_devices();
        Ok(map)
    }
}

struct Word<'a> {
    text: &'a str,
    line: usize,
}

/// Words of the text without comments; braces and brackets stand alone.
fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut rest = line.split('#').next().unwrap_or_default().trim_start();
        while let Some(first) = rest.chars().next() {
            let alone = |c: char| matches!(c, '{' | '}' | '[' | ']');
            let end = if alone(first) {
                first.len_utf8()
            } else {
                rest.find(|c: char| c.is_whitespace() || alone(c)).unwrap_or(rest.len())
            };
            words.push(Word { text: &rest[..end], line: index + 1 });
            rest = rest[end..].trim_start();
        }
    }
    words
}

struct Parser<'a> {
    words: Vec<Word<'a>>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &'a str {
        self.words.get(self.at).map_or("", |word| word.text)
    }

    fn line(&self) -> usize {
        let word = self.words.get(self.at.saturating_sub(1)).or(self.words.last());
        word.map_or(0, |word| word.line)
    }

    fn next(&mut self) -> &'a str {
        let word = self.peek();
        self.at += 1;
        word
    }

    fn error<T>(&self, cause: CompileCause) -> Result<T> {
        Err(CompileError { line: self.line(), cause })
    }

    fn unexpected<T>(&self, found: &str, expected: &'static str) -> Result<T> {
        self.error(Unexpected { found: found.to_owned(), expected })
    }

    /// Takes the next word if it is this one.
    fn accept(&mut self, word: &str) -> bool {
        let is = self.peek() == word;
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, word: &'static str) -> Result<()> {
        let found = self.next();
        if found == word { Ok(()) } else { self.unexpected(found, word) }
    }

    fn name(&mut self) -> Result<String> {
        let word = self.next();
        match crate::builder::is_valid_name(word) {
            true => Ok(word.to_owned()),
            false => self.unexpected(word, "a name"),
        }
    }

    /// A whole number. Like C's, one that is too large becomes the largest 64-bit number, of which
    /// the lower half counts; so 2^64 - 1 reads as -1.
    fn integer(&mut self, negative: Option<bool>) -> Result<i32> {
        let word = self.next();
        let (digits, minus) = match word.strip_prefix('-') {
            Some(digits) => (digits, true),
            None => (word, false),
        };
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if !is_number || negative.is_some_and(|negative| negative != minus) {
            return self.unexpected(word, "a number");
        }
        let limit = if minus { i64::MIN } else { i64::MAX };
        Ok(word.parse::<i64>().unwrap_or(limit) as i32)
    }

    fn positive(&mut self) -> Result<i32> {
        self.integer(Some(false))
    }

    fn weight(&mut self) -> Result<u32> {
        let word = self.next();
        let is_number = word.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
        let Some(weight) = word.parse::<f32>().ok().filter(|_| is_number) else {
            return self.unexpected(word, "a number");
        };
        // The product is rounded to single precision, as Ceph's is.
        let scaled = weight * 65536.0;
        if !(0.0..4_294_967_296.0).contains(&scaled) {
            return self.error(Weight(word.to_owned()));
        }
        Ok(scaled as u32)
    }
}

/// One bucket as written.
struct BucketText {
    line: usize,
    kind: String,
    name: String,
    id: Option<i32>,
    class_ids: Vec<(String, i32)>,
    /// All ids that the text names; an earlier one of several stays reserved.
    ids_named: Vec<i32>,
    alg: String,
    hash: u8,
    items: Vec<ItemText>,
}

struct ItemText {
    name: String,
    weight: Option<u32>,
    pos: Option<i32>,
}

struct RuleText {
    line: usize,
    name: Option<String>,
    id: i32,
    kind: u8,
    size_min: i32,
    size_max: i32,
    steps: Vec<StepText>,
}

enum StepText {
    Take { item: String, class: Option<String> },
    Choose { op: Op, count: i32, kind: String },
    Plain(Step),
}

enum Definition {
    Bucket(BucketText),
    Rule(RuleText),
}

struct Compiler {
    map: CrushMap,
    types: BTreeMap<String, i32>,
    items: BTreeMap<String, i32>,
    used_ids: BTreeSet<i32>,
    bucket_weights: BTreeMap<i32, u32>,
    class_ids: BTreeMap<i32, BTreeMap<i32, i32>>,
}

impl Compiler {
    fn new() -> Self {
        let mut map = CrushMap::new();
        map.tunables = Tunables::ARGONAUT;
        Self {
            map,
            types: BTreeMap::new(),
            items: BTreeMap::new(),
            used_ids: BTreeSet::new(),
            bucket_weights: BTreeMap::new(),
            class_ids: BTreeMap::new(),
        }
    }

    /// Tunables, devices and types, in any order.
    fn declarations(&mut self, p: &mut Parser<'_>) -> Result<()> {
        loop {
            // `device`, `type` and `tunable` may also name a bucket's type: then a name follows
            // and not a number.
            let number_follows = |p: &Parser<'_>| {
                let word = p.words.get(p.at + 1).map_or("", |word| word.text);
                word.starts_with(|c: char| c.is_ascii_digit())
            };
            if p.peek() == "tunable" {
                p.next();
                let name = p.name()?;
                let value = p.positive()?;
                self.tunable(p, &name, value)?;
            } else if p.peek() == "device" && number_follows(p) {
                p.next();
                let id = p.positive()?;
                let name = p.name()?;
                if self.items.insert(name.clone(), id).is_some() {
                    return p.error(Duplicate(name));
                }
                self.map.names.insert(id, name);
                if p.accept("class") {
                    let class = p.name()?;
                    let class = self.class(p, &class)?;
                    self.map.class_map.insert(id, class);
                }
            } else if p.peek() == "type" && number_follows(p) {
                p.next();
                let id = p.positive()?;
                let name = p.name()?;
                self.types.insert(name.clone(), id);
                self.map.types.insert(id, name);
            } else {
                return Ok(());
            }
        }
    }

    fn class(&mut self, p: &Parser<'_>, name: &str) -> Result<i32> {
        let class = self.map.create_class(name);
        class.or_else(|error| p.error(Edit(error)))
    }

    fn tunable(&mut self, p: &Parser<'_>, name: &str, value: i32) -> Result<()> {
        let t = &mut self.map.tunables;
        match name {
            "choose_local_tries" => t.choose_local_tries = value as u32,
            "choose_local_fallback_tries" => t.choose_local_fallback_tries = value as u32,
            "choose_total_tries" => t.choose_total_tries = value as u32,
            "chooseleaf_descend_once" => t.chooseleaf_descend_once = value as u32,
            "chooseleaf_vary_r" => t.chooseleaf_vary_r = value as u8,
            "chooseleaf_stable" => t.chooseleaf_stable = value as u8,
            "straw_calc_version" => t.straw_calc_version = value as u8,
            "allowed_bucket_algs" => t.allowed_bucket_algs = value as u32,
            _ => return p.error(UnknownTunable(name.to_owned())),
        }
        Ok(())
    }

    fn buckets_and_rules(&mut self, p: &mut Parser<'_>) -> Result<()> {
        let mut definitions = Vec::new();
        while !p.peek().is_empty() && p.peek() != "choose_args" {
            if p.peek() == "rule" {
                definitions.push(Definition::Rule(parse_rule(p)?));
            } else {
                let bucket = parse_bucket(p)?;
                self.used_ids.extend(&bucket.ids_named);
                definitions.push(Definition::Bucket(bucket));
            }
        }
        put_items_first(p, &mut definitions)?;
        let mut saw_rule = false;
        for definition in definitions {
            match definition {
                Definition::Bucket(bucket) if saw_rule => {
                    let found = bucket.kind;
                    let cause = Unexpected { found, expected: "a rule: buckets come before rules" };
                    return Err(CompileError { line: bucket.line, cause });
                }
                Definition::Bucket(bucket) => {
                    let line = bucket.line;
                    self.bucket(p, bucket).map_err(|cause| CompileError { line, cause })?;
                }
                Definition::Rule(rule) => {
                    if !saw_rule {
                        saw_rule = true;
                        let made = self.map.populate_shadows(&self.class_ids);
                        made.or_else(|error| p.error(Edit(error)))?;
                    }
                    let line = rule.line;
                    self.rule(rule).map_err(|cause| CompileError { line, cause })?;
                }
            }
        }
        Ok(())
    }

    fn bucket(
        &mut self,
        p: &Parser<'_>,
        text: BucketText,
    ) -> std::result::Result<(), CompileCause> {
        let kind = *self.types.get(&text.kind).ok_or(UnknownType(text.kind))?;
        if self.items.contains_key(&text.name) {
            return Err(Duplicate(text.name));
        }
        let alg = BucketAlg::from_name(&text.alg).ok_or(UnknownAlg(text.alg))?;
        let mut class_ids = BTreeMap::new();
        for (class, id) in text.class_ids {
            let class_id = self.class(p, &class).map_err(|error| error.cause)?;
            if class_ids.insert(class_id, id).is_some() {
                return Err(Duplicate(class));
            }
        }
        let items = self.place_items(alg, &text.items)?;
        let id = match text.id {
            Some(id) => id,
            None => {
                let free = |id: &i32| !self.used_ids.contains(id);
                (i32::MIN..0).rev().find(free).expect("fewer than 2^31 buckets")
            }
        };
        if slot(id).is_none_or(|slot| slot >= BUCKET_SLOTS_MAX) {
            return Err(NoSuchBucket(id));
        }
        if !class_ids.is_empty() {
            self.class_ids.insert(id, class_ids);
        }
        self.used_ids.insert(id);
        self.map.make_bucket(Some(id), alg, kind as u16, &items, &text.name).map_err(Edit)?;
        self.items.insert(text.name, id);
        let bucket = self.map.bucket_mut(id).expect("the bucket was just made");
        bucket.hash = text.hash;
        self.bucket_weights.insert(id, bucket.weight);
        Ok(())
    }

    /// Items with weights at their places: first those that name one, the others in the gaps.
    fn place_items(
        &self,
        alg: BucketAlg,
        texts: &[ItemText],
    ) -> std::result::Result<Vec<(i32, u32)>, CompileCause> {
        let mut taken = BTreeSet::new();
        for pos in texts.iter().filter_map(|item| item.pos) {
            if !taken.insert(pos) {
                return Err(PositionTaken(pos));
            }
        }
        let mut items = vec![(0, 0); texts.len()];
        let mut next = 0;
        let mut uniform = None;
        for text in texts {
            let id = *self.items.get(&text.name).ok_or(UnknownItem(text.name.clone()))?;
            let own = self.bucket_weights.get(&id).copied().unwrap_or(0x10000);
            let weight = text.weight.unwrap_or(own);
            let limit = if id >= 0 { DEVICE_WEIGHT_MAX } else { BUCKET_WEIGHT_MAX };
            if text.weight.is_some() && weight > limit {
                return Err(Weight((weight / 0x10000).to_string()));
            }
            if alg == BucketAlg::Uniform && *uniform.get_or_insert(weight) != weight {
                return Err(UniformWeight(text.name.clone()));
            }
            let pos = text.pos.unwrap_or_else(|| {
                while taken.contains(&next) {
                    next += 1;
                }
                next += 1;
                next - 1
            });
            *items.get_mut(pos as usize).ok_or(PositionRange(pos))? = (id, weight);
        }
        Ok(items)
    }

    fn rule(&mut self, text: RuleText) -> std::result::Result<(), CompileCause> {
        let id = text.id;
        if !(0..RULES_MAX).contains(&id) || self.map.rule(id as u32).is_some() {
            return Err(RuleId(id));
        }
        let mut steps = Vec::new();
        for step in text.steps {
            steps.push(match step {
                StepText::Plain(step) => step,
                StepText::Choose { op, count, kind } => {
                    Step::new(op, count, *self.types.get(&kind).ok_or(UnknownType(kind))?)
                }
                StepText::Take { item, class } => Step::new(Op::Take, self.take(item, class)?, 0),
            });
        }
        let mask = RuleMask {
            ruleset: id as u8,
            kind: text.kind,
            size_min: text.size_min as u8,
            size_max: text.size_max as u8,
        };
        let slots = self.map.rules.len().max(id as usize + 1);
        self.map.rules.resize(slots, None);
        self.map.rules[id as usize] = Some(Rule { mask, steps });
        if let Some(name) = text.name {
            if self.map.rule_id(&name).is_some() {
                return Err(Duplicate(name));
            }
            self.map.rule_names.insert(id, name);
        }
        Ok(())
    }

    fn take(&self, item: String, class: Option<String>) -> std::result::Result<i32, CompileCause> {
        let Some(id) = self.items.get(&item) else { return Err(UnknownItem(item)) };
        let Some(class) = class else { return Ok(*id) };
        let shadow = self
            .map
            .class_id(&class)
            .and_then(|class| self.map.class_buckets.get(id)?.get(&class).copied());
        shadow.ok_or(NoShadow { item, class })
    }

    fn choose_args(&mut self, p: &mut Parser<'_>) -> Result<()> {
        while !p.peek().is_empty() {
            p.expect("choose_args")?;
            let id = i64::from(p.positive()?);
            if self.map.choose_args.contains_key(&id) {
                return p.error(Duplicate(id.to_string()));
            }
            p.expect("{")?;
            let mut args = ChooseArgMap::new();
            while !p.accept("}") {
                p.expect("{")?;
                p.expect("bucket_id")?;
                let bucket = p.integer(Some(true))?;
                let Some(expected) = self.map.bucket(bucket).map(|bucket| bucket.items.len())
                else {
                    return p.error(NoSuchBucket(bucket));
                };
                let arg = parse_choose_arg(p, bucket, expected)?;
                if !arg.weight_set.is_empty() || !arg.ids.is_empty() {
                    args.insert(!bucket as u32, arg);
                }
            }
            self.map.choose_args.insert(id, args);
        }
        Ok(())
    }
}

fn parse_choose_arg(p: &mut Parser<'_>, bucket: i32, expected: usize) -> Result<ChooseArg> {
    let check = |p: &Parser<'_>, found: usize| match found == expected {
        true => Ok(()),
        false => p.error(EntryCount { bucket, expected, found }),
    };
    let mut arg = ChooseArg::default();
    if p.accept("weight_set") {
        p.expect("[")?;
        while !p.accept("]") {
            p.expect("[")?;
            let mut set = Vec::new();
            while !p.accept("]") {
                set.push(p.weight()?);
            }
            check(p, set.len())?;
            arg.weight_set.push(set);
        }
    }
    if p.accept("ids") {
        p.expect("[")?;
        while !p.accept("]") {
            arg.ids.push(p.integer(None)?);
        }
        check(p, arg.ids.len())?;
    }
    p.expect("}")?;
    Ok(arg)
}

fn parse_bucket(p: &mut Parser<'_>) -> Result<BucketText> {
    let kind = p.name()?;
    let line = p.line();
    let name = p.name()?;
    p.expect("{")?;
    let (mut id, mut class_ids, mut ids_named) = (None, Vec::new(), Vec::new());
    while p.accept("id") {
        let number = p.integer(Some(true))?;
        ids_named.push(number);
        if p.accept("class") {
            class_ids.push((p.name()?, number));
        } else {
            id = Some(number);
        }
    }
    p.expect("alg")?;
    let alg = p.name()?;
    let mut hash = HASH_RJENKINS1;
    while p.accept("hash") {
        hash = if p.accept("rjenkins1") { HASH_RJENKINS1 } else { p.integer(None)? as u8 };
    }
    let mut items = Vec::new();
    while p.accept("item") {
        let name = p.name()?;
        let weight = p.accept("weight").then(|| p.weight()).transpose()?;
        let pos = p.accept("pos").then(|| p.positive()).transpose()?;
        items.push(ItemText { name, weight, pos });
    }
    p.expect("}")?;
    Ok(BucketText { line, kind, name, id, class_ids, ids_named, alg, hash, items })
}

fn parse_rule(p: &mut Parser<'_>) -> Result<RuleText> {
    p.expect("rule")?;
    let line = p.line();
    let name = if p.peek() == "{" { None } else { Some(p.name()?) };
    p.expect("{")?;
    if !p.accept("id") {
        p.expect("ruleset")?;
    }
    let id = p.positive()?;
    p.expect("type")?;
    let kind = match p.next() {
        "replicated" => 1,
        "erasure" => 3,
        other => return p.unexpected(other, "'replicated' or 'erasure'"),
    };
    p.expect("min_size")?;
    let size_min = p.positive()?;
    p.expect("max_size")?;
    let size_max = p.positive()?;
    let mut steps = Vec::new();
    while p.accept("step") {
        steps.push(parse_step(p)?);
    }
    if steps.is_empty() {
        let found = p.next();
        return p.unexpected(found, "a step");
    }
    p.expect("}")?;
    Ok(RuleText { line, name, id, kind, size_min, size_max, steps })
}

fn parse_step(p: &mut Parser<'_>) -> Result<StepText> {
    let word = p.next();
    let set = match word {
        "set_choose_tries" => Some(Op::SetChooseTries),
        "set_choose_local_tries" => Some(Op::SetChooseLocalTries),
        "set_choose_local_fallback_tries" => Some(Op::SetChooseLocalFallbackTries),
        "set_chooseleaf_tries" => Some(Op::SetChooseLeafTries),
        "set_chooseleaf_vary_r" => Some(Op::SetChooseLeafVaryR),
        "set_chooseleaf_stable" => Some(Op::SetChooseLeafStable),
        _ => None,
    };
    if let Some(op) = set {
        return Ok(StepText::Plain(Step::new(op, p.positive()?, 0)));
    }
    match word {
        "emit" => Ok(StepText::Plain(Step::new(Op::Emit, 0, 0))),
        "take" => {
            let item = p.name()?;
            let class = p.accept("class").then(|| p.name()).transpose()?;
            Ok(StepText::Take { item, class })
        }
        "choose" | "chooseleaf" => {
            let mode = p.next();
            let op = match (word, mode) {
                ("choose", "firstn") => Op::ChooseFirstN,
                ("choose", "indep") => Op::ChooseIndep,
                ("chooseleaf", "firstn") => Op::ChooseLeafFirstN,
                ("chooseleaf", "indep") => Op::ChooseLeafIndep,
                _ => return p.unexpected(mode, "'firstn' or 'indep'"),
            };
            let count = p.integer(None)?;
            p.expect("type")?;
            Ok(StepText::Choose { op, count, kind: p.name()? })
        }
        other => p.unexpected(other, "a step"),
    }
}

/// Lets buckets stand before the buckets that hold them, by exchanging pairs the way Ceph's
/// compiler does: the order decides which free ids they get.
fn put_items_first(p: &Parser<'_>, definitions: &mut [Definition]) -> Result<()> {
    let mut names = Vec::new();
    let mut places = BTreeMap::new();
    let mut items: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (place, definition) in definitions.iter().enumerate() {
        if let Definition::Bucket(bucket) = definition {
            names.push(bucket.name.clone());
            places.insert(bucket.name.clone(), place);
            let held = items.entry(bucket.name.clone()).or_default();
            held.extend(bucket.items.iter().map(|item| item.name.clone()));
        }
    }
    for (i, first) in names.iter().enumerate() {
        for second in &names[i + 1..] {
            if items[first].contains(second) {
                if items[second].contains(first) {
                    return p.error(Mutual(first.clone(), second.clone()));
                }
                definitions.swap(places[first], places[second]);
            }
        }
    }
    Ok(())
}
