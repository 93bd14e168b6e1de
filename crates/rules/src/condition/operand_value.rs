//! Values of operands: of fields, and results of transformers.

use std::borrow::Cow;

use eyas_fields::Value;

/// A value, borrowed from the event or made by a transformer.
#[derive(Clone, Debug)]
pub(crate) enum OperandValue<'a> {
    Plain(Value<'a>),
    Text(Cow<'a, [u8]>),
    List(Vec<OperandValue<'a>>),
}

impl<'a> OperandValue<'a> {
    /// Calls `use_it` with the value in the form of a field's value.
    pub(crate) fn with<R>(&'a self, use_it: impl FnOnce(Value<'_>) -> R) -> R {
        match self {
            Self::Plain(value) => use_it(*value),
            Self::Text(text) => use_it(Value::Str(text)),
            Self::List(items) => {
                let values: Vec<Value<'_>> = items.iter().filter_map(Self::scalar).collect();
                use_it(Value::List(&values))
            }
        }
    }

    fn scalar(&self) -> Option<Value<'_>> {
        match self {
            Self::Plain(value) => Some(*value),
            Self::Text(text) => Some(Value::Str(text)),
            Self::List(_) => None,
        }
    }

    /// The values of a list, or else the value itself.
    pub(crate) fn into_items(self) -> Vec<Self> {
        match self {
            Self::Plain(Value::List(values)) => values.iter().map(|v| Self::Plain(*v)).collect(),
            Self::List(items) => items,
            scalar => vec![scalar],
        }
    }

    /// The text; `None` for other values.
    pub(crate) fn into_text(self) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Plain(value) => value.as_bytes().map(Cow::Borrowed),
            Self::Text(text) => Some(text),
            Self::List(_) => None,
        }
    }

    /// Appends the value as a text.
    pub(crate) fn push_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => out.extend_from_slice(text),
            Self::Plain(Value::Str(text) | Value::Bytes(text)) => out.extend_from_slice(text),
            Self::Plain(Value::Int(n)) => out.extend_from_slice(n.to_string().as_bytes()),
            Self::Plain(Value::Uint(n)) => out.extend_from_slice(n.to_string().as_bytes()),
            Self::Plain(Value::Bool(b)) => out.extend_from_slice(b.to_string().as_bytes()),
            Self::Plain(Value::Ip(ip)) => out.extend_from_slice(ip.to_string().as_bytes()),
            Self::Plain(_) | Self::List(_) => {}
        }
    }
}

/// Applies `map` to a text, or to each text of a list; `None` if one of them has no value.
pub(crate) fn each<'a>(
    value: OperandValue<'a>,
    map: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
) -> Option<OperandValue<'a>> {
    match value {
        OperandValue::Plain(Value::List(_)) | OperandValue::List(_) => {
            let items = value.into_items().into_iter().map(|item| each(item, map)).collect::<Option<_>>()?;
            Some(OperandValue::List(items))
        }
        scalar => map(&scalar.into_text()?).map(|text| OperandValue::Text(Cow::Owned(text))),
    }
}
