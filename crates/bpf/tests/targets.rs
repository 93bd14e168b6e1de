//! The programs compile for every architecture, and make every parameter of what they send.

use std::path::Path;

use eyas_events::{Arch, EventFlags, EventType, Op, SyscallFlags, events, syscalls};

#[path = "../src/codegen.rs"]
mod codegen;

#[test]
fn the_object_builds_for_every_architecture() {
    for arch in [Arch::X86_64, Arch::Aarch64] {
        let out = std::env::temp_dir().join(format!("eyas-target-{}-{arch:?}", std::process::id()));
        std::fs::create_dir_all(&out).unwrap();
        let object = out.join("probe.bpf.o");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bpf");
        let built = codegen::compile::builder(arch, &sources, &out).unwrap().obj(&object).build();
        assert!(built.is_ok(), "{arch:?}: {:?}", built.err());
        assert!(std::fs::metadata(&object).unwrap().len() > 50_000);
        std::fs::remove_dir_all(&out).unwrap();
    }
}

#[test]
fn tables_are_of_the_architecture() {
    let of = |arch| codegen::header(arch);
    // openat is call 257 here and 56 there.
    let row = |header: &str, number: usize| {
        let rows = header.lines().find(|line| line.contains("syscall_rows")).unwrap();
        rows.split("{ ").nth(2 + number).unwrap().split(',').next().unwrap().to_owned()
    };
    let openat = EventType::SYSCALL_OPENAT_2_X.0.to_string();
    assert_eq!(row(&of(Arch::X86_64), 257), openat);
    assert_eq!(row(&of(Arch::Aarch64), 56), openat);
    assert_ne!(of(Arch::X86_64), of(Arch::Aarch64));
}

#[test]
fn every_parameter_of_a_system_call_is_made() {
    let sent = |ty: EventType| {
        let old = ty.info().unwrap().flags.intersects(EventFlags::OLD_VERSION | EventFlags::UNUSED);
        let used = syscalls().any(|info| info.exit == ty && info.flags.contains(SyscallFlags::USED));
        used && !old
    };
    let mut missing = Vec::new();
    for event in events().filter(|event| sent(event.ty)) {
        let custom = event.params.iter().filter(|param| param.source.op == Op::Custom);
        missing.extend(
            custom
                .filter(|param| !codegen::is_made(event.ident, param.name))
                .map(|param| format!("{}.{}", event.ident, param.name)),
        );
    }
    assert!(missing.is_empty(), "{missing:?}");
}
