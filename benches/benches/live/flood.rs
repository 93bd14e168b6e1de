//! Maximum number of events per second without a loss.

use std::fs::File;
use std::time::{Duration, Instant};

use eyas::events::SyscallCode;
use eyas::scap::live::{ProbeOptions, Source, Stop};
use eyas::scap::{EventSource, Next, Stats};
use eyas::sinsp::{Config, Inspector, Step};
use rustix::fd::AsFd;

use crate::peer::Peer;
use crate::{Failure, Settings, cases, stay};

/// Processing of the events.
#[derive(Clone, Copy)]
enum Reader {
    /// They are counted.
    Counts,
    /// The state is updated with them.
    Inspects,
}

pub(crate) fn print(settings: &Settings) -> Result<(), Failure> {
    println!("\nreads of 64 B, a second, for {} s, rings of 8 MiB\n", settings.flood.as_secs());
    for (reader, name) in [(Reader::Counts, "counted"), (Reader::Inspects, "through the state")] {
        let mut rest = 0;
        loop {
            let stats = flood(settings, reader, rest)?;
            let rate = stats.produced / settings.flood.as_secs();
            println!("{name:<18} {rate:>9} events, {:>8} of {} lost", stats.drops(), stats.produced);
            if stats.drops() == 0 {
                break;
            }
            // Time between bursts of calls, so that fewer are made.
            rest = rest * 4 / 3 + 5_000;
        }
    }
    if let Some(command) = &settings.peer {
        let mut cases = cases::all()?;
        let bare = (0..5).map(|_| cases[0].measure()).min().unwrap_or(0);
        let peer = Peer::start(command, &mut cases[0], bare)?;
        let made = calls(settings.flood, 0)?;
        println!("{:<18} {:>9} events", "peer", made / settings.flood.as_secs());
        peer.stop()?.iter().for_each(|line| println!("  {line}"));
    }
    Ok(())
}

/// Makes calls for this time, with a pause of `rest` ns after each hundred. Returns their number.
fn calls(time: Duration, rest: u64) -> Result<u64, Failure> {
    stay(true)?;
    let zero = File::open("/dev/zero")?;
    let mut buffer = [0; 64];
    let (start, mut made) = (Instant::now(), 0);
    while start.elapsed() < time {
        for _ in 0..100 {
            let _ = rustix::io::read(zero.as_fd(), &mut buffer);
        }
        made += 100;
        let pause = Instant::now();
        while (pause.elapsed().as_nanos() as u64) < rest {
            std::hint::spin_loop();
        }
    }
    Ok(made)
}

fn flood(settings: &Settings, reader: Reader, rest: u64) -> Result<Stats, Failure> {
    stay(false)?;
    let interest = Some(vec![SyscallCode::READ]);
    let (time, attach) = (settings.flood, settings.attach);
    let mut source = Source::open(ProbeOptions { interest, attach, ..ProbeOptions::default() })?;
    let stop: Stop = source.stop_handle();
    let mut inspector = Inspector::new(Config::default());
    if let Next::Snapshot(snapshot) = source.next()? {
        inspector.load(*snapshot);
    }
    let maker = std::thread::spawn(move || {
        let made = calls(time, rest).map_err(|failure| failure.to_string());
        stop.stop();
        made
    });
    match reader {
        Reader::Counts => while !matches!(source.next()?, Next::End) {},
        Reader::Inspects => while !matches!(inspector.next(&mut source)?, Step::End) {},
    }
    maker.join().map_err(|_| "the flood ended early")??;
    Ok(source.stats())
}
