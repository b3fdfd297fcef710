#include "fake_gen/writer.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/bgzf.h"
#include "common/pages.h"
#include "common/progress.h"
#include "common/stop.h"
#include "fake_gen/members.h"

/*
 * About a quarter of a megabyte of text: small enough to be still in a core's second cache when it
 * is written (four times as much takes twice as long), large enough that turns and system calls
 * cost nothing. Changing it changes the bytes of --gzip.
 */
enum { CHUNK_EVENTS = 2048 };

/*
 * So much of a file is handed to the disk at a time while the next part is made. Left to the final
 * fsync, the disk would idle first and the processors after.
 */
enum { WRITEBACK_BYTES = 4 << 20 };

/* What a pipe is asked to hold, so that its two ends wait for each other less often. */
enum { PIPE_BYTES = 1 << 20 };

enum { TEXT_MAX = CHUNK_EVENTS * GENERATOR_LINE_MAX + GENERATOR_SLACK };

struct crew {
    const struct writer_job *job;
    uint64_t first_chunk, end_chunk; /* chunk c holds the events from c * CHUNK_EVENTS on */
    atomic_uint_fast64_t next_chunk; /* to be taken */
    atomic_bool failed;

    pthread_mutex_t lock; /* guards what follows */
    uint64_t turn;        /* the chunk whose turn it is */
    uint64_t offset;      /* where its bytes belong */
    uint64_t text_bytes;
    struct err err; /* the first failure */
    unsigned threads;
    pthread_cond_t *passed; /* [chunk % threads]: fewer chunks than that are under way */
};

struct worker {
    struct crew *crew;
    pthread_t thread;
    char *text;
    struct packer *packer; /* NULL: plain text */
};

/* A chunk as it will stand in the output. */
struct piece {
    const void *bytes;
    size_t len, text_len;
    uint64_t events;
};

static bool worker_init(struct worker *worker, struct crew *crew)
{
    *worker = (struct worker){.crew = crew, .text = pages_alloc(TEXT_MAX)};
    if (worker->text == NULL)
        return false;
    if (crew->job->gzip_level > 0)
        worker->packer = packer_new(crew->job->gzip_level, TEXT_MAX);
    return crew->job->gzip_level == 0 || worker->packer != NULL;
}

static void worker_release(struct worker *worker)
{
    free(worker->text);
    packer_free(worker->packer);
}

static bool make_piece(struct worker *worker, uint64_t chunk, struct piece *ret, struct err *err)
{
    const struct writer_job *job = worker->crew->job;
    uint64_t first = chunk * CHUNK_EVENTS, end = first + CHUNK_EVENTS;

    if (first < job->first)
        first = job->first;
    if (end > job->end)
        end = job->end;
    size_t len = generator_write(job->generator, first, (size_t)(end - first), worker->text);
    *ret =
        (struct piece){.bytes = worker->text, .len = len, .text_len = len, .events = end - first};
    return worker->packer == NULL ||
           packer_pack(worker->packer, worker->text, len, &ret->bytes, &ret->len, err);
}

/* Writing in turn. */

/* false: another thread failed, and the turn will not come. */
static bool await_turn(struct crew *crew, uint64_t chunk, uint64_t *ret_offset)
{
    pthread_mutex_lock(&crew->lock);
    while (crew->turn != chunk && !atomic_load(&crew->failed))
        pthread_cond_wait(&crew->passed[chunk % crew->threads], &crew->lock);
    *ret_offset = crew->offset;
    pthread_mutex_unlock(&crew->lock);
    return !atomic_load(&crew->failed);
}

static void pass_turn(struct crew *crew, const struct piece *piece)
{
    pthread_mutex_lock(&crew->lock);
    crew->turn++;
    crew->offset += piece->len;
    crew->text_bytes += piece->text_len;
    pthread_cond_signal(&crew->passed[crew->turn % crew->threads]);
    pthread_mutex_unlock(&crew->lock);
}

static void fail(struct crew *crew, const struct err *err)
{
    pthread_mutex_lock(&crew->lock);
    if (!atomic_load(&crew->failed))
        crew->err = *err;
    atomic_store(&crew->failed, true);
    for (unsigned i = 0; i < crew->threads; i++)
        pthread_cond_signal(&crew->passed[i]);
    pthread_mutex_unlock(&crew->lock);
}

/* Called by the thread that writes past the end of a part. A hint: where it is not supported, fsync
 * does it all. */
static void start_writeback(const struct outfile *out, uint64_t offset, size_t len)
{
    uint64_t part = offset / WRITEBACK_BYTES;
    if ((offset + len) / WRITEBACK_BYTES > part)
        (void)sync_file_range(out->fd, (off_t)(part * WRITEBACK_BYTES), WRITEBACK_BYTES,
                              SYNC_FILE_RANGE_WRITE);
}

/* A file takes pieces side by side; a pipe keeps the turn until its piece is written. */
static bool write_in_turn(struct crew *crew, uint64_t chunk, const struct piece *piece,
                          struct err *err)
{
    const struct outfile *out = crew->job->out;
    uint64_t offset;
    bool done;

    if (!await_turn(crew, chunk, &offset))
        return true; /* the one that failed says why */
    if (out->direct) {
        done = outfile_write(out, piece->bytes, piece->len, err);
        if (done)
            pass_turn(crew, piece);
    } else {
        pass_turn(crew, piece);
        done = outfile_write_at(out, piece->bytes, piece->len, offset, err);
        start_writeback(out, offset, piece->len);
    }
    progress_add(piece->events);
    return done;
}

/* Worker threads. */

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct crew *crew = worker->crew;
    struct err err = {0};

    while (!atomic_load(&crew->failed)) {
        uint64_t chunk = atomic_fetch_add(&crew->next_chunk, 1);
        struct piece piece;
        if (chunk >= crew->end_chunk)
            break;
        if (stop_requested())
            (void)stop_err(&err);
        else if (make_piece(worker, chunk, &piece, &err) &&
                 write_in_turn(crew, chunk, &piece, &err))
            continue;
        fail(crew, &err);
    }
    return NULL;
}

/* The caller's thread is the first worker, so that it goes on where no thread may be started. */
static bool work_together(struct crew *crew, struct worker *workers, struct err *err)
{
    unsigned ready = 0, started = 1;

    while (ready < crew->threads && worker_init(&workers[ready], crew))
        ready++;
    if (ready == crew->threads) {
        while (started < ready &&
               pthread_create(&workers[started].thread, NULL, work, &workers[started]) == 0)
            started++;
        (void)work(&workers[0]);
        for (unsigned i = 1; i < started; i++)
            (void)pthread_join(workers[i].thread, NULL);
    } else {
        worker_release(&workers[ready]);
        (void)err_set(err, STATUS_TRANSIENT, "out of memory for %u threads; try --threads 1",
                      crew->threads);
    }
    for (unsigned i = 0; i < ready; i++)
        worker_release(&workers[i]);
    if (ready < crew->threads)
        return false;
    crew->threads = started;
    if (atomic_load(&crew->failed))
        *err = crew->err;
    return !atomic_load(&crew->failed);
}

static bool write_end_marker(struct crew *crew, struct err *err)
{
    const struct outfile *out = crew->job->out;
    uint64_t offset = crew->offset;

    crew->offset += BGZF_EOF_SIZE;
    return out->direct ? outfile_write(out, bgzf_eof, BGZF_EOF_SIZE, err)
                       : outfile_write_at(out, bgzf_eof, BGZF_EOF_SIZE, offset, err);
}

bool writer_run(const struct writer_job *job, struct writer_totals *ret, struct err *err)
{
    struct crew crew = {
        .job = job,
        .first_chunk = job->first / CHUNK_EVENTS,
        .end_chunk =
            job->end > job->first ? (job->end - 1) / CHUNK_EVENTS + 1 : job->first / CHUNK_EVENTS,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
    uint64_t chunks = crew.end_chunk - crew.first_chunk;
    pthread_cond_t passed[WRITER_THREADS_MAX];
    struct worker workers[WRITER_THREADS_MAX];

    atomic_init(&crew.next_chunk, crew.first_chunk);
    crew.turn = crew.first_chunk;
    crew.threads = chunks < job->threads ? (unsigned)chunks : job->threads;
    if (crew.threads == 0)
        crew.threads = 1;
    crew.passed = passed;
    for (unsigned i = 0; i < crew.threads; i++)
        passed[i] = (pthread_cond_t)PTHREAD_COND_INITIALIZER;

    if (job->out->direct)
        (void)fcntl(job->out->fd, F_SETPIPE_SZ, PIPE_BYTES); /* a hint; not everything is a pipe */
    if (!work_together(&crew, workers, err))
        return false;
    if (job->gzip_level > 0 && !write_end_marker(&crew, err))
        return false;
    *ret = (struct writer_totals){
        .text_bytes = crew.text_bytes, .output_bytes = crew.offset, .threads = crew.threads};
    return true;
}
