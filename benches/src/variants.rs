//! Generates many rules from few.

/// Fields whose constants are varied.
const FIELDS: [&str; 8] = [
    "proc.name",
    "proc.pname",
    "proc.exepath",
    "proc.cmdline",
    "proc.args",
    "fd.name",
    "fd.directory",
    "fd.filename",
];

/// Operators whose constants are varied.
const OPERATORS: [&str; 4] = ["=", "contains", "startswith", "endswith"];

/// The files, followed by repetitions of their rules until there are `count`, each with other names,
/// constants and exceptions. For a smaller count, rules are removed from the end.
///
/// # Panics
/// The files have no rule.
pub fn varied(files: &[String], count: usize) -> String {
    let all = files.join("\n");
    let is_rule = |block: &str| {
        block.starts_with("rule: ") && block.contains("\n  condition:") && block.contains("\n  output:")
    };
    let blocks: Vec<&str> = files.iter().flat_map(|file| file.split("\n- ").skip(1)).collect();
    let rules: Vec<&str> = blocks.iter().copied().filter(|block| is_rule(block)).collect();
    assert!(!rules.is_empty(), "no rules to vary");
    if count < rules.len() {
        let mut left = count;
        let kept = blocks.into_iter().filter(|block| {
            let keeps = !is_rule(block) || left > 0;
            left -= usize::from(is_rule(block) && keeps);
            keeps
        });
        return kept.fold(String::new(), |text, block| text + "\n- " + block);
    }
    let more = (rules.len()..count).map(|n| variant(rules[n % rules.len()], n / rules.len()));
    more.fold(all, |text, rule| text + &rule)
}

fn variant(rule: &str, copy: usize) -> String {
    let (name, rest) = rule.split_once('\n').unwrap_or((rule, ""));
    // The condition ends where the next key begins, which is indented by two.
    let start = rest.find("\n  condition:").map_or(0, |at| at + 1);
    let mut keys = rest[start..].match_indices("\n  ").map(|(at, _)| start + at);
    let end = keys.find(|at| !rest[at + 3..].starts_with(' ')).unwrap_or(rest.len());
    let (before, condition, after) = (&rest[..start], &rest[start..end], &rest[end..]);
    // As deep as the line before, or deeper than the key.
    let last = condition.rsplit('\n').next().unwrap_or_default();
    let depth = (last.len() - last.trim_start().len()).max(4);
    let condition = other_constants(condition, copy);
    format!(
        "\n- {name} ({copy})\n{before}{condition}\n{:depth$}and not proc.cmdline contains variant_{copy}{after}",
        ""
    )
}

/// Appends a suffix to the text constants of a condition.
fn other_constants(condition: &str, copy: usize) -> String {
    let mut out = String::with_capacity(condition.len() + 64);
    let (mut field, mut operator) = ("", "");
    for word in condition.split_inclusive(char::is_whitespace) {
        let bare = word.trim();
        if bare.is_empty() {
            out.push_str(word);
            continue;
        }
        let constant = bare.trim_end_matches(')');
        let quotes = constant.matches(['"', '\'']).count();
        let is_text = FIELDS.contains(&field.trim_start_matches('(')) && OPERATORS.contains(&operator);
        match is_text && matches!(quotes, 0 | 2) && constant.len() > quotes {
            true => {
                let at = constant.trim_end_matches(['"', '\'']).len();
                out.push_str(&format!("{}_{copy}{}", &word[..at], &word[at..]));
            }
            false => out.push_str(word),
        }
        (field, operator) = (operator, bare);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_repeated_with_other_names_and_constants() {
        let file = "- rule: a\n  desc: d\n  condition: >\n    evt.type = open and (fd.name startswith /etc)\n    and \
                    proc.name=\"x\" or proc.name = \"y z\"\n  output: o\n  priority: INFO\n";
        let text = varied(&[format!("#\n{file}")], 3);
        assert_eq!(text.matches("- rule: a").count(), 3);
        assert!(text.contains("- rule: a (2)"), "{text}");
        assert!(text.contains("evt.type = open and (fd.name startswith /etc_2)"), "{text}");
        assert!(text.contains("\n    and not proc.cmdline contains variant_2\n  output"), "{text}");
        assert_eq!(crate::engine(&[text]).rules().len(), 3);
    }

    #[test]
    fn variants_reach_the_requested_number_of_rules() {
        for count in [2, 100, 1000] {
            assert_eq!(crate::engine(&[varied(&crate::all_rules(), count)]).rules().len(), count);
        }
    }
}
