//! What OSDs say to the monitor, and tickets that are renewed on an open session.

use super::{Fx, Held, Monitor};
use crate::commands::errno;
use crate::osd_service::Boot;
use crate::pg_stats::OsdStat;
use maps::OsdAddrs;
use messenger::Message;
use messenger::auth::{AuthMethod, Mode, cephx};
use messenger::messages::internal::{self, kind};
use messenger::messages::{self, TypedMessage};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use types::enc::Encode;
use types::node::{ConnId, LogLevel};
use types::time::Now;
use types::{DecodeError, EntityKind};

impl Monitor {
    /// A message of an authenticated OSD's session. Those that speak for another OSD are dropped.
    pub(super) fn on_osd_message(
        &mut self,
        now: Now,
        conn: ConnId,
        msg: &Message,
        fx: &mut Fx,
    ) -> Result<(), DecodeError> {
        let Some(sender) = self.sessions[&conn].osd() else { return Ok(()) };
        match msg.kind {
            kind::OSD_BOOT => {
                let boot = internal::OsdBoot::from_message(msg)?;
                if boot.osd == sender {
                    self.on_boot(now, conn, boot, fx);
                }
            }
            kind::OSD_FAILURE => {
                let report = internal::OsdFailure::from_message(msg)?;
                if report.reporter == sender {
                    self.on_failure(now, report);
                }
            }
            kind::OSD_STATS => {
                let stats = internal::OsdStats::from_message(msg)?;
                if stats.osd == sender {
                    self.on_stats(now, conn, stats, fx);
                }
            }
            kind::MARK_DOWN => {
                let request = internal::MarkDown::from_message(msg)?;
                let map = self.services.osd.map();
                let current = map.info_of(sender).is_some_and(|i| i.up_from == request.up_from);
                if request.osd == sender {
                    if current {
                        self.services.osd.on_mark_me_down(now, sender);
                    }
                    self.hold(now, conn, Held::MarkedDown { osd: sender, tid: msg.tid }, fx);
                }
            }
            kind::ALIVE_REQUEST => {
                let request = internal::AliveRequest::from_message(msg)?;
                if request.osd == sender {
                    self.services.osd.on_alive(sender, request.up_thru);
                }
            }
            kind::PG_TEMP => {
                let request = internal::PgTemp::from_message(msg)?;
                if request.osd == sender {
                    let wanted: BTreeMap<_, _> = request
                        .pgs
                        .into_iter()
                        .map(|(pg, osds)| (pg, osds.iter().map(|o| o.0 as i32).collect()))
                        .collect();
                    self.services.osd.on_pg_temp(sender, &wanted);
                }
            }
            kind::ROTATING_KEYS_REQUEST => {
                let request = internal::RotatingKeysRequest::from_message(msg)?;
                self.on_rotating_keys(now, conn, request.service, msg.tid, fx);
            }
            other => self.log_line(LogLevel::Debug, format!("message {other:#x} ignored"), fx),
        }
        Ok(())
    }

    fn hold(&mut self, now: Now, conn: ConnId, held: Held, fx: &mut Fx) {
        if self.services.has_staged() {
            self.held.push((conn, held));
        } else {
            self.send_held(now, conn, held, fx);
        }
    }

    fn on_boot(&mut self, now: Now, conn: ConnId, boot: internal::OsdBoot, fx: &mut Fx) {
        let session = &self.sessions[&conn];
        // Where clients of ours find the core that serves a PG (docs/formats.md); strings, as Ceph's
        // metadata are.
        let shard_addrs: Vec<String> = boot.shard_addrs.iter().map(|a| a.to_string()).collect();
        let metadata = json!({
            "id": boot.osd.0,
            "hostname": boot.hostname,
            "ceph_version": boot.version,
            "ceph_release": "pacific",
            "front_addr": boot.public_addrs.to_string(),
            "back_addr": boot.cluster_addrs.to_string(),
            "hb_front_addr": boot.public_addrs.to_string(),
            "hb_back_addr": boot.cluster_addrs.to_string(),
            "osd_objectstore": "seastore",
            "default_device_class": boot.device_class,
            "bluestore_bdev_size": boot.space.total.to_string(),
            "kermes_store_shards": boot.store_shards.to_string(),
            "kermes_shard_addrs": shard_addrs.join(" "),
        });
        let weight = boot.space.total as f64 / (1u64 << 40) as f64;
        let boot = Boot {
            osd: boot.osd,
            uuid: boot.uuid,
            addrs: OsdAddrs {
                heartbeat_back: boot.cluster_addrs.clone(),
                heartbeat_front: boot.public_addrs.clone(),
                client: boot.public_addrs,
                cluster: boot.cluster_addrs,
            },
            epoch: boot.epoch,
            metadata,
            features: session.peer.features,
            last_clean: Default::default(),
            location: crate::placement::of_machine(&boot.hostname),
            // Ceph's smallest weight that is not zero when a device is far below 1 TiB.
            weight: (weight * 100_000.0).round() / 100_000.0,
            device_class: boot.device_class,
        };
        let osd = boot.osd;
        if let Err(refused) = self.services.osd.boot(now, &boot) {
            self.log_line(LogLevel::Warn, format!("boot of osd.{osd} refused: {refused:?}"), fx);
        }
    }

    fn on_failure(&mut self, now: Now, report: internal::OsdFailure) {
        let map = self.services.osd.map();
        let current =
            map.info_of(report.target).is_some_and(|i| i.up_from == report.target_up_from);
        if !current {
            return;
        }
        if report.alive {
            self.services.osd.on_failure_withdrawn(report.reporter, report.target);
            return;
        }
        let silent = Duration::from_millis(report.failed_for_ms);
        if self.services.osd.on_failure_report(now, report.reporter, report.target, silent, false) {
            let rank = types::EntityName::osd(report.reporter);
            let text =
                format!("osd.{} failed (reported by osd.{})", report.target, report.reporter);
            let id = report.reporter.to_string();
            let who = (EntityKind::Osd as u32, id.as_str());
            self.services.log.note(now.wall, who, rank, crate::log_service::priority::INFO, text);
        }
    }

    fn on_stats(&mut self, now: Now, conn: ConnId, stats: internal::OsdStats, fx: &mut Fx) {
        let map = self.services.osd.map().clone();
        let current = map.info_of(stats.osd).is_some_and(|i| i.up_from == stats.up_from);
        if current && map.is_up(stats.osd) {
            self.services.osd.on_beacon(now, stats.osd);
        }
        let stat = OsdStat {
            up_from: stats.up_from,
            sequence: stats.sequence,
            total: stats.space.total,
            used: stats.space.used,
            available: stats.space.available,
            commit_latency_us: stats.commit_latency_us,
            apply_latency_us: stats.apply_latency_us,
            slow: stats.slow,
        };
        self.services.stats.on_report(now.wall, stats.osd, stat, stats.pgs);
        // One who lags without following the map is told.
        let follows = self.sessions[&conn].subscriptions.contains_key("osdmap");
        if !follows && stats.epoch < map.epoch {
            for update in self.services.osd.updates_from(stats.epoch.next()) {
                self.send(now, conn, update.into_message(0), fx);
            }
        }
    }

    /// OSDs fetch the secrets of their own service, nothing else, and only where nobody else can
    /// read them.
    fn on_rotating_keys(&mut self, now: Now, conn: ConnId, service: u32, tid: u64, fx: &mut Fx) {
        if service != EntityKind::Osd as u32 {
            return;
        }
        let peer = &self.sessions[&conn].peer;
        if peer.mode != Mode::Secure {
            if peer.method == AuthMethod::Cephx {
                let text = format!("{} gets no secrets: not in secure mode", peer.auth_name);
                self.log_line(LogLevel::Warn, text, fx);
            }
            return;
        }
        let keys = self.services.auth.rotating(EntityKind::Osd).map_or(Vec::new(), |rotating| {
            rotating
                .secrets
                .iter()
                .map(|(id, secret)| internal::RotatingKey {
                    id: *id,
                    key: secret.key.to_vec().into(),
                    expires: secret.expires,
                })
                .collect()
        });
        let reply = internal::RotatingKeysReply { service, keys };
        self.send(now, conn, reply.into_message(tid), fx);
    }

    /// Tickets renewed on an open session.
    pub(super) fn on_auth(
        &mut self,
        now: Now,
        conn: ConnId,
        request: messages::Auth,
        tid: u64,
        fx: &mut Fx,
    ) {
        let peer = &self.sessions[&conn].peer;
        let global_id = peer.global_id;
        let payload = cephx::mon::answer_renewal(
            &mut self.services.auth,
            now.wall,
            &mut self.rng,
            (&peer.auth_name, global_id),
            peer.challenge,
            &request.payload,
        )
        .and_then(Result::ok);
        let reply = messages::AuthReply {
            protocol: request.protocol,
            result: if payload.is_some() { 0 } else { errno::EACCES },
            global_id,
            payload: payload.unwrap_or_default().into(),
            text: String::new(),
        };
        self.send(now, conn, reply.into_message(tid), fx);
    }

    /// Every OSD that is connected gets the secrets that have just been committed.
    pub(super) fn push_rotating_keys(&mut self, now: Now, fx: &mut Fx) {
        let osds: Vec<ConnId> =
            self.sessions.iter().filter(|(_, s)| s.osd().is_some()).map(|(c, _)| *c).collect();
        for conn in osds {
            self.on_rotating_keys(now, conn, EntityKind::Osd as u32, 0, fx);
        }
    }
}
