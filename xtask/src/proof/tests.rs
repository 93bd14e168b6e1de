//! The pages of made-up figures.

use super::chart::{Axis, bars, lines, short};
use super::figures::{Detector, Figures, Load, Machine, quantiles};
use super::{generator, measure, page};

fn figures() -> Figures {
    let load = |rate, found| Load { rate, marks: 1000, found, latency: Some([1.5, 20.25, 99.0]) };
    let eyas = Detector {
        name: "eyas".into(),
        start_up: Some(0.25),
        memory_mib: Some(33.5),
        idle_percent: Some(0.12),
        loads: vec![load(1000.0, 1000), load(1_500_000.0, 875)],
        rules: vec![(10, 9_000_000.0), (10_000, 700_000.0)],
        calls: vec![("skipped".into(), 22.4), ("sent".into(), 71.6)],
        coverage: vec![(50_000, 0.25, 0.7125)],
    };
    let peer = Detector { name: "peer <& co>".into(), loads: vec![load(1000.0, 500)], ..Detector::default() };
    let machine = Machine {
        version: "0123abcd".into(),
        date: "2026-11-29".into(),
        kernel: "6.18".into(),
        processor: "A processor".into(),
        cores: 2,
        memory_mib: 1024,
        load: [0.5, 3.25],
        noise: 0.08,
        seconds: 99.0,
    };
    Figures { machine, detectors: vec![eyas, peer] }
}

#[test]
fn the_page_has_every_figure() {
    let page = page::markdown(&figures());
    for part in [
        "Version `0123abcd`, 2026-11-29: A processor, 2 cores, 1024 MiB of memory, Linux 6.18. Load average 0.5 before and 3.2 after.",
        "took 8 % longer",
        "| eyas | 1.5 M | 1000 | 12.50 % |",
        "| peer <& co> | 1000 | 1000 | 50.00 % |",
        "| eyas | 1000 | 1.50 | 20.25 | 99.00 |",
        "| eyas | 10000 | 700 k |",
        "| eyas | skipped | 22 |",
        "| eyas | 50 k | 25.00 % | 71.25 % |",
        "| eyas | 0.25 | 33.5 | 0.12 |",
        "| peer <& co> | - | - | - |",
    ] {
        assert!(page.contains(part), "{part} is missing from\n{page}");
    }
}

#[test]
fn the_page_of_html_needs_nothing_else() {
    let page = page::html(&figures());
    assert_eq!(page.matches("<svg ").count(), 6);
    assert_eq!(page.matches("</svg>").count(), 6);
    assert!(page.contains("peer &lt;&amp; co&gt;") && !page.contains("peer <"));
    let rest = page.replace("http://www.w3.org/2000/svg", "");
    for word in ["http:", "https:", "<script", "<link", "<img", "src=", "url("] {
        assert!(!rest.contains(word), "{word}");
    }
    for tag in ["table", "tr", "td", "th", "h2", "p", "text", "svg"] {
        let begun = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(begun, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn charts_stay_within_their_frames() {
    let (x, y) = (Axis { title: "x", is_logarithmic: true }, Axis { title: "y", is_logarithmic: false });
    let points = vec![(0.0, 5.0), (1e7, -3.0), (10.0, 1e9)];
    let chart = lines("a", x, y, &[("one".into(), points), ("none".into(), Vec::new())]);
    for part in chart.split("points=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        for (cx, cy) in part.split_whitespace().filter_map(|point| point.split_once(',')) {
            let (cx, cy): (f64, f64) = (cx.parse().unwrap(), cy.parse().unwrap());
            assert!((0.0..=560.0).contains(&cx) && (0.0..=260.0).contains(&cy), "{cx},{cy}");
        }
    }
    assert!(!lines("a", x, y, &[]).contains("NaN") && !bars("a", "ns", &[]).contains("NaN"));
    assert!(bars("a", "ns", &[("one".into(), vec![("b".into(), -1.0)])]).contains("width=\"1.0\""));
}

#[test]
fn numbers_quantiles_and_days() {
    assert_eq!(
        [0.0, 0.123, 12.34, 123.4, 12_345.0, 1.25e6].map(short).join(" "),
        "0 0.12 12.3 123 12 k 1.2 M"
    );
    assert_eq!(quantiles((1..=100).rev().map(f64::from).collect()), Some([50.0, 99.0, 100.0]));
    assert_eq!((quantiles(vec![7.0]), quantiles(Vec::new())), (Some([7.0; 3]), None));
    let dates = [0, 951_782_400, 1_795_910_400, 4_107_542_399].map(measure::date);
    assert_eq!(dates, ["1970-01-01", "2000-02-29", "2026-11-29", "2100-02-28"]);
    assert_eq!(generator::number("Notice Marked file (file=/tmp/x/mark-0000042)"), Some(42));
    assert_eq!(generator::number("Notice mark-42"), None);
    let line = r#"{"output_fields":{"falco.rules_verdict_coverage_perc.Marked_file":97.25,"x":1}}"#;
    assert_eq!(measure::covered(line), Some(97.25));
}
