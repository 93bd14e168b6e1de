//! Events as sources of fields.

use eyas_events::{EventType, SyscallCode, param};
use eyas_fields::{Field, FieldSource, Schema, SchemaId, Scope, ScopeVersion, Value};
use eyas_scap::RawEvent;

use crate::fields::{EXTRACT, described};
use crate::path_params;
use crate::schema::schema;
use crate::view::{Described, EventView};

/// Other programs report some calls as generic events for which eyas has special events.
pub(crate) fn generic_code(event: &RawEvent<'_>) -> u16 {
    let call = event.uint(param::GENERIC_X::ID).map(|id| SyscallCode(id as u16));
    call.map(SyscallCode::exit).filter(|exit| exit.is_own()).unwrap_or(event.ty).0
}

impl EventView<'_> {
    /// What determines the fields about the event's open file ([`Scope::Fd`]). A program may keep their values for
    /// the next event about the same file.
    #[inline]
    pub fn described(&self) -> Described<'_> {
        described(self)
    }
}

impl FieldSource for EventView<'_> {
    fn schema_id(&self) -> SchemaId {
        self.plugins().map_or_else(|| schema().id(), |plugins| plugins.schema_id(&self.event()))
    }

    #[inline]
    fn get(&self, field: &Field) -> Option<Value<'_>> {
        match EXTRACT.get(usize::from(field.id.0)) {
            Some(extract) => extract(self, field),
            None => self.plugin_field(field),
        }
    }

    #[inline]
    fn code(&self) -> u16 {
        match self.event().ty {
            EventType::GENERIC_X => generic_code(&self.event()),
            ty => ty.0,
        }
    }

    fn timestamp(&self) -> Option<u64> {
        Some(self.event().ts)
    }

    #[inline]
    fn scope_version(&self, scope: Scope) -> Option<ScopeVersion> {
        self.version(scope)
    }

    #[inline]
    fn alternate(&self) -> Option<&dyn FieldSource> {
        let has_other_name = || self.fd().is_some_and(|fd| fd.opened().is_some());
        if self.is_alternate() || !(has_other_name() || path_params::differ(self)) {
            return None;
        }
        Some(self.bump().alloc(self.of_kernel()))
    }
}
