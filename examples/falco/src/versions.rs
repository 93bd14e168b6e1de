//! Versions of this program, and of the software that it is compatible with.

use serde_json::{Value, json};

/// The compatible version of Falco, with the version of eyas.
pub const FALCO: &str = concat!("0.44.1+eyas.", env!("CARGO_PKG_VERSION"));

/// Only the version number.
const COMPATIBLE: &str = "0.44.1";

/// Version of the rules language.
pub const ENGINE: &str = "0.62.0";
/// Falco's checksum of fields and events for that version.
#[cfg(feature = "grpc")]
pub const ENGINE_CHECKSUM: &str = "ba6f1ac74018c623135c49f7da1cca6243c99a58d53f4dec983ddf3919304518";
const LIBS: &str = "0.25.4";
const PLUGIN_API: &str = "3.12.0";
const DRIVER_API: &str = "10.1.0";
const DRIVER_SCHEMA: &str = "4.5.1";
const DRIVER: &str = "10.2.0+driver";

/// Falco's version and the machine type, for the beginning of the log.
pub fn falco() -> String {
    format!("Falco version: {FALCO} ({})", std::env::consts::ARCH)
}

/// The running kernel.
pub fn system() -> String {
    let system = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    format!(
        "{} version {} ({}) {}",
        text(system.sysname()),
        text(system.release()),
        text(system.machine()),
        text(system.version())
    )
}

/// All versions as lines, in Falco's format.
pub fn as_text() -> String {
    format!(
        "Falco version: {COMPATIBLE}\nLibs version:  {LIBS}\nPlugin API:    {PLUGIN_API}\nEngine:        {ENGINE}\nDriver:\n  API version:    \
         {DRIVER_API}\n  Schema version: {DRIVER_SCHEMA}\n  Default driver: {DRIVER}\neyas version:  {}\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// All versions as JSON, with Falco's keys.
pub fn as_json() -> Value {
    json!({
        "default_driver_version": DRIVER,
        "driver_api_version": DRIVER_API,
        "driver_schema_version": DRIVER_SCHEMA,
        "engine_version": "62",
        "engine_version_semver": ENGINE,
        "falco_version": FALCO,
        "libs_version": LIBS,
        "plugin_api_version": PLUGIN_API,
    })
}
