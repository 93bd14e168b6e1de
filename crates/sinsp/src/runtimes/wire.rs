//! Exchanges over a Unix socket, each with a timeout and a maximum size of the response.

use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode, client::conn, header};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

mod stream;

pub(super) use stream::{Lines, Messages};

/// Maximum length of a response, bytes: containerd's default limit for a gRPC message.
pub(super) const MAX_ANSWER: usize = 16 << 20;
/// Length of what precedes a gRPC message: a flag and the length.
const PREFIX: usize = 5;
/// gRPC status: not found.
const NOT_FOUND: u32 = 5;
/// gRPC status: the runtime has no such function.
const UNIMPLEMENTED: u32 = 12;
/// gRPC status: permission denied.
const PERMISSION_DENIED: u32 = 7;

/// The reason why there is no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("no response within {0:?}")]
    Late(Duration),
    #[error("can't connect: {0}")]
    Connect(#[from] std::io::Error),
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
    #[error("the request can't be made: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("the response is longer than {MAX_ANSWER} bytes")]
    TooLong,
    #[error("the response is incomplete: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    #[error("the response has HTTP status {0}")]
    Status(StatusCode),
    #[error("the response has gRPC status {0}")]
    Grpc(u32),
    #[error("the response is not a gRPC message")]
    Framing,
    #[error("the message of the response can't be read: {0}")]
    Message(#[from] prost::DecodeError),
    #[error("the JSON of the response can't be read: {0}")]
    Json(#[from] serde_json::Error),
}

impl Error {
    /// Whether the runtime lacks the function, or does not permit it.
    pub(super) fn is_unsupported(&self) -> bool {
        match self {
            Self::Grpc(code) => matches!(*code, UNIMPLEMENTED | PERMISSION_DENIED),
            Self::Status(status) => matches!(
                *status,
                StatusCode::FORBIDDEN
                    | StatusCode::NOT_FOUND
                    | StatusCode::METHOD_NOT_ALLOWED
                    | StatusCode::NOT_IMPLEMENTED
            ),
            _ => false,
        }
    }
}

/// The task that drives a connection. It ends with the last request, even if that fails.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn within<T>(deadline: Duration, exchange: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(deadline, exchange).await.unwrap_or(Err(Error::Late(deadline)))
}

/// The body at `path`; `None` if there is nothing.
pub(super) async fn get(socket: &Path, path: &str, deadline: Duration) -> Result<Option<Bytes>, Error> {
    within(deadline, async {
        let stream = UnixStream::connect(socket).await?;
        let (mut sender, connection) = conn::http1::handshake(TokioIo::new(stream)).await?;
        let _driver = Driver(tokio::spawn(async move {
            // The request returns the failure.
            let _ = connection.await;
        }));
        let request = Request::get(path).header(header::HOST, "localhost").body(Full::<Bytes>::default())?;
        let response = sender.send_request(request).await?;
        match response.status() {
            StatusCode::OK => Ok(Some(body(response).await?.0)),
            StatusCode::NOT_FOUND => Ok(None),
            other => Err(Error::Status(other)),
        }
    })
    .await
}

/// The whole body, and the gRPC status that may follow it.
async fn body(response: Response<Incoming>) -> Result<(Bytes, Option<u32>), Error> {
    let whole =
        Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(|cause| match cause
            .is::<LengthLimitError>(
        ) {
            true => Error::TooLong,
            false => Error::Body(cause),
        })?;
    let status = whole.trailers().and_then(grpc_status);
    Ok((whole.to_bytes(), status))
}

fn grpc_status(headers: &hyper::HeaderMap) -> Option<u32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// A connection for gRPC calls with one request and one response each.
pub(super) struct Channel {
    sender: conn::http2::SendRequest<Full<Bytes>>,
    deadline: Duration,
    _driver: Driver,
}

impl Channel {
    pub(super) async fn connect(socket: &Path, deadline: Duration) -> Result<Self, Error> {
        within(deadline, async {
            let stream = UnixStream::connect(socket).await?;
            let (sender, connection) =
                conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
            let driver = Driver(tokio::spawn(async move {
                // The calls return the failure.
                let _ = connection.await;
            }));
            Ok(Self { sender, deadline, _driver: driver })
        })
        .await
    }

    /// Calls `service/method`; returns `None` if the object does not exist.
    pub(super) async fn call<A: Message + Default>(
        &mut self,
        method: &str,
        message: &impl Message,
    ) -> Result<Option<A>, Error> {
        self.call_in(None, method, message).await
    }

    /// The same, in a namespace of containerd.
    pub(super) async fn call_in<A: Message + Default>(
        &mut self,
        namespace: Option<&str>,
        method: &str,
        message: &impl Message,
    ) -> Result<Option<A>, Error> {
        let mut request = grpc_request(method);
        if let Some(namespace) = namespace {
            request = request.header("containerd-namespace", namespace);
        }
        let request = request
            .header("grpc-timeout", format!("{}m", self.deadline.as_millis().min(99_999_999)))
            .body(Full::from(frame(message)))?;
        let sender = &mut self.sender;
        within(self.deadline, async {
            let response = sender.send_request(request).await?;
            if response.status() != StatusCode::OK {
                return Err(Error::Status(response.status()));
            }
            // A call that fails immediately has only the status in its headers.
            let early = grpc_status(response.headers());
            let (bytes, late) = body(response).await?;
            match early.or(late) {
                Some(0) => Ok(Some(A::decode(unframe(&bytes)?)?)),
                Some(NOT_FOUND) => Ok(None),
                Some(code) => Err(Error::Grpc(code)),
                None => Err(Error::Framing),
            }
        })
        .await
    }
}

fn grpc_request(method: &str) -> hyper::http::request::Builder {
    Request::builder()
        .method(Method::POST)
        .uri(format!("http://localhost/{method}"))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
}

/// Encodes one uncompressed message.
pub(super) fn frame(message: &impl Message) -> Bytes {
    let text = message.encode_to_vec();
    let mut out = Vec::with_capacity(PREFIX + text.len());
    out.push(0);
    // A request contains an id, so its length fits.
    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
    out.extend_from_slice(&text);
    out.into()
}

fn unframe(bytes: &[u8]) -> Result<&[u8], Error> {
    match bytes {
        [0, a, b, c, d, message @ ..]
            if message.len() as u64 == u64::from(u32::from_be_bytes([*a, *b, *c, *d])) =>
        {
            Ok(message)
        }
        _ => Err(Error::Framing),
    }
}
