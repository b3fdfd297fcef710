#include "aggregator/totals/bad_lines.h"

#include <stdio.h>
#include <string.h>

#include "common/num.h"

enum { REJECT_CUT = 1024 };

#define USUAL_ADVICE "mend the line, or tolerate some with --max-bad"
#define LAST_ADVICE                                                                                \
    "mend it: where the next object begins cannot be told, so --max-bad does not help"

bool bad_lines_parse(const char *text, struct bad_line_policy *ret, struct err *err)
{
    char number[32];
    size_t len = strlen(text);
    double percent;
    uint64_t lines;

    if (len > 1 && len < sizeof number && text[len - 1] == '%') {
        memcpy(number, text, len - 1);
        number[len - 1] = '\0';
        if (num_decimal(number, &percent) && percent <= 100) {
            *ret = (struct bad_line_policy){.is_percent = true, .percent = percent};
            return true;
        }
    } else if (num_u64(text, &lines)) {
        *ret = (struct bad_line_policy){.lines = lines};
        return true;
    }
    return err_set(err, STATUS_USAGE,
                   "'%s' is neither a count such as 10 nor a share from 0%% to 100%%", text);
}

static bool put(struct bad_lines *bad, const void *bytes, size_t len, struct err *err)
{
    return len == 0 || bad->reject(bad->reject_context, bytes, len, err);
}

/* An object may be spread over lines: a reject is one. */
static bool put_escaped(struct bad_lines *bad, const unsigned char *p, size_t len, struct err *err)
{
    for (const unsigned char *end = p + len; p < end;) {
        const unsigned char *stop = p;
        while (stop < end && *stop != '\n' && *stop != '\r')
            stop++;
        if (!put(bad, p, (size_t)(stop - p), err) ||
            (stop < end && !put(bad, *stop == '\n' ? "\\n" : "\\r", 2, err)))
            return false;
        p = stop + (stop < end);
    }
    return true;
}

static bool put_reject(struct bad_lines *bad, const char *place, const struct bad_line *line,
                       struct err *err)
{
    const size_t most = bad->rules->max_line + BAD_LINE_END_MAX;
    size_t kept = line->kept;
    char mark[64];
    int mark_len = 0;

    if (bad->reject == NULL)
        return true;
    /* No more than is kept of a line that straddles blocks, so that the output does not show where
     * blocks were cut. */
    if (line->len > most) {
        size_t cut = most < REJECT_CUT ? most : REJECT_CUT;
        kept = kept < cut ? kept : cut;
        mark_len = snprintf(mark, sizeof mark, "...[cut: %zu bytes]", line->len);
    }
    return put(bad, place, strlen(place), err) && put(bad, "\t", 1, err) &&
           (bad->rules->accept & ACCEPT_CONCATENATED ? put_escaped(bad, line->bytes, kept, err)
                                                     : put(bad, line->bytes, kept, err)) &&
           put(bad, mark, (size_t)mark_len, err) && put(bad, "\n", 1, err);
}

bool bad_lines_add(struct bad_lines *bad, const struct bad_line *line, struct err *err)
{
    const struct bad_line_policy *policy = &bad->policy;
    const struct scan_result *found = line->found;
    char place[sizeof bad->first], shown[BAD_LINE_NAME_MAX], zeros[24] = "";

    if (found->zeros > 0)
        (void)snprintf(zeros, sizeof zeros, "%zu ", found->zeros);
    (void)snprintf(place, sizeof place, "%s:%llu:%zu: %s%s",
                   err_quote(shown, sizeof shown, line->file, strlen(line->file)),
                   (unsigned long long)line->number, found->column, zeros, found->reason);
    bad->count++;
    if (bad->count == 1) {
        memcpy(bad->first, place, sizeof place);
        bad->first_advice = found->advice;
    }
    if (!put_reject(bad, place, line, err))
        return false;
    if (!line->last && (policy->is_percent || bad->count <= policy->lines))
        return true;
    if (line->last || policy->lines == 0)
        return err_set(err, STATUS_INPUT, "%s (key '%s', value '%s'); nothing was loaded; %s",
                       place, scan_key_text(bad->rules), scan_value_text(bad->rules),
                       found->advice != NULL ? found->advice
                       : line->last          ? LAST_ADVICE
                                             : USUAL_ADVICE);
    return err_set(err, STATUS_INPUT,
                   "%s; that is bad line %llu, more than --max-bad %llu; nothing was loaded", place,
                   (unsigned long long)bad->count, (unsigned long long)policy->lines);
}

bool bad_lines_judge(const struct bad_lines *bad, uint64_t judged, struct err *err)
{
    if (bad->count == 0)
        return true;
    const char *advice = bad->first_advice != NULL
                             ? bad->first_advice
                             : "is it the right file, with the right --key and --value?";
    if (bad->count == judged)
        return err_set(err, STATUS_INPUT,
                       "%s (key '%s', value '%s'); not one of %llu lines is an event, which "
                       "--max-bad does not tolerate; nothing was loaded; %s",
                       bad->first, scan_key_text(bad->rules), scan_value_text(bad->rules),
                       (unsigned long long)judged, advice);
    double share = (double)bad->count * 100 / (double)judged;
    return !bad->policy.is_percent || share <= bad->policy.percent ||
           err_set(err, STATUS_INPUT,
                   "%llu of %llu lines are bad (%.2f%%), more than --max-bad %g%%; nothing was "
                   "loaded; the first: %s",
                   (unsigned long long)bad->count, (unsigned long long)judged, share,
                   bad->policy.percent, bad->first);
}
