//! Captures made by the format's description, one for each version, print as the reference prints them.

use std::path::PathBuf;

use eyas::events::EventType;
use eyas::rules::Format;
use eyas::scap::Reader;
use eyas::sinsp::{Inspector, Step, schema};

const FORMAT: &str = "%evt.num|%evt.type|%evt.args|%proc.name|%proc.pid|%proc.ppid|%proc.exe|%proc.args|%proc.cwd|\
                      %proc.env|%user.name|%fd.num|%fd.name|%fd.type";
/// Place of `user.name` in the format.
const USER: usize = 10;

/// Lines of the capture, and what ended it before its end.
fn lines(path: PathBuf) -> (Vec<String>, Option<String>) {
    let format = Format::parse(FORMAT, schema()).unwrap();
    let mut reader = match Reader::open(path) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error.to_string())),
    };
    let mut inspector = Inspector::default();
    let mut lines = Vec::new();
    loop {
        match inspector.next(&mut reader) {
            // The reference, too, passes over events of plugins here.
            Ok(Step::Event(event)) if event.event().ty == EventType::ASYNCEVENT_E => {}
            Ok(Step::Event(event)) => {
                let mut line = Vec::new();
                format.write(&mut line, &event, schema());
                lines.push(String::from_utf8_lossy(&line).into_owned());
            }
            Ok(Step::Idle) => {}
            Ok(Step::End) => return (lines, None),
            Err(error) => return (lines, Some(error.to_string())),
        }
    }
}

#[test]
fn every_version_reads_as_the_reference_reads_it() {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");
    let shared = PathBuf::from(std::env::var_os("EYAS_SHARED").unwrap_or(default.into()));
    let synthetic = shared.join("captures/synthetic");
    let Ok(files) = std::fs::read_dir(&synthetic) else {
        eprintln!("skipped: no {}", synthetic.display());
        return;
    };
    let mut compared = 0;
    for path in
        files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "scap"))
    {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let golden =
            |kind: &str| std::fs::read_to_string(synthetic.join(format!("golden/{name}.{kind}.txt")));
        let Ok(expected) = golden("fmt") else { continue };
        let (ours, error) = lines(path);
        let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
        // The reference knows no users of captures as old as that and takes those of the machine that reads.
        let shown = |line: &String| match name.as_str() {
            "pre010" => {
                line.split('|').enumerate().filter(|(i, _)| *i != USER).map(|(_, v)| v.to_owned()).collect()
            }
            _ => vec![line.clone()],
        };
        assert_eq!(
            ours.iter().map(shown).collect::<Vec<_>>(),
            expected.iter().map(shown).collect::<Vec<_>>(),
            "{name}"
        );
        // A capture without events is no error here.
        let fails = golden("err").is_ok_and(|text| !text.trim().is_empty()) && name != "noevents";
        assert_eq!(error.is_some(), fails, "{name}: {error:?}");
        compared += ours.len();
    }
    assert!(compared > 20, "{compared} lines");
}
