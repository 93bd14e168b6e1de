/* A whole plugin in C, with every capability: a source of numbered events, fields of them, a parser that keeps a table, and
 * asynchronous events.
 *
 *     cc -shared -fPIC -o libcounter.so counter.c
 *
 * Open parameter: how many events there are. The data of event number n is the text of n, followed by a word: even or odd. */
#include "abi.h"

#define I64 4
#define U64 8
#define STR 9
#define ID 42

struct entry {
    const char *word;
    uint64_t count;
};

struct state {
    void *owner;
    void (*log)(void *, const char *, const char *, uint32_t);
    char error[128];
    /* The table of this plugin: how many events there were of a word. */
    struct entry words[2];
    /* The same table, as the host gives it to other plugins and to this one. */
    void *table, *count;
    handler send;
    uint64_t parsed, turns;
    struct metric metrics[2];
};

const char *plugin_get_required_api_version(void) { return "3.12.0"; }
const char *plugin_get_name(void) { return "counter"; }
const char *plugin_get_version(void) { return "1.0.0"; }
const char *plugin_get_description(void) { return "numbered events"; }
const char *plugin_get_contact(void) { return "nobody"; }
const char *plugin_get_last_error(struct state *s) { return s->error; }

static int fail(struct state *s, const char *why) {
    snprintf(s->error, sizeof s->error, "%s", why);
    return FAILURE;
}

/* The functions of the table. Its keys are texts. */
static const char *table_name(void *t) { return "counter_words"; }
static uint64_t table_size(void *t) { return 2; }
static void *table_entry(void *t, const union data *key) {
    struct state *s = t;
    for (int i = 0; i < 2; i++)
        if (!strcmp(key->str, s->words[i].word)) return &s->words[i];
    return fail(s, "there is no such word"), NULL;
}
static int table_read(void *t, void *e, const void *f, union data *out) {
    out->u64 = ((struct entry *)e)->count;
    return SUCCESS;
}
static void table_release(void *t, void *e) {}
static uint32_t table_iterate(void *t, uint32_t (*f)(void *, void *), void *state) {
    struct state *s = t;
    for (int i = 0; i < 2; i++)
        if (!f(state, &s->words[i])) return 0;
    return 1;
}
static int table_clear(void *t) { return fail(t, "words stay"); }
static int table_erase(void *t, const union data *key) { return fail(t, "words stay"); }
static void *table_create(void *t) { return fail(t, "there are no more words"), NULL; }
static void table_destroy(void *t, void *e) {}
static void *table_add(void *t, const union data *key, void *e) { return fail(t, "there are no more words"), NULL; }
static int table_write(void *t, void *e, const void *f, const union data *in) {
    ((struct entry *)e)->count = in->u64;
    return SUCCESS;
}
static const struct field_info *table_fields(void *t, uint32_t *n) {
    static const struct field_info infos[] = {{"count", U64, 0}};
    *n = 1;
    return infos;
}
static void *table_field(void *t, const char *name, uint32_t type) {
    return !strcmp(name, "count") && type == U64 ? (void *)1 : NULL;
}
static void *table_add_field(void *t, const char *name, uint32_t type) { return fail(t, "no more fields"), NULL; }

struct state *plugin_init(const struct init_input *in, int *rc) {
    static struct reader_ext reader = {{table_name, table_size, table_entry, table_read}, table_release, table_iterate};
    static struct writer writer = {table_clear, table_erase, table_create, table_destroy, table_add, table_write};
    static struct fields fields = {table_fields, table_field, table_add_field};
    struct state *s = calloc(1, sizeof *s);
    struct table_input input = {"counter_words", STR, s, reader.base, writer, fields, &reader, &writer, &fields};
    s->owner = in->owner;
    s->log = in->log;
    s->words[0].word = "even";
    s->words[1].word = "odd";
    *rc = FAILURE;
    if (in->tables->add(s->owner, &input) != SUCCESS) return fail(s, in->owner_error(s->owner)), s;
    s->table = in->tables->get(s->owner, "counter_words", STR);
    if (!s->table) return fail(s, "the host does not have the table"), s;
    s->count = in->tables->fields_ext->get(s->table, "count", U64);
    if (s->count) *rc = SUCCESS;
    return s;
}

void plugin_destroy(struct state *s) { free(s); }

/* The source. */
uint32_t plugin_get_id(void) { return ID; }
const char *plugin_get_event_source(void) { return "counter"; }

#define BATCH 4

struct instance {
    uint64_t next, end;
    struct event *events[BATCH];
    unsigned char bytes[BATCH][128];
};

struct instance *plugin_open(struct state *s, const char *params, int *rc) {
    char *end;
    struct instance *h = calloc(1, sizeof *h);
    h->end = strtoull(params, &end, 10);
    *rc = *params && !*end ? SUCCESS : fail(s, "the open parameter is a number of events");
    return h;
}

void plugin_close(struct state *s, struct instance *h) { free(h); }

int plugin_next_batch(struct state *s, struct instance *h, uint32_t *n, struct event ***events) {
    *events = h->events;
    for (*n = 0; *n < BATCH && h->next < h->end; ++*n, h->next++) {
        unsigned char *bytes = h->bytes[*n];
        char data[64];
        uint32_t len = sprintf(data, "%llu %s", (unsigned long long)h->next, h->next % 2 ? "odd" : "even");
        uint32_t lengths[2] = {4, len}, id = 0;
        /* The host sets the id, and the time where it is UINT64_MAX. */
        struct event e = {.ts = 1000 + h->next, .tid = UINT64_MAX, .type = 322, .nparams = 2, .len = 38 + len};
        memcpy(bytes, &e, 26);
        memcpy(bytes + 26, lengths, 8);
        memcpy(bytes + 34, &id, 4);
        memcpy(bytes + 38, data, len);
        h->events[*n] = (struct event *)bytes;
    }
    return h->next < h->end ? SUCCESS : END;
}

const char *plugin_get_progress(struct state *s, struct instance *h, uint32_t *percent) {
    *percent = h->end ? 10000 * h->next / h->end : 10000;
    return "";
}

const char *plugin_event_to_string(struct state *s, const struct event_input *in) {
    static char text[64];
    snprintf(text, sizeof text, "number %.*s", (int)in->evt->len - 38, (const char *)in->evt + 38);
    return text;
}

/* Fields. */
const char *plugin_get_fields(void) {
    return "[{\"type\":\"uint64\",\"name\":\"counter.n\",\"desc\":\"number of the event\"},"
           "{\"type\":\"string\",\"name\":\"counter.word\",\"desc\":\"even or odd\",\"addOutput\":true},"
           "{\"type\":\"uint64\",\"name\":\"counter.of\",\"desc\":\"events with the word so far\","
           "\"arg\":{\"isKey\":true,\"isRequired\":true}},"
           "{\"type\":\"uint64\",\"name\":\"counter.divisors\",\"desc\":\"numbers that divide it\",\"isList\":true}]";
}

/* The number and the word of an event. */
static uint64_t number_of(const struct event *e, char word[8]) {
    char text[64] = "";
    unsigned long long n = 0;
    uint32_t len = e->len - 38 < 63 ? e->len - 38 : 63;
    memcpy(text, (const char *)e + 38, len);
    sscanf(text, "%llu %7s", &n, word);
    return n;
}

int plugin_extract_fields(struct state *s, const struct event_input *in, const struct extract_input *x) {
    static uint64_t n, of, divisors[64];
    static char word[8];
    static const char *words[1] = {word};
    n = number_of(in->evt, word);
    for (uint32_t i = 0; i < x->num_fields; i++) {
        struct field *f = &x->fields[i];
        union data key = {.str = f->arg_key}, value;
        void *entry;
        f->res_len = 1;
        switch (f->field_id) {
        case 0:
            f->res = &n;
            break;
        case 1:
            f->res = words;
            break;
        case 2:
            /* Through the host, as another plugin would do it. */
            entry = x->reader_ext->base.entry(s->table, &key);
            if (!entry || x->reader_ext->base.read(s->table, entry, s->count, &value) != SUCCESS) {
                f->res_len = 0;
                break;
            }
            x->reader_ext->release(s->table, entry);
            of = value.u64;
            f->res = &of;
            break;
        default:
            f->res_len = 0;
            for (uint64_t d = 1; d <= n && f->res_len < 64; d++)
                if (n % d == 0) divisors[f->res_len++] = d;
            f->res = divisors;
        }
    }
    return SUCCESS;
}

/* Asynchronous events. */
const char *plugin_get_async_events(void) { return "[\"counter_third\"]"; }

static void tell(struct state *s, handler send, const char *text) {
    unsigned char bytes[128];
    char error[1024] = "";
    static const char name[] = "counter_third";
    uint32_t len = (uint32_t)strlen(text), lengths[3] = {4, sizeof name, len}, id = 0;
    struct event e = {.ts = UINT64_MAX, .tid = UINT64_MAX, .type = 402, .nparams = 3};
    e.len = 26 + 12 + 4 + sizeof name + len;
    memcpy(bytes, &e, 26);
    memcpy(bytes + 26, lengths, 12);
    memcpy(bytes + 38, &id, 4);
    memcpy(bytes + 42, name, sizeof name);
    memcpy(bytes + 42 + sizeof name, text, len);
    if (send(s->owner, (struct event *)bytes, error) != SUCCESS) s->log(s->owner, NULL, error, 3);
}

int plugin_set_async_event_handler(struct state *s, void *owner, handler send) {
    s->send = send;
    return SUCCESS;
}

int plugin_dump_state(struct state *s, void *owner, handler send) {
    tell(s, send, "the state");
    return SUCCESS;
}

/* The parser counts words, and sends an asynchronous event at every third event. */
int plugin_parse_event(struct state *s, const struct event_input *in, const struct parse_input *p) {
    char word[8] = "";
    union data key = {.str = word}, value;
    number_of(in->evt, word);
    void *entry = p->reader_ext->base.entry(s->table, &key);
    if (!entry) return FAILURE;
    p->reader_ext->base.read(s->table, entry, s->count, &value);
    value.u64++;
    p->writer_ext->write(s->table, entry, s->count, &value);
    p->reader_ext->release(s->table, entry);
    if (++s->parsed % 3 == 0 && s->send) tell(s, s->send, word);
    return SUCCESS;
}

/* Beside the capture, a routine counts its turns. Falco's release has no threads for routines: that is no failure. */
static uint32_t turn(void *s, void *i) { return __atomic_add_fetch(&((struct state *)s)->turns, 1, __ATOMIC_SEQ_CST) < 10; }

int plugin_capture_open(struct state *s, const struct listen_input *in) {
    if (!in->routines->subscribe(in->owner, turn, NULL)) s->log(s->owner, NULL, "no routine", 4);
    return SUCCESS;
}

int plugin_capture_close(struct state *s, const struct listen_input *in) { return SUCCESS; }

const struct metric *plugin_get_metrics(struct state *s, uint32_t *n) {
    uint64_t turns = __atomic_load_n(&s->turns, __ATOMIC_SEQ_CST);
    s->metrics[0] = (struct metric){.name = "parsed", .kind = 0, .value.u64 = s->parsed, .value_type = 2};
    s->metrics[1] = (struct metric){.name = "turns", .kind = 0, .value.u64 = turns, .value_type = 2};
    *n = 2;
    return s->metrics;
}
