//! Tokens become values.

use std::collections::HashMap;
use std::ops::Range;

use crate::Mark;
use crate::convert::is_null;
use crate::decode::Decoded;
use crate::problem::Problem;
use crate::scanner::Scanner;
use crate::token::{Placed, Run, Style, Token};

/// Maximum number of values in a file, including those that aliases repeat.
const MAX_NODES: usize = 1 << 20;
/// Maximum nesting depth of a file.
const MAX_DEPTH: usize = 128;

/// A value and its position.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Kind of the value.
    pub kind: Kind,
    /// Position according to yaml-cpp.
    pub mark: Mark,
    /// Byte range in the text: a whole scalar, the `|` or `>` of a block scalar, or the first token of a
    /// collection; empty for a missing value.
    pub place: Range<usize>,
    /// Style of a scalar.
    pub style: Option<Style>,
}

/// Kind of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// An empty value, or a plain `null` or `~`.
    Null,
    /// A text, without interpretation.
    Scalar(String),
    /// A list.
    Seq(Vec<Node>),
    /// Keys and values, in order; keys may be repeated.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Creates a value that does not come from a file.
    pub fn new(kind: Kind) -> Self {
        Self { kind, mark: Mark::default(), place: 0..0, style: None }
    }

    /// Its text, if it is a scalar.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// Its elements, if it is a sequence.
    pub fn as_seq(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// Its keys and values, if it is a mapping.
    pub fn as_map(&self) -> Option<&[(Self, Self)]> {
        match &self.kind {
            Kind::Map(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// The value of a key; the first one if the key is repeated.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.iter().find(|(k, _)| k.as_str() == Some(key)).map(|(_, v)| v)
    }

    fn count(&self) -> usize {
        1 + match &self.kind {
            Kind::Null | Kind::Scalar(_) => 0,
            Kind::Seq(items) => items.iter().map(Self::count).sum(),
            Kind::Map(pairs) => pairs.iter().map(|(k, v)| k.count() + v.count()).sum(),
        }
    }
}

/// A parsed file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// Its documents; empty ones are left out.
    pub documents: Vec<Node>,
    /// The bytes that its scalars come from.
    pub sources: Sources,
    /// Position of an unclosed quote, whose text continues to the end of the file.
    pub unclosed: Option<usize>,
}

/// Mapping from bytes of scalar values to bytes of the text, before escapes, folded lines and indentation
/// were undone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Runs by position of the scalar. A scalar that is unchanged from the text has none.
    runs: Vec<(usize, Vec<Run>)>,
}

impl Sources {
    /// Returns the bytes of the text that the range `wanted` of a scalar's value comes from. The scalar's
    /// position begins at `start`.
    pub fn locate(&self, start: usize, style: Style, wanted: Range<usize>) -> Range<usize> {
        let Ok(found) = self.runs.binary_search_by_key(&start, |(start, _)| *start) else {
            let start = start + usize::from(matches!(style, Style::SingleQuoted | Style::DoubleQuoted));
            return start + wanted.start..start + wanted.end;
        };
        let runs = &self.runs[found].1;
        let at = |byte: usize| {
            let next = runs.partition_point(|run| run.value as usize <= byte);
            let run = next.checked_sub(1).and_then(|at| runs.get(at));
            run.map_or(start..start, |run| {
                let (from, width) = (run.source as usize, run.width as usize);
                match byte - run.value as usize {
                    inside if run.is_copy && inside < width => from + inside..from + inside + 1,
                    // After the end.
                    _ if run.is_copy => from + width..from + width,
                    _ => from..from + width,
                }
            })
        };
        let first = at(wanted.start);
        match wanted.is_empty() {
            true => first.start..first.start,
            false => first.start..at(wanted.end - 1).end.max(first.start),
        }
    }
}

/// Reads the documents of a file.
///
/// # Errors
/// The text is not valid YAML, or has too many values.
pub fn parse(decoded: &Decoded<'_>) -> Result<Parsed, Problem> {
    let Decoded { text, foreign } = decoded;
    let mut parser = Parser {
        scanner: Scanner::new(text, foreign),
        anchors: HashMap::new(),
        runs: Vec::new(),
        unclosed: None,
        in_flow_seq: Vec::new(),
        nodes: 0,
        depth: 0,
        text,
    };
    let mut documents = Vec::new();
    let outcome = parser.documents(&mut documents).map_err(|mut problem| {
        // The position of a problem is derived from its mark, unless it was set explicitly.
        if problem.place == problem.mark.offset {
            problem.place += foreign.partition_point(|at| (*at as usize) < problem.place);
        }
        *problem
    });
    let (sources, unclosed) = (Sources { runs: parser.runs }, parser.unclosed);
    outcome.map(|()| Parsed { documents, sources, unclosed })
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    /// Names of the document's values. `None` while the value is being read.
    anchors: HashMap<String, Option<Node>>,
    runs: Vec<(usize, Vec<Run>)>,
    unclosed: Option<usize>,
    /// For each enclosing collection, whether it is a flow sequence.
    in_flow_seq: Vec<bool>,
    nodes: usize,
    depth: usize,
    text: &'a str,
}

impl Parser<'_> {
    fn documents(&mut self, documents: &mut Vec<Node>) -> Result<(), Box<Problem>> {
        let mut settings = 0;
        while let Some(next) = self.scanner.peek()? {
            match &next.token {
                Token::Directive { name, parameters } => {
                    settings += usize::from(name == "YAML");
                    check_directive(name, parameters, settings, next.mark)?;
                    self.scanner.pop()?;
                    continue;
                }
                Token::DocumentStart => drop(self.scanner.pop()?),
                _ => {}
            }
            (settings, self.nodes) = (0, self.nodes + 1);
            self.anchors.clear();
            let before = self.scanner.peek()?.map(|next| (next.start, next.mark));
            let root = self.node()?;
            if !root.is_null() {
                documents.push(root);
            } else if let Some((start, mark)) = before
                && let Some(next) = self.scanner.peek()?
                && next.start == start
                && !matches!(next.token, Token::DocumentStart | Token::DocumentEnd | Token::Directive { .. })
            {
                return Err(Problem::new(
                    "unexpected token after end of document",
                    "nothing is expected here",
                    mark,
                ));
            }
            while let Some(Placed { token: Token::DocumentEnd, .. }) = self.scanner.peek()? {
                self.scanner.pop()?;
            }
        }
        Ok(())
    }

    fn is_next(&mut self, wanted: fn(&Token) -> bool) -> Result<bool, Box<Problem>> {
        Ok(self.scanner.peek()?.is_some_and(|next| wanted(&next.token)))
    }

    fn made(&mut self, kind: Kind, mark: Mark, place: Range<usize>) -> Result<Node, Box<Problem>> {
        self.nodes += 1;
        self.check_size(mark)?;
        Ok(Node { kind, mark, place, style: None })
    }

    fn check_size(&self, mark: Mark) -> Result<(), Box<Problem>> {
        match self.nodes > MAX_NODES {
            true => {
                let message = format!("the file has more than {MAX_NODES} values");
                Err(Problem::new(message.clone(), message, mark))
            }
            false => Ok(()),
        }
    }

    fn node(&mut self) -> Result<Node, Box<Problem>> {
        self.depth += 1;
        if self.depth >= MAX_DEPTH {
            let message = format!("values are nested more than {MAX_DEPTH} levels deep");
            return Err(Problem::new("bad file", message, self.scanner.mark()));
        }
        let node = self.node_within();
        self.depth -= 1;
        node
    }

    fn node_within(&mut self) -> Result<Node, Box<Problem>> {
        let end = self.scanner.mark();
        let Some(next) = self.scanner.peek()? else {
            let place = self.text.len();
            return self.made(Kind::Null, end, place..place);
        };
        let (mark, start) = (next.mark, next.start);
        match &next.token {
            // A value without a key is a map with a null key.
            Token::Value => {
                let pairs = self.compact_map()?;
                return self.made(Kind::Map(pairs), mark, start..start);
            }
            Token::Alias(name) => {
                let name = name.clone();
                self.scanner.pop()?;
                return self.alias(&name, mark);
            }
            _ => {}
        }
        let (tagged, anchor) = self.properties()?;
        let mut node = self.content(tagged, mark, start)?;
        if let Some(name) = anchor {
            self.anchors.insert(name, Some(node.clone()));
            self.nodes += node.count();
            self.check_size(mark)?;
            node.mark = mark;
        }
        Ok(node)
    }

    fn alias(&mut self, name: &str, mark: Mark) -> Result<Node, Box<Problem>> {
        match self.anchors.get(name) {
            Some(Some(node)) => {
                let node = node.clone();
                self.nodes += node.count();
                self.check_size(mark)?;
                Ok(node)
            }
            // yaml-cpp makes a value that contains itself.
            Some(None) => {
                let message = format!("`*{name}` is inside of the value that it refers to");
                Err(Problem::new(message.clone(), message, mark))
            }
            None => {
                let cpp = format!("the referenced anchor is not defined: {name}");
                let problem =
                    Problem::new(cpp, format!("`&{name}`, which `*{name}` names, is not there"), mark);
                Err(problem.help("put the text between quotes if it begins with `*`"))
            }
        }
    }

    /// Tags and anchors before a value: whether there is a tag, and the anchor's name.
    fn properties(&mut self) -> Result<(bool, Option<String>), Box<Problem>> {
        let (mut tagged, mut anchor) = (false, None);
        while let Some(next) = self.scanner.peek()? {
            let mark = next.mark;
            match &next.token {
                Token::Tag if tagged => {
                    let cpp = "cannot assign multiple tags to the same node";
                    return Err(Problem::new(cpp, "a value has two tags", mark));
                }
                Token::Tag => tagged = true,
                Token::Anchor(_) if anchor.is_some() => {
                    let cpp = "cannot assign multiple anchors to the same node";
                    return Err(Problem::new(cpp, "a value has two anchors", mark));
                }
                Token::Anchor(name) => {
                    anchor = Some(name.clone());
                    self.anchors.insert(name.clone(), None);
                }
                _ => break,
            }
            self.scanner.pop()?;
        }
        Ok((tagged, anchor))
    }

    /// A value after its tags and anchors; `mark` and `start` are their beginning.
    fn content(&mut self, tagged: bool, mark: Mark, start: usize) -> Result<Node, Box<Problem>> {
        let in_flow_seq = self.in_flow_seq.last() == Some(&true);
        let Some(next) = self.scanner.peek()? else {
            return self.made(Kind::Null, mark, start..start);
        };
        let place = next.start..next.end;
        let open = next.start..next.start;
        match &next.token {
            Token::Scalar(_) => {
                let Some(Placed { token: Token::Scalar(scalar), start, end, .. }) = self.scanner.pop()?
                else {
                    return self.made(Kind::Null, mark, place);
                };
                if scalar.style == Style::Plain && !tagged && is_null(&scalar.text) {
                    return self.made(Kind::Null, mark, start..end);
                }
                if scalar.unclosed {
                    self.unclosed = Some(start);
                }
                if !scalar.runs.is_empty() {
                    self.runs.push((start, scalar.runs));
                }
                let node = self.made(Kind::Scalar(scalar.text), mark, start..end)?;
                Ok(Node { style: Some(scalar.style), ..node })
            }
            Token::FlowSeqStart => {
                self.scanner.pop()?;
                let items = self.within(true, Self::flow_seq)?;
                self.made(Kind::Seq(items), mark, open)
            }
            Token::BlockSeqStart => {
                self.scanner.pop()?;
                let items = self.within(false, Self::block_seq)?;
                self.made(Kind::Seq(items), mark, open)
            }
            Token::FlowMapStart => {
                self.scanner.pop()?;
                let pairs = self.within(false, Self::flow_map)?;
                self.made(Kind::Map(pairs), mark, open)
            }
            Token::BlockMapStart => {
                self.scanner.pop()?;
                let pairs = self.within(false, Self::block_map)?;
                self.made(Kind::Map(pairs), mark, open)
            }
            Token::Key if in_flow_seq => {
                let pairs = self.compact_map()?;
                self.made(Kind::Map(pairs), mark, open)
            }
            _ if tagged => self.made(Kind::Scalar(String::new()), mark, start..start),
            _ => self.made(Kind::Null, mark, start..start),
        }
    }

    fn within<T>(
        &mut self,
        flow_seq: bool,
        read: fn(&mut Self) -> Result<T, Box<Problem>>,
    ) -> Result<T, Box<Problem>> {
        self.in_flow_seq.push(flow_seq);
        let out = read(self);
        self.in_flow_seq.pop();
        out
    }

    fn block_seq(&mut self) -> Result<Vec<Node>, Box<Problem>> {
        let mut items = Vec::new();
        loop {
            let Some(next) = self.scanner.pop()? else {
                return Err(Problem::new(
                    "end of sequence not found",
                    "a sequence does not end",
                    self.scanner.mark(),
                ));
            };
            match next.token {
                Token::BlockSeqEnd => return Ok(items),
                Token::BlockEntry => {}
                token => {
                    let message = format!("{} was found where `- ` is expected", name(&token));
                    let problem = Problem::new("end of sequence not found", message, next.mark);
                    return Err(problem.help("indent it as the line that it belongs to"));
                }
            }
            match self.scanner.peek()? {
                Some(Placed { token: Token::BlockEntry | Token::BlockSeqEnd, mark, start, .. }) => {
                    let (mark, start) = (*mark, *start);
                    items.push(self.made(Kind::Null, mark, start..start)?);
                }
                _ => items.push(self.node()?),
            }
        }
    }

    fn flow_seq(&mut self) -> Result<Vec<Node>, Box<Problem>> {
        let mut items = Vec::new();
        loop {
            if self.is_next(|token| matches!(token, Token::FlowSeqEnd))? {
                self.scanner.pop()?;
                return Ok(items);
            }
            if self.scanner.peek()?.is_none() {
                return Err(self.unclosed("]"));
            }
            items.push(self.node()?);
            match self.scanner.peek()? {
                Some(Placed { token: Token::FlowEntry, .. }) => drop(self.scanner.pop()?),
                Some(Placed { token: Token::FlowSeqEnd, .. }) => {}
                Some(next) => {
                    let message = format!("{} was found where `,` or `]` is expected", name(&next.token));
                    return Err(Problem::new("end of sequence flow not found", message, next.mark));
                }
                None => return Err(self.unclosed("]")),
            }
        }
    }

    fn unclosed(&self, sign: &str) -> Box<Problem> {
        let cpp = match sign {
            "]" => "end of sequence flow not found",
            _ => "end of map flow not found",
        };
        Problem::new(cpp, format!("`{sign}` is missing"), self.scanner.mark())
    }

    /// The value of a key, or null with the mark of the key.
    fn map_value(&mut self, mark: Mark, start: usize) -> Result<Node, Box<Problem>> {
        if self.is_next(|token| matches!(token, Token::Value))? {
            self.scanner.pop()?;
            return self.node();
        }
        self.made(Kind::Null, mark, start..start)
    }

    fn block_map(&mut self) -> Result<Vec<(Node, Node)>, Box<Problem>> {
        let mut pairs = Vec::new();
        loop {
            let Some(next) = self.scanner.peek()? else {
                return Err(Problem::new(
                    "end of map not found",
                    "a mapping does not end",
                    self.scanner.mark(),
                ));
            };
            let (mark, start) = (next.mark, next.start);
            let key = match &next.token {
                Token::BlockMapEnd => {
                    self.scanner.pop()?;
                    return Ok(pairs);
                }
                Token::Key => {
                    self.scanner.pop()?;
                    self.node()?
                }
                Token::Value => self.made(Kind::Null, mark, start..start)?,
                token => {
                    let message = format!("{} was found where a key is expected", name(token));
                    let problem = Problem::new("end of map not found", message, mark);
                    return Err(problem.help("indent it as the line that it belongs to"));
                }
            };
            let value = self.map_value(mark, start)?;
            pairs.push((key, value));
        }
    }

    fn flow_map(&mut self) -> Result<Vec<(Node, Node)>, Box<Problem>> {
        let mut pairs = Vec::new();
        loop {
            let Some(next) = self.scanner.peek()? else { return Err(self.unclosed("}")) };
            let (mark, start) = (next.mark, next.start);
            let key = match &next.token {
                Token::FlowMapEnd => {
                    self.scanner.pop()?;
                    return Ok(pairs);
                }
                Token::Key => {
                    self.scanner.pop()?;
                    self.node()?
                }
                _ => self.made(Kind::Null, mark, start..start)?,
            };
            let value = self.map_value(mark, start)?;
            pairs.push((key, value));
            match self.scanner.peek()? {
                Some(Placed { token: Token::FlowEntry, .. }) => drop(self.scanner.pop()?),
                Some(Placed { token: Token::FlowMapEnd, .. }) => {}
                Some(next) => {
                    let message = format!("{} was found where `,` or `}}` is expected", name(&next.token));
                    return Err(Problem::new("end of map flow not found", message, next.mark));
                }
                None => return Err(self.unclosed("}")),
            }
        }
    }

    /// One key with its value, without braces around them.
    fn compact_map(&mut self) -> Result<Vec<(Node, Node)>, Box<Problem>> {
        let Some(next) = self.scanner.peek()? else { return Ok(Vec::new()) };
        let (mark, start, has_key) = (next.mark, next.start, matches!(next.token, Token::Key));
        self.in_flow_seq.push(false);
        let key = if has_key {
            self.scanner.pop()?;
            self.node()?
        } else {
            self.made(Kind::Null, mark, start..start)?
        };
        let value = self.map_value(mark, start)?;
        self.in_flow_seq.pop();
        Ok(vec![(key, value)])
    }
}

/// Checks the `%YAML` and `%TAG` directives; `nth` is the number of `%YAML` directives so far.
fn check_directive(name: &str, parameters: &[String], nth: usize, mark: Mark) -> Result<(), Box<Problem>> {
    let problem = |cpp: &str, message: &str| Err(Problem::new(cpp.to_owned(), message, mark));
    match (name, parameters) {
        ("YAML", _) if nth > 1 && parameters.len() == 1 => {
            problem("repeated YAML directive", "a document has two `%YAML`")
        }
        ("YAML", [version]) => {
            let numbers = version.split_once('.').map(|(a, b)| (a.parse::<u32>(), b.parse::<u32>()));
            match numbers {
                Some((Ok(0 | 1), Ok(_))) => Ok(()),
                Some((Ok(_), Ok(_))) => {
                    problem("YAML major version too large", "YAML 1.2 is the newest version that is read")
                }
                _ => problem(&format!("bad YAML version: {version}"), "`%YAML` needs a version, such as 1.2"),
            }
        }
        ("YAML", _) => problem(
            "YAML directives must have exactly one argument",
            "`%YAML` needs one version, such as 1.2",
        ),
        ("TAG", [_, _]) => Ok(()),
        ("TAG", _) => {
            problem("TAG directives must have exactly two arguments", "`%TAG` needs a handle and a prefix")
        }
        _ => Ok(()),
    }
}

/// Name of a token for messages.
fn name(token: &Token) -> String {
    let sign = match token {
        Token::Scalar(scalar) => {
            let shown: String = scalar.text.chars().take(20).collect();
            return format!("the text `{}`", shown.escape_debug());
        }
        Token::Alias(name) => return format!("`*{name}`"),
        Token::Anchor(name) => return format!("`&{name}`"),
        Token::Directive { name, .. } => return format!("`%{name}`"),
        Token::BlockSeqStart => return "a sequence".to_owned(),
        Token::BlockMapStart | Token::Key => return "a key".to_owned(),
        Token::BlockSeqEnd | Token::BlockMapEnd => return "a line that is indented less".to_owned(),
        Token::DocumentStart => "---",
        Token::DocumentEnd => "...",
        Token::BlockEntry => "- ",
        Token::FlowSeqStart => "[",
        Token::FlowSeqEnd => "]",
        Token::FlowMapStart => "{",
        Token::FlowMapEnd => "}",
        Token::FlowEntry => ",",
        Token::Value => ":",
        Token::Tag => "!",
    };
    format!("`{sign}`")
}
