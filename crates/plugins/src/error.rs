use std::path::{Path, PathBuf};

use eyas_fields::path_text;
use eyas_sinsp::plugin::Version;

/// The version of the plugin interface that this crate implements.
pub const API_VERSION: Version = Version([3, 12, 0]);

/// A path for messages.
pub(crate) fn shown(path: &Path) -> String {
    path_text(path.as_os_str().as_encoded_bytes())
}

/// Why this host cannot use a file as a plugin. The messages have Falco's text where Falco has the same
/// check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The dynamic linker refuses the file.
    #[error("can't load plugin dynamic library: {0}")]
    Library(String),
    /// Other users than the owner and root can change or replace the file.
    #[error(
        "{} can be changed by others than its owner and root (mode {mode:03o}): remove their write permission, or set \
         plugins_allow_writable: true",
        shown(path)
    )]
    Writable {
        /// The file, or a directory above it.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file is not a plugin.
    #[error("plugin_get_required_api_version symbol not implemented")]
    NoApiVersion,
    /// The text for the interface version is not a version.
    #[error("plugin provided an invalid required API version: '{0}'")]
    InvalidApiVersion(String),
    /// The plugin needs an interface version that this host does not support.
    #[error(
        "plugin required API version '{required}' not compatible with the framework's API version '{API_VERSION}': \
         {reason}"
    )]
    IncompatibleApi {
        /// The version that the plugin needs.
        required: Version,
        /// Which part of the version is incompatible.
        reason: &'static str,
    },
    /// A mandatory function is missing.
    #[error("required symbol not implemented: '{0}'")]
    MissingSymbol(&'static str),
    /// The text for the plugin's version is not a version.
    #[error("plugin provided an invalid version string: '{0}'")]
    InvalidVersion(String),
    /// A capability needs several functions, and some are missing.
    #[error("broken plugin capabilities: {}", .0.join(", "))]
    Capabilities(Vec<&'static str>),
    /// The plugin has no capability.
    #[error("plugin does not implement any capability")]
    NoCapability,
    /// The plugin uses the name of the source for kernel events.
    #[error("plugin can't implement the reserved event source 'syscall'")]
    ReservedSource,
    /// The plugin's declaration of its fields, sources or events is invalid.
    #[error("error in plugin {plugin}: {reason}")]
    Declaration {
        /// Name of the plugin.
        plugin: String,
        /// The error.
        reason: String,
    },
}

/// A file that could not be loaded, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("cannot load plugin {}: {reason}", shown(path))]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub reason: LoadError,
}
