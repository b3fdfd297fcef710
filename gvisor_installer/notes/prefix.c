#include "gvisor_installer/notes/prefix.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "gvisor_installer/containerd/fragments.h"
#include "gvisor_installer/node/host.h"
#include "gvisor_installer/node/path.h"
#include "gvisor_installer/notes/copies.h"
#include "gvisor_installer/release/release.h"

#define MARKER ".gvisor_installer"

static const char marker_text[] =
    "gvisor_installer made this directory, and uninstalling removes what it put here.\n";

/* hier(7), and where containerd and Kubernetes keep theirs. */
static const char *const system_directories[] = {
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/dev/shm",
    "/etc",
    "/etc/cni",
    "/etc/containerd",
    "/etc/kubernetes",
    "/etc/opt",
    "/etc/systemd",
    "/etc/systemd/system",
    "/home",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/media",
    "/mnt",
    "/opt",
    "/opt/cni",
    "/opt/containerd",
    "/proc",
    "/root",
    "/run",
    "/run/containerd",
    "/run/lock",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/games",
    "/usr/include",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/libx32",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/etc",
    "/usr/local/games",
    "/usr/local/include",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/usr/local/libexec",
    "/usr/local/man",
    "/usr/local/sbin",
    "/usr/local/share",
    "/usr/local/src",
    "/usr/sbin",
    "/usr/share",
    "/usr/src",
    "/var",
    "/var/backups",
    "/var/cache",
    "/var/lib",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/lib/rancher",
    "/var/local",
    "/var/lock",
    "/var/log",
    "/var/mail",
    "/var/opt",
    "/var/run",
    "/var/spool",
    "/var/tmp",
};

/* A path that is too long for Linux leads nowhere. */
static void join(char out[PATH_MAX], const char *directory, const char *name)
{
    if (snprintf(out, PATH_MAX, "%s/%s", directory, name) >= PATH_MAX)
        out[0] = '\0';
}

/* Whether a directory is, or is above, that of the path. */
static bool is_above(const char *directory, const char *path)
{
    const size_t len = strlen(directory);
    return strncmp(path, directory, len) == 0 && path[len] == '/';
}

/* *ret: whether the other path leads to real or, where `below`, to something in it. */
static bool leads_to(const char *other, const char *real, bool below, bool *ret, struct err *err)
{
    char led[CONFIG_PATH_MAX];
    struct err why = {0};

    *ret = below ? is_above(real, other) : strcmp(real, other) == 0;
    if (*ret)
        return true;
    if (!path_resolve(other, led, &why)) /* a link to nowhere is nobody's directory */
        return why.status != STATUS_TRANSIENT || err_set(err, why.status, "%s", why.text);
    *ret = below ? is_above(real, led) : strcmp(real, led) == 0;
    return true;
}

static bool refuse_system(const struct install_options *options, const char *real, struct err *err)
{
    const char *const theirs[] = {options->config, options->socket};
    bool leads;

    for (size_t i = 0; i < sizeof system_directories / sizeof *system_directories; i++) {
        if (!leads_to(system_directories[i], real, false, &leads, err))
            return false;
        if (leads)
            return err_set(err, STATUS_REFUSED,
                           "--prefix %s is the system's own directory %s: name one that is the "
                           "installer's alone, such as /opt/gvisor_installer",
                           options->prefix, system_directories[i]);
    }
    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++) {
        if (!leads_to(theirs[i], real, true, &leads, err))
            return false;
        if (leads)
            return err_set(err, STATUS_REFUSED,
                           "--prefix %s holds %s: name a directory that is the installer's alone, "
                           "such as /opt/gvisor_installer",
                           options->prefix, theirs[i]);
    }
    return true;
}

/* --- whose is it? ------------------------------------------------------------------------------
 */

/* The next entry that is not "." or ".."; NULL at the end, and with *err filled on failure. */
static const char *next_entry(DIR *entries, const char *path, bool *ret_failed, struct err *err)
{
    struct dirent *entry;

    do {
        errno = 0;
        entry = readdir(entries);
    } while (entry != NULL &&
             (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    *ret_failed = entry == NULL && errno != 0;
    if (*ret_failed)
        (void)err_errno(err, errno, "cannot read the directory %s", path);
    return entry == NULL ? NULL : entry->d_name;
}

/* *ret is NULL where there is none. */
static bool open_entries(const char *path, DIR **ret, struct err *err)
{
    *ret = opendir(path);
    return *ret != NULL || errno == ENOENT || errno == ENOTDIR ||
           err_errno(err, errno, "cannot read the directory %s", path);
}

/* What a fresh file system and our lock leave in a directory that nobody uses yet. */
static bool counts_as_empty(const char *prefix, const char *name)
{
    char path[PATH_MAX];

    if (strcmp(name, "lock") == 0 || strcmp(name, "lost+found") == 0)
        return true;
    /* An older installer that failed to unpack leaves this directory empty. */
    join(path, prefix, name);
    DIR *entries = strcmp(name, "releases") == 0 ? opendir(path) : NULL;
    if (entries == NULL)
        return false;
    struct err ignored = {0};
    bool failed;
    bool empty = next_entry(entries, path, &failed, &ignored) == NULL && !failed;
    (void)closedir(entries);
    return empty;
}

/* The name of an entry that makes the directory somebody's; "" when there is none. */
static bool find_entry(const char *prefix, char out[NAME_MAX + 1], struct err *err)
{
    DIR *entries;
    bool failed = false;

    out[0] = '\0';
    if (!open_entries(prefix, &entries, err))
        return false;
    for (const char *name; entries != NULL && out[0] == '\0' &&
                           (name = next_entry(entries, prefix, &failed, err)) != NULL;)
        if (!counts_as_empty(prefix, name))
            (void)snprintf(out, NAME_MAX + 1, "%s", name);
    if (entries != NULL)
        (void)closedir(entries);
    return !failed;
}

static bool has_whole_release(const char *prefix, bool *ret, struct err *err)
{
    char path[PATH_MAX], directory[PATH_MAX];
    DIR *entries;
    bool failed = false;

    *ret = false;
    join(path, prefix, "releases");
    if (!open_entries(path, &entries, err))
        return false;
    for (const char *name; !*ret && !failed && entries != NULL &&
                           (name = next_entry(entries, path, &failed, err)) != NULL;) {
        join(directory, path, name);
        failed = release_name_valid(name) && !release_is_whole(directory, ret, err);
    }
    if (entries != NULL)
        (void)closedir(entries);
    return !failed;
}

static bool is_ours(const char *prefix, bool *ret, struct err *err)
{
    char path[PATH_MAX];
    struct stat st;
    struct state state;

    join(path, prefix, MARKER);
    *ret = lstat(path, &st) == 0;
    if (!*ret && errno != ENOENT)
        return err_errno(err, errno, "cannot look at %s", path);
    *ret = *ret && S_ISREG(st.st_mode);
    if (*ret)
        return true;
    if (!state_load(prefix, &state, err))
        return false;
    *ret = state.phase != PHASE_NONE && state.phase != PHASE_BROKEN;
    return *ret || has_whole_release(prefix, ret, err);
}

bool prefix_check(const struct install_options *options, struct err *err)
{
    char real[CONFIG_PATH_MAX], entry[NAME_MAX + 1];
    struct stat st;
    bool ours;

    if (!path_resolve(options->prefix, real, err) || !refuse_system(options, real, err))
        return false;
    if (stat(real, &st) != 0)
        return errno == ENOENT || err_errno(err, errno, "cannot look at %s", real);
    if (!S_ISDIR(st.st_mode))
        return err_set(err, STATUS_REFUSED, "--prefix %s is not a directory", options->prefix);
    if (!find_entry(real, entry, err))
        return false;
    if (entry[0] == '\0')
        return true;
    return is_ours(real, &ours, err) &&
           (ours || err_set(err, STATUS_REFUSED,
                            "--prefix %s is not the installer's: it holds %s, and nothing that "
                            "says so: name another directory, or empty this one",
                            options->prefix, entry));
}

bool prefix_mark(const char *prefix, struct err *err)
{
    char path[PATH_MAX];
    bool exists;

    join(path, prefix, MARKER);
    return host_exists(path, &exists, err) &&
           (exists || host_write(path, marker_text, sizeof marker_text - 1, err));
}

/* --- taking it away ----------------------------------------------------------------------------
 */

static bool ends_with(const char *name, const char *suffix, char out_stem[NAME_MAX + 1])
{
    const size_t len = strlen(name), suffix_len = strlen(suffix);

    if (len <= suffix_len || strcmp(name + len - suffix_len, suffix) != 0)
        return false;
    (void)snprintf(out_stem, NAME_MAX + 1, "%.*s", (int)(len - suffix_len), name);
    return true;
}

static bool clear_release(const char *releases, const char *name, const struct state *state,
                          struct err *err)
{
    char path[PATH_MAX], stem[NAME_MAX + 1];
    bool goes = state_has_release(state, name);

    join(path, releases, name);
    if (!release_name_valid(name))
        return true;
    if (ends_with(name, ".partial", stem))
        return release_remove(path, true, err);
    /* What an older installer moved out of the way. */
    if (!goes && ends_with(name, ".old", stem))
        goes = state_has_release(state, stem);
    if (!goes && !release_is_whole(path, &goes, err))
        return false;
    return !goes || release_remove(path, false, err);
}

static bool clear_releases(const char *prefix, const struct state *state, struct err *err)
{
    char path[PATH_MAX];
    DIR *entries;
    bool failed = false;

    join(path, prefix, "releases");
    if (!open_entries(path, &entries, err))
        return false;
    for (const char *name;
         !failed && entries != NULL && (name = next_entry(entries, path, &failed, err)) != NULL;)
        failed = !clear_release(path, name, state, err);
    if (entries != NULL)
        (void)closedir(entries);
    (void)rmdir(path);
    return !failed;
}

static bool clear_link(const char *prefix, const char *name, struct err *err)
{
    char path[PATH_MAX];
    struct stat st;

    join(path, prefix, name);
    return lstat(path, &st) != 0 || !S_ISLNK(st.st_mode) || host_remove(path, err);
}

/* A file that we write, with its copy and what an interrupted writing left. */
static bool clear_file(const char *prefix, const char *name, struct err *err)
{
    char path[PATH_MAX];

    join(path, prefix, name);
    host_sweep(path);
    return copies_drop(prefix, path, err) && host_remove(path, err);
}

/* Options of handlers: by name, and whatever else we wrote for handlers of other names. */
static bool clear_handlers(const struct install_options *options, struct err *err)
{
    const char *const names[] = {options->handler, options->sealed_handler};
    char path[PATH_MAX], stem[NAME_MAX + 1], file[NAME_MAX + 1];
    DIR *entries;
    bool failed = false;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(file, sizeof file, "%.200s.toml", names[i]);
        if (!clear_file(options->prefix, file, err))
            return false;
    }
    if (!open_entries(options->prefix, &entries, err))
        return false;
    for (const char *name; !failed && entries != NULL &&
                           (name = next_entry(entries, options->prefix, &failed, err)) != NULL;) {
        OWNED_BUF(text, CONFIG_SIZE_MAX);
        struct stat st;
        bool exists;
        if (!ends_with(name, ".toml", stem) || name[0] == '.')
            continue;
        join(path, options->prefix, name);
        /* What cannot be a file of ours is somebody else's and is not read. */
        if (lstat(path, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size > CONFIG_SIZE_MAX))
            continue;
        (void)snprintf(file, sizeof file, "%s", name);
        failed = !host_read(path, &text, &exists, err) ||
                 (exists && fragment_is_ours(text.data, text.len) &&
                  !clear_file(options->prefix, file, err));
    }
    if (entries != NULL)
        (void)closedir(entries);
    return !failed;
}

bool prefix_clear(const struct install_options *options, const struct state *state, struct err *err)
{
    const char *prefix = options->prefix;

    return clear_releases(prefix, state, err) && clear_link(prefix, "current.new", err) &&
           clear_link(prefix, "current", err) && clear_handlers(options, err) &&
           clear_file(prefix, MARKER, err) && clear_file(prefix, "state.json", err);
}

/* Paths below a directory, depth first; directories only where there is nothing in them. */
static bool tell(const char *directory, size_t depth, size_t *ret_count, struct err *err)
{
    enum { DEPTH_MAX = 64, TOLD_MAX = 100 };
    char path[PATH_MAX];
    struct stat st;
    DIR *entries;
    bool failed = false;

    if (!open_entries(directory, &entries, err))
        return false;
    for (const char *name; !failed && entries != NULL &&
                           (name = next_entry(entries, directory, &failed, err)) != NULL;) {
        const size_t before = *ret_count;
        if (depth == 0 && (strcmp(name, "lock") == 0 || strcmp(name, "lost+found") == 0))
            continue;
        join(path, directory, name);
        if (depth < DEPTH_MAX && lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
            failed = !tell(path, depth + 1, ret_count, err);
        if (failed || *ret_count > before)
            continue;
        if (++*ret_count <= TOLD_MAX)
            log_warn("%s stays", path);
    }
    if (entries != NULL)
        (void)closedir(entries);
    return !failed;
}

bool prefix_tell_remains(const char *prefix, size_t *ret_count, struct err *err)
{
    *ret_count = 0;
    return tell(prefix, 0, ret_count, err);
}

void prefix_leave(const char *prefix)
{
    char path[PATH_MAX];
    struct stat st;

    join(path, prefix, "lock");
    (void)unlink(path);
    /* Whoever made a link to the directory, or mounted one there, keeps it. */
    if (lstat(prefix, &st) == 0 && S_ISDIR(st.st_mode))
        (void)rmdir(prefix);
}
