#include "gvisor_probe/observe/proc_status.h"

#include <stddef.h>
#include <string.h>

/* The value after "name:" and blanks; NULL without such a line. */
static const char *value_of(const char *text, const char *name)
{
    const size_t len = strlen(name);

    while (*text != '\0') {
        if (strncmp(text, name, len) == 0 && text[len] == ':')
            return text + len + 1 + strspn(text + len + 1, " \t");
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return NULL;
}

static bool mask_of(const char *text, uint64_t *ret)
{
    uint64_t mask = 0;
    size_t digits = 0;

    if (text == NULL)
        return false;
    for (; text[digits] != '\0' && text[digits] != '\n'; digits++) {
        const char *at = memchr("0123456789abcdef", text[digits], 16);
        if (at == NULL || digits == 16)
            return false;
        mask = mask << 4 | (uint64_t)(at - "0123456789abcdef");
    }
    *ret = mask;
    return digits > 0;
}

static int count_of(const char *text)
{
    int count = 0;

    if (text == NULL || *text < '0' || *text > '9')
        return -1;
    for (; *text >= '0' && *text <= '9' && count < 1000000; text++)
        count = count * 10 + (*text - '0');
    return count;
}

struct proc_status proc_status_parse(const char *text)
{
    static const char *const names[CAPABILITY_SETS] = {
        [SET_INHERITABLE] = "CapInh", [SET_PERMITTED] = "CapPrm", [SET_EFFECTIVE] = "CapEff",
        [SET_BOUNDING] = "CapBnd",    [SET_AMBIENT] = "CapAmb",
    };
    struct proc_status status = {
        .seccomp = count_of(value_of(text, "Seccomp")),
        .seccomp_filters = count_of(value_of(text, "Seccomp_filters")),
        .no_new_privs = count_of(value_of(text, "NoNewPrivs")),
    };

    for (int i = 0; i < CAPABILITY_SETS; i++)
        status.known[i] = mask_of(value_of(text, names[i]), &status.sets[i]);
    return status;
}
