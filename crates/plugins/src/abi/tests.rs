//! Sizes, offsets and numbers are those of the bindings that Falco's SDK for Rust has generated from the C header.

use falco_plugin_api as theirs;

macro_rules! same {
    ($ours:ident, $theirs:ident, $($field:ident = $other:ident),*) => {
        assert_eq!(size_of::<super::$ours>(), size_of::<theirs::$theirs>(), stringify!($ours));
        assert_eq!(align_of::<super::$ours>(), align_of::<theirs::$theirs>(), stringify!($ours));
        $(assert_eq!(
            std::mem::offset_of!(super::$ours, $field),
            std::mem::offset_of!(theirs::$theirs, $other),
            concat!(stringify!($ours), ".", stringify!($field))
        );)*
    };
}

#[test]
fn layouts_are_those_of_the_c_header() {
    same!(Event, ss_plugin_event, ts = ts, tid = tid, len = len, code = type_, nparams = nparams);
    same!(EventInput, ss_plugin_event_input, evt = evt, evtnum = evtnum, evtsrc = evtsrc);
    same!(ByteBuffer, ss_plugin_byte_buffer, len = len, ptr = ptr);
    same!(ValueOffsets, ss_plugin_extract_value_offsets, start = start, length = length);
    same!(
        ExtractField,
        ss_plugin_extract_field,
        res = res,
        res_len = res_len,
        field_id = field_id,
        field = field,
        arg_key = arg_key,
        arg_index = arg_index,
        arg_present = arg_present,
        ftype = ftype,
        flist = flist
    );
    same!(
        StateData,
        ss_plugin_state_data,
        i8 = s8,
        i16 = s16,
        i32 = s32,
        i64 = s64,
        u8 = u8_,
        u16 = u16_,
        u32 = u32_,
        u64 = u64_,
        text = str_,
        bool = b,
        table = table
    );
    same!(TableInfo, ss_plugin_table_info, name = name, key_type = key_type);
    same!(
        TableFieldInfo,
        ss_plugin_table_fieldinfo,
        name = name,
        field_type = field_type,
        read_only = read_only
    );
    same!(MetricData, ss_plugin_metric_value, u32 = u32_, i32 = s32, u64 = u64_, i64 = s64, f64 = d, f32 = f);
    same!(Metric, ss_plugin_metric, name = name, kind = type_, value = value, value_type = value_type);
    same!(
        FieldsVtable,
        ss_plugin_table_fields_vtable_ext,
        list_table_fields = list_table_fields,
        get_table_field = get_table_field,
        add_table_field = add_table_field
    );
    same!(
        ReaderVtable,
        ss_plugin_table_reader_vtable,
        get_table_name = get_table_name,
        get_table_size = get_table_size,
        get_table_entry = get_table_entry,
        read_entry_field = read_entry_field
    );
    same!(
        ReaderVtableExt,
        ss_plugin_table_reader_vtable_ext,
        get_table_name = get_table_name,
        get_table_size = get_table_size,
        get_table_entry = get_table_entry,
        read_entry_field = read_entry_field,
        release_table_entry = release_table_entry,
        iterate_entries = iterate_entries
    );
    same!(
        WriterVtable,
        ss_plugin_table_writer_vtable_ext,
        clear_table = clear_table,
        erase_table_entry = erase_table_entry,
        create_table_entry = create_table_entry,
        destroy_table_entry = destroy_table_entry,
        add_table_entry = add_table_entry,
        write_entry_field = write_entry_field
    );
    same!(
        TableInput,
        ss_plugin_table_input,
        name = name,
        key_type = key_type,
        table = table,
        reader = reader,
        writer = writer,
        fields = fields,
        reader_ext = reader_ext,
        writer_ext = writer_ext,
        fields_ext = fields_ext
    );
    same!(
        InitTablesInput,
        ss_plugin_init_tables_input,
        list_tables = list_tables,
        get_table = get_table,
        add_table = add_table,
        fields = fields,
        fields_ext = fields_ext,
        reader_ext = reader_ext,
        writer_ext = writer_ext
    );
    same!(
        InitInput,
        ss_plugin_init_input,
        config = config,
        owner = owner,
        get_owner_last_error = get_owner_last_error,
        tables = tables,
        log_fn = log_fn
    );
    same!(
        ExtractInput,
        ss_plugin_field_extract_input,
        owner = owner,
        get_owner_last_error = get_owner_last_error,
        num_fields = num_fields,
        fields = fields,
        table_reader = table_reader,
        table_reader_ext = table_reader_ext,
        value_offsets = value_offsets
    );
    same!(
        ParseInput,
        ss_plugin_event_parse_input,
        owner = owner,
        get_owner_last_error = get_owner_last_error,
        table_reader = table_reader,
        table_writer = table_writer,
        table_reader_ext = table_reader_ext,
        table_writer_ext = table_writer_ext
    );
    same!(SetConfigInput, ss_plugin_set_config_input, config = config);
    same!(RoutineVtable, ss_plugin_routine_vtable, subscribe = subscribe, unsubscribe = unsubscribe);
    same!(
        ListenInput,
        ss_plugin_capture_listen_input,
        owner = owner,
        routine = routine,
        table_reader_ext = table_reader_ext,
        table_writer_ext = table_writer_ext,
        get_owner_last_error = get_owner_last_error
    );
    same!(WriterVtable, ss_plugin_table_writer_vtable, write_entry_field = write_entry_field);
    same!(FieldsVtable, ss_plugin_table_fields_vtable, add_table_field = add_table_field);
    assert_eq!(size_of::<super::Values>(), size_of::<theirs::ss_plugin_extract_field__bindgen_ty_1>());
}

#[test]
fn numbers_are_those_of_the_c_header() {
    assert_eq!(super::SUCCESS, theirs::ss_plugin_rc_SS_PLUGIN_SUCCESS);
    assert_eq!(super::FAILURE, theirs::ss_plugin_rc_SS_PLUGIN_FAILURE);
    assert_eq!(super::TIMEOUT, theirs::ss_plugin_rc_SS_PLUGIN_TIMEOUT);
    assert_eq!(super::EOF, theirs::ss_plugin_rc_SS_PLUGIN_EOF);
    assert_eq!(super::MAX_ERROR, theirs::PLUGIN_MAX_ERRLEN as usize);
    assert_eq!(super::FTYPE_UINT64, theirs::ss_plugin_field_type_FTYPE_UINT64);
    assert_eq!(super::FTYPE_STRING, theirs::ss_plugin_field_type_FTYPE_STRING);
    assert_eq!(super::FTYPE_RELTIME, theirs::ss_plugin_field_type_FTYPE_RELTIME);
    assert_eq!(super::FTYPE_ABSTIME, theirs::ss_plugin_field_type_FTYPE_ABSTIME);
    assert_eq!(super::FTYPE_BOOL, theirs::ss_plugin_field_type_FTYPE_BOOL);
    assert_eq!(super::FTYPE_IPADDR, theirs::ss_plugin_field_type_FTYPE_IPADDR);
    assert_eq!(super::FTYPE_IPNET, theirs::ss_plugin_field_type_FTYPE_IPNET);
}
