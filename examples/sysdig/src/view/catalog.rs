//! The catalogue of views: built-in ones, and those of users' files.

use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};
use eyas_console::ShowPath;

use super::model::View;

/// The built-in views, in the format of a user's file.
const BUILTIN: &str = include_str!("../../views.yaml");

/// The built-in views.
pub fn all() -> &'static [View] {
    static VIEWS: OnceLock<Vec<View>> = OnceLock::new();
    VIEWS.get_or_init(|| {
        serde_saphyr::from_str(BUILTIN).unwrap_or_else(|error| unreachable!("views.yaml: {error}"))
    })
}

/// The built-in view with this name.
pub fn builtin(name: &str) -> Option<&'static View> {
    all().iter().find(|view| view.name == name)
}

/// Reads a file with a view, or with a list of views.
pub fn read(path: &Path) -> Result<Vec<View>> {
    let text = eyas_console::file::wait_for_text(path).with_context(|| format!("view {}", path.shown()))?;
    let has_content = text.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let views = if has_content { parse(&text) } else { Ok(Vec::new()) };
    let views = views.map_err(|error| {
        let path = path.shown();
        let error = format!("{error:#}").replace("<input>", &path).replace(LIBRARY_ADVICE, "");
        anyhow!("view {path}: {}", error.strip_prefix("error: ").unwrap_or(&error))
    })?;
    if views.is_empty() {
        bail!("view {}: it has no view", path.shown());
    }
    Ok(views)
}

/// Advice for programmers in an error of the YAML library.
const LIBRARY_ADVICE: &str = ", set DuplicateKeyPolicy in Options if acceptable";

/// Checks the views of all files: their names, and the views that drill-downs name.
///
/// # Errors
/// A view has no usable name, or the name of another view of the files; or there is no view of that name.
pub fn check(given: &[View]) -> Result<()> {
    for (at, view) in given.iter().enumerate() {
        let name = &view.name;
        if name.is_empty() || name.contains(char::is_whitespace) {
            bail!("view `{name}`: a name is one word, because arguments follow it");
        }
        if given[..at].iter().any(|other| other.name == *name) {
            bail!("view `{name}`: another view of the files given has this name, too");
        }
        for drill in &view.drill {
            let target = find(&drill.view, given).with_context(|| format!("drill of view `{name}`"))?;
            if target.parameters.iter().any(|parameter| !parameter.is_optional()) {
                bail!(
                    "drill of view `{name}`: view `{}` needs arguments, which a drill cannot give",
                    drill.view
                );
            }
        }
    }
    Ok(())
}

fn parse(text: &str) -> Result<Vec<View>> {
    let is_content = |line: &&str| !line.trim().is_empty() && !line.starts_with('#') && *line != "---";
    let is_list = text.lines().find(is_content).is_some_and(|line| line.starts_with('-'));
    Ok(if is_list { serde_saphyr::from_str(text)? } else { vec![serde_saphyr::from_str(text)?] })
}

/// Finds a view by name among the given and the built-in ones.
pub fn find<'a>(name: &str, given: &'a [View]) -> Result<&'a View> {
    given.iter().find(|view| view.name == name).or_else(|| builtin(name)).ok_or_else(|| {
        let names = given.iter().chain(all()).map(|view| view.name.as_str());
        let hint = eyas::rules::nearest(name, names).map(|near| format!("; did you mean `{near}`?"));
        let gone = REMOVED.iter().find(|(gone, _)| *gone == name).map(|(_, why)| format!(": {why}"));
        let hint = gone.or(hint).unwrap_or_default();
        anyhow!("there is no view or chisel `{name}`{hint}; `sysdig -cl` lists them")
    })
}

/// Chisels of sysdig without a view here, and alternatives.
pub const REMOVED: [(&str, &str); 5] = [
    ("memcachelog", "use `-c echo_fds` with the filter `fd.sport=11211`"),
    ("shellshock_detect", "it finds one attack of 2014; use a rule of falco"),
    ("statsd", "use `-p` with the filter `fd.sport=8125`"),
    ("tracers_2_statsd", "tracers are no longer sent"),
    ("udp_extract", "use `-c spy_port` with -b"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_view_or_a_list_of_them() {
        let one = "# A view.\n---\nname: a\nsummary: b\ncolumns:\n- {name: c, value: proc.name}\n";
        assert_eq!(parse(one).unwrap()[0].columns[0].value, "proc.name");
        assert_eq!(
            parse("- {name: a, summary: b, line: x}\n- {name: b, summary: b, line: x}\n").unwrap().len(),
            2
        );
        let error = parse("name: a\nsummary: b\ncolums: []\n").unwrap_err().to_string();
        assert!(error.contains("colums"), "{error}");
    }

    #[test]
    fn names_are_unique_and_removed_ones_say_what_to_do() {
        let mut names: Vec<&str> = all().iter().map(|view| view.name.as_str()).collect();
        names.extend(REMOVED.iter().map(|(name, _)| name));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(find("topproc_cpu", &[]).unwrap_err().to_string().contains("did you mean `topprocs_cpu`?"));
        assert!(find("statsd", &[]).unwrap_err().to_string().contains("8125"));
    }
}
