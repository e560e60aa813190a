//! Sessions with OSDs: one for each core that operations go to, or one at the address in the map.

use super::cores::CoreBook;
use super::{Objecter, ObjecterEvent, Tid, log};
use maps::OsdMap;
use messenger::messages::Backoff;
use messenger::table::{Event, Messenger, Policy};
use std::time::Duration;
use types::node::{ConnId, Effect};
use types::time::Now;
use types::{EntityAddrVec, EntityKind, Epoch, Instant, OsdId, PgId};

/// Before an OSD that did not answer is dialled again, doubled up to the second value.
const REDIAL_MIN: Duration = Duration::from_millis(100);
const REDIAL_MAX: Duration = Duration::from_secs(5);
/// A core that is not ready by then is given up for the address in the map.
const CORE_PATIENCE: Duration = Duration::from_secs(1);

/// Where operations enter an OSD. All operations of one PG use one, so that they keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Door {
    pub osd: OsdId,
    /// The address where this core alone listens; `None`: the one in the map.
    pub core: Option<u16>,
}

#[derive(Debug)]
pub(super) struct Session {
    pub conn: Option<ConnId>,
    /// Of the boot of the OSD to which it belongs: what the map shows.
    addrs: EntityAddrVec,
    up_from: Epoch,
    pub backoffs: Vec<Backoff>,
    redial: Duration,
    pub redial_at: Instant,
    /// A core is to be ready by then.
    ready_by: Instant,
    is_ready: bool,
    /// It was reached, and does not let us in.
    is_refused: bool,
}

impl Session {
    fn new(addrs: EntityAddrVec, up_from: Epoch) -> Self {
        Self {
            conn: None,
            addrs,
            up_from,
            backoffs: Vec::new(),
            redial: REDIAL_MIN,
            redial_at: Instant::ZERO,
            ready_by: Instant::NEVER,
            is_ready: false,
            is_refused: false,
        }
    }

    fn is_of_boot(&self, map: &OsdMap, osd: OsdId) -> bool {
        map.client_addrs(osd) == Some(&self.addrs) && up_from(map, osd) == Some(self.up_from)
    }
}

/// The epoch from which an OSD has been up; `None` if it is not.
pub(super) fn up_from(map: &OsdMap, osd: OsdId) -> Option<Epoch> {
    map.info_of(osd).filter(|_| map.is_up(osd)).map(|info| info.up_from)
}

impl Objecter {
    /// Where operations of a PG enter its primary. `None` while the monitor is asked.
    pub(super) fn door(
        &mut self,
        now: Now,
        osd: OsdId,
        pg: PgId,
        out: &mut Vec<ObjecterEvent>,
    ) -> Option<Door> {
        let plain = Door { osd, core: None };
        let Some(book) = &mut self.cores else { return Some(plain) };
        let Some(up_from) = self.map.as_ref().and_then(|map| up_from(map, osd)) else {
            return Some(plain);
        };
        if book.must_ask(now, osd, up_from) {
            out.push(ObjecterEvent::AskMetadata { osd, up_from });
        }
        let conn = self.sessions.get(&plain).and_then(|session| session.conn);
        let ops = &self.ops;
        let is_idle = || conn.is_none() || ops.values().all(|op| op.sent != conn);
        book.core(now, osd, pg, is_idle).map(|core| Door { osd, core })
    }

    /// The session at `door`, opened if need be, and whether it was. `None` while it cannot be.
    pub(super) fn session<H>(
        &mut self,
        now: Now,
        door: Door,
        m: &mut Messenger,
        fx: &mut Vec<Effect<H>>,
    ) -> Option<(ConnId, bool)> {
        let map = self.map.as_ref()?;
        let addrs = map.client_addrs(door.osd)?;
        let up_from = up_from(map, door.osd)?;
        let auth = self.auth.clone()?;
        let session =
            self.sessions.entry(door).or_insert_with(|| Session::new(addrs.clone(), up_from));
        if let Some(conn) = session.conn {
            return Some((conn, false));
        }
        if now.mono < session.redial_at {
            return None;
        }
        let target = match (door.core, &self.cores) {
            (Some(core), Some(book)) => book.addrs_of(door.osd, core)?,
            _ => addrs,
        };
        let conn = m.connect(now, target, EntityKind::Osd, Policy::Lossy, auth, fx);
        session.addrs = addrs.clone();
        session.up_from = up_from;
        session.conn = Some(conn);
        (session.is_ready, session.is_refused) = (false, false);
        session.ready_by = match door.core {
            Some(_) => now.mono + CORE_PATIENCE,
            None => Instant::NEVER,
        };
        self.conns.insert(conn, door);
        Some((conn, true))
    }

    /// Sessions with OSDs that are down, gone, elsewhere now or have started again.
    pub(super) fn close_dead_sessions<H>(&mut self, m: &mut Messenger, fx: &mut Vec<Effect<H>>) {
        let Some(map) = &self.map else { return };
        if let Some(book) = &mut self.cores {
            book.keep(|osd| up_from(map, osd));
        }
        let mut dead = Vec::new();
        self.sessions.retain(|door, session| {
            let alive = session.is_of_boot(map, door.osd);
            if !alive {
                dead.extend(session.conn);
            }
            alive
        });
        dead.into_iter().for_each(|conn| self.close(conn, m, fx));
    }

    fn close<H>(&mut self, conn: ConnId, m: &mut Messenger, fx: &mut Vec<Effect<H>>) {
        self.conns.remove(&conn);
        m.close(conn, fx);
        self.recall_all_on(conn);
    }

    fn recall_all_on(&mut self, conn: ConnId) {
        let sent: Vec<Tid> =
            self.ops.iter().filter(|(_, op)| op.sent == Some(conn)).map(|(tid, _)| *tid).collect();
        sent.into_iter().for_each(|tid| self.recall(tid));
    }

    /// The connection of `door` is gone. Returns whether its operations go another way from now on.
    fn lost(&mut self, now: Now, door: Door) -> bool {
        let session = self.sessions.get_mut(&door).expect("a connection has a session");
        session.conn = None;
        session.backoffs.clear();
        session.redial_at = now.mono + session.redial;
        session.redial = (session.redial * 2).min(REDIAL_MAX);
        let is_core_silent = !session.is_ready && !session.is_refused;
        match (door.core, &mut self.cores) {
            (Some(core), Some(book)) if is_core_silent => {
                book.avoid(now, door.osd, core);
                self.sessions.remove(&door);
                true
            }
            _ => false,
        }
    }

    /// Takes an event of the messenger; returns it if no OSD session is concerned.
    pub fn on_event<H>(
        &mut self,
        now: Now,
        event: Event,
        m: &mut Messenger,
        out: &mut Vec<ObjecterEvent>,
        fx: &mut Vec<Effect<H>>,
    ) -> Option<Event> {
        match event {
            Event::Ready { conn, .. } if self.conns.contains_key(&conn) => {
                let door = self.conns[&conn];
                let session = self.sessions.get_mut(&door).expect("a connection has a session");
                session.redial = REDIAL_MIN;
                session.is_ready = true;
                if let (Some(core), Some(book)) = (door.core, &mut self.cores) {
                    book.answered(door.osd, core);
                }
            }
            Event::AuthFailed { conn, errno, .. } if self.conns.contains_key(&conn) => {
                let door = self.conns[&conn];
                let session = self.sessions.get_mut(&door).expect("a connection has a session");
                session.is_refused = true;
                log(fx, format!("osd.{} refused our ticket: errno {errno}", door.osd));
            }
            Event::Closed { conn, .. } if self.conns.contains_key(&conn) => {
                let door = self.conns.remove(&conn).expect("just seen");
                let elsewhere = self.lost(now, door);
                self.recall_all_on(conn);
                if elsewhere {
                    self.place_homeless(now, m, out, fx);
                }
            }
            Event::Message { conn, msg, charge, .. } if self.conns.contains_key(&conn) => {
                if let Err(e) = self.on_message(now, conn, &msg, m, out, fx) {
                    log(fx, format!("message {} of an OSD cannot be read: {e}", msg.kind));
                }
                m.release(conn, charge, fx);
            }
            other => return Some(other),
        }
        None
    }

    /// Answer to [`ObjecterEvent::AskMetadata`]: what the monitor said in JSON, `None` if it refused.
    #[allow(clippy::too_many_arguments)]
    pub fn on_metadata<H>(
        &mut self,
        now: Now,
        (osd, up_from): (OsdId, Epoch),
        text: Option<&[u8]>,
        m: &mut Messenger,
        out: &mut Vec<ObjecterEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        let addrs = self.map.as_ref().and_then(|map| map.client_addrs(osd));
        let (Some(book), Some(addrs)) = (&mut self.cores, addrs) else { return };
        if book.told(now, osd, up_from, text, addrs) {
            // Operations are under way at the map's address, and those that come now would overtake
            // them: all go again, in order, as after a reset.
            let plain = self.sessions.remove(&Door { osd, core: None });
            if let Some(conn) = plain.and_then(|session| session.conn) {
                self.close(conn, m, fx);
            }
        }
        self.place_homeless(now, m, out, fx);
    }

    /// When [`Objecter::sessions_tick`] is due.
    pub(super) fn sessions_deadline(&self) -> Instant {
        // A session is dialled for an operation that may go. One that waits for a map, a ticket or
        // room is placed when that comes: a dial that is overdue until then would keep us awake.
        let may_go = |tid: &Tid| !self.ops[tid].target.paused && !self.throttled.contains(tid);
        let wanted = |door: &Door| {
            self.auth.is_some()
                && self.map.as_ref().is_some_and(|map| map.client_addrs(door.osd).is_some())
                && self
                    .homeless
                    .iter()
                    .any(|tid| self.ops[tid].waits_at == Some(*door) && may_go(tid))
        };
        let due = |(door, session): (&Door, &Session)| match session.conn {
            None if wanted(door) => session.redial_at,
            Some(_) if !session.is_ready => session.ready_by,
            _ => Instant::NEVER,
        };
        let sessions = self.sessions.iter().map(due).min().unwrap_or(Instant::NEVER);
        sessions.min(self.cores.as_ref().map_or(Instant::NEVER, CoreBook::next_deadline))
    }

    pub(super) fn sessions_tick<H>(
        &mut self,
        now: Now,
        m: &mut Messenger,
        out: &mut Vec<ObjecterEvent>,
        fx: &mut Vec<Effect<H>>,
    ) {
        let mut go_on = self.cores.as_mut().is_some_and(|book| book.expire(now));
        let is_late = |s: &Session| !s.is_ready && s.ready_by <= now.mono;
        let late = self.sessions.iter().filter(|(_, session)| is_late(session));
        let late: Vec<(Door, ConnId)> = late.filter_map(|(d, s)| Some((*d, s.conn?))).collect();
        for (door, conn) in late {
            go_on |= self.lost(now, door);
            self.close(conn, m, fx);
        }
        let redial = |s: &Session| s.conn.is_none() && s.redial_at <= now.mono;
        go_on |= self.sessions.values().any(redial);
        if go_on && !self.homeless.is_empty() {
            self.place_homeless(now, m, out, fx);
        }
    }
}
