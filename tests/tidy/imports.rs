//! Checks that imports between the files of a program have no cycles.
//!
//! An import is a `use`, a path in the code, or a macro; re-exports are followed to the file that defines
//! the item. `mod` does not count, and neither does `pub use` of an item of a submodule, unless the module
//! uses that item itself.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::path::{Path, PathBuf};

use eyas_testing::Dir;

use super::root;

#[path = "imports/modules.rs"]
mod modules;
#[path = "imports/tokens.rs"]
mod tokens;

use modules::{Module, Program};

/// Programs that still have cycles, with the number of files in them. A number may only go down.
const KNOWN: &[(&str, usize)] = &[];

/// The imports of a program: the importing file, the imported one, and the line that shows it.
type Imports = BTreeMap<PathBuf, BTreeMap<PathBuf, String>>;

/// Target of a path.
enum Found {
    Module(usize),
    File(PathBuf),
}

impl Program {
    fn is_below(&self, mut module: usize, above: usize) -> bool {
        while let Some(parent) = self.modules[module].parent {
            if parent == above {
                return true;
            }
            module = parent;
        }
        false
    }

    /// Resolves a name of a module; follows re-exports to the definition.
    fn find(&self, module: usize, name: &str, seen: &mut HashSet<(usize, String)>) -> Option<Found> {
        if !seen.insert((module, name.to_owned())) {
            return None;
        }
        let here = &self.modules[module];
        if here.items.contains(name) {
            return Some(Found::File(here.file.clone()));
        }
        // A function or a type may have the name of the module that defines it.
        for import in here.imports.iter().filter(|import| import.name == name) {
            if let Some(found) = self.follow(module, &import.path, seen) {
                return Some(found);
            }
        }
        if let Some(child) = here.children.get(name) {
            return Some(Found::Module(*child));
        }
        for import in here.imports.iter().filter(|import| import.name == "*") {
            if let Some(Found::Module(other)) = self.follow(module, &import.path, seen)
                && let Some(found) = self.find(other, name, seen)
            {
                return Some(found);
            }
        }
        None
    }

    /// What a path in a module leads to; `None` for another crate's.
    fn follow(&self, module: usize, path: &[String], seen: &mut HashSet<(usize, String)>) -> Option<Found> {
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => 0,
            "self" => module,
            "super" => self.modules[module].parent?,
            name if !rest.is_empty() && self.modules[module].children.contains_key(name) => {
                self.modules[module].children[name]
            }
            name => match self.find(module, name, seen)? {
                Found::Module(at) => at,
                file => return Some(file),
            },
        };
        while let Some((next, behind)) = rest.split_first() {
            at = match next.as_str() {
                "super" => self.modules[at].parent?,
                // Only the last name of a path can be a function that is called like a module.
                name if !behind.is_empty() && self.modules[at].children.contains_key(name) => {
                    self.modules[at].children[name]
                }
                name => match self.find(at, name, seen) {
                    Some(Found::Module(at)) => at,
                    Some(file) => return Some(file),
                    // A macro defines it.
                    None => return Some(Found::File(self.modules[at].file.clone())),
                },
            };
            rest = behind;
        }
        Some(Found::Module(at))
    }

    fn file(&self, module: usize, path: &[String]) -> Option<PathBuf> {
        match self.follow(module, path, &mut HashSet::new())? {
            Found::File(file) => Some(file),
            // A module name is only the beginning of the paths that use it.
            Found::Module(_) => None,
        }
    }

    /// The imports of all files.
    fn imports(&self) -> Imports {
        let mut all = Imports::new();
        for (number, module) in self.modules.iter().enumerate() {
            let mut add = |file: PathBuf, path: &[String], line: usize| {
                if file != module.file {
                    let shown = format!("line {line}: {}", path.join("::"));
                    all.entry(module.file.clone()).or_default().entry(file).or_insert(shown);
                }
            };
            for import in &module.imports {
                if !self.only_exports(number, module, import)
                    && import.name != "*"
                    && let Some(file) = self.file(number, &import.path)
                {
                    add(file, &import.path, import.line);
                }
            }
            for (path, line) in &module.paths {
                let file = match path.as_slice() {
                    [name, sign] if sign == "!" => self.macros.get(name).cloned(),
                    path => self.file(number, path),
                };
                if let Some(file) = file {
                    add(file, path, *line);
                }
            }
        }
        all
    }

    /// Whether an import only publishes what a module below defines.
    fn only_exports(&self, number: usize, module: &Module, import: &modules::Import) -> bool {
        if !import.is_public {
            return false;
        }
        let first = import.path.iter().find(|word| *word != "self");
        first.is_some_and(|first| {
            module.children.get(first).is_some_and(|child| self.is_below(*child, number))
        })
    }
}

/// The cycles: sets of files in which each file imports every other one, directly or indirectly.
fn circles(imports: &Imports) -> Vec<BTreeSet<&PathBuf>> {
    let reach = |start: &PathBuf| {
        let mut seen = BTreeSet::new();
        let mut next = vec![start];
        while let Some(file) = next.pop() {
            for other in imports.get(file).into_iter().flat_map(BTreeMap::keys) {
                if let Some((other, _)) = imports.get_key_value(other)
                    && seen.insert(other)
                {
                    next.push(other);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> =
        imports.keys().map(|file| (file, reach(file))).collect();
    let mut found: Vec<BTreeSet<&PathBuf>> = Vec::new();
    for (file, others) in &reached {
        if others.contains(file) && !found.iter().any(|circle| circle.contains(file)) {
            found.push(others.iter().filter(|other| reached[*other].contains(file)).copied().collect());
        }
    }
    found
}

/// The shortest way from each file of a circle back to itself, one import per line.
fn explain(imports: &Imports, circle: &BTreeSet<&PathBuf>, base: &Path) -> String {
    let name = |file: &Path| file.strip_prefix(base).unwrap_or(file).display().to_string();
    let mut text = String::new();
    let mut shown: HashSet<(&PathBuf, &PathBuf)> = HashSet::new();
    for start in circle {
        let mut came: BTreeMap<&PathBuf, &PathBuf> = BTreeMap::new();
        let mut next = VecDeque::from([*start]);
        while let Some(file) = next.pop_front() {
            for other in imports[file].keys().filter(|other| circle.contains(other)) {
                if !came.contains_key(other) {
                    came.insert(other, file);
                    next.push_back(other);
                }
            }
        }
        let mut way = vec![*start];
        let mut at = came[start];
        while at != *start {
            way.push(at);
            at = came[at];
        }
        way.push(*start);
        way.reverse();
        let steps: Vec<_> = way.windows(2).map(|pair| (pair[0], pair[1])).collect();
        if steps.iter().all(|step| shown.contains(step)) {
            continue;
        }
        for (file, other) in steps {
            shown.insert((file, other));
            text += &format!("    {} -> {} ({})\n", name(file), name(other), imports[file][other]);
        }
        text.push('\n');
    }
    text
}

/// The number of files of a program that are in circles, and a description of them.
fn files_in_circles(first: &Path, base: &Path) -> (usize, String) {
    let imports = Program::read(first).imports();
    let circles = circles(&imports);
    let count = circles.iter().map(BTreeSet::len).sum();
    (count, circles.iter().map(|circle| explain(&imports, circle, base)).collect())
}

/// The first file of every library and program of the workspace.
fn programs() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for manifest in super::manifests(&root()) {
        let directory = manifest.parent().unwrap();
        for name in ["src/lib.rs", "src/main.rs", "build.rs"] {
            found.push(directory.join(name));
        }
        for entry in std::fs::read_dir(directory.join("examples")).into_iter().flatten() {
            found.push(entry.unwrap().path());
        }
    }
    found.retain(|file| file.is_file());
    found.sort();
    found
}

#[test]
fn no_files_import_one_another_in_circles() {
    let programs = programs();
    assert!(programs.len() > 15, "{programs:?}");
    let mut faults = String::new();
    for first in programs {
        let name = first.strip_prefix(root()).unwrap().display().to_string();
        let known = KNOWN.iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| *count);
        let (count, text) = files_in_circles(&first, &root());
        if count > known {
            faults += &format!("{name}: {count} files import one another in circles:\n{text}");
        } else if count < known {
            faults += &format!(
                "{name}: {count} files in circles, fewer than the {known} in KNOWN: lower the number\n"
            );
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

/// The number of files in circles of a library that consists of these files.
#[track_caller]
fn check(files: &[(&str, &str)], expected: usize) {
    let directory = Dir::new("imports");
    for (name, text) in files {
        let file = directory.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let (count, text) = files_in_circles(&directory.join("lib.rs"), &directory);
    assert_eq!(count, expected, "{text}");
}

#[test]
fn circles_of_imports_are_found() {
    let lib = ("lib.rs", "mod a; mod b;");
    check(&[lib, ("a.rs", "use crate::b::B; struct A(B);"), ("b.rs", "struct B;")], 0);
    check(&[lib, ("a.rs", "use crate::b::B; struct A(B);"), ("b.rs", "struct B(crate::a::A);")], 2);
    check(
        &[lib, ("a.rs", "fn a() { super::b::f() }"), ("b.rs", "use crate::{a as x}; fn f() { x::a() }")],
        2,
    );
    check(&[lib, ("a.rs", "struct A(super::b::B);"), ("b.rs", "use crate::a::*; struct B(A);")], 2);
    check(&[lib, ("a.rs", "struct A(super::b::B);"), ("b.rs", "use crate::a::*; struct B(C);")], 0);
    check(
        &[lib, ("a.rs", "macro_rules! m { () => {} } fn f() { crate::b::f() }"), ("b.rs", "fn f() { m!() }")],
        2,
    );
}

#[test]
fn reexports_are_no_imports_and_are_followed() {
    let (b, c) = (("a/b.rs", "use super::C; struct B(C);"), ("a/c.rs", "struct C;"));
    let lib = ("lib.rs", "mod a;");
    check(&[lib, ("a.rs", "mod b; mod c; pub use b::B; pub(crate) use self::c::C;"), b, c], 0);
    check(&[lib, ("a.rs", "mod b; pub use b::B; pub struct C;"), b], 0);
    check(
        &[lib, ("a.rs", "mod b; mod c; fn c() { b::B }"), ("a/b.rs", "use super::c::C; struct B(C);"), c],
        0,
    );
    check(&[lib, ("a.rs", "mod b; pub use b::B; pub struct C(Option<B>);"), b], 2);
    check(&[lib, ("a.rs", "mod b; use b::B; pub struct C;"), b], 2);
}

#[test]
fn tests_comments_and_texts_are_no_imports() {
    let lib = ("lib.rs", "mod a; mod b;");
    let a = ("a.rs", "use crate::b::B; struct A(B);");
    for b in [
        "struct B; #[cfg(test)] mod tests { use crate::a::A; }",
        "struct B; // crate::a::A\n/* crate::a::A */ const T: &str = \"crate::a::A\";",
        "struct B; const T: &str = r#\"\" crate::a::A\"#; const Q: char = '\"'; // crate::a::A",
        "struct B; #[cfg(all(test, unix))] use crate::a::A;",
    ] {
        check(&[lib, a, ("b.rs", b)], 0);
    }
    check(&[lib, a, ("b.rs", "struct B; const Q: char = '\"'; fn f<'a>(a: &'a crate::a::A) {}")], 2);
}
