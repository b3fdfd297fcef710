#include "gvisor_probe/run/declared.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

bool option_name(void *target, const char *text, const struct option_spec *spec, struct err *err)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const size_t len = strlen(text);

    (void)spec;
    if (len == 0 || len > NAME_MAX_LEN || strspn(text, letters) != len || text[0] == '.' ||
        text[0] == '-' || text[0] == '_')
        return err_set(err, STATUS_USAGE,
                       "'%s' is not a name of 1 to %d letters, digits, '.', '_' or '-' that begins "
                       "with a letter or digit",
                       text, NAME_MAX_LEN);
    *(const char **)target = text;
    return true;
}

bool option_maybe_u64(void *target, const char *text, const struct option_spec *spec,
                      struct err *err)
{
    struct maybe_u64 *maybe = target;

    maybe->known = option_u64(&maybe->value, text, spec, err);
    return maybe->known;
}

bool option_maybe_bool(void *target, const char *text, const struct option_spec *spec,
                       struct err *err)
{
    struct maybe_bool *maybe = target;

    maybe->known = option_flag(&maybe->value, text, spec, err);
    return maybe->known;
}

bool option_ids(void *target, const char *text, const struct option_spec *spec, struct err *err)
{
    size_t digits = 0;

    for (const char *at = text;; at++) {
        if (*at >= '0' && *at <= '9') {
            digits++;
        } else if (digits > 10 || (*at != '\0' && *at != ',' && *at != ' ')) {
            return err_set(err, STATUS_USAGE, "'%s' is not a list of ids such as 65532,1000", text);
        } else {
            digits = 0;
        }
        if (*at == '\0')
            break;
    }
    return option_text(target, text, spec, err);
}

bool declared_complete(struct declared *declared, char room[DRAWN_ID_MAX], struct err *err)
{
    uint64_t number;

    if (declared->name == NULL)
        declared->name = "here";
    if (declared->run_id != NULL)
        return true;
    ssize_t got = TEMP_FAILURE_RETRY(getrandom(&number, sizeof number, 0));
    if (got != (ssize_t)sizeof number)
        return err_errno(err, errno, "cannot draw a run id; give one with --run-id");
    (void)snprintf(room, DRAWN_ID_MAX, "%016" PRIx64, number);
    declared->run_id = room;
    return true;
}
