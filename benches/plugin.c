/* A source of the lines of a file, and fields with the same values for every event: what is left is the cost of the interface.
   FIELDS has the JSON of the fields, with strings and numbers. */
#include "../crates/plugins/tests/probes/abi.h"

#define BATCH 128
#define LONGEST 65536
#define MOST_FIELDS 128

struct state {
    uint64_t calls, fields;
    struct metric metrics[2];
};

struct instance {
    char *text;
    size_t len, at;
    uint64_t left;
    struct event *events[BATCH];
    unsigned char *bytes;
};

const char *plugin_get_required_api_version(void) { return "3.12.0"; }
const char *plugin_get_version(void) { return "0.18.0"; }
const char *plugin_get_name(void) { return "k8saudit"; }
const char *plugin_get_description(void) { return "constant values"; }
const char *plugin_get_contact(void) { return "nobody"; }
const char *plugin_get_last_error(struct state *s) { return "failure"; }
uint32_t plugin_get_id(void) { return 1; }
const char *plugin_get_event_source(void) { return "k8s_audit"; }
const char *plugin_get_fields(void) { return FIELDS; }

struct state *plugin_init(const struct init_input *in, int *rc) {
    *rc = SUCCESS;
    return calloc(1, sizeof(struct state));
}

void plugin_destroy(struct state *s) { free(s); }

const struct metric *plugin_get_metrics(struct state *s, uint32_t *n) {
    s->metrics[0] = (struct metric){.name = "calls", .value.u64 = s->calls, .value_type = 2};
    s->metrics[1] = (struct metric){.name = "fields", .value.u64 = s->fields, .value_type = 2};
    *n = 2;
    return s->metrics;
}

/* The parameters are the number of events and the path of the file. */
struct instance *plugin_open(struct state *s, const char *params, int *rc) {
    struct instance *h = calloc(1, sizeof *h);
    char *path;
    h->left = strtoull(params, &path, 10);
    FILE *file = fopen(path + 1, "r");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    h->len = ftell(file);
    rewind(file);
    h->text = malloc(h->len);
    h->bytes = malloc(BATCH * LONGEST);
    *rc = fread(h->text, 1, h->len, file) == h->len ? SUCCESS : FAILURE;
    fclose(file);
    return h;
}

void plugin_close(struct state *s, struct instance *h) {
    if (!h) return;
    free(h->text);
    free(h->bytes);
    free(h);
}

int plugin_next_batch(struct state *s, struct instance *h, uint32_t *n, struct event ***events) {
    unsigned char *to = h->bytes;
    *events = h->events;
    for (*n = 0; *n < BATCH && h->left; h->left--) {
        const char *line = h->text + h->at, *end = memchr(line, '\n', h->len - h->at);
        uint32_t len = (uint32_t)((end ? end : h->text + h->len) - line), lengths[2] = {4, len}, id = 0;
        h->at = end && end + 1 < h->text + h->len ? (size_t)(end + 1 - h->text) : 0;
        if (len > LONGEST - 38) len = lengths[1] = LONGEST - 38;
        struct event e = {.ts = UINT64_MAX, .tid = UINT64_MAX, .type = 322, .nparams = 2, .len = 38 + len};
        memcpy(to, &e, 26);
        memcpy(to + 26, lengths, 8);
        memcpy(to + 34, &id, 4);
        memcpy(to + 38, line, len);
        h->events[(*n)++] = (struct event *)to;
        to += LONGEST;
    }
    return *n ? SUCCESS : END;
}

int plugin_extract_fields(struct state *s, const struct event_input *in, const struct extract_input *x) {
    /* Memory for each field of a call, as the host wants it of plugins that it asks for several. */
    static char bytes[MOST_FIELDS][2];
    static const char *texts[MOST_FIELDS];
    static uint64_t numbers[MOST_FIELDS];
    s->calls++;
    s->fields += x->num_fields;
    for (uint32_t i = 0; i < x->num_fields && i < MOST_FIELDS; i++) {
        struct field *f = &x->fields[i];
        bytes[i][0] = 'x';
        texts[i] = bytes[i];
        f->res = f->ftype == 9 ? (const void *)&texts[i] : (const void *)&numbers[i];
        f->res_len = 1;
    }
    return SUCCESS;
}

#ifdef TOGETHER
/* What the SDK for Go exports, whose plugins have memory for several fields of a call. */
int plugin_extract_fields_sync(struct state *s, const struct event_input *in, const struct extract_input *x) {
    return plugin_extract_fields(s, in, x);
}
#endif
