//! Requirements of files: a version of the engine, and plugins.

use super::super::decode::{Decoded, Scalar, integer, invalid, required_scalar};
use super::super::definitions::Tables;
use super::super::result::Context;
use super::super::yaml::{Kind, Node};
use super::wrong;

/// Engine version that the rules language here corresponds to.
const ENGINE: [u64; 3] = [0, 62, 0];
/// Falco's name for an alternative of a required plugin.
const ALTERNATIVE: &str = "required plugin versions alternative";

/// Parses three numbers separated by dots; ignores the rest.
pub(crate) fn version(text: &str) -> Option<[u64; 3]> {
    let mut rest = text;
    let mut parts = [0; 3];
    for (at, part) in parts.iter_mut().enumerate() {
        rest = if at == 0 { rest } else { rest.strip_prefix('.')? };
        let len = rest.bytes().take_while(u8::is_ascii_digit).count();
        *part = rest[..len].parse::<u32>().ok()?.into();
        rest = &rest[len..];
    }
    Some(parts)
}

impl Tables {
    pub(super) fn plugin_versions(&mut self, item: &Node, file: &Context) -> Decoded<()> {
        let Some(node) = item.get("required_plugin_versions") else { return Ok(()) };
        let context = file.at("required plugin versions", "", node.at);
        let Kind::Seq(entries) = &node.kind else {
            return Err(invalid("Value of required_plugin_versions must be a sequence", &context)
                .titled("`required_plugin_versions` must be a sequence")
                .note(node.at.place, "")
                .help(["write a line `- name: …` with `version: x.y.z` below it for each".to_owned()]));
        };
        for entry in entries {
            let unnamed = context.at("required plugin versions entry", "", entry.at);
            let first = requirement(entry, &unnamed, &context, "required plugin versions entry")?;
            let here = context.at("required plugin versions entry", &first.name.text, entry.at);
            let mut group = vec![first];
            match entry.get("alternatives").map(|node| (node, &node.kind)) {
                None => {}
                Some((_, Kind::Seq(alternatives))) => {
                    for alternative in alternatives {
                        let unnamed = here.at(ALTERNATIVE, "", alternative.at);
                        group.push(requirement(alternative, &unnamed, &here, ALTERNATIVE)?);
                    }
                }
                Some((node, _)) => {
                    let message = "Value of plugin version alternatives must be a sequence";
                    return Err(invalid(message, &here)
                        .titled("`alternatives` must be a sequence")
                        .note(node.at.place, ""));
                }
            }
            for (at, wanted) in group.iter().enumerate() {
                let Requirement { name, version: text } = wanted;
                if version(&text.text).is_none() {
                    let message =
                        format!("Invalid required version '{}' for plugin '{}'", text.text, name.text);
                    return Err(wrong(message, &here)
                        .titled(format!("`{}` is not a version", text.text))
                        .note(text.at.place, "expected x.y.z"));
                }
                if group[..at].iter().any(|other| other.name.text == name.text) {
                    let message = format!(
                        "Defined multiple alternative version requirements for plugin '{}'",
                        name.text
                    );
                    return Err(wrong(message, &here)
                        .titled(format!("the plugin `{}` is named twice in one requirement", name.text))
                        .note(name.at.place, "again here"));
                }
            }
            self.plugins.push(group.into_iter().map(|one| (one.name.text, one.version.text)).collect());
        }
        Ok(())
    }

    pub(super) fn engine_version(&mut self, item: &Node, file: &Context) -> Decoded<()> {
        let context = file.at("required_engine_version", "", item.at);
        let Scalar { text, at } = required_scalar(item, "required_engine_version", &context)?;
        let wanted = match integer(&text) {
            Some(minor) => [0, minor.into(), 0],
            None => version(&text).ok_or_else(|| {
                let message = format!(
                    "Unable to parse engine version '{text}' as a semver string. Expected \"x.y.z\" semver format."
                );
                invalid(message, &context)
                    .titled(format!("`{text}` is not an engine version"))
                    .note(at.place, "expected a number or x.y.z")
            })?,
        };
        if wanted[0] != ENGINE[0] || wanted > ENGINE {
            let [a, b, c] = wanted;
            let [x, y, z] = ENGINE;
            let message =
                format!("Rules require engine version {a}.{b}.{c}, but engine version is {x}.{y}.{z}");
            return Err(wrong(message, &context)
                .titled(format!("the rules require engine version {a}.{b}.{c}; this is {x}.{y}.{z}"))
                .note(at.place, "required here"));
        }
        self.engine = self.engine.max(wanted);
        Ok(())
    }
}

/// A plugin that a file requires.
struct Requirement {
    name: Scalar,
    version: Scalar,
}

/// `unnamed` is the context until the name is known; then the context is the item in `outer`.
fn requirement(node: &Node, unnamed: &Context, outer: &Context, kind: &'static str) -> Decoded<Requirement> {
    if !matches!(node.kind, Kind::Map(_)) {
        let message = match kind {
            ALTERNATIVE => "Plugin version alternative must be a mapping",
            _ => "Plugin version must be a mapping",
        };
        return Err(invalid(message, unnamed)
            .titled("a required plugin must be a mapping")
            .note(node.at.place, "")
            .help(["write `name: …` with `version: x.y.z` below it".to_owned()]));
    }
    let name = required_scalar(node, "name", unnamed)?;
    let version = required_scalar(node, "version", &outer.at(kind, &name.text, node.at))?;
    Ok(Requirement { name, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_three_numbers() {
        for (text, want) in [
            ("0.62.0", Some([0, 62, 0])),
            ("1.2.3-rc1", Some([1, 2, 3])),
            ("0.10", None),
            ("0.10.", None),
            ("10", None),
            ("v1.2.3", None),
            ("1.2.99999999999", None),
        ] {
            assert_eq!(version(text), want, "{text}");
        }
    }
}
