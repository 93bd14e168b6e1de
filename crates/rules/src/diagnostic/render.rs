//! Draws diagnostics for users: the source lines, with marks below them.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Label, Severity, SourceFile, floor};

/// Number of bytes of a line that are kept on each side of a label; the rest of a longer line is cut.
const AROUND: usize = 400;
/// Bytes of a label that are shown.
const MAX_SPAN: usize = 4096;

/// Options for drawing diagnostics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Style {
    /// With ANSI colours: only for a terminal.
    pub colors: bool,
    /// Columns of the terminal; longer lines are cut.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colors: false, width: 140 }
    }
}

impl Style {
    /// With or without colours.
    #[must_use]
    pub fn with_colors(mut self, colors: bool) -> Self {
        self.colors = colors;
        self
    }

    /// For a terminal with this number of columns.
    #[must_use]
    pub fn with_width(mut self, width: usize) -> Self {
        self.width = width;
        self
    }
}

/// Draws a diagnostic in the style of the Rust compiler. Every line ends in `\n`.
pub fn render(diagnostic: &Diagnostic, style: Style) -> String {
    let renderer = if style.colors { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(style.width.clamp(40, 400));
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut title = level.primary_title(shown(&diagnostic.message));
    if !diagnostic.code.is_empty() {
        title = title.id(diagnostic.code);
    }
    let mut group = Group::with_title(title);
    // Labels of one file share a snippet, unless they are far apart in a long line.
    let mut windows: Vec<Window<'_>> = Vec::new();
    for label in &diagnostic.labels {
        match windows.iter_mut().find(|w| w.takes(label)) {
            Some(window) => window.add(label),
            None => windows.push(Window::new(label)),
        }
    }
    for window in &windows {
        group = match window.origin() {
            Some(origin) => group.element(origin).element(window.snippet()),
            None => group.element(window.snippet().path(window.file.name())),
        };
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(shown(help)));
    }
    let mut out = renderer.render(&[group]);
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

/// A message without control characters, and of limited length.
fn shown(text: &str) -> Cow<'_, str> {
    const MAX: usize = 1000;
    if text.len() <= MAX && !text.chars().any(|c| c.is_control() && c != '\n') {
        return text.into();
    }
    let mut out: String =
        text.chars().take(MAX).map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out.into()
}

/// The part of a file for the renderer: complete lines, or parts of very long ones.
struct Window<'a> {
    file: &'a Arc<SourceFile>,
    range: Range<usize>,
    labels: Vec<&'a Label>,
}

fn clip(label: &Label) -> Range<usize> {
    let text = label.file.text();
    label.span.start..floor(text, label.span.end.min(label.span.start + MAX_SPAN))
}

/// The lines of a label; long lines are cut.
fn lines(label: &Label) -> Range<usize> {
    let (text, span) = (label.file.text(), clip(label));
    let low = floor(text, span.start.saturating_sub(AROUND));
    let high = floor(text, (span.end + AROUND).min(text.len()));
    let start = text[low..span.start].rfind('\n').map_or(low, |at| low + at + 1);
    let end = text[span.end..high].find('\n').map_or(high, |at| span.end + at);
    let end = if text[start..end].ends_with('\r') && end > span.end { end - 1 } else { end };
    start..end.max(start)
}

impl<'a> Window<'a> {
    fn new(label: &'a Label) -> Self {
        Self { file: &label.file, range: lines(label), labels: vec![label] }
    }

    /// Whether the label may share the window, because it is near.
    fn takes(&self, label: &Label) -> bool {
        const NEAR: usize = 64 << 10;
        if !Arc::ptr_eq(self.file, &label.file) {
            return false;
        }
        let text = self.file.text();
        let other = lines(label);
        let whole = |range: &Range<usize>| {
            let starts = range.start == 0 || text.as_bytes()[range.start - 1] == b'\n';
            starts && text.as_bytes().get(range.end).is_none_or(|b| matches!(b, b'\r' | b'\n'))
        };
        let inside = self.range.start <= label.span.start && clip(label).end <= self.range.end;
        let union = self.range.start.min(other.start)..self.range.end.max(other.end);
        inside || (whole(&other) && whole(&self.range) && union.len() <= NEAR)
    }

    fn add(&mut self, label: &'a Label) {
        let other = lines(label);
        self.range = self.range.start.min(other.start)..self.range.end.max(other.end);
        self.labels.push(label);
    }

    /// Its place, if the renderer cannot know it because the beginning of the line is cut off.
    fn origin(&self) -> Option<Origin<'a>> {
        let start = self.range.start;
        if start == 0 || self.file.text().as_bytes()[start - 1] == b'\n' {
            return None;
        }
        let (line, column) = self.labels.first()?.position();
        Some(Origin::path(self.file.name()).line(line).char_column(column))
    }

    fn snippet(&self) -> Snippet<'a, Annotation<'a>> {
        let (line, _) = self.file.position(self.range.start);
        let text = &self.file.text()[self.range.clone()];
        let annotations = self.labels.iter().map(|label| {
            let kind = if label.is_primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let span = clip(label);
            let annotation = kind.span(span.start - self.range.start..span.end - self.range.start);
            match label.text.as_str() {
                "" => annotation,
                text => annotation.label(shown(text)),
            }
        });
        Snippet::source(text).line_start(line).fold(true).annotations(annotations)
    }
}
