//! Generates which arguments of its call each event reads as addresses, in C.

use std::fmt::Write;

use eyas_events::{EventInfo, EventType, Op, events};

use super::custom;

/// Maximum number of such arguments of an event: `READS_PER_EVENT`.
const MAX: usize = 4;
/// Number of arguments of a call.
const ARGS: u8 = 6;

/// The table, by event type.
pub(super) fn table(out: &mut String) {
    let mut rows = vec!["0".to_owned(); EventType::COUNT];
    for event in events() {
        let reads = of(event);
        assert!(reads.len() <= MAX, "{} reads more arguments: {reads:?}", event.ident);
        let terms: Vec<String> = (0_u32..)
            .zip(&reads)
            .map(|(i, (how, arg))| format!("(READS_{how} << 3 | {arg}) << {}", 8 * i))
            .collect();
        if !terms.is_empty() {
            rows[usize::from(event.ty.0)] = terms.join(" | ");
        }
    }
    // Writing to a String cannot fail.
    let _ = writeln!(out, "static const volatile __u32 user_reads[EVENT_TYPES] = {{ {} }};", rows.join(", "));
}

/// The arguments that an event reads, and how; each once.
fn of(event: &EventInfo) -> Vec<(&'static str, u8)> {
    let mut reads: Vec<(&str, u8)> = Vec::new();
    for param in event.params {
        let source = param.source;
        let read = match source.op {
            Op::UserStr => Some(("TEXT", source.arg)),
            Op::UserU32 | Op::UserU64 => Some(("NUMBER", source.arg)),
            Op::Custom => {
                custom::row(event.ident, param.name).and_then(|(.., op, arg)| made(event, op, *arg))
            }
            _ => None,
        };
        // The end of another call or a tracepoint makes the other events.
        let read = read.filter(|(_, arg)| *arg < ARGS && event.ident.ends_with("_X"));
        reads.extend(read.filter(|read| !reads.contains(read)));
    }
    reads
}

/// The same for a parameter that the probe makes.
fn made(event: &EventInfo, op: &str, arg: u8) -> Option<(&'static str, u8)> {
    // Each header of a message is followed by the number of its bytes.
    let has_messages = event.ident.contains("MMSG");
    Some(match op {
        "OPEN_NAME" | "KEY_ARG" | "QUOTA_FILE" | "PRCTL_STR" | "FS_TEXT" => ("TEXT", arg),
        // Of a program that was not started.
        "EXEC_FILENAME" if event.ident.starts_with("SYSCALL_EXECVE_") => ("TEXT", 0),
        "READ_DATA" => ("RECEIVED", arg),
        "WRITE_DATA" | "XATTR_VALUE" | "MODULE_IMAGE" => ("SENT", arg),
        "SOCKADDR" | "TUPLE_OUT" => ("ADDRESS", arg),
        "IOV_IN" => ("BUFFERS_RECEIVED", arg),
        "IOV_OUT" => ("BUFFERS_SENT", arg),
        "MSG_IN" | "MSG_OUT" if has_messages => ("MESSAGES", arg),
        "MSG_IN" => ("MESSAGE_RECEIVED", arg),
        "MSG_OUT" => ("MESSAGE_SENT", arg),
        "POLL_FDS" => ("POLLED", arg),
        "USER_FD" | "RLIMIT_GIVEN" | "RLIMIT_GOT" => ("RECORD", arg % custom::SECOND),
        "OPEN_HOW_FLAGS" | "TIMESPEC" | "ATTR_SET" | "XATTR_ARGS_VALUE" | "OPT_VALUE" => ("RECORD", arg),
        "CLONE3_FLAGS" => ("RECORD", 0),
        "SEMBUF" => ("RECORD", 1),
        "URING_PARAM" => ("BLOCK", 1),
        "DQBLK" | "DQINFO" => ("BLOCK", 3),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_event(ident: &str) -> Vec<(&'static str, u8)> {
        of(events().find(|event| event.ident == ident).unwrap())
    }

    #[test]
    fn arguments_that_are_addresses_are_in_the_table() {
        assert_eq!(of_event("SYSCALL_OPENAT_2_X"), [("TEXT", 1)]);
        assert_eq!(of_event("SYSCALL_OPENAT2_X"), [("TEXT", 1), ("RECORD", 2)]);
        assert_eq!(of_event("SYSCALL_RENAMEAT2_X"), [("TEXT", 1), ("TEXT", 3)]);
        assert_eq!(of_event("SYSCALL_WRITE_X"), [("SENT", 1)]);
        assert_eq!(of_event("SOCKET_CONNECT_X"), [("ADDRESS", 1)]);
        assert_eq!(of_event("SOCKET_SENDTO_X"), [("SENT", 1), ("ADDRESS", 4)]);
        assert_eq!(of_event("SOCKET_SENDMMSG_X"), [("MESSAGES", 1)]);
        assert_eq!(of_event("SYSCALL_PRLIMIT_X"), [("RECORD", 2), ("RECORD", 3)]);
        assert_eq!(of_event("SYSCALL_CLOSE_X"), []);
    }
}
