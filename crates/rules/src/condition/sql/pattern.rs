//! Patterns as regular expressions, in the common syntax of RE2 and Rust's `regex`.

use std::fmt::Write;

/// A plain text.
fn plain(out: &mut String, c: char) {
    match c {
        c if c.is_ascii_alphanumeric() || !c.is_ascii() || "_/ ".contains(c) => out.push(c),
        c if c.is_ascii_control() => _ = write!(out, "\\x{:02x}", u32::from(c)),
        c => out.extend(['\\', c]),
    }
}

/// Appends a shell pattern; `any` matches any character.
fn glob(out: &mut String, pattern: &str, any: &str) -> Result<(), String> {
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => out.extend([any, "*"]),
            '?' => out.push_str(any),
            '\\' => plain(out, rest.next().ok_or("a shell pattern that ends in a backslash")?),
            '[' => match bracket(rest.as_str()) {
                Some((set, behind)) => {
                    out.push_str(&set);
                    rest = behind.chars();
                }
                None if rest.as_str().contains(']') => {
                    return Err("such brackets of a shell pattern".into());
                }
                None => out.push_str("\\["),
            },
            c => plain(out, c),
        }
    }
    Ok(())
}

/// The set after a bracket, and the rest of the text. `None` if it is not closed, or not simple.
fn bracket(text: &str) -> Option<(String, &str)> {
    let mut set = String::from("[");
    let mut rest = text;
    if let Some(behind) = rest.strip_prefix(['!', '^']) {
        set.push('^');
        rest = behind;
    }
    let mut is_first = true;
    loop {
        let c = rest.chars().next()?;
        if c == ']' && !is_first {
            set.push(']');
            return Some((set, &rest[1..]));
        }
        is_first = false;
        if let Some(named) = rest.strip_prefix("[:") {
            let (class, behind) = named.split_once(":]")?;
            let known = [
                "alpha", "digit", "alnum", "upper", "lower", "punct", "xdigit", "cntrl", "graph", "print",
                "space", "blank",
            ];
            if !known.contains(&class) {
                return None;
            }
            _ = write!(set, "[:{class}:]");
            rest = behind;
            continue;
        }
        // Other forms that begin like this are rare, and do not occur in rules.
        if rest.starts_with("[.") || rest.starts_with("[=") || rest.starts_with('\\') || !c.is_ascii() {
            return None;
        }
        rest = &rest[1..];
        let mut bounds = rest.chars();
        match (bounds.next(), bounds.next()) {
            (Some('-'), Some(high)) if high != ']' => {
                if high < c || !high.is_ascii() || "[\\".contains(high) {
                    return None;
                }
                plain(&mut set, c);
                set.push('-');
                plain(&mut set, high);
                rest = &rest[2..];
            }
            _ => plain(&mut set, c),
        }
    }
}

/// An expression for texts that a shell pattern matches as a whole.
pub(super) fn of_glob(pattern: &[u8]) -> Result<String, String> {
    let pattern = utf8(pattern)?;
    let mut out = String::from("(?s)^");
    glob(&mut out, pattern, ".")?;
    out.push('$');
    Ok(out)
}

/// An expression for paths that are equal to one of these, or below it.
pub(super) fn of_paths<'a>(paths: impl Iterator<Item = &'a [u8]>) -> Result<String, String> {
    let mut alternatives: Vec<String> = Vec::new();
    for path in paths {
        let mut out = String::new();
        for (at, part) in utf8(path)?.split('/').filter(|part| !part.is_empty()).enumerate() {
            if at > 0 {
                out.push_str("/+");
            }
            match part.contains(['*', '?', '[']) {
                true => glob(&mut out, part, "[^/]")?,
                false => part.chars().for_each(|c| plain(&mut out, c)),
            }
        }
        alternatives.push(out);
    }
    if alternatives.is_empty() {
        return Err("`pmatch` of no path".into());
    }
    // Every path is below a path without components.
    if alternatives.iter().any(String::is_empty) {
        return Ok("(?s)^.*$".into());
    }
    Ok(format!("(?s)^/*(?:{})(?:/.*)?$", alternatives.join("|")))
}

fn utf8(text: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(text).map_err(|_| "a pattern that is not UTF-8".into())
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::super::super::pattern::{Glob, Paths};
    use super::*;

    const TEXTS: [&str; 24] = [
        "",
        "a",
        "b",
        "A",
        "ab",
        "abc",
        "a/b",
        "a.c",
        "a\nc",
        "-",
        "]",
        "[",
        "^",
        "!",
        "a-c",
        "/etc",
        "/etc/passwd",
        "//etc//x",
        "etc/x",
        "/etcetera",
        "/usr/lib/x/security/y",
        "/usr/lib/x/y/security",
        "a*b",
        "x\\y",
    ];

    #[test]
    fn shell_patterns_in_sql_match_as_in_the_engine() {
        let patterns = [
            "",
            "*",
            "?",
            "a*",
            "*b",
            "a?c",
            "a.c",
            "[ab]",
            "[!ab]",
            "[^a]*",
            "[a-c]*",
            "[]a]",
            "[a-]",
            "[-a]",
            "[[:upper:]]",
            "\\*",
            "a\\*b",
            "[",
            "x\\\\y",
            "/etc/*",
            "*/security",
            "[a",
            "(a|b)",
            "a+",
            "{a}",
            "$",
            "[\\]]",
            "[z-a]",
            "[[:x:]]",
            "[[.a.]]",
            "a\\",
        ];
        let mut written = 0;
        for pattern in patterns {
            let Ok(expression) = of_glob(pattern.as_bytes()) else { continue };
            written += 1;
            let expression = Regex::new(&expression).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            let glob = Glob::new(pattern.as_bytes(), false);
            for text in TEXTS {
                assert_eq!(expression.is_match(text), glob.matches(text.as_bytes()), "{pattern}: {text:?}");
            }
        }
        assert_eq!(written, patterns.len() - 5, "all but the last five have an expression");
    }

    #[test]
    fn paths_in_sql_match_as_in_the_engine() {
        for paths in [&["/etc"][..], &["/usr/lib/*/security", "a"], &["/"], &["etc", "/b"], &["/e?c", "/[a]"]]
        {
            let expression =
                Regex::new(&of_paths(paths.iter().map(|path| path.as_bytes())).unwrap()).unwrap();
            let set = Paths::new(paths.iter().map(|path| path.as_bytes().into()).collect(), Vec::new());
            for text in TEXTS {
                assert_eq!(expression.is_match(text), set.cover(text.as_bytes()), "{paths:?}: {text:?}");
            }
        }
    }
}
