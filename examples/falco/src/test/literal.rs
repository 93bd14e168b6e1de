//! Parses event parameters from test files.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use eyas::events::{ParamDetail, ParamInfo, ParamType};
use eyas::sinsp::{error_result, signal_number};
use serde_json::Value;

/// A parameter's bytes.
pub fn bytes(param: &ParamInfo, value: &Value) -> Result<Vec<u8>> {
    use ParamType as T;
    if let Some(hex) = value.get("hex").and_then(Value::as_str) {
        return hex_bytes(hex);
    }
    let text = value.as_str();
    Ok(match (param.ty, text) {
        (T::CHARBUF | T::FSPATH | T::FSRELPATH, Some(text)) => [text.as_bytes(), b"\0"].concat(),
        (T::BYTEBUF, Some(text)) => text.as_bytes().to_vec(),
        (T::BYTEBUF | T::CHARBUFARRAY | T::CHARBUF_PAIR_ARRAY, None) => texts(value)?,
        (T::SOCKADDR, Some(text)) => address(text)?,
        (T::SOCKTUPLE, Some(text)) => pair(text)?,
        (ty, _) => match ty.size() {
            Some(size) if size <= 8 => number(param, value)?.to_le_bytes()[..size].to_vec(),
            _ => bail!("a value of type {} is written as {{hex: ...}}", ty.name()),
        },
    })
}

fn number(param: &ParamInfo, value: &Value) -> Result<i64> {
    let text = match value {
        Value::Number(n) => {
            let number = n.as_i64().or_else(|| n.as_u64().map(|n| n as i64));
            return number.ok_or_else(|| anyhow::anyhow!("{n} is not a whole number of 64 bits"));
        }
        Value::Bool(b) => return Ok(i64::from(*b)),
        Value::String(text) => text,
        other => bail!("{other} is not a number"),
    };
    match (param.ty, param.detail) {
        (ParamType::SIGTYPE, _) if signal_number(text).is_some() => {
            return Ok(signal_number(text).unwrap_or_default().into());
        }
        (_, ParamDetail::Flags(table)) => {
            let mut all = 0;
            for name in text.split('|').map(str::trim) {
                match table.entries.iter().find(|(known, _)| *known == name) {
                    Some((_, value)) => all |= i64::from(*value),
                    None => {
                        let known: Vec<&str> = table.entries.iter().map(|(name, _)| *name).collect();
                        bail!("`{name}` is not one of {}", known.join(", "));
                    }
                }
            }
            return Ok(all);
        }
        _ => {}
    }
    if let Some(result) = error_result(text) {
        return Ok(result);
    }
    let digits = text.strip_prefix("0x").map(|hex| i64::from_str_radix(hex, 16));
    digits.unwrap_or_else(|| text.parse()).map_err(|_| anyhow::anyhow!("`{text}` is not a number"))
}

/// Texts with a NUL after each.
fn texts(value: &Value) -> Result<Vec<u8>> {
    let Some(items) = value.as_array() else { bail!("{value} is not a list of texts") };
    let mut out = Vec::new();
    for item in items {
        match item.as_str() {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => out.extend_from_slice(item.to_string().as_bytes()),
        }
        out.push(0);
    }
    Ok(out)
}

fn hex_bytes(text: &str) -> Result<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        bail!("`{text}` is not an even number of hexadecimal digits");
    }
    Ok((0..text.len() / 2).filter_map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()).collect())
}

fn socket(text: &str) -> Result<SocketAddr> {
    text.parse()
        .map_err(|_| anyhow::anyhow!("`{text}` is not an address, as 10.0.0.1:80, [::1]:80 or unix:/path"))
}

fn end(out: &mut Vec<u8>, end: SocketAddr) {
    match end {
        SocketAddr::V4(end) => out.extend_from_slice(&end.ip().octets()),
        SocketAddr::V6(end) => out.extend_from_slice(&end.ip().octets()),
    }
    out.extend_from_slice(&end.port().to_le_bytes());
}

fn family(end: SocketAddr) -> u8 {
    if end.is_ipv4() { 2 } else { 10 }
}

fn address(text: &str) -> Result<Vec<u8>> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Ok([b"\x01", path.as_bytes(), b"\0"].concat());
    }
    let one = socket(text)?;
    let mut out = vec![family(one)];
    end(&mut out, one);
    Ok(out)
}

/// The two ends of a connection.
pub fn ends(text: &str) -> Option<Result<(SocketAddr, SocketAddr)>> {
    let (from, to) = text.split_once("->")?;
    Some(socket(from).and_then(|from| Ok((from, socket(to)?))))
}

fn pair(text: &str) -> Result<Vec<u8>> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Ok([&[1][..], &[0; 16], path.as_bytes(), b"\0"].concat());
    }
    let Some(both) = ends(text) else { bail!("`{text}` is not a connection, as 10.0.0.1:4000->10.0.0.2:80") };
    let (from, to) = both?;
    if family(from) != family(to) {
        bail!("`{text}`: one end is IPv4, the other IPv6");
    }
    let mut out = vec![family(from)];
    end(&mut out, from);
    end(&mut out, to);
    Ok(out)
}
