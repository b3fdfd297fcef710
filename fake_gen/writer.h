/*
 * Events into an output, by several threads in the order of the events.
 *
 * The events are cut into chunks at fixed numbers. Each thread takes the next chunk, formats (and
 * packs) it in a buffer of its own, waits for its turn to learn where its bytes belong, and writes
 * them there; so the bytes do not depend on the number of threads, and memory does not depend on
 * the number of events.
 */
#ifndef FAKE_GEN_WRITER_H
#define FAKE_GEN_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/outfile.h"
#include "fake_gen/generator.h"

enum { WRITER_THREADS_MAX = 256 };

struct writer_job {
    const struct generator *generator;
    uint64_t first, end; /* events, counted from 0 */
    int gzip_level;      /* 0: plain text */
    unsigned threads;    /* 1 to WRITER_THREADS_MAX */
    struct outfile *out; /* open; the caller commits or discards it */
};

struct writer_totals {
    uint64_t text_bytes, output_bytes;
    unsigned threads; /* that worked; fewer than wanted where there is little to do */
};

/* Stops early with CANCELLED when stop.h says so. */
bool writer_run(const struct writer_job *job, struct writer_totals *ret, struct err *err);

#endif
