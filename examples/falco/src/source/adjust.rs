//! Sources whose captured events change with the rules.

use anyhow::Result;
use eyas::events::EventType;
#[cfg(feature = "live")]
use eyas::events::SyscallCode;
use eyas::events::filter::Filter;
#[cfg(feature = "live")]
use eyas::fields::CodeSet;
use eyas::rules::Engine;
#[cfg(feature = "live")]
use eyas::scap::live::HookSource;
use eyas::scap::{EventSource, Reader};
use eyas::sinsp::plugin::{AsyncSource, PluginSource};

use super::idle::Idle;
#[cfg(feature = "live")]
use super::interest::{hooks, interest};
#[cfg(feature = "live")]
use super::live::{decide, order};
use crate::config::Config;

/// The memory of verdicts that the probe shares.
#[cfg(feature = "live")]
pub use eyas::scap::live::Verdicts as ProcessTable;

/// The replacement without a probe.
#[cfg(not(feature = "live"))]
pub use super::no_probe::ProcessTable;

/// The system calls that rules and state need.
#[cfg(feature = "live")]
pub struct Interest {
    calls: Vec<SyscallCode>,
    /// Method of capturing decisions of the kernel's security hooks.
    hooks: Option<HookSource>,
    /// The types of events that rules can match.
    codes: CodeSet,
}
/// The system calls that rules and state need. In this build, replays use everything in the capture.
#[cfg(not(feature = "live"))]
pub struct Interest;

impl Interest {
    /// The interest of these rules.
    #[cfg(feature = "live")]
    pub fn of(config: &Config, engine: &Engine) -> Self {
        let calls = interest(&config.base_syscalls, Some(engine));
        Self { calls, hooks: hooks(config.engine.modern_ebpf.lsm, engine), codes: engine.codes().clone() }
    }

    /// The interest of these rules.
    #[cfg(not(feature = "live"))]
    pub fn of(_: &Config, _: &Engine) -> Self {
        Self
    }
}

/// A source whose events other rules are to see.
pub trait Adjust: EventSource {
    /// Changes the captured events.
    ///
    /// # Errors
    /// The kernel refuses. The source then still captures at least the previous events.
    fn adjust(&mut self, interest: &Interest) -> Result<()>;

    /// Sets a filter: events that it rejects are not sent. One in `sample` of them is delivered anyway,
    /// with a mark.
    ///
    /// # Errors
    /// The kernel refuses. No event is filtered out then.
    fn filter(&mut self, _filter: Option<&Filter>, _sample: u32) -> Result<()> {
        Ok(())
    }

    /// Disables the filter until it is set again.
    ///
    /// # Errors
    /// As for [`Adjust::filter`].
    fn pause_filter(&mut self) -> Result<()> {
        Ok(())
    }

    /// Stops filtering out events of this type.
    fn send_all(&mut self, _ty: EventType) {}

    /// Verdicts on processes for the filter; `None` if the filter needs none, or the kernel does not map them.
    fn processes(&mut self) -> Option<ProcessTable> {
        None
    }

    /// Changes that other processes made to the probe since the last call, a sentence for each.
    fn tampering(&mut self) -> Vec<String> {
        Vec::new()
    }
}

impl Adjust for Reader {
    fn adjust(&mut self, _: &Interest) -> Result<()> {
        Ok(())
    }
}

impl Adjust for Idle {
    fn adjust(&mut self, _: &Interest) -> Result<()> {
        Ok(())
    }
}

impl Adjust for PluginSource {
    fn adjust(&mut self, _: &Interest) -> Result<()> {
        Ok(())
    }
}

impl<S: Adjust> Adjust for AsyncSource<S> {
    fn adjust(&mut self, interest: &Interest) -> Result<()> {
        self.inner_mut().adjust(interest)
    }

    fn tampering(&mut self) -> Vec<String> {
        self.inner_mut().tampering()
    }
}

#[cfg(feature = "live")]
impl Adjust for eyas::scap::live::Source {
    fn adjust(&mut self, interest: &Interest) -> Result<()> {
        self.set_interest(Some(&interest.calls))?;
        self.set_order(|ty| order(ty, &interest.codes));
        decide(self, interest.hooks)
    }

    fn filter(&mut self, filter: Option<&Filter>, sample: u32) -> Result<()> {
        Ok(self.set_filter(filter, sample)?)
    }

    fn pause_filter(&mut self) -> Result<()> {
        Ok(Self::pause_filter(self)?)
    }

    fn send_all(&mut self, ty: EventType) {
        Self::send_all(self, ty);
    }

    fn processes(&mut self) -> Option<ProcessTable> {
        self.verdicts().ok()
    }

    fn tampering(&mut self) -> Vec<String> {
        Self::tampering(self).iter().map(ToString::to_string).collect()
    }
}
