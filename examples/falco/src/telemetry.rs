//! What others learn about a run while it lasts: metrics, and the web server.

use std::sync::Arc;

use anyhow::Result;

use crate::health::Health;
use crate::log;
use crate::metrics::{Facts, Meter, Samples, Ticker};
use crate::output::Hub;
use crate::setup::Setup;
use crate::web::{Pages, Server};

/// Runs beside the loop over events.
pub struct Telemetry {
    meter: Option<Arc<Meter>>,
    ticker: Option<Ticker>,
    /// Until the very end: what asks whether the program lives should hear it.
    server: Option<Server>,
}

impl Telemetry {
    /// Starts what the configuration asks for. Snapshots go to the outputs, too.
    ///
    /// # Errors
    /// The port or the file can't be had.
    pub fn start(setup: &Setup, hub: &Arc<Hub>, health: &Health) -> Result<Self> {
        let config = &setup.config;
        let is_replay = config.engine.is_replay();
        let meter = config.metrics.enabled.then(|| {
            let facts = Facts::gather(&setup.options.hostname, setup.files.at, !is_replay);
            Arc::new(Meter::new(config.metrics.clone(), facts, Arc::clone(hub)))
        });
        let server = match config.webserver.enabled {
            true => {
                let pages = Pages::new(&config.webserver, health.clone(), meter.as_ref());
                Some(Server::start(&config.webserver, pages))
            }
            false => None,
        };
        let server = match server {
            // With the configuration of a program that captures and has the port: a replay beside it needs none.
            Some(Err(error)) if is_replay => {
                log::warning(&format!("{error:#}; the replay goes on without"));
                None
            }
            server => server.transpose()?,
        };
        let ticker = match &meter {
            Some(meter) => Some(Ticker::start(Arc::clone(meter), config, hub)?),
            None => None,
        };
        Ok(Self { meter, ticker, server })
    }

    /// Where numbers are asked for, if anybody does.
    pub fn samples(&self) -> Option<&Samples> {
        self.meter.as_deref().map(Meter::samples)
    }

    /// No more events come: the last snapshot goes to the outputs.
    pub fn finish(&mut self) {
        if let Some(meter) = &self.meter {
            meter.samples().close();
        }
        self.ticker = None;
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        // Whoever waits for numbers of a loop that failed has them, and the server need not wait for that.
        self.finish();
        self.server = None;
    }
}
