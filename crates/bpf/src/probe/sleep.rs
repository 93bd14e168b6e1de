//! Detects whether programs at tracepoints of calls may sleep.

use libbpf_rs::ObjectBuilder;

use super::Probe;
use crate::programs::{EMPTY_AT_END, PAGE_IN, SLEEPABLE};

impl Probe {
    /// Whether the kernel supports sleepable programs at the tracepoints of calls, which may read memory
    /// that is not paged in (`tp_btf.s`). See [`ProbeOptions::sleepable_reads`](super::ProbeOptions).
    pub fn tracepoints_may_sleep() -> bool {
        if std::env::var_os("EYAS_BPF_LOG").is_none() {
            libbpf_rs::set_print(None);
        }
        // The scheduler must never sleep. Kernels that accept such a program there, such as 6.1, do not
        // check the tracepoint.
        Self::loads_at("sys_exit", true) && !Self::loads_at("sched_switch", true)
    }

    /// Whether the probe pages in arguments that are in memory that is not resident.
    pub fn pages_in(&self) -> bool {
        self.is_loaded(&PAGE_IN)
    }

    /// Whether the kernel loads an empty program for a tracepoint.
    #[doc(hidden)]
    pub fn loads_at(tracepoint: &str, may_sleep: bool) -> bool {
        let load = || -> libbpf_rs::Result<()> {
            let mut open = ObjectBuilder::default().name("sleep")?.open_memory(&crate::skel::DATA)?;
            for mut map in open.maps_mut() {
                map.set_autocreate(false)?;
            }
            for mut program in open.progs_mut() {
                let is_it = program.name() == EMPTY_AT_END.name;
                program.set_autoload(is_it);
                if is_it {
                    program.set_flags(if may_sleep { SLEEPABLE } else { 0 });
                    program.set_attach_target(0, Some(tracepoint.to_owned()))?;
                }
            }
            open.load().map(drop)
        };
        load().is_ok()
    }
}
