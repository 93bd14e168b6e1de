use regex::bytes::RegexBuilder;

mod posix;

/// Maximum size of a compiled expression, bytes, as in the reference.
const SIZE_LIMIT: usize = 8 << 20;

/// A POSIX extended regular expression that must match the whole value.
#[derive(Clone, Debug)]
pub(crate) struct Regex(regex::bytes::Regex);

impl Regex {
    pub(crate) fn new(pattern: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(pattern).map_err(|_| "regular expression is not UTF-8".to_owned())?;
        let fail = |why: String| format!("invalid regex pattern: {why}");
        let whole = format!("\\A(?:{})\\z", posix::translate(text).map_err(&fail)?);
        RegexBuilder::new(&whole)
            .multi_line(true)
            .size_limit(SIZE_LIMIT)
            .build()
            .map(Self)
            .map_err(|e| fail(e.to_string().lines().last().unwrap_or_default().trim().to_owned()))
    }

    /// The expression in the syntax of the crate `regex`, anchored at both ends; `^` and `$` match at
    /// lines.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        match std::str::from_utf8(text) {
            Ok(_) => self.0.is_match(text),
            Err(_) => self.0.is_match(String::from_utf8_lossy(text).as_bytes()),
        }
    }
}

/// Whether the pattern is a plain text except for anchors and `.*` at its ends, so that another operator
/// would be cheaper.
pub(crate) fn is_plain(pattern: &[u8]) -> bool {
    let text = pattern.strip_prefix(b"^").unwrap_or(pattern);
    let text = text.strip_suffix(b"$").unwrap_or(text);
    let repeated = |b: &u8| matches!(b, b'+' | b'*' | b'?');
    let text = match text {
        [b'.', r, rest @ ..] if repeated(r) => rest,
        text => text,
    };
    let text = match text {
        [rest @ .., b'.', r] if repeated(r) => rest,
        text => text,
    };
    !text.iter().any(|b| b"\\^$.|?*+()[]{}".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_value_must_match() {
        let regex = Regex::new(b"a.*b|c[[:digit:]]").unwrap();
        assert!(regex.matches(b"axxb") && regex.matches(b"c7"));
        assert!(!regex.matches(b"axxbc") && !regex.matches(b"c"));
        assert!(Regex::new(b"a.b").unwrap().matches(b"a\xffb"), "a bad byte is one character");
    }

    #[test]
    fn syntax_that_posix_lacks_is_refused() {
        for pattern in ["\\d", "\\w+", "a\\b", "(?i)a", "(a)\\1", "a{1001}", "*a", "(", "[a"] {
            assert!(Regex::new(pattern.as_bytes()).is_err(), "{pattern}");
        }
        for pattern in ["a{2,3}", "\\.", "[\\]a]", "^/etc/(a|b)$", "[^]a]"] {
            assert!(Regex::new(pattern.as_bytes()).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn plain_texts_are_distinguished_from_expressions() {
        assert!(is_plain(b"^abc$") && is_plain(b".*abc") && is_plain(b"abc.+"));
        assert!(!is_plain(b"a.c") && !is_plain(b"[ab]"));
    }
}
