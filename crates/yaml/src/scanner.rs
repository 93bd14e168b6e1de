//! Splits text into tokens. A scalar is known to be a key only at its `:`, so tokens that depend on it are
//! held back.

use std::collections::VecDeque;

use crate::Mark;
use crate::input::Input;
use crate::problem::{Problem, TAB_HELP};
use crate::token::{Placed, Status, Style, Token};

mod properties;
mod scalars;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Collection {
    Seq,
    Map,
}

/// An open block collection and its indentation column.
struct Indent {
    column: usize,
    collection: Collection,
    status: Status,
}

/// A possible key, before its `:` is seen.
struct MaybeKey {
    mark: Mark,
    /// Number of flow collections around it.
    level: usize,
    /// The block map that it opens: the index of its indent, and of its token.
    map: Option<(usize, usize)>,
    key: usize,
}

/// Beginning of a token.
#[derive(Clone, Copy)]
struct Spot {
    mark: Mark,
    start: usize,
}

/// Maximum number of bytes from the beginning of a key to its `:`.
const MAX_KEY: usize = 1024;

/// Produces tokens on demand.
pub(crate) struct Scanner<'a> {
    input: Input<'a>,
    tokens: VecDeque<Placed>,
    /// Number of tokens taken so far, which is the number of the first waiting one.
    taken: usize,
    ended: bool,
    key_allowed: bool,
    scalar_allowed: bool,
    /// Whether a `:` needs no space after it, because it follows a quoted text or a flow collection.
    value_may_be_glued: bool,
    keys: Vec<MaybeKey>,
    indents: Vec<Indent>,
    flows: Vec<Collection>,
}

type Scanned = Result<(), Box<Problem>>;

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str, foreign: &'a [u32]) -> Self {
        Self {
            input: Input::new(text, foreign),
            tokens: VecDeque::new(),
            taken: 0,
            ended: false,
            key_allowed: true,
            scalar_allowed: true,
            value_may_be_glued: false,
            keys: Vec::new(),
            indents: Vec::new(),
            flows: Vec::new(),
        }
    }

    /// Current position of the scanner.
    pub(crate) fn mark(&self) -> Mark {
        self.input.mark()
    }

    /// The next token; `None` at the end.
    pub(crate) fn peek(&mut self) -> Result<Option<&Placed>, Box<Problem>> {
        loop {
            match self.tokens.front().map(|token| token.status) {
                Some(Status::Invalid) => {
                    self.tokens.pop_front();
                    self.taken += 1;
                }
                Some(Status::Open) | None if !self.ended => self.scan()?,
                _ => return Ok(self.tokens.front()),
            }
        }
    }

    /// Takes the next token.
    pub(crate) fn pop(&mut self) -> Result<Option<Placed>, Box<Problem>> {
        self.peek()?;
        self.taken += usize::from(!self.tokens.is_empty());
        Ok(self.tokens.pop_front())
    }

    fn in_flow(&self) -> bool {
        !self.flows.is_empty()
    }

    fn here(&self) -> Spot {
        Spot { mark: self.input.mark(), start: self.input.at() }
    }

    fn push(&mut self, token: Token, from: Spot) -> usize {
        let (Spot { mark, start }, end) = (from, self.input.at());
        self.tokens.push_back(Placed { token, status: Status::Valid, mark, start, end });
        self.taken + self.tokens.len() - 1
    }

    fn set_status(&mut self, number: usize, status: Status) {
        if let Some(token) = number.checked_sub(self.taken).and_then(|at| self.tokens.get_mut(at)) {
            token.status = status;
        }
    }

    fn fail<T>(&self, cpp: &'static str, message: &str) -> Result<T, Box<Problem>> {
        Err(Problem::new(cpp, message, self.input.mark()))
    }

    /// An error about this place in a line: a tab that indents the line explains it better than `help`.
    fn fail_here<T>(
        &self,
        cpp: &'static str,
        message: &str,
        help: Option<&'static str>,
    ) -> Result<T, Box<Problem>> {
        let problem = Problem::new(cpp, message, self.input.mark());
        Err(match help {
            _ if self.input.is_indented_by_tab() => problem.help(TAB_HELP),
            Some(help) => problem.help(help),
            None => problem,
        })
    }

    fn scan(&mut self) -> Scanned {
        self.skip_between();
        self.close_to_here();
        let Some(byte) = self.input.peek() else {
            self.end();
            return Ok(());
        };
        if self.input.column() == 0 {
            match byte {
                b'%' => return self.directive(),
                b'-' if self.input.is_document(b'-') => return self.document(Token::DocumentStart),
                b'.' if self.input.is_document(b'.') => return self.document(Token::DocumentEnd),
                _ => {}
            }
        }
        match byte {
            b'[' => return self.flow_start(Collection::Seq),
            b'{' => return self.flow_start(Collection::Map),
            b']' => return self.flow_end(Collection::Seq),
            b'}' => return self.flow_end(Collection::Map),
            b',' => return self.flow_entry(),
            b'-' if self.input.is_edge(1) => return self.block_entry(),
            b'?' if self.input.is_blank_or_break(1) => return self.key(),
            b':' if self.is_value() => return self.value(),
            b'*' | b'&' => return self.anchor(byte == b'*'),
            b'!' => return self.tag(),
            b'|' if !self.in_flow() => return self.block_scalar(Style::Literal),
            b'>' if !self.in_flow() => return self.block_scalar(Style::Folded),
            _ => {}
        }
        if !self.scalar_allowed {
            return self.fail("unexpected scalar", "a text follows a quoted one in the same line");
        }
        match byte {
            b'\'' => self.quoted(Style::SingleQuoted),
            b'"' => self.quoted(Style::DoubleQuoted),
            _ if self.is_plain(byte) => self.plain(),
            b'@' | b'`' | b'%' => {
                let problem = Problem::new(
                    "unknown token",
                    format!("a text cannot begin with `{}`", char::from(byte)),
                    self.input.mark(),
                );
                Err(problem.help("put it between quotes"))
            }
            _ => self.fail("unknown token", "a text cannot begin with this character here"),
        }
    }

    fn is_value(&self) -> bool {
        match (self.in_flow(), self.value_may_be_glued) {
            (false, _) => self.input.is_edge(1),
            (true, true) => true,
            (true, false) => {
                self.input.is_blank_or_break(1) || matches!(self.input.byte(1), Some(b',' | b']' | b'}'))
            }
        }
    }

    fn is_plain(&self, byte: u8) -> bool {
        let indicator = b",[]{}#&*!|>'\"%@`".contains(&byte);
        let glued = match (self.in_flow(), byte) {
            (false, b'-' | b'?' | b':') => !self.input.is_edge(1),
            (true, b'-' | b':') => !self.input.is_blank(1) && self.input.byte(1).is_some(),
            (true, b'?') => false,
            _ => true,
        };
        !indicator && glued
    }

    /// Skips white space, comments and line breaks.
    fn skip_between(&mut self) {
        loop {
            while self.input.is_blank(0) {
                if self.input.is(b'\t') && !self.in_flow() {
                    // A tab is not indentation, so no key can follow it.
                    self.key_allowed = false;
                }
                self.input.next();
            }
            if self.input.is(b'#') {
                self.input.skip_until(|input| input.is_break(0));
            }
            if self.input.skip_break() == 0 {
                return;
            }
            self.drop_key();
            self.scalar_allowed = true;
            if !self.in_flow() {
                self.key_allowed = true;
            }
        }
    }

    fn end(&mut self) {
        self.input.reset_column();
        self.close_all();
        self.keys.clear();
        self.ended = true;
    }

    /// Opens a block collection here, unless one is already open at this column or deeper.
    fn open(&mut self, collection: Collection, status: Status) -> Option<(usize, usize)> {
        if self.in_flow() {
            return None;
        }
        let column = self.input.column();
        if let Some(outer) = self.indents.last() {
            let inside = collection == Collection::Seq && outer.collection == Collection::Map;
            if column < outer.column || column == outer.column && !inside {
                return None;
            }
        }
        let token = match collection {
            Collection::Seq => Token::BlockSeqStart,
            Collection::Map => Token::BlockMapStart,
        };
        let number = self.push(token, self.here());
        self.set_status(number, status);
        self.indents.push(Indent { column, collection, status });
        Some((self.indents.len() - 1, number))
    }

    /// Closes block collections with more indentation than this column.
    fn close_to_here(&mut self) {
        if self.in_flow() {
            return;
        }
        let column = self.input.column();
        let is_entry = self.input.is(b'-') && self.input.is_edge(1);
        while let Some(indent) = self.indents.last() {
            let ends = indent.collection == Collection::Seq && !is_entry;
            if indent.column < column || indent.column == column && !ends {
                break;
            }
            self.close();
        }
        while self.indents.last().is_some_and(|indent| indent.status == Status::Invalid) {
            self.close();
        }
    }

    fn close_all(&mut self) {
        while !self.in_flow() && !self.indents.is_empty() {
            self.close();
        }
    }

    fn close(&mut self) {
        match self.indents.pop() {
            Some(Indent { status: Status::Valid, collection, .. }) => {
                let token = match collection {
                    Collection::Seq => Token::BlockSeqEnd,
                    Collection::Map => Token::BlockMapEnd,
                };
                self.push(token, self.here());
            }
            _ => self.drop_key(),
        }
    }

    /// Records that a key may begin here.
    fn note_key(&mut self) {
        let level = self.flows.len();
        if !self.key_allowed || self.keys.last().is_some_and(|key| key.level == level) {
            return;
        }
        let from = self.here();
        let map = self.open(Collection::Map, Status::Open);
        let key = self.push(Token::Key, from);
        self.set_status(key, Status::Open);
        self.keys.push(MaybeKey { mark: from.mark, level, map, key });
    }

    /// Discards a possible key.
    fn drop_key(&mut self) {
        let level = self.flows.len();
        if let Some(key) = self.keys.pop_if(|key| key.level == level) {
            self.settle(&key, Status::Invalid);
        }
    }

    /// Confirms the last possible key at its `:`. Returns whether it is a key.
    fn verify_key(&mut self) -> bool {
        let level = self.flows.len();
        let Some(key) = self.keys.pop_if(|key| key.level == level) else { return false };
        let valid =
            key.mark.line == self.input.line() && self.input.mark().offset - key.mark.offset <= MAX_KEY;
        self.settle(&key, if valid { Status::Valid } else { Status::Invalid });
        valid
    }

    fn settle(&mut self, key: &MaybeKey, status: Status) {
        self.set_status(key.key, status);
        if let Some((indent, token)) = key.map {
            self.set_status(token, status);
            // It may be closed already, and another settled one may have its index.
            if let Some(indent) = self.indents.get_mut(indent).filter(|i| i.status == Status::Open) {
                indent.status = status;
            }
        }
    }

    fn document(&mut self, token: Token) -> Scanned {
        self.close_all();
        self.keys.clear();
        (self.key_allowed, self.value_may_be_glued) = (false, false);
        let from = self.here();
        self.input.skip(3);
        self.push(token, from);
        Ok(())
    }

    fn flow_start(&mut self, collection: Collection) -> Scanned {
        self.note_key();
        (self.key_allowed, self.value_may_be_glued) = (true, false);
        let from = self.here();
        self.input.next();
        self.flows.push(collection);
        let token = match collection {
            Collection::Seq => Token::FlowSeqStart,
            Collection::Map => Token::FlowMapStart,
        };
        self.push(token, from);
        Ok(())
    }

    /// An entry of a flow map may be a key without a value.
    fn end_flow_entry(&mut self) {
        match self.flows.last().copied() {
            Some(Collection::Map) if self.verify_key() => {
                self.push(Token::Value, self.here());
            }
            Some(Collection::Seq) => self.drop_key(),
            _ => {}
        }
    }

    fn flow_end(&mut self, collection: Collection) -> Scanned {
        let name = |collection| if collection == Collection::Seq { "]" } else { "}" };
        if !self.in_flow() {
            let message = format!("`{}` closes nothing", name(collection));
            let problem = Problem::new("illegal flow end", message, self.input.mark());
            return Err(problem.help("put the text between quotes if it is a part of it"));
        }
        self.end_flow_entry();
        (self.key_allowed, self.value_may_be_glued) = (false, true);
        let from = self.here();
        self.input.next();
        let open = self.flows.pop();
        if open != Some(collection) {
            let wanted = open.map_or("", name);
            let message = format!("`{}` was found where `{wanted}` is expected", name(collection));
            return Err(Problem::new("illegal flow end", message, from.mark));
        }
        let token = match collection {
            Collection::Seq => Token::FlowSeqEnd,
            Collection::Map => Token::FlowMapEnd,
        };
        self.push(token, from);
        Ok(())
    }

    fn flow_entry(&mut self) -> Scanned {
        if self.input.column() == 0 {
            let cpp = "plain value cannot start with flow indicator character";
            return self.fail(cpp, "a line cannot begin with `,`");
        }
        if !self.scalar_allowed {
            return self.fail("unexpected scalar", "a `,` follows a quoted text that is in no list");
        }
        self.end_flow_entry();
        (self.key_allowed, self.value_may_be_glued) = (true, false);
        let from = self.here();
        self.input.next();
        self.push(Token::FlowEntry, from);
        Ok(())
    }

    fn block_entry(&mut self) -> Scanned {
        if self.in_flow() {
            return self.fail("illegal block entry", "`- ` is not allowed inside brackets or braces");
        }
        if !self.key_allowed {
            return self.fail_here("illegal block entry", "`- ` is not allowed here", None);
        }
        self.open(Collection::Seq, Status::Valid);
        (self.key_allowed, self.value_may_be_glued) = (true, false);
        let from = self.here();
        self.input.next();
        self.push(Token::BlockEntry, from);
        Ok(())
    }

    fn key(&mut self) -> Scanned {
        if !self.in_flow() {
            if !self.key_allowed {
                return self.fail_here("illegal map key", "`? ` is not allowed here", None);
            }
            self.open(Collection::Map, Status::Valid);
        }
        self.key_allowed = !self.in_flow();
        let from = self.here();
        self.input.next();
        self.push(Token::Key, from);
        Ok(())
    }

    fn value(&mut self) -> Scanned {
        let is_key = self.verify_key();
        self.value_may_be_glued = false;
        if is_key {
            self.key_allowed = false;
        } else {
            if !self.in_flow() {
                if !self.key_allowed {
                    let help = "put the text between quotes if the `:` is a part of it";
                    return self.fail_here("illegal map value", "`: ` is not allowed here", Some(help));
                }
                self.open(Collection::Map, Status::Valid);
            }
            self.key_allowed = !self.in_flow();
        }
        self.scalar_allowed = true;
        let from = self.here();
        self.input.next();
        self.push(Token::Value, from);
        Ok(())
    }
}
