//! Cost of one comparison with thousands of constants, none of which is equal to the value.

use std::fmt::Write;
use std::hint::black_box;
use std::net::IpAddr;

use criterion::Criterion;
use eyas::fields::{Field, FieldSource, FieldType, Schema, SchemaId, Value};
use eyas::rules::condition;
use eyas::sinsp::schema;

/// A connection, by a program with a command line.
struct Connection {
    ends: [Value<'static>; 2],
}

impl FieldSource for Connection {
    fn schema_id(&self) -> SchemaId {
        schema().id()
    }

    fn get(&self, field: &Field) -> Option<Value<'_>> {
        Some(match field.ty {
            FieldType::Ip | FieldType::Net => Value::List(&self.ends),
            _ => match &*field.text {
                "proc.cmdline" => {
                    Value::from("/usr/lib/jvm/java/bin/java -Xmx2g -cp /opt/app/lib/app.jar org.app.Main")
                }
                _ => Value::from("/opt/app/lib/app.jar"),
            },
        })
    }
}

pub fn run(c: &mut Criterion) {
    let list = |count: usize, item: &dyn Fn(usize, usize) -> String| {
        let mut out = String::new();
        for i in 0..count {
            let _ = write!(out, "{}{}", if i > 0 { ", " } else { "" }, item(i / 256, i % 256));
        }
        out
    };
    let nets = list(10_000, &|high, low| format!("10.{high}.{low}.0/24"));
    let spread = list(10_000, &|high, low| format!("10.{high}.{low}.0/{}", 20 + (high + low) % 13));
    let addresses = list(10_000, &|high, low| format!("10.{high}.{low}.1"));
    let names = list(10_000, &|high, low| format!("/opt/name{high}/{low}"));
    let needles = list(1000, &|high, low| format!("needle{high}q{low}"));
    let siblings = needles.replace(", ", " or proc.cmdline contains ");
    let conditions = [
        ("10,000 networks of one length", format!("fd.net in ({nets})")),
        ("10,000 networks of 13 lengths", format!("fd.net in ({spread})")),
        ("10,000 addresses", format!("fd.ip in ({addresses})")),
        ("10,000 texts", format!("fd.name in ({names})")),
        ("10,000 paths", format!("fd.name pmatch ({names})")),
        ("10,000 beginnings", format!("fd.name startswith anyof ({names})")),
        ("10,000 ends", format!("fd.name endswith anyof ({names})")),
        ("1,000 texts within", format!("proc.cmdline contains anyof ({needles})")),
        ("1,000 texts within, any case", format!("proc.cmdline icontains anyof ({needles})")),
        ("1,000 texts within, exactly one", format!("proc.cmdline contains oneof ({needles})")),
        ("1,000 alternatives", format!("proc.cmdline contains {siblings}")),
    ];
    let ends =
        ["192.168.1.1", "192.168.1.2"].map(|ip| Value::Ip(ip.parse::<IpAddr>().expect("it is an address")));
    let event = Connection { ends };
    for (name, text) in conditions {
        let expr = condition::parse(&text).expect("it is well-formed");
        let filter = condition::compile(&expr, schema() as &dyn Schema).expect("its fields exist");
        let mut scratch = filter.scratch();
        assert_eq!(filter.matches(&event), Ok(false), "{name}");
        c.bench_function(&format!("sets/{name}"), |b| {
            b.iter(|| filter.matches_with(black_box(&event), &mut scratch));
        });
    }
}
