use std::ops::Deref;

use crate::state::Context;

/// An event with the state around it.
#[derive(Debug)]
pub struct EventView<'a> {
    context: Context<'a>,
    bump: &'a bumpalo::Bump,
}

impl<'a> EventView<'a> {
    pub(crate) fn new(context: Context<'a>, bump: &'a bumpalo::Bump) -> Self {
        Self { context, bump }
    }

    /// Memory for values, until the next event.
    pub(crate) fn bump(&self) -> &'a bumpalo::Bump {
        self.bump
    }
}

impl<'a> Deref for EventView<'a> {
    type Target = Context<'a>;

    fn deref(&self) -> &Context<'a> {
        &self.context
    }
}
