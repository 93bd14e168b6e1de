//! Tasks that must not die silently. The event loop catches the panic of a task, so the thread does not end with it.

use std::any::Any;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;

use crate::service::{self, Backoff};

/// Name of the thread of all tasks.
pub(super) const THREAD: &str = "containers";

/// The longest time before a task is started again.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The result of a task; `None` if it panicked, which is counted and logged. Dropping this ends the task.
pub(super) async fn attempt<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let mut tasks = JoinSet::new();
    tasks.spawn(task);
    tasks.join_next().await?.map_err(note).ok()
}

/// Runs a task until it returns. After a panic, it is started again with longer and longer pauses.
pub(super) async fn keep<F: Future<Output = ()> + Send + 'static>(mut task: impl FnMut() -> F) {
    let (mut pauses, mut since) = (Backoff::up_to(MAX_PAUSE), Instant::now());
    while attempt(task()).await.is_none() {
        sleep(pauses.after(since.elapsed())).await;
        since = Instant::now();
    }
}

/// Counts and logs the end of a task, if it panicked.
pub(super) fn note(error: JoinError) {
    let panic: Result<Box<dyn Any + Send>, _> = error.try_into_panic();
    if let Ok(panic) = panic {
        service::note_restart(THREAD, &*panic);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn a_task_that_panics_is_started_again() {
        let (calls, before) = (Arc::new(AtomicU64::new(0)), service::restarts());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            assert_eq!(attempt(async { 1 }).await, Some(1));
            keep(|| {
                let calls = calls.clone();
                async move { assert!(calls.fetch_add(1, Ordering::Relaxed) > 0, "the first time") }
            })
            .await;
        });
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        assert!(service::restarts() > before);
    }
}
