//! A thousand rules: how long until they test events.
//!
//! The rules are Falco's own, many times over, each time with another name and another exception; where they are
//! not at hand, those of the demo.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use eyas_fields::{
    Arg, ArgKind, CodeSet, Field, FieldDef, FieldFlags, FieldId, FieldType, Format, ResolveError, Schema,
    Scope,
};
use eyas_rules::{Loader, Matching};

/// Rules that are loaded.
const RULES: usize = 1000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The fields and events of system calls, as the generated pages list them.
struct Pages {
    fields: Vec<FieldDef>,
    by_name: std::collections::HashMap<&'static str, usize>,
    types: std::collections::HashMap<&'static str, CodeSet>,
    names: Vec<Option<&'static str>>,
}

/// Cells of the rows of a page's table.
fn rows(page: &str) -> Vec<Vec<&'static str>> {
    let text = std::fs::read_to_string(root().join("docs").join(page)).expect("the page is committed");
    let text: &'static str = text.leak();
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    text.lines().filter(|line| line.starts_with("| ")).skip(2).map(cells).collect()
}

impl Pages {
    fn read() -> Self {
        let mut fields = Vec::new();
        for cells in rows("fields.md") {
            let [name, ty, arg, ..] = cells[..] else { continue };
            let bits = ty.split(|c: char| !c.is_ascii_digit()).find_map(|n| n.parse().ok()).unwrap_or(64);
            let ty = match ty.split(' ').next().unwrap_or_default() {
                "Int" => FieldType::Int { bits },
                "Uint" => FieldType::Uint { bits },
                "Bool" => FieldType::Bool,
                "Port" => FieldType::Port,
                "Ip" => FieldType::Ip,
                "Net" => FieldType::Net,
                "Bytes" => FieldType::Bytes,
                "RelTime" => FieldType::RelTime,
                "AbsTime" => FieldType::AbsTime,
                _ => FieldType::Str,
            };
            let arg = match arg {
                "None" => ArgKind::None,
                "Suffix" => ArgKind::Suffix,
                _ => ArgKind::OptionalKey,
            };
            let (scope, format, flags) = (Scope::Event, Format::Dec, FieldFlags::NONE);
            fields.push(FieldDef { name: name.trim_matches('`'), ty, arg, scope, format, flags, doc: "" });
        }
        let events = rows("events.md");
        let code = |cells: &[&str]| cells[0].parse::<u16>().ok();
        let codes = events.iter().filter_map(|cells| code(cells)).max().map_or(1, |max| usize::from(max) + 1);
        let mut types = std::collections::HashMap::new();
        let mut names = vec![None; codes];
        for cells in &events {
            let (Some(code), Some((_, name))) = (code(cells), cells[1].split_once(' ')) else { continue };
            types.entry(name).or_insert_with(|| CodeSet::empty(codes)).insert(code);
            names[usize::from(code)] = Some(name);
        }
        let by_name = fields.iter().enumerate().map(|(id, def): (usize, &FieldDef)| (def.name, id)).collect();
        Self { fields, by_name, types, names }
    }
}

impl Schema for Pages {
    fn source(&self) -> &str {
        "syscall"
    }

    fn fields(&self) -> &[FieldDef] {
        &self.fields
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, ResolveError> {
        let continued = || {
            let (prefix, rest) = name.rsplit_once('.')?;
            let id = *self.by_name.get(prefix)?;
            (self.fields[id].arg == ArgKind::Suffix).then_some((id, rest))
        };
        let (id, suffix) = match self.by_name.get(name) {
            Some(id) => (*id, None),
            None => continued().map(|(id, rest)| (id, Some(rest))).ok_or(ResolveError::Unknown)?,
        };
        let def = &self.fields[id];
        let text = arg.map_or(name.to_owned(), |arg| format!("{name}[{arg}]")).into();
        let arg = arg.or(suffix).map(|key| Arg::Key(key.into()));
        Ok(Field { id: FieldId(id as u16), arg, hint: 0, ty: def.ty, is_list: false, text })
    }

    fn codes(&self) -> usize {
        self.names.len()
    }

    fn is_type_field(&self, field: &Field) -> bool {
        self.fields[usize::from(field.id.0)].name == "evt.type"
    }

    fn codes_of(&self, name: &str) -> Option<CodeSet> {
        self.types.get(name).cloned()
    }

    fn fixed_type(&self, _: &Field, code: u16) -> Option<&str> {
        self.names.get(usize::from(code)).copied().flatten().filter(|name| *name != "syscall")
    }
}

/// Texts of the rules files.
fn official() -> Vec<String> {
    let shared = std::env::var_os("EYAS_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let names = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];
    let read: Option<Vec<String>> =
        names.iter().map(|name| std::fs::read_to_string(shared.join("rules").join(name)).ok()).collect();
    read.unwrap_or_else(|| {
        let demo = std::fs::read_to_string(root().join("demo/rules.yaml"));
        vec![demo.expect("the demo is committed")]
    })
}

/// The files, and their rules again and again, up to a thousand.
fn thousand(files: &[String]) -> String {
    let mut all = files.join("\n");
    let blocks: Vec<String> = files
        .iter()
        .flat_map(|file| file.split("\n- ").skip(1))
        .filter(|block| {
            block.starts_with("rule: ") && block.contains("\n  condition:") && block.contains("\n  output:")
        })
        .map(str::to_owned)
        .collect();
    let mut count = blocks.len();
    for copy in 1.. {
        for block in &blocks {
            if count == RULES {
                return all;
            }
            count += 1;
            let (name, rest) = block.split_once('\n').expect("a rule has several lines");
            // Behind the condition's last line: before the next key, which is indented by two.
            let start = rest.find("\n  condition:").expect("it was looked for") + 1;
            let mut keys = rest[start..].match_indices("\n  ").map(|(at, _)| start + at);
            let end = keys.find(|at| !rest[at + 3..].starts_with(' ')).unwrap_or(rest.len());
            let (before, after) = rest.split_at(end);
            // As deep as the line before, or deeper than the key.
            let last = before.rsplit('\n').next().unwrap_or_default();
            let depth = (last.len() - last.trim_start().len()).max(4);
            let rest = format!("{before}\n{:depth$}and not proc.cmdline contains variant_{copy}{after}", "");
            all.push_str(&format!("\n- {name} ({copy})\n{rest}"));
        }
    }
    all
}

fn load(c: &mut Criterion) {
    let schema = Arc::new(Pages::read());
    let files = official();
    let text = thousand(&files);
    let loader = || {
        let mut loader = Loader::new(schema.clone());
        loader.matching(Matching::All);
        loader
    };
    let mut ready = loader();
    let result = ready.load("rules.yaml", &text);
    assert!(result.successful(), "{}", result.verbose());
    assert_eq!(ready.build().expect("it loaded").rules().len(), RULES);
    let mut group = c.benchmark_group("1000 rules");
    group.bench_function("load", |b| b.iter(|| loader().load("rules.yaml", black_box(&text))));
    group.bench_function("build", |b| b.iter(|| ready.build()));
    group.bench_function("load and build", |b| {
        b.iter(|| {
            let mut loader = loader();
            loader.load("rules.yaml", black_box(&text));
            loader.build()
        })
    });
    group.finish();
    c.bench_function("the files, load and build", |b| {
        b.iter(|| {
            let mut loader = loader();
            for file in &files {
                loader.load("rules.yaml", black_box(file));
            }
            loader.build()
        })
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = load
}
criterion_main!(benches);
