//! Generates the security hooks in C: their numbers, and a program for each.

use std::fmt::Write;

use eyas_events::hooks;

pub(super) fn tables(out: &mut String) {
    let mut programs = String::new();
    for hook in hooks() {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "#define HOOK_{} {}", hook.name, hook.number);
        let _ = write!(programs, "DECIDED({}, {}) ", hook.name, hook.function);
    }
    let _ = writeln!(out, "#define HOOK_PROGRAMS {programs}");
}
