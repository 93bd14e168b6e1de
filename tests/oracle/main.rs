//! Random conditions on random events: the compiled graph, the engine's index and the plain interpreter
//! have the same results, and a printed condition parses to the same condition.

use std::sync::Arc;

use eyas::fields::Schema;
use eyas::rules::condition::ast::Expr;
use eyas::rules::condition::{compile, interpret, parse};
use eyas::rules::{Engine, Evaluator, Matching, RuleSet, RuleSource};
use proptest::prelude::*;

mod conditions;
mod pushdown;
mod syscalls;
mod toy;

fn cases(default: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// The tree without places.
fn shape(expr: &Expr) -> String {
    let shown = format!("{expr:?}");
    let mut out = String::with_capacity(shown.len());
    let mut rest = shown.as_str();
    while let Some(at) = rest.find("Span {") {
        out.push_str(&rest[..at]);
        rest = rest[at..].find('}').map_or("", |end| &rest[at + end + 1..]);
    }
    out + rest
}

/// A YAML text with only printable ASCII characters.
fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            ' '..='~' => c.to_string(),
            c => format!("\\U{:08x}", u32::from(c)),
        })
        .collect();
    format!("\"{escaped}\"")
}

/// An engine of a rule for each condition, named by position.
fn engine(schema: Arc<dyn Schema>, conditions: &[Expr]) -> Engine {
    let mut file = String::new();
    for (index, condition) in conditions.iter().enumerate() {
        let condition = quoted(&condition.to_string());
        let source = schema.source();
        file.push_str(&format!(
            "- rule: r{index}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n  source: {source}\n"
        ));
    }
    let source = RuleSource::new("random.yaml", file);
    RuleSet::new(schema.clone(), [source]).unwrap().matching(Matching::All).compile().unwrap()
}

/// An engine of rules that compare with lists: with a list, with a list and constants, and with lists of lists.
fn engine_with_lists(schema: Arc<dyn Schema>, comparisons: &[conditions::ManyConstants]) -> Engine {
    let (mut file, mut rules) = (String::new(), 0);
    for (index, of) in comparisons.iter().enumerate() {
        // A quoted text, with each byte as an escape.
        let item = |bytes: &Vec<u8>| {
            let escaped: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
            format!("\"{escaped}\"")
        };
        let [constants, more] =
            [&of.constants, &of.more].map(|some| some.iter().map(item).collect::<Vec<_>>());
        let list = |name: &str, items: &[String]| {
            let items: Vec<String> = items.iter().map(|item| format!("'{item}'")).collect();
            format!("- {{list: {name}{index}, items: [{}]}}\n", items.join(", "))
        };
        file += &list("all", &constants);
        file += &list("outer", &[&more[..], &[format!("all{index}")]].concat());
        let beside = |name: &str| [&more[..], &[format!("{name}{index}")]].concat().join(", ");
        let comparison = &of.comparison;
        // Often enough that the rules share the list.
        for _ in 0..5 {
            for condition in [
                format!("{comparison} (all{index})"),
                format!("{comparison} ({})", beside("all")),
                format!("not {comparison} ({})", beside("outer")),
            ] {
                let source = schema.source();
                file.push_str(&format!(
                    "- rule: r{rules}\n  desc: d\n  condition: {}\n  output: o\n  priority: INFO\n  source: {source}\n",
                    quoted(&condition)
                ));
                rules += 1;
            }
        }
    }
    let source = RuleSource::new("lists.yaml", file);
    let engine = RuleSet::new(schema.clone(), [source]).unwrap().matching(Matching::All).compile().unwrap();
    for (index, rule) in engine.rules().iter().enumerate() {
        let of = &comparisons[index / 15];
        let more = [0, of.more.len(), 2 * of.more.len()][index % 3];
        rule.compiled.tests(&mut |test| assert_eq!(test.right.len(), of.constants.len() + more));
    }
    engine
}

/// Whether the event satisfies the condition, or its alternate view does, by the plain interpreter.
fn satisfies(
    condition: &Expr,
    schema: &dyn Schema,
    event: &dyn eyas::fields::FieldSource,
) -> Result<bool, TestCaseError> {
    let by = |view| {
        interpret(condition, schema, view).map_err(|e| TestCaseError::fail(format!("{condition}: {e}")))
    };
    Ok(by(event)? || event.alternate().map_or(Ok(false), by)?)
}

/// The results of the plain interpreter and of a graph of each condition, which must agree.
fn verdicts(
    conditions: &[Expr],
    schema: &dyn Schema,
    event: &dyn eyas::fields::FieldSource,
) -> Result<Vec<bool>, TestCaseError> {
    let mut all = Vec::new();
    for condition in conditions {
        let plain = satisfies(condition, schema, event)?;
        let filter =
            compile(condition, schema).map_err(|e| TestCaseError::fail(format!("{condition}: {e}")))?;
        prop_assert_eq!(plain, filter.matches(event).unwrap(), "{}", condition);
        all.push(plain);
    }
    Ok(all)
}

/// The rules that match according to the engine, including its cache between events.
fn matched(evaluator: &mut Evaluator<'_>, count: usize, event: &dyn eyas::fields::FieldSource) -> Vec<bool> {
    let mut found = Vec::new();
    evaluator.matches(event, &mut found).unwrap();
    let mut all = vec![false; count];
    found.iter().for_each(|hit| all[hit.rule.0 as usize] = true);
    all
}

fn toy_conditions() -> BoxedStrategy<Expr> {
    conditions::conditions(conditions::known(&toy::Toy, &[]), toy::TYPES)
}

/// Tests toy events with an engine of the conditions and with the plain interpreter; they must agree.
fn agree_on_toys(conditions: &[Expr], events: &[toy::Event]) -> Result<(), TestCaseError> {
    let engine = engine(Arc::new(toy::Toy), conditions);
    let mut evaluator = engine.evaluator();
    for event in events {
        event.with(|event| {
            let plain = verdicts(conditions, &toy::Toy, event)?;
            prop_assert_eq!(plain, matched(&mut evaluator, conditions.len(), event));
            Ok(())
        })?;
    }
    Ok(())
}

/// As [`agree_on_toys`], with system calls after a snapshot.
fn agree_on_system_calls(
    conditions: &[Expr],
    events: &[eyas::scap::OwnedEvent],
) -> Result<(), TestCaseError> {
    let engine = engine(Arc::new(eyas::sinsp::schema()), conditions);
    let mut evaluator = engine.evaluator();
    syscalls::replay(events, |event| {
        let plain = verdicts(conditions, eyas::sinsp::schema(), event)?;
        prop_assert_eq!(plain, matched(&mut evaluator, conditions.len(), event));
        Ok(())
    })
}

/// Prints a condition and parses the text; both must have the same shape.
fn reads_as_printed(condition: &Expr) -> Result<(), TestCaseError> {
    let printed = condition.to_string();
    let read = parse(&printed).map_err(|e| TestCaseError::fail(format!("{printed}: {e}")))?;
    prop_assert_eq!(shape(condition), shape(&read), "{}", printed);
    Ok(())
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn on_values_of_every_type(
        conditions in proptest::collection::vec(toy_conditions(), 1..5),
        events in proptest::collection::vec(toy::events(), 1..5),
    ) {
        agree_on_toys(&conditions, &events)?;
    }

    #[test]
    fn printed_conditions_parse_to_the_same_tree(condition in toy_conditions()) {
        reads_as_printed(&condition)?;
    }

    #[test]
    fn printed_arguments_of_fields_parse_to_the_same(arg in "[ -~é\n\t]{0,6}") {
        let field = eyas::rules::condition::ast::FieldRef {
            name: "a.b".into(),
            arg: Some(arg),
            span: Default::default(),
        };
        let test = eyas::rules::condition::ast::Test {
            left: eyas::rules::condition::ast::Operand::Field(field),
            op: eyas::rules::condition::ast::Op::Exists,
            modifier: None,
            right: eyas::rules::condition::ast::Rhs::None,
            span: Default::default(),
        };
        let condition = Expr::Test(Arc::new(test));
        reads_as_printed(&condition)?;
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn with_results_cached_by_process_and_file(
        conditions in proptest::collection::vec(toy_conditions(), 2..8),
        events in toy::scripts(),
    ) {
        agree_on_toys(&conditions, &events)?;
    }

    #[test]
    fn with_many_siblings(
        conditions in proptest::collection::vec(
            conditions::siblings(conditions::known(&toy::Toy, &[]), toy::TYPES), 1..3),
        events in proptest::collection::vec(toy::events(), 1..5),
    ) {
        agree_on_toys(&conditions, &events)?;
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn with_lists_of_every_type(
        comparisons in proptest::collection::vec(
            conditions::many_constants(conditions::known(&toy::Toy, &[])), 1..4),
        events in proptest::collection::vec(toy::events(), 1..5),
    ) {
        let engine = engine_with_lists(Arc::new(toy::Toy), &comparisons);
        let mut evaluator = engine.evaluator();
        for event in &events {
            event.with(|event| {
                let found = matched(&mut evaluator, engine.rules().len(), event);
                for (rule, found) in engine.rules().iter().zip(found) {
                    let plain = satisfies(&rule.compiled, &toy::Toy, event)?;
                    prop_assert_eq!(plain, found, "{}", rule.condition);
                }
                Ok(())
            })?;
        }
    }
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn on_system_calls(
        conditions in proptest::collection::vec(syscalls::conditions(), 1..5),
        events in proptest::collection::vec(syscalls::events(), 1..12),
    ) {
        agree_on_system_calls(&conditions, &events)?;
    }
}

#[test]
fn a_number_without_a_sign_is_compared_as_one() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let numbers = ["-9223372036854775808", "-2", "-1", "0", "1", "2"];
    let operators = ["=", "!=", "<", "<=", ">", ">="];
    let tests = operators.iter().flat_map(|op| numbers.map(|number| format!("evt.num {op} {number}")));
    let lists = ["evt.num in (-1, 0)", "not evt.num in (-1, 2)"].map(str::to_owned);
    let conditions: Vec<_> = tests
        .chain(lists)
        .flat_map(|test| [format!("{test} and evt.num exists"), format!("not ({test})")])
        .map(|text| parse(&text).unwrap())
        .collect();
    let events = proptest::collection::vec(syscalls::events(), 3).new_tree(&mut runner).unwrap().current();
    agree_on_system_calls(&conditions, &events).unwrap();
}

/// How often each operator was true and false.
fn seen(
    rounds: u32,
    conditions: BoxedStrategy<Expr>,
    mut verdict: impl FnMut(&mut proptest::test_runner::TestRunner, &Expr) -> bool,
) -> std::collections::BTreeMap<String, [u32; 2]> {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = std::collections::BTreeMap::<String, [u32; 2]>::new();
    for _ in 0..rounds {
        let condition = conditions.new_tree(&mut runner).unwrap().current();
        condition.tests(&mut |test| {
            let verdict = usize::from(verdict(&mut runner, &Expr::Test(test.clone())));
            seen.entry(test.op.word().to_owned()).or_default()[verdict] += 1;
            if let Some(modifier) = test.modifier {
                seen.entry(modifier.word().to_owned()).or_default()[verdict] += 1;
            }
        });
    }
    seen
}

#[test]
fn random_conditions_make_every_operator_true_and_false() {
    use proptest::strategy::ValueTree;
    let counts = seen(3000, toy_conditions(), |runner, condition| {
        let event = toy::events().new_tree(runner).unwrap().current();
        event.with(|event| interpret(condition, &toy::Toy, event).unwrap())
    });
    // Twenty operators and three modifiers.
    assert_eq!(counts.len(), 23, "{counts:?}");
    assert!(counts.values().all(|[no, yes]| *no > 1 && *yes > 1), "{counts:?}");
    let counts = seen(600, syscalls::conditions(), |runner, condition| {
        let mut verdict = false;
        let events = proptest::collection::vec(syscalls::events(), 6);
        let events = events.new_tree(runner).unwrap().current();
        syscalls::replay(&events, |event| {
            verdict |= interpret(condition, eyas::sinsp::schema(), event).unwrap();
            Ok(())
        })
        .unwrap();
        verdict
    });
    let never: Vec<_> = counts.iter().filter(|(_, [no, yes])| *no == 0 || *yes == 0).collect();
    // Few values are raw bytes, so some operators on them are never true.
    assert!(never.len() <= 3, "{counts:?}");
}
