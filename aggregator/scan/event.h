/* What a line comes down to on its way to the totals. Pure. */
#ifndef AGGREGATOR_SCAN_EVENT_H
#define AGGREGATOR_SCAN_EVENT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { EVENT_KEY_INLINE = 16 };

/* A short key stands in it, filled up with zeros, so that it is compared and hashed as two words.
 */
struct event {
    union {
        unsigned char bytes[EVENT_KEY_INLINE];
        const unsigned char *long_key; /* borrowed; of more than EVENT_KEY_INLINE bytes */
    };
    uint32_t key_len;
    uint32_t unused;
    int64_t value;
};

static inline void event_set(struct event *event, const unsigned char *key, size_t key_len,
                             int64_t value)
{
    *event = (struct event){.key_len = (uint32_t)key_len, .value = value};
    if (key_len <= EVENT_KEY_INLINE)
        memcpy(event->bytes, key, key_len);
    else
        event->long_key = key;
}

static inline const unsigned char *event_key(const struct event *event)
{
    return event->key_len <= EVENT_KEY_INLINE ? event->bytes : event->long_key;
}

#endif
