//! Rust source as words, texts and signs, without comments, numbers and code for tests.

/// A word or a sign of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

impl Token {
    /// Whether it is a name or a keyword.
    pub(super) fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// The tokens of a source file. Items under `#[cfg(test)]` are left out: tests may use everything.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    without_tests(&split(text))
}

fn split(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let (mut at, mut line) = (0, 1);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    while at < chars.len() {
        let (c, next) = (chars[at], chars.get(at + 1).copied().unwrap_or(' '));
        let end = match c {
            '/' if next == '/' => chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |n| at + n),
            '/' if next == '*' => end_of_comment(&chars, at),
            '"' => {
                let end = end_of_text(&chars, at);
                out.push(Token { text: chars[at..end].iter().collect(), line });
                end
            }
            'r' | 'b' | 'c' if end_of_prefixed(&chars, at).is_some() => {
                end_of_prefixed(&chars, at).unwrap_or(chars.len())
            }
            '\'' => end_of_quote(&chars, at),
            _ if is_word(c) => {
                let length = chars[at..].iter().position(|c| !is_word(*c)).unwrap_or(chars.len() - at);
                if !c.is_ascii_digit() {
                    out.push(Token { text: chars[at..at + length].iter().collect(), line });
                }
                at + length
            }
            ':' if next == ':' => {
                out.push(Token { text: "::".into(), line });
                at + 2
            }
            _ => {
                if !c.is_whitespace() {
                    out.push(Token { text: c.into(), line });
                }
                at + 1
            }
        };
        line += chars[at..end].iter().filter(|c| **c == '\n').count();
        at = end;
    }
    out
}

fn end_of_comment(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

/// The end of a text whose opening quote is at `start`.
fn end_of_text(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The end of `r"…"`, `b"…"`, `br#"…"#`, `b'…'` and `r#name`; `None` if nothing of these begins at `start`.
fn end_of_prefixed(chars: &[char], start: usize) -> Option<usize> {
    let rest = &chars[start..];
    let prefix = rest.iter().take_while(|c| matches!(c, 'r' | 'b' | 'c')).count();
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    let is_before_word = start > 0 && (chars[start - 1].is_alphanumeric() || chars[start - 1] == '_');
    if prefix > 2 || is_before_word {
        return None;
    }
    match rest.get(prefix + hashes) {
        Some('"') if rest[..prefix].contains(&'r') => {
            let end: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let body: String = rest[prefix + hashes + 1..].iter().collect();
            let length = body.find(&end).map_or(body.len(), |n| n + end.len());
            Some(start + prefix + hashes + 1 + body[..length].chars().count())
        }
        Some('"') if hashes == 0 => Some(end_of_text(chars, start + prefix)),
        Some('\'') if hashes == 0 && rest[..prefix] == ['b'] => Some(end_of_quote(chars, start + prefix)),
        // A raw name is a name.
        _ if hashes == 1 && rest[..prefix] == ['r'] => Some(start + 2),
        _ => None,
    }
}

/// The end of a character or of a lifetime whose quote is at `start`.
fn end_of_quote(chars: &[char], start: usize) -> usize {
    match (chars.get(start + 1), chars.get(start + 2)) {
        (Some('\\'), _) => {
            let mut at = start + 3;
            while at < chars.len() && chars[at] != '\'' {
                at += 1;
            }
            (at + 1).min(chars.len())
        }
        (Some(_), Some('\'')) => start + 3,
        // A lifetime, whose name is not an item's.
        _ => {
            let name = chars[start + 1..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
            start + 1 + name
        }
    }
}

/// The position after the bracket that closes the one at `open`.
pub(super) fn behind_group(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_attribute = tokens[at].text == "#" && tokens.get(at + 1).is_some_and(|next| next.text == "[");
        if !is_attribute {
            out.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let end = behind_group(tokens, at + 1);
        let has = |word: &str| tokens[at..end].iter().any(|token| token.text == word);
        if has("cfg") && has("test") && !has("not") {
            at = behind_item(tokens, end);
            continue;
        }
        // Among the other attributes, only `path` matters: it names a module's file.
        if has("path") {
            out.extend_from_slice(&tokens[at..end]);
        }
        at = end;
    }
    out
}

/// The position after the item that begins at `start`.
fn behind_item(tokens: &[Token], start: usize) -> usize {
    let mut at = start;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            ";" => return at + 1,
            "{" => return behind_group(tokens, at),
            "(" | "[" => at = behind_group(tokens, at),
            _ => at += 1,
        }
    }
    at
}
