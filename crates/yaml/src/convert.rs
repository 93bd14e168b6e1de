//! Conversion of scalars to types.

/// Whether a plain scalar is null: empty, `~`, `null`, `Null` or `NULL`.
pub fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Parses a boolean: `y`, `yes`, `true`, `on`, or `n`, `no`, `false`, `off`; in lower case, in upper case or capitalised. Returns
/// `None` for any other text.
pub fn truth(text: &str) -> Option<bool> {
    let rest = text.get(1..)?;
    let all = |case: fn(&u8) -> bool| rest.as_bytes().iter().all(case);
    let lower = all(u8::is_ascii_lowercase);
    let capital = text.starts_with(|c: char| c.is_ascii_uppercase());
    if !(lower || capital && all(u8::is_ascii_uppercase)) {
        return None;
    }
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

/// Parses an unsigned number: decimal, octal after `0`, hexadecimal after `0x`; optionally with a leading `+` and with trailing
/// white space. Returns `None` for any other text, and if the number exceeds 64 bits.
pub fn unsigned(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    magnitude(digits)
}

/// Parses a number with an optional sign; otherwise like [`unsigned`].
pub fn signed(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(digits) => 0_i64.checked_sub_unsigned(magnitude(digits)?),
        None => unsigned(text)?.try_into().ok(),
    }
}

fn magnitude(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let (digits, base) = match (hex, digits.strip_prefix('0')) {
        (Some(hex), _) => (hex, 16),
        (None, Some(octal)) if !octal.is_empty() => (octal, 8),
        _ => (digits, 10),
    };
    // Otherwise a sign inside the digits would be accepted.
    let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| u64::from_str_radix(digits, base).ok()).flatten()
}

/// Parses a floating point number: decimal, with an optional sign, point and exponent; or `.inf` or `.nan`. Returns `None` for
/// any other text.
pub fn float(text: &str) -> Option<f64> {
    match text.strip_prefix(['+', '-']).unwrap_or(text) {
        ".inf" | ".Inf" | ".INF" => {
            Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY })
        }
        ".nan" | ".NaN" | ".NAN" if text.starts_with('.') => Some(f64::NAN),
        // Besides digits, Rust accepts only words such as `inf`, which are not numbers here.
        rest if rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            let digits = text.trim_end_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
            digits.parse().ok()
        }
        _ => None,
    }
}
