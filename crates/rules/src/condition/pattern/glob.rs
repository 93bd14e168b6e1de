/// A shell pattern: `*`, `?`, `[set]`, `[!set]`, and `\` before a byte that stands for itself. Slashes
/// and leading dots are nothing special.
#[derive(Clone, Debug)]
pub(crate) struct Glob {
    parts: Vec<Part>,
    fold: bool,
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
                b'\\' if at + 1 < pattern.len() => (Part::Byte(pattern[at + 1]), 2),
                b'[' => match set(&pattern[at..]) {
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
        Self { parts, fold }
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
            Part::Set(set) if self.fold => {
                set[usize::from(byte.to_ascii_lowercase())] || set[usize::from(byte.to_ascii_uppercase())]
            }
            Part::Set(set) => set[usize::from(byte)],
            Part::Star => false,
        }
    }
}

/// A bracket expression at the start of the text and its length; `None` if it has no end.
fn set(text: &[u8]) -> Option<([bool; 256], usize)> {
    let mut members = [false; 256];
    let mut at = 1;
    let inverted = matches!(text.get(at), Some(b'!' | b'^'));
    at += usize::from(inverted);
    let first = at;
    loop {
        let byte = *text.get(at)?;
        if byte == b']' && at > first {
            break;
        }
        if byte == b'['
            && text.get(at + 1) == Some(&b':')
            && let Some(len) = text[at + 2..].windows(2).position(|w| w == b":]")
        {
            class(&text[at + 2..at + 2 + len], &mut members);
            at += len + 4;
            continue;
        }
        let literal = |at: usize| match (text.get(at)?, text.get(at + 1)) {
            (b'\\', Some(escaped)) => Some((*escaped, 2)),
            (byte, _) => Some((*byte, 1)),
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
        (low..=high).for_each(|b| members[usize::from(b)] = true);
    }
    if inverted {
        members.iter_mut().for_each(|m| *m = !*m);
    }
    Some((members, at + 1))
}

fn class(name: &[u8], members: &mut [bool; 256]) {
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
        _ => return,
    };
    (0..=255_u8).filter(is).for_each(|b| members[usize::from(b)] = true);
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "*a".repeat(200);
        assert!(!Glob::new(pattern.as_bytes(), false).matches("a".repeat(199).as_bytes()));
        assert!(Glob::new(pattern.as_bytes(), false).matches("a".repeat(400).as_bytes()));
    }
}
