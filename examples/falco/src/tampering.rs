//! Reaction to manipulation of the probe by other programs.

use std::collections::BTreeMap;

use eyas::rules::Priority;

use crate::internal::Internal;
use crate::log::{self, Level, RateLimit};

/// Reports each kind of manipulation at once, and then once a minute with its count.
#[derive(Default)]
pub struct Tampering {
    known: BTreeMap<String, RateLimit>,
}

impl Tampering {
    /// Creates alerts about the current findings, and logs them.
    pub fn check(&mut self, found: Vec<String>) -> Vec<Internal> {
        let alerts = found.into_iter().filter_map(|what| {
            let times = self.known.entry(what.clone()).or_default().record()?;
            let message = format!("Falco internal: probe tampering. Events may be missing: {what}.");
            log::log(Level::Error, &message);
            Some(Internal {
                rule: "probe tampering",
                priority: Priority::Critical,
                message,
                fields: [("times".to_owned(), times.into()), ("what".to_owned(), what.into())].into(),
            })
        });
        alerts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_tampering_is_reported_at_once_and_then_once_a_minute() {
        let mut tampering = Tampering::default();
        let found = |tampering: &mut Tampering, what: &[&str]| {
            tampering.check(what.iter().map(|what| (*what).to_owned()).collect()).len()
        };
        assert_eq!(found(&mut tampering, &[]), 0);
        assert_eq!(found(&mut tampering, &["one"]), 1);
        assert_eq!(found(&mut tampering, &["one", "two"]), 1);
        let alert = &Tampering::default().check(vec!["the probe is gone".into()])[0];
        assert_eq!(
            alert.message,
            "Falco internal: probe tampering. Events may be missing: the probe is gone."
        );
        assert_eq!(alert.fields["times"], 1);
    }
}
