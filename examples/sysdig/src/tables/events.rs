//! The table of events: one row for each event that passes the filter.

use std::path::Path;

use anyhow::{Result, anyhow};
use eyas::fields::{Field, FieldFlags, FieldSource, ResolveError, Schema, Scope, ScopeVersion};
use eyas::rules::nearest;
use eyas::sinsp::{EventView, schema};

use super::column::{Cell, Column, Kind};
use super::table::Table;

/// The default columns.
const COLUMNS: &str = "evt.num,evt.cpu,evt.type,evt.category,evt.rawres,evt.failed,thread.tid,proc.pid,proc.ppid,\
    proc.name,proc.exepath,proc.cmdline,proc.pname,user.uid,user.name,container.id,\
    container.image.repository,fd.num,fd.type,fd.name,fd.l4proto,fd.cip,fd.cport,fd.sip,fd.sport";
/// Keyword for the default columns.
const USUAL: &str = "usual";
/// Number of columns before those of fields.
const OWN: usize = 2;
/// Maximum number of processes with cached values.
const MOST_CACHED: usize = 1 << 16;

/// The table.
pub struct Events {
    /// Its rows.
    pub table: Table,
    fields: Vec<Bound>,
    /// Cached cells by process, for columns whose values depend only on the process.
    cached: Vec<Option<(ScopeVersion, Box<[Cell]>)>>,
    /// Flush count of the table when the first of these cells was created.
    flushes: u64,
}

struct Bound {
    field: Field,
    /// Index among the columns that depend only on the process.
    lasting: Option<usize>,
}

impl Events {
    /// Creates the table with a column for each of these fields.
    pub fn new(root: &Path, chosen: &[Field]) -> Result<Self> {
        let mut columns = vec![Column::new("time", Kind::Time), Column::new("alternate", Kind::Bool)];
        let mut fields: Vec<Bound> = Vec::new();
        for field in chosen {
            if fields.iter().any(|known| known.field.text == field.text) {
                continue;
            }
            let def = schema().def(field.id);
            let is_list = field.is_list || def.flags.contains(FieldFlags::ANY) && field.arg.is_none();
            let lasts = matches!(def.scope, Scope::Host | Scope::Process | Scope::Ancestors);
            let kind = match (&*field.text, Kind::of(field.ty)) {
                ("evt.num", _) => Kind::Counter,
                // Times of a process are repeated in many rows.
                (_, Kind::Counter) if lasts => Kind::Int,
                (_, kind) => kind,
            };
            columns.push(Column::new(&*field.text, kind).of_lists(is_list).of_field(def));
            let lasting = lasts.then(|| fields.iter().filter(|known| known.lasting.is_some()).count());
            fields.push(Bound { field: field.clone(), lasting });
        }
        let table = Table::new(root, "events", columns)?;
        Ok(Self { table, fields, cached: Vec::new(), flushes: 0 })
    }

    /// Appends a row for an event, and one for its alternate view if it has one.
    pub fn add(&mut self, event: &EventView<'_>) -> Result<()> {
        self.row(event, event.event().ts, false)?;
        match event.alternate() {
            Some(alternate) => self.row(alternate, event.event().ts, true),
            None => Ok(()),
        }
    }

    fn row(&mut self, event: &dyn FieldSource, ts: u64, is_alternate: bool) -> Result<()> {
        self.table.begin_row(ts)?;
        if self.flushes != self.table.flushes {
            self.flushes = self.table.flushes;
            self.cached.clear();
        }
        let columns = &mut self.table.columns;
        columns[0].push_number(Some(ts as i64));
        columns[1].push_number(Some(i64::from(is_alternate)));
        let version = event.scope_version(Scope::Ancestors);
        let slot = version.map_or(MOST_CACHED, |version| version.slot as usize);
        let kept = self.cached.get(slot).and_then(Option::as_ref);
        let kept = kept.filter(|(known, _)| Some(*known) == version).map(|(_, cells)| cells);
        if let Some(cells) = kept {
            for (bound, column) in self.fields.iter().zip(&mut columns[OWN..]) {
                let cell = match bound.lasting {
                    Some(at) => cells[at],
                    None => column.cell(event.get(&bound.field).as_ref()),
                };
                column.push(cell);
            }
        } else {
            let mut cells = Vec::new();
            for (bound, column) in self.fields.iter().zip(&mut columns[OWN..]) {
                let cell = column.cell(event.get(&bound.field).as_ref());
                column.push(cell);
                if bound.lasting.is_some() {
                    cells.push(cell);
                }
            }
            if let Some(version) = version.filter(|_| slot < MOST_CACHED) {
                if self.cached.len() <= slot {
                    self.cached.resize(slot + 1, None);
                }
                self.cached[slot] = Some((version, cells.into()));
            }
        }
        self.table.end_row();
        Ok(())
    }
}

/// Parses comma-separated field names.
pub fn fields(names: &str) -> Result<Vec<Field>> {
    let mut fields = Vec::new();
    for name in split(names) {
        match name {
            USUAL => fields.extend(usual()?),
            name => fields.push(resolve(name)?),
        }
    }
    Ok(fields)
}

/// The fields of the default columns.
pub fn usual() -> Result<Vec<Field>> {
    fields(COLUMNS)
}

/// Splits names at commas, except at commas inside brackets.
fn split(names: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    let at_comma = move |c: char| {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    };
    names.split(at_comma).map(str::trim).filter(|name| !name.is_empty())
}

fn resolve(text: &str) -> Result<Field> {
    let (name, arg) = match text.split_once('[') {
        Some((name, rest)) => {
            let arg = rest.strip_suffix(']').ok_or_else(|| anyhow!("column `{text}`: `]` is missing"))?;
            (name, Some(arg.trim_matches(['"', '\''])))
        }
        None => (text, None),
    };
    schema().resolve(name, arg).map_err(|error| {
        let near = nearest(name, schema().fields().iter().map(|def| def.name));
        let hint = near.filter(|near| *near != name).map(|near| format!("; did you mean `{near}`?"));
        let error = match error {
            ResolveError::Unknown => "no field has this name".to_owned(),
            error => error.to_string(),
        };
        anyhow!("column `{text}`: {error}{}; `sysdig -l` lists the fields", hint.unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_columns_are_fields() {
        for name in split(COLUMNS) {
            resolve(name).unwrap();
        }
    }

    #[test]
    fn names_end_at_commas_outside_brackets() {
        let names: Vec<&str> = split("evt.num, proc.env[A,B],,fd.name ").collect();
        assert_eq!(names, ["evt.num", "proc.env[A,B]", "fd.name"]);
    }

    #[test]
    fn an_unknown_column_is_refused_with_a_suggestion() {
        let error = resolve("proc.nam").unwrap_err().to_string();
        assert!(
            error.contains("column `proc.nam`") && error.contains("did you mean `proc.name`?"),
            "{error}"
        );
        assert!(resolve("proc.aname[2").unwrap_err().to_string().contains("`]` is missing"));
        assert!(resolve("evt.num[2]").is_err());
    }
}
