//! Lists put into the text of conditions.

/// A list ready to be put in.
#[derive(Clone, Debug)]
pub(super) struct ReadyList {
    pub(super) name: String,
    pub(super) items: Vec<String>,
    pub(super) used: bool,
}

fn is_edge(byte: Option<u8>) -> bool {
    byte.is_none_or(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b'(' | b')' | b',' | b'='))
}

/// Texts that a condition may grow to, bytes.
const MAX_LEN: usize = 4 << 20;

/// Replaces the names of lists, in the order given, by their items. Answers why not if the text grows
/// without bound.
pub(super) fn substitute(mut text: String, lists: &mut [ReadyList]) -> Result<String, String> {
    for list in lists {
        let mut from = 0;
        while let Some(found) = text[from..].find(&list.name) {
            let start = from + found;
            let end = start + list.name.len();
            let bytes = text.as_bytes();
            if !(is_edge(start.checked_sub(1).map(|i| bytes[i])) && is_edge(bytes.get(end).copied())) {
                from = start + text[start..].chars().next().map_or(1, char::len_utf8);
                continue;
            }
            list.used = true;
            let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
            let mut left = start - bytes[..start].iter().rev().take_while(|b| blank(b)).count();
            let mut right = end + bytes[end..].iter().take_while(|b| blank(b)).count();
            let items: Vec<String> = list.items.iter().map(|item| quoted(item)).collect();
            let with = if items.is_empty() {
                if left > 0 && bytes[left - 1] == b',' {
                    left -= 1;
                } else if bytes.get(right) == Some(&b',') {
                    right += 1;
                }
                " ".to_owned()
            } else {
                format!(" {} ", items.join(", "))
            };
            text.replace_range(left..right, &with);
            from = left + with.len();
            if text.len() > MAX_LEN {
                return Err(format!("with its lists the condition exceeds {MAX_LEN} bytes"));
            }
        }
    }
    Ok(text)
}

/// An item with blanks in it is quoted unless it is already.
pub(super) fn quoted(item: &str) -> String {
    if item.contains(' ') && !item.starts_with(['"', '\'']) { format!("\"{item}\"") } else { item.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, items: &[&str], want: &str) {
        let items = items.iter().map(|i| (*i).to_owned()).collect();
        let mut lists = [ReadyList { name: "l".into(), items, used: false }];
        assert_eq!(substitute(text.into(), &mut lists).unwrap(), want);
    }

    #[test]
    fn a_name_becomes_its_items() {
        check("a in (l)", &["x", "y z"], "a in ( x, \"y z\" )");
        check("a in (b, l, c)", &["x"], "a in (b, x , c)");
        check("a in (b, l, c)", &[], "a in (b , c)");
        check("a in (l, c)", &[], "a in (  c)");
        check("al=l", &["x"], "al= x ");
        check("a.l-l=1", &["x"], "a.l-l=1");
    }
}
