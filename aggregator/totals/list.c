#include "aggregator/totals/list.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 4 };

bool list_add_chunk(struct list *list, struct pool *pool, size_t limit)
{
    if (list->count == list->room) {
        uint32_t room = list->room == 0 ? FIRST_ROOM : list->room * 2;
        struct chunk **chunks =
            room > LIST_CHUNKS_MOST ? NULL : realloc(list->chunks, room * sizeof(struct chunk *));
        if (chunks == NULL)
            return false;
        list->chunks = chunks;
        list->room = room;
    }
    struct chunk *chunk = pool_take(pool, limit);
    if (chunk == NULL)
        return false;
    list->chunks[list->count++] = chunk;
    return true;
}

static size_t room_left(const struct list *list)
{
    return list->count == 0 ? 0 : CHUNK_WORDS - list->chunks[list->count - 1]->used;
}

size_t list_append(struct list *list, struct pool *pool, size_t limit, const uint64_t *words,
                   size_t len, size_t records, bool statistics)
{
    size_t at = 0;

    if (len > 0 && len <= room_left(list)) {
        struct chunk *chunk = list->chunks[list->count - 1];
        memcpy(chunk->words + chunk->used, words, len * sizeof *words);
        chunk->used += (uint32_t)len;
        list->records += records;
        return len;
    }
    while (at < len) {
        size_t size = record_words(words + at, statistics);
        uint64_t *record = list_add(list, pool, limit, size);
        if (record == NULL)
            break;
        memcpy(record, words + at, size * sizeof *record);
        at += size;
    }
    return at;
}

void list_cut(struct list *list, struct pool *pool, uint32_t kept)
{
    while (list->count > kept)
        pool_give(pool, list->chunks[--list->count]);
    if (kept > 0)
        return;
    free(list->chunks);
    *list = (struct list){0};
}
