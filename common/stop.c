#include "common/stop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/civil_time.h"
#include "common/outfile.h"
#include "common/program.h"

enum { DEADLINE = -1, IGNORED = -2 }; /* beside signal numbers */

static struct {
    atomic_int reason; /* 0: run on */
    int event;
    int64_t deadline; /* seconds since the epoch, 0: none */
    void (*tick)(void);
    sigset_t signals;
} stop = {.event = -1};

static bool deadline_passed(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return stop.deadline != 0 && now.tv_sec >= stop.deadline;
}

static void raise_flag(int reason)
{
    const uint64_t one = 1;
    int running = 0;

    if (!atomic_compare_exchange_strong(&stop.reason, &running, reason))
        return;
    while (write(stop.event, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

/* What the program did not manage to leave by itself. */
static void end_process(void)
{
    struct err err = {0};
    outfile_discard_all();
    (void)stop_err(&err);
    program_fail(&err);
    _exit(STATUS_CANCELLED);
}

static void *watch(void *unused)
{
    const struct timespec tick = {.tv_nsec = STOP_TICK_MS * 1000000L};
    const struct timespec grace = {.tv_nsec = STOP_GRACE_MS * 1000000L};

    (void)unused;
    while (atomic_load(&stop.reason) == 0) {
        int signal = sigtimedwait(&stop.signals, NULL, &tick);
        if (signal > 0)
            raise_flag(signal);
        else if (deadline_passed())
            raise_flag(DEADLINE);
        else if (stop.tick != NULL)
            stop.tick();
    }
    (void)nanosleep(&grace, NULL);
    if (atomic_load(&stop.reason) != IGNORED)
        end_process();
    return NULL;
}

static bool read_deadline(const char *text, struct err *err)
{
    int64_t seconds;

    if (text == NULL || text[0] == '\0')
        return true;
    if (!civil_parse(text, &seconds))
        return err_set(err, STATUS_USAGE,
                       "ARGO_DEADLINE is '%s': expected RFC 3339 such as 2025-01-31T12:00:00Z",
                       text);
    /* Argo writes Go's zero time for "none". */
    stop.deadline = seconds > 0 ? seconds : 0;
    return true;
}

bool stop_start(const char *deadline, void (*tick)(void), struct err *err)
{
    pthread_t thread;
    pthread_attr_t attributes;

    if (!read_deadline(deadline, err))
        return false;
    stop.tick = tick;
    stop.event = eventfd(0, EFD_CLOEXEC);
    if (stop.event < 0)
        return err_errno(err, errno, "cannot prepare for signals");
    (void)sigemptyset(&stop.signals);
    (void)sigaddset(&stop.signals, SIGTERM);
    (void)sigaddset(&stop.signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &stop.signals, NULL); /* as program_start() did */

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int failed = pthread_create(&thread, &attributes, watch, NULL);
    (void)pthread_attr_destroy(&attributes);
    return failed == 0 || err_errno(err, failed, "cannot start a thread");
}

bool stop_requested(void)
{
    int reason = atomic_load_explicit(&stop.reason, memory_order_relaxed);
    return reason != 0 && reason != IGNORED;
}

bool stop_err(struct err *err)
{
    int reason = atomic_load(&stop.reason);
    if (reason == DEADLINE)
        return err_set(err, STATUS_CANCELLED, "cancelled: ARGO_DEADLINE has passed");
    return err_set(err, STATUS_CANCELLED, "cancelled by %s",
                   reason == SIGINT ? "SIGINT" : "SIGTERM");
}

int stop_wait(int fd, short events, int timeout_ms, struct err *err)
{
    struct pollfd waits[] = {{.fd = stop.event, .events = POLLIN}, {.fd = fd, .events = events}};

    if (stop_requested()) {
        (void)stop_err(err);
        return -1;
    }
    int ready = poll(waits, 2, timeout_ms);
    if (ready < 0 && errno != EINTR) {
        (void)err_errno(err, errno, "cannot wait");
        return -1;
    }
    if (stop_requested()) {
        (void)stop_err(err);
        return -1;
    }
    return ready > 0 && waits[1].revents != 0;
}

void stop_ignore(void)
{
    int running = 0;
    (void)atomic_compare_exchange_strong(&stop.reason, &running, IGNORED);
}
