//! Requests a container with growing pauses, until a runtime knows it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::options::{Api, Endpoint};
use super::shared::Shared;
use super::sources::{Answer, Source, is_late};
use super::storage;
use super::task::{keep, note};

/// Longest pause between requests for a container.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// How long requests for a container continue. A later process in it starts them again.
const GIVE_UP: Duration = Duration::from_secs(3600);
/// Number of incomplete responses about a container until they are treated as complete.
const INCOMPLETE: u32 = 4;
/// If a runtime responds but does not know the container, a new process causes another request after this
/// time.
const PATIENCE: Duration = Duration::from_secs(1);

/// Queries all runtimes concurrently, until one knows the container. Users' runtimes, and containerd's own
/// interface, are queried only after the machine's other runtimes failed or did not know the container.
pub(super) async fn pursue(shared: Arc<Shared>, id: String, wake: watch::Receiver<u64>) {
    let count = shared.options.endpoints.iter().filter(|endpoint| !is_late(endpoint)).count();
    let gate = Arc::new(Gate { denials: Semaphore::new(0), count });
    let mut queries = JoinSet::new();
    for endpoint in shared.options.endpoints.clone() {
        let one = One {
            shared: shared.clone(),
            id: id.clone(),
            endpoint,
            gate: gate.clone(),
            wake: wake.clone(),
            incomplete: 0,
        };
        queries.spawn(keep(move || one.clone().run()));
    }
    // The first runtime that knows it ends the other tasks, because the set is dropped.
    let _ = timeout(GIVE_UP, queries.join_next()).await;
}

/// Opens when this number of runtimes did not know the container.
struct Gate {
    denials: Semaphore,
    count: usize,
}

/// The query of one endpoint for one container.
#[derive(Clone)]
struct One {
    shared: Arc<Shared>,
    id: String,
    endpoint: Endpoint,
    gate: Arc<Gate>,
    wake: watch::Receiver<u64>,
    incomplete: u32,
}

impl One {
    async fn run(mut self) {
        let is_late = is_late(&self.endpoint);
        if is_late {
            let all = u32::try_from(self.gate.count).unwrap_or(u32::MAX);
            if let Ok(permits) = self.gate.denials.acquire_many(all).await {
                // Endpoints of other users wait for these permits, too.
                drop(permits);
            }
        }
        if self.endpoint.api == Api::Podman && !is_late {
            self.read_files().await;
        }
        let mut pause = self.shared.options.retry;
        let mut has_denied = is_late;
        loop {
            self.wake.mark_unchanged();
            let sources = self.shared.sources.of(&self.endpoint);
            let began = Instant::now();
            if !has_denied && sources.iter().all(|source| source.hangs()) {
                has_denied = true;
                self.gate.denials.add_permits(1);
            }
            let (gate, patience) = (self.gate.clone(), self.shared.options.patience);
            let outcome = {
                let round = self.round(&sources);
                tokio::pin!(round);
                match timeout(patience, &mut round).await {
                    Ok(outcome) => outcome,
                    Err(_) => {
                        // Waiting tasks have waited long enough.
                        if !std::mem::replace(&mut has_denied, true) {
                            gate.denials.add_permits(1);
                        }
                        round.await
                    }
                }
            };
            let is_there = match outcome {
                Round::Done => return,
                Round::Unknown => true,
                Round::Failed => false,
            };
            if !std::mem::replace(&mut has_denied, true) {
                self.gate.denials.add_permits(1);
            }
            self.rest(pause, began, is_there && !sources.is_empty(), sources.len()).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Sends the metadata in Podman's files, unless Podman has sent more.
    async fn read_files(&self) {
        let (root, id) = (self.shared.options.root.clone(), self.id.clone());
        let found = tokio::task::spawn_blocking(move || storage::read(&root, &id)).await;
        if let Some(found) = found.map_err(note).ok().flatten()
            && !self.shared.is_complete(&self.id)
        {
            self.shared.publish(found);
        }
    }

    /// Queries each socket once.
    async fn round(&mut self, sources: &[Arc<Source>]) -> Round {
        let mut lookups = JoinSet::new();
        for source in sources {
            let (source, shared, id) = (source.clone(), self.shared.clone(), self.id.clone());
            shared.tally.lookup();
            lookups.spawn(async move { source.inspect(&id, &shared.options, &shared.tally).await });
        }
        let mut outcome = Round::Unknown;
        while let Some(result) = lookups.join_next().await {
            match result {
                Ok(Answer::Known(found)) => {
                    self.incomplete += 1;
                    // The CRI returns more as soon as it knows the container.
                    let is_early = found.is_early && self.shared.options.queries_cri();
                    let enough = !is_early && (found.is_complete() || self.incomplete >= INCOMPLETE);
                    // If there is no room, the request is made once more.
                    return match self.shared.publish(*found) && enough {
                        true => Round::Done,
                        false => Round::Unknown,
                    };
                }
                Ok(Answer::Unknown) => {}
                Ok(Answer::Failed) => outcome = Round::Failed,
                Err(error) => {
                    note(error);
                    outcome = Round::Failed;
                }
            }
        }
        outcome
    }

    /// Waits until the next request is due: the pause is over, or a process began, so a runtime may know
    /// more.
    async fn rest(&mut self, pause: Duration, began: Instant, is_there: bool, sockets: usize) {
        let until = Instant::now() + pause;
        // The sender is gone when the task must end.
        while let Ok(Ok(())) = timeout_at(until, self.wake.changed()).await {
            let has_more = self.shared.sources.of(&self.endpoint).len() > sockets;
            let was_away = !is_there && sockets > 0;
            if has_more || was_away || (is_there && began.elapsed() >= PATIENCE) {
                return;
            }
        }
        sleep_until(until).await;
    }
}

/// Result of querying every socket.
enum Round {
    Done,
    Unknown,
    Failed,
}
