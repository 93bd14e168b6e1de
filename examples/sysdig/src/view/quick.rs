//! Comparisons that most views have, made without the evaluator of conditions.

use eyas::fields::{Field, FieldSource, FieldType, Schema, Value};
use eyas::rules::condition::ast::{Expr, Operand};

/// A comparison of a field with constants.
pub struct Test {
    field: Field,
    wanted: Wanted,
    /// Whether the field may have another value in the alternate view of a row.
    pub varies: bool,
}

/// The values that satisfy a comparison.
enum Wanted {
    Truth(bool),
    Above(i64),
    Names { names: Vec<Vec<u8>>, recent: Box<[(usize, usize, bool); RECENT]> },
    OtherThan(Vec<u8>),
}

/// The value of [`WORDS`] in a row.
pub type Word<'r> = Option<&'r [u8]>;

/// Number of names whose result is kept, by address and length.
const RECENT: usize = 16;

/// Fields of these comparisons, and whether their values may differ in the alternate view.
const FIELDS: [(&str, bool); 4] =
    [("evt.failed", false), ("fd.num", false), ("fd.type", true), ("fd.name", true)];
/// The field of these whose texts have one address for each text.
const WORDS: &str = "fd.type";

impl Test {
    /// The comparison, if it is one of these.
    pub fn new(expr: &Expr, schema: &dyn Schema) -> Option<Self> {
        let Expr::Test(test) = expr else { return None };
        let Operand::Field(field) = &test.left else { return None };
        let (_, varies) = FIELDS.iter().find(|(name, _)| *name == field.name)?;
        if test.modifier.is_some() {
            return None;
        }
        let texts: Vec<Vec<u8>> = test.right.values().map(|value| value.text.to_vec()).collect();
        let field = schema.resolve(&field.name, field.arg.as_deref()).ok()?;
        let wanted = match (field.ty, test.op.word(), &texts[..]) {
            (FieldType::Bool, "=", [text]) => match &text[..] {
                b"true" => Wanted::Truth(true),
                b"false" => Wanted::Truth(false),
                _ => return None,
            },
            (FieldType::Int { .. }, ">", [text]) => {
                Wanted::Above(std::str::from_utf8(text).ok()?.parse().ok()?)
            }
            (FieldType::Str, "!=", [text]) => Wanted::OtherThan(text.clone()),
            (FieldType::Str, "=", [_]) | (FieldType::Str, "in", [_, ..]) if &*field.text == WORDS => {
                Wanted::Names { names: texts, recent: Box::new([(0, 0, false); RECENT]) }
            }
            _ => return None,
        };
        Some(Self { field, wanted, varies: *varies })
    }

    /// Whether the row satisfies it, without its alternate view. The word is that of the row, once it is known.
    #[inline]
    pub fn holds<'r, R: FieldSource + ?Sized>(&mut self, row: &'r R, word: &mut Option<Word<'r>>) -> bool {
        if let Wanted::Names { names, recent } = &mut self.wanted {
            let field = &self.field;
            let read = || {
                row.get(field).and_then(|value| if let Value::Str(name) = value { Some(name) } else { None })
            };
            let Some(name) = *word.get_or_insert_with(read) else { return false };
            let address = name.as_ptr().addr();
            let known = &mut recent[(address ^ address >> 4) % RECENT];
            if (known.0, known.1) != (address, name.len()) {
                *known = (address, name.len(), names.iter().any(|wanted| wanted == name));
            }
            return known.2;
        }
        match (row.get(&self.field), &self.wanted) {
            (Some(Value::Bool(truth)), Wanted::Truth(wanted)) => truth == *wanted,
            (Some(Value::Int(number)), Wanted::Above(wanted)) => number > *wanted,
            (Some(Value::Str(name)), Wanted::OtherThan(unwanted)) => name != unwanted,
            _ => false,
        }
    }
}
