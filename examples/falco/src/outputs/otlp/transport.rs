//! What all ways to a collector have in common.

use std::time::Duration;

use super::messages::{ExportLogsServiceRequest, ExportLogsServiceResponse};

/// Sends requests to a collector.
pub trait Transport: Send {
    /// Sends a request and waits for the answer, for a bounded time.
    fn send(&mut self, request: ExportLogsServiceRequest) -> Reply;
}

/// What a collector makes of a request.
pub enum Reply {
    /// It takes it.
    Taken(ExportLogsServiceResponse),
    /// It may take it later; after how long, if it says so.
    Later { asked: Option<Duration>, why: String },
    /// Something in it is wrong, or it is too large.
    Unfit(String),
    /// It will not take any such request.
    Refused(String),
}
