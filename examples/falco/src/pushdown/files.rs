//! Whether the probe may leave out opens and closes of files and directories. This depends on the file descriptors
//! that the rules use.

use eyas::events::{EventFlags, EventType};
use eyas::fields::Schema;
use eyas::fields::{Field, FieldTest, Formula};
use eyas::rules::{Engine, RuleFormulas};
use eyas::sinsp::{field_of_directories, field_of_files, schema};

/// A rule that needs every open file, or every open directory, to be tracked.
pub struct FileUser {
    kind: &'static str,
    rule: String,
    field: &'static str,
    ty: &'static str,
}

impl std::fmt::Display for FileUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, rule, field, ty } = self;
        let all = if *kind == "file" { "files" } else { "directories" };
        write!(
            f,
            "Opens and closes of all {all} are sent, as rule '{rule}' asks by {field} which {kind} a {ty} works on"
        )
    }
}

/// The first rule that asks which file a descriptor stands for, if not the event does that opened it; `is_live`: see
/// [`field_of_files`].
pub fn file_user(engine: &Engine, is_live: bool) -> Option<FileUser> {
    user("file", engine, |ty, condition, fields| field_of_files(ty, condition, fields, is_live))
}

/// The same for directories, in a live capture.
pub fn directory_user(engine: &Engine) -> Option<FileUser> {
    user("directory", engine, field_of_directories)
}

fn user(
    kind: &'static str,
    engine: &Engine,
    field_of: impl Fn(EventType, &Formula<FieldTest>, &[Vec<Field>; 2]) -> Option<&'static str>,
) -> Option<FileUser> {
    let formulas = RuleFormulas::new(engine);
    let fields: Vec<_> = engine.rules().iter().map(|rule| engine.fields_of(rule)).collect();
    (0..EventType::COUNT as u16).filter(|code| is_sent(EventType(*code))).find_map(|code| {
        formulas.of_code(code).iter().find_map(|(rule, condition)| {
            let index = rule.0 as usize;
            let field = field_of(EventType(code), condition, &fields[index])?;
            let ty = schema().code_name(code).unwrap_or_default();
            Some(FileUser { kind, rule: engine.rules()[index].name.clone(), field, ty })
        })
    })
}

/// Whether events of this type occur: old versions are converted to current ones.
pub fn is_sent(ty: EventType) -> bool {
    ty.info().is_some_and(|info| !info.flags.intersects(EventFlags::OLD_VERSION.union(EventFlags::UNUSED)))
}
