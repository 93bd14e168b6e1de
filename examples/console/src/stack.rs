//! The stack of a program's main function, whose size is a limit of the program's parent (`ulimit -s`).

use std::panic::resume_unwind;
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Size of the stack, bytes: the usual limit. Parsers of rules, YAML and JSON limit their depth so that they need less.
const SIZE: u64 = 8 << 20;

/// Runs the main function with at least 8 MiB of stack: raises the limit, or runs it in another thread if the system does not
/// allow that.
pub fn with_stack<T: Send + 'static>(main: fn() -> T) -> T {
    if is_raised() {
        return main();
    }
    match thread::Builder::new().stack_size(SIZE as usize).spawn(main) {
        Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
        // The system allows no further thread.
        Err(_) => main(),
    }
}

/// Raises a lower limit. The kernel compares the size with the limit whenever the stack of the first thread grows, so this has an
/// effect at once.
fn is_raised() -> bool {
    let limit = getrlimit(Resource::Stack);
    match limit.current {
        Some(size) if size < SIZE => {
            let maximum = limit.maximum.map(|maximum| maximum.max(SIZE));
            setrlimit(Resource::Stack, Rlimit { current: Some(SIZE), maximum }).is_ok()
        }
        _ => true,
    }
}
