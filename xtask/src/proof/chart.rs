//! Charts as SVG.

use std::fmt::Write;

/// Size of a chart, and the room for its axes.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 44.0;
const TOP: f64 = 28.0;
const RIGHT: f64 = 16.0;
/// Number of steps of an axis.
const STEPS: u32 = 4;
const COLOURS: [&str; 6] = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#7f7f7f"];

/// An axis.
#[derive(Clone, Copy, Debug)]
pub struct Axis<'a> {
    pub title: &'a str,
    /// Whether the axis is logarithmic; values below 1 are drawn as 1.
    pub is_logarithmic: bool,
}

impl Axis<'_> {
    fn scale(&self, value: f64) -> f64 {
        if self.is_logarithmic { value.max(1.0).log10() } else { value }
    }

    fn value(&self, scaled: f64) -> f64 {
        if self.is_logarithmic { 10_f64.powf(scaled) } else { scaled }
    }

    /// The ends of the axis, so that every value is between them.
    fn range(&self, values: impl Iterator<Item = f64>) -> (f64, f64) {
        let scaled: Vec<f64> = values.map(|value| self.scale(value)).collect();
        let most = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = scaled.iter().copied().fold(f64::INFINITY, f64::min);
        let from = if self.is_logarithmic { least.min(most) } else { least.min(0.0) };
        if !most.is_finite() {
            (0.0, 1.0)
        } else if most > from {
            (from, most)
        } else {
            (from, from + 1.0)
        }
    }
}

/// Lines through points, each with its name.
pub fn lines(title: &str, x: Axis<'_>, y: Axis<'_>, series: &[(String, Vec<(f64, f64)>)]) -> String {
    let points = || series.iter().flat_map(|(_, points)| points.iter().copied());
    let (from_x, to_x) = x.range(points().map(|point| point.0));
    let (from_y, to_y) = y.range(points().map(|point| point.1));
    let at_x = |value: f64| LEFT + (value - from_x) / (to_x - from_x) * (WIDTH - LEFT - RIGHT);
    let at_y = |value: f64| HEIGHT - BOTTOM - (value - from_y) / (to_y - from_y) * (HEIGHT - BOTTOM - TOP);
    let mut out = begin(title);
    for step in 0..=STEPS {
        let share = f64::from(step) / f64::from(STEPS);
        let (value_x, value_y) = (from_x + share * (to_x - from_x), from_y + share * (to_y - from_y));
        let (px, py) = (at_x(value_x), at_y(value_y));
        let (label_x, label_y) = (short(x.value(value_x)), short(y.value(value_y)));
        // Writing to a text cannot fail.
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" y1=\"{py:.1}\" x2=\"{:.1}\" y2=\"{py:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label_y}</text>\
             <text x=\"{px:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label_x}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            py + 4.0,
            HEIGHT - BOTTOM + 16.0
        );
    }
    for (index, (name, points)) in series.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let path: Vec<String> = points
            .iter()
            .map(|(vx, vy)| format!("{:.1},{:.1}", at_x(x.scale(*vx)), at_y(y.scale(*vy))))
            .collect();
        let _ = writeln!(
            out,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>",
            path.join(" ")
        );
        for place in &path {
            let (cx, cy) = place.split_once(',').unwrap_or_default();
            let _ = write!(out, "<circle cx=\"{cx}\" cy=\"{cy}\" r=\"3\" fill=\"{colour}\"/>");
        }
        legend(&mut out, index, name, colour);
    }
    let _ = write!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
         <text x=\"14\" y=\"{:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 14 {:.1})\">{}</text>\n</svg>\n",
        f64::midpoint(LEFT, WIDTH),
        HEIGHT - 6.0,
        escape(x.title),
        HEIGHT / 2.0,
        HEIGHT / 2.0,
        escape(y.title)
    );
    out
}

/// A bar for each value, in groups with a name.
pub fn bars(title: &str, unit: &str, groups: &[(String, Vec<(String, f64)>)]) -> String {
    let most = groups.iter().flat_map(|(_, bars)| bars).map(|bar| bar.1).fold(0.0, f64::max).max(1e-9);
    let rows: usize = groups.iter().map(|(_, bars)| bars.len()).sum();
    let step = ((HEIGHT - TOP - 8.0) / rows.max(1) as f64).min(34.0);
    let mut out = begin(title);
    let mut y = TOP + 6.0;
    for (index, (name, bars)) in groups.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        for (what, value) in bars {
            let width = (value.max(0.0) / most * (WIDTH - 330.0)).max(1.0);
            let _ = writeln!(
                out,
                "<text x=\"232\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
                 <rect x=\"240\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\">{} {}</text>",
                y + step * 0.6,
                escape(&format!("{name}: {what}")),
                step * 0.8,
                246.0 + width,
                y + step * 0.6,
                short(*value),
                escape(unit)
            );
            y += step;
        }
    }
    out.push_str("</svg>\n");
    out
}

fn begin(title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"11\"><title>{0}</title>\
         <text x=\"{LEFT}\" y=\"16\" font-size=\"13\" font-weight=\"bold\">{0}</text>\n",
        escape(title)
    )
}

fn legend(out: &mut String, index: usize, name: &str, colour: &str) {
    let y = TOP + 14.0 + 15.0 * index as f64;
    let _ = writeln!(
        out,
        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\
         <text x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
        LEFT + 10.0,
        y - 9.0,
        LEFT + 25.0,
        escape(name)
    );
}

/// A number in few characters.
pub fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{:.1} M", value / 1e6),
        size if size >= 1e4 => format!("{:.0} k", value / 1e3),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size > 0.0 => format!("{value:.2}"),
        _ => "0".to_owned(),
    }
}

/// Text for XML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
