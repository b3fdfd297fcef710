#include "aggregator/read/reader.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aggregator/s3/client.h"
#include "common/pages.h"
#include "common/progress.h"
#include "common/stop.h"

/* A page more, so that what is left over may be moved to end at one. */
enum { BUFFER_BYTES = READER_BUFFER + PAGE_BYTES };

bool reader_init(struct reader *reader, struct err *err)
{
    *reader = (struct reader){.fd = -1, .buffer = pages_alloc(BUFFER_BYTES)};
    return reader->buffer != NULL || err_set(err, STATUS_TRANSIENT, "out of memory");
}

void reader_release(struct reader *reader)
{
    free(reader->buffer);
    reader->buffer = NULL;
}

void reader_open(struct reader *reader, int fd, const char *name)
{
    reader->fd = fd;
    reader->stream = NULL;
    reader->name = name;
    reader->at = reader->len = 0;
    reader->offset = 0;
    reader->ended = false;
}

bool reader_error(const char *name, const char *doing, struct err *err)
{
    int errnum = errno;
    const char *hint = errnum == ENOENT   ? "; name the file (- reads standard input) or its "
                                            "directory"
                       : errnum == EACCES ? "; let this user read it"
                       : errnum == EISDIR ? "; name the files in it"
                                          : "";
    return err_set(err, err_errno_status(errnum), "cannot %s %s: %s%s", doing, name,
                   strerror(errnum), hint);
}

static bool read_stream(struct reader *reader, struct err *err)
{
    size_t len = 0;
    int got = s3_stream_read(reader->stream, reader->buffer + reader->len,
                             BUFFER_BYTES - reader->len, &len, err);

    reader->ended = got == 0;
    reader->len += len;
    progress_add(len);
    return got >= 0;
}

static bool read_once(struct reader *reader, struct err *err)
{
    if (reader->stream != NULL)
        return read_stream(reader, err);
    if (stop_wait(reader->fd, POLLIN, -1, err) < 0)
        return false;
    ssize_t got = read(reader->fd, reader->buffer + reader->len, BUFFER_BYTES - reader->len);
    if (got < 0)
        return errno == EINTR || errno == EAGAIN || reader_error(reader->name, "read", err);
    reader->ended = got == 0;
    reader->len += (size_t)got;
    progress_add((uint64_t)got);
    return true;
}

bool reader_fill(struct reader *reader, size_t need, struct err *err)
{
    const size_t have = reader_have(reader), at = pages_before(have);

    if (have < need && reader->at > 0) {
        memmove(reader->buffer + at, reader->buffer + reader->at, have);
        reader->at = at;
        reader->len = at + have;
    }
    while (reader_have(reader) < need && !reader->ended)
        if (!read_once(reader, err))
            return false;
    return true;
}

void reader_consume(struct reader *reader, size_t bytes)
{
    reader->at += bytes;
    reader->offset += bytes;
}
