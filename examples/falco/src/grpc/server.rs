//! Connections of clients.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context, Result};
use eyas_console::ShowPath;
use hyper::rt::{Read, Write};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::authority::Repaired;
use super::feed::Feed;
use super::listen::{self, SocketFile};
use super::methods::Methods;
use crate::config::{Grpc, GrpcAddress};
use crate::log::{Level, RateLimit, info, log};
use crate::pem;
use eyas::sinsp::service::Service;

/// Connections at once.
const MAX_CONNECTIONS: u32 = 64;
/// Maximum number of clients during the TLS handshake. The oldest is dropped for the next one.
const MAX_HANDSHAKES: usize = 64;
/// Maximum number of concurrent calls per connection.
const MAX_CALLS: u32 = 32;
/// Maximum size of a call's headers, bytes.
const MAX_HEAD: u32 = 16 << 10;
/// Maximum number of unsent bytes per call. Further alerts wait in the queue, where they are counted.
const MAX_UNSENT: usize = 64 << 10;
/// Timeout of the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Interval of pings to a client without calls, and timeout of the response.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));
/// Pause after a failed `accept`.
const PAUSE: Duration = Duration::from_millis(100);
/// Timeout for clients at the end.
const END: Duration = Duration::from_secs(1);

/// Serves until it is dropped.
pub struct Server {
    feed: Arc<Feed>,
    stop: Option<watch::Sender<()>>,
    service: Service,
    socket: Option<SocketFile>,
}

/// The listening socket.
enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener, TlsAcceptor),
}

/// Data that all connections share.
#[derive(Clone)]
struct Shared {
    feed: Arc<Feed>,
    places: Arc<Semaphore>,
    stopped: watch::Receiver<()>,
    /// Rate limit for log lines about refused clients.
    refused: Arc<Mutex<RateLimit>>,
}

impl Server {
    /// Starts listening.
    ///
    /// # Errors
    /// The address is in use or not permitted, or a certificate is not available.
    pub fn start(config: &Grpc, feed: &Arc<Feed>) -> Result<Self> {
        let (listener, socket, address) = match config.address()? {
            GrpcAddress::Unix(path) => {
                let (listener, socket) = listen::unix(&path)?;
                (Listener::Unix(listener), Some(socket), format!("unix://{}", path.shown()))
            }
            GrpcAddress::Tcp(address) => {
                let acceptor = acceptor(config)?;
                let listener = listen::tcp(&address)?;
                let address = listener.local_addr().context("grpc: can't listen")?.to_string();
                (Listener::Tcp(listener, acceptor), None, address)
            }
        };
        let threads = match config.threadiness {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads as usize,
        };
        let mut first = Some(runtime(threads).context("grpc: can't start")?);
        info(&format!("gRPC server threadiness equals to {threads}"));
        info(&format!("Starting gRPC server at {address}"));
        let (stop, stopped) = watch::channel(());
        let shared = Shared {
            feed: Arc::clone(feed),
            places: Arc::new(Semaphore::new(MAX_CONNECTIONS as usize)),
            stopped,
            refused: Arc::default(),
        };
        let service = Service::start("grpc", move || {
            // A restarted thread creates another runtime.
            let outcome = first.take().map_or_else(|| runtime(threads), Ok);
            let outcome = outcome.and_then(|runtime| run(runtime, &listener, shared.clone()));
            if let Err(error) = outcome {
                log(Level::Error, &format!("grpc: {error}; the server has stopped"));
            }
        });
        let service = service.context("can't start the thread of the gRPC server")?;
        Ok(Self { feed: Arc::clone(feed), stop: Some(stop), service, socket })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // No new client connects any more.
        self.socket = None;
        self.feed.end();
        drop(self.stop.take());
        self.service.wait(END * 2);
    }
}

fn runtime(threads: usize) -> io::Result<Runtime> {
    // At most as many as tokio has room for.
    let threads = threads.clamp(1, 256);
    Builder::new_multi_thread().worker_threads(threads).thread_name("grpc").enable_all().build()
}

fn acceptor(config: &Grpc) -> Result<TlsAcceptor> {
    let certificates = pem::certificates(&config.cert_chain).context("grpc.cert_chain")?;
    let key = pem::key(&config.private_key).context("grpc.private_key")?;
    let roots = pem::certificates(&config.root_certs).context("grpc.root_certs")?;
    let (chain, key_path) = (config.cert_chain.shown(), config.private_key.shown());
    let mut tls = pem::server(certificates, key, Some(roots))
        .with_context(|| format!("grpc.cert_chain {chain} and grpc.private_key {key_path}"))?;
    tls.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(tls)))
}

fn run(runtime: Runtime, listener: &Listener, shared: Shared) -> io::Result<()> {
    let outcome = runtime.block_on(async {
        let mut stopped = shared.stopped.clone();
        let places = Arc::clone(&shared.places);
        // Not in a separate task: if it panics, this thread panics, too, and is restarted.
        let mut accept = pin!(accept(listener, shared));
        let mut stopped = pin!(stopped.changed());
        poll_fn(|cx| match stopped.as_mut().poll(cx) {
            // Nothing is ever sent on this channel: the other end is dropped.
            Poll::Ready(_) => Poll::Ready(Ok(())),
            Poll::Pending => accept.as_mut().poll(cx).map(|outcome| outcome.map(|never| match never {})),
        })
        .await?;
        // Calls end now, and with them the connections.
        let _ = timeout(END, places.acquire_many(MAX_CONNECTIONS)).await;
        Ok(())
    });
    runtime.shutdown_timeout(END);
    outcome
}

async fn accept(listener: &Listener, shared: Shared) -> io::Result<Infallible> {
    let mut failing = RateLimit::default();
    match listener {
        Listener::Unix(listener) => {
            let listener = tokio::net::UnixListener::from_std(listener.try_clone()?)?;
            loop {
                let Some((stream, _)) = accepted_or_wait(listener.accept().await, &mut failing).await else {
                    continue;
                };
                let pid = stream.peer_cred().ok().and_then(|cred| cred.pid());
                let client = pid.map_or("a client".into(), |pid| format!("process {pid}"));
                let Some(place) = shared.place(&client) else { continue };
                tokio::spawn(serve(TokioIo::new(Repaired::new(stream)), client, place, shared.clone()));
            }
        }
        Listener::Tcp(listener, acceptor) => {
            let listener = tokio::net::TcpListener::from_std(listener.try_clone()?)?;
            let mut handshakes: VecDeque<JoinHandle<()>> = VecDeque::new();
            loop {
                let Some((stream, address)) = accepted_or_wait(listener.accept().await, &mut failing).await
                else {
                    continue;
                };
                handshakes.retain(|handshake| !handshake.is_finished());
                if handshakes.len() >= MAX_HANDSHAKES
                    && let Some(oldest) = handshakes.pop_front()
                {
                    oldest.abort();
                }
                // Alerts are small and must not wait for more data.
                let _ = stream.set_nodelay(true);
                let handshake = shake_hands(stream, address.to_string(), acceptor.clone(), shared.clone());
                handshakes.push_back(tokio::spawn(handshake));
            }
        }
    }
}

/// Performs the TLS handshake in another task and then serves the client. It takes a connection slot only
/// after the handshake.
async fn shake_hands(stream: TcpStream, client: String, acceptor: TlsAcceptor, shared: Shared) {
    let why = match timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            if let Some(place) = shared.place(&client) {
                tokio::spawn(serve(TokioIo::new(stream), client, place, shared));
            }
            return;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no TLS in time".to_owned(),
    };
    shared.refuse(&client, &why);
}

/// The accepted connection; after a failure, waits and returns `None`.
async fn accepted_or_wait<T>(accepted: io::Result<T>, failing: &mut RateLimit) -> Option<T> {
    match accepted {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            if failing.record().is_some() {
                log(Level::Error, &format!("grpc: can't accept a connection: {error}"));
            }
            sleep(PAUSE).await;
            None
        }
    }
}

impl Shared {
    /// Reserves a connection slot.
    fn place(&self, client: &str) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok();
        if place.is_none() {
            self.refuse(client, &format!("there are {MAX_CONNECTIONS} connections already"));
        }
        place
    }

    /// Logs that a client was refused, at a limited rate.
    fn refuse(&self, client: &str, why: &str) {
        let count = self.refused.lock().unwrap_or_else(PoisonError::into_inner).record();
        let others = match count {
            None => return,
            Some(1) => String::new(),
            Some(count) => format!(" ({count} refused since the last such message)"),
        };
        log(Level::Warning, &format!("grpc: {client} is refused: {why}{others}"));
    }
}

/// Handles the calls of a connection until the client or the program ends.
async fn serve(
    stream: impl Read + Write + Unpin + Send + 'static,
    client: String,
    place: OwnedSemaphorePermit,
    shared: Shared,
) {
    let methods = Methods::new(&shared.feed, &client);
    let service = service_fn(move |request| methods.clone().answer(request));
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .keep_alive_interval(Some(PING.0))
        .keep_alive_timeout(PING.1)
        .max_concurrent_streams(MAX_CALLS)
        .max_header_list_size(MAX_HEAD)
        .max_send_buf_size(MAX_UNSENT);
    let mut stopped = shared.stopped.clone();
    let mut stopped = pin!(stopped.changed());
    let mut connection = pin!(http.serve_connection(stream, service));
    let mut is_stopping = false;
    let ended = poll_fn(|cx| {
        if !is_stopping && stopped.as_mut().poll(cx).is_ready() {
            is_stopping = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx)
    })
    .await;
    if let Err(error) = ended {
        log(Level::Debug, &format!("grpc: the connection of {client} ended: {error}"));
    }
    drop(place);
}
