//! Whether programs at tracepoints of calls may sleep.

use libbpf_rs::ObjectBuilder;

use super::Probe;
use crate::programs::EMPTY;

/// The flag of a program that may sleep (`BPF_F_SLEEPABLE`).
const SLEEPABLE: u32 = 1 << 4;

impl Probe {
    /// Whether the kernel has sleepable programs at the tracepoints of calls, which may read memory that is not there yet
    /// (`tp_btf.s`). The probe's programs are none: each builds its event in memory of its CPU, which it may not give up.
    pub fn tracepoints_may_sleep() -> bool {
        if std::env::var_os("EYAS_BPF_LOG").is_none() {
            libbpf_rs::set_print(None);
        }
        // The scheduler may never sleep: kernels that accept it there, 6.1 among them, do not look where the program is.
        Self::loads_at("sys_exit", true) && !Self::loads_at("sched_switch", true)
    }

    /// Whether the kernel loads a program that does nothing for a tracepoint.
    #[doc(hidden)]
    pub fn loads_at(tracepoint: &str, may_sleep: bool) -> bool {
        let load = || -> libbpf_rs::Result<()> {
            let mut open = ObjectBuilder::default().name("sleep")?.open_memory(&crate::skel::DATA)?;
            for mut map in open.maps_mut() {
                map.set_autocreate(false)?;
            }
            for mut program in open.progs_mut() {
                let is_it = program.name() == EMPTY.name;
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
