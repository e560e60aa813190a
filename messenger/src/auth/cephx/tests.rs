use super::authorizer::{Authorizer, Checked};
use super::*;
use crate::auth::{AuthMethod, EntityAuth, Mode, Ticket};
use rand_chacha::rand_core::SeedableRng;

/// A key database in memory: a monitor when it has entities, else one service.
pub struct Keys {
    pub service: EntityKind,
    pub entities: BTreeMap<AuthName, EntityAuth>,
    pub secrets: BTreeMap<u8, RotatingSecrets>,
    pub next_id: u64,
    pub methods: Vec<AuthMethod>,
    pub modes: Vec<Mode>,
}
impl Keys {
    pub fn new(service: EntityKind, rng: &mut ChaCha12Rng) -> Self {
        let mut secrets = BTreeMap::new();
        for service in [EntityKind::Auth, EntityKind::Mon, EntityKind::Osd, EntityKind::Mgr] {
            let mut rotating = RotatingSecrets::default();
            rotating.rotate(UTime { sec: 100, nsec: 0 }, Duration::from_secs(3600), rng);
            secrets.insert(service as u8, rotating);
        }
        Self {
            service,
            entities: BTreeMap::new(),
            secrets,
            next_id: 4100,
            methods: vec![AuthMethod::Cephx],
            modes: vec![Mode::Crc, Mode::Secure],
        }
    }
    pub fn add(&mut self, name: &str, key: CryptoKey, mon: &str, osd: &str) {
        let caps = [("mon", mon), ("osd", osd)].map(|(s, c)| (s.to_owned(), c.to_owned()));
        let name = AuthName::parse(name).unwrap();
        self.entities.insert(name, EntityAuth { key, caps: caps.into() });
    }
}
impl AuthServer for Keys {
    fn methods(&mut self, _: EntityKind) -> Vec<AuthMethod> {
        self.methods.clone()
    }
    fn modes(&mut self, _: EntityKind) -> Vec<Mode> {
        self.modes.clone()
    }
    fn entity(&mut self, name: &AuthName) -> Option<EntityAuth> {
        self.entities.get(name).cloned()
    }
    fn service_secret(&mut self, service: EntityKind, id: u64) -> Option<CryptoKey> {
        self.secrets.get(&(service as u8))?.get(id)
    }
    fn current_secret(&mut self, service: EntityKind) -> Option<(u64, CryptoKey)> {
        self.secrets.get(&(service as u8))?.current()
    }
    fn new_global_id(&mut self) -> Option<u64> {
        self.next_id += 1;
        Some(self.next_id)
    }
    fn service(&self) -> EntityKind {
        self.service
    }
}

const NOW: UTime = UTime { sec: 200, nsec: 0 };

struct World {
    rng: ChaCha12Rng,
    mon: Keys,
    key: CryptoKey,
}
fn world() -> World {
    let mut rng = ChaCha12Rng::from_seed([7; 32]);
    let mut mon = Keys::new(EntityKind::Mon, &mut rng);
    let key = new_key(NOW, &mut rng);
    mon.add("client.a", key, "allow r", "allow rwx pool=p");
    World { rng, mon, key }
}
fn exchange(key: CryptoKey) -> mon::MonExchange {
    let name = AuthName::parse("client.a").unwrap();
    mon::MonExchange { name, key, global_id: 0, old_ticket: None, services: 0x35 }
}
fn run(
    w: &mut World,
    x: &mon::MonExchange,
    secret_len: usize,
) -> std::result::Result<(mon::Proven, mon::Granted), CephxError> {
    let Ok(Request::Mon { name, global_id }) = Request::from_slice(&x.request()) else { panic!() };
    let challenge = 0x1122_3344;
    let answer = x.answer(mon::challenge_from(&mon::challenge_payload(challenge))?, &mut w.rng);
    let proven =
        mon::check(&mut w.mon, NOW, &mut w.rng, &name, global_id, challenge, &answer, secret_len)?;
    let granted = x.on_done(proven.global_id, &proven.payload, NOW)?;
    Ok((proven, granted))
}

#[test]
fn a_key_gets_tickets_and_a_connection_secret() {
    for secret_len in [0, 64] {
        let mut w = world();
        let x = exchange(w.key);
        let (proven, granted) = run(&mut w, &x, secret_len).unwrap();
        assert_eq!(granted.session_key, proven.session_key);
        assert_eq!(granted.connection_secret, proven.connection_secret);
        assert_eq!(granted.connection_secret.len(), secret_len);
        assert_eq!(proven.caps.text, "allow r");
        let services: Vec<u32> = granted.reply.tickets.keys().copied().collect();
        assert_eq!(services, [1, 4, 0x10, 0x20]);
        let osd = &granted.reply.tickets[&4];
        assert_eq!(osd.expires.sec, 200 + 3600);
        assert_eq!(osd.renew_after.sec, 200 + 1800);
    }
}

#[test]
fn wrong_keys_and_unknown_names_are_refused() {
    let mut w = world();
    let wrong = exchange(new_key(NOW, &mut w.rng));
    assert_eq!(run(&mut w, &wrong, 0).unwrap_err(), CephxError::Refused(EACCES));
    let mut unknown = exchange(w.key);
    unknown.name.id = "b".to_owned();
    assert_eq!(run(&mut w, &unknown, 0).unwrap_err(), CephxError::Refused(EACCES));
    w.mon.add("client.a", w.key, "", "allow *");
    let no_caps = exchange(w.key);
    assert_eq!(run(&mut w, &no_caps, 0).unwrap_err(), CephxError::Refused(EACCES));
}

#[test]
fn a_global_id_is_given_again_only_to_its_owner() {
    let mut w = world();
    let first = exchange(w.key);
    let (_, first) = run(&mut w, &first, 0).unwrap();
    let id = first.reply.global_id;
    let thief = mon::MonExchange { global_id: id, ..exchange(w.key) };
    assert_eq!(run(&mut w, &thief, 0).unwrap_err(), CephxError::Refused(EACCES));
    let old_ticket = first.reply.tickets.get(&0x20).cloned();
    let owner = mon::MonExchange { global_id: id, old_ticket, ..exchange(w.key) };
    let (_, again) = run(&mut w, &owner, 64).unwrap();
    assert_eq!(again.reply.global_id, id);
    // The next session can be reclaimed with the new ticket, which came encrypted.
    let old_ticket = again.reply.tickets.get(&0x20).cloned();
    let owner =
        mon::MonExchange { global_id: id, old_ticket: old_ticket.clone(), ..exchange(w.key) };
    assert_eq!(run(&mut w, &owner, 0).unwrap().1.reply.global_id, id);
    let other = mon::MonExchange { global_id: id + 1, old_ticket, ..exchange(w.key) };
    assert_eq!(run(&mut w, &other, 0).unwrap_err(), CephxError::Refused(EACCES));
}

fn osd_ticket(w: &mut World) -> (u64, Ticket) {
    let x = exchange(w.key);
    let (_, granted) = run(w, &x, 0).unwrap();
    (granted.reply.global_id, granted.reply.tickets[&4].clone())
}

#[test]
fn authorizers_prove_the_session_key_against_a_challenge() {
    for secret_len in [0, 64] {
        let mut w = world();
        let (id, ticket) = osd_ticket(&mut w);
        let mut osd = Keys::new(EntityKind::Osd, &mut w.rng);
        osd.secrets = w.mon.secrets.clone();
        let mut a = Authorizer::new(id, &ticket, &mut w.rng);
        let mut check = |a: &Authorizer, sent| {
            authorizer::check(&mut osd, &a.to_vec(), sent, 77, secret_len, &mut w.rng)
        };
        let Ok(Checked::Challenge { payload }) = check(&a, None) else { panic!() };
        // Without the answer to the challenge a copied authorizer is worth nothing.
        assert_eq!(check(&a, Some(77)).unwrap_err(), CephxError::Refused(EACCES));
        a.on_challenge(&payload).unwrap();
        assert_eq!(check(&a, Some(78)).unwrap_err(), CephxError::Refused(EACCES));
        let Ok(Checked::Done { info, connection_secret, payload }) = check(&a, Some(77)) else {
            panic!()
        };
        assert_eq!(a.on_done(&payload).unwrap(), connection_secret);
        assert_eq!(connection_secret.len(), secret_len);
        assert_eq!(info.ticket.caps.text, "allow rwx pool=p");
        assert_eq!(
            (info.ticket.name.to_string().as_str(), info.ticket.global_id),
            ("client.a", id)
        );
        a.nonce ^= 1;
        assert_eq!(a.on_done(&payload), Err(CephxError::Mismatch("nonce")));
    }
}

#[test]
fn tickets_of_other_secrets_services_and_ids_are_refused() {
    let mut w = world();
    let (id, ticket) = osd_ticket(&mut w);
    let mut check = |id, ticket: &Ticket, keys: &mut Keys| {
        let a = Authorizer::new(id, ticket, &mut w.rng).to_vec();
        authorizer::check(keys, &a, None, 1, 0, &mut w.rng).is_ok()
    };
    let mut osd = Keys::new(EntityKind::Osd, &mut ChaCha12Rng::from_seed([9; 32]));
    assert!(!check(id, &ticket, &mut osd), "another cluster's secrets");
    osd.secrets = w.mon.secrets.clone();
    assert!(check(id, &ticket, &mut osd));
    assert!(!check(id + 1, &ticket, &mut osd), "another id");
    osd.service = EntityKind::Mgr;
    assert!(!check(id, &ticket, &mut osd), "another service");
    osd.service = EntityKind::Osd;
    for _ in 0..2 {
        let mut rng = ChaCha12Rng::from_seed([1; 32]);
        let rotating = osd.secrets.get_mut(&4).unwrap();
        let end = rotating.rotates_at();
        assert!(rotating.rotate(end, Duration::from_secs(3600), &mut rng));
    }
    assert!(!check(id, &ticket, &mut osd), "a secret that was rotated out");
}

#[test]
fn tickets_are_renewed_for_their_holder_only() {
    let mut w = world();
    let x = exchange(w.key);
    let (_, granted) = run(&mut w, &x, 0).unwrap();
    let id = granted.reply.global_id;
    let auth_ticket = &granted.reply.tickets[&0x20];
    let request = mon::renewal_request(id, auth_ticket, 0x15, &mut w.rng);
    let later = UTime { sec: 1000, nsec: 0 };
    let who = AuthName::parse("client.a").unwrap();
    let mut answer = |name: &AuthName, id, now| {
        mon::answer_renewal(&mut w.mon, now, &mut w.rng, (name, id), 0, &request).unwrap()
    };
    let reply = answer(&who, id, later).unwrap();
    let mut tickets = BTreeMap::new();
    mon::on_renewal(&reply, auth_ticket, later, &mut tickets).unwrap();
    assert_eq!(tickets.keys().copied().collect::<Vec<_>>(), [1, 4, 0x10]);
    assert_eq!(tickets[&4].expires.sec, 4600);
    assert!(answer(&who, id + 1, later).is_err());
    assert!(answer(&AuthName::parse("client.b").unwrap(), id, later).is_err());
    assert!(answer(&who, id, UTime { sec: 400_000, nsec: 0 }).is_err(), "expired");
}

/// On an open session a client proves its key again by answering the challenge of the handshake.
#[test]
fn the_auth_ticket_is_renewed_with_the_challenge_of_the_session() {
    let mut w = world();
    let x = exchange(w.key);
    let (_, granted) = run(&mut w, &x, 64).unwrap();
    let id = granted.reply.global_id;
    let old_ticket = granted.reply.tickets.get(&0x20).cloned();
    let x = mon::MonExchange { global_id: id, old_ticket: old_ticket.clone(), ..exchange(w.key) };
    let challenge = 0x1122_3344;
    let later = UTime { sec: 100_000, nsec: 0 };
    let mut renew = |x: &mon::MonExchange, answered, challenge| {
        let request = x.answer(answered, &mut w.rng);
        let who = (&x.name, id);
        mon::answer_renewal(&mut w.mon, later, &mut w.rng, who, challenge, &request)
    };
    let reply = renew(&x, challenge, challenge).unwrap().unwrap();
    let granted = x.on_done(id, &reply, later).unwrap();
    assert!(granted.connection_secret.is_empty());
    assert_eq!(granted.reply.tickets.keys().copied().collect::<Vec<_>>(), [1, 4, 0x10, 0x20]);
    assert_eq!(granted.reply.tickets[&0x20].expires.sec, 100_000 + 3 * 24 * 3600);
    assert_ne!(granted.reply.tickets.get(&0x20), old_ticket.as_ref());
    let refused = Some(Err(CephxError::Refused(EACCES)));
    assert_eq!(renew(&x, challenge + 1, challenge), refused, "an answer to another challenge");
    let stranger = mon::MonExchange { old_ticket: None, ..x.clone() };
    assert_eq!(
        renew(&stranger, challenge, challenge),
        refused,
        "an id that is not shown to be its"
    );
    assert_eq!(renew(&x, 0, 0), None, "a session without a challenge");
}

#[test]
fn secrets_rotate_by_expiry_and_keep_three() {
    let mut rng = ChaCha12Rng::from_seed([3; 32]);
    let mut s = RotatingSecrets::default();
    let hour = Duration::from_secs(3600);
    assert!(s.rotate(UTime { sec: 1000, nsec: 0 }, hour, &mut rng));
    assert_eq!(s.secrets.values().map(|k| k.expires.sec).collect::<Vec<_>>(), [1000, 4600, 8200]);
    assert_eq!(s.current().unwrap().0, 2);
    assert!(!s.rotate(UTime { sec: 4599, nsec: 0 }, hour, &mut rng));
    assert!(s.rotate(UTime { sec: 4600, nsec: 0 }, hour, &mut rng));
    assert_eq!(s.secrets.keys().copied().collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(s.current().unwrap().0, 3);
    assert_eq!(RotatingSecrets::from_slice(&s.to_vec()).unwrap(), s);
}

/// Damaged bytes are errors, never panics, in every decoder of this module.
#[test]
fn mutated_bytes_never_panic() {
    let mut w = world();
    let x = exchange(w.key);
    let answer = x.answer(5, &mut w.rng);
    let (proven, granted) = run(&mut w, &x, 64).unwrap();
    let auth_ticket = granted.reply.tickets[&0x20].clone();
    let (id, ticket) = osd_ticket(&mut w);
    let shown = Authorizer::new(id, &ticket, &mut w.rng).to_vec();
    let renewal = mon::renewal_request(id, &auth_ticket, 0x35, &mut w.rng);
    let seeds = [x.request(), answer, proven.payload, shown, renewal];
    for round in 0..4000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..1 + w.rng.next_u32() % 3 {
            let at = w.rng.next_u32() as usize % bytes.len();
            bytes[at] = w.rng.next_u32() as u8;
        }
        if w.rng.next_u32().is_multiple_of(4) {
            bytes.truncate(w.rng.next_u32() as usize % bytes.len());
        }
        let _ = Request::from_slice(&bytes);
        let _ = mon::challenge_from(&bytes);
        let _ = x.on_done(1, &bytes, NOW);
        let _ = mon::check(&mut w.mon, NOW, &mut w.rng, &x.name, 0, 5, &bytes, 64);
        let _ = mon::on_renewal(&bytes, &auth_ticket, NOW, &mut BTreeMap::new());
        let _ = mon::answer_renewal(&mut w.mon, NOW, &mut w.rng, (&x.name, id), 5, &bytes);
        let _ = authorizer::check(&mut w.mon, &bytes, Some(1), 2, 64, &mut w.rng);
        let _ = TicketInfo::open(&TicketBlob { secret_id: 1, blob: bytes.clone().into() }, &w.key);
        let _ = AuthTicket::from_slice(&bytes);
        let _ = RotatingSecrets::from_slice(&bytes);
    }
}

/// Records the seeds of the fuzz target when asked to.
#[test]
fn seeds_of_the_exchange() {
    let Some(directory) = std::env::var_os("UPDATE_CEPHX_SEEDS") else { return };
    let key = CryptoKey::new(UTime { sec: 1, nsec: 0 }, [7; 16]);
    let mut w = world();
    w.mon.add("client.a", key, "allow r", "allow *");
    w.mon.secrets.values_mut().flat_map(|s| s.secrets.values_mut()).for_each(|s| s.key = key);
    let x = exchange(key);
    let answer = x.answer(5, &mut w.rng);
    let name = AuthName::parse("client.a").unwrap();
    let proven = mon::check(&mut w.mon, NOW, &mut w.rng, &name, 0, 5, &answer, 64).unwrap();
    let granted = x.on_done(proven.global_id, &proven.payload, NOW).unwrap();
    let auth_ticket = &granted.reply.tickets[&0x20];
    let shown = Authorizer::new(granted.reply.global_id, auth_ticket, &mut w.rng).to_vec();
    let renewal = mon::renewal_request(granted.reply.global_id, auth_ticket, 0x35, &mut w.rng);
    let secret = w.mon.secrets[&0x20].secrets[&2].key;
    let info = secret.open(&auth_ticket.blob.blob).unwrap();
    let names = ["request", "answer", "done", "authorizer", "renewal", "ticket"];
    let all = [x.request(), answer, proven.payload, shown, renewal, info];
    for (name, bytes) in names.into_iter().zip(all) {
        std::fs::write(std::path::Path::new(&directory).join(name), bytes).unwrap();
    }
}
