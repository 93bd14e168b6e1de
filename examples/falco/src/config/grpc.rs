//! `grpc:`

use super::shape::Shape::{self, Bool, Section, Text};
use super::shape::U32;

/// Keys of the section.
pub const SHAPE: Shape = Section(&[
    ("enabled", Bool),
    ("bind_address", Text),
    ("threadiness", U32),
    ("private_key", Text),
    ("cert_chain", Text),
    ("root_certs", Text),
]);

#[cfg(feature = "grpc")]
mod section {
    use std::path::PathBuf;

    use anyhow::{Result, bail};
    use serde::{Deserialize, Serialize};

    /// The gRPC server.
    #[derive(Clone, Debug, Deserialize, Serialize)]
    #[serde(default)]
    pub struct Grpc {
        /// Whether the server is enabled.
        pub enabled: bool,
        /// Listening address: `unix://PATH`, or `HOST:PORT` for mutual TLS.
        pub bind_address: String,
        /// Number of server threads; 0 for one per CPU.
        pub threadiness: u32,
        /// File with the private key of the server.
        pub private_key: PathBuf,
        /// File with the server's certificate chain.
        pub cert_chain: PathBuf,
        /// File with the CA certificates for client certificates.
        pub root_certs: PathBuf,
    }

    impl Default for Grpc {
        fn default() -> Self {
            Self {
                enabled: false,
                bind_address: "0.0.0.0:5060".into(),
                threadiness: 0,
                private_key: "/etc/falco/certs/server.key".into(),
                cert_chain: "/etc/falco/certs/server.crt".into(),
                root_certs: "/etc/falco/certs/ca.crt".into(),
            }
        }
    }

    /// Listening address of a gRPC server.
    #[derive(Debug, PartialEq, Eq)]
    pub enum GrpcAddress {
        /// A Unix socket.
        Unix(PathBuf),
        /// A host and a port.
        Tcp(String),
    }

    impl Grpc {
        /// Validates the section before the server starts.
        pub(in crate::config) fn check(&self) -> Result<()> {
            if self.enabled {
                self.address()?;
            }
            Ok(())
        }

        /// The listening address.
        ///
        /// # Errors
        /// The address is invalid.
        pub fn address(&self) -> Result<GrpcAddress> {
            let text = self.bind_address.trim();
            let unix = text.strip_prefix("unix://").or_else(|| text.strip_prefix("unix:"));
            match unix {
                Some(path) if path.is_empty() || path.ends_with('/') => {}
                Some(path) => return Ok(GrpcAddress::Unix(path.into())),
                None => {
                    let is_address = |(host, port): (&str, &str)| {
                        let is_plain = !host.contains('/') && (!host.contains(':') || host.starts_with('['));
                        !host.is_empty() && is_plain && port.parse::<u16>().is_ok()
                    };
                    if text.rsplit_once(':').is_some_and(is_address) {
                        return Ok(GrpcAddress::Tcp(text.to_owned()));
                    }
                }
            }
            bail!("grpc.bind_address is `{text}`: expected unix:///PATH/OF/SOCKET or HOST:PORT")
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn addresses_are_taken_as_people_write_them() {
            let of = |text: &str| Grpc { bind_address: text.into(), ..Grpc::default() }.address();
            for (text, path) in [
                ("unix:///run/falco/falco.sock", "/run/falco/falco.sock"),
                ("unix:/run/falco.sock", "/run/falco.sock"),
                (" unix://falco.sock ", "falco.sock"),
            ] {
                assert_eq!(of(text).unwrap(), GrpcAddress::Unix(path.into()), "{text}");
            }
            for text in ["0.0.0.0:5060", "[::]:5060", "localhost:0", "falco.example:65535"] {
                assert_eq!(of(text).unwrap(), GrpcAddress::Tcp(text.into()));
            }
            for text in
                ["", "unix://", "unix:///run/", "localhost", ":5060", "::1:5060", "http://x:1", "a:65536"]
            {
                let error = of(text).unwrap_err().to_string();
                assert!(error.contains("grpc.bind_address is `"), "{text}: {error}");
            }
        }
    }
}

#[cfg(feature = "grpc")]
pub use section::{Grpc, GrpcAddress};
