#include "aggregator/merge.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/scan.h"

struct input {
    struct total_stream *stream;
    struct total head;
    uint64_t prefix[2]; /* of the head's key, filled up with zeros, as numbers in its order */
};

/* heap[0] has the smallest head. */
struct merge {
    struct total_stream stream; /* first: a merge is a stream */
    struct total_stream **streams;
    size_t stream_count;
    struct input *heap;
    size_t heap_count;
    unsigned char key[SCAN_KEY_LIMIT];
};

static bool less(const struct input *a, const struct input *b)
{
    for (size_t i = 0; i < 2; i++)
        if (a->prefix[i] != b->prefix[i])
            return a->prefix[i] < b->prefix[i];
    return total_compare(a->head.key, a->head.key_len, b->head.key, b->head.key_len) < 0;
}

/* Returns what the stream's next() does. */
static int read_head(struct input *input, struct err *err)
{
    const struct total *head = &input->head;
    int got = input->stream->next(input->stream, &input->head, err);

    if (got == 1) {
        input->prefix[0] = input->prefix[1] = 0;
        memcpy(input->prefix, head->key,
               head->key_len < sizeof input->prefix ? head->key_len : sizeof input->prefix);
        for (size_t i = 0; i < 2; i++)
            input->prefix[i] = be64toh(input->prefix[i]);
    }
    return got;
}

static void sift_down(struct merge *merge, size_t at)
{
    for (;;) {
        size_t child = at * 2 + 1, smallest = at;
        for (size_t i = child; i < child + 2 && i < merge->heap_count; i++)
            if (less(&merge->heap[i], &merge->heap[smallest]))
                smallest = i;
        if (smallest == at)
            return;
        struct input moved = merge->heap[at];
        merge->heap[at] = merge->heap[smallest];
        merge->heap[smallest] = moved;
        at = smallest;
    }
}

static bool merge_rewind(struct total_stream *stream, struct err *err)
{
    struct merge *merge = (struct merge *)stream;

    merge->heap_count = 0;
    for (size_t i = 0; i < merge->stream_count; i++) {
        struct input *input = &merge->heap[merge->heap_count];
        input->stream = merge->streams[i];
        if (!input->stream->rewind(input->stream, err))
            return false;
        int got = read_head(input, err);
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
    struct input *top = &merge->heap[0];
    int got = read_head(top, err);
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
    struct total sum = merge->heap[0].head;
    memcpy(merge->key, sum.key, sum.key_len); /* the input's own bytes end when it advances */
    sum.key = merge->key;
    if (!advance(merge, err))
        return -1;
    while (merge->heap_count > 0) {
        const struct total *head = &merge->heap[0].head;
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
    merge->heap = calloc(count + 1, sizeof *merge->heap);
    if (merge->heap == NULL) {
        free(merge);
        return NULL;
    }
    return merge;
}

void merge_free(struct merge *merge)
{
    if (merge == NULL)
        return;
    free(merge->heap);
    free(merge);
}

struct total_stream *merge_stream(struct merge *merge)
{
    return &merge->stream;
}
