use std::net::IpAddr;

use eyas_fields::FieldType;

use super::super::ast::Op;
use super::{Val, pattern};

/// Whether `value op text` holds, the text read as the field's type wants it.
pub(super) fn one(op: Op, ty: FieldType, value: &Val, text: &[u8]) -> Result<bool, String> {
    let shown = String::from_utf8_lossy(text).into_owned();
    Ok(match value {
        Val::Number(n) => match number(ty, &shown)? {
            Some(to) => ordered(op, n.cmp(&to)),
            None => false,
        },
        Val::Double(n) if ty == FieldType::Double => {
            let to = shown.trim_start().parse::<i32>().map_err(|e| format!("{shown}: {e}"))?;
            n.partial_cmp(&f64::from(to)).map_or(op == Op::Ne, |order| ordered(op, order))
        }
        Val::Bool(b) if ty == FieldType::Bool => {
            let to = shown.parse::<bool>().map_err(|e| format!("{shown}: {e}"))?;
            (*b == to) != (op == Op::Ne)
        }
        Val::Ip(ip) if ty == FieldType::Ip => {
            let to = shown.parse::<IpAddr>().map_err(|e| format!("{shown}: {e}"))?;
            (*ip == to) != (op == Op::Ne)
        }
        Val::Ip(ip) if ty == FieldType::Net => {
            let (addr, prefix) = network(&shown)?;
            inside(*ip, addr, prefix) != (op == Op::Ne)
        }
        Val::Net(addr, prefix) if ty == FieldType::Net => {
            ((*addr, *prefix) == network(&shown)?) != (op == Op::Ne)
        }
        Val::Text(_) if text.len() > 255 && op != Op::PMatch => {
            return Err(format!("the value has {} bytes, the limit is 255", text.len()));
        }
        Val::Text(value) if matches!(ty, FieldType::Str | FieldType::Bytes) => texts(op, value, text)?,
        _ => false,
    })
}

/// Whether `left op right` holds of two values of one type.
pub(super) fn values(op: Op, left: &Val, right: &Val) -> bool {
    match (left, right) {
        (Val::Number(a), Val::Number(b)) => ordered(op, a.cmp(b)),
        (Val::Double(a), Val::Double(b)) => a.partial_cmp(b).map_or(op == Op::Ne, |order| ordered(op, order)),
        (Val::Text(_), Val::Text(b)) if matches!(op, Op::BContains | Op::BStartsWith) => {
            // What the right side has are the bytes themselves, not digits that stand for them.
            let op = if op == Op::BContains { Op::Contains } else { Op::StartsWith };
            values(op, left, &Val::Text(b.clone()))
        }
        (Val::Text(a), Val::Text(b)) => texts(op, a, b).unwrap_or(false),
        _ => match op {
            Op::Eq | Op::EqEq => left == right,
            Op::Ne => left != right,
            _ => false,
        },
    }
}

fn ordered(op: Op, order: std::cmp::Ordering) -> bool {
    match op {
        Op::Eq | Op::EqEq => order.is_eq(),
        Op::Ne => order.is_ne(),
        Op::Lt => order.is_lt(),
        Op::Le => order.is_le(),
        Op::Gt => order.is_gt(),
        Op::Ge => order.is_ge(),
        _ => false,
    }
}

fn texts(op: Op, value: &[u8], text: &[u8]) -> Result<bool, String> {
    let holds_at = |at: usize, piece: &[u8]| value.get(at..at + piece.len()) == Some(piece);
    let somewhere = |piece: &[u8]| (0..=value.len()).any(|at| holds_at(at, piece));
    Ok(match op {
        Op::Contains => somewhere(text),
        Op::IContains => texts(Op::Contains, &lower(value), &lower(text))?,
        Op::BContains => somewhere(&digits(text)?),
        Op::StartsWith => holds_at(0, text),
        Op::BStartsWith => holds_at(0, &digits(text)?),
        Op::EndsWith => value.len() >= text.len() && holds_at(value.len() - text.len(), text),
        Op::Glob => pattern::glob(text, value, false),
        Op::IGlob => pattern::glob(text, value, true),
        Op::Regex => pattern::regex(text, value)?,
        Op::PMatch => pattern::is_below(value, text),
        op => ordered(op, value.cmp(text)),
    })
}

fn lower(text: &[u8]) -> Vec<u8> {
    text.iter().map(|b| if b.is_ascii_uppercase() { b + 32 } else { *b }).collect()
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

/// A number as the field's type keeps it; `None` where the type has none.
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
    // As strtoll and strtoull: what does not fit is the end of the range.
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
            super::super::value::port(text)
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
