//! A text under construction, in the memory of the event.

use core::fmt::{self, Write};

use bumpalo::Bump;
use bumpalo::collections::Vec;

/// Bytes that live as long as the event.
pub(crate) struct Text<'b>(Vec<'b, u8>);

impl<'b> Text<'b> {
    pub(crate) fn new(bump: &'b Bump) -> Self {
        Self(Vec::new_in(bump))
    }

    pub(crate) fn with_capacity(capacity: usize, bump: &'b Bump) -> Self {
        Self(Vec::with_capacity_in(capacity, bump))
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice_copy(bytes);
    }

    /// Appends the bytes with everything but printable ASCII as `.`.
    pub(crate) fn push_printable(&mut self, bytes: &[u8]) {
        self.0.extend(bytes.iter().map(|b| eyas_fields::printable(*b)));
    }

    /// Appends formatted text.
    pub(crate) fn print(&mut self, args: fmt::Arguments<'_>) {
        // Memory takes every write.
        let _ = self.write_fmt(args);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn finish(self) -> &'b [u8] {
        self.0.into_bump_slice()
    }
}

impl Write for Text<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.push(s.as_bytes());
        Ok(())
    }
}
