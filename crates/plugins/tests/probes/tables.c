/* A plugin that offers a table and uses those of its host, step by step; what is not as expected it logs. */
#include "abi.h"

#define I64 4
#define U64 8
#define STR 9
#define MOST 16384

#ifndef NAME
#define NAME "keeper"
#endif

struct entry {
    uint64_t n;
    char *s;
    int references;
    int is_gone;
};

struct state {
    void *owner;
    const char *(*owner_error)(void *);
    void (*log)(void *, const char *, const char *, uint32_t);
    struct tables tables;
    char error[256];
    char config[32];
    uint64_t calls;
    int64_t live;
    struct metric metrics[2];
    void *threads, *keeps, *comm, *args, *env, *cgroups, *files, *x, *y, *n, *s;
    void *value, *value_of_args, *first, *second, *name, *seen, *fd;
};

static struct entry *entries[MOST];
static uint64_t count;
static struct state *owner_of_table;

static int fail(const char *why) {
    strcpy(owner_of_table->error, why);
    return FAILURE;
}

static void drop(struct entry *e) {
    if (e->references > 0 || !e->is_gone) return;
    owner_of_table->live--;
    free(e->s);
    free(e);
}

static const char *table_name(void *t) { return "keeps"; }
static uint64_t table_size(void *t) { return count; }

static void *table_entry(void *t, const union data *key) {
    if (key->u64 >= MOST || !entries[key->u64]) return fail("the keeper has no such entry"), NULL;
    entries[key->u64]->references++;
    return entries[key->u64];
}

static void table_release(void *t, void *e) {
    ((struct entry *)e)->references--;
    drop(e);
}

static uint32_t table_iterate(void *t, uint32_t (*f)(void *, void *), void *s) {
    for (int i = 0; i < MOST; i++)
        if (entries[i] && !f(s, entries[i])) return 0;
    return 1;
}

static int table_read(void *t, void *e, const void *f, union data *out) {
    struct entry *entry = e;
    if (f == (void *)1) out->u64 = entry->n;
    else if (f == (void *)2) out->str = entry->s ? entry->s : "";
    else return fail("no such field of the keeper");
    return SUCCESS;
}

static int table_erase(void *t, const union data *key) {
    if (key->u64 >= MOST || !entries[key->u64]) return fail("table entry not found");
    struct entry *e = entries[key->u64];
    entries[key->u64] = NULL;
    e->is_gone = 1;
    count--;
    drop(e);
    return SUCCESS;
}

static int table_clear(void *t) {
    for (uint64_t i = 0; i < MOST; i++)
        if (entries[i]) table_erase(t, (union data *)&i);
    return SUCCESS;
}

static void *table_create(void *t) {
    owner_of_table->live++;
    return calloc(1, sizeof(struct entry));
}

static void table_destroy(void *t, void *e) {
    ((struct entry *)e)->is_gone = 1;
    drop(e);
}

static void *table_add(void *t, const union data *key, void *e) {
    if (key->u64 >= MOST) return fail("the key is too large"), NULL;
    if (entries[key->u64]) table_erase(t, key);
    entries[key->u64] = e;
    entries[key->u64]->references++;
    count++;
    return e;
}

static int table_write(void *t, void *e, const void *f, const union data *in) {
    struct entry *entry = e;
    if (f == (void *)1) entry->n = in->u64;
    else if (f == (void *)2) free(entry->s), entry->s = strdup(in->str);
    else return fail("no such field of the keeper");
    return SUCCESS;
}

static const struct field_info *table_fields(void *t, uint32_t *n) {
    static const struct field_info infos[] = {{"n", U64, 0}, {"s", STR, 0}};
    *n = 2;
    return infos;
}

static void *table_field(void *t, const char *name, uint32_t type) {
    if (!strcmp(name, "n") && type == U64) return (void *)1;
    if (!strcmp(name, "s") && type == STR) return (void *)2;
    return fail("no such field of the keeper"), NULL;
}

static void *table_add_field(void *t, const char *name, uint32_t type) { return table_field(t, name, type); }

const char *plugin_get_required_api_version(void) { return "3.12.0"; }
const char *plugin_get_version(void) { return "0.1.0"; }
const char *plugin_get_name(void) { return NAME; }
const char *plugin_get_description(void) { return "tables"; }
const char *plugin_get_contact(void) { return "nobody"; }
const char *plugin_get_last_error(struct state *s) { return s->error; }
const char *plugin_get_required_event_schema_version(struct state *s) { return "4.5.1"; }

const struct metric *plugin_get_metrics(struct state *s, uint32_t *n) {
    s->metrics[0] = (struct metric){.name = "calls", .value.u64 = s->calls, .value_type = 2};
    s->metrics[1] = (struct metric){.name = "live", .kind = 1, .value.u64 = (uint64_t)s->live, .value_type = 3};
    *n = 2;
    return s->metrics;
}

static void wrong(struct state *s, int line, const char *what) {
    char text[512];
    const char *error = s->owner_error(s->owner);
    snprintf(text, sizeof text, "line %d: %s (%s)", line, what, error ? error : "no error");
    s->log(s->owner, NULL, text, 3);
}

#define CHECK(expression) ((expression) ? 1 : (wrong(s, __LINE__, #expression), 0))
#define ERROR(text) CHECK(s->owner_error(s->owner) && !strcmp(s->owner_error(s->owner), text))

/* Fields of tables within the entries of threads are looked up with an entry that is in no table. */
static void *nested(struct state *s, void *entry, void *column) {
    union data out = {0};
    struct reader_ext *r = s->tables.reader_ext;
    CHECK(r->base.read(s->threads, entry, column, &out) == SUCCESS);
    CHECK(out.table);
    return out.table;
}

static void look_up(struct state *s) {
    struct tables *t = &s->tables;
    struct fields *f = t->fields_ext;
    s->threads = t->get(s->owner, "threads", I64);
    CHECK(s->threads && t->get(s->owner, "threads", I64) == s->threads);
    CHECK(!t->get(s->owner, "nosuch", I64));
    CHECK(!t->get(s->owner, "threads", 5));
    ERROR("table in registry accessed with wrong key type: table='threads', requested='uint8', actual='int64'");
    /* As libs has it, and the SDK for Rust reads it, a table is a description. */
    struct table_input *input = s->threads;
    CHECK(input->key_type == I64 && !strcmp(input->name, "threads"));
    CHECK(input->reader_ext && input->reader_ext->base.size(s->threads) != UINT64_MAX);
    CHECK((s->comm = f->get(s->threads, "comm", STR)));
    CHECK(!f->get(s->threads, "comm", U64));
    ERROR("incompatible data types for static field: comm");
    CHECK(!f->get(s->threads, "nosuch", U64));
    ERROR("undefined field 'nosuch' in table 'threads'");
    CHECK((s->args = f->get(s->threads, "args", 10)));
    CHECK((s->env = f->get(s->threads, "env", 10)));
    CHECK((s->cgroups = f->get(s->threads, "cgroups", 10)));
    CHECK((s->files = f->get(s->threads, "file_descriptors", 10)));
    CHECK((s->x = f->add(s->threads, "x", U64)) && f->add(s->threads, "x", U64) == s->x);
    CHECK((s->y = f->add(s->threads, "y", STR)));
    CHECK(!f->add(s->threads, "x", STR));
    ERROR("multiple definitions of dynamic field with different types in struct: x, prevtype=uint64, newtype=string");
    CHECK(!f->add(s->threads, "comm", STR));
    ERROR("can't add dynamic field already defined as static: comm");
    CHECK(!f->add(s->threads, "z", 10));
    ERROR("can't add dynamic field of type table: z");
    void *entry = t->writer_ext->create(s->threads);
    CHECK(entry);
    CHECK((s->value = f->get(nested(s, entry, s->env), "value", STR)));
    CHECK((s->value_of_args = f->get(nested(s, entry, s->args), "value", STR)));
    CHECK((s->first = f->get(nested(s, entry, s->cgroups), "first", STR)));
    CHECK((s->second = f->get(nested(s, entry, s->cgroups), "second", STR)));
    CHECK((s->name = f->get(nested(s, entry, s->files), "name", STR)));
    CHECK((s->fd = f->get(nested(s, entry, s->files), "fd", I64)));
    CHECK((s->seen = f->add(nested(s, entry, s->files), "seen", U64)));
    t->writer_ext->destroy(s->threads, entry);
}

struct state *plugin_init(const struct init_input *in, int *rc) {
    struct state *s = calloc(1, sizeof *s);
    s->owner = in->owner;
    s->owner_error = in->owner_error;
    s->log = in->log;
    s->tables = *in->tables;
    strcpy(s->error, "init fails");
    strcpy(s->config, in->config);
    CHECK(!s->owner_error(s->owner));
    if (strcmp(in->config, "user")) look_up(s);
#ifdef OWNER
    static struct reader_ext reader = {{table_name, table_size, table_entry, table_read}, table_release, table_iterate};
    static struct writer writer = {table_clear, table_erase, table_create, table_destroy, table_add, table_write};
    static struct fields fields = {table_fields, table_field, table_add_field};
    struct table_input input = {"keeps", U64, (void *)99, reader.base, writer, fields, &reader, &writer, &fields};
    owner_of_table = s;
    CHECK(in->tables->add(s->owner, &input) == SUCCESS);
    CHECK(in->tables->add(s->owner, &input) == FAILURE);
    ERROR("table added to registry multiple times: keeps");
    input.name = "broken";
    input.reader.size = NULL;
    CHECK(in->tables->add(s->owner, &input) == FAILURE);
    ERROR("failure in adding state table defined by plugin '" NAME "': broken or inconsistent reader vtables");
    input.reader_ext = NULL;
    CHECK(in->tables->add(s->owner, &input) == FAILURE);
    ERROR("failure in adding state table defined by plugin '" NAME "': extended vtables must all be defined");
    CHECK(in->tables->add(s->owner, NULL) == FAILURE);
#else
    CHECK((s->keeps = in->tables->get(s->owner, "keeps", U64)));
    struct fields *f = in->tables->fields_ext;
    CHECK((s->n = f->get(s->keeps, "n", U64)));
    CHECK((s->s = f->get(s->keeps, "s", STR)));
    CHECK(!f->get(s->keeps, "other", U64));
    ERROR("no such field of the keeper");
#endif
    *rc = SUCCESS;
    return s;
}

void plugin_destroy(struct state *s) { free(s); }

static uint32_t count_one(void *n, void *entry) {
    ++*(uint64_t *)n;
    return 1;
}

static uint32_t stop(void *n, void *entry) { return 0; }

/* The rounds of reading, writing, adding and erasing, on any table with a number and a text in its entries. */
static void rounds(struct state *s, const struct parse_input *p, void *t, void *number, void *text, uint64_t first,
                   uint64_t before) {
    struct reader_ext *r = p->reader_ext;
    struct writer *w = p->writer_ext;
    union data key, out, in;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        key.u64 = first + i;
        if (!CHECK(!r->base.entry(t, &key))) return;
        void *dropped = w->create(t);
        if (!CHECK(dropped)) return;
        w->destroy(t, dropped);
        void *e = w->create(t);
        void *added = w->add(t, &key, e);
        if (!CHECK(added)) return;
        CHECK(!w->add(t, &key, added));
        CHECK(r->base.size(t) == before + i + 1);
        CHECK(r->base.read(t, added, number, &out) == SUCCESS && out.u64 == 0);
        in.u64 = 5;
        CHECK(w->write(t, added, number, &in) == SUCCESS);
        CHECK(r->base.read(t, added, number, &out) == SUCCESS && out.u64 == 5);
        CHECK(r->base.read(t, added, text, &out) == SUCCESS && !strcmp(out.str, ""));
        in.str = "first";
        CHECK(w->write(t, added, text, &in) == SUCCESS);
        in.str = "hello";
        CHECK(w->write(t, added, text, &in) == SUCCESS);
        CHECK(r->base.read(t, added, text, &out) == SUCCESS && !strcmp(out.str, "hello"));
        r->release(t, added);
        void *again = r->base.entry(t, &key);
        if (!CHECK(again)) return;
        CHECK(r->base.read(t, again, text, &out) == SUCCESS && !strcmp(out.str, "hello"));
        r->release(t, again);
    }
    uint64_t n = 0;
    CHECK(r->iterate(t, count_one, &n) == 1 && n == before + ROUNDS);
    CHECK(r->iterate(t, stop, NULL) == 0);
    key.u64 = first + ROUNDS;
    CHECK(w->erase(t, &key) == FAILURE);
    CHECK(r->base.size(t) == before + ROUNDS);
    /* An entry that is held may still be read when it is erased. */
    key.u64 = first;
    void *held = r->base.entry(t, &key);
    CHECK(w->erase(t, &key) == SUCCESS);
    CHECK(r->base.size(t) == before + ROUNDS - 1);
    CHECK(r->base.read(t, held, number, &out) == SUCCESS && out.u64 == 5);
    /* It is not released: the host does that. */
    for (uint64_t i = 1; i < ROUNDS; i++) {
        key.u64 = first + i;
        CHECK(w->erase(t, &key) == SUCCESS);
    }
    CHECK(r->base.size(t) == before);
    /* One that is in no table is left to the host, too. */
    CHECK(w->create(t));
}

/* Ten entries of a list within a thread, by their places; then the list is as it was. */
static void list(struct state *s, const struct parse_input *p, void *t, void *first, void *second, const char *before[][2],
                 uint64_t size) {
    struct reader_ext *r = p->reader_ext;
    struct writer *w = p->writer_ext;
    union data key, out, in;
    CHECK(r->base.size(t) == size);
    CHECK(w->clear(t) == SUCCESS && r->base.size(t) == 0);
    for (uint64_t i = 0; i < 10; i++) {
        key.u64 = i;
        void *e = w->add(t, &key, w->create(t));
        if (!CHECK(e)) return;
        CHECK(r->base.size(t) == i + 1);
        CHECK(r->base.read(t, e, first, &out) == SUCCESS && !strcmp(out.str, ""));
        in.str = "hello";
        CHECK(w->write(t, e, first, &in) == SUCCESS);
        in.str = "world";
        if (second) CHECK(w->write(t, e, second, &in) == SUCCESS);
        r->release(t, e);
    }
    for (uint64_t i = 0; i < 10; i++) {
        key.u64 = i;
        void *e = r->base.entry(t, &key);
        if (!CHECK(e)) return;
        CHECK(r->base.read(t, e, first, &out) == SUCCESS && !strcmp(out.str, "hello"));
        if (second) CHECK(r->base.read(t, e, second, &out) == SUCCESS && !strcmp(out.str, "world"));
        r->release(t, e);
    }
    uint64_t n = 0;
    CHECK(r->iterate(t, count_one, &n) == 1 && n == 10);
    key.u64 = 3;
    CHECK(w->erase(t, &key) == SUCCESS && r->base.size(t) == 9);
    key.u64 = 9;
    CHECK(w->erase(t, &key) == FAILURE && r->base.size(t) == 9);
    ERROR("table entry not found");
    /* A place behind the end: those between are empty. */
    key.u64 = 11;
    CHECK(w->add(t, &key, w->create(t)) && r->base.size(t) == 12);
    key.u64 = UINT64_MAX;
    CHECK(!w->add(t, &key, w->create(t)) && r->base.size(t) == 12);
    CHECK(w->clear(t) == SUCCESS && r->base.size(t) == 0);
    for (uint64_t i = 0; i < size; i++) {
        key.u64 = i;
        void *e = w->create(t);
        in.str = before[i][0];
        CHECK(w->write(t, e, first, &in) == SUCCESS);
        in.str = before[i][1];
        if (second) CHECK(w->write(t, e, second, &in) == SUCCESS);
        CHECK(w->add(t, &key, e));
    }
    CHECK(r->base.size(t) == size);
}

static void lists(struct state *s, const struct parse_input *p, void *init) {
    static const char *env[][2] = {{"A=1"}, {"B=2"}}, *cgroups[][2] = {{"cpu", "/a"}}, *args[][2] = {{"-x"}};
    list(s, p, nested(s, init, s->env), s->value, NULL, env, 2);
    list(s, p, nested(s, init, s->args), s->value_of_args, NULL, args, 1);
    list(s, p, nested(s, init, s->cgroups), s->first, s->second, cgroups, 1);
}

/* Files that the plugin adds to a thread, with what it adds to files. */
static void files(struct state *s, const struct parse_input *p, void *init) {
    struct reader_ext *r = p->reader_ext;
    struct writer *w = p->writer_ext;
    void *t = nested(s, init, s->files);
    union data key = {.s64 = 7}, out, in;
    CHECK(r->base.size(t) == 0 && !r->base.entry(t, &key));
    void *e = w->create(t);
    in.str = "/etc/hosts";
    CHECK(w->write(t, e, s->name, &in) == SUCCESS);
    e = w->add(t, &key, e);
    if (!CHECK(e)) return;
    in.u64 = 3;
    CHECK(w->write(t, e, s->seen, &in) == SUCCESS && r->base.size(t) == 1);
    CHECK(r->base.read(t, e, s->seen, &out) == SUCCESS && out.u64 == 3);
    in.s64 = 8;
    CHECK(w->write(t, e, s->fd, &in) == FAILURE);
    CHECK(r->base.read(t, e, s->fd, &out) == SUCCESS && out.s64 == 7);
    CHECK(w->erase(t, &key) == SUCCESS && r->base.size(t) == 0);
    /* It is held. */
    CHECK(r->base.read(t, e, s->name, &out) == SUCCESS && !strcmp(out.str, "/etc/hosts"));
    CHECK(w->erase(t, &key) == FAILURE);
    /* Another one with the same number has nothing of it. */
    e = w->add(t, &key, w->create(t));
    CHECK(r->base.read(t, e, s->seen, &out) == SUCCESS && out.u64 == 0);
    CHECK(r->base.read(t, e, s->name, &out) == SUCCESS && !strcmp(out.str, ""));
    CHECK(w->clear(t) == SUCCESS && r->base.size(t) == 0);
}

/* A thread whose lists and files are filled before it is in the table. */
static void whole_thread(struct state *s, const struct parse_input *p) {
    struct reader_ext *r = p->reader_ext;
    struct writer *w = p->writer_ext;
    union data key = {.u64 = 1}, out, in = {.str = "whole"};
    void *made = w->create(s->threads);
    CHECK(w->write(s->threads, made, s->comm, &in) == SUCCESS);
    void *env = nested(s, made, s->env), *files = nested(s, made, s->files);
    void *e = w->create(env);
    in.str = "B=2";
    CHECK(w->write(env, e, s->value, &in) == SUCCESS);
    e = w->add(env, &key, e);
    CHECK(e && r->base.size(env) == 2 && r->base.size(nested(s, made, s->env)) == 2);
    CHECK(r->base.read(env, e, s->value, &out) == SUCCESS && !strcmp(out.str, "B=2"));
    key.u64 = 0;
    void *first = r->base.entry(env, &key);
    in.str = "A=1";
    CHECK(first && w->write(env, first, s->value, &in) == SUCCESS);
    uint64_t n = 0;
    CHECK(r->iterate(env, count_one, &n) == 1 && n == 2);
    key.s64 = 9;
    e = w->add(files, &key, w->create(files));
    in.str = "/etc/motd";
    CHECK(e && w->write(files, e, s->name, &in) == SUCCESS);
    key.s64 = 10;
    CHECK(w->add(files, &key, w->create(files)) && r->base.size(files) == 2);
    CHECK(w->erase(files, &key) == SUCCESS && w->erase(files, &key) == FAILURE);
    key.s64 = 555;
    made = w->add(s->threads, &key, made);
    if (!CHECK(made)) return;
    /* These were of the entry that is in the table now. */
    CHECK(r->base.size(env) == UINT64_MAX);
    env = nested(s, made, s->env), files = nested(s, made, s->files);
    CHECK(r->base.size(env) == 2 && r->base.size(files) == 1);
    key.u64 = 0;
    e = r->base.entry(env, &key);
    CHECK(r->base.read(env, e, s->value, &out) == SUCCESS && !strcmp(out.str, "A=1"));
    key.s64 = 9;
    e = r->base.entry(files, &key);
    CHECK(e && r->base.read(files, e, s->name, &out) == SUCCESS && !strcmp(out.str, "/etc/motd"));
    key.s64 = 555;
    CHECK(w->erase(s->threads, &key) == SUCCESS);
}

static void threads(struct state *s, const struct parse_input *p) {
    struct reader_ext *r = p->reader_ext;
    struct writer *w = p->writer_ext;
    union data key = {.s64 = 1}, out, in = {.str = "x"};
    CHECK(!strcmp(r->base.name(s->threads), "threads") && r->base.size(s->threads) == 1);
    void *init = r->base.entry(s->threads, &key);
    if (!CHECK(init)) return;
    CHECK(r->base.read(s->threads, init, s->comm, &out) == SUCCESS && !strcmp(out.str, "init"));
    CHECK(w->write(s->threads, init, s->args, &in) == FAILURE);
    ERROR("writing to table fields is currently not supported");
    void *env = nested(s, init, s->env), *cgroups = nested(s, init, s->cgroups);
    CHECK(r->base.size(env) == 2 && r->base.size(cgroups) == 1);
    key.u64 = 1;
    void *second = r->base.entry(env, &key);
    CHECK(r->base.read(env, second, s->value, &out) == SUCCESS && !strcmp(out.str, "B=2"));
    /* A field of one table is none of another. */
    CHECK(r->base.read(env, second, s->comm, &out) == FAILURE);
    CHECK(r->base.read(cgroups, second, s->first, &out) == FAILURE);
    key.u64 = 2;
    CHECK(!r->base.entry(env, &key));
    key.u64 = 0;
    void *group = r->base.entry(cgroups, &key);
    CHECK(r->base.read(cgroups, group, s->first, &out) == SUCCESS && !strcmp(out.str, "cpu"));
    CHECK(r->base.read(cgroups, group, s->second, &out) == SUCCESS && !strcmp(out.str, "/a"));
    /* Nobody else's pointers do anything. */
    CHECK(!r->base.entry((void *)77, &key) && r->base.size(NULL) == UINT64_MAX && !r->base.name(&out));
    CHECK(r->base.read(s->threads, (void *)0x7777777, s->comm, &out) == FAILURE);
    CHECK(r->base.read(s->threads, init, (void *)0x7777777, &out) == FAILURE);
    CHECK(r->base.read(s->threads, init, s->comm, NULL) == FAILURE);
    CHECK(w->write(s->threads, init, s->comm, NULL) == FAILURE);
    CHECK(!r->base.entry(s->threads, NULL) && !r->iterate(s->threads, NULL, NULL));
    lists(s, p, init);
    files(s, p, init);
    whole_thread(s, p);
    rounds(s, p, s->threads, s->x, s->y, 1000, 1);
    rounds(s, p, s->threads, s->x, s->comm, 1000, 1);
}

int plugin_parse_event(struct state *s, const struct event_input *in, const struct parse_input *p) {
    s->calls++;
    if (!strcmp(s->config, "threads")) threads(s, p);
    if (s->keeps && !strcmp(s->config, "user")) rounds(s, p, s->keeps, s->n, s->s, 0, 0);
    if (!strcmp(s->config, "clear")) {
        /* Of the table of another plugin: its errors are those of its owner. */
        union data key = {.u64 = 5000};
        CHECK(!p->reader_ext->base.entry(s->keeps, &key));
        ERROR("the keeper has no such entry");
        key.u64 = MOST;
        void *e = p->writer_ext->create(s->keeps);
        CHECK(!p->writer_ext->add(s->keeps, &key, e));
        ERROR("the key is too large");
        key.u64 = 3;
        CHECK(p->writer_ext->add(s->keeps, &key, e));
        CHECK(p->writer_ext->clear(s->keeps) == SUCCESS && p->reader_ext->base.size(s->keeps) == 0);
    }
    return SUCCESS;
}
