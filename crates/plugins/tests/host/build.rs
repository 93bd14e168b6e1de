//! Builds plugins for the tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use eyas_plugins::{Error, Library, Options};
use eyas_sinsp::plugin::{
    ColumnId, ColumnInfo, DataType, EntryId, Instance, Key, Log, Plugin, PluginError, PluginTable, Scalar,
    Start, TableId, TableInfo, Tables,
};
use rustix::fs::{Mode, chmod};

/// Compiles a source of `tests/probes` with these definitions. Each call makes a file of its own: two tests must not share
/// the plugin's static variables.
pub fn compile(source: &str, definitions: &[&str]) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let cc = eyas_testing::need_program("cc");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("probes");
    std::fs::create_dir_all(&folder).unwrap();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let out = folder.join(format!("{}-{number}.so", std::process::id()));
    let probes = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probes");
    let status = Command::new(cc)
        .args(["-shared", "-fPIC", "-w", "-O1", "-o"])
        .arg(&out)
        .args(definitions.iter().map(|definition| format!("-D{definition}")))
        .arg(probes.join(source))
        .status()
        .unwrap();
    assert!(status.success());
    // Whatever the umask.
    chmod(&out, Mode::from_raw_mode(0o755)).unwrap();
    out
}

/// The plugin `probe.c` with these definitions.
pub fn load(definitions: &[&str]) -> Result<Library, Error> {
    let path = compile("probe.c", definitions);
    let library = Library::load(&path, &Options::default().with_allow_writable(true));
    std::fs::remove_file(&path).unwrap();
    library
}

/// The error of loading it, without the path.
pub fn refusal(definitions: &[&str]) -> String {
    load(definitions).unwrap_err().reason.to_string()
}

/// Messages of a plugin.
#[derive(Clone, Default)]
pub struct Messages(Arc<Mutex<Vec<String>>>);

impl Messages {
    pub fn log(&self) -> Log {
        let all = Arc::clone(&self.0);
        Arc::new(move |severity, text| all.lock().unwrap().push(format!("{severity:?} {text}")))
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Starts a plugin.
pub fn start(library: &Library, config: &str, log: Log) -> Result<Box<dyn Instance>, PluginError> {
    library.start(Start { config, tables: Some(&mut NoTables), log })
}

/// Loads and starts a plugin.
pub fn started(definitions: &[&str]) -> (Library, Box<dyn Instance>) {
    let library = load(definitions).unwrap();
    let instance = start(&library, "", Arc::new(|_, _| {})).unwrap();
    (library, instance)
}

/// A host without tables.
pub struct NoTables;

fn none<T>() -> Result<T, PluginError> {
    Err("no tables here".into())
}

impl Tables for NoTables {
    fn list(&mut self) -> Vec<TableInfo> {
        Vec::new()
    }
    fn table(&mut self, _: &str, _: DataType) -> Result<Option<TableId>, PluginError> {
        Ok(None)
    }
    fn add_table(&mut self, _: Arc<dyn PluginTable>) -> Result<(), PluginError> {
        none()
    }
    fn name(&mut self, _: TableId) -> Result<String, PluginError> {
        none()
    }
    fn key_type(&mut self, _: TableId) -> Result<DataType, PluginError> {
        none()
    }
    fn len(&mut self, _: TableId) -> Result<u64, PluginError> {
        none()
    }
    fn columns(&mut self, _: TableId) -> Result<Vec<ColumnInfo>, PluginError> {
        none()
    }
    fn column(&mut self, _: TableId, _: &str, _: DataType) -> Result<ColumnId, PluginError> {
        none()
    }
    fn add_column(&mut self, _: TableId, _: &str, _: DataType) -> Result<ColumnId, PluginError> {
        none()
    }
    fn entry(&mut self, _: TableId, _: &Key) -> Result<EntryId, PluginError> {
        none()
    }
    fn release(&mut self, _: TableId, _: EntryId) {}
    fn visit(
        &mut self,
        _: TableId,
        _: &mut dyn FnMut(&mut dyn Tables, EntryId) -> bool,
    ) -> Result<bool, PluginError> {
        none()
    }
    fn create(&mut self, _: TableId) -> Result<EntryId, PluginError> {
        none()
    }
    fn destroy(&mut self, _: TableId, _: EntryId) -> Result<(), PluginError> {
        none()
    }
    fn insert(&mut self, _: TableId, _: &Key, _: EntryId) -> Result<EntryId, PluginError> {
        none()
    }
    fn erase(&mut self, _: TableId, _: &Key) -> Result<(), PluginError> {
        none()
    }
    fn clear(&mut self, _: TableId) -> Result<(), PluginError> {
        none()
    }
    fn read(&mut self, _: TableId, _: EntryId, _: ColumnId) -> Result<Scalar, PluginError> {
        none()
    }
    fn write(&mut self, _: TableId, _: EntryId, _: ColumnId, _: &Scalar) -> Result<(), PluginError> {
        none()
    }
}
