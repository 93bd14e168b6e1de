//! Finds parts of the configuration that are about rules which do not exist.

use eyas::rules::{Rule, Select, nearest};

use crate::config::Config;

/// Warnings about the entries of `rules` and `append_output` that are about none of these rules, which are
/// of these event sources.
pub fn warnings<'a>(
    config: &Config,
    rules: impl Iterator<Item = &'a Rule> + Clone,
    sources: &[&str],
) -> Vec<String> {
    let names = || rules.clone().map(|rule| rule.name.as_str());
    let tags = || rules.clone().flat_map(|rule| rule.tags.iter().map(String::as_str));
    let mut warnings = Vec::new();
    for (index, selection) in config.rules.iter().enumerate() {
        let Ok((on, which)) = selection.get() else { continue };
        let key = if on { "enable" } else { "disable" };
        let is_missing = |select: Select| !rules.clone().any(|rule| select.matches(rule));
        if let Some(name) = which.rule.as_ref().filter(|name| is_missing(Select::Rule((*name).clone()))) {
            warnings.push(no_rule(&format!("rules[{index}].{key}.rule"), name, hint(name, names())));
        }
        if let Some(tag) = which.tag.as_ref().filter(|tag| is_missing(Select::Tag((*tag).clone()))) {
            let hint = hint(tag, tags());
            warnings.push(format!(
                "rules[{index}].{key}.tag has no effect: no loaded rule has the tag `{tag}`{hint}"
            ));
        }
    }
    for (index, append) in config.append_output.iter().enumerate() {
        let (at, matching) = (format!("append_output[{index}].match"), &append.matching);
        if let Some(name) = matching.rule.as_ref().filter(|name| !names().any(|known| known == *name)) {
            warnings.push(no_rule(&format!("{at}.rule"), name, hint(name, names())));
        }
        if let Some(source) = matching.source.as_ref().filter(|source| !sources.contains(&source.as_str())) {
            let hint = hint(source, sources.iter().copied());
            warnings.push(format!("{at}.source has no effect: no event source is called `{source}`{hint}"));
        }
        if !matching.tags.is_empty()
            && !rules.clone().any(|rule| matching.tags.iter().all(|tag| rule.tags.contains(tag)))
        {
            let tags = matching.tags.join("`, `");
            warnings.push(format!("{at}.tags has no effect: no loaded rule has the tags `{tags}`"));
        }
    }
    warnings
}

fn no_rule(at: &str, name: &str, hint: String) -> String {
    format!("{at} has no effect: no loaded rule is named `{name}`{hint}")
}

fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}
