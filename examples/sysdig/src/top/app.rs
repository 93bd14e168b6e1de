//! State of the screens, and the actions of keys and mouse.

use anyhow::{Result, anyhow};
use eyas::fields::FieldType;
use ratatui::layout::Rect;

use super::editor::Editor;
use super::feed::{Request, Update};
use super::timeline::Histogram;
use crate::args::Args;
use crate::view::{Table, View, bind, catalog};

/// A view with its state.
#[derive(Clone, Debug)]
pub struct Screen {
    pub view: View,
    /// Condition from the selections on the previous screens.
    pub filter: String,
    /// The selected row, and the first visible one.
    pub selected: usize,
    pub offset: usize,
    /// The keys of the selected row, which stays selected when it moves.
    pub followed: Vec<Vec<u8>>,
    /// The sort column that the user has chosen, and whether the order is ascending.
    pub sort: Option<(usize, bool)>,
    /// The columns' widths so far. Columns do not get narrower when other rows are shown, so that a second click
    /// on a heading finds it.
    pub widths: Vec<usize>,
    /// Number of columns of the text that are to the left of the screen.
    pub shift: usize,
}

impl Screen {
    fn new(view: View, filter: String) -> Self {
        let (followed, widths) = (Vec::new(), Vec::new());
        Self { view, filter, selected: 0, offset: 0, followed, sort: None, widths, shift: 0 }
    }
}

/// Input mode of the keyboard.
#[derive(Clone, Debug)]
pub enum Mode {
    Table,
    /// A menu: of views, or of details of a row.
    Menu {
        title: &'static str,
        items: Vec<Item>,
        selected: usize,
    },
    Filter(Editor),
    /// Input of the arguments of a view, with the error of the previous ones.
    Arguments {
        view: Box<View>,
        editor: Editor,
        error: Option<String>,
    },
    /// Selection of a time span: the columns of its beginning and of the cursor.
    Time {
        from: Option<usize>,
        at: usize,
    },
    Help,
}

/// An entry of a menu.
#[derive(Clone, Debug)]
pub struct Item {
    pub label: String,
    pub view: View,
    /// Condition to add to the filter; `None` closes the previous screens.
    pub filter: Option<String>,
}

/// Last drawing positions, for the mouse.
#[derive(Clone, Copy, Debug, Default)]
pub struct Places {
    pub heads: Rect,
    pub rows: Rect,
    pub timeline: Rect,
    /// The box of a menu, and its first visible entry.
    pub menu: Rect,
    pub first_item: usize,
}

/// State of the whole application.
pub struct App {
    pub screens: Vec<Screen>,
    pub mode: Mode,
    /// The filter of the user.
    pub filter: String,
    pub span: Option<(u64, u64)>,
    pub is_paused: bool,
    pub is_live: bool,
    pub table: Table,
    /// Drawn columns: start and width.
    pub columns: Vec<(u16, u16)>,
    pub progress: f64,
    pub is_done: bool,
    pub events: u64,
    pub histogram: Option<Histogram>,
    pub error: Option<String>,
    pub places: Places,
    given: Vec<View>,
    requests: Vec<Request>,
    last_id: u64,
    has_left: bool,
}

/// The first view.
const FIRST: &str = "processes";
/// The view of single events.
const EVENTS: &str = "events";

impl App {
    pub fn new(args: &Args) -> Result<Self> {
        let given = crate::list::given(args)?;
        let (view, arguments) = match (args.chisels.first(), given.first()) {
            (Some(text), _) => {
                let (name, arguments) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
                (catalog::find(name, &given)?, arguments)
            }
            (None, Some(view)) => (view, ""),
            (None, None) => (catalog::find(FIRST, &given)?, ""),
        };
        let first = bind(view, arguments)?.view;
        let mut app = Self {
            screens: vec![Screen::new(first, String::new())],
            mode: Mode::Table,
            filter: args.condition().unwrap_or_default(),
            span: None,
            is_paused: false,
            is_live: !args.is_replay(),
            table: Table::default(),
            columns: Vec::new(),
            progress: 0.0,
            is_done: false,
            events: 0,
            histogram: None,
            error: None,
            places: Places::default(),
            given,
            requests: Vec::new(),
            last_id: 0,
            has_left: false,
        };
        if let Some(fault) = Editor::new(&app.filter).fault() {
            return Err(anyhow!("filter: column {}: {}", fault.at + 1, fault.message));
        }
        app.request_data();
        Ok(app)
    }

    pub fn screen(&self) -> &Screen {
        // The first screen always exists.
        &self.screens[self.screens.len() - 1]
    }

    pub fn screen_mut(&mut self) -> &mut Screen {
        let last = self.screens.len() - 1;
        &mut self.screens[last]
    }

    /// Takes the pending requests for the feed.
    pub fn requests(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.requests)
    }

    pub fn has_left(&self) -> bool {
        self.has_left
    }

    pub fn leave(&mut self) {
        self.has_left = true;
    }

    /// The complete condition for events.
    pub fn whole_filter(&self) -> String {
        let own = std::iter::once(&self.filter).chain(self.screens.last().map(|screen| &screen.filter));
        let parts: Vec<String> =
            own.filter(|part| !part.trim().is_empty()).map(|part| format!("({part})")).collect();
        match &parts[..] {
            [one] => one[1..one.len() - 1].to_owned(),
            _ => parts.join(" and "),
        }
    }

    /// Requests the data of the current screen.
    pub fn request_data(&mut self) {
        self.last_id += 1;
        let (view, filter) = (self.screen().view.clone(), self.whole_filter());
        self.requests.push(Request { id: self.last_id, view, filter, span: self.span });
        (self.table, self.progress, self.is_done, self.events) = (Table::default(), 0.0, false, 0);
        self.error = None;
        self.is_paused = false;
    }

    /// Handles an update from the feed.
    pub fn update(&mut self, update: Update) {
        // Keeps the longer of the two histograms: an incomplete one of a previous screen may have more than
        // the beginning of the next one.
        let known = self.histogram.as_ref().map_or(0, |known| known.span().1);
        if let Some(histogram) = update.histogram.filter(|new| new.span().1 >= known) {
            self.histogram = Some(histogram);
        }
        // A screen that was paused before its first update still gets its first rows.
        let is_paused = self.is_paused && !self.table.rows.is_empty();
        if update.id != self.last_id || is_paused {
            return;
        }
        (self.progress, self.is_done, self.events) = (update.progress, update.is_done, update.events);
        self.error = update.error;
        self.table = update.table;
        self.order();
    }

    /// Sorts the rows by the screen's order.
    pub fn order(&mut self) {
        if let Some((column, is_ascending)) = self.screen().sort {
            self.table.sort(column, is_ascending);
        }
        let followed = &self.screen().followed;
        let place = match followed.is_empty() {
            true => None,
            false => (0..self.table.rows.len()).find(|row| self.keys_of(*row) == *followed),
        };
        let last = self.table.rows.len().saturating_sub(1);
        let screen = self.screen_mut();
        screen.selected = place.unwrap_or(screen.selected).min(last);
    }

    /// Selects a row. It stays selected when the order changes.
    pub fn select(&mut self, row: usize) {
        let row = row.min(self.table.rows.len().saturating_sub(1));
        let followed = self.keys_of(row);
        let screen = self.screen_mut();
        (screen.selected, screen.followed) = (row, followed);
    }

    /// Whether the table is a list of lines, which has no columns to sort by.
    pub fn is_of_lines(&self) -> bool {
        matches!(&self.table.heads[..], [head] if head.name.is_empty())
    }

    /// The keys that identify a row.
    fn keys_of(&self, row: usize) -> Vec<Vec<u8>> {
        let cells = self.table.rows.get(row).into_iter().flatten();
        let keys = self.table.heads.iter().zip(cells).filter(|(head, _)| head.is_key);
        keys.map(|(_, cell)| cell.text.clone()).collect()
    }

    /// Opens a view with a condition, or of everything.
    pub fn open(&mut self, view: View, filter: Option<String>) {
        self.mode = Mode::Table;
        match filter {
            Some(filter) => {
                let before = &self.screen().filter;
                let both = match (before.is_empty(), filter.is_empty()) {
                    (true, _) => filter,
                    (_, true) => before.clone(),
                    _ => format!("{before} and {filter}"),
                };
                self.screens.push(Screen::new(view, both));
            }
            None => self.screens = vec![Screen::new(view, String::new())],
        }
        self.request_data();
    }

    /// The screen before.
    pub fn back(&mut self) {
        if self.screens.len() > 1 {
            self.screens.pop();
            self.request_data();
        }
    }

    /// The condition that the selected row stands for.
    pub fn selection(&self) -> String {
        let Some(row) = self.table.rows.get(self.screen().selected) else { return String::new() };
        let schema = crate::schema::schema();
        let mut parts = Vec::new();
        for (head, cell) in self.table.heads.iter().zip(row).filter(|(head, _)| head.is_key) {
            let Ok(field) = schema.resolve(&head.field, None) else { continue };
            let text = String::from_utf8_lossy(&cell.text).into_owned();
            if text == "<NA>" || text.is_empty() {
                continue;
            }
            let is_text = matches!(schema.def(field.id).ty, FieldType::Str | FieldType::Bytes);
            let value = if is_text { quoted(&text) } else { text };
            parts.push(format!("{}={value}", head.field));
        }
        parts.join(" and ")
    }

    /// Opens the menu of details for the selected row: first the views that this view names, then general
    /// ones.
    pub fn drill(&mut self) {
        if self.table.rows.get(self.screen().selected).is_none() {
            return;
        }
        let items = self.drills();
        match items.len() {
            0 => {}
            1 => {
                let item = items[0].clone();
                self.open(item.view, item.filter);
            }
            _ => self.mode = Mode::Menu { title: "More of this row", items, selected: 0 },
        }
    }

    fn drills(&self) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        let row = self.table.rows.get(self.screen().selected);
        for drill in &self.screen().view.drill {
            let Ok(view) = catalog::find(&drill.view, &self.given).and_then(|view| bind(view, "")) else {
                continue;
            };
            let mut filter = drill.filter.clone();
            for (head, cell) in self.table.heads.iter().zip(row.into_iter().flatten()) {
                let text = String::from_utf8_lossy(&cell.text).replace('\\', "\\\\").replace('"', "\\\"");
                filter = filter.replace(&format!("{{{}}}", head.field), &text);
            }
            if !filter.contains('{') {
                let label = format!("{}: {}", view.view.name, view.view.summary);
                items.push(Item { label, view: view.view, filter: Some(filter) });
            }
        }
        let selection = self.selection();
        if let Some(view) =
            catalog::builtin(EVENTS).filter(|_| items.is_empty() && !selection.is_empty()).cloned()
        {
            items.push(Item {
                label: format!("{}: {}", view.name, view.summary),
                view,
                filter: Some(selection),
            });
        }
        items
    }

    /// Opens the menu of views.
    pub fn choose_view(&mut self) {
        // A view that writes a file is only for the command line.
        let shows = |view: &&View| view.name != "around";
        let items =
            self.given.iter().chain(catalog::all()).filter(shows).map(|view| item(view.clone())).collect();
        self.mode = Mode::Menu { title: "Views", items, selected: 0 };
    }

    /// Opens the view of a menu entry, after asking for its arguments if it needs any.
    pub fn choose(&mut self, item: Item) {
        match bind(&item.view, "") {
            Ok(bound) => self.open(bound.view, item.filter),
            Err(_) => {
                self.mode =
                    Mode::Arguments { view: item.view.into(), editor: Editor::default(), error: None };
            }
        }
    }

    /// Shows the I/O of the selection.
    pub fn show_io(&mut self) {
        self.show_of_selection("echo_fds");
    }

    /// Shows the events of the selection.
    pub fn show_events(&mut self) {
        self.show_of_selection(EVENTS);
    }

    fn show_of_selection(&mut self, name: &str) {
        // Before the first rows there is no selection, and everything would be shown.
        if self.table.rows.is_empty() {
            return;
        }
        if let Some(bound) = catalog::builtin(name).and_then(|view| bind(view, "").ok()) {
            let selection = self.selection();
            self.open(bound.view, Some(selection));
        }
    }

    /// Sorts by the column at this index, or reverses the order if it is already the sort column.
    pub fn sort_by(&mut self, column: usize) {
        if column >= self.table.heads.len() || self.is_of_lines() {
            return;
        }
        let is_ascending = match self.screen().sort {
            Some((known, is_ascending)) if known == column => !is_ascending,
            _ => self.table.heads[column].is_key,
        };
        self.screen_mut().sort = Some((column, is_ascending));
        self.order();
    }

    pub fn select_span(&mut self, span: Option<(u64, u64)>) {
        self.span = span;
        self.request_data();
    }
}

fn item(view: View) -> Item {
    Item { label: format!("{:22} {}", view.name, view.summary), view, filter: None }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
