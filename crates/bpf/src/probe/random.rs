//! Random numbers.

use std::hash::{BuildHasher, RandomState};

/// Random numbers, which differ for each loaded probe.
pub(super) fn numbers<const COUNT: usize>() -> [u64; COUNT] {
    let state = RandomState::new();
    std::array::from_fn(|at| state.hash_one(at))
}
