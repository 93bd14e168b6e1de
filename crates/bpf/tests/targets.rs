//! Checks that the programs compile for every architecture and set every parameter of their events.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use eyas_events::{Arch, EventType, Op, SyscallFlags, events, syscalls};

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
    // That takes most of a minute, so `cargo xtask check` runs it, and other runs compare only the recorded hashes.
    let compiles = updates || !version.is_empty() && std::env::var_os("EYAS_COMPILE_PROBE").is_some();
    for (arch, name) in codegen::objects::SHIPPED {
        assert!(updates || recorded.is_current(arch, &sources).unwrap(), "{name}: run `cargo xtask codegen`");
        if !compiles {
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
        let used = syscalls().any(|info| info.exit == ty && info.flags.contains(SyscallFlags::USED));
        used && ty.info().unwrap().is_current()
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

/// The `ioctl`s that write a descriptor into a structure: name, headers that may define it, and the member.
const IOCTLS: [(&str, &[&str], &str); 14] = [
    ("MEDIA_IOC_REQUEST_ALLOC", &["linux/media.h"], ""),
    ("IIO_GET_EVENT_FD_IOCTL", &["linux/iio/events.h"], ""),
    ("IIO_BUFFER_GET_FD_IOCTL", &["linux/iio/buffer.h"], ""),
    ("KVM_CREATE_DEVICE", &["linux/kvm.h"], "kvm_create_device, fd"),
    ("DMA_HEAP_IOCTL_ALLOC", &["linux/dma-heap.h"], "dma_heap_allocation_data, fd"),
    ("DRM_IOCTL_PRIME_HANDLE_TO_FD", DRM, "drm_prime_handle, fd"),
    ("DRM_IOCTL_MODE_CREATE_LEASE", DRM, "drm_mode_create_lease, fd"),
    ("VTPM_PROXY_IOC_NEW_DEV", &["linux/vtpm_proxy.h"], "vtpm_proxy_new_dev, fd"),
    ("AUTOFS_DEV_IOCTL_OPENMOUNT", &["linux/auto_dev-ioctl.h"], "autofs_dev_ioctl, ioctlfd"),
    ("VIDIOC_EXPBUF", &["linux/videodev2.h"], "v4l2_exportbuffer, fd"),
    ("SYNC_IOC_MERGE", &["linux/sync_file.h"], "sync_merge_data, fence"),
    ("GPIO_GET_LINEEVENT_IOCTL", &["linux/gpio.h"], "gpioevent_request, fd"),
    ("GPIO_GET_LINEHANDLE_IOCTL", &["linux/gpio.h"], "gpiohandle_request, fd"),
    ("GPIO_V2_GET_LINE_IOCTL", &["linux/gpio.h"], "gpio_v2_line_request, fd"),
];

const DRM: &[&str] = &["drm/drm.h", "libdrm/drm.h"];

/// The numbers and places in the probe's table, by name.
fn ioctl_table() -> std::collections::HashMap<String, (u32, u32)> {
    let source = include_str!("../src/bpf/call.h");
    let from = source.find("int place_of_descriptor(").unwrap();
    let text = &source[from..from + source[from..].find("default:").unwrap()];
    let (mut all, mut group) = (std::collections::HashMap::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        if let Some((number, name)) = line.strip_prefix("case 0x").and_then(|rest| rest.split_once(": /* ")) {
            let name = name.split(' ').next().unwrap().to_owned();
            group.push((name, u32::from_str_radix(number, 16).unwrap()));
        } else if let Some(place) = line.strip_prefix("return ") {
            let place = place.trim_end_matches(';').parse().unwrap();
            all.extend(group.drain(..).map(|(name, number)| (name, (number, place))));
        }
    }
    all
}

/// Few machines have such devices, but the kernel's headers have their requests and structures.
#[test]
fn ioctls_that_write_descriptors_are_those_of_the_kernel_s_headers() {
    let dir = std::env::temp_dir().join(format!("eyas-ioctls-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let mut code = String::from("#include <stddef.h>\n#include <stdio.h>\n");
    let headers: std::collections::BTreeSet<_> = IOCTLS.iter().flat_map(|ioctl| ioctl.1).collect();
    for header in headers {
        code += &format!("#if __has_include(<{header}>)\n#include <{header}>\n#endif\n");
    }
    code += "int main(void) {\n";
    for (name, _, member) in IOCTLS {
        let place = if member.is_empty() { "0".into() } else { format!("offsetof(struct {member})") };
        code += &format!(
            "#ifdef {name}\nprintf(\"{name} %u %u\\n\", (unsigned){name}, (unsigned){place});\n#endif\n"
        );
    }
    code += "return 0; }\n";
    let (source, program) = (dir.join("ioctls.c"), dir.join("ioctls"));
    std::fs::write(&source, code).unwrap();
    let compiled = std::process::Command::new("cc").arg(&source).arg("-o").arg(&program).status().unwrap();
    assert!(compiled.success());
    let output = std::process::Command::new(&program).output().unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    let table = ioctl_table();
    assert!(IOCTLS.iter().all(|(name, ..)| table.contains_key(*name)));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut count = 0;
    for line in text.lines() {
        let [name, number, place] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_eq!(table[name], (number.parse().unwrap(), place.parse().unwrap()), "{name}");
        count += 1;
    }
    assert!(count >= 8, "{text}");
}
