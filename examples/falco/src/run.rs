//! The loop: events in, alerts out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use eyas::rules::{AlertOptions, Engine, Priority};
use eyas::sinsp::{Inspector, Step};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;

use crate::args::Args;
use crate::config::Config;
use crate::drops::Monitor;
use crate::log;
use crate::output::{Line, Outputs};
use crate::source::{self, Opened};
use crate::stats::RuleCounts;

/// Signals that were received.
struct Signals {
    stop: Arc<AtomicBool>,
    reopen: Arc<AtomicBool>,
}

impl Signals {
    fn listen() -> Result<Self> {
        let this = Self { stop: Arc::default(), reopen: Arc::default() };
        for signal in [SIGINT, SIGTERM] {
            // A second signal ends the program whatever it does.
            flag::register_conditional_default(signal, this.stop.clone())
                .and_then(|_| flag::register(signal, this.stop.clone()))
                .context("can't listen for signals")?;
        }
        flag::register(SIGUSR1, this.reopen.clone()).context("can't listen for signals")?;
        Ok(this)
    }
}

/// Events between two looks at the clock and the counters.
const STRIDE: u64 = 1024;

/// Captures or replays until the end, the time limit or a signal; prints alerts and statistics.
pub fn run(args: &Args, config: &Config, engine: &Engine) -> Result<()> {
    let signals = Signals::listen()?;
    let mut outputs = Outputs::open(config, args.unbuffered)?;
    let Opened { mut source, inspector, live } = source::open(config, engine)?;
    log::info(&match live {
        true => "Opening 'syscall' source with modern BPF probe.".to_owned(),
        false => {
            let path = config.engine.replay.capture_file.display();
            format!("Opening 'syscall' source with capture file {path}")
        }
    });
    let options = alert_options(config);
    let mut inspector = Inspector::new(inspector);
    let mut evaluator = engine.evaluator();
    let mut monitor = Monitor::new(config.syscall_event_drops.clone());
    let (mut counts, mut found, mut line) = (RuleCounts::default(), Vec::new(), Vec::new());
    let began = Instant::now();
    let limit = Duration::from_secs(args.duration);
    let mut first_ts = 0;
    let mut events: u64 = 0;
    let outcome = loop {
        if signals.stop.load(Ordering::Relaxed) {
            break Ok(());
        }
        if live && (events.is_multiple_of(STRIDE) || monitor.is_due()) {
            if args.duration > 0 && began.elapsed() >= limit {
                break Ok(());
            }
            if signals.reopen.swap(false, Ordering::Relaxed) {
                outputs.reopen();
            }
            if monitor.is_due() {
                match monitor.check(source.stats()) {
                    Ok(None) => {}
                    Ok(Some(message)) => {
                        let text = internal_alert(&message, config.json_output, &options.hostname);
                        outputs.send(Line { text: text.as_bytes(), severity: Priority::Debug as u8 })?;
                    }
                    Err(error) => break Err(error),
                }
            }
        }
        let step = inspector.next(&mut *source);
        // By reference: the view is large enough for a copy to show.
        match &step {
            Ok(Step::Event(view)) => {
                events += 1;
                if !live && args.duration > 0 {
                    let ts = view.event().ts;
                    if first_ts == 0 {
                        first_ts = ts;
                    }
                    if ts.saturating_sub(first_ts) >= limit.as_nanos() as u64 {
                        break Ok(());
                    }
                }
                evaluator.matches(view, &mut found);
                for hit in found.drain(..) {
                    counts.count(hit);
                    let alert = engine.alert(hit, view, &options);
                    line.clear();
                    match config.json_output {
                        true => alert.write_json(&mut line),
                        false => alert.write_text(&mut line),
                    }
                    let severity = engine.rule(hit.rule).priority as u8;
                    outputs.send(Line { text: &line, severity })?;
                }
            }
            Ok(Step::Idle) => outputs.flush()?,
            Ok(Step::End) => break Ok(()),
            Err(_) => {}
        }
        if let Err(error) = step {
            break Err(error.into());
        }
    };
    outputs.flush()?;
    let elapsed = began.elapsed().as_secs_f64();
    eprintln!("{}", monitor.summary());
    if args.verbose {
        let stats = source.stats();
        eprintln!("Driver Events:{}\nDriver Drops:{}", stats.produced, stats.drops());
        eprintln!(
            "Elapsed time: {elapsed:.3}, Captured Events: {events}, {:.2} eps",
            events as f64 / elapsed.max(f64::MIN_POSITIVE)
        );
    }
    print!("{}", counts.summary(engine));
    outcome
}

/// An alert of the program's own.
fn internal_alert(message: &str, json: bool, hostname: &str) -> String {
    let now = jiff::Zoned::now();
    if json {
        let time = now.timestamp().strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string();
        return serde_json::json!({
            "hostname": hostname,
            "output": message,
            "priority": "Debug",
            "rule": "Falco internal: syscall event drop",
            "source": "internal",
            "time": time,
        })
        .to_string();
    }
    format!("{}: Debug {message}", now.strftime("%H:%M:%S.%9f"))
}

fn alert_options(config: &Config) -> AlertOptions {
    AlertOptions {
        hostname: hostname(),
        time_iso_8601: config.time_format_iso_8601,
        json_output: config.json_include_output_property,
        json_message: config.json_include_message_property,
        json_fields: config.json_include_output_fields_property,
        json_tags: config.json_include_tags_property,
        ..AlertOptions::default()
    }
}

/// `FALCO_HOSTNAME`, or what the kernel says.
fn hostname() -> String {
    std::env::var("FALCO_HOSTNAME")
        .unwrap_or_else(|_| rustix::system::uname().nodename().to_string_lossy().into_owned())
}
