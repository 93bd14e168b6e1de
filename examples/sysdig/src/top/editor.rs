//! The input line of a filter: completion of fields, and error messages.

use eyas::fields::FieldFlags;
use eyas::rules::condition;

/// Maximum number of shown proposals.
const MAX: usize = 8;

/// A line of text with a cursor.
#[derive(Clone, Debug, Default)]
pub struct Editor {
    pub text: String,
    /// Position of the cursor, in characters.
    pub cursor: usize,
}

/// An error in a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Position of the error in characters, and its length.
    pub at: usize,
    pub length: usize,
    pub message: String,
}

impl Editor {
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.chars().count() }
    }

    fn byte(&self, character: usize) -> usize {
        self.text.char_indices().nth(character).map_or(self.text.len(), |(at, _)| at)
    }

    pub fn insert(&mut self, c: char) {
        let at = self.byte(self.cursor);
        self.text.insert(at, c);
        self.cursor += 1;
    }

    /// Removes the character before the cursor.
    pub fn backspace(&mut self) {
        if self.cursor > 0 {
            self.cursor -= 1;
            let at = self.byte(self.cursor);
            self.text.remove(at);
        }
    }

    /// Removes the character at the cursor.
    pub fn delete(&mut self) {
        let at = self.byte(self.cursor);
        if at < self.text.len() {
            self.text.remove(at);
        }
    }

    /// Removes all characters before the cursor.
    pub fn cut_beginning(&mut self) {
        let at = self.byte(self.cursor);
        self.text.drain(..at);
        self.cursor = 0;
    }

    /// Removes all characters from the cursor on.
    pub fn cut_end(&mut self) {
        let at = self.byte(self.cursor);
        self.text.truncate(at);
    }

    /// Removes the word before the cursor, and the blanks between them.
    pub fn cut_word(&mut self) {
        let before = &self.text[..self.byte(self.cursor)];
        let kept = before.trim_end().rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let count = before[kept..].chars().count();
        (0..count).for_each(|_| self.backspace());
    }

    pub fn left(&mut self) {
        self.cursor = self.cursor.saturating_sub(1);
    }

    pub fn right(&mut self) {
        self.cursor = (self.cursor + 1).min(self.text.chars().count());
    }

    pub fn home(&mut self) {
        self.cursor = 0;
    }

    pub fn end(&mut self) {
        self.cursor = self.text.chars().count();
    }

    /// The word before the cursor, if it may be a field.
    fn word(&self) -> &str {
        let before = &self.text[..self.byte(self.cursor)];
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
        let start = before
            .rfind(|c| !is_part(c))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        &before[start..]
    }

    /// Fields that begin with the word before the cursor.
    pub fn proposals(&self) -> Vec<&'static str> {
        let word = self.word();
        if word.is_empty() {
            return Vec::new();
        }
        let schema = crate::schema::schema();
        let mut names: Vec<&str> = schema
            .fields()
            .iter()
            .filter(|def| {
                !def.flags.contains(FieldFlags::HIDDEN) && def.name.starts_with(word) && def.name != word
            })
            .map(|def| def.name)
            .collect();
        names.sort_unstable();
        names.truncate(MAX);
        names
    }

    /// Completes the word before the cursor to the common prefix of all proposals.
    pub fn complete(&mut self) {
        let proposals = self.proposals();
        let Some(first) = proposals.first() else { return };
        let agree = |len: &usize| proposals.iter().all(|name| name.get(..*len) == first.get(..*len));
        let common = (0..=first.len()).rev().find(agree).unwrap_or(0);
        let known = self.word().len();
        let more: Vec<char> = first[known.min(common)..common].chars().collect();
        more.into_iter().for_each(|c| self.insert(c));
    }

    /// The error in the filter, if there is one. An empty filter has none.
    pub fn fault(&self) -> Option<Fault> {
        if self.text.trim().is_empty() {
            return None;
        }
        let schema = crate::schema::schema();
        let diagnostic = match condition::parse(&self.text) {
            Err(error) => error.to_diagnostic("filter", &self.text, schema),
            Ok(expr) => condition::compile(&expr, schema).err()?.to_diagnostic("filter", &self.text, schema),
        };
        let at = diagnostic.labels.first().map_or(1, |label| label.position().1).saturating_sub(1);
        let rest = self.text.chars().skip(at);
        let ends = |c: &char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '=' | '!' | '<' | '>');
        let length = rest.take_while(|c| !ends(c)).count().max(1);
        let parts: Vec<String> = [diagnostic.message].into_iter().chain(diagnostic.help).collect();
        Some(Fault { at, length, message: parts.join("; ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_completed() {
        let mut editor = Editor::new("proc.name=cat and fd.nam");
        assert!(editor.proposals().contains(&"fd.name"));
        editor.complete();
        assert_eq!(editor.text, "proc.name=cat and fd.name");
        let mut editor = Editor::new("proc.pp");
        editor.complete();
        assert!(editor.text.starts_with("proc.ppid") || editor.text == "proc.pp", "{}", editor.text);
        assert!(Editor::new("proc.name = ").proposals().is_empty());
    }

    #[test]
    fn a_fault_has_a_place() {
        let fault = Editor::new("proc.name=cat and fd.nme=x").fault().unwrap();
        assert_eq!((fault.at, fault.length), (18, 6));
        assert!(fault.message.contains("fd.nme"), "{}", fault.message);
        assert_eq!(Editor::new("").fault(), None);
        assert_eq!(Editor::new("proc.name=é").fault(), None);
    }

    #[test]
    fn parts_of_the_line_are_cut() {
        let mut editor = Editor::new("proc.name=é and  fd.num");
        editor.cut_word();
        assert_eq!((editor.text.as_str(), editor.cursor), ("proc.name=é and  ", 17));
        editor.cut_word();
        assert_eq!(editor.text, "proc.name=é ");
        editor.left();
        editor.left();
        editor.cut_end();
        assert_eq!(editor.text, "proc.name=");
        editor.left();
        editor.cut_beginning();
        assert_eq!((editor.text.as_str(), editor.cursor), ("=", 0));
        editor.cut_word();
        assert_eq!(editor.text, "=");
    }

    #[test]
    fn letters_of_several_bytes_are_one() {
        let mut editor = Editor::new("aé");
        editor.left();
        editor.insert('ü');
        editor.backspace();
        editor.delete();
        assert_eq!((editor.text.as_str(), editor.cursor), ("a", 1));
    }
}
