//! `--test`: rule tests and their coverage.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use eyas::rules::condition::{Filter, compile, parse};
use eyas::rules::{Case, Failure, RuleCoverage, Tester, Times};
use eyas::scap::Reader;
use eyas::sinsp::{Step, schema};
use eyas_console::ShowPath;
use eyas_console::print;

use crate::args::Args;
use crate::config::Config;
use crate::explain::label;
use crate::source::offline_inspector;
use crate::{names, rules};

mod file;
mod literal;
mod world;

use file::{Test, TestFile};
use world::World;

/// Runs the tests of all files and prints the results. Returns whether all passed.
pub fn run(args: &Args, config: &Config) -> Result<bool> {
    let (mut passed, mut failed) = (0, 0);
    for path in &args.tests {
        let file = TestFile::read(path)?;
        let beside = path.parent().unwrap_or(Path::new(""));
        let own: Vec<PathBuf> = file.rules.iter().map(|rules| beside.join(rules)).collect();
        // Rules files from the command line replace those from the test file.
        let paths = match args.rules.is_empty() && !own.is_empty() {
            true => existing_rules_files(path, own)?,
            false => rules::present(args, config).0,
        };
        let engine = rules::load_each(&paths, config).with_context(|| path.shown())?;
        names::look_up(&engine);
        let wanted: Vec<_> = file.tests.iter().map(Test::expectations).collect();
        let fires = wanted.iter().flatten().filter(|e| e.times != Times::Never);
        let named: BTreeSet<&str> = fires.map(|e| e.rule.as_str()).collect();
        let mut tester = Tester::new(&engine, named);
        print(&format!("{}\n", path.shown()))?;
        for (test, wanted) in file.tests.iter().zip(&wanted) {
            let mut case = tester.case(wanted);
            let outcome = play(test, beside, &mut case).with_context(|| format!("test `{}`", test.test));
            let failures = outcome.map(|()| case.finish());
            if failures.as_ref().is_ok_and(Vec::is_empty) {
                passed += 1;
                print(&format!("  ok    {}\n", test.test))?;
            } else {
                failed += 1;
                print(&format!("  FAIL  {}\n", test.test))?;
            }
            print(&match failures {
                Ok(failures) => failures.iter().map(describe).collect(),
                Err(error) => format!("        {error:#}\n"),
            })?;
        }
        print(&coverage(&tester.coverage()))?;
    }
    print(&format!("{passed} of {} tests passed\n", passed + failed))?;
    Ok(failed == 0)
}

/// The rules files of a file of tests, all of which must exist.
fn existing_rules_files(tests: &Path, rules: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    if let Some(absent) = rules.iter().find(|rules| !crate::file::exists(rules)) {
        let (tests, absent) = (tests.shown(), absent.shown());
        bail!(
            "{tests}: `rules` names {absent}, which does not exist; relative paths begin at the directory of {tests}, and -r names \
             other rules"
        );
    }
    Ok(rules)
}

/// Describes a failure in indented lines.
fn describe(failure: &Failure) -> String {
    failure.to_string().lines().map(|line| format!("        {line}\n")).collect()
}

/// The coverage of a file's tests, as lines.
fn coverage(rules: &[RuleCoverage]) -> String {
    if rules.is_empty() {
        return String::new();
    }
    let mut text = String::from("  coverage\n");
    for rule in rules {
        let both = rule.conjuncts - rule.unseen.len();
        text +=
            &format!("    {}: {both} of {} conjuncts seen both true and false\n", rule.rule, rule.conjuncts);
        rule.unseen.iter().for_each(|unseen| text += &format!("      {unseen}\n"));
    }
    text
}

/// Plays the events of a test.
fn play(test: &Test, beside: &Path, case: &mut Case<'_, '_>) -> Result<()> {
    if test.names_no_rule() {
        bail!("neither `fires` nor `silent` names a rule");
    }
    match &test.capture {
        Some(capture) => {
            let literal =
                !test.events.is_empty() || !test.processes.is_empty() || !test.containers.is_empty();
            if literal {
                bail!("a test has either a capture or processes and events of its own");
            }
            replay(&beside.join(capture), test.filter.as_deref(), case)
        }
        None if test.filter.is_some() => bail!("`filter` is for events of a capture"),
        None if test.events.is_empty() => bail!("there are neither events nor a capture"),
        None => literal_events(test, case),
    }
}

fn literal_events(test: &Test, case: &mut Case<'_, '_>) -> Result<()> {
    let world = World::new(test)?;
    let mut inspector = offline_inspector();
    inspector.load(world.snapshot());
    for event in world.containers() {
        inspector.process(event.as_raw());
    }
    for (position, event) in test.events.iter().enumerate() {
        let event = world.event(position, event)?;
        let view = inspector.process(event.as_raw());
        case.event(&view, &|| {
            let shown = label(&view);
            // The events that report containers were already counted.
            let what = shown.split_once('(').map_or("", |(_, what)| what);
            format!("event {} ({what}", position + 1)
        })?;
    }
    Ok(())
}

fn replay(path: &Path, filter: Option<&str>, case: &mut Case<'_, '_>) -> Result<()> {
    let filter = filter.map(condition).transpose()?;
    let mut source = Reader::open(path).with_context(|| format!("can't open {}", path.shown()))?;
    let mut inspector = offline_inspector();
    while let Step::Event(view) = inspector.next(&mut source)? {
        if filter.as_ref().map_or(Ok(true), |filter| filter.matches(&view))? {
            case.event(&view, &|| label(&view))?;
        }
    }
    Ok(())
}

fn condition(text: &str) -> Result<Filter> {
    let expr = parse(text).with_context(|| format!("filter `{text}`"))?;
    compile(&expr, schema()).with_context(|| format!("filter `{text}`"))
}
