//! Kernel tracepoints that are no system calls.

use super::row::*;

syscalls! {
    396 SCHED_PROCESS_EXIT "sched_process_exit" x86_64(-) aarch64(-)
    397 SCHED_SWITCH "sched_switch" x86_64(-) aarch64(-)
    398 PAGE_FAULT_USER "page_fault_user" x86_64(-) aarch64(-)
    399 PAGE_FAULT_KERNEL "page_fault_kernel" x86_64(-) aarch64(-)
    400 SIGNAL_DELIVER "signal_deliver" x86_64(-) aarch64(-)
}

events! {
    16 PROCEXIT_E "procexit" (PROCESS | TRACEPOINT) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {}
    146 SCHEDSWITCH_1_E "switch" (SCHEDULER | TRACEPOINT) (SKIPPARSERESET | OLD_VERSION | CONVERTER_MANAGED) {
        next: PID DEC,
    }
    152 SCHEDSWITCH_6_E "switch" (SCHEDULER | TRACEPOINT) (NONE) {
        next: PID DEC = CUSTOM,
        pgft_maj: UINT64 DEC = CUSTOM,
        pgft_min: UINT64 DEC = CUSTOM,
        vm_size: UINT32 DEC = CUSTOM,
        vm_rss: UINT32 DEC = CUSTOM,
        vm_swap: UINT32 DEC = CUSTOM,
    }
    186 PROCEXIT_1_E "procexit" (PROCESS | TRACEPOINT) (MODIFIES_STATE) {
        status: ERRNO DEC = CUSTOM,
        ret: ERRNO DEC = CUSTOM,
        sig: SIGTYPE DEC = CUSTOM,
        core: UINT8 DEC = CUSTOM,
        reaper_tid: PID DEC = CUSTOM,
    }
    232 SIGNALDELIVER_E "signaldeliver" (SIGNAL | TRACEPOINT) (NONE) {
        spid: PID DEC = CUSTOM,
        dpid: PID DEC = CUSTOM,
        sig: SIGTYPE DEC = CUSTOM,
    }
    290 PAGE_FAULT_E "page_fault" (OTHER | TRACEPOINT) (SKIPPARSERESET) {
        addr: UINT64 HEX = CUSTOM,
        ip: UINT64 HEX = CUSTOM,
        error: FLAGS32 HEX [flags PF_FLAGS] = CUSTOM,
    }
    // Falco's schema has no such event: the code is this project's own.
    569 TASK_RENAME_X "task_rename" (PROCESS | TRACEPOINT) (MODIFIES_STATE) {
        comm: CHARBUF NA = CUSTOM,
    }
    // A decision of a security hook of the kernel; the code is this project's own, too.
    571 LSM_X "lsm" (OTHER | TRACEPOINT) (NONE) {
        hook: ENUMFLAGS8 DEC [flags LSM_HOOKS] = CUSTOM,
        res: ERRNO DEC = CUSTOM,
        path: CHARBUF NA = CUSTOM,
        target: CHARBUF NA = CUSTOM,
        addr: SOCKADDR NA = CUSTOM,
        value: INT64 DEC = CUSTOM,
        during: UINT16 DEC = CUSTOM,
    }
}
