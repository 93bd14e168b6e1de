//! The page.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use eyas::events::EventType;
use eyas::fields::BufferFormat;
use eyas::rules::Engine;
use eyas::sinsp::{EventView, Inspector};

use crate::actions::Actions;
use crate::activity::{Activity, Things};
use crate::alerts::Alerts;
use crate::causal::{MAX_NODES, Slice};
use crate::embed::embed;
use crate::graph::{Graph, Node};
use crate::html::{escape, table};
use crate::passes::{Span, pass};
use crate::processes::{Involved, Key, Processes, key};
use crate::svg;
use crate::text::{Report, time};
use crate::values::{Named, shown};

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");
/// Unit of the rates of events, ns.
const UNIT: u64 = 1_000_000;
/// Maximum number of units; the unit grows with the capture.
const MAX_UNITS: usize = 20_000;
/// Maximum number of shown actions per process.
const MAX_ACTIONS: usize = 25;
/// Maximum number of shown rows per table.
const MAX_ROWS: usize = 600;
/// Maximum size of the capture part in a page, bytes.
const MAX_EMBEDDED: usize = 1_500_000;

/// Results of the first pass besides alerts, processes and causes.
struct Tally {
    unit: u64,
    rates: BTreeMap<u64, u64>,
    first: Option<u64>,
    /// Time spans with dropped events.
    losses: Vec<(u64, u64)>,
    /// Number of events per process.
    events: BTreeMap<Key, u64>,
    /// Images of containers.
    images: BTreeMap<String, String>,
    image: Named,
}

impl Tally {
    fn note(&mut self, event: &EventView<'_>) {
        let raw = event.event();
        let first = *self.first.get_or_insert(raw.ts);
        *self.rates.entry(raw.ts.saturating_sub(first) / self.unit).or_default() += 1;
        if self.rates.len() > MAX_UNITS {
            self.unit *= 10;
            let rates = std::mem::take(&mut self.rates);
            for (slot, count) in rates {
                *self.rates.entry(slot / 10).or_default() += count;
            }
        }
        // The first event marks the beginning of a gap, the second its end.
        match raw.ty {
            EventType::DROP_E => self.losses.push((raw.ts, raw.ts)),
            EventType::DROP_X => match self.losses.last_mut() {
                Some(last) => last.1 = raw.ts,
                None => self.losses.push((first, raw.ts)),
            },
            _ => {}
        }
        let Some(key) = key(event) else { return };
        *self.events.entry(key).or_default() += 1;
        if let Some(id) = event.thread().and_then(|thread| thread.container.as_ref()) {
            let id_text = shown(id);
            if !self.images.contains_key(&id_text) {
                let image = self.image.text(event).unwrap_or_default();
                self.images.insert(id_text, image);
            }
        }
    }
}

/// Makes the page.
pub fn page(path: &Path, name: &str, engine: &Engine, inspector: &dyn Fn() -> Inspector) -> Result<String> {
    let (mut processes, mut alerts, mut graph) = (Processes::default(), Alerts::new(engine)?, Graph::new()?);
    let (mut actions, mut describer) = (Actions::default(), Activity::new()?);
    let mut tally = Tally {
        unit: UNIT,
        rates: BTreeMap::new(),
        first: None,
        losses: Vec::new(),
        events: BTreeMap::new(),
        images: BTreeMap::new(),
        image: Named::new("container.image")?,
    };
    let span = pass(path, inspector(), |event| {
        processes.note(event);
        graph.note(event);
        tally.note(event);
        if let Some((key, text)) = describer.action(event) {
            actions.add(key, text, event.num());
        }
        alerts.test_with_reasons(event)
    })?;
    let found = &alerts.found;
    let slice = Slice::new(&graph, &processes, &actions, &found.alerts);
    let alerting = alerts.processes();
    let mut involved =
        Involved { active: slice.processes(&graph), alerting: alerting.clone(), ancestors: BTreeSet::new() };
    if alerting.is_empty() {
        involved.active = graph.active.keys().copied().collect();
    }
    let mut activity = Activity::new()?;
    pass(path, inspector(), |event| {
        activity.note(event, &involved);
        Ok(())
    })?;
    let capture = part(path, inspector, &involved, &found.alerts.iter().map(|alert| alert.num).collect())?;
    let sheet = Sheet {
        name,
        span: &span,
        tally: &tally,
        alerts: &alerts,
        processes: &processes,
        involved: &involved,
        activity: &activity,
        graph: &graph,
        slice: &slice,
        actions: &actions,
    };
    Ok(sheet.html(&capture))
}

/// The part of the capture that is embedded in the page: the events of the processes in the slice. If that
/// is too large, only the events of alerts and of started programs.
fn part(
    path: &Path,
    inspector: &dyn Fn() -> Inspector,
    involved: &Involved,
    alerts: &BTreeSet<u64>,
) -> Result<Vec<u8>> {
    if alerts.is_empty() {
        return Ok(Vec::new());
    }
    let describer = std::cell::RefCell::new(Activity::new()?);
    let is_of = |event: &EventView<'_>| key(event).is_some_and(|key| involved.active.contains(&key));
    let whole = embed(path, inspector, &|event| {
        alerts.contains(&event.num()) || is_of(event) && describer.borrow_mut().action(event).is_some()
    })?;
    if whole.len() <= MAX_EMBEDDED {
        return Ok(whole);
    }
    let few = embed(path, inspector, &|event| alerts.contains(&event.num()))?;
    Ok(if few.len() <= MAX_EMBEDDED { few } else { Vec::new() })
}

/// All contents of the page.
struct Sheet<'a> {
    name: &'a str,
    span: &'a Span,
    tally: &'a Tally,
    alerts: &'a Alerts<'a>,
    processes: &'a Processes,
    involved: &'a Involved,
    activity: &'a Activity,
    graph: &'a Graph,
    slice: &'a Slice,
    actions: &'a Actions,
}

impl Sheet<'_> {
    fn html(&self, capture: &[u8]) -> String {
        let title = escape(self.name);
        let report = Report {
            name: self.name,
            span: self.span,
            alerts: &self.alerts.found,
            processes: self.processes,
            involved: self.involved,
            activity: self.activity,
        };
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
             script-src 'unsafe-inline'; img-src data:\"><link rel=\"icon\" href=\"data:,\">\
             <title>Report of {title}</title>\n<style>\n{STYLE}</style></head>\n<body>\n\
             <h1>Report of {title}</h1>\n<p class=\"sentence\">{}</p>\n",
            escape(&report.sentence())
        );
        out.push_str(
            "<nav><a href=\"#alerts\">Alerts</a><a href=\"#processes\">Processes</a><a href=\"#causes\">Causes</a>\
             <a href=\"#files\">Files</a><a href=\"#connections\">Connections</a><a href=\"#users\">Users</a>\
             <a href=\"#containers\">Containers</a></nav>\n\
             <p class=\"controls\"><label>Search <input type=\"search\" id=\"search\" autocomplete=\"off\"></label> \
             <span id=\"found\" role=\"status\"></span></p>\n",
        );
        self.timeline(&mut out);
        self.alerts(&mut out);
        self.tree(&mut out);
        self.causes(&mut out, capture);
        self.tables(&mut out);
        let _ = write!(out, "<script>\n{SCRIPT}</script>\n</body></html>\n");
        out
    }

    /// When events were lost; spans that look like one on the timeline are one.
    fn lost_spans(&self) -> Vec<(u64, u64)> {
        let mut losses: Vec<(u64, u64)> =
            self.tally.losses.iter().chain(&self.span.losses).copied().collect();
        losses.sort_unstable();
        let gap = self.span.last.saturating_sub(self.span.first) / svg::BARS as u64;
        let mut spans: Vec<(u64, u64)> = Vec::new();
        for (from, to) in losses {
            match spans.last_mut() {
                Some(last) if from <= last.1.saturating_add(gap) => last.1 = last.1.max(to),
                _ => spans.push((from, to.max(from))),
            }
        }
        spans
    }

    fn timeline(&self, out: &mut String) {
        out.push_str("<h2 id=\"time\">Timeline</h2>\n");
        let alerts: Vec<(u64, String)> = self
            .alerts
            .found
            .alerts
            .iter()
            .map(|alert| (alert.ts, format!("{} {}", time(alert.ts), alert.rule)))
            .collect();
        let losses = self.lost_spans();
        out.push_str(&svg::timeline(
            &self.tally.rates,
            self.tally.unit,
            (self.span.first, self.span.last),
            &alerts,
            &losses,
        ));
        let lost = match (self.span.lost, losses.len()) {
            (0, 0) => "The capture reports no lost events.".to_owned(),
            (0, 1) => "Events were lost in one span, which is shaded.".to_owned(),
            (0, spans) => format!("Events were lost in {spans} spans, which are shaded."),
            (lost, 1) => format!("{lost} events were lost, in one span, which is shaded."),
            (lost, 0) => format!("{lost} events were lost; the capture does not report when."),
            (lost, spans) => format!("{lost} events were lost, in {spans} spans, which are shaded."),
        };
        let _ = writeln!(
            out,
            "<p>{} events from {} to {}. {lost} Bars are events, triangles alerts.</p>",
            self.span.events,
            time(self.span.first),
            time(self.span.last)
        );
        if let Some(why) = &self.span.broken {
            let _ = writeln!(out, "<p>The file breaks off: {}</p>", escape(why));
        }
        out.push_str("<details><summary>Steps</summary>\n");
        for step in &self.activity.timeline {
            let at = step.ts.saturating_sub(self.span.first);
            let _ = writeln!(
                out,
                "<div class=\"step\"><code>{}.{:06} {} ({}) {}</code></div>",
                at / 1_000_000_000,
                at % 1_000_000_000 / 1000,
                escape(&step.name),
                step.process.0,
                escape(&step.text)
            );
        }
        if self.activity.more > 0 {
            let _ = writeln!(out, "<div>… and {} more</div>", self.activity.more);
        }
        out.push_str("</details>\n");
    }

    fn alerts(&self, out: &mut String) {
        out.push_str("<h2 id=\"alerts\">Alerts</h2>\n");
        let rank: BTreeMap<usize, usize> =
            self.slice.nodes.iter().enumerate().map(|(rank, node)| (*node, rank)).collect();
        for (alert, causes) in self.alerts.found.alerts.iter().zip(&self.slice.causes) {
            let ranks: Vec<String> =
                causes.iter().filter_map(|node| rank.get(node)).map(usize::to_string).collect();
            let _ = write!(
                out,
                "<div class=\"alert\"><div><strong>{}</strong> {} <span class=\"quiet\">{}, event {}</span></div><div>{}</div>",
                escape(&alert.rule),
                escape(alert.priority.name()),
                time(alert.ts),
                alert.num,
                escape(&alert.message)
            );
            if let Some(key) = alert.process {
                let _ = write!(out, "<div class=\"quiet\">{}</div>", escape(&self.lineage(key)));
            }
            if let Some(reasons) = &alert.reasons {
                let _ =
                    write!(out, "<details><summary>Why</summary><pre>{}</pre></details>", escape(reasons));
            }
            let _ = writeln!(
                out,
                "<button type=\"button\" data-causes=\"{}\">Show its causes</button></div>",
                ranks.join(" ")
            );
        }
        match (self.alerts.found.alerts.len(), self.alerts.found.more) {
            (0, _) => out.push_str("<p>None.</p>\n"),
            (_, 0) => {}
            (_, more) => {
                let _ = writeln!(out, "<p>… and {more} more</p>");
            }
        }
    }

    /// The process and its ancestors.
    fn lineage(&self, key: Key) -> String {
        let mut names = vec![self.processes.name(key)];
        let mut above = self.processes.parent(key);
        while let Some(key) = above.filter(|_| names.len() < 12) {
            names.push(self.processes.name(key));
            above = self.processes.parent(key);
        }
        names.reverse();
        names.join(" → ")
    }

    fn tree(&self, out: &mut String) {
        out.push_str("<h2 id=\"processes\">Processes</h2>\n<p>What fewest processes did comes first.</p>\n<div class=\"tree\"><ul>\n");
        let mut shown = self.involved.active.clone();
        for key in &self.involved.active {
            let mut above = self.processes.parent(*key);
            while let Some(key) = above.filter(|key| shown.insert(*key)) {
                above = self.processes.parent(key);
            }
        }
        let mut children: BTreeMap<Option<Key>, Vec<Key>> = BTreeMap::new();
        for key in &shown {
            let parent = self.processes.parent(*key).filter(|parent| shown.contains(parent) && parent != key);
            children.entry(parent).or_default().push(*key);
        }
        // The rarity of a branch is that of its rarest process.
        let mut rarity: BTreeMap<Key, (bool, u64)> = BTreeMap::new();
        for key in &shown {
            let own = (!self.involved.alerting.contains(key), self.actions.rarity(*key));
            let mut above = Some(*key);
            let mut steps = 0;
            while let Some(key) = above.filter(|_| steps < 64) {
                let best = rarity.entry(key).or_insert(own);
                *best = (*best).min(own);
                (above, steps) = (self.processes.parent(key), steps + 1);
            }
        }
        for list in children.values_mut() {
            list.sort_by_key(|key| (rarity.get(key).copied(), *key));
        }
        // A step of the walk: elements opened on the way down are closed on the way back.
        enum Move {
            Enter(Key),
            Leave,
        }
        let roots = children.get(&None).into_iter().flatten();
        let mut rest: Vec<Move> = roots.rev().map(|key| Move::Enter(*key)).collect();
        let mut left = MAX_ROWS;
        while let Some(next) = rest.pop() {
            match next {
                Move::Leave => out.push_str("</ul></li>\n"),
                Move::Enter(_) if left == 0 => {}
                Move::Enter(key) => {
                    left -= 1;
                    out.push_str("<li>");
                    self.process(out, key);
                    match children.get(&Some(key)) {
                        Some(below) => {
                            out.push_str("<ul>\n");
                            rest.push(Move::Leave);
                            rest.extend(below.iter().rev().map(|key| Move::Enter(*key)));
                        }
                        None => out.push_str("</li>\n"),
                    }
                }
            }
        }
        out.push_str("</ul></div>\n");
        if shown.len() > MAX_ROWS {
            let _ = writeln!(out, "<p>… and {} more</p>", shown.len() - MAX_ROWS);
        }
    }

    fn process(&self, out: &mut String, key: Key) {
        let Some(process) = self.processes.get(key) else { return };
        let is_alerting = self.involved.alerting.contains(&key);
        let count = self.graph.find(&Node::Process(key)).and_then(|node| self.slice.alike.get(&node));
        let head = format!(
            "<span class=\"{}\">{}{} {}</span> <span class=\"quiet\">{}{}{}{}</span>",
            if is_alerting { "alerting" } else { "name" },
            if is_alerting { "⚠ " } else { "" },
            key.0,
            escape(&process.commands.join(" → ")),
            escape(&process.user),
            if process.container.is_empty() {
                String::new()
            } else {
                format!(", container {}", escape(&process.container))
            },
            if process.ended { ", ended" } else { "" },
            count.map(|count| format!(", {count} alike")).unwrap_or_default(),
        );
        let actions: Vec<_> = self.actions.of(key);
        if actions.is_empty() {
            let _ = write!(out, "<div>{head}</div>");
            return;
        }
        let _ = write!(
            out,
            "<details{}><summary>{head}</summary><ul class=\"actions\">",
            if is_alerting { " open" } else { "" }
        );
        for (text, action) in actions.iter().take(MAX_ACTIONS) {
            let times = if action.count > 1 { format!(" ×{}", action.count) } else { String::new() };
            let _ = write!(out, "<li>{}{times}</li>", escape(text));
        }
        let more = actions.len().saturating_sub(MAX_ACTIONS) as u64
            + self.actions.more.get(&key).copied().unwrap_or(0);
        if more > 0 {
            let _ = write!(out, "<li>… and {more} more</li>");
        }
        out.push_str("</ul></details>");
    }

    fn causes(&self, out: &mut String, capture: &[u8]) {
        out.push_str("<h2 id=\"causes\">Causes and effects</h2>\n");
        if self.slice.nodes.is_empty() {
            out.push_str("<p>There is no alert whose causes could be shown.</p>\n");
            return;
        }
        out.push_str(
            "<p>Back from the alerts, along who started whom, files that one wrote and another read or executed, \
             connections within the machine, signals and ptrace; then forward from where it began. ⚠ raised an alert; \
             ×n stands for n processes that did the same. Solid lines lead to what is changed, dashed ones from what is \
             read or executed; point at a line to see which. <button type=\"button\" id=\"all\">Show all</button></p>\n",
        );
        let _ = writeln!(
            out,
            "<div class=\"wide\">{}</div>",
            svg::slice(self.slice, self.graph, self.processes, &self.involved.alerting)
        );
        if self.slice.more > 0 {
            let _ = writeln!(out, "<p>{} more are not drawn: at most {MAX_NODES} are.</p>", self.slice.more);
        }
        if !capture.is_empty() {
            let mut base64 = Vec::new();
            BufferFormat::Base64.write(&mut base64, capture);
            let file =
                format!("{}.slice.scap.gz", self.name.trim_end_matches(".gz").trim_end_matches(".scap"));
            let _ = writeln!(
                out,
                "<p><a id=\"capture\" download=\"{}\" href=\"data:application/gzip;base64,{}\">Save this part of the capture</a> \
                 ({} KiB): what these processes did, with their names. <code>sysdig -r</code> reads it.</p>",
                escape(&file),
                String::from_utf8_lossy(&base64),
                capture.len().div_ceil(1024)
            );
        }
    }

    fn tables(&self, out: &mut String) {
        let things = |things: &Things| -> Vec<Vec<String>> {
            let row = |(name, touched): (&String, &crate::activity::Touched)| {
                let ways: Vec<&str> = touched.ways.iter().copied().collect();
                let by: Vec<String> = touched.by.iter().take(8).map(|key| key.0.to_string()).collect();
                vec![name.clone(), ways.join(", "), touched.by.len().to_string(), by.join(", ")]
            };
            things.all.iter().map(row).collect()
        };
        let heads = ["name", "what was done", "processes", "ids of processes"];
        let mut files = things(&self.activity.changed);
        files.extend(things(&self.activity.read));
        out.push_str("<h2 id=\"files\">Files</h2>\n");
        files.truncate(MAX_ROWS);
        out.push_str(&table("files-table", &heads, &files));
        let more = self.activity.changed.more + self.activity.read.more;
        if more > 0 {
            let _ = writeln!(out, "<p>… and {more} more</p>");
        }
        out.push_str("<h2 id=\"connections\">Connections</h2>\n");
        out.push_str(&table("connections-table", &heads, &things(&self.activity.connections)));
        let mut users: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
        let mut containers: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
        for (key, events) in &self.tally.events {
            let Some(process) = self.processes.get(*key) else { continue };
            let alerts =
                self.alerts.found.alerts.iter().filter(|alert| alert.process == Some(*key)).count() as u64;
            let container = if process.container.is_empty() { "host" } else { &process.container };
            for tally in [users.entry(&process.user).or_default(), containers.entry(container).or_default()] {
                *tally = (tally.0 + 1, tally.1 + events, tally.2 + alerts);
            }
        }
        let row = |(name, (processes, events, alerts)): (&&str, &(u64, u64, u64))| {
            vec![(*name).to_owned(), processes.to_string(), events.to_string(), alerts.to_string()]
        };
        out.push_str("<h2 id=\"users\">Users</h2>\n");
        let rows: Vec<_> = users.iter().map(row).collect();
        out.push_str(&table("users-table", &["user", "processes", "events", "alerts"], &rows));
        out.push_str("<h2 id=\"containers\">Containers</h2>\n");
        let rows: Vec<_> = containers
            .iter()
            .map(|(id, tally)| {
                let mut row = row((id, tally));
                row.push(self.tally.images.get(*id).cloned().unwrap_or_default());
                row
            })
            .collect();
        out.push_str(&table(
            "containers-table",
            &["container", "processes", "events", "alerts", "image"],
            &rows,
        ));
    }
}
