//! Messages and errors.

use std::ptr::null;

use eyas_sinsp::plugin::Severity;

use super::owner::{contained, find};
use crate::abi;
use crate::call::copied;

pub(crate) const OWNER_ERROR: abi::OwnerErrorFn = owner_error;

extern "C-unwind" fn owner_error(owner: abi::Owner) -> abi::Text {
    contained(null(), || {
        let Some(owner) = find(owner) else { return null() };
        owner.last_error()
    })
}

pub(crate) const LOG: abi::LogFn = log;

unsafe extern "C-unwind" fn log(owner: abi::Owner, component: abi::Text, message: abi::Text, severity: u32) {
    contained((), || {
        let Some(owner) = find(owner) else { return };
        // SAFETY: a plugin passes texts or null.
        let (component, message) = unsafe { (copied(component), copied(message)) };
        let component = component.filter(|name| !name.is_empty());
        let severity = match severity {
            0 | 1 => Severity::Fatal,
            2 => Severity::Critical,
            3 => Severity::Error,
            4 => Severity::Warning,
            5 => Severity::Notice,
            6 => Severity::Info,
            7 => Severity::Debug,
            _ => Severity::Trace,
        };
        let component = component.as_deref().unwrap_or(&owner.name);
        owner.log(severity, &format!("{component}: {}", message.unwrap_or_default()));
    });
}
