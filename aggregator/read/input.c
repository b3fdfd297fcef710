#include "aggregator/read/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "aggregator/read/reader.h"
#include "aggregator/s3/client.h"
#include "common/stop.h"

enum { WRITER_WAIT_MS = 1000, SHOWN = 512 };

static bool is_stdin(const char *name)
{
    return strcmp(name, "-") == 0;
}

const char *input_label(const char *name)
{
    return is_stdin(name) ? "standard input" : name;
}

bool input_open(struct input *input, const char *name, struct err *err)
{
    input->label = input_label(name);
    input->fd = is_stdin(name) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                               : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (input->fd < 0 || fstat(input->fd, &input->opened) != 0)
        return reader_error(input->label, "open", err);
    if (S_ISDIR(input->opened.st_mode)) {
        errno = EISDIR;
        return reader_error(input->label, "read", err);
    }
    return true;
}

bool input_open_object(struct input *input, struct s3 *s3, const char *name, struct err *err)
{
    input->label = name;
    input->stream = s3_stream_open(s3, name, err);
    return input->stream != NULL;
}

void input_close(struct input *input)
{
    s3_stream_close(input->stream);
    input->stream = NULL;
    if (input->fd >= 0)
        (void)close(input->fd);
    input->fd = -1;
}

bool input_has_changed(const struct input *input)
{
    const struct stat *opened = &input->opened;
    struct stat st;

    return input->fd >= 0 && S_ISREG(opened->st_mode) &&
           (fstat(input->fd, &st) != 0 || st.st_size != opened->st_size ||
            st.st_mtim.tv_sec != opened->st_mtim.tv_sec ||
            st.st_mtim.tv_nsec != opened->st_mtim.tv_nsec);
}

ssize_t input_read_at(const struct input *input, unsigned char *to, size_t len, off_t offset)
{
    size_t done = 0;

    while (done < len) {
        ssize_t got =
            TEMP_FAILURE_RETRY(pread(input->fd, to + done, len - done, offset + (off_t)done));
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

bool input_check_empty(const struct input *input, struct err *err)
{
    static const char *const endings[] = {".gz",  ".bgz", ".bgzf", ".gzip", ".tgz",
                                          ".zst", ".xz",  ".bz2",  ".lz4",  ".zip"};
    const char *dot = strrchr(input->label, '.');

    for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return err_set(err, STATUS_INPUT,
                           "%s is empty, where compressed data has a header; make or copy the file "
                           "again",
                           input->label);
    return true;
}

bool input_check_stdin(const char *name, struct err *err)
{
    struct stat st;
    int bytes = 0;

    if (access(name, F_OK) != 0 || fstat(STDIN_FILENO, &st) != 0 ||
        !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
        return true;
    /* From cron standard input is always a pipe; it is empty, and closed or soon will be. */
    if (stop_wait(STDIN_FILENO, POLLIN, WRITER_WAIT_MS, err) < 0)
        return false;
    if (ioctl(STDIN_FILENO, FIONREAD, &bytes) != 0 || bytes == 0)
        return true;
    return err_set(
        err, STATUS_USAGE,
        "standard input is a pipe with data, but no FILE is named and %s is there: say - "
        "to read standard input, or %s to read that",
        name, name);
}

/* A regular file behind a name, for sorting: there may be very many. */
struct known {
    const char *name;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
};

static int compare(const void *a, const void *b)
{
    const struct known *x = a, *y = b;

    return x->device != y->device ? (x->device < y->device ? -1 : 1)
           : x->inode != y->inode ? (x->inode < y->inode ? -1 : 1)
           : x->size != y->size   ? (x->size < y->size ? -1 : 1)
                                  : 0;
}

/* Network file systems may number two files alike: size and time tell them apart. */
static bool is_same(const struct known *x, const struct known *y)
{
    return x->device == y->device && x->inode == y->inode && x->size == y->size &&
           x->modified.tv_sec == y->modified.tv_sec && x->modified.tv_nsec == y->modified.tv_nsec;
}

static bool stat_regular(const char *name, struct stat *ret)
{
    int failed = is_stdin(name) ? fstat(STDIN_FILENO, ret) : stat(name, ret);
    return failed == 0 && S_ISREG(ret->st_mode);
}

bool inputs_check_distinct(char *const *names, size_t count, struct err *err)
{
    size_t known_count = 0;
    struct stat st;
    bool distinct = true;
    char shown[2][SHOWN];

    if (count < 2)
        return true;
    struct known *known = calloc(count, sizeof *known);
    if (known == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    for (size_t i = 0; i < count; i++)
        if (stat_regular(names[i], &st))
            known[known_count++] = (struct known){.name = input_label(names[i]),
                                                  .device = st.st_dev,
                                                  .inode = st.st_ino,
                                                  .size = st.st_size,
                                                  .modified = st.st_mtim};
    qsort(known, known_count, sizeof *known, compare);
    for (size_t i = 1; i < known_count && distinct; i++) {
        const char *one = known[i - 1].name, *other = known[i].name;
        if (is_same(&known[i - 1], &known[i]))
            distinct = err_set(err, STATUS_USAGE,
                               "%s and %s are one file: its events would count twice; name it once",
                               err_quote(shown[0], SHOWN, one, strlen(one)),
                               err_quote(shown[1], SHOWN, other, strlen(other)));
    }
    free(known);
    return distinct;
}

uint64_t inputs_size(char *const *names, size_t count)
{
    uint64_t size = 0;
    struct stat st;

    for (size_t i = 0; i < count; i++) {
        if (!stat_regular(names[i], &st))
            return 0;
        size += (uint64_t)st.st_size;
    }
    return size;
}
