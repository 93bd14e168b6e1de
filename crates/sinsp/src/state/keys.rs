//! Keys of entries in the thread table.

use slotmap::new_key_type;

new_key_type! {
    /// Key of a thread entry; it is never reused.
    pub struct ThreadKey;
    /// Key of a process, which is a group of threads.
    pub(crate) struct GroupKey;
    /// Key of a table of open files.
    pub(crate) struct FilesKey;
    /// Key of a pair of directories.
    pub(crate) struct DirectoriesKey;
}
