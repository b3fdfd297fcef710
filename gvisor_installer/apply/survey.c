#include "gvisor_installer/apply/survey.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gvisor_installer/apply/dump.h"
#include "gvisor_installer/node/host.h"
#include "gvisor_installer/node/path.h"
#include "gvisor_installer/plan/vendors.h"
#include "gvisor_installer/release/release.h"

enum { VERSION_TIMEOUT_MS = 30000, FILE_SIZE_MAX = CONFIG_SIZE_MAX + (1 << 16) };

static bool read_file(const char *path, struct buf *text, struct plan_file *ret, struct err *err)
{
    bool exists;

    buf_init(text, FILE_SIZE_MAX);
    *ret = (struct plan_file){.path = path};
    if (!host_read(path, text, &exists, err))
        return false;
    ret->text = exists ? text->data : NULL;
    ret->len = text->len;
    return true;
}

/* A file that we write: its links are followed once, here. */
static bool read_ours(const char *path, char file[CONFIG_PATH_MAX], struct buf *text,
                      struct plan_file *ret, struct err *err)
{
    if (!path_resolve(path, file, err) || !read_file(file, text, ret, err))
        return false;
    ret->path = path;
    ret->file = file;
    return true;
}

static bool ask_version(const struct install_options *options, struct containerd_version *ret,
                        struct err *err)
{
    OWNED_BUF(said, 1 << 20);
    const char *const argv[] = {options->containerd, "--version", NULL};

    if (!host_run(argv, VERSION_TIMEOUT_MS, &said, err))
        return err_prefix(err, "no containerd to be found (--containerd)");
    if (containerd_version_parse(said.data, ret))
        return true;
    said.data[strcspn(said.data, "\n")] = '\0';
    return err_set(err, STATUS_REFUSED, "%s says '%.200s', which names no version",
                   options->containerd, said.data);
}

/* Go's glob finds hidden files, and so does ours when told to, but never these two. */
static bool is_dots(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool add_imported(struct survey *survey, const char *path, struct err *err)
{
    struct plan_facts *facts = &survey->facts;
    size_t index = facts->imported_count;

    if (is_dots(path) || host_same(path, survey->drop_in_path) ||
        (facts->left.path != NULL && host_same(path, facts->left.path)) ||
        host_same(path, facts->config.path))
        return true;
    for (size_t i = 0; i < index; i++)
        if (host_same(path, facts->imported[i].path))
            return true;
    if (index == PLAN_IMPORTED_MAX)
        return err_set(err, STATUS_REFUSED, "%s imports more than %d files", facts->config.path,
                       PLAN_IMPORTED_MAX);
    survey->imported_path[index] = strdup(path);
    if (survey->imported_path[index] == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    if (!read_file(survey->imported_path[index], &survey->imported[index], &facts->imported[index],
                   err))
        return false;
    facts->imported_count += facts->imported[index].text != NULL;
    if (facts->imported[index].text == NULL) {
        free(survey->imported_path[index]);
        survey->imported_path[index] = NULL;
    }
    return true;
}

/* The files that a file imports, to be looked through in turn. */
static bool follow(struct survey *survey, const struct plan_file *file, struct err *err)
{
    struct containerd_config config;
    char pattern[CONFIG_PATH_MAX];
    bool done = true;

    if (file->text == NULL)
        return true;
    if (!containerd_config_read(&config, file->path, file->text, file->len, err))
        return false;
    for (size_t i = 0; done && i < containerd_import_count(&config); i++) {
        glob_t found = {0};
        done = containerd_import(&config, i, pattern, err);
        if (done && glob(pattern, strchr(pattern, '*') == NULL ? GLOB_NOCHECK : GLOB_PERIOD, NULL,
                         &found) == 0)
            for (size_t path = 0; done && path < found.gl_pathc; path++)
                done = add_imported(survey, found.gl_pathv[path], err);
        globfree(&found);
    }
    containerd_config_free(&config);
    return done;
}

static bool has_template(const char *config)
{
    char path[CONFIG_PATH_MAX + sizeof VENDOR_MICROK8S_TEMPLATE];
    const char *slash = strrchr(config, '/');

    (void)snprintf(path, sizeof path, "%.*s" VENDOR_MICROK8S_TEMPLATE,
                   slash == NULL ? 0 : (int)(slash + 1 - config), config);
    return access(path, F_OK) == 0;
}

/* A drop-in that was put elsewhere, by other options or while the imports were others. */
static bool survey_left(struct survey *survey, struct err *err)
{
    const char *const noted[] = {survey->state.left, survey->state.drop_in};
    struct plan_facts *facts = &survey->facts;
    bool ours = true;

    for (size_t i = 0; i < 2 && survey->left_path[0] == '\0'; i++)
        if (noted[i][0] != '\0' && !host_same(noted[i], survey->drop_in_path))
            (void)snprintf(survey->left_path, CONFIG_PATH_MAX, "%s", noted[i]);
    if (survey->left_path[0] == '\0')
        return true;
    if (!read_ours(survey->left_path, survey->left_file, &survey->left, &facts->left, err) ||
        (facts->left.text != NULL && !plan_drop_in_is_ours(facts, &facts->left, &ours, err)))
        return false;
    if (!ours)
        facts->left = (struct plan_file){0};
    return true;
}

static bool survey_containerd(const struct install_options *options, struct survey *survey,
                              struct err *err)
{
    struct plan_facts *facts = &survey->facts;

    if (!ask_version(options, &facts->containerd, err) ||
        !read_ours(options->config, survey->config_file, &survey->config, &facts->config, err) ||
        !plan_way(&facts->config, facts->containerd, options->drop_in, &survey->way,
                  survey->drop_in_path, err))
        return false;
    facts->has_template = has_template(facts->config.path);
    facts->drop_in = (struct plan_file){.path = survey->drop_in_path};
    if (survey->drop_in_path[0] != '\0' && !read_ours(survey->drop_in_path, survey->drop_in_file,
                                                      &survey->drop_in, &facts->drop_in, err))
        return false;
    if (!survey_left(survey, err) || !follow(survey, &facts->config, err))
        return false;
    for (size_t i = 0; i < facts->imported_count; i++)
        if (!follow(survey, &facts->imported[i], err))
            return false;
    return true;
}

/* A file or directory that a path leads to, or will lie in. */
static void nearest(const char *path, char out[CONFIG_PATH_MAX])
{
    struct stat st;

    (void)snprintf(out, CONFIG_PATH_MAX, "%s", path);
    while (out[0] != '\0' && stat(out, &st) != 0) {
        char *slash = strrchr(out, '/');
        if (slash == NULL)
            break;
        *slash = '\0';
    }
    if (out[0] == '\0')
        (void)snprintf(out, CONFIG_PATH_MAX, "/");
}

/* What the mounts allow. A kernel that does not say so (before 5.8) is taken to allow it. */
static void survey_mounts(const struct install_options *options, struct plan_facts *facts)
{
    char path[CONFIG_PATH_MAX];
    struct statvfs fs;
    struct statx file;

    nearest(options->prefix, path);
    if (statvfs(path, &fs) == 0) {
        facts->prefix_noexec = (fs.f_flag & ST_NOEXEC) != 0;
        facts->prefix_read_only = (fs.f_flag & ST_RDONLY) != 0;
    }
    facts->config_is_mount = statx(AT_FDCWD, options->config, 0, STATX_BASIC_STATS, &file) == 0 &&
                             (file.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

static void survey_running(const struct install_options *options, struct survey *survey)
{
    running_find(options->socket, options->config, &survey->running);
    survey->facts.running = survey->running.pid;
    if (survey->running.pid != 0 && !host_same(survey->running.config, options->config))
        survey->facts.running_config = survey->running.config;
}

/* That containerd cannot read its configuration is a fact for the plan; that it could not be asked
 * is an error. */
static bool survey_dump(const struct install_options *options, struct survey *survey,
                        struct err *err)
{
    struct err why = {0};

    if (dump_read(options, &survey->dump, &why))
        survey->facts.dump = &survey->dump;
    else if (why.status == STATUS_TRANSIENT)
        return err_set(err, why.status, "%s", why.text);
    (void)snprintf(survey->dump_why, sizeof survey->dump_why, "%s", why.text);
    survey->facts.dump_why = survey->dump_why;
    return true;
}

static bool survey_prefix(const struct install_options *options, struct survey *survey,
                          struct err *err)
{
    struct plan_facts *facts = &survey->facts;
    OWNED_BUF(path, CONFIG_PATH_MAX);

    for (enum handler i = 0; i < HANDLERS; i++) {
        (void)snprintf(survey->handler_path[i], CONFIG_PATH_MAX, "%s/%s.toml", options->prefix,
                       facts->names.handler[i]);
        if (!read_file(survey->handler_path[i], &survey->handler[i], &facts->handler[i], err))
            return false;
    }
    fragment_current(&facts->names, &path);
    if (!buf_ok(&path, err) || !host_link_target(path.data, &survey->current, err))
        return false;
    facts->current = survey->current;
    (void)snprintf(survey->release_dir, CONFIG_PATH_MAX, "%s/releases/%s", options->prefix,
                   facts->names.release);
    return release_is_whole(survey->release_dir, &facts->release_whole, err);
}

bool survey_node(const struct install_options *options, struct survey *ret, struct err *err)
{
    *ret =
        (struct survey){.facts = {.names = {.prefix = options->prefix,
                                            .handler = {options->handler, options->sealed_handler},
                                            .release = options->release},
                                  .systemd_cgroup_known = options->systemd_cgroup != SYSTEMD_AUTO,
                                  .systemd_cgroup = options->systemd_cgroup == SYSTEMD_YES,
                                  .socket = options->socket,
                                  .systemd_runs = access("/run/systemd/system", F_OK) == 0}};
    bool done = state_load(options->prefix, &ret->state, err) &&
                survey_containerd(options, ret, err) && survey_prefix(options, ret, err);
    ret->facts.unsettled = ret->state.phase == PHASE_CHANGING;
    if (done) {
        survey_mounts(options, &ret->facts);
        survey_running(options, ret);
        done = survey_dump(options, ret, err);
    }
    if (!done)
        survey_free(ret);
    return done;
}

void survey_free(struct survey *survey)
{
    buf_release(&survey->config);
    buf_release(&survey->drop_in);
    buf_release(&survey->left);
    for (size_t i = 0; i < HANDLERS; i++)
        buf_release(&survey->handler[i]);
    for (size_t i = 0; i < PLAN_IMPORTED_MAX; i++) {
        buf_release(&survey->imported[i]);
        free(survey->imported_path[i]);
        survey->imported_path[i] = NULL;
    }
    containerd_config_free(&survey->dump);
    free(survey->current);
    survey->current = NULL;
}
