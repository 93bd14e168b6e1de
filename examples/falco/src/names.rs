//! Domain names that rules compare addresses with: looked up beside the detection.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use eyas::rules::Engine;
use eyas::sinsp::SharedNames;
use eyas::sinsp::names::{Hosts, Resolver, system_addresses};

use crate::log;

/// How long the names are waited for: then events are tested with what is known.
const PATIENCE: Duration = Duration::from_secs(2);

static RESOLVER: LazyLock<Resolver> =
    LazyLock::new(|| Resolver::new(Hosts::at(Path::new("/etc/hosts")), Box::new(system_addresses)));

/// Has the names looked up that these rules mention, from here on.
pub fn ask(engine: &Engine) {
    match RESOLVER.set(engine.domain_names(), PATIENCE) {
        Ok(true) => {}
        Ok(false) => log::warning(
            "some domain names of the rules are not known yet: no name server answers; they are looked up again",
        ),
        Err(error) => {
            log::warning(&format!("domain names of the rules are not looked up: no thread: {error}"))
        }
    }
}

/// What inspectors follow.
pub fn shared() -> Option<SharedNames> {
    Some(RESOLVER.names())
}
