//! `thread.*`

use eyas_fields::Value;

use super::row::{fields, key};
use crate::render::{Text, names};
use crate::state::split_nul;
use crate::view::EventView;

/// Positions in the thread's capabilities.
const INHERITABLE: usize = 0;
const PERMITTED: usize = 1;
const EFFECTIVE: usize = 2;
/// Unit of CPU time in procinfo events, ns.
const TICK: u64 = 10_000_000;

fields! {
    "thread.cap_permitted": STR Process Na; "Permitted capabilities, blank-separated."
        => |v, _| capabilities(v, PERMITTED),
    "thread.cap_inheritable": STR Process Na; "Inheritable capabilities, blank-separated."
        => |v, _| capabilities(v, INHERITABLE),
    "thread.cap_effective": STR Process Na; "Effective capabilities, blank-separated."
        => |v, _| capabilities(v, EFFECTIVE),
    "thread.pfmajor": UINT64 Event Dec; "Number of major page faults since the thread started."
        => |v, _| Some(Value::Uint(v.thread()?.activity.pf_major)),
    "thread.pfminor": UINT64 Event Dec; "Number of minor page faults since the thread started."
        => |v, _| Some(Value::Uint(v.thread()?.activity.pf_minor)),
    "thread.tid": INT64 Event Id; "Thread id."
        => |v, _| Some(Value::Int(v.event().tid)),
    "thread.ismain": BOOL Event Na; "Whether the thread leads its process."
        => |v, _| v.thread().map(|t| Value::Bool(v.is_main(t))),
    "thread.vtid": INT64 Event Id; "Thread id in its own pid namespace."
        => |v, _| v.thread().filter(|t| t.vtid != -1).map(|t| Value::Int(t.vtid)),
    "thread.nametid": STR Event Na (HIDDEN); "Command name and thread id."
        => |v, _| {
            let t = v.thread()?;
            let mut out = Text::new(v.bump());
            out.push(&t.comm);
            out.int(v.event().tid);
            Some(Value::Str(out.finish()))
        },
    "thread.exectime": RELTIME Event Dec; "For a context switch: CPU time of the thread since it got the CPU, ns; 0 for other events."
        => |v, _| Some(Value::Uint(v.ran())),
    "thread.cputime": RELTIME Event Dec; "CPU time of the thread that the event reports, ns: since the previous context switch, or for procinfo events in the last second."
        => |v, _| match v.ticks() {
            Some([user, system]) => Some(Value::Uint(user.saturating_add(system).saturating_mul(TICK))),
            None => Some(Value::Uint(v.ran())),
        },
    "thread.totexectime": RELTIME Event Dec; "Total CPU time of the thread according to context switches, ns."
        => |v, _| Some(Value::Uint(v.thread()?.activity.ran())),
    "thread.cgroups": STR Process Na; "Cgroups as subsystem=path, blank-separated."
        => |v, _| {
            let t = v.thread()?;
            (!t.cgroups.is_empty()).then(|| Value::Str(v.join(&[], &t.cgroups)))
        },
    "thread.cgroup" [Suffix]: STR Process Na; "Path of the cgroup of the subsystem whose name follows the dot."
        => |v, f| {
            let name = key(f)?.as_bytes();
            let path = |entry: &'_ [u8]| entry.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"="));
            let entry = split_nul(&v.thread()?.cgroups).find(|entry| path(entry))?;
            Some(Value::Str(&entry[name.len() + 1..]))
        },
    "thread.cpu": DOUBLE Event Na; "For procinfo events: CPU time of the thread in the last second, percent."
        => |v, _| cpu(v, |[user, system]| user.saturating_add(system)),
    "thread.cpu.user": DOUBLE Event Na; "For procinfo events: CPU time of the thread in user space in the last second, percent."
        => |v, _| cpu(v, |[user, _]| user),
    "thread.cpu.system": DOUBLE Event Na; "For procinfo events: CPU time of the thread in the kernel in the last second, percent."
        => |v, _| cpu(v, |[_, system]| system),
    "thread.vmsize": UINT64 Event Dec; "Virtual memory in KiB of a leader; 0 for other threads."
        => |v, _| of_leader(v, |t| t.activity.vm_size, 1),
    "thread.vmrss": UINT64 Event Dec; "Resident memory in KiB of a leader; 0 for other threads."
        => |v, _| of_leader(v, |t| t.activity.vm_rss, 1),
    "thread.vmsize.b": UINT64 Event Dec (HIDDEN); "Virtual memory in bytes of a leader; 0 for other threads."
        => |v, _| of_leader(v, |t| t.activity.vm_size, 1024),
    "thread.vmrss.b": UINT64 Event Dec (HIDDEN); "Resident memory in bytes of a leader; 0 for other threads."
        => |v, _| of_leader(v, |t| t.activity.vm_rss, 1024),
}

fn capabilities<'v>(v: &'v EventView<'v>, which: usize) -> Option<Value<'v>> {
    let set = v.thread()?.caps[which];
    let mut out = Text::with_capacity(64, v.bump());
    for name in names::capabilities(set) {
        if !out.is_empty() {
            out.push(b" ");
        }
        out.push(name.as_bytes());
    }
    Some(Value::Str(out.finish()))
}

fn of_leader(
    v: &EventView<'_>,
    get: impl Fn(&crate::state::Thread) -> u32,
    unit: u64,
) -> Option<Value<'static>> {
    let t = v.thread()?;
    Some(Value::Uint(if v.is_main(t) { u64::from(get(t)) * unit } else { 0 }))
}

/// Ticks of 10 ms in the second between two events, which is a percentage; 0 at the first event.
fn cpu(v: &EventView<'_>, part: impl Fn([u64; 2]) -> u64) -> Option<Value<'static>> {
    Some(Value::Double(part(v.ticks()?).min(100) as f64))
}
