//! What the host knows of an initialised plugin when the plugin calls.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{null, without_provenance_mut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};

use super::handles::Handles;
use eyas_sinsp::plugin::{AsyncSender, DataType, Log, Pool, Severity};
use rustc_hash::FxHashMap;

use crate::abi;
use crate::call::Routine;
use crate::turn::Turn;

/// Texts of errors that are kept, as plugins may still read them.
const KEPT_ERRORS: usize = 16;

/// A plugin that runs. It is not destroyed as long as somebody has it.
pub(crate) trait Link: Send + Sync {
    /// What the plugin says of its last call, which failed.
    fn last_error(&self) -> String;

    /// Runs a routine once; returns whether it wants to run again.
    fn run(&self, routine: Routine) -> bool;
}

/// Whether a routine still runs.
#[derive(Default)]
pub(super) struct Slot {
    /// Held while it runs.
    pub(super) turn: Turn,
    pub(super) is_over: AtomicBool,
}

/// What [`abi::Owner`] stands for.
pub(crate) struct Owner {
    pub(super) id: usize,
    pub(crate) name: String,
    /// Minor version of the interface that the plugin was built for.
    pub(crate) api_minor: u32,
    log: Log,
    /// The last one is the present one.
    errors: Mutex<VecDeque<CString>>,
    /// Empty until `init` has returned; without a plugin if it failed.
    plugin: OnceLock<Option<Weak<dyn Link>>>,
    sender: Mutex<Option<AsyncSender>>,
    pool: Mutex<Option<Pool>>,
    /// The routines that run in it, by their numbers.
    routines: Mutex<FxHashMap<u64, Arc<Slot>>>,
    /// The tables that the plugin has pointers to.
    handles: Mutex<Handles>,
    /// Types of the columns that the plugin has asked for.
    columns: Mutex<FxHashMap<u32, abi::StateType>>,
    /// Types of the columns of its own tables that others have asked for. Tables within entries have theirs in common.
    offered_columns: Mutex<FxHashMap<u64, DataType>>,
}

static OWNERS: RwLock<BTreeMap<usize, Arc<Owner>>> = RwLock::new(BTreeMap::new());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing here is left half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Owner {
    /// A new one, which the plugin may refer to from now on, until [`Owner::forget`].
    pub(crate) fn register(name: &str, api_minor: u32, log: Log) -> Arc<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let owner = Arc::new(Self {
            id,
            name: name.to_owned(),
            api_minor,
            log,
            errors: Mutex::default(),
            plugin: OnceLock::new(),
            sender: Mutex::default(),
            pool: Mutex::default(),
            routines: Mutex::default(),
            handles: Mutex::default(),
            columns: Mutex::default(),
            offered_columns: Mutex::default(),
        });
        OWNERS.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&owner));
        owner
    }

    /// Ends the registration: what the plugin still sends does nothing.
    pub(crate) fn forget(&self) {
        OWNERS.write().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }

    pub(crate) fn as_ptr(&self) -> abi::Owner {
        without_provenance_mut(self.id)
    }

    pub(super) fn log(&self, severity: Severity, message: &str) {
        (self.log)(severity, message);
    }

    /// Sets what the plugin gets for the reason of a failure of the host.
    pub(super) fn set_error(&self, error: String) {
        let mut text = error.into_bytes();
        text.retain(|byte| *byte != 0);
        let mut errors = locked(&self.errors);
        if errors.len() == KEPT_ERRORS {
            errors.pop_front();
        }
        errors.push_back(CString::new(text).unwrap_or_default());
    }

    /// The present reason; null for none. The bytes stay for as many failures as are kept.
    pub(super) fn last_error(&self) -> abi::Text {
        locked(&self.errors).back().filter(|text| !text.is_empty()).map_or(null(), |text| text.as_ptr())
    }

    /// The plugin runs, or will never.
    pub(crate) fn link(&self, plugin: Option<Weak<dyn Link>>) {
        let _ = self.plugin.set(plugin);
    }

    /// The plugin, kept from being destroyed. `None` while it initialises.
    ///
    /// # Errors
    /// It was destroyed.
    pub(crate) fn kept(&self) -> Result<Option<Arc<dyn Link>>, ()> {
        match self.plugin.get() {
            None => Ok(None),
            Some(plugin) => plugin.as_ref().and_then(Weak::upgrade).map(Some).ok_or(()),
        }
    }

    /// From now on events are sent with this; `None`: they are refused.
    pub(crate) fn set_sender(&self, sender: Option<AsyncSender>) {
        *locked(&self.sender) = sender;
    }

    /// What events are sent with, while a capture takes them. Cloned, so that no lock is held while one is sent.
    pub(super) fn sender(&self) -> Option<AsyncSender> {
        locked(&self.sender).clone()
    }

    /// From now on routines run in this; `None`: they are refused.
    pub(crate) fn set_pool(&self, pool: Option<Pool>) {
        locked(&self.routines).clear();
        *locked(&self.pool) = pool;
    }

    /// What routines run in, while a capture is open.
    pub(super) fn pool(&self) -> Option<Pool> {
        locked(&self.pool).clone()
    }

    pub(super) fn routines(&self) -> MutexGuard<'_, FxHashMap<u64, Arc<Slot>>> {
        locked(&self.routines)
    }

    pub(super) fn handles(&self) -> MutexGuard<'_, Handles> {
        locked(&self.handles)
    }

    pub(super) fn columns(&self) -> MutexGuard<'_, FxHashMap<u32, abi::StateType>> {
        locked(&self.columns)
    }

    pub(crate) fn offered_columns(&self) -> MutexGuard<'_, FxHashMap<u64, DataType>> {
        locked(&self.offered_columns)
    }
}

/// The owner that a plugin refers to.
pub(super) fn find(owner: abi::Owner) -> Option<Arc<Owner>> {
    OWNERS.read().unwrap_or_else(PoisonError::into_inner).get(&owner.addr()).cloned()
}

/// Runs a body that must not unwind into foreign code.
pub(super) fn contained<R>(otherwise: R, body: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}
