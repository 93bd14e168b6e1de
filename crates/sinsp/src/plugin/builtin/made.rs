//! A new entry of a plugin that is in no table yet, with its nested tables.

use rustc_hash::FxHashMap;

use super::super::data::Scalar;
use super::super::error::PluginError;
use super::kind::{Kind, absent};
use super::lists;

/// Written values of an entry, by column.
pub(in crate::plugin) type Values = FxHashMap<u32, Scalar>;

/// The entry.
#[derive(Clone, Debug, Default)]
pub(in crate::plugin) struct Made {
    pub(in crate::plugin) values: Values,
    tables: Vec<(Kind, Vec<(Scalar, Values)>)>,
}

impl From<Values> for Made {
    fn from(values: Values) -> Self {
        Self { values, tables: Vec::new() }
    }
}

impl Made {
    /// Keys of the entries of a nested table, in order.
    pub(in crate::plugin) fn keys(&self, kind: Kind) -> Vec<Scalar> {
        let table = self.tables.iter().find(|(known, _)| *known == kind);
        table.into_iter().flat_map(|(_, rows)| rows.iter().map(|(key, _)| key.clone())).collect()
    }

    /// Written values of an entry of a nested table.
    pub(in crate::plugin) fn row(&self, kind: Kind, key: &Scalar) -> Result<&Values, PluginError> {
        let table = self.tables.iter().find(|(known, _)| *known == kind);
        let row = table.and_then(|(_, rows)| rows.iter().find(|(known, _)| known == key));
        row.map(|(_, values)| values).ok_or_else(absent)
    }

    /// Like [`Made::row`], mutable.
    pub(in crate::plugin) fn row_mut(
        &mut self,
        kind: Kind,
        key: &Scalar,
    ) -> Result<&mut Values, PluginError> {
        let row = self.rows_mut(kind).iter_mut().find(|(known, _)| known == key);
        row.map(|(_, values)| values).ok_or_else(absent)
    }

    fn rows_mut(&mut self, kind: Kind) -> &mut Vec<(Scalar, Values)> {
        let at = self.tables.iter().position(|(known, _)| *known == kind).unwrap_or_else(|| {
            self.tables.push((kind, Vec::new()));
            self.tables.len() - 1
        });
        &mut self.tables[at].1
    }

    /// Inserts an entry into a nested table. A list is filled up to the index.
    pub(in crate::plugin) fn insert(
        &mut self,
        kind: Kind,
        key: &Scalar,
        values: Values,
    ) -> Result<(), PluginError> {
        let rows = self.rows_mut(kind);
        if kind != Kind::Files {
            let at = lists::checked_place(key)?;
            for place in rows.len() as u64..=at {
                rows.push((Scalar::U64(place), Values::default()));
            }
        }
        match rows.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = values,
            None => rows.push((key.clone(), values)),
        }
        Ok(())
    }

    /// Removes an entry from a nested table; later entries of a list move up.
    pub(in crate::plugin) fn erase(&mut self, kind: Kind, key: &Scalar) -> Result<(), PluginError> {
        let rows = self.rows_mut(kind);
        let at = rows.iter().position(|(known, _)| known == key).ok_or("table entry not found")?;
        rows.remove(at);
        if kind != Kind::Files {
            for (place, (key, _)) in (0..).zip(rows) {
                *key = Scalar::U64(place);
            }
        }
        Ok(())
    }

    pub(in crate::plugin) fn clear(&mut self, kind: Kind) {
        self.rows_mut(kind).clear();
    }

    /// The entries of all nested tables.
    pub(super) fn into_rows(self) -> impl Iterator<Item = (Kind, Scalar, Values)> {
        let rows = |(kind, rows): (Kind, Vec<(Scalar, Values)>)| {
            rows.into_iter().map(move |(key, values)| (kind, key, values))
        };
        self.tables.into_iter().flat_map(rows)
    }
}
