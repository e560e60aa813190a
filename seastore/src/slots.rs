//! Things that wait for an answer, each under a number.

/// Values under numbers that this gives out. Insertion and removal take one access to memory each.
///
/// A number is given out again after 65536 other values have used its slot.
pub(crate) struct Slots<T> {
    /// How often the slot was given out, and what is in it.
    slots: Vec<(u16, Option<T>)>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// The number that the next [`Slots::insert`] gives. Below 2^48, never 0.
    pub fn next(&self) -> u64 {
        match self.free.last() {
            Some(index) => number(self.slots[*index as usize].0, *index),
            None => number(0, self.slots.len() as u32),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }

    pub fn insert(&mut self, value: T) -> u64 {
        let id = self.next();
        match self.free.pop() {
            Some(index) => self.slots[index as usize].1 = Some(value),
            None => self.slots.push((0, Some(value))),
        }
        id
    }

    pub fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        let (used, value) = self.slots.get_mut(index_of(id)?)?;
        if *used == (id >> 32) as u16 { value.as_mut() } else { None }
    }

    pub fn remove(&mut self, id: u64) -> Option<T> {
        let index = index_of(id)?;
        let (used, value) = self.slots.get_mut(index)?;
        if *used != (id >> 32) as u16 {
            return None;
        }
        let value = value.take()?;
        *used = used.wrapping_add(1);
        self.free.push(index as u32);
        Some(value)
    }

    /// In no order that means anything, but the same in every run.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|(_, value)| value.as_ref())
    }

    /// Removes everything.
    pub fn drain(&mut self) -> impl Iterator<Item = T> + '_ {
        let free = &mut self.free;
        self.slots.iter_mut().enumerate().filter_map(|(index, (used, value))| {
            let value = value.take()?;
            *used = used.wrapping_add(1);
            free.push(index as u32);
            Some(value)
        })
    }
}

fn number(used: u16, index: u32) -> u64 {
    (used as u64) << 32 | (index as u64 + 1)
}

fn index_of(id: u64) -> Option<usize> {
    (id as u32 as usize).checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_names_one_value() {
        let mut slots = Slots::default();
        let expected = slots.next();
        let a = slots.insert('a');
        let b = slots.insert('b');
        assert_eq!(a, expected);
        assert_eq!(slots.remove(a), Some('a'));
        assert_eq!(slots.remove(a), None);
        let expected = slots.next();
        let c = slots.insert('c');
        assert_eq!(c, expected);
        assert_ne!(a, c, "the slot is the same, the number is not");
        assert_eq!(slots.get_mut(a), None);
        assert_eq!(slots.remove(a), None);
        *slots.get_mut(b).unwrap() = 'B';
        assert_eq!(slots.values().copied().collect::<String>(), "cB");
        assert_eq!(slots.drain().collect::<String>(), "cB");
        assert_eq!((slots.remove(b), slots.remove(0), slots.remove(77)), (None, None, None));
        assert_eq!(slots.values().count(), 0);
        assert!(slots.insert('d') < 1 << 48);
    }
}
