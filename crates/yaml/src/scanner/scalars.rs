//! Plain, quoted and block scalars.

use super::{Scanned, Scanner, Spot};
use crate::problem::Problem;
use crate::scalar::{self, Chomp, End, Fold, Rules};
use crate::token::{Run, Scalar, Style, Token};

impl Scanner<'_> {
    pub(super) fn plain(&mut self) -> Scanned {
        let flow = self.in_flow();
        let rules = Rules {
            end: if flow { End::PlainInFlow } else { End::Plain },
            fold: Fold::Flow,
            chomp: Chomp::Strip,
            indent: if flow { 0 } else { self.indents.last().map_or(0, |indent| indent.column + 1) },
            detect_indent: false,
        };
        self.note_key();
        let from = self.here();
        let read = scalar::read(&mut self.input, &rules)?;
        (self.key_allowed, self.value_may_be_glued) = (read.ended_by_line, false);
        // White space and line breaks that were read after it are not part of it.
        let end = read.runs.last().map_or(from.start, |run| (run.source + run.width) as usize);
        self.push_scalar(from, Style::Plain, read);
        if let Some(token) = self.tokens.back_mut() {
            token.end = end;
        }
        Ok(())
    }

    pub(super) fn quoted(&mut self, style: Style) -> Scanned {
        let end = if style == Style::SingleQuoted { End::Single } else { End::Double };
        let rules = Rules { end, fold: Fold::Flow, chomp: Chomp::Clip, indent: 0, detect_indent: false };
        self.note_key();
        let from = self.here();
        self.input.next();
        let read = scalar::read(&mut self.input, &rules).map_err(|problem| match self.input.at_end() {
            true => problem.at(from.start).help("write the second quote"),
            false => problem,
        })?;
        (self.key_allowed, self.value_may_be_glued) = (false, true);
        self.scalar_allowed = self.in_flow();
        self.push_scalar(from, style, read);
        Ok(())
    }

    pub(super) fn block_scalar(&mut self, style: Style) -> Scanned {
        let from = self.here();
        self.input.next();
        let (mut chomp, mut digit) = (Chomp::Clip, None);
        // At most one sign and one digit, in either order.
        for _ in 0..2 {
            match self.input.peek() {
                Some(sign @ (b'+' | b'-')) if chomp == Chomp::Clip => {
                    chomp = if sign == b'+' { Chomp::Keep } else { Chomp::Strip };
                }
                Some(byte @ b'0'..=b'9') if digit.is_none() => {
                    digit = Some(usize::from(byte - b'0'));
                }
                _ => break,
            }
            self.input.next();
            if digit == Some(0) {
                let cpp = "cannot set zero indentation for a block scalar";
                return self.fail(cpp, "a text cannot be indented by 0");
            }
        }
        let end = self.input.at();
        self.input.skip_until(|input| !input.is_blank(0));
        if self.input.is(b'#') {
            self.input.skip_until(|input| input.is_break(0));
        }
        if !self.input.at_end() && !self.input.is_break(0) {
            let message = "a text follows `|` or `>` in the same line";
            let problem = Problem::new("unexpected character in block scalar", message, self.input.mark());
            return Err(problem.help("begin it in the next line"));
        }
        let outer = self.indents.last().map_or(0, |indent| indent.column);
        let fold = if style == Style::Folded { Fold::Block } else { Fold::Never };
        let detect_indent = digit.is_none();
        let rules = Rules { end: End::Text, fold, chomp, indent: outer + digit.unwrap_or(1), detect_indent };
        let read = scalar::read(&mut self.input, &rules)?;
        (self.key_allowed, self.value_may_be_glued) = (true, false);
        self.push_scalar(from, style, read);
        if let Some(token) = self.tokens.back_mut() {
            token.end = end;
        }
        Ok(())
    }

    fn push_scalar(&mut self, from: Spot, style: Style, read: scalar::Read) {
        let runs = whole(read.runs, from.start, style);
        let scalar = Scalar { text: read.text, style, runs, unclosed: read.unclosed };
        self.push(Token::Scalar(scalar), from);
    }
}

/// Returns no runs if the value is unchanged from the file, starting at the token.
fn whole(runs: Vec<Run>, start: usize, style: Style) -> Vec<Run> {
    let start = match style {
        Style::Plain => start,
        Style::SingleQuoted | Style::DoubleQuoted => start + 1,
        Style::Literal | Style::Folded => return runs,
    };
    match runs.as_slice() {
        [run] if run.is_copy && run.source as usize == start => Vec::new(),
        _ => runs,
    }
}
