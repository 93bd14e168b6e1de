//! Every task of the project as a cargo command: `cargo xtask`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use eyas_console::{note, say};

mod checks;
mod codegen;
mod containers;
mod demo;
mod differential;
mod dist;
mod fuzz;
mod guide;
mod kernels;
mod load;
mod picture;
mod proof;
mod publish;
mod screens;
mod setup;
mod shell;
mod soak;
mod suite;

use setup::Consent;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo [--yes]      replay a small capture, then capture live, and show the alerts
  test [OPTION...] [--yes]
                    run every test: as `cargo test` does, but several binaries at a time, and live tests while cargo builds;
                    or the tests that options of cargo choose: --test NAME, --lib
  check [--yes]     formatting, lints, documentation, its links and language, the probe for every
                    architecture, generated files, the stated version of Rust, publication (a dry run, which asks the
                    registry unless CARGO_NET_OFFLINE=true)
  codegen [--check | --objects]
                    write the generated pages and picture of docs/ and, if its sources changed, compile the probe (needs clang);
                    or only compare them; or compile the probe whatever changed
  kernels [WHICH [PROGRAM [TEST]]]
                    the live tests on Debian's kernels in an emulator, and on this one; writes docs/kernels.md,
                    unless WHICH is given: bullseye, bookworm, trixie, sid, backports, backports-full, bookworm-arm64,
                    trixie-arm64, trixie-arm64-16k or here; `page` writes it from the last runs, and keeps the results of
                    programs that did not run on this computer;
                    EYAS_BPF_LOG=1 shows the verifier's log, EYAS_KERNEL_ARGUMENTS is appended to the
                    kernel's command line
  containers        run containers of every runtime that the machine has, and print what sysdig knows of each at its first
                    process, live and in a capture; needs root and busybox-static
  guide             follow the guides that add a system call and a field in a copy of the workspace, and capture the call
  fuzz [TARGET [RUNS]]
                    fuzz, with coverage, the code that reads untrusted bytes; needs cargo-fuzz
  dist [--programs DIR | --image DIR]
                    make packages, tarballs and the root file system of an image, in target/dist: of new programs, or of
                    those in DIR; or only the root file system
  screens           draw `sysdig top` and a report for docs/images; needs tmux and Chromium
  bench             run the benchmarks
  load [SECONDS [COMMAND...]]
                    measure falco's cost and losses while every core opens and closes files (60 s), and those of
                    another detector that COMMAND starts
  soak [MINUTES]    run falco with all rules and every output while builds and connections over loopback run (10), and
                    measure its CPU time, memory and losses; needs root
  differential [MINUTES] [--falco PROGRAM]
                    run two falcos side by side with all rules, one with the probe's filter and one without it, while builds,
                    attacks and containers run (60), and compare their alerts; needs root; PROGRAM instead of a new build
  proof [--quick] [--peer COMMAND] [--falco PROGRAM] [--to FOLDER]
                    measure on this machine and write docs/proof.md and docs/proof.html: at most three minutes for each
                    detector, one with --quick; {rules} in COMMAND stands for the rules file; PROGRAM instead of a new build

`demo`, `test`, `check` and `kernels` install missing packages with apt-get. On a terminal they list the packages and ask
first; with --yes, or without a terminal, they do not ask.";

fn main() -> ExitCode {
    if kernels::guest::is_here() {
        kernels::guest::run();
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut words: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut consent = Consent::Ask;
    if let ["demo" | "test" | "check", .., "--yes"] = words.as_slice() {
        consent = Consent::Given;
        words.pop();
    }
    let done = match words.as_slice() {
        ["demo"] => demo::run(consent),
        ["test", options @ ..] => setup::ensure(consent).and_then(|()| suite::run(options)),
        ["check"] => setup::ensure_clang(consent).and_then(|()| checks::run()),
        ["dist"] => setup::ensure(consent).and_then(|()| dist::run_all(None)),
        ["dist", "--programs", dir] => dist::run_all(Some(dir.as_ref())),
        ["dist", "--image", dir] => dist::run_image(dir.as_ref()),
        ["codegen"] => codegen::write(),
        ["codegen", "--check"] => codegen::check(),
        ["codegen", "--objects"] => codegen::write_objects(),
        ["kernels", which @ ..] => setup::ensure(consent).and_then(|()| kernels::run(which)),
        ["containers"] => containers::run(),
        ["guide"] => setup::ensure(consent).and_then(|()| guide::run()),
        ["fuzz", words @ ..] => fuzz::run(words),
        ["load"] => load::run("60", &[]),
        ["load", seconds, other @ ..] => load::run(seconds, other),
        ["soak"] => soak::run("10"),
        ["soak", minutes] => soak::run(minutes),
        ["differential", words @ ..] => differential::run(words),
        ["spin", seconds] => load::spin(seconds),
        ["proof", words @ ..] => proof::run(words),
        ["pace", words @ ..] => proof::generator::run(words),
        ["screens"] => screens::run(),
        ["bench"] => shell::cargo(&["bench", "--workspace"]),
        [] | ["help" | "--help" | "-h"] => {
            say!("{USAGE}");
            Ok(())
        }
        _ => Err(format!("unknown command `{}`\n\n{USAGE}", words.join(" "))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
