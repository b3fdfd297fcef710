#include "gvisor_installer/containerd/daemon_args.h"

#include "common/tests/unit.h"

static void the_command_line_tells_what_is_read_and_where_it_answers(void **state)
{
    static const struct {
        const char *line; /* arguments with | between them */
        bool daemon;
        const char *config, *address;
    } cases[] = {
        {"/usr/bin/containerd", true, CONTAINERD_DEFAULT_CONFIG, NULL},
        {"containerd|-c|/k/config.toml|-a|/k/sock|--state|/k/state|--root|/k/root", true,
         "/k/config.toml", "/k/sock"},
        {"containerd|--config=/a b/c.toml", true, "/a b/c.toml", NULL},
        {"containerd|-config|/c.toml|--address=/s", true, "/c.toml", "/s"},
        {"containerd|-c=/c.toml", true, "/c.toml", NULL},
        {"containerd|--log-level|debug|--config|/c.toml", true, "/c.toml", NULL},
        {"containerd|-l|config|-c|/c.toml", true, "/c.toml", NULL},
        {"/bin/sh|/usr/local/bin/containerd|--config|/c.toml", true, "/c.toml", NULL},
        {"containerd|--config|/c.toml|--config|/d.toml", true, "/d.toml", NULL},
        {"containerd|--configure|--config", true, CONTAINERD_DEFAULT_CONFIG, NULL},
        {"containerd|config|dump", false, NULL, NULL},
        {"containerd|--config|/c.toml|config|dump", false, NULL, NULL},
        {"/usr/bin/containerd-shim-runc-v2|-address|/s", false, NULL, NULL},
        {"python3|-c|containerd", false, NULL, NULL},
        {"k3s server", false, NULL, NULL},
        {"", false, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct daemon_args args;
        const size_t len = strlen(cases[i].line);
        /* The terminator of the last argument is within. */
        char *exact = (char *)exact_copy(cases[i].line, len + 1);
        for (size_t at = 0; at < len; at++)
            if (exact[at] == '|')
                exact[at] = '\0';
        CHECK(daemon_args_read(exact, len == 0 ? 0 : len + 1, &args) == cases[i].daemon, "%s",
              cases[i].line);
        if (cases[i].daemon) {
            CHECK(strcmp(args.config, cases[i].config) == 0, "%s: %s", cases[i].line, args.config);
            CHECK((args.address == NULL) == (cases[i].address == NULL) &&
                      (args.address == NULL || strcmp(args.address, cases[i].address) == 0),
                  "%s", cases[i].line);
        }
        free(exact);
    }
}

static void a_line_without_an_end_is_no_command(void **state)
{
    struct daemon_args args;
    (void)state;
    assert_false(daemon_args_read("containerd", 10, &args));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_command_line_tells_what_is_read_and_where_it_answers),
        cmocka_unit_test(a_line_without_an_end_is_no_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
