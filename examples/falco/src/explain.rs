//! `--explain`: shows why a rule matched or did not match an event of a capture.

use anyhow::{Context, Result, bail};
use eyas::rules::{Engine, Explanation, RuleIndex, nearest};
use eyas::scap::Reader;
use eyas::sinsp::{EventView, Step};
use eyas_console::ShowPath;
use eyas_console::print;

use crate::args::Args;
use crate::config::Config;
use crate::{names, rules, source};

/// Explains `RULE` or `RULE@NUMBER` for the capture. Returns whether the rule matched.
pub fn run(wanted: &str, args: &Args, config: &Config) -> Result<bool> {
    if !config.engine.is_replay() {
        bail!("--explain needs a capture: name one with -e FILE");
    }
    let engine = rules::load_each(&rules::present(args, config).0, config)?;
    let (rule, number) = find(&engine, wanted)?;
    let path = &config.engine.replay.capture_file;
    let mut source = match path.to_str() {
        Some("-") => Reader::from_reader(std::io::stdin())?,
        _ => Reader::open(path).with_context(|| format!("can't open {}", path.shown()))?,
    };
    names::look_up(&engine);
    let mut inspector = source::offline_inspector();
    let mut seen = Seen::default();
    while let Step::Event(event) = inspector.next(&mut source)? {
        match number {
            Some(number) if event.num() == number => {
                let why = engine.explain(rule, &event)?;
                print(&format!("{}: {why}", label(&event)))?;
                return Ok(why.matched);
            }
            Some(_) => {}
            None => seen.take(&engine, rule, &event)?,
        }
    }
    if let Some(number) = number {
        bail!("the capture has no event {number}");
    }
    print(&seen.summary())?;
    Ok(seen.matched > 0)
}

/// The rule, and the event number if the text has one. A rule's name may contain an `@`.
pub fn find(engine: &Engine, wanted: &str) -> Result<(RuleIndex, Option<u64>)> {
    if let Some(rule) = engine.find(wanted) {
        return Ok((rule, None));
    }
    let split = wanted.rsplit_once('@').and_then(|(name, number)| Some((name, number.parse().ok()?)));
    let (name, number) = match split {
        Some((name, number)) => (name, Some(number)),
        None => (wanted, None),
    };
    match engine.find(name) {
        Some(rule) => Ok((rule, number)),
        None => {
            let names = || engine.rules().iter().map(|rule| rule.name.as_str());
            // Most users type the beginning of a name.
            let beginning = |full: &&str| {
                let cut = full.get(..name.len()).unwrap_or(full);
                cut.eq_ignore_ascii_case(name) || nearest(name, [cut]).is_some()
            };
            let near = nearest(name, names()).or_else(|| names().find(beginning));
            let hint = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
            bail!("there is no rule '{name}'{hint}")
        }
    }
}

/// Short description of the event for the user.
pub fn label(event: &EventView<'_>) -> String {
    let name = event.event().info().map_or("unknown", |info| info.name);
    let comm = event.thread().map_or("?".into(), |thread| String::from_utf8_lossy(&thread.comm).into_owned());
    format!("event {} ({name} by {comm})", event.num())
}

/// Results of a rule for the events of its types.
#[derive(Default)]
struct Seen {
    tried: u64,
    matched: u64,
    /// Each conjunct, and the number of events for which it was false.
    failed: Vec<(String, u64)>,
    /// The event with the fewest false conjuncts.
    nearest: Option<(String, Explanation)>,
}

impl Seen {
    fn take(&mut self, engine: &Engine, rule: RuleIndex, event: &EventView<'_>) -> Result<()> {
        let why = engine.explain(rule, event)?;
        if !why.tried {
            return Ok(());
        }
        self.tried += 1;
        self.matched += u64::from(why.matched);
        if self.failed.is_empty() {
            self.failed = why.conjuncts.iter().map(|c| (c.condition.clone(), 0)).collect();
        }
        for (conjunct, (_, failed)) in why.conjuncts.iter().zip(&mut self.failed) {
            *failed += u64::from(!conjunct.held);
        }
        let nearer = |(_, known): &(String, Explanation)| why.failed().count() < known.failed().count();
        if self.nearest.as_ref().is_none_or(nearer) {
            self.nearest = Some((label(event), why));
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let mut out = format!("{} events of the rule's types, {} matched\n", self.tried, self.matched);
        for (condition, failed) in &self.failed {
            let shown: String = condition.chars().take(160).collect();
            out.push_str(&format!("{failed:>10} times false: {shown}\n"));
        }
        if let Some((label, why)) = &self.nearest {
            let which = if why.matched { "first match" } else { "nearest" };
            out.push_str(&format!("{which}: {label}: {why}"));
        }
        out
    }
}
