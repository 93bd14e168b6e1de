//! Random conditions for a schema: every operator, modifier and transformer, with nesting.

use std::sync::Arc;

use eyas::fields::{ArgKind, FieldFlags, FieldType, Schema};
use eyas::rules::condition::ast::{Call, Expr, FieldRef, Literal, Modifier, Op, Operand, Rhs, Test};
use eyas::rules::condition::{self, Constants, Returns, Right, TRANSFORMERS, Takes};
use proptest::prelude::*;
use proptest::sample::select;

/// A field with an argument, and its possible uses.
#[derive(Clone, Debug)]
pub struct Known {
    name: String,
    arg: Option<String>,
    ty: FieldType,
    list: bool,
    several: bool,
    transforms: bool,
    compares: bool,
    equality_only: bool,
    /// Constants are names of event types.
    names_type: bool,
}

/// Every field of the schema that a condition can test, with a few arguments each.
pub fn known(schema: &dyn Schema, suffixes: &[&str]) -> Vec<Known> {
    let mut all = Vec::new();
    for def in schema.fields() {
        let args: &[Option<&str>] = match def.arg {
            ArgKind::None => &[None],
            ArgKind::Index => &[Some("0"), Some("1")],
            ArgKind::OptionalIndex => &[None, Some("0"), Some("1"), Some("2")],
            ArgKind::Key => &[Some("HOME"), Some("a")],
            ArgKind::OptionalKey => &[None, Some("HOME"), Some("a b"), Some("0")],
            ArgKind::Suffix => &[None, Some("0")],
        };
        let mut names: Vec<(String, Option<&str>)> =
            args.iter().map(|arg| (def.name.to_owned(), *arg)).collect();
        if def.arg == ArgKind::Suffix {
            names.extend(suffixes.iter().map(|suffix| (format!("{}.{suffix}", def.name), None)));
        }
        for (name, arg) in names {
            let Ok(field) = schema.resolve(&name, arg) else { continue };
            let has = |flag| def.flags.contains(flag);
            all.push(Known {
                name,
                arg: arg.map(str::to_owned),
                ty: field.ty,
                list: field.is_list,
                several: has(FieldFlags::ANY),
                transforms: !has(FieldFlags::NO_TRANSFORMER),
                compares: !has(FieldFlags::NO_RHS),
                equality_only: has(FieldFlags::EQUALITY),
                names_type: schema.check_value(&field, "no such type").is_err(),
            });
        }
    }
    all
}

impl Known {
    fn operand(&self) -> Operand {
        let span = Default::default();
        Operand::Field(FieldRef { name: self.name.clone(), arg: self.arg.clone(), span })
    }

    fn is_text(&self) -> bool {
        self.ty == FieldType::Str && self.transforms && !self.several
    }
}

fn call(name: &str, args: Vec<Operand>) -> Operand {
    Operand::Call(Call { name: name.into(), args, select: None, span: Default::default() })
}

fn text(text: &[u8]) -> Literal {
    Literal { text: text.to_vec(), span: Default::default() }
}

/// An operand with its type.
type Typed = (Operand, FieldType, bool);

/// Texts that values and constants share, so that comparisons hold now and then.
pub const WORDS: [&str; 24] = [
    "",
    "a",
    "b",
    "A",
    "ab",
    "aB",
    "abc",
    "/",
    "/etc",
    "/etc/passwd",
    "/etc//passwd/",
    "/etc/passwd/x",
    "/var/run",
    "cat",
    "cat -n x",
    "and",
    "not",
    "oneof",
    "len(",
    "<NA>",
    "YWI=",
    "YQBi",
    "-ab",
    "-t",
];
const GLOBS: [&str; 14] = [
    "*",
    "?",
    "a*",
    "*b",
    "a?",
    "[ab]*",
    "[!a]",
    "[!A-Z]*",
    "/etc/*",
    "\\*",
    "[[:alpha:]]*",
    "*/passwd*",
    "[",
    "a\\",
];
const REGEXES: [&str; 13] = [
    "a",
    "a.*",
    "(a|ab)(c|bcd)?",
    "[[:alpha:]]+",
    "^/etc/.*$",
    "[^a]*",
    "a{1,2}b?",
    "",
    "a*?",
    "\\<NA>",
    "[a[/]+.*",
    "(/[a-z]+)+/?",
    ".",
];
const NUMBERS: [&str; 16] = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "+5",
    "007",
    "80",
    "255",
    "256",
    "1000",
    "65536",
    "4294967295",
    "9223372036854775808",
    "99999999999999999999",
];

/// Addresses that values and constants share.
pub const ADDRESSES: [&str; 5] = ["127.0.0.1", "10.0.0.1", "10.1.2.3", "::1", "fe80::1"];
const NETS: [&str; 7] =
    ["127.0.0.0/8", "10.0.0.0/8", "10.0.0.0/30", "0.0.0.0/0", "::1/128", "fe80::/10", "10.1.2.3/32"];

fn pool(words: &'static [&'static str]) -> BoxedStrategy<Vec<u8>> {
    select(words).prop_map(|word| word.as_bytes().to_vec()).boxed()
}

fn any_text() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![
        6 => pool(&WORDS),
        2 => "[ab/=, ()\"'\\\\]{0,5}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(1..=255_u8, 0..4),
    ]
    .boxed()
}

/// Constants of an operator's examples.
fn of_examples(op: Op) -> Vec<Vec<u8>> {
    let mut constants = Vec::new();
    for example in op.def().examples {
        let expr = condition::parse(example.condition).unwrap();
        expr.tests(&mut |test| constants.extend(test.right.values().map(|value| value.text.to_vec())));
    }
    constants
}

/// A constant that fits the type and the operator.
fn constant(ty: FieldType, op: Op, names: &'static [&'static str]) -> BoxedStrategy<Vec<u8>> {
    use FieldType as T;
    if !names.is_empty() {
        return pool(names);
    }
    let is_order = op.def().right == Right::Number;
    match ty {
        T::Double => pool(&["0", "1", "-1", "2", "1000"]),
        T::Port if is_order => pool(&["0", "80", "443", "65536"]),
        T::Port => pool(&["0", "80", "443", "65536", "http", "ssh"]),
        T::Int { .. } | T::Uint { .. } | T::RelTime | T::AbsTime => pool(&NUMBERS),
        T::Bool => pool(&["true", "false"]),
        T::Ip => pool(&ADDRESSES),
        T::Net => pool(&NETS),
        _ if is_order => pool(&NUMBERS),
        _ => match op.def().constants {
            Constants::Hex => pool(&["", "61", "6162", "2f", "00", "ff2F"]),
            Constants::Syntax if op == Op::Regex => pool(&REGEXES),
            Constants::Syntax => select(of_examples(op)).boxed(),
            _ if matches!(op, Op::Glob | Op::IGlob) => pool(&GLOBS),
            _ => any_text(),
        },
    }
}

/// The operators that apply to a type.
fn operators(ty: FieldType, list: bool) -> Vec<Op> {
    Op::ALL.iter().copied().filter(|op| op.def().types.contains(ty, list)).collect()
}

fn modifiable(op: Op) -> bool {
    op.def().takes_modifier()
}

/// Names of the transformers that take one text and have this result type.
fn of_one_text(returns: Returns) -> Vec<&'static str> {
    let fitting =
        TRANSFORMERS.iter().filter(|t| matches!(t.takes, Takes::One { .. }) && t.returns == returns);
    fitting.map(|transformer| transformer.name).collect()
}

/// A text made by transformers.
fn made_text(texts: &[Operand], lists: &[Operand]) -> BoxedStrategy<Operand> {
    let field = select(texts.to_vec());
    let list = select(lists.to_vec());
    let quoted = any_text().prop_map(|bytes| {
        let bytes = String::from_utf8_lossy(&bytes).replace('\0', "").into_bytes();
        Operand::Text(text(&bytes))
    });
    let leaf = prop_oneof![4 => field, 1 => quoted.clone()];
    let of_list = prop_oneof![
        3 => list,
        1 => proptest::collection::vec(leaf.clone(), 0..4).prop_map(|items| Operand::List(items, Default::default())),
    ];
    let options = select(vec!["ab", "t:", "abt:n"]).prop_map(|o| Operand::Text(text(o.as_bytes())));
    let selected =
        (of_list.clone(), options, select(vec!["a", "t", "n"])).prop_map(|(list, options, letter)| {
            Operand::Call(Call {
                name: "getopt".into(),
                args: vec![list, options],
                select: Some(letter.into()),
                span: Default::default(),
            })
        });
    leaf.prop_recursive(3, 8, 3, move |inner| {
        prop_oneof![
            (select(of_one_text(Returns::SameAsArgument)), inner.clone())
                .prop_map(|(name, arg)| call(name, vec![arg])),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|args| call("concat", args)),
            (quoted.clone(), of_list.clone()).prop_map(|(by, list)| call("join", vec![by, list])),
            selected.clone(),
        ]
    })
    .prop_filter("a constant is no operand by itself", |operand| matches!(operand, Operand::Call(_)))
    .boxed()
}

/// What transformers make of fields, with its type.
fn transformed(fields: &[Known]) -> BoxedStrategy<Typed> {
    let pick = |is: &dyn Fn(&&Known) -> bool| -> Vec<Operand> {
        fields.iter().filter(|f| f.transforms && is(f)).map(Known::operand).collect()
    };
    let texts = pick(&|f| f.is_text() && !f.list);
    // A schema may lack a list of texts, so one is written out.
    let written = Operand::List(texts.iter().take(2).cloned().collect(), Default::default());
    let lists = [pick(&|f| f.is_text() && f.list), vec![written.clone()]].concat();
    let any_list = [pick(&|f| f.list && f.transforms), vec![written]].concat();
    let made = made_text(&texts, &lists);
    let uint = FieldType::Uint { bits: 64 };
    let options = select(vec!["ab", "t:", "abt:n"]).prop_map(|o| Operand::Text(text(o.as_bytes())));
    prop_oneof![
        4 => made.clone().prop_map(|operand| (operand, FieldType::Str, false)),
        1 => (select(of_one_text(Returns::Number)), made)
            .prop_map(move |(name, operand)| (call(name, vec![operand]), uint, false)),
        1 => select(any_list).prop_map(move |list| (call("len", vec![list]), uint, false)),
        1 => (select(of_one_text(Returns::SameAsArgument)), select(lists.clone()))
            .prop_map(|(name, list)| (call(name, vec![list]), FieldType::Str, true)),
        1 => (select(lists), options)
            .prop_map(|(list, options)| (call("getopt", vec![list, options]), FieldType::Str, true)),
    ]
    .boxed()
}

/// Whether it combines several operands.
fn is_made(operand: &Operand) -> bool {
    let Operand::Call(call) = operand else { return false };
    matches!(call.name.as_str(), "join" | "concat" | "getopt") || call.args.iter().any(is_made)
}

fn against_constants(
    left: Operand,
    ty: FieldType,
    ops: Vec<Op>,
    names: &'static [&'static str],
) -> BoxedStrategy<Test> {
    (
        select(ops),
        prop::option::weighted(0.3, select(vec![Modifier::OneOf, Modifier::AnyOf, Modifier::AllOf])),
    )
        .prop_flat_map(move |(op, modifier)| {
            let modifier = modifier.filter(|_| modifiable(op));
            let one = constant(ty, op, names);
            let right = match op {
                Op::Exists => Just(Rhs::None).boxed(),
                _ if op.takes_list() || modifier.is_some() => {
                    // From some sizes on, constants get special structures.
                    let some = prop_oneof![4 => 0..9_usize, 1 => 8..24_usize];
                    some.prop_flat_map(move |len| proptest::collection::vec(one.clone(), len))
                        .prop_map(|values| values.iter().map(|bytes| text(bytes)).collect())
                        .prop_map(Rhs::List)
                        .boxed()
                }
                _ => one.prop_map(|bytes| Rhs::Value(text(&bytes))).boxed(),
            };
            let left = left.clone();
            right.prop_map(move |right| Test {
                left: left.clone(),
                op,
                modifier,
                right,
                span: Default::default(),
            })
        })
        .boxed()
}

/// Alternatives, or negations that must all be true, that compare one field with a constant each; and another comparison.
pub fn siblings(fields: Vec<Known>, names: &'static [&'static str]) -> BoxedStrategy<Expr> {
    let other = test(fields.clone(), names);
    let fitting: Vec<(Known, Op)> = fields
        .into_iter()
        .filter(|field| !field.equality_only && !field.list)
        .flat_map(|field| {
            let ops = operators(field.ty, false).into_iter().filter(|op| modifiable(*op));
            ops.map(|op| (field.clone(), op)).collect::<Vec<_>>()
        })
        .collect();
    let tests = select(fitting).prop_flat_map(move |(field, op)| {
        let names = if field.names_type { names } else { &[] };
        let one = constant(field.ty, op, names);
        proptest::collection::vec(one, 3..20).prop_map(move |constants| {
            let test = |bytes: &Vec<u8>| Test {
                left: field.operand(),
                op,
                modifier: None,
                right: Rhs::Value(text(bytes)),
                span: Default::default(),
            };
            constants.iter().map(|bytes| Expr::Test(Arc::new(test(bytes)))).collect::<Vec<_>>()
        })
    });
    (tests, other, any::<bool>())
        .prop_map(|(tests, other, negated)| {
            let not = |expr| Expr::Not(Arc::new(expr));
            let tests = if negated { tests.into_iter().map(not).collect() } else { tests };
            let all: Arc<[Expr]> = tests.into_iter().chain([other]).collect();
            if negated { Expr::And(all) } else { Expr::Or(all) }
        })
        .boxed()
}

/// A comparison with many constants.
#[derive(Clone, Debug)]
pub struct ManyConstants {
    /// What is compared, and how.
    pub comparison: String,
    /// The constants: some that values may equal, and many others.
    pub constants: Vec<Vec<u8>>,
    /// Some more constants.
    pub more: Vec<Vec<u8>>,
}

/// Comparisons of fields with many constants, by every operator that takes several.
pub fn many_constants(fields: Vec<Known>) -> BoxedStrategy<ManyConstants> {
    let fitting: Vec<(Known, Op)> = fields
        .into_iter()
        .filter(|field| !field.names_type && !field.equality_only)
        .flat_map(|field| {
            let ops = operators(field.ty, field.list).into_iter();
            let ops = ops.filter(|op| op.takes_list() || modifiable(*op));
            ops.map(|op| (field.clone(), op)).collect::<Vec<_>>()
        })
        .collect();
    let modifier = select(vec![Modifier::OneOf, Modifier::AnyOf, Modifier::AllOf]);
    (select(fitting), modifier, select(vec![20_usize, 300]))
        .prop_flat_map(|((field, op), modifier, others)| {
            let modifier = if modifiable(op) { format!(" {}", modifier.word()) } else { String::new() };
            let comparison = format!("{} {}{modifier}", field.operand(), op.word());
            let one = constant(field.ty, op, &[]);
            let some = |most: usize| proptest::collection::vec(one.clone(), 0..most);
            let ty = field.ty;
            (some(12), some(4)).prop_map(move |(mut constants, more)| {
                constants.extend((0..others).map(|i| other(ty, op, i)));
                ManyConstants { comparison: comparison.clone(), constants, more }
            })
        })
        .boxed()
}

/// A constant that values rarely equal.
fn other(ty: FieldType, op: Op, index: usize) -> Vec<u8> {
    use FieldType as T;
    let (high, low) = (index / 250, index % 250);
    match (ty, op) {
        (T::Bool, _) => (index.is_multiple_of(2)).to_string(),
        (T::Ip, _) => format!("172.16.{high}.{low}"),
        (T::Net, _) => format!("172.16.{low}.0/2{}", high + 1),
        _ if op.def().constants == Constants::Hex => format!("f{high}{low:04}f0"),
        (T::Str | T::Bytes, Op::PMatch) => format!("/other{high}/{low}"),
        (T::Str | T::Bytes, _) => format!("other{index}"),
        _ => format!("{}", 2000 + index),
    }
    .into_bytes()
}

/// Comparisons of one field or transformer.
fn test(fields: Vec<Known>, names: &'static [&'static str]) -> BoxedStrategy<Expr> {
    let plain = select(fields.clone()).prop_flat_map(move |field| {
        let ops = match field.equality_only {
            true => vec![Op::Eq],
            // Names of types are no numbers, which is all that an order takes.
            false if field.names_type => operators(field.ty, field.list)
                .into_iter()
                .filter(|op| op.def().right != Right::Number)
                .collect(),
            false => operators(field.ty, field.list),
        };
        let names = if field.names_type { names } else { &[] };
        against_constants(field.operand(), field.ty, ops, names)
    });
    let calls = transformed(&fields);
    let changed =
        calls.prop_flat_map(|(left, ty, list)| against_constants(left, ty, operators(ty, list), &[]));
    // Both sides are operands of one type.
    let usable: Vec<Known> =
        fields.into_iter().filter(|f| f.compares && !f.equality_only && f.ty != FieldType::Net).collect();
    let as_left = usable.iter().map(|f| (f.operand(), f.ty, f.list)).collect::<Vec<Typed>>();
    let calls = transformed(&usable);
    let left = prop_oneof![2 => select(as_left.clone()), 1 => calls.clone()];
    let with_field = (left, calls).prop_flat_map(move |((left, ty, list), (made, made_ty, made_list))| {
        let ty_fits = made_ty == ty || as_left.iter().any(|(_, other, _)| *other == ty);
        let mut rights: Vec<(Operand, bool)> = as_left
            .iter()
            .filter(|(_, other, _)| *other == ty)
            .map(|(field, _, is_list)| (call("val", vec![field.clone()]), *is_list))
            .collect();
        if made_ty == ty || rights.is_empty() {
            rights.extend(std::iter::repeat_n((made, made_list), 4));
        }
        let ops: Vec<Op> = operators(ty, list).into_iter().filter(|op| op.def().takes_operand()).collect();
        (Just(left), select(if ops.is_empty() { vec![Op::Exists] } else { ops }), select(rights))
            .prop_map(move |(left, op, (right, right_list))| {
                // A list of several operands is compared only with lists.
                let made = right_list && is_made(&right) && !is_made(&left);
                let set = op.takes_list() && !made;
                let fits = op != Op::Exists && ty_fits && (set || list == right_list);
                Test {
                    left,
                    op: if fits { op } else { Op::Exists },
                    modifier: None,
                    right: if fits { Rhs::Operand(right) } else { Rhs::None },
                    span: Default::default(),
                }
            })
            .boxed()
    });
    prop_oneof![6 => plain, 2 => changed, 1 => with_field].prop_map(|test| Expr::Test(Arc::new(test))).boxed()
}

/// Conditions over the fields; `names` are event types.
pub fn conditions(fields: Vec<Known>, names: &'static [&'static str]) -> BoxedStrategy<Expr> {
    test(fields, names)
        .prop_recursive(4, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 2..4).prop_map(|parts| Expr::And(parts.into())),
                proptest::collection::vec(inner.clone(), 2..4).prop_map(|parts| Expr::Or(parts.into())),
                inner.prop_map(|child| match child {
                    Expr::Not(child) => (*child).clone(),
                    child => Expr::Not(Arc::new(child)),
                }),
            ]
        })
        .boxed()
}
