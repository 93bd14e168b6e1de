//! Sockets: creation, names, sides and protocols: scripts of events, and the state after them.

use std::net::{IpAddr, SocketAddr};

use eyas_events::{EventType as E, param};
use eyas_scap::{EventBuilder, FdDetail, FdEntry, Interface, Snapshot, ThreadEntry};
use eyas_sinsp::Inspector;

mod script;

use script::{at, close, exec, see, system};

const UNIX: u8 = 1;
const INET: u8 = 2;
const INET6: u8 = 10;
const NETLINK: u8 = 16;
const STREAM: u64 = 1;
const DATAGRAM: u64 = 2;

/// Address and port as events carry them.
fn end(text: &str) -> Vec<u8> {
    let addr: SocketAddr = text.parse().unwrap();
    let ip = match addr.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    [&ip[..], &addr.port().to_le_bytes()].concat()
}

fn family(text: &str) -> u8 {
    if text.starts_with('[') { INET6 } else { INET }
}

fn address(text: &str) -> Vec<u8> {
    [&[family(text)][..], &end(text)].concat()
}

fn pair(source: &str, destination: &str) -> Vec<u8> {
    [&[family(source)][..], &end(source), &end(destination)].concat()
}

fn unix_pair(source: u64, destination: u64, path: &[u8]) -> Vec<u8> {
    [&[UNIX][..], &source.to_le_bytes(), &destination.to_le_bytes(), path, b"\0"].concat()
}

fn socket(fd: i64, domain: u8, ty: u64, proto: u64) -> EventBuilder {
    use param::SOCKET_SOCKET_X as p;
    let event = at(1, E::SOCKET_SOCKET_X, 10).int(p::fd, fd).uint(p::domain, domain.into());
    event.uint(p::r#type, ty).uint(p::proto, proto)
}

fn bind(fd: i64, address: &[u8]) -> EventBuilder {
    use param::SOCKET_BIND_X as p;
    at(2, E::SOCKET_BIND_X, 10).int(p::res, 0).int(p::fd, fd).bytes(p::addr, address)
}

fn connect(fd: i64, tuple: &[u8]) -> EventBuilder {
    use param::SOCKET_CONNECT_X as p;
    at(3, E::SOCKET_CONNECT_X, 10).int(p::res, 0).int(p::fd, fd).bytes(p::tuple, tuple)
}

fn send(second: u64, fd: i64, tuple: &[u8]) -> EventBuilder {
    use param::SOCKET_SENDTO_X as p;
    at(second, E::SOCKET_SENDTO_X, 10).int(p::res, 5).int(p::fd, fd).bytes(p::tuple, tuple)
}

fn receive(second: u64, fd: i64, tuple: &[u8]) -> EventBuilder {
    use param::SOCKET_RECVFROM_X as p;
    at(second, E::SOCKET_RECVFROM_X, 10).int(p::res, 5).int(p::fd, fd).bytes(p::tuple, tuple)
}

const NAME: [&str; 1] = ["fd.name"];
/// Name, both sides, protocol.
const SIDES: [&str; 6] = ["fd.name", "fd.cip", "fd.cport", "fd.sip", "fd.sport", "fd.l4proto"];

fn ip(text: &str) -> String {
    format!("Ip({text})")
}

#[test]
fn a_socket_without_ends_has_unset_ones_of_its_family() {
    for (domain, unset) in [(INET, "0.0.0.0"), (INET6, "::")] {
        let mut inspector = system();
        let unset: IpAddr = unset.parse().unwrap();
        let got = see(&mut inspector, socket(4, domain, STREAM, 0), &["fd.ip"]);
        assert_eq!(got, [format!("List([Ip({unset}), Ip({unset})])")]);
    }
}

#[test]
fn a_socket_has_the_requested_family() {
    for (domain, letter, kind) in [
        (UNIX, "u", "unix"),
        (INET, "4", "ipv4"),
        (INET6, "6", "ipv6"),
        (NETLINK, "n", "netlink"),
        (17, "o", "<NA>"),
    ] {
        let mut inspector = system();
        let fields = ["fd.num", "fd.typechar", "fd.type", "fd.name", "fd.connected"];
        let got = see(&mut inspector, socket(4, domain, STREAM, 0), &fields);
        assert_eq!(got, ["4", letter, kind, "", "false"]);
        assert_eq!(
            see(&mut inspector, socket(-97, domain, STREAM, 0), &["fd.num", "fd.type"]),
            ["-1", "<NA>"]
        );
    }
}

#[test]
fn protocols_are_reported_by_number_or_by_the_kind_of_the_socket() {
    for (ty, proto, name, l4) in [
        (STREAM, 0, "1.2.3.4:5->6.7.8.9:80", "tcp"),
        (DATAGRAM | 0x80000, 0, "1.2.3.4:5->6.7.8.9:80", "udp"),
        (DATAGRAM, 17, "1.2.3.4:5->6.7.8.9:80", "udp"),
        (3, 1, "1.2.3.4->6.7.8.9", "icmp"),
        (3, 58, "1.2.3.4->6.7.8.9", "icmp"),
        (3, 255, "1.2.3.4->6.7.8.9", "raw"),
        (5, 132, "<unknown>", "<NA>"),
    ] {
        let mut inspector = system();
        see(&mut inspector, socket(4, INET, ty, proto), &[]);
        let event = connect(4, &pair("1.2.3.4:5", "6.7.8.9:80"));
        assert_eq!(see(&mut inspector, event, &["fd.name", "fd.l4proto"]), [name, l4], "{ty} {proto}");
    }
}

#[test]
fn a_socket_has_no_role_before_a_connection() {
    let mut inspector = system();
    let fields = ["fd.cip", "fd.sport", "fd.l4proto", "evt.args"];
    let got = see(&mut inspector, socket(4, INET, STREAM, 0), &fields);
    assert_eq!(got[..3], ["<NA>"; 3]);
    assert!(got[3].starts_with("fd=4(<4>) domain=2(AF_INET)"), "{}", got[3]);
}

#[test]
fn whoever_connects_is_the_client() {
    let mut inspector = system();
    see(&mut inspector, socket(4, INET, STREAM, 0), &[]);
    let event = || connect(4, &pair("10.0.0.5:4000", "10.0.0.9:80"));
    let all = [&SIDES[..], &["fd.connected", "fd.name_changed"]].concat();
    assert_eq!(
        see(&mut inspector, event(), &all),
        ["10.0.0.5:4000->10.0.0.9:80", &ip("10.0.0.5"), "4000", &ip("10.0.0.9"), "80", "tcp", "true", "true"]
    );
    assert_eq!(see(&mut inspector, close(4, 10, 4), &["fd.name_changed", "fd.sockfamily"]), ["false", "ip"]);
}

#[test]
fn a_failed_connect_makes_no_connection_unless_it_is_in_progress() {
    for (res, name) in [(-111, ""), (-115, "1.2.3.4:5->6.7.8.9:80")] {
        let mut inspector = system();
        see(&mut inspector, socket(4, INET, STREAM, 0), &[]);
        let event = connect(4, &pair("1.2.3.4:5", "6.7.8.9:80")).int(param::SOCKET_CONNECT_X::res, res);
        see(&mut inspector, event, &[]);
        assert_eq!(see(&mut inspector, close(4, 10, 4), &NAME), [name], "{res}");
    }
}

/// A program learns the end of a `connect` that did not wait from `SO_ERROR`, or from the next `connect`.
#[test]
fn a_connection_in_progress_may_fail_later() {
    use param::{SOCKET_CONNECT_X as c, SOCKET_GETSOCKOPT_X as g};
    let under_way = || connect(4, &pair("1.2.3.4:5", "6.7.8.9:80")).int(c::res, -115);
    let again = |res: i64| at(4, E::SOCKET_CONNECT_X, 10).int(c::res, res).int(c::fd, 4);
    let error = |name: u64, error: i64| {
        let value = [&[4][..], &error.to_le_bytes()].concat();
        let event = at(4, E::SOCKET_GETSOCKOPT_X, 10).int(g::res, 0).int(g::fd, 4).uint(g::level, 1);
        event.uint(g::optname, name).bytes(g::val, &value)
    };
    const ERROR: u64 = 4;
    const REUSE: u64 = 2;
    for (event, connected) in [
        (again(-111), "false"),
        (again(-113), "false"),
        // It goes on; it is done; the arguments were wrong.
        (again(-114), "true"),
        (again(-106), "true"),
        (again(-22), "true"),
        (error(ERROR, -111), "false"),
        (error(ERROR, -110), "false"),
        (error(ERROR, 0), "true"),
        (error(REUSE, -111), "true"),
    ] {
        let mut inspector = system();
        see(&mut inspector, socket(4, INET, STREAM, 0), &[]);
        assert_eq!(see(&mut inspector, under_way(), &["fd.connected"]), ["true"]);
        assert_eq!(see(&mut inspector, event, &["fd.connected"]), [connected]);
        let name = ["fd.connected", "fd.name"];
        assert_eq!(see(&mut inspector, close(5, 10, 4), &name), [connected, "1.2.3.4:5->6.7.8.9:80"]);
    }
}

#[test]
fn addresses_that_another_thread_changed_are_those_from_before() {
    use param::{SOCKET_CONNECT_E as e, SOCKET_CONNECT_X as x};
    let begin = |bytes: &[u8]| at(2, E::SOCKET_CONNECT_E, 10).int(e::fd, 4).bytes(e::addr, bytes);
    let changed = address("6.6.6.6:666");
    let unix = |path: &[u8]| [&[UNIX][..], path, b"\0"].concat();
    // The probe read this end of the event from the program's memory after the call, so it may differ from the address
    // that the kernel used.
    for (domain, tuple, told, seen, name) in [
        (
            INET,
            pair("1.2.3.4:5", "6.6.6.6:666"),
            changed.clone(),
            address("6.7.8.9:80"),
            "1.2.3.4:5->6.7.8.9:80",
        ),
        (INET, pair("1.2.3.4:5", "9.9.9.9:9"), changed, address("6.7.8.9:80"), "1.2.3.4:5->9.9.9.9:9"),
        (UNIX, unix_pair(1, 2, b"/evil"), unix(b"/evil"), unix(b"/run/x"), "1->2 /run/x"),
        (UNIX, unix_pair(1, 2, b"/kernel"), unix(b"/evil"), unix(b"/run/x"), "1->2 /kernel"),
    ] {
        let mut inspector = system();
        see(&mut inspector, socket(4, domain, STREAM, 0), &[]);
        see(&mut inspector, begin(&seen), &[]);
        assert_eq!(see(&mut inspector, connect(4, &tuple).bytes(x::addr, &told), &NAME), [name]);
    }
}

#[test]
fn a_socket_that_is_bound_to_a_port_serves_it() {
    for (domain, addr, letter, name) in [
        (INET, "0.0.0.0:80", "4", "0.0.0.0:80"),
        (INET6, "[2001:db8::5]:80", "6", "2001:db8::5:80"),
        // A mapped or unset address is IPv4, but the name keeps the given form.
        (INET6, "[::ffff:10.0.0.5]:80", "4", "::ffff:10.0.0.5:80"),
        (INET6, "[::]:80", "4", ":::80"),
    ] {
        let mut inspector = system();
        see(&mut inspector, socket(4, domain, STREAM, 0), &[]);
        let fields = ["fd.typechar", "fd.name", "fd.sport", "fd.is_server", "fd.l4proto", "fd.cip"];
        let got = see(&mut inspector, bind(4, &address(addr)), &fields);
        assert_eq!(got, [letter, name, "80", "true", "tcp", "<NA>"]);
        if addr.starts_with("[::]") {
            assert_eq!(
                see(&mut inspector, bind(4, &address(addr)), &["fd.type", "fd.sip"]),
                ["ipv4", "Ip(0.0.0.0)"]
            );
        }
    }
    let mut inspector = system();
    see(&mut inspector, socket(4, INET, STREAM, 0), &[]);
    let fields = ["fd.name", "fd.sport", "fd.is_server"];
    assert_eq!(
        see(&mut inspector, bind(4, &address("127.0.0.1:0")), &fields),
        ["127.0.0.1:0", "<NA>", "false"]
    );
    let failed = bind(4, &address("127.0.0.1:80")).int(param::SOCKET_BIND_X::res, -98);
    assert_eq!(see(&mut inspector, failed, &NAME), ["127.0.0.1:0"]);
}

#[test]
fn whoever_listens_without_bind_has_the_port_that_the_kernel_chose() {
    use param::SOCKET_LISTEN_X as p;
    let ty = E::SOCKET_LISTEN_X;
    let listen_at = |second: u64, fd: i64, res: i64, address: &[u8]| {
        let event = at(second, ty, 10).int(p::res, res).int(p::fd, fd);
        event.bytes(ty.info().unwrap().params.len(), address)
    };
    let listen = |fd: i64, res: i64, address: &[u8]| listen_at(4, fd, res, address);
    let fields = ["fd.typechar", "fd.name", "fd.sport", "fd.is_server", "fd.connected"];
    for (domain, chosen, name) in
        [(INET, "0.0.0.0:40000", "0.0.0.0:40000"), (INET6, "[::]:40000", ":::40000")]
    {
        let mut inspector = system();
        see(&mut inspector, socket(4, domain, STREAM, 0), &[]);
        let address = address(chosen);
        assert_eq!(see(&mut inspector, listen(4, -98, &[]), &fields)[1..3], ["", "<NA>"]);
        // As after a bind: the unset address is that of both families.
        let expected = ["4", name, "40000", "true", "false"];
        assert_eq!(see(&mut inspector, listen(4, 0, &address), &fields), expected);
        assert_eq!(see(&mut inspector, listen_at(5, 4, 0, &address), &["fd.name_changed"]), ["false"]);
        // Other programs do not write the address.
        assert_eq!(see(&mut inspector, listen(4, 0, &[]), &fields), expected);
    }
    // A connection that has ended makes room for another port.
    let mut inspector = system();
    see(&mut inspector, socket(4, INET, STREAM, 0), &[]);
    see(&mut inspector, connect(4, &pair("127.0.0.1:5000", "127.0.0.1:80")), &[]);
    let got = see(&mut inspector, listen(4, 0, &address("0.0.0.0:40000")), &fields);
    assert_eq!(got, ["4", "0.0.0.0:40000", "40000", "true", "false"]);
    // The name of a Unix socket is that of its bind.
    see(&mut inspector, socket(5, UNIX, STREAM, 0), &[]);
    see(&mut inspector, bind(5, b"\x01/run/x.sock\0"), &[]);
    assert_eq!(see(&mut inspector, listen(5, 0, b"\x01/run/x.sock\0"), &["fd.name"]), ["/run/x.sock"]);
}

#[test]
fn a_raw_socket_has_no_ports() {
    let fields = ["fd.name", "fd.l4proto"];
    for (proto, l4) in [(1, "icmp"), (58, "icmp"), (17, "raw"), (6, "raw"), (255, "raw")] {
        let mut inspector = system();
        see(&mut inspector, socket(4, INET, 3, proto), &[]);
        let event = send(4, 4, &pair("127.0.0.1:0", "127.0.0.1:0"));
        assert_eq!(see(&mut inspector, event, &fields), ["127.0.0.1->127.0.0.1", l4], "{proto}");
    }
}

#[test]
fn addresses_of_other_families_are_names_too() {
    for (domain, bytes, name) in
        [(UNIX, &b"\x01/run/x.sock\0"[..], "/run/x.sock"), (NETLINK, &[NETLINK, 0, 0], "family 16")]
    {
        let mut inspector = system();
        see(&mut inspector, socket(4, domain, STREAM, 0), &[]);
        assert_eq!(see(&mut inspector, bind(4, bytes), &NAME), [name]);
    }
}

#[test]
fn whoever_accepts_is_the_server() {
    use param::SOCKET_ACCEPT4_6_X as p;
    const CLOEXEC: u32 = eyas_events::FlagTable::FILE_FLAGS.value("O_CLOEXEC");
    let accept = |tuple: &[u8]| at(3, E::SOCKET_ACCEPT4_6_X, 10).int(p::fd, 7).bytes(p::tuple, tuple);
    let mut inspector = system();
    let tuple = pair("10.0.0.9:4000", "10.0.0.5:80");
    let all = [&SIDES[..], &["fd.num", "fd.connected"]].concat();
    assert_eq!(
        see(&mut inspector, accept(&tuple).uint(p::flags, CLOEXEC.into()), &all),
        ["10.0.0.9:4000->10.0.0.5:80", &ip("10.0.0.9"), "4000", &ip("10.0.0.5"), "80", "tcp", "7", "true"]
    );
    assert_eq!(see(&mut inspector, exec(4, 10, b"cat", b""), &["proc.fdopencount"]), ["1"]);
    let mapped = pair("[::ffff:10.0.0.9]:4000", "[::ffff:10.0.0.5]:80");
    let fields = ["fd.typechar", "fd.name"];
    assert_eq!(see(&mut inspector, accept(&mapped), &fields), ["4", "10.0.0.9:4000->10.0.0.5:80"]);
    let unix = unix_pair(0xab, 0xcd, b"/run/x.sock");
    assert_eq!(see(&mut inspector, accept(&unix), &fields), ["u", "ab->cd /run/x.sock"]);
}

#[test]
fn a_pair_of_unix_sockets_has_no_name() {
    use param::SOCKET_SOCKETPAIR_X as p;
    let mut inspector = system();
    let event = |fd1, fd2| {
        let event = at(1, E::SOCKET_SOCKETPAIR_X, 10).int(p::res, 0).int(p::fd1, fd1).int(p::fd2, fd2);
        event.uint(p::source, 1).uint(p::peer, 2)
    };
    assert_eq!(see(&mut inspector, event(4, 5), &["fd.num", "fd.typechar", "fd.name"]), ["5", "u", ""]);
    assert_eq!(see(&mut inspector, close(2, 10, 4), &["fd.typechar", "proc.fdopencount"]), ["u", "3"]);
    see(&mut inspector, event(-1, -1), &[]);
    assert_eq!(see(&mut inspector, close(3, 10, 99), &["proc.fdopencount"]), ["2"]);
}

/// A machine with one address, and a shell on it.
fn machine() -> Inspector {
    let interface = |addr: &str, netmask: &str| Interface {
        name: b"eth0".to_vec(),
        addr: addr.parse().unwrap(),
        netmask: netmask.parse().unwrap(),
        broadcast: netmask.parse().unwrap(),
        link_speed: 0,
    };
    let mut inspector = Inspector::default();
    let thread = ThreadEntry { tid: 10, pid: 10, ptid: 1, vtid: 10, vpid: 10, ..ThreadEntry::default() };
    let file =
        |fd| FdEntry::new(fd, 7, FdDetail::File { open_flags: 1, path: b"/x".to_vec(), dev: 1, mount_id: 0 });
    inspector.load(Snapshot {
        threads: vec![thread],
        fds: vec![(10, vec![file(3)])],
        interfaces: vec![
            interface("127.0.0.1", "255.0.0.0"),
            interface("10.0.0.5", "255.255.255.0"),
            interface("192.168.7.1", "255.255.0.0"),
            interface("::1", "ffff::"),
            interface("2001:db8::5", "ffff:ffff:ffff:ffff::"),
        ],
        ..Snapshot::default()
    });
    inspector
}

#[test]
fn the_first_sender_is_the_client() {
    let fields = ["fd.name", "fd.cport", "fd.sport", "fd.lip", "fd.rip", "fd.is_server", "fd.connected"];
    let (own, other) = ("10.0.0.5:4000", "8.8.8.8:53");
    let mut inspector = machine();
    see(&mut inspector, socket(4, INET, DATAGRAM, 0), &[]);
    let asks = ["10.0.0.5:4000->8.8.8.8:53", "4000", "53", &ip("10.0.0.5"), &ip("8.8.8.8"), "false", "false"];
    assert_eq!(see(&mut inspector, send(2, 4, &pair(own, other)), &fields), asks);
    // The response comes from the other side, whose name stays that of the server.
    assert_eq!(see(&mut inspector, receive(3, 4, &pair(other, own)), &fields), asks);

    let mut inspector = machine();
    see(&mut inspector, socket(4, INET, DATAGRAM, 0), &[]);
    let is_asked =
        ["8.8.8.8:53->10.0.0.5:4000", "53", "4000", &ip("10.0.0.5"), &ip("8.8.8.8"), "true", "false"];
    assert_eq!(see(&mut inspector, receive(2, 4, &pair(other, own)), &fields), is_asked);
    assert_eq!(see(&mut inspector, send(3, 4, &pair(own, other)), &fields), is_asked);
}

#[test]
fn a_server_keeps_its_role_with_every_peer() {
    let mut inspector = machine();
    see(&mut inspector, socket(4, INET, DATAGRAM, 0), &[]);
    see(&mut inspector, bind(4, &address("10.0.0.5:53")), &[]);
    let got =
        see(&mut inspector, send(3, 4, &pair("10.0.0.5:53", "8.8.8.8:4000")), &["fd.name", "fd.l4proto"]);
    assert_eq!(got, ["8.8.8.8:4000->10.0.0.5:53", "udp"]);
    // The server may even connect its socket.
    let mut inspector = machine();
    see(&mut inspector, socket(4, INET, DATAGRAM, 0), &[]);
    see(&mut inspector, bind(4, &address("10.0.0.5:53")), &[]);
    let got = see(&mut inspector, connect(4, &pair("10.0.0.5:53", "8.8.8.8:4000")), &["fd.name", "fd.sport"]);
    assert_eq!(got, ["8.8.8.8:4000->10.0.0.5:53", "53"]);
}

#[test]
fn an_unset_end_stays_unset_but_towards_loopback() {
    for (source, destination, name) in [
        ("0.0.0.0:9", "127.0.0.1:53", "127.0.0.1:9->127.0.0.1:53"),
        ("0.0.0.0:9", "10.0.0.77:53", "0.0.0.0:9->10.0.0.77:53"),
        ("0.0.0.0:9", "192.168.9.9:53", "0.0.0.0:9->192.168.9.9:53"),
        ("0.0.0.0:9", "8.8.8.8:53", "0.0.0.0:9->8.8.8.8:53"),
        // The kernel sends to the socket's own address, or to loopback.
        ("10.0.0.5:53", "0.0.0.0:9", "10.0.0.5:53->10.0.0.5:9"),
        ("0.0.0.0:53", "0.0.0.0:9", "127.0.0.1:53->127.0.0.1:9"),
        ("[2001:db8::77]:53", "[::]:9", "2001:db8::77:53->::1:9"),
        ("[::]:53", "[::]:9", "::1:53->::1:9"),
        ("[::]:9", "[2001:db8::77]:53", ":::9->2001:db8::77:53"),
        ("[::]:9", "[::1]:53", "::1:9->::1:53"),
        ("0.0.0.0:53", "10.0.0.5:53", "0.0.0.0:53->10.0.0.5:53"),
    ] {
        let mut inspector = machine();
        see(&mut inspector, socket(4, family(source), DATAGRAM, 0), &[]);
        assert_eq!(see(&mut inspector, send(2, 4, &pair(source, destination)), &NAME), [name]);
    }
    // An unset address matches no condition.
    let mut inspector = machine();
    see(&mut inspector, socket(4, INET, DATAGRAM, 0), &[]);
    let fields = ["fd.ip", "fd.net", "fd.port", "fd.cip"];
    let known = "List([Ip(8.8.8.8)])";
    let got = see(&mut inspector, send(2, 4, &pair("0.0.0.0:9", "8.8.8.8:53")), &fields);
    assert_eq!(got, [known, known, "List([Uint(9), Uint(53)])", &ip("0.0.0.0")]);
}

#[test]
fn a_unix_datagram_socket_without_a_peer_has_no_name() {
    let fields = ["fd.name", "fd.is_server"];
    let mut inspector = machine();
    see(&mut inspector, socket(4, UNIX, DATAGRAM, 0), &[]);
    let got = see(&mut inspector, connect(4, &unix_pair(0xa, 0xb, b"/run/x")), &fields);
    assert_eq!(got[0], "a->b /run/x");
    // `connect` with `AF_UNSPEC`.
    assert_eq!(see(&mut inspector, connect(4, &unix_pair(0, 0xb, b"")), &fields)[0], "");
    assert_eq!(see(&mut inspector, close(5, 10, 4), &NAME), [""]);
}

#[test]
fn only_connect_connects_a_datagram_socket() {
    let fields = ["fd.name", "fd.connected", "fd.name_changed"];
    let mut inspector = machine();
    see(&mut inspector, socket(4, INET, DATAGRAM, 0), &[]);
    for (second, peer) in [(2, "8.8.8.8:53"), (3, "9.9.9.9:53")] {
        let name = format!("10.0.0.5:4000->{peer}");
        assert_eq!(
            see(&mut inspector, send(second, 4, &pair("10.0.0.5:4000", peer)), &fields),
            [&*name, "false", "true"]
        );
    }
    assert_eq!(
        see(&mut inspector, receive(4, 4, &pair("9.9.9.9:53", "10.0.0.5:4000")), &fields[1..]),
        ["false", "false"]
    );
    assert_eq!(
        see(&mut inspector, connect(4, &pair("10.0.0.5:4000", "1.1.1.1:53")), &fields[1..2]),
        ["true"]
    );
    // AF_UNSPEC ends the association.
    let dissolved = connect(4, &pair("0.0.0.0:0", "0.0.0.0:0"));
    assert_eq!(see(&mut inspector, dissolved, &fields[..2]), ["", "false"]);
    // A message without an address goes to the peer of a connected socket.
    let write = at(9, E::SYSCALL_WRITE_X, 10)
        .int(0, 5)
        .int(E::SYSCALL_WRITE_X.info().unwrap().param("fd").unwrap(), 4);
    assert_eq!(see(&mut inspector, write, &fields[1..2]), ["true"]);
}

#[test]
fn an_unrequested_peer_address_changes_nothing() {
    let mut inspector = machine();
    let fields = ["fd.name", "fd.cip", "fd.lport"];
    see(&mut inspector, socket(4, INET, DATAGRAM, 0), &[]);
    see(&mut inspector, bind(4, &address("0.0.0.0:53")), &[]);
    let unknown = || receive(4, 4, &pair("0.0.0.0:0", "0.0.0.0:53"));
    assert_eq!(see(&mut inspector, unknown(), &fields[..1]), ["0.0.0.0:53"]);
    let known = ["10.0.0.9:4000->0.0.0.0:53", &ip("10.0.0.9"), "53"];
    assert_eq!(see(&mut inspector, receive(3, 4, &pair("10.0.0.9:4000", "0.0.0.0:53")), &fields), known);
    assert_eq!(see(&mut inspector, unknown(), &fields), known);
}

#[test]
fn both_ends_of_a_connection_within_one_machine_know_their_side() {
    use param::SOCKET_ACCEPT4_6_X as p;
    let fields = ["fd.lport", "fd.rport", "fd.is_server"];
    let ends = pair("127.0.0.1:4000", "127.0.0.1:80");
    let mut inspector = machine();
    let accept = at(3, E::SOCKET_ACCEPT4_6_X, 10).int(p::fd, 7).bytes(p::tuple, &ends);
    assert_eq!(see(&mut inspector, accept, &fields), ["80", "4000", "true"]);
    see(&mut inspector, socket(4, INET, STREAM, 0), &[]);
    assert_eq!(see(&mut inspector, connect(4, &ends), &fields), ["4000", "80", "false"]);
}

#[test]
fn a_stream_keeps_the_ends_that_it_connected() {
    let mut inspector = machine();
    see(&mut inspector, socket(4, INET, STREAM, 0), &[]);
    see(&mut inspector, connect(4, &pair("10.0.0.5:4000", "8.8.8.8:80")), &[]);
    let event = send(4, 4, &pair("10.0.0.5:4000", "9.9.9.9:99"));
    assert_eq!(see(&mut inspector, event, &NAME), ["10.0.0.5:4000->8.8.8.8:80"]);
}

#[test]
fn sending_data_makes_an_unknown_descriptor_a_socket() {
    let mut inspector = machine();
    let fields = ["fd.name", "fd.typechar", "fd.l4proto"];
    let event = send(1, 9, &pair("10.0.0.5:4000", "8.8.8.8:53"));
    assert_eq!(see(&mut inspector, event, &fields), ["10.0.0.5:4000->8.8.8.8:53", "4", "udp"]);
    // A descriptor that the state treated as a file becomes a socket.
    let event = send(2, 3, &pair("10.0.0.5:4001", "8.8.8.8:53"));
    assert_eq!(see(&mut inspector, event, &fields), ["10.0.0.5:4001->8.8.8.8:53", "4", "udp"]);
    // Failed calls and receptions report too little.
    let failed = send(3, 8, &pair("10.0.0.5:4000", "8.8.8.8:53")).int(param::SOCKET_SENDTO_X::res, -1);
    assert_eq!(see(&mut inspector, failed, &fields[1..2]), ["o"]);
    assert_eq!(
        see(&mut inspector, receive(4, 8, &pair("8.8.8.8:53", "10.0.0.5:4000")), &fields[1..2]),
        ["o"]
    );
}

#[test]
fn reading_and_writing_connect() {
    for (ty, res) in [
        (E::SYSCALL_WRITE_X, 5),
        (E::SYSCALL_READV_X, 0),
        (E::SYSCALL_PWRITEV2_X, 5),
        (E::SYSCALL_PREADV2_X, 0),
        (E::SYSCALL_WRITE_X, -11),
    ] {
        let mut inspector = system();
        see(&mut inspector, socket(4, INET, STREAM, 0), &[]);
        let info = ty.info().unwrap();
        let event = at(2, ty, 10).int(0, res).int(info.param("fd").unwrap(), 4);
        assert_eq!(see(&mut inspector, event, &["fd.connected"]), [(res >= 0).to_string()]);
    }
}

#[test]
fn datagrams_between_unix_sockets_name_them() {
    let mut inspector = system();
    see(&mut inspector, socket(4, UNIX, DATAGRAM, 0), &[]);
    let event = send(2, 4, &unix_pair(0, 0xff, b"/dev/log"));
    assert_eq!(see(&mut inspector, event, &["fd.name", "evt.is_syslog"]), ["0->ff /dev/log", "true"]);
}

#[test]
fn sockets_of_the_snapshot_are_on_the_side_that_their_port_reports() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let stream = |fd, local: (&str, u16), remote: (&str, u16)| {
        let ends = ((ip(local.0), local.1), (ip(remote.0), remote.1));
        FdEntry::new(fd, 1, FdDetail::Socket { local: ends.0, remote: ends.1, l4: 2 })
    };
    let unix = |fd, path: &[u8]| {
        FdEntry::new(fd, 2, FdDetail::Unix { source: 1, destination: 2, path: path.into() })
    };
    let listens = FdEntry::new(5, 3, FdDetail::ServerSocket { addr: (ip("0.0.0.0"), 80), l4: 2 });
    let on_all = FdEntry::new(9, 4, FdDetail::ServerSocket { addr: (ip("::"), 81), l4: 2 });
    let mut inspector = machine();
    let thread = ThreadEntry { tid: 10, pid: 10, ptid: 1, vtid: 10, vpid: 10, ..ThreadEntry::default() };
    inspector.load(Snapshot {
        threads: vec![thread],
        fds: vec![(
            10,
            vec![
                listens,
                stream(6, ("10.0.0.5", 80), ("8.8.8.8", 4000)),
                stream(7, ("10.0.0.5", 4001), ("8.8.8.8", 443)),
                unix(8, b"/run/x.sock"),
                on_all,
            ],
        )],
        ..Snapshot::default()
    });
    let fields = ["fd.name", "fd.cport", "fd.sport", "fd.l4proto", "fd.connected"];
    let mut of = |fd| see(&mut inspector, close(1, 10, fd).int(param::SYSCALL_CLOSE_X::res, -9), &fields);
    assert_eq!(of(5), ["0.0.0.0:80", "<NA>", "80", "tcp", "false"]);
    assert_eq!(of(6), ["8.8.8.8:4000->10.0.0.5:80", "4000", "80", "tcp", "true"]);
    assert_eq!(of(7), ["10.0.0.5:4001->8.8.8.8:443", "4001", "443", "tcp", "true"]);
    assert_eq!(of(8), ["/run/x.sock", "<NA>", "<NA>", "<NA>", "false"]);
    assert_eq!(of(9)[..3], [":::81", "<NA>", "81"]);
    let own =
        see(&mut inspector, close(1, 10, 9).int(param::SYSCALL_CLOSE_X::res, -9), &["fd.type", "fd.sip"]);
    assert_eq!(own, ["ipv6", "Ip(::)"]);
}

#[test]
fn polled_files_are_listed() {
    use param::SYSCALL_POLL_X as p;
    let mut inspector = machine();
    see(&mut inspector, socket(4, INET, STREAM, 0), &[]);
    see(&mut inspector, connect(4, &pair("10.0.0.5:4000", "8.8.8.8:80")), &[]);
    see(&mut inspector, socket(5, INET, STREAM, 0), &[]);
    see(&mut inspector, bind(5, &address("10.0.0.5:81")), &[]);
    let item = |fd: i64| [&fd.to_le_bytes()[..], &1_u16.to_le_bytes()].concat();
    let list = [3, 4, 5, 77].map(item).concat();
    let poll = at(4, E::SYSCALL_POLL_X, 10)
        .int(p::res, 1)
        .bytes(p::fds, &[&4_u16.to_le_bytes()[..], &list].concat());
    let fields =
        ["fdlist.nums", "fdlist.names", "fdlist.cips", "fdlist.sips", "fdlist.cports", "fdlist.sports"];
    assert_eq!(
        see(&mut inspector, poll, &fields),
        [
            "3,4,5,77",
            "/x,10.0.0.5:4000->8.8.8.8:80,10.0.0.5:81,<NA>",
            "10.0.0.5",
            "8.8.8.8,10.0.0.5",
            "4000",
            "80,81"
        ]
    );
    assert_eq!(see(&mut inspector, close(5, 10, 3), &fields), ["<NA>"; 6]);
}
