//! Selection of rules, and additions to their output.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::shape::Shape::{self, Bool, List, Section, Text, TextOrPair};
use super::shape::{TEXTS, choice};

choice! {
    /// `rule_matching`: how many rules an event may match.
    RuleMatching {
        /// Only the first matching rule.
        First = "first",
        /// Any number.
        All = "all",
    }
}

/// An entry of `rules:`; it has one of the two keys.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Selection {
    /// Switch on.
    pub enable: Option<Selector>,
    /// Switch off.
    pub disable: Option<Selector>,
}

const SELECTOR: Shape = Section(&[("rule", Text), ("tag", Text)]);

/// Keys of `rules`.
pub const RULES: Shape = List(&Section(&[("enable", SELECTOR), ("disable", SELECTOR)]));

impl Selection {
    /// Warning about the entry with this number, of which one half has no effect.
    pub fn warning(&self, index: usize) -> Option<String> {
        (self.enable.is_some() && self.disable.is_some())
            .then(|| format!("rules[{index}].disable has no effect beside enable: write two entries"))
    }

    /// Whether the entry enables or disables, and which rules.
    ///
    /// # Errors
    /// The entry has neither key, or selects no rule.
    pub fn get(&self) -> Result<(bool, &Selector)> {
        let chosen = match (&self.enable, &self.disable) {
            (Some(on), _) => Some((true, on)),
            (None, off) => off.as_ref().map(|off| (false, off)),
        };
        chosen
            .filter(|(_, which)| which.rule.is_some() || which.tag.is_some())
            .context("expected `enable` or `disable` with a `rule` or a `tag`")
    }
}

/// Selector of an entry of `rules:`: rules with this name or with this tag.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Selector {
    /// Name, with `*`.
    pub rule: Option<String>,
    /// Tag.
    pub tag: Option<String>,
}

/// An entry of `append_output:`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Append {
    /// Selects rules.
    #[serde(rename = "match")]
    pub matching: AppendMatch,
    /// Text with fields.
    pub extra_output: String,
    /// Names, or `{name: format}`, that are added only to `output_fields`.
    pub extra_fields: Vec<ExtraField>,
    /// Adds the fields that the source suggests.
    pub suggested_output: bool,
}

impl Append {
    /// # Errors
    /// Two of the extra fields have one name, and one of them has a format. Falco refuses that, too.
    fn check(&self) -> Result<()> {
        let mut formats = BTreeMap::new();
        for field in &self.extra_fields {
            let (name, is_formatted) = match field {
                ExtraField::Name(name) => (name, false),
                ExtraField::Formatted(map) => match map.keys().next() {
                    Some(name) => (name, true),
                    None => continue,
                },
            };
            match formats.insert(name, is_formatted) {
                Some(before) if before || is_formatted => {
                    bail!("extra_fields has `{name}` twice: a name in output_fields has one value")
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks the entries of `append_output`.
    ///
    /// # Errors
    /// An entry contradicts itself.
    pub fn check_all(entries: &[Self]) -> Result<()> {
        for (index, entry) in entries.iter().enumerate() {
            entry.check().with_context(|| format!("append_output[{index}]"))?;
        }
        Ok(())
    }

    /// Warning about a probable mistake, with Falco's text.
    pub fn warning(&self) -> Option<String> {
        let rule = self.matching.rule.as_deref().filter(|rule| !rule.is_empty())?;
        if self.matching.tags.is_empty() {
            return None;
        }
        let tags = self.matching.tags.join(", ");
        Some(format!(
            "An append_output entry specifies both a rule ({rule}) and a list of tags ({tags}). This means that output will be \
             appended only to the {rule} rule and only if it has all the tags: {tags}."
        ))
    }
}

/// Keys of `append_output`.
pub const APPEND: Shape = List(&Section(&[
    ("match", Section(&[("rule", Text), ("source", Text), ("tags", TEXTS)])),
    ("extra_output", Text),
    ("extra_fields", List(&TextOrPair)),
    ("suggested_output", Bool),
]));

/// `match:` of [`Append`]. A key that is not given matches everything.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct AppendMatch {
    /// Exact name.
    pub rule: Option<String>,
    /// Event source.
    pub source: Option<String>,
    /// Tags that the rule must all have.
    pub tags: Vec<String>,
}

/// An entry of `extra_fields:`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum ExtraField {
    /// A field, typed.
    Name(String),
    /// Key and format.
    Formatted(BTreeMap<String, String>),
}
