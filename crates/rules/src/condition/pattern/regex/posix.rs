//! Translates RE2's POSIX syntax to the syntax of the crate `regex`.
//!
//! The two differ in details that would change what a rule matches: `\<` is a word boundary in one and a
//! plain `<` in the other, `[a[b]` a set within a set or three characters, `a{` an error or a text.

use std::fmt::Write;

/// Maximum number of repetitions; nested ones are multiplied.
const MAX_REPEAT: u32 = 1000;
/// Maximum depth of groups, far above real expressions.
const MAX_GROUPS: usize = 250;

const CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// Returns the expression for the crate `regex`.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut reader = Reader { rest: pattern, out: String::with_capacity(pattern.len() * 2) };
    reader.alternatives(0)?;
    if !reader.rest.is_empty() {
        return Err("a closing parenthesis too many".into());
    }
    Ok(reader.out)
}

struct Reader<'a> {
    rest: &'a str,
    out: String,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    fn eat(&mut self, c: char) -> bool {
        let there = self.peek() == Some(c);
        if there {
            self.next();
        }
        there
    }

    /// A literal character.
    fn plain(&mut self, c: char) {
        if c.is_ascii_alphanumeric() {
            self.out.push(c);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(self.out, "\\x{{{:x}}}", u32::from(c));
        }
    }

    /// Up to a closing parenthesis or the end; returns the largest product of repetition counts in it.
    fn alternatives(&mut self, depth: usize) -> Result<u32, String> {
        if depth > MAX_GROUPS {
            return Err(format!("groups are nested more than {MAX_GROUPS} deep"));
        }
        let mut largest = 1;
        loop {
            largest = largest.max(self.row(depth)?);
            if !self.eat('|') {
                return Ok(largest);
            }
            self.out.push('|');
        }
    }

    fn row(&mut self, depth: usize) -> Result<u32, String> {
        let mut largest = 1;
        while let Some(c) = self.peek().filter(|c| !matches!(c, '|' | ')')) {
            let start = self.out.len();
            let mut counted = self.atom(c, depth)?;
            let mut repetitions = 0;
            while let Some((text, times)) = self.repetition()? {
                // A second repetition applies to the first; without a group, the crate `regex` would read
                // `a*?` differently.
                if repetitions > 0 {
                    self.out.insert_str(start, "(?:");
                    self.out.push(')');
                }
                repetitions += 1;
                self.out.push_str(&text);
                counted = counted.saturating_mul(times.max(1));
                if counted > MAX_REPEAT {
                    return Err(format!("a repetition above {MAX_REPEAT}"));
                }
            }
            largest = largest.max(counted);
        }
        Ok(largest)
    }

    fn atom(&mut self, c: char, depth: usize) -> Result<u32, String> {
        if bounds(self.rest).is_some() || matches!(c, '*' | '+' | '?') {
            return Err(format!("nothing before {c} that it could repeat"));
        }
        self.next();
        match c {
            '(' => {
                if self.peek() == Some('?') {
                    return Err("(?…) is not part of POSIX syntax".into());
                }
                self.out.push_str("(?:");
                let largest = self.alternatives(depth + 1)?;
                if !self.eat(')') {
                    return Err("a parenthesis that is not closed".into());
                }
                self.out.push(')');
                return Ok(largest);
            }
            '.' | '^' | '$' => self.out.push(c),
            '[' => self.set()?,
            '\\' => {
                let c = self.escaped()?;
                self.plain(c);
            }
            c => self.plain(c),
        }
        Ok(1)
    }

    /// A repetition in the syntax of the crate `regex`, and its maximum if it has one.
    fn repetition(&mut self) -> Result<Option<(String, u32)>, String> {
        if let Some(c @ ('*' | '+' | '?')) = self.peek() {
            self.next();
            return Ok(Some((c.into(), 1)));
        }
        let Some((least, most, len)) = bounds(self.rest) else { return Ok(None) };
        let text = self.rest[..len].to_owned();
        if most.is_some_and(|most| most < least) {
            return Err(format!("a repetition {text} that ends before it begins"));
        }
        self.rest = &self.rest[len..];
        Ok(Some((text, most.unwrap_or(least))))
    }

    /// The character after a backslash.
    fn escaped(&mut self) -> Result<char, String> {
        let octal = |b: u8| (b'0'..=b'7').contains(&b);
        let c = self.next().ok_or("a backslash at the end")?;
        let bytes = self.rest.as_bytes();
        let number = |text: &str, radix| {
            u32::from_str_radix(text, radix)
                .ok()
                .and_then(char::from_u32)
                .ok_or_else(|| format!("\\x{text} is not a character"))
        };
        match c {
            'a' => Ok('\x07'),
            'f' => Ok('\x0c'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\x0b'),
            '0'..='7' if c == '0' || bytes.first().copied().is_some_and(octal) => {
                let more = bytes.iter().take(2).take_while(|b| octal(**b)).count();
                let text = format!("{c}{}", &self.rest[..more]);
                self.rest = &self.rest[more..];
                number(&text, 8)
            }
            '1'..='7' => Err("back-references are not supported".into()),
            'x' => {
                let (digits, len) = match self.rest.strip_prefix('{') {
                    Some(rest) => {
                        let len = rest.find('}').ok_or("\\x{ that is not closed")?;
                        (&rest[..len], len + 2)
                    }
                    None => (self.rest.get(..2).ok_or("\\x without two digits")?, 2),
                };
                if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(format!("\\x{digits} is not a character"));
                }
                let c = number(digits, 16)?;
                self.rest = &self.rest[len..];
                Ok(c)
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
            c => Err(format!("\\{c} is not part of POSIX syntax")),
        }
    }

    /// After an opening bracket.
    fn set(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.eat('^') {
            self.out.push('^');
        }
        let mut first = true;
        while first || self.peek() != Some(']') {
            if self.rest.starts_with("[:")
                && let Some(end) = self.rest.find(":]")
            {
                let name = self.rest.get(2..end).unwrap_or_default();
                if !CLASSES.contains(&name.strip_prefix('^').unwrap_or(name)) {
                    return Err(format!("[:{name}:] is not a class of characters"));
                }
                self.out.push_str(&self.rest[..end + 2]);
                self.rest = &self.rest[end + 2..];
                first = false;
                continue;
            }
            if !first && self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                return Err("a hyphen within a set that is not part of a range".into());
            }
            first = false;
            let low = self.member()?;
            self.plain(low);
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.next();
                let high = self.member()?;
                if high < low {
                    return Err(format!("a range {low}-{high} that ends before it begins"));
                }
                self.out.push('-');
                self.plain(high);
            }
        }
        self.next();
        self.out.push(']');
        Ok(())
    }

    fn member(&mut self) -> Result<char, String> {
        match self.next() {
            None => Err("a bracket that is not closed".into()),
            Some('\\') => self.escaped(),
            Some(c) => Ok(c),
        }
    }
}

/// `{n}`, `{n,}` or `{n,m}` at the start, and its length. Any other brace is text, also before a number
/// with leading zeros or above the limit.
fn bounds(text: &str) -> Option<(u32, Option<u32>, usize)> {
    let inner = text.strip_prefix('{')?;
    let inner = &inner[..inner.find('}')?];
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let zeros = text.len() > 1 && text.starts_with('0');
        (digits && !zeros).then(|| text.parse().ok().filter(|n| *n < 100_000_000)).flatten()
    };
    let (least, most) = match inner.split_once(',') {
        None => {
            let n = number(inner)?;
            (n, Some(n))
        }
        Some((n, "")) => (number(n)?, None),
        Some((n, m)) => (number(n)?, Some(number(m)?)),
    };
    Some((least, most, inner.len() + 2))
}

#[cfg(test)]
mod tests {
    use super::super::super::super::interpret::pattern::regex as plain;
    use super::super::Regex;

    /// Results of RE2 with `posix_syntax` and `longest_match`: texts that match, and texts that do not.
    const TABLE: &[(&str, &[&str], &[&str])] = &[
        ("a*?", &["a", "aa", ""], &["<a"]),
        ("a+?", &["a", "aa", ""], &["<a"]),
        ("a**", &["a", "aa", ""], &["b"]),
        ("a{2}{3}", &["aaaaaa"], &["aa", "aaa"]),
        ("a{,2}", &["a{,2}"], &["a", "aa", ""]),
        ("a{", &["a{"], &["a"]),
        ("a{02}", &["a{02}"], &["aa"]),
        ("a{99999999999}", &["a{99999999999}"], &["a"]),
        ("x{0}", &[""], &["x"]),
        ("\\_", &["_"], &["\\_"]),
        ("\\ ", &[" "], &[""]),
        ("\\<a", &["<a"], &["a"]),
        ("\\12", &["\n"], &["12"]),
        ("\\0", &["\0"], &["0"]),
        ("\\08", &["\08"], &["8"]),
        ("\\x{41}", &["A"], &["x41"]),
        ("\\x41", &["A"], &["x41"]),
        ("^*", &[""], &["^"]),
        ("()", &[""], &["a"]),
        ("a||b", &["a", "", "b"], &["aa"]),
        ("[[:word:]]", &["a", "_", "7"], &["é", " "]),
        ("[[:^alpha:]]", &["\n", "[", "é"], &["a"]),
        ("[a-]", &["a", "-"], &["b"]),
        ("[-a]", &["a", "-"], &["b"]),
        ("[]a]", &["a", "]"], &["b"]),
        ("[^]a]", &["b"], &["a", "]"]),
        ("a]", &["a]"], &["a"]),
        ("a}", &["a}"], &["a"]),
        ("[[.a.]]", &[".]", "a]", "[]"], &["a"]),
        ("[a&&b]", &["a", "b", "&"], &["c"]),
        ("[a[bc]", &["a", "[", "b", "c"], &["d"]),
        ("[+--]", &["+", ",", "-"], &["."]),
        ("[:alpha:]", &["a", ":", "l"], &["b"]),
        ("[\\]a]", &["]", "a"], &["\\"]),
        ("[^a]", &["\n", "é"], &["a"]),
        ("(^a|b$)", &["a", "b"], &["^a"]),
        ("^a$\n^b$", &["a\nb"], &["ab"]),
        ("a.b", &["aéb"], &["a\nb", "ab"]),
        ("(a+)+b", &["aab"], &["aa"]),
        ("a|ab|abc", &["a", "ab", "abc"], &["abcd"]),
        ("a{1000}", &[], &["a"]),
        (".{1000}", &[], &["a"]),
    ];
    const REFUSED: &[&str] = &[
        "{2}",
        "a{2,1}",
        "a{1001}",
        "a{0,1001}",
        "(a{500}){3}",
        "\\C",
        "\\pL",
        "\\Q",
        "\\E",
        "\\z",
        "\\A",
        "\\1",
        "\\x4",
        "\\x",
        "\\x{}",
        "\\x{110000}",
        "\\é",
        "\\e",
        "\\y",
        "\\d",
        "\\b",
        "|*",
        "(*)",
        "+",
        "?",
        "(?i)a",
        "(?P<n>a)",
        "(?:a)",
        "[[:foo:]]",
        "[a-c-e]",
        "[]",
        "[^]",
        "[z-a]",
        "[a",
        "\\",
        "[\\d]",
        "[a--]",
        "[[:alpha:]-z]",
        "[a-[:digit:]]",
        "[[:alpha:]",
        "(",
        "a)",
    ];

    #[test]
    fn expressions_match_as_in_re2() {
        for (pattern, yes, no) in TABLE {
            let regex = Regex::new(pattern.as_bytes()).unwrap();
            for (texts, want) in [(yes, true), (no, false)] {
                for text in *texts {
                    assert_eq!(regex.matches(text.as_bytes()), want, "{pattern} on {text:?}");
                    assert_eq!(
                        plain(pattern.as_bytes(), text.as_bytes()),
                        Ok(want),
                        "{pattern} on {text:?}, plainly"
                    );
                }
            }
        }
    }

    #[test]
    fn expressions_that_re2_refuses_are_refused() {
        for pattern in REFUSED {
            assert!(Regex::new(pattern.as_bytes()).is_err(), "{pattern}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |n: usize| format!("{}a{}", "(".repeat(n), ")".repeat(n));
        assert!(Regex::new(deep(200).as_bytes()).unwrap().matches(b"a"));
        assert!(Regex::new(deep(100_000).as_bytes()).is_err());
    }
}
