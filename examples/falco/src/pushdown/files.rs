//! Whether the probe may leave out opens and closes of files. This depends on the file descriptors that the
//! rules use.

use eyas::events::{EventFlags, EventType};
use eyas::fields::Schema;
use eyas::rules::{Engine, RuleFormulas};
use eyas::sinsp::{field_of_files, schema};

/// A rule that needs every open file to be tracked.
pub struct FileUser {
    rule: String,
    field: &'static str,
    ty: &'static str,
}

impl std::fmt::Display for FileUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rule, field, ty } = self;
        write!(
            f,
            "Opens and closes of all files are sent, as rule '{rule}' asks by {field} which file a {ty} works on"
        )
    }
}

/// The first rule that asks which file a descriptor stands for, if not the event does that opened it; `is_live`: see
/// [`field_of_files`].
pub fn file_user(engine: &Engine, is_live: bool) -> Option<FileUser> {
    let formulas = RuleFormulas::new(engine);
    let fields: Vec<_> = engine.rules().iter().map(|rule| engine.fields_of(rule)).collect();
    (0..EventType::COUNT as u16).filter(|code| is_sent(EventType(*code))).find_map(|code| {
        formulas.of_code(code).iter().find_map(|(rule, condition)| {
            let index = rule.0 as usize;
            let field = field_of_files(EventType(code), condition, &fields[index], is_live)?;
            let ty = schema().code_name(code).unwrap_or_default();
            Some(FileUser { rule: engine.rules()[index].name.clone(), field, ty })
        })
    })
}

/// Whether events of this type occur: old versions are converted to current ones.
pub fn is_sent(ty: EventType) -> bool {
    ty.info().is_some_and(|info| !info.flags.intersects(EventFlags::OLD_VERSION.union(EventFlags::UNUSED)))
}
