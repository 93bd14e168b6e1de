use super::super::ast::{Call, Operand};
use super::super::compile::{CompileError, CompileErrorKind};
use super::{Plain, Val};

impl Plain<'_> {
    /// The operand's value in this event; `None` where it is absent.
    pub(super) fn value(&self, operand: &Operand) -> Result<Option<Val>, CompileError> {
        match operand {
            Operand::Field(field) => {
                if let Some(text) = self.constant(field) {
                    return Ok(Some(Val::Text(text.into())));
                }
                let field = self.resolve(field)?;
                Ok(self.source.get(&field).map(Val::of))
            }
            Operand::Text(text) => Ok(Some(Val::Text(text.text.clone()))),
            Operand::List(items, _) => {
                let mut all = Vec::new();
                for item in items {
                    match self.value(item)? {
                        Some(value) => all.extend(value.items()),
                        None => return Ok(None),
                    }
                }
                Ok(Some(Val::List(all)))
            }
            Operand::Call(call) => self.call(call),
        }
    }

    fn call(&self, call: &Call) -> Result<Option<Val>, CompileError> {
        let mut args = Vec::new();
        for arg in &call.args {
            match self.value(arg)? {
                Some(value) => args.push(value),
                None => return Ok(None),
            }
        }
        Ok(match (call.name.as_str(), args.as_slice()) {
            ("val", [value]) => Some(value.clone()),
            ("tolower", [value]) => each(value, &|text| Some(text.to_ascii_lowercase())),
            ("toupper", [value]) => each(value, &|text| Some(text.to_ascii_uppercase())),
            ("basename", [value]) => {
                each(value, &|text| text.split(|b| *b == b'/').next_back().map(<[u8]>::to_vec))
            }
            ("b64", [value]) => {
                let is_text = call
                    .args
                    .iter()
                    .any(|arg| self.kind(arg).is_ok_and(|kind| kind.ty == eyas_fields::FieldType::Str));
                each(value, &|text| {
                    let mut bytes = base64(text)?;
                    if is_text {
                        bytes = bytes.into_iter().take_while(|b| *b != 0).collect();
                    }
                    Some(bytes)
                })
            }
            ("len", [Val::Text(text)]) => Some(Val::Number(text.len() as i128)),
            ("len", [Val::List(items)]) => Some(Val::Number(items.len() as i128)),
            ("concat", parts) => Some(Val::Text(parts.iter().flat_map(written).collect())),
            ("join", [separator, list]) => {
                let items: Vec<Vec<u8>> = list.clone().items().iter().map(written).collect();
                Some(Val::Text(items.join(&written(separator)[..])))
            }
            ("getopt", [argv, Val::Text(options)]) => getopt(argv, options, call.select.as_deref()),
            (name, args) => {
                let message = format!("transformer '{name}' does not take {args:?}");
                return Err(CompileError::new(CompileErrorKind::BadTransformer, message, call.span));
            }
        })
    }
}

/// Changes a text, or each text of a list; absent where one of them can't be.
fn each(value: &Val, change: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Val> {
    match value {
        Val::Text(text) => change(text).map(Val::Text),
        Val::List(items) => items.iter().map(|item| each(item, change)).collect::<Option<_>>().map(Val::List),
        _ => None,
    }
}

fn written(value: &Val) -> Vec<u8> {
    match value {
        Val::Text(text) => text.clone(),
        Val::Number(n) => n.to_string().into_bytes(),
        Val::Bool(b) => b.to_string().into_bytes(),
        Val::Ip(ip) => ip.to_string().into_bytes(),
        Val::Double(_) | Val::Net(..) | Val::List(_) => Vec::new(),
    }
}

/// Six bits a letter, the bits that fill no byte dropped.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let padding = text.iter().rev().take(2).take_while(|b| **b == b'=').count();
    let letters = &text[..text.len() - padding];
    if letters.len() % 4 == 1 {
        return None;
    }
    let mut bits = String::new();
    for letter in letters {
        let six = LETTERS.iter().position(|l| l == letter)?;
        bits.push_str(&format!("{six:06b}"));
    }
    if bits[bits.len() / 8 * 8..].contains('1') {
        return None;
    }
    (0..bits.len() / 8).map(|i| u8::from_str_radix(&bits[8 * i..8 * i + 8], 2).ok()).collect()
}

/// Options of a command line, and their values, in the order found; or the last value of one option.
fn getopt(argv: &Val, options: &[u8], select: Option<&str>) -> Option<Val> {
    let words: Vec<Vec<u8>> = argv.clone().items().iter().map(written).collect();
    let mut found: Vec<(u8, Option<Vec<u8>>)> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let word = &words[at];
        at += 1;
        if word == b"--" || word.len() < 2 || word[0] != b'-' {
            break;
        }
        if word[1] == b'-' {
            continue;
        }
        let mut letters = &word[1..];
        while let [letter, rest @ ..] = letters {
            letters = rest;
            let known = options.iter().position(|o| o == letter && *letter != b':');
            match known.map(|known| options.get(known + 1) == Some(&b':')) {
                None => found.push((b'?', Some(Vec::new()))),
                Some(false) => found.push((*letter, Some(Vec::new()))),
                Some(true) if !rest.is_empty() => {
                    found.push((*letter, Some(rest.to_vec())));
                    letters = &[];
                }
                Some(true) => {
                    found.push((*letter, words.get(at).cloned()));
                    at += 1;
                }
            }
        }
    }
    let takes_value = |letter: u8| {
        options.iter().position(|o| *o == letter).is_some_and(|at| options.get(at + 1) == Some(&b':'))
    };
    if let Some(wanted) = select.and_then(|s| s.bytes().next()) {
        let (letter, value) = found.into_iter().rfind(|(letter, _)| *letter == wanted && *letter != b'?')?;
        return Some(Val::Text(if takes_value(letter) { value.unwrap_or_default() } else { vec![letter] }));
    }
    let mut out = Vec::new();
    for (letter, value) in found {
        out.push(Val::Text(vec![letter]));
        if letter != b'?' && takes_value(letter) {
            out.extend(value.map(Val::Text));
        }
    }
    Some(Val::List(out))
}
