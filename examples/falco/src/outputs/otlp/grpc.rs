//! OTLP over gRPC.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Cx, Poll};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use hyper_util::rt::TokioIo;
use prost::Message;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tonic::codec::CompressionEncoding;
use tonic::metadata::{MetadataKey, MetadataMap};
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Request, Status, TimeoutExpired};
use tonic_prost::ProstCodec;
use tower_service::Service;
use ureq::http::uri::{PathAndQuery, Scheme};

use super::messages::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use super::transport::{Reply, Transport};
use crate::outputs::http::client::expects;

const METHOD: PathAndQuery =
    PathAndQuery::from_static("/opentelemetry.proto.collector.logs.v1.LogsService/Export");
/// Timeout of connecting.
const CONNECT: Duration = Duration::from_secs(5);
/// Maximum number of bytes of a response that are read.
const MAX_ANSWER: usize = 64 << 10;

/// Options of the client.
pub struct Options<'o> {
    pub target: &'o Uri,
    pub user_agent: &'o str,
    pub headers: &'o std::collections::BTreeMap<String, String>,
    pub compress: bool,
    /// Timeout of a whole attempt.
    pub timeout: Duration,
    /// TLS configuration; `None` for a connection without TLS.
    pub tls: Option<ClientConfig>,
}

/// A client that connects on first use and reconnects after an error.
pub struct Client {
    /// Taken out when this is dropped.
    runtime: Option<Runtime>,
    endpoint: Endpoint,
    connector: Connector,
    compress: bool,
    grpc: tonic::client::Grpc<Channel>,
    metadata: MetadataMap,
    timeout: Duration,
}

impl Client {
    /// # Errors
    /// A header is invalid, or no thread can be started.
    pub fn new(options: Options<'_>) -> Result<Self> {
        let Options { target, user_agent, headers, compress, timeout, tls } = options;
        let mut metadata = MetadataMap::new();
        for (name, value) in headers {
            let key = MetadataKey::from_bytes(name.to_ascii_lowercase().as_bytes()).map_err(|_| {
                anyhow!("otlp_output.headers: {name:?} is not a name for text metadata of gRPC")
            })?;
            // The value may be a secret, so the message does not have it.
            let value = value
                .parse()
                .map_err(|_| anyhow!("otlp_output.headers: the value of {name:?} is not ASCII text"))?;
            metadata.insert(key, value);
        }
        // The connector handles TLS. So the channel gets an `http` URL, and separately the real origin.
        let mut parts = target.clone().into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        let endpoint = Endpoint::from(Uri::from_parts(parts).context("otlp_output.endpoint")?)
            .origin(target.clone())
            .user_agent(user_agent)
            .context("the name of this program")?
            .connect_timeout(CONNECT);
        let port = target.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
        let host = target.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let connector = Connector { host, port, tls: tls.map(|config| TlsConnector::from(Arc::new(config))) };
        // A separate thread responds to pings of the server between alerts.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("otlp")
            .enable_all()
            .build()
            .context("otlp_output: can't start a thread")?;
        let grpc = connect(&runtime, &endpoint, &connector, compress);
        Ok(Self { runtime: Some(runtime), endpoint, connector, compress, grpc, metadata, timeout })
    }
}

impl Drop for Client {
    /// Does not wait for a hanging name lookup.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A connection that is established on first use.
fn connect(
    runtime: &Runtime,
    endpoint: &Endpoint,
    connector: &Connector,
    compress: bool,
) -> tonic::client::Grpc<Channel> {
    let channel = runtime.block_on(async { endpoint.connect_with_connector_lazy(connector.clone()) });
    let grpc = tonic::client::Grpc::new(channel)
        .max_decoding_message_size(MAX_ANSWER)
        .accept_compressed(CompressionEncoding::Gzip);
    if compress { grpc.send_compressed(CompressionEncoding::Gzip) } else { grpc }
}

impl Transport for Client {
    fn send(&mut self, request: ExportLogsServiceRequest) -> Reply {
        let mut request = Request::new(request);
        *request.metadata_mut() = self.metadata.clone();
        request.set_timeout(self.timeout);
        let Self { runtime: Some(runtime), endpoint, connector, compress, grpc, timeout, .. } = self else {
            return Reply::Later { asked: None, why: "it is closed".into() };
        };
        let answer = runtime.block_on(async {
            let call = async {
                grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
                let codec = ProstCodec::<ExportLogsServiceRequest, ExportLogsServiceResponse>::default();
                grpc.unary(request, METHOD, codec).await
            };
            tokio::time::timeout(*timeout, call).await
        });
        match answer {
            Ok(Ok(response)) => Reply::Taken(response.into_inner()),
            // The server has accepted the records; only its response is too long.
            Ok(Err(status)) if status.message().contains("decoded message length too large") => {
                Reply::Taken(ExportLogsServiceResponse::default())
            }
            Ok(Err(status)) if !is_late(&status) => reply(&status),
            _ => {
                // The server may have disappeared silently, so the next attempt uses a new connection.
                *grpc = connect(runtime, endpoint, connector, *compress);
                Reply::Later { asked: None, why: "no answer in time".into() }
            }
        }
    }
}

/// Whether the call took too long: its client measures the time, too.
fn is_late(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(next) = cause.filter(|cause| !cause.is::<TimeoutExpired>()) {
        cause = next.source();
    }
    cause.is_some()
}
/// Converts an error to a reply. The protocol defines which errors may be retried.
fn reply(status: &Status) -> Reply {
    let why = shown(status);
    let asked = RetryInfo::of(status.details());
    match status.code() {
        // The connection failed, whatever status code the client assigns to that.
        _ if status.source().is_some() => Reply::Later { asked, why },
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Reply::Later { asked, why },
        // Without a retry delay, the server does not expect to recover.
        Code::ResourceExhausted if asked.is_some() => Reply::Later { asked, why },
        Code::InvalidArgument | Code::ResourceExhausted => Reply::Unfit(why),
        _ => Reply::Refused(why),
    }
}

/// The code, the message and the first cause of an error.
fn shown(status: &Status) -> String {
    let mut cause = status.source();
    while let Some(next) = cause.and_then(|cause| cause.source()) {
        cause = Some(next);
    }
    let text = format!("{:?}: {}", status.code(), status.message());
    match cause.map(ToString::to_string) {
        Some(cause) if cause.starts_with(NO_HTTP2) => format!("{text}: {cause}{}", expects("gRPC")),
        Some(cause) if !text.contains(&cause) => format!("{text}: {cause}"),
        _ => text,
    }
}

/// The beginning of errors about bytes that are not HTTP/2.
const NO_HTTP2: &str = "connection error detected";

/// The used part of `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`: when to retry.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<Delay>,
}

#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl RetryInfo {
    fn of(details: &[u8]) -> Option<Duration> {
        let details = Details::decode(details).ok()?.details;
        let any = details.iter().find(|any| any.type_url.ends_with("/google.rpc.RetryInfo"))?;
        let delay = Self::decode(any.value.as_slice()).ok()?.delay?;
        Some(Duration::new(delay.seconds.try_into().ok()?, delay.nanos.try_into().ok()?))
    }
}

/// Connects to the collector, whatever address is requested.
#[derive(Clone)]
struct Connector {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
}

/// A connection with or without TLS.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Service<Uri> for Connector {
    type Response = TokioIo<Box<dyn Stream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Cx<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Self { host, port, tls } = self.clone();
        Box::pin(async move {
            let stream = TcpStream::connect((host.as_str(), port)).await?;
            stream.set_nodelay(true)?;
            let stream: Box<dyn Stream> = match tls {
                None => Box::new(stream),
                Some(tls) => {
                    let name = ServerName::try_from(host).map_err(io::Error::other)?;
                    Box::new(tls.connect(name, stream).await?)
                }
            };
            Ok(TokioIo::new(stream))
        })
    }
}

#[cfg(test)]
mod tests;
