//! Blanks and escapes.

pub(super) fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | 8 | b'\r' | b'\n')
}

pub(super) fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | 11 | 12 | b'\r')
}

pub(super) fn unescape(text: &[u8], quote: u8) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next() {
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b' ' | b'\\') => b'\\',
            Some(b'/') => b'/',
            Some(b'x') => {
                let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
                match (digit(bytes.next()), digit(bytes.next())) {
                    (Some(high), Some(low)) => (high * 16 + low) as u8,
                    _ => return Err("invalid \\x escape: expected two hexadecimal digits".into()),
                }
            }
            Some(b) if b == quote => b,
            other => {
                let other = other.map_or(String::new(), |b| char::from(b).to_string());
                return Err(match (other.as_str(), quote) {
                    ("\"", _) => "invalid \\\" escape in '-quoted string".to_owned(),
                    ("'", _) => "invalid \\' escape in \"-quoted string".to_owned(),
                    _ => format!("unsupported string escape sequence: \\{other}"),
                });
            }
        });
    }
    Ok(out)
}
