//! OTLP over HTTP with protobuf.

use prost::Message;

use super::messages::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use super::transport::{Reply, Transport};
use crate::outputs::http::client::{Answer, Client, Failure};

impl Transport for Client {
    fn send(&mut self, request: ExportLogsServiceRequest) -> Reply {
        match self.post(&request.encode_to_vec()) {
            // If the body is not a message, it has no information about records, so they are treated as accepted.
            Ok(Answer { status: 200..300, body, .. }) => {
                Reply::Taken(ExportLogsServiceResponse::decode(body.as_slice()).unwrap_or_default())
            }
            Ok(answer) => match answer.status {
                429 | 502 | 503 | 504 => Reply::Later { asked: answer.retry_after, why: answer.refusal() },
                400 | 413 => Reply::Unfit(answer.refusal()),
                _ => Reply::Refused(answer.refusal()),
            },
            Err(Failure::Timeout(why) | Failure::Broken(why) | Failure::Other(why)) => {
                Reply::Later { asked: None, why }
            }
        }
    }
}
