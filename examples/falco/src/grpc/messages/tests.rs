use super::*;

const OUTPUTS: &str = include_str!("../../../proto/outputs.proto");
const SCHEMA: &str = include_str!("../../../proto/schema.proto");
const VERSION: &str = include_str!("../../../proto/version.proto");

/// Names and numbers of the declarations between `head` and the next `}`.
fn declared(file: &'static str, head: &str) -> Vec<(&'static str, u32)> {
    let body = file.split(head).nth(1).unwrap().split("\n}").next().unwrap();
    let fields = body.lines().filter_map(|line| {
        let (name, number) = line.trim().strip_suffix(';')?.split_once(" = ")?;
        Some((name.rsplit(' ').next()?, number.split(' ').next()?.parse().ok()?))
    });
    fields.collect()
}

/// Numbers of the fields of an encoded message, in order.
fn numbers_in(mut bytes: &[u8]) -> Vec<u32> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (number, wire) = prost::encoding::decode_key(&mut bytes).unwrap();
        prost::encoding::skip_field(wire, number, &mut bytes, Default::default()).unwrap();
        found.push(number);
    }
    found
}

/// The fields are those of the file, in order. Every field of the message must be set.
fn check(message: &impl Message, shown: &str, declared: &[(&str, u32)]) {
    let numbers: Vec<u32> = declared.iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers_in(&message.encode_to_vec()), numbers);
    let mut rest = shown;
    for (name, _) in declared {
        rest = rest.split_once(&format!(" {name}: ")).unwrap_or_else(|| panic!("{name}: {shown}")).1;
    }
}

#[test]
fn fields_have_the_names_and_numbers_of_the_proto_files() {
    let output = Output {
        time: Some(Timestamp { seconds: 1, nanos: 2 }),
        priority: 1,
        source_deprecated: Source::Plugin.into(),
        rule: "r".into(),
        output: "o".into(),
        output_fields: [("k".to_owned(), "v".to_owned())].into(),
        hostname: "h".into(),
        tags: vec!["t".into()],
        source: "s".into(),
    };
    let fields = declared(OUTPUTS, "message response {");
    assert_eq!(fields.len(), 9);
    check(&output, &format!("{output:?}"), &fields);
    let version = Version {
        version: "v".into(),
        major: 1,
        minor: 2,
        patch: 3,
        prerelease: "p".into(),
        build: "b".into(),
        engine_minor: 4,
        engine_fields_checksum: "c".into(),
        engine_major: 5,
        engine_patch: 6,
        engine_version: "e".into(),
    };
    let fields = declared(VERSION, "message response {");
    assert_eq!(fields.len(), 11);
    check(&version, &format!("{version:?}"), &fields);
}

#[test]
fn enumerations_have_the_numbers_of_the_proto_file() {
    for (name, number) in declared(SCHEMA, "enum priority {") {
        let priority = eyas::rules::Priority::parse(name).unwrap();
        assert_eq!(priority as u32, number, "{name}");
    }
    let sources = declared(SCHEMA, "enum source {");
    for (name, source) in [
        ("SYSCALL", Source::Syscall),
        ("K8S_AUDIT", Source::K8sAudit),
        ("INTERNAL", Source::Internal),
        ("PLUGIN", Source::Plugin),
    ] {
        assert!(sources.contains(&(name, source as u32)), "{name}");
    }
}

fn message_of(record: &str, severity: u8) -> Output {
    let record = Some(record.as_bytes().into());
    let encoded = alert(&Alert { text: b"the \xff line".as_slice().into(), record, severity });
    Output::decode(encoded.unwrap()).unwrap()
}

#[test]
fn an_alert_has_all_facts() {
    let record = r#"{"hostname":"vm","output":"o","message":"m","priority":"Warning","rule":"R","source":"syscall",
        "tags":["a","b"],"time":"2024-05-06T07:08:09.000000123Z",
        "output_fields":{"n":7,"t":"x","b":true,"z":null,"l":["p",1]}}"#;
    let Output { time, priority, source_deprecated, rule, output, output_fields, hostname, tags, source } =
        message_of(record, 4);
    assert_eq!(time.unwrap(), Timestamp { seconds: 1_714_979_289, nanos: 123 });
    assert_eq!((priority, source_deprecated), (4, 0));
    assert_eq!([rule, output, hostname, source], ["R", "the \u{fffd} line", "vm", "syscall"]);
    assert_eq!(tags, ["a", "b"]);
    let fields: Vec<_> = output_fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(fields, [("b", "true"), ("l", r#"["p",1]"#), ("n", "7"), ("t", "x"), ("z", "null")]);
}

#[test]
fn sources_are_counted_as_falco_counts_them() {
    for (name, number) in [("syscall", 0), ("k8s_audit", 1), ("internal", 2), ("aws_cloudtrail", 3)] {
        let record =
            format!(r#"{{"priority":"Debug","rule":"R","source":"{name}","time":"1969-12-31T23:59:59.5Z"}}"#);
        let message = message_of(&record, 7);
        assert_eq!((message.source_deprecated, message.source.as_str()), (number, name));
        assert_eq!(message.time.unwrap(), Timestamp { seconds: -1, nanos: 500_000_000 });
    }
    assert!(alert(&Alert::new(b"no record", 1)).is_none());
}

#[test]
fn versions_are_taken_apart() {
    assert_eq!(numbers("0.44.1+eyas.0.1.0"), [0, 44, 1]);
    assert_eq!(numbers("1.2.3-rc1"), [1, 2, 3]);
    let version = Version::decode(version()).unwrap();
    assert_eq!((version.version.as_str(), version.prerelease.as_str()), (versions::FALCO, ""));
    assert!(version.build.starts_with("eyas."), "{}", version.build);
    let engine = format!("{}.{}.{}", version.engine_major, version.engine_minor, version.engine_patch);
    assert_eq!(engine, version.engine_version);
    assert_eq!(version.engine_fields_checksum.len(), 64);
}
