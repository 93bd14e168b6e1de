//! Endless responses, in which a runtime reports events of its containers.

use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, StatusCode, client::conn, header};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::UnixStream;

use super::{Driver, Error, PREFIX, frame, grpc_request, grpc_status, within};

/// Maximum size of a line or message, bytes.
const MAX_ITEM: usize = 1 << 20;

/// Received and unused data of an endless body.
struct Pieces {
    body: Incoming,
    bytes: Vec<u8>,
    /// The gRPC status at its end.
    status: Option<u32>,
    _driver: Driver,
}

impl Pieces {
    /// Waits for more data; returns `false` at the end.
    async fn more(&mut self) -> Result<bool, Error> {
        let Some(frame) = self.body.frame().await else { return Ok(false) };
        match frame?.into_data() {
            Ok(data) if self.bytes.len() + data.len() > MAX_ITEM => return Err(Error::TooLong),
            Ok(data) => self.bytes.extend_from_slice(&data),
            Err(other) => self.status = other.trailers_ref().and_then(grpc_status).or(self.status),
        }
        Ok(true)
    }
}

/// Lines of a response over HTTP.
pub(in crate::runtimes) struct Lines(Pieces);

impl Lines {
    /// Requests `path`; returns when the response has begun.
    pub(in crate::runtimes) async fn open(
        socket: &Path,
        path: &str,
        deadline: Duration,
    ) -> Result<Self, Error> {
        within(deadline, async {
            let stream = UnixStream::connect(socket).await?;
            let (mut sender, connection) = conn::http1::handshake(TokioIo::new(stream)).await?;
            let driver = Driver(tokio::spawn(async move {
                // The reader gets the failure.
                let _ = connection.await;
            }));
            let request =
                Request::get(path).header(header::HOST, "localhost").body(Full::<Bytes>::default())?;
            let response = sender.send_request(request).await?;
            if response.status() != StatusCode::OK {
                return Err(Error::Status(response.status()));
            }
            let body = response.into_body();
            Ok(Self(Pieces { body, bytes: Vec::new(), status: None, _driver: driver }))
        })
        .await
    }

    /// Waits for the next line; `None` at the end.
    pub(in crate::runtimes) async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        loop {
            if let Some(end) = self.0.bytes.iter().position(|byte| *byte == b'\n') {
                let rest = self.0.bytes.split_off(end + 1);
                return Ok(Some(std::mem::replace(&mut self.0.bytes, rest)));
            }
            if !self.0.more().await? {
                return Ok(None);
            }
        }
    }
}

/// Messages of a gRPC call.
pub(in crate::runtimes) struct Messages(Pieces);

impl Messages {
    /// Calls `service/method`; returns when the response has begun, which some runtimes do only with their
    /// first message.
    pub(in crate::runtimes) async fn open(
        socket: &Path,
        method: &str,
        message: &impl Message,
        deadline: Duration,
    ) -> Result<Self, Error> {
        let (mut sender, driver) = within(deadline, async {
            let stream = UnixStream::connect(socket).await?;
            let (sender, connection) =
                conn::http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(stream))
                    .await?;
            let driver = Driver(tokio::spawn(async move {
                // The reader gets the failure.
                let _ = connection.await;
            }));
            Ok((sender, driver))
        })
        .await?;
        let request = grpc_request(method).body(Full::from(frame(message)))?;
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(Error::Status(response.status()));
        }
        if let Some(code) = grpc_status(response.headers()).filter(|code| *code != 0) {
            return Err(Error::Grpc(code));
        }
        Ok(Self(Pieces { body: response.into_body(), bytes: Vec::new(), status: None, _driver: driver }))
    }

    /// Waits for the next message; `None` at the end.
    pub(in crate::runtimes) async fn next<M: Message + Default>(&mut self) -> Result<Option<M>, Error> {
        loop {
            if let [0, a, b, c, d, rest @ ..] = &*self.0.bytes {
                let len = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
                if len > MAX_ITEM {
                    return Err(Error::TooLong);
                }
                if let Some(message) = rest.get(..len) {
                    let message = M::decode(message)?;
                    self.0.bytes.drain(..PREFIX + len);
                    return Ok(Some(message));
                }
            } else if self.0.bytes.first().is_some_and(|packed| *packed != 0) {
                return Err(Error::Framing);
            }
            if !self.0.more().await? {
                return match self.0.status {
                    Some(code) if code != 0 => Err(Error::Grpc(code)),
                    _ => Ok(None),
                };
            }
        }
    }
}
