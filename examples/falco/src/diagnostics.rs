//! Prints errors and warnings of rules files on standard error.

use std::io::IsTerminal;

use eyas::rules::{Diagnostic, Severity, Style, render};

use crate::console;

/// Prints diagnostics and counts them.
pub struct Printer {
    style: Style,
    errors: usize,
    warnings: usize,
}

impl Printer {
    /// A printer for standard error, with colours if it is a terminal that supports them.
    pub fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let mut style = Style::default().with_colors(terminal && !plain);
        if terminal && let Ok(size) = rustix::termios::tcgetwinsize(std::io::stderr()) {
            style = style.with_width(usize::from(size.ws_col));
        }
        Self { style, errors: 0, warnings: 0 }
    }

    /// Draws one.
    pub fn print(&mut self, diagnostic: &Diagnostic) {
        match diagnostic.severity {
            Severity::Error => self.errors += 1,
            _ => self.warnings += 1,
        }
        console::print_error(&format!("{}\n", render(diagnostic, self.style)));
    }

    /// Prints the number of diagnostics, if there were any.
    pub fn finish(self) {
        let count = |n: usize, what: &str| match n {
            0 => None,
            1 => Some(format!("1 {what}")),
            n => Some(format!("{n} {what}s")),
        };
        let said: Vec<String> =
            [count(self.errors, "error"), count(self.warnings, "warning")].into_iter().flatten().collect();
        if !said.is_empty() {
            console::print_error(&format!("{}\n", said.join(", ")));
        }
    }
}
