#include "gvisor_installer/plan/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gvisor_installer/containerd/toml_edit.h"
#include "gvisor_installer/plan/plan_base.h"
#include "gvisor_installer/plan/vendors.h"

#define DROP_IN_NAME "60-gvisor.toml"

static void config_cleanup(struct containerd_config *config)
{
    containerd_config_free(config);
}

#define OWNED_CONFIG(name)                                                                         \
    __attribute__((cleanup(config_cleanup))) struct containerd_config name = {0}

static bool vendor(const struct plan_file *config, struct containerd_version containerd,
                   bool has_template, struct vendor *ret)
{
    return config->text != NULL && vendor_of(config->path, config->text, config->len,
                                             containerd_merges(containerd), has_template, ret);
}

bool plan_way(const struct plan_file *config, struct containerd_version containerd,
              const char *forced, enum plan_way *ret_way, char drop_in[CONFIG_PATH_MAX],
              struct err *err)
{
    OWNED_CONFIG(read);
    struct vendor writer;
    const bool merged =
        forced != NULL && vendor(config, containerd, false, &writer) && writer.drop_ins[0] != '\0';

    drop_in[0] = '\0';
    *ret_way = merged ? WAY_VENDOR : WAY_EDIT;
    if (!containerd_merges(containerd) && !merged)
        return true;
    if (config->text != NULL &&
        !containerd_config_read(&read, config->path, config->text, config->len, err))
        return false;
    if (!merged)
        *ret_way = WAY_DROP_IN;
    if (forced == NULL && read.doc != NULL &&
        containerd_drop_in_place(&read, DROP_IN_NAME, drop_in))
        return true;

    const char *slash = strrchr(config->path, '/');
    int dir_len = slash == NULL ? 0 : (int)(slash + 1 - config->path);
    int len = forced != NULL ? snprintf(drop_in, CONFIG_PATH_MAX, "%s", forced)
                             : snprintf(drop_in, CONFIG_PATH_MAX, "%.*sconf.d/" DROP_IN_NAME,
                                        dir_len, config->path);
    if (len >= CONFIG_PATH_MAX)
        return err_set(err, STATUS_USAGE, "%s: too long a path", config->path);
    if (!merged || (read.doc != NULL && containerd_imports_path(&read, drop_in)))
        *ret_way = WAY_IMPORT;
    return true;
}

/* Checks that the text says what base says, and of gVisor only what was planned. */
static bool verify(const struct plan_facts *facts, const struct base *base, const char *text,
                   size_t len, struct err *err)
{
    static const char *const version[] = {"version", NULL};
    static const char *const imports[] = {"imports", NULL};
    OWNED_CONFIG(read);
    OWNED_CONFIG(was);

    if (!containerd_config_read(&read, facts->config.path, text, len, err)) {
        if (err->status == STATUS_INPUT)
            err->status = STATUS_REFUSED;
        return err_prefix(err, "tables cannot be added at the end of it");
    }
    if (!containerd_config_read(&was, facts->config.path, base->text.data, base->text.len, err))
        return false;
    struct containerd_config *both[] = {&read, &was};
    for (size_t i = 0; i < 2; i++) {
        struct toml_doc *doc = both[i]->doc;
        for (size_t handler = 0; handler < HANDLERS; handler++)
            toml_doc_drop(doc,
                          containerd_runtime_path(base->names, facts->names.handler[handler]).key);
        if (base->no_runtimes)
            toml_doc_drop(doc, containerd_runtime_path(base->names, "runc").key);
        for (size_t item = containerd_import_count(both[i]); item-- > 0;)
            if (strcmp(toml_doc_item(doc, imports, item, NULL), facts->drop_in.path) == 0)
                toml_doc_drop_item(doc, imports, item);
        if (containerd_import_count(both[i]) == 0)
            toml_doc_drop(doc, imports);
        if (base->empty)
            toml_doc_drop(doc, version);
        toml_doc_prune(doc);
    }
    if (!toml_doc_equal(read.doc, was.doc))
        return err_set(err, STATUS_BUG, "%s: the change would touch more than gVisor's runtimes",
                       facts->config.path);
    return true;
}

static bool new_config(const struct plan_facts *facts, const struct base *base, enum plan_way way,
                       struct buf *out, struct err *err)
{
    OWNED_BUF(start, PLAN_TEXT_MAX);
    OWNED_BUF(tables, PLAN_TEXT_MAX);
    OWNED_CONFIG(config);

    if (way == WAY_DROP_IN || way == WAY_VENDOR ||
        (way == WAY_IMPORT && containerd_imports_path(&base->config, facts->drop_in.path))) {
        buf_add(out, base->text.data, base->text.len);
        return buf_ok(out, err);
    }
    buf_add(&start, base->text.data, base->text.len);
    if (base->empty && !base->config.says_version && base->version != 1)
        buf_printf(&start, "%sversion = %d\n",
                   start.len == 0 || start.data[start.len - 1] == '\n' ? "" : "\n",
                   (int)base->version);
    if (!buf_ok(&start, err))
        return false;
    if (way == WAY_EDIT) {
        if (base->no_runtimes)
            fragment_default_runc(base->names, facts->containerd.minor, &tables);
        fragment_runtimes(&facts->names, base->names, &tables);
        edit_add_tables(start.data, start.len, tables.data, out);
        return buf_ok(&tables, err) && buf_ok(out, err);
    }
    return containerd_config_read(&config, facts->config.path, start.data, start.len, err) &&
           edit_add_import(&config, start.data, start.len, facts->drop_in.path, out, err) &&
           buf_ok(out, err);
}

/* Takes text's bytes. */
static bool add_change(struct plan *plan, enum plan_kind kind, const char *path, struct buf *text,
                       bool exists, const char *why, struct err *err)
{
    struct plan_change *change = &plan->change[plan->count];

    if (plan->count == PLAN_CHANGES_MAX)
        return err_set(err, STATUS_BUG, "more than %d changes", PLAN_CHANGES_MAX);
    *change =
        (struct plan_change){.kind = kind, .path = strdup(path), .why = why, .exists = exists};
    plan->count++;
    if (change->path == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    if (text != NULL) {
        change->len = text->len;
        change->text = buf_take(text, err);
    }
    return text == NULL || change->text != NULL;
}

static bool same(const struct plan_file *file, const struct buf *text)
{
    return file->text != NULL && file->len == text->len &&
           memcmp(file->text, text->data, text->len) == 0;
}

/* Another tool may have written it anew, without our comments and in its own way. */
static bool same_meaning(const struct plan_file *file, const struct buf *text)
{
    OWNED_CONFIG(is);
    OWNED_CONFIG(shall);
    struct err ignored = {0};

    return file->text != NULL &&
           containerd_config_read(&is, file->path, file->text, file->len, &ignored) &&
           containerd_config_read(&shall, file->path, text->data, text->len, &ignored) &&
           toml_doc_equal(is.doc, shall.doc);
}

static bool plan_release(const struct plan_facts *facts, struct plan *plan, struct err *err)
{
    OWNED_BUF(path, CONFIG_PATH_MAX);
    OWNED_BUF(target, CONFIG_PATH_MAX);

    fragment_release_dir(&facts->names, &path);
    if (!buf_ok(&path, err))
        return false;
    if (!facts->release_whole &&
        !add_change(plan, PLAN_UNPACK, path.data, NULL, false, "gVisor's programs", err))
        return false;
    for (enum handler handler = 0; handler < HANDLERS; handler++) {
        OWNED_BUF(text, PLAN_TEXT_MAX);
        fragment_handler(&facts->names, handler, plan->systemd_cgroup, &text);
        if (!buf_ok(&text, err))
            return false;
        if (!same(&facts->handler[handler], &text) &&
            !add_change(plan, PLAN_WRITE, facts->handler[handler].path, &text,
                        facts->handler[handler].text != NULL,
                        handler == HANDLER_PLAIN ? "how gVisor runs" : "how sealed gVisor runs",
                        err))
            return false;
    }
    buf_clear(&path);
    fragment_current(&facts->names, &path);
    buf_printf(&target, "releases/%s", facts->names.release);
    if (!buf_ok(&path, err) || !buf_ok(&target, err))
        return false;
    if (!(facts->current != NULL && strcmp(facts->current, target.data) == 0) &&
        !add_change(plan, PLAN_LINK, path.data, &target, facts->current != NULL,
                    "the release that new pods get", err))
        return false;
    return plan->count == 0 || !facts->prefix_read_only ||
           err_set(err, STATUS_REFUSED,
                   "--prefix %s is on a file system that is mounted read-only: choose another "
                   "place, or bring gVisor with the node's image",
                   facts->names.prefix);
}

bool plan_drop_in_is_ours(const struct plan_facts *facts, const struct plan_file *file, bool *ret,
                          struct err *err)
{
    static const char *const version[] = {"version", NULL};
    OWNED_CONFIG(read);
    struct err why = {0};
    bool found = false;

    *ret = fragment_is_ours(file->text, file->len);
    if (*ret)
        return true;
    if (!containerd_config_read(&read, file->path, file->text, file->len, &why))
        return why.status != STATUS_TRANSIENT || err_set(err, why.status, "%s", why.text);
    for (int64_t names = 2; names <= CONFIG_MERGED_NEWEST; names++)
        for (size_t i = 0; i < HANDLERS; i++)
            if (containerd_runtime_is_ours(&read, names, facts->names.handler[i],
                                           facts->names.prefix)) {
                toml_doc_drop(read.doc,
                              containerd_runtime_path(names, facts->names.handler[i]).key);
                found = true;
            }
    toml_doc_drop(read.doc, version);
    toml_doc_prune(read.doc);
    *ret = found && toml_doc_key(read.doc, (const char *const[]){NULL}, 0) == NULL;
    return true;
}

static bool plan_drop_in(const struct plan_facts *facts, const struct base *base, struct plan *plan,
                         struct err *err)
{
    const struct plan_file *file = &facts->drop_in;
    OWNED_BUF(text, PLAN_TEXT_MAX);
    bool ours;

    fragment_drop_in(&facts->names, base->version, base->names, &text);
    if (!buf_ok(&text, err))
        return false;
    if (same(file, &text) || same_meaning(file, &text))
        return true;
    if (file->text != NULL && !plan_drop_in_is_ours(facts, file, &ours, err))
        return false;
    if (file->text != NULL && !ours)
        return err_set(err, STATUS_REFUSED,
                       "%s is there and not ours: move it, or name another file with --drop-in",
                       file->path);
    plan->restart = true;
    return add_change(plan, PLAN_WRITE, file->file, &text, file->text != NULL,
                      "gVisor's runtimes for containerd", err);
}

/* The notes hold one drop-in: a second one would be forgotten and survive an uninstall. */
static bool plan_left(const struct plan_facts *facts, struct plan *plan, struct err *err)
{
    if (facts->left.text == NULL)
        return true;
    plan->restart = true;
    return add_change(plan, PLAN_REMOVE, facts->left.file, NULL, true,
                      "gVisor's runtimes for containerd, at an earlier place", err);
}

/* Where to put what, since an edit would be lost. */
static bool refuse_edit(const struct plan_facts *facts, const struct base *base,
                        const struct vendor *writer, struct plan *plan, struct err *err)
{
    OWNED_BUF(lines, PLAN_TEXT_MAX);
    const char *path = facts->config.path;
    const char *template = writer->template[0] != '\0' ? writer->template : "what it is made from";
    const char *begins = writer->based_on != NULL ? writer->based_on : "";
    const char *below = writer->based_on != NULL ? " below the line " : "";

    if (writer->drop_ins[0] != '\0')
        return err_set(err, STATUS_REFUSED,
                       "%s is written by a program at each start (%s), which merges the files in "
                       "%s: say --drop-in %s/" DROP_IN_NAME,
                       path, writer->name, writer->drop_ins, writer->drop_ins);
    if (containerd_merges(facts->containerd)) {
        const char *slash = strrchr(path, '/');
        int dir_len = slash == NULL ? 0 : (int)(slash + 1 - path);
        buf_printf(&lines, "imports = [\"%.*sconf.d/*.toml\"]\n", dir_len, path);
        plan->lines = buf_take(&lines, err);
        if (plan->lines == NULL)
            return false;
        return err_set(err, STATUS_REFUSED,
                       "%s is written by a program at each start (%s): put the line %.*s into %s, "
                       "above all else%s%s, let %s start anew and run this again",
                       path, writer->name, (int)strlen(plan->lines) - 1, plan->lines, template,
                       writer->based_on != NULL ? " and above the line " : "", begins,
                       writer->name);
    }
    OWNED_BUF(tables, PLAN_TEXT_MAX);
    fragment_runtimes(&facts->names, base->names, &tables);
    edit_add_tables("", 0, tables.data, &lines);
    plan->lines = buf_ok(&tables, err) ? buf_take(&lines, err) : NULL;
    if (plan->lines == NULL)
        return false;
    return err_set(err, STATUS_REFUSED,
                   "%s is written by a program at each start (%s): put the tables [plugins.\"%s\"."
                   "containerd.runtimes.%s] and %s, which `gvisor_installer check` prints, at the "
                   "end of %s,%s%s%s let %s start anew and run this again",
                   path, writer->name, containerd_cri_plugin(base->names),
                   facts->names.handler[HANDLER_PLAIN], facts->names.handler[HANDLER_SEALED],
                   template, below, begins, writer->based_on != NULL ? "," : "", writer->name);
}

/* One that merges drop-ins by itself has been told of ours, or is named; nothing is edited. */
static bool check_vendor(const struct plan_facts *facts, const struct base *base, enum plan_way way,
                         struct plan *plan, struct err *err)
{
    struct vendor writer;

    if (way == WAY_DROP_IN || way == WAY_VENDOR ||
        !vendor(&facts->config, facts->containerd, facts->has_template, &writer) ||
        writer.drop_ins[0] == '\0' || containerd_imports_path(&base->config, facts->drop_in.path))
        return true;
    return refuse_edit(facts, base, &writer, plan, err);
}

static bool plan_config(const struct plan_facts *facts, const struct base *base, struct plan *plan,
                        struct err *err)
{
    OWNED_BUF(text, PLAN_TEXT_MAX);
    struct vendor writer;

    if (!new_config(facts, base, plan->way, &text, err))
        return false;
    if (same(&facts->config, &text) || (facts->config.text == NULL && text.len == 0))
        return true;
    if (same_meaning(&facts->config, &text))
        return true;
    if (vendor(&facts->config, facts->containerd, facts->has_template, &writer))
        return refuse_edit(facts, base, &writer, plan, err);
    if (facts->config_is_mount)
        return err_set(err, STATUS_REFUSED,
                       "%s is a mount of its own, and a new file cannot take its place: mount its "
                       "directory instead, or let what is mounted there import a directory",
                       facts->config.path);
    if (!verify(facts, base, text.data, text.len, err))
        return false;
    plan->restart = true;
    return add_change(plan, PLAN_WRITE, facts->config.file, &text, facts->config.text != NULL,
                      plan->way == WAY_EDIT     ? "gVisor's runtimes at its end"
                      : plan->way == WAY_IMPORT ? "imports the drop-in"
                                                : "the runtimes move to the drop-in",
                      err);
}

bool plan_install(const struct plan_facts *facts, enum plan_way way, struct plan *ret,
                  struct err *err)
{
    __attribute__((cleanup(base_release))) struct base base = {0};

    *ret = (struct plan){.way = way, .restart = facts->unsettled};
    bool done = base_read(facts, &base, err) && base_check_containerd(facts, &base, err) &&
                check_vendor(facts, &base, way, ret, err) &&
                base_check(facts, &base, way, &ret->systemd_cgroup, err) &&
                plan_release(facts, ret, err) &&
                (way == WAY_EDIT || plan_drop_in(facts, &base, ret, err)) &&
                plan_config(facts, &base, ret, err) && plan_left(facts, ret, err);
    ret->late = way == WAY_VENDOR;
    return done;
}

/* The configuration without what is ours; changes nothing that did not come from us. */
static bool without_us(const struct plan_facts *facts, struct buf *out, struct err *err)
{
    __attribute__((cleanup(base_release))) struct base base = {0};
    OWNED_CONFIG(config);

    if (!base_read(facts, &base, err) ||
        !containerd_config_read(&config, facts->config.path, base.text.data, base.text.len, err))
        return false;
    edit_drop_import(&config, base.text.data, base.text.len, facts->drop_in.path, out);
    return buf_ok(out, err) && verify(facts, &base, out->data, out->len, err);
}

/* What a template holds comes back after it was taken out of the file that is made from it. */
static bool check_template(const struct plan_facts *facts, struct err *err)
{
    struct vendor writer;

    return !vendor(&facts->config, facts->containerd, facts->has_template, &writer) ||
           err_set(err, STATUS_REFUSED,
                   "%s is written by a program at each start (%s): take gVisor's lines out of %s, "
                   "let %s start anew and run this again",
                   facts->config.path, writer.name,
                   writer.template[0] != '\0' ? writer.template : "what it is made from",
                   writer.name);
}

/* The drop-in is read by containerd through another program's file. */
static bool is_merged(const struct plan_facts *facts)
{
    OWNED_CONFIG(config);
    struct vendor writer;
    struct err ignored = {0};

    return vendor(&facts->config, facts->containerd, facts->has_template, &writer) &&
           writer.drop_ins[0] != '\0' &&
           containerd_config_read(&config, facts->config.path, facts->config.text,
                                  facts->config.len, &ignored) &&
           !containerd_imports_path(&config, facts->drop_in.path);
}

bool plan_uninstall(const struct plan_facts *facts, const struct plan_file *before,
                    struct plan *ret, struct err *err)
{
    const struct plan_file *config = &facts->config;
    OWNED_BUF(text, PLAN_TEXT_MAX);
    bool done = true, ours = false;

    *ret = (struct plan){.restart = facts->unsettled};
    if (config->text != NULL && before != NULL && before->text == NULL) {
        done = add_change(ret, PLAN_REMOVE, config->file, NULL, true, "there was none before", err);
    } else if (config->text != NULL && config->len > 0) {
        if (before != NULL)
            buf_add(&text, before->text, before->len);
        done = before != NULL ? buf_ok(&text, err) : without_us(facts, &text, err);
        if (done && before == NULL && !same_meaning(config, &text))
            done = check_template(facts, err);
        if (done && !same(config, &text))
            done = add_change(ret, PLAN_WRITE, config->file, &text, true,
                              before != NULL ? "as it was before, byte by byte"
                                             : "it has changed since: only gVisor's part goes",
                              err);
    }
    if (done && facts->drop_in.text != NULL)
        done = plan_drop_in_is_ours(facts, &facts->drop_in, &ours, err);
    if (done && ours)
        done = add_change(ret, PLAN_REMOVE, facts->drop_in.file, NULL, true,
                          "gVisor's runtimes for containerd", err);
    done = done && plan_left(facts, ret, err);
    ret->restart |= ret->count > 0;
    ret->late = is_merged(facts);
    if (!done)
        plan_free(ret);
    return done;
}

void plan_free(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        free(plan->change[i].path);
        free(plan->change[i].text);
    }
    plan->count = 0;
    free(plan->lines);
    plan->lines = NULL;
}
