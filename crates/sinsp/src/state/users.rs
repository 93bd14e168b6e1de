use eyas_scap::{Group, User};
use rustc_hash::FxHashMap;

use super::{Reports, Text};

/// Users and groups of the host and of containers.
#[derive(Debug, Default)]
pub struct Users {
    host: Names,
    containers: FxHashMap<Text, Names>,
    /// Grows with every change.
    pub(super) changes: u64,
}

#[derive(Debug, Default, PartialEq)]
struct Names {
    users: FxHashMap<u32, User>,
    groups: FxHashMap<u32, Group>,
}

impl Names {
    /// Reports the differences from `old`.
    fn report_since(&self, old: &Self, id: Option<&Text>, reports: &mut Reports) {
        let gone = |user: &&User| !self.users.contains_key(&user.uid);
        let new = |user: &&User| old.users.get(&user.uid) != Some(user);
        old.users.values().filter(gone).for_each(|user| reports.user(id, user, true));
        self.users.values().filter(new).for_each(|user| reports.user(id, user, false));
        let gone = |group: &&Group| !self.groups.contains_key(&group.gid);
        let new = |group: &&Group| old.groups.get(&group.gid) != Some(group);
        old.groups.values().filter(gone).for_each(|group| reports.group(id, group, true));
        self.groups.values().filter(new).for_each(|group| reports.group(id, group, false));
    }
}

/// All users and groups of the host or of a container.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    /// Short id of the container; `None` for the host.
    pub container: Option<Text>,
    /// Its users.
    pub users: Vec<User>,
    /// Its groups.
    pub groups: Vec<Group>,
}

/// Maximum number of containers with users.
const MAX_CONTAINERS: usize = 16_384;

impl Users {
    /// The user with this id, in a container or on the host.
    pub fn user(&self, container: Option<&Text>, uid: u32) -> Option<&User> {
        self.names(container)?.users.get(&uid)
    }

    /// The group with this id, in a container or on the host.
    pub fn group(&self, container: Option<&Text>, gid: u32) -> Option<&Group> {
        self.names(container)?.groups.get(&gid)
    }

    /// Whether users of the container were reported.
    pub(crate) fn has_container(&self, container: &Text) -> bool {
        self.containers.contains_key(container)
    }

    /// Users of the host.
    pub fn of_host(&self) -> impl Iterator<Item = &User> {
        self.host.users.values()
    }

    /// Groups of the host.
    pub fn groups_of_host(&self) -> impl Iterator<Item = &Group> {
        self.host.groups.values()
    }

    /// Users and groups of each container, in the order of ids.
    pub(super) fn of_containers(&self) -> impl Iterator<Item = (&Text, Vec<&User>, Vec<&Group>)> {
        let mut containers: Vec<_> = self.containers.iter().collect();
        containers.sort_unstable_by_key(|(id, _)| *id);
        containers.into_iter().map(|(id, names)| {
            let mut users: Vec<&User> = names.users.values().collect();
            let mut groups: Vec<&Group> = names.groups.values().collect();
            users.sort_unstable_by_key(|user| user.uid);
            groups.sort_unstable_by_key(|group| group.gid);
            (id, users, groups)
        })
    }

    fn names(&self, container: Option<&Text>) -> Option<&Names> {
        match container {
            None => Some(&self.host),
            Some(id) => self.containers.get(id),
        }
    }

    fn names_mut(&mut self, container: Option<Text>) -> Option<&mut Names> {
        self.changes += 1;
        match container {
            None => Some(&mut self.host),
            Some(id) if !self.is_full() || self.containers.contains_key(&id) => {
                Some(self.containers.entry(id).or_default())
            }
            Some(_) => None,
        }
    }

    /// The users of a new state: without those of containers, and of the host unless `keep_host`; its
    /// counter exceeds `changes`.
    pub(super) fn begin_again(self, keep_host: bool, changes: u64) -> Self {
        let host = if keep_host { self.host } else { Names::default() };
        Self { host, changes: changes + 1, ..Self::default() }
    }

    /// Whether there is no room for the users of another container.
    pub(crate) fn is_full(&self) -> bool {
        self.containers.len() >= MAX_CONTAINERS
    }

    /// Removes the users of all other containers.
    pub(crate) fn retain_containers(&mut self, keep: impl Fn(&Text) -> bool) {
        self.changes += 1;
        self.containers.retain(|id, _| keep(id));
    }

    /// Replaces the users and groups of a container or of the host, and reports the changes.
    pub(crate) fn replace(
        &mut self,
        container: Option<Text>,
        users: Vec<User>,
        groups: Vec<Group>,
        reports: &mut Reports,
    ) {
        let mut new = Names::default();
        // If two users have the same id, the first one is used, as in programs that read the files.
        for user in users.into_iter().rev() {
            new.users.insert(user.uid, user);
        }
        for group in groups.into_iter().rev() {
            new.groups.insert(group.gid, group);
        }
        if self.names(container.as_ref()).is_some_and(|names| *names == new) {
            return;
        }
        let id = container.clone();
        if let Some(names) = self.names_mut(container) {
            let old = std::mem::replace(names, new);
            if reports.is_on {
                names.report_since(&old, id.as_ref(), reports);
            }
        }
    }

    pub(crate) fn add_user(&mut self, container: Option<Text>, user: User) {
        if let Some(names) = self.names_mut(container) {
            names.users.insert(user.uid, user);
        }
    }

    pub(crate) fn add_group(&mut self, container: Option<Text>, group: Group) {
        if let Some(names) = self.names_mut(container) {
            names.groups.insert(group.gid, group);
        }
    }

    pub(crate) fn remove_user(&mut self, container: Option<Text>, uid: u32) {
        if let Some(names) = self.names_mut(container) {
            names.users.remove(&uid);
        }
    }

    pub(crate) fn remove_group(&mut self, container: Option<Text>, gid: u32) {
        if let Some(names) = self.names_mut(container) {
            names.groups.remove(&gid);
        }
    }
}
