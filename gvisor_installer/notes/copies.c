#include "gvisor_installer/notes/copies.h"

#include <stdio.h>
#include <string.h>

#include "gvisor_installer/node/host.h"
#include "gvisor_installer/node/path.h"

/* Where older installers put them. */
static bool beside(const char *path, char out[CONFIG_PATH_MAX], struct err *err)
{
    const char *slash = strrchr(path, '/');
    int dir_len = slash == NULL ? 0 : (int)(slash + 1 - path);

    return snprintf(out, CONFIG_PATH_MAX, "%.*s.%s.gvisor_installer.before", dir_len, path,
                    path + dir_len) < CONFIG_PATH_MAX ||
           err_set(err, STATUS_USAGE, "%s: too long a path", path);
}

bool copies_path(const char *prefix, const char *path, char out[CONFIG_PATH_MAX], struct err *err)
{
    const size_t len = strlen(prefix);
    const char *slash = strrchr(path, '/');
    char hex[SHA256_HEX + 1];
    struct sha256 hash;

    if (strncmp(path, prefix, len) == 0 && path[len] == '/')
        return beside(path, out, err);
    sha256_init(&hash);
    sha256_add(&hash, path, strlen(path));
    sha256_hex(&hash, hex);
    return snprintf(out, CONFIG_PATH_MAX, "%s/.%s.%.8s.before", prefix,
                    slash == NULL ? path : slash + 1, hex) < CONFIG_PATH_MAX ||
           err_set(err, STATUS_USAGE, "%s: too long a path", path);
}

static bool is_noted(const struct state *state, const char *path)
{
    for (size_t i = 0; i < state->file_count; i++)
        if (strcmp(state->file[i].path, path) == 0)
            return true;
    return false;
}

bool copies_note(const char *prefix, struct state *state, const char *path, struct err *err)
{
    char copy[CONFIG_PATH_MAX];

    if (is_noted(state, path))
        return true;
    if (state->file_count == STATE_FILES_MAX)
        return err_set(err, STATUS_BUG, "more than %d files to note", STATE_FILES_MAX);
    struct state_file *file = &state->file[state->file_count];
    *file = (struct state_file){0};
    (void)snprintf(file->path, sizeof file->path, "%s", path);
    if (!host_sha256(path, file->sha256, err))
        return false;
    file->existed = file->sha256[0] != '\0';
    state->file_count++;
    return !file->existed || (copies_path(prefix, path, copy, err) && host_copy(path, copy, err));
}

static bool is_same(const char *path, const struct state_file *file, bool *ret, struct err *err)
{
    char found[SHA256_HEX + 1];

    *ret = false;
    if (!host_sha256(path, found, err))
        return false;
    *ret = strcmp(found, file->sha256) == 0;
    return true;
}

/* Finds the noted copy, an older installer's or ours. If neither, out is our copy's path. */
static bool find(const char *prefix, const struct state_file *file, char out[CONFIG_PATH_MAX],
                 bool *ret_found, struct err *err)
{
    return beside(file->path, out, err) && is_same(out, file, ret_found, err) &&
           (*ret_found ||
            (copies_path(prefix, file->path, out, err) && is_same(out, file, ret_found, err)));
}

bool copies_complete(const char *prefix, const struct state *state, char missing[CONFIG_PATH_MAX],
                     struct err *err)
{
    char copy[CONFIG_PATH_MAX];
    bool same;

    missing[0] = '\0';
    for (size_t i = 0; i < state->file_count; i++) {
        const struct state_file *file = &state->file[i];
        if (!file->existed)
            continue;
        if (!find(prefix, file, copy, &same, err))
            return false;
        if (same)
            continue;
        if (!is_same(file->path, file, &same, err) || (same && !host_copy(file->path, copy, err)))
            return false;
        if (!same)
            (void)snprintf(missing, CONFIG_PATH_MAX, "%s", copy);
    }
    return true;
}

static bool put_back(const char *prefix, const struct state_file *file, struct err *err)
{
    char copy[CONFIG_PATH_MAX], real[CONFIG_PATH_MAX];
    struct err ignored = {0};
    bool same;

    if (!file->existed)
        return host_remove(file->path, err);
    /* Perhaps it was never changed, or has been put back by a run that was then killed. */
    if (is_same(file->path, file, &same, &ignored) && same)
        return true;
    if (!find(prefix, file, copy, &same, err))
        return false;
    if (!same)
        return err_set(err, STATUS_REFUSED, "its copy %s is missing or changed", copy);
    /* Older installers noted links as they were given: the link stays, what it leads to changes. */
    if (!path_resolve(file->path, real, err))
        return false;
    return strcmp(real, file->path) == 0 ? host_move(copy, file->path, err)
                                         : host_copy(copy, real, err);
}

bool copies_put_back(const char *prefix, const struct state *state, struct err *err)
{
    char list[ERR_TEXT_MAX] = "";
    bool done = true;

    for (size_t i = state->file_count; i-- > 0;) {
        struct err why = {0};
        if (put_back(prefix, &state->file[i], &why))
            continue;
        size_t len = strlen(list);
        (void)snprintf(list + len, sizeof list - len, "%s%.900s: %.900s", len == 0 ? "" : "; ",
                       state->file[i].path, why.text);
        if (done)
            err->status = why.status;
        done = false;
    }
    return done || err_set(err, err->status, "%s", list);
}

bool copies_drop(const char *prefix, const char *path, struct err *err)
{
    char copy[CONFIG_PATH_MAX];
    return beside(path, copy, err) && host_remove(copy, err) &&
           copies_path(prefix, path, copy, err) && host_remove(copy, err);
}

bool copies_drop_all(const char *prefix, const struct state *state, struct err *err)
{
    for (size_t i = 0; i < state->file_count; i++)
        if (!copies_drop(prefix, state->file[i].path, err))
            return false;
    return true;
}
