//! The methods to capture decisions of the kernel's security hooks.

use std::fmt;

use eyas_events::Hook;

use crate::features::security_modules;

/// The requested method to capture decisions of security hooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HookSource {
    /// The first method that the kernel supports.
    #[default]
    Auto,
    /// Only BPF LSM.
    Lsm,
    /// Only the ends of kernel functions.
    Functions,
}

impl HookSource {
    /// The methods to try, the best one first.
    pub(super) fn methods(self) -> &'static [HookMethod] {
        match self {
            Self::Auto => &[HookMethod::Lsm, HookMethod::Functions],
            Self::Lsm => &[HookMethod::Lsm],
            Self::Functions => &[HookMethod::Functions],
        }
    }
}

/// The method by which decisions of the kernel's security hooks are captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HookMethod {
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

impl HookMethod {
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

    /// Whether programs that are attached by this method run.
    pub(super) fn is_there(self) -> bool {
        // Without the module, the programs are loaded and attached, but never run.
        self != Self::Lsm || security_modules().iter().any(|module| module == "bpf")
    }
}

impl fmt::Display for HookMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_tried_in_order_and_a_requested_one_is_the_only_one() {
        assert_eq!(HookSource::Auto.methods(), [HookMethod::Lsm, HookMethod::Functions]);
        assert_eq!(HookSource::Lsm.methods(), [HookMethod::Lsm]);
        assert_eq!(HookSource::Functions.methods(), [HookMethod::Functions]);
        assert_eq!(HookMethod::default().to_string(), "tracepoints");
    }
}
