#include "common/postgres/password_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = PASSWORD_MAX + 2 }; /* with a line end */

/* Up to size bytes of a regular file; fewer than size when it ends. */
static bool read_whole(const char *path, char *to, size_t size, size_t *ret, struct err *err)
{
    struct stat info;
    ssize_t got = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return err_errno(err, errno, "DB_PASSWORD_FILE: cannot read %s", path);
    bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    for (*ret = 0; regular && *ret < size; *ret += (size_t)got)
        if ((got = read(fd, to + *ret, size - *ret)) <= 0)
            break;
    if (regular && got < 0)
        (void)err_errno(err, errno, "DB_PASSWORD_FILE: cannot read %s", path);
    else if (!regular)
        (void)err_set(err, STATUS_REFUSED, "DB_PASSWORD_FILE: %s is not a regular file", path);
    (void)close(fd);
    return regular && got >= 0;
}

bool password_file_read(const char *path, char ret[PASSWORD_MAX + 1], struct err *err)
{
    char text[FILE_MAX + 1];
    size_t len = 0;

    if (!read_whole(path, text, sizeof text, &len, err))
        return false;
    if (len > 0 && len <= FILE_MAX && text[len - 1] == '\n')
        len -= len > 1 && text[len - 2] == '\r' ? 2 : 1;
    if (len == 0)
        return err_set(err, STATUS_USAGE, "DB_PASSWORD_FILE: %s is empty", path);
    if (len > PASSWORD_MAX)
        return err_set(err, STATUS_USAGE,
                       "DB_PASSWORD_FILE: %s holds more than %d bytes; it is to hold the password "
                       "alone",
                       path, PASSWORD_MAX);
    if (memchr(text, '\0', len) != NULL)
        return err_set(err, STATUS_USAGE, "DB_PASSWORD_FILE: %s holds a NUL, which no password may",
                       path);
    memcpy(ret, text, len);
    ret[len] = '\0';
    return true;
}

/* Finds the home directory as libpq does. */
static bool default_path(char path[PATH_MAX])
{
    const char *home = getenv("HOME");
    const struct passwd *user = NULL;

    if ((home == NULL || home[0] == '\0') && (user = getpwuid(geteuid())) != NULL)
        home = user->pw_dir;
    return home != NULL && snprintf(path, PATH_MAX, "%s/.pgpass", home) < PATH_MAX;
}

bool password_file_usable(const char *path, char *why, size_t size)
{
    char usual[PATH_MAX];
    struct stat info;
    const char *file = path != NULL ? path : default_path(usual) ? usual : NULL;

    why[0] = '\0';
    if (file == NULL)
        return true;
    if (stat(file, &info) != 0) {
        if (path != NULL || errno != ENOENT)
            (void)snprintf(why, size, "password file %s was not read: %s", file, strerror(errno));
        return false;
    }
    if (!S_ISREG(info.st_mode))
        (void)snprintf(why, size, "password file %s was not read: it is not a regular file", file);
    else if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        (void)snprintf(why, size,
                       "password file %s was not read: others may with its mode %04o; make it "
                       "0600, or give the password in a file that DB_PASSWORD_FILE names",
                       file, info.st_mode & 07777);
    else if (access(file, R_OK) != 0)
        (void)snprintf(why, size, "password file %s was not read: %s", file, strerror(errno));
    return why[0] == '\0';
}
