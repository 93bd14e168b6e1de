//! Routines: functions of a plugin that run concurrently with event processing.

use std::ptr::{null_mut, without_provenance_mut};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use eyas_sinsp::plugin::RoutineId;

use super::owner::{Slot, contained, find};
use crate::abi::{self, Rc};
use crate::call::Routine;

pub(crate) static ROUTINES: abi::RoutineVtable =
    abi::RoutineVtable { subscribe: Some(subscribe), unsubscribe: Some(unsubscribe) };

unsafe extern "C-unwind" fn subscribe(
    owner: abi::Owner,
    function: Option<abi::RoutineFn>,
    input: abi::Opaque,
) -> abi::Routine {
    contained(null_mut(), || {
        let id = find(owner).zip(function).and_then(|(owner, function)| {
            // The routine keeps the plugin from being destroyed while it runs.
            let plugin = owner.kept().ok()??;
            let routine = Routine::new(function, input);
            let slot = Arc::new(Slot::default());
            let own = Arc::clone(&slot);
            let id = owner.pool()?.subscribe(move || {
                let _turn = own.turn.take();
                !own.is_over.load(Ordering::Acquire) && plugin.run(routine)
            })?;
            owner.routines().insert(id.0, slot);
            Some(id)
        });
        id.map_or(null_mut(), |RoutineId(id)| without_provenance_mut(id as usize))
    })
}

unsafe extern "C-unwind" fn unsubscribe(owner: abi::Owner, routine: abi::Routine) -> Rc {
    contained(abi::FAILURE, || {
        let Some((owner, pool)) = find(owner).and_then(|owner| Some((owner.clone(), owner.pool()?))) else {
            return abi::FAILURE;
        };
        let id = routine.addr() as u64;
        let was_known = pool.unsubscribe(RoutineId(id));
        let slot = owner.routines().remove(&id);
        if let Some(slot) = slot {
            slot.is_over.store(true, Ordering::Release);
            // When this returns, the plugin frees the data of the routine. So wait for the routine, except
            // when it unsubscribes itself.
            drop(slot.turn.take());
        }
        if was_known { abi::SUCCESS } else { abi::FAILURE }
    })
}
