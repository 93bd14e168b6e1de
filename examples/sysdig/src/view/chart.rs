//! Heat maps: one line per time step, in which colours or characters represent numbers of calls.

use std::io::Write;

use anyhow::{Result, anyhow};
use eyas::sinsp::EventView;
use serde_json::json;

use super::model::{Chart, Scale};

/// Powers of ten of the latency scale, from 1 ns.
const DECADES: usize = 11;
/// Width without a terminal.
const WIDTH: usize = 80;
/// Colours of a 256-colour terminal, from few calls to many.
const COLORS: [u8; 12] = [22, 28, 34, 40, 76, 118, 190, 226, 220, 208, 202, 196];
/// Characters for output without a terminal, from few calls to many.
const SHADES: &[u8; 9] = b".:-=+*#%@";

/// A heat map under construction.
pub struct Heat {
    scale: Scale,
    /// Duration of a line, ns.
    refresh: u64,
    counts: Vec<u64>,
    /// Beginning of the current line, ns since the epoch.
    began: Option<u64>,
    is_terminal: bool,
    json: bool,
    has_lines: bool,
}

impl Heat {
    /// Creates a heat map with this width.
    pub fn new(chart: &Chart, width: Option<usize>, json: bool) -> Result<Self> {
        let wrong = || anyhow!("refresh: `{}` is not a number of milliseconds above 0", chart.refresh);
        let ms: f64 = chart.refresh.parse().map_err(|_| wrong())?;
        let refresh = Some((ms * 1e6) as u64).filter(|ns| *ns > 0).ok_or_else(wrong)?;
        let (is_terminal, width) = (width.is_some(), width.unwrap_or(WIDTH).max(DECADES));
        Ok(Self {
            scale: chart.scale,
            refresh,
            counts: vec![0; width],
            began: None,
            is_terminal,
            json,
            has_lines: false,
        })
    }

    /// Counts an event.
    pub fn add(&mut self, event: &EventView<'_>, out: &mut dyn Write) -> Result<()> {
        let raw = event.event();
        self.pass(raw.ts, out)?;
        let width = self.counts.len();
        let at = match self.scale {
            Scale::Latency if raw.latency() == 0 => return Ok(()),
            Scale::Latency => ((raw.latency() as f64).log10() * width as f64 / DECADES as f64) as usize,
            Scale::Offset => {
                let offset = raw.ts.saturating_sub(raw.latency()) % self.refresh;
                (u128::from(offset) * width as u128 / u128::from(self.refresh)) as usize
            }
        };
        self.counts[at.min(width - 1)] += 1;
        Ok(())
    }

    /// Advances the time, and prints completed lines.
    pub fn pass(&mut self, ts: u64, out: &mut dyn Write) -> Result<()> {
        let start = ts - ts % self.refresh;
        let began = *self.began.get_or_insert(start);
        if start > began {
            self.print(began, out)?;
            self.began = Some(start);
        }
        Ok(())
    }

    /// Prints the last line.
    pub fn finish(&mut self, out: &mut dyn Write) -> Result<()> {
        if let Some(began) = self.began.take() {
            self.print(began, out)?;
        }
        if !self.json && !self.is_terminal {
            writeln!(out, "{}", self.axis())?;
        }
        Ok(())
    }

    fn print(&mut self, began: u64, out: &mut dyn Write) -> Result<()> {
        let per_second = 1e9 / self.refresh as f64;
        if self.json {
            writeln!(out, "{}", json!({"ts": began.to_string(), "counts": self.counts}))?;
        } else if self.is_terminal {
            if self.has_lines {
                // Over the axis.
                out.write_all(b"\x1b[1A\r")?;
            }
            for count in &self.counts {
                match shade(*count, per_second, COLORS.len()) {
                    None => out.write_all(b"\x1b[0m ")?,
                    Some(at) => write!(out, "\x1b[48;5;{}m ", COLORS[at])?,
                }
            }
            writeln!(out, "\x1b[0m\n{}", self.axis())?;
        } else {
            let shade = |count: &u64| shade(*count, per_second, SHADES.len()).map_or(b' ', |at| SHADES[at]);
            let line: Vec<u8> = self.counts.iter().map(shade).collect();
            writeln!(out, "{}", String::from_utf8_lossy(&line).trim_end())?;
        }
        self.has_lines = true;
        self.counts.fill(0);
        Ok(())
    }

    /// Axis labels of the columns.
    fn axis(&self) -> String {
        let width = self.counts.len();
        let mut axis = String::new();
        let marks: Vec<(usize, String)> = match self.scale {
            Scale::Latency => (0..DECADES).map(|power| (power * width / DECADES, decade(power))).collect(),
            Scale::Offset => {
                let ms = |part: u64| (self.refresh / 1_000_000 * part / 10).to_string();
                (0..10).map(|part| (part as usize * width / 10, format!("{}ms", ms(part)))).collect()
            }
        };
        for (at, mark) in marks {
            if axis.len() <= at && at + 1 + mark.len() <= width {
                axis.push_str(&" ".repeat(at - axis.len()));
                axis.push('|');
                axis.push_str(&mark);
            }
        }
        axis
    }
}

/// A power of ten of ns, with a unit.
fn decade(power: usize) -> String {
    let unit = ["ns", "us", "ms", "s"][(power / 3).min(3)];
    format!("{}{unit}", 10_u64.pow((power - 3 * (power / 3).min(3)) as u32))
}

/// Index of the colour for a number of calls, out of `colors` colours. Each colour represents 2.2 times as
/// many calls as the one before.
fn shade(count: u64, per_second: f64, colors: usize) -> Option<usize> {
    let step = ((count as f64 * per_second).log(2.2)).max(0.0) as usize;
    (count > 0).then_some(step.min(colors - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_names_the_columns() {
        let chart = |scale| Chart { scale, refresh: "1000".into() };
        let axis = Heat::new(&chart(Scale::Latency), Some(77), false).unwrap().axis();
        assert_eq!(axis, "|1ns   |10ns  |100ns |1us   |10us  |100us |1ms   |10ms  |100ms |1s    |10s");
        let axis = Heat::new(&chart(Scale::Offset), None, false).unwrap().axis();
        assert!(axis.starts_with("|0ms    |100ms  |200ms"), "{axis}");
        assert!(Heat::new(&Chart { scale: Scale::Offset, refresh: "x".into() }, None, false).is_err());
    }

    #[test]
    fn more_calls_are_a_further_shade() {
        assert_eq!(shade(0, 1.0, 9), None);
        assert_eq!(shade(1, 1.0, 9), Some(0));
        assert!(shade(50, 1.0, 9) > shade(5, 1.0, 9));
        assert_eq!(shade(u64::MAX, 2.0, 9), Some(8));
    }
}
