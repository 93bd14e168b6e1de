//! Listings: fields and events.

use std::io::Write;

use anyhow::{Result, bail};
use clap::CommandFactory;
use eyas::fields::{ArgKind, FieldDef, FieldFlags};

use crate::args::Args;
use crate::plugins;
use crate::schema::schema;
use crate::view::{self, catalog};

/// Width of a page.
const WIDTH: usize = 100;
/// Column in which descriptions begin.
const INDENT: usize = 32;

/// Prints a requested listing. Returns whether the program is then done.
pub fn print(args: &Args, out: &mut dyn Write) -> Result<bool> {
    if let Some(source) = args.list.as_deref().filter(|source| *source != "syscall") {
        bail!("--list={source}: no source of events has this name; the only one is `syscall`");
    }
    if let Some(form) = args.generate {
        write!(out, "{}", form.render(Args::command())?)?;
    } else if args.list_markdown {
        markdown(out)?;
    } else if args.list.is_some() {
        fields(out, args.names_only, args.verbose > 0)?;
    } else if args.list_events {
        events(out)?;
    } else if args.libs_version {
        writeln!(out, "eyas version {}", env!("CARGO_PKG_VERSION"))?;
    } else if args.plugins.list_inputs {
        write!(out, "{}", plugins::list(args))?;
    } else if let Some(name) = &args.plugins.plugin_info {
        write!(out, "{}", plugins::info(name, args)?)?;
    } else if args.format.as_deref() == Some("p") {
        writeln!(out, "{}", args.preset())?;
    } else if args.list_views {
        view::list(out, &given(args)?)?;
    } else if let Some(name) = &args.view_info {
        view::describe(out, catalog::find(name, &given(args)?)?)?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// The views of the files on the command line.
pub fn given(args: &Args) -> Result<Vec<view::View>> {
    let mut views = Vec::new();
    for path in &args.view_files {
        views.extend(catalog::read(path)?);
    }
    catalog::check(&views)?;
    Ok(views)
}

/// The name of a field with the form of its argument.
fn form(def: &FieldDef) -> String {
    let argument = match def.arg {
        ArgKind::None => "",
        ArgKind::Index => "[number]",
        ArgKind::OptionalIndex => "[number]?",
        ArgKind::Key => "[key]",
        ArgKind::OptionalKey => "[key]?",
        ArgKind::Suffix => ".name",
    };
    format!("{}{argument}", def.name)
}

/// Whether a field is listed without -v.
fn is_listed(def: &FieldDef) -> bool {
    !def.flags.contains(FieldFlags::HIDDEN) && !def.flags.contains(FieldFlags::DEPRECATED)
}

/// Prints every field with its type and description in Markdown tables.
fn markdown(out: &mut dyn Write) -> Result<()> {
    let mut class = "";
    for def in schema().fields().iter().filter(|def| is_listed(def)) {
        let this = def.name.split('.').next().unwrap_or_default();
        if this != class {
            class = this;
            writeln!(
                out,
                "\n## Field Class: {class}\n\nName | Type | Description\n:----|:-----|:-----------"
            )?;
        }
        writeln!(out, "`{}` | {} | {}", form(def), def.ty, def.doc.replace('|', "\\|"))?;
    }
    Ok(())
}

/// Prints every field with its description, by class. With `verbose`, also prints types and hidden fields.
fn fields(out: &mut dyn Write, names_only: bool, verbose: bool) -> Result<()> {
    let mut class = "";
    for def in schema().fields() {
        if !verbose && !is_listed(def) {
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
        field(out, def, verbose)?;
    }
    Ok(())
}

fn field(out: &mut dyn Write, def: &FieldDef, with_type: bool) -> Result<()> {
    let name = form(def);
    let mut line = format!("{name:<width$}", width = INDENT - 2);
    if line.len() > INDENT - 2 {
        writeln!(out, "{line}")?;
        line = " ".repeat(INDENT - 2);
    }
    let ty = if with_type { format!("({}) ", def.ty) } else { String::new() };
    for word in format!("{ty}{}", def.doc).split_whitespace() {
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
fn events(out: &mut dyn Write) -> Result<()> {
    for info in eyas::events::events().filter(|info| info.is_current()) {
        let direction = if info.ty.is_exit() { '<' } else { '>' };
        let params: Vec<String> =
            info.params.iter().map(|param| format!("{} {}", param.ty.name(), param.name)).collect();
        writeln!(out, "{direction} {}({})", info.name, params.join(", "))?;
    }
    Ok(())
}
