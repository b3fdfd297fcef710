#include "gvisor_probe/observe/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

long read_small(const char *path, char *out, size_t size)
{
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return -1;
    while (len + 1 < size) {
        ssize_t got = TEMP_FAILURE_RETRY(read(fd, out + len, size - 1 - len));
        if (got < 0) {
            int failed = errno;
            (void)close(fd);
            errno = failed;
            return -1;
        }
        if (got == 0)
            break;
        len += (size_t)got;
    }
    (void)close(fd);
    out[len] = '\0';
    return (long)len;
}
