#include "common/failure.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

enum { TERMINATION_MAX = 4096 };

static void write_termination_log(const char *text)
{
    const size_t len = strlen(text);
    int fd = open("/dev/termination-log",
                  O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    (void)!write(fd, text, len < TERMINATION_MAX ? len : TERMINATION_MAX);
    (void)close(fd);
}

void failure_say(const struct err *err)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;

    if (atomic_flag_test_and_set(&said))
        return;
    write_termination_log(err->text);
    log_last(LOG_LEVEL_ERROR, err->text);
}
