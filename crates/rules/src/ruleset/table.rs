//! Definitions of one kind.

use std::ops::Deref;
use std::sync::Arc;

use rustc_hash::FxHashMap;

/// A definition with a name.
pub(super) trait Named: Clone {
    fn name(&self) -> &str;
}

/// Definitions by name, in the order in which each was first defined. Clones share the definitions.
/// [`Arc::ptr_eq`] is true for a definition that was not changed since.
#[derive(Clone, Debug)]
pub(super) struct Table<T> {
    all: Vec<Arc<T>>,
    positions: FxHashMap<Box<str>, u32>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { all: Vec::new(), positions: FxHashMap::default() }
    }
}

impl<T: Named> Table<T> {
    /// Position of the definition with this name.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.positions.get(name).map(|position| *position as usize)
    }

    /// A mutable definition.
    pub(super) fn at_mut(&mut self, position: usize) -> &mut T {
        Arc::make_mut(&mut self.all[position])
    }

    /// Replaces the definition with this name, or appends the definition.
    pub(super) fn set(&mut self, definition: T) {
        match self.position(definition.name()) {
            Some(position) => self.all[position] = Arc::new(definition),
            None => {
                self.positions.insert(definition.name().into(), self.all.len() as u32);
                self.all.push(Arc::new(definition));
            }
        }
    }

    /// Names, for suggestions.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|definition| definition.name())
    }
}

impl<T> Deref for Table<T> {
    type Target = [Arc<T>];

    fn deref(&self) -> &[Arc<T>] {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone)]
    struct Item(&'static str, u32);

    impl Named for Item {
        fn name(&self) -> &str {
            self.0
        }
    }

    #[test]
    fn unchanged_definitions_are_shared() {
        let mut table = Table::default();
        table.set(Item("a", 1));
        table.set(Item("b", 2));
        let before = table.clone();
        table.set(Item("c", 3));
        table.at_mut(0).1 = 4;
        let all: Vec<u32> = table.iter().map(|item| item.1).collect();
        assert_eq!(all, [4, 2, 3]);
        assert_eq!((before[0].1, table.position("c")), (1, Some(2)));
        assert!(Arc::ptr_eq(&before[1], &table[1]) && !Arc::ptr_eq(&before[0], &table[0]));
    }
}
