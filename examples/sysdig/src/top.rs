//! `sysdig top`: shows views as screens of a terminal, live or for a capture.
//!
//! ```text
//!   keys, mouse ──> App ──Request──> feed: source ──> Inspector ──> filter ──> view
//!                    ^──────────────────Update────────────────────────────────┘
//! ```
//! [`App`] has no terminal and no source, so tests can drive it like a user.

use std::io::IsTerminal;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result};
use ratatui::crossterm::event::{self, DisableMouseCapture, EnableMouseCapture, Event, KeyEventKind};
use ratatui::crossterm::execute;

use crate::args::Args;

mod app;
mod draw;
mod editor;
mod feed;
mod keys;
#[cfg(test)]
mod tests;
mod timeline;

use app::App;

/// Maximum time to wait for keys before updates are drawn.
const TICK: Duration = Duration::from_millis(100);

/// Shows screens until the user leaves.
pub fn run(args: &Args) -> Result<()> {
    if args.read.iter().any(|path| path.as_os_str() == "-") {
        anyhow::bail!(
            "sysdig top reads its capture again for each screen: give a file instead of standard input"
        );
    }
    if !std::io::stdout().is_terminal() {
        anyhow::bail!("sysdig top needs a terminal; `sysdig -c VIEW` prints a view");
    }
    let mut app = App::new(args)?;
    let (requests, inbox) = mpsc::channel();
    let (outbox, updates) = mpsc::channel();
    let feed_args = args.clone();
    let feed = std::thread::Builder::new()
        .name("feed".into())
        .spawn(move || feed::run(&feed_args, &inbox, &outbox))
        .context("cannot start a thread")?;
    let mut terminal = ratatui::try_init().context("sysdig top needs a terminal")?;
    let outcome = execute!(std::io::stdout(), EnableMouseCapture)
        .map_err(anyhow::Error::from)
        .and_then(|()| show(&mut app, &mut terminal, &requests, &updates));
    let _ = execute!(std::io::stdout(), DisableMouseCapture);
    ratatui::restore();
    // The feed ends when the request channel is closed.
    drop(requests);
    drop(updates);
    let _ = feed.join();
    outcome
}

fn show(
    app: &mut App,
    terminal: &mut ratatui::DefaultTerminal,
    requests: &mpsc::Sender<feed::Request>,
    updates: &mpsc::Receiver<feed::Update>,
) -> Result<()> {
    loop {
        for request in app.requests() {
            // Without a feed there is nothing more to show; the screen has the error.
            let _ = requests.send(request);
        }
        terminal.draw(|frame| draw::draw(app, frame))?;
        if event::poll(TICK)? {
            loop {
                match event::read()? {
                    Event::Key(key) if key.kind != KeyEventKind::Release => app.key(key),
                    Event::Mouse(mouse) => app.mouse(mouse),
                    _ => {}
                }
                if !event::poll(Duration::ZERO)? {
                    break;
                }
            }
        }
        for update in updates.try_iter() {
            app.update(update);
        }
        if app.has_left() {
            return Ok(());
        }
    }
}
