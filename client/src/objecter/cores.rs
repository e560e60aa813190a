//! Where the cores of OSDs listen, as their metadata say, and by which way operations go to them.
//!
//! An OSD of ours tells the monitors on which address each of its cores accepts and how many store
//! shards it has; a PG's shard and its core follow. The monitor is asked once for each boot of an OSD
//! that operations go to. Nothing depends on the answer: the OSD hands an operation that came in on
//! another core over, so that the address in the map always does.

use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use types::shard::CoreAddrs;
use types::time::Now;
use types::{AddrKind, EntityAddr, EntityAddrVec, Epoch, Instant, OsdId, PgId};

/// Operations wait so long for the monitor's answer, once for each boot of an OSD. Waiting is cheaper
/// than to begin at the map's address and to send again when the answer comes.
const ANSWER_PATIENCE: Duration = Duration::from_millis(500);
/// What the monitor had was of another boot than the map at hand shows.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// A core that did not answer is not dialled for so long, doubled up to the second value.
const AVOID_MIN: Duration = Duration::from_secs(30);
const AVOID_MAX: Duration = Duration::from_secs(3600);

/// What the monitor's answer says.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    /// An OSD of Ceph's, or one that has no ports for its cores.
    Nothing,
    /// It is not of the boot that the map shows.
    OfAnotherBoot,
    Cores(CoreAddrs),
}

/// Reads the answer to `osd metadata N` (docs/formats.md). `addrs` are the OSD's in the map.
fn read(text: &[u8], addrs: &EntityAddrVec) -> Told {
    let value: Value = serde_json::from_slice(text).unwrap_or_default();
    let field = |name: &str| value[name].as_str().unwrap_or_default();
    let Ok(shards) = field("kermes_store_shards").parse() else { return Told::Nothing };
    let each = field("kermes_shard_addrs").split_whitespace().map(core_addr);
    let cores = each.collect::<Option<Vec<_>>>().and_then(|addrs| CoreAddrs::new(shards, addrs));
    let Some(cores) = cores.filter(|cores| !cores.is_only(addrs)) else { return Told::Nothing };
    if field("front_addr") != addrs.to_string() {
        return Told::OfAnotherBoot;
    }
    Told::Cores(cores)
}

fn core_addr(text: &str) -> Option<EntityAddrVec> {
    EntityAddr::parse(text, AddrKind::Msgr2).map(EntityAddrVec::one)
}

#[derive(Debug)]
enum State {
    /// Operations wait until then.
    Asked {
        until: Instant,
    },
    /// Operations do not wait any longer.
    Late,
    /// The OSD has no other address than the map's.
    Plain,
    OfAnotherBoot {
        ask_at: Instant,
    },
    Cores(CoreAddrs),
}

/// A core that did not answer.
#[derive(Debug)]
struct Avoided {
    /// `None`: it is tried again.
    until: Option<Instant>,
    wait: Duration,
}

#[derive(Debug)]
struct Known {
    up_from: Epoch,
    state: State,
    avoided: BTreeMap<u16, Avoided>,
}

/// What is known of the cores of each OSD that operations go to.
#[derive(Debug, Default)]
pub(super) struct CoreBook {
    by_osd: BTreeMap<OsdId, Known>,
}

impl CoreBook {
    /// Whether the monitor must be asked for the metadata of `osd`, which has been up from this epoch.
    /// True once; then the answer is waited for.
    pub fn must_ask(&mut self, now: Now, osd: OsdId, up_from: Epoch) -> bool {
        let until = now.mono + ANSWER_PATIENCE;
        let known = self.by_osd.get_mut(&osd).filter(|known| known.up_from == up_from);
        match known.map(|known| &mut known.state) {
            None => {
                let state = State::Asked { until };
                self.by_osd.insert(osd, Known { up_from, state, avoided: BTreeMap::new() });
                true
            }
            // Operations go to the map's address meanwhile, and on.
            Some(state @ State::OfAnotherBoot { .. }) => {
                let State::OfAnotherBoot { ask_at } = *state else { unreachable!("just matched") };
                let due = ask_at <= now.mono;
                if due {
                    *state = State::Late;
                }
                due
            }
            Some(_) => false,
        }
    }

    /// The core to which operations of `pg` go, or `Some(None)` for the map's address; `None` while the
    /// answer is waited for. `plain_is_idle`: nothing is under way at the map's address; only then may
    /// operations that went there go to a core again, or they would overtake each other.
    pub fn core(
        &mut self,
        now: Now,
        osd: OsdId,
        pg: PgId,
        plain_is_idle: impl FnOnce() -> bool,
    ) -> Option<Option<u16>> {
        let Some(known) = self.by_osd.get_mut(&osd) else { return Some(None) };
        let core = match &known.state {
            State::Asked { .. } => return None,
            State::Late | State::Plain | State::OfAnotherBoot { .. } => return Some(None),
            State::Cores(cores) => cores.core_of(pg),
        };
        if let Some(avoided) = known.avoided.get_mut(&core)
            && let Some(until) = avoided.until
        {
            if until > now.mono || !plain_is_idle() {
                return Some(None);
            }
            avoided.until = None;
        }
        Some(Some(core))
    }

    pub fn addrs_of(&self, osd: OsdId, core: u16) -> Option<&EntityAddrVec> {
        match &self.by_osd.get(&osd)?.state {
            State::Cores(cores) => cores.addrs_of(core),
            _ => None,
        }
    }

    /// The monitor's answer for an OSD that has been up from this epoch, `None` if it refused. Returns
    /// whether operations that went to the map's address are to go to cores from now on.
    pub fn told(
        &mut self,
        now: Now,
        osd: OsdId,
        up_from: Epoch,
        text: Option<&[u8]>,
        addrs: &EntityAddrVec,
    ) -> bool {
        let known = self.by_osd.get_mut(&osd).filter(|known| known.up_from == up_from);
        let Some(known) = known else { return false };
        let told = text.map_or(Told::Nothing, |text| read(text, addrs));
        let was_late = matches!(known.state, State::Late);
        if !was_late && !matches!(known.state, State::Asked { .. }) {
            return false;
        }
        known.state = match told {
            Told::Nothing => State::Plain,
            Told::OfAnotherBoot => State::OfAnotherBoot { ask_at: now.mono + ASK_AGAIN },
            Told::Cores(cores) => State::Cores(cores),
        };
        was_late && matches!(known.state, State::Cores(_))
    }

    /// A core did not answer: for a while operations for it go to the map's address.
    pub fn avoid(&mut self, now: Now, osd: OsdId, core: u16) {
        let Some(known) = self.by_osd.get_mut(&osd) else { return };
        let before = known.avoided.get(&core).map(|avoided| avoided.wait);
        let wait = before.map_or(AVOID_MIN, |wait| (wait * 2).min(AVOID_MAX));
        known.avoided.insert(core, Avoided { until: Some(now.mono + wait), wait });
    }

    pub fn answered(&mut self, osd: OsdId, core: u16) {
        if let Some(known) = self.by_osd.get_mut(&osd) {
            known.avoided.remove(&core);
        }
    }

    /// Forgets OSDs that are not, or no longer, up from the epoch that is known of.
    pub fn keep(&mut self, up_from: impl Fn(OsdId) -> Option<Epoch>) {
        self.by_osd.retain(|osd, known| up_from(*osd) == Some(known.up_from));
    }

    /// When [`CoreBook::expire`] is due.
    pub fn next_deadline(&self) -> Instant {
        let until = |known: &Known| match known.state {
            State::Asked { until } => until,
            _ => Instant::NEVER,
        };
        self.by_osd.values().map(until).min().unwrap_or(Instant::NEVER)
    }

    /// Whether some operations need not wait any longer.
    pub fn expire(&mut self, now: Now) -> bool {
        let mut some = false;
        for known in self.by_osd.values_mut() {
            if matches!(known.state, State::Asked { until } if until <= now.mono) {
                known.state = State::Late;
                some = true;
            }
        }
        some
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::PoolId;
    use types::shard::shard_of;

    fn at(ms: u64) -> Now {
        Now { mono: Instant::ZERO + Duration::from_millis(ms), ..Now::default() }
    }
    fn map_addrs() -> EntityAddrVec {
        EntityAddrVec::one(EntityAddr::msgr2("10.0.0.1:6800".parse().unwrap(), 7))
    }
    fn metadata(shards: &str, cores: &str) -> Vec<u8> {
        format!(
            r#"{{"id":0,"front_addr":"v2:10.0.0.1:6800/7","kermes_store_shards":"{shards}",
                 "kermes_shard_addrs":"{cores}"}}"#
        )
        .into_bytes()
    }
    const TWO: &str = "v2:10.0.0.1:6801/7 v2:10.0.0.1:6802/7";

    #[test]
    fn metadata_that_name_no_core_are_as_good_as_none() {
        let read = |shards, cores| read(&metadata(shards, cores), &map_addrs());
        let Told::Cores(cores) = read("8", TWO) else { panic!("it is right") };
        let two = TWO.split(' ').map(|text| core_addr(text).unwrap()).collect();
        assert_eq!(Some(cores), CoreAddrs::new(8, two));
        let three = format!("{TWO} v2:10.0.0.1:6803/7");
        for (shards, cores) in [
            ("8", ""),
            ("2", three.as_str()),
            ("0", TWO),
            ("6", TWO),
            ("512", TWO),
            ("65536", TWO),
            ("", TWO),
            ("8", "v1:10.0.0.1:6801/7"),
            ("8", "v2:10.0.0.1:0/7"),
            ("8", "v2:10.0.0.1:6801/7,v2:10.0.0.1:6802/7"),
            ("8", "somewhere"),
        ] {
            assert_eq!(read(shards, cores), Told::Nothing, "{shards} {cores}");
        }
        for text in ["", "{", "[]", "null", r#"{"kermes_store_shards": 8}"#] {
            assert_eq!(super::read(text.as_bytes(), &map_addrs()), Told::Nothing, "{text}");
        }
        assert_eq!(read("8", "v2:10.0.0.1:6800/7"), Told::Nothing);
        assert_eq!(super::read(&metadata("8", TWO), &Default::default()), Told::OfAnotherBoot);
    }

    #[test]
    fn pgs_are_spread_over_cores_as_the_osd_does() {
        let (mut book, osd) = (CoreBook::default(), OsdId(0));
        assert!(book.must_ask(at(0), osd, Epoch(4)));
        assert!(!book.must_ask(at(0), osd, Epoch(4)));
        book.told(at(0), osd, Epoch(4), Some(&metadata("8", TWO)), &map_addrs());
        let pg = |seed| PgId { pool: PoolId(3), seed };
        for seed in 0..16 {
            let core = book.core(at(0), osd, pg(seed), || true).unwrap().unwrap();
            assert_eq!(core, shard_of(pg(seed), 8) % 2);
        }
        assert_eq!(book.addrs_of(osd, 1).unwrap().to_string(), "v2:10.0.0.1:6802/7");
        // Up again: everything is asked anew.
        assert!(book.must_ask(at(0), osd, Epoch(9)));
        assert_eq!(book.core(at(0), osd, pg(0), || true), None);
    }

    #[test]
    fn what_belongs_to_another_boot_is_asked_for_again_later() {
        let (mut book, osd, up) = (CoreBook::default(), OsdId(0), Epoch(4));
        let pg = PgId { pool: PoolId(1), seed: 0 };
        assert!(book.must_ask(at(0), osd, up));
        let text = metadata("8", TWO);
        // An answer of before the OSD went down and up.
        assert!(!book.told(at(0), osd, Epoch(3), Some(&text), &map_addrs()));
        assert_eq!(book.core(at(0), osd, pg, || true), None);
        assert!(!book.told(at(0), osd, up, Some(&text), &EntityAddrVec::default()));
        assert_eq!(book.core(at(0), osd, pg, || true), Some(None));
        assert!(!book.must_ask(at(4999), osd, up));
        assert!(book.must_ask(at(5000), osd, up) && !book.must_ask(at(5000), osd, up));
        assert_eq!(book.core(at(5000), osd, pg, || true), Some(None));
        assert!(book.told(at(5001), osd, up, Some(&text), &map_addrs()));
        assert!(matches!(book.core(at(5001), osd, pg, || true), Some(Some(_))));
    }

    #[test]
    fn a_core_that_did_not_answer_is_tried_again_when_nothing_can_be_overtaken() {
        let (mut book, osd, up) = (CoreBook::default(), OsdId(0), Epoch(4));
        let pg = PgId { pool: PoolId(1), seed: 0 };
        book.must_ask(at(0), osd, up);
        book.told(at(0), osd, up, Some(&metadata("8", TWO)), &map_addrs());
        let core = book.core(at(0), osd, pg, || true).unwrap().unwrap();
        book.avoid(at(0), osd, core);
        assert_eq!(book.core(at(29_999), osd, pg, || true), Some(None));
        assert_eq!(book.core(at(30_000), osd, pg, || false), Some(None));
        assert_eq!(book.core(at(30_000), osd, pg, || true), Some(Some(core)));
        // It is dialled: what another core has under way at the map's address is no reason any more.
        assert_eq!(book.core(at(30_000), osd, pg, || false), Some(Some(core)));
        book.avoid(at(30_000), osd, core);
        assert_eq!(book.core(at(89_999), osd, pg, || true), Some(None));
        assert_eq!(book.core(at(90_000), osd, pg, || true), Some(Some(core)));
        book.answered(osd, core);
        book.avoid(at(90_000), osd, core);
        assert_eq!(book.core(at(120_000), osd, pg, || true), Some(Some(core)));
    }
}
