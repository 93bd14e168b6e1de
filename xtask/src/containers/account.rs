//! Counts the first processes of containers that were reported, and their metadata.

use std::collections::BTreeMap;

/// The format of an event's line.
pub(super) const FORMAT: &str = "*%proc.args %thread.tid %proc.vpid %container.id %container.type %user.name \
                                 %group.name %container.name %container.image.repository";
/// The filter of events, independent of the container and of its metadata.
pub(super) const FILTER: &str = "evt.type=execve and proc.name=usleep";

/// The lines that a sysdig printed, by the program's argument and the thread that executes it.
pub(super) struct Execs<'a>(BTreeMap<(&'a str, &'a str), Exec<'a>>);

/// The other fields of a line.
#[derive(Debug, PartialEq)]
struct Exec<'a> {
    vpid: &'a str,
    container: &'a str,
    kind: &'a str,
    user: &'a str,
    group: &'a str,
    name: &'a str,
    image: &'a str,
}

impl<'a> Execs<'a> {
    pub(super) fn of(lines: &'a str) -> Self {
        let exec = |line: &'a str| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let [argument, tid, vpid, container, kind, user, group, name, image] = *fields else {
                return None;
            };
            Some(((argument, tid), Exec { vpid, container, kind, user, group, name, image }))
        };
        Self(lines.lines().filter_map(exec).collect())
    }
}

/// The number of complete reports for a runtime's containers.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Account {
    /// First processes that were reported.
    pub(super) execs: usize,
    /// First processes with the id of a container.
    ids: usize,
    /// First processes with a container type, name and image.
    named: usize,
    /// First processes with a user and a group.
    users: usize,
    /// First processes with the same fields in a replay of the capture.
    replayed: usize,
    /// First processes with the same fields in the output of another sysdig for the capture.
    original: Option<usize>,
}

impl Account {
    pub(super) const HEADER: &str =
        "runtime       containers  first execs   with id     named      user  replayed  original";

    /// Counts the programs with this argument.
    pub(super) fn new(
        argument: &str,
        live: &Execs<'_>,
        replay: &Execs<'_>,
        original: Option<&Execs<'_>>,
    ) -> Self {
        let mut account = Self { original: original.map(|_| 0), ..Self::default() };
        for (key, exec) in live.0.iter().filter(|(key, _)| key.0 == argument) {
            account.execs += 1;
            account.ids += usize::from(exec.container != "host" && exec.container != UNKNOWN);
            account.named +=
                usize::from([exec.kind, exec.name, exec.image].iter().all(|text| is_known(text)));
            account.users += usize::from(is_known(exec.user) && is_known(exec.group));
            account.replayed += usize::from(replay.0.get(key) == Some(exec));
            if let (Some(count), Some(original)) = (&mut account.original, original) {
                *count += usize::from(original.0.get(key) == Some(exec));
            }
        }
        account
    }

    /// A row of the table, with the number of containers that ran.
    pub(super) fn row(&self, runtime: &str, containers: usize) -> String {
        let Self { execs, ids, named, users, replayed, original } = self;
        let original = original.map_or_else(|| "-".to_owned(), |count| count.to_string());
        format!(
            "{runtime:<12} {containers:>11} {execs:>12} {ids:>9} {named:>9} {users:>9} {replayed:>9} {original:>9}"
        )
    }
}

/// sysdig's output for a field without a value.
const UNKNOWN: &str = "<NA>";

fn is_known(text: &str) -> bool {
    text != UNKNOWN && text != "host"
}

/// The number of events that a sysdig lost.
pub(super) struct Dropped<'a> {
    pub(super) text: &'a str,
    pub(super) count: u64,
}

/// Finds the lost events in the final report of `sysdig -v`.
pub(super) fn dropped(report: &str) -> Option<Dropped<'_>> {
    let text = report.lines().find(|line| line.starts_with("Dropped: "))?;
    let count = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(Dropped { text, count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_without_metadata_are_counted_too() {
        let live = "\
            50001 7 1 3eef208ab61d docker app apps web example.org/tiny\n\
            50001 8 1 33d6af76eff2 <NA> app apps <NA> <NA>\n\
            50001 9 9 host host root root host \n\
            50001 10 10 host host root root host <NA>\n\
            50002 11 1 48a2ec160542 podman <NA> <NA> web example.org/tiny\n";
        let replay = "\
            50001 7 1 3eef208ab61d docker app apps web example.org/tiny\n\
            50002 11 1 48a2ec160542 podman app apps web example.org/tiny\n";
        let (live, replay) = (Execs::of(live), Execs::of(replay));
        let docker = Account::new("50001", &live, &replay, None);
        assert_eq!(docker, Account { execs: 3, ids: 2, named: 1, users: 3, replayed: 1, original: None });
        let podman = Account::new("50002", &live, &replay, Some(&replay));
        assert_eq!(podman, Account { execs: 1, ids: 1, named: 1, users: 0, replayed: 0, original: Some(0) });
        assert_eq!(docker.row("docker", 4).len(), Account::HEADER.len());
    }

    #[test]
    fn losses_are_read_from_the_report() {
        let report = "Events produced: 9\nDropped: 5409 (buffer full 5409, other 0)\nElapsed time: 1\n";
        assert_eq!(dropped(report).map(|line| line.count), Some(5409));
        assert!(dropped("can't capture").is_none());
    }
}
