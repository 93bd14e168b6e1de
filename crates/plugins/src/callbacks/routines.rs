//! Routines: functions of a plugin that run beside the events.

use std::ptr::{null_mut, without_provenance_mut};

use eyas_sinsp::plugin::RoutineId;

use super::owner::{contained, find};
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
            owner.pool()?.subscribe(move || plugin.run(routine))
        });
        id.map_or(null_mut(), |RoutineId(id)| without_provenance_mut(id as usize))
    })
}

unsafe extern "C-unwind" fn unsubscribe(owner: abi::Owner, routine: abi::Routine) -> Rc {
    contained(abi::FAILURE, || {
        let pool = find(owner).and_then(|owner| owner.pool());
        match pool {
            Some(pool) if pool.unsubscribe(RoutineId(routine.addr() as u64)) => abi::SUCCESS,
            _ => abi::FAILURE,
        }
    })
}
