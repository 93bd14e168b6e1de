//! Check of the file of the time zone: the library for times reads it to the end, so a FIFO or an endless device would
//! stop the program.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use crate::path::ShowPath;

use rustix::fs::{major, minor};

use crate::file::NULL;

/// The file of the time zone if `TZ` is not set.
const SYSTEM: &str = "/etc/localtime";
/// The directory in which relative names begin.
const ZONES: &str = "/usr/share/zoneinfo";
/// Maximum size of the file, bytes; those of the time zone database have less than 4,000.
const MAX_ZONE: u64 = 1 << 20;

/// Checks that the file of the time zone, which `TZ` may name, is a regular file of a usual size, or does not exist.
///
/// # Errors
/// It is something else.
pub fn check_time_zone() -> io::Result<()> {
    check(std::env::var_os("TZ").as_deref())
}

fn check(tz: Option<&OsStr>) -> io::Result<()> {
    let (name, path) = match tz {
        Some(tz) => {
            let name = tz.as_bytes().strip_prefix(b":").unwrap_or(tz.as_bytes());
            ("the environment variable TZ names", Path::new(ZONES).join(OsStr::from_bytes(name)))
        }
        None => ("the time zone of the system is", SYSTEM.into()),
    };
    let Ok(meta) = fs::metadata(&path) else { return Ok(()) };
    let kind = meta.file_type();
    let is_null = kind.is_char_device() && (major(meta.rdev()), minor(meta.rdev())) == NULL;
    if is_null || kind.is_dir() || kind.is_file() && meta.len() <= MAX_ZONE {
        return Ok(());
    }
    let text = format!("{name} {}, which is not a time zone file: set TZ=UTC", path.shown());
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

#[cfg(test)]
mod tests {
    use eyas_testing::Dir;

    use super::*;

    #[test]
    fn a_time_zone_that_is_no_usual_file_is_refused() {
        let dir = Dir::new("console-zone");
        let zone = dir.write("zone", "TZif");
        let large = dir.write("large", "");
        fs::File::options().write(true).open(&large).unwrap().set_len(MAX_ZONE + 1).unwrap();
        let text = |path: &Path| format!(":{}", path.display());
        for tz in [
            "",
            ":",
            "UTC",
            "Europe/Berlin",
            "EST5EDT",
            "/dev/null",
            "absent/zone",
            &text(&zone),
            &text(&dir),
        ] {
            assert!(check(Some(OsStr::new(tz))).is_ok(), "{tz}");
        }
        for tz in ["/dev/zero", ":/dev/zero", "../../../dev/zero", &text(&dir.fifo("fifo")), &text(&large)] {
            let error = check(Some(OsStr::new(tz))).unwrap_err().to_string();
            assert!(error.ends_with("which is not a time zone file: set TZ=UTC"), "{error}");
        }
        assert!(check(None).is_ok());
    }
}
