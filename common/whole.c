#include "common/whole.h"

#include <errno.h>
#include <unistd.h>

enum { PIECE = 1 << 16 };

bool whole_read(int fd, const char *shown, struct buf *out, struct err *err)
{
    for (;;) {
        const size_t left = out->max - out->len, piece = left < PIECE ? left : PIECE;
        char beyond;
        if (!buf_reserve(out, piece))
            return buf_ok(out, err) || err_prefix(err, "%s", shown);
        ssize_t got = TEMP_FAILURE_RETRY(piece > 0 ? read(fd, out->data + out->len, piece)
                                                   : read(fd, &beyond, 1));
        if (got < 0)
            return err_errno(err, errno, "cannot read %s", shown);
        if (got == 0)
            return true;
        if (piece > 0)
            buf_grown(out, (size_t)got);
        else
            buf_add(out, &beyond, 1); /* is refused */
    }
}

bool whole_write(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t wrote = TEMP_FAILURE_RETRY(write(fd, at, len));
        if (wrote < 0)
            return false;
        at += wrote;
        len -= (size_t)wrote;
    }
    return true;
}
