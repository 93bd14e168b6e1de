//! Handling of keys and mouse.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::app::{App, Mode};
use super::editor::Editor;
use crate::view::{View, bind};

/// Rows of a page.
const PAGE: usize = 10;

/// Columns by which Left and Right move a text sideways.
const STEP: usize = 20;

/// Whether Control or Alt is held. A letter is then no letter.
fn is_chord(key: KeyEvent) -> bool {
    key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
}

/// Applies a key to an input line.
fn edit(editor: &mut Editor, key: KeyEvent) {
    match key.code {
        KeyCode::Char(c) if is_chord(key) => match c {
            'a' => editor.home(),
            'e' => editor.end(),
            'k' => editor.cut_end(),
            'u' => editor.cut_beginning(),
            'w' => editor.cut_word(),
            _ => {}
        },
        KeyCode::Char(c) => editor.insert(c),
        KeyCode::Backspace => editor.backspace(),
        KeyCode::Delete => editor.delete(),
        KeyCode::Left => editor.left(),
        KeyCode::Right => editor.right(),
        KeyCode::Home => editor.home(),
        KeyCode::End => editor.end(),
        _ => {}
    }
}

impl App {
    /// Handles a key.
    pub fn key(&mut self, key: KeyEvent) {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return self.leave();
        }
        let is_letter = !matches!(key.code, KeyCode::Char(_)) || !is_chord(key);
        match std::mem::replace(&mut self.mode, Mode::Table) {
            Mode::Filter(editor) => self.filter_key(key, editor),
            Mode::Arguments { view, editor, .. } => self.arguments_key(key, view, editor),
            mode if !is_letter => self.mode = mode,
            Mode::Table => {
                match (self.is_of_lines() || key.modifiers.contains(KeyModifiers::SHIFT), key.code) {
                    (true, KeyCode::Left) => self.move_text(false),
                    (true, KeyCode::Right) => self.move_text(true),
                    (_, code) => self.table_key(code),
                }
            }
            Mode::Menu { title, items, selected } => self.menu_key(key.code, title, items, selected),
            Mode::Time { from, at } => self.time_key(key.code, from, at),
            Mode::Help => {}
        }
    }

    /// Moves the text of the table sideways.
    fn move_text(&mut self, to_its_end: bool) {
        let shift = &mut self.screen_mut().shift;
        *shift = if to_its_end { *shift + STEP } else { shift.saturating_sub(STEP) };
    }

    fn table_key(&mut self, code: KeyCode) {
        let (selected, last) = (self.screen().selected, self.table.rows.len().saturating_sub(1));
        let page = usize::from(self.places.rows.height).max(PAGE);
        let columns = self.table.heads.len();
        match code {
            KeyCode::Char('q') | KeyCode::F(10) => self.leave(),
            KeyCode::Up => self.select(selected.saturating_sub(1)),
            KeyCode::Down => self.select(selected + 1),
            KeyCode::PageUp => self.select(selected.saturating_sub(page)),
            KeyCode::PageDown => self.select(selected + page),
            KeyCode::Home => self.select(0),
            KeyCode::End => self.select(last),
            KeyCode::Left | KeyCode::Char('<') if columns > 0 => {
                let now = self.screen().sort.map_or(0, |(column, _)| column);
                self.screen_mut().sort = None;
                self.sort_by((now + columns - 1) % columns);
            }
            KeyCode::Right | KeyCode::Char('>') if columns > 0 => {
                let now = self.screen().sort.map_or(columns - 1, |(column, _)| column);
                self.screen_mut().sort = None;
                self.sort_by((now + 1) % columns);
            }
            KeyCode::Char('r') => {
                let now = self.screen().sort.map_or(0, |(column, _)| column);
                self.sort_by(now);
            }
            KeyCode::Enter => self.drill(),
            KeyCode::Backspace | KeyCode::Esc => self.back(),
            KeyCode::F(1) | KeyCode::Char('h' | '?') => self.mode = Mode::Help,
            KeyCode::F(2) => self.choose_view(),
            KeyCode::F(4) | KeyCode::Char('/') => self.mode = Mode::Filter(Editor::new(&self.filter)),
            KeyCode::F(5) => self.show_io(),
            KeyCode::F(6) => self.show_events(),
            KeyCode::Char('p') => self.is_paused = !self.is_paused,
            KeyCode::Char('t') | KeyCode::Tab if self.has_spans() => {
                self.mode = Mode::Time { from: None, at: 0 };
            }
            _ => {}
        }
    }

    fn menu_key(
        &mut self,
        code: KeyCode,
        title: &'static str,
        items: Vec<super::app::Item>,
        selected: usize,
    ) {
        let last = items.len().saturating_sub(1);
        let selected = match code {
            KeyCode::Esc | KeyCode::Backspace | KeyCode::F(2) => return,
            KeyCode::Enter => {
                if let Some(item) = items.into_iter().nth(selected) {
                    self.choose(item);
                }
                return;
            }
            KeyCode::Up => selected.saturating_sub(1),
            KeyCode::Down => (selected + 1).min(last),
            KeyCode::PageUp => selected.saturating_sub(PAGE),
            KeyCode::PageDown => (selected + PAGE).min(last),
            KeyCode::Home => 0,
            KeyCode::End => last,
            // Selects the next entry that begins with the letter.
            KeyCode::Char(c) => {
                let order = (selected + 1..items.len()).chain(0..=selected);
                let mut order =
                    order.filter(|at| items.get(*at).is_some_and(|item| item.label.starts_with(c)));
                order.next().unwrap_or(selected)
            }
            _ => selected,
        };
        self.mode = Mode::Menu { title, items, selected };
    }

    fn filter_key(&mut self, key: KeyEvent, mut editor: Editor) {
        match key.code {
            KeyCode::Esc => return,
            KeyCode::Enter if editor.fault().is_none() => {
                self.filter = editor.text.trim().to_owned();
                return self.request_data();
            }
            KeyCode::Tab => editor.complete(),
            _ => edit(&mut editor, key),
        }
        self.mode = Mode::Filter(editor);
    }

    fn arguments_key(&mut self, key: KeyEvent, view: Box<View>, mut editor: Editor) {
        let mut error = None;
        match key.code {
            KeyCode::Esc => return,
            KeyCode::Enter => match bind(&view, &editor.text) {
                Ok(bound) => return self.open(bound.view, None),
                Err(refused) => error = Some(format!("{refused:#}")),
            },
            KeyCode::Tab => editor.complete(),
            _ => edit(&mut editor, key),
        }
        self.mode = Mode::Arguments { view, editor, error };
    }

    /// Whether a time span can be selected. Live, a table has only the last second.
    fn has_spans(&self) -> bool {
        self.places.timeline.height > 0 && !self.is_live
    }

    fn time_key(&mut self, code: KeyCode, from: Option<usize>, at: usize) {
        let width = usize::from(self.places.timeline.width).max(1);
        let mode = match code {
            KeyCode::Left => Mode::Time { from, at: at.saturating_sub(1) },
            KeyCode::Right => Mode::Time { from, at: (at + 1).min(width - 1) },
            KeyCode::Home => Mode::Time { from, at: 0 },
            KeyCode::End => Mode::Time { from, at: width - 1 },
            KeyCode::Char(' ') => Mode::Time { from: Some(at), at },
            KeyCode::Enter => return self.choose_span(from.unwrap_or(at), at),
            // Selects the whole time again.
            KeyCode::Backspace => return self.select_span(None),
            _ => return,
        };
        self.mode = mode;
    }

    /// Selects the time span between two columns.
    fn choose_span(&mut self, one: usize, other: usize) {
        let width = usize::from(self.places.timeline.width).max(1);
        let Some(histogram) = &self.histogram else { return };
        let (from, to) = (histogram.time(one.min(other), width).0, histogram.time(one.max(other), width).1);
        self.select_span(Some((from, to)));
    }

    /// Chooses the entry of the menu at this place. A click outside the menu closes it.
    fn click_menu(&mut self, place: Position) {
        let area = self.places.menu;
        if !area.contains(place) {
            self.mode = Mode::Table;
            return;
        }
        let Mode::Menu { items, .. } = &mut self.mode else { return };
        let at = place.y.checked_sub(area.y + 1).map(|line| self.places.first_item + usize::from(line));
        // The border is no entry.
        let is_entry = place.y + 1 < area.bottom();
        if let Some(at) = at.filter(|at| is_entry && *at < items.len()) {
            let item = items.swap_remove(at);
            self.mode = Mode::Table;
            self.choose(item);
        }
    }

    /// Handles the mouse.
    pub fn mouse(&mut self, mouse: MouseEvent) {
        let place = Position::new(mouse.column, mouse.row);
        let column_of =
            |area: Rect| usize::from(mouse.column.saturating_sub(area.x).min(area.width.saturating_sub(1)));
        match (mouse.kind, &self.mode) {
            (MouseEventKind::ScrollDown, Mode::Table) => self.table_key(KeyCode::Down),
            (MouseEventKind::ScrollUp, Mode::Table) => self.table_key(KeyCode::Up),
            (MouseEventKind::ScrollDown | MouseEventKind::ScrollUp, Mode::Menu { .. }) => {
                let is_down = mouse.kind == MouseEventKind::ScrollDown;
                self.key(KeyEvent::from(if is_down { KeyCode::Down } else { KeyCode::Up }));
            }
            (MouseEventKind::Down(MouseButton::Left), Mode::Menu { .. }) => self.click_menu(place),
            (MouseEventKind::Down(MouseButton::Right), Mode::Menu { .. })
            | (MouseEventKind::Down(_), Mode::Help) => self.mode = Mode::Table,
            (MouseEventKind::Down(MouseButton::Left), Mode::Table | Mode::Time { .. })
                if self.places.timeline.contains(place) && self.has_spans() =>
            {
                let at = column_of(self.places.timeline);
                self.mode = Mode::Time { from: Some(at), at };
            }
            (MouseEventKind::Drag(MouseButton::Left), Mode::Time { from, .. }) => {
                self.mode = Mode::Time { from: *from, at: column_of(self.places.timeline) };
            }
            (MouseEventKind::Up(MouseButton::Left), Mode::Time { from, at }) => {
                let (from, at) = (from.unwrap_or(*at), *at);
                self.mode = Mode::Table;
                self.choose_span(from, at);
            }
            (MouseEventKind::Down(MouseButton::Left), Mode::Table) if self.places.heads.contains(place) => {
                let at = self.columns.iter().position(|(x, width)| (*x..x + width).contains(&mouse.column));
                if let Some(column) = at {
                    self.sort_by(column);
                }
            }
            (MouseEventKind::Down(MouseButton::Left), Mode::Table) if self.places.rows.contains(place) => {
                let row = self.screen().offset + usize::from(mouse.row - self.places.rows.y);
                match row == self.screen().selected {
                    _ if row >= self.table.rows.len() => {}
                    true => self.drill(),
                    false => self.select(row),
                }
            }
            (MouseEventKind::Down(MouseButton::Right), Mode::Table) => self.back(),
            _ => {}
        }
    }
}
