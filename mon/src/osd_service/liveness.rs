//! How OSDs come and go: boots, failure reports, missed beacons, automatic out, expiring blocklist
//! entries. Times of beacons and reports are soft state: a monitor that starts gives everybody a
//! full grace period.

use super::OsdService;
use maps::{OsdAddrs, WEIGHT_IN, map_flags, osd_state};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use types::time::Now;
use types::{EntityAddrVec, Epoch, Fsid, Instant, OsdId, PgId};

/// How patient the monitor is. Ceph's option names are given in `config_service`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LivenessConfig {
    /// Silence after which an OSD is down.
    pub grace: Duration,
    /// Time down after which an OSD is out. Zero: never.
    pub out_after: Duration,
    /// OSDs that must report a failure before it is believed.
    pub reporters_min: usize,
}

impl Default for LivenessConfig {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(20),
            out_after: Duration::from_secs(600),
            reporters_min: 2,
        }
    }
}

/// What an OSD says when it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Boot {
    pub osd: OsdId,
    pub uuid: Fsid,
    pub addrs: OsdAddrs,
    /// The newest map that the OSD has.
    pub epoch: Epoch,
    pub metadata: Value,
    /// Kept in the map for clients of that OSD.
    pub features: u64,
    /// Interval of epochs in which the OSD last stopped cleanly: `[begin, end)`.
    pub last_clean: (Epoch, Epoch),
    /// Where it is in the CRUSH map: type name -> bucket name. Empty: leave it where it is.
    pub location: BTreeMap<String, String>,
    /// CRUSH weight if it has none yet, 1.0 = 1 TiB.
    pub weight: f64,
    /// Device class if it has none yet. Empty: leave it as it is.
    pub device_class: String,
}

/// Why a boot is refused. The OSD must not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootRefused {
    /// No OSD with this id was created.
    NotCreated,
    /// The id belongs to an OSD with another uuid.
    OtherUuid { expected: Fsid },
    /// The flag `noup` is set, for all or this one.
    NoUp,
    /// It needs an address.
    NoAddress,
}

/// Times of what was last heard.
#[derive(Debug, Default)]
pub struct Liveness {
    pub config: LivenessConfig,
    beacons: BTreeMap<u32, Instant>,
    down_since: BTreeMap<u32, Instant>,
    /// Boots of OSDs whose former incarnation goes down first.
    boots: BTreeMap<u32, Boot>,
    /// Failed OSD -> reporter -> since when it is silent.
    reports: BTreeMap<u32, BTreeMap<u32, Instant>>,
}

impl OsdService {
    /// Takes a boot. The OSD is up in the next epoch; if it is up already at other addresses it goes
    /// down first, so that everybody sees an interval end ([`OsdService::finish_boots`]).
    pub fn boot(&mut self, now: Now, boot: &Boot) -> Result<(), BootRefused> {
        let id = boot.osd;
        let i = id.0 as usize;
        let map = self.view();
        if !map.exists(id) {
            return Err(BootRefused::NotCreated);
        }
        let expected = map.uuid[i];
        if expected != Fsid::default() && expected != boot.uuid {
            return Err(BootRefused::OtherUuid { expected });
        }
        if map.has_flag(map_flags::NOUP) || map.state[i] & osd_state::NOUP != 0 {
            return Err(BootRefused::NoUp);
        }
        if boot.addrs.client.is_empty() || boot.addrs.cluster.is_empty() {
            return Err(BootRefused::NoAddress);
        }
        if map.is_up(id) {
            if map.addrs[i] != boot.addrs {
                self.mark_down(now, id);
                self.liveness.boots.insert(id.0, boot.clone());
            } else {
                self.liveness.beacons.insert(id.0, now.mono);
            }
            return Ok(());
        }
        let bring_in = !map.has_flag(map_flags::NOIN)
            && map.weight[i] == 0
            && map.state[i] & (osd_state::AUTOOUT | osd_state::NEW) != 0;
        self.liveness.beacons.insert(id.0, now.mono);
        self.liveness.reports.remove(&id.0);
        self.liveness.down_since.remove(&id.0);
        self.set_metadata(id.0, Some(boot.metadata.clone()));
        let map = self.edit();
        map.state[i] |= osd_state::UP;
        map.addrs[i] = boot.addrs.clone();
        map.uuid[i] = boot.uuid;
        map.xinfo[i].features = boot.features;
        map.last_up_change = now.wall;
        if boot.last_clean.1 > map.info[i].last_clean_end {
            map.info[i].last_clean_begin = boot.last_clean.0;
            map.info[i].last_clean_end = boot.last_clean.1;
        }
        if bring_in {
            let old = map.xinfo[i].old_weight;
            map.weight[i] = if old != 0 { old } else { WEIGHT_IN };
            map.last_in_change = now.wall;
        }
        if map.weight[i] != 0 {
            map.state[i] &= !(osd_state::AUTOOUT | osd_state::NEW);
            map.xinfo[i].old_weight = 0;
        }
        if !boot.location.is_empty() {
            self.create_or_move(id, boot.weight, &boot.location);
        }
        if !boot.device_class.is_empty() {
            self.set_first_class(id, &boot.device_class);
        }
        Ok(())
    }

    /// Takes the boots that waited for an epoch in which their OSD is down.
    pub fn finish_boots(&mut self, now: Now) {
        let ready: Vec<u32> =
            self.liveness.boots.keys().copied().filter(|o| !self.map.is_up(OsdId(*o))).collect();
        for osd in ready {
            if let Some(boot) = self.liveness.boots.remove(&osd) {
                // Refused only if the operator changed something in between; the OSD asks again.
                let _ = self.boot(now, &boot);
            }
        }
    }

    /// Puts an OSD where it says it is, unless it is there already; keeps its weight if it has one.
    fn create_or_move(&mut self, id: OsdId, weight: f64, location: &BTreeMap<String, String>) {
        let name = format!("osd.{}", id.0);
        let mut crush = self.crush_view().clone();
        if crate::placement::create_or_move(&mut crush, id.0 as i32, weight, &name, location)
            == Ok(true)
        {
            *self.edit_crush() = crush;
        }
    }

    /// Gives an OSD its device class unless it has one: what an operator has set stays.
    fn set_first_class(&mut self, id: OsdId, class: &str) {
        let id = id.0 as i32;
        if self.crush_view().device_class(id).is_some() {
            return;
        }
        let mut crush = self.crush_view().clone();
        // Fails for names that no class may have, and for an OSD that is nowhere in the hierarchy.
        if crush.set_device_class(id, class) == Ok(true) {
            *self.edit_crush() = crush;
        }
    }

    /// Marks one OSD down in the next epoch.
    pub fn mark_down(&mut self, now: Now, id: OsdId) {
        if !self.view().is_up(id) {
            return;
        }
        let map = self.edit();
        map.state[id.0 as usize] &= !osd_state::UP;
        map.last_up_change = now.wall;
        self.liveness.reports.remove(&id.0);
        self.liveness.down_since.insert(id.0, now.mono);
    }

    fn may_go_down(&self, id: OsdId) -> bool {
        let map = self.view();
        map.is_up(id)
            && !map.has_flag(map_flags::NODOWN)
            && map.state[id.0 as usize] & osd_state::NODOWN == 0
    }

    /// The OSD itself says that it stops. True: it will be down.
    pub fn on_mark_me_down(&mut self, now: Now, id: OsdId) -> bool {
        let goes = self.may_go_down(id);
        if goes {
            self.mark_down(now, id);
        }
        goes
    }

    pub fn on_beacon(&mut self, now: Now, id: OsdId) {
        self.liveness.beacons.insert(id.0, now.mono);
    }

    /// `reporter` has not heard `failed` for `silent`. `immediate`: its port refuses connections.
    /// Returns true if `failed` is marked down for it.
    pub fn on_failure_report(
        &mut self,
        now: Now,
        reporter: OsdId,
        failed: OsdId,
        silent: Duration,
        immediate: bool,
    ) -> bool {
        if !self.view().is_up(reporter) || !self.may_go_down(failed) || reporter == failed {
            return false;
        }
        let since = Instant(now.mono.0.saturating_sub(silent.as_nanos() as u64));
        let reports = self.liveness.reports.entry(failed.0).or_default();
        reports.entry(reporter.0).or_insert(since);
        if immediate || self.is_failed(now, failed) {
            self.mark_down(now, failed);
            return true;
        }
        false
    }

    /// `reporter` hears `osd` again.
    pub fn on_failure_withdrawn(&mut self, reporter: OsdId, osd: OsdId) {
        if let Some(reports) = self.liveness.reports.get_mut(&osd.0) {
            reports.remove(&reporter.0);
        }
    }

    fn is_failed(&self, now: Now, failed: OsdId) -> bool {
        let Some(reports) = self.liveness.reports.get(&failed.0) else { return false };
        let map = self.view();
        let others = map.osds().filter(|o| map.is_up(*o) && *o != failed).count();
        let grace = self.liveness.config.grace;
        let patient = reports
            .iter()
            .filter(|(r, since)| map.is_up(OsdId(**r)) && now.mono.since(**since) >= grace)
            .count();
        patient > 0 && patient >= self.liveness.config.reporters_min.min(others)
    }

    /// An OSD wants to be known alive in `epoch` (it starts to serve PGs of that interval).
    pub fn on_alive(&mut self, id: OsdId, epoch: Epoch) {
        let map = self.view();
        if map.is_up(id) && map.info[id.0 as usize].up_thru < epoch {
            // The promise is for the epoch that the OSD asked from, not for what comes later.
            let epoch = epoch.min(self.epoch());
            self.edit().info[id.0 as usize].up_thru = epoch;
        }
    }

    /// An OSD asks for other acting sets while it recovers; an empty one gives the PG back.
    pub fn on_pg_temp(&mut self, from: OsdId, wanted: &BTreeMap<PgId, Vec<i32>>) {
        let map = self.view();
        if !map.is_up(from) {
            return;
        }
        let change: Vec<_> = wanted
            .iter()
            .filter(|(pg, osds)| {
                map.pools.get(&pg.pool).is_some_and(|pool| pg.seed < pool.pg_num)
                    && osds.iter().all(|o| u32::try_from(*o).is_ok_and(|o| map.is_up(OsdId(o))))
                    && map.pg_temp.get(pg).map_or(&[][..], |v| v) != osds.as_slice()
            })
            .map(|(pg, osds)| (*pg, osds.clone()))
            .collect();
        for (pg, osds) in change {
            let temp = &mut self.edit().pg_temp;
            if osds.is_empty() {
                temp.remove(&pg)
            } else {
                temp.insert(pg, osds)
            };
        }
    }

    /// What time brings: silent OSDs go down, those long down go out, entries of the blocklist end.
    /// Returns lines for the cluster log.
    pub fn on_tick(&mut self, now: Now) -> Vec<String> {
        let mut lines = Vec::new();
        let map = self.map.clone();
        for id in map.osds() {
            if map.is_up(id) {
                let heard = *self.liveness.beacons.entry(id.0).or_insert(now.mono);
                let silent = now.mono.since(heard) >= self.liveness.config.grace;
                if (silent || self.is_failed(now, id)) && self.may_go_down(id) {
                    lines.push(format!("osd.{id} marked down after no beacon"));
                    self.mark_down(now, id);
                }
            } else {
                self.consider_out(now, id, &mut lines);
            }
        }
        let ended: Vec<_> = map
            .blocklist
            .iter()
            .filter(|(_, until)| **until <= now.wall)
            .map(|(a, _)| *a)
            .collect();
        for addr in ended {
            self.edit().blocklist.remove(&addr);
        }
        self.forget_useless_temps();
        lines
    }

    fn consider_out(&mut self, now: Now, id: OsdId, lines: &mut Vec<String>) {
        let since = *self.liveness.down_since.entry(id.0).or_insert(now.mono);
        let i = id.0 as usize;
        let map = self.view();
        let LivenessConfig { out_after, .. } = self.liveness.config;
        if map.is_out(id)
            || out_after.is_zero()
            || now.mono.since(since) < out_after
            || map.has_flag(map_flags::NOOUT)
            || map.state[i] & (osd_state::NOOUT | osd_state::NEW) != 0
        {
            return;
        }
        lines.push(format!(
            "Marking osd.{id} out (has been down for {} seconds)",
            out_after.as_secs()
        ));
        let map = self.edit();
        map.xinfo[i].old_weight = map.weight[i];
        map.weight[i] = 0;
        map.state[i] |= osd_state::AUTOOUT;
        map.last_in_change = now.wall;
    }

    /// pg_temp entries of pools that are gone, or that name nobody who is up.
    fn forget_useless_temps(&mut self) {
        let map = self.view();
        let alive = |o: &i32| u32::try_from(*o).is_ok_and(|o| map.is_up(OsdId(o)));
        let useless: BTreeSet<PgId> = map
            .pg_temp
            .iter()
            .filter(|(pg, osds)| !map.pools.contains_key(&pg.pool) || !osds.iter().any(alive))
            .map(|(pg, _)| *pg)
            .collect();
        for pg in useless {
            self.edit().pg_temp.remove(&pg);
        }
    }

    /// The addresses at which a session's OSD must be known, to tell an old incarnation's messages.
    pub fn is_current(&self, id: OsdId, addrs: &EntityAddrVec) -> bool {
        self.map.client_addrs(id).is_some_and(|known| known == addrs)
    }
}
