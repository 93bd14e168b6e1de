use super::catalog;
use super::derived::RowSchema;
use super::*;

/// Arguments for views that need some.
fn arguments(view: &View) -> &'static str {
    match view.name.as_str() {
        "fdbytes_by" | "fdcount_by" | "fdtime_by" => "proc.name",
        "fileslower" | "netlower" | "scallslower" | "spy_port" => "1",
        "spy_ip" => "127.0.0.1",
        "around" => "x.scap",
        _ => "",
    }
}

#[test]
fn every_view_compiles() {
    assert!(catalog::all().len() > 40);
    for view in catalog::all() {
        let bound = bind(view, arguments(view)).unwrap_or_else(|error| panic!("{error:#}")).view;
        for containers in [false, true] {
            let options = Options { containers, ..Options::default() };
            ViewSink::new(&bound, options, None).unwrap_or_else(|error| panic!("{error:#}"));
        }
        assert!(!bound.filter.contains('$') && !bound.line.contains('$'), "{}", view.name);
        assert!(view.summary.len() < 100, "{}", view.name);
    }
}

#[test]
fn every_drill_down_leads_to_a_view() {
    for view in catalog::all() {
        for drill in &view.drill {
            let target = catalog::find(&drill.view, &[]).unwrap_or_else(|error| panic!("{error}"));
            assert!(bind(target, "").is_ok(), "{}: {} needs arguments", view.name, drill.view);
            let schema = RowSchema::of(view.rows);
            let filter = template::Template::parse(&drill.filter, Default::default(), schema);
            let filter = filter.unwrap_or_else(|error| panic!("{}: {error}", view.name));
            let shown = |field: &eyas::fields::Field| {
                view.columns.iter().any(|column| column.value.contains(&*field.text))
            };
            assert!(filter.fields().all(shown), "{}: a field of the drill-down is in no column", view.name);
            let names = filter.fields().map(|field| field.text.to_string());
            let text =
                names.fold(drill.filter.clone(), |text, name| text.replace(&format!("{{{name}}}"), "1"));
            let text = text.replace("evt.type=1", "evt.type=open");
            condition::Condition::parse(&text, schema)
                .unwrap_or_else(|error| panic!("{}: {error}", view.name));
        }
    }
}

#[test]
fn mistakes_are_named() {
    let compile = |text: &str| {
        let view: View = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        ViewSink::new(&view, Options::default(), None).map(drop).map_err(|error| error.to_string())
    };
    for (text, part) in [
        ("{name: v, summary: s, columns: [{name: a, value: proc.nam}]}", "did you mean `proc.name`?"),
        ("{name: v, summary: s, line: '{proc.name'}", "has no `}`"),
        ("{name: v, summary: s, line: '{proc.name:byte}'}", "is not a unit"),
        ("{name: v, summary: s}", "a view needs columns"),
        ("{name: v, summary: s, filter: 'evt.typ=open', line: evt.num}", "evt.type"),
        ("{name: v, summary: s, order: b, columns: [{name: a, aggregate: count}]}", "order: `b`"),
        ("{name: v, summary: s, columns: [{name: a, aggregate: sum}]}", "has no value"),
        ("{name: v, summary: s, columns: [{name: a, aggregate: total}]}", "total"),
        ("{name: v, summary: s, colunms: []}", "colunms"),
        ("{name: v, summary: s, columns: [{name: a, value: proc.name, aggregate: sum}]}", "needs a number"),
        ("{name: v, summary: s, line: evt.num, columns: [{name: a, aggregate: count}]}", "only one of these"),
        ("{name: v, summary: s, line: evt.num, chart: {scale: latency, refresh: '5'}}", "only one of these"),
    ] {
        let error = compile(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn mistakes_between_views_are_named() {
    let check = |text: &str| {
        let views: Vec<View> = serde_saphyr::from_str(text).unwrap();
        catalog::check(&views).map_err(|error| format!("{error:#}"))
    };
    for (text, part) in [
        ("[{name: a b, summary: s}]", "a name is one word"),
        ("[{name: a, summary: s}, {name: a, summary: s}]", "another view"),
        ("[{name: a, summary: s, drill: [{view: topcons, filter: ''}]}]", "did you mean `topconns`?"),
        ("[{name: a, summary: s, drill: [{view: spy_ip, filter: ''}]}]", "`spy_ip` needs arguments"),
    ] {
        let error = check(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
    check("[{name: a, summary: s, drill: [{view: b, filter: ''}]}, {name: b, summary: s}]").unwrap();
}
