//! Why a rule does not compile.

use super::result::LoadError;

/// The reason why a rule does not compile, and whether the reason is an unknown name.
pub(super) struct Failure {
    pub(super) error: LoadError,
    pub(super) unknown: bool,
    /// Position of the addition to outputs that is at fault, if it is none of the rule itself.
    pub(super) extra: Option<u32>,
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self { error, unknown: false, extra: None }
    }
}
