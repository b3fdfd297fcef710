#include "aggregator/split.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "aggregator/read/names.h"
#include "common/json_out.h"
#include "common/log.h"
#include "common/outfile.h"

enum {
    OBJECT_COST = 256 * 1024, /* what an object takes, in the time of bytes, beside its own */
    TEXT_MAX = 16 << 20,
};

struct known {
    const char *id;
    uint64_t size;
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct known *)a)->id, ((const struct known *)b)->id);
}

static void add_part(struct json_out *out, const struct known *known, size_t from, size_t to,
                     size_t count, uint64_t part)
{
    struct s3_range range = {0};
    OWNED_BUF(text, TEXT_MAX);
    uint64_t bytes = 0;

    if (from > 0)
        (void)snprintf(range.after, sizeof range.after, "%s", known[from - 1].id);
    if (to < count)
        (void)snprintf(range.upto, sizeof range.upto, "%s", known[to - 1].id);
    s3_range_add(&text, &range);
    for (size_t i = from; i < to; i++)
        bytes += known[i].size;
    json_open(out, NULL, '{');
    json_u64(out, "part", part);
    json_string(out, "range", text.data);
    json_u64(out, "objects", to - from);
    json_u64(out, "bytes", bytes);
    json_close(out, '}');
}

/* Parts without an object are left out, but for the only one. */
static bool add_parts(struct buf *text, const struct known *known, size_t count, uint64_t parts,
                      struct err *err)
{
    struct json_out out = {.buf = text, .layout = JSON_LINE};
    uint64_t *weights = calloc(count + 1, sizeof *weights);
    size_t from = 0;
    uint64_t number = 0;

    if (weights == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    for (size_t i = 0; i < count; i++)
        weights[i] = known[i].size + OBJECT_COST;
    json_open(&out, NULL, '[');
    for (uint64_t part = 1; part <= parts; part++) {
        size_t to =
            part == parts ? count : s3_range_begin(weights, count, (unsigned)part, (unsigned)parts);
        if (to > from || (part == parts && number == 0))
            add_part(&out, known, from, to, count, number++);
        from = to;
    }
    json_close(&out, ']');
    free(weights);
    return json_done(&out, err);
}

static bool put_number(const char *dir, const char *name, uint64_t number, struct err *err)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    return outfile_put_in(dir, name, text, strlen(text), err) || err_prefix(err, "--outputs");
}

static bool put_outputs(const char *dir, const struct buf *parts, uint64_t objects, uint64_t bytes,
                        struct err *err)
{
    if (dir == NULL)
        return true;
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return err_errno(err, errno, "--outputs: cannot make %s", dir);
    return (outfile_put_in(dir, "parts", parts->data, parts->len, err) ||
            err_prefix(err, "--outputs")) &&
           put_number(dir, "objects", objects, err) && put_number(dir, "bytes", bytes, err);
}

static bool print_names(const struct config *config, const struct names *names, struct err *err)
{
    struct known *known = calloc(names->count + 1, sizeof *known);
    OWNED_BUF(text, TEXT_MAX);
    uint64_t bytes = 0;

    if (known == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    for (size_t i = 0; i < names->count; i++) {
        known[i] =
            (struct known){.id = names->item[i] + strlen(S3_SCHEME), .size = names->facts[i].size};
        bytes += known[i].size;
    }
    qsort(known, names->count, sizeof *known, compare);
    bool done = add_parts(&text, known, names->count, config->parts, err) &&
                put_outputs(config->outputs, &text, names->count, bytes, err) &&
                outfile_put("-", text.data, text.len, err);
    free(known);
    if (done)
        log_info("%zu objects of %" PRIu64 " bytes", names->count, bytes);
    return done;
}

bool split_print(const struct config *config, struct s3 *s3, struct err *err)
{
    struct names names;
    const struct names_request request = {.operands = config->operands,
                                          .count = config->operand_count,
                                          .list = config->files_from,
                                          .nul = config->nul,
                                          .s3 = s3,
                                          .range =
                                              config->range_text == NULL ? NULL : &config->range,
                                          .limit = config->max_memory};

    bool done = names_find(&names, &request, err) &&
                (names.objects == names.count ||
                 err_set(err, STATUS_USAGE, "`aggregator split` is for s3:// names alone")) &&
                print_names(config, &names, err);
    names_release(&names);
    return done;
}
