//! Checks that the programs compile for every architecture and set every parameter of their events.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use eyas_events::{Arch, EventFlags, EventType, Op, SyscallFlags, events, syscalls};

#[path = "../src/codegen.rs"]
mod codegen;
#[path = "../src/codegen/compile.rs"]
mod compile;

/// The objects for every architecture compile, and are equal to the shipped ones. With `UPDATE_EXPECT=1`,
/// the test replaces the shipped objects (`cargo xtask codegen` runs this). The sources have another path
/// here than in a build, because objects must not contain paths. Without clang, only the recorded hashes
/// are compared.
#[test]
fn the_shipped_objects_are_compiled_from_the_sources() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (sources, objects) = (here.join("src/bpf"), here.join("objects"));
    let version = compile::clang_version();
    let recorded = codegen::objects::Record::read(&objects);
    let updates = std::env::var_os("UPDATE_EXPECT").is_some();
    for (arch, name) in codegen::objects::SHIPPED {
        assert!(updates || recorded.is_current(arch, &sources).unwrap(), "{name}: run `cargo xtask codegen`");
        if version.is_empty() && !updates {
            continue;
        }
        let out = std::env::temp_dir().join(format!("eyas-target-{}-{arch:?}", std::process::id()));
        std::fs::create_dir_all(&out).unwrap();
        let elsewhere = out.join("sources");
        std::os::unix::fs::symlink(&sources, &elsewhere).unwrap();
        let object = std::fs::read(compile::object(arch, &elsewhere, &out).unwrap()).unwrap();
        std::fs::remove_dir_all(&out).unwrap();
        assert!(object.len() > 50_000);
        let file = codegen::objects::file(&objects, arch);
        if updates {
            let mut writer =
                flate2::write::GzEncoder::new(File::create(&file).unwrap(), flate2::Compression::best());
            writer.write_all(&object).unwrap();
            writer.finish().unwrap();
            continue;
        }
        let mut shipped = Vec::new();
        flate2::read::GzDecoder::new(File::open(&file).unwrap()).read_to_end(&mut shipped).unwrap();
        if recorded.clang == version {
            assert!(shipped == object, "{} is not what its sources compile to", file.display());
        }
    }
    if updates {
        let record = codegen::objects::record(version, &sources).unwrap();
        std::fs::write(objects.join("RECORD"), record.to_text()).unwrap();
    }
}

#[test]
fn a_change_of_any_source_makes_the_record_stale() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let copy = std::env::temp_dir().join(format!("eyas-record-{}", std::process::id()));
    std::fs::create_dir_all(copy.join("params")).unwrap();
    let put = |name: &str, text: &str| std::fs::write(copy.join(name), text).unwrap();
    put("probe.bpf.c", "int a;");
    put("params/one.h", "int b;");
    let record = codegen::objects::record("clang".into(), &copy).unwrap();
    let is_current = || record.is_current(Arch::X86_64, &copy).unwrap();
    assert!(is_current());
    assert!(!codegen::objects::Record::read(&here.join("src")).is_current(Arch::X86_64, &copy).unwrap());
    put("params/one.h", "int c;");
    assert!(!is_current());
    put("params/one.h", "int b;");
    assert!(is_current());
    put("params/two.h", "");
    assert!(!is_current());
    std::fs::remove_dir_all(&copy).unwrap();
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
