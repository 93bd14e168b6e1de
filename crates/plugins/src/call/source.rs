//! Event sources: `open`, `next_batch`, `get_progress`, `close`.

use std::ffi::CStr;
use std::ptr::{null, null_mut};
use std::sync::Arc;

use super::plugin::Initialised;
use super::{MAX_LIST, copied, copy_event, guarded};
use crate::abi::{self, Rc};
use crate::callbacks::Link;
use crate::events::Fault;

/// An open event source of a plugin. Dropping this closes the source.
pub(crate) struct OpenSource {
    instance: Arc<Initialised>,
    handle: abi::Handle,
    /// Events of the last batch, valid until the next batch.
    events: *const *const abi::Event,
    len: u32,
}

// SAFETY: the interface allows calls from any thread, one at a time; the batch does not move.
unsafe impl Send for OpenSource {}

impl OpenSource {
    /// Opens the source of the plugin.
    ///
    /// # Errors
    /// The plugin's text.
    pub(crate) fn open(instance: &Arc<Initialised>, params: &CStr) -> Result<Self, String> {
        let Some(open) = instance.symbols.open else {
            return Err("plugin_open symbol not implemented".into());
        };
        let mut rc = abi::FAILURE;
        let handle = {
            let _turn = instance.turn.take();
            // SAFETY: the state is of this plugin, and the parameters live during the call.
            guarded(|| unsafe { open(instance.state, params.as_ptr(), &mut rc) })
        };
        let instance = Arc::clone(instance);
        // If opening failed but the plugin returned a handle, the handle is closed, too.
        let source = Self { instance, handle: handle.unwrap_or(null_mut()), events: null(), len: 0 };
        if rc == abi::SUCCESS && handle.is_some() { Ok(source) } else { Err(source.instance.last_error()) }
    }

    /// Requests the next batch. Returns the result and the number of events. The events of the last batch
    /// become invalid.
    pub(crate) fn next_batch(&mut self) -> (Rc, u32) {
        (self.events, self.len) = (null(), 0);
        let Some(next_batch) = self.instance.symbols.next_batch else { return (abi::EOF, 0) };
        let (mut len, mut events) = (0, null());
        let rc = {
            let _turn = self.instance.turn.take();
            let state = self.instance.state;
            // SAFETY: state and handle are of this plugin.
            guarded(|| unsafe { next_batch(state, self.handle, &mut len, &mut events) })
        };
        if !events.is_null() && events.is_aligned() && u64::from(len) <= MAX_LIST {
            (self.events, self.len) = (events, len);
        }
        (rc.unwrap_or(abi::FAILURE), self.len)
    }

    /// Copies an event of the last batch. Reads only as many bytes as the checked lengths in the event
    /// allow.
    ///
    /// # Errors
    /// There is no such event, or its lengths are inconsistent.
    pub(crate) fn copy(&self, index: u32, out: &mut Vec<u8>) -> Result<(), Fault> {
        if index >= self.len {
            return Err(Fault);
        }
        // SAFETY: according to the plugin, its batch has that many pointers, valid until the next batch.
        let event = unsafe { self.events.add(index as usize).read() };
        // SAFETY: according to the plugin, its batch has an event at this address.
        unsafe { copy_event(event, out) }
    }

    /// Progress of the source, in hundredths of a percent and as the plugin's text; `None` if the plugin
    /// does not report progress.
    pub(crate) fn progress(&self) -> Option<(u32, Option<String>)> {
        let function = self.instance.symbols.get_progress?;
        let _turn = self.instance.turn.take();
        let mut progress = 0;
        let state = self.instance.state;
        // SAFETY: state and handle are of this plugin.
        let text = guarded(|| unsafe { copied(function(state, self.handle, &mut progress)) }).flatten();
        Some((progress, text))
    }

    pub(crate) fn last_error(&self) -> String {
        self.instance.last_error()
    }
}

impl Drop for OpenSource {
    fn drop(&mut self) {
        let Some(close) = self.instance.symbols.close else { return };
        if self.handle.is_null() {
            return;
        }
        let _turn = self.instance.turn.take();
        // SAFETY: state and handle are of this plugin, and nothing uses the handle after this.
        guarded(|| unsafe { close(self.instance.state, self.handle) });
    }
}
