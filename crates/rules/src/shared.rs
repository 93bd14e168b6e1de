//! A ruleset that can be replaced while events are tested.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use eyas_fields::FieldSource;

use crate::engine::{Engine, Memory};
use crate::mismatch::SchemaMismatch;
use crate::rule::Match;

/// An engine that can be replaced by another one.
///
/// The state from which the events' fields come stays unchanged: an inspector keeps its threads and files. Any
/// thread can load the new ruleset, so testing does not pause. If the new ruleset does not load, nothing
/// changes.
///
/// ```
/// use std::sync::{Arc, mpsc::Receiver};
///
/// use eyas_fields::{FieldSource, Schema};
/// use eyas_rules::{Engine, Error, RuleSet, RuleSource, SharedEngine};
///
/// /// Runs in a separate thread: replaces the ruleset whenever its file has changed.
/// fn reload(shared: &SharedEngine, schema: &Arc<dyn Schema>, changed: Receiver<String>) {
///     for text in changed {
///         let engine = || -> Result<Engine, Error> {
///             RuleSet::new(Arc::clone(schema), [RuleSource::new("rules.yaml", text)])?.compile()
///         };
///         if let Err(error) = engine().and_then(|engine| Ok(shared.swap(engine)?)) {
///             eprintln!("the rules before stay: {error}");
///         }
///     }
/// }
///
/// /// Tests each event with the current rules.
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
    /// Makes it with a first engine.
    pub fn new(engine: impl Into<Arc<Engine>>) -> Self {
        Self(Arc::new(Slot { engine: RwLock::new(engine.into()), version: AtomicU64::new(0) }))
    }

    /// The current engine.
    pub fn current(&self) -> Arc<Engine> {
        // The lock guards a pointer, which a panic cannot leave half written.
        self.0.engine.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the engine and returns the previous one. Each follower's next event is tested against the
    /// new one, as a whole.
    ///
    /// # Errors
    /// The engine has another schema; then nothing changes.
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

    /// Returns a follower, which tests each event with the engine that is current at that time.
    pub fn follower(&self) -> Follower {
        // The version is read first, so a swap between the two reads is detected later.
        let version = self.0.version.load(Ordering::Acquire);
        let engine = self.current();
        Follower { memory: engine.memory(), engine, version, shared: self.clone() }
    }
}

/// Tests each event with the current engine.
#[derive(Debug)]
pub struct Follower {
    shared: SharedEngine,
    version: u64,
    engine: Arc<Engine>,
    memory: Memory,
}

impl Follower {
    /// Appends the rules that the event satisfies, and returns their engine.
    ///
    /// # Errors
    /// The first event since the engine was replaced has another schema.
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
