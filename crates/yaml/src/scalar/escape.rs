//! Escapes in quoted texts.

use crate::Mark;
use crate::input::Input;
use crate::problem::Problem;

/// Decodes an escape.
pub(super) fn escape(input: &mut Input<'_>) -> Result<char, Box<Problem>> {
    let start = input.at();
    let quote = input.next();
    let Some(byte) = input.next() else {
        // yaml-cpp counts the end of the file as a byte here.
        let mark = input.mark();
        let mark = Mark { column: mark.column + 1, offset: mark.offset + 1, ..mark };
        let cpp = "unknown escape character: \u{4}";
        return Err(Problem::new(cpp, "a quoted text does not end", mark).at(start));
    };
    if quote == Some(b'\'') {
        return Ok('\'');
    }
    Ok(match byte {
        b'0' => '\0',
        b'a' => '\u{7}',
        b'b' => '\u{8}',
        b't' | b'\t' => '\t',
        b'n' => '\n',
        b'v' => '\u{b}',
        b'f' => '\u{c}',
        b'r' => '\r',
        b'e' => '\u{1b}',
        b' ' | b'"' | b'\'' | b'\\' | b'/' => char::from(byte),
        b'N' => '\u{85}',
        b'_' => '\u{a0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        b'x' => code(input, 2)?,
        b'u' => code(input, 4)?,
        b'U' => code(input, 8)?,
        _ => {
            let cpp = format!("unknown escape character: {}", char::from(byte));
            let message = "a `\\` is followed by a character that is not part of an escape";
            let problem = Problem::new(cpp, message, input.mark());
            return Err(problem
                .at(start)
                .help("write `\\\\` for a backslash, or put the text between single quotes"));
        }
    })
}

/// Reads a character code with this many digits.
fn code(input: &mut Input<'_>, digits: usize) -> Result<char, Box<Problem>> {
    let start = input.at();
    let mut value = Some(0_u32);
    for _ in 0..digits {
        let digit = input.next().and_then(|byte| char::from(byte).to_digit(16));
        value = value.zip(digit).map(|(value, digit)| value << 4 | digit);
    }
    let problem = |cpp: String, message: &str| Problem::new(cpp, message, input.mark()).at(start);
    let value = value.ok_or_else(|| {
        let cpp = "bad character found while scanning hex number".to_owned();
        problem(cpp, &format!("this escape needs {digits} hexadecimal digits"))
    })?;
    char::from_u32(value)
        .ok_or_else(|| problem(format!("invalid unicode: {value}"), "there is no character with this code"))
}
