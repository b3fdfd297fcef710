/* The table of a run. Pure. */
#include <errno.h>
#include <string.h>

#include "gvisor_probe/render/run_text.h"

enum { VALUE_WIDTH = 36 };

static const char *colour_of(enum probe_result result)
{
    switch (result) {
    case RESULT_DENIED:
        return "\033[33m";
    case RESULT_ABSENT:
        return "\033[36m";
    case RESULT_EMULATED:
        return "\033[35m";
    case RESULT_SKIPPED:
        return "\033[2m";
    case RESULT_KILLED:
    case RESULT_TIMEOUT:
    case RESULT_UNCLEAR:
        return "\033[31m";
    case RESULT_ALLOWED:
    case RESULTS:
        break;
    }
    return "";
}

/* How many bytes of a text fit the column without cutting a character. */
static int fitting(const char *text)
{
    size_t len = strlen(text);

    if (len > VALUE_WIDTH)
        for (len = VALUE_WIDTH; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
            len--;
    return (int)len;
}

static bool add_row(const struct answered *answer, bool colour, struct buf *out, struct err *err)
{
    const struct finding *finding = &answer->finding;
    const char *tint = colour ? colour_of(finding->result) : "";
    const char *value = finding->value[0] != '\0' ? finding->value : finding->detail;
    const char *name = finding->errnum == 0 ? "" : strerrorname_np(finding->errnum);

    return buf_printf(out, err, "  %-22s %s%-9s%s %-13s %-13s %.*s\n", answer->probe->id, tint,
                      result_name(finding->result), tint[0] == '\0' ? "" : "\033[0m",
                      finding->cause == CAUSE_NONE ? "" : cause_name(finding->cause),
                      name == NULL ? "?" : name, fitting(value), value);
}

static bool add_group(const struct run *run, enum probe_group group, bool colour, struct buf *out,
                      struct err *err)
{
    bool titled = false;

    for (size_t i = 0; i < run->count; i++) {
        if (run->answers[i].probe->group != group)
            continue;
        if (!titled && !buf_printf(out, err, "%s%s%s\n", colour ? "\033[1m" : "", group_name(group),
                                   colour ? "\033[0m" : ""))
            return false;
        titled = true;
        if (!add_row(&run->answers[i], colour, out, err))
            return false;
    }
    return !titled || buf_add_text(out, "\n", err);
}

static bool add_detection(const struct detection *detection, bool colour, struct buf *out,
                          struct err *err)
{
    if (!buf_printf(out, err, "%skernel: %s%s\n", colour ? "\033[1m" : "",
                    conclusion_name(detection->conclusion), colour ? "\033[0m" : ""))
        return false;
    for (int i = 0; i < CLASSES; i++) {
        const struct class_verdict *class = &detection->classes[i];
        if (class->count == 0)
            continue;
        if (!buf_printf(out, err, "  %s %-14s %-10s", class_letter((enum evidence_class)i),
                        class_name((enum evidence_class)i), verdict_name(class->verdict)))
            return false;
        for (size_t s = 0; s < class->count && s < 3; s++)
            if (!buf_printf(out, err, "%s%s", s == 0 ? " " : ", ", class->signals[s].name))
                return false;
        if (!buf_add_text(out, "\n", err))
            return false;
    }
    for (size_t i = 0; i < detection->conflict_count; i++)
        if (!buf_printf(out, err, "  conflict: %s\n", detection->conflicts[i]))
            return false;
    const char *rest = strchr(detect_statement, ';') + 1;
    return buf_printf(out, err, "  %.*s\n %s\n", (int)(rest - detect_statement), detect_statement,
                      rest);
}

bool run_table(const struct run *run, bool colour, struct buf *out, struct err *err)
{
    for (int group = 0; group < GROUPS; group++)
        if (!add_group(run, (enum probe_group)group, colour, out, err))
            return false;
    return add_detection(&run->detection, colour, out, err);
}
