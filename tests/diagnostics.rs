//! Printed diagnostics: compares those of each `diagnostics/X.yaml` (and `X.2.yaml` after it) with `X.txt`.
//!
//! `UPDATE_EXPECT=1 cargo test -p eyas-rules --test diagnostics` rewrites the texts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use expect_test::expect_file;
use eyas::fields::{CodeSet, Field, FieldDef, FieldId, FieldType, ResolveError, Schema};
use eyas::rules::{Lint, Loader, RuleSet, RuleSource, Style, condition, render};
use eyas::sinsp::schema;

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics")
}

fn loader() -> Loader {
    RuleSet::builder(Arc::new(schema())).loader()
}

/// All diagnostics about files, in order: name and text.
fn printed(files: &[(String, String)]) -> String {
    let mut loader = loader();
    let mut out = String::new();
    for (name, text) in files {
        for diagnostic in loader.load(&RuleSource::new(name, text.as_str())).diagnostics() {
            out.push_str(&render(&diagnostic, Style::default()));
            out.push('\n');
        }
    }
    for diagnostic in loader.finish().map(|rules| rules.lint()).unwrap_or_default() {
        out.push_str(&render(&diagnostic, Style::default()));
        out.push('\n');
    }
    out
}

fn cases() -> Vec<(String, Vec<(String, String)>)> {
    let mut names: Vec<String> = std::fs::read_dir(dir())
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".yaml")?.to_owned()))
        .collect();
    names.sort();
    let read = |name: &str| {
        let name = format!("{name}.yaml");
        (name.clone(), std::fs::read_to_string(dir().join(name)).unwrap())
    };
    let second = |name: &String| names.contains(name).then(|| read(name));
    names
        .iter()
        .filter(|name| !name.ends_with(".2"))
        .map(|name| {
            let files = [Some(read(name)), second(&format!("{name}.2"))];
            (name.clone(), files.into_iter().flatten().collect())
        })
        .collect()
}

#[test]
fn texts() {
    let cases = cases();
    assert!(cases.len() >= 30);
    for (name, files) in cases {
        let printed = printed(&files);
        assert!(!printed.contains('\u{1b}'), "{name}: no colours here");
        expect_file![dir().join(format!("{name}.txt"))].assert_eq(&printed);
    }
}

/// Mistakes in files with other line ends are at the same places.
#[test]
fn carriage_returns_change_nothing() {
    for (name, files) in cases() {
        let with: Vec<_> =
            files.iter().map(|(name, text)| (name.clone(), text.replace('\n', "\r\n"))).collect();
        assert_eq!(printed(&with).replace('\r', ""), printed(&files), "{name}");
    }
}

#[test]
fn every_code_is_explained_and_shown() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diagnostics.md");
    let page = std::fs::read_to_string(docs).unwrap();
    let all: String = cases().iter().map(|(_, files)| printed(files)).collect();
    for lint in Lint::ALL {
        assert!(page.contains(lint.code()), "{} is in no page", lint.code());
        let shown = all.contains(lint.code()) || *lint == Lint::EveryEvent;
        assert!(shown, "no file shows {}", lint.code());
    }
}

#[test]
fn colours_appear_only_on_request() {
    let result = loader().load(&RuleSource::new("r.yaml", "- rule: x\n")).clone();
    let diagnostic = result.diagnostics().next().unwrap();
    assert!(render(&diagnostic, Style::default().with_colors(true)).contains("\u{1b}["));
    assert_eq!(
        diagnostic.to_string(),
        "r.yaml:1:9: error[LOAD_ERR_YAML_VALIDATE]: the rule `x` has no content"
    );
}

/// Draws all diagnostics of a text, which may be hostile.
fn survives(text: &str) -> String {
    let started = cpu_time();
    let printed = printed(&[("r.yaml".to_owned(), text.to_owned())]);
    let taken = cpu_time() - started;
    assert!(taken < Duration::from_secs(20), "{taken:?}: {}", &text[..text.len().min(60)]);
    printed
}

/// CPU time of this thread. Unlike the time of day, it does not depend on what else the machine does.
fn cpu_time() -> Duration {
    rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).try_into().unwrap()
}

#[test]
fn long_lines_are_cut() {
    let items = "item_of_a_list, ".repeat(200_000);
    let text = format!(
        "- list: l\n  items: [{items} open]\n- rule: r\n  desc: d\n  condition: evt.type in (l)\n  \
         output: o\n  priority: INFO\n"
    );
    let drawn = survives(&text);
    assert!(drawn.contains("no type of event is named `item_of_a_list`"), "{drawn}");
    assert!(drawn.len() < 4_000, "{} bytes", drawn.len());
    let many = "fd.name = ä or ".repeat(100_000);
    let text =
        format!("- rule: r\n  desc: d\n  condition: {many}proc.nam = x\n  output: o\n  priority: INFO\n");
    let drawn = survives(&text);
    assert!(drawn.contains("unknown field `proc.nam`") && drawn.len() < 4_000, "{} bytes", drawn.len());
    assert!(drawn.contains("r.yaml:3:1500014"), "{drawn}");
}

#[test]
fn tabs_and_control_characters_do_not_reach_the_terminal() {
    let text = "- rule: r\n  desc: d\n  condition: \"proc.name\\t=\\tx and evt.typ = \\e[31mred\"\t# x\n  \
                output: o\n  priority: \"\\e[31m\"\n";
    let drawn = survives(text);
    assert!(drawn.contains("is not a priority") && !drawn.contains('\u{1b}'), "{drawn}");
    let drawn = survives(&text.replace("\"\\e[31m\"", "INFO"));
    assert!(drawn.contains("unknown field `evt.typ`") && !drawn.contains('\u{1b}'), "{drawn}");
}

#[test]
fn damaged_files_cause_no_panic() {
    for (_, files) in cases() {
        for (_, text) in files {
            for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)).step_by(3) {
                survives(&text[..at]);
                survives(&text[at..]);
                let next = text[at..].chars().next().map_or(0, char::len_utf8);
                for instead in ["\"", "(", "\n", "é"] {
                    survives(&format!("{}{instead}{}", &text[..at], &text[at + next..]));
                }
            }
        }
    }
}

/// Events of two types.
struct Two;

impl Schema for Two {
    fn source(&self) -> &str {
        "two"
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, ResolveError> {
        let id = self.fields().iter().position(|def| def.name == name && arg.is_none());
        let id = id.ok_or(ResolveError::Unknown)?;
        let def = &self.fields()[id];
        Ok(Field::new(FieldId(id as u16), def, name))
    }

    fn fields(&self) -> &[FieldDef] {
        const fn def(name: &'static str) -> FieldDef {
            FieldDef::new(name, FieldType::Str, "")
        }
        const { &[def("log.kind"), def("log.text")] }
    }

    fn codes(&self) -> usize {
        2
    }

    fn is_type_field(&self, field: &Field) -> bool {
        field.id == FieldId(0)
    }

    fn codes_of(&self, name: &str) -> Option<CodeSet> {
        let mut set = CodeSet::empty(2);
        set.insert(["login", "logout"].iter().position(|kind| *kind == name)? as u16);
        Some(set)
    }
}

#[test]
fn a_rule_without_a_type_is_reported_for_small_schemas() {
    let lint = |condition: &str| {
        let text = format!(
            "- rule: r\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n  source: two\n"
        );
        let rules = RuleSet::new(Arc::new(Two), [RuleSource::new("r.yaml", text)]).unwrap();
        let result = &rules.results()[0];
        assert!(result.diagnostics().next().is_none(), "{}", result.verbose());
        rules.lint().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let want = "r.yaml:1:9: warning[EYAS_EVERY_EVENT]: the rule `r` is tested on every event";
    assert_eq!(lint("log.kind = login or log.text contains x"), [want]);
    assert!(lint("log.kind = login and log.text contains x").is_empty());
    assert!(lint("log.kind = login and log.kind = logout")[0].contains("EYAS_NEVER_MATCHES"));
}

#[test]
fn a_condition_alone_has_diagnostics_too() {
    let text = "evt.type = open and fd.nam = x";
    let expr = condition::parse(text).unwrap();
    let error = condition::compile(&expr, schema()).unwrap_err();
    let drawn = render(&error.to_diagnostic("filter", text, schema()), Style::default());
    assert!(drawn.starts_with("error: unknown field `fd.nam`\n --> filter:1:21"), "{drawn}");
    let error = condition::parse("evt.type opn").unwrap_err();
    let shown = error.to_diagnostic("filter", "evt.type opn", schema()).to_string();
    assert_eq!(shown, "filter:1:10: error: no operator is named `opn`");
}
