//! Rules in SQL find in tables what they match in captures. DuckDB, where Python has it, asks the questions.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use eyas::fields::Value;
use eyas::rules::condition::ast::Op;
use eyas::rules::condition::{Example, ExampleEvent, TRANSFORMERS, parse, sql, sql_address};
use eyas::rules::{Engine, Loader, Matching, Select};
use eyas::scap::Reader;
use eyas::sinsp::{Inspector, Step, schema};
use eyas_testing::{Dir, data_or_ignore, ignore, need_program, test};
use serde_json::{Value as Json, json};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/demo.scap.gz");

/// Asks the questions that standard input has, of the table that it names, and prints the answers.
const ASK: &str = r#"
import duckdb, json, sys
asked = json.load(sys.stdin)
db = duckdb.connect()
db.execute("set enable_progress_bar = false")
if asked.get("files"):
    db.execute("create table events as select * from read_parquet('" + asked["files"] + "', hive_partitioning=true)")
answers = {}
for name, query in asked["queries"].items():
    try:
        answers[name] = [row[0] for row in db.execute(query).fetchall()]
    except Exception as error:
        answers[name] = str(error)
json.dump(answers, sys.stdout)
"#;

/// What DuckDB answers to each question.
fn ask(files: &str, queries: &BTreeMap<String, String>) -> BTreeMap<String, Json> {
    let python = need_program("python3");
    let has_duckdb = Command::new(&python).args(["-c", "import duckdb"]).output().unwrap().status.success();
    if !has_duckdb {
        ignore("Python has no module duckdb (pip install duckdb)");
    }
    let mut child =
        Command::new(&python).args(["-c", ASK]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let asked = json!({ "files": files, "queries": queries }).to_string();
    child.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn engine(files: &[PathBuf]) -> Engine {
    let mut loader = Loader::new(Arc::new(schema()));
    loader.matching(Matching::All).select(true, Select::Rule("*".into()));
    eyas::load_rules_with(loader, files).unwrap()
}

/// The numbers of the events that each rule matches.
fn matches(engine: &Engine, capture: &Path) -> BTreeMap<String, BTreeSet<u64>> {
    let mut all: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    let (mut evaluator, mut inspector, mut found) = (engine.evaluator(), Inspector::default(), Vec::new());
    let Ok(mut source) = Reader::open(capture) else { return all };
    while let Ok(Step::Event(event)) = inspector.next(&mut source) {
        found.clear();
        evaluator.matches(&event, &mut found).unwrap();
        for hit in &found {
            all.entry(engine.rule(hit.rule).name.clone()).or_default().insert(event.num());
        }
    }
    all
}

/// Compares on one capture; returns how many events rules match.
fn compare(engine: &Engine, capture: &Path) -> usize {
    let dir = Dir::new("sql");
    let rules: Vec<_> =
        engine.rules().iter().map(|rule| (&rule.name, sql(&rule.compiled, engine.schema()))).collect();
    let mut columns = BTreeSet::from(["evt.num".to_owned()]);
    columns.extend(rules.iter().flat_map(|(_, sql)| &sql.fields).map(|field| field.text.to_string()));
    let columns = Vec::from_iter(columns).join(",");
    let mut sysdig = Command::new(env!("CARGO_BIN_EXE_sysdig"));
    // A damaged capture is compared as far as it goes.
    sysdig.arg("-r").arg(capture).arg("--parquet").arg(&dir).args(["--columns", &columns]).output().unwrap();
    if !dir.join("events").exists() {
        return 0;
    }
    let question = |(name, sql): &(&String, eyas::rules::condition::Sql)| {
        let text = format!("select distinct \"evt.num\" from events where {} order by 1", sql.text);
        ((*name).clone(), text)
    };
    let queries = rules.iter().map(question).collect();
    let answers = ask(&format!("{}/events/*/*/*.parquet", dir.display()), &queries);
    let expected = matches(engine, capture);
    let mut count = 0;
    for (name, sql) in &rules {
        let answer = &answers[*name];
        let Some(numbers) = answer.as_array() else { panic!("{name}: {answer}: {}", sql.text) };
        let found: BTreeSet<u64> = numbers.iter().map(|number| number.as_u64().unwrap()).collect();
        let empty = BTreeSet::new();
        let matched = expected.get(*name).unwrap_or(&empty);
        count += matched.len();
        match sql.unexpressed.is_empty() {
            true => assert_eq!(&found, matched, "{name} on {}: {}", capture.display(), sql.text),
            false => assert!(matched.is_subset(&found), "{name} on {}: {}", capture.display(), sql.text),
        }
    }
    count
}

/// Rules of the kinds that official ones are.
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sql-rules.yaml");

#[test]
fn rules_find_in_tables_what_they_match() {
    let engine = engine(&[RULES.into()]);
    assert!(engine.rules().iter().all(|rule| sql(&rule.compiled, engine.schema()).unexpressed.is_empty()));
    assert!(compare(&engine, Path::new(DEMO)) > 100);
}

#[test]
fn official_rules_find_in_tables_what_they_match() {
    let names = ["falco_rules", "falco-incubating_rules", "falco-sandbox_rules"];
    let files: Vec<PathBuf> = names.iter().map(|name| data_or_ignore(format!("rules/{name}.yaml"))).collect();
    let engine = engine(&files);
    let missing: Vec<_> = engine
        .rules()
        .iter()
        .flat_map(|rule| {
            sql(&rule.compiled, engine.schema()).unexpressed.into_iter().map(|test| (&rule.name, test))
        })
        .collect();
    let names: Vec<_> = missing.iter().map(|(name, test)| (name.as_str(), &*test.test)).collect();
    assert_eq!(names, [("Java Process Class File Download", "evt.buffer bcontains cafebabe")]);
    let all = std::env::var_os("EYAS_SQL_ALL").is_some();
    let mut count = 0;
    let folders =
        ["", "public", "upstream", "synthetic"].map(|folder| data_or_ignore(format!("captures/{folder}")));
    for folder in folders {
        let mut files: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let is_capture = |path: &PathBuf| {
            path.to_string_lossy().ends_with(".scap") || path.to_string_lossy().ends_with(".scap.gz")
        };
        // All of them take minutes.
        let is_large = |path: &PathBuf| {
            !path.ends_with("attack.scap.gz") && std::fs::metadata(path).unwrap().len() > 22_000
        };
        for file in files.iter().filter(|file| is_capture(file) && (all || !is_large(file))) {
            count += compare(&engine, file);
        }
    }
    assert!(count >= 99, "{count}");
}

/// A value as a table has it.
fn cell(value: &Value<'_>) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => format!("cast({number} as bigint)"),
        Value::Uint(number) => format!("cast({number} as ubigint)"),
        Value::Double(number) => format!("cast({number} as double)"),
        Value::Str(text) | Value::Bytes(text) => {
            quoted(&String::from_utf8_lossy(text).replace('\0', "\u{1}"))
        }
        Value::Ip(address) => quoted(&address.to_string()),
        Value::Net(net) => quoted(&sql_address(net.addr)),
        Value::List(items) => format!("[{}]", items.iter().map(cell).collect::<Vec<_>>().join(", ")),
    }
}

#[test]
fn examples_hold_in_tables_as_they_say() {
    let operators = Op::ALL.iter().flat_map(|op| op.def().examples);
    let examples: Vec<&Example> = operators.chain(TRANSFORMERS.iter().flat_map(|t| t.examples)).collect();
    let (mut queries, mut missing) = (BTreeMap::new(), Vec::new());
    for (at, example) in examples.iter().enumerate() {
        let sql = sql(&parse(example.condition).unwrap(), &ExampleEvent::new(example));
        if !sql.unexpressed.is_empty() {
            missing.push(example.condition);
            continue;
        }
        let columns: Vec<String> = example
            .event
            .iter()
            .map(|(name, value)| {
                format!("{} as \"{name}\"", value.as_ref().map_or("cast(null as varchar)".into(), cell))
            })
            .collect();
        let query = format!("select coalesce({}, false) from (select {})", sql.text, columns.join(", "));
        queries.insert(at.to_string(), query);
    }
    let kinds =
        ["b64(", "getopt(", "toupper(fd", "join(", "concat(", "bcontains cafe", "bstartswith", "glob"];
    let unknown: Vec<_> =
        missing.iter().filter(|text| !kinds.iter().any(|kind| text.contains(kind))).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(missing.len() * 3 < examples.len(), "{missing:?}");
    let answers = ask("", &queries);
    for (at, example) in examples.iter().enumerate().filter(|(at, _)| queries.contains_key(&at.to_string())) {
        let at = at.to_string();
        assert_eq!(answers[&at], json!([example.holds]), "{}: {}", example.condition, queries[&at]);
    }
}
