//! Everything against everything: trees, reference counts, segments, accounts.

use crate::key;
use crate::meta::{decoded, group_of};
use crate::pages::PageId;
use crate::root::Garbage;
use crate::segments::Use;
use crate::store::{Miss, Phase, Store};
use crate::tree::TreeError;
use std::collections::{BTreeMap, BTreeSet};

impl Store {
    /// Checks what is in memory and all trees; one line per finding, empty is good. It looks at
    /// every page: after a miss, fetch and start over, without a turn between. Memory and time in
    /// the number of objects and blocks.
    pub fn check(&self) -> Result<Vec<String>, Miss> {
        let mut findings = Vec::new();
        if !matches!(self.phase, Phase::Ready) {
            return Ok(findings);
        }
        findings.extend(self.meta.pager.check().err());
        self.check_pages(&mut findings)?;
        let (owners, omaps) = self.check_objects(&mut findings)?;
        self.check_blocks(owners, &mut findings)?;
        self.check_omaps(omaps, &mut findings)?;
        self.check_segments(&mut findings);
        Ok(findings)
    }

    /// Every page that the table has is in one tree, and the other way round.
    fn check_pages(&self, findings: &mut Vec<String>) -> Result<(), Miss> {
        let mut seen = BTreeSet::new();
        for tree in [&self.meta.onodes, &self.meta.lba, &self.meta.omap] {
            let mut twice = Vec::new();
            tree.pages_of(&self.meta.pager, &mut |id: PageId, _| {
                if !seen.insert(id) {
                    twice.push(id);
                }
            })?;
            findings.extend(tree.check(&self.meta.pager).map_err(TreeError::from)?);
            findings.extend(twice.iter().map(|id| format!("page {} is in two places", id.0)));
        }
        for (id, _) in self.meta.pager.places() {
            if !seen.contains(&id) && !self.meta.pager.is_unused(id) {
                findings.push(format!("page {} is in no tree", id.0));
            }
        }
        Ok(())
    }

    /// How many objects have a share of each block, and the keys of each omap.
    #[expect(clippy::type_complexity, reason = "local to the check")]
    fn check_objects(
        &self,
        findings: &mut Vec<String>,
    ) -> Result<(BTreeMap<u64, u32>, BTreeMap<u64, (u64, bool)>), Miss> {
        let (mut owners, mut omaps) = (BTreeMap::new(), BTreeMap::new());
        let mut objects = 0;
        self.meta.onodes.scan(&self.meta.pager, &[], &mut |name, value| {
            objects += 1;
            if let Err(e) = key::decode_name(name) {
                findings.push(format!("an object's name: {e}"));
            }
            let onode = decoded(value);
            for run in onode.runs() {
                for i in 0..run.blocks as u64 {
                    *owners.entry(run.laddr + i).or_insert(0) += 1;
                }
                if run.laddr + run.blocks as u64 > self.meta.next_laddr {
                    findings.push(format!("laddr {} was never given out", run.laddr));
                }
            }
            if onode.omap_id != 0 {
                let held = (onode.omap_count, onode.omap_header_bytes > 0);
                if omaps.insert(onode.omap_id, held).is_some() {
                    findings.push(format!("omap {} has two objects", onode.omap_id));
                }
            }
            true
        })?;
        if objects != self.meta.objects {
            findings.push(format!("{objects} objects, not {}", self.meta.objects));
        }
        for garbage in &self.meta.garbage {
            if let Garbage::Laddrs { first, blocks } = garbage {
                for laddr in *first..first + blocks {
                    *owners.entry(laddr).or_insert(0) += 1;
                }
            }
        }
        Ok((owners, omaps))
    }

    fn check_blocks(
        &self,
        owners: BTreeMap<u64, u32>,
        findings: &mut Vec<String>,
    ) -> Result<(), Miss> {
        let mut live = vec![0u32; self.segments.all.len()];
        let mut places = BTreeSet::new();
        let mut blocks = 0;
        self.meta.lba.scan(&self.meta.pager, &[], &mut |group_key, value| {
            let Ok(group) = key::lba_group(group_key) else {
                findings.push("a key of the LBA tree is damaged".into());
                return true;
            };
            for (index, block) in group_of(value).iter() {
                let laddr = group * 64 + index as u64;
                let shares = owners.get(&laddr).copied().unwrap_or(0);
                if shares != block.refs as u32 {
                    let refs = block.refs;
                    findings.push(format!("laddr {laddr}: {shares} shares, {refs} are counted"));
                }
                if !places.insert(block.place) {
                    findings.push(format!("laddr {laddr}: its place has another block too"));
                }
                blocks += 1;
                match live.get_mut(self.segments.of(block.place) as usize) {
                    Some(count) => *count += 1,
                    None => findings.push(format!("laddr {laddr}: outside the region")),
                }
            }
            true
        })?;
        if blocks != self.meta.data_blocks {
            findings.push(format!("{blocks} blocks of data, not {}", self.meta.data_blocks));
        }
        for (i, (counted, s)) in live.iter().zip(&self.segments.all).enumerate() {
            let meta = matches!(s.usage, Use::Meta | Use::MetaClosed);
            if !meta && s.live != *counted {
                findings.push(format!("segment {i}: {counted} blocks live, not {}", s.live));
            }
            let holds_data = matches!(s.usage, Use::Journal | Use::Cold | Use::Closed);
            if *counted > 0 && !holds_data {
                findings.push(format!("segment {i}: live data in a {:?} segment", s.usage));
            }
        }
        Ok(())
    }

    fn check_omaps(
        &self,
        mut omaps: BTreeMap<u64, (u64, bool)>,
        findings: &mut Vec<String>,
    ) -> Result<(), Miss> {
        let garbage: BTreeSet<u64> = self
            .meta
            .garbage
            .iter()
            .filter_map(|g| if let Garbage::Omap { id } = g { Some(*id) } else { None })
            .collect();
        let mut strays = BTreeSet::new();
        self.meta.omap.scan(&self.meta.pager, &[], &mut |stored, _| {
            match key::split_omap_key(stored) {
                Err(e) => findings.push(format!("a key of the omap tree: {e}")),
                Ok((id, key)) => match (omaps.get_mut(&id), key) {
                    (Some((count, _)), Some(_)) => *count = count.wrapping_sub(1),
                    (Some((_, header)), None) => *header = !*header,
                    (None, _) if garbage.contains(&id) => {}
                    (None, _) => drop(strays.insert(id)),
                },
            }
            true
        })?;
        findings.extend(strays.iter().map(|id| format!("omap {id} has no object")));
        for (id, (count, header)) in omaps {
            if count != 0 || header {
                findings.push(format!("omap {id}: its object counts wrong"));
            }
        }
        Ok(())
    }

    fn check_segments(&self, findings: &mut Vec<String>) {
        let mut meta = vec![0u32; self.segments.all.len()];
        let mut add = |addr: u32, blocks: u32| {
            if let Some(count) = meta.get_mut(self.segments.of(addr) as usize) {
                *count += blocks;
            }
        };
        if self.checkpointer.is_none() {
            self.meta.pager.places().for_each(|(_, p)| add(p.addr, p.blocks as u32));
            for chunk in &self.root_places.chunks {
                if *chunk != crate::root::ChunkPlace::NONE {
                    add(chunk.addr, 1);
                }
            }
            if let Some(root) = &self.root_places.root {
                add(root.addr, root.blocks);
            }
            for (i, s) in self.segments.all.iter().enumerate() {
                let holds = matches!(s.usage, Use::Meta | Use::MetaClosed);
                if holds && s.live != meta[i] {
                    findings
                        .push(format!("segment {i}: {} blocks of pages, not {}", meta[i], s.live));
                }
                if !holds && meta[i] > 0 {
                    findings.push(format!("segment {i}: pages in a {:?} segment", s.usage));
                }
            }
        }
        let count = |usage| self.segments.all.iter().filter(|s| s.usage == usage).count();
        for (usage, wanted) in
            [(Use::Journal, 1), (Use::Next, 1), (Use::Free, self.segments.free_count() as usize)]
        {
            let found = count(usage);
            if found != wanted {
                findings.push(format!("{found} segments are {usage:?}, not {wanted}"));
            }
        }
        if self.journal.durable + self.journal.in_flight.len() as u64 + 1
            != self.journal.head.sequence
        {
            findings.push("sequences of records in flight have a gap".into());
        }
        let held: u32 = self.segments.all.iter().map(|s| s.held).sum();
        if self.is_idle() && held > 0 && self.segments.no_kills() {
            findings.push(format!("{held} blocks are held though all is durable"));
        }
    }
}
