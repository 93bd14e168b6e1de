/* Two plugins of system calls. The parser counts, in a field that it adds to threads, how often each opens files, and in a
 * table of its own the events of each type. The extractor has the counts as fields, and more of the event. */
#include "abi.h"

#define I64 4
#define U64 8
#define STR 9

struct state {
    void *owner;
    void *threads, *comm, *opens, *counts, *count;
    uint64_t of_type[512];
    char error[64];
};

static struct state *parser;

const char *plugin_get_required_api_version(void) { return "3.12.0"; }
const char *plugin_get_version(void) { return "0.1.0"; }
const char *plugin_get_description(void) { return "opens of files"; }
const char *plugin_get_contact(void) { return "nobody"; }
const char *plugin_get_last_error(struct state *s) { return s->error; }
const char *plugin_get_required_event_schema_version(struct state *s) { return "4.5.1"; }
void plugin_destroy(struct state *s) { free(s); }

#ifdef PARSER
const char *plugin_get_name(void) { return "sample_parse"; }

static const char *table_name(void *t) { return "sample_counts"; }
static uint64_t table_size(void *t) { return 512; }
static void *table_entry(void *t, const union data *key) {
    return key->u64 < 512 ? &((struct state *)t)->of_type[key->u64] : NULL;
}
static int table_read(void *t, void *e, const void *f, union data *out) {
    out->u64 = *(uint64_t *)e;
    return SUCCESS;
}
static void table_release(void *t, void *e) {}
static uint32_t table_iterate(void *t, uint32_t (*f)(void *, void *), void *s) { return 0; }
static int table_clear(void *t) { return FAILURE; }
static int table_erase(void *t, const union data *key) { return FAILURE; }
static void *table_create(void *t) { return NULL; }
static void table_destroy(void *t, void *e) {}
static void *table_add(void *t, const union data *key, void *e) { return NULL; }
static int table_write(void *t, void *e, const void *f, const union data *in) { return FAILURE; }
static const struct field_info *table_fields(void *t, uint32_t *n) {
    static const struct field_info infos[] = {{"count", U64, 1}};
    *n = 1;
    return infos;
}
static void *table_field(void *t, const char *name, uint32_t type) {
    return !strcmp(name, "count") && type == U64 ? t : NULL;
}
static void *table_add_field(void *t, const char *name, uint32_t type) { return NULL; }

struct state *plugin_init(const struct init_input *in, int *rc) {
    struct state *s = calloc(1, sizeof *s);
    static struct reader_ext reader = {{table_name, table_size, table_entry, table_read}, table_release, table_iterate};
    static struct writer writer = {table_clear, table_erase, table_create, table_destroy, table_add, table_write};
    static struct fields fields = {table_fields, table_field, table_add_field};
    struct table_input input = {"sample_counts", U64, s, reader.base, writer, fields, &reader, &writer, &fields};
    s->threads = in->tables->get(in->owner, "threads", I64);
    s->opens = in->tables->fields_ext->add(s->threads, "open_count", U64);
    *rc = s->opens && in->tables->add(in->owner, &input) == SUCCESS ? SUCCESS : FAILURE;
    return s;
}

const uint16_t *plugin_get_parse_event_types(uint32_t *n, struct state *s) {
    static const uint16_t types[] = {PARSE_TYPES};
    *n = sizeof types / sizeof *types;
    return types;
}

int plugin_parse_event(struct state *s, const struct event_input *in, const struct parse_input *p) {
    union data key = {.u64 = in->evt->tid}, value;
    s->of_type[in->evt->type]++;
    void *thread = p->reader_ext->base.entry(s->threads, &key);
    if (!thread) return SUCCESS;
    p->reader_ext->base.read(s->threads, thread, s->opens, &value);
    value.u64++;
    p->writer_ext->write(s->threads, thread, s->opens, &value);
    p->reader_ext->release(s->threads, thread);
    return SUCCESS;
}
#endif

#ifdef EXTRACTOR
const char *plugin_get_name(void) { return "sample_extract"; }

struct state *plugin_init(const struct init_input *in, int *rc) {
    struct state *s = calloc(1, sizeof *s);
    struct fields *f = in->tables->fields_ext;
    s->threads = in->tables->get(in->owner, "threads", I64);
    s->comm = f->get(s->threads, "comm", STR);
    /* These are there if the parser was loaded before. */
    s->opens = f->get(s->threads, "open_count", U64);
    s->counts = in->tables->get(in->owner, "sample_counts", U64);
    if (s->counts) s->count = f->get(s->counts, "count", U64);
    *rc = SUCCESS;
    return s;
}

const char *plugin_get_fields(void) {
    return "[{\"type\":\"uint64\",\"name\":\"sample.is_open\",\"desc\":\"1 for an event that opens\"},"
           "{\"type\":\"string\",\"name\":\"sample.proc_name\",\"desc\":\"name in the table of threads\"},"
           "{\"type\":\"string\",\"name\":\"sample.tick\",\"desc\":\"true for an asynchronous event\"},"
           "{\"type\":\"string\",\"name\":\"sample.open_count\",\"desc\":\"opens of the thread\"},"
           "{\"type\":\"string\",\"name\":\"sample.evt_count\",\"desc\":\"parsed events of the type\"}]";
}

const char *plugin_get_extract_event_sources(void) { return "[\"syscall\"]"; }

const uint16_t *plugin_get_extract_event_types(uint32_t *n, struct state *s) {
    static const uint16_t types[] = {EXTRACT_TYPES};
    *n = sizeof types / sizeof *types;
    return types;
}

int plugin_extract_fields(struct state *s, const struct event_input *in, const struct extract_input *x) {
    static uint64_t number;
    static char text[64];
    static const char *texts[1] = {text};
    uint16_t type = in->evt->type;
    union data key = {.u64 = in->evt->tid}, value;
    void *thread = x->reader_ext->base.entry(s->threads, &key);
    /* Falco asks for one field at a time, and so may this plugin's host: it has no memory for two. */
    struct field *f = x->fields;
    const char *name = f->field + strlen("sample.");
    f->res = texts;
    f->res_len = 1;
    if (!strcmp(name, "is_open")) {
        number = type == 2 || type == 3 || type == 307;
        f->res = &number;
    } else if (!strcmp(name, "tick")) {
        strcpy(text, type == 402 ? "true" : "false");
    } else if (!strcmp(name, "proc_name") && thread) {
        x->reader_ext->base.read(s->threads, thread, s->comm, &value);
        snprintf(text, sizeof text, "%s", value.str);
    } else if (!strcmp(name, "open_count") && thread && s->opens) {
        x->reader_ext->base.read(s->threads, thread, s->opens, &value);
        sprintf(text, "%llu", (unsigned long long)value.u64);
    } else if (!strcmp(name, "evt_count") && s->count) {
        key.u64 = type;
        void *entry = x->reader_ext->base.entry(s->counts, &key);
        x->reader_ext->base.read(s->counts, entry, s->count, &value);
        x->reader_ext->release(s->counts, entry);
        sprintf(text, "%llu", (unsigned long long)value.u64);
    } else {
        f->res_len = 0;
    }
    /* What is not released the host releases. */
    return SUCCESS;
}
#endif
