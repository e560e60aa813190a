//! New maps on this core.

use super::{Fx, OsdHop, OsdNode, log};
use crate::map::{Step, View, shows_up};
use maps::OsdMap;
use messenger::message::Message;
use messenger::messages::{OsdMapUpdate, TypedMessage};
use std::collections::BTreeSet;
use types::node::{CoreId, Effect, LogLevel};
use types::shard::shard_of;
use types::time::Now;
use types::{OsdId, PgId};

impl OsdNode {
    pub(crate) fn on_stored_map(&mut self, bytes: &[u8], fx: &mut Fx) {
        match OsdMap::decode(bytes) {
            Ok(map) => self.history.set(map),
            Err(e) => {
                log(fx, LogLevel::Error, format!("the stored map cannot be read: {e}"));
                self.gap_next = true;
            }
        }
    }

    pub(super) fn on_maps_message(&mut self, now: Now, message: &Message, fx: &mut Fx) {
        if let Ok(update) = OsdMapUpdate::from_message(message) {
            self.apply_maps(now, &update, fx);
        }
    }

    /// Applies every epoch of `update` that is new. False if a full map is needed.
    pub(crate) fn apply_maps(&mut self, now: Now, update: &OsdMapUpdate, fx: &mut Fx) -> bool {
        let before = self.history.epoch();
        loop {
            match self.history.step(update) {
                Ok(None) => break,
                Ok(Some(step)) => self.on_map(now, step, fx),
                Err(epoch) => {
                    log(fx, LogLevel::Error, format!("map {epoch} cannot be applied"));
                    self.gap_next = true;
                    return false;
                }
            }
        }
        if self.history.epoch() != before {
            self.run_parked(now, fx);
        }
        true
    }

    fn on_map(&mut self, now: Now, step: Step, fx: &mut Fx) {
        let booted = shows_up(&step.map, self.me, &self.config.addrs);
        let gap = step.gap || std::mem::take(&mut self.gap_next);
        let view = View { map: step.map, booted };
        let (mine, neighbours) = self.mine(&view);
        self.view = Some(view.clone());
        for slot in 0..self.shards.len() {
            let index = self.shards[slot].index;
            let shards = self.config.superblock.shards;
            let of_shard: Vec<PgId> =
                mine.iter().copied().filter(|pg| shard_of(*pg, shards) == index).collect();
            let mut outs = std::mem::take(&mut self.outs);
            self.shards[slot].on_map(now, &view, gap, &step.new_pools, &of_shard, &mut outs);
            self.outs = outs;
            self.perform(now, slot, fx);
        }
        let core = self.config.core;
        if self.leader.is_some() {
            self.on_neighbours(core, neighbours);
        } else {
            fx.push(Effect::Hop { to: CoreId(0), msg: OsdHop::Neighbours(neighbours) });
        }
    }

    /// PGs of this core's shards that this OSD serves, and the OSDs it shares them with.
    fn mine(&self, view: &View) -> (Vec<PgId>, Vec<OsdId>) {
        let mut scratch = maps::Scratch::new();
        let mut mine = Vec::new();
        let mut neighbours = BTreeSet::new();
        let me = self.me.0 as i32;
        for (id, pool) in &view.map.pools {
            if !pool.is_replicated() {
                continue;
            }
            for pg in view.map.pgs_of_pool(*id).filter(|pg| self.is_core(self.place_of(*pg).0)) {
                let mapping = view.map.pg_to_up_acting_with(pg, &mut scratch);
                if mapping.acting.contains(&me) {
                    neighbours.extend(mapping.acting_osds().filter(|o| *o != self.me));
                    mine.push(pg);
                }
            }
        }
        (mine, neighbours.into_iter().collect())
    }
}
