//! Values of the plain interpreter.

use eyas_fields::Value;

/// An owned value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Val {
    Number(i128),
    Double(f64),
    Bool(bool),
    Text(Vec<u8>),
    Ip(std::net::IpAddr),
    Net(std::net::IpAddr, u8),
    List(Vec<Val>),
}

impl Val {
    pub(crate) fn of(value: Value<'_>) -> Self {
        match value {
            Value::Bool(b) => Self::Bool(b),
            Value::Int(n) => Self::Number(n.into()),
            Value::Uint(n) => Self::Number(n.into()),
            Value::Double(n) => Self::Double(n),
            Value::Str(text) | Value::Bytes(text) => Self::Text(text.to_vec()),
            Value::Ip(ip) => Self::Ip(ip),
            Value::Net(net) => Self::Net(net.addr, net.prefix),
            Value::List(items) => Self::List(items.iter().map(|item| Self::of(*item)).collect()),
        }
    }

    pub(crate) fn items(self) -> Vec<Self> {
        match self {
            Self::List(items) => items,
            one => vec![one],
        }
    }
}

/// Changes a text, or each text of a list; absent if one of them cannot be changed.
pub(crate) fn each(
    arguments: &[Val],
    change: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<Option<Val>, BadArguments> {
    match arguments {
        [value] => Ok(changed(value, change)),
        _ => Err(BadArguments),
    }
}

fn changed(value: &Val, change: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Val> {
    match value {
        Val::Text(text) => change(text).map(Val::Text),
        Val::List(items) => {
            items.iter().map(|item| changed(item, change)).collect::<Option<_>>().map(Val::List)
        }
        _ => None,
    }
}

/// The value as a text, for `join` and `concat`.
pub(crate) fn written(value: &Val) -> Vec<u8> {
    match value {
        Val::Text(text) => text.clone(),
        Val::Number(n) => n.to_string().into_bytes(),
        Val::Bool(b) => b.to_string().into_bytes(),
        Val::Ip(ip) => ip.to_string().into_bytes(),
        Val::Double(_) | Val::Net(..) | Val::List(_) => Vec::new(),
    }
}

/// The transformer does not accept the arguments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BadArguments;
