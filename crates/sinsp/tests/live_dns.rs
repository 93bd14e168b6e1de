//! DNS responses over loopback, with UDP and TCP: when a program connects to an address from a response,
//! the address has the name. Needs root and a kernel that loads the probe.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use eyas_events::{EventType, SyscallCode};
use eyas_scap::live::{Payloads, ProbeOptions, Source};
use eyas_sinsp::{Config, Inspector, Step};
use eyas_testing::test;

mod script;

use script::{dns_message, texts};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Loopback addresses that no other program uses: of the name server, and of two servers with names.
const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(127, 7, 53, 53);
const SERVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 7, 53, 1), Ipv4Addr::new(127, 7, 53, 2)];
const NAMES: [&str; 2] = ["udp.eyas.test", "tcp.eyas.test"];
const PATIENCE: Duration = Duration::from_secs(60);

/// The message after its length, as in DNS over TCP.
fn prefixed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

fn ask_by_udp() {
    let server = UdpSocket::bind((NAME_SERVER, 53)).unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect((NAME_SERVER, 53)).unwrap();
    client.send(&dns_message(NAMES[0], None)).unwrap();
    let mut buffer = [0; 512];
    let (_, from) = server.recv_from(&mut buffer).unwrap();
    server.send_to(&dns_message(NAMES[0], Some(SERVERS[0])), from).unwrap();
    assert!(client.recv(&mut buffer).unwrap() > 0);
}

fn ask_by_tcp() {
    let server = TcpListener::bind((NAME_SERVER, 53)).unwrap();
    let mut client = TcpStream::connect((NAME_SERVER, 53)).unwrap();
    let (mut accepted, _) = server.accept().unwrap();
    client.write_all(&prefixed(&dns_message(NAMES[1], None))).unwrap();
    let mut buffer = [0; 512];
    assert!(accepted.read(&mut buffer).unwrap() > 0);
    accepted.write_all(&prefixed(&dns_message(NAMES[1], Some(SERVERS[1])))).unwrap();
    assert!(client.read(&mut buffer).unwrap() > 0);
}

/// The domain names in the event of a connection to the address.
fn connected(source: &mut Source, inspector: &mut Inspector, to: SocketAddr) -> [String; 2] {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let Step::Event(view) = inspector.next(source).unwrap() else { continue };
        let found = texts(&view, &["fd.domain", "fd.sip.name", "fd.sport"]);
        if view.event().ty == EventType::SOCKET_CONNECT_X && found[2] == to.port().to_string() {
            return [found[0].clone(), found[1].clone()];
        }
    }
    panic!("no event of the connection to {to}");
}

#[test]
fn an_answer_over_loopback_names_the_server_that_is_connected_to() {
    eyas_testing::need_live_capture();
    let _turn = eyas_testing::live_turn();
    let calls = [
        SyscallCode::SOCKET,
        SyscallCode::BIND,
        SyscallCode::CONNECT,
        SyscallCode::ACCEPT4,
        SyscallCode::CLOSE,
        SyscallCode::RECVFROM,
        SyscallCode::RECVMSG,
        SyscallCode::READ,
    ];
    let payloads = Some(Payloads::default());
    let options =
        ProbeOptions { payloads, io_uring: false, ring_bytes: 32 << 20, ..ProbeOptions::only(calls) };
    let mut source = Source::open(options).unwrap();
    let mut inspector = Inspector::new(Config::default());
    while !matches!(inspector.next(&mut source).unwrap(), Step::Idle) {}
    for (n, ask) in [ask_by_udp as fn(), ask_by_tcp].into_iter().enumerate() {
        let listener = TcpListener::bind((SERVERS[n], 0)).unwrap();
        let to = listener.local_addr().unwrap();
        ask();
        drop(TcpStream::connect(to).unwrap());
        let found = connected(&mut source, &mut inspector, to);
        assert_eq!(found, [NAMES[n], NAMES[n]]);
    }
}
