//! The picture of the README: the output of `falco -V` as SVG. Its text is the expected text of a
//! diagnostics test.

use std::fmt::Write;

/// The test whose text the picture shows.
pub const TEST: &str = "tests/diagnostics/event_type_through_macro";
/// The rules file in the text.
pub const FILE: &str = "event_type_through_macro.yaml";
/// Sizes, in pixels.
const LINE: usize = 20;
const MARGIN: usize = 20;
const BAR: usize = 34;
/// The width of a letter, in hundredths of a pixel.
const LETTER: usize = 843;

const TEXT: &str = "#d8dee9";
const RED: &str = "#ff7b72";
const BLUE: &str = "#79b8ff";
const GREEN: &str = "#7ee787";

/// Draws a terminal in which `falco -V FILE` has printed `text`.
pub fn draw(file: &str, text: &str) -> String {
    let mut lines = vec![vec![(GREEN, "$ ".to_owned()), (TEXT, format!("falco -V {file}"))]];
    lines.extend(text.trim_end().lines().map(parts));
    let lengths = lines.iter().map(|line| line.iter().map(|(_, part)| part.chars().count()).sum::<usize>());
    let width = (lengths.max().unwrap_or(0) * LETTER).div_ceil(100) + 2 * MARGIN;
    let height = BAR + lines.len() * LINE + MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"falco -V points at a misspelled event type\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#161b22\"/>\n"
    );
    for (at, colour) in [(20, "#ff5f56"), (40, "#ffbd2e"), (60, "#27c93f")] {
        let _ = writeln!(out, "<circle cx=\"{at}\" cy=\"18\" r=\"6\" fill=\"{colour}\"/>");
    }
    out += "<g font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\" \
            xml:space=\"preserve\" style=\"white-space: pre\">\n";
    for (y, line) in (BAR + LINE..).step_by(LINE).zip(&lines) {
        let _ = write!(out, "<text x=\"{MARGIN}\" y=\"{y}\">");
        for (colour, part) in line {
            let _ = write!(out, "<tspan fill=\"{colour}\">{}</tspan>", escape(part));
        }
        out += "</text>\n";
    }
    out += "</g>\n</svg>\n";
    out
}

/// A line of a diagnostic in its colours.
fn parts(line: &str) -> Vec<(&'static str, String)> {
    if let Some((kind, rest)) = line.split_once("]: ").filter(|(kind, _)| kind.starts_with("error[")) {
        return vec![(RED, format!("{kind}]")), (TEXT, format!(": {rest}"))];
    }
    if let Some(rest) = line.strip_prefix("  = help:") {
        return vec![(BLUE, "  = ".to_owned()), (GREEN, "help:".to_owned()), (TEXT, rest.to_owned())];
    }
    let Some((number, source)) = line.split_once('|') else { return vec![(BLUE, line.to_owned())] };
    let colour = match source.trim_start().chars().next() {
        Some('^') => RED,
        Some('-') if number.trim().is_empty() => BLUE,
        _ => TEXT,
    };
    vec![(BLUE, format!("{number}|")), (colour, source.to_owned())]
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_the_whole_text_in_colours() {
        let text = "error[CODE]: no type `a<b`\n --> x.yaml:1:1\n  |\n2 |   items: [- a]\n  |          ^^^ here\n\n  = help: x\n";
        let picture = draw("x.yaml", text);
        let shown: String = picture
            .split("<tspan fill=\"")
            .skip(1)
            .map(|rest| rest.split_once('>').unwrap().1.split("</tspan>").next().unwrap())
            .collect();
        let expected: String = text.lines().collect();
        assert_eq!(shown, format!("$ falco -V x.yaml{}", escape(&expected)));
        assert!(picture.contains(&format!("<tspan fill=\"{RED}\">          ^^^ here</tspan>")), "{picture}");
        assert!(picture.contains(&format!("<tspan fill=\"{TEXT}\">   items: [- a]</tspan>")), "{picture}");
    }
}
