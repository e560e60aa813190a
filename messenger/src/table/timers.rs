//! What happens with time: handshakes, keepalives, dead and idle connections, redials, late ACKs.
//!
//! Timers are lazy: traffic does not move them, a timer that fires looks at what really happened.

use super::*;
use std::time::Duration;

/// How long a received message of a lossless session waits for a message to carry its ACK.
pub(super) const ACK_DELAY: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Transport(ConnId),
    Session(ConnId),
}

impl Messenger {
    pub(super) fn arm_transport(&mut self, conn: ConnId) {
        let Some(t) = self.transports.get(&conn) else { return };
        let limits = &self.config.limits;
        let at = if !t.link.is_ready() {
            t.opened_at + limits.handshake_timeout
        } else {
            let silence = t.heard_at + self.silence_max(t);
            match t.link.accepted() || limits.keepalive_interval.is_zero() {
                true => silence,
                false => silence.min(t.keepalive_at + limits.keepalive_interval),
            }
        };
        let t = self.transports.get_mut(&conn).expect("looked up");
        self.timers.remove(&(t.timer, Timer::Transport(conn)));
        t.timer = at;
        self.timers.insert((at, Timer::Transport(conn)));
    }

    /// How long a ready connection may be silent.
    fn silence_max(&self, t: &Transport) -> Duration {
        let limits = &self.config.limits;
        let lossless = t
            .session
            .and_then(|id| self.sessions.get(&id))
            .is_some_and(|s| s.policy == Policy::LosslessPeer);
        match (t.link.accepted() && !lossless, limits.keepalive_interval.is_zero()) {
            (true, _) => limits.idle_timeout,
            (false, false) => limits.dead_after,
            (false, true) => Duration::MAX,
        }
    }

    pub(super) fn arm_session(&mut self, id: ConnId) {
        let Some(s) = self.sessions.get_mut(&id) else { return };
        self.timers.remove(&(s.timer, Timer::Session(id)));
        s.timer = s.redial_at.min(s.ack_at);
        if s.timer != Instant::NEVER {
            self.timers.insert((s.timer, Timer::Session(id)));
        }
    }

    /// Dials again after a pause that doubles, up to a bound, with some chance in it so that two
    /// ends do not meet in the middle for ever.
    pub(super) fn schedule_redial(&mut self, now: Now, id: ConnId) {
        let limits = &self.config.limits;
        let s = self.sessions.get_mut(&id).expect("the caller looked it up");
        if s.target.is_none() || s.credentials.is_none() {
            return;
        }
        s.backoff = (s.backoff * 2).clamp(limits.backoff_min, limits.backoff_max);
        let share = self.rng.next_u32() % 50 + 75;
        s.redial_at = now.mono + s.backoff * share / 100;
        self.arm_session(id);
    }

    pub(super) fn on_tick<H>(
        &mut self,
        now: Now,
        events: &mut Vec<Event>,
        fx: &mut Vec<Effect<H>>,
    ) {
        while let Some((at, timer)) = self.timers.first().copied()
            && at <= now.mono
        {
            self.timers.remove(&(at, timer));
            match timer {
                Timer::Transport(conn) => self.on_transport_timer(now, conn, events, fx),
                Timer::Session(id) => self.on_session_timer(now, id, fx),
            }
        }
    }

    fn on_transport_timer<H>(
        &mut self,
        now: Now,
        conn: ConnId,
        events: &mut Vec<Event>,
        fx: &mut Vec<Effect<H>>,
    ) {
        let Some(t) = self.transports.get_mut(&conn) else { return };
        if !t.link.is_ready() {
            if t.opened_at + self.config.limits.handshake_timeout <= now.mono {
                self.fail(now, conn, CloseCause::Timeout("handshake"), events, fx);
            } else {
                self.arm_transport(conn);
            }
            return;
        }
        // Who does not read cannot call the peer silent.
        if t.parked.is_some() {
            t.heard_at = now.mono;
        }
        let t = &self.transports[&conn];
        if t.heard_at + self.silence_max(t) <= now.mono {
            self.fail(now, conn, CloseCause::Timeout("silence"), events, fx);
            return;
        }
        let interval = self.config.limits.keepalive_interval;
        let t = self.transports.get_mut(&conn).expect("looked up");
        let mut out = Vec::new();
        let mut outcome = Ok(());
        if !t.link.accepted() && !interval.is_zero() && t.keepalive_at + interval <= now.mono {
            t.keepalive_at = now.mono;
            outcome = t.link.send_keepalive(now, &mut out);
        }
        self.transmit(conn, &mut out, fx);
        match outcome {
            Ok(()) => self.arm_transport(conn),
            Err(why) => self.fail(now, conn, why, events, fx),
        }
    }

    fn on_session_timer<H>(&mut self, now: Now, id: ConnId, fx: &mut Vec<Effect<H>>) {
        let Some(s) = self.sessions.get_mut(&id) else { return };
        s.timer = Instant::NEVER;
        if s.ack_at <= now.mono {
            self.send_ack(id, fx);
        }
        let s = &self.sessions[&id];
        if s.redial_at <= now.mono {
            self.dial(now, id, fx);
        }
        self.arm_session(id);
    }
}
