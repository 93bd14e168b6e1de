use std::fmt::Write;

use eyas::sinsp::plugin::{OpenParam, PluginInfo};

/// Description of a plugin, in Falco's format.
pub fn block(info: &PluginInfo) -> String {
    let mut text = format!(
        "Name: {}\nDescription: {}\nContact: {}\nVersion: {}\nCapabilities: \n",
        info.name, info.description, info.contact, info.version
    );
    let capabilities = info.capabilities;
    if capabilities.sourcing {
        // Writing to a string cannot fail.
        let _ = match &info.source {
            Some(own) => writeln!(text, "  - Event Sourcing (ID={}, source='{}')", own.id, own.name),
            None => writeln!(text, "  - Event Sourcing (system events)"),
        };
    }
    for (is_there, name) in [
        (capabilities.extraction, "Field Extraction"),
        (capabilities.parsing, "Event Parsing"),
        (capabilities.async_events, "Async Events"),
    ] {
        if is_there {
            let _ = writeln!(text, "  - {name}");
        }
    }
    text
}

/// Description of a plugin with its configuration schema and suggested open parameters, in Falco's format.
pub fn description(info: &PluginInfo, params: &[OpenParam]) -> String {
    let mut text = block(info) + "\n";
    match &info.config_schema {
        Some(schema) => {
            let _ = writeln!(text, "Init config schema type: JSON\n{schema}");
        }
        None => text += NO_SCHEMA,
    }
    text += "\n";
    if info.capabilities.sourcing {
        if params.is_empty() {
            text += NO_PARAMS;
        } else {
            text += "Suggested open params:\n";
            for param in params {
                let _ = match param.description.is_empty() {
                    true => writeln!(text, "{}", param.value),
                    false => writeln!(text, "{}: {}", param.value, param.description),
                };
            }
        }
        text += "\n";
    }
    text
}

const NO_SCHEMA: &str = "Init config schema type: Not available, plugin does not implement the init config schema functionality\n";
const NO_PARAMS: &str = "No suggested open params available: plugin has not been configured, or it does not implement the \
                         open params suggestion functionality\n";
