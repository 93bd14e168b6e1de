//! Every call into a plugin: the only file that runs foreign code.
//!
//! Each function initialises the output arguments, because a plugin may leave them untouched. Then it calls
//! the plugin, and copies the result before the next call, because a plugin may use one buffer for all its
//! texts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use eyas_fields::path_text;

use crate::abi;
use crate::elf;
use crate::error::shown;
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

/// Maximum length of a text that the host reads from a plugin, in bytes.
const MAX_TEXT: usize = 64 << 20;
/// Maximum number of elements in a list that the host reads from a plugin.
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

/// Loads a shared object, which runs its constructors, and looks up the functions of the plugin in it.
///
/// The object is never unloaded: threads of the plugin's own runtime may execute its code until the program
/// ends.
///
/// # Errors
/// Loading failed: the dynamic linker's message.
pub(crate) fn load(path: &Path) -> Result<Symbols, String> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    // The dynamic linker would wait for the writer of a FIFO. It reports other mistakes itself.
    if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir()) {
        return Err(format!("{}: it is not a regular file", shown(path)));
    }
    elf::check(path)?;
    // SAFETY: the user has configured this file as a plugin, and so accepts that its constructors run.
    // docs/plugins.md says that a plugin runs with the rights of this program.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    let library = library.map_err(|error| path_text(error.to_string().as_bytes()))?;
    let symbols = Symbols::resolve(&library);
    std::mem::forget(library);
    Ok(symbols)
}

/// Calls foreign code. Returns `None` if a Rust panic leaves that code. An exception of another language
/// ends the program.
pub(crate) fn guarded<R>(call: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(call)).ok()
}

/// The bytes of a text that a plugin returned, without the NUL; `None` for a null pointer.
///
/// # Safety
/// The pointer is null or points to bytes that end with a NUL and do not change while the result lives.
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
/// As for [`text_bytes`], but the text may change after this function returns.
pub(crate) unsafe fn copied(text: abi::Text) -> Option<String> {
    // SAFETY: by this function's contract.
    unsafe { text_bytes(text) }.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// A copy of an array that a plugin returned.
///
/// # Safety
/// The pointer is null, or points to `len` elements.
unsafe fn elements<T: Copy>(array: *const T, len: u64) -> Vec<T> {
    if array.is_null() || !array.is_aligned() || len > MAX_LIST {
        return Vec::new();
    }
    // SAFETY: by this function's contract; the pointer is neither null nor misaligned.
    unsafe { std::slice::from_raw_parts(array, len as usize) }.to_vec()
}

/// The functions that need no state. Each returns `None` where the plugin lacks it, or returned null.
impl Symbols {
    fn text(function: Option<abi::TextFn>) -> Option<String> {
        let function = function?;
        // SAFETY: the function takes no argument, and returns null or a text that is valid until the next
        // call.
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
        // SAFETY: the function takes no argument and returns a number.
        guarded(|| unsafe { function() }).unwrap_or_default()
    }

    /// The configuration schema: its kind and its text.
    pub(crate) fn init_schema(&self) -> Option<(u32, String)> {
        let function = self.get_init_schema?;
        let mut kind = 0;
        // SAFETY: the function takes a pointer to a number, and returns null or a text that is valid until
        // the next call.
        let schema = guarded(|| unsafe { copied(function(&mut kind)) })??;
        Some((kind, schema))
    }
}

/// Copies an event of a plugin. The size of each part comes from the parts that were read before it.
///
/// # Safety
/// The pointer is null, or points to an event.
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
        // SAFETY: according to the part read so far, the event has these bytes.
        let part = unsafe { std::slice::from_raw_parts(event.cast::<u8>().add(have), size - have) };
        out.extend_from_slice(part);
    }
}

/// A plugin's function that runs on a thread of the host.
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

    /// Runs the function once, concurrently with other calls. Returns whether the function wants to run
    /// again.
    fn run(self, state: abi::State) -> bool {
        // SAFETY: the plugin has passed the function with its input, and is not destroyed while the
        // function runs.
        guarded(|| unsafe { (self.function)(state, self.input) }).is_some_and(|again| again != 0)
    }
}

/// Calls a plugin's function for an entry of a table. Returns whether the function wants the next entry.
pub(crate) fn visit(visitor: abi::IteratorFn, state: abi::Opaque, entry: abi::Entry) -> bool {
    // SAFETY: the plugin has passed the function with its state for this.
    guarded(|| unsafe { visitor(state, entry) }).is_some_and(|next| next != 0)
}
