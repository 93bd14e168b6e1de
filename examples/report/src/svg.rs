//! Drawings: the causal slice and the timeline. They show all information with shapes and text, not only
//! with colours.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::causal::Slice;
use crate::graph::{Graph, Node};
use crate::html::escape;
use crate::processes::{Key, Processes};

/// Height of a row.
const ROW: usize = 24;
/// Indent of a process below the one that started it.
const INDENT: usize = 16;
/// Width of the process column; the column of files and connections begins after it.
const LEFT: usize = 470;
const GAP: usize = 110;
const RIGHT: usize = 470;
/// Width of a letter.
const LETTER: usize = 7;

/// The slice: processes as a tree on the left, files and connections on the right.
pub fn slice(slice: &Slice, graph: &Graph, processes: &Processes, alerting: &BTreeSet<Key>) -> String {
    let rows = rows(slice, graph, processes);
    let places = things(slice, graph, &rows);
    let bottom = places.values().copied().max().unwrap_or(0).max(rows.len());
    let (width, height) = (LEFT + GAP + RIGHT, (bottom + 1) * ROW + 30);
    let rank: BTreeMap<usize, usize> =
        slice.nodes.iter().enumerate().map(|(rank, node)| (*node, rank)).collect();
    let mut out = format!(
        "<svg id=\"slice\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-label=\"Causal slice: processes on the left, files and connections on the right\">\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto-start-reverse\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n"
    );
    let y = |row: usize| row * ROW + 28;
    let _ = writeln!(
        out,
        "<text class=\"head\" x=\"4\" y=\"12\">processes</text><text class=\"head\" x=\"{}\" y=\"12\">files and connections</text>",
        LEFT + GAP
    );
    let row_of: BTreeMap<usize, (usize, usize)> =
        rows.iter().enumerate().map(|(row, (node, depth))| (*node, (row, *depth))).collect();
    for ((from, to), verbs) in &slice.edges {
        let verbs: Vec<&str> = verbs.iter().copied().collect();
        let verbs = verbs.join(", ");
        let (path, class) = match (row_of.get(from), row_of.get(to), places.get(from), places.get(to)) {
            (Some((row, depth)), Some((below, deeper)), ..)
                if verbs.contains("starts") && below > row && deeper > depth =>
            {
                let x = depth * INDENT + 9;
                (format!("M{x} {}V{}H{}", y(*row) + 6, y(*below) - 4, deeper * INDENT + 2), "starts")
            }
            (Some((row, _)), Some((other, _)), ..) => {
                let (one, two) = (y(*row) - 4, y(*other) - 4);
                (format!("M{LEFT} {one}C{0} {one} {0} {two} {LEFT} {two}", LEFT + 40), "meets")
            }
            (Some((row, _)), None, _, Some(place)) => {
                let (one, two) = (y(*row) - 4, y(*place) - 4);
                (format!("M{LEFT} {one}C{0} {one} {0} {two} {1} {two}", LEFT + GAP / 2, LEFT + GAP), "out")
            }
            (None, Some((row, _)), Some(place), _) => {
                let (one, two) = (y(*place) - 4, y(*row) - 4);
                (format!("M{1} {one}C{0} {one} {0} {two} {LEFT} {two}", LEFT + GAP / 2, LEFT + GAP), "in")
            }
            (None, None, Some(one), Some(two)) => {
                let (one, two, x) = (y(*one) - 4, y(*two) - 4, LEFT + GAP + RIGHT - 20);
                (format!("M{x} {one}C{0} {one} {0} {two} {x} {two}", x + 18), "becomes")
            }
            _ => continue,
        };
        let (one, two) = (rank.get(from).copied().unwrap_or(0), rank.get(to).copied().unwrap_or(0));
        let _ = writeln!(
            out,
            "<path class=\"edge {class}\" data-of=\"{one} {two}\" d=\"{path}\"><title>{}</title></path>",
            escape(&verbs)
        );
    }
    for (row, (node, depth)) in rows.iter().enumerate() {
        let Node::Process(key) = graph.nodes[*node] else { continue };
        let count = slice.alike.get(node).map(|count| format!(" ×{count}")).unwrap_or_default();
        let mark = if alerting.contains(&key) { "⚠ " } else { "" };
        let commands = processes.get(key).map(|process| process.commands.join(" → ")).unwrap_or_default();
        let text = format!("{mark}{} {commands}{count}", key.0);
        let class = if alerting.contains(&key) { "process alert" } else { "process" };
        draw(&mut out, class, rank.get(node), depth * INDENT + 4, y(row), LEFT - depth * INDENT - 8, &text);
    }
    for (node, row) in &places {
        let (class, text) = match &graph.nodes[*node] {
            Node::File(path) => ("file", path.clone()),
            Node::Connection(name) => ("connection", format!("⇄ {name}")),
            Node::Process(_) => continue,
        };
        draw(&mut out, class, rank.get(node), LEFT + GAP + 4, y(*row), RIGHT - 30, &text);
    }
    out.push_str("</svg>\n");
    out
}

/// Draws a node. Its text is cut to the width; the title has the full text.
fn draw(out: &mut String, class: &str, rank: Option<&usize>, x: usize, y: usize, width: usize, text: &str) {
    let most = width / LETTER;
    let cut = match text.char_indices().nth(most.max(8)) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    };
    let id = rank.copied().unwrap_or(0);
    let box_width = (cut.chars().count() * LETTER + 8).min(width.max(64));
    let round = if class.starts_with("process") { 8 } else { 0 };
    let _ = writeln!(
        out,
        "<g class=\"node {class}\" id=\"n{id}\"><title>{}</title><rect x=\"{}\" y=\"{}\" width=\"{box_width}\" height=\"18\" \
         rx=\"{round}\"/><text x=\"{x}\" y=\"{y}\">{}</text></g>",
        escape(text),
        x.saturating_sub(4),
        y - 13,
        escape(&cut)
    );
}

/// Processes in tree order, each with its depth.
fn rows(slice: &Slice, graph: &Graph, processes: &Processes) -> Vec<(usize, usize)> {
    let shown = slice.processes(graph);
    let parent = |key: Key| {
        let mut above = processes.parent(key);
        let mut steps = 0;
        while let Some(key) = above.filter(|key| !shown.contains(key)) {
            steps += 1;
            above = processes.parent(key).filter(|_| steps < 4096);
        }
        above
    };
    let mut children: BTreeMap<Option<Key>, Vec<Key>> = BTreeMap::new();
    for key in &shown {
        children.entry(parent(*key)).or_default().push(*key);
    }
    for list in children.values_mut() {
        list.sort_by_key(|key| (graph.active.get(key).map(|(first, _)| *first), *key));
    }
    let mut out = Vec::new();
    let mut rest: Vec<(Key, usize)> =
        children.get(&None).into_iter().flatten().rev().map(|key| (*key, 0)).collect();
    let mut seen = BTreeSet::new();
    while let Some((key, depth)) = rest.pop() {
        if !seen.insert(key) {
            continue;
        }
        if let Some(node) = graph.find(&Node::Process(key)) {
            out.push((node, depth.min(14)));
        }
        rest.extend(children.get(&Some(key)).into_iter().flatten().rev().map(|key| (*key, depth + 1)));
    }
    out
}

/// The row of each file and connection: next to the first process that uses it, or below.
fn things(slice: &Slice, graph: &Graph, rows: &[(usize, usize)]) -> BTreeMap<usize, usize> {
    let row_of: BTreeMap<usize, usize> =
        rows.iter().enumerate().map(|(row, (node, _))| (*node, row)).collect();
    let mut wanted: Vec<(usize, usize)> = Vec::new();
    for node in slice.nodes.iter().filter(|node| !matches!(graph.nodes[**node], Node::Process(_))) {
        let touching = slice.edges.keys().filter_map(|(from, to)| match (from == node, to == node) {
            (true, _) => row_of.get(to),
            (_, true) => row_of.get(from),
            _ => None,
        });
        wanted.push((touching.min().copied().unwrap_or(0), *node));
    }
    wanted.sort_unstable();
    let mut next = 0;
    wanted
        .into_iter()
        .map(|(row, node)| {
            let place = row.max(next);
            next = place + 1;
            (node, place)
        })
        .collect()
}

/// Bars of the timeline.
pub const BARS: usize = 120;

/// Draws event rates with alerts above them. Time spans with dropped events are shaded and labelled.
pub fn timeline(
    rates: &BTreeMap<u64, u64>,
    unit: u64,
    span: (u64, u64),
    alerts: &[(u64, String)],
    losses: &[(u64, u64)],
) -> String {
    let (first, last) = span;
    let length = last.saturating_sub(first).max(1);
    let mut bars = vec![0_u64; BARS];
    let at = |ts: u64| {
        let place = u128::from(ts.clamp(first, last) - first) * BARS as u128 / u128::from(length);
        (place as usize).min(BARS - 1)
    };
    for (slot, count) in rates {
        bars[at(first.saturating_add(slot.saturating_mul(unit)))] += count;
    }
    let highest = bars.iter().copied().max().unwrap_or(0).max(1);
    let width = BARS * 8;
    let mut out = format!(
        "<svg id=\"timeline\" viewBox=\"0 0 {width} 150\" role=\"img\" aria-label=\"Events and alerts over time\">\n\
         <defs><pattern id=\"lost\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
         <line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\"/></pattern></defs>\n"
    );
    for (from, to) in losses {
        let (from, to) = (at(*from) * 8, (at(*to) + 1) * 8);
        let _ = writeln!(
            out,
            "<rect class=\"lost\" x=\"{from}\" y=\"20\" width=\"{}\" height=\"104\"><title>events were lost here</title></rect>\
             <text x=\"{from}\" y=\"34\">lost</text>",
            to.saturating_sub(from).max(8)
        );
    }
    for (slot, count) in bars.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = (count * 90).div_ceil(highest);
        let _ = writeln!(
            out,
            "<rect class=\"bar\" x=\"{}\" y=\"{}\" width=\"7\" height=\"{height}\"><title>{count} events</title></rect>",
            slot * 8,
            124 - height
        );
    }
    for (ts, rule) in alerts {
        let x = at(*ts) * 8 + 4;
        let _ = writeln!(
            out,
            "<path class=\"mark\" d=\"M{} 6h10l-5 12z\"><title>{}</title></path>",
            x.saturating_sub(5),
            escape(rule)
        );
    }
    let seconds = |ns: u64| format!("{:.3} s", ns as f64 / 1e9);
    let _ = writeln!(
        out,
        "<text x=\"0\" y=\"144\">0 s</text><text x=\"{width}\" y=\"144\" text-anchor=\"end\">{}</text></svg>",
        seconds(last.saturating_sub(first))
    );
    out
}
