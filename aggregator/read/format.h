/*
 * What a file is that holds no JSON Lines, told by its first bytes. Pure.
 *
 * A wrong file is not a file with bad lines: whoever tolerates some would lose it all in silence,
 * or load the few lines of it that look like events.
 */
#ifndef AGGREGATOR_READ_FORMAT_H
#define AGGREGATOR_READ_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

struct format {
    const char *name;   /* ends "this is ..." */
    const char *remedy; /* how to make JSON Lines of it */
};

/*
 * NULL where the file may be JSON Lines. The bytes are its first ones, decompressed: all of them,
 * or enough for two lines and for a tar header (512).
 */
const struct format *format_of(const unsigned char *bytes, size_t len);

/* Whether it is JSON objects that do not have a line each: what --accept concatenated takes. */
bool format_is_concatenated(const struct format *format);

#endif
