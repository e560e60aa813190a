//! What goes wrong in a world, drawn from its seed.

use crate::chance::Chance;
use crate::cluster::{Cluster, POOL};
use crate::operator::SharedReport;
use crate::workload::Habits;
use crate::world::{ProcessId, Weather};
use serde_json::{Value, json};
use std::time::Duration;
use types::node::LogLevel;
use types::zone::ZoneTraits;

/// A world's size, its clients' habits and its weather.
#[derive(Debug, Clone)]
pub struct Plan {
    pub osds: u32,
    /// Replicas.
    pub size: u32,
    pub shards: u16,
    pub disk_bytes: u64,
    /// One OSD in so many has a zoned disk instead, of about that size; where devices fill up, all
    /// OSDs of one world in so many.
    pub zoned_one_in: u64,
    pub zones: ZoneTraits,
    pub zone_count: u64,
    pub habits: Habits,
    pub weather: Weather,
    /// Longest calm between two misfortunes.
    pub calm_ms_max: u64,
    /// An operator changes the cluster meanwhile.
    changes: bool,
    /// One access to metadata in so many misses in the OSDs' stores; 0 for none.
    pub miss_one_in: u32,
    /// Of each store shard, for metadata.
    pub cache_bytes: usize,
    /// Each start of an OSD draws from one to so many.
    pub cores_max: u16,
    /// Clients look for the cores of OSDs, as ours do.
    pub to_cores: bool,
    /// Nothing goes wrong but that OSDs start again.
    pub only_restarts: bool,
}

impl Plan {
    pub fn draw(chance: &mut Chance) -> Self {
        let full = chance.once_in(5);
        let read_errors = chance.once_in(5);
        let habits = if full {
            Habits {
                objects: 200,
                bytes_max: 400_000,
                rest_max: Duration::from_millis(60),
                read_errors,
                full,
            }
        } else {
            Habits {
                objects: chance.within(3..12) as u32,
                bytes_max: *chance.pick(&[2_000, 20_000, 200_000]),
                rest_max: Duration::from_millis(*chance.pick(&[60, 200, 600])),
                read_errors,
                full,
            }
        };
        // Zones hold less than their size, and no power of two of blocks.
        let zone_bytes = if full { 2 << 20 } else { 4 << 20 };
        let zones = ZoneTraits {
            bytes: zone_bytes,
            capacity: zone_bytes / 2 + (300 << 10),
            // As small devices have it; mkfs asks for six in each shard.
            active_max: 14,
        };
        Self {
            osds: *chance.pick(&[3, 3, 4, 5]),
            size: *chance.pick(&[3, 3, 3, 2]),
            shards: if full { 1 } else { *chance.pick(&[1, 2]) },
            disk_bytes: if full { 36 << 20 } else { 256 << 20 },
            zoned_one_in: 4,
            zones,
            zone_count: if full { 31 } else { 100 },
            habits,
            weather: Weather {
                net_delay: Duration::from_micros(chance.within(100..20_000)),
                break_once_in: *chance.pick(&[0, 0, 400, 100]),
                disk_delay: Duration::from_micros(chance.within(50..10_000)),
                read_error_once_in: if read_errors { *chance.pick(&[20, 200]) } else { 0 },
            },
            calm_ms_max: *chance.pick(&[300, 1_500, 6_000, 20_000]),
            changes: chance.once_in(2),
            miss_one_in: if chance.once_in(3) { *chance.pick(&[1, 4, 40]) } else { 0 },
            // So little that pages come and go, or all that there is.
            cache_bytes: if chance.once_in(2) { 128 << 10 } else { 64 << 20 },
            cores_max: 1,
            to_cores: true,
            only_restarts: false,
        }
    }

    /// Something bad happens.
    pub(crate) fn misfortune(&self, c: &mut Cluster, report: &SharedReport) {
        if self.only_restarts {
            let victim = some_osd(c);
            return c.crash(victim);
        }
        match c.world.chance.within(0..18) {
            0..4 => {
                let victim = some_osd(c);
                c.crash(victim);
            }
            4 => c.crash(c.mon),
            5 => power_cut(c),
            6 => burst(c),
            7 => {
                // The monitor and some OSDs.
                c.crash(c.mon);
                for _ in 0..c.world.chance.within(1..3) {
                    let victim = some_osd(c);
                    c.crash(victim);
                }
            }
            8..10 => {
                let victim = some_osd(c);
                let pause = Duration::from_millis(c.world.chance.within(50..15_000));
                c.world.note(victim, LogLevel::Info, &format!("stands still for {pause:?}"));
                c.world.pause(victim, pause);
            }
            10..12 => {
                let (a, b) = (some_osd(c), some_osd(c));
                if a != b {
                    c.world.cut.insert((a, b));
                    if c.world.chance.once_in(2) {
                        c.world.cut.insert((b, a));
                    }
                }
            }
            12 => {
                let a = some_osd(c);
                let mon = c.mon;
                let way = if c.world.chance.once_in(2) { (a, mon) } else { (mon, a) };
                c.world.cut.insert(way);
            }
            13 => c.world.cut.clear(),
            14 => c.world.break_all_links(),
            15 => c.world.half_open_links(),
            _ if self.changes => self.change(c, report),
            _ => {}
        }
    }

    /// The operator changes something.
    fn change(&self, c: &mut Cluster, report: &SharedReport) {
        let chance = &mut c.world.chance;
        let osd = chance.within(0..self.osds as u64);
        let order = match chance.within(0..6) {
            0..2 => json!({ "prefix": "osd out", "ids": [osd.to_string()] }),
            2 => json!({ "prefix": "osd in", "ids": [osd.to_string()] }),
            3 => pool_size(chance.within(2..4)),
            4 => json!({ "prefix": "osd down", "ids": [osd.to_string()] }),
            _ => json!({
                "prefix": "config set", "who": "osd", "name": "osd_max_backfills",
                "value": chance.within(1..9).to_string(),
            }),
        };
        let mut report = report.borrow_mut();
        if report.orders.len() < 4 {
            report.orders.push_back(order);
        }
    }

    /// Undoes what the operator has changed.
    pub(crate) fn restore(&self, report: &SharedReport) {
        if !self.changes {
            return;
        }
        let mut report = report.borrow_mut();
        report.orders.clear();
        for osd in 0..self.osds {
            report.orders.push_back(json!({ "prefix": "osd in", "ids": [osd.to_string()] }));
        }
        report.orders.push_back(pool_size(self.size as u64));
    }
}

fn pool_size(size: u64) -> Value {
    json!({ "prefix": "osd pool set", "pool": POOL, "var": "size", "val": size.to_string() })
}

fn some_osd(c: &mut Cluster) -> ProcessId {
    c.osds[c.world.chance.within(0..c.osds.len() as u64) as usize].host
}

/// Power fails everywhere.
fn power_cut(c: &mut Cluster) {
    for index in 0..c.osds.len() {
        c.crash(c.osds[index].host);
    }
    c.crash(c.mon);
}

/// OSDs crash and start in quick succession, so that some crash while they peer.
fn burst(c: &mut Cluster) {
    for _ in 0..c.world.chance.within(2..8) {
        let victim = some_osd(c);
        c.crash(victim);
        if c.world.chance.once_in(3) {
            let other = some_osd(c);
            c.crash(other);
        }
        let gap = Duration::from_millis(c.world.chance.within(0..300));
        c.world.run_for(gap);
        c.restart_some(1);
        // Long enough to boot, and for some to have begun to agree.
        let gap = Duration::from_millis(c.world.chance.within(0..1_500));
        c.world.run_for(gap);
    }
}
