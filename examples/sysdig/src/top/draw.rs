//! Drawing.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use super::app::{App, Mode};
use super::editor::Editor;

/// Height of the lowest terminal in which the timeline leaves room for rows.
const LOWEST_WITH_TIME: u16 = 12;
/// Precedes an error.
const ERROR: &str = "error: ";
/// Bars of the timeline, from low to high.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const HELP: &str = "\
Up, Down, PgUp, PgDn, Home, End   select a row
Left, Right                       order by another column; r: the other way round; in lines: move the text
Shift-Left, Shift-Right           move the text of a table sideways
Enter                             more of the row
Backspace or Esc                  back; Esc also leaves a menu or an input line
F2                                views
F4 or /                           filter; Tab completes a field; Ctrl-U, Ctrl-K, Ctrl-W delete
F5                                what the selection reads and writes
F6                                events of the selection
t or Tab                          time: arrows move, Space begins a span, Enter selects it,
                                  Backspace selects the whole time
p                                 pause
q or F10                          leave
Mouse                             click: a row, again: more, right: back; a heading; the wheel;
                                  drag over the timeline

Any key closes this.";

/// Columns wider than this get narrower when other rows are shown.
const KEPT_WIDTH: usize = 40;

fn reversed() -> Style {
    Style::new().add_modifier(Modifier::REVERSED)
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

/// Draws everything, and records positions for the mouse.
pub fn draw(app: &mut App, frame: &mut Frame<'_>) {
    let (width, height) = (usize::from(frame.area().width), frame.area().height);
    let has_time = app.histogram.is_some() && height >= LOWEST_WITH_TIME;
    let error_lines =
        app.error.as_ref().map_or(1, |error| (ERROR.len() + error.len()).div_ceil(width.max(1)));
    let [title, time, heads, rows, foot] = Layout::vertical([
        Constraint::Length(1 + (error_lines as u16).min(height / 4).max(1)),
        Constraint::Length(if has_time { 3 } else { 0 }),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    app.places.heads = heads;
    app.places.rows = rows;
    app.places.timeline = if has_time { time } else { Rect::default() };
    draw_title(app, frame, title);
    draw_time(app, frame, time);
    draw_table(app, frame, heads, rows);
    let keys = match &app.mode {
        Mode::Time { .. } => "Left Right Move  Space Begin  Enter Select  Backspace All  Esc Cancel",
        _ => {
            "F1 Help  F2 Views  F4 Filter  F5 I/O  F6 Events  Enter More  Backspace Back  t Time  p Pause  q Quit"
        }
    };
    frame.render_widget(Paragraph::new(keys).style(reversed()), foot);
    match &app.mode {
        Mode::Menu { title, items, selected } => {
            let height = (items.len() as u16 + 2).min(frame.area().height.saturating_sub(4)).max(3);
            let area = middle(frame.area(), 90, height);
            let shown = usize::from(height.saturating_sub(2));
            let first = (selected + 1).saturating_sub(shown);
            let line = |(at, item): (usize, &super::app::Item)| {
                let style = if at == *selected { reversed() } else { Style::new() };
                Line::styled(item.label.clone(), style)
            };
            let lines: Vec<Line<'_>> = items.iter().enumerate().skip(first).take(shown).map(line).collect();
            frame.render_widget(Clear, area);
            let title = format!("{title} ({} of {})", selected + 1, items.len());
            frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(title)), area);
            (app.places.menu, app.places.first_item) = (area, first);
        }
        Mode::Filter(editor) => draw_filter(editor, frame),
        Mode::Arguments { view, editor, error } => {
            let about =
                |parameter: &crate::view::Parameter| format!("{}: {}", parameter.name, parameter.about);
            let mut lines: Vec<Line<'_>> =
                view.parameters.iter().map(|parameter| Line::raw(about(parameter))).collect();
            lines.push(Line::styled(error.clone().unwrap_or_default(), bold()));
            draw_line(editor, "", lines, &format!("Arguments of {}", view.name), frame);
        }
        Mode::Help => {
            let longest = HELP.lines().map(str::len).max().unwrap_or(0);
            let area = middle(frame.area(), longest as u16 + 2, HELP.lines().count() as u16 + 2);
            let text = Paragraph::new(HELP).wrap(Wrap { trim: false });
            frame.render_widget(Clear, area);
            frame.render_widget(text.block(Block::bordered().title("Keys")), area);
        }
        Mode::Table | Mode::Time { .. } => {}
    }
}

fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect::new(area.x + (area.width - width) / 2, area.y + (area.height - height) / 2, width, height)
}

fn draw_title(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let path: Vec<&str> = app.screens.iter().map(|screen| screen.view.name.as_str()).collect();
    let state = match (app.is_paused, app.is_live, app.is_done) {
        (true, ..) => "paused".to_owned(),
        (_, true, _) if app.histogram.is_none() => "starting".to_owned(),
        (_, true, _) => "live".to_owned(),
        (_, _, true) if app.error.is_some() => format!("failed at {:.0} %", app.progress * 100.0),
        (_, _, true) => "all read".to_owned(),
        _ => format!("{:.0} % read", app.progress * 100.0),
    };
    let first = Line::from(vec![
        Span::styled("sysdig top  ", bold()),
        Span::raw(path.join(" > ")),
        Span::raw(format!("  [{state}, {} events]", app.events)),
    ]);
    let filter = app.whole_filter();
    let mut second = if filter.is_empty() { "no filter".to_owned() } else { format!("filter: {filter}") };
    if let (Some((from, to)), Some(histogram)) = (app.span, &app.histogram) {
        let start = histogram.span().0;
        let seconds = |ts: u64| ts.saturating_sub(start) as f64 / 1e9;
        second += &format!("  time: {:.3} s to {:.3} s", seconds(from), seconds(to));
    }
    if let Some(error) = &app.error {
        second = format!("{ERROR}{error}");
    }
    frame.render_widget(Paragraph::new(vec![first, Line::raw(second)]).wrap(Wrap { trim: false }), area);
}

/// Draws events as bars, alerts as marks above them, and the selected span.
fn draw_time(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let Some(histogram) = app.histogram.as_ref().filter(|_| area.height >= 3) else { return };
    let width = usize::from(area.width);
    let columns = histogram.columns(width);
    let highest = columns.iter().map(|(events, _)| *events).max().unwrap_or(0).max(1);
    let selected = match (&app.mode, app.span) {
        (Mode::Time { from, at }, _) => Some((from.unwrap_or(*at).min(*at), from.unwrap_or(*at).max(*at))),
        (_, Some((from, to))) => {
            Some((histogram.column(from, width), histogram.column(to.saturating_sub(1), width)))
        }
        _ => None,
    };
    let style = |at: usize| match selected {
        Some((from, to)) if (from..=to).contains(&at) => reversed(),
        _ => Style::new(),
    };
    let alerts: String = columns.iter().map(|(_, alerts)| if *alerts > 0 { '!' } else { ' ' }).collect();
    let bars: Vec<Span<'_>> = columns
        .iter()
        .enumerate()
        .map(|(at, (events, _))| {
            let height = (events * 8).div_ceil(highest) as usize;
            Span::styled(BARS[height.min(8)].to_string(), style(at))
        })
        .collect();
    let (first, last) = histogram.span();
    let length = format!("{:.3} s", last.saturating_sub(first) as f64 / 1e9);
    let axis = format!("0 s{length:>width$}", width = width.saturating_sub(3));
    frame.render_widget(Paragraph::new(vec![Line::raw(alerts), Line::from(bars), Line::raw(axis)]), area);
}

fn draw_table(app: &mut App, frame: &mut Frame<'_>, heads: Rect, rows: Rect) {
    let height = usize::from(rows.height);
    let screen = app.screen_mut();
    screen.offset = screen.offset.min(screen.selected);
    if screen.selected >= screen.offset + height {
        screen.offset = screen.selected + 1 - height.max(1);
    }
    let (selected, offset, sort) = (screen.selected, screen.offset, screen.sort);
    let shown = app.table.rows.iter().skip(offset).take(height);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut widths: Vec<usize> = app.table.heads.iter().map(|head| head.name.chars().count() + 2).collect();
    for row in shown.clone() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(text(&cell.text).chars().count() + 1);
        }
    }
    let mut shift = 0;
    if let Some(screen) = app.screens.last_mut() {
        for (width, known) in widths.iter_mut().zip(&screen.widths) {
            *width = (*width).max((*known).min(KEPT_WIDTH));
        }
        screen.widths.clone_from(&widths);
        let whole: usize = widths.iter().sum();
        shift = screen.shift.min(whole.saturating_sub(usize::from(rows.width)));
        screen.shift = shift;
    }
    if let Some(last) = widths.last_mut() {
        *last = (*last).max(usize::from(rows.width));
    }
    let mut end = 0;
    app.columns = widths
        .iter()
        .map(|width| {
            let place = |at: usize| u16::try_from(at.saturating_sub(shift)).unwrap_or(u16::MAX);
            let begin = end;
            end += width;
            (heads.x.saturating_add(place(begin)), place(end) - place(begin))
        })
        .collect();
    let fit = |text: &str, width: usize| {
        let length = text.chars().count();
        match length < width {
            true => format!("{text}{}", " ".repeat(width - length)),
            false => text.chars().take(width.saturating_sub(1)).chain([' ']).collect(),
        }
    };
    let head = |(at, (head, width)): (usize, (&crate::view::Head, &usize))| {
        let mark = match sort {
            Some((column, true)) if column == at => "↑",
            Some((column, false)) if column == at => "↓",
            _ => "",
        };
        fit(&format!("{}{mark}", head.name), *width)
    };
    let moved = |line: String| line.chars().skip(shift).collect::<String>();
    let line = moved(app.table.heads.iter().zip(&widths).enumerate().map(head).collect());
    frame.render_widget(Paragraph::new(line).style(bold().add_modifier(Modifier::UNDERLINED)), heads);
    let lines: Vec<Line<'_>> = shown
        .enumerate()
        .map(|(at, row)| {
            let line: String =
                row.iter().zip(&widths).map(|(cell, width)| fit(&text(&cell.text), *width)).collect();
            Line::styled(moved(line), if offset + at == selected { reversed() } else { Style::new() })
        })
        .collect();
    let is_empty = lines.is_empty();
    frame.render_widget(Paragraph::new(lines), rows);
    if is_empty && (app.is_done || app.is_live && app.histogram.is_some()) {
        frame.render_widget(Paragraph::new(empty_view(app)).wrap(Wrap { trim: true }), rows);
    }
}

/// Why a table is empty.
fn empty_view(app: &App) -> Vec<Line<'static>> {
    let view = &app.screen().view;
    let mut lines =
        vec![Line::raw("Nothing to show: no event passes the filter and the condition of this view.")];
    if !view.filter.is_empty() {
        lines.push(Line::raw(format!("The condition: {}", view.filter)));
    }
    if !view.about.is_empty() {
        lines.push(Line::raw(view.about.clone()));
    }
    lines
}

fn draw_filter(editor: &Editor, frame: &mut Frame<'_>) {
    let mut marks = String::new();
    let mut lines = Vec::new();
    match editor.fault() {
        Some(fault) => {
            marks = format!("{}{}", " ".repeat(fault.at), "^".repeat(fault.length));
            lines.push(Line::raw(fault.message));
        }
        None => lines.push(Line::raw("Enter applies it, Esc does not.")),
    }
    lines.push(Line::styled(editor.proposals().join("  "), bold()));
    draw_line(editor, &marks, lines, "Filter (Tab completes)", frame);
}

/// Draws an input line, the marks below it, and messages about it.
fn draw_line(editor: &Editor, marks: &str, messages: Vec<Line<'_>>, title: &str, frame: &mut Frame<'_>) {
    let width = frame.area().width.saturating_sub(4).max(20);
    let inside = usize::from(width.min(frame.area().width).saturating_sub(2)).max(1);
    let wrapped: usize = messages.iter().map(|line| line.width().div_ceil(inside).max(1)).sum();
    let area = middle(frame.area(), width, u16::try_from(wrapped + 5).unwrap_or(u16::MAX));
    // The end of a long text is to the right of the box until the cursor is there.
    let hidden = (editor.cursor + 1).saturating_sub(inside);
    let shown = |text: &str| Line::raw(text.chars().skip(hidden).collect::<String>());
    let block = Block::bordered().title(title.to_owned());
    let places = block.inner(area);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    let [input, rest] = Layout::vertical([Constraint::Length(2), Constraint::Fill(1)]).areas(places);
    frame.render_widget(Paragraph::new(vec![shown(&editor.text), shown(marks)]), input);
    frame.render_widget(Paragraph::new(messages).wrap(Wrap { trim: false }), rest);
    let x = area.x + 1 + u16::try_from(editor.cursor - hidden).unwrap_or(0);
    frame.set_cursor_position((x.min(area.right().saturating_sub(2)), area.y + 1));
}
