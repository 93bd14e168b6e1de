//! Compares every table with the reference's, as extracted to JSON: events, flags, system calls,
//! translations.

use eyas_testing::test;
use std::collections::BTreeMap;

use eyas_events::{
    Arch, Category, Dynamic, EventFlags, EventInfo, EventType, FlagMap, FlagMapKind, FlagTable, Format,
    HEADER_LEN, MAX_PARAMS, ParamDetail, ParamInfo, ParamType, SyscallCode, SyscallFlags, events, ia32_call,
    syscalls,
};
use serde_json::Value;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn reference(name: &str) -> Value {
    let path = eyas_testing::data_or_ignore(format!("spec/{name}"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// The format's name in the reference.
fn format_name(format: Format) -> &'static str {
    match format {
        Format::NA => "PF_NA",
        Format::DEC => "PF_DEC",
        Format::HEX => "PF_HEX",
        Format::PADDED_DEC => "PF_10_PADDED_DEC",
        Format::ID => "PF_ID",
        Format::DIR => "PF_DIR",
        Format::OCT => "PF_OCT",
    }
}

#[test]
fn events_and_their_parameters() {
    let reference = reference("events.json");
    assert_eq!(number(&reference["ppm_event_max"]), EventType::SCHEMA_COUNT as u64);
    assert_eq!(number(&reference["evt_hdr_size"]), HEADER_LEN as u64);
    assert_eq!(number(&reference["max_params"]), MAX_PARAMS as u64);
    let rows = list(&reference["events"]);
    let ours = || events().filter(|info| !info.ty.is_own());
    assert_eq!(rows.len(), ours().count());
    for (ours, row) in ours().zip(rows) {
        let name = text(&row["enum"]);
        assert_eq!(format!("PPME_{}", ours.ident), name);
        assert_eq!(u64::from(ours.ty.0), number(&row["id"]), "{name}");
        assert_eq!(ours.name, text(&row["name"]), "{name}");
        assert_eq!(ours.ty.is_exit(), text(&row["dir"]) == "X", "{name}");
        assert_eq!(u64::from(ours.category.0), number(&row["category"]), "{name}");
        assert_eq!(u64::from(ours.flags.bits()), number(&row["flags_value"]), "{name}");
        assert_eq!(ours.fixed_len().map(|len| len as u64), row["fixed_event_len"].as_u64(), "{name}");
        let params = list(&row["params"]);
        assert_eq!(ours.params.len(), params.len(), "{name}");
        for (param, row) in ours.params.iter().zip(params) {
            compare_param(ours, param, row);
        }
    }
}

fn compare_param(event: &EventInfo, ours: &ParamInfo, row: &Value) {
    let place = format!("{}, parameter {}", event.ident, ours.name);
    assert_eq!(ours.name, text(&row["name"]), "{place}");
    assert_eq!(format!("PT_{}", ours.ty.name()), text(&row["type"]), "{place}");
    assert_eq!(ours.ty as u64, number(&row["type_id"]), "{place}");
    assert_eq!(format_name(ours.format), text(&row["fmt"]), "{place}");
    let (mut flags, mut at, mut dynamic) = (None, None, None);
    match ours.detail {
        ParamDetail::None => {}
        ParamDetail::Flags(table) => flags = Some(table.name),
        ParamDetail::At(index) => at = Some(u64::from(index)),
        ParamDetail::Dynamic(types) => dynamic = Some(types.0),
    }
    assert_eq!(flags, row["flags_table"].as_str(), "{place}");
    assert_eq!(at, row["dirfd_param"].as_u64(), "{place}");
    let tables = [
        ("sockopt", Dynamic::SOCKOPT),
        ("ptrace", Dynamic::PTRACE),
        ("bpf", Dynamic::BPF),
        ("keyctl", Dynamic::KEYCTL),
    ];
    let named = row["dynamic_table"].as_str().map(|name| {
        let found = tables.iter().find(|(short, _)| format!("{short}_dynamic_param") == name);
        found.unwrap_or_else(|| panic!("{place}: {name}")).1.0
    });
    assert_eq!(dynamic, named, "{place}");
}

#[test]
fn parameters_that_select_their_type() {
    let reference = reference("events.json");
    let tables = reference["dynamic_params"].as_object().unwrap();
    assert_eq!(tables.len(), 4);
    for (name, rows) in tables {
        let ours = match name.as_str() {
            "sockopt_dynamic_param" => Dynamic::SOCKOPT,
            "ptrace_dynamic_param" => Dynamic::PTRACE,
            "bpf_dynamic_param" => Dynamic::BPF,
            "keyctl_dynamic_param" => Dynamic::KEYCTL,
            other => panic!("{other} is not there"),
        };
        let ours: Vec<_> =
            ours.0.iter().map(|(ty, format)| (format!("PT_{}", ty.name()), format_name(*format))).collect();
        let theirs: Vec<_> =
            list(rows).iter().map(|row| (text(&row["type"]).to_owned(), text(&row["fmt"]))).collect();
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn parameter_types_and_their_sizes() {
    let reference = reference("events.json");
    let used: BTreeMap<u64, ParamType> =
        events().flat_map(|event| event.params).map(|param| (param.ty as u64, param.ty)).collect();
    let rows = list(&reference["param_types"]);
    assert_eq!(rows.len(), 49);
    for row in rows {
        let Some(ours) = used.get(&number(&row["id"])) else { continue };
        assert_eq!(format!("PT_{}", ours.name()), text(&row["name"]));
        // Those without a number there have no form of their own in a frame, or vary.
        if let Some(size) = row["size"].as_u64() {
            assert_eq!(ours.size(), Some(size as usize), "{}", ours.name());
        } else if text(&row["size"]) == "variable" {
            assert_eq!(ours.size(), None, "{}", ours.name());
        }
    }
}

#[test]
fn event_flags_and_categories() {
    let reference = reference("events.json");
    let mut known = EventFlags::NONE;
    for row in list(&reference["event_flags"]) {
        let name = text(&row["name"]).strip_prefix("EF_").unwrap();
        let ours = if name == "NONE" { Some(EventFlags::NONE) } else { EventFlags::from_name(name) };
        assert_eq!(ours.map(|flag| u64::from(flag.bits())), Some(number(&row["value"])), "{name}");
        known |= ours.unwrap();
    }
    assert_eq!(known, EventFlags::all());
    let classes = [
        ("EC_UNKNOWN", Category::UNKNOWN),
        ("EC_OTHER", Category::OTHER),
        ("EC_FILE", Category::FILE),
        ("EC_NET", Category::NET),
        ("EC_IPC", Category::IPC),
        ("EC_MEMORY", Category::MEMORY),
        ("EC_PROCESS", Category::PROCESS),
        ("EC_SLEEP", Category::SLEEP),
        ("EC_SYSTEM", Category::SYSTEM),
        ("EC_SIGNAL", Category::SIGNAL),
        ("EC_USER", Category::USER),
        ("EC_TIME", Category::TIME),
        ("EC_PROCESSING", Category::PROCESSING),
        ("EC_IO_BASE", Category::IO_READ),
        ("EC_IO_READ", Category::IO_READ),
        ("EC_IO_WRITE", Category::IO_WRITE),
        ("EC_IO_OTHER", Category::IO_OTHER),
        ("EC_WAIT", Category::WAIT),
        ("EC_SCHEDULER", Category::SCHEDULER),
        ("EC_INTERNAL", Category::INTERNAL),
        ("EC_SYSCALL", Category::SYSCALL),
        ("EC_TRACEPOINT", Category::TRACEPOINT),
        ("EC_PLUGIN", Category::PLUGIN),
        ("EC_METAEVENT", Category::METAEVENT),
        ("EC_ITER", Category::ITER),
    ];
    let ours: Vec<_> = classes.iter().map(|(name, class)| (*name, u64::from(class.0))).collect();
    let theirs: Vec<_> = list(&reference["categories"])
        .iter()
        .map(|row| (text(&row["name"]), number(&row["value"])))
        .collect();
    assert_eq!(ours, theirs);
}

#[test]
fn names_of_flags_in_their_order() {
    let reference = reference("events.json");
    let tables = reference["flag_tables"].as_object().unwrap();
    // Only of own events.
    let of = |own: bool| {
        let used = events().filter(move |info| info.ty.is_own() == own).flat_map(|info| info.params);
        used.filter_map(
            |param| if let ParamDetail::Flags(table) = param.detail { Some(table.name) } else { None },
        )
    };
    let is_own = |name: &str| of(true).any(|own| own == name) && of(false).all(|theirs| theirs != name);
    for table in FlagTable::ALL.iter().filter(|table| !is_own(table.name)) {
        let rows = tables.get(table.name).unwrap_or_else(|| panic!("{} is not in the reference", table.name));
        let mut theirs: Vec<_> =
            list(rows).iter().map(|row| (text(&row["name"]), number(&row["value"]) as u32)).collect();
        if table.name == FlagTable::FILE_FLAGS.name {
            // The reference lacks it.
            theirs.push(("O_PATH", 0x1000000));
        }
        assert_eq!(table.entries, theirs, "{}", table.name);
    }
    let missing: Vec<_> =
        tables.keys().filter(|name| FlagTable::ALL.iter().all(|table| table.name != *name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn system_calls_and_their_numbers() {
    let reference = reference("syscalls.json");
    assert_eq!(number(&reference["ppm_sc_max"]), SyscallCode::COUNT as u64);
    let ours: Vec<_> = syscalls().map(|row| (u64::from(row.code.0), row.name)).collect();
    let theirs: Vec<_> =
        list(&reference["ppm_sc"]).iter().map(|row| (number(&row["code"]), text(&row["name"]))).collect();
    assert_eq!(ours, theirs);
    for (arch, key) in [(Arch::X86_64, "x86_64"), (Arch::Aarch64, "aarch64")] {
        let rows = list(&reference[key]);
        let mut ours: BTreeMap<u64, _> =
            syscalls().filter_map(|row| Some((u64::from(row.number(arch)?), row))).collect();
        for row in rows {
            let place = format!("{key} {}", text(&row["name"]));
            let info = ours.remove(&number(&row["nr"])).unwrap_or_else(|| panic!("{place} is not there"));
            assert_eq!(u64::from(info.code.0), number(&row["sc"]), "{place}");
            let flags = list(&row["flags"]).iter().map(|flag| SyscallFlags::from_name(text(flag)).unwrap());
            let (exit, flags): (_, SyscallFlags) = (text(&row["exit_name"]), flags.collect());
            if info.exit.is_own() {
                assert_eq!((exit, flags), ("PPME_GENERIC_X", SyscallFlags::NONE), "{place}");
                continue;
            }
            assert_eq!(format!("{:?}", info.exit), exit, "{place}");
            assert_eq!(info.flags, flags, "{place}");
        }
        assert!(ours.is_empty(), "{key}: {ours:?} are not in the reference");
    }
}

#[test]
fn system_calls_of_32_bits() {
    let reference = reference("syscalls.json");
    // Those have an event of their own here: umount, _llseek, mmap2.
    const OWN: [u16; 3] = [22, 140, 192];
    // There 0, which is x86-64's read, stands for what has no call, too.
    const READ: u16 = 3;
    let table = list(&reference["ia32_to_x86_64"]["table"]);
    for (number, row) in (0..).zip(table) {
        let theirs = u16::try_from(row.as_i64().unwrap()).ok();
        if OWN.contains(&number) || theirs.is_none() || (theirs == Some(0)) != (number == READ) {
            continue;
        }
        let ours = ia32_call(number).and_then(|call| call.code.info()?.number(Arch::X86_64));
        assert_eq!(ours, theirs, "{number}");
    }
    assert_eq!(ia32_call(table.len() as u16), None);
}

/// A translation's pairs: numbers, in hexadecimal where they are bits.
fn pairs(rows: &Value) -> Vec<(u64, u64)> {
    let value = |value: &Value| match value.as_str() {
        Some(hex) => u64::from_str_radix(hex.trim_start_matches("0x"), 16).unwrap(),
        None => number(value),
    };
    list(rows).iter().map(|pair| (value(&pair[0]), value(&pair[1]))).collect()
}

/// Where the reference looks at a flag that the kernel does not have there: `AT_SYMLINK_NOFOLLOW` is 0x100.
const FIXED: (&str, (u64, u64), (u64, u64)) = ("FCHOWNAT_FLAGS", (0x400, 0x400), (0x100, 0x400));

#[test]
fn translations_of_kernel_values() {
    let reference = reference("flag_mappings.json");
    for (name, kind, ours, default) in FlagMap::ALL {
        let key = format!("{}_to_scap", name.to_lowercase());
        let row = &reference["functions"][&key];
        let (expected, mut theirs, otherwise) = match row["kind"].as_str() {
            Some("identity") => (FlagMapKind::Identity, Vec::new(), 0),
            Some("bitmask") => {
                assert_eq!(number(&row["zero_result"]), 0, "{key}");
                (FlagMapKind::Bits, pairs(&row["bits"]), 0)
            }
            Some("enum") => (FlagMapKind::Values, pairs(&row["map"]), number(&row["default"])),
            other => panic!("{key}: {other:?}"),
        };
        if *name == FIXED.0 {
            let wrong = theirs.iter_mut().find(|pair| **pair == FIXED.1).unwrap();
            *wrong = FIXED.2;
        }
        if *name == "SOCKET_FAMILY" {
            // There the upper bits are cut off before: 257 is treated as 1.
            theirs.retain(|(from, _)| *from <= 0xff);
        }
        assert_eq!((kind, *default), (&expected, otherwise), "{key}");
        assert_eq!(ours, &theirs, "{key}");
    }
}
