//! The thread that asks: a task per container that is asked for, and one per runtime whose events are followed.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::pursuit::pursue;
use super::shared::Shared;
use super::watch::follow_all;

/// Takes questions until nobody is left who could ask.
pub(super) async fn serve(shared: Arc<Shared>, mut asked: mpsc::Receiver<String>) {
    if shared.options.follow {
        tokio::spawn(follow_all(shared.clone()));
    }
    while let Some(id) = asked.recv().await {
        if let Some(wake) = shared.begin(&id) {
            tokio::spawn(pursue(shared.clone(), id, wake));
        }
    }
}
