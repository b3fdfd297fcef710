#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/options.h"
#include "common/outfile.h"
#include "gvisor_probe/commands.h"
#include "gvisor_probe/probes/probe.h"

enum { TEXT_MAX = 1 << 20, WIDTH = 95, LABEL_WIDTH = 11 };

static const struct option_spec no_options[] = {{.name = NULL}};

static const struct program_info list_info = {
    .name = "gvisor_probe list",
    .env_prefix = "GVISOR_PROBE",
    .operands = "[GROUP...]",
    .summary = "Names the probes, of some groups or of all.",
    .epilog =
        "Groups: identity, host-data, kernel-surface, host-objects, cost.\n"
        "\n"
        "Examples:\n"
        "  gvisor_probe list\n"
        "  gvisor_probe list kernel-surface\n"
        "\n"
        "Exit status: 0 done; 2 wrong usage; 4 output is not permitted; 10 may pass, retry.\n",
};

static const struct program_info explain_info = {
    .name = "gvisor_probe explain",
    .env_prefix = "GVISOR_PROBE",
    .operands = "PROBE|GROUP...",
    .summary = "Says what a probe does, what its answer is evidence of, and what it is not.",
    .epilog =
        "Examples:\n"
        "  gvisor_probe explain netlink_census\n"
        "  gvisor_probe explain host-objects | less\n"
        "\n"
        "Exit status: 0 done; 2 wrong usage; 4 output is not permitted; 10 may pass, retry.\n",
};

typedef void add_probe(const struct probe *probe, struct buf *out);

static void add_line(const struct probe *probe, struct buf *out)
{
    buf_printf(out, "  %-22s %s\n", probe->id, probe->title);
}

/* A label and a text, wrapped at WIDTH; further lines are indented to the first. */
static void add_wrapped(struct buf *out, const char *label, const char *text)
{
    size_t column = LABEL_WIDTH;

    buf_printf(out, "  %-*s", LABEL_WIDTH - 2, label);
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        bool fits = column == LABEL_WIDTH || column + 1 + len <= WIDTH;
        if (!fits)
            buf_printf(out, "\n%*s", LABEL_WIDTH, "");
        column = fits ? column : LABEL_WIDTH;
        buf_printf(out, "%s%.*s", column == LABEL_WIDTH ? "" : " ", (int)len, text);
        column += len + (column == LABEL_WIDTH ? 0 : 1);
        text += len + strspn(text + len, " ");
    }
    buf_add_text(out, "\n");
}

static void add_explained(const struct probe *probe, struct buf *out)
{
    char kind[128];

    (void)snprintf(kind, sizeof kind, "%s; %s%s", group_name(probe->group),
                   safety_name(probe->safety), probe->needs_path ? "; needs --path" : "");
    buf_printf(out, "%s%s: %s\n", out->len == 0 ? "" : "\n", probe->id, probe->title);
    add_wrapped(out, "group", kind);
    add_wrapped(out, "does", probe->does);
    add_wrapped(out, "evidence", probe->evidence);
    add_wrapped(out, "source", probe->source);
}

static void add_group(enum probe_group group, bool titled, add_probe *add, struct buf *out)
{
    if (titled)
        buf_printf(out, "%s%s\n", out->len == 0 ? "" : "\n", group_name(group));
    for (const struct probe *const *family = probe_families; *family != NULL; family++)
        for (const struct probe *probe = *family; probe->id != NULL; probe++)
            if (probe->group == group)
                add(probe, out);
}

static bool print(const struct buf *text, struct err *err)
{
    return buf_ok(text, err) && outfile_put("-", text->data, text->len, err);
}

bool list_main(const struct birth *birth, int argc, char **argv, struct err *err)
{
    OWNED_BUF(text, TEXT_MAX);
    struct operands groups;
    int unused = 0;

    (void)birth;
    enum options_outcome outcome =
        options_read(&list_info, no_options, &unused, &groups, argc, argv, err);
    if (outcome != OPTIONS_RUN)
        return outcome == OPTIONS_DONE;
    for (int group = 0; groups.count == 0 && group < GROUPS; group++)
        add_group((enum probe_group)group, true, add_line, &text);
    for (int i = 0; i < groups.count; i++) {
        enum probe_group group;
        if (!group_parse(groups.item[i], &group))
            return err_set(err, STATUS_USAGE, "'%s' is not a group; see --help", groups.item[i]);
        add_group(group, true, add_line, &text);
    }
    return print(&text, err);
}

bool explain_main(const struct birth *birth, int argc, char **argv, struct err *err)
{
    OWNED_BUF(text, TEXT_MAX);
    struct operands names;
    int unused = 0;

    (void)birth;
    enum options_outcome outcome =
        options_read(&explain_info, no_options, &unused, &names, argc, argv, err);
    if (outcome != OPTIONS_RUN)
        return outcome == OPTIONS_DONE;
    if (names.count == 0)
        return err_set(err, STATUS_USAGE, "which probe? gvisor_probe list names them");
    for (int i = 0; i < names.count; i++) {
        const struct probe *probe = probe_find(names.item[i]);
        enum probe_group group;

        if (probe != NULL)
            add_explained(probe, &text);
        else if (group_parse(names.item[i], &group))
            add_group(group, false, add_explained, &text);
        else
            return err_set(err, STATUS_USAGE,
                           "'%s' is neither a probe nor a group; gvisor_probe list names them",
                           names.item[i]);
    }
    return print(&text, err);
}
