#include "aggregator/totals/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aggregator/scan/scan.h"
#include "common/outfile.h"
#include "common/pages.h"
#include "common/stop.h"

enum {
    RUNS_MAX = 512, /* SPILL_FAN_IN a level: more levels than bytes could fill */
    BUFFER_BYTES = 128 * 1024,
};

/* A record is this header and then key_len bytes of key. */
struct record {
    uint32_t key_len;
    uint32_t unused;
    int64_t sum, count, min, max;
};

struct run {
    struct total_stream stream; /* first: a run is a stream */
    struct spill *spill;
    int fd;
    unsigned level;
    uint64_t size, offset; /* offset: of the first byte not yet in the buffer */
    unsigned char *buffer;
    size_t at, filled;
};

struct spill {
    pthread_mutex_t lock;
    const char *directory;
    struct run *run[RUNS_MAX];
    size_t run_count;
    uint64_t bytes;            /* of all runs that were made */
    atomic_uint_fast64_t held; /* of those that there are */
};

struct spill *spill_new(const char *directory)
{
    struct spill *spill = calloc(1, sizeof *spill);
    if (spill == NULL)
        return NULL;
    (void)pthread_mutex_init(&spill->lock, NULL);
    spill->directory = directory;
    return spill;
}

static void run_free(struct run *run)
{
    if (run == NULL)
        return;
    if (run->fd >= 0)
        (void)close(run->fd);
    atomic_fetch_sub(&run->spill->held, run->size);
    free(run->buffer);
    free(run);
}

void spill_free(struct spill *spill)
{
    if (spill == NULL)
        return;
    for (size_t i = 0; i < spill->run_count; i++)
        run_free(spill->run[i]);
    (void)pthread_mutex_destroy(&spill->lock);
    free(spill);
}

/* fd: what was written to, or -1. */
static bool spill_error(const struct spill *spill, int fd, const char *doing, struct err *err)
{
    int errnum = errno;
    bool too_large = errnum == ENOSPC && fd >= 0 && outfile_fills(fd, atomic_load(&spill->held));
    return err_set(err, too_large ? STATUS_REFUSED : err_errno_status(errnum),
                   "cannot %s a temporary file in %s: %s; choose another with --spill-dir or raise "
                   "--max-memory",
                   doing, spill->directory, strerror(errnum));
}

static int open_unlinked(const char *directory)
{
    char *path = NULL;
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    if (asprintf(&path, "%s/.aggregator.XXXXXX", directory) < 0)
        return -1;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    free(path);
    return fd;
}

/* Writing. */

static bool run_flush(struct run *run, struct err *err)
{
    for (size_t done = 0; done < run->filled;) {
        ssize_t wrote = TEMP_FAILURE_RETRY(write(run->fd, run->buffer + done, run->filled - done));
        if (wrote < 0)
            return spill_error(run->spill, run->fd, "write", err);
        done += (size_t)wrote;
        run->size += (size_t)wrote;
        atomic_fetch_add(&run->spill->held, (size_t)wrote);
    }
    run->filled = 0;
    return !stop_requested() || stop_err(err);
}

static bool run_append(struct run *run, const struct total *total, struct err *err)
{
    const struct record record = {.key_len = (uint32_t)total->key_len,
                                  .sum = total->sum,
                                  .count = total->count,
                                  .min = total->min,
                                  .max = total->max};

    if (run->filled + sizeof record + total->key_len > BUFFER_BYTES && !run_flush(run, err))
        return false;
    memcpy(run->buffer + run->filled, &record, sizeof record);
    memcpy(run->buffer + run->filled + sizeof record, total->key, total->key_len);
    run->filled += sizeof record + total->key_len;
    return true;
}

/* Reading. */

static bool run_rewind(struct total_stream *stream, struct err *err)
{
    struct run *run = (struct run *)stream;
    (void)err;
    run->offset = 0;
    run->at = run->filled = 0;
    return true;
}

/* At least `need` unread bytes in the buffer, or fewer at the end of the run. */
static bool run_fill(struct run *run, size_t need, struct err *err)
{
    const size_t have = run->filled - run->at, at = pages_before(have);

    if (have >= need || run->offset == run->size)
        return true;
    memmove(run->buffer + at, run->buffer + run->at, have);
    run->filled = at + have;
    run->at = at;
    while (run->filled - run->at < need && run->offset < run->size) {
        ssize_t got = TEMP_FAILURE_RETRY(pread(run->fd, run->buffer + run->filled,
                                               BUFFER_BYTES - run->filled, (off_t)run->offset));
        if (got <= 0) {
            errno = got == 0 ? EIO : errno;
            return spill_error(run->spill, run->fd, "read", err);
        }
        run->filled += (size_t)got;
        run->offset += (uint64_t)got;
    }
    return !stop_requested() || stop_err(err);
}

static int run_next(struct total_stream *stream, struct total *ret, struct err *err)
{
    struct run *run = (struct run *)stream;
    struct record record;

    if (!run_fill(run, sizeof record + SCAN_KEY_LIMIT, err))
        return -1;
    if (run->at == run->filled)
        return 0;
    memcpy(&record, run->buffer + run->at, sizeof record);
    *ret = (struct total){.key = run->buffer + run->at + sizeof record,
                          .key_len = record.key_len,
                          .sum = record.sum,
                          .count = record.count,
                          .min = record.min,
                          .max = record.max};
    run->at += sizeof record + record.key_len;
    return 1;
}

static struct run *run_new(struct spill *spill, unsigned level, struct err *err)
{
    struct run *run = calloc(1, sizeof *run);
    if (run != NULL)
        run->buffer = pages_alloc(BUFFER_BYTES);
    if (run == NULL || run->buffer == NULL) {
        free(run);
        (void)err_set(err, STATUS_TRANSIENT, "out of memory");
        return NULL;
    }
    run->stream.rewind = run_rewind;
    run->stream.next = run_next;
    run->spill = spill;
    run->level = level;
    run->fd = open_unlinked(spill->directory);
    if (run->fd < 0) {
        (void)spill_error(spill, -1, "create", err);
        run_free(run);
        return NULL;
    }
    return run;
}

/* Runs. */

/* Takes SPILL_FAN_IN runs of one level out of the list, if there are as many; the lock is held. */
static bool take_full_level(struct spill *spill, struct run *taken[SPILL_FAN_IN])
{
    for (size_t first = 0; first < spill->run_count; first++) {
        unsigned level = spill->run[first]->level;
        size_t count = 0, kept = 0;

        for (size_t i = 0; i < spill->run_count; i++)
            count += spill->run[i]->level == level;
        if (count < SPILL_FAN_IN)
            continue;
        count = 0;
        for (size_t i = 0; i < spill->run_count; i++) {
            if (spill->run[i]->level == level && count < SPILL_FAN_IN)
                taken[count++] = spill->run[i];
            else
                spill->run[kept++] = spill->run[i];
        }
        spill->run_count = kept;
        return true;
    }
    return false;
}

static bool add_run(struct spill *spill, struct run *run, struct err *err)
{
    pthread_mutex_lock(&spill->lock);
    bool fits = spill->run_count < RUNS_MAX;
    if (fits) {
        spill->run[spill->run_count++] = run;
        spill->bytes += run->size;
    }
    pthread_mutex_unlock(&spill->lock);
    if (fits)
        return true;
    run_free(run);
    return err_set(err, STATUS_BUG, "more than %d spill runs", RUNS_MAX);
}

static bool copy_stream(struct total_stream *from, struct run *to, struct err *err)
{
    struct total total;
    int got;

    if (!from->rewind(from, err))
        return false;
    while ((got = from->next(from, &total, err)) == 1)
        if (!run_append(to, &total, err))
            return false;
    return got == 0 && run_flush(to, err);
}

static bool merge_level(struct spill *spill, struct run *taken[SPILL_FAN_IN], struct err *err)
{
    struct total_stream *streams[SPILL_FAN_IN];
    bool done = false;

    for (size_t i = 0; i < SPILL_FAN_IN; i++)
        streams[i] = &taken[i]->stream;
    struct merge *merge = merge_new(streams, SPILL_FAN_IN);
    struct run *merged = merge == NULL ? NULL : run_new(spill, taken[0]->level + 1, err);
    if (merge == NULL)
        (void)err_set(err, STATUS_TRANSIENT, "out of memory");
    else if (merged != NULL)
        done = copy_stream(merge_stream(merge), merged, err);
    merge_free(merge);
    for (size_t i = 0; i < SPILL_FAN_IN; i++)
        run_free(taken[i]);
    if (!done) {
        run_free(merged);
        return false;
    }
    return add_run(spill, merged, err);
}

bool spill_stream(struct spill *spill, struct total_stream *sorted, struct err *err)
{
    struct run *taken[SPILL_FAN_IN];
    struct run *run = run_new(spill, 0, err);

    if (run == NULL)
        return false;
    if (!copy_stream(sorted, run, err)) {
        run_free(run);
        return false;
    }
    if (!add_run(spill, run, err))
        return false;

    for (;;) {
        pthread_mutex_lock(&spill->lock);
        bool full = take_full_level(spill, taken);
        pthread_mutex_unlock(&spill->lock);
        if (!full)
            return true;
        if (!merge_level(spill, taken, err))
            return false;
    }
}

size_t spill_run_count(const struct spill *spill)
{
    return spill->run_count;
}

struct total_stream *spill_run(struct spill *spill, size_t index)
{
    return &spill->run[index]->stream;
}

uint64_t spill_bytes(const struct spill *spill)
{
    return spill->bytes;
}
