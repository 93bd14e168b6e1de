use rustc_hash::FxHashMap;

/// A protocol whose ports have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Names of ports, as in `/etc/services`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    names: FxHashMap<(u16, Transport), Box<str>>,
}

impl Services {
    /// Reads a text in the form of `/etc/services`. It skips lines of another form, and other protocols
    /// than TCP and UDP. The first name of a port is used.
    pub fn parse(text: &str) -> Self {
        let mut names = FxHashMap::default();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let (Some(name), Some((port, protocol))) =
                (words.next(), words.next().and_then(|word| word.split_once('/')))
            else {
                continue;
            };
            let protocol = match protocol {
                "tcp" => Transport::Tcp,
                "udp" => Transport::Udp,
                _ => continue,
            };
            if let Ok(port) = port.parse() {
                names.entry((port, protocol)).or_insert_with(|| name.into());
            }
        }
        Self { names }
    }

    /// The name of a port. If the protocol is unknown, the name for TCP, otherwise that for UDP.
    pub fn name(&self, port: u16, protocol: Option<Transport>) -> Option<&str> {
        let of = |protocol| self.names.get(&(port, protocol));
        let name = match protocol {
            Some(protocol) => of(protocol),
            None => of(Transport::Tcp).or_else(|| of(Transport::Udp)),
        };
        name.map(|name| &**name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_have_the_names_of_their_protocol() {
        let services =
            Services::parse("# x\nhttp\t80/tcp\twww # web\nx 80/sctp\ndomain 53/udp\nhttp-alt 80/tcp\nbad\n");
        assert_eq!(services.name(80, Some(Transport::Tcp)), Some("http"));
        assert_eq!(services.name(80, Some(Transport::Udp)), None);
        assert_eq!(services.name(53, None), Some("domain"));
    }
}
