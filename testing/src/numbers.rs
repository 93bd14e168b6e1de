//! Reproducible random numbers.

/// A random number generator (xorshift). The same seed produces the same numbers.
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// Creates a generator from a seed other than 0.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        assert!(seed != 0, "from 0 on every number is 0");
        Self(seed)
    }

    /// The next number.
    #[allow(clippy::should_implement_trait, reason = "there is always another one")]
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// A random boolean.
    pub fn flips(&mut self) -> bool {
        self.below(2) == 0
    }
}
