//! Prints the list of views and descriptions of views.

use std::io::Write;

use anyhow::Result;

use super::catalog;
use super::model::{Kind, View};

/// Column in which summaries begin, and the width of a page.
const INDENT: usize = 20;
const WIDTH: usize = 100;

/// Lists the views by category.
pub fn list(out: &mut dyn Write, given: &[View]) -> Result<()> {
    let views: Vec<&View> = given.iter().chain(catalog::all()).collect();
    let mut categories: Vec<&str> = views.iter().map(|view| view.category.as_str()).collect();
    categories.sort_unstable();
    categories.dedup();
    for category in categories {
        let title = format!("Category: {category}");
        writeln!(out, "\n{title}\n{}", "-".repeat(title.len()))?;
        let mut rows: Vec<&&View> = views.iter().filter(|view| view.category == category).collect();
        rows.sort_unstable_by_key(|view| &view.name);
        rows.into_iter().try_for_each(|view| entry(out, view))?;
    }
    writeln!(
        out,
        "\nsysdig -i NAME describes a view; sysdig -c NAME [ARGUMENTS], or sysdig view NAME, shows it"
    )?;
    Ok(())
}

fn entry(out: &mut dyn Write, view: &View) -> Result<()> {
    wrapped(out, &format!("{:<width$}", view.name, width = INDENT - 1), &view.summary)
}

/// Describes a view with its parameters.
pub fn describe(out: &mut dyn Write, view: &View) -> Result<()> {
    writeln!(out, "\nCategory: {}", view.category)?;
    entry(out, view)?;
    if !view.about.is_empty() {
        writeln!(out)?;
        wrapped(out, "", &view.about)?;
    }
    let shown = |text: &str| text.replace("\n", " ");
    if !view.filter.is_empty() {
        writeln!(out, "\nFilter: {}", shown(&view.filter))?;
    }
    writeln!(out, "Arguments:{}", if view.parameters.is_empty() { " none" } else { "" })?;
    for parameter in &view.parameters {
        let kind = match parameter.kind {
            Kind::Text | Kind::Colors => "text",
            Kind::File => "file",
            Kind::Number | Kind::Range => "number",
            Kind::Field => "field",
            Kind::Condition => "condition",
        };
        let optional = if parameter.is_optional() { ", optional" } else { "" };
        wrapped(out, &format!("[{kind}{optional}] {} -", parameter.name), &parameter.about)?;
    }
    for drill in &view.drill {
        writeln!(out, "More of a row: sysdig -c {} '{}'", drill.view, drill.filter)?;
    }
    Ok(())
}

/// Prints a text after a title, wrapped into lines. Further lines are indented.
fn wrapped(out: &mut dyn Write, title: &str, text: &str) -> Result<()> {
    let indent = if title.is_empty() { 0 } else { INDENT };
    let mut line = title.to_owned();
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(out, "{line}")?;
            line = " ".repeat(indent.saturating_sub(1));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(out, "{line}")?;
    Ok(())
}
