//! `sysdig top`: shows views as screens of a terminal, live or for a capture.
//!
//! ```text
//!   keys, mouse ──> App ──Request──> feed: source ──> Inspector ──> filter ──> view
//!                    ^──────────────────Update────────────────────────────────┘
//! ```
//! [`App`] has no terminal and no source, so tests can drive it like a user.

use std::io::{BufWriter, IsTerminal};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use eyas_console::ShowPath;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, DisableMouseCapture, EnableMouseCapture, Event, KeyEventKind};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::args::Args;
use crate::input;
use crate::output::Unbuffered;
use crate::progress::Progress;

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

/// Shows screens until the user leaves, or a signal ends the program.
pub fn run(args: &Args) -> Result<()> {
    let engine = eyas_report::rules(&args.rules)?;
    check(args)?;
    let mut app = App::new(args)?;
    let signals = Signals::catch()?;
    end_with_terminal()?;
    let (requests, inbox) = mpsc::channel();
    let (outbox, updates) = mpsc::channel();
    let feed_args = args.clone();
    let feed = std::thread::Builder::new()
        .name("feed".into())
        .spawn(move || feed::run(&feed_args, &engine, &inbox, &outbox))
        .context("cannot start a thread")?;
    let outcome = begin().and_then(|screen| {
        // Dropping it prints an error if the terminal takes nothing, and printing would wait.
        let mut screen = ManuallyDrop::new(screen);
        show(&mut app, &mut screen, &signals.stop, &requests, &updates)
    });
    restore();
    signals.is_restored.store(true, Ordering::Relaxed);
    // The feed ends when the request channel is closed.
    drop(requests);
    drop(updates);
    let _ = feed.join();
    outcome
}

/// The terminal, whose writes wait for it no longer than [`eyas_console::end_writes_with`] allows.
type Screen = Terminal<CrosstermBackend<BufWriter<Unbuffered>>>;

/// Prepares the terminal, and makes a panic restore it.
fn begin() -> Result<Screen> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        restore();
        hook(info);
    }));
    let prepare = || {
        enable_raw_mode()?;
        execute!(Unbuffered, EnterAlternateScreen, EnableMouseCapture)?;
        Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(64 << 10, Unbuffered)))
    };
    prepare().context("sysdig top needs a terminal")
}

/// Leaves the terminal as it was.
fn restore() {
    // After a failure nothing can be done.
    let _ = disable_raw_mode();
    let _ = execute!(Unbuffered, DisableMouseCapture, LeaveAlternateScreen, Show);
}

/// Reports what makes screens impossible, while errors can still be printed.
fn check(args: &Args) -> Result<()> {
    for path in &args.read {
        let is_stream =
            std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
        if path.as_os_str() == "-" || is_stream {
            let name = if is_stream { path.shown() } else { "standard input".to_owned() };
            bail!("sysdig top reads its capture again for each screen: give a file instead of {name}");
        }
        input::open(path, &Progress::quiet(&[]), &Arc::default())?;
    }
    if !std::io::stdout().is_terminal() {
        bail!("sysdig top needs a terminal; `sysdig -c VIEW` prints a view");
    }
    Ok(())
}

/// Signals that end the program after the terminal was restored.
struct Signals {
    /// Whether a signal arrived.
    stop: Arc<AtomicBool>,
    /// Whether the terminal was restored. From then on, a signal ends the program at once.
    is_restored: Arc<AtomicBool>,
}

impl Signals {
    fn catch() -> Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let signals = Self { stop: Arc::default(), is_restored: Arc::default() };
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            signal_hook::flag::register_conditional_shutdown(signal, 130, signals.is_restored.clone())
                .and_then(|_| signal_hook::flag::register(signal, signals.stop.clone()))
                .context("cannot catch signals")?;
        }
        eyas_console::signals::note_started();
        eyas_console::end_writes_with(&signals.stop);
        Ok(signals)
    }
}

/// Ends the program when the terminal is gone. crossterm would then try to read keys for ever, and not return.
fn end_with_terminal() -> Result<()> {
    let wait = || {
        let stdout = std::io::stdout();
        // Without a condition, only the end of the terminal or an error is one.
        let mut terminal = [PollFd::new(&stdout, PollFlags::empty())];
        while rustix::event::poll(&mut terminal, None) == Err(Errno::INTR) {}
        std::process::exit(128 + signal_hook::consts::SIGHUP);
    };
    std::thread::Builder::new().name("terminal".into()).spawn(wait).context("cannot start a thread")?;
    Ok(())
}

fn show(
    app: &mut App,
    terminal: &mut Screen,
    stop: &AtomicBool,
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
            // Without a live capture, no screen has anything to show.
            if let Some(error) = update.error.as_ref().filter(|_| app.is_live && app.histogram.is_none()) {
                return Err(anyhow!("{error}"));
            }
            app.update(update);
        }
        if app.has_left() || stop.load(Ordering::Relaxed) {
            return Ok(());
        }
    }
}
