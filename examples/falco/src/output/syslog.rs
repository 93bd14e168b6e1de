use std::io;
use std::os::unix::net::UnixDatagram;

use super::{Line, Output};

/// `LOG_USER` in the facility bits.
const FACILITY: u8 = 1 << 3;

/// The local system log, through its socket.
pub struct Syslog {
    socket: UnixDatagram,
}

impl Syslog {
    const PATH: &str = "/dev/log";

    /// Connects to the socket of the log daemon.
    pub fn connect() -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(Self::PATH).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", Self::PATH)))?;
        Ok(Self { socket })
    }
}

impl Output for Syslog {
    fn name(&self) -> &'static str {
        "syslog_output"
    }

    fn write(&mut self, line: Line<'_>) -> io::Result<()> {
        let mut message =
            format!("<{}>falco[{}]: ", FACILITY | (line.severity & 7), std::process::id()).into_bytes();
        message.extend_from_slice(line.text);
        self.socket.send(&message).map(drop)
    }

    fn reopen(&mut self) -> io::Result<()> {
        *self = Self::connect()?;
        Ok(())
    }
}
