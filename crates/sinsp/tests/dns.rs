//! DNS responses in a script of events, and the names of addresses after them.

use std::net::Ipv4Addr;

use eyas_events::{EventType as E, param};
use eyas_scap::EventBuilder;
use eyas_sinsp::Inspector;

mod script;

use script::{at, dns_message, see, system};

const SERVED: Ipv4Addr = Ipv4Addr::new(93, 184, 216, 34);

/// Both ends of a socket, ports in the order of captures.
fn tuple(remote: Ipv4Addr, port: u16) -> Vec<u8> {
    let mut out = vec![2, 10, 0, 0, 1];
    out.extend(40_000_u16.to_le_bytes());
    out.extend(remote.octets());
    out.extend(port.to_le_bytes());
    out
}

/// A socket that is connected.
fn connect(inspector: &mut Inspector, fd: i64, ty: i64, remote: Ipv4Addr, port: u16) -> Vec<String> {
    use param::{SOCKET_CONNECT_X as c, SOCKET_SOCKET_X as s};
    let socket = at(1, E::SOCKET_SOCKET_X, 10).int(s::fd, fd).int(s::domain, 2).int(s::r#type, ty);
    see(inspector, socket, &[]);
    let connect =
        at(2, E::SOCKET_CONNECT_X, 10).int(c::res, 0).int(c::fd, fd).bytes(c::tuple, &tuple(remote, port));
    see(inspector, connect, &["fd.domain", "fd.sip.name", "fd.cip.name"])
}

fn data(ty: E, fd: i64, bytes: &[u8]) -> EventBuilder {
    let info = ty.info().unwrap();
    let place = |name: &str| info.param(name).unwrap();
    at(3, ty, 10).int(place("res"), bytes.len() as i64).int(place("fd"), fd).bytes(place("data"), bytes)
}

const FIELDS: [&str; 3] = ["dns.query", "dns.answers", "dns.is_answer"];
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 53);

#[test]
fn an_answer_of_a_name_server_names_the_address() {
    let mut inspector = system();
    assert_eq!(connect(&mut inspector, 8, 1, SERVED, 443), ["<NA>", "<NA>", "<NA>"]);
    connect(&mut inspector, 7, 2, SERVER, 53);
    let asked = data(E::SOCKET_SENDTO_X, 7, &dns_message("WWW.example.org", None));
    assert_eq!(see(&mut inspector, asked, &FIELDS), ["www.example.org", "List([])", "false"]);
    // A query gives no address a name.
    assert_eq!(connect(&mut inspector, 8, 1, SERVED, 443)[0], "<NA>");
    let answered = data(E::SOCKET_RECVFROM_X, 7, &dns_message("www.example.org", Some(SERVED)));
    let seen = see(&mut inspector, answered, &FIELDS);
    assert_eq!((&*seen[0], &*seen[2]), ("www.example.org", "true"));
    assert!(seen[1].contains("Str") || seen[1].contains("93.184.216.34"), "{seen:?}");
    assert_eq!(connect(&mut inspector, 8, 1, SERVED, 443), ["www.example.org", "www.example.org", "<NA>"]);
    // The last response decides.
    see(&mut inspector, data(E::SYSCALL_READ_X, 7, &dns_message("cdn.example.net", Some(SERVED))), &[]);
    assert_eq!(connect(&mut inspector, 8, 1, SERVED, 443)[0], "cdn.example.net");
    assert_eq!(connect(&mut inspector, 8, 1, Ipv4Addr::new(1, 2, 3, 4), 443)[0], "<NA>");
}

#[test]
fn answers_over_tcp_have_their_length_before_them() {
    let mut inspector = system();
    connect(&mut inspector, 7, 1, SERVER, 53);
    let answer = dns_message("big.example.org", Some(SERVED));
    let prefixed = [&(answer.len() as u16).to_be_bytes()[..], &answer].concat();
    see(&mut inspector, data(E::SYSCALL_READ_X, 7, &prefixed), &[]);
    assert_eq!(connect(&mut inspector, 8, 1, SERVED, 443)[0], "big.example.org");
}

#[test]
fn other_messages_give_no_names() {
    let mut inspector = system();
    // Messages on another port, and messages that a name server receives, give no names.
    connect(&mut inspector, 7, 2, SERVER, 5353);
    let answer = dns_message("bad.example.org", Some(SERVED));
    assert_eq!(see(&mut inspector, data(E::SOCKET_RECVFROM_X, 7, &answer), &FIELDS), ["<NA>"; 3]);
    connect(&mut inspector, 9, 2, SERVER, 53);
    see(&mut inspector, data(E::SOCKET_SENDTO_X, 9, &answer), &[]);
    for end in 0..answer.len() {
        see(&mut inspector, data(E::SOCKET_RECVFROM_X, 9, &answer[..end]), &FIELDS);
    }
    assert_eq!(connect(&mut inspector, 8, 1, SERVED, 443)[0], "<NA>");
}
