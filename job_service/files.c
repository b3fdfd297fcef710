#include "job_service/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/outfile.h"
#include "common/whole.h"

enum { KINDS_FILE_MAX = 1 << 20 };

bool files_read_kinds(const char *path, struct kinds **ret, struct err *err)
{
    OWNED_BUF(text, KINDS_FILE_MAX);

    if (path == NULL)
        return kinds_read(NULL, 0, ret, err);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "cannot open %s", path);
    bool done = whole_read(fd, path, &text, err);
    (void)close(fd);
    return done && (kinds_read(text.data, text.len, ret, err) || err_prefix(err, "%s", path));
}

bool files_write_port(const char *path, uint16_t port, struct err *err)
{
    struct outfile out = OUTFILE_CLOSED;
    char text[16];
    int len = snprintf(text, sizeof text, "%u\n", port);

    if (path == NULL)
        return true;
    if (!outfile_open(&out, path, err))
        return false;
    if (outfile_write(&out, text, (size_t)len, err) && outfile_commit(&out, err))
        return true;
    outfile_discard(&out);
    return false;
}
