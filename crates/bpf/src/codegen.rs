//! Generates the tables of events and system calls in C, for the probe.

use std::collections::BTreeMap;
use std::fmt::Write;

use eyas_events::{
    Arch, EventType, FlagMap, FlagMapKind, Ia32Args, Op, ParamInfo, SyscallFlags, events, syscalls,
};

#[path = "codegen/custom.rs"]
mod custom;
#[path = "codegen/hooks.rs"]
mod hooks;
#[path = "codegen/hot.rs"]
mod hot;
#[path = "ia32.rs"]
mod ia32;
#[allow(dead_code, reason = "the build, the tests and xtask each need a part of it")]
#[path = "codegen/objects.rs"]
pub mod objects;
#[path = "codegen/reads.rs"]
mod reads;
#[path = "codegen/requests.rs"]
mod requests;

/// Number of system call numbers in the probe.
const NUMBERS: usize = 512;

/// Code of an operation in the header: operations of the event table first, then those of this crate.
fn op_codes() -> BTreeMap<&'static str, u8> {
    let first = Op::ALL.iter().map(|(_, op)| *op as u8).max().unwrap_or(0) + 1;
    custom::FAMILIES.iter().flat_map(|(_, ops)| *ops).copied().zip(first..).collect()
}

/// Whether an operation makes a parameter that the event table leaves to the probe.
#[allow(dead_code, reason = "the build needs it not, a test does")]
pub fn is_made(ident: &str, param: &str) -> bool {
    custom::row(ident, param).is_some()
}

/// Operation, argument and translation of a parameter.
fn describe(ident: &str, param: &ParamInfo, codes: &BTreeMap<&str, u8>) -> (u8, u8, u8) {
    let source = param.source;
    if source.op != Op::Custom {
        return (source.op as u8, source.arg, source.map.map_or(0, |map| map.0));
    }
    let row = custom::row(ident, param.name);
    // Parameters without a row belong to events that the interpreter does not make.
    row.map_or((Op::Empty as u8, 0, 0), |(.., op, arg)| (codes[op], *arg, 0))
}

/// The generated header.
pub fn header(arch: Arch) -> String {
    let codes = op_codes();
    let mut out = String::from("/* Generated from the event table. */\n#pragma once\n\n");
    // Writing to a String cannot fail.
    for (name, op) in Op::ALL {
        let _ = writeln!(out, "#define OP_{} {}", name.to_uppercase(), *op as u8);
    }
    for (name, value) in eyas_events::filter::CONSTANTS {
        let _ = writeln!(out, "#define FILTER_{name} {value}");
    }
    for (name, value) in eyas_events::verdicts::CONSTANTS {
        let _ = writeln!(out, "#define VERDICT_{name} {value}");
    }
    for (name, code) in &codes {
        let _ = writeln!(out, "#define OP_X_{name} {code}");
    }
    for (family, ops) in custom::FAMILIES {
        let cases: Vec<String> = ops.iter().map(|op| format!("case OP_X_{op}")).collect();
        let _ = writeln!(out, "#define CASES_{} {}", family.to_uppercase(), cases.join(": "));
    }
    let mut descs = Vec::new();
    let mut rows = vec![(0_usize, 0_usize, false, 0_usize); EventType::COUNT];
    for event in events() {
        let _ = writeln!(out, "#define EV_{} {}", event.ident, event.ty.0);
        let first = descs.len();
        for param in event.params {
            let (op, arg, map) = describe(event.ident, param, &codes);
            let size = param.ty.size().unwrap_or(0);
            descs.push(u32::from(op) | u32::from(arg) << 8 | (size as u32) << 16 | u32::from(map) << 24);
        }
        let extra = custom::extra_params(event).iter();
        descs.extend(extra.map(|(op, arg)| u32::from(codes[op]) | u32::from(*arg) << 8));
        let bases = event.params.iter().filter(|param| matches!(param.source.op, Op::Dirfd)).count();
        rows[usize::from(event.ty.0)] = (first, descs.len() - first, custom::has_entries(event), bases);
    }
    let list = |values: &[String]| values.join(", ");
    let descs: Vec<String> = descs.iter().map(u32::to_string).collect();
    let _ = writeln!(out, "static const volatile __u32 descs[2048] = {{ {} }};", list(&descs));
    let row = |(first, n, takes_paths, bases): &(usize, usize, bool, usize)| {
        format!("{{ {first}, {n}, {}, {bases} }}", u8::from(*takes_paths))
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    let _ = writeln!(
        out,
        "static const volatile struct event_row event_rows[EVENT_TYPES] = {{ {} }};",
        list(&rows)
    );
    let mut calls = vec![(1_u16, 0_u16); NUMBERS];
    for info in syscalls() {
        let number = info.number(arch);
        if let Some(slot) = number.and_then(|n| calls.get_mut(usize::from(n))) {
            let used = info.flags.contains(SyscallFlags::USED);
            *slot = (if used { info.exit.0 } else { EventType::GENERIC_X.0 }, info.code.0);
        }
    }
    let calls: Vec<String> = calls.iter().map(|(ty, code)| format!("{{ {ty}, {code} }}")).collect();
    let _ = writeln!(
        out,
        "static const volatile struct syscall_row syscall_rows[{NUMBERS}] = {{ {} }};",
        list(&calls)
    );
    let _ = writeln!(
        out,
        "static const volatile struct compat_row ia32_rows[{}] = {{ {} }};",
        ia32::PLACES,
        ia32()
    );
    maps(&mut out, arch);
    requests::tables(&mut out, arch);
    hooks::tables(&mut out);
    reads::table(&mut out);
    out.push_str(&hot::cases(events()));
    out
}

/// The table of 32-bit calls.
fn ia32() -> String {
    let rows = ia32::places().map(|call| {
        let Some(call) = call else { return "{ -1, 0, 0, 0, 0 }".to_owned() };
        let native = call.code.info().and_then(|info| info.number(Arch::X86_64)).map_or(-1, i32::from);
        let (form, which) = match call.args {
            Ia32Args::Same => ("SAME", 0),
            Ia32Args::Ids(mask) => ("IDS", mask),
            Ia32Args::Signed(mask) => ("SIGNED", mask),
            Ia32Args::Halves(low) => ("HALVES", low),
            Ia32Args::Block(at) => ("BLOCK", at),
            Ia32Args::HalfPointees => ("HALF_POINTEES", 0),
            Ia32Args::LongTimes => ("LONG_TIMES", 0),
            Ia32Args::IpcValue => ("IPC_VALUE", 0),
            Ia32Args::IpcBuffer => ("IPC_BUFFER", 0),
        };
        format!("{{ {native}, {}, {}, ARGS_{form}, {which} }}", call.exit.0, call.code.0)
    });
    rows.collect::<Vec<_>>().join(", ")
}

fn maps(out: &mut String, arch: Arch) {
    let mut pairs: Vec<(u64, u64)> = Vec::new();
    let mut maps = Vec::new();
    for (name, kind, of, default) in FlagMap::ALL {
        let kind = match kind {
            FlagMapKind::Identity => 0,
            FlagMapKind::Bits => 1,
            FlagMapKind::Values => 2,
        };
        let _ = writeln!(out, "#define MAP_{name} {}", maps.len());
        maps.push(format!("{{ {}, {}, {kind}, {default} }}", pairs.len(), of.len()));
        pairs.extend_from_slice(of);
    }
    for (name, of) in custom::translations(arch) {
        let _ = writeln!(out, "#define MAP_{name} {}", maps.len());
        maps.push(format!("{{ {}, {}, 2, 0 }}", pairs.len(), of.len()));
        pairs.extend_from_slice(of);
    }
    let pairs: Vec<String> = pairs.iter().map(|(from, to)| format!("{{ {from}ULL, {to}ULL }}")).collect();
    let _ = writeln!(
        out,
        "static const volatile struct flag_pair flag_pairs[1024] = {{ {} }};",
        pairs.join(", ")
    );
    let _ = writeln!(out, "static const volatile struct flag_map flag_maps[64] = {{ {} }};", maps.join(", "));
}
