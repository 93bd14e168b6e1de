//! Line wrapping.

/// Wraps the words into lines of at most `width` bytes. Lines after the first are indented by `indent`
/// spaces.
pub fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let mut out = String::new();
    let mut len = 0;
    for word in text.split_whitespace() {
        if len + word.len() + 1 > width {
            out.push_str(&format!("\n{:indent$}", ""));
            len = 0;
        }
        len += word.len() + 1;
        out.push_str(word);
        out.push(' ');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("aa bb  cc\ndd", 2, 6), "aa bb \n  cc dd ");
        assert_eq!(wrapped("", 2, 6), "");
    }
}
