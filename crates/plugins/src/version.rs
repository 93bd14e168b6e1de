//! Compatibility of versions.

use eyas_sinsp::plugin::{PluginError, Version};

/// The version of Falco's event schema for live captures of system calls.
pub const EVENT_SCHEMA: Version = Version([4, 5, 1]);
/// The event schema version of a plugin that declares none.
const FIRST_EVENT_SCHEMA: &str = "3.0.0";

/// Which part of `have` makes it incompatible with `required`: 0 for the major number. `None` if it is
/// compatible.
fn mismatch(have: Version, required: Version) -> Option<usize> {
    let (have, required) = (have.0, required.0);
    if have[0] != required[0] {
        Some(0)
    } else if have[1] < required[1] {
        Some(1)
    } else {
        (have[1] == required[1] && have[2] < required[2]).then_some(2)
    }
}

/// Checks the interface version that a plugin needs.
///
/// # Errors
/// The versions are incompatible. The message has Falco's text.
pub(crate) fn check_api(have: Version, required: Version) -> Result<(), &'static str> {
    match mismatch(have, required) {
        None => Ok(()),
        Some(0) => Err("major versions disagree"),
        Some(1) => Err("framework's minor is less than the requested one"),
        Some(_) => Err("framework's patch is less than the requested one"),
    }
}

/// Checks the event schema version that a plugin was built for.
///
/// # Errors
/// The versions are incompatible. The message has Falco's text.
pub(crate) fn check_events(plugin: &str, in_use: Version, required: Option<&str>) -> Result<(), PluginError> {
    let text = required.unwrap_or(FIRST_EVENT_SCHEMA);
    let Ok(required) = text.parse::<Version>() else {
        let error = format!("plugin {plugin} provided an invalid required event schema version: '{text}'");
        return Err(error.into());
    };
    let reason = match mismatch(in_use, required) {
        None => return Ok(()),
        Some(0) => "major versions disagree",
        Some(1) => "minor version is less than the requested one",
        Some(_) => "patch version is less than the requested one",
    };
    Err(format!(
        "plugin {plugin} required event schema version '{required}' not compatible with the event schema version in use \
         '{in_use}': {reason}"
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::API_VERSION;

    #[test]
    fn a_host_accepts_the_same_major_version_and_no_newer_one() {
        let check = |text: &str| check_api(API_VERSION, text.parse().unwrap());
        for text in ["3.12.0", "3.0.0", "3.11.99"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        assert_eq!(check("2.0.0"), Err("major versions disagree"));
        assert_eq!(check("4.0.0"), Err("major versions disagree"));
        assert_eq!(check("3.13.0"), Err("framework's minor is less than the requested one"));
        assert_eq!(check("3.12.1"), Err("framework's patch is less than the requested one"));
    }

    #[test]
    fn event_schemas_are_compared_the_same_way() {
        let check =
            |in_use, required| check_events("p", Version(in_use), required).map_err(|e| e.to_string());
        assert_eq!(check([3, 69, 0], Some("3.69.0")), Ok(()));
        assert_eq!(check([3, 0, 0], None), Ok(()));
        let error = |required: &str, in_use: &str, reason: &str| {
            Err(format!(
                "plugin p required event schema version '{required}' not compatible with the event schema version in \
                 use '{in_use}': {reason}"
            ))
        };
        assert_eq!(check([3, 0, 0], Some("4.0.0")), error("4.0.0", "3.0.0", "major versions disagree"));
        assert_eq!(check([4, 5, 1], None), error("3.0.0", "4.5.1", "major versions disagree"));
        let reason = "minor version is less than the requested one";
        assert_eq!(check([3, 0, 0], Some("3.1.0")), error("3.1.0", "3.0.0", reason));
        let reason = "patch version is less than the requested one";
        assert_eq!(check([3, 0, 0], Some("3.0.1")), error("3.0.1", "3.0.0", reason));
        let invalid = "plugin p provided an invalid required event schema version: 'invalid.version'";
        assert_eq!(check([3, 0, 0], Some("invalid.version")), Err(invalid.to_owned()));
    }
}
