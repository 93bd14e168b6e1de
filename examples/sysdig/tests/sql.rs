//! Rules as SQL queries find the same events in tables as in captures. DuckDB and DataFusion run the queries, if Python has them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use eyas::fields::Value;
use eyas::rules::condition::ast::Op;
use eyas::rules::condition::{Example, ExampleEvent, TRANSFORMERS, parse, sql, sql_address};
use eyas::rules::{Engine, RuleSet};
use eyas::scap::Reader;
use eyas::sinsp::{Inspector, Step, schema};
use eyas_testing::{Dir, data_or_ignore, ignore, need_program, test};
use serde_json::{Value as Json, json};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/demo.scap.gz");

/// Runs the queries of standard input in the engine that is named there, over the table that is named there, and prints
/// the first column of each.
const RUN_QUERIES: &str = r#"
import json, sys
asked = json.load(sys.stdin)
files = asked["files"]
if asked["engine"] == "duckdb":
    import duckdb
    db = duckdb.connect()
    db.execute("set enable_progress_bar = false")
    if files:
        db.execute("create table events as select * from read_parquet('" + files + "/*/*/*.parquet', hive_partitioning=true)")
    run = lambda query: [row[0] for row in db.execute(query).fetchall()]
else:
    import datafusion
    db = datafusion.SessionContext()
    if files:
        db.sql("CREATE EXTERNAL TABLE events STORED AS PARQUET PARTITIONED BY (day, host) LOCATION '" + files + "/'")
    run = lambda query: [value for batch in db.sql(query).collect() for value in batch.column(0).to_pylist()]
results = {}
for name, query in asked["queries"].items():
    try:
        results[name] = run(query)
    except Exception as error:
        results[name] = str(error)
json.dump(results, sys.stdout)
"#;

/// The installed engines; ignores the test if there are none.
fn engines() -> &'static [&'static str] {
    static ENGINES: OnceLock<Vec<&str>> = OnceLock::new();
    let python = need_program("python3");
    let has = |module: &&str| {
        Command::new(&python).args(["-c", &format!("import {module}")]).output().unwrap().status.success()
    };
    let engines = ENGINES.get_or_init(|| ["duckdb", "datafusion"].into_iter().filter(has).collect());
    if engines.is_empty() {
        ignore("Python has neither duckdb nor datafusion (pip install duckdb datafusion)");
    }
    engines
}

/// The results of each query.
fn run_queries(engine: &str, files: &str, queries: &BTreeMap<String, String>) -> BTreeMap<String, Json> {
    let python = need_program("python3");
    let mut child = Command::new(&python)
        .args(["-c", RUN_QUERIES])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = json!({ "engine": engine, "files": files, "queries": queries }).to_string();
    child.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn engine(files: &[PathBuf]) -> Engine {
    RuleSet::builder(Arc::new(schema())).read(files).unwrap().every_rule().compile().unwrap()
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
    let expected = matches(engine, capture);
    for sql_engine in engines() {
        let results = run_queries(sql_engine, &format!("{}/events", dir.display()), &queries);
        for (name, sql) in &rules {
            let place = format!("{name} on {} in {sql_engine}: {}", capture.display(), sql.text);
            let result = &results[*name];
            let Some(numbers) = result.as_array() else { panic!("{place}: {result}") };
            let found: BTreeSet<u64> = numbers.iter().map(|number| number.as_u64().unwrap()).collect();
            let empty = BTreeSet::new();
            let matched = expected.get(*name).unwrap_or(&empty);
            match sql.unexpressed.is_empty() {
                true => assert_eq!(&found, matched, "{place}"),
                false => assert!(matched.is_subset(&found), "{place}"),
            }
        }
    }
    rules.iter().filter_map(|(name, _)| expected.get(*name)).map(BTreeSet::len).sum()
}

/// Rules like the official ones.
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sql-rules.yaml");

#[test]
fn sql_of_rules_finds_the_events_that_the_rules_match() {
    let engine = engine(&[RULES.into()]);
    assert!(engine.rules().iter().all(|rule| sql(&rule.compiled, engine.schema()).unexpressed.is_empty()));
    assert!(compare(&engine, Path::new(DEMO)) > 100);
}

#[test]
fn sql_of_official_rules_finds_the_events_that_the_rules_match() {
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
        // All captures take minutes.
        let is_large = |path: &PathBuf| {
            !path.ends_with("attack.scap.gz") && std::fs::metadata(path).unwrap().len() > 22_000
        };
        for file in files.iter().filter(|file| is_capture(file) && (all || !is_large(file))) {
            count += compare(&engine, file);
        }
    }
    assert!(count >= 99, "{count}");
}

/// A value as a literal of SQL.
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
fn sql_of_examples_has_the_stated_results() {
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
    for engine in engines() {
        let mut queries = queries.clone();
        if *engine == "datafusion" {
            queries.values_mut().for_each(|query| *query = query.replace("as ubigint", "as bigint unsigned"));
        }
        let results = run_queries(engine, "", &queries);
        for (at, example) in examples.iter().enumerate() {
            let Some(query) = queries.get(&at.to_string()) else { continue };
            let result = &results[&at.to_string()];
            assert_eq!(*result, json!([example.holds]), "{} in {engine}: {query}", example.condition);
        }
    }
}
