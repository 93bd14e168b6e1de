//! Programs that were executed in unusual ways.

use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::{Kind, Scene, exit_at_end, fork, made, text, wait_for_end, write};
use crate::maker::{at, call, open};

/// The name of a program that is a symbolic link, a script, or an interpreter.
const EMPTY: i32 = libc::AT_EMPTY_PATH;

pub const KINDS: &[Kind] = &[
    ("plain", |s| s.exec(&s.program("plain"), &[c"plain", c"one", c"two words"])),
    ("by a symbolic link", |s| {
        std::os::unix::fs::symlink(s.dir.join("real"), s.dir.join("link")).unwrap();
        s.program("real");
        s.exec(&s.path("link"), &[c"link"])
    }),
    ("by a relative path", |s| {
        std::fs::create_dir(s.dir.join("sub")).unwrap();
        s.program("sub/rel");
        s.exec(c"./sub/../sub/rel", &[c"rel"])
    }),
    ("without arguments", |s| s.exec(&s.program("none"), &[])),
    ("with an empty name", |s| s.exec(&s.program("empty"), &[c"", c"", c"x"])),
    ("with odd arguments", |s| {
        s.exec(
            &s.program("odd"),
            &[c"odd\nname", c"a\tb\nc", &text(b"\xff\xfe\x80"), &text("é\u{1f980}".as_bytes())],
        )
    }),
    ("with an odd path", |s| {
        let name = std::ffi::OsStr::from_bytes(b"line\nfeed \xff");
        std::fs::copy("/proc/self/exe", s.dir.join(name)).unwrap();
        s.exec(&text(s.dir.join(name).as_os_str().as_bytes()), &[c"odd path"])
    }),
    ("with many arguments", |s| s.exec(&s.program("many"), &[c"0123456789"; 700])),
    ("with a long argument", |s| s.exec(&s.program("long"), &[c"long", &text(&[b'x'; 100_000])])),
    ("by a long path", |s| {
        let mut dir = s.dir.clone();
        (0..14).for_each(|_| dir.push("d".repeat(250)));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::copy("/proc/self/exe", dir.join("deep")).unwrap();
        s.exec(&text(dir.join("deep").as_os_str().as_bytes()), &[c"deep"])
    }),
    ("script", |s| script(s, "script", &[], &[c"script", c"argument"])),
    ("script with an option", |s| script(s, "script", &["an option"], &[c"other name", c"argument"])),
    ("script of a script", |s| {
        s.program("inner");
        let inner = format!("#!{} inner option\n", s.dir.join("inner").display());
        executable(s, "middle", inner.as_bytes());
        let outer = format!("#!{} outer option\n", s.dir.join("middle").display());
        executable(s, "outer", outer.as_bytes());
        s.exec(&s.path("outer"), &[c"outer", c"argument"])
    }),
    ("script by a descriptor", |s| {
        s.program("shell");
        executable(s, "script", format!("#!{}\n", s.dir.join("shell").display()).as_bytes());
        let fd = made(open(&s.path("script"), libc::O_RDONLY))?;
        s.exec_at(fd, c"", &[c"script", c"argument"], EMPTY)
    }),
    ("program by a descriptor", |s| {
        let fd = made(open(&s.program("by-fd"), libc::O_PATH | libc::O_CLOEXEC))?;
        s.exec_at(fd, c"", &[c"by-fd", c"argument"], EMPTY)
    }),
    ("program below a directory", |s| {
        s.program("below");
        let fd = made(open(&s.path(""), libc::O_PATH | libc::O_DIRECTORY))?;
        s.exec_at(fd, c"below", &[c"below"], 0)
    }),
    ("program by /proc/self/fd", |s| {
        let fd = made(open(&s.program("by-proc"), libc::O_RDONLY | libc::O_CLOEXEC))?;
        s.exec(&text(format!("/proc/self/fd/{fd}").as_bytes()), &[c"by-proc"])
    }),
    ("memfd", |s| {
        let fd = memfd(c"in memory", 0)?;
        s.exec_at(fd, c"", &[c"memfd", c"argument"], EMPTY)
    }),
    ("memfd by /proc/self/fd", |s| {
        let fd = memfd(c"in memory", libc::MFD_CLOEXEC)?;
        s.exec(&text(format!("/proc/self/fd/{fd}").as_bytes()), &[c"memfd"])
    }),
    ("removed program", |s| {
        let path = s.program("removed");
        let fd = made(open(&path, libc::O_RDONLY | libc::O_CLOEXEC))?;
        made(call(libc::SYS_unlink, [at(path.as_ptr())]))?;
        s.exec_at(fd, c"", &[c"removed"], EMPTY)
    }),
    ("chain of vfork and exec", |s| {
        let path = s.program("chain");
        for _ in 0..3 {
            // The child goes on, its creator waits for the exec and then for the end.
            if fork(libc::CLONE_VFORK)? != 0 {
                exit_at_end();
            }
        }
        s.exec(&path, &[c"chain"])
    }),
    ("program of a thread", |s| {
        let path = s.program("of-thread");
        let scene = Scene { name: s.name, dir: s.dir.clone() };
        let _ = std::thread::spawn(move || scene.exec(&path, &[c"of-thread"])).join();
        Err(0)
    }),
    ("program of a vfork that shares everything", |s| {
        let path = s.program("shares");
        if fork(libc::CLONE_VFORK | libc::CLONE_FILES | libc::CLONE_FS)? != 0 {
            exit_at_end();
        }
        s.exec(&path, &[c"shares"])
    }),
    ("interpreter of binfmt_misc", |s| by_format(s, "")),
    ("interpreter that keeps argv[0]", |s| by_format(s, "P")),
    ("interpreter that gets a descriptor", |s| by_format(s, "O")),
    ("interpreter opened beforehand", |s| by_format(s, "F")),
];

fn executable(s: &Scene, name: &str, bytes: &[u8]) {
    std::fs::write(s.dir.join(name), bytes).unwrap();
    std::fs::set_permissions(s.dir.join(name), PermissionsExt::from_mode(0o755)).unwrap();
}

fn script(s: &Scene, name: &str, options: &[&str], args: &[&CStr]) -> Result<(), i64> {
    s.program("shell");
    executable(s, name, format!("#!{} {}\n", s.dir.join("shell").display(), options.concat()).as_bytes());
    s.exec(&s.path(name), args)
}

/// The test program in memory.
fn memfd(name: &CStr, flags: u32) -> Result<i64, i64> {
    let fd = made(call(libc::SYS_memfd_create, [at(name.as_ptr()), flags.into()]))?;
    std::fs::copy("/proc/self/exe", format!("/proc/self/fd/{fd}")).unwrap();
    Ok(fd)
}

/// Executes a file with a registered format. Another process removes the format in the end.
fn by_format(s: &Scene, flags: &str) -> Result<(), i64> {
    s.program("interpreter");
    let magic = format!("EYAS{}{}", std::process::id(), flags);
    executable(s, "file", magic.as_bytes());
    let formats = s.dir.join("formats");
    std::fs::create_dir(&formats).unwrap();
    let (of_type, path) = (c"binfmt_misc", s.path("formats"));
    made(call(libc::SYS_unshare, [libc::CLONE_NEWNS.into()]))?;
    made(call(libc::SYS_mount, [0, at(c"/".as_ptr()), 0, (libc::MS_REC | libc::MS_PRIVATE) as i64, 0]))?;
    made(call(libc::SYS_mount, [at(of_type.as_ptr()), at(path.as_ptr()), at(of_type.as_ptr()), 0, 0]))?;
    let row = format!(":{magic}:M::{magic}::{}:{flags}", s.dir.join("interpreter").display());
    write(&formats.join("register"), row.as_bytes())?;
    if fork(0)? == 0 {
        return s.exec(&s.path("file"), &[c"name", c"argument"]);
    }
    let entry: PathBuf = formats.join(&magic);
    wait_for_end();
    let _ = std::fs::write(entry, b"-1");
    std::process::exit(0)
}
