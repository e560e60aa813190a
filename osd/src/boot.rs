//! Core 0 and the monitor: maps, tickets, boot, statistics, and the way out.
//!
//! Start: every core mounts its shards; then the stored map is taken up and maps since then are
//! asked for; when the newest is here, OSD_BOOT goes out until a map shows this OSD as up at its
//! address. A map that shows it as down (marked wrongly, or while it was away) begins that anew.

use crate::core_stats::{self, CoreStats};
use crate::node::{Fx, OsdHop, OsdNode, log};
use crate::observe::Average;
use crate::pg::{MapView, PgState};
use bytes::Bytes;
use messenger::message::Message;
use messenger::messages::internal::{
    MarkDown, OsdBoot, OsdStats, PgStat, RotatingKeysReply, RotatingKeysRequest, Space, kind,
    pg_state,
};
use messenger::messages::{ObjectStatSum, OsdMapUpdate, SubscribeItem, TypedMessage};
use messenger::mon_client::MonEvent;
use messenger::table::Event;
use seastore::{Transaction, TxnOp};
use std::rc::Rc;
use std::time::Duration;
use types::node::{CoreId, Effect, LogLevel};
use types::time::Now;
use types::{EntityKind, Epoch, Fsid, HObject, Instant, OsdId, PoolId, SnapId, features};

const BOOT_AGAIN: Duration = Duration::from_secs(1);
const STATS_EVERY: Duration = Duration::from_secs(5);
const STATS_ALL_EVERY: Duration = Duration::from_secs(60);
/// The map is stored so often while it changes.
const STORE_MAP_EVERY: Duration = Duration::from_secs(5);
/// The process's exit code when the device is not this cluster's OSD.
const EXIT_NOT_OURS: i32 = 1;
/// For the monitor's answer before the process ends. The driver may take 0.8 s more to send what
/// is queued, and a daemon that is told to stop has two.
const STOP_WAIT: Duration = Duration::from_millis(700);
const KEYS_RETRY: Duration = Duration::from_secs(2);

pub(crate) const MAP_KEY: &[u8] = b"osdmap";

#[derive(Debug, Default)]
pub struct Boot {
    started: bool,
    /// The newest epoch that the monitor spoke of.
    newest: Epoch,
    sent_at: Option<Instant>,
    was_up: bool,
    stored: Epoch,
    store_at: Instant,
    keys_at: Instant,
    /// Going down: the process ends by then, with this code.
    stop_at: Option<Instant>,
    exit_code: i32,
    down_acked: bool,
}

/// Holds what belongs to the OSD and not to a PG; in the first shard.
pub(crate) fn osd_object() -> HObject {
    HObject { pool: PoolId(-1), name: "osd".into(), snap: SnapId(0), ..HObject::min() }
}

impl OsdNode {
    /// Every shard of one more core is mounted.
    pub(crate) fn on_core_mounted(&mut self, now: Now, fx: &mut Fx) {
        let cores = self.config.cores;
        let Some(leader) = &mut self.leader else { return };
        leader.cores_mounted += 1;
        if leader.cores_mounted < cores || leader.boot.started {
            return;
        }
        leader.boot.started = true;
        if let Some(bytes) = self.shards[0].take_stored_map() {
            self.to_others(fx, || OsdHop::StoredMap(bytes.clone()));
            self.on_stored_map(&bytes, fx);
        }
        let epoch = self.history.epoch();
        let Some(leader) = &mut self.leader else { return };
        leader.boot.stored = epoch;
        // From the stored map on; without one, the newest full map.
        let start = if epoch.0 == 0 { 0 } else { epoch.0 as u64 + 1 };
        let item = SubscribeItem { start, once: false };
        leader.mon.subscribe(now, &mut self.messenger, "osdmap", item, fx);
        leader.mon.start(now, &mut self.messenger, fx);
    }

    pub(crate) fn send_mon(&mut self, now: Now, message: Message, fx: &mut Fx) -> bool {
        let Some(leader) = &mut self.leader else { return false };
        leader.mon.send(now, &mut self.messenger, message, fx)
    }

    /// Gives the monitor's events to the mon client.
    pub(crate) fn leader_event(&mut self, now: Now, event: Event, fx: &mut Fx) -> Option<Event> {
        let Some(leader) = &mut self.leader else { return Some(event) };
        let mut out = Vec::new();
        let left = leader.mon.on_event(now, &mut self.messenger, event, &mut out, fx);
        for event in out {
            self.on_mon(now, event, fx);
        }
        left
    }

    fn on_mon(&mut self, now: Now, event: MonEvent, fx: &mut Fx) {
        match event {
            MonEvent::Ready { .. } => {
                self.ask_keys(now, fx);
                if let Some(leader) = &mut self.leader {
                    leader.boot.sent_at = None;
                }
                self.stats_full_at = Instant::ZERO;
                self.stats_at = now.mono;
                self.try_boot(now, fx);
            }
            MonEvent::Tickets => {
                let Some(leader) = &mut self.leader else { return };
                if let Some(auth) = leader.mon.service_auth(EntityKind::Osd) {
                    self.to_others(fx, || OsdHop::Credentials(Box::new(auth.clone())));
                    self.set_credentials(auth);
                }
            }
            MonEvent::OsdMap(update) => self.on_osd_maps(now, update, fx),
            MonEvent::AuthFailed { errno } => {
                let text = format!("the monitor refuses osd.{}: errno {errno}", self.me);
                log(fx, LogLevel::Error, text);
            }
            MonEvent::Config(update) => {
                self.to_others(fx, || OsdHop::Options(update.options.clone()));
                self.on_options(&update.options);
            }
            MonEvent::Other(message) => self.on_mon_message(now, message, fx),
            _ => {}
        }
    }

    fn on_mon_message(&mut self, now: Now, message: Message, fx: &mut Fx) {
        match message.kind {
            kind::ROTATING_KEYS_REPLY => {
                let Ok(reply) = RotatingKeysReply::from_message(&message) else { return };
                if !self.auth.take(&reply) {
                    log(fx, LogLevel::Error, "a rotating key cannot be read".into());
                    return;
                }
                let left = self.auth.expires.to_duration().saturating_sub(now.wall.to_duration());
                let wait = (left / 2).clamp(Duration::from_secs(5), Duration::from_secs(600));
                if let Some(leader) = &mut self.leader {
                    leader.boot.keys_at = now.mono + wait;
                }
                self.to_others(fx, || OsdHop::Secrets(Box::new(reply.clone())));
                self.try_boot(now, fx);
            }
            kind::MARK_DOWN_ACK => {
                if let Some(leader) = &mut self.leader {
                    leader.boot.down_acked = true;
                }
                self.try_exit(now, fx);
            }
            _ => {}
        }
    }

    fn ask_keys(&mut self, now: Now, fx: &mut Fx) {
        if !self.auth.cephx {
            return;
        }
        if let Some(leader) = &mut self.leader {
            leader.boot.keys_at = now.mono + KEYS_RETRY;
        }
        let request = RotatingKeysRequest { service: EntityKind::Osd as u32 };
        self.send_mon(now, request.into_message(0), fx);
    }

    /// Why the store is not the one that the cluster knows under this OSD's number, if it is not.
    /// `/etc/ceph/ceph.conf` need not name the cluster, so a device may come as far as here.
    fn stranger(&self, update: &OsdMapUpdate) -> Option<String> {
        let sb = &self.config.superblock;
        if update.fsid != sb.cluster {
            let (ours, theirs) = (sb.cluster, update.fsid);
            return Some(format!("the store belongs to cluster {ours}, the monitor to {theirs}"));
        }
        let map = self.history.map()?;
        let known = *map.uuid.get(self.me.0 as usize)?;
        let ours = sb.osd_uuid;
        (map.exists(self.me) && known != Fsid::default() && known != ours)
            .then(|| format!("the cluster knows osd.{} as {known}, the store is {ours}", self.me))
    }

    fn on_osd_maps(&mut self, now: Now, update: OsdMapUpdate, fx: &mut Fx) {
        if let Some(why) = self.stranger(&update) {
            return Self::leave(why, fx);
        }
        let message = update.clone().into_message(0);
        self.to_others(fx, || OsdHop::Maps(message.clone()));
        let whole = self.apply_maps(now, &update, fx);
        if let Some(why) = self.stranger(&update) {
            return Self::leave(why, fx);
        }
        let epoch = self.history.epoch();
        let booted = self.booted();
        let Some(leader) = &mut self.leader else { return };
        leader.boot.newest = leader.boot.newest.max(update.newest);
        if whole {
            leader.mon.got("osdmap", epoch.0 as u64);
        } else {
            let item = SubscribeItem { start: 0, once: false };
            leader.mon.subscribe(now, &mut self.messenger, "osdmap", item, fx);
        }
        let was_up = std::mem::replace(&mut leader.boot.was_up, booted);
        if booted && !was_up {
            leader.boot.sent_at = None;
            log(fx, LogLevel::Info, format!("osd.{} is up at epoch {epoch}", self.me));
            self.stats_soon = true;
        } else if !booted && was_up {
            log(fx, LogLevel::Warn, format!("map {epoch} shows osd.{} as down", self.me));
        }
        self.try_boot(now, fx);
        self.store_map(now, false);
        self.heartbeat_tick(now, fx);
        self.try_exit(now, fx);
    }

    fn leave(why: String, fx: &mut Fx) {
        log(fx, LogLevel::Error, why);
        fx.push(Effect::Exit { code: EXIT_NOT_OURS });
    }

    fn try_boot(&mut self, now: Now, fx: &mut Fx) {
        let booted = self.booted();
        let epoch = self.history.epoch();
        let space = self.all_stats().space;
        let Some(leader) = &mut self.leader else { return };
        let boot = &mut leader.boot;
        let due = boot.sent_at.is_none_or(|at| now.mono.since(at) >= BOOT_AGAIN);
        if booted || !due || boot.stop_at.is_some() || epoch.0 == 0 || epoch < boot.newest {
            return;
        }
        if !self.auth.has_keys() || !leader.mon.is_ready() {
            return;
        }
        boot.sent_at = Some(now.mono);
        let message = OsdBoot {
            osd: self.me,
            uuid: self.config.superblock.osd_uuid,
            public_addrs: self.config.addrs.clone(),
            cluster_addrs: self.config.addrs.clone(),
            shard_addrs: self.config.core_addrs.clone(),
            epoch,
            features: features::PACIFIC,
            store_shards: self.config.superblock.shards as u32,
            space,
            hostname: self.config.hostname.clone(),
            version: self.config.version.clone(),
            device_class: self.config.device_class.clone(),
        };
        self.send_mon(now, message.into_message(0), fx);
    }

    /// Stores the newest map, so that a restart asks only for what came since.
    fn store_map(&mut self, now: Now, at_once: bool) {
        let Some(map) = self.history.map().cloned() else { return };
        let Some(leader) = &mut self.leader else { return };
        let boot = &mut leader.boot;
        if map.epoch == boot.stored || (!at_once && now.mono < boot.store_at) {
            return;
        }
        boot.stored = map.epoch;
        boot.store_at = now.mono + STORE_MAP_EVERY;
        let o = Rc::new(osd_object());
        let pairs = vec![(Bytes::from_static(MAP_KEY), Bytes::from(map.encode()))];
        self.shards[0].submit_raw(Transaction::from(vec![TxnOp::OmapSet { o, pairs }]));
    }

    pub(crate) fn leader_tick(&mut self, now: Now, fx: &mut Fx) {
        if now.mono >= self.stats_at {
            self.send_stats(now, fx);
        }
        let Some(leader) = &mut self.leader else { return };
        let mut out = Vec::new();
        if now.mono >= leader.mon.next_deadline() {
            leader.mon.on_tick(now, &mut self.messenger, &mut out, fx);
        }
        let keys_due = leader.mon.is_ready() && now.mono >= leader.boot.keys_at;
        for event in out {
            self.on_mon(now, event, fx);
        }
        if keys_due {
            self.ask_keys(now, fx);
        }
        self.try_boot(now, fx);
        self.store_map(now, false);
        self.heartbeat_tick(now, fx);
        self.try_exit(now, fx);
    }

    pub(crate) fn own_space(&self) -> Space {
        let mut space = Space::default();
        for shard in self.shards.iter().filter(|s| s.is_mounted()) {
            let s = shard.store().statfs();
            space.total += s.total;
            space.used += s.used;
            space.available += s.available;
        }
        space
    }

    /// This core's, with what became durable since it was asked last.
    fn own_stats(&mut self, now: Now) -> CoreStats {
        let mut commits = Average::default();
        let mut slow = self.slow_parked(now.mono);
        for shard in &mut self.shards {
            commits.merge(&shard.commits());
            slow.merge(shard.slow_ops(now.mono));
        }
        let before = std::mem::replace(&mut self.commits_before, commits);
        CoreStats { space: self.own_space(), slow, commits: core_stats::since(commits, before) }
    }

    /// Of all cores, as they said last.
    fn all_stats(&self) -> CoreStats {
        let mut sum = CoreStats::default();
        for core in self.leader.iter().flat_map(|l| l.core_stats.values()) {
            sum.merge(core);
        }
        sum
    }

    fn send_stats(&mut self, now: Now, fx: &mut Fx) {
        self.stats_at = now.mono + STATS_EVERY;
        if !self.booted() {
            return;
        }
        let all = now.mono >= self.stats_full_at;
        if all {
            self.stats_full_at = now.mono + STATS_ALL_EVERY;
        }
        let mut pgs = Vec::new();
        self.each_shard(now, fx, |shard, _, view, out| {
            let due = |s: &crate::shard::PgSlot| s.pg.is_primary() && (all || s.changed);
            let ids: Vec<_> = shard.pgs.iter().filter(|(_, s)| due(s)).map(|(id, _)| *id).collect();
            for id in ids {
                let (objects, bytes) = shard.count(view, id, out);
                if let Some(slot) = shard.pgs.get_mut(&id) {
                    slot.changed = !slot.is_counted();
                    pgs.push(pg_stat(slot, objects, bytes, now, view.epoch()));
                }
            }
        });
        let core = self.own_stats(now);
        if let Some(leader) = &mut self.leader {
            leader.core_stats.insert(self.config.core, core);
            self.send_core_stats(now, pgs, fx);
        } else {
            fx.push(Effect::Hop { to: CoreId(0), msg: OsdHop::Stats { pgs, core } });
        }
    }

    pub(crate) fn on_core_stats(
        &mut self,
        now: Now,
        from: CoreId,
        pgs: Vec<PgStat>,
        core: CoreStats,
        fx: &mut Fx,
    ) {
        if let Some(leader) = &mut self.leader {
            leader.core_stats.insert(from, core);
        }
        if !pgs.is_empty() {
            self.send_core_stats(now, pgs, fx);
        }
    }

    fn send_core_stats(&mut self, now: Now, pgs: Vec<PgStat>, fx: &mut Fx) {
        let up_from =
            self.view.as_ref().and_then(|v| v.map.info_of(self.me)).map_or(Epoch(0), |i| i.up_from);
        let all = self.all_stats();
        let Some(leader) = &mut self.leader else { return };
        leader.stats_sequence += 1;
        let stats = OsdStats {
            osd: self.me,
            epoch: self.history.epoch(),
            up_from,
            sequence: leader.stats_sequence,
            space: all.space,
            // What is applied is durable, as with BlueStore.
            commit_latency_us: all.commit_latency_us(),
            apply_latency_us: all.commit_latency_us(),
            pgs,
            slow: all.slow,
        };
        if !self.send_mon(now, stats.into_message(0), fx) {
            self.stats_full_at = Instant::ZERO;
        }
    }

    pub(crate) fn on_stop(&mut self, now: Now, fx: &mut Fx) {
        if !self.device_failed {
            self.store_map(now, true);
        }
        self.go_down(now, 0, fx);
    }

    /// Tells the monitor, so that the map changes at once and not when peers miss the heartbeats,
    /// and ends the process with the highest `code` of all calls when it has answered, at the
    /// latest after [`STOP_WAIT`].
    pub(crate) fn go_down(&mut self, now: Now, code: i32, fx: &mut Fx) {
        let up_from =
            self.view.as_ref().and_then(|v| v.map.info_of(self.me)).map_or(Epoch(0), |i| i.up_from);
        let booted = self.booted();
        let epoch = self.history.epoch();
        let Some(leader) = &mut self.leader else { return };
        leader.boot.exit_code = leader.boot.exit_code.max(code);
        if leader.boot.stop_at.is_some() {
            self.try_exit(now, fx);
            return;
        }
        leader.boot.stop_at = Some(now.mono + STOP_WAIT);
        let told = booted && {
            let message = MarkDown { osd: self.me, epoch, up_from };
            self.send_mon(now, message.into_message(0), fx)
        };
        if let Some(leader) = &mut self.leader {
            leader.boot.down_acked = !told;
        }
        self.wake_at(now.mono + Duration::from_millis(20));
        self.try_exit(now, fx);
    }

    fn try_exit(&mut self, now: Now, fx: &mut Fx) {
        // What a failed device has not finished, it never will.
        let quiet = self.device_failed || self.shards.iter().all(|s| s.is_quiet());
        let Some(leader) = &mut self.leader else { return };
        let Some(stop_at) = leader.boot.stop_at else { return };
        if (leader.boot.down_acked && quiet) || now.mono >= stop_at {
            fx.push(Effect::Exit { code: leader.boot.exit_code });
        } else {
            self.wake_at(now.mono + Duration::from_millis(20));
        }
    }
}

fn pg_stat(
    slot: &crate::shard::PgSlot,
    objects: u64,
    bytes: u64,
    now: Now,
    epoch: Epoch,
) -> PgStat {
    let pg = &slot.pg;
    let mapping = pg.mapping();
    let osds =
        |set: &[crate::pg::interval::Member]| -> Vec<OsdId> { set.iter().map(|m| m.osd).collect() };
    let state = match pg.state() {
        PgState::ActiveClean => pg_state::ACTIVE | pg_state::CLEAN,
        PgState::Undersized => pg_state::UNDERSIZED | pg_state::DEGRADED | pg_state::PEERED,
        PgState::Down => pg_state::DOWN,
        PgState::Recovering => pg_state::PEERED | pg_state::RECOVERING,
        PgState::Peering | PgState::Replica => pg_state::PEERING,
    };
    let copies = mapping.size as u64;
    let missing = copies.saturating_sub(mapping.acting.len() as u64) * objects;
    PgStat {
        pgid: pg.id(),
        state,
        state_since_sec: slot.state_since.sec,
        version: pg.log().head(),
        reported_epoch: epoch,
        reported_sequence: now.mono.0 / 1_000_000,
        last_clean_epoch: if pg.is_active() { epoch } else { pg.last_started() },
        interval_first: pg.since(),
        log_entries: pg.log().len() as u64,
        up: osds(&mapping.up),
        acting: osds(&mapping.acting),
        up_primary: mapping.up.first().map(|m| m.osd),
        acting_primary: mapping.primary,
        sum: ObjectStatSum {
            num_objects: objects as i64,
            num_bytes: bytes as i64,
            num_rd: slot.reads as i64,
            num_rd_kb: (slot.read_bytes >> 10) as i64,
            num_wr: slot.writes as i64,
            num_wr_kb: (slot.write_bytes >> 10) as i64,
            num_objects_degraded: missing as i64,
            ..ObjectStatSum::default()
        },
        stored_bytes: bytes,
    }
}
