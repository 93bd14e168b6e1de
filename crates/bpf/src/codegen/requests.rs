//! Generates `io_uring` requests in C: the event of each kind, and the places of its arguments.

use std::fmt::Write;

use eyas_events::{Arch, ArgPlace, EventType, Request, SyscallFlags, requests};

/// Maximum number of kinds in the probe; a power of two.
const KINDS: usize = 64;

/// The table of kinds, and the code that reads the arguments of each.
pub(super) fn tables(out: &mut String, arch: Arch) {
    let mut rows = vec!["{ -1, 0, 0, 0, 0 }".to_owned(); KINDS];
    let mut cases = String::new();
    let mut slots = String::new();
    for request in requests() {
        let Some(info) = request.call.and_then(|call| call.info()) else { continue };
        let Some(number) = info.number(arch) else { continue };
        let used = info.flags.contains(SyscallFlags::USED);
        let ty = if used { info.exit } else { EventType::GENERIC_X };
        let own = request
            .args
            .iter()
            .find(|(_, place)| *place == ArgPlace::Own)
            .map_or(-1, |(at, _)| i32::from(*at));
        rows[usize::from(request.opcode)] = format!(
            "{{ {number}, {}, {}, {own}, {} }}",
            ty.0,
            info.code.0,
            u8::from(request.makes.is_some())
        );
        take(&mut cases, request);
        if let Some(of) = request.makes {
            let _ = write!(slots, "case {}: SLOT({of}) break; ", request.opcode);
        }
    }
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "static const volatile struct request_row request_rows[{KINDS}] = {{ {} }};",
        rows.join(", ")
    );
    let _ = writeln!(out, "#define REQUEST_CASES {cases}");
    let _ = writeln!(out, "#define SLOT_CASES {slots}");
}

fn take(cases: &mut String, request: &Request) {
    let _ = write!(cases, "case {}: ", request.opcode);
    let mut texts = 0;
    for (at, place) in request.args {
        let text = texts;
        let (code, has_text) = match place {
            ArgPlace::Own => continue,
            ArgPlace::Number(of, member) => (format!("NUMBER({at}, {of}, {member})"), false),
            ArgPlace::OpenFlags(of, member) => (format!("OPEN_FLAGS({at}, {of}, {member})"), false),
            ArgPlace::Name(of, member) => (format!("NAME({at}, {text}, {of}, {member})"), true),
            ArgPlace::Text(of, member) => (format!("TEXT({at}, {text}, {of}, {member})"), true),
            ArgPlace::Value(of, member, size) => {
                (format!("VALUE({at}, {text}, {of}, {member}, {size})"), true)
            }
            ArgPlace::Address(of, "", len) => (format!("KERNEL_ADDRESS({at}, {text}, {of}, {len})"), true),
            ArgPlace::Address(of, member, len) => {
                (format!("ADDRESS({at}, {text}, {of}, {member}, {len})"), true)
            }
            ArgPlace::Target => (format!("TARGET({at}, {text})"), true),
            ArgPlace::Closed => (format!("CLOSED({at})"), false),
            ArgPlace::SpliceIn => (format!("SPLICE_IN({at})"), false),
        };
        texts += usize::from(has_text);
        cases.push_str(&code);
        cases.push(' ');
    }
    cases.push_str("break; ");
}
