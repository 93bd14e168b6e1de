use std::path::PathBuf;

use clap::Args;

/// Plugins, and what they are given.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Plugins")]
pub struct PluginArgs {
    /// Load a plugin, by its name or its file, with its configuration after a colon; may be repeated
    #[arg(short = 'H', long = "plugin", value_name = "PLUGIN[:CONFIG]")]
    pub plugins: Vec<String>,

    /// Show the events of a plugin, which is opened with the parameters after the colon. -Il lists plugins
    #[arg(short = 'I', long = "input", value_name = "PLUGIN[:PARAMETERS]")]
    pub input: Vec<String>,

    /// List the plugins that are installed and built in, and exit
    #[arg(long = "list-inputs", hide = true)]
    pub list_inputs: bool,

    /// Describe a plugin, how it is configured, and what it may be opened with, and exit
    #[arg(long = "plugin-info", value_name = "PLUGIN")]
    pub plugin_info: Option<String>,

    /// Load the plugins that `plugins` and `load_plugins` of this configuration of Falco name
    #[arg(long = "plugin-config-file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,

    /// Also load plugin files that users other than their owner and root can change
    #[arg(long = "plugins-allow-writable")]
    pub allow_writable: bool,
}
