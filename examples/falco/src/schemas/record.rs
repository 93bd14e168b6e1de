//! Parses the record of an alert.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Contents of an alert.
#[derive(Debug, Deserialize)]
pub struct Record {
    /// Time of the event.
    pub time: Timestamp,
    /// The rule's name.
    pub rule: String,
    /// Priority in Falco's spelling, such as `Warning`.
    pub priority: String,
    /// Time, priority and message in one line.
    #[serde(default)]
    pub output: String,
    /// Only the message; internal alerts have it in `output`.
    #[serde(default)]
    message: Option<String>,
    /// Event source, such as `syscall`.
    pub source: String,
    /// The machine.
    #[serde(default)]
    pub hostname: String,
    /// The rule's tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The fields of the rule's output, with their values.
    #[serde(default, rename = "output_fields")]
    pub fields: Map<String, Value>,
}

/// The two ends of a connection.
#[derive(Debug, PartialEq, Eq)]
pub struct Connection {
    pub client: Option<(IpAddr, u16)>,
    pub server: Option<(IpAddr, u16)>,
}

impl Record {
    /// Parses a record; `None` if it is invalid.
    pub fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// The message of the alert.
    pub fn message(&self) -> &str {
        self.message.as_deref().unwrap_or(&self.output)
    }

    /// A field as text, unless it is absent, empty or `<NA>`.
    pub fn text(&self, field: &str) -> Option<String> {
        match self.fields.get(field)? {
            Value::String(text) if text.is_empty() || text == "<NA>" => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(is) => Some(is.to_string()),
            _ => None,
        }
    }

    /// A field as a number of at least 0.
    pub fn number(&self, field: &str) -> Option<u64> {
        match self.fields.get(field)? {
            Value::String(text) => text.parse().ok(),
            value => value.as_u64(),
        }
    }

    /// Path of the event's file.
    pub fn path(&self) -> Option<String> {
        ["fs.path.name", "fd.name", "evt.arg.path", "evt.arg.pathname", "evt.arg.name"]
            .into_iter()
            .find_map(|field| self.text(field).filter(|path| path.starts_with('/')))
    }

    /// The event's connection, from `fd.cip`, `fd.sip` and their ports, or from a name like
    /// `10.0.0.1:4711->10.0.0.2:80`.
    pub fn connection(&self) -> Option<Connection> {
        let end = |ip: &str, port: &str| {
            let ip = self.text(ip)?.parse().ok()?;
            Some((ip, self.number(port).and_then(|port| u16::try_from(port).ok()).unwrap_or(0)))
        };
        let (client, server) = (end("fd.cip", "fd.cport"), end("fd.sip", "fd.sport"));
        if client.is_some() || server.is_some() {
            return Some(Connection { client, server });
        }
        let name = self.text("fd.name")?;
        let (client, server) = name.split_once("->")?;
        Some(Connection { client: Some(address(client)?), server: Some(address(server)?) })
    }
}

/// Parses an address in the format of socket names, such as `1.2.3.4:80` or `::1:80`.
fn address(text: &str) -> Option<(IpAddr, u16)> {
    let (ip, port) = text.rsplit_once(':')?;
    Some((ip.parse().ok()?, port.parse().ok()?))
}
