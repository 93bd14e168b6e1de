/* The part of the plugin interface that the plugins of these tests use. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUCCESS 0
#define FAILURE 1
#define TIMEOUT (-1)
#define END 2

struct __attribute__((packed)) event {
    uint64_t ts;
    uint64_t tid;
    uint32_t len;
    uint16_t type;
    uint32_t nparams;
};

struct event_input {
    const struct event *evt;
    uint64_t evtnum;
    const char *evtsrc;
};

struct byte_buffer {
    uint32_t len;
    const void *ptr;
};

struct field {
    const void *res;
    uint64_t res_len;
    uint32_t field_id;
    const char *field;
    const char *arg_key;
    uint64_t arg_index;
    uint32_t arg_present;
    uint32_t ftype;
    uint32_t flist;
};

struct offsets {
    uint32_t *start;
    uint32_t *length;
};

union data {
    int64_t s64;
    uint64_t u64;
    uint32_t u32;
    const char *str;
    void *table;
};

struct table_info {
    const char *name;
    uint32_t key_type;
};

struct field_info {
    const char *name;
    uint32_t type;
    uint32_t read_only;
};

struct reader {
    const char *(*name)(void *t);
    uint64_t (*size)(void *t);
    void *(*entry)(void *t, const union data *key);
    int (*read)(void *t, void *e, const void *f, union data *out);
};

struct reader_ext {
    struct reader base;
    void (*release)(void *t, void *e);
    uint32_t (*iterate)(void *t, uint32_t (*f)(void *s, void *e), void *s);
};

struct writer {
    int (*clear)(void *t);
    int (*erase)(void *t, const union data *key);
    void *(*create)(void *t);
    void (*destroy)(void *t, void *e);
    void *(*add)(void *t, const union data *key, void *e);
    int (*write)(void *t, void *e, const void *f, const union data *in);
};

struct fields {
    const struct field_info *(*list)(void *t, uint32_t *n);
    void *(*get)(void *t, const char *name, uint32_t type);
    void *(*add)(void *t, const char *name, uint32_t type);
};

struct table_input {
    const char *name;
    uint32_t key_type;
    void *table;
    struct reader reader;
    struct writer writer;
    struct fields fields;
    struct reader_ext *reader_ext;
    struct writer *writer_ext;
    struct fields *fields_ext;
};

struct tables {
    const struct table_info *(*list)(void *o, uint32_t *n);
    void *(*get)(void *o, const char *name, uint32_t key_type);
    int (*add)(void *o, const struct table_input *in);
    struct fields fields;
    struct fields *fields_ext;
    struct reader_ext *reader_ext;
    struct writer *writer_ext;
};

struct init_input {
    const char *config;
    void *owner;
    const char *(*owner_error)(void *o);
    const struct tables *tables;
    void (*log)(void *o, const char *component, const char *msg, uint32_t severity);
};

struct extract_input {
    void *owner;
    const char *(*owner_error)(void *o);
    uint32_t num_fields;
    struct field *fields;
    struct reader reader;
    struct reader_ext *reader_ext;
    struct offsets *offsets;
};

struct parse_input {
    void *owner;
    const char *(*owner_error)(void *o);
    struct reader reader;
    struct writer writer;
    struct reader_ext *reader_ext;
    struct writer *writer_ext;
};

struct routines {
    void *(*subscribe)(void *o, uint32_t (*f)(void *s, void *i), void *i);
    int (*unsubscribe)(void *o, void *r);
};

struct listen_input {
    void *owner;
    struct routines *routines;
    struct reader_ext *reader_ext;
    struct writer *writer_ext;
    const char *(*owner_error)(void *o);
};

struct metric {
    const char *name;
    uint32_t kind;
    union {
        uint64_t u64;
        double d;
        uint32_t u32;
    } value;
    uint32_t value_type;
};

typedef int (*handler)(void *o, const struct event *e, char *error);
