//! A crash after every device write and flush: what was not flushed is lost, kept or torn.

use crate::common::{Model, Rng};
use crate::world::{World, apply_to_model, random_op};
use seastore::*;

/// Mounts a copy of the disk on which each write under way, and each that was not flushed, was
/// lost, kept, or torn at 512 bytes, and checks that what is there is a prefix of what was
/// submitted, no shorter than what was acknowledged. Returns the mounted store and how many
/// transactions it holds.
fn crash(
    world: &World,
    durable: usize,
    models: &[Model],
    rng: &mut Rng,
    what: &str,
) -> (World, usize) {
    let mut disk = world.disk.clone();
    let fate = rng.below(4);
    let each = |rng: &mut Rng| if fate == 3 { rng.below(3) } else { fate };
    for effect in &world.waiting {
        if let StoreEffect::Write { offset, buf, .. } = effect {
            match each(rng) {
                0 => {}
                1 => disk.write_cached(*offset, buf),
                _ => disk.write_torn(*offset, buf, || rng.chance(2)),
            }
        }
    }
    match each(rng) {
        0 => disk.lose_cache(|| false),
        1 => disk.flush(),
        _ => disk.lose_cache(|| rng.chance(2)),
    }
    let config = StoreConfig { nonce: rng.next(), ..world.config };
    let mut after = World::opened(disk, config);
    if let Err(e) = after.mount() {
        panic!("{what}: mount: {e}");
    }
    after.assert_consistent(what);
    let found = after.contents();
    let count = (durable..models.len()).find(|n| models[*n] == found);
    let Some(count) = count else {
        let differing: Vec<_> = found
            .keys()
            .chain(models[durable].keys())
            .filter(|o| found.get(*o) != models[durable].get(*o))
            .collect();
        panic!("{what}: no state from transaction {durable} on matches; differ: {differing:?}");
    };
    (after, count)
}

struct Run {
    world: World,
    /// Transactions acknowledged, out of those whose models are kept.
    durable: usize,
    models: Vec<Model>,
}

impl Run {
    fn note_durable(&mut self) {
        for event in std::mem::take(&mut self.world.events) {
            match event {
                StoreEvent::Durable { token } => {
                    assert_eq!(token as usize, self.durable, "out of order");
                    self.durable += 1;
                }
                StoreEvent::Failed(e) => panic!("{e}"),
                StoreEvent::Refused { error, .. } => panic!("{error}"),
                _ => {}
            }
        }
    }
}

/// Returns how many checkpoints were taken.
fn run_seed(seed: u64, steps: u64) -> u64 {
    let mut rng = Rng(seed.wrapping_mul(1000) + 17);
    let world = World::new(32 << 20, 256 << 10);
    let mut run = Run { world, durable: 0, models: vec![Model::new()] };
    let mut checkpoints = 0;
    // Some seeds write so much that checkpoints and the cleaner run all the time.
    let len_max = [3_000, 40_000, 400_000][(seed % 3) as usize];
    for step in 0..steps {
        let ops: Vec<_> = (0..1 + rng.below(3)).map(|_| random_op(&mut rng, 6, len_max)).collect();
        let token = run.models.len() as u64 - 1;
        let mut idle = 0;
        while let Err(e) = run.world.store.submit(ops.clone().into(), token) {
            assert_eq!(e, SubmitError::Busy, "seed {seed}");
            run.world.step_or_wait(&mut idle);
            run.note_durable();
        }
        let mut model = run.models.last().unwrap().clone();
        ops.iter().for_each(|op| apply_to_model(&mut model, op));
        run.models.push(model);
        if rng.chance(2) {
            run.world.turn();
        }
        while !run.world.waiting.is_empty() && !rng.chance(4) {
            let index = rng.below(run.world.waiting.len().min(3) as u64) as usize;
            run.world.perform(index);
            run.note_durable();
            let what = format!("seed {seed} step {step} io {}", run.world.io_count);
            if rng.chance(CRASH_ONE_IN[(seed % 3) as usize]) {
                let (after, count) = crash(&run.world, run.durable, &run.models, &mut rng, &what);
                // Now and then go on from the crash: later crashes meet what this one left behind.
                if rng.chance(6) {
                    checkpoints += run.world.store.counters().checkpoints;
                    run.world = after;
                    run.models.truncate(count + 1);
                    run.durable = count;
                }
            }
        }
        // Old states are of no more use.
        if run.models.len() > 200 && run.durable == run.models.len() - 1 {
            run.models = vec![run.models.pop().unwrap()];
            run.durable = 0;
        }
    }
    checkpoints + run.world.store.counters().checkpoints
}

/// Mounting copies everything, so that seeds with large writes look at fewer points.
const CRASH_ONE_IN: [u64; 3] = [2, 3, 12];

#[test]
fn what_is_acknowledged_survives_a_crash_and_nothing_is_there_in_part() {
    let seeds = std::env::var("SEASTORE_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(50);
    let first = std::env::var("SEASTORE_SEED").ok().and_then(|s| s.parse().ok());
    match first {
        Some(seed) => drop(run_seed(seed, 150)),
        None => {
            let checkpoints: u64 = (0..seeds).map(|seed| run_seed(seed, 60)).sum();
            assert!(checkpoints >= 10, "{checkpoints} checkpoints: too few to mean something");
        }
    }
}
