//! `stdout_output`: writes alerts to standard output.

use anyhow::Result;
use eyas_console::descriptor::is_named_fifo;
use serde::{Deserialize, Serialize};

use crate::config::{Config, JSON_SCHEMA, JsonSchema, Shape};
use crate::output::{Alert, Cx, Failure, Lines, NO_READER, Output, Section, most_of, whole_lines};

/// `stdout_output:`
#[derive(Deserialize, Serialize)]
#[serde(default)]
pub struct Settings {
    /// Whether the output is enabled.
    pub enabled: bool,
    /// Schema of the written alerts.
    pub json_schema: JsonSchema,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: true, json_schema: JsonSchema::Falco }
    }
}

impl Section for Settings {
    const NAME: &'static str = "stdout_output";
    const KEYS: &'static [(&'static str, Shape)] = &[("enabled", Shape::Bool), JSON_SCHEMA];
    const IS_STDOUT: bool = true;
    const FAILS_REPLAY: bool = true;

    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn json_schema(&self) -> JsonSchema {
        self.json_schema
    }

    fn place(&self) -> String {
        "standard output".to_owned()
    }

    fn open(&self, config: &Config) -> Result<Box<dyn Output>> {
        let stdout = std::io::stdout();
        let waits = !config.engine.is_replay() && is_named_fifo(&stdout);
        Ok(Box::new(Stdout { lines: Lines::default(), most: most_of(stdout), waits }))
    }
}

struct Stdout {
    lines: Lines,
    /// Maximum number of bytes per write.
    most: usize,
    /// Whether alerts wait for another reader when one has gone.
    waits: bool,
}

impl Output for Stdout {
    fn most(&self) -> usize {
        usize::MAX
    }

    fn deliver(&mut self, alerts: &[Alert], cx: &Cx<'_>) -> Result<usize, Failure> {
        let most = self.most;
        let put = |bytes: &[u8]| {
            let lines = whole_lines(bytes, most);
            match eyas_console::write(lines) {
                Ok(()) => Ok(lines.len()),
                Err((0, error)) => Err(error),
                Err((written, _)) => Ok(written),
            }
        };
        let outcome = self.lines.write(alerts, cx, put, || Ok(()));
        if self.waits && matches!(outcome, Err(Failure::Gone)) {
            // The next reader gets the line from its beginning.
            self.lines.restart(true);
            return Err(Failure::Later(NO_READER.to_owned()));
        }
        outcome
    }
}
