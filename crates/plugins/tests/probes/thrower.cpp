/* A plugin in C++ that throws while it initialises: `thrown` leaves the function, `caught` does not. */
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

struct init_input {
    const char *config;
};

static std::string error;

static void work(const char *config) {
    if (!strcmp(config, "thrown")) throw std::runtime_error("thrown");
    if (!strcmp(config, "caught")) throw std::runtime_error("thrown and caught");
}

extern "C" {
const char *plugin_get_required_api_version() { return "3.12.0"; }
const char *plugin_get_name() { return "thrower"; }
const char *plugin_get_version() { return "1.0.0"; }
const char *plugin_get_description() { return "throws"; }
const char *plugin_get_contact() { return "nobody"; }
const char *plugin_get_last_error(void *) { return error.c_str(); }
int plugin_parse_event(void *, const void *, const void *) { return 0; }
void plugin_destroy(void *) {}

void *plugin_init(const init_input *in, int *rc) {
    *rc = 0;
    if (!strcmp(in->config, "thrown")) work(in->config);
    try {
        work(in->config);
    } catch (const std::exception &exception) {
        error = exception.what();
        *rc = 1;
    }
    return &error;
}
}
