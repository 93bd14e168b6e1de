use eyas_scap::{Group, User};
use rustc_hash::FxHashMap;

use super::Text;

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

/// Containers whose users are kept.
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

    /// Without those of containers, and of the host unless `keep_host`; more changes than `changes`.
    pub(super) fn begin_again(self, keep_host: bool, changes: u64) -> Self {
        let host = if keep_host { self.host } else { Names::default() };
        Self { host, changes: changes + 1, ..Self::default() }
    }

    /// Whether there is no room for the users of another container.
    pub(crate) fn is_full(&self) -> bool {
        self.containers.len() >= MAX_CONTAINERS
    }

    /// Forgets the users of all containers but these.
    pub(crate) fn retain_containers(&mut self, keep: impl Fn(&Text) -> bool) {
        self.changes += 1;
        self.containers.retain(|id, _| keep(id));
    }

    /// The users and groups of a container or of the host are these, and no others.
    pub(crate) fn replace(&mut self, container: Option<Text>, users: Vec<User>, groups: Vec<Group>) {
        let mut new = Names::default();
        // Of two with the same id the first counts, as for programs that look them up in the files.
        for user in users.into_iter().rev() {
            new.users.insert(user.uid, user);
        }
        for group in groups.into_iter().rev() {
            new.groups.insert(group.gid, group);
        }
        if self.names(container.as_ref()).is_some_and(|names| *names == new) {
            return;
        }
        if let Some(names) = self.names_mut(container) {
            *names = new;
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
