//! The most frequent events: each gets specialised code with fixed offsets, instead of the interpreter.

use std::collections::BTreeSet;
use std::fmt::Write;

use eyas_events::{EventInfo, FlagMap, FlagMapKind, Op, ParamInfo};

use super::custom as ops;

/// The events with specialised code. Other events cost about twice as much, so frequent calls belong here.
/// Each event takes about forty instructions.
pub(super) const EVENTS: &[&str] = &[
    "GENERIC_X",
    "SYSCALL_READ_X",
    "SYSCALL_WRITE_X",
    "SYSCALL_PREAD_X",
    "SYSCALL_PWRITE_X",
    "SYSCALL_CLOSE_X",
    "SYSCALL_FSTAT_X",
    "SYSCALL_STAT_X",
    "SYSCALL_LSTAT_X",
    "SYSCALL_NEWFSTATAT_X",
    "SYSCALL_ACCESS_X",
    "SYSCALL_LSEEK_X",
    "SYSCALL_MMAP_X",
    "SYSCALL_MUNMAP_X",
    "SYSCALL_MPROTECT_X",
    "SYSCALL_BRK_4_X",
    "SYSCALL_FUTEX_X",
    "SYSCALL_IOCTL_3_X",
    "SYSCALL_FCNTL_X",
    "SYSCALL_EPOLLWAIT_X",
    "SYSCALL_GETDENTS64_X",
    "SYSCALL_SELECT_X",
    "SYSCALL_OPEN_X",
    "SYSCALL_OPENAT_2_X",
    "SOCKET_CONNECT_X",
    "SOCKET_SENDTO_X",
    "SOCKET_RECVFROM_X",
];

/// Size of an event's header, bytes.
const HEADER: usize = 26;
/// Maximum length of a path.
const TEXT: usize = 4096;
/// Maximum length of a path that is kept when a call begins; a longer one needs the interpreter.
const KEPT: usize = 256;
/// Maximum sizes of an opened file's path, of a socket's ends, and of an address.
const PATH: usize = 4097;
const TUPLE: usize = 126;
const ADDRESS: usize = 110;

/// Data that must be read before the event is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ahead {
    /// The captured part of a buffer with this size.
    Limit(&'static str),
    Scratch,
    /// The data that was kept when the call began.
    Kept,
    /// The file that was opened.
    Opened,
    /// If an `ioctl` makes a descriptor, the interpreter builds the event.
    Plain,
}

impl Ahead {
    fn code(self) -> String {
        match self {
            Self::Limit(size) => format!("HOT_LIMIT({size}) "),
            Self::Scratch => "HOT_SCRATCH ".into(),
            Self::Kept => "HOT_KEPT ".into(),
            Self::Opened => "HOT_OPENED ".into(),
            Self::Plain => "HOT_PLAIN(is_making(ARG1, ret)) ".into(),
        }
    }
}

/// The way to make a parameter.
enum Made {
    /// A number, by a C expression.
    Number(String),
    /// Another parameter, made by a macro from a C expression, with its maximum size.
    Other(&'static str, String, usize),
}

fn arg(n: u8) -> String {
    format!("ARG{n}")
}

/// The way to make the parameter with specialised code, if possible, and the data that this needs.
fn made(event: &EventInfo, param: &ParamInfo) -> Option<(Made, &'static [Ahead])> {
    let source = param.source;
    let n = source.arg;
    let number = |text: String| Some((Made::Number(text), &[] as &[_]));
    match source.op {
        Op::Ret => number("ret".into()),
        Op::Arg => number(arg(n)),
        Op::ArgS32 | Op::Dirfd => number(format!("(__s64)(int)ARG{n}")),
        Op::ArgU32 | Op::Dev => number(format!("(__u32)ARG{n}")),
        Op::Zero => number("0".into()),
        Op::Map => number(translated(source.map?, &arg(n))),
        Op::UserStr => Some((Made::Other("HOT_TEXT", arg(n), TEXT), &[])),
        Op::Custom => custom(event.ident, ops::row(event.ident, param.name)?),
        _ => None,
    }
}

fn custom(event: &str, (.., op, n): &ops::Row) -> Option<(Made, &'static [Ahead])> {
    const OPENED: &[Ahead] = &[Ahead::Scratch, Ahead::Opened];
    let number = |text: String| Some((Made::Number(text), &[] as &[_]));
    let opened = |text: String| Some((Made::Number(text), OPENED));
    let other = |by, from, most, ahead| Some((Made::Other(by, from, most), ahead));
    match *op {
        "SYSCALL_CODE" => number("syscall_rows[number & (SYSCALLS - 1)].code".into()),
        "SYSCALL_NUMBER" => number("number".into()),
        "VM_SIZE" => number("vm_size(TASK(task, mm))".into()),
        "VM_RSS" => number("vm_rss(TASK(task, mm))".into()),
        "VM_SWAP" => number("vm_swap(TASK(task, mm))".into()),
        "FUTEX_OP" => number(format!("futex_op(ARG{n})")),
        "OPEN_MODE" => number(format!("open_mode(ARG{n}, ARG{})", n + 1)),
        "OPEN_FLAGS" => opened(format!("open_flags(ARG{n}) | (file ? flags_of(s, file) : 0)")),
        "FD_DEV" => opened("file ? encode_dev(READ(file, f_inode, i_sb, s_dev)) : 0".into()),
        "FD_INO" => opened("file ? READ(file, f_inode, i_ino) : 0".into()),
        "FD_PATH" => other("HOT_PATH", "file".into(), PATH, OPENED),
        "ENTRY_LOOKED_AT" => other("HOT_LOOKED_AT", "ret".into(), PATH, &[Ahead::Scratch]),
        "FD_DIR" => other("HOT_FLAG", format!("opened_directory(file, ARG{n})"), 1, OPENED),
        "TERMINAL" if event == "SYSCALL_IOCTL_3_X" => {
            other("HOT_TERMINAL", "sets_terminal(ARG1)".into(), 4, &[])
        }
        "MADE" if event == "SYSCALL_IOCTL_3_X" => other("HOT_NOTHING", "0".into(), 0, &[Ahead::Plain]),
        "TERMINAL" => other("HOT_TERMINAL", "may_get_terminal(task, file)".into(), 4, OPENED),
        "READ_DATA" => other("HOT_BYTES", arg(*n), 0, &[Ahead::Limit("ret > 0 ? ret : 0")]),
        "WRITE_DATA" => other("HOT_BYTES", arg(*n), 0, &[Ahead::Limit("ret > 0 ? ret : ARG2")]),
        "OPEN_NAME" => other("HOT_NAME", "kept".into(), KEPT, &[Ahead::Kept]),
        "SOCKADDR" => other("HOT_ADDRESS", "kept".into(), ADDRESS, &[Ahead::Kept]),
        "TUPLE_CONNECT" => {
            let from = "0, ret == 0 || ret == -EINPROGRESS, 0".into();
            other("HOT_TUPLE", from, TUPLE, &[Ahead::Scratch])
        }
        "TUPLE_OUT" => {
            // Calls without an address lack this argument.
            let len = if *n < 5 { format!("ARG{}", n + 1) } else { "0".into() };
            let from = format!("TUPLE_SENDS | TUPLE_LEN({len}), ret >= 0, ARG{n}");
            other("HOT_TUPLE", from, TUPLE, &[Ahead::Scratch])
        }
        "TUPLE_IN" => {
            other("HOT_TUPLE", format!("TUPLE_INCOMING, ret >= 0, ARG{n}"), TUPLE, &[Ahead::Scratch])
        }
        _ => None,
    }
}

/// A value translated by a map; without a function call if there are few bits.
fn translated(map: FlagMap, value: &str) -> String {
    const FEW: usize = 12;
    let (name, kind, pairs, _) = &FlagMap::ALL[usize::from(map.0)];
    let single = |(from, to): &(u64, u64)| from.is_power_of_two() && to.is_power_of_two();
    match kind {
        FlagMapKind::Identity => value.into(),
        FlagMapKind::Bits if pairs.iter().all(|(from, to)| from == to) => {
            format!("({value} & {}ULL)", pairs.iter().fold(0, |all, (from, _)| all | from))
        }
        FlagMapKind::Bits if pairs.len() <= FEW && pairs.iter().all(single) => {
            let bit = |(from, to): &(u64, u64)| {
                format!("BIT({value}, {}, {})", from.trailing_zeros(), to.trailing_zeros())
            };
            format!("({})", pairs.iter().map(bit).collect::<Vec<_>>().join(" | "))
        }
        _ => format!("translate(MAP_{name}, {value})"),
    }
}

/// The specialised code for an event; `None` if it needs the interpreter.
fn case(event: &EventInfo) -> Option<String> {
    let sized = |param: &ParamInfo| made(event, param).map(|(made, ahead)| (param.ty.size(), made, ahead));
    let mut params = event.params.iter().map(sized).collect::<Option<Vec<_>>>()?;
    for (op, arg) in ops::extra_params(event) {
        let (made, ahead) = custom(event.ident, &(&[], "", op, *arg))?;
        params.push((None, made, ahead));
    }
    let count = params.len();
    let first = HEADER + 2 * count;
    let (mut most, mut body, mut lengths) = (first, String::new(), vec![0_u64; count]);
    // Offsets are relative to the last parameter with a variable size.
    let mut at = first;
    // Writing to a String cannot fail.
    for (index, (size, made, _)) in params.iter().enumerate() {
        match made {
            Made::Number(text) => {
                let size = (*size)?;
                let _ = write!(body, "HOT_PUT({at}, {}, {text}) ", size * 8);
                lengths[index] = size as u64;
                (at, most) = (at + size, most + size);
            }
            Made::Other(by, from, longest) => {
                let _ = write!(body, "{by}({index}, {at}, {from}) ");
                (at, most) = (0, most + longest);
            }
        }
    }
    let ahead: BTreeSet<Ahead> = params.iter().flat_map(|(.., ahead)| *ahead).copied().collect();
    let mut out = format!("case EV_{}: {{ ", event.ident);
    out.extend(ahead.iter().map(|ahead| ahead.code()));
    let limited = ahead.iter().any(|ahead| matches!(ahead, Ahead::Limit(_)));
    let _ = write!(out, "HOT_BEGIN({count}, {most}{}) ", if limited { " + limit" } else { "" });
    for (index, group) in lengths.chunks(4).enumerate() {
        let packed = group.iter().rev().fold(0, |all, len| all << 16 | len);
        let bits = [16, 32, 64, 64][group.len() - 1];
        // A store of three lengths writes one too many; the first parameter overwrites it.
        let _ = write!(out, "HOT_STORE({}, {bits}, {packed}ULL) ", HEADER + 8 * index);
    }
    let _ = write!(out, "{body}HOT_END({at}) }}");
    Some(out)
}

/// The cases of the switch over these events' types, as a macro.
pub(super) fn cases(events: impl Iterator<Item = &'static EventInfo>) -> String {
    let cases: Vec<String> = events.filter(|event| EVENTS.contains(&event.ident)).filter_map(case).collect();
    assert_eq!(cases.len(), EVENTS.len(), "an event that takes the interpreter is among the hot ones");
    format!("#define HOT_CASES {}\n", cases.join(" "))
}
