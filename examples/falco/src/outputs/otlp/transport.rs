//! Common interface of the transports to a collector.

use std::time::Duration;

use super::messages::{ExportLogsServiceRequest, ExportLogsServiceResponse};

/// Sends requests to a collector.
pub trait Transport: Send {
    /// Sends a request and waits for the response, with a timeout.
    fn send(&mut self, request: ExportLogsServiceRequest) -> Reply;
}

/// Outcome of a request.
pub enum Reply {
    /// The collector accepted it.
    Taken(ExportLogsServiceResponse),
    /// The collector may accept it later, after the requested delay, if there is one.
    Later { asked: Option<Duration>, why: String },
    /// A record is invalid, or the request is too large.
    Unfit(String),
    /// The collector accepts no such request.
    Refused(String),
}
