//! Directives, anchors, aliases and tags.

use super::{Scanned, Scanner};
use crate::input::Input;
use crate::problem::Problem;
use crate::token::Token;

impl Scanner<'_> {
    pub(super) fn directive(&mut self) -> Scanned {
        self.close_all();
        self.keys.clear();
        (self.key_allowed, self.value_may_be_glued) = (false, false);
        let from = self.here();
        self.input.next();
        let mut words = Vec::new();
        loop {
            words.push(self.take_while(|input| !input.is_blank_or_break(0)));
            self.input.skip_until(|input| !input.is_blank(0));
            if self.input.at_end() || self.input.is_break(0) || self.input.is(b'#') {
                break;
            }
        }
        let name = words.remove(0);
        self.push(Token::Directive { name, parameters: words }, from);
        Ok(())
    }

    pub(super) fn anchor(&mut self, is_alias: bool) -> Scanned {
        self.note_key();
        (self.key_allowed, self.value_may_be_glued) = (false, false);
        let from = self.here();
        self.input.next();
        let name = self.take_while(|input| !input.is_one_of(b"[]{},") && !input.is_blank_or_break(0));
        if name.is_empty() {
            let (sign, cpp) = match is_alias {
                true => ('*', "alias not found after *"),
                false => ('&', "anchor not found after &"),
            };
            let problem = Problem::new(cpp, format!("no name follows `{sign}`"), self.input.mark());
            return Err(problem.help("put the text between quotes if it begins with this character"));
        }
        if !(self.input.is_edge(0) || self.input.is_one_of(b"?:,]}%@`")) {
            let cpp = match is_alias {
                true => "illegal character found while scanning alias",
                false => "illegal character found while scanning anchor",
            };
            return self.fail(cpp, "a name cannot have this character");
        }
        self.push(if is_alias { Token::Alias(name) } else { Token::Anchor(name) }, from);
        Ok(())
    }

    pub(super) fn tag(&mut self) -> Scanned {
        self.note_key();
        (self.key_allowed, self.value_may_be_glued) = (false, false);
        let from = self.here();
        self.input.next();
        if self.input.is(b'<') {
            self.input.next();
            self.skip_tag(b"#;/?:@&=+$,_.!~*'()[]");
            if !self.input.is(b'>') {
                return self.fail("end of verbatim tag not found", "a tag between `!<` and `>` does not end");
            }
            self.input.next();
        } else {
            self.input.skip_until(|input| !is_word(input));
            let after_word = self.input.mark();
            if !self.input.is(b'!') {
                self.skip_tag(b"#;/?:@&=+$_.~*'()");
                if self.input.is(b'!') {
                    let cpp = "illegal character found while scanning tag handle";
                    return Err(Problem::new(
                        cpp,
                        "the first part of a tag has only letters and digits",
                        after_word,
                    ));
                }
            } else {
                self.input.next();
                let start = self.input.at();
                self.skip_tag(b"#;/?:@&=+$_.~*'()");
                if self.input.at() == start {
                    return self.fail("tag handle with no suffix", "a tag ends with `!`");
                }
            }
        }
        self.push(Token::Tag, from);
        Ok(())
    }

    fn take_while(&mut self, wanted: impl Fn(&Input<'_>) -> bool) -> String {
        let mut text = Vec::new();
        while wanted(&self.input)
            && let Some(byte) = self.input.next()
        {
            text.push(byte);
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Skips letters, digits, `%` with two digits, and other characters that are allowed in a tag.
    fn skip_tag(&mut self, others: &[u8]) {
        let is_hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
        loop {
            let escape = self.input.is(b'%') && is_hex(self.input.byte(1)) && is_hex(self.input.byte(2));
            match escape {
                true => self.input.skip(3),
                false if is_word(&self.input) || self.input.is_one_of(others) => self.input.skip(1),
                false => return,
            }
        }
    }
}

fn is_word(input: &Input<'_>) -> bool {
    input.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
