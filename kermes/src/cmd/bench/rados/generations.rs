//! Which write of a run a block must hold when it is read.

/// Generations of all blocks of the objects of one core. Those of a run are greater than those of every
/// earlier run.
#[derive(Debug)]
pub struct Generations {
    /// First of this run.
    first: u64,
    next: u64,
    /// Of the last write of a block that was acknowledged; 0: none in this run.
    acknowledged: Vec<u64>,
}

impl Generations {
    pub fn new(first: u64, blocks: usize) -> Self {
        Self { first, next: first, acknowledged: vec![0; blocks] }
    }

    /// For a write that begins now.
    pub fn begin(&mut self) -> u64 {
        let generation = self.next;
        self.next += 1;
        generation
    }

    /// The write of `generation` to these blocks is acknowledged.
    pub fn acknowledge(&mut self, blocks: std::ops::Range<usize>, generation: u64) {
        for block in &mut self.acknowledged[blocks] {
            *block = (*block).max(generation);
        }
    }

    /// The least that a read of `block` which begins now may find; 0 for what an earlier run left.
    pub fn floor(&self, block: usize) -> u64 {
        self.acknowledged[block]
    }

    /// Whether a read that began when `floor` was the least may find units of these generations
    /// (least and greatest): of one write of this run that is no older than `floor`, or all of earlier
    /// runs.
    pub fn admits(&self, floor: u64, (least, most): (u64, u64)) -> bool {
        let whole = least == most || most < self.first;
        whole && least >= floor && most < self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_finds_the_last_write_or_one_under_way() {
        let mut all = Generations::new(1000, 2);
        // What an earlier run left, in smaller blocks perhaps; nothing of the future.
        assert!(all.admits(all.floor(0), (3, 7)) && !all.admits(all.floor(0), (1000, 1000)));
        let one = all.begin();
        assert!(all.admits(0, (one, one)) && all.admits(0, (3, 3)));
        assert!(!all.admits(0, (3, one)), "half of a write");
        all.acknowledge(0..1, one);
        let floor = all.floor(0);
        assert!(all.admits(floor, (one, one)) && !all.admits(floor, (3, 3)), "lost");
        assert_eq!(all.floor(1), 0);
        let two = all.begin();
        assert!(all.admits(floor, (two, two)) && !all.admits(floor, (one, two)));
        all.acknowledge(0..1, two);
        assert!(!all.admits(all.floor(0), (one, one)), "stale");
        // Acknowledged out of order.
        all.acknowledge(0..1, one);
        assert_eq!(all.floor(0), two);
    }
}
