//! The parser of conditions.

use std::ops::Range;
use std::sync::Arc;

use super::ast::{Expr, Literal, Modifier, Op, Operand, Rhs, Test, Values};
use super::error::{ParseError, ParseErrorKind};
use super::opdef::Right;

mod list_use;
mod lists;
mod operands;
mod text;
mod tokens;

pub(crate) use list_use::{ListUse, PLACEHOLDER};
pub(crate) use lists::{parse_items, parse_with_lists};
use text::{is_blank, is_space};

/// Maximum nesting of a rule's condition, counted as in the reference: a pair of parentheses costs 5, and
/// so does a transformer.
pub(crate) const MAX_DEPTH: u32 = 1000;
/// Operators and transformers, as the reference lists them where it expects one of them.
const OPERATORS: &str = "'exists', '<=', '<', '>=', '>', '==', '=', '!=', 'glob', 'iglob', 'contains', 'icontains', \
                         'bcontains', 'startswith', 'bstartswith', 'endswith', 'regex', 'intersects', 'in', 'pmatch'";
const CALLS: &str = "'val', 'tolower', 'toupper', 'b64', 'basename', 'len', 'join', 'concat', 'getopt'";

/// Line and column, both from 1, of a byte: every `\r` and every `\n` begins a line.
pub(crate) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = 1 + before.iter().filter(|b| matches!(b, b'\n' | b'\r')).count();
    let start = before.iter().rposition(|b| matches!(b, b'\n' | b'\r')).map_or(0, |at| at + 1);
    (line, 1 + before.len() - start)
}

/// Parses a condition.
///
/// # Errors
/// The text is no condition. The error contains the place, and what was expected.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    parse_in(text, 0)
}

/// Like [`parse`], for a text with the number `source`, which spans contain.
///
/// # Errors
/// Like [`parse`].
pub fn parse_in(text: &str, source: u32) -> Result<Expr, ParseError> {
    Parser::new(text, source).whole().map_err(|Fail { kind, message, at }| {
        let (line, column) = position(text, at);
        ParseError { kind, message, offset: at, line, column }
    })
}

/// Parses `field` or `field[arg]` or a transformer at the start of `text`; returns it and its length. The
/// error is the length up to which a shorter text may be an operand.
pub(crate) fn operand_prefix(text: &str) -> Result<(Operand, usize), usize> {
    let mut parser = Parser { depth: MAX_DEPTH - 500, ..Parser::new(text, 0) };
    let operand = match parser.transformer() {
        Ok(Some(call)) => Some(Operand::Call(call)),
        Ok(None) => parser.field().ok().flatten().map(Operand::Field),
        Err(_) => None,
    };
    operand.map(|operand| (operand, parser.at)).ok_or(parser.whole)
}

struct Fail {
    kind: ParseErrorKind,
    message: String,
    at: usize,
}

type Parsed<T> = Result<T, Fail>;

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    source: u32,
    /// The last token. The reference names it if anything except a connective follows.
    last: Range<usize>,
    /// End of the last operand that is complete without the brackets after it.
    whole: usize,
    /// Lists in the text, in order.
    lists: &'a [ListUse],
    /// How many of them were used as values.
    taken: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, source: u32) -> Self {
        Self { text, at: 0, depth: 0, source, last: 0..0, whole: 0, lists: &[], taken: 0 }
    }

    /// A condition up to the end of the text.
    fn whole(&mut self) -> Parsed<Expr> {
        if self.text.is_empty() {
            return Err(self.lacks(ParseErrorKind::Check, "filter input string is empty".into()));
        }
        let expr = self.or()?;
        self.blanks();
        if self.at < self.text.len() {
            let message = format!("unexpected token after '{}', expecting 'or', 'and'", self.last_token());
            return Err(self.lacks(ParseErrorKind::Trailing, message));
        }
        Ok(expr)
    }

    fn fail(&self, message: String) -> Fail {
        self.lacks(ParseErrorKind::Other, message)
    }

    fn lacks(&self, kind: ParseErrorKind, message: String) -> Fail {
        Fail { kind, message, at: self.at }
    }

    /// Runs a step one level deeper.
    fn deeper<T>(&mut self, step: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.deeper_by(1, step)
    }

    fn deeper_by<T>(&mut self, levels: u32, step: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += levels;
        if self.depth >= MAX_DEPTH {
            let message = format!("exceeded max depth limit of {MAX_DEPTH}");
            return Err(self.lacks(ParseErrorKind::Depth, message));
        }
        let result = step(self);
        self.depth -= levels;
        result
    }

    fn or(&mut self) -> Parsed<Expr> {
        self.chain("or", Self::and, |parts| Expr::Or(parts.into()))
    }

    fn and(&mut self) -> Parsed<Expr> {
        self.chain("and", Self::not, |parts| Expr::And(parts.into()))
    }

    fn chain(
        &mut self,
        word: &str,
        operand: fn(&mut Self) -> Parsed<Expr>,
        join: fn(Vec<Expr>) -> Expr,
    ) -> Parsed<Expr> {
        self.deeper(|p| {
            p.blanks();
            let mut children = vec![operand(p)?];
            loop {
                let start = p.at;
                p.blanks();
                if !p.eat(word) {
                    p.at = start;
                    break;
                }
                if p.blanks() {
                    children.push(operand(p)?);
                } else if p.eat("(") {
                    children.push(p.group()?);
                } else {
                    return Err(p.fail(format!("expected blank or '(' after '{word}'")));
                }
            }
            Ok(match children.len() {
                1 => children.remove(0),
                _ => join(children),
            })
        })
    }

    fn not(&mut self) -> Parsed<Expr> {
        self.deeper(|p| {
            let mut negated = false;
            loop {
                let start = p.at;
                if !p.eat("not") {
                    break;
                }
                if p.eat("(") {
                    let group = p.group()?;
                    return Ok(negate(group, !negated));
                }
                let before = p.at;
                while p.peek().is_some_and(is_space) {
                    p.at += 1;
                }
                if p.at == before {
                    p.at = start;
                    break;
                }
                negated = !negated;
            }
            let check = p.check()?;
            Ok(negate(check, negated))
        })
    }

    /// After an opening parenthesis.
    fn group(&mut self) -> Parsed<Expr> {
        self.deeper(|p| {
            let expr = p.or()?;
            p.blanks();
            if !p.eat(")") {
                return Err(p.lacks(ParseErrorKind::GroupEnd, "expected a ')' token".into()));
            }
            Ok(expr)
        })
    }

    fn check(&mut self) -> Parsed<Expr> {
        self.deeper(|p| {
            p.blanks();
            if p.eat("(") {
                return p.group();
            }
            let start = p.at;
            let left = match p.transformer()? {
                Some(call) => Some(Operand::Call(call)),
                None => p.field()?.map(Operand::Field),
            };
            if let Some(left) = left {
                return p.test(left, start);
            }
            match p.identifier() {
                Some(name) => Ok(Expr::Macro(name.to_owned(), p.span(start))),
                None => {
                    let message = "expected a '(' token, a field check, or an identifier".into();
                    Err(p.lacks(ParseErrorKind::Check, message))
                }
            }
        })
    }

    fn test(&mut self, left: Operand, start: usize) -> Parsed<Expr> {
        self.blanks();
        let make = |p: &Self, op, modifier, right| {
            Ok(Expr::Test(Arc::new(Test { left, op, modifier, right, span: p.span(start) })))
        };
        // The longest operator that fits: `in` begins `intersects`, and without a blank, `a.b inside` is
        // `a.b in side`.
        let start_of_op = self.at;
        let fitting = Op::ALL.iter().filter(|op| self.is_operator(**op)).max_by_key(|op| op.word().len());
        if let Some(op) = fitting.copied() {
            self.take(op.word().len());
            let blank = self.blanks();
            return match op.def().right {
                Right::Nothing => {
                    self.at = start_of_op + op.word().len();
                    make(self, op, None, Rhs::None)
                }
                Right::Number => {
                    let right = self.number_value()?;
                    make(self, op, None, right)
                }
                Right::Value => {
                    let modifier = if blank { self.modifier() } else { None };
                    let right = match modifier {
                        Some(_) => self.list_value("expected a list or an identifier")?,
                        None => self.value()?,
                    };
                    make(self, op, modifier, right)
                }
                Right::List => {
                    let right = match self.right_operand()? {
                        Some(operand) => Rhs::Operand(operand),
                        None => {
                            let or_call =
                                "expected a list, an identifier, or a field with a valid transformer: ";
                            self.list_value(&format!("{or_call}{CALLS}"))?
                        }
                    };
                    make(self, op, None, right)
                }
            };
        }
        let message = format!("expected a valid check operator: one of {OPERATORS}");
        Err(self.lacks(ParseErrorKind::Operator, message))
    }

    /// Whether an operator begins here. If a value follows, a word ends with a blank.
    fn is_operator(&self, op: Op) -> bool {
        let Some(rest) = self.rest().strip_prefix(op.word().as_bytes()) else { return false };
        let is_word = op.word().as_bytes()[0].is_ascii_alphabetic();
        !is_word || op.def().right != Right::Value || rest.first().copied().is_some_and(is_blank)
    }

    fn number_value(&mut self) -> Parsed<Rhs> {
        if let Some(operand) = self.right_operand()? {
            return Ok(Rhs::Operand(operand));
        }
        let start = self.at;
        match self.number() {
            Some(text) => Ok(Rhs::Value(Literal { text: text.into(), span: self.span(start) })),
            None => {
                let message = format!("expected a number value or a field with a valid transformer: {CALLS}");
                Err(self.lacks(ParseErrorKind::Number, message))
            }
        }
    }

    fn value(&mut self) -> Parsed<Rhs> {
        self.deeper(|p| {
            if let Some(operand) = p.right_operand()? {
                return Ok(Rhs::Operand(operand));
            }
            match p.literal()? {
                Some(value) => Ok(Rhs::Value(value)),
                None => {
                    let message =
                        format!("expected a string value or a field with a valid transformer: {CALLS}");
                    Err(p.lacks(ParseErrorKind::Value, message))
                }
            }
        })
    }

    fn literal(&mut self) -> Parsed<Option<Literal>> {
        let start = self.at;
        let text = match self.quoted()? {
            Some(text) => Some(text),
            None => self.bare().map(|text| text.as_bytes().to_vec()),
        };
        Ok(text.map(|text| Literal { text, span: self.span(start) }))
    }

    /// `expected` is the message if neither a list nor a name follows.
    fn list_value(&mut self, expected: &str) -> Parsed<Rhs> {
        self.deeper(|p| {
            let start = p.at;
            if !p.eat("(") {
                return match p.identifier() {
                    Some(name) => Ok(Rhs::Value(Literal { text: name.into(), span: p.span(start) })),
                    None => Err(p.lacks(ParseErrorKind::List, expected.into())),
                };
            }
            p.blanks();
            let mut items = Values::default();
            if !p.eat(")") {
                p.items(&mut items)?;
                if !p.eat(")") {
                    let message = "expected a ')' token".into();
                    return Err(p.lacks(ParseErrorKind::ListEnd, message));
                }
            }
            Ok(Rhs::List(items))
        })
    }

    /// Values separated by commas, and the blanks after them.
    fn items(&mut self, items: &mut Values) -> Parsed<()> {
        let mut is_first = true;
        loop {
            self.blanks();
            if let Some((list, at)) = self.list() {
                items.push_list(&list, at);
            } else if let Some(item) = self.literal()? {
                items.push(item);
            } else {
                let message = if is_first { "expected a ')' token" } else { "expected a string value" };
                return Err(self.lacks(ParseErrorKind::ListItem, message.into()));
            }
            is_first = false;
            self.blanks();
            if !self.eat(",") {
                return Ok(());
            }
        }
    }

    /// A modifier, if a list or a name follows; otherwise the word is a value.
    fn modifier(&mut self) -> Option<Modifier> {
        let (start, last) = (self.at, self.last.clone());
        let found =
            [Modifier::OneOf, Modifier::AnyOf, Modifier::AllOf].into_iter().find(|m| self.eat(m.word()))?;
        let takes = self.blanks() && self.peek().is_some_and(|b| b == b'(' || b.is_ascii_alphabetic());
        let connective = ["and", "or", "not"].iter().any(|word| {
            self.rest()
                .strip_prefix(word.as_bytes())
                .is_some_and(|rest| rest.first().is_none_or(|b| !b.is_ascii_alphanumeric()))
        });
        if takes && !connective {
            return Some(found);
        }
        (self.at, self.last) = (start, last);
        None
    }
}

fn negate(expr: Expr, negated: bool) -> Expr {
    if negated { Expr::Not(Arc::new(expr)) } else { expr }
}

#[cfg(test)]
mod tests {
    use super::super::transformers;
    use super::*;

    #[track_caller]
    fn check(text: &str, printed: &str) {
        let expr = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(expr.to_string(), printed);
        assert_eq!(parse(printed).unwrap().to_string(), printed, "printing is stable");
    }

    #[test]
    fn a_printed_condition_parses_to_the_same_tree() {
        check("evt.type=open", "evt.type = open");
        check("a.b=1 and not c.d exists or e", "((a.b = 1 and not c.d exists) or e)");
        check("not not a.b=1", "a.b = 1");
        check("not(a.b=1 or c)", "not (a.b = 1 or c)");
        check("a.b in (x, \"y z\", 'q')", "a.b in (x, \"y z\", q)");
        check("a.b in(x)", "a.b in (x)");
        check("a.b[c]=\"\\\"\\\\x\"", "a.b[c] = \"\\\"\\x5cx\"");
        check("tolower(a.b)=val(c.d)", "tolower(a.b) = val(c.d)");
        check("a.b startswith anyof (x,y)", "a.b startswith anyof (x, y)");
        check("a.b = anyof and c.d=1", "(a.b = anyof and c.d = 1)");
        check("join(\",\", (a.b, \"x\", 1)) = z", "join(\",\",(a.b, \"x\", \"1\")) = z");
        check("a.b inside", "a.b in side");
    }

    #[test]
    fn an_error_says_where_and_what() {
        for (text, at, want) in [
            ("a.b=1 a.b=2", 6, "unexpected token after '1', expecting 'or', 'and'"),
            ("a.b = 'x y' c", 12, "after 'x y'"),
            ("(a.b=1 or c) d", 13, "after ')'"),
            ("a.b = tolower(c.d)[e] f", 22, "after ']'"),
            ("a.b exists f", 11, "after 'exists'"),
            ("a.b = anyof 5", 12, "after 'anyof'"),
            ("a.b in (x) f", 11, "after ')'"),
            ("a.b in x f", 9, "after 'x'"),
            ("m.", 1, "after 'm'"),
            ("a.b ~ 1", 4, "operator"),
            ("(a.b=1", 6, "')'"),
            ("a.b=", 4, "expected a string value or a field with a valid transformer: 'val', 'tolower'"),
            ("a.b in (,)", 8, "expected a ')' token"),
            ("a.b < x", 6, "expected a number value"),
            ("a.b = val(x)", 10, "expected a field within 'val' transformer"),
            ("a.b=1 andb", 9, "after 'and'"),
            ("", 0, "filter input string is empty"),
            (" ", 1, "expected a '(' token, a field check, or an identifier"),
            ("a.b in (x,)", 10, "expected a string value"),
            ("a.b=\"\\q\"", 4, "unsupported string escape sequence: \\q"),
            ("a.b='\\\"'", 4, "invalid \\\" escape in '-quoted string"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.message.contains(want), "{text}: {error}");
            assert_eq!(error.offset, at, "{text}: {error}");
        }
    }

    #[test]
    fn operators_and_transformers_are_listed_as_by_the_reference() {
        let sorted = |all: Vec<&str>| {
            let mut all: Vec<String> = all.into_iter().map(str::to_owned).collect();
            all.sort();
            all
        };
        let listed =
            |text: &'static str| sorted(text.split(", ").map(|word| word.trim_matches('\'')).collect());
        assert_eq!(listed(OPERATORS), sorted(Op::ALL.iter().map(|op| op.word()).collect()));
        let names = transformers::TRANSFORMERS.iter().map(|transformer| transformer.name);
        assert_eq!(listed(CALLS), sorted(names.collect()));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |n: usize| format!("{}a.b=1{}", "(".repeat(n), ")".repeat(n));
        assert!(parse(&nested(198)).is_ok());
        assert!(parse(&nested(199)).is_err());
        assert!(parse(&nested(100_000)).is_err());
        assert!(parse(&format!("{}a.b=1", "not ".repeat(100_000))).is_ok());
    }
}
