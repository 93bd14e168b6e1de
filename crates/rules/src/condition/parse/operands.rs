//! Fields and transformers, the operands of comparisons.

use super::super::ast::{Call, FieldRef, Literal, Operand};
use super::super::transformers;
use super::text::is_space;
use super::{Parsed, Parser};

impl Parser<'_> {
    pub(super) fn field(&mut self) -> Parsed<Option<FieldRef>> {
        let start = self.at;
        if self.identifier().is_none() {
            return Ok(None);
        }
        let mut parts = 1;
        loop {
            let dot = self.at;
            if !(self.eat(".") && self.identifier().is_some()) {
                self.at = dot;
                break;
            }
            parts += 1;
        }
        if parts < 2 {
            self.at = start;
            return Ok(None);
        }
        self.last = start..self.at;
        self.whole = self.at;
        self.deeper(|p| {
            let name = p.text[start..p.at].to_owned();
            let arg = p.argument()?;
            Ok(Some(FieldRef { name, arg, span: p.span(start) }))
        })
    }

    pub(super) fn argument(&mut self) -> Parsed<Option<String>> {
        if !self.eat("[") {
            return Ok(None);
        }
        let arg = if let Some(quoted) = self.quoted()? {
            String::from_utf8(quoted)
                .map_err(|_| self.fail("expected a valid field argument: it is not UTF-8".into()))?
        } else {
            let rest = self.rest();
            let end = |b: &u8| matches!(b, b'[' | b']' | b'"' | b'\'') || is_space(*b);
            let len = rest.iter().position(end).unwrap_or(rest.len());
            if len == 0 {
                return Err(
                    self.fail("expected a valid field argument: a quoted string or a bare string".into())
                );
            }
            self.take(len);
            self.text[self.last.clone()].to_owned()
        };
        if !self.eat("]") {
            return Err(self.fail("expected a ']' token".into()));
        }
        Ok(Some(arg))
    }

    pub(super) fn transformer(&mut self) -> Parsed<Option<Call>> {
        let start = self.at;
        let Some(name) = transformers::names().find(|name| {
            self.rest().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'('))
        }) else {
            return Ok(None);
        };
        self.take(name.len() + 1);
        self.deeper_by(5, |p| {
            let args = p.transformer_arguments();
            // If it is not closed, no shorter text is an operand.
            p.whole = if args.is_ok() { p.at } else { 0 };
            let args = args?;
            let select = p.argument()?;
            Ok(Some(Call { name: name.to_owned(), args, select, span: p.span(start) }))
        })
    }

    /// Up to the closing parenthesis.
    fn transformer_arguments(&mut self) -> Parsed<Vec<Operand>> {
        let mut args = Vec::new();
        loop {
            self.blanks();
            args.push(self.transformer_argument()?);
            self.blanks();
            if !self.eat(",") {
                break;
            }
        }
        if !self.eat(")") {
            return Err(self.fail("expected a ')' token closing the transformer".into()));
        }
        Ok(args)
    }

    fn transformer_argument(&mut self) -> Parsed<Operand> {
        let start = self.at;
        if self.eat("(") {
            return self.deeper(|p| {
                let mut items = Vec::new();
                p.blanks();
                if !p.eat(")") {
                    loop {
                        p.blanks();
                        items.push(p.transformer_value(
                            "expected transformer list argument: field, transformer, quoted string, or number",
                        )?);
                        p.blanks();
                        if !p.eat(",") {
                            break;
                        }
                    }
                    if !p.eat(")") {
                        return Err(p.fail("expected ')'".into()));
                    }
                }
                Ok(Operand::List(items, p.span(start)))
            });
        }
        self.transformer_value(
            "expected field transformer argument: field, transformer, quoted string, number, or transformer list",
        )
    }

    fn transformer_value(&mut self, expected: &str) -> Parsed<Operand> {
        let start = self.at;
        if let Some(number) = self.number() {
            return Ok(Operand::Text(Literal { text: number.into(), span: self.span(start) }));
        }
        if let Some(text) = self.quoted()? {
            return Ok(Operand::Text(Literal { text, span: self.span(start) }));
        }
        if let Some(call) = self.transformer()? {
            return Ok(Operand::Call(call));
        }
        match self.field()? {
            Some(field) => Ok(Operand::Field(field)),
            None => Err(self.fail(expected.into())),
        }
    }

    /// `val(field)` or a transformer.
    pub(super) fn right_operand(&mut self) -> Parsed<Option<Operand>> {
        let start = self.at;
        if self.eat("val(") {
            return self.deeper(|p| {
                p.blanks();
                let field =
                    p.field()?.ok_or_else(|| p.fail("expected a field within 'val' transformer".into()))?;
                p.blanks();
                if !p.eat(")") {
                    return Err(p.fail("expected a ')' token closing the transformer".into()));
                }
                let call = Call {
                    name: "val".into(),
                    args: vec![Operand::Field(field)],
                    select: None,
                    span: p.span(start),
                };
                Ok(Some(Operand::Call(call)))
            });
        }
        Ok(self.transformer()?.map(Operand::Call))
    }
}
