//! Versions of this program, and of what it is compatible with.

/// Falco's version whose interface this is, built by eyas of its own.
pub const FALCO: &str = concat!("0.44.1+eyas.", env!("CARGO_PKG_VERSION"));

/// Of the rules language.
const ENGINE: &str = "0.62.0";

/// What people are told.
pub fn as_text() -> String {
    format!("falco (eyas) {}\nEngine: {ENGINE}\n", env!("CARGO_PKG_VERSION"))
}

/// All of them as JSON, with the keys that Falco has.
pub fn as_json() -> String {
    serde_json::json!({
        "default_driver_version": "10.2.0+driver",
        "driver_api_version": "10.1.0",
        "driver_schema_version": "4.5.1",
        "engine_version": "62",
        "engine_version_semver": ENGINE,
        "falco_version": FALCO,
        "libs_version": "0.25.4",
        "plugin_api_version": "3.12.0",
    })
    .to_string()
}
