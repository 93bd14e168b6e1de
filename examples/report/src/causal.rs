//! The causal slice: the causes of the alerts, and their effects.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use crate::actions::Actions;
use crate::alerts::Found;
use crate::graph::{Edge, Graph, Node};
use crate::processes::{Key, Processes};

/// Maximum number of nodes in a slice.
pub const MAX_NODES: usize = 250;
/// Directories in which changes are usually relevant.
const SENSITIVE: [&str; 12] = [
    "/etc/",
    "/root/",
    "/usr/",
    "/bin/",
    "/sbin/",
    "/lib",
    "/boot/",
    "/dev/",
    "/var/log/",
    "/var/spool/",
    "/proc/",
    "/sys/",
];

/// A causal slice.
pub struct Slice {
    /// Nodes of the graph by rank, the most important first.
    pub nodes: Vec<usize>,
    /// For nodes that represent several equal processes: the number of processes.
    pub alike: BTreeMap<usize, usize>,
    /// Edges between these nodes: from, to, verbs.
    pub edges: BTreeMap<(usize, usize), BTreeSet<&'static str>>,
    /// For each alert, the nodes that caused it.
    pub causes: Vec<BTreeSet<usize>>,
    /// Number of nodes beyond the limit.
    pub more: usize,
}

/// The graph, with data for walks.
struct Walk<'a> {
    graph: &'a Graph,
    processes: &'a Processes,
    into: Vec<Vec<usize>>,
    out: Vec<Vec<usize>>,
    /// For each node, the time of the first write during the capture.
    made: Vec<Option<u64>>,
}

impl<'a> Walk<'a> {
    fn new(graph: &'a Graph, processes: &'a Processes) -> Self {
        let mut into = vec![Vec::new(); graph.nodes.len()];
        let mut out = vec![Vec::new(); graph.nodes.len()];
        for (at, edge) in graph.edges.iter().enumerate() {
            into[edge.to].push(at);
            out[edge.from].push(at);
        }
        let first = |edges: &Vec<usize>| edges.iter().map(|at| graph.edges[*at].first).min();
        let made = into.iter().map(first).collect();
        Self { graph, processes, into, out, made }
    }

    fn edges(&self, of: &'a [usize]) -> impl Iterator<Item = &'a Edge> + use<'a> {
        let graph = self.graph;
        of.iter().map(move |at| &graph.edges[*at])
    }

    /// The nodes that influenced this node up to this time. Visits each node once, the latest first.
    fn backward(&self, from: usize, at: u64) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut rest = BinaryHeap::from([(at, from)]);
        while let Some((now, node)) = rest.pop() {
            if !found.insert(node) {
                continue;
            }
            for edge in self.edges(&self.into[node]).filter(|edge| edge.first <= now) {
                let is_file = !matches!(self.graph.nodes[edge.from], Node::Process(_));
                // A file that nothing has changed is not a cause.
                if is_file && self.made[edge.from].is_none_or(|made| made > now) {
                    continue;
                }
                if !found.contains(&edge.from) {
                    rest.push((edge.last.min(now), edge.from));
                }
            }
        }
        found
    }

    /// The nodes that this node influenced from this time on. Visits each node once, the earliest first.
    fn forward(&self, from: usize, at: u64) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut rest = BinaryHeap::from([Reverse((at, from))]);
        while let Some(Reverse((since, node))) = rest.pop() {
            if !found.insert(node) {
                continue;
            }
            for edge in self.edges(&self.out[node]).filter(|edge| edge.last >= since) {
                if !found.contains(&edge.to) {
                    rest.push(Reverse((edge.first.max(since), edge.to)));
                }
            }
        }
        found
    }

    /// The highest process above this one that began during the capture, or the process itself.
    fn root(&self, of: Key) -> Key {
        let mut root = of;
        let mut above = Some(of);
        let mut steps = 0;
        while let Some(key) = above {
            if self.graph.began.contains_key(&key) {
                root = key;
            }
            steps += 1;
            above = self.processes.parent(key).filter(|_| steps < 4096);
        }
        root
    }
}

impl Slice {
    /// The slice of all alerts.
    pub fn new(graph: &Graph, processes: &Processes, actions: &Actions, alerts: &[Found]) -> Self {
        let walk = Walk::new(graph, processes);
        let process = |key: Key| graph.find(&Node::Process(key));
        let mut causes = Vec::new();
        let mut roots = BTreeMap::new();
        let mut alerting = BTreeSet::new();
        for alert in alerts {
            let mut nodes = BTreeSet::new();
            if let Some(key) = alert.process {
                if let Some(node) = process(key) {
                    nodes = walk.backward(node, alert.ts);
                    alerting.insert(node);
                }
                if let Some(root) = process(walk.root(key)) {
                    let since = graph.active.get(&walk.root(key)).map_or(0, |(first, _)| *first);
                    roots.entry(root).or_insert(since);
                }
            }
            if let Some(file) = alert.file.as_ref().and_then(|file| graph.find(&Node::File(file.clone()))) {
                nodes.insert(file);
                alerting.insert(file);
            }
            causes.push(nodes);
        }
        let mut members: BTreeSet<usize> = causes.iter().flatten().copied().collect();
        for (root, since) in &roots {
            members.extend(walk.forward(*root, *since));
        }
        let causing: BTreeSet<usize> = causes.iter().flatten().copied().collect();
        let (stands, alike) = alike(graph, processes, actions, &members, &causing, &alerting);
        let mut ranked: Vec<(u32, u64, u64, usize)> = Vec::new();
        for node in members.iter().copied().filter(|node| !stands.contains_key(node)) {
            if let Some((rank, rarity)) = rank(&walk, actions, &members, &causing, &alerting, node) {
                let first = walk.edges(&walk.into[node]).map(|edge| edge.first).min().unwrap_or(0);
                ranked.push((rank, rarity, first, node));
            }
        }
        ranked.sort_unstable();
        let more = ranked.len().saturating_sub(MAX_NODES);
        ranked.truncate(MAX_NODES);
        let nodes: Vec<usize> = ranked.into_iter().map(|(.., node)| node).collect();
        let kept: BTreeSet<usize> = nodes.iter().copied().collect();
        let mut edges: BTreeMap<(usize, usize), BTreeSet<&'static str>> = BTreeMap::new();
        for edge in &graph.edges {
            let stand = |node: usize| stands.get(&node).copied().unwrap_or(node);
            let (from, to) = (stand(edge.from), stand(edge.to));
            if from != to && kept.contains(&from) && kept.contains(&to) {
                edges.entry((from, to)).or_default().insert(edge.verb);
            }
        }
        Self { nodes, alike, edges, causes, more }
    }

    /// The shown processes, and those that a shown one represents.
    pub fn processes(&self, graph: &Graph) -> BTreeSet<Key> {
        let key = |node: &usize| match graph.nodes[*node] {
            Node::Process(key) => Some(key),
            _ => None,
        };
        self.nodes.iter().filter_map(key).collect()
    }
}

/// Rank of a node: importance (0 is the highest), then the number of similar ones. `None` if it is not
/// relevant.
fn rank(
    walk: &Walk<'_>,
    actions: &Actions,
    members: &BTreeSet<usize>,
    causing: &BTreeSet<usize>,
    alerting: &BTreeSet<usize>,
    node: usize,
) -> Option<(u32, u64)> {
    if alerting.contains(&node) {
        return Some((0, 0));
    }
    let graph = walk.graph;
    if let Node::Process(key) = &graph.nodes[node] {
        let is_cause = causing.contains(&node);
        return Some((if is_cause { 1 } else { 2 }, actions.rarity(*key)));
    }
    let others = |edges: &[usize], far: fn(&Edge) -> usize| -> BTreeSet<usize> {
        walk.edges(edges).map(far).filter(|node| members.contains(node)).collect()
    };
    let (from, to) = (others(&walk.into[node], |edge| edge.from), others(&walk.out[node], |edge| edge.to));
    if let Node::Connection(_) = graph.nodes[node] {
        return Some((if causing.contains(&node) { 1 } else { 3 }, 0));
    }
    let Node::File(path) = &graph.nodes[node] else { return None };
    if from.is_empty() {
        return None;
    }
    // One process wrote it and another used it, so data may have passed between them.
    let carries = to.iter().any(|reader| from.iter().any(|writer| writer != reader));
    let is_sensitive = SENSITIVE.iter().any(|folder| path.starts_with(folder));
    let rank = match (carries, is_sensitive) {
        _ if causing.contains(&node) => 1,
        (_, true) => 4,
        (true, _) => 3,
        _ => 5,
    };
    Some((rank, from.len() as u64))
}

/// Processes that did the same as a sibling, each with its representative; and the number of processes for
/// each representative.
fn alike(
    graph: &Graph,
    processes: &Processes,
    actions: &Actions,
    members: &BTreeSet<usize>,
    causing: &BTreeSet<usize>,
    alerting: &BTreeSet<usize>,
) -> (BTreeMap<usize, usize>, BTreeMap<usize, usize>) {
    let mut first: BTreeMap<(Option<Key>, String), usize> = BTreeMap::new();
    let (mut stands, mut alike) = (BTreeMap::new(), BTreeMap::new());
    let parents: BTreeSet<Key> = members
        .iter()
        .filter_map(|node| match graph.nodes[*node] {
            Node::Process(key) => processes.parent(key),
            _ => None,
        })
        .collect();
    for node in members.iter().copied() {
        let Node::Process(key) = graph.nodes[node] else { continue };
        let Some(process) = processes.get(key).filter(|_| !parents.contains(&key)) else { continue };
        if alerting.contains(&node) || causing.contains(&node) {
            continue;
        }
        let what =
            format!("{:?} {} {} {}", process.commands, process.user, process.container, actions.text(key));
        match first.get(&(process.parent, what.clone())) {
            Some(one) => {
                stands.insert(node, *one);
                *alike.entry(*one).or_insert(1) += 1;
            }
            None => {
                first.insert((process.parent, what), node);
            }
        }
    }
    (stands, alike)
}
