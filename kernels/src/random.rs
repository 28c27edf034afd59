//! The one source of randomness: a small seeded generator, the same on every machine.
//!
//! Knows nothing of entropy or time, so whoever wants different numbers passes a different seed.
//! PCG-XSH-RR 64/32, O'Neill 2014, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms".

#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
    increment: u64,
}

impl Random {
    const MULTIPLIER: u64 = 6_364_136_223_846_793_005;

    /// `stream` separates uses of one seed: adding draws to one of them leaves the others as they were.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self { state: 0, increment: stream << 1 | 1 };
        random.next_u32();
        random.state = random.state.wrapping_add(seed);
        random.next_u32();
        random
    }

    pub fn next_u32(&mut self) -> u32 {
        let old = self.state;
        self.state = old.wrapping_mul(Self::MULTIPLIER).wrapping_add(self.increment);
        let shifted = ((old >> 18 ^ old) >> 27) as u32;
        shifted.rotate_right((old >> 59) as u32)
    }

    /// Leaves out as many draws as said, in a few steps. Brown 1994, "Random number generation with arbitrary strides".
    pub fn skip(&mut self, mut draws: u64) {
        let (mut multiplier, mut increment) = (Self::MULTIPLIER, self.increment);
        while draws > 0 {
            if draws & 1 == 1 {
                self.state = self.state.wrapping_mul(multiplier).wrapping_add(increment);
            }
            increment = increment.wrapping_mul(multiplier.wrapping_add(1));
            multiplier = multiplier.wrapping_mul(multiplier);
            draws >>= 1;
        }
    }

    /// A whole number in `0..bound`, each equally likely.
    ///
    /// # Panics
    /// If `bound` is zero or exceeds 32 bits.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u32::try_from(bound).expect("a bound fits 32 bits");
        assert!(bound > 0, "there is no number below zero");
        // Numbers under the threshold would make the low results one draw likelier than the others.
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u64::from(self.next_u32()) * u64::from(bound);
            if product as u32 >= threshold {
                return (product >> 32) as usize;
            }
        }
    }

    /// A number in `low..high`, on a grid of 2^24 steps.
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        let unit = (self.next_u32() >> 8) as f32 / 16_777_216.0;
        low + (high - low) * unit
    }

    /// Puts `items` in an order in which every permutation is equally likely (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_the_published_sequence() {
        let mut random = Random::new(42, 54);
        let drawn: Vec<u32> = (0..6).map(|_| random.next_u32()).collect();
        assert_eq!(drawn, [0xa15c02b7, 0x7b47f409, 0xba1d3330, 0x83d2f293, 0xbfa4784b, 0xcbed606e]);
    }

    #[test]
    fn skipping_leaves_out_as_many_draws() {
        for draws in [0, 1, 2, 7, 1000] {
            let (mut drawing, mut skipping) = (Random::new(42, 54), Random::new(42, 54));
            for _ in 0..draws {
                drawing.next_u32();
            }
            skipping.skip(draws);
            assert_eq!(skipping.next_u32(), drawing.next_u32(), "after {draws}");
        }
    }

    #[test]
    fn every_number_below_a_bound_is_about_equally_likely() {
        let mut random = Random::new(1, 0);
        let mut counts = [0; 6];
        (0..6000).for_each(|_| counts[random.below(6)] += 1);
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<usize> = (0..100).collect();
        Random::new(3, 0).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn uniform_numbers_stay_inside_their_interval_and_centre_on_its_middle() {
        let mut random = Random::new(5, 0);
        let drawn: Vec<f32> = (0..10_000).map(|_| random.uniform(-2.0, 4.0)).collect();
        assert!(drawn.iter().all(|value| (-2.0..4.0).contains(value)));
        let mean = drawn.iter().sum::<f32>() / 10_000.0;
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
    }
}
