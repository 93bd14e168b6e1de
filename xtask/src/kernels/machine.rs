//! The emulated machines.

use crate::setup::Need;
use crate::shell::has;

use super::linker;

/// A Debian kernel, and the machine that boots it.
pub(super) struct Machine {
    /// Name on the command line.
    pub(super) name: &'static str,
    pub(super) release: &'static str,
    /// Package that depends on the newest kernel; cloud kernels are the smallest.
    pub(super) package: &'static str,
    pub(super) kind: &'static Kind,
    /// Emulator's name and number of CPUs.
    pub(super) cpu: &'static str,
    pub(super) cpus: usize,
    /// Kernel arguments besides the console: the preemption model.
    pub(super) arguments: &'static str,
    /// Whether all CPUs share one thread of the emulator. With a thread per CPU, some kernels lock up when
    /// they change code that another CPU runs.
    pub(super) takes_turns: bool,
}

/// A kind of machine.
pub(super) struct Kind {
    /// Debian's name of the architecture.
    pub(super) arch: &'static str,
    pub(super) emulator: &'static str,
    /// Arguments of the emulator.
    pub(super) args: &'static [&'static str],
    /// The kernel's name of the serial line.
    pub(super) console: &'static str,
    /// Program that removes debug information.
    pub(super) strip: &'static str,
    /// Whether its programs are cross-compiled and linked statically.
    pub(super) is_foreign: bool,
    pub(super) needs: &'static [Need],
}

const AMD64: Kind = Kind {
    arch: "amd64",
    emulator: "qemu-system-x86_64",
    args: &[],
    console: "ttyS0",
    strip: "strip",
    is_foreign: false,
    needs: &[
        Need { what: "qemu", there: || has("qemu-system-x86_64"), package: "qemu-system-x86" },
        Need { what: "strip", there: || has("strip"), package: "binutils" },
    ],
};

const ARM64: Kind = Kind {
    arch: "arm64",
    emulator: "qemu-system-aarch64",
    args: &["-machine", "virt"],
    console: "ttyAMA0",
    strip: "aarch64-linux-gnu-strip",
    is_foreign: true,
    needs: &[
        Need { what: "qemu for aarch64", there: || has("qemu-system-aarch64"), package: "qemu-system-arm" },
        Need {
            what: "a linker for aarch64 (aarch64-linux-gnu-gcc)",
            there: || has(linker::LINKER),
            package: "gcc-aarch64-linux-gnu",
        },
        Need {
            what: "a static C library for aarch64",
            there: linker::has_c_library,
            package: "libc6-dev-arm64-cross",
        },
    ],
};

const CLOUD_AMD64: &str = "linux-image-cloud-amd64";
const CLOUD_ARM64: &str = "linux-image-cloud-arm64";

/// A machine with two CPUs of the usual kind.
const fn machine(
    name: &'static str,
    release: &'static str,
    package: &'static str,
    kind: &'static Kind,
) -> Machine {
    Machine { name, release, package, kind, cpu: CPU_AMD64, cpus: 2, arguments: "", takes_turns: false }
}

/// An x86-64 CPU with all features of the emulator except those that make an emulated kernel slow: it would copy and clear
/// memory byte by byte (`erms`, `fsrm`), and look up each address in five tables (`la57`).
const CPU_AMD64: &str = "max,erms=off,fsrm=off,la57=off";

/// An aarch64 CPU with all features of the emulator. A slow one, pointer authentication, is replaced by a
/// faster implementation.
const CPU_ARM64: &str = "max,pauth-impdef=on";

/// All machines by kind, the oldest kernel first. One has a single CPU, and one has four. Programs on
/// tracepoints are preemptible from Linux 7.0 on, so those kernels run with both preemption models. One
/// aarch64 machine lacks the atomic instructions of newer CPUs, and one has pages of 16 KiB.
pub(super) const MACHINES: [Machine; 9] = [
    Machine { takes_turns: true, ..machine("bullseye", "bullseye-security", CLOUD_AMD64, &AMD64) },
    machine("bookworm", "bookworm", CLOUD_AMD64, &AMD64),
    Machine {
        cpus: 1,
        arguments: "lsm=lockdown,yama,bpf",
        ..machine("trixie", "trixie", CLOUD_AMD64, &AMD64)
    },
    Machine { arguments: "preempt=lazy", takes_turns: true, ..machine("sid", "sid", CLOUD_AMD64, &AMD64) },
    Machine {
        arguments: "preempt=lazy",
        takes_turns: true,
        ..machine("backports", "trixie-backports", CLOUD_AMD64, &AMD64)
    },
    Machine {
        arguments: "preempt=full",
        cpus: 4,
        takes_turns: true,
        ..machine("backports-full", "trixie-backports", CLOUD_AMD64, &AMD64)
    },
    Machine { cpu: "cortex-a72", ..machine("bookworm-arm64", "bookworm", CLOUD_ARM64, &ARM64) },
    Machine { cpu: CPU_ARM64, ..machine("trixie-arm64", "trixie", CLOUD_ARM64, &ARM64) },
    Machine { cpu: CPU_ARM64, ..machine("trixie-arm64-16k", "trixie", "linux-image-arm64-16k", &ARM64) },
];

impl Kind {
    /// Checks that everything for its machines is installed, or returns what is missing.
    pub(super) fn ensure(&self) -> Result<(), String> {
        if !cfg!(target_arch = "x86_64") {
            return Err("kernels are booted from x86-64 only".into());
        }
        crate::setup::ensure_all(self.needs, crate::setup::Consent::Ask)
    }
}
