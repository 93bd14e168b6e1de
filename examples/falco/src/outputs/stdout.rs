//! `stdout_output`: writes alerts to standard output.

use anyhow::Result;
use rustix::fs::FileType;
use serde::{Deserialize, Serialize};

use crate::config::{Config, JSON_SCHEMA, JsonSchema, Shape};
use crate::output::{Alert, Cx, Failure, Lines, Output, Section};

/// Maximum number of bytes of one write, which a pipe accepts as a whole.
const PIPE_BYTES: usize = 4096;

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

    fn open(&self, _: &Config) -> Result<Box<dyn Output>> {
        // A write to a pipe returns only when all bytes are in the pipe, so progress of a slow reader would
        // be invisible until then.
        let is_file = rustix::fs::fstat(std::io::stdout())
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
        let most = if is_file { usize::MAX } else { PIPE_BYTES };
        Ok(Box::new(Stdout { lines: Lines::default(), most }))
    }
}

struct Stdout {
    lines: Lines,
    /// Maximum number of bytes per write.
    most: usize,
}

impl Output for Stdout {
    fn most(&self) -> usize {
        usize::MAX
    }

    fn deliver(&mut self, alerts: &[Alert], cx: &Cx<'_>) -> Result<usize, Failure> {
        let most = self.most;
        let put = |bytes: &[u8]| {
            // Ends with a complete line if possible, so that no other output splits a line.
            let cut = &bytes[..bytes.len().min(most)];
            let line = cut.iter().rposition(|byte| *byte == b'\n').map_or(cut.len(), |end| end + 1);
            match eyas_console::write(&cut[..line]) {
                Ok(()) => Ok(line),
                Err((0, error)) => Err(error),
                Err((written, _)) => Ok(written),
            }
        };
        self.lines.write(alerts, cx, put, || Ok(()))
    }
}
