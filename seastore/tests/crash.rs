//! A crash after every device write, with writes under way lost, kept or torn.

mod common;
use common::*;
use seastore::*;
use types::HObject;

/// One transaction as it was submitted.
struct Submitted {
    durable: bool,
}

/// Mounts a copy of the disk on which each write under way was lost, kept, or torn at 512 bytes,
/// and checks that what is there is a prefix of what was submitted, no shorter than what was
/// acknowledged. Returns the mounted store and how many transactions it holds.
fn crash(
    world: &World,
    log: &[Submitted],
    models: &[Model],
    rng: &mut Rng,
    what: &str,
) -> (World, usize) {
    let mut disk = world.disk.clone();
    let fate = rng.below(4);
    for effect in &world.waiting {
        if let StoreEffect::Write { offset, buf, .. } = effect {
            match if fate == 3 { rng.below(3) } else { fate } {
                0 => {}
                1 => disk.write(*offset, buf),
                _ => disk.write_torn(*offset, buf, || rng.chance(2)),
            }
        }
    }
    let mut after = World::opened(disk, world.superblock, rng.next());
    if let Err(e) = after.mount() {
        panic!("{what}: mount: {e}");
    }
    after.assert_consistent();
    let found = contents(&mut after);
    let durable = log.iter().rposition(|t| t.durable).map_or(0, |i| i + 1);
    let count = (durable..models.len()).find(|n| models[*n] == found);
    let Some(count) = count else {
        let differing: Vec<&HObject> = found
            .keys()
            .chain(models[durable].keys())
            .filter(|o| found.get(*o) != models[durable].get(*o))
            .collect();
        panic!("{what}: no state from transaction {durable} on matches; differ: {differing:?}");
    };
    (after, count)
}

fn note_durable(world: &mut World, log: &mut [Submitted]) {
    for event in std::mem::take(&mut world.events) {
        match event {
            StoreEvent::Durable { token } => {
                assert!(log[..token as usize].iter().all(|t| t.durable), "out of order");
                log[token as usize].durable = true;
            }
            StoreEvent::Failed(e) => panic!("{e}"),
            _ => {}
        }
    }
}

/// Returns how many chunks of checkpoints are on the disk at the end.
fn run_seed(seed: u64, steps: u64) -> usize {
    let mut rng = Rng(seed.wrapping_mul(1000) + 17);
    let mut world = World::new(32 << 20);
    let (mut log, mut models) = (Vec::new(), vec![Model::new()]);
    // Some seeds write so much that checkpoints and the cleaner run all the time.
    let len_max = [3_000, 40_000, 400_000][(seed % 3) as usize];
    for step in 0..steps {
        let ops: Vec<_> = (0..1 + rng.below(3)).map(|_| random_op(&mut rng, 6, len_max)).collect();
        loop {
            match world.store.submit(ops.clone().into(), log.len() as u64) {
                Ok(()) => break,
                Err(SubmitError::Busy) => {
                    world.turn();
                    assert!(!world.waiting.is_empty(), "busy, and nothing under way");
                    world.perform(0);
                    note_durable(&mut world, &mut log);
                }
                Err(e) => panic!("seed {seed}: {e}"),
            }
        }
        let mut model = models.last().unwrap().clone();
        ops.iter().for_each(|op| apply_to_model(&mut model, op));
        log.push(Submitted { durable: false });
        models.push(model);
        if rng.chance(2) {
            world.turn();
        }
        while !world.waiting.is_empty() && !rng.chance(4) {
            let index = rng.below(world.waiting.len().min(3) as u64) as usize;
            world.perform(index);
            note_durable(&mut world, &mut log);
            let what = format!("seed {seed} step {step} io {}", world.io_count);
            if rng.chance(CRASH_ONE_IN[(seed % 3) as usize]) {
                let (after, count) = crash(&world, &log, &models, &mut rng, &what);
                // Now and then go on from the crash: later crashes meet what this one left behind.
                if rng.chance(6) {
                    world = after;
                    log.truncate(count);
                    models.truncate(count + 1);
                    log.iter_mut().for_each(|t| t.durable = true);
                }
            }
        }
        // Old states are of no more use.
        if models.len() > 200 {
            let durable = log.iter().take_while(|t| t.durable).count();
            if durable == log.len() {
                models = vec![models.pop().unwrap()];
                log.clear();
            }
        }
    }
    world.disk.blocks.values().filter(|block| block[..4] == *b"KSck").count()
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
            let chunks: usize = (0..seeds).map(|seed| run_seed(seed, 60)).sum();
            assert!(chunks >= 10, "{chunks} chunks of checkpoints: too few to mean something");
        }
    }
}

/// A torn record stayed where the journal had been cut, the next run went on in the next segment,
/// and the mount after that found both.
#[test]
fn what_a_crash_left_at_the_end_does_not_compete_with_the_next_run() {
    run_seed(151, 60);
}
