#include "gvisor_installer/plan/plan_base.h"

#include <string.h>

#include "gvisor_installer/containerd/control_groups.h"
#include "gvisor_installer/containerd/toml_edit.h"

void base_release(struct base *base)
{
    containerd_config_free(&base->config);
    for (size_t i = 0; i < base->imported_count; i++)
        containerd_config_free(&base->imported[i]);
    base->imported_count = 0;
    buf_release(&base->text);
}

static bool is_empty(const struct toml_doc *doc)
{
    return toml_doc_key(doc, (const char *const[]){NULL}, 0) == NULL;
}

static size_t list_files(const struct base *base,
                         const struct containerd_config *files[1 + PLAN_IMPORTED_MAX])
{
    size_t count = 0;

    files[count++] = &base->config;
    for (size_t i = 0; i < base->imported_count; i++)
        files[count++] = &base->imported[i];
    return count;
}

/* The version and the names of what we write, in a file of this containerd's. */
static void choose_version(const struct plan_facts *facts, struct base *base)
{
    const struct containerd_config *files[1 + PLAN_IMPORTED_MAX];
    const size_t count = list_files(base, files);

    if (!containerd_merges(facts->containerd)) {
        base->version = base->config.version;
        if (base->empty && facts->config.text == NULL)
            base->version = 2;
        base->names = base->version;
    } else {
        base->version = containerd_drop_in_version(files, count);
        base->names = containerd_names(files, count);
    }
}

static bool check_version(const struct plan_facts *facts, const struct base *base, struct err *err)
{
    if (base->config.version > containerd_config_newest(facts->containerd))
        return err_set(err, STATUS_INPUT,
                       "%s: version %d is more than containerd %u.%u reads: it cannot start with "
                       "this file",
                       facts->config.path, (int)base->config.version, facts->containerd.major,
                       facts->containerd.minor);
    /* Without plugins nothing in it depends on a version. */
    if (containerd_merges(facts->containerd) && base->config.version < 2 &&
        containerd_has_plugins(&base->config))
        return err_set(err, STATUS_REFUSED,
                       "%s says no version, or 1, which containerd %u.%u does not merge with "
                       "others: bring it up to date with `containerd config migrate`",
                       facts->config.path, facts->containerd.major, facts->containerd.minor);
    return true;
}

/* Checked first: nothing that follows matters where no kubelet works. */
static bool check_cri(const struct base *base, struct err *err)
{
    const struct containerd_config *files[1 + PLAN_IMPORTED_MAX];
    const size_t count = list_files(base, files);

    for (size_t i = 0; i < count; i++)
        if (containerd_cri_disabled(files[i]))
            return err_set(err, STATUS_REFUSED,
                           "%s: disabled_plugins holds the CRI plugin: no kubelet works with this "
                           "containerd",
                           files[i]->path);
    return true;
}

/* The parser of containerd 1.x skips such a mark, that of 2.x stops there. */
static bool check_start(const struct plan_facts *facts, const struct plan_file *file,
                        struct err *err)
{
    static const char mark[] = "\xef\xbb\xbf";

    return !containerd_merges(facts->containerd) || file->text == NULL || file->len < 3 ||
           memcmp(file->text, mark, 3) != 0 ||
           err_set(err, STATUS_INPUT,
                   "%s begins with a byte order mark, and containerd %u.%u cannot read it: save it "
                   "as UTF-8 without one",
                   file->path, facts->containerd.major, facts->containerd.minor);
}

/* When the drop-in moves, its old line in `imports` goes too. */
static bool drop_left(const struct plan_facts *facts, struct base *base, struct err *err)
{
    const char *path = facts->config.path;
    struct containerd_config config;
    struct buf without;

    if (facts->left.path == NULL)
        return true;
    if (!containerd_config_read(&config, path, base->text.data, base->text.len, err))
        return false;
    buf_init(&without, PLAN_TEXT_MAX);
    edit_drop_import(&config, base->text.data, base->text.len, facts->left.path, &without);
    containerd_config_free(&config);
    buf_release(&base->text);
    base->text = without;
    return buf_ok(&base->text, err);
}

/* Tables whose comments another tool dropped are known by what they say. */
static bool drop_uncommented(const struct plan_facts *facts, struct base *base, struct err *err)
{
    const char *path = facts->config.path;
    bool done = true;

    for (int64_t names = 1; done && names <= CONFIG_MERGED_NEWEST; names++)
        for (size_t i = 0; done && i < HANDLERS; i++) {
            const char *handler = facts->names.handler[i];
            struct containerd_config config;
            struct buf without;
            if (!containerd_config_read(&config, path, base->text.data, base->text.len, err))
                return false;
            const bool ours =
                containerd_runtime_is_ours(&config, names, handler, facts->names.prefix);
            containerd_config_free(&config);
            if (!ours)
                continue;
            buf_init(&without, PLAN_TEXT_MAX);
            done = edit_drop_runtime(path, base->text.data, base->text.len, names, handler,
                                     &without, err);
            buf_release(&base->text);
            base->text = without;
        }
    return done;
}

static bool read_all(const struct plan_facts *facts, struct base *ret, struct err *err)
{
    const struct plan_file *file = &facts->config;
    bool had_tables;

    if (!edit_drop_tables(file->text == NULL ? "" : file->text, file->len, &ret->text, &had_tables,
                          err))
        return err_prefix(err, "%s", file->path);
    if (!buf_ok(&ret->text, err) || !drop_uncommented(facts, ret, err) ||
        !drop_left(facts, ret, err) ||
        !containerd_config_read(&ret->config, file->path, ret->text.data, ret->text.len, err))
        return false;
    for (size_t i = 0; i < facts->imported_count; i++) {
        file = &facts->imported[i];
        if (!containerd_config_read(&ret->imported[i], file->path, file->text, file->len, err))
            return false;
        ret->imported_count++;
    }
    return true;
}

bool base_read(const struct plan_facts *facts, struct base *ret, struct err *err)
{
    *ret = (struct base){0};
    buf_init(&ret->text, PLAN_TEXT_MAX);
    if (!read_all(facts, ret, err))
        return false;
    ret->empty = is_empty(ret->config.doc);
    choose_version(facts, ret);
    ret->no_runtimes =
        !toml_doc_has(ret->config.doc, containerd_runtime_path(ret->names, NULL).key);
    return true;
}

bool base_check_containerd(const struct plan_facts *facts, const struct base *base, struct err *err)
{
    if (!containerd_is_new_enough(facts->containerd, err) ||
        !check_start(facts, &facts->config, err))
        return false;
    for (size_t i = 0; i < facts->imported_count; i++)
        if (!check_start(facts, &facts->imported[i], err))
            return false;
    return check_cri(base, err) && check_version(facts, base, err);
}

static int64_t names_in(const struct plan_facts *facts, const struct base *base,
                        const struct containerd_config *config)
{
    return containerd_merges(facts->containerd) ? base->names : config->version;
}

/* What must not be there, in the configuration or in a file that it imports. */
static bool check_file(const struct plan_facts *facts, const struct containerd_config *config,
                       int64_t names, struct err *err)
{
    struct toml_place place;

    for (size_t i = 0; i < HANDLERS; i++)
        if (containerd_has_runtime(config, names, facts->names.handler[i], &place) &&
            !containerd_runtime_is_ours(config, names, facts->names.handler[i],
                                        facts->names.prefix))
            return err_set(err, STATUS_REFUSED,
                           "%s:%u: a runtime '%s' that is not ours is defined here: remove it (of "
                           "minikube's addon: minikube addons disable gvisor), or choose another "
                           "name with --handler and --sealed-handler",
                           config->path, place.line, facts->names.handler[i]);
    return true;
}

static const char *without_var(const char *path)
{
    return strncmp(path, "/var/run/", 9) == 0 ? path + 4 : path;
}

/* The containerd that answers on the socket must read what we change. */
static bool check_running(const struct plan_facts *facts, const struct base *base, struct err *err)
{
    const struct containerd_config *files[1 + PLAN_IMPORTED_MAX];
    const size_t count = list_files(base, files);
    const char *address = NULL, *path = NULL;

    if (facts->running_config != NULL)
        return err_set(err, STATUS_REFUSED,
                       "the containerd that answers on %s (process %ld) reads %s, not %s: name it "
                       "with --config",
                       facts->socket, facts->running, facts->running_config, facts->config.path);
    for (size_t i = 0; i < count; i++)
        if (containerd_address(files[i]) != NULL) {
            address = containerd_address(files[i]);
            path = files[i]->path;
        }
    /* One that is known to read it may have been told another address. */
    if (facts->running != 0 || address == NULL ||
        strcmp(without_var(address), without_var(facts->socket)) == 0)
        return true;
    return err_set(err, STATUS_REFUSED,
                   "%s has its containerd answer on %s, and --socket is %s: that is another's, "
                   "name the one of this configuration",
                   path, address, facts->socket);
}

/* What containerd makes of all the files. */
static bool check_dump(const struct plan_facts *facts, const struct base *base,
                       bool *ret_systemd_cgroup, struct err *err)
{
    const struct containerd_config *files[1 + PLAN_IMPORTED_MAX];
    const size_t count = list_files(base, files);
    bool exists;

    if (facts->dump == NULL && !facts->unsettled)
        return err_set(err, STATUS_REFUSED, "%s", facts->dump_why);
    *ret_systemd_cgroup = facts->systemd_runs;
    if (facts->dump == NULL) /* an interrupted run may have left what cannot be read */
        return true;
    const char *name = default_runtime(facts->dump, &exists);
    if (!exists)
        return err_set(err, STATUS_INPUT,
                       "%s: default_runtime_name is '%s', and no such runtime is defined: no pod "
                       "runs with this containerd",
                       facts->config.path, name);
    const enum control_groups groups = control_groups_of(
        facts->dump, files, count, containerd_merges(facts->containerd) ? base->names : 0,
        facts->names.handler, HANDLERS);
    if (groups != CONTROL_GROUPS_UNSAID)
        *ret_systemd_cgroup = groups == CONTROL_GROUPS_SYSTEMD;
    return true;
}

bool base_check(const struct plan_facts *facts, const struct base *base, enum plan_way way,
                bool *ret_systemd_cgroup, struct err *err)
{
    if (facts->prefix_noexec)
        return err_set(err, STATUS_REFUSED,
                       "--prefix %s is on a file system that is mounted noexec, and gVisor's "
                       "programs could not be run: choose another place",
                       facts->names.prefix);
    if (!check_running(facts, base, err) ||
        !check_file(facts, &base->config, names_in(facts, base, &base->config), err))
        return false;
    for (size_t i = 0; i < base->imported_count; i++) {
        const struct containerd_config *config = &base->imported[i];
        if (!check_file(facts, config, names_in(facts, base, config), err))
            return false;
        if (way == WAY_EDIT && containerd_has_cri(config))
            return err_set(err, STATUS_REFUSED,
                           "%s is imported and has a CRI section, which replaces that of %s in "
                           "containerd %u: move it there, or update containerd",
                           config->path, facts->config.path, facts->containerd.major);
    }
    if (!check_dump(facts, base, ret_systemd_cgroup, err))
        return false;
    if (facts->systemd_cgroup_known)
        *ret_systemd_cgroup = facts->systemd_cgroup;
    return true;
}
