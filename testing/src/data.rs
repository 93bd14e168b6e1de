//! Test data: a part is in the repository, the complete data is in a directory next to it.

use std::path::{Path, PathBuf};

use crate::ignore;

/// The directory of the repository.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Location of `path`: below `EYAS_SHARED` (default: `../shared` next to the repository), otherwise below
/// `tests/data`.
#[must_use]
pub fn data(path: impl AsRef<Path>) -> Option<PathBuf> {
    let shared = std::env::var_os("EYAS_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let places = [shared.join(path.as_ref()), root().join("tests/data").join(path.as_ref())];
    places.into_iter().find(|place| place.exists())
}

/// Like [`data`], but ignores the test if the data is missing.
///
/// # Panics
/// With `EYAS_REQUIRE_SHARED=1`, the data is missing.
#[must_use]
pub fn data_or_ignore(path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    data(path).unwrap_or_else(|| {
        let reason = format!("{} is neither below EYAS_SHARED nor in the repository", path.display());
        let is_required = std::env::var_os("EYAS_REQUIRE_SHARED").is_some_and(|value| value == "1");
        assert!(!is_required, "{reason}, and EYAS_REQUIRE_SHARED=1 wants it");
        ignore(reason)
    })
}
