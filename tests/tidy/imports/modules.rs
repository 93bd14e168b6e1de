//! The modules of a program: the file, the items, the imports and the paths of each.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::tokens::{Token, behind_group, tokens};

/// A path in the source, as `["crate", "state", "Fd"]`.
pub(super) type Words = Vec<String>;

/// `use path as name;`
#[derive(Debug)]
pub(super) struct Import {
    /// The name in this module, `*` for everything in the module that the path names.
    pub(super) name: String,
    pub(super) path: Words,
    pub(super) is_public: bool,
    pub(super) line: usize,
}

/// A module: a file, or a block in one.
#[derive(Debug, Default)]
pub(super) struct Module {
    pub(super) file: PathBuf,
    pub(super) parent: Option<usize>,
    pub(super) children: HashMap<String, usize>,
    pub(super) items: HashSet<String>,
    pub(super) imports: Vec<Import>,
    /// The paths that the code uses, with their lines.
    pub(super) paths: Vec<(Words, usize)>,
}

/// The modules of a program, the first is its root.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) modules: Vec<Module>,
    /// The files that define macros, by the macro's name.
    pub(super) macros: HashMap<String, PathBuf>,
}

impl Program {
    /// The program or library whose first file is `root`, `lib.rs`, `main.rs` or `build.rs`.
    pub(super) fn read(root: &Path) -> Self {
        let mut program = Self::default();
        program.modules.push(Module { file: root.to_owned(), ..Module::default() });
        let directory = root.parent().unwrap().to_owned();
        program.read_file(0, &directory);
        program
    }

    /// Reads the file of a module, whose own modules lie in `directory`.
    fn read_file(&mut self, module: usize, directory: &Path) {
        let file = self.modules[module].file.clone();
        let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        self.read_module(module, &tokens(&text), directory);
    }

    fn read_module(&mut self, module: usize, tokens: &[Token], directory: &Path) {
        let mut at = 0;
        let mut depth = 0;
        while at < tokens.len() {
            let word = tokens[at].text.as_str();
            let next = tokens.get(at + 1).map_or("", |token| token.text.as_str());
            let before = if at > 0 { tokens[at - 1].text.as_str() } else { "" };
            let is_item = depth == 0 && tokens.get(at + 1).is_some_and(Token::is_word);
            match word {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                "use" if before != "<" && before != "+" => {
                    let end = tokens[at..].iter().position(|t| t.text == ";").unwrap_or(0) + at;
                    let is_public = before == "pub" || before == ")";
                    let mut imports = Vec::new();
                    use_tree(&tokens[at + 1..end], &[], is_public, tokens[at].line, &mut imports);
                    self.modules[module].imports.extend(imports);
                    at = end;
                }
                "mod" if is_item => {
                    let behind = tokens.get(at + 2).map_or("", |token| token.text.as_str());
                    let child = self.child(module, next);
                    if behind == "{" {
                        let end = behind_group(tokens, at + 2);
                        self.read_module(child, &tokens[at + 3..end - 1], &directory.join(next));
                        at = end - 1;
                    } else {
                        self.read_child(child, next, named_file(&tokens[..at]), directory);
                    }
                    at += 1;
                }
                "macro_rules" if next == "!" => {
                    let file = self.modules[module].file.clone();
                    self.macros.insert(tokens[at + 2].text.clone(), file);
                    at += 2;
                }
                "fn" | "struct" | "enum" | "union" | "trait" | "type" | "static" | "const" if is_item => {
                    self.modules[module].items.insert(next.to_owned());
                    at += usize::from(next != "fn" && next != "unsafe");
                }
                _ if tokens[at].is_word() && before != "." => {
                    let line = tokens[at].line;
                    let mut path = vec![word.to_owned()];
                    while tokens.get(at + 1).is_some_and(|t| t.text == "::")
                        && tokens.get(at + 2).is_some_and(Token::is_word)
                    {
                        path.push(tokens[at + 2].text.clone());
                        at += 2;
                    }
                    if tokens.get(at + 1).is_some_and(|t| t.text == "!") && path.len() == 1 {
                        path.push("!".to_owned());
                    }
                    let is_call = tokens.get(at + 1).is_some_and(|t| t.text == "(");
                    let is_name = word.starts_with(char::is_uppercase);
                    // A lower-case word by itself is a variable, unless it is called.
                    if path.len() > 1 || is_call || is_name {
                        self.modules[module].paths.push((path, line));
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn child(&mut self, parent: usize, name: &str) -> usize {
        let child = self.modules.len();
        let file = self.modules[parent].file.clone();
        self.modules.push(Module { file, parent: Some(parent), ..Module::default() });
        self.modules[parent].children.insert(name.to_owned(), child);
        child
    }

    fn read_child(&mut self, child: usize, name: &str, named: Option<String>, directory: &Path) {
        // A file that an attribute names lies beside the one with the attribute.
        let beside = self.modules[child].file.parent().unwrap().to_owned();
        let file = match named {
            Some(named) => beside.join(named),
            None => directory.join(format!("{name}.rs")),
        };
        let file = if file.exists() { file } else { directory.join(name).join("mod.rs") };
        self.modules[child].file = file;
        self.read_file(child, &directory.join(name));
    }
}

/// The file of `#[path = "file"]` directly before a `mod`.
fn named_file(before: &[Token]) -> Option<String> {
    let end = before.iter().rposition(|t| t.text == "]")?;
    let is_visibility = |t: &Token| ["pub", "(", "crate", "super", ")"].contains(&t.text.as_str());
    let text = &before[end.checked_sub(1)?].text;
    let is_path = before[end + 1..].iter().all(is_visibility) && end >= 3 && before[end - 3].text == "path";
    is_path.then(|| text.trim_matches('"').to_owned())
}

/// The imports of `a::{b, c as d, e::*}`.
fn use_tree(tokens: &[Token], prefix: &[String], is_public: bool, line: usize, out: &mut Vec<Import>) {
    let mut path = prefix.to_vec();
    let mut name = None;
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            "::" => {}
            "as" => {
                name = tokens.get(at + 1).map(|token| token.text.clone());
                at += 1;
            }
            "{" => {
                let end = behind_group(tokens, at) - 1;
                let mut start = at + 1;
                while start < end {
                    let mut stop = start;
                    while stop < end && tokens[stop].text != "," {
                        stop = if tokens[stop].text == "{" { behind_group(tokens, stop) } else { stop + 1 };
                    }
                    use_tree(&tokens[start..stop], &path, is_public, tokens[start].line, out);
                    start = stop + 1;
                }
                return;
            }
            word => path.push(word.to_owned()),
        }
        at += 1;
    }
    if path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    if let Some(last) = path.last().cloned() {
        if last == "*" {
            path.pop();
        }
        out.push(Import { name: name.unwrap_or(last), path, is_public, line });
    }
}
