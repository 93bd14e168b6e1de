//! Expected values of parameters.

use std::ffi::CStr;
use std::fmt::{Debug, Write};

use eyas_events::FlagTable;
use eyas_scap::RawEvent;

type Check = Box<dyn Fn(&[u8]) -> bool + Send>;

/// Expected values of parameters.
pub enum Want {
    /// A number, in as many bytes as the parameter has.
    Int(i64),
    /// Exactly these bytes.
    Bytes(Vec<u8>),
    /// A value that satisfies the description.
    Is(&'static str, Check),
}

pub fn int<T: TryInto<i64>>(value: T) -> Want
where
    T::Error: Debug,
{
    Want::Int(value.try_into().unwrap())
}

/// A text, which ends in NUL.
pub fn text(text: impl AsRef<[u8]>) -> Want {
    Want::Bytes([text.as_ref(), &[0]].concat())
}

pub fn path(path: &CStr) -> Want {
    Want::Bytes(path.to_bytes_with_nul().to_vec())
}

pub fn bytes(bytes: impl AsRef<[u8]>) -> Want {
    Want::Bytes(bytes.as_ref().to_vec())
}

pub fn empty() -> Want {
    Want::Bytes(Vec::new())
}

/// Flags by their names in the schema.
pub fn flags(table: &'static FlagTable, names: &[&str]) -> Want {
    Want::Int(names.iter().fold(0, |bits, name| bits | i64::from(table.value(name))))
}

/// A number that fits the words.
pub fn is(words: &'static str, check: impl Fn(i64) -> bool + Send + 'static) -> Want {
    Want::Is(words, Box::new(move |bytes| number(bytes).is_some_and(&check)))
}

/// Bytes that fit the words.
pub fn has(words: &'static str, check: impl Fn(&[u8]) -> bool + Send + 'static) -> Want {
    Want::Is(words, Box::new(check))
}

fn number(bytes: &[u8]) -> Option<i64> {
    let mut wide = [0; 8];
    (1..=8).contains(&bytes.len()).then(|| wide[..bytes.len()].copy_from_slice(bytes))?;
    Some(i64::from_le_bytes(wide))
}

/// The parameters with unexpected values.
pub fn mismatches(event: &RawEvent<'_>, wants: &[(&str, Want)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (index, (name, want)) in wants.iter().enumerate() {
        let Some(got) = event.param(index) else {
            wrong.push(format!("{name} is absent"));
            continue;
        };
        let mut line = String::new();
        let shown = String::from_utf8_lossy(got);
        let _ = match want {
            Want::Int(value) if !got.is_empty() && got == &value.to_le_bytes()[..got.len().min(8)] => {
                continue;
            }
            Want::Bytes(bytes) if got == bytes => continue,
            Want::Is(_, check) if check(got) => continue,
            Want::Int(value) => write!(line, "{name} is {:?} {got:?}, not {value}", number(got)),
            Want::Bytes(bytes) => {
                write!(line, "{name} is {shown:?} {got:?}, not {:?}", String::from_utf8_lossy(bytes))
            }
            Want::Is(words, _) => write!(line, "{name} is {:?} {shown:?}, not {words}", number(got)),
        };
        wrong.push(line);
    }
    wrong
}
