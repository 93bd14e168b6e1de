//! Names of entries in the thread table.

use slotmap::new_key_type;

new_key_type! {
    /// Names a thread entry; never again another one.
    pub struct ThreadKey;
    /// Names a process: a group of threads.
    pub(crate) struct GroupKey;
    /// Names a table of open files.
    pub(crate) struct FilesKey;
    /// Names a pair of directories.
    pub(crate) struct DirectoriesKey;
}
