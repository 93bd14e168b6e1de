//! The machines that are emulated.

use crate::setup::Need;
use crate::shell::has;

use super::linker;

/// A kernel of Debian's, and what it is booted on.
pub(super) struct Machine {
    /// What it is asked for by.
    pub(super) name: &'static str,
    pub(super) release: &'static str,
    /// What depends on the newest one; those for the cloud are the smallest.
    pub(super) package: &'static str,
    pub(super) kind: &'static Kind,
    /// As the emulator calls it, and how many of it.
    pub(super) cpu: &'static str,
    pub(super) cpus: usize,
    /// What the kernel is told beside the console: how it preempts.
    pub(super) arguments: &'static str,
    /// Whether all CPUs take turns in one thread of the emulator. With a thread for each, some kernels lock up where they
    /// change code that another CPU runs.
    pub(super) takes_turns: bool,
}

/// A kind of machine.
pub(super) struct Kind {
    /// As Debian calls it.
    pub(super) arch: &'static str,
    pub(super) emulator: &'static str,
    /// What the emulator has to be told.
    pub(super) args: &'static [&'static str],
    /// The kernel's name of the serial line.
    pub(super) console: &'static str,
    /// Removes from programs what only a debugger needs.
    pub(super) strip: &'static str,
    /// Whether its programs are built on a machine of another kind, with all that they need in them.
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
    Machine { name, release, package, kind, cpu: "max", cpus: 2, arguments: "", takes_turns: false }
}

/// A CPU for aarch64 with all that the emulator has but one slow function, which an imitation stands in for.
const CPU_ARM64: &str = "max,pauth-impdef=on";

/// All, by kind, oldest kernel first. One has a single CPU and one has four. Programs on tracepoints are preemptible
/// from 7.0 on, so those kernels run with both ways to preempt. Of those for aarch64 one lacks the atomic instructions
/// that younger CPUs have, and one has pages of 16 KiB.
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
    /// Makes sure that what its machines take is there, or says why it can't be.
    pub(super) fn ensure(&self) -> Result<(), String> {
        if !cfg!(target_arch = "x86_64") {
            return Err("kernels are booted from x86-64 only".into());
        }
        crate::setup::ensure_all(self.needs, crate::setup::Consent::Ask)
    }
}
