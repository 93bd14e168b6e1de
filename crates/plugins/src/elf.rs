//! Check that a shared object is complete. The dynamic linker maps a file that was cut, for example because it is still
//! being copied, and then the program ends by SIGBUS.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::shown;

/// Size of the header of a 64-bit file, bytes.
const HEADER: usize = 64;
/// Size of a program header, bytes.
const PROGRAM_HEADER: usize = 56;
/// The type of program headers whose part of the file is mapped.
const LOAD: u32 = 1;
/// Maximum number of program headers that are read; shared objects have about ten.
const MAX_PROGRAM_HEADERS: u16 = 1024;

/// Checks that the file has all bytes that the dynamic linker maps. Files of another format pass: the linker refuses
/// them.
///
/// # Errors
/// The file is too short: a text that says so.
pub(crate) fn check(path: &Path) -> Result<(), String> {
    // The linker reports files that cannot be read.
    let Ok(file) = File::open(path) else { return Ok(()) };
    match (end_of_parts(&file), file.metadata()) {
        (Ok(Some(end)), Ok(meta)) if meta.len() < end => {
            Err(format!("{}: the file is cut: it has {} bytes of at least {end}", shown(path), meta.len()))
        }
        _ => Ok(()),
    }
}

/// Where the last mapped part of the file ends; `None` for another format.
fn end_of_parts(file: &File) -> io::Result<Option<u64>> {
    let mut header = [0; HEADER];
    file.read_exact_at(&mut header, 0)?;
    // 64 bits, little-endian.
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return Ok(None);
    }
    let table = u64::from_le_bytes(bytes_at(&header, 32));
    let size = u16::from_le_bytes(bytes_at(&header, 54));
    let count = u16::from_le_bytes(bytes_at(&header, 56)).min(MAX_PROGRAM_HEADERS);
    if usize::from(size) != PROGRAM_HEADER {
        return Ok(None);
    }
    let mut end = table.saturating_add(u64::from(size) * u64::from(count));
    for index in 0..u64::from(count) {
        let mut part = [0; PROGRAM_HEADER];
        if file.read_exact_at(&mut part, table.saturating_add(index * u64::from(size))).is_err() {
            break;
        }
        if u32::from_le_bytes(bytes_at(&part, 0)) == LOAD {
            let [begin, length] = [8, 32].map(|at| u64::from_le_bytes(bytes_at(&part, at)));
            end = end.max(begin.saturating_add(length));
        }
    }
    Ok(Some(end))
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|index| bytes[at + index])
}

#[cfg(test)]
mod tests {
    use eyas_testing::Dir;

    use super::*;

    #[test]
    fn messages_show_every_byte_of_a_path() {
        use std::os::unix::ffi::OsStrExt;
        let dir = Dir::new("plugins-names");
        let [cut, absent] = [&b"cut\xff\n.so"[..], b"absent\xff\n.so"]
            .map(|name| dir.join(std::ffi::OsStr::from_bytes(name)));
        std::fs::write(&cut, &std::fs::read(std::env::current_exe().unwrap()).unwrap()[..2000]).unwrap();
        let error = check(&cut).unwrap_err();
        assert!(error.contains(r"/cut\xff\n.so: the file is cut"), "{error}");
        // The linker's own message.
        let error = crate::call::load(&absent).err().unwrap();
        assert!(error.contains(r"\n.so: ") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn every_cut_of_a_program_is_noticed() {
        let dir = Dir::new("plugins-elf");
        let whole = std::env::current_exe().unwrap();
        assert_eq!(check(&whole), Ok(()));
        let file = File::open(&whole).unwrap();
        let end = end_of_parts(&file).unwrap().unwrap();
        let part = dir.join("part.so");
        for length in [HEADER as u64, 100, 2000, end / 2, end - 1] {
            let mut bytes = vec![0; length as usize];
            file.read_exact_at(&mut bytes, 0).unwrap();
            std::fs::write(&part, bytes).unwrap();
            let error = check(&part).unwrap_err();
            assert!(error.contains(&format!("the file is cut: it has {length} bytes of ")), "{error}");
        }
        // What the linker refuses itself.
        for text in ["", "text", "\x7fELF\x02\x01"] {
            std::fs::write(&part, text).unwrap();
            assert_eq!(check(&part), Ok(()), "{text:?}");
        }
        assert_eq!(check(&dir.join("absent.so")), Ok(()));
    }
}
