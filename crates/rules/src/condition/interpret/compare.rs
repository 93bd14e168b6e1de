//! Comparisons of the plain interpreter.

use std::cmp::Ordering;
use std::net::IpAddr;

use eyas_fields::FieldType;

use super::super::opdef::{Constants, Evaluation};
use super::super::operators::Op;
use super::val::Val;

/// Whether `value op text` is true; the text is read as a constant of the field's type.
pub(super) fn one(op: Op, ty: FieldType, value: &Val, text: &[u8]) -> Result<bool, String> {
    let too_long = || Err(format!("the value has {} bytes, the limit is 255", text.len()));
    match (&op.def().evaluation, value) {
        (Evaluation::Order { .. } | Evaluation::Text { .. }, Val::Text(_)) if text.len() > 255 => too_long(),
        (Evaluation::Order { plain, .. }, value) => Ok(order(ty, value, text)?.is_some_and(plain)),
        (Evaluation::Text { plain, .. }, Val::Text(value)) => match op.def().constants {
            Constants::Hex => plain(value, &digits(text)?),
            Constants::Plain | Constants::Syntax => plain(value, text),
        },
        (Evaluation::Paths { plain }, Val::Text(value)) => plain(value, text),
        _ => Ok(false),
    }
}

/// Whether the value equals the text.
pub(super) fn equals(ty: FieldType, value: &Val, text: &[u8]) -> Result<bool, String> {
    one(Op::Eq, ty, value, text)
}

/// The order of a value and a constant: `Some(None)` if they have no order, `None` if they have different
/// types.
fn order(ty: FieldType, value: &Val, text: &[u8]) -> Result<Option<Option<Ordering>>, String> {
    let shown = String::from_utf8_lossy(text).into_owned();
    // Values without an order are only equal or not.
    let equality = |equal: bool| Some(Some(if equal { Ordering::Equal } else { Ordering::Less }));
    Ok(match value {
        Val::Number(n) => number(ty, &shown)?.map(|to| Some(n.cmp(&to))),
        Val::Double(n) if ty == FieldType::Double => {
            let to = shown.trim_start().parse::<i32>().map_err(|e| format!("{shown}: {e}"))?;
            Some(n.partial_cmp(&f64::from(to)))
        }
        Val::Bool(b) if ty == FieldType::Bool => {
            equality(*b == shown.parse::<bool>().map_err(|e| format!("{shown}: {e}"))?)
        }
        Val::Ip(ip) if ty == FieldType::Ip => {
            equality(*ip == shown.parse::<IpAddr>().map_err(|e| format!("{shown}: {e}"))?)
        }
        Val::Ip(ip) if ty == FieldType::Net => {
            let (addr, prefix) = network(&shown)?;
            equality(inside(*ip, addr, prefix))
        }
        Val::Net(addr, prefix) if ty == FieldType::Net => equality((*addr, *prefix) == network(&shown)?),
        Val::Text(value) if matches!(ty, FieldType::Str | FieldType::Bytes) => {
            Some(Some(value[..].cmp(text)))
        }
        _ => None,
    })
}

/// Whether `left op right` is true for two values of one type.
pub(super) fn values(op: Op, left: &Val, right: &Val) -> bool {
    match (&op.def().evaluation, left, right) {
        (Evaluation::Order { plain, .. }, left, right) => match (left, right) {
            (Val::Number(a), Val::Number(b)) => plain(Some(a.cmp(b))),
            (Val::Double(a), Val::Double(b)) => plain(a.partial_cmp(b)),
            (Val::Text(a), Val::Text(b)) => plain(Some(a.cmp(b))),
            _ => plain((left == right).then_some(Ordering::Equal)),
        },
        // The right side contains the bytes themselves, not hexadecimal digits.
        (Evaluation::Text { plain, .. }, Val::Text(left), Val::Text(right)) => {
            plain(left, right).unwrap_or(false)
        }
        _ => false,
    }
}

fn digits(text: &[u8]) -> Result<Vec<u8>, String> {
    let text = String::from_utf8_lossy(text).into_owned();
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return Err(format!("'{text}' has no even number of hexadecimal digits"));
    }
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|e| format!("'{text}': {e}")))
        .collect()
}

/// A number of the field's type; `None` if the type has no numbers.
fn number(ty: FieldType, text: &str) -> Result<Option<i128>, String> {
    let (signed, bits) = match ty {
        FieldType::Int { bits } => (true, bits),
        FieldType::Uint { bits } => (false, bits),
        FieldType::RelTime | FieldType::AbsTime => (false, 64),
        FieldType::Port => return port(text).map(Some),
        _ => return Ok(None),
    };
    let digits = text.trim_start();
    let negative = digits.starts_with('-');
    let digits = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    if digits.is_empty() || digits.chars().any(|c| !c.is_ascii_digit()) {
        return Err(format!("'{text}' is not a valid number"));
    }
    // As strtoll and strtoull: a number that does not fit becomes the limit of the range.
    let magnitude = digits.parse::<i128>().unwrap_or(i128::MAX);
    let value = match (signed, negative) {
        (true, true) => (-magnitude).max(i64::MIN.into()),
        (true, false) => magnitude.min(i64::MAX.into()),
        (false, _) if magnitude > u64::MAX.into() => u64::MAX.into(),
        (false, true) => (1 << 64) - magnitude,
        (false, false) => magnitude,
    };
    let range = 1_i128 << bits;
    let cut = value.rem_euclid(range);
    Ok(Some(if signed && cut >= range / 2 { cut - range } else { cut }))
}

fn port(text: &str) -> Result<i128, String> {
    match text {
        "" => Ok(0),
        _ => text.parse::<u32>().map(|n| i128::from(n) % 65_536).or_else(|_| {
            // The names are a table of the system: not compared, only looked up.
            super::super::value::port(text).map_err(Into::into)
        }),
    }
}

fn network(text: &str) -> Result<(IpAddr, u8), String> {
    let (addr, prefix) = text.split_once('/').ok_or_else(|| format!("{text}: no prefix"))?;
    let addr = addr.parse::<IpAddr>().map_err(|e| format!("{text}: {e}"))?;
    let prefix = prefix.parse::<u64>().map_err(|e| format!("{text}: {e}"))?;
    Ok((addr, (prefix % 256) as u8))
}

fn inside(ip: IpAddr, net: IpAddr, prefix: u8) -> bool {
    let bits = |ip: IpAddr| -> String {
        match ip {
            IpAddr::V4(ip) => ip.octets().iter().map(|b| format!("{b:08b}")).collect(),
            IpAddr::V6(ip) => ip.octets().iter().map(|b| format!("{b:08b}")).collect(),
        }
    };
    let (ip, net) = (bits(ip), bits(net));
    ip.len() == net.len() && ip.chars().zip(net.chars()).take(prefix.into()).all(|(a, b)| a == b)
}
