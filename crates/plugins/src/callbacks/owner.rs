//! The host's data about an initialised plugin, for calls by that plugin.

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

/// Number of error texts that are kept, because plugins may still read them.
const KEPT_ERRORS: usize = 16;

/// A running plugin. It is not destroyed while a reference to it exists.
pub(crate) trait Link: Send + Sync {
    /// The plugin's error message for its last call, which failed.
    fn last_error(&self) -> String;

    /// Runs a routine once; returns whether it wants to run again.
    fn run(&self, routine: Routine) -> bool;
}

/// State of a routine: whether it still runs.
#[derive(Default)]
pub(super) struct Slot {
    /// Held while the routine runs.
    pub(super) turn: Turn,
    pub(super) is_over: AtomicBool,
}

/// The object to which an [`abi::Owner`] refers.
pub(crate) struct Owner {
    pub(super) id: usize,
    pub(crate) name: String,
    /// Minor version of the interface that the plugin was built for.
    pub(crate) api_minor: u32,
    log: Log,
    /// The last one is the current error.
    errors: Mutex<VecDeque<CString>>,
    /// Empty until `init` has returned; `None` if `init` failed.
    plugin: OnceLock<Option<Weak<dyn Link>>>,
    sender: Mutex<Option<AsyncSender>>,
    pool: Mutex<Option<Pool>>,
    /// The routines that run in the pool, by number.
    routines: Mutex<FxHashMap<u64, Arc<Slot>>>,
    /// The tables to which the plugin has pointers.
    handles: Mutex<Handles>,
    /// Types of the columns that the plugin has requested.
    columns: Mutex<FxHashMap<u32, abi::StateType>>,
    /// Types of the columns in the plugin's own tables that other code has requested. Tables within entries
    /// share their columns.
    offered_columns: Mutex<FxHashMap<u64, DataType>>,
}

static OWNERS: RwLock<BTreeMap<usize, Arc<Owner>>> = RwLock::new(BTreeMap::new());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic leaves no data here half updated.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Owner {
    /// Creates an owner, which the plugin may refer to until [`Owner::forget`].
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

    /// Ends the registration: later calls of the plugin have no effect.
    pub(crate) fn forget(&self) {
        OWNERS.write().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }

    pub(crate) fn as_ptr(&self) -> abi::Owner {
        without_provenance_mut(self.id)
    }

    pub(super) fn log(&self, severity: Severity, message: &str) {
        (self.log)(severity, message);
    }

    /// Sets the message that the plugin gets as the reason for a failure of the host.
    pub(super) fn set_error(&self, error: String) {
        let mut text = error.into_bytes();
        text.retain(|byte| *byte != 0);
        let mut errors = locked(&self.errors);
        if errors.len() == KEPT_ERRORS {
            errors.pop_front();
        }
        errors.push_back(CString::new(text).unwrap_or_default());
    }

    /// The current error message; null if there is none. The bytes are valid until [`KEPT_ERRORS`] further
    /// failures.
    pub(super) fn last_error(&self) -> abi::Text {
        locked(&self.errors).back().filter(|text| !text.is_empty()).map_or(null(), |text| text.as_ptr())
    }

    /// Records that the plugin runs, or never will.
    pub(crate) fn link(&self, plugin: Option<Weak<dyn Link>>) {
        let _ = self.plugin.set(plugin);
    }

    /// The plugin, kept alive. `None` during its initialisation.
    ///
    /// # Errors
    /// The plugin was destroyed.
    pub(crate) fn kept(&self) -> Result<Option<Arc<dyn Link>>, ()> {
        match self.plugin.get() {
            None => Ok(None),
            Some(plugin) => plugin.as_ref().and_then(Weak::upgrade).map(Some).ok_or(()),
        }
    }

    /// Sets the sender for events; with `None`, events are refused.
    pub(crate) fn set_sender(&self, sender: Option<AsyncSender>) {
        *locked(&self.sender) = sender;
    }

    /// The sender for events, while a capture accepts them. Cloned, so that no lock is held during a send.
    pub(super) fn sender(&self) -> Option<AsyncSender> {
        locked(&self.sender).clone()
    }

    /// Sets the pool for routines; with `None`, routines are refused.
    pub(crate) fn set_pool(&self, pool: Option<Pool>) {
        locked(&self.routines).clear();
        *locked(&self.pool) = pool;
    }

    /// The pool for routines, while a capture is open.
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

/// The owner to which a plugin refers.
pub(super) fn find(owner: abi::Owner) -> Option<Arc<Owner>> {
    OWNERS.read().unwrap_or_else(PoisonError::into_inner).get(&owner.addr()).cloned()
}

/// Runs a body that must not unwind into foreign code.
pub(super) fn contained<R>(otherwise: R, body: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}
