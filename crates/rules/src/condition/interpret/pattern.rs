use std::collections::BTreeSet;

/// Whether `path` is `prefix` or below it, component by component.
pub(crate) fn is_below(path: &[u8], prefix: &[u8]) -> bool {
    let parts = |text: &[u8]| -> Vec<Vec<u8>> {
        text.split(|b| *b == b'/').filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let (path, prefix) = (parts(path), parts(prefix));
    let same = |part: &Vec<u8>, want: &Vec<u8>| match want.iter().any(|b| b"*?[".contains(b)) {
        true => glob(want, part, false),
        false => part == want,
    };
    path.len() >= prefix.len() && path.iter().zip(&prefix).all(|(part, want)| same(part, want))
}

/// Whether the text contains `part`.
pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    (0..=text.len()).any(|at| text.get(at..at + part.len()) == Some(part))
}

/// The text with ASCII letters in lower case.
pub(crate) fn lowered(text: &[u8]) -> Vec<u8> {
    text.iter().copied().map(lower).collect()
}

/// A shell pattern as for `fnmatch` without flags; with `fold`, as with its flag to ignore case.
pub(crate) fn glob(pattern: &[u8], text: &[u8], fold: bool) -> bool {
    // All places of the text that the pattern so far can reach.
    let mut places = BTreeSet::from([0]);
    let mut at = 0;
    while at < pattern.len() {
        let step = |places: &BTreeSet<usize>, is: &dyn Fn(u8) -> bool| -> BTreeSet<usize> {
            places.iter().filter(|p| text.get(**p).is_some_and(|b| is(*b))).map(|p| p + 1).collect()
        };
        let same = |want: u8| move |b: u8| if fold { lower(b) == lower(want) } else { b == want };
        match pattern[at] {
            b'*' => places = places.first().map(|first| (*first..=text.len()).collect()).unwrap_or_default(),
            b'?' => places = step(&places, &|_| true),
            b'\\' => {
                at += 1;
                places = match pattern.get(at) {
                    Some(byte) => step(&places, &same(*byte)),
                    None => BTreeSet::new(),
                };
            }
            b'[' => match bracket(&pattern[at + 1..], fold) {
                Some((is, len)) => {
                    at += len;
                    places = step(&places, &is);
                }
                None => places = step(&places, &same(b'[')),
            },
            byte => places = step(&places, &same(byte)),
        }
        at += 1;
    }
    places.contains(&text.len())
}

fn lower(b: u8) -> u8 {
    b.to_ascii_lowercase()
}

type IsByte = Box<dyn Fn(u8) -> bool>;

/// The set after `[`, and its length with the closing bracket; `None` if it is not closed.
fn bracket(text: &[u8], fold: bool) -> Option<(IsByte, usize)> {
    let mut at = 0;
    let inverted = matches!(text.first(), Some(b'!' | b'^'));
    at += usize::from(inverted);
    let mut members: Vec<IsByte> = Vec::new();
    let mut broken = false;
    let mut first = true;
    while first || *text.get(at)? != b']' {
        first = false;
        if text[at..].starts_with(b"[:")
            && let Some(len) = text[at + 2..].windows(2).position(|w| w == b":]")
        {
            let name = String::from_utf8_lossy(&text[at + 2..at + 2 + len]).into_owned();
            match class(&name) {
                Some(is) => members.push(Box::new(move |b| b.is_ascii() && is(char::from(b)))),
                None => broken = true,
            }
            at += len + 4;
            continue;
        }
        let (low, len) = element(text, at)?;
        at += len;
        let (high, len) = match (text.get(at), text.get(at + 1)) {
            (Some(b'-'), Some(next)) if *next != b']' => {
                let (high, len) = element(text, at + 1)?;
                (high, len + 1)
            }
            _ => (low, 0),
        };
        at += len;
        members.push(match fold {
            true => Box::new(move |b| (lower(low)..=lower(high)).contains(&lower(b))),
            false => Box::new(move |b| (low..=high).contains(&b)),
        });
    }
    let is = move |b: u8| !broken && members.iter().any(|is| is(b)) != inverted;
    Some((Box::new(is), at + 1))
}

/// One byte of a bracket, plain, escaped, or as `[.x.]` or `[=x=]`.
fn element(text: &[u8], at: usize) -> Option<(u8, usize)> {
    match &text[at..] {
        [b'[', b'.', byte, b'.', b']', ..] | [b'[', b'=', byte, b'=', b']', ..] => Some((*byte, 5)),
        [b'\\', byte, ..] => Some((*byte, 2)),
        [byte, ..] => Some((*byte, 1)),
        [] => None,
    }
}

fn class(name: &str) -> Option<fn(char) -> bool> {
    Some(match name {
        "alpha" => |c| c.is_ascii_alphabetic(),
        "digit" => |c| c.is_ascii_digit(),
        "alnum" => |c| c.is_ascii_alphanumeric(),
        "upper" => |c| c.is_ascii_uppercase(),
        "lower" => |c| c.is_ascii_lowercase(),
        "punct" => |c| c.is_ascii_punctuation(),
        "xdigit" => |c| c.is_ascii_hexdigit(),
        "cntrl" => |c| c.is_ascii_control(),
        "graph" => |c| c.is_ascii_graphic(),
        "print" => |c| c.is_ascii_graphic() || c == ' ',
        "space" => |c| " \t\n\r\x0b\x0c".contains(c),
        "blank" => |c| c == ' ' || c == '\t',
        _ => return None,
    })
}

/// Whether the expression, of POSIX's extended syntax, matches the whole text.
pub(crate) fn regex(pattern: &[u8], text: &[u8]) -> Result<bool, String> {
    let pattern = std::str::from_utf8(pattern).map_err(|e| e.to_string())?;
    let mut reader = Reader { pattern: pattern.chars().collect(), at: 0 };
    let whole = reader.alternatives()?;
    if reader.at < reader.pattern.len() {
        return Err(format!("'{pattern}': unbalanced parenthesis"));
    }
    let text: Vec<char> = String::from_utf8_lossy(text).chars().collect();
    Ok(whole.step(&text, &BTreeSet::from([0])).contains(&text.len()))
}

/// A part of an expression.
enum Part {
    One(Box<dyn Fn(char) -> bool>),
    LineStart,
    LineEnd,
    Row(Vec<Part>),
    Either(Vec<Part>),
    Repeat(Box<Part>, u32, Option<u32>),
}

impl Part {
    /// The places that can be reached from these.
    fn step(&self, text: &[char], from: &BTreeSet<usize>) -> BTreeSet<usize> {
        let keep = |is: &dyn Fn(usize) -> bool| from.iter().copied().filter(|at| is(*at)).collect();
        match self {
            Self::One(is) => {
                from.iter().filter(|at| text.get(**at).is_some_and(|c| is(*c))).map(|at| at + 1).collect()
            }
            Self::LineStart => keep(&|at| at == 0 || text[at - 1] == '\n'),
            Self::LineEnd => keep(&|at| text.get(at).is_none_or(|c| *c == '\n')),
            Self::Row(parts) => parts.iter().fold(from.clone(), |from, part| part.step(text, &from)),
            Self::Either(parts) => parts.iter().flat_map(|part| part.step(text, from)).collect(),
            Self::Repeat(part, least, most) => {
                let mut now = from.clone();
                for _ in 0..*least {
                    now = part.step(text, &now);
                }
                let mut all = now.clone();
                for _ in *least..most.unwrap_or(u32::MAX) {
                    now = part.step(text, &now);
                    let before = all.len();
                    all.extend(&now);
                    if all.len() == before {
                        break;
                    }
                }
                all
            }
        }
    }
}

struct Reader {
    pattern: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.pattern.get(self.at).copied()
    }

    fn eat(&mut self, c: char) -> bool {
        let there = self.peek() == Some(c);
        self.at += usize::from(there);
        there
    }

    fn alternatives(&mut self) -> Result<Part, String> {
        let mut all = vec![self.row()?];
        while self.eat('|') {
            all.push(self.row()?);
        }
        Ok(Part::Either(all))
    }

    fn row(&mut self) -> Result<Part, String> {
        let mut parts = Vec::new();
        while self.peek().is_some_and(|c| c != '|' && c != ')') {
            let mut part = self.atom()?;
            while let Some((least, most)) = self.repetition()? {
                part = Part::Repeat(Box::new(part), least, most);
            }
            parts.push(part);
        }
        Ok(Part::Row(parts))
    }

    fn repetition(&mut self) -> Result<Option<(u32, Option<u32>)>, String> {
        Ok(match self.peek() {
            Some('*') => {
                self.at += 1;
                Some((0, None))
            }
            Some('+') => {
                self.at += 1;
                Some((1, None))
            }
            Some('?') => {
                self.at += 1;
                Some((0, Some(1)))
            }
            Some('{') => {
                let Some((least, most, len)) = bounds(&self.pattern[self.at..]) else { return Ok(None) };
                self.at += len;
                if least > 1000 || most.is_some_and(|most| most > 1000 || most < least) {
                    return Err("bad repetition".into());
                }
                Some((least, most))
            }
            _ => None,
        })
    }

    fn atom(&mut self) -> Result<Part, String> {
        let c = self.peek().ok_or("nothing there")?;
        self.at += 1;
        Ok(match c {
            '(' => {
                if self.peek() == Some('?') {
                    return Err("(?…) is not POSIX".into());
                }
                let inner = self.alternatives()?;
                if !self.eat(')') {
                    return Err("missing )".into());
                }
                inner
            }
            '*' | '+' | '?' => return Err("nothing to repeat".into()),
            '{' if bounds(&self.pattern[self.at - 1..]).is_some() => return Err("nothing to repeat".into()),
            '.' => Part::One(Box::new(|c| c != '\n')),
            '^' => Part::LineStart,
            '$' => Part::LineEnd,
            '[' => self.set()?,
            '\\' => {
                let escaped = self.escaped()?;
                Part::One(Box::new(move |c| c == escaped))
            }
            c => Part::One(Box::new(move |other| other == c)),
        })
    }

    /// After a backslash.
    fn escaped(&mut self) -> Result<char, String> {
        let c = self.peek().ok_or("a backslash at the end")?;
        self.at += 1;
        let code = |text: String, radix| {
            u32::from_str_radix(&text, radix).ok().and_then(char::from_u32).ok_or("bad escape".to_owned())
        };
        let octal = |reader: &mut Self, mut text: String| {
            while text.len() < 3 && reader.peek().is_some_and(|c| ('0'..='7').contains(&c)) {
                text.extend(reader.peek());
                reader.at += 1;
            }
            code(text, 8)
        };
        match c {
            'a' => Ok('\x07'),
            'f' => Ok('\x0c'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\x0b'),
            '0' => octal(self, "0".into()),
            '1'..='7' if self.peek().is_some_and(|c| ('0'..='7').contains(&c)) => octal(self, c.into()),
            'x' if self.eat('{') => {
                let digits: String = self.pattern[self.at..].iter().take_while(|c| **c != '}').collect();
                self.at += digits.chars().count() + 1;
                if self.at > self.pattern.len() {
                    return Err("bad escape".into());
                }
                code(digits, 16)
            }
            'x' => {
                let digits: String = self.pattern[self.at..].iter().take(2).collect();
                self.at += 2;
                if digits.len() < 2 { Err("bad escape".into()) } else { code(digits, 16) }
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
            _ => Err(format!("\\{c} is not POSIX")),
        }
    }

    /// After an opening bracket.
    fn set(&mut self) -> Result<Part, String> {
        let inverted = self.eat('^');
        let mut members: Vec<Box<dyn Fn(char) -> bool>> = Vec::new();
        let mut first = true;
        while first || self.peek() != Some(']') {
            let rest: String = self.pattern[self.at..].iter().collect();
            if let Some(named) = rest.strip_prefix("[:")
                && let Some((name, _)) = named.split_once(":]")
            {
                let (not, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
                let is: fn(char) -> bool = match name {
                    "ascii" => |c| c.is_ascii(),
                    "word" => |c| c.is_ascii_alphanumeric() || c == '_',
                    name => class(name).ok_or("no such class")?,
                };
                self.at += name.chars().count() + usize::from(not) + 4;
                members.push(Box::new(move |c| is(c) != not));
                first = false;
                continue;
            }
            // A hyphen is literal only at either end.
            let next_closes = self.pattern.get(self.at + 1) == Some(&']');
            if self.peek() == Some('-') && !first && !next_closes {
                return Err("a hyphen within a set".into());
            }
            first = false;
            let low = self.member()?;
            let range = self.peek() == Some('-') && self.pattern.get(self.at + 1).is_some_and(|c| *c != ']');
            let high = if range {
                self.at += 1;
                self.member()?
            } else {
                low
            };
            if high < low {
                return Err("a range that ends before it begins".into());
            }
            members.push(Box::new(move |c| (low..=high).contains(&c)));
        }
        self.at += 1;
        Ok(Part::One(Box::new(move |c| members.iter().any(|is| is(c)) != inverted)))
    }

    fn member(&mut self) -> Result<char, String> {
        let c = self.peek().ok_or("missing ]")?;
        self.at += 1;
        if c == '\\' { self.escaped() } else { Ok(c) }
    }
}

/// `{n}`, `{n,}` or `{n,m}` at the start, and its length; anything else after `{` is plain text.
fn bounds(text: &[char]) -> Option<(u32, Option<u32>, usize)> {
    let inner: String = text.get(1..)?.iter().take_while(|c| **c != '}').collect();
    if text.get(inner.chars().count() + 1) != Some(&'}') {
        return None;
    }
    let number = |text: &str| {
        let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        let zeros = text.len() > 1 && text.starts_with('0');
        (digits && !zeros).then(|| text.parse().ok().filter(|n| *n < 100_000_000)).flatten()
    };
    let (least, most) = match inner.split_once(',') {
        None => {
            let n = number(&inner)?;
            (n, Some(n))
        }
        Some((n, "")) => (number(n)?, None),
        Some((n, m)) => (number(n)?, Some(number(m)?)),
    };
    Some((least, most, inner.chars().count() + 2))
}
