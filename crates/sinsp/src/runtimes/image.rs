//! Names of images: `registry/repository:tag@digest`.

/// The name of an image.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Name<'a> {
    pub(super) repository: &'a str,
    pub(super) tag: &'a str,
    pub(super) digest: &'a str,
}

/// Parses a name; an id has no repository.
pub(super) fn parse(name: &str) -> Name<'_> {
    if is_id(name) {
        return Name::default();
    }
    let (rest, digest) = name.split_once('@').unwrap_or((name, ""));
    // A colon before a slash separates a port.
    match rest.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => Name { repository, tag, digest },
        _ => Name { repository: rest, tag: "", digest },
    }
}

pub(super) fn is_id(name: &str) -> bool {
    name.starts_with("sha256:") || (name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether the image name of a container is the id of its image, or a prefix of the id.
pub(super) fn is_id_of(name: &str, id: &str) -> bool {
    const SHORTEST: usize = 4;
    let bare = |id: &str| id.strip_prefix("sha256:").unwrap_or(id).to_owned();
    is_id(name) || (name.len() >= SHORTEST && bare(id).starts_with(&bare(name)))
}

/// The image name from the container's creation, completed with the runtime's names of the image: several
/// of `repository:tag` and `repository@digest`.
pub(super) fn complete<'a>(name: &'a str, tags: &'a [String], digests: &'a [String]) -> Name<'a> {
    let mut name = parse(name);
    let known = || digests.iter().chain(tags).map(|name| parse(name));
    if name.repository.is_empty() {
        name.repository = known().next().unwrap_or_default().repository;
    }
    let mut own = known().filter(|other| other.repository == name.repository);
    if name.tag.is_empty() && name.digest.is_empty() {
        // A name without a tag means the tag `latest`.
        let mut tags = own.clone().map(|other| other.tag).filter(|tag| !tag.is_empty());
        name.tag = tags.clone().find(|tag| *tag == "latest").or_else(|| tags.next()).unwrap_or_default();
    }
    if name.digest.is_empty() {
        let only = || (digests.len() == 1).then(|| parse(&digests[0]).digest);
        let own = own.find(|other| !other.digest.is_empty()).map(|other| other.digest);
        name.digest = own.or_else(only).unwrap_or_default();
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_images_are_split() {
        for (name, repository, tag, digest) in [
            ("nginx", "nginx", "", ""),
            ("nginx:1.27", "nginx", "1.27", ""),
            ("localhost:5000/a/b", "localhost:5000/a/b", "", ""),
            ("localhost:5000/a/b:v1", "localhost:5000/a/b", "v1", ""),
            ("quay.io/a/b:v1@sha256:77", "quay.io/a/b", "v1", "sha256:77"),
            ("quay.io/a/b@sha256:77", "quay.io/a/b", "", "sha256:77"),
            ("sha256:77", "", "", ""),
            (&"a".repeat(64), "", "", ""),
            ("", "", "", ""),
        ] {
            assert_eq!(parse(name), Name { repository, tag, digest }, "{name}");
        }
    }

    #[test]
    fn an_id_is_no_name() {
        let id = format!("sha256:{}", "fade".repeat(16));
        for (name, is_id) in [
            ("fade", true),
            ("fadefadefade", true),
            (&id, true),
            ("fad", false),
            ("fadex", false),
            ("nginx", false),
        ] {
            assert_eq!(is_id_of(name, &id), is_id, "{name}");
        }
    }

    #[test]
    fn names_of_images_are_completed_from_the_runtime() {
        let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let tags = list(&["mirror/nginx:9", "nginx:1", "nginx:latest"]);
        let digests = list(&["mirror/nginx@sha256:aa", "nginx@sha256:bb"]);
        for (name, want) in [
            ("nginx", ("nginx", "latest", "sha256:bb")),
            ("nginx:1", ("nginx", "1", "sha256:bb")),
            ("nginx@sha256:cc", ("nginx", "", "sha256:cc")),
            ("mirror/nginx", ("mirror/nginx", "9", "sha256:aa")),
            ("other:2", ("other", "2", "")),
            ("sha256:77", ("mirror/nginx", "9", "sha256:aa")),
        ] {
            let found = complete(name, &tags, &digests);
            assert_eq!((found.repository, found.tag, found.digest), want, "{name}");
        }
        assert_eq!(complete("x:1", &[], &digests[..1]).digest, "sha256:aa");
    }
}
