//! Listings: fields and events.

use std::io::Write;

use anyhow::Result;
use eyas::events::EventFlags;
use eyas::fields::{ArgKind, FieldDef, FieldFlags, Schema};

/// Width of a page.
const WIDTH: usize = 100;
/// Where descriptions begin.
const INDENT: usize = 32;

/// Prints every field with its type and description, class by class.
pub fn fields(out: &mut dyn Write, names_only: bool) -> Result<()> {
    let mut class = "";
    for def in eyas::sinsp::schema().fields() {
        if def.flags.contains(FieldFlags::HIDDEN) || def.flags.contains(FieldFlags::DEPRECATED) {
            continue;
        }
        if names_only {
            writeln!(out, "{}", def.name)?;
            continue;
        }
        let this = def.name.split('.').next().unwrap_or_default();
        if this != class {
            class = this;
            writeln!(out, "\n{}\nField Class: {class}\n", "-".repeat(WIDTH))?;
        }
        field(out, def)?;
    }
    Ok(())
}

fn field(out: &mut dyn Write, def: &FieldDef) -> Result<()> {
    let form = match def.arg {
        ArgKind::None => String::new(),
        ArgKind::Index => "[number]".into(),
        ArgKind::OptionalIndex => "[number]?".into(),
        ArgKind::Key => "[key]".into(),
        ArgKind::OptionalKey => "[key]?".into(),
        ArgKind::Suffix => ".name".into(),
    };
    let name = format!("{}{form}", def.name);
    let mut line = format!("{name:<width$}", width = INDENT - 2);
    if line.len() > INDENT - 2 {
        writeln!(out, "{line}")?;
        line = " ".repeat(INDENT - 2);
    }
    for word in def.doc.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            writeln!(out, "{line}")?;
            line = " ".repeat(INDENT - 2);
        }
        let gap = if line.trim().is_empty() || line.len() == INDENT - 2 { "  " } else { " " };
        line.push_str(gap);
        line.push_str(word);
    }
    writeln!(out, "{line}")?;
    Ok(())
}

/// Prints every current event with its parameters.
pub fn events(out: &mut dyn Write) -> Result<()> {
    for info in eyas::events::events() {
        if info.flags.intersects(EventFlags::UNUSED | EventFlags::OLD_VERSION) {
            continue;
        }
        let params: Vec<&str> = info.params.iter().map(|param| param.name).collect();
        writeln!(out, "{}({})", info.name, params.join(", "))?;
    }
    Ok(())
}
