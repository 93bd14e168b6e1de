//! Loading of valid and invalid plugins.

use std::path::Path;

use eyas_fields::FieldType;
use eyas_plugins::{Library, LoadError, Options};
use eyas_sinsp::plugin::{ArgForms, Capabilities, Plugin, SourceName};
use eyas_testing::test;
use rustix::fs::{Mode, chmod};

use crate::build::{compile, load, refusal};

#[test]
fn a_plugin_s_texts_are_copied_although_it_reuses_one_buffer() {
    let library = load(&["SOURCING", "EXTRACTION", "ASYNC"]).unwrap();
    let info = library.info();
    assert_eq!((info.name.as_str(), info.version.to_string().as_str()), ("probe", "1.2.3"));
    assert_eq!((info.description.as_str(), info.contact.as_str()), ("a plugin of the tests", "nobody"));
    assert_eq!(library.api_version().to_string(), "3.12.0");
    assert_eq!(info.source, Some(SourceName { id: 7, name: "probe".into() }));
    let capabilities =
        Capabilities { sourcing: true, extraction: true, async_events: true, ..Capabilities::default() };
    assert_eq!(info.capabilities, capabilities);
    assert_eq!(info.async_names, ["tick"]);
    let field = |name: &str| info.fields.iter().find(|field| field.name == name).unwrap();
    assert!(field("p.text").is_suggested && !field("p.num").is_suggested);
    assert_eq!((field("p.ips").ty, field("p.ips").is_list), (FieldType::Ip, true));
    assert_eq!(field("p.arg").arg, ArgForms { required: false, index: true, key: true });
}

#[test]
fn files_that_are_not_plugins_are_refused_with_falco_s_messages() {
    let load = |path: &str| Library::load(path, &Options::default()).unwrap_err().to_string();
    assert_eq!(
        load("/nonexistent.so"),
        "cannot load plugin /nonexistent.so: can't load plugin dynamic library: /nonexistent.so: cannot open shared \
         object file: No such file or directory"
    );
    assert_eq!(
        load("libc.so.6"),
        "cannot load plugin libc.so.6: plugin_get_required_api_version symbol not implemented"
    );
}

#[test]
fn a_plugin_needs_an_interface_that_the_host_has() {
    let of = |version: &str| load(&["PARSING", &format!("API_VERSION=\"{version}\"")]).map(drop);
    for version in ["3.12.0", "3.0.0", "3.11.99"] {
        assert_eq!(of(version), Ok(()), "{version}");
    }
    let refused = |version: &str| of(version).unwrap_err().reason.to_string();
    let incompatible = |version: &str, reason: &str| {
        format!(
            "plugin required API version '{version}' not compatible with the framework's API version '3.12.0': {reason}"
        )
    };
    assert_eq!(refused("2.0.0"), incompatible("2.0.0", "major versions disagree"));
    assert_eq!(refused("4.0.0"), incompatible("4.0.0", "major versions disagree"));
    assert_eq!(refused("3.13.0"), incompatible("3.13.0", "framework's minor is less than the requested one"));
    assert_eq!(refused("3.12.1"), incompatible("3.12.1", "framework's patch is less than the requested one"));
    assert_eq!(refused("3.x"), "plugin provided an invalid required API version: '3.x'");
    assert_eq!(refusal(&["PARSING", "NO_API"]), "plugin_get_required_api_version symbol not implemented");
    assert_eq!(refusal(&["PARSING", "NO_NAME"]), "required symbol not implemented: 'get_name'");
    assert_eq!(refusal(&["PARSING", "VERSION=\"0.1\""]), "plugin provided an invalid version string: '0.1'");
}

#[test]
fn incomplete_capabilities_are_refused() {
    let broken = |what: &str| format!("broken plugin capabilities: {what}");
    let both =
        "must implement both 'plugin_get_id' and 'plugin_get_event_source' or neither (event sourcing)";
    assert_eq!(refusal(&["SOURCING", "NO_ID"]), broken(both));
    assert_eq!(refusal(&["SOURCING", "NO_SOURCE"]), broken(both));
    assert_eq!(refusal(&["SOURCING", "ID=0"]), broken(both));
    assert_eq!(
        refusal(&["SOURCING", "plugin_close=plugin_shut"]),
        broken(
            "must implement all of 'plugin_open', 'plugin_close', and 'plugin_next_batch' (event sourcing)"
        )
    );
    let fields = "must implement both 'plugin_get_fields' and 'plugin_extract_fields' (field extraction)";
    assert_eq!(refusal(&["EXTRACTION", "NO_FIELDS"]), broken(fields));
    let events =
        "must implement both 'plugin_get_async_events' and 'plugin_set_async_event_handler' (async events)";
    assert_eq!(refusal(&["ASYNC", "NO_ASYNC_EVENTS"]), broken(events));
    assert_eq!(
        refusal(&["EXTRACTION", "NO_FIELDS", "ASYNC", "NO_ASYNC_EVENTS"]),
        broken(&format!("{fields}, {events}"))
    );
    assert_eq!(
        refusal(&["LISTENING", "NO_CLOSE"]),
        broken("must implement both 'plugin_capture_open' and 'plugin_capture_close' (capture listening)")
    );
    assert_eq!(refusal(&[]), "plugin does not implement any capability");
    assert_eq!(
        refusal(&["SOURCING", "SOURCE=\"syscall\""]),
        "plugin can't implement the reserved event source 'syscall'"
    );
}

#[test]
fn a_source_without_an_id_is_one_of_system_calls() {
    let library = load(&["SOURCING", "NO_ID", "NO_SOURCE"]).unwrap();
    assert_eq!(library.info().source, None);
    assert!(library.info().is_input_of("syscall"));
    // As the plugin `json` has them: an id and a source that are none.
    let library = load(&["SOURCING", "ID=0", "SOURCE=\"\""]).unwrap();
    assert_eq!(library.info().source, None);
}

#[test]
fn declared_properties_are_read_before_the_plugin_runs() {
    let declared = |reason: &str| format!("error in plugin probe: {reason}");
    assert_eq!(
        refusal(&["EXTRACTION", "FIELDS=\"[]\""]),
        declared("plugins with extraction capability must export at least one field")
    );
    assert_eq!(
        refusal(&["EXTRACTION", "EXTRACT_SOURCES=\"{}\""]),
        declared("'get_extract_event_sources' did not return a json array")
    );
    assert_eq!(
        refusal(&["PARSING", "PARSE_SOURCES=\"3\""]),
        declared("'get_parse_event_sources' did not return a json array")
    );
    let library = load(&["EXTRACTION", "EXTRACT_SOURCES=\"[\\\"a\\\",\\\"\\\"]\""]).unwrap();
    assert_eq!(library.info().extract_sources, ["a"]);
}

#[test]
fn a_file_that_others_can_change_is_refused() {
    let path = compile("probe.c", &["PARSING"]);
    let folder = path.with_extension("folder");
    std::fs::create_dir(&folder).unwrap();
    let inner = folder.join("plugin.so");
    std::fs::rename(&path, &inner).unwrap();
    let load = |options: Options| Library::load(&inner, &options).map(drop).map_err(|error| error.reason);
    let set = |path: &Path, mode: u32| chmod(path, Mode::from_raw_mode(mode)).unwrap();
    for (file_mode, folder_mode, who) in
        [(0o775, 0o755, &inner), (0o757, 0o755, &inner), (0o755, 0o757, &folder)]
    {
        set(&inner, file_mode);
        set(&folder, folder_mode);
        let mode = if who == &inner { file_mode } else { folder_mode };
        let path = who.canonicalize().unwrap();
        let refused = LoadError::Writable { path, mode };
        assert!(refused.to_string().contains("plugins_allow_writable"), "{refused}");
        assert_eq!(load(Options::default()), Err(refused), "{file_mode:o} {folder_mode:o}");
        assert_eq!(load(Options::default().with_allow_writable(true)), Ok(()));
    }
    // In a sticky directory, others cannot replace the file.
    set(&folder, 0o1777);
    assert_eq!(load(Options::default()), Ok(()));
    std::fs::remove_dir_all(&folder).unwrap();
}
