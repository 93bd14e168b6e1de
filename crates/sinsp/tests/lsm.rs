//! Decisions of the kernel's security hooks: fields, and captures written and read back.

use eyas_events::{EventType as E, hooks, param};
use eyas_scap::EventBuilder;

mod script;

use script::{at, close, see, system, write_and_read};

const FIELDS: [&str; 8] = [
    "evt.type",
    "lsm.hook",
    "lsm.verdict",
    "lsm.path",
    "lsm.target",
    "lsm.address",
    "lsm.value",
    "evt.is_io_uring",
];

fn decided(second: u64, hook: &str, verdict: i64) -> EventBuilder {
    let number = hooks().find(|row| row.name == hook).unwrap().number;
    at(second, E::LSM_X, 10).uint(param::LSM_X::hook, number.into()).int(param::LSM_X::res, verdict)
}

/// An open with a decision, and two decisions without a call.
fn events() -> [EventBuilder; 3] {
    use param::LSM_X as p;
    let denied = decided(1, "file_open", -13).text(p::path, b"/etc/shadow").int(p::value, 0x8000).build();
    let open = at(2, E::SYSCALL_OPENAT_2_X, 10).int(param::SYSCALL_OPENAT_2_X::fd, -13);
    let open = open.text(param::SYSCALL_OPENAT_2_X::name, b"/tmp/link").decision(&denied);
    let to = [&[2, 10, 0, 0, 7][..], &443_u16.to_le_bytes()].concat();
    let connect = decided(3, "socket_connect", 0).bytes(p::addr, &to);
    [open, connect, decided(4, "path_rename", 0).text(p::path, b"/a").text(p::target, b"/b")]
}

const EXPECTED: [[&str; 8]; 3] = [
    ["openat", "file_open", "EACCES", "/etc/shadow", "<NA>", "<NA>", "32768", "false"],
    ["lsm", "socket_connect", "allowed", "<NA>", "<NA>", "10.0.0.7:443", "<NA>", "false"],
    ["lsm", "path_rename", "allowed", "/a", "/b", "<NA>", "<NA>", "false"],
];

#[test]
fn fields_have_the_decision_and_its_object() {
    let mut inspector = system();
    for (event, expected) in events().into_iter().zip(EXPECTED) {
        assert_eq!(see(&mut inspector, event, &FIELDS), expected);
    }
    assert_eq!(see(&mut inspector, close(5, 10, 3), &FIELDS[1..7]), ["<NA>"; 6]);
    let result = ["evt.res", "evt.rawres", "proc.name"];
    assert_eq!(see(&mut inspector, decided(6, "bpf", -1), &result)[..2], ["EPERM", "-1"]);
}

#[test]
fn captures_contain_decisions() {
    write_and_read(events().into_iter().chain([close(9, 10, 3)]), |wrote, read| {
        assert_eq!(read.ty, wrote.ty);
        let decision_of = |raw: &eyas_scap::RawEvent<'_>| {
            let found = raw.decision()?;
            let texts = [found.path(), found.target(), found.address()].map(|text| text.map(<[u8]>::to_vec));
            Some((found.number(), found.verdict(), texts, found.value()))
        };
        assert_eq!(decision_of(read), decision_of(wrote));
        assert_eq!(decision_of(read).is_some(), wrote.ty != E::SYSCALL_CLOSE_X);
    });
}
