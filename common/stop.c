#include "common/stop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "common/civil_time.h"
#include "common/failure.h"
#include "common/log.h"
#include "common/machine.h"
#include "common/temporary.h"

enum {
    DEADLINE = -1,       /* as a reason, beside signal numbers */
    WATCHED_MS = 50,     /* between two looks at the time once a stop was requested */
    LAST_WORDS_MS = 200, /* for the watchdog's own end */
};

enum phase {
    RUNNING,
    SHIELDED,
    FINISHED,
    OVER, /* the watchdog ends the process */
};

static struct {
    int event;
    int64_t deadline; /* seconds since the epoch, 0: none */
    void (*tick)(void);
    sigset_t signals;
    atomic_int reason;     /* 0: no stop; kept while shielded too */
    atomic_bool requested; /* a stop, not shielded */

    pthread_mutex_t lock; /* of what follows; never held over anything that may wait */
    enum phase phase;
    int64_t stopped_ms; /* when, for reason != 0 */
    int64_t finished_ms, within_ms;
    bool done; /* FINISHED: the outcome */
    struct err failure;
} stop = {.event = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

static struct timespec timespec_of_ms(int ms)
{
    return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
}

static bool deadline_passed(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return stop.deadline != 0 && now.tv_sec >= stop.deadline;
}

/* The first reason stays. */
static void note(int reason)
{
    const uint64_t one = 1;

    pthread_mutex_lock(&stop.lock);
    if (atomic_load(&stop.reason) == 0) {
        atomic_store(&stop.reason, reason);
        stop.stopped_ms = (int64_t)machine_ms();
        if (stop.phase == RUNNING) {
            atomic_store(&stop.requested, true);
            (void)!write(stop.event, &one, sizeof one);
        }
    }
    pthread_mutex_unlock(&stop.lock);
}

/* Waits for a signal no longer than ms. */
static void note_signal(int ms)
{
    const struct timespec wait = timespec_of_ms(ms);
    int signal = sigtimedwait(&stop.signals, NULL, &wait);
    if (signal > 0)
        note(signal);
}

/* --- the watchdog ----------------------------------------------------------------------------- */

/* Whether the program has had its time; if so, nothing holds the watchdog up any more. */
static bool time_is_up(void)
{
    int64_t from, within = STOP_GRACE_MS;

    pthread_mutex_lock(&stop.lock);
    from = stop.stopped_ms;
    if (stop.phase == FINISHED) {
        from = stop.finished_ms > from ? stop.finished_ms : from;
        within = stop.within_ms;
    }
    bool up = atomic_load(&stop.reason) != 0 && stop.phase != SHIELDED &&
              (int64_t)machine_ms() - from >= within;
    if (up && stop.phase == RUNNING)
        (void)stop_err(&stop.failure);
    if (up)
        stop.phase = OVER;
    pthread_mutex_unlock(&stop.lock);
    return up;
}

static atomic_int end_status;

static void end_at_once(int signal)
{
    (void)signal;
    _exit(atomic_load(&end_status));
}

/* The alarm ends the process even where a disk or stderr hangs. */
static void set_alarm(void)
{
    const struct itimerval timer = {.it_value = {.tv_usec = LAST_WORDS_MS * 1000}};
    const struct sigaction action = {.sa_handler = end_at_once};
    sigset_t alarm;

    (void)sigaction(SIGALRM, &action, NULL);
    (void)sigemptyset(&alarm);
    (void)sigaddset(&alarm, SIGALRM);
    (void)pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

/* Ends a process that did not end by itself in time. After OVER nobody else writes stop. */
static void end_process(void)
{
    struct err reason = {0};
    char line[ERR_TEXT_MAX + 128];

    atomic_store(&end_status, stop.done ? STATUS_DONE : (int)stop.failure.status);
    set_alarm();
    temporary_remove_all();
    (void)stop_err(&reason);
    if (stop.done) {
        (void)snprintf(line, sizeof line,
                       "%s after the work was done: a report or an output may be missing",
                       reason.text);
        log_last(LOG_LEVEL_WARN, line);
    } else {
        failure_say(&stop.failure);
    }
    _exit(atomic_load(&end_status));
}

static void *watch(void *unused)
{
    (void)unused;
    while (!time_is_up()) {
        note_signal(atomic_load(&stop.reason) != 0 ? WATCHED_MS : STOP_TICK_MS);
        if (deadline_passed())
            note(DEADLINE);
    }
    end_process();
    return NULL;
}

/* Not by the watchdog, because showing progress waits where nobody reads the terminal. */
static void *tick_on(void *unused)
{
    const struct timespec pause = timespec_of_ms(STOP_TICK_MS);

    (void)unused;
    while (!stop_requested()) {
        (void)nanosleep(&pause, NULL);
        stop.tick();
    }
    return NULL;
}

/* --- the program's side ----------------------------------------------------------------------- */

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

static int start_thread(void *(*body)(void *))
{
    pthread_t thread;
    pthread_attr_t attributes;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int failed = pthread_create(&thread, &attributes, body, NULL);
    (void)pthread_attr_destroy(&attributes);
    return failed;
}

bool stop_start(const char *deadline, void (*tick)(void), struct err *err)
{
    if (!read_deadline(deadline, err))
        return false;
    stop.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop.event < 0)
        return err_errno(err, errno, "cannot prepare for signals");
    (void)sigemptyset(&stop.signals);
    (void)sigaddset(&stop.signals, SIGTERM);
    (void)sigaddset(&stop.signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &stop.signals, NULL); /* as program_start() did */
    int failed = start_thread(watch);
    if (failed != 0)
        return err_errno(err, failed, "cannot start a thread");
    stop.tick = tick;
    if (tick != NULL)
        (void)start_thread(tick_on); /* progress is a courtesy */
    return true;
}

bool stop_requested(void)
{
    return atomic_load_explicit(&stop.requested, memory_order_acquire);
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

bool stop_shield(struct err *err)
{
    if (stop.event >= 0) {
        note_signal(0); /* one that the watchdog has not taken yet */
        if (deadline_passed())
            note(DEADLINE);
    }
    pthread_mutex_lock(&stop.lock);
    bool refused = atomic_load(&stop.requested);
    if (!refused)
        stop.phase = SHIELDED;
    pthread_mutex_unlock(&stop.lock);
    return !refused || stop_err(err);
}

void stop_finish(const struct err *outcome, int within_ms)
{
    uint64_t raised;

    pthread_mutex_lock(&stop.lock);
    bool over = stop.phase == OVER;
    if (!over) {
        stop.phase = FINISHED;
        stop.finished_ms = (int64_t)machine_ms();
        stop.within_ms = within_ms;
        stop.done = outcome == NULL;
        if (outcome != NULL)
            stop.failure = *outcome;
        atomic_store(&stop.requested, false);
        if (stop.event >= 0)
            (void)!read(stop.event, &raised, sizeof raised); /* waiting is possible again */
    }
    pthread_mutex_unlock(&stop.lock);
    while (over)
        (void)pause();
    /* Without a watchdog, printing a failure that nobody reads would block for ever: the signals
     * are blocked. */
    if (outcome != NULL && stop.event < 0)
        (void)stop_start(NULL, NULL, &(struct err){0});
}
