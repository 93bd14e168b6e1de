//! A fake runtime for tests: it listens on a Unix socket and sends the replies that a test sets.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use eyas_testing::Dir;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use crate::runtimes::wire;

/// A response.
pub(super) enum Reply {
    /// HTTP status and body.
    Http(u16, Vec<u8>),
    /// gRPC status and what precedes it.
    Grpc(u32, Bytes),
    /// Pieces of a body that the test sends one by one.
    Stream(mpsc::UnboundedReceiver<Bytes>),
    /// No response, ever.
    Silence,
}

/// A body that comes in pieces.
struct Pieces(mpsc::UnboundedReceiver<Bytes>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

impl Reply {
    /// A stream, and what sends its pieces.
    pub(super) fn stream() -> (mpsc::UnboundedSender<Bytes>, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (sender, Self::Stream(receiver))
    }

    pub(super) fn json(value: &serde_json::Value) -> Self {
        Self::Http(200, value.to_string().into_bytes())
    }

    pub(super) fn message(message: &impl Message) -> Self {
        Self::Grpc(0, wire::frame(message))
    }
}

/// A question: how many there were before, the path, and for gRPC the message with what precedes it.
pub(super) struct Question {
    pub(super) number: usize,
    pub(super) path: String,
    pub(super) query: String,
    /// Of containerd.
    pub(super) namespace: Option<String>,
    pub(super) body: Bytes,
}

impl Question {
    pub(super) fn message<M: Message + Default>(&self) -> M {
        M::decode(&self.body[5..]).unwrap()
    }
}

/// Runs until it is dropped.
pub(super) struct Server {
    count: Arc<AtomicUsize>,
    _runtime: tokio::runtime::Runtime,
}

type Answer = Arc<dyn Fn(Question) -> Reply + Send + Sync>;

impl Server {
    pub(super) fn http(socket: &Path, answer: impl Fn(Question) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(
            socket,
            move |stream, count, answer| async move {
                let service = service_fn(move |request| reply(request, count.clone(), answer.clone()));
                let _ = conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            },
            Arc::new(answer),
        )
    }

    pub(super) fn grpc(socket: &Path, answer: impl Fn(Question) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(
            socket,
            move |stream, count, answer| async move {
                let service = service_fn(move |request| reply(request, count.clone(), answer.clone()));
                let server = conn::http2::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            },
            Arc::new(answer),
        )
    }

    /// Writes these bytes to each client, and hangs up.
    pub(super) fn raw(socket: &Path, bytes: &'static [u8]) -> Self {
        Self::listen(
            socket,
            move |mut stream, count, _| async move {
                count.fetch_add(1, Ordering::Relaxed);
                let _ = stream.write_all(bytes).await;
            },
            Arc::new(|_| Reply::Silence),
        )
    }

    fn listen<F: Future<Output = ()> + Send + 'static>(
        socket: &Path,
        serve: impl Fn(UnixStream, Arc<AtomicUsize>, Answer) -> F + Send + Sync + 'static,
        answer: Answer,
    ) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(socket).unwrap()
        };
        let count = Arc::new(AtomicUsize::new(0));
        let asked = count.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, asked.clone(), answer.clone()));
            }
        });
        Self { count, _runtime: runtime }
    }

    /// Questions so far.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

type Body = http_body_util::combinators::BoxBody<Bytes, Infallible>;

async fn reply(
    request: Request<Incoming>,
    count: Arc<AtomicUsize>,
    answer: Answer,
) -> Result<Response<Body>, hyper::Error> {
    let number = count.fetch_add(1, Ordering::Relaxed);
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let namespace = request.headers().get("containerd-namespace");
    let namespace = namespace.map(|name| name.to_str().unwrap().to_owned());
    let body = request.into_body().collect().await?.to_bytes();
    Ok(match answer(Question { number, path, query, namespace, body }) {
        Reply::Http(status, body) => {
            Response::builder().status(status).body(Full::new(Bytes::from(body)).boxed()).unwrap()
        }
        Reply::Grpc(code, body) => {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", code.into());
            let body = Full::new(body).with_trailers(async move { Some(Ok(trailers)) });
            Response::builder().header("content-type", "application/grpc").body(body.boxed()).unwrap()
        }
        Reply::Stream(pieces) => Response::builder()
            .header("content-type", "application/grpc")
            .body(Pieces(pieces).boxed())
            .unwrap(),
        Reply::Silence => std::future::pending().await,
    })
}

/// Returns the path for a socket, and creates its directory.
pub(super) fn socket(dir: &Dir, name: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}
