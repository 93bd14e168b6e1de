//! What the screens are, and what keys and the mouse do to them.

use anyhow::{Result, anyhow};
use eyas::fields::FieldType;
use ratatui::layout::Rect;

use super::editor::Editor;
use super::feed::{Request, Update};
use super::timeline::Histogram;
use crate::args::Args;
use crate::view::{Table, View, bind, catalog};

/// A view with what it shows.
#[derive(Clone, Debug)]
pub struct Screen {
    pub view: View,
    /// What the screens before have selected.
    pub filter: String,
    /// Row that is selected, and the first one that is drawn.
    pub selected: usize,
    pub offset: usize,
    /// The keys of the row that was selected, which stays so wherever it goes.
    pub followed: Vec<Vec<u8>>,
    /// Column that the rows are ordered by, other than the view says, and whether the smallest comes first.
    pub sort: Option<(usize, bool)>,
}

impl Screen {
    fn new(view: View, filter: String) -> Self {
        Self { view, filter, selected: 0, offset: 0, followed: Vec::new(), sort: None }
    }
}

/// What keys are for.
#[derive(Clone, Debug)]
pub enum Mode {
    Table,
    /// A list to choose from: of views, or of what more there is of a row.
    Menu {
        title: &'static str,
        items: Vec<Item>,
        selected: usize,
    },
    Filter(Editor),
    /// The arguments of a view that needs some, and why those before did not do.
    Arguments {
        view: Box<View>,
        editor: Editor,
        error: Option<String>,
    },
    /// The span of time: columns at which it begins and the cursor is.
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
    /// What is added to the filter; `None` leaves the screens before.
    pub filter: Option<String>,
}

/// Where things were drawn last, for the mouse.
#[derive(Clone, Copy, Debug, Default)]
pub struct Places {
    pub heads: Rect,
    pub rows: Rect,
    pub timeline: Rect,
}

/// All that is shown.
pub struct App {
    pub screens: Vec<Screen>,
    pub mode: Mode,
    /// The user's own filter.
    pub filter: String,
    pub span: Option<(u64, u64)>,
    pub is_paused: bool,
    pub is_live: bool,
    pub table: Table,
    /// Widths of the columns as they are drawn, with the column they begin at.
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

/// The view that comes first.
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
        app.ask();
        Ok(app)
    }

    pub fn screen(&self) -> &Screen {
        // There is always the first one.
        &self.screens[self.screens.len() - 1]
    }

    pub fn screen_mut(&mut self) -> &mut Screen {
        let last = self.screens.len() - 1;
        &mut self.screens[last]
    }

    /// What the feed is to be asked.
    pub fn requests(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.requests)
    }

    pub fn has_left(&self) -> bool {
        self.has_left
    }

    pub fn leave(&mut self) {
        self.has_left = true;
    }

    /// All that events have to satisfy.
    pub fn whole_filter(&self) -> String {
        let own = std::iter::once(&self.filter).chain(self.screens.last().map(|screen| &screen.filter));
        let parts: Vec<String> =
            own.filter(|part| !part.trim().is_empty()).map(|part| format!("({part})")).collect();
        match &parts[..] {
            [one] => one[1..one.len() - 1].to_owned(),
            _ => parts.join(" and "),
        }
    }

    /// Asks for what the present screen shows.
    pub fn ask(&mut self) {
        self.last_id += 1;
        let (view, filter) = (self.screen().view.clone(), self.whole_filter());
        self.requests.push(Request { id: self.last_id, view, filter, span: self.span });
        (self.table, self.progress, self.is_done, self.events) = (Table::default(), 0.0, false, 0);
        self.error = None;
        self.is_paused = false;
    }

    /// Something new to show.
    pub fn update(&mut self, update: Update) {
        // One that a screen left half made is no less than the next one's begin.
        let known = self.histogram.as_ref().map_or(0, |known| known.span().1);
        if let Some(histogram) = update.histogram.filter(|new| new.span().1 >= known) {
            self.histogram = Some(histogram);
        }
        // A screen that was paused before it showed anything still gets its first rows.
        let is_paused = self.is_paused && !self.table.rows.is_empty();
        if update.id != self.last_id || is_paused {
            return;
        }
        (self.progress, self.is_done, self.events) = (update.progress, update.is_done, update.events);
        self.error = update.error;
        self.table = update.table;
        self.order();
    }

    /// Orders the rows as the screen says.
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

    /// Selects a row: it stays selected where others overtake it.
    pub fn select(&mut self, row: usize) {
        let row = row.min(self.table.rows.len().saturating_sub(1));
        let followed = self.keys_of(row);
        let screen = self.screen_mut();
        (screen.selected, screen.followed) = (row, followed);
    }

    /// What tells a row from others.
    fn keys_of(&self, row: usize) -> Vec<Vec<u8>> {
        let cells = self.table.rows.get(row).into_iter().flatten();
        let keys = self.table.heads.iter().zip(cells).filter(|(head, _)| head.is_key);
        keys.map(|(_, cell)| cell.text.clone()).collect()
    }

    /// Shows a view of what a condition selects, or of everything.
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
        self.ask();
    }

    /// The screen before.
    pub fn back(&mut self) {
        if self.screens.len() > 1 {
            self.screens.pop();
            self.ask();
        }
    }

    /// The condition that holds of what the selected row is about.
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

    /// More of the selected row: the views that the view names, then those that show anything.
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

    /// The list of views.
    pub fn choose_view(&mut self) {
        // One that writes a file is for the command line.
        let shows = |view: &&View| view.name != "around";
        let items =
            self.given.iter().chain(catalog::all()).filter(shows).map(|view| item(view.clone())).collect();
        self.mode = Mode::Menu { title: "Views", items, selected: 0 };
    }

    /// Shows an entry of a menu, once its view has the arguments that it needs.
    pub fn choose(&mut self, item: Item) {
        match bind(&item.view, "") {
            Ok(bound) => self.open(bound.view, item.filter),
            Err(_) => {
                self.mode =
                    Mode::Arguments { view: item.view.into(), editor: Editor::default(), error: None };
            }
        }
    }

    /// The I/O of what is selected.
    pub fn show_io(&mut self) {
        self.show_of_selection("echo_fds");
    }

    /// The events of what is selected.
    pub fn show_events(&mut self) {
        self.show_of_selection(EVENTS);
    }

    fn show_of_selection(&mut self, name: &str) {
        if let Some(bound) = catalog::builtin(name).and_then(|view| bind(view, "").ok()) {
            let selection = self.selection();
            self.open(bound.view, Some(selection));
        }
    }

    /// Orders by the column at a place from the left, or the other way round if it is that already.
    pub fn sort_by(&mut self, column: usize) {
        if column >= self.table.heads.len() {
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
        self.ask();
    }
}

fn item(view: View) -> Item {
    Item { label: format!("{:22} {}", view.name, view.summary), view, filter: None }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
