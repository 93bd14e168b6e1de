//! Looks up the domain names that rules compare with addresses, concurrently with detection.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use eyas::rules::Engine;
use eyas::sinsp::SharedNames;
use eyas::sinsp::names::{Hosts, Resolver, system_addresses};

use crate::log;

/// Timeout for the first lookups. After it, events are tested with the known addresses.
const PATIENCE: Duration = Duration::from_secs(2);

static RESOLVER: LazyLock<Resolver> =
    LazyLock::new(|| Resolver::new(Hosts::at(Path::new("/etc/hosts")), Box::new(system_addresses)));

/// Starts to look up the names in these rules.
pub fn look_up(engine: &Engine) {
    match RESOLVER.set(engine.domain_names(), PATIENCE) {
        Ok(true) => {}
        Ok(false) => log::warning(
            "some domain names of the rules are not known yet, because no name server responds; they are looked up again later",
        ),
        Err(error) => log::warning(&format!(
            "the domain names of the rules are not known yet: no thread: {error}; it is started later"
        )),
    }
}

/// The names for inspectors.
pub fn shared() -> Option<SharedNames> {
    Some(RESOLVER.names())
}
