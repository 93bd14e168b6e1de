//! Tactics and techniques of MITRE ATT&CK, from the tags of rules.

/// Tactics of the Enterprise matrix: id and name. Tags have the name with the prefix `mitre_`.
const TACTICS: [(&str, &str); 14] = [
    ("TA0043", "Reconnaissance"),
    ("TA0042", "Resource Development"),
    ("TA0001", "Initial Access"),
    ("TA0002", "Execution"),
    ("TA0003", "Persistence"),
    ("TA0004", "Privilege Escalation"),
    ("TA0005", "Defense Evasion"),
    ("TA0006", "Credential Access"),
    ("TA0007", "Discovery"),
    ("TA0008", "Lateral Movement"),
    ("TA0009", "Collection"),
    ("TA0011", "Command and Control"),
    ("TA0010", "Exfiltration"),
    ("TA0040", "Impact"),
];

/// Ids and names of the tactics in the tags.
pub fn tactics(tags: &[String]) -> Vec<(&'static str, &'static str)> {
    let is_of = |tag: &str, name: &str| {
        let tag = tag.strip_prefix("mitre_").unwrap_or_default();
        tag.eq_ignore_ascii_case(&name.replace(' ', "_"))
    };
    TACTICS.into_iter().filter(|(_, name)| tags.iter().any(|tag| is_of(tag, name))).collect()
}

/// Ids of the techniques among the tags: `T1059`, `T1059.004`.
pub fn techniques(tags: &[String]) -> Vec<&str> {
    let is_technique = |tag: &&str| {
        let (technique, sub) = tag.split_once('.').unwrap_or((tag, "000"));
        let is_number =
            |text: &str, len: usize| text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
        technique.strip_prefix('T').is_some_and(|number| is_number(number, 4)) && is_number(sub, 3)
    };
    tags.iter().map(String::as_str).filter(is_technique).collect()
}
