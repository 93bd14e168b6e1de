/* A plugin whose shape is chosen when it is compiled, and whose behaviour by what it is asked for. */
#include "abi.h"
#include <unistd.h>

#ifndef API_VERSION
#define API_VERSION "3.12.0"
#endif
#ifndef VERSION
#define VERSION "1.2.3-rc1"
#endif
#ifndef NAME
#define NAME "probe"
#endif
#ifndef ID
#define ID 7
#endif
#ifndef SOURCE
#define SOURCE "probe"
#endif
#ifndef TYPE
#define TYPE 322
#endif

struct state {
    const struct init_input *input;
    void *owner;
    void (*log)(void *, const char *, const char *, uint32_t);
    char error[256];
    uint64_t calls;
    uint64_t fields;
    struct metric metrics[3];
};

#ifdef FLOOD
static uint64_t taken, refused, ended;
static int is_destroyed;
#endif

/* As one SDK does it: all texts are in one place. */
static char text[4096];

static const char *say(const char *words) {
    strcpy(text, words);
    return text;
}

#ifndef NO_API
const char *plugin_get_required_api_version(void) { return say(API_VERSION); }
#endif
const char *plugin_get_version(void) { return say(VERSION); }
#ifndef NO_NAME
const char *plugin_get_name(void) { return say(NAME); }
#endif
const char *plugin_get_description(void) { return say("a plugin of the tests"); }
const char *plugin_get_contact(void) { return say("nobody"); }
const char *plugin_get_last_error(struct state *s) { return say(s->error); }

#ifdef SCHEMA
const char *plugin_get_init_schema(uint32_t *type) {
    *type = 1;
    return say(SCHEMA);
}
#endif

struct state *plugin_init(const struct init_input *in, int *rc) {
    struct state *s = calloc(1, sizeof *s);
    s->owner = in->owner;
    s->log = in->log;
    in->log(in->owner, NULL, "initializing plugin...", 6);
    in->log(in->owner, "part", in->tables ? "has tables" : "has no tables", 4);
    strcpy(s->error, "no such failure");
    if (!strcmp(in->config, "unset")) {
        strcpy(s->error, "rc is left as it was");
        return s;
    }
    if (!strcmp(in->config, "fail")) {
        strcpy(s->error, "the config asks to fail");
        *rc = FAILURE;
        return s;
    }
    if (!strcmp(in->config, "nothing")) {
        free(s);
        *rc = FAILURE;
        return NULL;
    }
    if (!strcmp(in->config, "odd")) {
        strcpy(s->error, "no such result");
        *rc = 77;
        return s;
    }
    *rc = SUCCESS;
    return s;
}

void plugin_destroy(struct state *s) {
    s->log(s->owner, NULL, "destroying plugin...", 6);
#ifdef FLOOD
    __atomic_store_n(&is_destroyed, 1, __ATOMIC_SEQ_CST);
#endif
    free(s);
}

struct config {
    const char *config;
};

int plugin_set_config(struct state *s, const struct config *in) {
    strcpy(s->error, "the new config is refused");
    return !strcmp(in->config, "refused");
}

const struct metric *plugin_get_metrics(struct state *s, uint32_t *n) {
#ifdef METRIC_FLOOD
    *n = UINT32_MAX;
    return s->metrics;
#endif
#ifdef METRIC_NULL
    *n = 3;
    return NULL;
#endif
#ifdef METRIC_NAMELESS
    s->metrics[1].name = "named";
    s->metrics[1].value_type = 99;
    s->metrics[2].name = "named";
    s->metrics[2].value_type = 2;
    *n = 3;
    return s->metrics;
#endif
#ifdef FLOOD
    s->metrics[0] = (struct metric){.name = "taken", .value.u64 = taken, .value_type = 2};
    s->metrics[1] = (struct metric){.name = "refused", .value.u64 = refused, .value_type = 2};
    s->metrics[2] = (struct metric){.name = "ended", .value.u64 = ended, .value_type = 2};
    *n = 3;
    return s->metrics;
#endif
    s->metrics[0] = (struct metric){.name = "calls", .kind = 0, .value.u64 = s->calls, .value_type = 2};
    s->metrics[1] = (struct metric){.name = "fields", .kind = 0, .value.u64 = s->fields, .value_type = 2};
    s->metrics[2] = (struct metric){.name = "half", .kind = 1, .value.d = 0.5, .value_type = 4};
    *n = 3;
    return s->metrics;
}

#ifdef EVENT_SCHEMA
const char *plugin_get_required_event_schema_version(struct state *s) { return say(EVENT_SCHEMA); }
#endif

#ifdef SOURCING
#ifndef NO_ID
uint32_t plugin_get_id(void) { return ID; }
#endif
#ifndef NO_SOURCE
const char *plugin_get_event_source(void) { return say(SOURCE); }
#endif

#define MOST 8

struct instance {
    char params[64];
    uint64_t calls;
    uint64_t closed;
    struct event *events[MOST];
    unsigned char bytes[MOST][512];
};

/* Writes event number i, of the plugin's type or another, with so many bytes of data. */
static void put(struct instance *h, uint32_t i, uint32_t id, const char *data, uint32_t len) {
    unsigned char *bytes = h->bytes[i];
    struct event e = {.ts = UINT64_MAX, .tid = 5, .type = TYPE, .nparams = 2, .len = 26 + 8 + 4 + len};
    uint32_t lengths[2] = {4, len};
    memcpy(bytes, &e, 26);
    memcpy(bytes + 26, lengths, 8);
    memcpy(bytes + 34, &id, 4);
    memcpy(bytes + 38, data, len);
    h->events[i] = (struct event *)bytes;
}

/* Writes event number i: an `open` of /tmp/the_file by the thread 1 that has succeeded. */
static void put_open(struct instance *h, uint32_t i) {
    unsigned char *bytes = h->bytes[i];
    static const char name[] = "/tmp/the_file";
    uint16_t lengths[6] = {8, sizeof name, 4, 4, 4, 8};
    int64_t fd = 4;
    struct event e = {.ts = UINT64_MAX, .tid = 1, .type = 3, .nparams = 6, .len = 26 + 12 + 28 + sizeof name};
    memset(bytes, 0, sizeof h->bytes[i]);
    memcpy(bytes, &e, 26);
    memcpy(bytes + 26, lengths, 12);
    memcpy(bytes + 38, &fd, 8);
    memcpy(bytes + 46, name, sizeof name);
    h->events[i] = (struct event *)bytes;
}

struct instance *plugin_open(struct state *s, const char *params, int *rc) {
    if (!strcmp(params, "refuse")) {
        strcpy(s->error, "open refused as asked");
        *rc = FAILURE;
        return NULL;
    }
    if (!strcmp(params, "unset")) {
        strcpy(s->error, "rc is left as it was");
        return calloc(1, sizeof(struct instance));
    }
    struct instance *h = calloc(1, sizeof *h);
    strcpy(h->params, params);
    *rc = SUCCESS;
    return h;
}

void plugin_close(struct state *s, struct instance *h) {
    s->log(s->owner, NULL, "closing", 6);
    free(h);
}

int plugin_next_batch(struct state *s, struct instance *h, uint32_t *n, struct event ***events) {
    const char *p = h->params;
    struct event *e = (struct event *)h->bytes[0];
    h->calls++;
    *events = h->events;
    put(h, 0, 0, "hello", 5);
    put(h, 1, 0, "world", 5);
    *n = 1;
    if (!strcmp(p, "two") || !strcmp(p, "eof") || !strcmp(p, "fails")) *n = 2;
    if (!strcmp(p, "two")) return h->calls == 1 ? SUCCESS : (*n = 0, END);
    if (!strcmp(p, "eof")) return END;
    if (!strcmp(p, "hang")) {
        sleep(60);
        *n = 0;
        return END;
    }
    if (!strcmp(p, "slow")) {
        usleep(20000);
        return SUCCESS;
    }
    if (!strcmp(p, "opens")) {
        put_open(h, 0);
        put_open(h, 1);
        *n = h->calls == 1 ? 2 : 0;
        return h->calls == 1 ? SUCCESS : END;
    }
    if (!strcmp(p, "fails")) {
        strcpy(s->error, "it fails as asked");
        return FAILURE;
    }
    if (!strcmp(p, "odd result")) {
        strcpy(s->error, "no such result");
        *n = 0;
        return 99;
    }
    if (!strcmp(p, "timeout")) return h->calls % 2 ? (*n = 0, TIMEOUT) : SUCCESS;
    if (!strcmp(p, "none")) *n = 0;
    if (!strcmp(p, "untouched")) {
        if (h->calls > 1) return END;
        return SUCCESS;
    }
    if (!strcmp(p, "no array")) *events = NULL;
    if (!strcmp(p, "wild number")) *n = UINT32_MAX;
    if (!strcmp(p, "crooked array")) *events = (struct event **)((char *)h->events + 1);
    if (!strcmp(p, "null event")) h->events[0] = NULL;
    if (!strcmp(p, "own id")) put(h, 0, ID, "hello", 5);
    if (!strcmp(p, "other id")) put(h, 0, ID + 1, "hello", 5);
    if (!strcmp(p, "given ts")) e->ts = 123456789;
    if (!strcmp(p, "short len")) e->len = 20;
    if (!strcmp(p, "wild len")) e->len = UINT32_MAX;
    if (!strcmp(p, "long len")) e->len++;
    if (!strcmp(p, "wild param")) memset(e + 1, 0xff, 8);
    if (!strcmp(p, "wild nparams")) e->nparams = UINT32_MAX;
    if (!strcmp(p, "one param")) e->nparams = 1;
    if (!strcmp(p, "no such type")) e->type = 9999;
    if (!strcmp(p, "other type")) e->type = 3;
    return SUCCESS;
}

const char *plugin_get_progress(struct state *s, struct instance *h, uint32_t *percent) {
    *percent = 8531;
    return NULL;
}

const char *plugin_list_open_params(struct state *s, int *rc) {
    *rc = SUCCESS;
    return say("[{\"value\":\"two\",\"desc\":\"two events\"}]");
}

const char *plugin_event_to_string(struct state *s, const struct event_input *in) {
    uint32_t len = in->evt->len - 38;
    sprintf(text, "%llu of %s: %.*s", (unsigned long long)in->evtnum, in->evtsrc, (int)len, (const char *)in->evt + 38);
    return text;
}
#endif

#ifdef EXTRACTION
#ifndef FIELDS
#define FIELDS                                                                                                          \
    "[{\"type\":\"string\",\"name\":\"p.text\",\"desc\":\"the data\",\"addOutput\":true},"                                \
    "{\"type\":\"uint64\",\"name\":\"p.num\",\"desc\":\"the number\"},"                                                   \
    "{\"type\":\"string\",\"name\":\"p.list\",\"desc\":\"a list\",\"isList\":true},"                                      \
    "{\"type\":\"bool\",\"name\":\"p.bool\",\"desc\":\"true\"},"                                                          \
    "{\"type\":\"ipaddr\",\"name\":\"p.ips\",\"desc\":\"addresses\",\"isList\":true},"                                    \
    "{\"type\":\"string\",\"name\":\"p.arg\",\"desc\":\"the argument\",\"arg\":{\"isKey\":true,\"isIndex\":true}},"       \
    "{\"type\":\"string\",\"name\":\"p.shared\",\"desc\":\"the argument\",\"arg\":{\"isIndex\":true}},"                      \
    "{\"type\":\"string\",\"name\":\"p.none\",\"desc\":\"nothing\"},"                                                     \
    "{\"type\":\"string\",\"name\":\"p.fails\",\"desc\":\"fails\"},"                                                      \
    "{\"type\":\"string\",\"name\":\"p.null_array\",\"desc\":\"lies\"},"                                                  \
    "{\"type\":\"string\",\"name\":\"p.null_text\",\"desc\":\"lies\",\"isList\":true},"                                   \
    "{\"type\":\"uint64\",\"name\":\"p.crooked\",\"desc\":\"lies\"},"                                                     \
    "{\"type\":\"uint64\",\"name\":\"p.endless\",\"desc\":\"lies\",\"isList\":true},"                                     \
    "{\"type\":\"ipaddr\",\"name\":\"p.short_ip\",\"desc\":\"lies\"},"                                                    \
    "{\"type\":\"string\",\"name\":\"p.many\",\"desc\":\"has one value\"},"                                               \
    "{\"type\":\"string\",\"name\":\"p.bytes\",\"desc\":\"no UTF-8\"},"                                                  \
    "{\"type\":\"uint64\",\"name\":\"p.calls\",\"desc\":\"calls of this instance so far\"}]"
#endif
#ifndef NO_FIELDS
const char *plugin_get_fields(void) { return say(FIELDS); }
#endif

#ifdef EXTRACT_SOURCES
const char *plugin_get_extract_event_sources(void) { return say(EXTRACT_SOURCES); }
#endif

#ifdef EXTRACT_TYPES
const uint16_t *plugin_get_extract_event_types(uint32_t *n, struct state *s) {
    static const uint16_t types[] = {EXTRACT_TYPES};
    *n = sizeof types / sizeof *types;
    return types;
}
#endif

int plugin_extract_fields(struct state *s, const struct event_input *in, const struct extract_input *x) {
    static char data[512], args_of[8][128];
    static const char *texts[3] = {data, "b", "c"};
    static const char *list[3] = {"a", "b", "c"};
    static const char *with_null[2] = {"a", NULL};
    static const char *args[8];
    static char shared_text[32];
    static const char *shared = shared_text;
    static const char *bytes[1] = {"\xff\x01z"};
    static uint64_t number;
    static uint32_t yes = 3;
    static unsigned char v4[4] = {10, 0, 0, 1}, v6[16] = {[15] = 1};
    static struct byte_buffer ips[2], short_ip;
    static uint32_t start, length;

    s->calls++;
    ips[0] = (struct byte_buffer){4, v4};
    ips[1] = (struct byte_buffer){16, v6};
    short_ip = (struct byte_buffer){3, v4};
    for (uint32_t i = 0; i < x->num_fields; i++) {
        struct field *f = &x->fields[i];
        const char *name = f->field + 2;
        s->fields++;
        f->res_len = 0;
        if (!strcmp(name, "text")) {
            uint32_t len = in->evt->len - 38;
            memcpy(data, (const char *)in->evt + 38, len);
            data[len] = 0;
            f->res = texts;
            f->res_len = 1;
            if (x->offsets) {
                start = 38, length = len;
                x->offsets->start = &start;
                x->offsets->length = &length;
            }
        } else if (!strcmp(name, "num")) {
            number = in->evtnum;
            f->res = &number;
            f->res_len = 1;
        } else if (!strcmp(name, "calls")) {
            f->res = &s->calls;
            f->res_len = 1;
        } else if (!strcmp(name, "list")) {
            f->res = list;
            f->res_len = 3;
        } else if (!strcmp(name, "bool")) {
            f->res = &yes;
            f->res_len = 1;
        } else if (!strcmp(name, "ips")) {
            f->res = ips;
            f->res_len = 2;
        } else if (!strcmp(name, "arg")) {
            sprintf(args_of[i], "%s %s %d", f->arg_present ? "given" : "absent", f->arg_key ? f->arg_key : "null",
                    f->arg_index == UINT64_MAX ? -1 : (int)f->arg_index);
            args[i] = args_of[i];
            f->res = &args[i];
            f->res_len = 1;
        } else if (!strcmp(name, "shared")) {
            /* One place for all, as libs asks for one field at a time. */
            sprintf(shared_text, "%d", (int)f->arg_index);
            f->res = &shared;
            f->res_len = 1;
        } else if (!strcmp(name, "fails")) {
            return FAILURE;
        } else if (!strcmp(name, "null_array")) {
            f->res_len = 1;
        } else if (!strcmp(name, "null_text")) {
            f->res = with_null;
            f->res_len = 2;
        } else if (!strcmp(name, "crooked")) {
            f->res = (char *)&number + 1;
            f->res_len = 1;
        } else if (!strcmp(name, "endless")) {
            f->res = &number;
            f->res_len = UINT64_MAX;
        } else if (!strcmp(name, "short_ip")) {
            f->res = &short_ip;
            f->res_len = 1;
        } else if (!strcmp(name, "many")) {
            f->res = list;
            f->res_len = 3;
        } else if (!strcmp(name, "bytes")) {
            f->res = bytes;
            f->res_len = 1;
        }
    }
    return SUCCESS;
}
#endif

#ifdef GO
/* What the SDK for Go exports: its plugins have memory for several fields of a call. */
int plugin_extract_fields_sync(struct state *s, const struct event_input *in, const struct extract_input *x) {
    return plugin_extract_fields(s, in, x);
}
#endif

#ifdef PARSING
#ifdef PARSE_SOURCES
const char *plugin_get_parse_event_sources(void) { return say(PARSE_SOURCES); }
#endif
int plugin_parse_event(struct state *s, const struct event_input *in, const struct parse_input *p) {
    s->calls++;
    return SUCCESS;
}
#endif

#ifdef ASYNC
#ifndef NO_ASYNC_EVENTS
const char *plugin_get_async_events(void) { return say("[\"tick\"]"); }
#endif
#ifdef ASYNC_SOURCES
const char *plugin_get_async_event_sources(void) { return say(ASYNC_SOURCES); }
#endif

/* Sends an event and logs what the host says. */
static void tick(struct state *s, handler send, const char *name, uint64_t ts, int64_t tid, uint32_t nparams) {
    unsigned char bytes[256];
    char error[1024] = "";
    uint32_t len = (uint32_t)strlen(name) + 1, lengths[3] = {4, len, 4}, id = 77;
    struct event e = {.ts = ts, .tid = tid, .type = 402, .nparams = nparams, .len = 26 + 12 + 4 + len + 4};
    memcpy(bytes, &e, 26);
    memcpy(bytes + 26, lengths, 12);
    memcpy(bytes + 38, &id, 4);
    memcpy(bytes + 42, name, len);
    memcpy(bytes + 42 + len, "data", 4);
    int rc = send(s->owner, (struct event *)bytes, error);
    if (rc != SUCCESS) s->log(s->owner, NULL, error, 4);
    if (send(s->owner, NULL, NULL) == SUCCESS) s->log(s->owner, NULL, "an event that is null was taken", 1);
}

#ifdef FLOOD
#include <pthread.h>

struct sender {
    void *owner;
    handler send;
};

/* Sends as fast as it can, and goes on when the plugin is destroyed. */
static void *flood(void *arg) {
    struct sender *sender = arg;
    unsigned char bytes[64];
    char error[1024];
    uint32_t lengths[3] = {4, 5, 4}, id = 0, late = 0;
    struct event e = {.ts = UINT64_MAX, .tid = UINT64_MAX, .type = 402, .nparams = 3, .len = 26 + 12 + 4 + 5 + 4};
    memcpy(bytes, &e, 26);
    memcpy(bytes + 26, lengths, 12);
    memcpy(bytes + 38, &id, 4);
    memcpy(bytes + 42, "tick\0data", 9);
    while (late < 1000) {
        late += __atomic_load_n(&is_destroyed, __ATOMIC_SEQ_CST);
        int rc = sender->send(sender->owner, (struct event *)bytes, error);
        __atomic_add_fetch(rc == SUCCESS ? &taken : &refused, 1, __ATOMIC_SEQ_CST);
    }
    __atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void start_flood(void *owner, handler send) {
    for (int i = 0; i < 2; i++) {
        struct sender *sender = malloc(sizeof *sender);
        pthread_t thread;
        *sender = (struct sender){owner, send};
        pthread_create(&thread, NULL, flood, sender);
        pthread_detach(thread);
    }
}
#endif

int plugin_set_async_event_handler(struct state *s, void *owner, handler send) {
    strcpy(s->error, "the handler is refused");
#ifdef NO_HANDLER
    return FAILURE;
#endif
#ifdef FLOOD
    if (send) start_flood(owner, send);
    return SUCCESS;
#endif
    if (send) {
        tick(s, send, "tick", UINT64_MAX, -1, 3);
        tick(s, send, "tock", UINT64_MAX, -1, 3);
        tick(s, send, "tick", UINT64_MAX, -1, 2);
        tick(s, send, "tick", UINT64_MAX, 3, 3);
    }
    return SUCCESS;
}

int plugin_dump_state(struct state *s, void *owner, handler send) {
    tick(s, send, "tick", UINT64_MAX, -1, 3);
    tick(s, send, "tock", UINT64_MAX, -1, 3);
    strcpy(s->error, "the dump is refused");
#ifdef NO_HANDLER
    return FAILURE;
#endif
    return SUCCESS;
}
#endif

#ifdef LISTENING
static uint32_t turn(void *s, void *i) {
    struct state *state = s;
    return __atomic_add_fetch(&state->calls, 1, __ATOMIC_SEQ_CST) < 3;
}

int plugin_capture_open(struct state *s, const struct listen_input *in) {
    if (!in->routines->subscribe(in->owner, turn, NULL)) {
        strcpy(s->error, "no routine");
        return FAILURE;
    }
    if (in->routines->subscribe(in->owner, NULL, NULL)) strcpy(s->error, "a null routine was taken");
    return SUCCESS;
}

#ifndef NO_CLOSE
int plugin_capture_close(struct state *s, const struct listen_input *in) {
    return in->routines->unsubscribe(in->owner, (void *)999) == FAILURE ? SUCCESS : FAILURE;
}
#endif
#endif
