//! The page of a report.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use eyas::sinsp::Inspector;
use eyas_testing::{Dir, need_program, test};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn demo() -> PathBuf {
    eyas_testing::root().join("demo/demo.scap.gz")
}

fn page(path: &Path) -> String {
    let engine = eyas_report::rules::<&Path>(&[]).unwrap();
    eyas_report::page(path, &engine, &Inspector::default).unwrap()
}

/// The drawn slice, as text.
fn slice(page: &str) -> String {
    let from = page.find("<svg id=\"slice\"").unwrap();
    let svg = &page[from..from + page[from..].find("</svg>").unwrap()];
    svg.replace("&gt;", ">")
        .replace("&lt;", "<")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// The planned actions in the shared attack capture.
const PLANTED: &str = include_str!("attack.yaml");

/// An action, and texts that show it.
#[derive(serde::Deserialize)]
struct Planted {
    action: String,
    shows: Vec<String>,
}

#[test]
fn every_planted_action_of_the_attack_is_in_the_slice() {
    let attack = eyas_testing::data_or_ignore("captures/attack.scap.gz");
    let page = page(&attack);
    let slice = slice(&page);
    let planted: Vec<Planted> = serde_saphyr::from_str(PLANTED).unwrap();
    assert_eq!(planted.len(), 49);
    let mut missing = Vec::new();
    for Planted { action, shows } in &planted {
        missing.extend(
            shows.iter().filter(|text| !slice.contains(&**text)).map(|text| format!("{action}: {text}")),
        );
    }
    assert!(missing.is_empty(), "{missing:#?}");
    let nodes = slice.matches("<g class=\"node").count();
    assert!(nodes <= 250 && nodes > 100, "{nodes} nodes");
    assert!(page.len() < 3 << 20, "{} bytes", page.len());
}

/// Falco 0.44.1 raised alerts for these commands.
#[test]
fn every_command_that_falco_found_in_the_attack_is_in_the_slice() {
    let attack = eyas_testing::data_or_ignore("captures/attack.scap.gz");
    let alerts = eyas_testing::data_or_ignore("captures/golden/attack.falco_allrules_matchall.alerts.jsonl");
    let slice = slice(&page(&attack));
    let mut commands = BTreeSet::new();
    for line in std::fs::read_to_string(alerts).unwrap().lines() {
        let alert: serde_json::Value = serde_json::from_str(line).unwrap();
        let command = alert["output_fields"]["proc.cmdline"].as_str().unwrap_or_default();
        // Labels are cut, and Falco shows a line break as U+FFFD.
        commands.insert(command.chars().take(30).take_while(|c| *c != '\u{fffd}').collect::<String>());
    }
    assert!(commands.len() > 40, "{commands:?}");
    let missing: Vec<_> = commands.iter().filter(|command| !slice.contains(&***command)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_page_is_complete_and_self_contained() {
    let page = page(&demo());
    for part in [
        "<title>Report of demo.scap.gz</title>",
        ", all from `bash scripts/attack.sh` (process 21813); the gravest is ",
        " recorder (21813) fails to execute /usr/local/sbin/bash (ENOENT)</code>",
        " cat (21825) executes /usr/bin/cat: cat /etc/shadow</code>",
        "<svg id=\"timeline\"",
        "The capture reports no lost events",
        "class=\"alerting\"",
        "<svg id=\"slice\"",
        "id=\"files-table\"",
        "id=\"connections-table\"",
        "id=\"users-table\"",
        "id=\"containers-table\"",
        "type=\"search\"",
        "fd.name is &quot;/etc/shadow&quot;",
        "download=\"demo.slice.scap.gz\"",
        "name=\"viewport\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let outside = ["src=", "http://", "https://", "@import", "url(http"];
    assert!(outside.iter().all(|text| !page.contains(text)), "it refers to something else");
    assert_eq!(page, self::page(&demo()));
    // Each element that is opened is closed.
    for tag in ["div", "ul", "li", "table", "details", "svg", "g", "span", "button", "p", "a"] {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn the_part_of_the_capture_in_a_page_is_a_capture() {
    let page = page(&demo());
    let from = page.find("base64,").unwrap() + 7;
    let text = &page[from..from + page[from..].find('"').unwrap()];
    let dir = Dir::new("report");
    let path = dir.write("part.scap.gz", decoded(text));
    let mut source = eyas::scap::Reader::open(&path).unwrap();
    let mut inspector = Inspector::default();
    let mut found = false;
    while let eyas::sinsp::Step::Event(event) = inspector.next(&mut source).unwrap() {
        let thread = event.thread().unwrap();
        found |= event.num() == 1176
            && &*thread.comm == b"cat"
            && event.fd().is_some_and(|fd| &*fd.name == b"/etc/shadow");
    }
    assert!(found);
}

fn decoded(base64: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: Vec<u32> = base64.chars().filter_map(|c| DIGITS.find(c).map(|at| at as u32)).collect();
    let mut out = Vec::new();
    for four in digits.chunks(4) {
        let number = four.iter().fold(0, |all, digit| all << 6 | digit) << (6 * (4 - four.len()));
        out.extend_from_slice(&number.to_be_bytes()[1..four.len()]);
    }
    out
}

#[test]
fn losses_are_shaded() {
    use eyas::events::EventType;
    use eyas::scap::{EventBuilder, Loss, Snapshot, Writer};

    let dir = Dir::new("report-lost");
    let path = dir.join("lost.scap");
    let mut writer = Writer::create(&path, false).unwrap();
    writer.snapshot(&Snapshot::default()).unwrap();
    for (ty, ts) in [
        (EventType::SYSCALL_CLOSE_X, 1_000_000_000),
        (EventType::DROP_E, 2_000_000_000),
        (EventType::DROP_X, 3_000_000_000),
        (EventType::SYSCALL_CLOSE_X, 5_000_000_000),
    ] {
        writer.event(&EventBuilder::new(ty).ts(ts).tid(7).build().as_raw()).unwrap();
    }
    // Two losses that the page merges.
    for since in [4_000_000_000, 4_000_000_010] {
        writer.losses(&[Loss::unknown(since as u16, since, since + 5, 3)]);
    }
    writer
        .event(&EventBuilder::new(EventType::SYSCALL_CLOSE_X).ts(6_000_000_000).tid(7).build().as_raw())
        .unwrap();
    writer.finish().unwrap();
    let page = page(&path);
    assert!(page.contains("6 events were lost, in 2 spans, which are shaded"), "{page}");
    assert!(page.contains("class=\"lost\""), "{page}");
    assert!(page.contains("There is no alert whose causes could be shown"));
}

#[test]
fn a_browser_opens_the_page_without_an_error() {
    let chromium = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok());
    let chromium = chromium.map_or_else(|| need_program("chromium"), PathBuf::from);
    let dir = Dir::new("report-browser");
    dir.write("report.html", page(&demo()));
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--window-size=390,844",
        ])
        .arg(format!("--screenshot={}", dir.join("shot.png").display()))
        .arg(format!("file://{}", dir.join("report.html").display()))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<&str> = text.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert!(std::fs::metadata(dir.join("shot.png")).is_ok_and(|shot| shot.len() > 1000), "{text}");
}

#[test]
fn the_text_of_a_report_is_that_of_falco() {
    let rules = eyas_report::rules(&[eyas_testing::root().join("demo/rules.yaml")]).unwrap();
    let text = eyas_report::text(&demo(), &rules, &Inspector::default).unwrap();
    let expected = eyas_testing::root().join("examples/falco/tests/incident.txt");
    assert_eq!(text, std::fs::read_to_string(expected).unwrap());
}
