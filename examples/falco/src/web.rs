//! The web server for health and metrics: `webserver`.
//!
//! One thread serves all connections, with one request each, and never waits for the thread that tests
//! events. Slow clients have a timeout. If there are too many clients, the oldest is dropped for the next
//! one.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use eyas_console::ShowPath;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle as Task;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::config::Webserver;
use crate::log::{Level, RateLimit, info, log};
use crate::pem;
use eyas::sinsp::service::Service;

mod pages;

pub use pages::Pages;

/// Connections at once.
const MAX_CONNECTIONS: usize = 64;
/// Timeout of a connection.
const LIMIT: Duration = Duration::from_secs(10);
/// Maximum size of a request's headers, bytes.
const MAX_HEAD: usize = 16 << 10;
/// Pause after a failed `accept`.
const PAUSE: Duration = Duration::from_millis(100);
/// Timeout for pending responses at the end.
const END: Duration = Duration::from_secs(1);

/// Serves until it is dropped.
pub struct Server {
    stop: Option<watch::Sender<()>>,
    service: Service,
}

impl Server {
    /// Starts listening.
    ///
    /// # Errors
    /// The port is in use or not permitted, or the certificate is not available.
    pub fn start(config: &Webserver, pages: Pages) -> Result<Self> {
        let acceptor = if config.ssl_enabled { Some(acceptor(config)?) } else { None };
        let address = config.address()?;
        let listener = TcpListener::bind(address).map_err(|error| taken(address, &error))?;
        let mut first = Some(runtime().context("webserver: can't start")?);
        let address = listener.set_nonblocking(true).and_then(|()| listener.local_addr());
        let address = address.context("webserver: can't listen")?;
        let ssl = if config.ssl_enabled { " (SSL)" } else { "" };
        info(&format!("Starting health webserver with threadiness 1, listening on {address}{ssl}"));
        let (stop, stopped) = watch::channel(());
        let pages = Arc::new(pages);
        let service = Service::start("webserver", move || {
            // A restarted thread creates another runtime.
            let outcome = first.take().map_or_else(runtime, Ok).and_then(|runtime| {
                run(runtime, listener.try_clone()?, acceptor.clone(), &pages, stopped.clone())
            });
            if let Err(error) = outcome {
                log(Level::Error, &format!("webserver: {error}; the server has stopped"));
            }
        });
        let service = service.context("can't start the thread of the web server")?;
        Ok(Self { stop: Some(stop), service })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.service.wait(END * 2);
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().max_blocking_threads(1).build()
}

fn taken(address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let help = match error.kind() {
        io::ErrorKind::AddrInUse => {
            ": another program listens there already; set webserver.listen_port to another port, or webserver.enabled to false"
        }
        io::ErrorKind::AddrNotAvailable => ": set webserver.listen_address to an address of this machine",
        io::ErrorKind::PermissionDenied => ": set webserver.listen_port to a port from 1024 on",
        _ => "",
    };
    anyhow!("webserver: can't listen on {address}: {error}{help}")
}

fn acceptor(config: &Webserver) -> Result<TlsAcceptor> {
    let path = &config.ssl_certificate;
    let what = || "webserver.ssl_certificate";
    let certificates = pem::certificates(path).with_context(what)?;
    let key = pem::key(path).with_context(what)?;
    let config = pem::server(certificates, key, None);
    let config = config.with_context(|| path.shown()).with_context(what)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn run(
    runtime: Runtime,
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    pages: &Arc<Pages>,
    mut stopped: watch::Receiver<()>,
) -> io::Result<()> {
    let outcome = runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        // Not in a separate task: if it panics, this thread panics, too, and is restarted.
        let mut accept = pin!(accept(listener, acceptor, pages));
        let mut stopped = pin!(stopped.changed());
        poll_fn(|cx| match stopped.as_mut().poll(cx) {
            // Nothing is ever sent on this channel: the other end is dropped.
            Poll::Ready(_) => Poll::Ready(Ok(())),
            Poll::Pending => accept.as_mut().poll(cx).map(|never| match never {}),
        })
        .await
    });
    runtime.shutdown_timeout(END);
    outcome
}

async fn accept(
    listener: tokio::net::TcpListener,
    acceptor: Option<TlsAcceptor>,
    pages: &Arc<Pages>,
) -> Infallible {
    let mut connections: VecDeque<Task<()>> = VecDeque::new();
    let mut failing = RateLimit::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.retain(|connection| !connection.is_finished());
                if connections.len() >= MAX_CONNECTIONS
                    && let Some(oldest) = connections.pop_front()
                {
                    oldest.abort();
                }
                connections.push_back(tokio::spawn(serve_connection(
                    stream,
                    acceptor.clone(),
                    Arc::clone(pages),
                )));
            }
            Err(error) => {
                if failing.record().is_some() {
                    log(Level::Error, &format!("webserver: can't accept a connection: {error}"));
                }
                sleep(PAUSE).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, acceptor: Option<TlsAcceptor>, pages: Arc<Pages>) {
    let talk = async {
        match acceptor {
            None => answer(TokioIo::new(stream), pages).await,
            Some(acceptor) => {
                if let Ok(stream) = acceptor.accept(stream).await {
                    answer(TokioIo::new(stream), pages).await;
                }
            }
        }
    };
    // A malformed or slow request is dropped without a log entry.
    let _ = timeout(LIMIT, talk).await;
}

async fn answer(stream: impl Read + Write + Unpin, pages: Arc<Pages>) {
    let service = service_fn(|request| {
        let pages = Arc::clone(&pages);
        async move { Ok::<_, Infallible>(pages.answer(&request).await) }
    });
    // As above. A client may close its side after the request, as `nc -N` does.
    let _ = http1::Builder::new()
        .half_close(true)
        .keep_alive(false)
        .max_buf_size(MAX_HEAD)
        .serve_connection(stream, service)
        .await;
}
