//! `syslog_output`: sends alerts to the local system log, through its socket.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, send, socket_with,
};
use serde::{Deserialize, Serialize};

use crate::config::{Config, JSON_SCHEMA, JsonSchema, Shape};
use crate::output::{Alert, Cx, Failure, Output, Section, reason};

/// `LOG_USER` in the facility bits.
const FACILITY: u8 = 1 << 3;
/// Socket of the log daemon.
const PATH: &str = "/dev/log";

/// `syslog_output:`
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Settings {
    /// Whether the output is enabled.
    pub enabled: bool,
    /// Schema of the written alerts.
    pub json_schema: JsonSchema,
}

impl Section for Settings {
    const NAME: &'static str = "syslog_output";
    const KEYS: &'static [(&'static str, Shape)] = &[("enabled", Shape::Bool), JSON_SCHEMA];

    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn json_schema(&self) -> JsonSchema {
        self.json_schema
    }

    fn place(&self) -> String {
        PATH.to_owned()
    }

    /// Connects to the socket of the log daemon. If the socket does not exist, as in containers, every
    /// alert tries again.
    fn open(&self, _: &Config) -> Result<Box<dyn Output>> {
        let mut syslog = Syslog::at(Path::new(PATH));
        if let Err(error) = syslog.connect() {
            let text = format!("syslog_output: can't reach the system log: {} ({PATH})", reason(&error));
            crate::log::warning(&text);
        }
        Ok(Box::new(syslog))
    }
}

/// The system log.
struct Syslog {
    path: PathBuf,
    /// `None` while no daemon listens.
    socket: Option<Socket>,
    message: Vec<u8>,
    /// Number of bytes of the message that the stream has accepted.
    sent: usize,
}

struct Socket {
    fd: OwnedFd,
    /// Whether the socket is a stream. Messages then end with a zero byte, and may be accepted in parts.
    is_stream: bool,
}

/// An output for the daemon that listens at this path.
#[cfg(test)]
pub fn open_at(path: &Path) -> Box<dyn Output> {
    Box::new(Syslog::at(path))
}

impl Syslog {
    fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), socket: None, message: Vec::new(), sent: 0 }
    }

    fn connect(&mut self) -> io::Result<()> {
        (self.socket, self.sent) = (None, 0);
        let address = SocketAddrUnix::new(&self.path)?;
        // Some daemons use a stream socket instead.
        for kind in [SocketType::DGRAM, SocketType::STREAM] {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let fd = socket_with(AddressFamily::UNIX, kind, flags, None)?;
            match connect(&fd, &address) {
                Err(Errno::PROTOTYPE) if kind == SocketType::DGRAM => {}
                done => {
                    done?;
                    self.socket = Some(Socket { fd, is_stream: kind == SocketType::STREAM });
                    break;
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, cx: &Cx<'_>) -> Result<(), Step> {
        let Some(Socket { fd, is_stream }) = &self.socket else { return Err(Step::Connect) };
        let end = self.message.len() - usize::from(!is_stream);
        while self.sent < end {
            match send(fd, &self.message[self.sent..end], SendFlags::NOSIGNAL) {
                Ok(sent) => self.sent += sent,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => cx.wait_writable(fd).map_err(Step::Fail)?,
                // The kernel currently has no memory for the message.
                Err(error @ (Errno::NOBUFS | Errno::NOMEM)) => {
                    return Err(Step::Fail(Failure::Later(reason(&error.into()))));
                }
                Err(Errno::MSGSIZE) => {
                    let text = format!("the message has {end} bytes, more than the log daemon accepts");
                    return Err(Step::Fail(Failure::Lost(text)));
                }
                Err(_) => return Err(Step::Connect),
            }
        }
        Ok(())
    }
}

/// What to do if a message was not sent.
enum Step {
    /// Reconnect: a restarted daemon listens on a new socket with the same name.
    Connect,
    Fail(Failure),
}

impl Output for Syslog {
    fn deliver(&mut self, alerts: &[Alert], cx: &Cx<'_>) -> Result<usize, Failure> {
        let Some(alert) = alerts.first() else { return Ok(0) };
        let head = format!("<{}>falco[{}]: ", FACILITY | (alert.severity & 7), std::process::id());
        self.message.clear();
        self.message.extend_from_slice(head.as_bytes());
        self.message.extend_from_slice(&alert.text);
        self.message.push(0);
        for is_last in [false, true] {
            match self.send(cx) {
                Ok(()) => {
                    self.sent = 0;
                    return Ok(1);
                }
                Err(Step::Fail(failure)) => return Err(failure),
                Err(Step::Connect) if is_last => break,
                Err(Step::Connect) => self.connect().map_err(|error| match error.kind() {
                    ErrorKind::WouldBlock => Failure::Later("the log daemon accepts no connection".into()),
                    _ => Failure::Lost(format!("can't reach the system log: {}", reason(&error))),
                })?,
            }
        }
        Err(Failure::Lost("the log daemon ends the connection".into()))
    }

    fn reopen(&mut self) -> Result<(), String> {
        self.connect().map_err(|error| reason(&error))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::{UnixDatagram, UnixListener};

    use eyas_testing::Dir;

    use super::*;
    use crate::output::with_cx;

    fn alert() -> Alert {
        Alert::new(b"it happened", 4)
    }

    fn want() -> Vec<u8> {
        format!("<12>falco[{}]: it happened", std::process::id()).into_bytes()
    }

    #[test]
    fn a_restarted_daemon_is_found() {
        let dir = Dir::new("log");
        let path = dir.join("log");
        let mut syslog = Syslog::at(&path);
        let mut deliver = || with_cx(|cx| syslog.deliver(&[alert()], cx));
        assert!(matches!(deliver(), Err(Failure::Lost(why)) if why.contains("No such file")));
        for _ in 0..2 {
            let daemon = UnixDatagram::bind(&path).unwrap();
            assert!(matches!(deliver(), Ok(1)));
            let mut bytes = [0; 64];
            let len = daemon.recv(&mut bytes).unwrap();
            assert_eq!(&bytes[..len], want());
            drop(daemon);
            std::fs::remove_file(&path).unwrap();
        }
        assert!(matches!(deliver(), Err(Failure::Lost(_))));
    }

    #[test]
    fn a_daemon_may_listen_for_streams() {
        let dir = Dir::new("log-stream");
        let path = dir.join("log");
        let daemon = UnixListener::bind(&path).unwrap();
        let mut syslog = Syslog::at(&path);
        assert!(matches!(with_cx(|cx| syslog.deliver(&[alert()], cx)), Ok(1)));
        let mut bytes = vec![0; want().len() + 1];
        daemon.accept().unwrap().0.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, [want(), vec![0]].concat());
    }
}
