//! The web server that tells of this program: `webserver`.
//!
//! One thread serves all connections, a request each, and never waits for the thread that tests events. A client that
//! is slow to ask or to read has a limit of time; where there are many, the oldest makes room for the next.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle as Task;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use crate::config::Webserver;
use crate::log::{Level, Seldom, info, log};
use crate::pem;

mod pages;

pub use pages::Pages;

/// Connections at once.
const MAX_CONNECTIONS: usize = 64;
/// How long one may last.
const LIMIT: Duration = Duration::from_secs(10);
/// Bytes of a request's head, at most.
const MAX_HEAD: usize = 16 << 10;
/// How long nothing is accepted where the system refuses.
const PAUSE: Duration = Duration::from_millis(100);
/// How long an answer that is being made is waited for at the end.
const END: Duration = Duration::from_secs(1);

/// Serves until it is dropped.
pub struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens from here on.
    ///
    /// # Errors
    /// The port is taken or not allowed, or the certificate can't be had.
    pub fn start(config: &Webserver, pages: Pages) -> Result<Self> {
        let acceptor = if config.ssl_enabled { Some(acceptor(config)?) } else { None };
        let address = config.address()?;
        let listener = TcpListener::bind(address).map_err(|error| taken(address, &error))?;
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
        let runtime = runtime.context("webserver: can't start")?;
        let listener = {
            let _guard = runtime.enter();
            listener.set_nonblocking(true).and_then(|()| Ok((listener.local_addr()?, listener)))
        };
        let (address, listener) = listener.context("webserver: can't listen")?;
        let ssl = if config.ssl_enabled { " (SSL)" } else { "" };
        info(&format!("Starting health webserver, listening on {address}{ssl}"));
        let (stop, stopped) = oneshot::channel();
        let pages = Arc::new(pages);
        let thread = thread::Builder::new()
            .name("webserver".into())
            .spawn(move || run(runtime, listener, acceptor, pages, stopped))
            .context("can't start the thread of the web server")?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // What makes it panic is on standard error.
            let _ = thread.join();
        }
    }
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
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key));
    let config = config.with_context(|| path.display().to_string()).with_context(what)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn run(
    runtime: Runtime,
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    pages: Arc<Pages>,
    stopped: oneshot::Receiver<()>,
) {
    runtime.spawn(accept(listener, acceptor, pages));
    // Nothing is ever sent: the other end is dropped.
    let _ = runtime.block_on(stopped);
    runtime.shutdown_timeout(END);
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, pages: Arc<Pages>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return log(Level::Error, &format!("webserver: can't listen: {error}")),
    };
    let mut connections: VecDeque<Task<()>> = VecDeque::new();
    let mut failing = Seldom::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.retain(|connection| !connection.is_finished());
                if connections.len() >= MAX_CONNECTIONS
                    && let Some(oldest) = connections.pop_front()
                {
                    oldest.abort();
                }
                connections.push_back(tokio::spawn(converse(stream, acceptor.clone(), Arc::clone(&pages))));
            }
            Err(error) => {
                if failing.happened().is_some() {
                    log(Level::Error, &format!("webserver: can't accept a connection: {error}"));
                }
                sleep(PAUSE).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, acceptor: Option<TlsAcceptor>, pages: Arc<Pages>) {
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
    // Who asks nonsense, or too slowly, is nobody to tell of it.
    let _ = timeout(LIMIT, talk).await;
}

async fn answer(stream: impl Read + Write + Unpin, pages: Arc<Pages>) {
    let service = service_fn(|request| {
        let pages = Arc::clone(&pages);
        async move { Ok::<_, Infallible>(pages.answer(&request).await) }
    });
    // As above.
    let _ = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(MAX_HEAD)
        .serve_connection(stream, service)
        .await;
}
