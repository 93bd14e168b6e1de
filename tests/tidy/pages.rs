//! Checks the links and the language of the documentation pages.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::root;

/// Phrases that the pages may not contain, with a plainer form. Words are compared without regard to case.
const BANNED: &[(&str, &str)] = &[
    ("passed over", "skipped"),
    ("without a word", "without a message"),
    ("in the place of", "name the actor: what replaces what"),
    ("in whose stead", "instead"),
    ("read anew", "read again, reloaded"),
    ("begin anew", "start again"),
    ("begins anew", "starts again"),
    ("taken for", "treated as"),
    ("is not here", "is missing"),
    ("so often", "this many times"),
    ("whoever", "name the actor"),
    ("untold", "not reported"),
    ("heed", "note, handle"),
    ("of no event", "no event matches"),
    ("mend", "correct, fix"),
    ("holds of", "matches, is true of"),
    ("hold of", "match, are true of"),
    ("what is watched", "name the actor: eyas watches"),
    ("wanted by others", "on a saturated machine"),
    ("holds up nobody", "delays nothing else"),
    ("is told late", "is empty until then"),
    ("pass over", "skip"),
    ("tell", "return, show, report"),
    ("tells", "returns, shows, reports"),
    ("told", "reported, shown"),
    ("at hand", "current, available"),
    ("to be had", "available"),
    ("be had", "be available"),
    ("hands on", "passes"),
    ("in words of", "with the text of"),
    ("who asks", "name the actor"),
    ("in the making", "under construction"),
    ("nobody else's", "not shared"),
    ("in vain", "name the failure: a failed call"),
    ("is amiss", "is wrong, there is a warning"),
    ("in silence", "without a message"),
    ("has words for", "can express"),
    ("by what is known", "name the data"),
];

/// Phrases of the same kind that only the pages may not contain.
const BANNED_IN_PAGES: &[(&str, &str)] = &[
    ("are empty of", "lack"),
    ("as it goes", "up to the end"),
    ("come of it", "name the result"),
    ("count alike", "are supported alike"),
    ("counted alike", "treated alike"),
    ("counts as", "is treated as"),
    ("counts alone", "name when it takes effect"),
    ("found no room", "was lost because X was full"),
    ("finds no room", "is lost if X is full"),
    ("to hand on", "to share"),
    ("what is known of", "the state of"),
    ("what differs is", "name the actor: X reports each difference"),
    ("what the system refuses", "name the actor: the kernel refuses X"),
];

/// Every Markdown page of the repository.
fn pages(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                pages(&path, out);
            }
        } else if name.ends_with(".md") {
            out.push(path);
        }
    }
}

fn all() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    pages(&root(), &mut found);
    assert!(found.len() > 20, "{} pages", found.len());
    found.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// Lines outside code blocks, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !is_fence && !in_code
    })
}

/// A line without its inline code.
fn prose(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// The name by which a link refers to a heading.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    heading.trim().to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(text: &str) -> HashSet<String> {
    lines(text)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| anchor(line.trim_matches('#')))
        .collect()
}

/// What is wrong with a link of a page; `None` if it is right or leads to another site.
fn fault(page: &Path, text: &str, link: &str) -> Option<String> {
    if link.contains("://") {
        return None;
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
    if !target.exists() {
        return Some("there is no such file".into());
    }
    if heading.is_empty() || target.extension().is_none_or(|ending| ending != "md") {
        return None;
    }
    let there =
        if file.is_empty() { anchors(text) } else { anchors(&std::fs::read_to_string(target).unwrap()) };
    (!there.contains(heading)).then(|| "that page has no such heading".into())
}

#[test]
fn links_lead_to_files_and_headings_that_exist() {
    let mut faults = Vec::new();
    let mut links = 0;
    for (path, text) in all() {
        for (number, line) in lines(&text) {
            for link in prose(line).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                links += 1;
                if let Some(why) = fault(&path, &text, link) {
                    faults.push(format!("{}:{number}: {link}: {why}", path.display()));
                }
            }
        }
    }
    assert!(links > 50, "{links} links");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_broken_link_is_found() {
    let page = root().join("README.md");
    assert_eq!(fault(&page, "# One heading", "#one-heading"), None);
    assert!(fault(&page, "# One heading", "#another").is_some());
    assert!(fault(&page, "", "no-such-file.md").is_some());
    assert!(fault(&page, "", "CONTRIBUTING.md#no-such-heading").is_some());
}

#[test]
fn the_index_of_the_documentation_names_every_page() {
    let index = std::fs::read_to_string(root().join("docs/README.md")).unwrap();
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let is_page = name.ends_with(".md") && name != "README.md";
        assert!(!is_page || index.contains(&format!("({name})")), "docs/README.md does not name {name}");
    }
}

/// Git merges these tables by keeping the lines of both sides, so a merge can bring a row back.
#[test]
fn no_difference_is_listed_twice() {
    let mut rows = HashSet::new();
    for name in ["compatibility.md", "compatibility-events.md", "compatibility-sysdig.md"] {
        let text = std::fs::read_to_string(root().join("docs").join(name)).unwrap();
        let is_header = |at: usize| text.lines().nth(at + 1).is_some_and(|next| next.starts_with("| ---"));
        for (at, row) in text.lines().enumerate().filter(|(_, line)| line.starts_with("| ")) {
            let is_row = !row.starts_with("| ---") && !is_header(at);
            assert!(!is_row || rows.insert(row.to_owned()), "docs/{name}:{}: listed before", at + 1);
        }
    }
    assert!(rows.len() > 200, "{} rows", rows.len());
}

/// The number of cells in a row of a table. Bars with a backslash are text.
fn cells(row: &str) -> usize {
    row.replace("\\|", "").matches('|').count().saturating_sub(1)
}

/// Rows of tables that have lost their line: a row with another number of cells than the header, or a bar in a paragraph.
fn faults_of_tables(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut header = None;
    for (number, line) in lines(text) {
        let line = line.trim();
        if !line.starts_with('|') {
            header = None;
            if prose(line).contains(" | ") {
                faults.push(format!("{number}: a row of a table outside a table"));
            }
            continue;
        }
        let expected = *header.get_or_insert_with(|| cells(line));
        if !line.ends_with('|') || cells(line) != expected {
            faults.push(format!("{number}: {} cells, the header has {expected}", cells(line)));
        }
    }
    faults
}

/// Paragraphs that end with a colon, and no list, table or code follows.
fn announcements_of_nothing(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut faults = Vec::new();
    let mut in_code = false;
    for (at, line) in lines.iter().enumerate() {
        in_code ^= line.starts_with("```");
        let mut rest = lines[at + 1..].iter();
        let is_end = line.ends_with(':') && rest.next().is_none_or(|next| next.is_empty());
        if in_code || !is_end {
            continue;
        }
        let next = rest.find(|next| !next.is_empty()).copied().unwrap_or_default();
        let is_item = next.split_once(". ").is_some_and(|(number, _)| number.parse::<u32>().is_ok());
        if !is_item && !["|", "```", "* ", "![", "<!--"].iter().any(|start| next.starts_with(start)) {
            faults.push(format!("{}: nothing follows the colon", at + 1));
        }
    }
    faults
}

#[test]
fn tables_and_lists_are_whole() {
    let mut faults = Vec::new();
    for (path, text) in all() {
        let found = faults_of_tables(&text).into_iter().chain(announcements_of_nothing(&text));
        faults.extend(found.map(|fault| format!("{}:{fault}", path.display())));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn broken_tables_and_lists_are_found() {
    let table = "| a | b |\n| --- | --- |\n| `c\\|c` | d |\n";
    assert_eq!(faults_of_tables(&format!("{table}\nText.\n")).len(), 0);
    assert_eq!(faults_of_tables(&format!("{table}| c | d | | e | f |\n")).len(), 1);
    assert_eq!(faults_of_tables(&format!("{table}| c | d\nd | | e | f |\n")).len(), 2);
    assert_eq!(announcements_of_nothing("Lists:\n\n* a\n\nCode:\n\n```sh\na:\n\n```\n").len(), 0);
    assert_eq!(announcements_of_nothing("Lists:\n\nText.\n").len(), 1);
}

/// Figures of different versions are not comparable.
#[test]
fn tables_of_measurements_name_the_version() {
    let page = std::fs::read_to_string(root().join("docs/performance.md")).unwrap();
    let lines: Vec<&str> = page.lines().collect();
    let is_header = |at: usize| lines.get(at + 1).is_some_and(|next| next.starts_with("| ---"));
    let tables: Vec<usize> = (0..lines.len()).filter(|at| is_header(*at)).collect();
    assert!(tables.len() > 15, "{} tables", tables.len());
    for table in tables {
        let before = lines[..table - 1].split(|line| line.is_empty()).next_back().unwrap_or_default();
        let names = before.join(" ").contains("ersion `");
        assert!(names, "docs/performance.md:{}: of which version is this table?", table + 1);
        let section = page.lines().skip(table).take_while(|line| !line.starts_with("## "));
        assert!(
            section.into_iter().any(|line| line == "```sh"),
            "docs/performance.md:{}: no command",
            table + 1
        );
    }
}

/// Banned phrases in a line.
fn faults_of_language(line: &str) -> Vec<(&'static str, &'static str)> {
    faults_in(line, BANNED)
}

/// Those in a line of a page.
fn faults_of_page(line: &str) -> Vec<(&'static str, &'static str)> {
    let mut faults = faults_of_language(line);
    faults.extend(faults_in(line, BANNED_IN_PAGES));
    // "Of those that it holds it keeps …": a capital, so the first word of a sentence.
    let words = prose(line);
    if words.split(|c: char| !c.is_alphanumeric()).any(|word| word == "Of") {
        faults.push(("Of …, it", "subject, verb, object: it keeps … of …"));
    }
    faults
}

fn faults_in(line: &str, banned: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let text = prose(line).to_lowercase();
    let is_word = |at: Option<char>| at.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_');
    let contains = |phrase: &str| {
        text.match_indices(phrase).any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + phrase.len()..]);
            !is_word(before.chars().next_back()) && !is_word(after.chars().next())
        })
    };
    banned.iter().filter(|(phrase, _)| contains(phrase)).copied().collect()
}

#[test]
fn pages_are_in_plain_language() {
    let mut faults = Vec::new();
    for (path, text) in all() {
        // The page that lists the rules quotes what they forbid.
        if path.ends_with("CONTRIBUTING.md") {
            continue;
        }
        for (number, line) in lines(&text) {
            for (phrase, plainer) in faults_of_page(line) {
                faults.push(format!("{}:{number}: `{phrase}`: write {plainer}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "see CONTRIBUTING.md, Plain technical English:\n{}", faults.join("\n"));
}

#[test]
fn comments_are_in_plain_language() {
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    super::sources(&root(), &mut files);
    files.retain(|path| path.extension().is_some_and(|ending| ending == "rs"));
    // This file quotes the phrases.
    files.retain(|path| !path.ends_with("tests/tidy/pages.rs"));
    assert!(files.len() > 500, "{} files", files.len());
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            let Some(comment) = line.trim_start().strip_prefix("//") else { continue };
            for (phrase, plainer) in faults_of_language(comment) {
                faults.push(format!("{}:{number}: `{phrase}`: write {plainer}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "see CONTRIBUTING.md, Plain technical English:\n{}", faults.join("\n"));
}

#[test]
fn banned_phrases_are_found_as_words() {
    assert_eq!(faults_of_language("The next event Tells.").len(), 1);
    assert_eq!(faults_of_language("`tells` intelligible storytelling").len(), 0);
}

#[test]
fn sentences_that_begin_with_of_are_found() {
    assert_eq!(faults_of_page("* Of a capture, it is shown once. The key counts alone.").len(), 2);
    assert_eq!(faults_of_page("a part of it, `Of` and Office").len(), 0);
}
