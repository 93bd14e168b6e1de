//! The thread of the lookups: a task for each requested container, and one for each runtime whose events
//! are followed.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::pursuit::pursue;
use super::shared::Shared;
use super::watch::follow_all;

/// Serves requests until all senders are gone.
pub(super) async fn serve(shared: Arc<Shared>, mut requests: mpsc::Receiver<String>) {
    if shared.options.follow {
        tokio::spawn(follow_all(shared.clone()));
    }
    while let Some(id) = requests.recv().await {
        if let Some(wake) = shared.begin(&id) {
            tokio::spawn(pursue(shared.clone(), id, wake));
        }
    }
}
