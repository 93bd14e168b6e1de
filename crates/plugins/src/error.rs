use std::path::PathBuf;

use eyas_sinsp::plugin::Version;

/// The version of the plugin interface that this crate implements.
pub const API_VERSION: Version = Version([3, 12, 0]);

/// Why a file is no plugin that this host can use. The texts are Falco's where Falco has the same check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The dynamic linker refuses it.
    #[error("can't load plugin dynamic library: {0}")]
    Library(String),
    /// Others than the owner and root can change the file, or replace it.
    #[error(
        "{} can be changed by others than its owner and root (mode {mode:03o}): remove their write permission, or set \
         plugins_allow_writable: true",
        path.display()
    )]
    Writable {
        /// The file, or a directory that it is in.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is not a plugin.
    #[error("plugin_get_required_api_version symbol not implemented")]
    NoApiVersion,
    /// The version of the interface is not one.
    #[error("plugin provided an invalid required API version: '{0}'")]
    InvalidApiVersion(String),
    /// The plugin needs an interface that this host does not have.
    #[error(
        "plugin required API version '{required}' not compatible with the framework's API version '{API_VERSION}': \
         {reason}"
    )]
    IncompatibleApi {
        /// What the plugin needs.
        required: Version,
        /// Which number does not fit.
        reason: &'static str,
    },
    /// A function that every plugin has is missing.
    #[error("required symbol not implemented: '{0}'")]
    MissingSymbol(&'static str),
    /// The plugin's version is not one.
    #[error("plugin provided an invalid version string: '{0}'")]
    InvalidVersion(String),
    /// Functions that belong together are not all there.
    #[error("broken plugin capabilities: {}", .0.join(", "))]
    Capabilities(Vec<&'static str>),
    /// The plugin can do nothing.
    #[error("plugin does not implement any capability")]
    NoCapability,
    /// The source of the kernel's events.
    #[error("plugin can't implement the reserved event source 'syscall'")]
    ReservedSource,
    /// What the plugin says of its fields, sources or events is not understood.
    #[error("error in plugin {plugin}: {reason}")]
    Declaration {
        /// Name of the plugin.
        plugin: String,
        /// What is wrong.
        reason: String,
    },
}

/// A file that could not be loaded, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("cannot load plugin {}: {reason}", path.display())]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: LoadError,
}
