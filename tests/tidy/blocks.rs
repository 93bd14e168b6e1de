//! Code blocks of the pages. The tests of the programs include this file, too.

use std::path::{Path, PathBuf};

/// A code block.
pub struct Block {
    /// Name of its page.
    pub page: String,
    /// Line of its fence.
    pub line: usize,
    /// The text between the fences.
    pub text: String,
}

/// The blocks of a language in the pages of the repository at `root`.
pub fn blocks(root: &Path, language: &str) -> Vec<Block> {
    let mut pages: Vec<PathBuf> =
        std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|ending| ending == "md"));
    pages.extend(["README.md", "CONTRIBUTING.md"].map(|name| root.join(name)));
    pages.sort();
    pages.iter().flat_map(|page| of_page(page, language)).collect()
}

fn of_page(page: &Path, language: &str) -> Vec<Block> {
    let name = page.file_name().unwrap().to_string_lossy().into_owned();
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (line, text) in (1..).zip(std::fs::read_to_string(page).unwrap().lines()) {
        match (text.trim_start().strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(language), None) => {
                let page = format!("{name} {language}");
                open = Some(Block { page, line, text: String::new() });
            }
            (None, Some(block)) => block.text += &format!("{text}\n"),
            (None, None) => {}
        }
    }
    let wanted = format!("{name} {language}");
    found.retain(|block| block.page == wanted);
    found.iter_mut().for_each(|block| block.page.clone_from(&name));
    found
}

/// The options that the commands in the pages give to a program, each with its place.
pub fn options(root: &Path, program: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for block in blocks(root, "sh") {
        let text = block.text.replace("\\\n", " ");
        for command in text.lines().flat_map(|line| without_comment(line).split(['|', ';', '&'])) {
            let words = without_quoted(command);
            let mut words = words.split_whitespace().skip_while(|word| *word == "sudo" || *word == "time");
            if words
                .next()
                .is_some_and(|first| Path::new(first).file_name().is_some_and(|name| name == program))
            {
                let place = format!("docs, {}:{}", block.page, block.line);
                let options = words.filter(|word| word.starts_with('-') && word.len() > 1);
                found.extend(options.map(|word| (place.clone(), word.split('=').next().unwrap().to_owned())));
            }
        }
    }
    found
}

/// Whether a help text lists an option. Letters after the first of a short one are its value.
pub fn lists(help: &str, option: &str) -> bool {
    let is_long = option.starts_with("--");
    let option = if is_long { option } else { option.get(..2).unwrap_or(option) };
    help.split(|c: char| c.is_whitespace() || ",[=<.".contains(c)).any(|word| word == option)
}

fn without_comment(line: &str) -> &str {
    line.split_once(" #").map_or(line, |(command, _)| command)
}

/// The command without its quoted texts.
fn without_quoted(command: &str) -> String {
    command.split(['\'', '"']).step_by(2).collect::<Vec<_>>().join("_")
}
