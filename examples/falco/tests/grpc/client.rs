//! A client, made with tonic.

use std::collections::HashMap;
use std::path::Path;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use hyper::http::uri::PathAndQuery;
use prost::Message;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

/// Longer than a server takes to reply.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, PartialEq, Message)]
pub struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// An alert, as Falco's clients know it.
#[derive(Clone, PartialEq, Message)]
pub struct Output {
    #[prost(message, optional, tag = "1")]
    pub time: Option<Timestamp>,
    #[prost(int32, tag = "2")]
    pub priority: i32,
    #[prost(int32, tag = "3")]
    pub source_deprecated: i32,
    #[prost(string, tag = "4")]
    pub rule: String,
    #[prost(string, tag = "5")]
    pub output: String,
    #[prost(map = "string, string", tag = "6")]
    pub output_fields: HashMap<String, String>,
    #[prost(string, tag = "7")]
    pub hostname: String,
    #[prost(string, repeated, tag = "8")]
    pub tags: Vec<String>,
    #[prost(string, tag = "9")]
    pub source: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Version {
    #[prost(string, tag = "1")]
    pub version: String,
    #[prost(uint32, tag = "2")]
    pub major: u32,
    #[prost(uint32, tag = "3")]
    pub minor: u32,
    #[prost(uint32, tag = "4")]
    pub patch: u32,
    #[prost(uint32, tag = "7")]
    pub engine_minor: u32,
    #[prost(string, tag = "11")]
    pub engine_version: String,
}

/// A connection.
pub struct Client {
    runtime: Runtime,
    channel: Channel,
    /// Sends requests to the last call of `sub`.
    requests: Mutex<Option<mpsc::Sender<()>>>,
}

impl Client {
    pub fn unix(path: &Path) -> Self {
        Self::connect(Endpoint::from_shared(format!("unix://{}", path.display())).unwrap()).unwrap()
    }

    /// Connects, with a small window: the server sends little before the client reads it.
    pub fn connect(endpoint: Endpoint) -> Result<Self, tonic::transport::Error> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let endpoint = endpoint.initial_stream_window_size(65_535).connect_timeout(PATIENCE);
        let channel = runtime.block_on(endpoint.connect())?;
        Ok(Self { runtime, channel, requests: Mutex::new(None) })
    }

    fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { timeout(PATIENCE, what).await.expect("the server answers") })
    }

    fn grpc(&self) -> Grpc<Channel> {
        let mut grpc = Grpc::new(self.channel.clone());
        self.wait(grpc.ready()).unwrap();
        grpc
    }

    pub fn get(&self) -> Result<Vec<Output>, Status> {
        let path = PathAndQuery::from_static("/falco.outputs.service/get");
        let codec = ProstCodec::<(), Output>::default();
        let mut grpc = self.grpc();
        self.wait(async {
            let mut stream = grpc.server_streaming(Request::new(()), path, codec).await?.into_inner();
            let mut alerts = Vec::new();
            while let Some(alert) = stream.message().await? {
                alerts.push(alert);
            }
            Ok(alerts)
        })
    }

    /// Subscribes with one request; more may follow.
    pub fn sub(&self) -> Result<Streaming<Output>, Status> {
        let path = PathAndQuery::from_static("/falco.outputs.service/sub");
        let codec = ProstCodec::<(), Output>::default();
        let (send, requests) = mpsc::channel(8);
        send.try_send(()).unwrap();
        *self.requests.lock().unwrap() = Some(send);
        let mut grpc = self.grpc();
        let request = Request::new(Requests(requests));
        Ok(self.wait(grpc.streaming(request, path, codec))?.into_inner())
    }

    /// Sends a few more requests, and closes the request stream.
    pub fn ask_again(&self) {
        let send = self.requests.lock().unwrap().take().unwrap();
        (0..5).for_each(|_| send.try_send(()).unwrap());
    }

    pub fn version(&self) -> Result<Version, Status> {
        let path = PathAndQuery::from_static("/falco.version.service/version");
        let mut grpc = self.grpc();
        let codec = ProstCodec::<(), Version>::default();
        Ok(self.wait(grpc.unary(Request::new(()), path, codec))?.into_inner())
    }

    /// Calls any method.
    pub fn call(&self, path: &'static str) -> Result<(), Status> {
        let codec = ProstCodec::<(), ()>::default();
        let mut grpc = self.grpc();
        self.wait(grpc.unary(Request::new(()), PathAndQuery::from_static(path), codec)).map(drop)
    }
}

/// The requests of a client, as a stream.
struct Requests(mpsc::Receiver<()>);

impl Stream for Requests {
    type Item = ();

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.0.poll_recv(cx)
    }
}

/// The next alert; `None` at the end.
#[track_caller]
pub fn next(client: &Client, stream: &mut Streaming<Output>) -> Option<Output> {
    client.wait(stream.message()).unwrap()
}
