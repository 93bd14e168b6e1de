//! The thread of the lookups: a task for each requested container, and one for each runtime whose events
//! are followed.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::pursuit::pursue;
use super::shared::Shared;
use super::task::attempt;

/// Serves requests until all senders are gone.
pub(super) async fn serve(shared: &Arc<Shared>, requests: &mut mpsc::Receiver<String>) {
    while let Some(id) = requests.recv().await {
        if let Some(wake) = shared.begin(&id) {
            let shared = shared.clone();
            tokio::spawn(async move {
                attempt(pursue(shared.clone(), id.clone(), wake)).await;
                shared.forget(&id);
            });
        }
    }
}
