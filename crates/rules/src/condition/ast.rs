//! Conditions as trees.

use std::fmt;
use std::sync::Arc;

pub use super::compare::Modifier;
pub use super::operators::Op;
use super::values::write_part;
pub use super::values::{Literal, LiteralRef, Span, Values};

/// A condition. Its parts are shared: conditions refer to a macro's expression without copying it.
#[derive(Clone, Debug)]
pub enum Expr {
    /// A conjunction of at least two parts.
    And(Arc<[Expr]>),
    /// A disjunction of at least two parts.
    Or(Arc<[Expr]>),
    /// A negation.
    Not(Arc<Expr>),
    /// A macro's name.
    Macro(String, Span),
    /// A comparison.
    Test(Arc<Test>),
}

/// A comparison of a field or of a transformer's result.
#[derive(Clone, Debug)]
pub struct Test {
    /// The left side.
    pub left: Operand,
    /// The operator.
    pub op: Op,
    /// How the results for several values are combined.
    pub modifier: Option<Modifier>,
    /// The right side.
    pub right: Rhs,
    /// Position in the text.
    pub span: Span,
}

/// A source of a value.
#[derive(Clone, Debug)]
pub enum Operand {
    /// A field.
    Field(FieldRef),
    /// A transformer applied to operands.
    Call(Call),
    /// A constant, inside a transformer's arguments.
    Text(Literal),
    /// A list of operands, inside a transformer's arguments.
    List(Vec<Operand>, Span),
}

impl Operand {
    /// Position in the text.
    pub fn span(&self) -> Span {
        match self {
            Self::Field(field) => field.span,
            Self::Call(call) => call.span,
            Self::Text(text) => text.span,
            Self::List(_, span) => *span,
        }
    }

    /// Calls `visit` for every field in it, except those in lists.
    pub(crate) fn fields_outside_lists<'a>(&'a self, visit: &mut dyn FnMut(&'a FieldRef)) {
        match self {
            Self::Field(field) => visit(field),
            Self::Call(call) => call.args.iter().for_each(|arg| arg.fields_outside_lists(visit)),
            Self::List(..) | Self::Text(_) => {}
        }
    }

    /// Calls `visit` for every field in it.
    pub fn fields<'a>(&'a self, visit: &mut dyn FnMut(&'a FieldRef)) {
        match self {
            Self::Field(field) => visit(field),
            Self::Call(call) => call.args.iter().for_each(|arg| arg.fields(visit)),
            Self::List(items, _) => items.iter().for_each(|item| item.fields(visit)),
            Self::Text(_) => {}
        }
    }
}

/// A field by name.
#[derive(Clone, Debug)]
pub struct FieldRef {
    /// Name.
    pub name: String,
    /// Text between the brackets.
    pub arg: Option<String>,
    /// Position in the text.
    pub span: Span,
}

/// A transformer applied to operands.
#[derive(Clone, Debug)]
pub struct Call {
    /// Transformer.
    pub name: String,
    /// Its arguments.
    pub args: Vec<Operand>,
    /// Text between brackets after it.
    pub select: Option<String>,
    /// Position in the text.
    pub span: Span,
}

/// Right side of a comparison.
#[derive(Clone, Debug)]
pub enum Rhs {
    /// `exists` has none.
    None,
    /// A constant.
    Value(Literal),
    /// Constants between parentheses.
    List(Values),
    /// `val(field)` or a transformer.
    Operand(Operand),
}

impl Rhs {
    /// The constants in it.
    pub fn values(&self) -> impl Iterator<Item = LiteralRef<'_>> {
        let (one, list) = match self {
            Self::Value(one) => (Some(one), None),
            Self::List(list) => (None, Some(list)),
            Self::None | Self::Operand(_) => (None, None),
        };
        let one = one.map(Literal::borrowed);
        one.into_iter().chain(list.into_iter().flat_map(Values::iter))
    }

    /// Number of constants in it.
    pub fn len(&self) -> usize {
        match self {
            Self::Value(_) => 1,
            Self::List(list) => list.len(),
            Self::None | Self::Operand(_) => 0,
        }
    }

    /// Whether it contains no constant.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Writes a constant so that parsing it returns the same constant.
struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let special = |b: u8| b.is_ascii_control() || b" =\\\"'(),".contains(&b);
        let plain =
            !self.0.is_empty() && std::str::from_utf8(self.0).is_ok() && !self.0.iter().any(|b| special(*b));
        if plain {
            return f.write_str(&String::from_utf8_lossy(self.0));
        }
        write!(f, "{}", Always(self.0))
    }
}

/// Like [`Quoted`], always with quotes.
struct Always<'a>(&'a [u8]);

impl fmt::Display for Always<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\u{8}' => f.write_str("\\b")?,
                    '\u{c}' => f.write_str("\\f")?,
                    '\n' => f.write_str("\\n")?,
                    '\r' => f.write_str("\\r")?,
                    '\t' => f.write_str("\\t")?,
                    '"' => f.write_str("\\\"")?,
                    // Before a quote, two backslashes would not end the text.
                    c if c == '\\' || c.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(c))?,
                    c => write!(f, "{c}")?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        f.write_str("\"")
    }
}

fn joined<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    items: impl IntoIterator<Item = T>,
    by: &str,
) -> fmt::Result {
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            f.write_str(by)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

impl fmt::Display for FieldRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        argument(f, self.arg.as_deref())
    }
}

fn argument(f: &mut fmt::Formatter<'_>, arg: Option<&str>) -> fmt::Result {
    match arg {
        None => Ok(()),
        Some(arg) if arg.contains(['[', ']']) => write!(f, "[{}]", Always(arg.as_bytes())),
        Some(arg) => write!(f, "[{}]", Quoted(arg.as_bytes())),
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => write!(f, "{field}"),
            Self::Call(call) => {
                write!(f, "{}(", call.name)?;
                joined(f, &call.args, ",")?;
                f.write_str(")")?;
                argument(f, call.select.as_deref())
            }
            // A bare word is no argument: constants are always quoted here.
            Self::Text(text) => write!(f, "{}", Always(&text.text)),
            Self::List(items, _) => {
                f.write_str("(")?;
                joined(f, items, ", ")?;
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.left, self.op.word())?;
        if let Some(modifier) = self.modifier {
            write!(f, " {}", modifier.word())?;
        }
        match &self.right {
            Rhs::None => Ok(()),
            Rhs::Value(value) => write!(f, " {}", Quoted(&value.text)),
            Rhs::Operand(operand) => write!(f, " {operand}"),
            Rhs::List(items) => {
                f.write_str(" (")?;
                joined(f, items.iter().map(|item| Quoted(item.text)), ", ")?;
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        enum Todo<'a> {
            Part(&'a Expr),
            Text(&'static str),
        }
        let mut todo = vec![Todo::Part(self)];
        while let Some(next) = todo.pop() {
            let (parts, by) = match next {
                Todo::Text(text) => {
                    f.write_str(text)?;
                    continue;
                }
                Todo::Part(Self::Macro(name, _)) => {
                    f.write_str(name)?;
                    continue;
                }
                Todo::Part(Self::Test(test)) => {
                    write!(f, "{test}")?;
                    continue;
                }
                Todo::Part(Self::Not(part)) => {
                    f.write_str("not ")?;
                    todo.push(Todo::Part(part));
                    continue;
                }
                Todo::Part(Self::And(parts)) => (parts, " and "),
                Todo::Part(Self::Or(parts)) => (parts, " or "),
            };
            f.write_str("(")?;
            todo.push(Todo::Text(")"));
            for (i, part) in parts.iter().enumerate().rev() {
                todo.push(Todo::Part(part));
                if i > 0 {
                    todo.push(Todo::Text(by));
                }
            }
        }
        Ok(())
    }
}

impl Test {
    /// Appends a key of the comparison: equal comparisons have the same key, wherever they are.
    pub(crate) fn write_key(&self, out: &mut Vec<u8>) {
        self.left.write_key(out);
        out.extend([self.op as u8, self.modifier.map_or(0, |modifier| 1 + modifier as u8)]);
        match &self.right {
            Rhs::None => {}
            Rhs::Value(value) => write_part(out, b'1', &value.text),
            Rhs::List(values) => values.write_key(out),
            Rhs::Operand(operand) => operand.write_key(out),
        }
    }
}

impl Operand {
    pub(crate) fn write_key(&self, out: &mut Vec<u8>) {
        let argument = |out: &mut Vec<u8>, arg: Option<&String>| {
            if let Some(arg) = arg {
                write_part(out, b'[', arg.as_bytes());
            }
        };
        match self {
            Self::Field(field) => {
                write_part(out, b'f', field.name.as_bytes());
                argument(out, field.arg.as_ref());
            }
            Self::Call(call) => {
                write_part(out, b'c', call.name.as_bytes());
                argument(out, call.select.as_ref());
                call.args.iter().for_each(|arg| arg.write_key(out));
                out.push(b')');
            }
            Self::Text(text) => write_part(out, b't', &text.text),
            Self::List(items, _) => {
                out.push(b'(');
                items.iter().for_each(|item| item.write_key(out));
                out.push(b')');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Expr;
    use crate::condition::parse;

    fn key(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        match parse(text).unwrap() {
            Expr::Test(test) => test.write_key(&mut out),
            other => panic!("{other} is no comparison"),
        }
        out
    }

    #[test]
    fn a_key_depends_on_the_meaning_not_on_place_or_spelling() {
        assert_eq!(key("a.b  in ( x,'y' )"), key("  a.b in (\"x\", y)"));
        assert_eq!(key("join(\",\", (a.b, 1)) = z"), key("join(',',(a.b,\"1\"))=z"));
        let different = [
            "a.b = x",
            "a.b == x",
            "a.b in (x)",
            "a.b in x",
            "a.b in (x, y)",
            "a.b in (xy)",
            "a.b[x] = x",
            "a.b[xy] = x",
            "a.b exists",
            "a.b = val(a.c)",
            "a.b = \"val(a.c)\"",
            "tolower(a.b) = x",
            "a.b = anyof (x, y)",
            "a.b = oneof (x, y)",
            "concat(a.b, \"c\") = x",
            "concat(a.b, \"c\", \"\") = x",
            "getopt((a.b, \"c\"), \"x\") in (x)",
            "getopt((a.b, \"c\"), \"x\")[x] = x",
        ];
        let mut keys: Vec<_> = different.iter().map(|text| key(text)).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), different.len());
    }
}
