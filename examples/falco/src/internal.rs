//! Alerts about the program itself: `Falco internal: …`.

use std::collections::BTreeMap;

use eyas::rules::Priority;
use jiff::Zoned;
use serde_json::{Value, json};

use crate::clock;

/// Keys and values of an internal alert, in printing order.
pub type Fields = BTreeMap<String, Value>;

/// An alert about the program itself.
#[derive(Clone, Debug)]
pub struct Internal {
    /// Text in place of the rule name, without `Falco internal: `.
    pub rule: &'static str,
    /// Priority of the alert.
    pub priority: Priority,
    /// The sentence.
    pub message: String,
    /// Details.
    pub fields: Fields,
}

impl Internal {
    /// The text of this alert, with the time `now`.
    pub fn line(&self, now: &Zoned, as_json: bool, hostname: &str) -> String {
        let Self { rule, priority, message, fields } = self;
        if as_json {
            let time = clock::utc(now.timestamp());
            return json!({
                "hostname": hostname,
                "output": message,
                "output_fields": fields,
                "priority": priority.name(),
                "rule": format!("Falco internal: {rule}"),
                "source": "internal",
                "time": time,
            })
            .to_string();
        }
        let time = now.strftime("%H:%M:%S.%9f");
        let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("{time}: {} {message} ({})", priority.name(), fields.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_internal_alert_reads_as_falcos() {
        let alert = Internal {
            rule: "a thing",
            priority: Priority::Critical,
            message: "It happened".into(),
            fields: [("n".to_owned(), json!(1)), ("a.text".to_owned(), json!("x\n"))].into(),
        };
        let now = "2024-05-06T07:08:09.000000123+00:00[UTC]".parse().unwrap();
        assert_eq!(
            alert.line(&now, false, "vm"),
            r#"07:08:09.000000123: Critical It happened (a.text="x\n" n=1)"#
        );
        assert_eq!(
            alert.line(&now, true, "vm"),
            r#"{"hostname":"vm","output":"It happened","output_fields":{"a.text":"x\n","n":1},"priority":"Critical","rule":"Falco internal: a thing","source":"internal","time":"2024-05-06T07:08:09.000000123Z"}"#
        );
    }
}
