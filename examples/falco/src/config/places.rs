use std::collections::BTreeMap;

/// Where the values of the configuration are written, by their keys: a file and a line, or an option.
#[derive(Clone, Debug, Default)]
pub struct Places(pub BTreeMap<String, String>);

impl Places {
    /// Where this key, a key below it, or the closest key above it is written.
    pub fn of(&self, mut key: &str) -> Option<&str> {
        loop {
            let below = || self.0.range(key.to_owned()..).map(|(at, _)| at).next();
            let is_below =
                |at: &&String| at.strip_prefix(key).is_some_and(|rest| rest.starts_with(['.', '[']));
            if let Some(place) = self.0.get(key).or_else(|| self.0.get(below().filter(is_below)?)) {
                return Some(place);
            }
            key = &key[..key.rfind(['.', '['])?];
        }
    }

    /// Adds to a message where the key is written that it is about. Such messages begin with the key, or with
    /// words of Falco, and then the key is the first one in the message.
    pub fn name(&self, message: String) -> String {
        let ends = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '\\'));
        let words = message.split(ends).map(|word| word.trim_end_matches('.'));
        let is_key = |(at, word): &(usize, &str)| *at == 0 || word.contains(['.', '[']);
        let place = words.enumerate().filter(is_key).find_map(|(_, word)| self.of(word));
        match place.filter(|place| !message.contains(*place)) {
            Some(place) => format!("{message} ({place})"),
            None => message,
        }
    }
}
