//! Sessions that last: tickets are renewed, secrets rotate, and a lost session is found again.

use crate::world::{OSD, World};
use messenger::auth::cephx::authorizer::{self, Authorizer, Checked};
use messenger::auth::{ClientAuth, Mode, Ticket};
use messenger::messages::TypedMessage;
use messenger::messages::internal::{RotatingKeysReply, RotatingKeysRequest, kind};
use messenger::mon_client::MonEvent;
use osd::auth::OsdAuth;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use std::time::Duration;
use types::enc::Encode;

const HOUR: Duration = Duration::from_secs(3600);

fn osd_ticket(w: &World, peer: usize) -> (u64, Ticket) {
    match w.peers[peer].mon.service_auth(OSD) {
        Some(ClientAuth::Ticket { global_id, ticket, .. }) => (global_id, ticket),
        other => panic!("{other:?}"),
    }
}

fn lost(w: &World, peer: usize) -> usize {
    let is = |e: &MonEvent| matches!(e, MonEvent::Lost);
    w.heard.iter().filter(|(p, e)| *p == peer && is(e)).count()
}

#[test]
fn service_tickets_are_renewed_at_half_life_on_the_open_session() {
    let mut w = World::new(1);
    let peer = w.add_client();
    let (id, first) = osd_ticket(&w, peer);
    w.after(HOUR / 2 - Duration::from_secs(5));
    assert_eq!(osd_ticket(&w, peer), (id, first.clone()), "not before half its life");
    w.heard.clear();
    w.after(Duration::from_secs(10));
    let (same, second) = osd_ticket(&w, peer);
    assert_eq!(same, id);
    assert_ne!(second, first);
    assert!(second.expires >= w.now.wall + (HOUR - Duration::from_secs(10)));
    assert!(matches!(w.heard[..], [(0, MonEvent::Tickets)]), "{:?}", w.heard);
}

#[test]
fn the_auth_ticket_is_renewed_on_the_open_session() {
    let mut w = World::new(1);
    let peer = w.add_follower();
    let id = w.peers[peer].mon.global_id();
    w.heard.clear();
    // Three times its life, with ten renewals of the others in each.
    for hour in 0..9 * 24 {
        w.after(HOUR);
        let (same, ticket) = osd_ticket(&w, peer);
        assert_eq!(same, id);
        assert!(ticket.expires > w.now.wall, "hour {hour}");
    }
    assert!(w.heard.iter().all(|(_, e)| matches!(e, MonEvent::Tickets)), "no session was lost");
    // It is still good for a new session under the same id.
    w.crash_monitor();
    w.start_monitor();
    w.after(Duration::from_secs(3));
    assert_eq!(lost(&w, peer), 1);
    assert_eq!(w.peers[peer].mon.global_id(), id);
    assert!(w.peers[peer].mon.is_ready());
}

/// The validity of tickets is an option, of the file or central, as in Ceph.
#[test]
fn the_configuration_says_how_long_tickets_are_good() {
    let mut w = World::new(1);
    let set =
        r#"{"prefix":"config set","who":"mon","name":"auth_service_ticket_ttl","value":"60"}"#;
    let admin = w.add_client();
    assert_eq!(w.command(admin, set).0, 0);
    let peer = w.add_client();
    let expires = osd_ticket(&w, peer).1.expires;
    assert_eq!(expires, w.now.wall + Duration::from_secs(60));
    w.after(Duration::from_secs(600));
    assert!(osd_ticket(&w, peer).1.expires > w.now.wall);
    assert_eq!(lost(&w, peer), 0);
}

/// A monitor that does not answer a renewal is asked again; one that refuses is left for a new session.
#[test]
fn a_renewal_that_is_refused_ends_in_a_new_session() {
    let mut w = World::new(1);
    let admin = w.add_client();
    let peer = w.add_as("osd.0", vec![Mode::Secure]);
    w.command(admin, r#"{"prefix":"auth rm","entity":"osd.0"}"#);
    w.after(HOUR * 40);
    assert!(lost(&w, peer) > 0);
    assert!(w.heard.iter().any(|(p, e)| *p == peer && matches!(e, MonEvent::AuthFailed { .. })));
    assert!(!w.peers[peer].mon.is_ready());
    assert_eq!(lost(&w, admin), 0);
}

// Secrets on the side of OSDs.

/// What an OSD has: a session of its own, and what the monitor told it.
struct Service {
    peer: usize,
    auth: OsdAuth,
    rng: ChaCha12Rng,
}

impl Service {
    fn new(w: &mut World) -> Self {
        let peer = w.add_as("osd.0", vec![Mode::Secure]);
        let mut service =
            Self { peer, auth: OsdAuth::new(true), rng: ChaCha12Rng::from_seed([3; 32]) };
        service.ask(w);
        service.listen(w);
        assert!(service.auth.has_keys());
        service
    }
    fn ask(&self, w: &mut World) {
        let request = RotatingKeysRequest { service: OSD as u32 };
        w.send(self.peer, request.into_message(0));
        w.run();
    }
    /// Takes what the monitor has sent, asked or not.
    fn listen(&mut self, w: &mut World) {
        for (peer, event) in w.heard.drain(..) {
            if let (true, MonEvent::Other(msg)) = (peer == self.peer, event)
                && msg.kind == kind::ROTATING_KEYS_REPLY
            {
                let reply = RotatingKeysReply::from_message(&msg).expect("keys");
                assert_eq!(reply.keys.len(), 3, "previous, current, next");
                assert!(self.auth.take(&reply));
            }
        }
    }
    /// Whether a client with this ticket gets in.
    fn lets_in(&mut self, (global_id, ticket): &(u64, Ticket)) -> bool {
        let mut shown = Authorizer::new(*global_id, ticket, &mut self.rng);
        let mut check = |a: &Authorizer, sent| {
            authorizer::check(&mut self.auth, &a.to_vec(), sent, 77, 0, &mut self.rng)
        };
        let Ok(Checked::Challenge { payload }) = check(&shown, None) else { return false };
        shown.on_challenge(&payload).expect("the session key is shared");
        matches!(check(&shown, Some(77)), Ok(Checked::Done { .. }))
    }
}

#[test]
fn an_osd_opens_every_valid_ticket_while_secrets_rotate() {
    let mut w = World::new(1);
    let client = w.add_client();
    let mut osd = Service::new(&mut w);
    let mut shown = Vec::new();
    let minutes = Duration::from_secs(600);
    for turn in 0..300 {
        w.after(minutes);
        let ticket = osd_ticket(&w, client);
        // A ticket may be newer than what the OSD has heard: it knows the next secret.
        assert!(osd.lets_in(&ticket), "turn {turn}");
        osd.listen(&mut w);
        shown.push(ticket);
        shown.retain(|(_, t)| t.expires > w.now.wall);
        for ticket in &shown {
            assert!(osd.lets_in(ticket), "turn {turn}");
        }
    }
    // A secret that has left no longer opens anything.
    let old = osd_ticket(&w, client);
    for _ in 0..4 {
        w.after(HOUR);
        osd.listen(&mut w);
    }
    assert!(!osd.lets_in(&old));
}

#[test]
fn an_osd_that_hears_nothing_for_an_hour_opens_new_tickets() {
    let mut w = World::new(1);
    let client = w.add_client();
    let mut osd = Service::new(&mut w);
    for _ in 0..6 {
        w.after(HOUR / 6);
        assert!(osd.lets_in(&osd_ticket(&w, client)));
        w.heard.clear();
    }
}

#[test]
fn secrets_travel_only_where_nobody_else_can_read() {
    for (mode, told) in [(Mode::Secure, true), (Mode::Crc, false)] {
        let mut w = World::new(1);
        let peer = w.add_as("osd.0", vec![mode]);
        assert!(w.peers[peer].mon.is_ready());
        let secrets = |w: &World| {
            let is = |e: &MonEvent| matches!(e, MonEvent::Other(msg) if msg.kind == kind::ROTATING_KEYS_REPLY);
            w.heard.iter().any(|(_, e)| is(e))
        };
        let request = RotatingKeysRequest { service: OSD as u32 };
        w.send(peer, request.into_message(0));
        w.run();
        assert_eq!(secrets(&w), told, "{mode:?}");
        let said = w.mon_log.iter().any(|(_, line)| line.contains("not in secure mode"));
        assert_eq!(said, !told);
        // Nor are they pushed when they rotate.
        w.heard.clear();
        w.after(HOUR * 2);
        assert_eq!(secrets(&w), told, "{mode:?}");
    }
}

// Sessions that are lost.

#[test]
fn a_lost_session_is_found_again_and_goes_on_where_it_was() {
    let mut w = World::new(1);
    let (peer, other) = (w.add_follower(), w.add_client());
    let create = |name| format!(r#"{{"prefix":"osd pool create","pool":"{name}","pg_num":8}}"#);
    assert_eq!(w.command(other, &create("a")).0, 0);
    let id = w.peers[peer].mon.global_id();
    let have = w.epoch();
    w.crash_monitor();
    w.run();
    assert_eq!(lost(&w, peer), 1);
    assert!(!w.peers[peer].mon.is_ready());
    w.heard.clear();
    // Asked while there is nobody.
    let waiting = w.ask(peer, r#"{"prefix":"osd pool ls"}"#);
    let version = w.newest(peer, "osdmap");
    w.after(Duration::from_secs(20));
    assert!(w.heard.is_empty(), "{:?}", w.heard);
    w.start_monitor();
    w.after(Duration::from_secs(20));
    assert_eq!(w.peers[peer].mon.global_id(), id);
    assert!(w.position_of_answer(peer, waiting).is_some());
    let is = |e: &MonEvent| matches!(e, MonEvent::Version { id, .. } if *id == version);
    assert_eq!(w.heard.iter().filter(|(_, e)| is(e)).count(), 1);
    // The subscription goes on: what was known is not sent again.
    let maps = |w: &World| {
        w.heard.iter().filter(|(p, e)| *p == peer && matches!(e, MonEvent::OsdMap(_))).count()
    };
    assert_eq!((maps(&w), w.epoch()), (0, have));
    assert_eq!(w.command(other, &create("b")).0, 0);
    assert_eq!(maps(&w), 1);
    assert_eq!(w.peers[peer].map.as_ref().map(|m| m.epoch), Some(w.epoch()));
}

#[test]
fn a_monitor_that_falls_silent_is_left() {
    let mut w = World::new(1);
    let peer = w.add_follower();
    w.after(Duration::from_secs(60));
    assert_eq!(lost(&w, peer), 0, "keepalives hold a quiet session");
    w.dark = true;
    let id = w.ask(peer, r#"{"prefix":"osd pool ls"}"#);
    w.after(Duration::from_secs(45));
    assert_eq!(lost(&w, peer), 1);
    assert!(w.position_of_answer(peer, id).is_none());
    w.dark = false;
    w.after(Duration::from_secs(30));
    assert!(w.position_of_answer(peer, id).is_some());
}
