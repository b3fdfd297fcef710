#include "aggregator/totals/merge.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/scan/scan.h"

struct input {
    struct total_stream *stream;
    struct total head;
};

/* What moves in the heap: the begin of the head's key, filled up with zeros, as a number in its
 * order decides nearly always. */
struct entry {
    unsigned __int128 prefix;
    struct input *input;
};

/* heap[0] has the smallest head. */
struct merge {
    struct total_stream stream; /* first: a merge is a stream */
    struct total_stream **streams;
    size_t stream_count;
    struct input *inputs;
    struct entry *heap;
    size_t heap_count;
    unsigned char key[SCAN_KEY_LIMIT];
};

static inline bool less(const struct entry *a, const struct entry *b)
{
    const struct total *left = &a->input->head, *right = &b->input->head;

    if (a->prefix != b->prefix)
        return a->prefix < b->prefix;
    return total_compare(left->key, left->key_len, right->key, right->key_len) < 0;
}

/* Returns what the stream's next() does. */
static int read_head(struct entry *entry, struct err *err)
{
    struct input *input = entry->input;
    const struct total *head = &input->head;
    uint64_t words[2] = {0};
    int got = input->stream->next(input->stream, &input->head, err);

    if (got == 1) {
        memcpy(words, head->key, head->key_len < sizeof words ? head->key_len : sizeof words);
        entry->prefix = (unsigned __int128)be64toh(words[0]) << 64 | be64toh(words[1]);
    }
    return got;
}

static void sift_down(struct merge *merge, size_t at)
{
    struct entry *heap = merge->heap, moved = heap[at];

    for (size_t child; (child = at * 2 + 1) < merge->heap_count; at = child) {
        if (child + 1 < merge->heap_count)
            child += less(&heap[child + 1], &heap[child]); /* no branch: it could go either way */
        if (!less(&heap[child], &moved))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

static bool merge_rewind(struct total_stream *stream, struct err *err)
{
    struct merge *merge = (struct merge *)stream;

    merge->heap_count = 0;
    for (size_t i = 0; i < merge->stream_count; i++) {
        struct entry *entry = &merge->heap[merge->heap_count];
        entry->input = &merge->inputs[i];
        entry->input->stream = merge->streams[i];
        if (!merge->streams[i]->rewind(merge->streams[i], err))
            return false;
        int got = read_head(entry, err);
        if (got < 0)
            return false;
        merge->heap_count += got == 1;
    }
    for (size_t i = merge->heap_count / 2; i-- > 0;)
        sift_down(merge, i);
    return true;
}

/* Reads the next total of the smallest input. */
static bool advance(struct merge *merge, struct err *err)
{
    int got = read_head(&merge->heap[0], err);
    if (got < 0)
        return false;
    if (got == 0)
        merge->heap[0] = merge->heap[--merge->heap_count];
    sift_down(merge, 0);
    return true;
}

static int merge_next(struct total_stream *stream, struct total *ret, struct err *err)
{
    struct merge *merge = (struct merge *)stream;

    if (merge->heap_count == 0)
        return 0;
    struct total sum = merge->heap[0].input->head;
    memcpy(merge->key, sum.key, sum.key_len); /* the input's own bytes end when it advances */
    sum.key = merge->key;
    if (!advance(merge, err))
        return -1;
    while (merge->heap_count > 0) {
        const struct total *head = &merge->heap[0].input->head;
        if (head->key_len != sum.key_len || memcmp(head->key, sum.key, sum.key_len) != 0)
            break;
        total_merge(&sum, head);
        if (!advance(merge, err))
            return -1;
    }
    *ret = sum;
    return 1;
}

struct merge *merge_new(struct total_stream **streams, size_t count)
{
    struct merge *merge = calloc(1, sizeof *merge);
    if (merge == NULL)
        return NULL;
    merge->stream.rewind = merge_rewind;
    merge->stream.next = merge_next;
    merge->streams = streams;
    merge->stream_count = count;
    merge->inputs = calloc(count + 1, sizeof *merge->inputs);
    merge->heap = calloc(count + 1, sizeof *merge->heap);
    if (merge->inputs == NULL || merge->heap == NULL) {
        merge_free(merge);
        return NULL;
    }
    return merge;
}

void merge_free(struct merge *merge)
{
    if (merge == NULL)
        return;
    free(merge->inputs);
    free(merge->heap);
    free(merge);
}

struct total_stream *merge_stream(struct merge *merge)
{
    return &merge->stream;
}
