//! `engine:`, `falco_libs:` and `base_syscalls:`: the source of events, and which events to capture.

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
        /// gVisor, a sandbox that Falco once supported.
        Gvisor = "gvisor",
    }
}

choice! {
    /// `engine.modern_ebpf.lsm`: whether and how to capture decisions of the kernel's security hooks.
    LsmSource {
        /// Only if a rule uses a field `lsm.*`, with the first method that the kernel supports.
        Auto = "auto",
        /// With the first method that the kernel supports.
        On = "on",
        /// Never.
        Off = "off",
        /// With BPF LSM.
        Lsm = "bpf_lsm",
        /// At the exits of the kernel's functions.
        Fexit = "fexit",
    }
}

/// `engine:`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Engine {
    /// Kind of the engine.
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
    /// Whether to drop failed system calls in the kernel.
    pub drop_failed_exit: bool,
    /// Whether to read the snapshot only from `/proc`, without BPF iterators.
    pub disable_iterators: bool,
    /// Whether to capture `io_uring` requests as the equivalent system calls.
    pub io_uring: bool,
    /// Decisions of the kernel's security hooks.
    pub lsm: LsmSource,
    /// Whether the kernel pages in arguments of calls that are not in memory, if it can.
    pub sleepable_reads: bool,
    /// Whether the kernel drops events that the rules do not need.
    pub pushdown: bool,
    /// One in this many of these events is tested anyway; 0 for none.
    pub pushdown_sample: u32,
}

/// `engine.replay:`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Replay {
    /// The capture.
    pub capture_file: PathBuf,
}

/// Keys of `engine`.
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
            ("sleepable_reads", Bool),
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
    /// Maximum number of threads in the table.
    pub thread_table_size: usize,
    /// Bytes of a buffer that are captured.
    pub snaplen: u32,
    /// Interval of searches for threads that have ended, seconds.
    pub thread_table_auto_purging_interval_s: u32,
    /// Time without events after which a thread may have ended, seconds.
    pub thread_table_auto_purging_thread_timeout_s: u32,
}

/// Keys of `falco_libs`.
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
    /// System calls to capture in addition to those of the rules, instead of all that change the state.
    /// Names with `!` are left out.
    pub custom_set: Vec<String>,
    /// Whether to add only the calls that are needed to resolve the process and file of the rules' calls.
    pub repair: bool,
    /// Whether to add also the calls that change the state with every packet.
    pub all: bool,
}

impl Libs {
    /// A warning about a thread table without room.
    pub fn warning(&self) -> Option<String> {
        (self.thread_table_size == 0).then(|| {
            "falco_libs.thread_table_size is 0: no thread or process is known, so conditions on them do not match; \
             the default is 262144"
                .to_owned()
        })
    }
}

impl BaseSyscalls {
    /// Warnings about names in [`BaseSyscalls::custom_set`] that are not system calls, with Falco's text.
    pub fn warnings(&self) -> Vec<String> {
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

/// Keys of `base_syscalls`.
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
            sleepable_reads: false,
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
    /// Whether events can wait, as in a replay.
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
