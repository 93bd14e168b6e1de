//! `evt.rawarg.*`: a parameter with its own type.

use std::net::IpAddr;

use eyas_events::ParamType as T;
use eyas_fields::{Field, FieldType, Value};

use crate::param_names::param_index;
use crate::view::EventView;

/// The field type for a parameter type; only `exists` applies to dynamic parameters.
pub(crate) fn field_type(ty: T) -> FieldType {
    match ty {
        T::INT8 => FieldType::Int { bits: 8 },
        T::INT16 => FieldType::Int { bits: 16 },
        T::INT32 | T::FD32 | T::PID32 => FieldType::Int { bits: 32 },
        T::INT64 | T::ERRNO | T::FD | T::PID => FieldType::Int { bits: 64 },
        T::UINT8 | T::FLAGS8 | T::ENUMFLAGS8 | T::SIGTYPE | T::L4PROTO | T::SOCKFAMILY => {
            FieldType::Uint { bits: 8 }
        }
        T::UINT16 | T::FLAGS16 | T::ENUMFLAGS16 | T::SYSCALLID => FieldType::Uint { bits: 16 },
        T::UINT32 | T::FLAGS32 | T::ENUMFLAGS32 | T::MODE | T::UID | T::GID => FieldType::Uint { bits: 32 },
        T::UINT64 => FieldType::Uint { bits: 64 },
        T::CHARBUF | T::FSPATH | T::FSRELPATH => FieldType::Str,
        T::BYTEBUF => FieldType::Bytes,
        T::RELTIME => FieldType::RelTime,
        T::ABSTIME => FieldType::AbsTime,
        T::PORT => FieldType::Port,
        T::BOOL => FieldType::Bool,
        T::DOUBLE => FieldType::Double,
        T::IPV4ADDR | T::IPV6ADDR | T::IPADDR => FieldType::Ip,
        _ => FieldType::Dynamic,
    }
}

/// Extractor of `evt.rawarg`.
pub(super) fn rawarg<'v>(v: &'v EventView<'v>, field: &Field) -> Option<Value<'v>> {
    let event = v.event();
    let at = param_index(field.hint, event.ty)?;
    let bytes = event.param(at).filter(|bytes| !bytes.is_empty())?;
    let info = event.info()?.params.get(at)?;
    Some(match field_type(info.ty) {
        FieldType::Int { .. } => Value::Int(event.int(at)?),
        FieldType::Uint { .. } | FieldType::RelTime | FieldType::AbsTime | FieldType::Port => {
            Value::Uint(event.uint(at)?)
        }
        FieldType::Str => Value::Str(event.text(at)?),
        FieldType::Bool => Value::Bool(event.uint(at)? != 0),
        FieldType::Double => Value::Double(f64::from_bits(event.uint(at)?)),
        FieldType::Ip => match *bytes {
            [a, b, c, d] => Value::Ip(IpAddr::from([a, b, c, d])),
            _ => Value::Ip(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        },
        _ => Value::Bytes(bytes),
    })
}
