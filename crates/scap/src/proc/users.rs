//! Users and groups of the host, from its own files: the name services here may not be the host's.

use std::io::Read;
use std::path::Path;

use super::parse;
use crate::{Group, User};

/// The most of a file that is read.
const FILE: u64 = 16 << 20;
/// The longest text that captures hold.
const TEXT: usize = 255;

pub(super) fn users(root: &Path) -> Vec<User> {
    let text = read(root, "etc/passwd");
    let mut users: Vec<User> = parse::lines(&text).filter_map(user).collect();
    if !users.iter().any(|user| user.uid == 0) {
        users.push(User {
            uid: 0,
            gid: 0,
            name: b"root".to_vec(),
            home: b"/root".to_vec(),
            shell: Vec::new(),
        });
    }
    users
}

pub(super) fn groups(root: &Path) -> Vec<Group> {
    let text = read(root, "etc/group");
    let mut groups: Vec<Group> = parse::lines(&text).filter_map(group).collect();
    if !groups.iter().any(|group| group.gid == 0) {
        groups.push(Group { gid: 0, name: b"root".to_vec() });
    }
    groups
}

/// `name:password:uid:gid:comment:home:shell`
fn user(line: &[u8]) -> Option<User> {
    let mut parts = line.split(|byte| *byte == b':');
    let name = text(parts.next()?);
    let uid = id(parts.nth(1)?)?;
    let gid = id(parts.next()?)?;
    let home = text(parts.nth(1)?);
    let shell = text(parts.next().unwrap_or_default());
    Some(User { uid, gid, name, home, shell })
}

/// `name:password:gid:members`
fn group(line: &[u8]) -> Option<Group> {
    let mut parts = line.split(|byte| *byte == b':');
    let name = text(parts.next()?);
    Some(Group { gid: id(parts.nth(1)?)?, name })
}

fn id(text: &[u8]) -> Option<u32> {
    u32::try_from(parse::decimal(text)?).ok()
}

fn text(text: &[u8]) -> Vec<u8> {
    text[..text.len().min(TEXT)].to_vec()
}

fn read(root: &Path, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = std::fs::File::open(root.join(name)) {
        // What was read before a failure is still worth having.
        let _ = file.take(FILE).read_to_end(&mut bytes);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_passwd_and_group() {
        let found = user(b"www-data:x:33:34:www,data:/var/www:/usr/sbin/nologin").unwrap();
        assert_eq!((found.uid, found.gid), (33, 34));
        assert_eq!((&found.name[..], &found.home[..]), (&b"www-data"[..], &b"/var/www"[..]));
        assert_eq!(found.shell, b"/usr/sbin/nologin");
        assert_eq!(user(b"# comment"), None);
        assert_eq!(user(b"a:x:99999999999:0::/:/"), None);
        assert_eq!(group(b"adm:x:4:syslog").unwrap(), Group { gid: 4, name: b"adm".to_vec() });
        assert_eq!(group(b""), None);
    }
}
