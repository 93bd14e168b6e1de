//! Tests of the screens with keys and updates.

use std::sync::mpsc;

use clap::Parser;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::app::{App, Mode};
use super::draw;
use super::feed::{self, Request, Update};
use crate::args::Args;
use crate::view::Table;

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/demo.scap.gz");

/// The screens over the capture of the project, with a feed that replies at once.
struct User {
    app: App,
    args: Args,
    terminal: Terminal<TestBackend>,
    asked: Vec<Request>,
}

impl User {
    fn new(args: &[&str]) -> Self {
        let args = Args::parse_from(["sysdig", "--top", "-r", DEMO].iter().chain(args));
        let app = App::new(&args).unwrap();
        let terminal = Terminal::new(TestBackend::new(120, 30)).unwrap();
        let mut user = Self { app, args, terminal, asked: Vec::new() };
        user.serve_requests();
        user
    }

    /// Serves the requests.
    fn serve_requests(&mut self) {
        for request in self.app.requests() {
            self.asked.push(request.clone());
            let id = request.id;
            let (requests, inbox) = mpsc::channel();
            let (outbox, updates) = mpsc::channel();
            let args = self.args.clone();
            let engine = eyas_report::rules(&args.rules).unwrap();
            let feed = std::thread::spawn(move || feed::run(&args, &engine, &inbox, &outbox));
            requests.send(request).unwrap();
            loop {
                let update = updates.recv().unwrap();
                let is_last = update.id == id && update.is_done;
                self.app.update(update);
                if is_last {
                    break;
                }
            }
            drop(requests);
            feed.join().unwrap();
        }
        self.terminal.draw(|frame| draw::draw(&mut self.app, frame)).unwrap();
    }

    fn press(&mut self, code: KeyCode) -> &mut Self {
        self.app.key(KeyEvent::from(code));
        self.serve_requests();
        self
    }

    fn write(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.press(KeyCode::Char(c));
        }
        self
    }

    fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) {
        self.app.mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
        self.serve_requests();
    }

    fn screen(&self) -> String {
        let buffer = self.terminal.backend().buffer();
        let width = usize::from(buffer.area.width);
        let symbols: Vec<&str> = buffer.content().iter().map(|cell| cell.symbol()).collect();
        symbols.chunks(width).map(|line| line.concat().trim_end().to_owned() + "\n").collect()
    }

    #[track_caller]
    fn sees(&self, text: &str) {
        assert!(self.screen().contains(text), "`{text}` is not on:\n{}", self.screen());
    }

    #[track_caller]
    fn does_not_see(&self, text: &str) {
        assert!(!self.screen().contains(text), "`{text}` is on:\n{}", self.screen());
    }
}

#[test]
fn processes_come_first_and_enter_leads_to_their_files() {
    let mut user = User::new(&[]);
    user.sees("processes");
    user.sees("all read");
    user.sees("PID");
    user.sees("bash");
    // The timeline has bars, and marks for alerts.
    user.sees("!");
    user.sees("█");
    user.press(KeyCode::Enter);
    user.sees("More of this row");
    user.press(KeyCode::Enter);
    user.sees("processes > topfiles_bytes");
    let filter = &user.asked.last().unwrap().filter;
    assert!(filter.starts_with("proc.pid="), "{filter}");
    user.press(KeyCode::Backspace);
    user.does_not_see("topfiles_bytes");
    assert_eq!(user.asked.last().unwrap().filter, "");
}

#[test]
fn columns_are_ordered_by_keys_and_by_a_click() {
    let mut user = User::new(&["-c", "topscalls"]);
    let first = |user: &User| {
        let line = user.screen().lines().nth(6).unwrap().to_owned();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(first(&user)[1], "openat", "{}", user.screen());
    user.press(KeyCode::Right).press(KeyCode::Right);
    user.sees("Syscall↑");
    let by_name = first(&user)[1].clone();
    assert!(by_name.as_str() < "c", "{by_name}");
    user.press(KeyCode::Char('r'));
    user.sees("Syscall↓");
    assert_ne!(first(&user)[1], by_name);
    // Clicks the heading of the first column twice.
    user.mouse(MouseEventKind::Down(MouseButton::Left), 2, 5);
    user.sees("# Calls↓");
    user.mouse(MouseEventKind::Down(MouseButton::Left), 2, 5);
    user.sees("# Calls↑");
}

#[test]
fn a_filter_is_completed_and_refused_with_a_caret() {
    let mut user = User::new(&[]);
    user.press(KeyCode::F(4)).write("proc.nme=cat");
    user.sees("^^^^^^^^");
    user.sees("did you mean `proc.name`?");
    user.press(KeyCode::Enter);
    user.sees("Filter (Tab completes)");
    user.press(KeyCode::Esc).press(KeyCode::Char('/')).write("fd.nam").press(KeyCode::Tab);
    user.sees("fd.name");
    user.write("=/etc/shadow").press(KeyCode::Enter);
    user.sees("filter: fd.name=/etc/shadow");
    user.sees("cat");
    assert_eq!(user.asked.last().unwrap().filter, "fd.name=/etc/shadow");
}

#[test]
fn control_and_a_letter_edit_the_filter_and_press_no_key_of_the_table() {
    let mut user = User::new(&[]);
    let chord = |user: &mut User, c| {
        user.app.key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL));
        user.serve_requests();
    };
    user.press(KeyCode::F(4)).write("proc.name=cat");
    for c in ['a', 'x'] {
        chord(&mut user, c);
    }
    user.write("evt.num>1 and ");
    user.sees("evt.num>1 and proc.name=cat");
    for c in ['e', 'w'] {
        chord(&mut user, c);
    }
    user.does_not_see("cat");
    chord(&mut user, 'u');
    user.write("proc.pid=7").press(KeyCode::Enter);
    assert_eq!(user.asked.last().unwrap().filter, "proc.pid=7");
    user.app.key(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT));
    assert!(!user.app.has_left());
    chord(&mut user, 'c');
    assert!(user.app.has_left());
}

#[test]
fn long_lines_and_wide_tables_move_sideways() {
    let mut user = User::new(&["-c", "events", "evt.num=76"]);
    user.sees("76 19:15:35");
    user.does_not_see("filename=/usr/local/sbin/bash");
    for _ in 0..60 {
        user.press(KeyCode::Right);
    }
    user.sees("filename=/usr/local/sbin/bash");
    for _ in 0..60 {
        user.press(KeyCode::Left);
    }
    user.sees("76 19:15:35");
    // Lines have no column to sort by.
    let rows = user.app.table.rows.len();
    user.press(KeyCode::Char('r'));
    assert_eq!((user.app.screen().sort, user.app.table.rows.len()), (None, rows));
    let mut user = User::new(&["-c", "topfiles_bytes"]);
    user.terminal = Terminal::new(TestBackend::new(24, 20)).unwrap();
    user.serve_requests();
    user.sees("Bytes");
    let moved = KeyEvent::new(KeyCode::Right, KeyModifiers::SHIFT);
    (0..20).for_each(|_| user.app.key(moved));
    user.serve_requests();
    user.does_not_see("Bytes");
    assert_eq!(user.app.screen().sort, None);
}

#[test]
fn the_help_is_complete_and_a_menu_shows_its_length() {
    let mut user = User::new(&[]);
    user.press(KeyCode::F(1));
    for part in ["Backspace selects the whole time", "drag over the timeline", "Any key closes this."] {
        user.sees(part);
    }
    user.press(KeyCode::Esc).press(KeyCode::F(2)).press(KeyCode::Down);
    user.sees(&format!("Views (2 of {})", crate::view::catalog::all().len() - 1));
}

#[test]
fn a_capture_that_grows_has_a_new_timeline() {
    let dir = eyas_testing::Dir::new("top-grows");
    let path = dir.join("grows.scap");
    let mut bytes = Vec::new();
    let compressed = std::fs::File::open(DEMO).unwrap();
    let output = std::process::Command::new("gzip").arg("-dc").stdin(compressed).output();
    bytes.extend(output.unwrap().stdout);
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let args = Args::parse_from(["sysdig", "--top", "-r", path.to_str().unwrap()]);
    let engine = eyas_report::rules(&args.rules).unwrap();
    let mut app = App::new(&args).unwrap();
    let (requests, inbox) = mpsc::channel();
    let (outbox, updates) = mpsc::channel();
    let feed = std::thread::spawn(move || feed::run(&args, &engine, &inbox, &outbox));
    let length = |app: &mut App| {
        app.requests().into_iter().for_each(|request| requests.send(request).unwrap());
        loop {
            let update = updates.recv().unwrap();
            let is_last = update.is_done;
            app.update(update);
            if is_last {
                let (first, last) = app.histogram.as_ref().unwrap().span();
                return last - first;
            }
        }
    };
    let before = length(&mut app);
    std::fs::write(&path, &bytes).unwrap();
    app.request_data();
    assert!(length(&mut app) > before);
    drop(requests);
    feed.join().unwrap();
}

#[test]
fn keys_open_views_io_and_events() {
    let mut user = User::new(&["proc.name=cat"]);
    user.press(KeyCode::F(6));
    user.sees("processes > events");
    user.sees("openat fd=4(<f>/etc/ld.so.cache)");
    user.press(KeyCode::Backspace).press(KeyCode::F(5));
    user.sees("processes > echo_fds");
    user.sees("/etc/shadow");
    user.press(KeyCode::F(2));
    user.sees("Views");
    user.sees("topfiles_bytes");
    // A letter selects an entry.
    user.write("ne");
    user.press(KeyCode::Esc).press(KeyCode::F(2)).press(KeyCode::End).press(KeyCode::Enter);
    user.sees("lscontainers");
    user.press(KeyCode::F(1));
    user.sees("Any key closes this.");
    user.press(KeyCode::Char('x')).press(KeyCode::Char('q'));
    assert!(user.app.has_left());
}

#[test]
fn a_span_of_time_is_selected_by_keys_and_by_the_mouse() {
    let mut user = User::new(&[]);
    let all = user.app.events;
    user.press(KeyCode::Char('t')).press(KeyCode::Char(' '));
    for _ in 0..30 {
        user.press(KeyCode::Right);
    }
    user.press(KeyCode::Enter);
    let (part, span) = (user.app.events, user.app.span.unwrap());
    assert!(part > 0 && part < all && span.0 < span.1, "{part} of {all}");
    user.sees("time: 0.000 s to ");
    user.press(KeyCode::Char('t')).press(KeyCode::Backspace);
    assert_eq!((user.app.events, user.app.span), (all, None));
    user.mouse(MouseEventKind::Down(MouseButton::Left), 60, 3);
    user.mouse(MouseEventKind::Drag(MouseButton::Left), 119, 3);
    user.mouse(MouseEventKind::Up(MouseButton::Left), 119, 3);
    assert!(user.app.events < all && user.app.span.is_some(), "{}", user.screen());
}

/// Column and row of a text on the screen.
#[track_caller]
fn place_of(user: &User, text: &str) -> (u16, u16) {
    let screen = user.screen();
    let found = screen.lines().zip(0..).find_map(|(line, row)| Some((line.find(text)?, line, row)));
    let (at, line, row) = found.unwrap_or_else(|| panic!("`{text}` is not on:\n{screen}"));
    (line[..at].chars().count() as u16, row)
}

#[test]
fn entries_of_menus_are_chosen_by_the_mouse() {
    let left = MouseEventKind::Down(MouseButton::Left);
    let mut user = User::new(&[]);
    user.press(KeyCode::Enter);
    let (x, y) = place_of(&user, "topscalls: ");
    user.mouse(left, x, y);
    user.sees("processes > topscalls");
    user.press(KeyCode::Backspace).press(KeyCode::Enter);
    user.mouse(MouseEventKind::Down(MouseButton::Right), 3, 3);
    user.does_not_see("More of this row");
    user.press(KeyCode::Enter);
    user.mouse(left, 0, 0);
    user.does_not_see("More of this row");
    user.press(KeyCode::Enter);
    let (x, y) = place_of(&user, "More of this row");
    user.mouse(left, x, y);
    user.sees("More of this row");
    user.press(KeyCode::Esc).press(KeyCode::F(1));
    user.mouse(left, x, y);
    user.does_not_see("Any key closes this.");
    user.sees("[all read");
}

#[test]
fn columns_stay_where_they_are_when_other_rows_are_shown() {
    let mut user = User::new(&[]);
    let (x, y) = place_of(&user, "PID");
    let mut marks = Vec::new();
    for _ in 0..3 {
        user.mouse(MouseEventKind::Down(MouseButton::Left), x, y);
        assert_eq!(place_of(&user, "PID"), (x, y));
        marks.extend(user.screen().split_once("PID").and_then(|(_, behind)| behind.chars().next()));
    }
    assert!(marks[0] != marks[1] && marks[0] == marks[2], "{marks:?}");
    assert!(marks.iter().all(|mark| "↑↓".contains(*mark)), "{marks:?}");
}

#[test]
fn rows_are_chosen_by_the_mouse_and_paused_ones_stay() {
    let mut user = User::new(&["-c", "topscalls"]);
    user.mouse(MouseEventKind::Down(MouseButton::Left), 4, 9);
    assert_eq!(user.app.screen().selected, 3);
    user.mouse(MouseEventKind::ScrollUp, 4, 9);
    assert_eq!(user.app.screen().selected, 2);
    user.press(KeyCode::Char('p'));
    user.sees("[paused");
    let before = user.screen();
    let id = user.asked.last().unwrap().id;
    user.app.update(Update { id, events: 7, ..Update::default() });
    user.serve_requests();
    assert_eq!(user.screen(), before);
    // A screen that is paused before it has rows still gets them.
    user.press(KeyCode::Char('p')).press(KeyCode::F(6)).press(KeyCode::Backspace);
    user.app.table.rows.clear();
    user.press(KeyCode::Char('p'));
    let table = Table::of_lines([&b"a row"[..]].into_iter());
    let id = user.asked.last().unwrap().id;
    user.app.update(Update { id, table, ..Update::default() });
    user.serve_requests();
    user.sees("a row");
    // Without rows there is nothing whose events could be shown.
    user.app.table.rows.clear();
    user.press(KeyCode::F(6)).press(KeyCode::F(5)).press(KeyCode::Enter);
    assert_eq!(user.app.screens.len(), 1);
    // An update of a screen that is left changes nothing either.
    user.press(KeyCode::Char('p'));
    user.app.update(Update { id: id + 40, events: 7, ..Update::default() });
    user.serve_requests();
    user.does_not_see("7 events]");
}

#[test]
fn the_selected_row_stays_selected_where_others_overtake_it() {
    let mut user = User::new(&["-c", "topscalls"]);
    user.press(KeyCode::Down).press(KeyCode::Down);
    let (id, mut table) = (user.asked.last().unwrap().id, user.app.table.clone());
    let name = |user: &User| user.app.table.rows[user.app.screen().selected][1].text.clone();
    let selected = name(&user);
    table.rows.rotate_left(1);
    user.app.update(Update { id, table: table.clone(), ..Update::default() });
    assert_eq!((name(&user), user.app.screen().selected), (selected.clone(), 1));
    // If the selected row is gone, the position stays.
    table.rows.retain(|row| row[1].text != selected);
    user.app.update(Update { id, table, ..Update::default() });
    assert_eq!(user.app.screen().selected, 1);
}

#[test]
fn views_that_need_arguments_ask_for_them_and_lines_and_charts_are_screens() {
    let mut user = User::new(&[]);
    let mut choose = |name: &str| {
        user.press(KeyCode::F(2));
        let place = match &user.app.mode {
            Mode::Menu { items, .. } => items.iter().position(|item| item.view.name == name).unwrap(),
            mode => panic!("{mode:?}"),
        };
        for _ in 0..place {
            user.press(KeyCode::Down);
        }
        user.press(KeyCode::Enter);
    };
    choose("iobytes");
    choose("subsecoffset");
    choose("flame");
    choose("fdcount_by");
    let asked: Vec<&str> = user.asked.iter().map(|request| request.view.name.as_str()).collect();
    assert_eq!(asked, ["processes", "iobytes", "subsecoffset", "flame"]);
    user.sees("Arguments of fdcount_by");
    user.sees("key: the field");
    user.write("proc.nme").press(KeyCode::Enter);
    user.sees("did you mean `proc.name`?");
    for _ in 0..2 {
        user.press(KeyCode::Backspace);
    }
    user.write("ame").press(KeyCode::Enter);
    assert_eq!(user.asked.last().unwrap().view.columns[1].value, "proc.name");
    user.sees("FDs");
    for (view, text) in
        [("iobytes", "19:15:3"), ("subsecoffset", "|100ms"), ("netlower 1", "Needs a capture with")]
    {
        User::new(&["-c", view]).sees(text);
    }
}

#[test]
fn errors_are_shown_and_small_terminals_are_drawn() {
    let mut user = User::new(&[]);
    let id = user.asked.last().unwrap().id;
    user.app.update(Update { id, error: Some("no permission".into()), ..Update::default() });
    user.serve_requests();
    user.sees("error: no permission");
    for (width, height) in [(1, 1), (20, 5), (300, 80)] {
        user.terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        user.press(KeyCode::F(2)).press(KeyCode::Esc).press(KeyCode::F(4)).press(KeyCode::Esc);
    }
    assert!(App::new(&Args::parse_from(["sysdig", "--top", "-r", DEMO, "proc.nme=x"])).is_err());
}

#[test]
fn a_low_terminal_has_rows_instead_of_the_timeline() {
    let mut user = User::new(&[]);
    user.terminal = Terminal::new(TestBackend::new(60, 6)).unwrap();
    user.serve_requests();
    user.sees("bash");
    user.does_not_see("1.877 s");
    user.press(KeyCode::Char('t'));
    assert!(matches!(user.app.mode, Mode::Table), "{:?}", user.app.mode);
}

#[test]
fn a_long_filter_and_a_long_message_are_seen_to_their_ends() {
    let mut user = User::new(&[]);
    user.terminal = Terminal::new(TestBackend::new(50, 20)).unwrap();
    user.press(KeyCode::F(4)).write("proc.name in (a, b, c, d, e, f, g, h, i, j) and proc.nme=last");
    user.sees("proc.nme=last");
    user.sees("^^^^^^^^");
    user.sees("`proc.name`?");
    let (marks, text) = {
        let screen = user.screen();
        let at =
            |part: &str| screen.lines().find_map(|line| line.find(part).map(|at| line[..at].chars().count()));
        (at("^^^^^^^^"), at("proc.nme=last"))
    };
    assert_eq!(marks, text);
}

#[test]
fn a_broken_capture_is_shown_up_to_the_error() {
    let dir = eyas_testing::Dir::new("top-broken");
    let part = dir.join("part.scap.gz");
    let whole = std::fs::read(DEMO).unwrap();
    std::fs::write(&part, &whole[..whole.len() / 2]).unwrap();
    let mut user = User::new(&[]);
    user.args.read = vec![part];
    user.app.request_data();
    user.serve_requests();
    user.sees("[failed at 100 %");
    user.sees("error: ");
    user.sees("part.scap.gz: ");
    user.sees("bash");
    // The message ends on the next line.
    user.terminal = Terminal::new(TestBackend::new(60, 30)).unwrap();
    user.serve_requests();
    user.sees("ends early");
}

#[test]
fn a_live_capture_has_begun_with_its_first_table_and_has_no_spans() {
    let mut user = User::new(&[]);
    user.app.is_live = true;
    let histogram = user.app.histogram.take();
    user.app.request_data();
    let id = user.app.requests().pop().unwrap().id;
    user.serve_requests();
    user.sees("[starting");
    user.does_not_see("Nothing to show");
    user.app.update(Update { id, histogram, ..Update::default() });
    user.serve_requests();
    user.sees("[live");
    user.sees("Nothing to show");
    user.press(KeyCode::Char('t'));
    assert!(matches!(user.app.mode, Mode::Table), "{:?}", user.app.mode);
    user.mouse(MouseEventKind::Down(MouseButton::Left), 60, 3);
    assert!(matches!(user.app.mode, Mode::Table), "{:?}", user.app.mode);
}
