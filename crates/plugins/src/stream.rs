//! An open event source, for the inspector.

use std::sync::Arc;

use eyas_events::EventType;
use eyas_sinsp::plugin::{Batch, BatchedEvent, EventStream, Flow, PluginError, PluginInfo};

use crate::abi;
use crate::call::OpenSource;
use crate::events;

/// An event source that is open.
pub(crate) struct Stream {
    source: OpenSource,
    info: Arc<PluginInfo>,
    frame: Vec<u8>,
}

impl Stream {
    pub(crate) fn new(source: OpenSource, info: &Arc<PluginInfo>) -> Self {
        Self { source, info: Arc::clone(info), frame: Vec::new() }
    }

    /// Copies an event of the last batch.
    fn push(&mut self, index: u32, batch: &mut Batch) -> Result<(), String> {
        let name = &self.info.name;
        let malformed = || match self.info.source {
            Some(_) => format!("malformed plugin event produced by plugin: '{name}'"),
            None => format!("malformed plugin event produced by plugin (no ID): '{name}'"),
        };
        self.source.copy(index, &mut self.frame).map_err(|_| malformed())?;
        let event = events::raw(&self.frame).ok_or_else(malformed)?;
        let ts = (event.ts != u64::MAX).then_some(event.ts);
        let is_plugin_event = event.ty == EventType::PLUGINEVENT_E;
        let params = event.uint(0).zip(event.param(1)).filter(|_| is_plugin_event && event.nparams() == 2);
        match (&self.info.source, params) {
            (Some(own), Some((id, data))) => {
                if id != 0 && id != u64::from(own.id) {
                    let expected = own.id;
                    return Err(format!(
                        "unexpected plugin ID in plugin event: plugin='{name}', expected_id={expected}, actual_id={id}"
                    ));
                }
                batch.push(ts, data);
            }
            (Some(_), None) => return Err(malformed()),
            (None, params) => {
                if is_plugin_event && params.is_none_or(|(id, _)| id == 0) {
                    return Err(malformed());
                }
                let tid = if is_plugin_event { -1 } else { event.tid };
                let (ty, nparams, body) = (event.ty, event.nparams() as u32, event.body());
                batch.push_event(BatchedEvent { ts, tid, ty, nparams, body });
            }
        }
        Ok(())
    }
}

impl EventStream for Stream {
    fn next_batch(&mut self, batch: &mut Batch) -> Result<Flow, PluginError> {
        let (rc, len) = self.source.next_batch();
        for index in 0..len {
            self.push(index, batch)?;
        }
        match rc {
            abi::SUCCESS if len == 0 => {
                Err(format!("unexpected 0 size event returned by plugin {}", self.info.name).into())
            }
            abi::SUCCESS => Ok(Flow::More),
            abi::TIMEOUT => Ok(Flow::Idle),
            abi::EOF => Ok(Flow::End),
            _ => Err(self.source.last_error().into()),
        }
    }

    fn progress(&mut self) -> Option<(f64, String)> {
        let (hundredths, text) = self.source.progress()?;
        Some((f64::from(hundredths) / 100.0, text.unwrap_or_default()))
    }
}
