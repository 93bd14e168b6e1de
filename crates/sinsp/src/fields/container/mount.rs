//! Mounts of a container.

use eyas_fields::{Field, Value};
use serde_json::Value as Json;

use crate::fields::metadata::{About, about, member};
use crate::fields::row::key;
use crate::view::EventView;

/// Part of a mount.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    All,
    Source,
    Destination,
    Mode,
    Rw,
    Propagation,
}

impl Member {
    const PARTS: [Self; 5] = [Self::Source, Self::Destination, Self::Mode, Self::Rw, Self::Propagation];

    fn of(self, mount: &Json) -> String {
        match self {
            Self::All => Self::PARTS.map(|part| part.of(mount)).join(":"),
            Self::Source => member(mount, "Source").to_owned(),
            Self::Destination => member(mount, "Destination").to_owned(),
            Self::Mode => member(mount, "Mode").to_owned(),
            Self::Rw => mount.get("RW").and_then(Json::as_bool).unwrap_or(false).to_string(),
            Self::Propagation => member(mount, "Propagation").to_owned(),
        }
    }
}

fn mounts(json: &Json) -> &[Json] {
    json.get("Mounts").and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// All mounts, comma-separated.
pub(super) fn all<'v>(v: &'v EventView<'v>) -> Option<Value<'v>> {
    let text = match about(v)? {
        About::Host => String::new(),
        About::Known(json) => {
            mounts(json).iter().map(|mount| Member::All.of(mount)).collect::<Vec<_>>().join(",")
        }
        About::Unknown(_) => return None,
    };
    Some(Value::Str(v.bump().alloc_slice_copy(text.as_bytes())))
}

/// One mount, selected by number or by a pattern of its source; for the source itself, by its destination.
pub(super) fn one<'v>(v: &'v EventView<'v>, field: &Field, what: Member) -> Option<Value<'v>> {
    let About::Known(json) = about(v)? else { return None };
    let (wanted, list) = (key(field)?, mounts(json));
    let mount = match wanted.parse::<usize>() {
        Ok(index) => list.get(index),
        Err(_) => {
            let by = if what == Member::Source { "Destination" } else { "Source" };
            list.iter().find(|mount| matches(wanted.as_bytes(), member(mount, by).as_bytes()))
        }
    }?;
    Some(Value::Str(v.bump().alloc_slice_copy(what.of(mount).as_bytes())))
}

/// Whether the text matches the pattern: `*` matches any text, `?` any byte.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Position of the last star, and the length that it matches so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match (pattern.get(p), star) {
            (Some(b'*'), _) => {
                star = Some((p, t));
                p += 1;
            }
            (Some(byte), _) if *byte == b'?' || *byte == text[t] => {
                p += 1;
                t += 1;
            }
            (_, Some((at, taken))) => {
                star = Some((at, taken + 1));
                p = at + 1;
                t = taken + 1;
            }
            (_, None) => return false,
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_of_paths() {
        for (pattern, text, want) in [
            ("/proc*", "/proc", true),
            ("/proc*", "/proc/sys/kernel", true),
            ("/proc*", "/home/project", false),
            ("/", "/", true),
            ("/", "/etc", false),
            ("/var/*/x?", "/var/a/b/xy", true),
            ("/var/*/x?", "/var/a/b/x", false),
            ("*", "", true),
            ("*a*b", "aaab", true),
            ("*a*b", "aaa", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), want, "{pattern} {text}");
        }
    }
}
