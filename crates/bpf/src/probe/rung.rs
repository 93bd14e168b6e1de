//! The ladder of ways to see what the kernel's security hooks decide.

use std::fmt;

use eyas_events::Hook;

use crate::features::security_modules;

/// Where programs are to be attached that see what security hooks decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HookSource {
    /// The first rung that the kernel has.
    #[default]
    Auto,
    /// As BPF LSM alone.
    Lsm,
    /// At the kernel's functions alone.
    Functions,
}

impl HookSource {
    /// The rungs to try, best first.
    pub(super) fn rungs(self) -> &'static [Rung] {
        match self {
            Self::Auto => &[Rung::Lsm, Rung::Functions],
            Self::Lsm => &[Rung::Lsm],
            Self::Functions => &[Rung::Functions],
        }
    }
}

/// How decisions of the kernel's security hooks are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rung {
    /// By programs that are a security module (BPF LSM): they are asked where no module before them has objected.
    Lsm,
    /// By programs at the end of the functions that ask the modules (fexit): they see what all modules together decided.
    Functions,
    /// Not at all: the tracepoints of calls and of requests are what there is.
    #[default]
    Tracepoints,
}

impl Rung {
    /// Name as logs have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lsm => "BPF LSM",
            Self::Functions => "fexit",
            Self::Tracepoints => "tracepoints",
        }
    }

    /// The kernel's function that a program for a hook is attached to.
    pub(super) fn function(self, hook: &Hook) -> String {
        match self {
            Self::Lsm => format!("bpf_lsm_{}", hook.name),
            _ => hook.function.to_owned(),
        }
    }

    /// Whether programs may see something there.
    pub(super) fn is_there(self) -> bool {
        // Without, the programs are loaded and attached, and never run.
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
