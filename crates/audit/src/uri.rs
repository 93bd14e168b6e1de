//! Query parameters of a request URI.

/// The first value of a query parameter, decoded; `None` if there is none, or a part of the query is malformed.
pub(crate) fn query_value(uri: &[u8], name: &str) -> Option<Vec<u8>> {
    let uri = uri.split(|byte| *byte == b'#').next()?;
    let at = uri.iter().position(|byte| *byte == b'?')?;
    let mut found = None;
    for pair in uri[at + 1..].split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let (key, value) = (decoded(parts.next()?)?, decoded(parts.next().unwrap_or_default())?);
        if key == name.as_bytes() {
            found = found.or(Some(value));
        }
    }
    found
}

/// Decodes percent escapes; a plus is a space.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(*bytes.next()?).to_digit(16);
                (digit()? << 4 | digit()?) as u8
            }
            other => *other,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_is_decoded() {
        let value =
            |uri: &str, name| query_value(uri.as_bytes(), name).map(|v| String::from_utf8(v).unwrap());
        let uri = "/api/exec?command=sh&command=-c&stdin=true&p=a%20b+c%2F&empty=#command=x";
        assert_eq!(value(uri, "command").as_deref(), Some("sh"));
        assert_eq!(value(uri, "p").as_deref(), Some("a b c/"));
        assert_eq!(value(uri, "empty").as_deref(), Some(""));
        assert_eq!(value(uri, "none"), None);
        assert_eq!(value("/api", "command"), None);
        assert_eq!(value("/api?command=%zz", "command"), None);
    }
}
