use rustc_hash::FxHashMap;

use crate::state::L4;

/// Names of ports, as `/etc/services` has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    /// By port, and whether the protocol is UDP.
    names: FxHashMap<(u16, bool), Box<str>>,
}

impl Services {
    /// Reads a text in the form of `/etc/services`. Lines of another form, and other protocols than TCP and UDP, are
    /// passed over; the first name of a port counts.
    pub fn parse(text: &str) -> Self {
        let mut names = FxHashMap::default();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let (Some(name), Some((port, protocol))) =
                (words.next(), words.next().and_then(|word| word.split_once('/')))
            else {
                continue;
            };
            if let (Ok(port), "tcp" | "udp") = (port.parse(), protocol) {
                names.entry((port, protocol == "udp")).or_insert_with(|| name.into());
            }
        }
        Self { names }
    }

    /// The name of a port; where the protocol is not known, that of TCP, else that of UDP.
    pub fn name(&self, port: u16, protocol: L4) -> Option<&str> {
        let of = |udp| self.names.get(&(port, udp));
        let name = match protocol {
            L4::Tcp => of(false),
            L4::Udp => of(true),
            _ => of(false).or_else(|| of(true)),
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
        assert_eq!(services.name(80, L4::Tcp), Some("http"));
        assert_eq!(services.name(80, L4::Udp), None);
        assert_eq!(services.name(53, L4::Unknown), Some("domain"));
    }
}
