//! The page, as Markdown and as HTML.

use std::fmt::Write;

use super::chart::{Axis, bars, escape, lines, short};
use super::figures::{Detector, Figures, Load};

/// A section: title, explanation, table and charts.
struct Section {
    title: &'static str,
    text: &'static str,
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    charts: Vec<String>,
}

/// The text of `docs/proof.md`, next to the HTML page.
pub fn markdown(figures: &Figures) -> String {
    let mut out = format!(
        "# Measured on one machine\n\n`cargo xtask proof` measured this and wrote this page; [proof.html](proof.html) has it with \
         charts. Nothing here was written by hand. Run it on a machine of yours: absolute figures of another machine say \
         little.\n\n{}\n",
        machine(figures)
    );
    for section in sections(figures) {
        // Writing to a text cannot fail.
        let _ = write!(out, "\n## {}\n\n{}\n\n", section.title, section.text);
        let _ = writeln!(out, "| {} |", section.head.join(" | "));
        let _ = writeln!(out, "|{}", " --- |".repeat(section.head.len()));
        for row in &section.rows {
            let _ = writeln!(out, "| {} |", row.join(" | "));
        }
    }
    out.push_str("\n```sh\ncargo xtask proof\ncargo xtask proof --quick\n");
    out.push_str("cargo xtask proof --peer 'falco -U -r {rules}'\n```\n");
    out
}

/// The self-contained HTML page, without external scripts, pictures or styles.
pub fn html(figures: &Figures) -> String {
    let mut out = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Measured on one machine</title>\n<style>\
         body{font-family:sans-serif;max-width:62em;margin:2em auto;padding:0 1em;line-height:1.45}\
         table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2em .7em;text-align:right}\
         td:first-child,th:first-child{text-align:left}svg{max-width:42em;width:100%;display:block;margin:1em 0}\
         </style></head><body>\n<h1>Measured on one machine</h1>\n",
    );
    let _ = writeln!(out, "<p><code>cargo xtask proof</code> measured this and wrote this page.</p>");
    let _ = writeln!(out, "<p>{}</p>", escape(&machine(figures)));
    for section in sections(figures) {
        let _ = writeln!(out, "<h2>{}</h2>\n<p>{}</p>", escape(section.title), escape(section.text));
        section.charts.iter().for_each(|chart| out.push_str(chart));
        let cells = |tag: &str, cells: &mut dyn Iterator<Item = &str>| -> String {
            cells.map(|cell| format!("<{tag}>{}</{tag}>", escape(cell))).collect()
        };
        let _ = writeln!(out, "<table><tr>{}</tr>", cells("th", &mut section.head.iter().copied()));
        for row in &section.rows {
            let _ = writeln!(out, "<tr>{}</tr>", cells("td", &mut row.iter().map(String::as_str)));
        }
        out.push_str("</table>\n");
    }
    out.push_str("</body></html>\n");
    out
}

/// Description of the machine and its noise.
fn machine(figures: &Figures) -> String {
    let m = &figures.machine;
    let names: Vec<&str> = figures.detectors.iter().map(|detector| detector.name.as_str()).collect();
    format!(
        "Version `{}`, {}: {}, {} cores, {} MiB of memory, Linux {}. Load average {:.1} before and {:.1} after. The slowest of equal loops \
         took {:.0} % longer than the fastest: differences of less say nothing. Measuring took {:.0} s. Detectors: {}.",
        m.version,
        m.date,
        m.processor,
        m.cores,
        m.memory_mib,
        m.kernel,
        m.load[0],
        m.load[1],
        100.0 * m.noise,
        m.seconds,
        names.join(", ")
    )
}

fn sections(figures: &Figures) -> Vec<Section> {
    let all = &figures.detectors;
    vec![drops(all), latency(all), rules(all), calls(all), coverage(all), costs(all)]
}

/// A line for each detector, through the points that `point` computes from its loads.
fn by_load(all: &[Detector], point: impl Fn(&Load) -> Option<f64>) -> Vec<(String, Vec<(f64, f64)>)> {
    let of = |detector: &Detector| {
        let points = detector.loads.iter().filter_map(|load| Some((load.rate, point(load)?))).collect();
        (detector.name.clone(), points)
    };
    all.iter().map(of).collect()
}

fn drops(all: &[Detector]) -> Section {
    let row = |detector: &Detector, load: &Load| {
        let lost = format!("{:.2} %", load.lost_percent());
        vec![detector.name.clone(), short(load.rate), load.marks.to_string(), lost]
    };
    let rows = all.iter().flat_map(|detector| detector.loads.iter().map(move |load| row(detector, load)));
    let (x, y) = (axis("events a second", false), axis("marked events without an alert, %", false));
    Section {
        title: "Lost by load",
        text: "A process opens and closes files at a fixed rate, and in the last row as fast as it can. A \
               rule tests the age of the process at each open, which only user space knows, so the filter in \
               the kernel passes every open. Some opens are of marked files, and a rule matches each of \
               these. A marked open without an alert was lost.",
        head: vec!["detector", "events/s", "marked", "lost"],
        rows: rows.collect(),
        charts: vec![lines("Share lost", x, y, &by_load(all, |load| Some(load.lost_percent())))],
    }
}

fn latency(all: &[Detector]) -> Section {
    let row = |detector: &Detector, load: &Load| {
        let [median, most, longest] = load.latency?.map(|ms| format!("{ms:.2}"));
        Some(vec![detector.name.clone(), short(load.rate), median, most, longest])
    };
    let rows =
        all.iter().flat_map(|detector| detector.loads.iter().filter_map(move |load| row(detector, load)));
    let names = ["p50", "p99", "max"];
    let series: Vec<_> = all
        .iter()
        .flat_map(|detector| {
            names.iter().enumerate().map(move |(index, name)| {
                let point = |load: &Load| Some((load.rate, load.latency?[index] * 1000.0));
                (format!("{} {name}", detector.name), detector.loads.iter().filter_map(point).collect())
            })
        })
        .collect();
    let (x, y) = (axis("events a second", false), axis("microseconds", true));
    Section {
        title: "From the call to the alert",
        text: "The time from just before the open of a marked file until the reader of the detector's \
               standard output has the line, in ms. At two events per second, the detector is idle before \
               each.",
        head: vec!["detector", "events/s", "p50", "p99", "max"],
        rows: rows.collect(),
        charts: vec![lines("Latency", x, y, &series)],
    }
}

fn rules(all: &[Detector]) -> Section {
    let rows = all.iter().flat_map(|detector| {
        let row = |(count, rate): &(u64, f64)| vec![detector.name.clone(), count.to_string(), short(*rate)];
        detector.rules.iter().map(row)
    });
    let series: Vec<_> = all
        .iter()
        .map(|one| (one.name.clone(), one.rules.iter().map(|(count, rate)| (*count as f64, *rate)).collect()))
        .collect();
    let (x, y) = (axis("rules", true), axis("events a second of processor time", true));
    Section {
        title: "Throughput by number of rules",
        text: "Events of a replayed capture per second of CPU time, without the time for loading the rules. \
               Each rule tests the type, the path and the program of an open, and none matches.",
        head: vec!["detector", "rules", "events/s"],
        rows: rows.collect(),
        charts: vec![lines("Throughput", x, y, &series)],
    }
}

fn calls(all: &[Detector]) -> Section {
    let rows = all.iter().flat_map(|detector| {
        let row = |(what, ns): &(String, f64)| vec![detector.name.clone(), what.clone(), format!("{ns:.0}")];
        detector.calls.iter().map(row)
    });
    let groups: Vec<_> = all.iter().map(|one| (one.name.clone(), one.calls.clone())).collect();
    Section {
        title: "Overhead of a call",
        text: "The overhead, in ns of CPU time, of a kill that sends no signal, and of an open and the close \
               of a file. Filtered: the only rule demands a result that this kill does not have, or a path \
               that this open does not have, so a filter in the kernel can reject the event. Sent: a rule that never \
               matches tests the age of the process, which only user space knows.",
        head: vec!["detector", "call", "ns"],
        rows: rows.collect(),
        charts: vec![bars("ns added to a call", "ns", &groups)],
    }
}

fn coverage(all: &[Detector]) -> Section {
    let rows = all.iter().flat_map(|detector| {
        let row = |(rate, lost, covered): &(u64, f64, f64)| {
            let percent = |share: f64| format!("{:.2} %", 100.0 * share);
            vec![detector.name.clone(), short(*rate as f64), percent(*lost), percent(*covered)]
        };
        detector.coverage.iter().map(row)
    });
    let series: Vec<_> = all
        .iter()
        .filter(|one| !one.coverage.is_empty())
        .flat_map(|one| {
            let lost = one.coverage.iter().map(|(rate, lost, _)| (*rate as f64, 100.0 * lost)).collect();
            let covered =
                one.coverage.iter().map(|(rate, _, covered)| (*rate as f64, 100.0 * covered)).collect();
            [(format!("{}: lost", one.name), lost), (format!("{}: covered", one.name), covered)]
        })
        .collect();
    let (x, y) = (axis("events a second", false), axis("%", false));
    Section {
        title: "Verdict coverage under loss",
        text: "With the smallest ring buffer, while the detector is stopped (SIGSTOP) for a quarter of the \
               time: the share of marked events that were lost, and the share of all threads' time for which, \
               by the detector's own statement, a missing alert means that nothing happened. If losses \
               concern few threads, most of this time is covered, although these threads lost many events.",
        head: vec!["detector", "events/s", "lost", "covered"],
        rows: rows.collect(),
        charts: vec![lines("Lost and covered", x, y, &series)],
    }
}

fn costs(all: &[Detector]) -> Section {
    let text =
        |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
    let row = |one: &Detector| {
        vec![one.name.clone(), text(one.start_up, 2), text(one.memory_mib, 1), text(one.idle_percent, 2)]
    };
    let groups: Vec<_> = all
        .iter()
        .map(|one| {
            let values = [
                ("start-up, s", one.start_up),
                ("memory, MiB", one.memory_mib),
                ("idle, % of a core", one.idle_percent),
            ];
            let bars = values.into_iter().filter_map(|(what, value)| Some((what.to_owned(), value?)));
            (one.name.clone(), bars.collect())
        })
        .collect();
    Section {
        title: "Start-up, memory, idle",
        text: "The time from the program's start to the first alert; the resident memory after all loads; the \
               CPU time, as a share of one core, on an idle machine.",
        head: vec!["detector", "start-up, s", "memory, MiB", "idle, % of a core"],
        rows: all.iter().map(row).collect(),
        charts: vec![bars("Costs", "", &groups)],
    }
}

fn axis(title: &str, is_logarithmic: bool) -> Axis<'_> {
    Axis { title, is_logarithmic }
}
