//! Work of one test on all CPUs.

use std::num::NonZero;
use std::sync::Mutex;
use std::thread;

/// Calls `each` with every item, on as many threads as there are CPUs; returns the results in the order of the items. A panic
/// of `each` fails the test.
pub fn on_all_cpus<T: Send, R: Send>(
    items: impl IntoIterator<Item = T>,
    each: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let waiting = Mutex::new(items.into_iter().collect::<Vec<_>>().into_iter().enumerate());
    // A statement of its own, so that the next item can be taken during the call.
    let next = || waiting.lock().expect("no call is under the lock").next();
    let work = || {
        let mut done = Vec::new();
        while let Some((place, item)) = next() {
            done.push((place, each(item)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..thread::available_parallelism().map_or(1, NonZero::get)).map(|_| scope.spawn(work)).collect();
        let results = threads.into_iter().map(|thread| thread.join());
        results
            .flat_map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Vec<_>>()
    });
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        assert_eq!(on_all_cpus(0..100, |n| n * 2), (0..100).map(|n| n * 2).collect::<Vec<_>>());
    }

    #[test]
    #[should_panic(expected = "seven")]
    fn a_panic_fails_the_test() {
        on_all_cpus(0..10, |n| assert_ne!(n, 7, "seven"));
    }
}
