//! Every call into a plugin: the only file that runs foreign code.
//!
//! Each function sets what the plugin may leave untouched, calls, and copies what the plugin returns before anything else
//! is called: a plugin may keep all its texts in one place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::abi;
use crate::events::{Fault, frame_size};

pub(crate) mod data;
mod extract;
mod plugin;
mod source;
mod table;

pub(crate) use extract::Requests;
pub(crate) use plugin::Initialised;
pub(crate) use source::OpenSource;
pub(crate) use table::ForeignTable;

/// Longest text that is read from a plugin, bytes.
const MAX_TEXT: usize = 64 << 20;
/// Most elements of a list that is read from a plugin.
const MAX_LIST: u64 = 1 << 20;

macro_rules! symbols {
    ($($name:ident: $ty:ident),* $(,)?) => {
        /// The functions of a plugin.
        #[derive(Clone, Copy)]
        pub(crate) struct Symbols {
            $(pub(crate) $name: Option<abi::$ty>),*
        }

        impl Symbols {
            fn resolve(library: &libloading::os::unix::Library) -> Self {
                Self {
                    $($name: {
                        let name = concat!("plugin_", stringify!($name), "\0").as_bytes();
                        // SAFETY: a plugin's symbol of this name is a function of this type: the interface says so.
                        unsafe { library.get::<abi::$ty>(name) }.ok().map(|symbol| *symbol)
                    }),*
                }
            }
        }
    };
}

symbols! {
    get_required_api_version: TextFn,
    get_version: TextFn,
    get_name: TextFn,
    get_description: TextFn,
    get_contact: TextFn,
    init: InitFn,
    destroy: StateFn,
    get_last_error: StateTextFn,
    get_init_schema: SchemaFn,
    set_config: SetConfigFn,
    get_metrics: MetricsFn,
    get_required_event_schema_version: StateTextFn,
    open: OpenFn,
    close: CloseFn,
    next_batch: NextBatchFn,
    get_id: NumberFn,
    get_event_source: TextFn,
    list_open_params: OpenParamsFn,
    get_progress: ProgressFn,
    event_to_string: EventTextFn,
    get_fields: TextFn,
    extract_fields: ExtractFn,
    extract_fields_sync: ExtractFn,
    get_extract_event_types: EventTypesFn,
    get_extract_event_sources: TextFn,
    parse_event: ParseFn,
    get_parse_event_types: EventTypesFn,
    get_parse_event_sources: TextFn,
    get_async_events: TextFn,
    set_async_event_handler: SetHandlerFn,
    get_async_event_sources: TextFn,
    dump_state: SetHandlerFn,
    capture_open: ListenFn,
    capture_close: ListenFn,
}

/// Loads a shared object, which runs its constructors, and finds a plugin's functions in it.
///
/// The object is never unloaded: threads of the plugin's own run time may execute it until the program ends.
///
/// # Errors
/// The dynamic linker's text.
pub(crate) fn load(path: &Path) -> Result<Symbols, String> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    // SAFETY: the user has named the file as a plugin. What its constructors do is what loading it means; docs/plugins.md
    // says that a plugin runs with the rights of this program.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    let library = library.map_err(|error| error.to_string())?;
    let symbols = Symbols::resolve(&library);
    std::mem::forget(library);
    Ok(symbols)
}

/// Calls foreign code. A Rust panic that leaves it becomes `None`; an exception of another language ends the program.
pub(crate) fn guarded<R>(call: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(call)).ok()
}

/// The bytes of a text that a plugin returned, without the NUL; `None` for a null pointer.
///
/// # Safety
/// The pointer is null or leads to bytes that end with a NUL and stay as they are while the result lives.
pub(crate) unsafe fn text_bytes<'a>(text: abi::Text) -> Option<&'a [u8]> {
    if text.is_null() {
        return None;
    }
    // SAFETY: by this function's contract; it reads no further than the NUL.
    let len = unsafe { libc::strnlen(text, MAX_TEXT) };
    // SAFETY: these bytes have just been read.
    Some(unsafe { std::slice::from_raw_parts(text.cast(), len) })
}

/// A copy of a text that a plugin returned.
///
/// # Safety
/// As for [`text_bytes`]; the text need not stay.
pub(crate) unsafe fn copied(text: abi::Text) -> Option<String> {
    // SAFETY: by this function's contract.
    unsafe { text_bytes(text) }.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// A copy of an array that a plugin returned.
///
/// # Safety
/// The pointer is null, or leads to as many elements.
unsafe fn elements<T: Copy>(array: *const T, len: u64) -> Vec<T> {
    if array.is_null() || !array.is_aligned() || len > MAX_LIST {
        return Vec::new();
    }
    // SAFETY: by this function's contract; it is neither null nor out of line.
    unsafe { std::slice::from_raw_parts(array, len as usize) }.to_vec()
}

/// The functions that need no state. Each returns `None` where the plugin lacks it, or returned null.
impl Symbols {
    fn text(function: Option<abi::TextFn>) -> Option<String> {
        let function = function?;
        // SAFETY: the function takes nothing, and returns null or a text that stays until the next call.
        guarded(|| unsafe { copied(function()) })?
    }

    pub(crate) fn required_api_version(&self) -> Option<String> {
        Self::text(self.get_required_api_version)
    }

    pub(crate) fn version(&self) -> Option<String> {
        Self::text(self.get_version)
    }

    pub(crate) fn name(&self) -> Option<String> {
        Self::text(self.get_name)
    }

    pub(crate) fn description(&self) -> Option<String> {
        Self::text(self.get_description)
    }

    pub(crate) fn contact(&self) -> Option<String> {
        Self::text(self.get_contact)
    }

    pub(crate) fn event_source(&self) -> Option<String> {
        Self::text(self.get_event_source)
    }

    pub(crate) fn fields(&self) -> Option<String> {
        Self::text(self.get_fields)
    }

    pub(crate) fn extract_sources(&self) -> Option<String> {
        Self::text(self.get_extract_event_sources)
    }

    pub(crate) fn parse_sources(&self) -> Option<String> {
        Self::text(self.get_parse_event_sources)
    }

    pub(crate) fn async_sources(&self) -> Option<String> {
        Self::text(self.get_async_event_sources)
    }

    pub(crate) fn async_events(&self) -> Option<String> {
        Self::text(self.get_async_events)
    }

    pub(crate) fn id(&self) -> u32 {
        let Some(function) = self.get_id else { return 0 };
        // SAFETY: the function takes nothing and returns a number.
        guarded(|| unsafe { function() }).unwrap_or_default()
    }

    /// Kind and text of the schema of the configuration.
    pub(crate) fn init_schema(&self) -> Option<(u32, String)> {
        let function = self.get_init_schema?;
        let mut kind = 0;
        // SAFETY: the function takes where to put a number, and returns as others do.
        let schema = guarded(|| unsafe { copied(function(&mut kind)) })??;
        Some((kind, schema))
    }
}

/// Copies an event of a plugin, as far as the parts that were read before say that it goes.
///
/// # Safety
/// The pointer is null, or an event is there.
pub(crate) unsafe fn copy_event(event: *const abi::Event, out: &mut Vec<u8>) -> Result<(), Fault> {
    out.clear();
    if event.is_null() {
        return Err(Fault);
    }
    loop {
        let size = frame_size(out)?;
        let have = out.len();
        if size == have {
            return Ok(());
        }
        // SAFETY: what was read of the event says that it has these bytes.
        let part = unsafe { std::slice::from_raw_parts(event.cast::<u8>().add(have), size - have) };
        out.extend_from_slice(part);
    }
}

/// A function of a plugin that runs on a thread of the host.
#[derive(Clone, Copy)]
pub(crate) struct Routine {
    function: abi::RoutineFn,
    input: abi::Opaque,
}

// SAFETY: the interface says that routines run on any thread.
unsafe impl Send for Routine {}

impl Routine {
    pub(crate) fn new(function: abi::RoutineFn, input: abi::Opaque) -> Self {
        Self { function, input }
    }

    /// Runs it once, beside other calls; returns whether it wants to run again.
    fn run(self, state: abi::State) -> bool {
        // SAFETY: the plugin has passed the function with its input, and is not destroyed as long as this runs.
        guarded(|| unsafe { (self.function)(state, self.input) }).is_some_and(|again| again != 0)
    }
}

/// Calls a plugin's function for an entry of a table; returns whether it wants the next one.
pub(crate) fn visit(visitor: abi::IteratorFn, state: abi::Opaque, entry: abi::Entry) -> bool {
    // SAFETY: the plugin has passed the function with its state for this.
    guarded(|| unsafe { visitor(state, entry) }).is_some_and(|next| next != 0)
}
