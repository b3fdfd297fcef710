/* A first look at a Dockerfile: taken, or refused with one printable line that names a place. */
#include <string.h>

#include "common/utf8.h"
#include "job_service/form/dockerfile.h"
#include "tests/fuzz/fuzz.h"

static void check_refusal(const char *text, size_t lines)
{
    unsigned line = 0, column = 0;

    HOLDS(sscanf(text, "Dockerfile:%u:%u: ", &line, &column) == 2);
    HOLDS(line >= 1 && line <= lines && column >= 1);
    HOLDS(utf8_is_text(text, strlen(text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const bases[] = {"debian:12", "alpine", "registry.example:5000/a/b:1"};
    static const struct dockerfile_rules rules = {bases, sizeof bases / sizeof *bases};
    const char *text = (const char *)data;
    struct err err = {0}, again = {0};
    size_t lines = 1;

    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    bool done = dockerfile_check(text, size, &rules, &err);
    if (done)
        HOLDS(err.text[0] == '\0');
    else
        check_refusal(err.text, lines);
    /* Lines that end in CR LF are the same lines. */
    char *with_cr = malloc(2 * size + 1);
    size_t len = 0;
    HOLDS(with_cr != NULL);
    if (memchr(data, '\r', size) == NULL) {
        for (size_t i = 0; i < size; i++) {
            if (data[i] == '\n')
                with_cr[len++] = '\r';
            with_cr[len++] = text[i];
        }
        HOLDS(dockerfile_check(with_cr, len, &rules, &again) == done);
        HOLDS(strcmp(err.text, again.text) == 0);
    }
    free(with_cr);
    return 0;
}
