//! `libs_logger`: writes `tracing` events of the libraries to the log.

use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU8, Ordering};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::config::LibsLogger;
use crate::log::{self, Level};

/// The most verbose level that is logged, as returned by [`rank`]; 0 for none.
static MAX: AtomicU8 = AtomicU8::new(0);

/// Applies `libs_logger`. The level of the log (`log_level`) applies, too.
pub fn configure(config: &LibsLogger) {
    MAX.store(if config.enabled { config.rank() } else { 0 }, Ordering::Relaxed);
    // If another subscriber is already set, it stays. This program sets no other.
    let _ = tracing::subscriber::set_global_default(Log);
    tracing::callsite::rebuild_interest_cache();
}

/// 1 for errors to 5 for traces.
fn rank(level: tracing::Level) -> u8 {
    match level {
        tracing::Level::ERROR => 1,
        tracing::Level::WARN => 2,
        tracing::Level::INFO => 3,
        tracing::Level::DEBUG => 4,
        tracing::Level::TRACE => 5,
    }
}

struct Log;

impl Subscriber for Log {
    /// Only the libraries of this project, because others report every frame of every connection.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !metadata.is_span()
            && metadata.target().starts_with("eyas_")
            && rank(*metadata.level()) <= MAX.load(Ordering::Relaxed)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let level = match *event.metadata().level() {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warning,
            tracing::Level::INFO => Level::Info,
            tracing::Level::DEBUG | tracing::Level::TRACE => Level::Debug,
        };
        let text = line.message + &line.fields;
        log::log(level, &format!("[libs]: {}", log::one_line(&text)));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line {
    message: String,
    /// ` NAME=VALUE` for each other field.
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_verbose_messages_are_dropped() {
        let with = |severity: &str| {
            let text = format!("{{\"enabled\": true, \"severity\": \"{severity}\"}}");
            serde_json::from_str::<LibsLogger>(&text).unwrap().rank()
        };
        let ranks = ["fatal", "error", "warning", "notice", "info", "debug", "trace"].map(with);
        assert_eq!(ranks, [1, 1, 2, 3, 3, 4, 5]);
    }

    #[test]
    fn only_messages_of_the_libraries_are_logged() {
        tracing::subscriber::with_default(Log, || {
            MAX.store(2, Ordering::Relaxed);
            tracing::callsite::rebuild_interest_cache();
            assert!(tracing::enabled!(target: "eyas_sinsp::runtimes", tracing::Level::WARN));
            assert!(!tracing::enabled!(target: "eyas_sinsp::runtimes", tracing::Level::DEBUG));
            assert!(!tracing::enabled!(target: "hyper", tracing::Level::ERROR));
        });
    }

    #[test]
    fn a_line_has_the_message_and_the_fields() {
        struct Seen(std::sync::Mutex<String>);
        impl Subscriber for &'static Seen {
            fn enabled(&self, _: &Metadata<'_>) -> bool {
                true
            }
            fn event(&self, event: &Event<'_>) {
                let mut line = Line::default();
                event.record(&mut line);
                *self.0.lock().unwrap() = format!("{}{}", line.message, line.fields);
            }
            fn new_span(&self, _: &Attributes<'_>) -> Id {
                Id::from_u64(1)
            }
            fn record(&self, _: &Id, _: &Record<'_>) {}
            fn record_follows_from(&self, _: &Id, _: &Id) {}
            fn enter(&self, _: &Id) {}
            fn exit(&self, _: &Id) {}
        }
        static SEEN: Seen = Seen(std::sync::Mutex::new(String::new()));
        tracing::subscriber::with_default(&SEEN, || {
            tracing::warn!(socket = %"/run/x.sock", n = 2, "a container runtime failed");
        });
        assert_eq!(*SEEN.0.lock().unwrap(), "a container runtime failed socket=/run/x.sock n=2");
    }
}
