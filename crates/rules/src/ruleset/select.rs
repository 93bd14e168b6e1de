//! Selection and order of the enabled rules.

use crate::rule::{Priority, Rule};

/// A selection of rules.
#[derive(Clone, Debug)]
pub enum Select {
    /// Rules whose names match a pattern, in which `*` matches anything.
    Rule(String),
    /// Rules with a tag.
    Tag(String),
    /// Rules of an event source.
    Source(String),
}

impl Select {
    /// Whether this selects the rule.
    pub fn matches(&self, rule: &Rule) -> bool {
        match self {
            Self::Rule(pattern) => wildcard(pattern, &rule.name),
            Self::Tag(tag) => rule.tags.iter().any(|t| t == tag),
            Self::Source(source) => rule.source == *source,
        }
    }
}

/// Positions of the enabled rules, in the order of testing; sets their flag `enabled`. A selection enables
/// or disables rules; a later one wins. Rules less severe than `minimum` stay disabled.
pub(super) fn order(rules: &mut [Rule], selections: &[(bool, Select)], minimum: Priority) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rules.len()).filter(|index| rules[*index].enabled).collect();
    for (on, which) in selections {
        for (index, rule) in rules.iter_mut().enumerate() {
            if !which.matches(rule) || rule.priority > minimum || rule.enabled == *on {
                continue;
            }
            rule.enabled = *on;
            order.retain(|i| *i != index);
            if *on {
                order.push(index);
            }
        }
    }
    order
}

/// Whether the name matches a pattern in which `*` matches anything: the parts are searched greedily from
/// the left.
fn wildcard(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    if !pattern.contains('*') {
        return rest.is_empty();
    }
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_any_text() {
        for (pattern, name, want) in [
            ("Read*", "Read it", true),
            ("*it", "Read it", true),
            ("R*d*t", "Read it", true),
            ("Read", "Read it", false),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(wildcard(pattern, name), want, "{pattern} {name}");
        }
    }
}
