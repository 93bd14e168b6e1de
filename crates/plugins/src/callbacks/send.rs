//! Asynchronous events.

use std::borrow::Cow;
use std::ffi::c_char;

use super::current;
use super::owner::{Owner, contained, find};
use crate::abi::{self, Rc};
use crate::async_events;
use crate::call::copy_event;

pub(crate) const ASYNC_HANDLER: abi::AsyncHandler = async_handler;
pub(crate) const DUMP_HANDLER: abi::AsyncHandler = dump_handler;

unsafe extern "C-unwind" fn async_handler(
    owner: abi::Owner,
    event: *const abi::Event,
    error: *mut c_char,
) -> Rc {
    // SAFETY: the plugin passes the arguments that the function requires.
    unsafe {
        take_event(owner, event, error, |owner, frame| {
            let Some(sender) = owner.sender() else {
                return Err(format!("async event sent with NULL handler: {}", owner.name));
            };
            let event = async_events::read(&owner.name, frame)?;
            sender.send(&event).map_err(|error| error.to_string())
        })
    }
}

unsafe extern "C-unwind" fn dump_handler(
    owner: abi::Owner,
    event: *const abi::Event,
    error: *mut c_char,
) -> Rc {
    // SAFETY: the plugin passes the arguments that the function requires.
    unsafe {
        take_event(owner, event, error, |owner, frame| {
            let event = async_events::read(&owner.name, frame)?;
            current::dump(owner, &event)
        })
    }
}

/// Accepts an event from a plugin. Its bytes are `None` if its lengths are inconsistent.
///
/// # Safety
/// The event pointer is null or points to an event. The error pointer is null or points to a buffer of
/// [`abi::MAX_ERROR`] bytes.
unsafe fn take_event(
    owner: abi::Owner,
    event: *const abi::Event,
    error: *mut c_char,
    take: impl FnOnce(&Owner, Option<&[u8]>) -> Result<(), String>,
) -> Rc {
    let outcome = contained(Err(Cow::Borrowed("the host failed")), || {
        let owner = find(owner).ok_or("the plugin is destroyed, or was never initialised")?;
        let mut frame = Vec::new();
        // SAFETY: by this function's contract.
        let is_whole = unsafe { copy_event(event, &mut frame) }.is_ok();
        take(&owner, is_whole.then_some(&frame)).map_err(Cow::Owned)
    });
    let Err(reason) = outcome else { return abi::SUCCESS };
    if !error.is_null() {
        let len = reason.len().min(abi::MAX_ERROR - 1);
        // SAFETY: by this function's contract the buffer has room for the bytes and a NUL.
        unsafe {
            error.copy_from_nonoverlapping(reason.as_ptr().cast(), len);
            error.add(len).write(0);
        }
    }
    abi::FAILURE
}
