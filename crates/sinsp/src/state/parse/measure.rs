//! Memory, page faults and time on a CPU.

use eyas_events::param;
use eyas_scap::RawEvent;

use crate::state::Current;
use crate::state::{Activity, State};

pub(super) fn memory(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    // The four rows begin with the same parameters: the result, then three sizes.
    use param::SYSCALL_BRK_4_X as p;
    if let Some(activity) = now.thread.and_then(|key| state.threads.activity_mut(key)) {
        set_sizes(activity, raw, [p::vm_size, p::vm_rss, p::vm_swap]);
    }
}

fn set_sizes(activity: &mut Activity, raw: &RawEvent<'_>, at: [usize; 3]) {
    let [size, rss, swap] = at.map(|index| raw.uint(index).map(|size| size as u32));
    activity.vm_size = size.unwrap_or(activity.vm_size);
    activity.vm_rss = rss.unwrap_or(activity.vm_rss);
    activity.vm_swap = swap.unwrap_or(activity.vm_swap);
}

/// Handles a context switch: the thread stops, and another one starts on its CPU.
pub(super) fn switched(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use param::SCHEDSWITCH_6_E as p;
    let cpu = usize::from(raw.cpu);
    if state.switches.len() <= cpu {
        state.switches.resize(cpu + 1, 0);
    }
    now.ran = match std::mem::replace(&mut state.switches[cpu], raw.ts) {
        0 => 0,
        began => raw.ts.saturating_sub(began),
    };
    let Some(key) = now.thread else { return };
    if let Some(activity) = state.threads.activity_mut(key) {
        let times = activity.times_mut();
        // The times of a capture may jump.
        times.ran = times.ran.saturating_add(now.ran);
        (activity.pf_major, activity.pf_minor) = (
            raw.uint(p::pgft_maj).unwrap_or(activity.pf_major),
            raw.uint(p::pgft_min).unwrap_or(activity.pf_minor),
        );
    }
    // Memory belongs to the process.
    let main = state.threads.main_key(key);
    if let Some(activity) = main.and_then(|main| state.threads.activity_mut(main)) {
        set_sizes(activity, raw, [p::vm_size, p::vm_rss, p::vm_swap]);
    }
}

/// Sets the ticks that the thread has used so far.
pub(super) fn cpu_time(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use param::PROCINFO_E as p;
    let Some(activity) = now.thread.and_then(|key| state.threads.activity_mut(key)) else { return };
    let ticks = [p::cpu_usr, p::cpu_sys].map(|index| raw.uint(index).unwrap_or(0));
    let before = std::mem::replace(&mut activity.times_mut().ticks, ticks);
    let since = |at: usize| if before == [0; 2] { 0 } else { ticks[at].saturating_sub(before[at]) };
    now.ticks = [since(0), since(1)];
}

/// Sets page faults and memory if the event reports them; old captures may lack them.
pub(super) fn set_memory(activity: &mut Activity, raw: &RawEvent<'_>, at: [usize; 5]) {
    let [Some(major), Some(minor), Some(size), Some(rss), Some(swap)] = at.map(|index| raw.uint(index))
    else {
        return;
    };
    (activity.pf_major, activity.pf_minor) = (major, minor);
    (activity.vm_size, activity.vm_rss, activity.vm_swap) = (size as u32, rss as u32, swap as u32);
}
