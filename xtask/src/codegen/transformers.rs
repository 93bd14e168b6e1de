//! Generates the list of transformers from the files in their directory.

use std::fmt::Write;
use std::path::Path;

const BEGIN: &str =
    "// begin transformers: `cargo xtask codegen` writes this list from the files of transformers/\n";
const END: &str = "// end transformers\n";

/// Replaces the list in the text of `transformers.rs` by the files in its directory.
pub fn relist(text: &str, folder: &Path) -> Result<String, String> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("can't read {}: {error}", folder.display()))?;
    let files = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> =
        files.filter_map(|file| file.strip_suffix(".rs").map(str::to_owned)).collect();
    names.sort_unstable();
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("transformers.rs lacks `{}`", BEGIN.trim_end()))?;
    let mut list = String::new();
    for name in &names {
        // Writing to a String cannot fail.
        let _ = writeln!(list, "mod {name};");
    }
    list.push_str("\n/// Every transformer, by name.\npub static TRANSFORMERS: &[&Transformer] = &[\n");
    for name in &names {
        let _ = writeln!(list, "    &{name}::ROW,");
    }
    list.push_str("];\n");
    Ok([before, BEGIN, &list, END, after].concat())
}
