//! The ways to see decisions of the kernel's security hooks.

use std::fmt;

use eyas_events::Hook;

use crate::features::security_modules;

/// The requested way to see decisions of security hooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HookSource {
    /// The first way that the kernel supports.
    #[default]
    Auto,
    /// Only BPF LSM.
    Lsm,
    /// Only the ends of kernel functions.
    Functions,
}

impl HookSource {
    /// The ways to try, best first.
    pub(super) fn rungs(self) -> &'static [Rung] {
        match self {
            Self::Auto => &[Rung::Lsm, Rung::Functions],
            Self::Lsm => &[Rung::Lsm],
            Self::Functions => &[Rung::Functions],
        }
    }
}

/// The way in which decisions of the kernel's security hooks are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rung {
    /// By programs that are a security module (BPF LSM): the kernel calls them if no module before them has
    /// denied.
    Lsm,
    /// By programs at the end of the functions that call the modules (fexit): they see the decision of all
    /// modules together.
    Functions,
    /// Not at all: there are only the tracepoints of calls and requests.
    #[default]
    Tracepoints,
}

impl Rung {
    /// Name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lsm => "BPF LSM",
            Self::Functions => "fexit",
            Self::Tracepoints => "tracepoints",
        }
    }

    /// The kernel function to which a program for a hook is attached.
    pub(super) fn function(self, hook: &Hook) -> String {
        match self {
            Self::Lsm => format!("bpf_lsm_{}", hook.name),
            _ => hook.function.to_owned(),
        }
    }

    /// Whether programs see anything in this way.
    pub(super) fn is_there(self) -> bool {
        // Without the module, the programs are loaded and attached, but never run.
        self != Self::Lsm || security_modules().iter().any(|module| module == "bpf")
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_is_tried_from_the_top_and_a_rung_alone_where_it_is_named() {
        assert_eq!(HookSource::Auto.rungs(), [Rung::Lsm, Rung::Functions]);
        assert_eq!(HookSource::Lsm.rungs(), [Rung::Lsm]);
        assert_eq!(HookSource::Functions.rungs(), [Rung::Functions]);
        assert_eq!(Rung::default().to_string(), "tracepoints");
    }
}
