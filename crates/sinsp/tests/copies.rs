//! Open files with several descriptors, and descriptors that events describe.

use eyas_events::{EventType as E, param};
use eyas_scap::{EventBuilder, FdEntry, ThreadEntry};
use eyas_sinsp::{Config, Inspector, ProcLookup};

mod script;

use script::{at, clone, exec, open, see, system, system_with};

const INET: u8 = 2;
const STREAM: u64 = 1;
const DATAGRAM: u64 = 2;
/// `S_IFSOCK`.
const SOCKET: u16 = 0o140_777;
/// The mode that the probe reports for a pidfd.
const PIDFD: u16 = 0xf000;
/// The mode of a record that names the thread of the next one.
const HOLDER: u16 = 0xe000;

fn end(last: u8, port: u16) -> Vec<u8> {
    [&[10, 0, 0, last][..], &port.to_le_bytes()].concat()
}

fn ends(source: (u8, u16), destination: (u8, u16)) -> Vec<u8> {
    [&[INET][..], &end(source.0, source.1), &end(destination.0, destination.1)].concat()
}

fn socket(tid: i64, fd: i64, ty: u64) -> EventBuilder {
    use param::SOCKET_SOCKET_X as p;
    let event = at(1, E::SOCKET_SOCKET_X, tid).int(p::fd, fd).uint(p::domain, INET.into());
    event.uint(p::r#type, ty).uint(p::proto, 0)
}

fn bind(tid: i64, fd: i64, last: u8, port: u16) -> EventBuilder {
    use param::SOCKET_BIND_X as p;
    let address = [&[INET][..], &end(last, port)].concat();
    at(2, E::SOCKET_BIND_X, tid).int(p::res, 0).int(p::fd, fd).bytes(p::addr, &address)
}

fn connect(tid: i64, fd: i64, source: (u8, u16), destination: (u8, u16)) -> EventBuilder {
    use param::SOCKET_CONNECT_X as p;
    let event = at(3, E::SOCKET_CONNECT_X, tid).int(p::res, 0).int(p::fd, fd);
    event.bytes(p::tuple, &ends(source, destination))
}

fn dup2(tid: i64, old: i64, new: i64) -> EventBuilder {
    use param::SYSCALL_DUP2_X as p;
    at(2, E::SYSCALL_DUP2_X, tid).int(p::res, new).int(p::oldfd, old).int(p::newfd, new)
}

fn write(tid: i64, fd: i64) -> EventBuilder {
    at(9, E::SYSCALL_WRITE_X, tid).int(0, 1).int(param::SYSCALL_WRITE_X::fd, fd)
}

fn name(inspector: &mut Inspector, tid: i64, fd: i64) -> String {
    see(inspector, write(tid, fd), &["fd.name"]).remove(0)
}

/// A descriptor as the probe describes it.
fn described(fd: i32, mode: u16, name: &[u8]) -> Vec<u8> {
    const O_CLOEXEC: u32 = eyas_events::FlagTable::FILE_FLAGS.value("O_CLOEXEC");
    // Descriptors with different numbers are of different files.
    let (ino, dev) = ((74 + fd as u64).to_le_bytes(), 0x801_u32.to_le_bytes());
    let lengths = [mode, name.len() as u16].map(u16::to_le_bytes).concat();
    [&fd.to_le_bytes()[..], &(1 | O_CLOEXEC).to_le_bytes(), &ino, &dev, &lengths, name].concat()
}

fn described_stream(fd: i32, local: (u8, u16), remote: (u8, u16)) -> Vec<u8> {
    described(fd, SOCKET, &[&[STREAM as u8][..], &ends(local, remote)].concat())
}

/// An event that describes descriptors.
fn brings(event: EventBuilder, ty: E, what: &[u8]) -> EventBuilder {
    event.bytes(ty.info().unwrap().params.len(), what)
}

#[test]
fn a_socket_is_connected_and_bound_for_all_its_descriptors() {
    let mut inspector = system();
    see(&mut inspector, socket(10, 4, STREAM), &[]);
    for fd in [0, 1, 2000] {
        see(&mut inspector, dup2(10, 4, fd), &[]);
    }
    // A process that is created with a copy of the descriptors.
    see(&mut inspector, clone(2, 11, 0, 11, 10, 0), &[]);
    see(&mut inspector, connect(11, 0, (5, 4000), (9, 80)), &[]);
    for (tid, fd) in [(10, 0), (10, 1), (10, 4), (10, 2000), (11, 1), (11, 4)] {
        let got = see(&mut inspector, write(tid, fd), &["fd.name", "fd.sip", "fd.connected"]);
        assert_eq!(got, ["10.0.0.5:4000->10.0.0.9:80", "Ip(10.0.0.9)", "true"], "{tid} {fd}");
    }
    // A new socket with the same number does not change the copies of the old one.
    see(&mut inspector, socket(10, 4, STREAM), &[]);
    see(&mut inspector, bind(10, 4, 5, 22), &[]);
    assert_eq!(name(&mut inspector, 10, 4), "10.0.0.5:22");
    assert_eq!(name(&mut inspector, 11, 4), "10.0.0.5:4000->10.0.0.9:80");
}

#[test]
fn a_file_that_gets_a_name_has_it_for_all_its_descriptors() {
    use param::{SYSCALL_LINKAT_2_X as link, SYSCALL_OPENAT_2_X as p};
    let unnamed = eyas_events::FlagTable::FILE_FLAGS.value("O_TMPFILE")
        | eyas_events::FlagTable::FILE_FLAGS.value("O_WRONLY");
    let mut inspector = system();
    let file = open(1, 10, 4, -100, b"/srv").uint(p::flags, unnamed.into()).uint(p::ino, 5);
    see(&mut inspector, file, &[]);
    see(&mut inspector, dup2(10, 4, 5), &[]);
    let event =
        at(2, E::SYSCALL_LINKAT_2_X, 10).int(link::res, 0).int(link::olddir, 4).text(link::oldpath, b"");
    see(&mut inspector, event.int(link::newdir, -100).text(link::newpath, b"/srv/x"), &[]);
    assert_eq!([4, 5].map(|fd| name(&mut inspector, 10, fd)), ["/srv/x", "/srv/x"]);
}

/// A live system whose only threads are those of the snapshot.
struct Nobody;

impl ProcLookup for Nobody {
    fn thread(&mut self, _: i64) -> Option<(ThreadEntry, Vec<FdEntry>)> {
        None
    }
}

#[test]
fn a_copy_of_an_unknown_file_replaces_the_target_s_file() {
    // In a replay the descriptor keeps its old file, as in the reference.
    for (config, after) in [(Config::default().with_proc(Nobody), ""), (Config::default(), "/etc/motd")] {
        let mut inspector = system_with(config);
        assert_eq!(name(&mut inspector, 10, 3), "/etc/motd");
        see(&mut inspector, dup2(10, 99, 3), &[]);
        assert_eq!(name(&mut inspector, 10, 3), after);
    }
}

#[test]
fn a_stream_that_was_bound_is_a_client_once_it_connects() {
    let mut inspector = system();
    see(&mut inspector, socket(10, 4, STREAM), &[]);
    see(&mut inspector, bind(10, 4, 5, 4000), &[]);
    let fields = ["fd.name", "fd.lport", "fd.rport", "fd.is_server"];
    let got = see(&mut inspector, connect(10, 4, (5, 4000), (9, 80)), &fields);
    assert_eq!(got, ["10.0.0.5:4000->10.0.0.9:80", "4000", "80", "false"]);
}

#[test]
fn a_stream_that_is_disconnected_has_no_peer() {
    let mut inspector = system();
    see(&mut inspector, socket(10, 4, STREAM), &[]);
    see(&mut inspector, connect(10, 4, (5, 4000), (9, 80)), &[]);
    // The kernel keeps the address, and removes the port.
    let fields = ["fd.name", "fd.connected", "fd.rip"];
    assert_eq!(see(&mut inspector, connect(10, 4, (0, 4000), (9, 0)), &fields), ["", "false", "<NA>"]);
}

#[test]
fn a_stream_over_several_paths_is_tcp() {
    let mut inspector = system();
    let event = socket(10, 4, STREAM).uint(param::SOCKET_SOCKET_X::proto, 262);
    see(&mut inspector, event, &[]);
    let event = connect(10, 4, (5, 4000), (9, 80));
    assert_eq!(see(&mut inspector, event, &["fd.name", "fd.l4proto"]), ["10.0.0.5:4000->10.0.0.9:80", "tcp"]);
}

#[test]
fn a_packet_socket_of_an_old_program_is_no_internet_socket() {
    let mut inspector = system();
    let fields = ["fd.type", "fd.l4proto"];
    assert_eq!(see(&mut inspector, socket(10, 4, 10), &fields), ["<NA>", "<NA>"]);
}

#[test]
fn a_datagram_with_a_partial_checksum_is_udp() {
    let mut inspector = system();
    let event = socket(10, 4, DATAGRAM).uint(param::SOCKET_SOCKET_X::proto, 136);
    see(&mut inspector, event, &[]);
    let event = connect(10, 4, (5, 4000), (9, 53));
    assert_eq!(see(&mut inspector, event, &["fd.name", "fd.l4proto"]), ["10.0.0.5:4000->10.0.0.9:53", "udp"]);
}

#[test]
fn a_datagram_that_goes_elsewhere_changes_no_peer() {
    use param::SOCKET_SENDTO_X as p;
    let mut inspector = system();
    see(&mut inspector, socket(10, 4, DATAGRAM), &[]);
    see(&mut inspector, connect(10, 4, (5, 4000), (9, 53)), &[]);
    let send = |to| {
        let event = at(4, E::SOCKET_SENDTO_X, 10).int(p::res, 5).int(p::fd, 4);
        event.bytes(p::tuple, &ends((5, 4000), to))
    };
    let got = see(&mut inspector, send((8, 5353)), &["fd.name", "fd.rip"]);
    assert_eq!(got, ["10.0.0.5:4000->10.0.0.8:5353", "Ip(10.0.0.8)"]);
    assert_eq!(name(&mut inspector, 10, 4), "10.0.0.5:4000->10.0.0.9:53");
    // An unconnected socket has the address of its last peer.
    see(&mut inspector, socket(10, 4, DATAGRAM), &[]);
    see(&mut inspector, send((8, 5353)), &[]);
    assert_eq!(name(&mut inspector, 10, 4), "10.0.0.5:4000->10.0.0.8:5353");
}

#[test]
fn a_received_socket_has_the_role_that_its_maker_gave_it() {
    let ty = E::SOCKET_RECVMSG_X;
    let come = |what: &[u8]| brings(at(5, ty, 1).int(0, 1), ty, what);
    let fields = ["fd.name", "fd.lport", "fd.rport", "fd.is_server", "fd.l4proto"];
    // Both ends are on this machine: the shell has the socket of the server and that of the client.
    let mut inspector = system();
    let accept = at(3, E::SOCKET_ACCEPT4_6_X, 10).int(param::SOCKET_ACCEPT4_6_X::fd, 5);
    let accepted = accept.bytes(param::SOCKET_ACCEPT4_6_X::tuple, &ends((5, 4000), (5, 80)));
    see(&mut inspector, accepted, &[]);
    see(&mut inspector, socket(10, 4, STREAM), &[]);
    see(&mut inspector, connect(10, 4, (5, 4000), (5, 80)), &[]);
    let both = [described_stream(7, (5, 80), (5, 4000)), described_stream(8, (5, 4000), (5, 80))];
    see(&mut inspector, come(&both.concat()), &[]);
    let name = "10.0.0.5:4000->10.0.0.5:80";
    assert_eq!(see(&mut inspector, write(1, 7), &fields), [name, "80", "4000", "true", "tcp"]);
    assert_eq!(see(&mut inspector, write(1, 8), &fields), [name, "4000", "80", "false", "tcp"]);
    // No process has the socket; a socket of this machine listens on the port, or none does.
    for (is_served, name, is_server) in
        [(true, "10.0.0.9:4000->10.0.0.5:80", "true"), (false, "10.0.0.5:80->10.0.0.9:4000", "false")]
    {
        let mut inspector = system();
        if is_served {
            see(&mut inspector, socket(10, 4, STREAM), &[]);
            see(&mut inspector, bind(10, 4, 5, 80), &[]);
        }
        see(&mut inspector, come(&described_stream(7, (5, 80), (9, 4000))), &[]);
        assert_eq!(see(&mut inspector, write(1, 7), &fields), [name, "80", "4000", is_server, "tcp"]);
    }
}

#[test]
fn pidfd_getfd_gets_the_file_that_the_kernel_reports() {
    use param::{SYSCALL_PIDFD_GETFD_X as get, SYSCALL_PIDFD_OPEN_X as pidfd};
    let fields = ["fd.name", "proc.fdopencount"];
    let got = |what: &[u8]| {
        let event =
            at(3, E::SYSCALL_PIDFD_GETFD_X, 1).int(get::fd, 6).int(get::pid_fd, 5).int(get::target_fd, 3);
        brings(event, E::SYSCALL_PIDFD_GETFD_X, what)
    };
    // Through an unknown pidfd.
    let mut inspector = system();
    see(&mut inspector, got(&described(6, 0o100_600, b"/etc/shadow")), &[]);
    assert_eq!(see(&mut inspector, write(1, 6), &fields), ["/etc/shadow", "1"]);
    // The id of a process in a namespace is the id of another process on the host.
    let mut inspector = system();
    let event = at(2, E::SYSCALL_PIDFD_OPEN_X, 1).int(0, 5).int(pidfd::pid, 10);
    let event = brings(event, E::SYSCALL_PIDFD_OPEN_X, &described(5, PIDFD, &77_u32.to_le_bytes()));
    assert_eq!(see(&mut inspector, event, &["fd.num", "fd.name", "fd.type"]), ["5", "/proc/77", "pidfd"]);
    see(&mut inspector, got(&described(6, 0o100_600, b"/etc/shadow")), &[]);
    assert_eq!(see(&mut inspector, write(1, 6), &fields), ["/etc/shadow", "2"]);
    assert_eq!(see(&mut inspector, exec(4, 1, b"cat", b""), &["proc.fdopencount"]), ["0"]);
}

#[test]
fn a_clone_makes_a_pidfd() {
    // Both rows have the same parameters.
    use param::SYSCALL_CLONE_20_X as c;
    for ty in [E::SYSCALL_CLONE_20_X, E::SYSCALL_CLONE3_X] {
        let mut inspector = system();
        let event = at(2, ty, 10).int(c::res, 11).text(c::exe, b"sh").text(c::comm, b"sh").int(c::tid, 10);
        let event = event.int(c::pid, 10).int(c::ptid, 1).int(c::vtid, 10).int(c::vpid, 10).uint(c::flags, 0);
        let event = brings(event, ty, &described(4, PIDFD, &11_u32.to_le_bytes()));
        see(&mut inspector, event, &[]);
        assert_eq!(name(&mut inspector, 10, 4), "/proc/11");
        assert_eq!(name(&mut inspector, 11, 4), "", "the child has none");
    }
}

#[test]
fn a_unix_socket_keeps_the_name_of_its_connection() {
    use param::{SOCKET_CONNECT_X as connect, SOCKET_RECVFROM_X as receive, SOCKET_SENDTO_X as send};
    let pair = |path: &[u8]| [&[1][..], &5_u64.to_le_bytes(), &7_u64.to_le_bytes(), path, b"\0"].concat();
    let mut inspector = system();
    let socket = at(1, E::SOCKET_SOCKET_X, 10).int(param::SOCKET_SOCKET_X::fd, 4);
    see(&mut inspector, socket.uint(param::SOCKET_SOCKET_X::domain, 1), &[]);
    let event = at(2, E::SOCKET_CONNECT_X, 10).int(connect::res, 0).int(connect::fd, 4);
    see(&mut inspector, event.bytes(connect::tuple, &pair(b"/run/one")), &[]);
    // The caller's end lacks a name.
    let event = at(3, E::SOCKET_RECVFROM_X, 10).int(receive::res, 1).int(receive::fd, 4);
    let event = event.bytes(receive::tuple, &pair(b""));
    assert_eq!(see(&mut inspector, event, &["fd.name"]), ["5->7 /run/one"]);
    let event = at(4, E::SOCKET_SENDTO_X, 10).int(send::res, 1).int(send::fd, 4);
    let event = event.bytes(send::tuple, &pair(b"/run/other"));
    assert_eq!(see(&mut inspector, event, &["fd.name"]), ["5->7 /run/other"]);
    assert_eq!(name(&mut inspector, 10, 4), "5->7 /run/one");
}

/// Anonymous files have no type in their mode.
const ANONYMOUS: u16 = 0o600;

#[test]
fn a_call_that_makes_no_descriptor_changes_none() {
    use param::SYSCALL_BPF_2_X as bpf;
    const UPDATE: u32 = eyas_events::FlagTable::BPF_COMMANDS.value("BPF_MAP_UPDATE_ELEM");
    const LOAD: u32 = eyas_events::FlagTable::BPF_COMMANDS.value("BPF_PROG_LOAD");
    let call = |command: u32| at(1, E::SYSCALL_BPF_2_X, 10).int(bpf::fd, 3).int(bpf::cmd, command.into());
    // In a replay, the command shows whether the result is a descriptor.
    let mut inspector = system();
    see(&mut inspector, call(UPDATE), &[]);
    assert_eq!(name(&mut inspector, 10, 3), "/etc/motd");
    see(&mut inspector, call(LOAD), &[]);
    assert_eq!(see(&mut inspector, write(10, 3), &["fd.name", "fd.type"]), ["", "bpf"]);
    // The event of a live capture shows what the descriptor is.
    let mut inspector = system();
    let motd = described(3, 0o100_644, b"/etc/motd");
    see(&mut inspector, brings(call(UPDATE), E::SYSCALL_BPF_2_X, &motd), &[]);
    assert_eq!(see(&mut inspector, write(10, 3), &["fd.name", "fd.type"]), ["/etc/motd", "file"]);
}

#[test]
fn descriptors_of_any_call_are_those_that_the_event_describes() {
    let fields = ["fd.name", "fd.type", "fd.ino"];
    let perf = described(3, ANONYMOUS, b"[perf_event]");
    let socket = described(3, SOCKET, &[1, 40]);
    // The number had another file before, whose close was not seen.
    for (event, ty, what, wanted) in [
        (
            at(1, E::SYSCALL_PERF_EVENT_OPEN_X, 10).int(0, 3),
            E::SYSCALL_PERF_EVENT_OPEN_X,
            &perf,
            "[perf_event]",
        ),
        (at(1, E::SYSCALL_SECCOMP_X, 10).int(0, 3), E::SYSCALL_SECCOMP_X, &perf, "[perf_event]"),
        (at(1, E::SOCKET_GETSOCKOPT_X, 10).int(0, 0), E::SOCKET_GETSOCKOPT_X, &perf, "[perf_event]"),
        (at(1, E::SOCKET_ACCEPT4_6_X, 10).int(0, 3), E::SOCKET_ACCEPT4_6_X, &socket, "socket:[77]"),
        (self::socket(10, 3, STREAM).uint(1, 40), E::SOCKET_SOCKET_X, &socket, "socket:[77]"),
    ] {
        let mut inspector = system();
        see(&mut inspector, brings(event, ty, what), &[]);
        assert_eq!(
            see(&mut inspector, write(10, 3), &fields),
            [wanted, "unsupported", "77"],
            "{}",
            ty.name()
        );
        see(&mut inspector, dup2(10, 3, 9), &[]);
        see(&mut inspector, clone(2, 11, 0, 11, 10, 0), &[]);
        assert_eq!(name(&mut inspector, 11, 9), wanted);
        see(&mut inspector, script::close(3, 10, 3), &[]);
        assert_eq!(name(&mut inspector, 10, 3), "");
    }
    // After the terminal.
    let mut inspector = system();
    let event = at(1, E::SYSCALL_IOCTL_3_X, 10).int(0, 3).bytes(4, b"").bytes(5, &perf);
    see(&mut inspector, event, &[]);
    assert_eq!(see(&mut inspector, write(10, 3), &fields), ["[perf_event]", "unsupported", "77"]);
}

#[test]
fn a_supervisor_adds_descriptors_to_the_table_of_another_process() {
    let adds = |tid: u32, rest: &[u8]| {
        let record = [described(3, HOLDER, &tid.to_le_bytes()), rest.to_vec()].concat();
        at(4, E::SYSCALL_IOCTL_3_X, 10).int(0, 3).bytes(4, b"").bytes(5, &record)
    };
    let perf = described(3, ANONYMOUS, b"[perf_event]");
    for (config, is_live) in [(Config::default().with_proc(Nobody), true), (Config::default(), false)] {
        let mut inspector = system_with(config);
        see(&mut inspector, clone(2, 11, 0, 11, 10, 0), &[]);
        see(&mut inspector, adds(11, &perf), &[]);
        assert_eq!([10, 11].map(|tid| name(&mut inspector, tid, 3)), ["/etc/motd", "[perf_event]"]);
        // The process has closed it already, and the event of that follows.
        see(&mut inspector, adds(11, &[]), &[]);
        assert_eq!(name(&mut inspector, 11, 3), "[perf_event]");
        assert!(!inspector.is_in_doubt());
        // It may be any process.
        see(&mut inspector, adds(0, &[]), &[]);
        assert_eq!(inspector.is_in_doubt(), is_live);
        assert_eq!(name(&mut inspector, 10, 3), "/etc/motd");
    }
}

#[test]
fn a_datagram_socket_whose_port_the_kernel_chose_is_a_client_if_it_sends_first() {
    use param::SOCKET_SENDTO_X as send;
    for (is_chosen, is_server, wanted) in
        [(true, "false", "10.0.0.5:4000->10.0.0.8:53"), (false, "true", "10.0.0.8:53->10.0.0.5:4000")]
    {
        let mut inspector = system();
        see(&mut inspector, socket(10, 4, DATAGRAM), &[]);
        let event = bind(10, 4, 5, 4000);
        let ty = E::SOCKET_BIND_X;
        see(&mut inspector, if is_chosen { brings(event, ty, &[1]) } else { event }, &[]);
        assert_eq!(name(&mut inspector, 10, 4), "10.0.0.5:4000");
        let event = at(4, E::SOCKET_SENDTO_X, 10).int(send::res, 5).int(send::fd, 4);
        let event = event.bytes(send::tuple, &ends((5, 4000), (8, 53)));
        assert_eq!(see(&mut inspector, event, &["fd.name", "fd.is_server"]), [wanted, is_server]);
    }
}
