//! The methods of the server.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::Incoming;
use hyper::{Request, Response};
use prost::bytes::Bytes;
use tonic::body::Body;
use tonic::server::Grpc;
use tonic::{Status, Streaming};
use tower_service::Service;

use super::codec::Encoded;
use super::feed::Feed;
use super::messages;

/// Maximum size of a request, bytes. The existing requests are empty.
const MAX_REQUEST: usize = 64 << 10;

/// Handles the calls of one connection.
#[derive(Clone)]
pub struct Methods {
    feed: Arc<Feed>,
    /// Address of the client, for the log.
    client: Arc<str>,
}

impl Methods {
    /// Creates the handler for the calls of this client.
    pub fn new(feed: &Arc<Feed>, client: &str) -> Self {
        Self { feed: Arc::clone(feed), client: client.into() }
    }

    /// Handles a call.
    ///
    /// # Errors
    /// Never fails: errors are responses, too.
    pub async fn answer(self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let mut grpc = Grpc::new(Encoded).apply_max_message_size_config(Some(MAX_REQUEST), None);
        Ok(match request.uri().path() {
            "/falco.outputs.service/get" => {
                let method = Method(|_: tonic::Request<()>| Ok(self.feed.fetch()));
                grpc.server_streaming(method, request).await
            }
            "/falco.outputs.service/sub" => {
                let method = Method(|requests: tonic::Request<Streaming<()>>| {
                    self.feed.subscribe(&self.client, Some(requests.into_inner()))
                });
                grpc.streaming(method, request).await
            }
            "/falco.version.service/version" => {
                let method = Method(|_: tonic::Request<()>| Ok::<Bytes, Status>(messages::version()));
                grpc.unary(method, request).await
            }
            other => Status::unimplemented(format!("there is no method {other}")).into_http(),
        })
    }
}

/// A method in the form that tonic needs.
struct Method<F>(F);

impl<F, T, U> Service<tonic::Request<T>> for Method<F>
where
    F: FnMut(tonic::Request<T>) -> Result<U, Status>,
{
    type Response = tonic::Response<U>;
    type Error = Status;
    type Future = Ready<Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: tonic::Request<T>) -> Self::Future {
        ready((self.0)(request).map(tonic::Response::new))
    }
}
