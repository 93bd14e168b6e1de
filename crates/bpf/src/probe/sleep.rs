//! Whether programs at tracepoints of calls may sleep.

use libbpf_rs::ObjectBuilder;

use super::Probe;
use crate::programs::EMPTY;

/// The flag of a program that may sleep (`BPF_F_SLEEPABLE`).
const SLEEPABLE: u32 = 1 << 4;

impl Probe {
    /// Whether the kernel loads programs at the tracepoints of calls that may sleep, and so read memory that is not there yet
    /// (`tp_btf.s`). The probe's programs do not: each builds its event in memory of its CPU, which it may not give up.
    pub fn tracepoints_may_sleep() -> bool {
        let loads = || -> libbpf_rs::Result<()> {
            let mut open = ObjectBuilder::default().name("sleep")?.open_memory(&crate::skel::DATA)?;
            for mut map in open.maps_mut() {
                map.set_autocreate(false)?;
            }
            for mut program in open.progs_mut() {
                let is_it = program.name() == EMPTY.name;
                program.set_autoload(is_it);
                if is_it {
                    program.set_flags(SLEEPABLE);
                }
            }
            open.load().map(drop)
        };
        if std::env::var_os("EYAS_BPF_LOG").is_none() {
            libbpf_rs::set_print(None);
        }
        loads().is_ok()
    }
}
