//! Data of tests: a part of it lies in the repository, all of it in a folder beside it.

use std::path::{Path, PathBuf};

use crate::ignore;

/// The folder of the repository.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where `path` is: below `EYAS_SHARED` (default: `../shared` beside the repository), else below `tests/data`.
#[must_use]
pub fn data(path: impl AsRef<Path>) -> Option<PathBuf> {
    let shared = std::env::var_os("EYAS_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let places = [shared.join(path.as_ref()), root().join("tests/data").join(path.as_ref())];
    places.into_iter().find(|place| place.exists())
}

/// The same; without it the test ends as ignored.
///
/// # Panics
/// With `EYAS_REQUIRE_SHARED=1` the data must be there.
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
