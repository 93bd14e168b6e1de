//! Fields that the configuration defines.

use std::collections::BTreeMap;
use std::sync::Arc;

use eyas_fields::{CodeSet, Field, FieldDef, FieldId, ResolveError, Schema, SchemaId};

/// A schema with additional fields that have a constant text.
pub(super) struct Constants {
    pub(super) schema: Arc<dyn Schema>,
    pub(super) fields: BTreeMap<String, String>,
}

impl Schema for Constants {
    fn constant(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).or_else(|| self.schema.constant(name))
    }

    fn source(&self) -> &str {
        self.schema.source()
    }

    // Conditions read these fields from no event.
    fn id(&self) -> SchemaId {
        self.schema.id()
    }

    fn words(&self, field: &Field) -> Option<&[&str]> {
        self.schema.words(field)
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, ResolveError> {
        self.schema.resolve(name, arg)
    }

    fn fields(&self) -> &[FieldDef] {
        self.schema.fields()
    }

    fn def(&self, id: FieldId) -> &FieldDef {
        self.schema.def(id)
    }

    fn codes(&self) -> usize {
        self.schema.codes()
    }

    fn is_type_field(&self, field: &Field) -> bool {
        self.schema.is_type_field(field)
    }

    fn codes_of(&self, name: &str) -> Option<CodeSet> {
        self.schema.codes_of(name)
    }

    fn fixed_type(&self, field: &Field, code: u16) -> Option<&str> {
        self.schema.fixed_type(field, code)
    }

    fn older_type(&self, field: &Field, code: u16) -> Option<&str> {
        self.schema.older_type(field, code)
    }

    fn code_name(&self, code: u16) -> Option<&str> {
        self.schema.code_name(code)
    }

    fn occurring(&self) -> CodeSet {
        self.schema.occurring()
    }

    fn always(&self) -> CodeSet {
        self.schema.always()
    }

    fn check_value(&self, field: &Field, value: &str) -> Result<(), String> {
        self.schema.check_value(field, value)
    }
}
