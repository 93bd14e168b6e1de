use super::super::ast::{Call, Operand};
use super::super::error::{CompileError, CompileErrorKind};
use super::super::{transformer, transformers};
use super::Plain;
use super::val::{BadArguments, Val};

impl Plain<'_> {
    /// The operand's value in this event; `None` if it is absent.
    pub(super) fn value(&self, operand: &Operand) -> Result<Option<Val>, CompileError> {
        match operand {
            Operand::Field(field) => {
                if let Some(text) = self.constant(field) {
                    return Ok(Some(Val::Text(text.into())));
                }
                let field = self.resolve(field)?;
                Ok(self.source.get(&field).map(Val::of))
            }
            Operand::Text(text) => Ok(Some(Val::Text(text.text.clone()))),
            Operand::List(items, _) => {
                let mut all = Vec::new();
                for item in items {
                    match self.value(item)? {
                        Some(value) => all.extend(value.items()),
                        None => return Ok(None),
                    }
                }
                Ok(Some(Val::List(all)))
            }
            Operand::Call(call) => self.call(call),
        }
    }

    fn call(&self, call: &Call) -> Result<Option<Val>, CompileError> {
        let mut args = Vec::new();
        for arg in &call.args {
            match self.value(arg)? {
                Some(value) => args.push(value),
                None => return Ok(None),
            }
        }
        let plain = transformers::find(&call.name).map(|transformer| transformer.plain);
        let of = transformer::Call {
            ty: self.kind(&Operand::Call(call.clone()))?.ty,
            letter: call.select.as_deref().and_then(|select| select.bytes().next()),
        };
        match plain.ok_or(BadArguments).and_then(|plain| plain(&args, of)) {
            Ok(value) => Ok(value),
            Err(BadArguments) => {
                let message = format!("transformer '{}' does not take {args:?}", call.name);
                Err(CompileError::new(CompileErrorKind::BadTransformer, message, call.span))
            }
        }
    }
}
