/* The table of a run. Pure. */
#include <errno.h>
#include <string.h>

#include "common/table.h"
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

static void add_row(const struct answered *answer, bool colour, struct buf *out)
{
    static const struct table table = {.indent = 2, .gap = 1, .count = 5, .width = {22, 9, 13, 13}};
    const struct finding *finding = &answer->finding;
    const char *value = finding->value[0] != '\0' ? finding->value : finding->detail;
    const char *name = finding->errnum == 0 ? "" : strerrorname_np(finding->errnum);
    char cut[VALUE_WIDTH + 1];
    size_t len = strnlen(value, VALUE_WIDTH);

    while (len > 0 && ((unsigned char)value[len] & 0xc0) == 0x80)
        len--; /* do not cut a character */
    memcpy(cut, value, len);
    cut[len] = '\0';
    const char *const cells[] = {answer->probe->id, result_name(finding->result),
                                 finding->cause == CAUSE_NONE ? "" : cause_name(finding->cause),
                                 name == NULL ? "?" : name, cut};
    const char *const colours[5] = {[1] = colour ? colour_of(finding->result) : ""};
    table_row(out, &table, cells, colours);
}

static void add_title(struct buf *out, const char *before, const char *title, bool colour)
{
    buf_printf(out, "%s%s%s%s\n", colour ? "\033[1m" : "", before, title, colour ? "\033[0m" : "");
}

static void add_group(const struct run *run, enum probe_group group, bool colour, struct buf *out)
{
    bool titled = false;

    for (size_t i = 0; i < run->count; i++) {
        if (run->answers[i].probe->group != group)
            continue;
        if (!titled)
            add_title(out, "", group_name(group), colour);
        titled = true;
        add_row(&run->answers[i], colour, out);
    }
    if (titled)
        buf_add_text(out, "\n");
}

static void add_detection(const struct detection *detection, bool colour, struct buf *out)
{
    add_title(out, "kernel: ", conclusion_name(detection->conclusion), colour);
    for (int i = 0; i < CLASSES; i++) {
        const struct class_verdict *class = &detection->classes[i];
        if (class->count == 0)
            continue;
        buf_printf(out, "  %s %-14s %-10s", class_letter((enum evidence_class)i),
                   class_name((enum evidence_class)i), verdict_name(class->verdict));
        for (size_t s = 0; s < class->count && s < 3; s++)
            buf_printf(out, "%s%s", s == 0 ? " " : ", ", class->signals[s].name);
        buf_add_text(out, "\n");
    }
    for (size_t i = 0; i < detection->conflict_count; i++)
        buf_printf(out, "  conflict: %s\n", detection->conflicts[i]);
    const char *rest = strchr(detect_statement, ';') + 1;
    buf_printf(out, "  %.*s\n %s\n", (int)(rest - detect_statement), detect_statement, rest);
}

void run_table(const struct run *run, bool colour, struct buf *out)
{
    for (int group = 0; group < GROUPS; group++)
        add_group(run, (enum probe_group)group, colour, out);
    add_detection(&run->detection, colour, out);
}
