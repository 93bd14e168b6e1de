//! A program that changes what `/proc` shows as its executable and its arguments.

use std::ffi::CString;
use std::io::BufRead;

use crate::maker::{at, call, open};

/// Environment variable that makes the test program this one.
pub const ENV: &str = "EYAS_DISGUISED";

/// The executable that `/proc` shows afterwards, and the first argument.
pub const EXECUTABLE: &str = "/usr/bin/true";
pub const ARGUMENT: &str = "/usr/sbin/sshd";

const SET_MM: i64 = 35;
const SET_MAP: i64 = 14;

/// `prctl_mm_map`: from the start of the code to the end of the environment, then no auxiliary vector, and the executable.
#[repr(C)]
struct Map {
    places: [i64; 11],
    auxiliary: i64,
    auxiliary_size: u32,
    executable: u32,
}

/// Disguises itself and makes a child at the first order, and executes `/proc/self/exe` at the second.
pub fn run() -> ! {
    let mut lines = std::io::stdin().lock().lines();
    lines.next();
    detach();
    let file = open(&CString::new(EXECUTABLE).unwrap(), libc::O_RDONLY | libc::O_CLOEXEC);
    let argument = CString::new(ARGUMENT).unwrap();
    let start = at(argument.as_ptr());
    let map = Map {
        places: places(start, start + ARGUMENT.len() as i64 + 1),
        auxiliary: 0,
        auxiliary_size: 0,
        executable: file as u32,
    };
    let result = call(libc::SYS_prctl, [SET_MM, SET_MAP, at(&map), size_of::<Map>() as i64, 0]);
    if result < 0 {
        println!("- PR_SET_MM_MAP: error {}\ndone", -result);
        lines.next();
        std::process::exit(0);
    }
    let child = call(libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0, 0, 0]);
    if child == 0 {
        call(libc::SYS_prctl, [libc::PR_SET_PDEATHSIG.into(), libc::SIGKILL.into(), 0, 0, 0]);
        loop {
            call(libc::SYS_pause, []);
        }
    }
    println!("{} program\n{child} child\ndone", std::process::id());
    lines.next();
    let args = [argument.as_ptr(), std::ptr::null()];
    call(libc::SYS_execve, [at(c"/proc/self/exe".as_ptr()), at(args.as_ptr()), 0]);
    std::process::exit(1)
}

/// The places in memory that the kernel knows, with other arguments.
fn places(arguments: i64, end: i64) -> [i64; 11] {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // As numbered in proc(5); the third is the first here.
    let field = |number: usize| fields[number - 3].parse().unwrap();
    let heap = call(libc::SYS_brk, [0]);
    [
        field(26),
        field(27),
        field(45),
        field(46),
        field(47),
        heap,
        field(28),
        arguments,
        end,
        field(50),
        field(51),
    ]
}

/// Replaces every mapping of the executable by a copy in memory, because the kernel refuses another executable until then.
fn detach() {
    let own = std::fs::read_link("/proc/self/exe").unwrap().display().to_string();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    for line in maps.lines().filter(|line| line.ends_with(&own)) {
        let (range, rest) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|number| i64::from_str_radix(number, 16).unwrap());
        let access = ["r", "w", "x"].iter().zip([1, 2, 4]).filter(|(letter, _)| rest[..4].contains(*letter));
        let (size, access) = (end - start, access.map(|(_, bit)| bit).sum());
        let copy = call(libc::SYS_mmap, [0, size, 3, 0x22, -1, 0]);
        assert!(copy > 0);
        call(libc::SYS_mprotect, [start, size, access | 1]);
        // SAFETY: both ranges are mapped, and nothing else uses the new one.
        unsafe { std::ptr::copy_nonoverlapping(start as *const u8, copy as *mut u8, size as usize) };
        call(libc::SYS_mprotect, [copy, size, access]);
        // MREMAP_MAYMOVE | MREMAP_FIXED
        assert_eq!(call(libc::SYS_mremap, [copy, size, size, 3, start]), start);
    }
}
