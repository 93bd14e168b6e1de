//! Substitutes the arguments of a view into its texts.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};

use super::derived::RowSchema;
use super::model::{Kind, Parameter, View};
use super::template;

/// A view with its arguments.
pub struct Bound {
    pub view: View,
    /// Whether colours are disabled.
    pub no_colors: bool,
    /// Export of the events around each row.
    pub export: Option<Export>,
}

/// Export of events to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// A capture.
    pub path: PathBuf,
    /// Time before and after a row, in milliseconds.
    pub range: u64,
}

/// Substitutes the arguments, given as one text, into the texts of the view.
pub fn bind(view: &View, arguments: &str) -> Result<Bound> {
    let mut bound = Bound { view: view.clone(), no_colors: false, export: None };
    let mut values: Vec<(&str, String)> = Vec::new();
    let mut rest = arguments.trim();
    for parameter in &view.parameters {
        let given = match parameter.kind {
            Kind::Condition => std::mem::take(&mut rest),
            _ => {
                let (word, behind) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                rest = behind.trim_start();
                word
            }
        };
        if parameter.kind == Kind::Colors {
            bound.no_colors = matches!(given, "disable_colors" | "disable_color");
            if !given.is_empty() && !bound.no_colors {
                bail!("{}: `{given}` is not `disable_colors`", view.name);
            }
            continue;
        }
        let text = text_of(parameter, given, view)
            .map_err(|error| anyhow!("{} of view `{}`: {error}", parameter.name, view.name))?;
        match (parameter.kind, &mut bound.export) {
            (Kind::File, export) if !text.is_empty() => {
                *export = Some(Export { path: text.into(), range: 0 });
            }
            (Kind::Range, Some(export)) => {
                export.range = text.parse().map_err(|_| {
                    anyhow!(
                        "{} of view `{}`: `{text}` is not a number of milliseconds",
                        parameter.name,
                        view.name
                    )
                })?;
            }
            _ => values.push((&parameter.name, text)),
        }
    }
    if !rest.is_empty() {
        bail!("view `{}` takes no argument `{rest}`; `sysdig -i {}` describes it", view.name, view.name);
    }
    for text in templates(&mut bound.view).into_iter().filter(|text| text.contains('$')) {
        *text = replaced(text, &values);
    }
    Ok(bound)
}

/// The text that replaces a parameter.
fn text_of(parameter: &Parameter, given: &str, view: &View) -> Result<String> {
    if given.is_empty() {
        let missing =
            || anyhow!("missing: {}; `sysdig -i {}` describes the view", parameter.about, view.name);
        return parameter.default.clone().ok_or_else(missing);
    }
    if !parameter.choices.is_empty() {
        return parameter.choices.get(given).cloned().ok_or_else(|| {
            let names: Vec<&str> = parameter.choices.keys().map(String::as_str).collect();
            anyhow!("`{given}` is not one of {}", names.join(", "))
        });
    }
    let value = match parameter.kind {
        Kind::Number => {
            let number: f64 = given.parse().map_err(|_| anyhow!("`{given}` is not a number"))?;
            (number * parameter.factor.unwrap_or(1.0)).to_string()
        }
        Kind::Field => template::resolve(given, RowSchema::of(view.rows))?.text.to_string(),
        Kind::Text => format!("\"{}\"", given.replace('\\', "\\\\").replace('"', "\\\"")),
        Kind::Condition | Kind::Colors | Kind::File | Kind::Range => given.to_owned(),
    };
    Ok(if parameter.form.is_empty() { value } else { parameter.form.replace('$', &value) })
}

/// The texts of a view that may contain parameters.
fn templates(view: &mut View) -> Vec<&mut String> {
    let mut texts = vec![&mut view.filter, &mut view.prefer, &mut view.line, &mut view.order];
    texts.extend(view.lines.iter_mut().flat_map(|line| [&mut line.when, &mut line.line]));
    texts.extend(
        view.columns.iter_mut().flat_map(|column| [&mut column.name, &mut column.value, &mut column.when]),
    );
    texts.extend(view.colors.iter_mut().map(|color| &mut color.when));
    texts.extend(view.drill.iter_mut().map(|drill| &mut drill.filter));
    texts.extend(view.chart.iter_mut().map(|chart| &mut chart.refresh));
    texts
}

/// The text with the values of parameters. A `$` in a value stays, as does one before any other name.
fn replaced(text: &str, values: &[(&str, String)]) -> String {
    let mut parts = text.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (name, behind) = part.split_at(part.find(|c| !is_part(c)).unwrap_or(part.len()));
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => out.extend([value, behind]),
            None => out.extend(["$", part]),
        }
    }
    out
}

/// Whether the next word of the command line is an argument of the view. A view with a mandatory argument
/// takes any word; a view with an optional one takes a word that is not a filter.
pub fn takes(view: &View, word: &str, is_filter: impl Fn(&str) -> bool) -> bool {
    let needs = view.parameters.iter().any(|parameter| !parameter.is_optional());
    let begins_with_condition = view.parameters.first().is_some_and(|first| first.kind == Kind::Condition);
    needs || (!view.parameters.is_empty() && (begins_with_condition || !is_filter(word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::catalog;

    fn bound(name: &str, arguments: &str) -> Result<View> {
        bind(catalog::builtin(name).unwrap(), arguments).map(|bound| bound.view)
    }

    #[test]
    fn arguments_become_parts_of_conditions() {
        assert!(bound("fileslower", "1.5").unwrap().filter.ends_with("evt.latency > 1500000"));
        assert!(bound("spy_file", "R").unwrap().filter.contains("evt.is_io_read=true"));
        assert!(bound("spy_file", "RW /a\"b").unwrap().filter.contains("fd.name=\"/a\\\"b\""));
        assert_eq!(bound("fdbytes_by", "proc.name").unwrap().columns[1].value, "proc.name");
        assert!(
            bound("lsof", "proc.name=a and fd.num=1").unwrap().filter.contains("proc.name=a and fd.num=1")
        );
    }

    #[test]
    fn parameters_are_whole_names_and_values_are_not_expanded() {
        let parameter = |name: &str| format!("{{name: {name}, about: a, kind: condition}}");
        let view = |parameters: &str| -> View {
            let texts = "filter: $a = $ab and $c, columns: [{name: x, aggregate: count, when: $ab}],\
                drill: [{view: ps, filter: $a}]";
            serde_saphyr::from_str(&format!("{{name: v, summary: s, parameters: [{parameters}], {texts}}}"))
                .unwrap()
        };
        let bound = bind(&view("{name: a, about: a, kind: field}"), "proc.name").unwrap().view;
        assert_eq!((&*bound.filter, &*bound.drill[0].filter), ("proc.name = $ab and $c", "proc.name"));
        let both = view(&["{name: a, about: a, kind: field}", &parameter("ab")].join(", "));
        let bound = bind(&both, "proc.name $a").unwrap().view;
        assert_eq!((&*bound.filter, &*bound.columns[0].when), ("proc.name = $a and $c", "$a"));
    }

    #[test]
    fn events_around_rows_go_to_a_file() {
        let export = |arguments| bind(catalog::builtin("spy_logs").unwrap(), arguments).unwrap().export;
        assert_eq!(export(""), None);
        assert_eq!(export("a.scap"), Some(Export { path: "a.scap".into(), range: 1000 }));
        assert_eq!(export("a.scap 5"), Some(Export { path: "a.scap".into(), range: 5 }));
        assert!(bind(catalog::builtin("around").unwrap(), "").is_err());
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for (name, arguments, part) in [
            ("fileslower", "", "missing"),
            ("fileslower", "x", "not a number"),
            ("fdbytes_by", "proc.nam", "did you mean `proc.name`?"),
            ("spy_file", "X", "not one of"),
            ("topfiles_bytes", "x", "takes no argument"),
            ("echo_fds", "x", "disable_colors"),
        ] {
            let error = bound(name, arguments).unwrap_err().to_string();
            assert!(error.contains(part), "{name}: {error}");
        }
    }
}
