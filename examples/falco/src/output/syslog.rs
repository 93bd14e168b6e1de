use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use super::{Line, Output};

/// `LOG_USER` in the facility bits.
const FACILITY: u8 = 1 << 3;
/// Where the log daemon listens.
const PATH: &str = "/dev/log";

/// The local system log, through its socket.
pub struct Syslog {
    path: PathBuf,
    /// Nothing while nobody listens.
    socket: Option<UnixDatagram>,
}

impl Syslog {
    /// Connects to the socket of the log daemon. One that is not there, as in containers, is looked for again at every
    /// alert.
    pub fn open() -> Self {
        let mut syslog = Self::at(Path::new(PATH));
        if let Err(error) = syslog.connect() {
            crate::log::warning(&format!("syslog_output: can't reach the system log: {error}"));
        }
        syslog
    }

    fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), socket: None }
    }

    fn connect(&mut self) -> io::Result<&UnixDatagram> {
        let socket = UnixDatagram::unbound()?;
        let path = self.path.display();
        socket
            .connect(&self.path)
            .map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))?;
        Ok(self.socket.insert(socket))
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
        // A daemon that was started again listens on another socket of that name.
        match self.socket.as_ref().map(|socket| socket.send(&message)) {
            Some(Ok(_)) => Ok(()),
            _ => self.connect()?.send(&message).map(drop),
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.connect().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_comes_and_goes_is_found() {
        let path = std::env::temp_dir().join(format!("eyas-falco-log-{}", std::process::id()));
        let mut syslog = Syslog::at(&path);
        let line = Line { text: b"it happened", severity: 4 };
        let error = syslog.write(line).unwrap_err().to_string();
        assert!(error.contains("eyas-falco-log-"), "{error}");
        for _ in 0..2 {
            let daemon = UnixDatagram::bind(&path).unwrap();
            syslog.write(line).unwrap();
            let mut bytes = [0; 64];
            let len = daemon.recv(&mut bytes).unwrap();
            let want = format!("<12>falco[{}]: it happened", std::process::id());
            assert_eq!(&bytes[..len], want.as_bytes());
            drop(daemon);
            std::fs::remove_file(&path).unwrap();
        }
        assert!(syslog.write(line).is_err());
    }
}
