//! Prints the processes of this machine, or of the beginning of a capture, as a tree with open sockets.
//! Needs no probe and no root.
//!
//! ```text
//! cargo run --example processes
//! cargo run --example processes -- demo/demo.scap.gz
//! ```

use std::collections::BTreeMap;
use std::error::Error;

use eyas::scap::{Advance, EventSource, Reader, Snapshot, proc};
use eyas::sinsp::Inspector;
use eyas::sinsp::state::{State, Thread};
use eyas_console::say;

fn main() -> Result<(), Box<dyn Error>> {
    let mut inspector = Inspector::default();
    inspector.load(match std::env::args().nth(1) {
        Some(capture) => beginning(&capture)?,
        None => proc::snapshot(&proc::Options::default())?,
    });

    let state = inspector.state();
    let mut children: BTreeMap<i64, Vec<&Thread>> = BTreeMap::new();
    for process in state.threads.iter().filter(|thread| thread.is_main()) {
        children.entry(process.ptid).or_default().push(process);
    }
    children.values_mut().for_each(|processes| processes.sort_by_key(|process| process.pid));
    let orphans: Vec<i64> =
        children.keys().copied().filter(|pid| state.threads.get(*pid).is_none()).collect();
    orphans.into_iter().for_each(|pid| print(state, &children, pid, 0));
    Ok(())
}

/// The state of the system at the beginning of the capture.
fn beginning(capture: &str) -> Result<Snapshot, Box<dyn Error>> {
    match Reader::open(capture)?.advance()? {
        Advance::Snapshot(snapshot) => Ok(*snapshot),
        _ => Err(format!("{capture} has no list of processes").into()),
    }
}

fn print(state: &State, children: &BTreeMap<i64, Vec<&Thread>>, parent: i64, depth: usize) {
    // Captures may contain anything, even a process that is its own grandchild.
    if depth > 64 {
        return;
    }
    for process in children.get(&parent).into_iter().flatten() {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let container = process.container.as_ref().map(|id| format!(" [{}]", text(id))).unwrap_or_default();
        say!("{:>7} {}{}{container}", process.pid, "  ".repeat(depth), text(&process.cmdline));
        let files = state.threads.fds(process).into_iter().flat_map(|files| files.iter());
        for (number, socket) in files.filter(|(_, file)| file.kind.is_inet() && !file.name.is_empty()) {
            let protocol = socket.l4.name();
            say!("{:>7} {}  {number}: {protocol} {}", "", "  ".repeat(depth), text(&socket.name));
        }
        print(state, children, process.pid, depth + 1);
    }
}
