//! A ruleset that is replaced while events are tested against it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use eyas_fields::FieldSource;

use crate::engine::{Engine, Memory};
use crate::mismatch::SchemaMismatch;
use crate::rule::Match;

/// An engine in a place where another can be put in its stead.
///
/// Whatever the events' fields are made of stays as it is: an inspector keeps its threads and files. The other ruleset
/// is loaded on any thread, so that testing does not pause meanwhile; one that does not load changes nothing.
///
/// ```
/// use std::sync::{Arc, mpsc::Receiver};
///
/// use eyas_fields::{FieldSource, Schema};
/// use eyas_rules::{Loader, SharedEngine};
///
/// /// On a thread of its own: replaces the ruleset whenever its file has changed.
/// fn reload(shared: &SharedEngine, schema: &Arc<dyn Schema>, changed: Receiver<String>) {
///     for text in changed {
///         let mut loader = Loader::new(Arc::clone(schema));
///         let result = loader.load("rules.yaml", &text);
///         let swapped = match loader.build() {
///             Ok(engine) if result.successful() => shared.swap(engine).map_err(|error| error.to_string()),
///             _ => Err(result.verbose()),
///         };
///         if let Err(error) = swapped {
///             eprintln!("the rules before stay: {error}");
///         }
///     }
/// }
///
/// /// Where events come: each is tested by the rules that are in place at that moment.
/// fn detect<'a>(shared: &SharedEngine, events: impl Iterator<Item = &'a dyn FieldSource>) {
///     let (mut follower, mut found) = (shared.follower(), Vec::new());
///     for event in events {
///         let engine = follower.matches(event, &mut found).expect("the events are of the rules' schema");
///         for hit in found.drain(..) {
///             println!("{}", engine.rule(hit.rule).name);
///         }
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct SharedEngine(Arc<Slot>);

#[derive(Debug)]
struct Slot {
    engine: RwLock<Arc<Engine>>,
    /// Grows with each swap, so that followers see it without the lock.
    version: AtomicU64,
}

impl SharedEngine {
    /// Begins with an engine.
    pub fn new(engine: impl Into<Arc<Engine>>) -> Self {
        Self(Arc::new(Slot { engine: RwLock::new(engine.into()), version: AtomicU64::new(0) }))
    }

    /// The engine in place.
    pub fn current(&self) -> Arc<Engine> {
        // The lock guards a pointer, which no panic leaves half written.
        self.0.engine.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another engine in place and returns the one before. Each follower's next event is tested
    /// against the new one, as a whole.
    ///
    /// # Errors
    /// The engine is of another schema; nothing changes then.
    pub fn swap(&self, engine: impl Into<Arc<Engine>>) -> Result<Arc<Engine>, SchemaMismatch> {
        let engine = engine.into();
        let mut slot = self.0.engine.write().unwrap_or_else(PoisonError::into_inner);
        let (expected, given) = (slot.schema(), engine.schema());
        let (expected_id, given_id) = (expected.id(), given.id());
        if expected_id != given_id {
            let (expected, given) = (expected.source().into(), Some(given.source().into()));
            return Err(SchemaMismatch { expected, expected_id, given, given_id });
        }
        let before = std::mem::replace(&mut *slot, engine);
        self.0.version.fetch_add(1, Ordering::Release);
        Ok(before)
    }

    /// What tests events one after the other against the engine in place at that time.
    pub fn follower(&self) -> Follower {
        // The version first: a swap between the two is seen again, not missed.
        let version = self.0.version.load(Ordering::Acquire);
        let engine = self.current();
        Follower { memory: engine.memory(), engine, version, shared: self.clone() }
    }
}

/// Tests events against the engine that is in place when each comes.
#[derive(Debug)]
pub struct Follower {
    shared: SharedEngine,
    version: u64,
    engine: Arc<Engine>,
    memory: Memory,
}

impl Follower {
    /// Appends the rules that the event satisfies, and returns the engine that they are of.
    ///
    /// # Errors
    /// The first event since the engine was put in place is of another schema.
    #[inline]
    pub fn matches(
        &mut self,
        event: &dyn FieldSource,
        out: &mut Vec<Match>,
    ) -> Result<&Engine, SchemaMismatch> {
        if self.shared.0.version.load(Ordering::Acquire) != self.version {
            *self = self.shared.follower();
        }
        self.engine.test(&mut self.memory, event, out)?;
        Ok(&self.engine)
    }

    /// The engine of the last event.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }
}
