//! State tables for plugins: threads, nested tables, and tables of other plugins.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use eyas_events::EventType;
use eyas_scap::{EventBuilder, Snapshot, ThreadEntry};
use eyas_sinsp::plugin::{
    Capabilities, ColumnInfo, DataType, Datum, Instance, Key, Log, Native, Parsing, PluginError, PluginEvent,
    PluginInfo, PluginSet, PluginTable, Scalar, Scope, TableId, Tables, Version,
};
use eyas_sinsp::{Config, Inspector};

type Script = fn(&mut dyn Tables);

/// Runs a script with the tables at its start, and another at each event.
struct Scripted(Script);

impl Instance for Scripted {
    fn parsing(&mut self) -> Option<&mut dyn Parsing> {
        Some(self)
    }
}

impl Parsing for Scripted {
    fn parse(&mut self, _: &PluginEvent<'_>, tables: &mut dyn Tables) -> Result<(), PluginError> {
        (self.0)(tables);
        Ok(())
    }
}

fn plugin(name: &str, start: Script, parse: Script) -> Arc<Native> {
    let mut info = PluginInfo::new(name, Version([1, 0, 0]));
    info.capabilities = Capabilities { parsing: true, ..Capabilities::default() };
    Arc::new(Native::new(info, move |with| {
        start(with.tables.unwrap());
        Ok(Box::new(Scripted(parse)))
    }))
}

/// An inspector with one process, whose plugins see `events` events.
fn run(plugins: Vec<Arc<Native>>, events: usize) -> Inspector {
    let mut set = PluginSet::default();
    plugins.into_iter().for_each(|plugin| set.add(plugin, "").unwrap());
    let quiet: Log = Arc::new(|_, _| {});
    let plugins = set.start(Scope::Capture, &quiet).unwrap();
    let mut inspector = Inspector::new(Config::default().with_plugins(plugins));
    let init = ThreadEntry {
        tid: 1,
        pid: 1,
        ptid: 0,
        comm: b"init".to_vec(),
        args: b"--one\0two\0".to_vec(),
        cgroups: b"cpu=/a=b\0".to_vec(),
        ..ThreadEntry::default()
    };
    inspector.load(Snapshot { threads: vec![init], ..Snapshot::default() });
    let event = EventBuilder::new(EventType::SYSCALL_CLOSE_X).tid(1).ts(1).build();
    for _ in 0..events {
        inspector.process(event.as_raw());
    }
    inspector
}

fn threads(tables: &mut dyn Tables) -> TableId {
    tables.table("threads", DataType::I64).unwrap().unwrap()
}

fn why<T>(result: Result<T, PluginError>) -> String {
    result.err().unwrap().to_string()
}

#[test]
fn threads_are_read_and_changed_and_columns_are_added() {
    fn start(tables: &mut dyn Tables) {
        let table = threads(tables);
        assert_eq!(tables.columns(table).unwrap().len(), 32);
        tables.add_column(table, "seen", DataType::U64).unwrap();
    }
    fn parse(tables: &mut dyn Tables) {
        let table = threads(tables);
        let comm = tables.column(table, "comm", DataType::Str).unwrap();
        let seen = tables.column(table, "seen", DataType::U64).unwrap();
        assert_eq!(tables.name(table).unwrap(), "threads");
        let entry = tables.entry(table, &Key::I64(1)).unwrap();
        assert_eq!(tables.read(table, entry, comm).unwrap(), Scalar::text("init"));
        let Scalar::U64(before) = tables.read(table, entry, seen).unwrap() else { panic!() };
        tables.write(table, entry, seen, &Scalar::U64(before + 5)).unwrap();
        assert_eq!(tables.read(table, entry, seen).unwrap(), Scalar::U64(before + 5));
        tables.write(table, entry, comm, &Scalar::text("hello")).unwrap();
        tables.write(table, entry, comm, &Scalar::text("init")).unwrap();
        assert_eq!(why(tables.entry(table, &Key::I64(77))), "get_entry found no element at given key");

        let created = tables.create(table).unwrap();
        tables.destroy(table, created).unwrap();
        let words = "destroy_table_entry called on entry not created by create_table_entry";
        assert_eq!(why(tables.destroy(table, created)), words);
        let created = tables.create(table).unwrap();
        assert_eq!(tables.read(table, created, comm).unwrap(), Scalar::text(""));
        tables.write(table, created, comm, &Scalar::text("new")).unwrap();
        let added = tables.insert(table, &Key::I64(999_999), created).unwrap();
        assert_eq!(tables.read(table, added, comm).unwrap(), Scalar::text("new"));
        assert_eq!(tables.len(table).unwrap(), 2);
        assert_eq!(why(tables.erase(table, &Key::I64(77))), "table entry not found");
        let mut visited = 0;
        assert!(
            tables
                .visit(table, &mut |_, _| {
                    visited += 1;
                    true
                })
                .unwrap()
        );
        assert_eq!(visited, 2);
        assert!(!tables.visit(table, &mut |_, _| false).unwrap());
        tables.erase(table, &Key::I64(999_999)).unwrap();
        assert_eq!(tables.len(table).unwrap(), 1);
    }
    let mut inspector = run(vec![plugin("p", start, parse)], 100);
    assert_eq!(&*inspector.state().threads.get(1).unwrap().comm, b"init");
    inspector.close().unwrap();
}

/// Columns as texts: name and type, with `!` if the column is read-only.
fn columns(tables: &mut dyn Tables, table: TableId) -> Vec<String> {
    let text = |column: ColumnInfo| {
        format!("{} {}{}", column.name, column.ty.name(), if column.is_read_only { "!" } else { "" })
    };
    tables.columns(table).unwrap().into_iter().map(text).collect()
}

const THREADS: &str = "tid int64,pid int64,ptid int64,reaper_tid int64,sid int64,comm string,exe string,exe_path string,\
    exe_writable bool,exe_upper_layer bool,exe_lower_layer bool,exe_from_memfd bool,flags uint32,fd_limit int64,\
    uid uint32,gid uint32,loginuid uint32,exe_ino uint64,exe_ino_ctime uint64,exe_ino_mtime uint64,vtid int64,vpid int64,\
    vpgid int64,pgid int64,pidns_init_start_ts uint64,root string,tty uint32,cwd string!,args table!,env table!,\
    cgroups table!,file_descriptors table!";

const FILES: &str = "type uint8,open_flags uint32,name string,name_raw string,old_name string,flags uint32,dev uint32,\
    mount_id uint32,ino uint64,pid int64,fd int64,socket_ipv4_src_ip uint32,socket_ipv4_dest_dip uint32,\
    socket_ipv4_src_port uint16,socket_ipv4_dst_port uint16,socket_ipv4_l4_proto uint8,socket_ipv6_src_ip_low uint64,\
    socket_ipv6_src_ip_high uint64,socket_ipv6_dest_ip_low uint64,socket_ipv6_dest_ip_high uint64,\
    socket_ipv6_src_port uint16,socket_ipv6_dst_port uint16,socket_ipv6_l4_proto uint8,socket_ipv4_server_ip uint32,\
    socket_ipv4_server_port uint16,socket_ipv4_server_l4_proto uint8,socket_ipv6_server_ip_low uint64,\
    socket_ipv6_server_ip_high uint64,socket_ipv6_server_port uint16,socket_ipv6_server_l4_proto uint8,\
    socket_unix_src uint64,socket_unix_dest uint64";

/// A value for a column of this type: 3, or a text.
fn example(ty: DataType) -> Scalar {
    match ty {
        DataType::I64 => Scalar::I64(3),
        DataType::U8 => Scalar::U8(3),
        DataType::U16 => Scalar::U16(3),
        DataType::U32 => Scalar::U32(3),
        DataType::U64 => Scalar::U64(3),
        DataType::Bool => Scalar::Bool(true),
        _ => Scalar::text("/text"),
    }
}

/// Writes each writable column, and reads it again.
fn write_all(tables: &mut dyn Tables, table: TableId, key: &Key, but: &[&str]) {
    let entry = tables.entry(table, key).unwrap();
    for info in tables.columns(table).unwrap() {
        let column = tables.column(table, &info.name, info.ty).unwrap();
        if info.ty == DataType::Table || but.contains(&&*info.name) {
            continue;
        }
        let value = example(info.ty);
        match tables.write(table, entry, column, &value) {
            Ok(()) => assert_eq!(tables.read(table, entry, column).unwrap(), value, "{}", info.name),
            Err(error) => assert!(info.is_read_only, "{}: {error}", info.name),
        }
    }
}

#[test]
fn tables_have_the_columns_of_the_reference_and_written_values_are_read() {
    fn start(tables: &mut dyn Tables) {
        let table = threads(tables);
        assert_eq!(columns(tables, table).join(","), THREADS);
        // Initial values of a thread.
        let entry = tables.create(table).unwrap();
        let mut of = |name: &str, ty| {
            let column = tables.column(table, name, ty).unwrap();
            tables.read(table, entry, column).unwrap()
        };
        for name in ["tid", "pid", "ptid", "vtid", "sid", "pgid", "reaper_tid", "fd_limit"] {
            assert_eq!(of(name, DataType::I64), Scalar::I64(-1), "{name}");
        }
        assert_eq!(of("uid", DataType::U32), Scalar::U32(u32::MAX));
        assert_eq!(of("comm", DataType::Str), Scalar::text(""));
        let Scalar::Table(files) = of("file_descriptors", DataType::Table) else { panic!() };
        assert_eq!(columns(tables, files).join(","), FILES);
    }
    fn parse(tables: &mut dyn Tables) {
        let table = threads(tables);
        // The id is the key, so it cannot be written. The ids of other processes belong to new entries.
        write_all(tables, table, &Key::I64(1), &["tid", "pid", "ptid"]);
        let entry = tables.entry(table, &Key::I64(1)).unwrap();
        let tid = tables.column(table, "tid", DataType::I64).unwrap();
        assert_eq!(
            why(tables.write(table, entry, tid, &Scalar::I64(3))),
            "the key of an entry that is in the table cannot be changed: tid"
        );
        tables.write(table, entry, tid, &Scalar::I64(1)).unwrap();

        // A thread of the process 1, and a child of it.
        let [pid, ptid] = ["pid", "ptid"].map(|name| tables.column(table, name, DataType::I64).unwrap());
        let add = |tables: &mut dyn Tables, tid: i64, values: &[(_, i64)]| {
            let entry = tables.create(table).unwrap();
            for (column, value) in values {
                tables.write(table, entry, *column, &Scalar::I64(*value)).unwrap();
            }
            tables.insert(table, &Key::I64(tid), entry).unwrap()
        };
        add(tables, 5, &[(pid, 1), (ptid, 1)]);
        let child = add(tables, 6, &[(pid, 6)]);
        assert_eq!(tables.read(table, child, ptid).unwrap(), Scalar::I64(0));
        tables.write(table, child, ptid, &Scalar::I64(1)).unwrap();
        assert_eq!(tables.read(table, child, ptid).unwrap(), Scalar::I64(1));

        let column = tables.column(table, "file_descriptors", DataType::Table).unwrap();
        let Scalar::Table(files) = tables.read(table, child, column).unwrap() else { panic!() };
        let file = tables.create(files).unwrap();
        tables.insert(files, &Key::I64(9), file).unwrap();
        write_all(tables, files, &Key::I64(9), &["fd"]);
    }
    let mut inspector = run(vec![plugin("p", start, parse)], 1);
    let threads = &inspector.state().threads;
    let [init, thread, child] = [1, 5, 6].map(|tid| threads.get(tid).unwrap());
    assert_eq!((threads.alive_in_group(init), thread.is_main(), child.is_main()), (2, false, true));
    assert_eq!(threads.parent_of(child).map(|parent| parent.tid), Some(1));
    // The command line has the new name.
    assert_eq!((&*init.comm, &*init.cmdline), (&b"/text"[..], &b"/text --one two"[..]));
    assert_eq!((threads.session(init).sid, threads.session(thread).tty), (3, 3));
    let file = threads.fds(child).unwrap().get(9).unwrap();
    assert_eq!(format!("{:?}", file.socket()), "Unix { source: 3, destination: 3 }");
    inspector.close().unwrap();
}

#[test]
fn values_of_a_file_do_not_pass_to_the_next_file_of_its_number() {
    fn start(tables: &mut dyn Tables) {
        let table = threads(tables);
        let entry = tables.create(table).unwrap();
        let files = files_of(tables, table, entry);
        tables.add_column(files, "seen", DataType::U64).unwrap();
    }
    fn files_of(tables: &mut dyn Tables, table: TableId, entry: eyas_sinsp::plugin::EntryId) -> TableId {
        let column = tables.column(table, "file_descriptors", DataType::Table).unwrap();
        let Scalar::Table(files) = tables.read(table, entry, column).unwrap() else { panic!() };
        files
    }
    // Counts events of the file 4, and writes the count as the thread's name.
    fn parse(tables: &mut dyn Tables) {
        let table = threads(tables);
        let entry = tables.entry(table, &Key::I64(1)).unwrap();
        let files = files_of(tables, table, entry);
        let Ok(file) = tables.entry(files, &Key::I64(4)) else { return };
        let seen = tables.column(files, "seen", DataType::U64).unwrap();
        let Scalar::U64(before) = tables.read(files, file, seen).unwrap() else { panic!() };
        tables.write(files, file, seen, &Scalar::U64(before + 1)).unwrap();
        let comm = tables.column(table, "comm", DataType::Str).unwrap();
        tables.write(table, entry, comm, &Scalar::text(format!("seen {}", before + 1))).unwrap();
    }
    let mut inspector = run(vec![plugin("p", start, parse)], 0);
    let open =
        |fd| EventBuilder::new(EventType::SYSCALL_OPEN_X).tid(1).ts(2).int(0, fd).text(1, b"/a").build();
    let dup = EventBuilder::new(EventType::SYSCALL_DUP_1_X).tid(1).ts(2).int(0, 4).int(1, 3).build();
    let seen = |inspector: &mut Inspector, event: &eyas_scap::OwnedEvent| {
        inspector.process(event.as_raw());
        String::from_utf8_lossy(&inspector.state().threads.get(1).unwrap().comm).into_owned()
    };
    assert_eq!(seen(&mut inspector, &open(4)), "seen 1");
    assert_eq!(seen(&mut inspector, &open(5)), "seen 2");
    assert_eq!(seen(&mut inspector, &open(4)), "seen 1");
    assert_eq!(seen(&mut inspector, &open(3)), "seen 2");
    assert_eq!(seen(&mut inspector, &dup), "seen 1");
}

#[test]
fn errors_have_falco_s_messages() {
    fn start(tables: &mut dyn Tables) {
        assert_eq!(tables.table("nowhere", DataType::I64), Ok(None));
        assert_eq!(
            why(tables.table("threads", DataType::U8)),
            "table in registry accessed with wrong key type: table='threads', requested='uint8', actual='int64'"
        );
        let table = threads(tables);
        let add = tables.add_column(table, "x", DataType::U64).unwrap();
        assert_eq!(tables.add_column(table, "x", DataType::U64), Ok(add));
        assert_eq!(
            why(tables.add_column(table, "x", DataType::Str)),
            "multiple definitions of dynamic field with different types in struct: x, prevtype=uint64, newtype=string"
        );
        assert_eq!(
            why(tables.add_column(table, "comm", DataType::Str)),
            "can't add dynamic field already defined as static: comm"
        );
        assert_eq!(why(tables.column(table, "y", DataType::Str)), "undefined field 'y' in table 'threads'");
        assert_eq!(
            why(tables.column(table, "comm", DataType::U8)),
            "incompatible data types for static field: comm"
        );
    }
    fn parse(tables: &mut dyn Tables) {
        let table = threads(tables);
        let cwd = tables.column(table, "cwd", DataType::Str).unwrap();
        let entry = tables.entry(table, &Key::I64(1)).unwrap();
        assert_eq!(
            why(tables.write(table, entry, cwd, &Scalar::text("/"))),
            "can't set a read-only static struct field: cwd"
        );
        // Wrong entries, columns and tables are errors.
        let released = entry;
        tables.release(table, entry);
        assert!(tables.read(table, released, cwd).is_err());
        assert!(tables.len(TableId(99)).is_err());
    }
    run(vec![plugin("p", start, parse)], 1);
}

#[test]
fn lists_of_a_thread_are_tables_within_its_entry() {
    fn start(tables: &mut dyn Tables) {
        // An entry that is in no table yet shows the columns of a nested table.
        let table = threads(tables);
        let args = tables.column(table, "args", DataType::Table).unwrap();
        let entry = tables.create(table).unwrap();
        let Scalar::Table(args) = tables.read(table, entry, args).unwrap() else { panic!() };
        assert_eq!(tables.len(args), Ok(0));
        tables.column(args, "value", DataType::Str).unwrap();
        tables.destroy(table, entry).unwrap();
    }
    fn parse(tables: &mut dyn Tables) {
        let table = threads(tables);
        let entry = tables.entry(table, &Key::I64(1)).unwrap();
        let mut nested = |name: &str, columns: &[&str]| {
            let column = tables.column(table, name, DataType::Table).unwrap();
            let Scalar::Table(list) = tables.read(table, entry, column).unwrap() else { panic!() };
            let mut texts = Vec::new();
            for at in 0..tables.len(list).unwrap() {
                let item = tables.entry(list, &Key::U64(at)).unwrap();
                for name in columns {
                    let column = tables.column(list, name, DataType::Str).unwrap();
                    let Scalar::Str(text) = tables.read(list, item, column).unwrap() else { panic!() };
                    texts.push(String::from_utf8(text.into()).unwrap());
                }
            }
            texts
        };
        assert_eq!(nested("args", &["value"]), ["--one", "two"]);
        assert_eq!(nested("cgroups", &["first", "second"]), ["cpu", "/a=b"]);
    }
    run(vec![plugin("p", start, parse)], 2);
}

/// A table of a plugin: one entry, with one number.
struct Count(AtomicI64);

impl PluginTable for Count {
    fn name(&self) -> &str {
        "counts"
    }
    fn key_type(&self) -> DataType {
        DataType::Str
    }
    fn len(&self) -> Result<u64, PluginError> {
        Ok(1)
    }
    fn columns(&self) -> Result<Vec<ColumnInfo>, PluginError> {
        Ok(vec![ColumnInfo { name: "n".into(), ty: DataType::I64, is_read_only: false }])
    }
    fn column(&self, name: &str, _: DataType) -> Result<u64, PluginError> {
        if name == "n" { Ok(7) } else { Err("the owner knows no such field".into()) }
    }
    fn add_column(&self, _: &str, _: DataType) -> Result<u64, PluginError> {
        Err("no".into())
    }
    fn entry(&self, key: &Key) -> Result<u64, PluginError> {
        if *key == Key::text("all") { Ok(3) } else { Err("the owner knows no such key".into()) }
    }
    fn release(&self, entry: u64) {
        assert_eq!(entry, 3);
    }
    fn visit(&self, visit: &mut dyn FnMut(u64) -> bool) -> Result<bool, PluginError> {
        Ok(visit(3))
    }
    fn create(&self) -> Result<u64, PluginError> {
        Err("no".into())
    }
    fn destroy(&self, _: u64) -> Result<(), PluginError> {
        Err("no".into())
    }
    fn insert(&self, _: &Key, _: u64) -> Result<u64, PluginError> {
        Err("no".into())
    }
    fn erase(&self, _: &Key) -> Result<(), PluginError> {
        Err("no".into())
    }
    fn clear(&self) -> Result<(), PluginError> {
        Err("no".into())
    }
    fn read(&self, entry: u64, column: u64) -> Result<Datum, PluginError> {
        assert_eq!((entry, column), (3, 7));
        Ok(Datum::Scalar(Scalar::I64(self.0.load(Ordering::Relaxed))))
    }
    fn write(&self, entry: u64, column: u64, value: &Scalar) -> Result<(), PluginError> {
        let (3, 7, Scalar::I64(n)) = (entry, column, value) else { return Err("no".into()) };
        self.0.store(*n, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn a_plugin_uses_the_table_of_one_that_was_loaded_before_it() {
    fn own(tables: &mut dyn Tables) {
        tables.add_table(Arc::new(Count(AtomicI64::new(0)))).unwrap();
        assert_eq!(
            why(tables.add_table(Arc::new(Count(AtomicI64::new(0))))),
            "table added to registry multiple times: counts"
        );
    }
    fn nothing(_: &mut dyn Tables) {}
    fn start(tables: &mut dyn Tables) {
        let names: Vec<_> = tables.list().into_iter().map(|table| table.name).collect();
        assert_eq!(names, ["threads", "counts"]);
        let table = tables.table("counts", DataType::Str).unwrap().unwrap();
        assert_eq!(why(tables.entry(table, &Key::text("x"))), "the owner knows no such key");
        assert_eq!(why(tables.column(table, "x", DataType::I64)), "the owner knows no such field");
    }
    fn parse(tables: &mut dyn Tables) {
        let table = tables.table("counts", DataType::Str).unwrap().unwrap();
        let n = tables.column(table, "n", DataType::I64).unwrap();
        let entry = tables.entry(table, &Key::text("all")).unwrap();
        let Scalar::I64(before) = tables.read(table, entry, n).unwrap() else { panic!() };
        tables.write(table, entry, n, &Scalar::I64(before + 1)).unwrap();
        let mut seen = Vec::new();
        tables
            .visit(table, &mut |tables, entry| {
                seen.push(tables.read(table, entry, n));
                true
            })
            .unwrap();
        assert_eq!(seen, [Ok(Scalar::I64(before + 1))]);
    }
    run(vec![plugin("owner", own, nothing), plugin("user", start, parse)], 3);
}
