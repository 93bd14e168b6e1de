//! The current call of a plugin in this thread, and the data that the plugin may use during it.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::CString;
use std::sync::Arc;

use eyas_sinsp::plugin::{AsyncEvent, PluginError, Tables};

use super::owner::Owner;

/// Receives the events of `dump_state`.
pub(crate) type DumpFn<'a> = dyn FnMut(&AsyncEvent<'_>) -> Result<(), PluginError> + 'a;

/// A call of a plugin.
struct Call {
    owner: Arc<Owner>,
    /// `None` while the tables are in use: nothing else can use them then.
    tables: Option<*mut (dyn Tables + 'static)>,
    dump: Option<*mut DumpFn<'static>>,
    /// Data to which the plugin has pointers until the call ends.
    kept: Vec<Box<dyn Any>>,
}

thread_local! {
    /// The current calls of plugins in this thread, the outermost first.
    static CALLS: RefCell<Vec<Call>> = const { RefCell::new(Vec::new()) };
}

/// Ends the call, even if the call panics.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        // The kept data may be of any type, with any destructor. So it is dropped after the borrow of the
        // list has ended.
        let ended = CALLS.with(|calls| calls.borrow_mut().pop());
        drop(ended);
    }
}

fn enter<R>(call: Call, body: impl FnOnce() -> R) -> R {
    CALLS.with(|calls| calls.borrow_mut().push(call));
    let _end = End;
    body()
}

/// Calls a plugin. The plugin may use the tables until the body returns.
pub(crate) fn during<R>(owner: &Arc<Owner>, tables: Option<&mut dyn Tables>, body: impl FnOnce() -> R) -> R {
    let tables = tables.map(|tables| {
        let tables: *mut (dyn Tables + '_) = tables;
        // SAFETY: only the lifetime changes. The pointer is removed before this function returns, and the
        // reference from which it was made is not used until then.
        unsafe { std::mem::transmute::<*mut (dyn Tables + '_), *mut (dyn Tables + 'static)>(tables) }
    });
    enter(Call { owner: Arc::clone(owner), tables, dump: None, kept: Vec::new() }, body)
}

/// Calls a plugin. The plugin sends events to `dump` until the body returns.
pub(crate) fn during_dump<R>(owner: &Arc<Owner>, dump: &mut DumpFn<'_>, body: impl FnOnce() -> R) -> R {
    let dump: *mut DumpFn<'_> = dump;
    // SAFETY: as above.
    let dump = unsafe { std::mem::transmute::<*mut DumpFn<'_>, *mut DumpFn<'static>>(dump) };
    enter(Call { owner: Arc::clone(owner), tables: None, dump: Some(dump), kept: Vec::new() }, body)
}

/// Changes the innermost call of this thread; `None` if there is none.
fn innermost<R>(change: impl FnOnce(&mut Call) -> R) -> Option<R> {
    CALLS.with(|calls| calls.try_borrow_mut().ok()?.last_mut().map(change))
}

/// Runs `body` with the host's data about the plugin that is being called; `None` if no plugin is being
/// called.
pub(super) fn with_owner<R>(body: impl FnOnce(&Owner) -> R) -> Option<R> {
    innermost(|call| body(&call.owner))
}

/// Keeps a value until the current call ends, and returns the pointer to it for the plugin.
pub(super) fn keep<T: 'static, P>(value: Box<T>, pointer: impl FnOnce(&T) -> P) -> P {
    let pointer = pointer(&value);
    innermost(|call| call.kept.push(value));
    pointer
}

/// Keeps a text until the current call ends. Bytes after a NUL are left out.
pub(super) fn keep_text(bytes: &[u8]) -> crate::abi::Text {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let text = CString::new(&bytes[..end]).unwrap_or_default();
    // The bytes of a `CString` keep their address when the `CString` is moved.
    keep(Box::new(text), |text| text.as_ptr())
}

/// Gives the tables back, even if the code that uses them panics.
struct Lent(*mut (dyn Tables + 'static));

impl Drop for Lent {
    fn drop(&mut self) {
        let Self(tables) = *self;
        innermost(|call| call.tables = Some(tables));
    }
}

/// Runs `body` with the tables of the current call.
///
/// # Errors
/// The error of `body`, or no tables are available: outside of calls, in calls without tables, in other
/// threads, and while the plugin's own table is being used.
pub(super) fn with_tables<R>(
    body: impl FnOnce(&mut dyn Tables) -> Result<R, PluginError>,
) -> Result<R, PluginError> {
    let Some(tables) = innermost(|call| call.tables.take()).flatten() else {
        return Err(
            "tables can be used only while the plugin initialises, extracts, parses or listens".into()
        );
    };
    let lent = Lent(tables);
    // SAFETY: `during` has a reference that it does not use; nothing else has the pointer before `lent` is
    // dropped.
    body(unsafe { &mut *lent.0 })
}

/// Lends tables that the caller is using to a function that calls the plugin.
pub(super) fn lend<R>(tables: &mut dyn Tables, body: impl FnOnce() -> R) -> R {
    let tables: *mut (dyn Tables + '_) = tables;
    // SAFETY: only the lifetime changes. The pointer is taken back before this function returns, and the
    // reference from which it was made is not used until then.
    let tables =
        unsafe { std::mem::transmute::<*mut (dyn Tables + '_), *mut (dyn Tables + 'static)>(tables) };
    struct Back;
    impl Drop for Back {
        fn drop(&mut self) {
            innermost(|call| call.tables = None);
        }
    }
    innermost(|call| call.tables = Some(tables));
    let _back = Back;
    body()
}

/// Forwards an event of `dump_state`.
///
/// # Errors
/// The receiver refuses the event, or no event is expected.
pub(super) fn dump(owner: &Owner, event: &AsyncEvent<'_>) -> Result<(), String> {
    let is_own = |call: &mut Call| if call.owner.id == owner.id { call.dump.take() } else { None };
    let Some(dump) = innermost(is_own).flatten() else {
        return Err(format!("async event sent with NULL handler: {}", owner.name));
    };
    struct Lent(*mut DumpFn<'static>);
    impl Drop for Lent {
        fn drop(&mut self) {
            let Self(dump) = *self;
            innermost(|call| call.dump = Some(dump));
        }
    }
    let lent = Lent(dump);
    // SAFETY: `during_dump` has a reference that it does not use; nothing else has the pointer before
    // `lent` is dropped.
    let dump = unsafe { &mut *lent.0 };
    dump(event).map_err(|error| error.to_string())
}
