//! Telemetry of a run: metrics and the web server.

use std::sync::Arc;

use anyhow::Result;

use crate::health::Health;
use crate::log;
use crate::metrics::{Facts, Meter, Samples, Ticker};
use crate::output::Hub;
use crate::setup::Setup;
use crate::web::{Pages, Server};

/// Runs concurrently with the event loop.
pub struct Telemetry {
    meter: Option<Arc<Meter>>,
    ticker: Option<Ticker>,
    /// Kept until the end, so that health checks get a response.
    server: Option<Server>,
}

impl Telemetry {
    /// Starts the configured parts. Snapshots go to the outputs, too.
    ///
    /// # Errors
    /// The port or the file is not available.
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
            // A replay may use the configuration of a capturing falco, which already has the port. The
            // replay does not need the server.
            Some(Err(error)) if is_replay => {
                log::warning(&format!("{error:#}; the replay continues without the server"));
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

    /// The exchange point for samples, if metrics are enabled.
    pub fn samples(&self) -> Option<&Samples> {
        self.meter.as_deref().map(Meter::samples)
    }

    /// Call this when no more events arrive. The last snapshot goes to the outputs.
    pub fn finish(&mut self) {
        if let Some(meter) = &self.meter {
            meter.samples().close();
        }
        self.ticker = None;
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        // Releases threads that wait for a sample of a failed loop, so that the server need not wait for
        // them.
        self.finish();
        self.server = None;
    }
}
