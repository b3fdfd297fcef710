#include "gvisor_installer/node/path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool too_long(const char *path, struct err *err)
{
    return err_set(err, STATUS_USAGE, "%s: too long a path", path);
}

bool path_join(char out[PATH_MAX], const char *directory, const char *name, struct err *err)
{
    return snprintf(out, PATH_MAX, "%s/%s", directory, name) < PATH_MAX || too_long(directory, err);
}

/* Moves the last part of path to the front of rest, which begins with a slash or is empty. */
static bool shift(char *path, char rest[CONFIG_PATH_MAX])
{
    char longer[CONFIG_PATH_MAX];
    char *slash = strrchr(path, '/');
    bool named = slash[1] != '\0' && strcmp(slash + 1, ".") != 0;

    if (named) {
        if ((size_t)snprintf(longer, sizeof longer, "%s%s", slash, rest) >= sizeof longer)
            return false;
        memcpy(rest, longer, sizeof longer);
    }
    slash[0] = '\0';
    return true;
}

bool path_resolve(const char *path, char out[CONFIG_PATH_MAX], struct err *err)
{
    char start[CONFIG_PATH_MAX], rest[CONFIG_PATH_MAX] = "";
    struct stat st;
    char *real;

    if ((size_t)snprintf(start, sizeof start, "%s", path) >= sizeof start)
        return too_long(path, err);
    while ((real = realpath(start[0] == '\0' ? "/" : start, NULL)) == NULL) {
        if (errno != ENOENT && errno != ENOTDIR)
            return err_errno(err, errno, "cannot follow %s", start);
        if (lstat(start, &st) == 0)
            return err_set(err, STATUS_REFUSED,
                           "%s is a link that leads nowhere: remove it, or make what it leads to",
                           start);
        if (errno != ENOENT && errno != ENOTDIR)
            return err_errno(err, errno, "cannot look at %s", start);
        if (!shift(start, rest))
            return too_long(path, err);
    }
    bool fits = (size_t)snprintf(out, CONFIG_PATH_MAX, "%s%s", strcmp(real, "/") == 0 ? "" : real,
                                 rest) < CONFIG_PATH_MAX;
    free(real);
    if (fits && out[0] == '\0')
        (void)snprintf(out, CONFIG_PATH_MAX, "/");
    return fits || too_long(path, err);
}
