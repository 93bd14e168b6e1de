//! Errors of plugins, with their messages.

use std::fmt;

/// An error of a plugin. The text comes from the plugin, or names the plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginError(Box<str>);

impl PluginError {
    /// Creates an error with this text.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PluginError {}

impl From<String> for PluginError {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for PluginError {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}
