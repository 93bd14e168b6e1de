use eyas_fields::TextPlace;

/// A shell pattern: `*`, `?`, `[set]`, `[!set]`, and `\` before a byte that stands for itself. Slashes and
/// leading dots have no special meaning.
#[derive(Clone, Debug)]
pub(crate) struct Glob {
    parts: Vec<Part>,
    fold: bool,
    /// A text that all matching texts have, and its place.
    literal: Option<(TextPlace, Box<[u8]>)>,
}

#[derive(Clone, Debug)]
enum Part {
    Byte(u8),
    Any,
    Star,
    Set(Box<[bool; 256]>),
}

impl Glob {
    pub(crate) fn new(pattern: &[u8], fold: bool) -> Self {
        let mut parts = Vec::new();
        let mut at = 0;
        while at < pattern.len() {
            let (part, len) = match pattern[at] {
                b'*' => (Part::Star, 1),
                b'?' => (Part::Any, 1),
                b'\\' => match pattern.get(at + 1) {
                    Some(byte) => (Part::Byte(*byte), 2),
                    // As in the C library: no byte follows the backslash.
                    None => (Part::Set(Box::new([false; 256])), 1),
                },
                b'[' => match set(&pattern[at..], fold) {
                    Some((set, len)) => (Part::Set(Box::new(set)), len),
                    None => (Part::Byte(b'['), 1),
                },
                byte => (Part::Byte(byte), 1),
            };
            if !(matches!(part, Part::Star) && matches!(parts.last(), Some(Part::Star))) {
                parts.push(part);
            }
            at += len;
        }
        let literal = if fold { None } else { literal(&parts) };
        Self { parts, fold, literal }
    }

    /// The longest text that every matching text has at the place; `None` if there is none, or if case does not matter.
    pub(crate) fn literal(&self) -> Option<(TextPlace, &[u8])> {
        self.literal.as_ref().map(|(place, text)| (*place, &**text))
    }

    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        let (mut part, mut at) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.parts.get(part) {
                Some(Part::Star) => {
                    retry = Some((part + 1, at));
                    part += 1;
                    continue;
                }
                Some(p) if self.one(p, text[at]) => {
                    part += 1;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            let Some((after, from)) = retry else { return false };
            retry = Some((after, from + 1));
            (part, at) = (after, from + 1);
        }
        self.parts[part..].iter().all(|p| matches!(p, Part::Star))
    }

    fn one(&self, part: &Part, byte: u8) -> bool {
        match part {
            Part::Byte(b) if self.fold => b.eq_ignore_ascii_case(&byte),
            Part::Byte(b) => *b == byte,
            Part::Any => true,
            Part::Set(set) => set[usize::from(byte)],
            Part::Star => false,
        }
    }
}

/// The longest run of plain bytes; the first of several.
fn literal(parts: &[Part]) -> Option<(TextPlace, Box<[u8]>)> {
    let byte = |part: &Part| match part {
        Part::Byte(byte) => Some(*byte),
        _ => None,
    };
    let (mut best, mut at) = (0..0, 0);
    while at < parts.len() {
        let len = parts[at..].iter().take_while(|part| byte(part).is_some()).count();
        if len > best.len() {
            best = at..at + len;
        }
        at += len + 1;
    }
    let place = match (best.start == 0, best.end == parts.len()) {
        (true, true) => TextPlace::Whole,
        (true, false) => TextPlace::Start,
        (false, true) => TextPlace::End,
        (false, false) => TextPlace::Within,
    };
    (!best.is_empty()).then(|| (place, parts[best].iter().filter_map(byte).collect()))
}

/// A bracket expression at the start of the text and its length; `None` if it has no end.
///
/// With `fold`, its bytes and ranges ignore case, but its classes do not, as in the C library.
fn set(text: &[u8], fold: bool) -> Option<([bool; 256], usize)> {
    let mut members = [false; 256];
    let mut at = 1;
    let inverted = matches!(text.get(at), Some(b'!' | b'^'));
    at += usize::from(inverted);
    let first = at;
    let mut known = true;
    loop {
        let byte = *text.get(at)?;
        if byte == b']' && at > first {
            break;
        }
        if byte == b'['
            && text.get(at + 1) == Some(&b':')
            && let Some(len) = text[at + 2..].windows(2).position(|w| w == b":]")
        {
            known &= class(&text[at + 2..at + 2 + len], &mut members);
            at += len + 4;
            continue;
        }
        let literal = |at: usize| match text.get(at..)? {
            [b'\\', byte, ..] => Some((*byte, 2)),
            [b'[', b'.', byte, b'.', b']', ..] | [b'[', b'=', byte, b'=', b']', ..] => Some((*byte, 5)),
            [byte, ..] => Some((*byte, 1)),
            [] => None,
        };
        let (low, len) = literal(at)?;
        at += len;
        let range = text.get(at) == Some(&b'-') && text.get(at + 1).is_some_and(|b| *b != b']');
        let high = if range {
            let (high, len) = literal(at + 1)?;
            at += 1 + len;
            high
        } else {
            low
        };
        if fold {
            let range = low.to_ascii_lowercase()..=high.to_ascii_lowercase();
            (0..=255_u8)
                .filter(|b| range.contains(&b.to_ascii_lowercase()))
                .for_each(|b| members[usize::from(b)] = true);
        } else {
            (low..=high).for_each(|b| members[usize::from(b)] = true);
        }
    }
    if !known {
        // A class that does not exist matches nothing, even inverted.
        members.fill(false);
    } else if inverted {
        members.iter_mut().for_each(|m| *m = !*m);
    }
    Some((members, at + 1))
}

/// Adds a class; returns whether the name is a class.
fn class(name: &[u8], members: &mut [bool; 256]) -> bool {
    let is: fn(&u8) -> bool = match name {
        b"alpha" => u8::is_ascii_alphabetic,
        b"digit" => u8::is_ascii_digit,
        b"alnum" => u8::is_ascii_alphanumeric,
        b"upper" => u8::is_ascii_uppercase,
        b"lower" => u8::is_ascii_lowercase,
        b"punct" => u8::is_ascii_punctuation,
        b"xdigit" => u8::is_ascii_hexdigit,
        b"cntrl" => u8::is_ascii_control,
        b"graph" => u8::is_ascii_graphic,
        b"print" => |b| (b' '..=b'~').contains(b),
        b"space" => |b| b.is_ascii_whitespace() || *b == 11,
        b"blank" => |b| matches!(b, b' ' | b'\t'),
        _ => return false,
    };
    (0..=255_u8).filter(is).for_each(|b| members[usize::from(b)] = true);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::interpret::pattern::glob as plain;

    /// Results of the C library's `fnmatch`, with and without the flag to ignore case.
    #[test]
    fn patterns_match_as_in_the_c_library() {
        for (pattern, text, fold, want) in [
            ("a\\", "a\\", false, false),
            ("[[:foo:]]", "a", false, false),
            ("[![:foo:]]", "a", false, false),
            ("[a", "[a", false, true),
            ("a[", "a[", false, true),
            ("[!a]", "A", true, false),
            ("[!a]", "A", false, true),
            ("[A-C]", "b", true, true),
            ("[Z-a]", "z", true, false),
            ("[Z-a]", "Z", true, false),
            ("[[:upper:]]", "a", true, false),
            ("[[:upper:]]", "A", true, true),
            ("[[:lower:]]", "A", true, false),
            ("[[.a.]]", "a", false, true),
            ("[[=a=]]", "a", false, true),
            ("[[.a.]-c]", "b", false, true),
            ("[[.-.]]", "-", false, true),
            ("[[.ab.]]", "a", false, false),
            ("[a\\]b]", "]", false, true),
            ("[\\-a]", "-", false, true),
            ("[a-\\z]", "m", false, true),
            ("[\\", "[\\", false, false),
            ("[]-a]", "^", false, true),
            ("[!]a]", "b", false, true),
            ("[^a]", "b", false, true),
            ("[a-]", "-", false, true),
            ("[c-a]", "b", false, false),
            ("[a-c-e]", "d", false, false),
            ("[a-c-e]", "-", false, true),
            ("[[:alpha:]-z]", "-", false, true),
            ("[[:alpha:]", "a", false, false),
            ("[[:alpha:]", "[:", false, true),
            ("[[:alpha", "[[:alpha", false, true),
            ("[[:a:]", "[", false, false),
            ("[[]", "[", false, true),
            ("[[:]", ":", false, true),
            ("[]", "[]", false, true),
            ("[!]", "[!]", false, true),
            ("\\[a]", "[a]", false, true),
            ("\\A", "a", true, true),
            ("/*", "/.a/b", false, true),
            ("*[[:digit:]]", "ab7", false, true),
        ] {
            let (p, t) = (pattern.as_bytes(), text.as_bytes());
            assert_eq!(Glob::new(p, fold).matches(t), want, "{pattern} on {text}");
            assert_eq!(plain(p, t, fold), want, "{pattern} on {text}, plainly");
        }
    }

    #[test]
    fn patterns_match_as_a_shell_does() {
        for (pattern, text, want) in [
            ("*", "", true),
            ("*.sh", "/a/b.sh", true),
            ("?", "", false),
            ("a?c", "abc", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]a]", "]", true),
            ("[a", "[a", true),
            ("[[:digit:]]*", "7x", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("a*b*c", "axxbxxc", true),
            ("a*b*c", "axxbxx", false),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(
                Glob::new(pattern.as_bytes(), false).matches(text.as_bytes()),
                want,
                "{pattern} {text}"
            );
        }
        assert!(Glob::new(b"*SH", true).matches(b"bash"));
        // Every text that matches has the literal.
        for (pattern, place, literal) in [
            ("/proc/*/environ", TextPlace::End, "/environ"),
            ("/home/*/.ssh/*", TextPlace::Start, "/home/"),
            ("*a?bcd[x]*", TextPlace::Within, "bcd"),
            ("a\\*b", TextPlace::Whole, "a*b"),
        ] {
            let glob = Glob::new(pattern.as_bytes(), false);
            assert_eq!(glob.literal(), Some((place, literal.as_bytes())), "{pattern}");
        }
        assert!(
            Glob::new(b"*?[a]", false).literal().is_none() && Glob::new(b"*sh", true).literal().is_none()
        );
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "*a".repeat(200);
        assert!(!Glob::new(pattern.as_bytes(), false).matches("a".repeat(199).as_bytes()));
        assert!(Glob::new(pattern.as_bytes(), false).matches("a".repeat(400).as_bytes()));
    }
}
