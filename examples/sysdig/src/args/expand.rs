//! Joins words of the command line to the preceding option.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use eyas::rules::condition;

use crate::view::{View, catalog, takes};

/// Joins the arguments of a view to its name: `-c spy_ip 1.2.3.4` becomes `-c "spy_ip 1.2.3.4"`. Replaces
/// `view NAME` by the equivalent option, and `-cl` by `--list-chisels`.
pub fn expand(words: Vec<OsString>) -> Vec<OsString> {
    let given = given_views(&words);
    let mut words = words.into_iter().peekable();
    let mut out: Vec<OsString> = words.next().into_iter().collect();
    let is_name = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_view = |word: &OsString| {
        let word = word.to_string_lossy();
        is_name(&word) && catalog::find(&word, &given).is_ok()
    };
    // A name of a view is no filter.
    let names_view = words.peek().is_some_and(is_view);
    if names_view || words.peek().is_some_and(|word| word == "view") {
        if !names_view {
            words.next();
        }
        match words.peek() {
            Some(name) if !name.to_string_lossy().starts_with('-') => out.push("-c".into()),
            _ => out.push("--list-chisels".into()),
        }
        if out.last().is_some_and(|word| word == "-c") {
            let name = words.next().unwrap_or_default();
            out.push(with_arguments(name, &mut words, &given));
        }
    }
    if words.peek().is_some_and(|word| word == "trace") {
        words.next();
        let names_file = |word: &OsString| word.to_string_lossy().starts_with("--perfetto");
        if !words.clone().any(|word| names_file(&word)) {
            // The argument parser then reports the missing file.
            return out.into_iter().chain(words).chain(["--perfetto".into()]).collect();
        }
    }
    if words.peek().is_some_and(|word| word == "top") {
        words.next();
        out.push("--top".into());
    }
    if words.peek().is_some_and(|word| word == "report") {
        words.next();
        out.push("--report".into());
        if words.peek().is_some_and(|word| !word.to_string_lossy().starts_with('-')) {
            out.extend(["-r".into(), words.next().unwrap_or_default()]);
        }
    }
    while let Some(word) = words.next() {
        let text = word.to_string_lossy().into_owned();
        match text.as_str() {
            "--" => {
                out.push(word);
                break;
            }
            "-cl" => out.push("--list-chisels".into()),
            _ if text.starts_with("-B") && text.len() > 2 => {
                out.push(format!("--bpf={}", &text[2..]).into());
            }
            "-Il" => out.push("--list-inputs".into()),
            "-c" | "--chisel" => {
                out.push("-c".into());
                if let Some(name) = words.next() {
                    out.push(with_arguments(name, &mut words, &given));
                }
            }
            _ if text.starts_with("--chisel=") || (text.starts_with("-c") && !text.starts_with("--")) => {
                let name = text.strip_prefix("--chisel=").unwrap_or_else(|| &text[2..]);
                out.push("-c".into());
                out.push(with_arguments(name.into(), &mut words, &given));
            }
            _ => out.push(word),
        }
    }
    out.extend(words);
    out
}

/// The name and the next word, if that word is an argument of the view.
fn with_arguments(
    name: OsString,
    words: &mut std::iter::Peekable<std::vec::IntoIter<OsString>>,
    given: &[View],
) -> OsString {
    let Ok(view) = catalog::find(&name.to_string_lossy(), given) else { return name };
    let is_filter = |word: &str| {
        condition::parse(word).is_ok_and(|expr| condition::compile(&expr, eyas::sinsp::schema()).is_ok())
    };
    let next = words.peek().map(|word| word.to_string_lossy().into_owned());
    match next {
        Some(word) if !word.starts_with('-') && takes(view, &word, is_filter) => {
            words.next();
            format!("{} {word}", name.to_string_lossy()).into()
        }
        _ => name,
    }
}

/// The views of the given files. An invalid file is reported later, when it is used.
fn given_views(words: &[OsString]) -> Vec<View> {
    let separate = words.windows(2).filter(|pair| pair[0] == "--view").map(|pair| pair[1].as_os_str());
    let joined =
        words.iter().filter_map(|word| word.as_bytes().strip_prefix(b"--view=").map(OsStr::from_bytes));
    separate.chain(joined).filter_map(|path| catalog::read(Path::new(path)).ok()).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(line: &[&str]) -> Vec<String> {
        let words = ["sysdig"].iter().chain(line).map(OsString::from).collect();
        expand(words).into_iter().skip(1).map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn arguments_of_views_are_distinguished_from_filters() {
        assert_eq!(expanded(&["-c", "spy_ip", "1.2.3.4", "-r", "f"]), ["-c", "spy_ip 1.2.3.4", "-r", "f"]);
        assert_eq!(expanded(&["-cfileslower", "5"]), ["-c", "fileslower 5"]);
        assert_eq!(expanded(&["-c", "topconns", "fd.num=3"]), ["-c", "topconns", "fd.num=3"]);
        assert_eq!(expanded(&["-c", "spy_file", "fd.num=3"]), ["-c", "spy_file", "fd.num=3"]);
        assert_eq!(
            expanded(&["-c", "spy_file", "R /tmp/x", "fd.num=3"]),
            ["-c", "spy_file R /tmp/x", "fd.num=3"]
        );
        assert_eq!(expanded(&["-c", "lsof", "fd.num=3", "evt.num=9"]), ["-c", "lsof fd.num=3", "evt.num=9"]);
        assert_eq!(expanded(&["-c", "spectrogram", "-r", "f"]), ["-c", "spectrogram", "-r", "f"]);
    }

    #[test]
    fn short_forms_are_options() {
        assert_eq!(expanded(&["trace", "--perfetto", "f"]), ["--perfetto", "f"]);
        assert_eq!(expanded(&["top", "-r", "f"]), ["--top", "-r", "f"]);
        assert_eq!(expanded(&["report", "f", "-o", "p"]), ["--report", "-r", "f", "-o", "p"]);
        assert_eq!(expanded(&["trace", "-r", "f"]), ["-r", "f", "--perfetto"]);
        assert_eq!(expanded(&["-cl"]), ["--list-chisels"]);
        assert_eq!(expanded(&["view"]), ["--list-chisels"]);
        assert_eq!(expanded(&["view", "spy_port", "80", "-j"]), ["-c", "spy_port 80", "-j"]);
        assert_eq!(expanded(&["spy_port", "80", "-j"]), ["-c", "spy_port 80", "-j"]);
        assert_eq!(expanded(&["ps", "proc.name=a"]), ["-c", "ps proc.name=a"]);
        assert_eq!(expanded(&["-q", "ps"]), ["-q", "ps"]);
        assert_eq!(expanded(&["-Bprobe.o"]), ["--bpf=probe.o"]);
        assert_eq!(expanded(&["--chisel=ps"]), ["-c", "ps"]);
        assert_eq!(expanded(&["--compress", "--", "-cl"]), ["--compress", "--", "-cl"]);
    }
}
