//! Creates pictures of `sysdig top` and of a report for the documentation, with tmux as the terminal and
//! Chromium for drawing.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::shell::{cargo, has, root, target};

type Result<T = ()> = std::result::Result<T, String>;

/// Width and height of the terminal, in cells.
const SIZE: (&str, &str) = ("110", "24");
/// Timeout for a screen.
const PATIENCE: Duration = Duration::from_secs(60);
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A picture of the terminal: its name, the keys to reach it from the previous one, and a text on it.
type Screen = (&'static str, &'static [&'static str], &'static str);

const SCREENS: [Screen; 3] = [
    ("top", &[], "all read"),
    ("top-files", &["Down", "Enter", "Enter"], "topfiles_bytes"),
    ("top-filter", &["F4", "proc.nme=cat"], "did you mean"),
];

/// Writes the pictures to `docs/images`.
pub fn run() -> Result {
    let browser = BROWSERS.into_iter().find(|name| has(name));
    let browser = browser.ok_or("no Chromium is installed: apt-get install chromium")?;
    if !has("tmux") {
        return Err("tmux is not installed: apt-get install tmux".into());
    }
    cargo(&["build", "-p", "eyas-sysdig"])?;
    let (sysdig, capture) = (target().join("debug/sysdig"), root().join("demo/demo.scap.gz"));
    let scratch = std::env::temp_dir().join(format!("eyas-screens-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    let pictures = root().join("docs/images");
    let outcome = top(&sysdig, &capture, &scratch, |page, name| {
        picture(browser, page, &pictures.join(format!("{name}.png")), "960,464")
    })
    .and_then(|()| {
        let page = scratch.join("report.html");
        output(Command::new(&sysdig).arg("report").arg(&capture).arg("-o").arg(&page))?;
        picture(browser, &page, &pictures.join("report.png"), "900,860")
    });
    // If this fails, a directory remains in the temporary directory.
    let _ = std::fs::remove_dir_all(&scratch);
    outcome
}

fn top(sysdig: &Path, capture: &Path, scratch: &Path, draw: impl Fn(&Path, &str) -> Result) -> Result {
    let server = format!("eyas-screens-{}", std::process::id());
    let tmux =
        |words: &[&str]| output(Command::new("tmux").args(["-L", &server, "-f", "/dev/null"]).args(words));
    let command = format!("TZ=UTC TERM=tmux-256color '{}' top -r '{}'", sysdig.display(), capture.display());
    tmux(&["new-session", "-d", "-x", SIZE.0, "-y", SIZE.1, &command])?;
    let drawn = || -> Result {
        for (name, keys, text) in SCREENS {
            for key in keys {
                tmux(&["send-keys", key])?;
                sleep(Duration::from_millis(500));
            }
            let began = Instant::now();
            while !tmux(&["capture-pane", "-p"])?.contains(text) {
                if began.elapsed() > PATIENCE {
                    return Err(format!("the screen {name} does not show `{text}`"));
                }
                sleep(Duration::from_millis(100));
            }
            let page = scratch.join(format!("{name}.html"));
            std::fs::write(&page, html(&tmux(&["capture-pane", "-p", "-e"])?))
                .map_err(|error| format!("{}: {error}", page.display()))?;
            draw(&page, name)?;
        }
        Ok(())
    };
    let outcome = drawn();
    tmux(&["kill-server"])?;
    outcome
}

fn picture(browser: &str, page: &Path, to: &Path, size: &str) -> Result {
    output(
        Command::new(browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-lcd-text"])
            .arg(format!("--window-size={size}"))
            .arg(format!("--screenshot={}", to.display()))
            .arg(format!("file://{}", page.display())),
    )?;
    Ok(())
}

fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("can't run {name}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The sixteen colours of a terminal.
const COLOURS: [&str; 16] = [
    "#14171c", "#d45b5b", "#67b26f", "#d3b04c", "#5b8dd4", "#b06fc0", "#4fb3b8", "#d5d9e0", "#6b7280",
    "#f07f7f", "#8fd694", "#f0d07f", "#8ab4f0", "#d39be0", "#7fd6da", "#ffffff",
];

/// Converts terminal output with escape sequences to an HTML page.
fn html(screen: &str) -> String {
    let mut page = String::from(
        "<!doctype html><meta charset=utf-8><style>body{margin:0;background:#14171c;color:#d5d9e0}\
         pre{margin:12px;font:14px/18px 'DejaVu Sans Mono',monospace}</style><pre>",
    );
    let mut style = Style::default();
    let mut rest = screen;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        style.span(&mut page, before);
        let end = after.find(|c: char| c.is_ascii_alphabetic()).map_or(after.len(), |at| at + 1);
        let (sequence, behind) = after.split_at(end);
        if let Some(codes) = sequence.strip_prefix('[').and_then(|codes| codes.strip_suffix('m')) {
            style.apply(codes);
        }
        rest = behind;
    }
    style.span(&mut page, rest);
    page + "</pre>"
}

/// Style of text.
#[derive(Default)]
struct Style {
    /// Colours of the text and of the background.
    colours: [Option<usize>; 2],
    is_bold: bool,
    is_underlined: bool,
    is_reversed: bool,
}

impl Style {
    fn apply(&mut self, codes: &str) {
        let mut codes = codes.split(';').map(|code| code.parse::<usize>().unwrap_or(0));
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Self::default(),
                1 => self.is_bold = true,
                4 => self.is_underlined = true,
                7 => self.is_reversed = true,
                22 => self.is_bold = false,
                24 => self.is_underlined = false,
                27 => self.is_reversed = false,
                30..=37 => self.colours[0] = Some(code - 30),
                40..=47 => self.colours[1] = Some(code - 40),
                90..=97 => self.colours[0] = Some(code - 82),
                100..=107 => self.colours[1] = Some(code - 92),
                39 => self.colours[0] = None,
                49 => self.colours[1] = None,
                // A 256-colour sequence, of which only the first sixteen colours are used.
                38 | 48 => {
                    let (_, colour) = (codes.next(), codes.next());
                    self.colours[usize::from(code == 48)] = colour.filter(|colour| *colour < 16);
                }
                _ => {}
            }
        }
    }

    fn span(&self, page: &mut String, text: &str) {
        if text.is_empty() {
            return;
        }
        let [mut front, mut back] = self.colours;
        if self.is_reversed {
            (front, back) = (Some(back.unwrap_or(0)), Some(front.unwrap_or(7)));
        }
        page.push_str("<span style='");
        for (name, colour) in [("color", front), ("background", back)] {
            if let Some(colour) = colour {
                // Writing to a string cannot fail.
                let _ = write!(page, "{name}:{};", COLOURS[colour]);
            }
        }
        for (is_set, style) in
            [(self.is_bold, "font-weight:bold;"), (self.is_underlined, "text-decoration:underline;")]
        {
            if is_set {
                page.push_str(style);
            }
        }
        page.push_str("'>");
        page.push_str(&text.replace('&', "&amp;").replace('<', "&lt;"));
        page.push_str("</span>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_text_and_the_styles_of_the_terminal() {
        let page = html("a\u{1b}[7mb<\u{1b}[0m c\u{1b}[1;31md\u{1b}[39me\u{1b}[48;5;4mf\n");
        let spans: Vec<&str> = page.split("<span style='").skip(1).collect();
        assert_eq!(
            spans,
            [
                "'>a</span>",
                "color:#14171c;background:#d5d9e0;'>b&lt;</span>",
                "'> c</span>",
                "color:#d45b5b;font-weight:bold;'>d</span>",
                "font-weight:bold;'>e</span>",
                "background:#5b8dd4;font-weight:bold;'>f\n</span></pre>",
            ]
        );
    }
}
