//! Comparisons in SQL.

use std::net::IpAddr;

use eyas_fields::{FieldType, Net};

use super::super::ast::{LiteralRef, Modifier, Op, Operand, Rhs, Test};
use super::super::opdef::{Constants, Implies};
use super::super::pattern::Regex;
use super::super::value::{Constant, constant};
use super::operand::{Column, Several, lowered};
use super::{Writer, pattern, sql_address, text};

impl Writer<'_> {
    /// The comparison in SQL.
    pub(super) fn test(&mut self, test: &Test) -> Result<String, String> {
        let left = self.operand(&test.left)?;
        match &test.right {
            Rhs::None => return Ok(format!("{} IS NOT NULL", left.text)),
            Rhs::Operand(right) => {
                let right = self.operand(right)?;
                return against(test.op, &left, &right);
            }
            Rhs::Value(_) | Rhs::List(_) => {}
        }
        let literals: Vec<LiteralRef<'_>> = test.right.values().collect();
        if let Some(modifier) = test.modifier {
            let each = literals.iter().map(|literal| one(test.op, &left, literal.text));
            let each = each.collect::<Result<Vec<_>, _>>()?;
            return Ok(match modifier {
                Modifier::AnyOf => format!("({})", each.join(" OR ")),
                Modifier::AllOf => format!("({})", each.join(" AND ")),
                Modifier::OneOf => {
                    let counts = each.iter().map(|test| format!("CASE WHEN {test} THEN 1 ELSE 0 END"));
                    format!("({} = 1)", counts.collect::<Vec<_>>().join(" + "))
                }
            });
        }
        let older = self.older_types(test, &literals)?;
        match test.op {
            Op::In | Op::Intersects => member(test.op, &left, &literals, &older),
            Op::PMatch if left.has_lists() => Err("`pmatch` of several values".into()),
            Op::PMatch => {
                let pattern = pattern::of_paths(literals.iter().map(|literal| literal.text))?;
                Ok(format!("{} ~ {}", left.text, text(pattern.as_bytes())?))
            }
            op => match &literals[..] {
                [literal] if older.is_empty() => one(op, &left, literal.text),
                [literal] => {
                    let also = older.iter().map(|name| one(op, &left, name.as_bytes()));
                    let all = std::iter::once(one(op, &left, literal.text)).chain(also);
                    let all = all.collect::<Result<Vec<_>, _>>()?;
                    let by = if op.def().implies == Some(Implies::NoneOf) { " AND " } else { " OR " };
                    Ok(format!("({})", all.join(by)))
                }
                _ => Err(format!("`{}` of several constants", op.word())),
            },
        }
    }

    /// Names of event types that a test matches because it names their older event types.
    fn older_types(&self, test: &Test, literals: &[LiteralRef<'_>]) -> Result<Vec<String>, String> {
        let Operand::Field(field) = &test.left else { return Ok(Vec::new()) };
        let field = self.schema.resolve(&field.name, field.arg.as_deref()).map_err(|why| why.to_string())?;
        let is_named = |name: &str| literals.iter().any(|literal| literal.text == name.as_bytes());
        let mut names = Vec::new();
        if !matches!(test.op.def().implies, Some(Implies::OneOf | Implies::NoneOf)) {
            return Ok(names);
        }
        for code in 0..self.schema.codes() as u16 {
            if let Some(older) = self.schema.older_type(&field, code).filter(|older| is_named(older))
                && let Some(now) = self.schema.fixed_type(&field, code)
                && now != older
                && !is_named(now)
                && !names.iter().any(|name| name == now)
            {
                names.push(now.to_owned());
            }
        }
        Ok(names)
    }
}

/// A constant in SQL.
fn literal(ty: FieldType, bytes: &[u8]) -> Result<String, String> {
    Ok(match constant(ty, Constants::Plain, bytes)? {
        Constant::Num(number) => number.to_string(),
        Constant::Double(number) => format!("{number:?}"),
        Constant::Bool(truth) => if truth { "TRUE" } else { "FALSE" }.to_owned(),
        Constant::Bytes(bytes) => text(&bytes)?,
        Constant::Ip(address) => text(address.to_string().as_bytes())?,
        Constant::Net(net) => return Err(format!("the network {net} as a value")),
    })
}

/// A comparison with one constant.
fn one(op: Op, column: &Column, bytes: &[u8]) -> Result<String, String> {
    let is_of_lists = matches!(
        op,
        Op::Eq | Op::EqEq | Op::Ne | Op::Contains | Op::IContains | Op::StartsWith | Op::EndsWith
    );
    match op {
        _ if column.several == Some(Several::Ends) && (!is_of_lists || column.ty == FieldType::Net) => {
            ends(op == Op::Ne, column, |end| one(op, end, bytes))
        }
        Op::Eq | Op::EqEq | Op::Ne => equal(op == Op::Ne, column, bytes),
        Op::Lt | Op::Le | Op::Gt | Op::Ge if column.has_lists() => {
            Err(format!("`{}` of several values", op.word()))
        }
        Op::Lt | Op::Le | Op::Gt | Op::Ge => {
            Ok(format!("{} {} {}", column.text, op.word(), literal(column.ty, bytes)?))
        }
        Op::BContains | Op::BStartsWith => {
            let Constant::Bytes(bytes) = constant(FieldType::Bytes, Constants::Hex, bytes)? else {
                return Err(format!("`{}` of such a constant", op.word()));
            };
            // Columns contain texts, so bytes that are not ASCII may have changed.
            if !bytes.is_ascii() {
                return Err(format!("`{}` of bytes that are not ASCII", op.word()));
            }
            one(if op == Op::BContains { Op::Contains } else { Op::StartsWith }, column, &bytes)
        }
        Op::Contains | Op::IContains | Op::StartsWith | Op::EndsWith => part(op, column, bytes),
        Op::Glob | Op::IGlob | Op::Regex if column.has_lists() => {
            Err(format!("`{}` of several values", op.word()))
        }
        Op::Glob => Ok(format!("{} ~ {}", column.text, text(pattern::of_glob(bytes)?.as_bytes())?)),
        Op::IGlob => {
            let pattern = pattern::of_glob(&bytes.to_ascii_lowercase())?;
            Ok(format!("{} ~ {}", lowered(&column.text), text(pattern.as_bytes())?))
        }
        Op::Regex => {
            let pattern = format!("(?m){}", Regex::new(bytes)?.as_str());
            Ok(format!("{} ~ {}", column.text, text(pattern.as_bytes())?))
        }
        _ => Err(format!("`{}` here", op.word())),
    }
}

/// A comparison with one of the two ends of a connection; with `with_both`, it must be true for every
/// present end.
fn ends(
    with_both: bool,
    column: &Column,
    of: impl Fn(&Column) -> Result<String, String>,
) -> Result<String, String> {
    let end = |at: u8| Column {
        text: format!("{}[{at}]", column.text),
        ty: column.ty,
        is_list: false,
        several: None,
    };
    let (first, second) = (of(&end(1))?, of(&end(2))?);
    Ok(match with_both {
        true => format!("({first} AND coalesce({second}, TRUE))"),
        false => format!("({first} OR {second})"),
    })
}

fn equal(differs: bool, column: &Column, bytes: &[u8]) -> Result<String, String> {
    if column.ty == FieldType::Net {
        if column.has_lists() {
            return Err("networks of lists".into());
        }
        let within = network(column, bytes)?;
        return Ok(if differs { format!("NOT {within}") } else { within });
    }
    let constant = literal(column.ty, bytes)?;
    let list = &column.text;
    Ok(match (column.several, differs) {
        (None, _) if column.is_list => return Err("`=` of a list".into()),
        (None, false) => format!("{list} = {constant}"),
        (None, true) => format!("{list} <> {constant}"),
        (Some(_), false) => format!("array_has({list}, {constant})"),
        (Some(Several::Ends), true) => {
            format!("(array_length({list}) > 0 AND NOT array_has({list}, {constant}))")
        }
        (Some(Several::Ancestors), true) => format!("NOT array_has_all([{constant}], {list})"),
    })
}

/// Whether an address is within a network.
fn network(column: &Column, bytes: &[u8]) -> Result<String, String> {
    let Constant::Net(Net { addr, prefix }) = constant(FieldType::Net, Constants::Plain, bytes)? else {
        return Err("such a network".into());
    };
    let within =
        |first: u128, last: u128| format!("{} BETWEEN '{first:032x}' AND '{last:032x}'", column.text);
    let range = |first: u128, bits: u32| {
        let hosts = if bits >= 128 { u128::MAX } else { (1 << bits) - 1 };
        (first & !hosts, first | hosts)
    };
    let number = u128::from_str_radix(&sql_address(addr), 16).map_err(|error| error.to_string())?;
    Ok(match addr {
        IpAddr::V4(_) => {
            let (first, last) = range(number, 32 - u32::from(prefix));
            within(first, last)
        }
        IpAddr::V6(_) => {
            let (first, last) = range(number, 128 - u32::from(prefix));
            let (mapped, end) = range(0xffff << 32, 32);
            // No IPv4 address is in an IPv6 network.
            match first <= end && mapped <= last {
                true => format!("({} AND NOT {})", within(first, last), within(mapped, end)),
                false => within(first, last),
            }
        }
    })
}

/// Whether a text contains another, at any place or at one of its ends.
fn part(op: Op, column: &Column, bytes: &[u8]) -> Result<String, String> {
    if !column.has_texts() {
        return Err(format!("`{}` of a value that is not text", op.word()));
    }
    if !column.has_lists() {
        let constant = literal(column.ty, bytes)?;
        return Ok(match op {
            Op::IContains => {
                format!("contains({}, {})", lowered(&column.text), text(&bytes.to_ascii_lowercase())?)
            }
            Op::StartsWith => format!("starts_with({}, {constant})", column.text),
            Op::EndsWith => format!("ends_with({}, {constant})", column.text),
            _ => format!("contains({}, {constant})", column.text),
        });
    }
    if bytes.contains(&1) {
        return Err("a text with the character 1, of several values".into());
    }
    let (all, constant) = (column.joined(), text(bytes)?);
    let found = match op {
        Op::IContains => format!("contains({}, {})", lowered(&all), text(&bytes.to_ascii_lowercase())?),
        Op::StartsWith => format!("contains({all}, chr(1) || {constant})"),
        Op::EndsWith => format!("contains({all}, {constant} || chr(1))"),
        _ => format!("contains({all}, {constant})"),
    };
    Ok(format!("(array_length({}) > 0 AND {found})", column.text))
}

fn member(op: Op, left: &Column, literals: &[LiteralRef<'_>], older: &[String]) -> Result<String, String> {
    if left.ty == FieldType::Net {
        if left.several == Some(Several::Ends) {
            return ends(false, left, |end| member(op, end, literals, older));
        }
        if left.has_lists() {
            return Err("networks of lists".into());
        }
        let each =
            literals.iter().map(|literal| network(left, literal.text)).collect::<Result<Vec<_>, _>>()?;
        return Ok(if each.is_empty() { "FALSE".into() } else { format!("({})", each.join(" OR ")) });
    }
    let mut all = Vec::new();
    for bytes in literals.iter().map(|literal| literal.text).chain(older.iter().map(String::as_bytes)) {
        let constant = literal(left.ty, bytes)?;
        if !all.contains(&constant) {
            all.push(constant);
        }
    }
    let (column, set) = (&left.text, all.join(", "));
    Ok(match (left.is_list, left.several, all.is_empty()) {
        (true, _, true) if op == Op::In => format!("array_length({column}) = 0"),
        (_, _, true) => "FALSE".into(),
        (true, _, _) if op == Op::In => format!("array_has_all([{set}], {column})"),
        (false, None, _) => format!("{column} IN ({set})"),
        _ => format!("array_has_any({column}, [{set}])"),
    })
}

/// A comparison with another field.
fn against(op: Op, left: &Column, right: &Column) -> Result<String, String> {
    let alike = left.ty == right.ty
        || (left.has_numbers() && right.has_numbers())
        || (left.has_texts() && right.has_texts());
    if !alike || left.ty == FieldType::Net {
        return Err("fields of such types".into());
    }
    let (a, b) = (&left.text, &right.text);
    Ok(match (op, left.has_lists(), right.has_lists()) {
        (Op::Eq | Op::EqEq, false, false) => format!("{a} = {b}"),
        (Op::Ne, false, false) => format!("{a} <> {b}"),
        (Op::Lt | Op::Le | Op::Gt | Op::Ge, false, false) => format!("{a} {} {b}", op.word()),
        (Op::Contains, false, false) => format!("contains({a}, {b})"),
        (Op::IContains, false, false) => format!("contains({}, {})", lowered(a), lowered(b)),
        (Op::StartsWith, false, false) => format!("starts_with({a}, {b})"),
        (Op::EndsWith, false, false) => format!("ends_with({a}, {b})"),
        (Op::In | Op::Intersects, false, false) => format!("{a} = {b}"),
        (Op::In | Op::Intersects, false, true) => format!("array_has({b}, {a})"),
        (Op::In, true, true) if left.is_list => format!("array_has_all({b}, {a})"),
        (Op::In | Op::Intersects, true, true) => format!("array_has_any({a}, {b})"),
        (Op::Intersects, true, false) => format!("array_has({a}, {b})"),
        _ => return Err(format!("`{}` of these two", op.word())),
    })
}
