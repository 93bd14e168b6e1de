//! `engine:`, `falco_libs:` and `base_syscalls:`: where events come from, and which.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::shape::Shape::{self, Bool, Section, Text};
use super::shape::{TEXTS, U16, U32, choice};

choice! {
    /// `engine.kind`.
    EngineKind {
        /// Live, with this project's probe.
        ModernEbpf = "modern_ebpf",
        /// A capture.
        Replay = "replay",
        /// No events.
        Nodriver = "nodriver",
        /// Falco's kernel module, which this program does not use.
        Kmod = "kmod",
        /// Falco's former probe.
        Ebpf = "ebpf",
        /// A sandbox that Falco supported.
        Gvisor = "gvisor",
    }
}

choice! {
    /// `engine.modern_ebpf.lsm`: whether decisions of the kernel's security hooks are captured, and how.
    LsmSource {
        /// If a rule has a field `lsm.*`, in the first way that the kernel has.
        Auto = "auto",
        /// In the first way that the kernel has.
        On = "on",
        /// Never.
        Off = "off",
        /// By BPF LSM.
        Lsm = "bpf_lsm",
        /// At the ends of the kernel's functions.
        Fexit = "fexit",
    }
}

/// `engine:`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Engine {
    /// Which.
    pub kind: EngineKind,
    /// `engine.modern_ebpf`
    pub modern_ebpf: ModernEbpf,
    /// `engine.replay`
    pub replay: Replay,
}

/// `engine.modern_ebpf:`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct ModernEbpf {
    /// 1 to 10: a ring of 1 to 512 MiB per CPU.
    pub buf_size_preset: u16,
    /// System calls that failed are dropped in the kernel.
    pub drop_failed_exit: bool,
    /// The snapshot is taken from `/proc` alone, not from the kernel's lists of threads and files.
    pub disable_iterators: bool,
    /// Requests of `io_uring` are captured as the calls that they stand for.
    pub io_uring: bool,
    /// Decisions of the kernel's security hooks.
    pub lsm: LsmSource,
    /// Events that the rules do not need are left out in the kernel.
    pub pushdown: bool,
    /// Of so many of these events, one is tested nevertheless; 0: none.
    pub pushdown_sample: u32,
}

/// `engine.replay:`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Replay {
    /// The capture.
    pub capture_file: PathBuf,
}

/// What `engine` may have.
pub const ENGINE: Shape = Section(&[
    ("kind", EngineKind::SHAPE),
    ("kmod", Section(&[("buf_size_preset", U16), ("drop_failed_exit", Bool)])),
    (
        "modern_ebpf",
        Section(&[
            ("cpus_for_each_buffer", U16),
            ("buf_size_preset", U16),
            ("drop_failed_exit", Bool),
            ("disable_iterators", Bool),
            ("io_uring", Bool),
            ("lsm", LsmSource::SHAPE),
            ("pushdown", Bool),
            ("pushdown_sample", U32),
        ]),
    ),
    ("replay", Section(&[("capture_file", Text)])),
]);

/// `falco_libs:`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Libs {
    /// Most threads in the table.
    pub thread_table_size: usize,
    /// Bytes of a buffer that are captured.
    pub snaplen: u32,
    /// Time between two searches for threads that are gone, seconds.
    pub thread_table_auto_purging_interval_s: u32,
    /// Age from which a thread without events is suspected to be gone, seconds.
    pub thread_table_auto_purging_thread_timeout_s: u32,
}

/// What `falco_libs` may have.
pub const LIBS: Shape = Section(&[
    ("snaplen", U32),
    ("thread_table_size", U32),
    ("thread_table_auto_purging_interval_s", U32),
    ("thread_table_auto_purging_thread_timeout_s", U32),
]);

/// `base_syscalls:`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct BaseSyscalls {
    /// Captured beside those of the rules, instead of all that change the state; with `!`: left out.
    pub custom_set: Vec<String>,
    /// Only what the calls of the rules need to know their process and file.
    pub repair: bool,
    /// Also those that change the state at every packet.
    pub all: bool,
}

impl BaseSyscalls {
    /// What is said of names in [`BaseSyscalls::custom_set`] that are no system calls, in words of Falco.
    pub fn oddities(&self) -> Vec<String> {
        let of = |is_removed: bool| {
            let names = self.custom_set.iter().filter_map(move |entry| match entry.strip_prefix('!') {
                Some(name) => is_removed.then_some(name),
                None => (!is_removed).then_some(entry.as_str()),
            });
            let mut unknown: Vec<&str> =
                names.filter(|name| !name.is_empty() && !is_system_call(name)).collect();
            unknown.sort_unstable();
            unknown.join(", ")
        };
        [("positive", of(false)), ("negative", of(true))]
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(which, names)| {
                format!(
                    "Invalid ({which}) syscall names: warning (base_syscalls override): {names}; they have no effect, \
                     `falco --list-events` has the names"
                )
            })
            .collect()
    }
}

fn is_system_call(name: &str) -> bool {
    eyas::events::syscalls().any(|call| call.name == name)
}

/// What `base_syscalls` may have.
pub const BASE_SYSCALLS: Shape = Section(&[("custom_set", TEXTS), ("repair", Bool), ("all", Bool)]);

impl Default for Engine {
    fn default() -> Self {
        Self { kind: EngineKind::ModernEbpf, modern_ebpf: ModernEbpf::default(), replay: Replay::default() }
    }
}

impl Default for ModernEbpf {
    fn default() -> Self {
        Self {
            buf_size_preset: 4,
            drop_failed_exit: false,
            disable_iterators: false,
            io_uring: true,
            lsm: LsmSource::Auto,
            pushdown: true,
            pushdown_sample: 1024,
        }
    }
}

impl Default for Libs {
    fn default() -> Self {
        Self {
            thread_table_size: 262_144,
            snaplen: 80,
            thread_table_auto_purging_interval_s: 300,
            thread_table_auto_purging_thread_timeout_s: 300,
        }
    }
}

impl Engine {
    /// Whether events can wait, as those of a capture do.
    pub fn is_replay(&self) -> bool {
        self.kind == EngineKind::Replay
    }

    pub(super) fn check(&self) -> Result<()> {
        if matches!(self.kind, EngineKind::Kmod | EngineKind::Ebpf | EngineKind::Gvisor) {
            bail!(
                "engine.kind `{}` is not part of this program; use modern_ebpf (needs a kernel with BTF) or replay",
                self.kind
            );
        }
        if self.is_replay() && self.replay.capture_file.as_os_str().is_empty() {
            bail!(
                "engine.kind is 'replay' but no engine.replay.capture_file specified: name the file there, or with -e FILE"
            );
        }
        let preset = self.modern_ebpf.buf_size_preset;
        if !(1..=10).contains(&preset) {
            bail!(
                "engine.modern_ebpf.buf_size_preset is {preset}: The 'buf_size_preset' value must be between '1' and '10'"
            );
        }
        Ok(())
    }
}
