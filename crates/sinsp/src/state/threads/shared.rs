//! Values that several threads refer to.

/// A value with the number of threads that refer to it.
#[derive(Debug)]
pub(super) struct Shared<T> {
    pub(super) value: T,
    users: u32,
}

impl<T> Shared<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value, users: 1 }
    }

    #[inline]
    pub(super) fn value(&self) -> &T {
        &self.value
    }

    /// Whether more than one thread refers to it.
    pub(super) fn is_shared(&self) -> bool {
        self.users > 1
    }
}

/// Drops one reference, and the value with the last one.
pub(super) fn release<K: slotmap::Key, T>(values: &mut slotmap::SlotMap<K, Shared<T>>, key: K) {
    if let Some(shared) = values.get_mut(key) {
        shared.users -= 1;
        if shared.users == 0 {
            values.remove(key);
        }
    }
}

/// Adds a reference to the value of `key`; null if there is none.
pub(super) fn share<K: slotmap::Key, T>(values: &mut slotmap::SlotMap<K, Shared<T>>, key: K) -> K {
    match values.get_mut(key) {
        Some(shared) => {
            shared.users += 1;
            key
        }
        None => K::null(),
    }
}

/// A copy of the value of `key`; null if there is none.
pub(super) fn copy<K: slotmap::Key, T: Clone>(values: &mut slotmap::SlotMap<K, Shared<T>>, key: K) -> K {
    match values.get(key).map(|shared| shared.value.clone()) {
        Some(value) => values.insert(Shared::new(value)),
        None => K::null(),
    }
}
