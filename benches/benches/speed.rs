//! Each stage separately and all stages together. `cargo bench -p eyas-benches`; see the README beside.
#![forbid(unsafe_code)]

use criterion::Criterion;

mod audit;
mod event;
mod replay;
mod rules;
mod sets;
mod stages;

fn main() {
    // `cargo test --all-targets` starts benches, too, in a build without meaningful speed.
    if !std::env::args().any(|arg| arg == "--bench") {
        println!("skipped: benches run with `cargo bench` only");
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    stages::run(&mut criterion);
    event::run(&mut criterion);
    rules::run(&mut criterion);
    sets::run(&mut criterion);
    audit::run(&mut criterion);
    replay::run(&mut criterion);
    criterion.final_summary();
}
