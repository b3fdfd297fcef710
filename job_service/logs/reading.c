#include "job_service/logs/reading.h"

#include <string.h>

void reading_open(struct reading *ret, uint64_t limit)
{
    *ret = (struct reading){.limit = limit};
    buf_init(&ret->pending, READING_PENDING_MAX);
    reading_begin(ret);
}

void reading_release(struct reading *reading)
{
    buf_release(&reading->pending);
}

void reading_resume(struct reading *reading, uint64_t stored, const char *digest)
{
    reading->stored = reading->top = stored;
    memcpy(reading->digest, digest, SHA256_HEX);
    reading->digest[SHA256_HEX] = '\0';
}

void reading_begin(struct reading *reading)
{
    reading->at = reading->lines = 0;
    reading->tail_len = 0;
    reading->differs = reading->over = false;
    sha256_init(&reading->hash);
}

static void digest_so_far(const struct reading *reading, char out[SHA256_HEX + 1])
{
    struct sha256 copy = reading->hash;
    sha256_hex(&copy, out);
}

void reading_end(struct reading *reading)
{
    if (reading->differs || reading->at <= reading->top)
        return;
    reading->top = reading->at;
    digest_so_far(reading, reading->digest);
}

static void keep_tail(struct reading *reading, const char *bytes, size_t len)
{
    if (len >= sizeof reading->tail) {
        memcpy(reading->tail, bytes + len - sizeof reading->tail, sizeof reading->tail);
        reading->tail_len = sizeof reading->tail;
        return;
    }
    size_t kept = sizeof reading->tail - len;
    if (kept > reading->tail_len)
        kept = reading->tail_len;
    memmove(reading->tail, reading->tail + reading->tail_len - kept, kept);
    memcpy(reading->tail + kept, bytes, len);
    reading->tail_len = kept + len;
}

static size_t count_lines(const char *bytes, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += bytes[i] == '\n';
    return count;
}

/* Counts bytes in; those that are not stored wait for it. */
static void advance(struct reading *reading, const char *bytes, size_t len)
{
    uint64_t known = reading->stored + reading->pending.len;

    sha256_add(&reading->hash, bytes, len);
    keep_tail(reading, bytes, len);
    reading->lines += count_lines(bytes, len);
    reading->at += len;
    if (reading->at > known) {
        size_t fresh = (size_t)(reading->at - known);
        if (fresh > len)
            fresh = len;
        buf_add(&reading->pending, bytes + len - fresh, fresh);
    }
}

enum reading_said reading_take(struct reading *reading, const char *bytes, size_t len)
{
    char digest[SHA256_HEX + 1];

    if (reading->pending.len >= READING_CHUNK)
        return READING_FULL;
    if (reading->at < reading->top && reading->at + len >= reading->top) {
        size_t part = (size_t)(reading->top - reading->at);
        advance(reading, bytes, part);
        digest_so_far(reading, digest);
        if (strcmp(digest, reading->digest) != 0) {
            reading->differs = true;
            return READING_DIFFERS;
        }
        bytes += part;
        len -= part;
    }
    if (len > reading->limit - reading->at) {
        advance(reading, bytes, (size_t)(reading->limit - reading->at));
        reading->over = true;
        return READING_OVER;
    }
    advance(reading, bytes, len);
    return READING_TAKEN;
}

void reading_stored(struct reading *reading, uint64_t stored)
{
    if (stored <= reading->stored)
        return;
    uint64_t fresh = stored - reading->stored;
    size_t drop = fresh < reading->pending.len ? (size_t)fresh : reading->pending.len;
    memmove(reading->pending.data, reading->pending.data + drop, reading->pending.len - drop);
    reading->pending.len -= drop;
    reading->pending.data[reading->pending.len] = '\0';
    reading->stored = stored;
}

/* How the kubelet begins what it says when it cannot read a container's file. */
static bool begins_as_message(const struct reading *reading, bool whole)
{
    static const char *const begins[] = {"unable to retrieve container logs for ",
                                         "failed to try resolving symlinks in path "};
    const struct buf *bytes = &reading->pending;

    if (reading->stored > 0 || reading->at != bytes->len || bytes->len == 0 ||
        bytes->len > READING_MESSAGE_MAX || memchr(bytes->data, '\n', bytes->len) != NULL)
        return false;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        size_t len = strlen(begins[i]);
        if (whole ? bytes->len >= len && memcmp(bytes->data, begins[i], len) == 0
                  : memcmp(bytes->data, begins[i], len < bytes->len ? len : bytes->len) == 0)
            return true;
    }
    return false;
}

bool reading_is_message(const struct reading *reading)
{
    return begins_as_message(reading, true);
}

bool reading_may_be_message(const struct reading *reading)
{
    return begins_as_message(reading, false);
}

void reading_discard(struct reading *reading)
{
    buf_clear(&reading->pending);
    reading->top = reading->stored;
    reading_begin(reading);
}

bool reading_is_counted(const struct reading *reading, bool within_lines)
{
    struct run_record record;
    size_t start;

    if (!run_record_read(reading->tail, reading->tail_len, &record, &start))
        return false;
    uint64_t before = reading->at - (reading->tail_len - start);
    return record.bytes >= before && record.bytes - before <= (within_lines ? reading->lines : 0);
}
