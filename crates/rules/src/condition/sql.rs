//! Conditions in SQL, for engines that read tables of events.
//!
//! A column has the name of a field; docs/fleet.md describes its values. The dialect is the common part of
//! DuckDB and DataFusion.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::IpAddr;

use eyas_fields::{Field, Schema};

use super::ast::Expr;
use super::walk::{Fold, fold};

mod operand;
mod pattern;
mod test;

/// A condition in SQL.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sql {
    /// The expression for `WHERE`. Every event that satisfies the condition satisfies it. The reverse is
    /// true if [`Sql::unexpressed`] is empty.
    pub text: String,
    /// The fields whose columns it uses, sorted by name.
    pub fields: Vec<Field>,
    /// The comparisons that SQL cannot express; the query treats them as true.
    pub unexpressed: Vec<Unexpressed>,
}

/// A comparison that SQL cannot express.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unexpressed {
    /// Its text, as in conditions.
    pub test: String,
    /// The reason.
    pub reason: String,
}

/// Converts a condition to SQL. Its macros must be expanded, as in
/// [`Rule::compiled`](crate::Rule::compiled).
pub fn sql(expr: &Expr, schema: &dyn Schema) -> Sql {
    let mut writer = Writer { schema, fields: BTreeMap::new(), unexpressed: Vec::new() };
    let Ok(text) = fold(expr, &mut writer);
    Sql { text, fields: writer.fields.into_values().collect(), unexpressed: writer.unexpressed }
}

/// An address in the form of network columns: 32 hexadecimal digits, with IPv4 mapped into IPv6.
pub fn sql_address(address: IpAddr) -> String {
    let address = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    format!("{:032x}", u128::from(address))
}

/// Quotes a name.
pub(super) fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Quotes a constant.
///
/// # Errors
/// Columns cannot contain such a text.
pub(super) fn text(bytes: &[u8]) -> Result<String, String> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains('\0') => Err("a text with a NUL byte is in no column".into()),
        Ok(text) => Ok(format!("'{}'", text.replace('\'', "''"))),
        Err(_) => Err("a text that is not UTF-8 is in no column".into()),
    }
}

struct Writer<'a> {
    schema: &'a dyn Schema,
    fields: BTreeMap<Box<str>, Field>,
    unexpressed: Vec<Unexpressed>,
}

impl Fold for Writer<'_> {
    type Out = String;
    type Error = Infallible;

    fn known(&mut self, part: &Expr, negated: bool, _: usize) -> Result<Option<String>, Infallible> {
        let (outcome, shown) = match part {
            Expr::Test(test) => (self.test(test), test.to_string()),
            Expr::Macro(name, _) => (Err("an undefined macro".to_owned()), name.clone()),
            Expr::And(_) | Expr::Or(_) | Expr::Not(_) => return Ok(None),
        };
        let text = outcome.unwrap_or_else(|reason| {
            let missing = Unexpressed { test: shown, reason };
            if !self.unexpressed.contains(&missing) {
                self.unexpressed.push(missing);
            }
            // The query must be true whenever the condition is true.
            if negated { "FALSE" } else { "TRUE" }.to_owned()
        });
        Ok(Some(text))
    }

    fn make(&mut self, part: &Expr, _: bool, parts: Vec<String>) -> Result<String, Infallible> {
        Ok(match part {
            Expr::And(_) => format!("({})", parts.join(" AND ")),
            Expr::Or(_) => format!("({})", parts.join(" OR ")),
            // A comparison with NULL is neither true nor false, but a comparison with an absent value is
            // false.
            Expr::Not(_) => format!("NOT coalesce({}, FALSE)", parts.concat()),
            Expr::Test(_) | Expr::Macro(..) => parts.concat(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_constants_and_names_are_escaped() {
        assert_eq!(text(b"it's").unwrap(), "'it''s'");
        assert_eq!(name("proc.env[\"A]"), "\"proc.env[\"\"A]\"");
        assert!(text(b"a\0b").is_err() && text(b"\xff").is_err());
    }

    #[test]
    fn networks_are_ranges_of_addresses() {
        assert_eq!(sql_address("10.0.0.1".parse().unwrap()), "00000000000000000000ffff0a000001");
        assert_eq!(sql_address("fe80::1".parse().unwrap()), "fe800000000000000000000000000001");
    }
}
