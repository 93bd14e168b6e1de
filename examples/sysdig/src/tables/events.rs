//! The table of events: one row for each event that passes the filter.

use std::path::Path;

use anyhow::{Result, anyhow};
use eyas::fields::{Field, FieldFlags, FieldSource, ResolveError, Schema, Scope, ScopeVersion};
use eyas::rules::nearest;
use eyas::sinsp::state::Fd;
use eyas::sinsp::{Described, EventView, schema};

use super::column::{Column, Kind};
use super::group::Group;
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
const MAX_CACHED: usize = 1 << 16;
/// Number of files with cached values.
const FILES: usize = 1 << 10;
/// Groups of columns that are the same for all events of a process, or about a file.
const OF_PROCESS: usize = 0;
const OF_FILE: usize = 1;

/// The table.
pub struct Events {
    /// Its rows.
    pub table: Table,
    fields: Vec<Bound>,
    /// Positions of the fields whose columns are in no group.
    alone: Vec<usize>,
    processes: Processes,
    files: Files,
    /// Flush count of the table when the first cached value was created.
    flushes: u64,
}

struct Bound {
    field: Field,
    /// The group of columns whose values it shares.
    group: Option<usize>,
}

/// Rows of the group of processes, by the slot of the version.
#[derive(Default)]
struct Processes(Vec<Option<(ScopeVersion, u32)>>);

/// Rows of the group of files.
#[derive(Default)]
struct Files {
    /// By the address of the name.
    known: Vec<Option<(Fd, u32)>>,
    /// For events about no file.
    nothing: Option<u32>,
}

impl Processes {
    fn find(&self, version: Option<ScopeVersion>) -> Option<u32> {
        let version = version?;
        let (known, row) = (*self.0.get(version.slot as usize)?)?;
        (known == version).then_some(row)
    }

    fn keep(&mut self, version: Option<ScopeVersion>, row: u32) {
        let Some(version) = version.filter(|version| (version.slot as usize) < MAX_CACHED) else { return };
        let slot = version.slot as usize;
        if self.0.len() <= slot {
            self.0.resize(slot + 1, None);
        }
        self.0[slot] = Some((version, row));
    }
}

impl Files {
    fn slot(fd: &Fd) -> usize {
        let address = fd.name.as_ptr().addr();
        (address >> 4 ^ address >> 14) % FILES
    }

    fn find(&self, described: &Described<'_>) -> Option<u32> {
        match described {
            Described::Nothing => self.nothing,
            Described::File(fd) => match self.known.get(Self::slot(fd)) {
                Some(Some((known, row))) if known.shows_same(fd) => Some(*row),
                _ => None,
            },
            _ => None,
        }
    }

    fn keep(&mut self, described: &Described<'_>, row: u32) {
        match described {
            Described::Nothing => self.nothing = Some(row),
            Described::File(fd) => {
                self.known.resize(FILES, None);
                self.known[Self::slot(fd)] = Some(((*fd).clone(), row));
            }
            _ => {}
        }
    }

    fn clear(&mut self) {
        self.known.fill(None);
        self.nothing = None;
    }
}

/// The group of columns with the values of a field.
fn group(field: &Field) -> Option<usize> {
    let def = schema().def(field.id);
    match def.scope {
        Scope::Host | Scope::Process | Scope::Ancestors => Some(OF_PROCESS),
        // Domain names change while the file stays the same.
        Scope::Fd if def.name == "fd.domain" || def.flags.contains(FieldFlags::DOMAIN) => None,
        Scope::Fd if def.name.starts_with("fd.") => Some(OF_FILE),
        _ => None,
    }
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
            let group = group(field);
            let kind = match (&*field.text, Kind::of(field.ty)) {
                ("evt.num", _) => Kind::Counter,
                // Times of a process are repeated in many rows.
                (_, Kind::Counter) if group.is_some() => Kind::Int,
                (_, kind) => kind,
            };
            columns.push(Column::new(&*field.text, kind).of_lists(is_list).of_field(def).of_group(group));
            fields.push(Bound { field: field.clone(), group });
        }
        let mut table = Table::new(root, "events", columns)?;
        table.groups.resize_with(OF_FILE + 1, Group::default);
        let alone = (0..fields.len()).filter(|at| fields[*at].group.is_none()).collect();
        let (processes, files) = (Processes::default(), Files::default());
        Ok(Self { table, fields, alone, processes, files, flushes: 0 })
    }

    /// Appends a row for an event, and one for its alternate view if it has one.
    pub fn add(&mut self, event: &EventView<'_>) -> Result<()> {
        let ts = event.as_raw().ts;
        self.row(event, event.described(), ts, false)?;
        match event.alternate() {
            Some(alternate) => self.row(alternate, Described::Event, ts, true),
            None => Ok(()),
        }
    }

    fn row(
        &mut self,
        event: &dyn FieldSource,
        described: Described<'_>,
        ts: u64,
        is_alternate: bool,
    ) -> Result<()> {
        self.table.begin_row(ts)?;
        if self.flushes != self.table.flushes {
            self.flushes = self.table.flushes;
            self.processes.0.clear();
            self.files.clear();
        }
        let version = event.scope_version(Scope::Ancestors);
        let process = self.processes.find(version).unwrap_or_else(|| {
            let row = self.shared(OF_PROCESS, event);
            self.processes.keep(version, row);
            row
        });
        let file = self.files.find(&described).unwrap_or_else(|| {
            let row = self.shared(OF_FILE, event);
            self.files.keep(&described, row);
            row
        });
        self.table.groups[OF_PROCESS].push(process);
        self.table.groups[OF_FILE].push(file);
        let columns = &mut self.table.columns;
        columns[0].push_number(Some(ts as i64));
        columns[1].push_number(Some(i64::from(is_alternate)));
        for at in &self.alone {
            let column = &mut columns[OWN + at];
            let cell = column.cell(event.get(&self.fields[*at].field).as_ref());
            column.push(cell);
        }
        self.table.end_row();
        Ok(())
    }

    /// Adds a row of a group with the values of this event.
    fn shared(&mut self, group: usize, event: &dyn FieldSource) -> u32 {
        let own = self.fields.iter().zip(&mut self.table.columns[OWN..]);
        let of_group = own.filter(|(bound, _)| bound.group == Some(group));
        let cells = of_group.map(|(bound, column)| column.cell(event.get(&bound.field).as_ref()));
        self.table.groups[group].add(cells)
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
